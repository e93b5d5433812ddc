"""What a person decides about a sweep that waits: to apply it, or to give it up.

A process that answers requests does without what reads files and places rows (`service.py`).
"""

import shutil
import time
from pathlib import Path

from sqlalchemy import Connection, Engine

from mapservice.imports import run_queries
from mapservice.imports.sources import queries

DAY_SECONDS = 86_400


def folder(home: Path) -> Path:
    """Where files of sweeps lie: while they are read, and while they wait for a person."""
    return home / "sources"


def accept(connection: Connection, run: int) -> bool:
    """Has a worker apply a run that waits; False where it does not, or no longer."""
    if not run_queries.settle_waiting(connection, run, "accepted"):
        return False
    queries.defer(connection)
    return True


def drop(engine: Engine, home: Path, run: int) -> bool:
    """Gives up a run that waits, with its file; False where it does not wait, or no longer."""
    with engine.begin() as connection:
        done = run_queries.settle_waiting(connection, run, "dropped")
    if done:
        shutil.rmtree(folder(home) / str(run), ignore_errors=True)
    return done


def tidy(engine: Engine, home: Path) -> None:
    """Deletes files of sweeps that were broken off, and of runs that wait no more."""
    shelf = folder(home)
    present = list(shelf.iterdir()) if shelf.is_dir() else []
    with engine.connect() as connection:
        kept = {str(run.id) for run in run_queries.waiting_runs(connection)}
    for path in present:
        is_old = path.stat().st_mtime < time.time() - DAY_SECONDS
        if path.name not in kept and is_old:
            shutil.rmtree(path, ignore_errors=True)

"""Imports as a whole: what they did, undone at once, and sources removed."""

from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy import Connection, Engine

from mapservice.errors import NotFound, StateConflict
from mapservice.imports import run_queries
from mapservice.imports.column_evidence import ColumnMapping
from mapservice.imports.run_queries import RecordedRun, UndoneRun
from mapservice.initiatives import service as initiatives
from mapservice.rollups import service as rollups


class OpenedSource(Protocol):
    """What the log keeps of a file that was opened: a table of initiatives, a calendar."""

    @property
    def file_name(self) -> str: ...
    @property
    def encoding(self) -> str: ...
    @property
    def separator(self) -> str: ...
    @property
    def total(self) -> int: ...
    @property
    def problems(self) -> tuple[str, ...]: ...
    @property
    def mapping(self) -> tuple[ColumnMapping, ...]: ...


def reading_of(source: OpenedSource) -> dict[str, Any]:
    """How a file was read, as a run keeps it."""
    return {
        "encoding": source.encoding,
        "separator": source.separator,
        "rows": source.total,
        "problems": list(source.problems[:200]),
        "columns": [
            {
                "column": one.column,
                "field": one.field,
                "reason": one.reason,
                "kind": one.kind,
                "doubt": one.doubt,
                "personal": one.is_personal,
            }
            for one in source.mapping
        ],
    }


def find_run(connection: Connection, run: int) -> RecordedRun:
    """Raises NotFound."""
    found = run_queries.find_run(connection, run)
    if found is None:
        raise NotFound(f"There is no run {run}.")
    return found


def undo_run(engine: Engine, run: int) -> UndoneRun:
    """Takes back all that a run did, in one transaction.

    What people support is archived instead of deleted, and what a moderator decided about since is
    left. Raises NotFound, and StateConflict for a run that is undone, under way, or whose
    initiatives a later run changed.
    """
    close_dead_runs(engine)
    with engine.begin() as connection:
        found = run_queries.find_run(connection, run, is_locked=True)
        if found is None:
            raise NotFound(f"There is no run {run}.")
        if found.state == "undone":
            raise StateConflict(f"Run {run} is undone already.")
        if found.state == "running":
            raise StateConflict(f"Run {run} is still under way.")
        if found.state in ("waits", "accepted", "dropped"):
            raise StateConflict(f"Run {run} was never applied: there is nothing to undo.")
        if later := run_queries.later_runs(connection, run):
            number, count = later[-1]
            raise StateConflict(
                f"Run {number} changed {count} of these initiatives since: undo it first."
            )
        undone = run_queries.undo(connection, run)
    rollups.compact(engine)
    return undone


def close_dead_runs(engine: Engine) -> None:
    """Runs whose process was killed have failed: what they did can be undone."""
    with engine.begin() as connection:
        run_queries.fail_dead(connection)


def remove_source(engine: Engine, platform: str) -> int:
    """Deletes all initiatives and events of a source, and what is known of it; returns how many
    there were.

    Raises NotFound for a source of nothing.
    """
    with engine.begin() as connection:
        if not run_queries.exists(connection, platform):
            raise NotFound(f"Nothing was imported from {platform!r}.")
        removed = initiatives.remove_platform(connection, platform)
        removed += run_queries.remove_events(connection, platform)
        run_queries.forget_source(connection, platform)
    rollups.compact(engine)
    return removed


def counts_line(counts: Mapping[str, int]) -> str:
    """The outcomes that happened, with their numbers."""
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number) or "no row"

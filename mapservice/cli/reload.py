"""`mapservice reload`: the service that runs here goes on with the code that lies here now.

It prepares the database as a start does, while the former processes serve, then asks `mapservice
serve` for new ones. Nobody's request is lost; where anything fails, the former ones go on.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

from mapservice.cli import serve
from mapservice.errors import ConfigurationError
from mapservice.mail.public_address import served
from mapservice.settings import Settings
from mapservice.tiles.tile_cache.changes import forget_everywhere

LOOK_SECONDS = 0.1
# Answers that are kept take less; downloads, which are not, may take longer.
DRAIN_SECONDS = 15
PATIENCE_SECONDS = 2 * serve.READY_SECONDS  # another reload may be under way


def reload(settings: Settings, engine: Engine, tell: Callable[[str], None]) -> None:
    """Raises ConfigurationError with what failed; then nothing was replaced."""
    pid, facts = _served(settings)
    environ = os.environ | {"MAPSERVICE_DATABASE_URL": settings.database_url}
    environ.pop("MAPSERVICE_DATABASE_URL_FILE", None)
    for title, words in serve.PREPARATION:
        tell(f"{title} …")
        done = subprocess.run([serve.program("mapservice"), *words], env=environ, check=False)
        if done.returncode:
            raise ConfigurationError(
                f"{title}: failed with code {done.returncode}; the former processes go on"
            )
    tell("New processes …")
    before = int(facts["reloads"])
    os.kill(pid, signal.SIGUSR2)
    told = _wait(settings, pid, lambda told: told["reloads"] > before, PATIENCE_SECONDS)
    if told is None:
        raise ConfigurationError("the service does not say that it has reloaded: look at its log")
    if told["failure"]:
        raise ConfigurationError(f"not reloaded, {told['failure']}; its log says why")
    gone = _wait(settings, pid, lambda told: not told["drains"], DRAIN_SECONDS)
    with engine.begin() as connection:
        forget_everywhere(connection)  # tiles that the former code made until it left
    tell("Reloaded" if gone else "Reloaded; former processes finish what people download")


def _served(settings: Settings) -> tuple[int, dict[str, Any]]:
    for pid, facts in served(settings.home, settings.database_url):
        if "reloads" not in facts:
            raise ConfigurationError(
                "the service that runs here is still starting, or of a version that cannot reload:"
                " restart it"
            )
        return pid, facts
    raise ConfigurationError(
        f"no `mapservice serve` runs with this database and {settings.home}: is this its user, and"
        " are these its settings?"
    )


def _wait(
    settings: Settings, pid: int, is_so: Callable[[dict[str, Any]], bool], seconds: float
) -> dict[str, Any] | None:
    """What the service tells once it is so; None where that is not within so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = dict(served(settings.home, settings.database_url)).get(pid)
        if found is not None and is_so(found):
            return found
        time.sleep(LOOK_SECONDS)
    return None

"""A database that is away for long is told in few lines, each with a count."""

import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mapservice.tiles.tile_cache import changes
from mapservice.tiles.tile_cache.changes import TileChangeListener
from mapservice.tiles.tile_cache.store import TileCache
from tests.ops.running_site import wait_for
from tests.ops.test_nginx import free_port


def test_one_line_a_minute_and_one_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    loss = changes._Loss()
    with capture_logs() as told:
        for _ in range(150):
            loss.tell("refused")
            now[0] += 1
        loss.end()
        loss.end()
        loss.tell("refused")
    assert [(one["event"], one["times"]) for one in told] == [
        ("tile_changes_lost", 1),
        ("tile_changes_lost", 61),
        ("tile_changes_lost", 121),
        ("tile_changes_heard_again", 150),
        ("tile_changes_lost", 1),
    ]


def test_a_listener_without_a_database_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "AGAIN_SECONDS", 0.01)
    nowhere = f"postgresql://127.0.0.1:{free_port()}/nowhere"
    listener = TileChangeListener(nowhere, TileCache(tmp_path, 1_000_000))
    with capture_logs() as told:
        listener.start()
        wait_for(lambda: listener._loss.times > 3)
        listener.stop()
    assert [one["event"] for one in told] == ["tile_changes_lost"]
    assert not listener.is_live

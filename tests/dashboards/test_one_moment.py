"""The figures of a page agree with each other while initiatives come, move and are folded in."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from random import Random

from sqlalchemy import Engine

from mapservice.dashboards import queries
from mapservice.dashboards.model import DashboardFigure, DashboardView
from mapservice.db.engine import snapshot_of
from mapservice.initiatives.filters import RollupScope
from mapservice.initiatives.model import LISTED
from mapservice.territories.model import Level
from tests.rollups.test_concurrency import COMMUNES, compact_until
from tests.web.population import Made, insert

LOOKS = 8
PATIENCE = 60


def test_a_territory_holds_what_its_parts_hold(engine: Engine) -> None:
    done, came = threading.Event(), threading.Event()

    def add() -> int:
        dice, added = Random(5), 0
        while not done.is_set():
            with engine.begin() as connection:
                commune, now = dice.choice(COMMUNES), datetime.now(UTC).isoformat()
                insert(connection, [Made(commune=commune, supporters=2, created_at=now)])
            added += 1
            came.set()
        return added

    seen = set()
    with ThreadPoolExecutor(2) as threads:
        compacter, writer = threads.submit(compact_until, engine, done), threads.submit(add)
        try:
            for _ in range(LOOKS):
                assert came.wait(PATIENCE)
                came.clear()
                seen.add(looked_at(engine))
        finally:
            done.set()
        compacter.result()
    assert len(seen) > 1, "they came while it was looked at"
    assert looked_at(engine) == writer.result()


def looked_at(engine: Engine) -> int:
    """How many there are: the same of France, of its régions and of its communes, at all sums."""
    scope = RollupScope(LISTED)
    totals = set()
    with snapshot_of(engine).connect() as connection:
        for level in (Level.REGION, Level.COMMUNE):
            view = DashboardView(None, level, scope, datetime.now(UTC), DashboardFigure.CHANGE)
            shown = queries.dashboard(connection, view, dated=True, supports=True)
            for areas in (shown.own, shown.areas):
                assert areas.supporters is not None
                totals |= {
                    int(areas.initiatives.sum()),
                    int(areas.recent.sum()),
                    int(areas.supporters.sum()) // 2,
                }
    assert len(totals) == 1
    return totals.pop()

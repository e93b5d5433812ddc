"""The dates of a place that come first are those of a plain sort, however far one pages."""

from typing import Any
from urllib.parse import parse_qsl

import pytest
from sqlalchemy import Connection, Engine, select, text

from mapservice.db.event_tables import event
from mapservice.events import queries
from mapservice.events.filters import EventFilters, parse
from tests.events.test_tile_spots import NOW, crowd

__all__ = ["crowd"]

PLACES = (
    "near=-1.68,48.11&radius=40000",
    "near=-1.68,48.11&radius=2000",
    "bbox=-2,47.9,-1.4,48.4",
    "near=-1.68,48.11&radius=40000&from=2026-04-20&to=2026-08-01",
    "near=-1.68,48.11&radius=40000&to=2026-06-20",
    "near=-1.68,48.11&radius=40000&from=2026-05-20&to=2026-05-28",
    "near=-1.68,48.11&radius=40000&when=weekend",
    "bbox=-2,47.9,-1.4,48.4&theme=culture",
)
# Each event of the crowd becomes one of forty series.
PARTED = """
WITH made AS (
    INSERT INTO event_series (starts_local, duration, zone)
    SELECT '2026-01-01', '2 hours', 'Europe/Paris' FROM generate_series(1, 40) RETURNING id
), numbered AS (SELECT id, row_number() OVER () - 1 AS number FROM made)
UPDATE event SET series = numbered.id
  FROM numbered
 WHERE numbered.number = extract(minute FROM event.recurrence_id)::integer % 40"""


@pytest.fixture
def parted(crowd: Engine) -> Engine:
    with crowd.begin() as connection:
        connection.execute(text(PARTED))
    return crowd


def sorted_by_hand(connection: Connection, filters: EventFilters) -> list[Any]:
    rows = connection.execute(select(event).where(*queries.where(filters, NOW))).all()
    return sorted(rows, key=lambda one: (one.starts_at, one.ends_at, one.id))


@pytest.mark.parametrize("limit", [1, 7, 40])
@pytest.mark.parametrize("query", PLACES)
def test_pages_hold_all_in_order(parted: Engine, query: str, limit: int) -> None:
    filters, _paging = parse(parse_qsl(query))
    with parted.connect() as connection:
        expected = [one.id for one in sorted_by_hand(connection, filters)]
        found, cursor = [], None
        while True:
            page = queries.find_page(connection, filters, limit, NOW, cursor)
            found += [one.id for one in page.items]
            cursor = page.next
            if cursor is None:
                break
            assert len(page.items) == limit
    assert found == expected
    assert found


@pytest.mark.parametrize("limit", [1, 5, 20, 60])
@pytest.mark.parametrize("query", PLACES)
def test_each_series_is_told_by_its_first_date(parted: Engine, query: str, limit: int) -> None:
    filters, _paging = parse(parse_qsl(query))
    with parted.connect() as connection:
        first: dict[Any, Any] = {}
        for one in sorted_by_hand(connection, filters):
            if one.ends_at > NOW:
                first.setdefault(one.series, one.id)
        found = queries.next_of_each_series(connection, filters, limit, NOW)
    assert [one.id for one in found] == list(first.values())[:limit]

"""What a page of a territory says of the weekend is what the list of the weekend holds."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine

from mapservice.events import nearby, queries
from mapservice.events.filters import EventFilters, parse
from mapservice.events.model import Event
from mapservice.events.nearby import SHOWN, events_soon
from mapservice.initiatives.local_days import DaysAsked
from mapservice.territories.model import Level, TerritoryRef
from tests.events.test_tile_spots import NOW, crowd

__all__ = ["crowd"]

# Some have next to nothing, others more than is read at once before the weekend.
PLACES = (
    TerritoryRef(Level.COMMUNE, "35238"),
    TerritoryRef(Level.COMMUNE, "79191"),
    TerritoryRef(Level.DEPARTEMENT, "35"),
    TerritoryRef(Level.REGION, "75"),
    TerritoryRef(Level.REGION, "11"),
)
DAYS = (*range(-50, 50, 3), 41, 45, 46)


# With few read at once, more of the weekend often comes after them.
@pytest.mark.parametrize("read_at_once", [SHOWN, nearby.LOOKED_AT])
def test_the_weekend_is_that_of_the_list_and_else_come_the_next_ones(
    crowd: Engine, monkeypatch: pytest.MonkeyPatch, read_at_once: int
) -> None:
    monkeypatch.setattr(nearby, "LOOKED_AT", read_at_once)
    told = []
    with crowd.connect() as connection:
        for ref in PLACES:
            for days in DAYS:
                now = NOW + timedelta(days=days, hours=days % 7)
                soon = events_soon(connection, ref, now)
                filters, _paging = parse(soon.pairs)
                about = replace(filters, when=None)
                weekend = replace(filters, when=DaysAsked.WEEKEND)
                there = [one for one in listed(connection, weekend, now) if one.ends_at > now]
                assert soon.this_weekend is bool(there), (ref, now)
                expected = there or listed(connection, about, now)
                assert list(soon.items) == expected[:SHOWN], (ref, now)
                told.append((soon.this_weekend, len(soon.items)))
    assert {True, False} <= {weekend for weekend, _ in told}
    assert {0, 1, SHOWN} <= {number for _, number in told}


def listed(connection: Connection, filters: EventFilters, now: datetime) -> list[Event]:
    return list(queries.find_page(connection, filters, 500, now).items)

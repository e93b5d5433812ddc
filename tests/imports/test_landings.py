"""The map of where a file's rows would land says neither more nor less than is known."""

from random import Random
from typing import Any

from sqlalchemy import Engine

from mapservice.imports.landings import MOST_PLACES, LandingTally, places_of
from mapservice.imports.row_reports import RowOutcome, RowReport
from mapservice.static_maps.landing_model import LandingPlace, drawn_of


def reported(outcome: RowOutcome, **told: Any) -> RowReport:
    return RowReport(1, outcome, "1", "Un verger", "", **told)


def test_places_are_counted_in_bounded_memory_and_none_is_lost(engine: Engine) -> None:
    dice = Random(3)
    tally = LandingTally()
    for _ in range(5_000):
        lon, lat = dice.uniform(-4, 8), dice.uniform(43, 50)
        tally.add(reported(RowOutcome.IMPORTED, precision="point", lon=lon, lat=lat))
    assert len(tally.places.bins) <= MOST_PLACES
    with engine.connect() as connection:
        told = tally.told(connection)
    assert sum(one.count for one in places_of(told)) == 5_000
    assert told["counts"] == {"exact": 5_000}
    assert all(-4 <= one.lon <= 8 and 43 <= one.lat <= 50 for one in places_of(told))


def test_what_is_not_saved_and_what_has_no_place_is_on_no_map(engine: Engine) -> None:
    tally = LandingTally()
    for outcome in (RowOutcome.REJECTED, RowOutcome.UNCHANGED, RowOutcome.ELSEWHERE):
        tally.add(reported(outcome, precision="point", lon=2.0, lat=48.0))
    tally.add(reported(RowOutcome.IMPORTED, precision="none"))
    tally.add(reported(RowOutcome.IMPORTED, precision="national"))
    tally.add(reported(RowOutcome.TO_REVIEW, precision="none"))
    with engine.connect() as connection:
        told = tally.told(connection)
    assert told["places"] == []
    assert told["counts"] == {"nowhere": 1, "country": 1, "doubt_nowhere": 1}


def test_overseas_is_left_out_beside_metropolitan_france_and_told() -> None:
    paris = LandingPlace(2.3, 48.8, 3, True, False)
    mayotte = LandingPlace(45.2, -12.8, 2, False, True)
    assert drawn_of([paris, mayotte]) == [paris]
    assert drawn_of([mayotte]) == [mayotte]
    assert drawn_of([]) == []

"""Services of events swept as living sources: what they tell becomes of ours, and nothing more."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.events.incoming.intake import INTAKES
from mapservice.events.incoming.record_reading import read_records
from mapservice.events.incoming.series_times import series_times
from mapservice.geocoding.service import Locator
from mapservice.imports import run_service
from mapservice.imports.sources import queries, service
from mapservice.imports.sources.harvest import SourceFetcher
from mapservice.imports.sources.model import LivingSource, SweepResult, SweepState
from mapservice.outgoing.guarded_client import GuardedClient
from tests.events.incoming.calendars import MONDAY, Import, calendar, day, event, occurrences
from tests.events.incoming.services import (
    DecidimService,
    MobilizonService,
    OpenAgendaService,
    give_data,
)
from tests.imports.connectors.harvesting import Harvesting
from tests.outgoing.stand_in import Handler, StandIn, standing_in

NAME = "Agenda de la ville"
NIORT = {"name": "Halle", "address": "Niort", "city": "Niort", "postalCode": "79000"}


class Sweeping:
    """`sweep()` after `source(connector, address)`."""

    def __init__(self, engine: Engine, locator: Locator, stand_in: StandIn, folder: Path) -> None:
        self.engine, self.locator, self.folder = engine, locator, folder
        self.allowed = frozenset({stand_in.netloc})
        self.fetcher = SourceFetcher(GuardedClient(self.allowed), {}, lambda _: None)

    def source(self, connector: str, address: str, *, trusted: bool = True) -> None:
        told = LivingSource(
            NAME, connector, address, "Licence Ouverte 2.0", "La ville", trusted=trusted
        )
        service.add(self.engine, told, self.allowed)

    def __call__(self, **options: Any) -> SweepResult:
        return service.sweep(
            self.engine,
            self.folder,
            lambda _: self.locator,
            self.fetcher,
            NAME,
            intakes=INTAKES,
            **options,
        )


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with standing_in() as served:
        yield served


@pytest.fixture
def sweep(engine: Engine, locator: Locator, stand_in: StandIn, tmp_path: Path) -> Sweeping:
    return Sweeping(engine, locator, stand_in, tmp_path)


def timing(offset: int, hour: int = 18) -> dict[str, str]:
    """By the moment: at which hour of Paris depends on the season."""
    begin = datetime(MONDAY.year, MONDAY.month, MONDAY.day, hour, tzinfo=UTC)
    begin += timedelta(days=offset)
    return {"begin": begin.isoformat(), "end": (begin + timedelta(hours=2)).isoformat()}


def meeting(uid: int, **told: Any) -> dict[str, Any]:
    return {
        "uid": uid,
        "title": {"fr": f"Rencontre {uid}"},
        "attendanceMode": 1,
        "status": 1,
        "state": 2,
        "timezone": "Europe/Paris",
        "location": NIORT,
        "timings": [timing(uid)],
        "updatedAt": f"2026-07-01T10:00:{uid:02d}.000Z",
        **told,
    }


def statuses(engine: Engine) -> dict[str, str]:
    return {one.source_id: one.status for one in occurrences(engine)}


def since(stand_in: StandIn) -> list[bool]:
    """Of each request, whether it asked for what changed alone."""
    return ["updatedAt%5Bgte%5D" in path for path in stand_in.paths()]


def test_an_agenda_is_swept_whole_and_then_by_what_changed(
    engine: Engine, sweep: Sweeping, stand_in: StandIn
) -> None:
    agenda = OpenAgendaService(stand_in, [meeting(one) for one in range(8)], most=3)
    agenda.events[0]["timings"] = [timing(0), timing(7), timing(210)]
    sweep.source("openagenda", agenda.address)
    assert sweep().counts == {"imported": 8}
    assert len(occurrences(engine)) == 10
    assert {one.zone for one in occurrences(engine)} == {"Europe/Paris"}
    assert not any(since(stand_in))
    # What it gave last stands at the boundary; it is the same, and then not even read.
    assert sweep().counts == {"unchanged": 1}
    assert sweep().state is SweepState.UNCHANGED
    assert since(stand_in)[-2:] == [True, True]
    # One is removed, one called off, one says another hour; of the others nothing is told.
    later = "2026-08-01T10:00:00.000Z"
    agenda.events[1] = {"uid": 1, "removed": True, "updatedAt": later}
    agenda.events[2] |= {"status": 6, "updatedAt": later}
    agenda.events[3] |= {"timings": [timing(3, hour=16)], "updatedAt": later}
    before = statuses(engine)
    done = sweep()
    assert done.counts == {"updated": 2, "unchanged": 1, "gone": 1}
    found = statuses(engine)
    assert found == {**before, "1": "cancelled", "2": "cancelled", "3": "moved"}
    notes = {one.source_id: one.note for one in occurrences(engine)}
    assert (notes["1"], notes["2"]) == ("Sa source ne l’annonce plus.", "")
    run_service.undo_run(engine, done.run)
    assert statuses(engine) == before
    # After an undo nothing is known of what it has: it is read as a whole, once.
    asked = len(stand_in.asked)
    assert sweep().state is SweepState.DONE
    assert not any(since(stand_in)[asked:])
    assert statuses(engine) == found


def test_an_agenda_is_read_whole_again_after_some_weeks(
    engine: Engine, sweep: Sweeping, stand_in: StandIn
) -> None:
    agenda = OpenAgendaService(stand_in, [meeting(one) for one in range(3)])
    sweep.source("openagenda", agenda.address)
    sweep()
    long_ago = (datetime.now(UTC) - timedelta(days=40)).isoformat()
    with engine.begin() as connection:
        known = queries.find(connection, NAME)
        assert known is not None
        told = {**known.validators, "whole_at": long_ago}
        queries.keep_applied(connection, NAME, known.digest, told)
    sweep()
    assert since(stand_in) == [False, False]


def test_an_agenda_that_does_not_know_what_changed_is_read_whole(
    engine: Engine, sweep: Sweeping, stand_in: StandIn
) -> None:
    agenda = OpenAgendaService(stand_in, [meeting(one) for one in range(3)])

    def answer(handler: Handler) -> None:
        if "updatedAt" in handler.path.replace("sort=updatedAt", ""):
            handler.give(b"{}", status=400)
        else:
            agenda.answer(handler)

    stand_in.routes[agenda.path] = answer
    sweep.source("openagenda", agenda.address)
    sweep()
    assert sweep().state is SweepState.UNCHANGED
    assert since(stand_in) == [False, True, False]


def test_what_is_postponed_waits_for_its_day(
    engine: Engine, sweep: Sweeping, stand_in: StandIn
) -> None:
    agenda = OpenAgendaService(stand_in, [meeting(1)])
    sweep.source("openagenda", agenda.address)
    sweep()
    agenda.events[0] |= {"status": 4, "updatedAt": "2026-08-01T10:00:00.000Z"}
    assert sweep().counts == {"updated": 1}
    (one,) = occurrences(engine)
    assert (one.status, one.note[:20]) == ("postponed", "Reporté, dit sa sour")
    agenda.events[0] |= {
        "status": 2,
        "timings": [timing(30)],
        "updatedAt": "2026-08-02T10:00:00.000Z",
    }
    sweep()
    (again,) = occurrences(engine)
    assert (again.id, again.status, again.note) == (one.id, "moved", "")


def test_places_are_as_sure_as_what_is_told(
    engine: Engine, sweep: Sweeping, stand_in: StandIn
) -> None:
    point = {"latitude": 46.32341, "longitude": -0.45772}
    online = {"attendanceMode": 2, "onlineAccessLink": "https://salon.example/1", "location": None}
    both = {"attendanceMode": 3, "onlineAccessLink": "https://salon.example/2"}
    agenda = OpenAgendaService(
        stand_in,
        [
            meeting(1, location={"name": "Chez nous", "insee": "79191"}),
            meeting(2, location={**NIORT, "insee": "79191", **point}),
            meeting(3, **online),
            meeting(4, **both),
            meeting(5, location={"name": "Salle des fêtes"}),
            # Code and words say two communes: nobody knows which, so no pin and no certainty.
            meeting(6, location={"name": "Poitiers", "city": "Poitiers", "insee": "79191"}),
            meeting(7, registration=[{"type": "link", "value": "https://inscription.example/7"}]),
        ],
    )
    sweep.source("openagenda", agenda.address)
    assert sweep().counts == {"imported": 7}
    found = {one.source_id: one for one in occurrences(engine)}
    assert (found["1"].precision, found["1"].commune) == ("commune", "79191")
    assert (found["2"].precision, found["2"].commune) == ("point", "79191")
    assert [found[one].mode for one in ("1", "3", "4")] == ["place", "online", "both"]
    assert (found["3"].commune, found["3"].online_url) == (None, "https://salon.example/1")
    assert found["5"].commune is None
    assert found["6"].point is None
    assert (found["7"].registration, found["7"].registration_url) == (
        "external",
        "https://inscription.example/7",
    )


def test_up_to_800_dates_are_kept_by_the_clock_of_their_place(tmp_path: Path) -> None:
    first = datetime(2027, 1, 1, 17, tzinfo=UTC)
    with standing_in() as served:
        for count in (800, 801):
            dates = [first + timedelta(days=one) for one in range(count)]
            told = [{"begin": one.isoformat(), "end": ""} for one in dates]
            service = OpenAgendaService(served, [meeting(1, timings=told)])
            harvest = Harvesting(served, tmp_path)
            harvest("openagenda", service.path)
            assert harvest.last is not None
            (series,) = read_records(harvest.last.path).series
            if count > 800:
                assert series.main.rejected == "dates: are more than 800"
                continue
            times = series_times(series, "Europe/Paris", [], datetime(2026, 12, 1, tzinfo=UTC))
            assert len(times.dates) == 800
            # The moments are those that were told, so the hour is another one in summer.
            assert {one.recurrence.hour for one in times.dates} == {18, 19}
            starts = [one.times.moments(one.recurrence)[0] for one in times.dates]
            assert starts == dates


def test_a_window_lets_nothing_go(engine: Engine, sweep: Sweeping, stand_in: StandIn) -> None:
    service = MobilizonService(stand_in, [atelier(one) for one in range(4)])
    sweep.source("mobilizon", service.address)
    assert sweep().counts == {"imported": 4}
    assert sweep().state is SweepState.UNCHANGED
    every = service.events
    service.events = [every[0], every[1] | {"status": "CANCELLED"}]
    assert sweep().counts == {"unchanged": 1, "updated": 1}
    assert statuses(engine) == {
        "u0": "published",
        "u1": "cancelled",
        "u2": "published",
        "u3": "published",
    }
    # One that is no longer for the public leaves with its words, and comes back with its source.
    service.events = [every[0] | {"visibility": "PRIVATE"}]
    assert sweep().counts == {"updated": 1}
    assert statuses(engine)["u0"] == "draft"
    service.events = [every[0]]
    assert sweep().counts == {"updated": 1}
    assert statuses(engine)["u0"] == "published"
    # An empty window is one too.
    service.events = []
    assert sweep().state is SweepState.DONE
    assert statuses(engine)["u0"] == "published"


def atelier(number: int) -> dict[str, Any]:
    told = timing(number)
    return {
        "uuid": f"u{number}",
        "title": f"Atelier {number}",
        "beginsOn": told["begin"],
        "endsOn": told["end"],
        "status": "CONFIRMED",
        "visibility": "PUBLIC",
        "options": {"timezone": "Europe/Paris", "isOnline": False},
        "physicalAddress": {"locality": "Niort", "postalCode": "79000"},
    }


def debate(number: int, **told: Any) -> dict[str, Any]:
    times = timing(number)
    return {
        "id": str(number),
        "title": {"translations": [{"locale": "fr", "text": f"Débat {number}"}]},
        "startTime": times["begin"],
        "endTime": times["end"],
        "address": "Niort",
        **told,
    }


def test_meetings_that_are_withdrawn_are_called_off(
    engine: Engine, sweep: Sweeping, stand_in: StandIn
) -> None:
    decidim = DecidimService(stand_in, [debate(one) for one in range(10)])
    sweep.source("decidim-meetings", decidim.address)
    assert sweep().counts == {"imported": 10}
    assert sweep().state is SweepState.UNCHANGED
    decidim.meetings[0]["withdrawnAt"] = "2026-10-01T10:00:00Z"
    assert sweep().counts == {"unchanged": 9, "gone": 1}
    assert statuses(engine)["0"] == "cancelled"
    # More than a fifth at once waits for a person.
    decidim.meetings = decidim.meetings[:6]
    held = sweep()
    assert (held.state, held.public, held.gone) == (SweepState.WAITS, 9, 4)
    assert list(statuses(engine).values()).count("cancelled") == 1


def _html(handler: Handler) -> None:
    handler.give(b"<html>maintenance</html>", content_type="text/html")


def _busy(handler: Handler) -> None:
    handler.give(b"", status=429, retry_after="1")


def _short(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(b'{"total": 8, "events": [')


def _empty(handler: Handler) -> None:
    give_data(handler, {})


@pytest.mark.parametrize("answer", [_html, _busy, _short, _empty])
@pytest.mark.parametrize("connector", ["openagenda", "mobilizon", "decidim-meetings"])
def test_a_service_that_lies_or_breaks_off_within_its_pages_changes_nothing(
    engine: Engine,
    sweep: Sweeping,
    stand_in: StandIn,
    connector: str,
    answer: Callable[[Handler], None],
) -> None:
    services: dict[str, Callable[[], Any]] = {
        "openagenda": lambda: OpenAgendaService(stand_in, [meeting(one) for one in range(4)], 2),
        "mobilizon": lambda: MobilizonService(stand_in, [atelier(0)]),
        "decidim-meetings": lambda: DecidimService(stand_in, [debate(one) for one in range(4)]),
    }
    served = services[connector]()
    sweep.source(connector, served.address)
    assert sweep().state is SweepState.DONE
    before = statuses(engine)
    told = len(stand_in.asked)
    _say_otherwise(served)

    def later(handler: Handler) -> None:
        if len(stand_in.asked) - told > 1:  # the first page comes whole
            answer(handler)
        else:
            served.answer(handler)

    stand_in.routes[served.path] = later
    failed = sweep()
    assert failed.state is SweepState.FAILED, failed
    assert statuses(engine) == before


def _say_otherwise(served: OpenAgendaService | MobilizonService | DecidimService) -> None:
    """Something else than before, on more than one page."""
    if isinstance(served, OpenAgendaService):
        for number, one in enumerate(served.events):
            one |= {"title": "Autre", "updatedAt": f"2026-09-01T10:00:0{number}.000Z"}
    elif isinstance(served, DecidimService):
        served.meetings = served.meetings[:1]
    else:
        served.events = [{**atelier(one), "title": "Autre"} for one in range(60)]


def test_what_is_new_waits_where_its_source_is_not_trusted(
    engine: Engine, sweep: Sweeping, stand_in: StandIn
) -> None:
    agenda = OpenAgendaService(stand_in, [meeting(1), meeting(2, licence="CC BY-NC 4.0")])
    sweep.source("openagenda", agenda.address, trusted=False)
    assert sweep().counts == {"imported": 1, "rejected": 1}
    assert statuses(engine) == {"1": "pending"}
    # What a moderator's decision sets free is told by the sweep after it, changed or not.
    assert sweep().state is SweepState.UNCHANGED
    assert since(stand_in) == [False, False]


def test_our_own_agenda_comes_back_with_the_same_dates(
    engine: Engine, sweep: Sweeping, stand_in: StandIn, take: Import, visitor: FlaskClient
) -> None:
    """What `/evenements.json` tells, in pages of one series, is read by its connector as it is."""
    zone = "TZID=Europe/Paris"
    take(
        calendar(
            event(
                f"DTSTART;{zone}:{day(0)}T183000",
                f"DTEND;{zone}:{day(0)}T200000",
                "RRULE:FREQ=WEEKLY;COUNT=30",
                f"EXDATE;{zone}:{day(7)}T183000",
                "LOCATION:Niort",
                "DESCRIPTION:Chacun apporte un plat.",
            ),
            event(
                f"RECURRENCE-ID;{zone}:{day(14)}T183000",
                f"DTSTART;{zone}:{day(15)}T190000",
                f"DTEND;{zone}:{day(15)}T210000",
                "LOCATION:Rennes",
            ),
            event(f"DTSTART;{zone}:{day(3)}T100000", uid="b", title="Sans fin"),
            event(
                "DTSTART;TZID=Indian/Reunion:" + day(4) + "T100000",
                "DTEND;TZID=Indian/Reunion:" + day(4) + "T110000",
                "LOCATION:en ligne",
                "CONFERENCE:https://salon.example/x",
                uid="c",
                title="À distance",
            ),
        )
    )
    before = _told(engine)
    assert len(before) == 31
    stand_in.routes["/evenements.json"] = lambda handler: handler.give(
        visitor.get(handler.path.replace("size=100", "size=1")).data
    )
    first = visitor.get("/evenements.json?size=1").json
    assert first is not None
    assert (first["total"], len(first["after"])) == (None, 1)
    whole = visitor.get("/evenements.json?size=300").json
    assert whole is not None
    assert (whole["total"], whole["after"]) == (4, None)
    assert {one["attribution"] for one in whole["events"]} == {
        "Agenda de l’essai (Licence Ouverte 2.0)"
    }
    # What is ours already stands elsewhere; without it the same dates come back.
    sweep.source("openagenda", f"{stand_in.base}/evenements.json")
    assert sweep().counts == {"elsewhere": 4}
    pages = _pages(visitor)
    stand_in.routes["/fige.json"] = lambda handler: handler.give(pages.pop(0))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM event_series"))
    service.change(
        engine, NAME, {"address": f"{stand_in.base}/fige.json"}, frozenset({stand_in.netloc})
    )
    assert sweep().counts == {"imported": 4}
    assert _told(engine) == before
    # Whom the other service names is named here too.
    words = {one.description.rpartition("\n")[2] for one in occurrences(engine)}
    assert words == {"Source : Agenda de l’essai (Licence Ouverte 2.0)"}


def _pages(visitor: FlaskClient) -> list[bytes]:
    pages, after = [], ""
    while True:
        answer = visitor.get(f"/evenements.json?size=1{after}")
        pages.append(answer.data)
        assert answer.json is not None
        if not answer.json["after"]:
            return pages
        after = f"&after[]={answer.json['after'][0]}"


def _told(engine: Engine) -> list[Any]:
    """What of each date matters, in order of time."""
    return sorted(
        (
            *(one.starts_at, one.ends_at, one.zone, one.title, one.mode, one.precision),
            *(one.commune or "", one.place_text, one.online_url, one.status),
        )
        for one in occurrences(engine)
    )

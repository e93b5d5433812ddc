"""Calendars swept as living sources: whole, or nothing is touched."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from mapservice.events.incoming.intake import INTAKES
from mapservice.geocoding.service import Locator
from mapservice.imports import run_service
from mapservice.imports.sources import service
from mapservice.imports.sources.harvest import SourceFetcher
from mapservice.imports.sources.model import LivingSource, SweepResult, SweepState
from mapservice.outgoing.guarded_client import GuardedClient
from tests.events.incoming.calendars import calendar, event, occurrences, paris, paris_end
from tests.outgoing.stand_in import Handler, StandIn, standing_in

NAME = "Agenda de la ville"
Sweep = Callable[..., SweepResult]


class Published:
    """A calendar on a server that gives `body`, or does what `answer` says."""

    def __init__(self, stand_in: StandIn) -> None:
        self.address = f"{stand_in.base}/agenda.ics"
        self.body = ten()
        self.answer: Callable[[Handler], None] | None = None
        stand_in.routes["/agenda.ics"] = self._give

    def _give(self, handler: Handler) -> None:
        if self.answer:
            self.answer(handler)
        elif handler.headers.get("If-None-Match") == '"un"':
            handler.give(b"", status=304, etag='"un"')
        else:
            handler.give(self.body.encode(), content_type="text/calendar", etag='"un"')


def ten(count: int = 10, title: str = "Rencontre") -> str:
    return calendar(
        *(
            event(paris(day), paris_end(day), "LOCATION:Niort", uid=f"u{day}", title=title)
            for day in range(count)
        )
    )


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with standing_in() as stand_in:
        yield stand_in


@pytest.fixture
def published(engine: Engine, stand_in: StandIn) -> Published:
    made = Published(stand_in)
    source = LivingSource(NAME, "icalendar", made.address, "Licence Ouverte 2.0", trusted=True)
    service.add(engine, source, frozenset({stand_in.netloc}))
    return made


@pytest.fixture
def sweep(engine: Engine, locator: Locator, stand_in: StandIn, tmp_path: Path) -> Sweep:
    fetcher = SourceFetcher(GuardedClient(frozenset({stand_in.netloc})), {}, lambda _: None)

    def sweep(**options: Any) -> SweepResult:
        return service.sweep(
            engine, tmp_path, lambda _: locator, fetcher, NAME, intakes=INTAKES, **options
        )

    return sweep


def statuses(engine: Engine) -> dict[str, str]:
    return {one.source_id: one.status for one in occurrences(engine)}


def test_a_calendar_is_swept_and_a_second_sweep_changes_nothing(
    engine: Engine, published: Published, sweep: Sweep, stand_in: StandIn
) -> None:
    tried = sweep(dry_run=True)
    assert (tried.state, tried.counts) == (SweepState.DONE, {"imported": 10})
    assert occurrences(engine) == []
    assert sweep().counts == {"imported": 10}
    assert {one.commune for one in occurrences(engine)} == {"79191"}
    assert sweep().state is SweepState.UNCHANGED
    # One that is read anew, as its terms were said once more, finds the same.
    service.change(engine, NAME, {"contact": "a@example.org"}, frozenset({stand_in.netloc}))
    assert sweep().counts == {"unchanged": 10}


def test_a_calendar_that_shrinks_too_much_waits_for_a_person(
    engine: Engine, published: Published, sweep: Sweep
) -> None:
    sweep()
    before = statuses(engine)
    published.body = ten(7, "Autre nom")
    published.answer = lambda handler: handler.give(published.body.encode())
    held = sweep()
    assert (held.state, held.public, held.gone) == (SweepState.WAITS, 10, 3)
    assert "upcoming events" in held.reason
    assert statuses(engine) == before
    published.body = ten(1)
    done = sweep(accept_shrink=True)
    assert (done.state, done.run) == (SweepState.DONE, held.run)
    assert done.counts == {"updated": 7, "gone": 3}
    gone = {uid for uid, status in statuses(engine).items() if status == "cancelled"}
    assert gone == {"u7", "u8", "u9"}
    assert run_service.undo_run(engine, held.run).restored == 10
    assert statuses(engine) == before


def test_a_fifth_may_go(engine: Engine, published: Published, sweep: Sweep) -> None:
    sweep()
    published.answer = lambda handler: handler.give(ten(8).encode())
    assert sweep().state is SweepState.DONE
    assert list(statuses(engine).values()).count("cancelled") == 2


def _html(handler: Handler) -> None:
    handler.give(b"<html>maintenance</html>")


def _short(handler: Handler) -> None:
    handler.give(ten().encode()[:-60])


def _busy(handler: Handler) -> None:
    handler.give(b"", status=429, retry_after="1")


def _broken(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(ten().encode()[:400])


@pytest.mark.parametrize("answer", [_html, _short, _busy, _broken])
def test_a_calendar_that_lies_or_breaks_off_changes_nothing(
    engine: Engine, published: Published, sweep: Sweep, answer: Callable[[Handler], None]
) -> None:
    sweep()
    before = statuses(engine)
    published.answer = answer
    assert sweep().state is SweepState.FAILED
    assert statuses(engine) == before


def test_an_address_to_subscribe_to_is_fetched_like_any_other(engine: Engine) -> None:
    source = LivingSource("w", "icalendar", "webcal://agenda.example.org/a.ics", "ODbL 1.0")
    assert service.checked(source, frozenset()).address == "https://agenda.example.org/a.ics"

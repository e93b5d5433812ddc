"""What its source makes private, or forbids, after it was taken: it leaves public view whole."""

from datetime import UTC, datetime, time, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.imports import run_service
from tests.events.incoming.calendars import (
    MONDAY,
    Import,
    calendar,
    event,
    occurrences,
    paris,
    paris_end,
)
from tests.events.incoming.test_imports import kept, waiting

WEEKLY = event(paris(0), paris_end(0), "RRULE:FREQ=WEEKLY;COUNT=3", uid="x", title="Chez Zoé")
SINGLE = event(paris(0), paris_end(0), uid="autre")
PRIVATE = ("CLASS:PRIVATE", "CLASS:CONFIDENTIAL", "LICENSE:CC BY-NC 4.0")


@pytest.mark.parametrize("line", PRIVATE)
@pytest.mark.parametrize("moderate", [True, False])
def test_it_leaves_public_view_and_comes_back(
    engine: Engine, take: Import, visitor: FlaskClient, line: str, moderate: bool
) -> None:
    take(calendar(WEEKLY, SINGLE), moderate=moderate)
    before = kept(engine)
    pages = [f"/evenements/{one.id}" for one in occurrences(engine, "source_id = 'x'")]
    closed = WEEKLY.replace("END:VEVENT", f"{line}\nEND:VEVENT")
    done = take(calendar(closed, SINGLE), moderate=moderate)
    assert done.outcomes == ["updated", "unchanged"]
    assert done.run.gone.withdrawn == 1
    for page in pages:
        assert visitor.get(page).status_code == 404
    assert "Chez Zoé" not in visitor.get("/evenements.geojson").text
    assert waiting(engine) == (1 if moderate else 0)
    # Told the same again, it is left; no run counts it twice.
    again = take(calendar(closed, SINGLE), moderate=moderate)
    assert again.run.gone.withdrawn == 0
    assert not {one.status for one in occurrences(engine, "source_id = 'x'")} - {"draft"}
    run_service.undo_run(engine, done.run.id)
    assert kept(engine) == before

    take(calendar(closed, SINGLE), moderate=moderate)
    assert take(calendar(WEEKLY, SINGLE), moderate=moderate).outcomes == ["updated", "unchanged"]
    status = "pending" if moderate else "published"
    assert {one.status for one in occurrences(engine, "source_id = 'x'")} == {status}
    assert waiting(engine) == (2 if moderate else 0)


def test_what_was_cancelled_does_not_come_back_as_if_it_took_place(
    engine: Engine, take: Import
) -> None:
    take(calendar(WEEKLY))
    one_less = WEEKLY.replace(
        "END:VEVENT", f"EXDATE;TZID=Europe/Paris:{MONDAY:%Y%m%d}T183000\nEND:VEVENT"
    )
    take(calendar(one_less))
    before = kept(engine)
    assert "cancelled" in {one["status"] for one in before}
    later = datetime.combine(MONDAY + timedelta(days=3), time(), UTC)
    done = take(calendar(one_less.replace("END:VEVENT", "CLASS:PRIVATE\nEND:VEVENT")), now=later)
    run_service.undo_run(engine, done.run.id)
    assert kept(engine) == before
    take(calendar(one_less.replace("END:VEVENT", "CLASS:PRIVATE\nEND:VEVENT")), now=later)
    take(calendar(one_less), now=later)
    assert [one.starts_local.date() for one in occurrences(engine)] == [
        MONDAY + timedelta(days=7),
        MONDAY + timedelta(days=14),
    ]


def test_one_private_date_or_an_older_public_version_publishes_nothing(
    engine: Engine, take: Import
) -> None:
    date = f"RECURRENCE-ID;TZID=Europe/Paris:{MONDAY:%Y%m%d}T183000"
    private = event(date, paris(0), "CLASS:PRIVATE", uid="x", title="Chez Zoé, très privé")
    newer = WEEKLY.replace("END:VEVENT", "SEQUENCE:4\nEND:VEVENT")
    take(calendar(newer))
    done = take(calendar(newer, private), snapshot=True)
    assert {one.status for one in occurrences(engine)} == {"draft"}
    assert (done.run.gone.withdrawn, done.run.gone.archived) == (1, 0)
    closed = WEEKLY.replace("END:VEVENT", "CLASS:PRIVATE\nSEQUENCE:5\nEND:VEVENT")
    assert take(calendar(newer, closed), platform="Autre").outcomes == ["skipped"]
    assert len(occurrences(engine)) == 3


def test_a_report_tells_nothing_of_what_is_private(take: Import) -> None:
    secret = event(
        paris(0), "CLASS:PRIVATE", "Zoé au 06 12 34 56 78", "GEO:zoé", uid="x", title="0612345678"
    )
    told = event(
        f"RECURRENCE-ID;TZID=Europe/Paris:{MONDAY:%Y%m%d}T183000",
        paris(0),
        "URL:zoé",
        uid="x",
        title="Zoé",
    )
    done = take(calendar(secret, told))
    assert done.outcomes == ["skipped"]
    (report,) = done.reports
    assert (report.title, report.reason) == ("", "is not for the public (CLASS:PRIVATE)")
    assert "Zoé" not in repr(report)
    assert "zoé" not in repr(report)

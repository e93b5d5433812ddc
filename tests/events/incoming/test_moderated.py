"""What waits for a moderator, and what they refused: no later import publishes it unseen."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.events import service
from tests.events.incoming.calendars import (
    MONDAY,
    Import,
    calendar,
    event,
    occurrences,
    paris,
    paris_end,
)

WEEKLY = event(
    paris(0), paris_end(0), "RRULE:FREQ=WEEKLY;COUNT=4", "URL:https://agenda.example/a", uid="repas"
)
NOW = datetime.now(UTC)


def days_after(offset: int) -> datetime:
    """The morning so many days after the Monday on which the series begins."""
    return datetime.combine(MONDAY, datetime.min.time(), UTC) + timedelta(days=offset, hours=6)


def approve(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE event SET status = 'published'"))
        connection.execute(text("UPDATE event_series SET queued_at = NULL, published_at = now()"))


def refuse(engine: Engine) -> None:
    """As a decision does: what is over, or cancelled, stays as it is."""
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE event SET status = 'rejected' WHERE status NOT IN ('done', 'cancelled')")
        )
        connection.execute(text("UPDATE event_series SET queued_at = NULL"))


def statuses(engine: Engine) -> Counter[str]:
    return Counter(one.status for one in occurrences(engine))


def test_an_event_that_is_over_does_not_carry_new_words_past_a_moderator(
    engine: Engine, take: Import, visitor: FlaskClient
) -> None:
    single = event(paris(0), paris_end(0), "URL:https://agenda.example/a", uid="un")
    take(calendar(single), moderate=True)
    approve(engine)
    later = single.replace(paris(0), paris(30)).replace(paris_end(0), paris_end(30))
    later = later.replace("Repas de quartier", "Achetez").replace("example/a", "example/b")
    take(calendar(later), moderate=True, now=days_after(10))
    assert [(one.title, one.status) for one in occurrences(engine)] == [
        ("Repas de quartier", "published"),
        ("Achetez", "pending"),
    ]
    first, second = occurrences(engine)
    assert second.queued_at is not None
    assert "agenda.example/b" not in visitor.get(f"/evenements/{first.id}").text
    # Read again while it waits, it is no other case; once it is seen, its page is told.
    take(calendar(later), moderate=True, now=days_after(10))
    assert statuses(engine) == {"published": 1, "pending": 1}
    approve(engine)
    take(calendar(later), moderate=True, now=days_after(10))
    assert statuses(engine) == {"published": 2}
    with engine.connect() as connection:
        url = connection.execute(text("SELECT source_url FROM event_series")).scalar_one()
    assert url == "https://agenda.example/b"


def test_a_date_that_is_added_with_its_own_words_waits(engine: Engine, take: Import) -> None:
    take(calendar(WEEKLY), moderate=True)
    approve(engine)
    added = event(
        f"RECURRENCE-ID;TZID=Europe/Paris:{MONDAY + timedelta(days=3):%Y%m%d}T183000",
        paris(3),
        paris_end(3),
        uid="repas",
        title="Achetez",
    )
    take(calendar(WEEKLY, added), moderate=True)
    assert {one.status for one in occurrences(engine)} == {"pending"}
    # With the words that were seen, a date more is no news.
    approve(engine)
    more = WEEKLY.replace("COUNT=4", "COUNT=5")
    take(calendar(more, added), moderate=True)
    assert statuses(engine) == {"published": 6}


@pytest.mark.parametrize("moderate", [True, False])
def test_what_was_refused_stays_refused_beside_dates_that_are_over_or_cancelled(
    engine: Engine, take: Import, moderate: bool
) -> None:
    one_less = WEEKLY.replace(
        "URL:", f"EXDATE;TZID=Europe/Paris:{MONDAY + timedelta(days=21):%Y%m%d}T183000\nURL:"
    )
    take(calendar(WEEKLY), moderate=moderate)
    approve(engine)
    take(calendar(one_less), moderate=moderate)
    service.finish(engine, days_after(3))
    refuse(engine)
    assert statuses(engine) == {"done": 1, "rejected": 2, "cancelled": 1}
    endless = WEEKLY.replace(";COUNT=4", "")
    take(calendar(endless), moderate=moderate, now=days_after(3))
    found = statuses(engine)
    assert (found["done"], found["published"], found["cancelled"]) == (1, 0, 0)
    # Nor by way of leaving its dates out, and telling them again.
    take(calendar(WEEKLY.replace("COUNT=4", "COUNT=1")), moderate=moderate, now=days_after(3))
    take(calendar(endless), moderate=moderate, now=days_after(4))
    found = statuses(engine)
    assert (found["published"], found["pending"], found["cancelled"]) == (0, 0, 0)
    assert found["rejected"] > 40


def test_no_night_publishes_more_of_what_waits_behind_a_cancelled_date(
    engine: Engine, take: Import
) -> None:
    take(calendar(WEEKLY.replace(";COUNT=4", "")), moderate=True)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE event SET status = 'cancelled', cancelled_at = now()"
                " WHERE recurrence_id ="
                " (SELECT max(recurrence_id) FROM event)"
            )
        )
    assert service.extend(engine, NOW + timedelta(days=60)) > 5
    assert set(statuses(engine)) == {"pending", "cancelled"}
    assert statuses(engine)["cancelled"] == 1

"""Whoever means to come to several dates hears of one act on them once, in one mail."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from mapservice.events import queries, registration_service, service
from mapservice.events.model import ChangeScope, Event
from mapservice.events.words import day_words, when_words
from mapservice.geocoding.service import Locator
from tests.events.organiser import SENDER, letter_of, make_event, make_person, sent_mails, written
from tests.events.test_changes import change

NOW = datetime.now(UTC)


@pytest.fixture
def weekly(engine: Engine) -> tuple[UUID, list[Event]]:
    """An organiser, and the first four dates of what takes place each week.

    Ben is registered for the first three of them, Cid for the third alone.
    """
    with engine.begin() as connection:
        person = make_person(connection, "Ana")
        first = make_event(connection, rrule="FREQ=WEEKLY", person=person, capacity=9)
        found = queries.find(connection, first)
        assert found
        dates = queries.of_series(connection, found.series)[:4]
        ben, cid = make_person(connection), make_person(connection)
        for one in dates[:3]:
            registration_service.register(connection, one.id, ben, SENDER, NOW)
        registration_service.register(connection, dates[2].id, cid, SENDER, NOW)
        connection.execute(text("DELETE FROM delivery"))
    return person, dates


def test_all_dates_called_off_are_one_mail_a_person(
    engine: Engine, weekly: tuple[UUID, list[Event]]
) -> None:
    person, dates = weekly
    with engine.begin() as connection:
        service.cancel(connection, dates[0].id, person, ChangeScope.ALL, "Fini.", SENDER, NOW)
    several, one = sorted(sent_mails(engine), key=lambda mail: "dates" not in mail.subject)
    assert several.subject == "Annulé\u00a0: Repas de quartier, 3 dates"
    assert one.subject == f"Annulé\u00a0: Repas de quartier, {day_words(dates[2], 'fr')}"
    for body in (several.text, several.html):
        for date in dates[:3]:
            assert when_words(date) in body
        assert when_words(dates[3]) not in body
        assert "annulé à 3 dates" in body
        assert "D’autres dates ont lieu" not in body
        assert "quitter" not in body, "there is no seat to leave"
    for body in (one.text, one.html):
        assert when_words(dates[2]) in body
        assert when_words(dates[1]) not in body


def test_dates_that_move_together_are_one_mail_with_a_way_out_of_each(
    engine: Engine, locator: Locator, weekly: tuple[UUID, list[Event]]
) -> None:
    person, dates = weekly
    change(engine, locator, person, dates[0].id, ChangeScope.ALL, hours=1)
    mails = sorted(sent_mails(engine), key=lambda mail: "dates" not in mail.subject)
    assert [one.subject.partition(":")[0].strip() for one in mails] == ["Changement"] * 2
    several, one = mails
    assert "List-Unsubscribe" not in several.headers, "of several dates, one click could mean any"
    assert "/quitter/" in one.headers["List-Unsubscribe"]
    with engine.connect() as connection:
        now = list(queries.of_ids(connection, [date.id for date in dates[:3]]).values())
    for body in (several.text, several.html):
        assert body.count("/quitter/") == 3
        for date in now:
            assert when_words(date) in body
            assert when_words(date, former=True) in body


def test_an_undone_cancellation_is_one_mail(
    engine: Engine, weekly: tuple[UUID, list[Event]]
) -> None:
    person, dates = weekly
    with engine.begin() as connection:
        service.cancel(connection, dates[0].id, person, ChangeScope.ALL, "", SENDER, NOW)
    assert len(sent_mails(engine)) == 2
    with engine.begin() as connection:
        service.undo_cancellation(connection, dates[0].id, person, SENDER, NOW)
    several, _one = sorted(sent_mails(engine), key=lambda mail: "dates" not in mail.subject)
    assert several.subject == "Finalement maintenu\u00a0: Repas de quartier, 3 dates"
    body = several.text
    assert body.count("/quitter/") == 3
    assert all(when_words(one) in body for one in dates[:3])
    assert "comme avant" in body


def test_a_date_that_has_become_something_else_is_left_out(
    engine: Engine, weekly: tuple[UUID, list[Event]]
) -> None:
    person, dates = weekly
    with engine.begin() as connection:
        service.cancel(connection, dates[0].id, person, ChangeScope.ALL, "", SENDER, NOW)
    (payload,) = [
        one["payload"] for one in written(engine, "event_change") if "also" in one["payload"]
    ]
    with engine.begin() as connection:
        service.undo_cancellation(connection, dates[0].id, person, SENDER, NOW)
        assert letter_of(connection, payload) is None, "nothing is called off any more"
        service.cancel(connection, dates[1].id, person, ChangeScope.THIS, "", SENDER, NOW)
        assert letter_of(connection, payload) is None, "the last act tells of that date"


def test_who_left_one_date_hears_of_the_others(
    engine: Engine, weekly: tuple[UUID, list[Event]]
) -> None:
    person, dates = weekly
    with engine.begin() as connection:
        service.cancel(connection, dates[0].id, person, ChangeScope.ALL, "", SENDER, NOW)
        connection.execute(
            text("UPDATE event_registration SET state = 'cancelled' WHERE event = :event"),
            {"event": dates[0].id},
        )
    several, *_rest = sorted(sent_mails(engine), key=lambda mail: "dates" not in mail.subject)
    body = several.text
    assert when_words(dates[0]) not in body
    assert when_words(dates[1]) in body
    assert when_words(dates[2]) in body


def test_a_helping_hand_at_several_dates_hears_once(
    engine: Engine, weekly: tuple[UUID, list[Event]]
) -> None:
    person, dates = weekly
    with engine.begin() as connection:
        helper = make_person(connection)
        for one in dates[1:3]:
            need = connection.execute(
                text(
                    "INSERT INTO need (event, words, places) VALUES (:event, 'Tables', 3)"
                    " RETURNING id"
                ),
                {"event": one.id},
            ).scalar_one()
            connection.execute(
                text(
                    "INSERT INTO registration (need, person, leave_key)"
                    " VALUES (:need, :person, sha256('leave'))"
                ),
                {"need": need, "person": helper},
            )
        service.cancel(connection, dates[0].id, person, ChangeScope.ALL, "", SENDER, NOW)
    assert len(written(engine, "event_change")) == 3
    (hand,) = [one for one in written(engine, "event_change") if "hand" in one["payload"]]
    with engine.connect() as connection:
        sent = letter_of(connection, hand["payload"])
    assert sent
    assert all(when_words(one) in sent.text for one in dates[1:3])

"""A cancellation by mistake: undone as one act, told once, with the seats that there were."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from icalendar import Calendar
from sqlalchemy import Connection, Engine, text

from mapservice.errors import NotFound, StateConflict
from mapservice.events import queries, registration_service, service
from mapservice.events.model import (
    OFFER_LIFE,
    UNDO_CANCELLATION,
    ChangeScope,
    Event,
    EventStatus,
    RegistrationState,
)
from tests.accounts.people.mailbox import ADDRESS, sign_in, token_of
from tests.events.organiser import (
    SENDER,
    Organiser,
    make_event,
    make_person,
    publish,
    sent_mails,
    soon,
    written,
)
from tests.events.test_journey import register
from tests.moderation.moderator import Moderator

NOW = datetime.now(UTC)


def dates(connection: Connection, identifier: UUID) -> list[Event]:
    found = queries.find(connection, identifier)
    assert found
    return queries.of_series(connection, found.series)


def cancel(
    connection: Connection, event: UUID, person: UUID, scope: ChangeScope = ChangeScope.THIS
) -> None:
    service.cancel(connection, event, person, scope, "Par erreur.", SENDER, datetime.now(UTC))


def undo(connection: Connection, event: UUID, person: UUID, now: datetime | None = None) -> None:
    service.undo_cancellation(connection, event, person, SENDER, now or datetime.now(UTC))


def test_everybody_keeps_their_seat_their_rank_and_their_offer(engine: Engine) -> None:
    with engine.begin() as connection:
        person = make_person(connection, "Ana")
        event = make_event(connection, capacity=1, person=person)
        guests = [make_person(connection) for _ in range(4)]
        known = [
            registration_service.register(connection, event, one, SENDER, NOW).id for one in guests
        ]
        registration_service.leave(connection, known[0], SENDER, NOW)
        # The second is offered the seat, and hears of the cancellation before the offer ends.
        cancel(connection, event, person)
    late = NOW + OFFER_LIFE + timedelta(hours=1)
    assert registration_service.settle_due(engine, SENDER, late) == 0
    with engine.begin() as connection:
        undo(connection, event, person, late)
        found = queries.find(connection, event)
        stand = [registration_service.find(connection, one) for one in known]
    assert found
    assert (found.status, found.note) == (EventStatus.PUBLISHED, "")
    assert [one.state for one in stand if one] == [
        RegistrationState.CANCELLED,
        RegistrationState.OFFERED,
        RegistrationState.WAITING,
        RegistrationState.WAITING,
    ]
    assert stand[1]
    assert stand[1].offered_until == late + OFFER_LIFE
    told = [one["payload"]["registration"] for one in written(engine, "event_undone")]
    assert sorted(told) == sorted(str(one) for one in known[1:])
    # Pressed twice it is once.
    with engine.begin() as connection:
        undo(connection, event, person, late)
    assert len(written(engine, "event_undone")) == 3


def test_a_mail_that_has_not_left_tells_of_what_is_true(engine: Engine) -> None:
    """Called off, taken back, called off and taken back before any mail leaves: one mail."""
    with engine.begin() as connection:
        person = make_person(connection, "Ana")
        event = make_event(connection, person=person)
        guest = make_person(connection)
        registration_service.register(connection, event, guest, SENDER, NOW)
    sent_mails(engine)
    for _ in range(2):
        with engine.begin() as connection:
            cancel(connection, event, person)
        with engine.begin() as connection:
            undo(connection, event, person)
    (left,) = sent_mails(engine)
    assert left.subject.startswith("Finalement maintenu\u00a0: Repas de quartier, ")
    assert "Vous gardez votre place." in left.text
    assert "/quitter/" in left.text
    # Told of the cancellation, then called off again: that is told alone.
    with engine.begin() as connection:
        cancel(connection, event, person)
        undo(connection, event, person)
        cancel(connection, event, person)
    (left,) = sent_mails(engine)
    assert left.subject.startswith("Annulé\u00a0: Repas de quartier, ")


def test_the_dates_of_one_act_come_back_together(engine: Engine) -> None:
    with engine.begin() as connection:
        person = make_person(connection, "Ana")
        first = make_event(connection, rrule="FREQ=WEEKLY", person=person)
        before = dates(connection, first)
        series = queries.find_series(connection, before[0].series)
        cancel(connection, before[9].id, person)
        cancel(connection, before[4].id, person, ChangeScope.FOLLOWING)
        cancel(connection, before[2].id, person, ChangeScope.FOLLOWING)
    with engine.begin() as connection:
        # The later act first: the former rule is no continuation of what there is now.
        with pytest.raises(StateConflict):
            undo(connection, before[4].id, person)
        undo(connection, before[3].id, person)
        undo(connection, before[5].id, person)
        after = dates(connection, first)
        restored = queries.find_series(connection, before[0].series)
    assert [one.id for one in after] == [one.id for one in before]
    off = [one.id for one in after if one.status is EventStatus.CANCELLED]
    assert off == [before[9].id], "it was called off by itself"
    assert series
    assert restored
    assert restored.rrule == series.rrule
    assert service.extend(engine, NOW + timedelta(days=14)) == 2


def test_a_move_and_a_postponement_are_what_they_were(engine: Engine) -> None:
    with engine.begin() as connection:
        person = make_person(connection, "Ana")
        event = make_event(connection, person=person)
        service.postpone(connection, event, person, "", SENDER, NOW)
        cancel(connection, event, person)
        undo(connection, event, person)
        found = queries.find(connection, event)
    assert found
    assert found.status is EventStatus.POSTPONED


def test_too_late_is_told_so(engine: Engine) -> None:
    with engine.begin() as connection:
        person, other = make_person(connection, "Ana"), make_person(connection)
        event = make_event(connection, person=person, start=soon(20))
        near = make_event(connection, person=person, start=soon(2))
        cancel(connection, event, person)
        cancel(connection, near, person)
        with pytest.raises(NotFound):
            undo(connection, event, other)
        after = datetime.now(UTC) + UNDO_CANCELLATION + timedelta(minutes=1)
        with pytest.raises(StateConflict):
            undo(connection, event, person, after)
        with pytest.raises(StateConflict):
            undo(connection, near, person, NOW + timedelta(days=3))
        found = queries.find(connection, event)
    assert found
    assert found.status is EventStatus.CANCELLED
    assert written(engine, "event_undone") == []


def test_the_page_and_the_calendar(organiser: Organiser, eva: Moderator, engine: Engine) -> None:
    event = organiser.propose(starts=f"{soon():%Y-%m-%dT%H:%M}")
    publish(eva, engine, event)
    page, base = f"/evenements/{event}/organiser", f"/evenements/{event}"

    def calendar() -> tuple[str, int]:
        (one,) = Calendar.from_ical(organiser.client.get(f"{base}.ics").data).events
        return str(one["STATUS"]), int(str(one["SEQUENCE"]))

    assert calendar() == ("CONFIRMED", 1)
    assert "retire pendant 7 jours" in organiser.client.get(page).text
    # What is mailed cannot be taken back: it is asked first.
    asked = organiser.act(f"{base}/annuler", page, note="Orage.")
    assert "Annuler cette date" in asked.text
    assert "Personne n’y est inscrit" in asked.text
    assert calendar() == ("CONFIRMED", 1)
    organiser.act(f"{base}/annuler", page, note="Orage.", sure="1")
    assert calendar() == ("CANCELLED", 2)
    shown = organiser.client.get(page).text
    assert "Rétablir l’événement" in shown
    stranger = organiser.client.application.test_client()
    assert stranger.post(f"{base}/retablir").status_code == 303
    sign_in(stranger, engine, ADDRESS)
    token = token_of(stranger.get("/compte").text)
    assert stranger.post(f"{base}/retablir", data={"token": token}).status_code == 404
    assert organiser.client.post(f"{base}/retablir").status_code == 403
    done = organiser.act(f"{base}/retablir", page)
    assert done.status_code == 303
    assert calendar() == ("CONFIRMED", 3)
    assert "Rétablir l’événement" not in organiser.client.get(page).text
    assert "annulé" not in organiser.client.get(base).text
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT count(*) FROM event_cancellation")).scalar_one()
    assert kept == 1


def test_a_series_is_called_off_after_a_question(
    organiser: Organiser, eva: Moderator, event_app: Flask, engine: Engine
) -> None:
    event = organiser.propose(repeat="weekly")
    publish(eva, engine, event)
    register(event_app.test_client(), engine, event, "lit@example.org")
    page, base = f"/evenements/{event}/organiser", f"/evenements/{event}"

    def statuses() -> set[str]:
        with engine.connect() as connection:
            return set(connection.execute(text("SELECT status FROM event")).scalars())

    sent_mails(engine)
    asked = organiser.act(f"{base}/annuler", page, scope="all", note="Grippe.")
    assert (asked.status_code, statuses()) == (200, {"published"})
    assert re.search(r"5[0-9] dates vont être annulées", asked.text)
    assert "1 personne inscrite en sera avertie" in asked.text
    assert "Grippe." in asked.text
    assert [one for one in sent_mails(engine) if one.kind == "event_change"] == []
    done = organiser.act(f"{base}/annuler", page, scope="all", note="Grippe.", sure="1")
    assert (done.status_code, statuses()) == (303, {"cancelled"})

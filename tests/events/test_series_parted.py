"""A series that is changed more than once: no date that nobody chose, no word that is not so."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import icalendar
import pytest
from flask import Flask
from sqlalchemy import Connection, Engine, text

from mapservice.events import queries, service
from mapservice.events.model import ChangeScope, Event, EventStatus
from mapservice.events.recurrence import EventTimes, RecurrenceRule
from mapservice.events.recurrence_words import series_words
from mapservice.geocoding.service import Locator
from mapservice.i18n import format_date
from tests.events.organiser import SENDER, Organiser, form_fields, make_event, make_person, publish
from tests.events.test_changes import change, dates
from tests.moderation.moderator import Moderator

NOW = datetime.now(UTC)


@pytest.fixture
def bounded(engine: Engine) -> tuple[UUID, list[Event]]:
    """An organiser, and ten dates of what takes place each week until a day."""
    with engine.begin() as connection:
        person = make_person(connection, "Ana")
        first = make_event(connection, rrule="FREQ=WEEKLY;COUNT=10", person=person)
        return person, dates(connection, first)


def standing(connection: Connection, one: Event) -> list[Event]:
    """The dates of all parts that take place, in order."""
    series = queries.find_series(connection, one.series)
    assert series
    return sorted(
        (
            date
            for part in queries.series_linked_to(connection, series)
            for date in queries.of_series(connection, part)
            if date.status in (EventStatus.PUBLISHED, EventStatus.MOVED)
        ),
        key=lambda date: date.starts_at,
    )


@pytest.mark.parametrize("hours", [-2, -1, 1, 3])
def test_an_hour_for_all_to_come_makes_no_date_beside_those_that_follow(
    engine: Engine, locator: Locator, bounded: tuple[UUID, list[Event]], hours: int
) -> None:
    person, made = bounded
    change(engine, locator, person, made[5].id, ChangeScope.FOLLOWING, hours=1)
    change(engine, locator, person, made[0].id, ChangeScope.ALL, hours=hours)
    with engine.connect() as connection:
        first = queries.find(connection, made[0].id)
        assert first
        found = standing(connection, first)
    assert [one.id for one in found] == [one.id for one in made], "each once, and no other"
    assert [one.starts_local - was.starts_local for one, was in zip(found, made, strict=True)] == [
        *[timedelta(hours=hours)] * 5,
        *[timedelta(hours=1)] * 5,
    ]
    # Nor does a night make any.
    assert service.extend(engine, NOW + timedelta(days=30)) == 0


def test_a_bounded_rule_ends_with_the_same_date_at_its_new_hour(
    engine: Engine, locator: Locator
) -> None:
    until = (NOW + timedelta(days=40)).strftime("%Y%m%dT%H%M%SZ")
    with engine.begin() as connection:
        person = make_person(connection, "Ana")
        first = make_event(connection, rrule=f"FREQ=WEEKLY;UNTIL={until}", person=person)
        before = dates(connection, first)
    change(engine, locator, person, first, ChangeScope.ALL, hours=5)
    with engine.connect() as connection:
        one = queries.find(connection, first)
        assert one
        assert len(standing(connection, one)) == len(before)


def test_what_was_said_of_a_date_comes_back_with_it(
    engine: Engine, bounded: tuple[UUID, list[Event]]
) -> None:
    person, made = bounded
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE event SET note = 'La salle est prise.' WHERE id = :id"), {"id": made[2].id}
        )
        service.cancel(connection, made[0].id, person, ChangeScope.ALL, "Fini.", SENDER, NOW)
        off = queries.of_series(connection, made[0].series)
        assert {one.note for one in off} == {"Fini."}
        service.undo_cancellation(connection, made[0].id, person, SENDER, NOW)
        back = queries.of_series(connection, made[0].series)
    assert [one.note for one in back] == ["", "", "La salle est prise.", *[""] * 7]


def words_of(connection: Connection, one: UUID, language: str = "fr") -> str:
    found = queries.find(connection, one)
    assert found
    series = queries.find_series(connection, found.series)
    assert series
    return series_words(
        series.times,
        queries.of_series(connection, series.id),
        found,
        NOW,
        goes_on=queries.has_later_parts(connection, series, NOW),
        language=language,
    )


def days(some: Sequence[Event], locale: str = "fr_FR") -> list[str]:
    return [format_date(one.starts_local, "long", locale) for one in some]


def test_the_sentence_of_a_rule_is_what_its_dates_are(
    engine: Engine, locator: Locator, bounded: tuple[UUID, list[Event]]
) -> None:
    person, made = bounded
    last, third = days([made[9]])[0], days([made[2]])[0]
    with engine.begin() as connection:
        assert words_of(connection, made[0].id).endswith(f", jusqu’au {last}")
        service.cancel(connection, made[2].id, person, ChangeScope.THIS, "", SENDER, NOW)
        told = words_of(connection, made[0].id)
        assert told.endswith(f", jusqu’au {last}, sauf le {third}")
        assert words_of(connection, made[2].id) == "", "what is called off is none of them"
    # Moved to another day, it is none of them either, and they are named.
    change(engine, locator, person, made[4].id, ChangeScope.THIS, hours=24)
    fifth = days([made[4]])[0]
    with engine.begin() as connection:
        assert words_of(connection, made[4].id) == ""
        told = words_of(connection, made[0].id)
        assert told.endswith(f", sauf le {third} et le {fifth}")
        assert ", except on " in words_of(connection, made[0].id, "en")
        service.cancel(connection, made[6].id, person, ChangeScope.THIS, "", SENDER, NOW)
        service.cancel(connection, made[7].id, person, ChangeScope.THIS, "", SENDER, NOW)
        assert words_of(connection, made[0].id).endswith(", sauf 4 dates")
        # The last is called off: it ends before.
        service.cancel(connection, made[9].id, person, ChangeScope.THIS, "", SENDER, NOW)
        assert f"jusqu’au {days([made[8]])[0]}" in words_of(connection, made[0].id)


def test_a_part_says_that_others_follow_at_other_hours(
    engine: Engine, locator: Locator, bounded: tuple[UUID, list[Event]]
) -> None:
    person, made = bounded
    change(engine, locator, person, made[5].id, ChangeScope.FOLLOWING, hours=1)
    with engine.connect() as connection:
        first = words_of(connection, made[0].id)
        assert first.endswith(
            f"jusqu’au {days([made[4]])[0]}\u00a0; ensuite, d’autres jours ou d’autres heures"
        )
        assert words_of(connection, made[6].id).endswith(f"jusqu’au {days([made[9]])[0]}")


def test_who_comes_to_a_part_that_is_called_off_hears_that_others_stand(
    engine: Engine, locator: Locator, bounded: tuple[UUID, list[Event]]
) -> None:
    person, made = bounded
    change(engine, locator, person, made[5].id, ChangeScope.FOLLOWING, hours=1)
    with engine.begin() as connection:
        service.cancel(connection, made[0].id, person, ChangeScope.ALL, "", SENDER, NOW)
        off = queries.find(connection, made[0].id)
        last = queries.find(connection, made[9].id)
        assert off
        assert last
        assert queries.others_stand(connection, off)
        assert not queries.others_stand(connection, last)


def test_of_a_rule_that_leaves_one_date_nothing_is_said(bounded: tuple[UUID, list[Event]]) -> None:
    _person, made = bounded
    times = EventTimes(
        made[0].starts_local,
        timedelta(hours=2),
        "Europe/Paris",
        RecurrenceRule.parse("FREQ=WEEKLY"),
    )
    off = [replace(one, status=EventStatus.CANCELLED) for one in made[1:]]
    assert series_words(times, [made[0], *off], made[0], NOW) == ""
    assert series_words(times, made, made[0], NOW).startswith("tous les ")


def test_a_series_that_is_called_off_whole_is_so_in_calendars(
    engine: Engine, event_app: Flask, bounded: tuple[UUID, list[Event]]
) -> None:
    person, made = bounded
    with engine.begin() as connection:
        service.cancel(connection, made[0].id, person, ChangeScope.ALL, "", SENDER, NOW)
    answer = event_app.test_client().get(f"/evenements/{made[0].id}/serie.ics")
    master, *overrides = icalendar.Calendar.from_ical(answer.text).walk("VEVENT")
    assert str(master["STATUS"]) == "CANCELLED"
    assert "RRULE" not in master
    assert {str(one["STATUS"]) for one in overrides} == {"CANCELLED"}


def test_fewer_seats_than_are_taken_is_told_before(
    organiser: Organiser, eva: Moderator, engine: Engine
) -> None:
    identifier = organiser.propose(capacity="4", max_seats="4")
    publish(eva, engine, identifier)
    with engine.begin() as connection:
        connection.execute(
            text(
                """INSERT INTO event_registration (event, person, state, seats)
                   VALUES (:event, :person, 'confirmed', 3)"""
            ),
            {"event": identifier, "person": make_person(connection)},
        )
    path = f"/evenements/{identifier}/modifier"
    fields = form_fields(organiser.client.get(path).text)
    for capacity, is_told in (("1", True), ("3", False), ("", False)):
        sent = {**fields, "capacity": capacity, "action": "preview"}
        page = organiser.client.post(path, data=sent).text
        assert ("3 places sont déjà prises ou proposées" in page) is is_told
    assert organiser.edit(identifier, capacity="1").status_code == 303
    page = organiser.client.get(f"/evenements/{identifier}").text
    assert "Complet : la seule place est prise ou proposée." in page.replace("\u00a0", " ")


def test_the_clock_moves_with_the_place_where_nobody_chose_one(organiser: Organiser) -> None:
    identifier = organiser.propose(place="Saint-Denis (974)")
    path = f"/evenements/{identifier}/modifier"
    page = organiser.client.get(path).text
    assert re.search(r'value="Indian/Reunion" selected', page)
    fields = {**form_fields(page), "place": "Brest", "choice": "", "action": "preview"}
    told = organiser.client.post(path, data=fields).text
    assert "À l’heure de là-bas" not in told.replace("\u00a0", " ")
    # An hour that somebody chose stays.
    fields["zone"] = "America/Martinique"
    told = organiser.client.post(path, data=fields).text
    assert "Martinique" in told.partition("À l’heure de là-bas")[2][:80]


def test_the_page_that_leaves_names_what_is_left(
    organiser: Organiser, eva: Moderator, event_app: Flask, engine: Engine
) -> None:
    from mapservice.events import registration_service
    from mapservice.mail.unsubscribe import signature

    identifier = organiser.propose()
    publish(eva, engine, identifier)
    with engine.begin() as connection:
        known = registration_service.register(
            connection, identifier, make_person(connection), SENDER, NOW
        )
        signed = signature(known.id, known.leave_key)
    page = event_app.test_client().get(f"/evenements/{identifier}/quitter/{known.id}/{signed}")
    assert "Atelier vélo devant la gare" in page.text
    assert "18 h 30" in page.text.replace("\u00a0", " ")

"""Calendars read back by icalendar and by ical.js: the same occurrences as the rows."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import icalendar
import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from mapservice.events import queries, service
from mapservice.events.calendar_format import _folded
from mapservice.events.model import ChangeScope, Event, EventStatus
from mapservice.events.timezone_format import timezone_lines
from mapservice.geocoding.service import Locator
from tests.events.organiser import SENDER, make_event, make_person, soon
from tests.events.reading import by_ical_js
from tests.events.test_changes import change

NOW = datetime.now(UTC)
END_OF_TIME = "2099-01-01T00:00:00"


def rows(connection: Connection, identifier: UUID) -> list[Event]:
    found = queries.find(connection, identifier)
    assert found
    return queries.of_series(connection, found.series)


@pytest.mark.parametrize(
    "zone",
    ["Europe/Paris", "America/Miquelon", "Indian/Reunion", "Indian/Mayotte", "America/Cayenne"],
)
def test_a_series_with_changes_reads_back_as_its_rows(
    engine: Engine, locator: Locator, client: FlaskClient, zone: str
) -> None:
    with engine.begin() as connection:
        person = make_person(connection)
        first = make_event(
            connection, rrule="FREQ=WEEKLY;BYDAY=TU,SA", person=person, zone=zone, capacity=5
        )
        made = rows(connection, first)
    change(engine, locator, person, made[3].id, ChangeScope.THIS, hours=3)
    with engine.begin() as connection:
        service.cancel(connection, made[5].id, person, ChangeScope.THIS, "", SENDER, NOW)
        made = rows(connection, first)
    until = (made[-1].recurrence_id + timedelta(minutes=1)).isoformat()
    ics = client.get(f"/evenements/{first}/serie.ics").text
    (found,) = by_ical_js([(ics, until)])
    told = [(one["recurrence"], one["start"], one["end"], one["status"]) for one in found["found"]]
    assert told == [
        (
            one.recurrence_id.isoformat(),
            one.starts_local.isoformat(),
            one.ends_local.isoformat(),
            "CANCELLED" if one.status is EventStatus.CANCELLED else "CONFIRMED",
        )
        for one in made
    ]
    assert [one["utc"] for one in found["found"]] == [
        int(one.starts_at.timestamp()) for one in made
    ]
    assert {one["zone"] for one in found["found"]} == {zone}
    # icalendar reads it as well, each component with its zone.
    calendar = icalendar.Calendar.from_ical(ics)
    master, *others = calendar.walk("VEVENT")
    assert len(others) == 2
    assert {str(one["UID"]) for one in calendar.walk("VEVENT")} == {str(master["UID"])}
    assert {str(one["STATUS"]) for one in others} == {"CONFIRMED", "CANCELLED"}
    # Ninety days after, what was cancelled is left out.
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE event DISABLE TRIGGER event_touch"))
        connection.execute(
            text(
                "UPDATE event SET changed_at = now() - interval '91 days'"
                " WHERE status = 'cancelled'"
            )
        )
        connection.execute(text("ALTER TABLE event ENABLE TRIGGER event_touch"))
    (later,) = by_ical_js([(client.get(f"/evenements/{first}/serie.ics").text, until)])
    assert len(later["found"]) == len(made) - 1


def test_a_feed_of_occurrences_reads_back(engine: Engine, client: FlaskClient) -> None:
    with engine.begin() as connection:
        for zone in ("Europe/Paris", "Indian/Reunion", "America/Miquelon"):
            make_event(connection, rrule="FREQ=WEEKLY", zone=zone)
        made = [
            one
            for row in connection.execute(text("SELECT DISTINCT ON (series) id FROM event"))
            for one in rows(connection, row.id)
        ]
    year = NOW.date() + timedelta(days=400)
    ics = client.get(f"/evenements.ics?from={NOW.date()}&to={year}").text
    (found,) = by_ical_js([(ics, END_OF_TIME)])
    told = {(one["uid"], one["start"], one["utc"]) for one in found["found"]}
    assert told == {
        (str(one.id), one.starts_local.isoformat(), int(one.starts_at.timestamp())) for one in made
    }
    assert sorted(found["zones"]) == ["America/Miquelon", "Europe/Paris", "Indian/Reunion"]
    by_icalendar = {
        (str(one["UID"]), one.decoded("DTSTART").replace(tzinfo=None).isoformat())
        for one in icalendar.Calendar.from_ical(ics).walk("VEVENT")
    }
    assert by_icalendar == {(uid, start) for uid, start, _ in told}
    # No line is longer than a line may be, and none is cut within a character.
    assert max(len(line) for line in ics.encode().split(b"\r\n")) <= 75


@given(st.text(max_size=400).map(lambda words: re.sub(r"[\r\n]", "", words)))
def test_folding_cuts_no_character_and_loses_none(words: str) -> None:
    line = words.encode("utf-8", "ignore")
    folded = _folded(line)
    parts = folded.split(b"\r\n")
    assert all(len(part) <= 75 for part in parts)
    assert all(part.decode() is not None for part in parts), "none ends within a character"
    assert folded.replace(b"\r\n ", b"") == line
    assert len(parts) == 1 or all(len(part) >= 72 for part in parts[:-1]), "and none is short"


def test_an_unchanged_feed_has_the_same_bytes(engine: Engine, client: FlaskClient) -> None:
    with engine.begin() as connection:
        event = make_event(connection)
    day = soon().date()
    address = f"/evenements.ics?from={day}&to={day}"
    first = client.get(address)
    again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    with engine.begin() as connection:
        connection.execute(text("UPDATE event SET title = 'Autre' WHERE id = :id"), {"id": event})
    assert client.get(address).headers["ETag"] != first.headers["ETag"]


def test_signs_that_calendars_escape(engine: Engine, client: FlaskClient) -> None:
    title = "Fête; musique, danse \\ « été » 🎉" + "é" * 60
    with engine.begin() as connection:
        event = make_event(connection)
        connection.execute(
            text("UPDATE event SET title = :title WHERE id = :id"), {"title": title, "id": event}
        )
    ics = client.get(f"/evenements/{event}.ics").text
    (shown,) = icalendar.Calendar.from_ical(ics).walk("VEVENT")
    assert str(shown["SUMMARY"]) == title


def test_onsets_are_told_by_the_clock_before_them() -> None:
    lines = timezone_lines("Europe/Paris", 2027, 2027)
    assert "DTSTART:20270328T020000" in lines
    assert "DTSTART:20271031T030000" in lines
    assert [line for line in timezone_lines("Indian/Reunion", 2027, 2030) if "OFFSET" in line] == [
        "TZOFFSETFROM:+0400",
        "TZOFFSETTO:+0400",
    ]


@pytest.mark.parametrize(
    ("written", "mode", "told"),
    [
        ("Rennes", "place", "dans la commune de Rennes"),
        ("Halle de la Courrouze, 35000 Rennes", "place", "Halle de la Courrouze, 35000 Rennes"),
        ("rue de Rennes", "place", "rue de Rennes · dans la commune de Rennes"),
        ("Maison, Rennes", "both", "Maison, Rennes, et en ligne"),
        ("", "place", "dans la commune de Rennes"),
    ],
)
def test_a_calendar_says_the_commune_once(
    engine: Engine, client: FlaskClient, written: str, mode: str, told: str
) -> None:
    with engine.begin() as connection:
        made = make_event(connection, person=make_person(connection))
        connection.execute(
            text(
                """UPDATE event SET mode = :mode, place_text = :written, precision = 'commune',
                                    commune = '35238' WHERE id = :id"""
            ),
            {"id": made, "mode": mode, "written": written},
        )
    (event,) = icalendar.Calendar.from_ical(client.get(f"/evenements/{made}.ics").text).events
    assert str(event["LOCATION"]).replace("\xa0", " ") == told


def test_an_event_is_passed_on_as_an_initiative_is(engine: Engine, client: FlaskClient) -> None:
    with engine.begin() as connection:
        made = make_event(connection, person=make_person(connection))
    page = client.get(f"/evenements/{made}").text
    assert 'id="partager"' in page
    assert "Intégrer" not in page.split('id="partager"')[1].split("</details>")[0]
    code = client.get(f"/evenements/{made}/qr.svg")
    assert code.content_type == "image/svg+xml"
    assert f"/evenements/{made}" in code.text
    assert client.get("/evenements/00000000-0000-4000-8000-000000000000/qr.svg").status_code == 404


@pytest.mark.parametrize("zone", ["Europe/Paris", "Indian/Reunion"])
def test_whole_days_are_days_wherever_the_reader_is(
    engine: Engine, client: FlaskClient, zone: str
) -> None:
    """RFC 5545: DATE for the beginning, the end that it does not reach, UNTIL and what differs."""
    begins = soon().replace(hour=0, minute=0)
    rule = f"FREQ=DAILY;UNTIL={begins + timedelta(days=3):%Y%m%dT%H%M%S}"
    with engine.begin() as connection:
        person = make_person(connection)
        first = make_event(connection, start=begins, rrule=rule, person=person, zone=zone, hours=24)
        made = rows(connection, first)
        service.cancel(connection, made[1].id, person, ChangeScope.THIS, "", SENDER, NOW)
    assert len(made) == 4
    one = client.get(f"/evenements/{first}.ics").text
    day = "%Y%m%d"
    assert f"DTSTART;VALUE=DATE:{begins:{day}}\r\n" in one
    assert f"DTEND;VALUE=DATE:{begins + timedelta(days=1):{day}}\r\n" in one
    series = client.get(f"/evenements/{first}/serie.ics").text
    assert f"UNTIL={begins + timedelta(days=3):{day}}\r\n" in series
    assert f"RECURRENCE-ID;VALUE=DATE:{begins + timedelta(days=1):{day}}\r\n" in series
    (found,) = by_ical_js([(series, END_OF_TIME)])
    told = [(one["start"][:10], one["end"][:10], one["status"]) for one in found["found"]]
    assert told == [
        (
            f"{row.starts_local:%Y-%m-%d}",
            f"{row.ends_local:%Y-%m-%d}",
            "CANCELLED" if row.id == made[1].id else "CONFIRMED",
        )
        for row in made
    ]
    assert len(list(icalendar.Calendar.from_ical(series).walk("VEVENT"))) == 2

"""What people do with events in these tests: propose, publish, register, read their mails."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text
from werkzeug.test import TestResponse

from mapservice.contributions.proposals.model import ProposedPlace
from mapservice.events import letters, registration_service, service
from mapservice.events.model import EventContent, EventMode, EventStatus, RegistrationMode
from mapservice.events.recurrence import PARIS, EventTimes, RecurrenceRule, wall_time
from mapservice.initiatives.model import Theme
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead, Mail
from mapservice.settings import Settings
from tests.accounts.people.mailbox import last_link, press, token_of
from tests.contributions.proposals.desk import hidden, preview
from tests.moderation.moderator import Moderator

ADDRESS = "orga@example.org"
SENDER = "Carte <carte@map.test>"
SITE = Letterhead("Carte", "http://map.test", SENDER)


def soon(days: int = 10, hour: int = 18) -> datetime:
    """A wall time in Paris, some days ahead."""
    day = wall_time(datetime.now(UTC), PARIS).date() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, hour, 30)


def event_fields(**changes: str) -> dict[str, str]:
    start = soon()
    return {
        "title": "Atelier vélo devant la gare",
        "summary": "On répare ensemble.",
        "description": "Venez avec *votre* vélo.",
        "theme": "mobilite",
        "mode": "place",
        "place": "Rennes",
        "starts": f"{start:%Y-%m-%dT%H:%M}",
        "ends": f"{start + timedelta(hours=2):%Y-%m-%dT%H:%M}",
        "repeat": "",
        "registration": "open",
        "capacity": "2",
        "max_seats": "2",
        "email": ADDRESS,
        **changes,
    }


@dataclass(frozen=True, slots=True)
class Organiser:
    """Somebody who proposes events in a browser."""

    client: FlaskClient
    engine: Engine

    def propose(self, **changes: str) -> UUID:
        """Sends the form and presses the mailed link; returns the event's id, not public yet."""
        fields = event_fields(**changes)
        path = "/evenements/proposer"
        answer, carried = preview(self.client, fields, path)
        assert answer.status_code == 200, answer.text
        sent = self.client.post(path, data={**carried, "action": "send"})
        if sent.headers["Location"] == "/connexion/envoyee":
            sent = press(self.client, last_link(self.engine, fields["email"]))
        assert sent.status_code == 303, sent.text
        found = re.search(r"/evenements/([0-9a-f-]{36})/organiser", sent.headers["Location"])
        assert found, sent.headers["Location"]
        return UUID(found[1])

    def edit(self, identifier: UUID, **changes: str) -> TestResponse:
        """Looks, then sends the form of an event with some fields changed."""
        path = f"/evenements/{identifier}/modifier"
        page = self.client.get(path).text
        fields = {**form_fields(page), **changes}
        answer = self.client.post(path, data={**fields, "action": "preview"})
        assert answer.status_code == 200, answer.text
        if 'name="understood"' in answer.text:
            fields["understood"] = hidden(answer.text, "understood")
        return self.client.post(path, data={**fields, "action": "send"})

    def act(self, path: str, page: str, **form: str) -> TestResponse:
        token = token_of(self.client.get(page).text)
        return self.client.post(path, data={"token": token, **form})


def form_fields(page: str) -> dict[str, str]:
    """What the form of an event carries, as a browser would send it."""
    from html import unescape

    fields: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        kind = re.search(r'type="([^"]+)"', tag)
        if not name or (kind and kind[1] in ("radio", "checkbox") and " checked" not in tag):
            continue
        fields[name[1]] = unescape(value[1]) if value else ""
    for name_, body in re.findall(
        r'<textarea[^>]*name="([^"]+)"[^>]*>\n?(.*?)</textarea>', page, re.S
    ):
        fields[name_] = unescape(body)
    for name_, body in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'value="([^"]*)" selected', body)
        first = re.search(r'value="([^"]*)"', body)
        fields[name_] = chosen[1] if chosen else first[1] if first else ""
    fields.pop("site_web", None)
    return fields


def publish(
    eva: Moderator, engine: Engine, identifier: UUID, verdict: str = "publish", **form: str
) -> TestResponse:
    """A moderator reads the case of an event, and decides."""
    with engine.connect() as connection:
        series = series_of(connection, identifier)
    path = f"/moderation/evenements/{series}"
    page = eva.get(path).text
    sent = {"verdict": verdict, "revision": hidden(page, "revision"), **form}
    return eva.post(path, page, **sent)


def series_of(connection: Connection, identifier: UUID) -> UUID:
    found: UUID = connection.execute(
        text("SELECT series FROM event WHERE id = :id"), {"id": identifier}
    ).scalar_one()
    return found


def make_person(connection: Connection, name: str = "") -> UUID:
    address = f"{uuid4().hex}@example.org"
    found: UUID = connection.execute(
        text(
            """INSERT INTO person (email, email_key, name, confirmed_at)
               VALUES (:address, :address, :name, now()) RETURNING id"""
        ),
        {"address": address, "name": name},
    ).scalar_one()
    return found


def make_event(
    connection: Connection,
    *,
    capacity: int | None = None,
    start: datetime | None = None,
    rrule: str = "",
    registration: str = "open",
    max_seats: int = 2,
    person: UUID | None = None,
    zone: str = PARIS,
    title: str = "Repas de quartier",
    status: EventStatus = EventStatus.PUBLISHED,
    hours: int = 2,
) -> UUID:
    """An event without a place, public unless told; returns its first occurrence."""
    content = EventContent(
        title=title,
        summary="",
        description="",
        theme=Theme.SOLIDARITE,
        mode=EventMode.ONLINE,
        place=ProposedPlace(),
        registration=RegistrationMode(registration),
        capacity=capacity,
        max_seats=max_seats,
    )
    times = EventTimes(
        start or soon(),
        timedelta(hours=hours),
        zone,
        RecurrenceRule.parse(rrule, zone) if rrule else None,
    ).aligned()
    now = datetime.now(UTC)
    series = service.make_series(connection, content, times, None, status, now, person=person)
    connection.execute(
        text("UPDATE event_series SET published_at = now() WHERE id = :id"), {"id": series}
    )
    found: UUID = connection.execute(
        text("SELECT id FROM event WHERE series = :series ORDER BY starts_at LIMIT 1"),
        {"series": series},
    ).scalar_one()
    return found


def written(engine: Engine, kind: str) -> list[Mapping[str, Any]]:
    """Late mails of a kind that wait, the oldest first."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                """SELECT id, kind, recipient, payload, state FROM delivery
                    WHERE kind = :kind ORDER BY created_at, id"""
            ),
            {"kind": kind},
        ).mappings()
        return [dict(row) for row in rows]


def letter_of(connection: Connection, payload: Mapping[str, Any]) -> Mail | None:
    """The late mail of a payload, as it would be sent now."""
    return letters.renderer(Settings(public_url="http://map.test"))(connection, payload)


def sent_mails(engine: Engine) -> list[Any]:
    """Runs the worker's sending once; returns what left, as it was at that moment."""
    from contextlib import contextmanager

    left: list[Any] = []

    @contextmanager
    def transport() -> Any:
        yield left.append

    renderer = letters.renderer(Settings(public_url="http://map.test"))
    mail.send_due(engine, transport, renderers={registration_service.RENDERER: renderer})
    return left

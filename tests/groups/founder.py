"""What people do with groups in these tests: start, publish, join, see who is there."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text
from werkzeug.test import TestResponse

from mapservice.contributions.proposals.model import ProposedPlace
from mapservice.geocoding.model import Precision
from mapservice.groups import membership_service as membership
from mapservice.groups import queries, service
from mapservice.groups.model import (
    GroupContent,
    GroupOpenness,
    GroupStatus,
    MemberChoice,
    MemberStanding,
)
from mapservice.groups.service import GroupPlaceReading
from mapservice.initiatives.model import Scale, Theme
from mapservice.mail.model import Letterhead
from tests.accounts.people.mailbox import last_link, press, token_of
from tests.contributions.proposals.desk import hidden, preview
from tests.moderation.moderator import Moderator

ADDRESS = "orga@example.org"
SITE = Letterhead("Carte", "http://map.test", "Carte <carte@map.test>")


def group_fields(**changes: str) -> dict[str, str]:
    return {
        "title": "Les berges de Rennes",
        "summary": "On ramasse au bord de l’eau.",
        "description": "Gants *fournis*.",
        "theme": "environnement",
        "place": "Rennes",
        "area": "commune",
        "openness": "moderated",
        "organisation": "",
        "email": ADDRESS,
        "name": "Zélie",
        **changes,
    }


@dataclass(frozen=True, slots=True)
class Founder:
    """Somebody who starts groups in a browser."""

    client: FlaskClient
    engine: Engine

    def found(self, **changes: str) -> UUID:
        """Sends the form and presses the mailed link; returns the group's id, not public yet."""
        fields, path = group_fields(**changes), "/groupes/creer"
        answer, carried = preview(self.client, fields, path)
        assert answer.status_code == 200, answer.text
        sent = self.client.post(path, data={**carried, "action": "send"})
        if sent.headers["Location"] == "/connexion/envoyee":
            sent = press(self.client, last_link(self.engine, fields["email"]))
        assert sent.status_code == 303, sent.text
        found = re.search(r"/groupes/([0-9a-f-]{36})/organiser", sent.headers["Location"])
        assert found, sent.headers["Location"]
        return UUID(found[1])

    def post(self, path: str, page: str, **form: str) -> TestResponse:
        token = token_of(self.client.get(page).text)
        return self.client.post(path, data={"token": token, **form})


def publish(
    eva: Moderator, identifier: UUID, verdict: str = "publish", **form: str
) -> TestResponse:
    """A moderator reads the case of a group, and decides."""
    path = f"/moderation/groupes/{identifier}"
    page = eva.get(path).text
    sent = {"verdict": verdict, "revision": hidden(page, "revision"), **form}
    return eva.post(path, page, **sent)


def join(
    app: Flask, engine: Engine, identifier: UUID, email: str, **form: str
) -> tuple[FlaskClient, str]:
    """Joins by mailed link; returns the browser, and the page that the link leads to."""
    client = app.test_client()
    path = f"/groupes/{identifier}/adhesion"
    token = token_of(client.get(path).text)
    sent = client.post(path, data={"token": token, "email": email, "as": "member", **form})
    assert sent.headers["Location"] == "/connexion/envoyee", sent.text
    done = press(client, last_link(engine, email))
    assert done.status_code == 303, done.text
    return client, client.get(done.headers["Location"]).text


def make_group(
    connection: Connection,
    organiser: UUID | None,
    openness: GroupOpenness = GroupOpenness.OPEN,
    name: str = "Repas de quartier",
) -> UUID:
    """A public group for all of France."""
    content = GroupContent(
        name=name,
        summary="",
        description="",
        theme=Theme.SOLIDARITE,
        openness=openness,
        area=Scale.NATIONAL,
        place=ProposedPlace(),
    )
    place = GroupPlaceReading(None, Precision.NATIONAL, None)
    now = datetime.now(UTC)
    made = service.make(connection, content, place, GroupStatus.PUBLISHED, now)
    if organiser:
        choice = MemberChoice()
        membership.add(connection, made, organiser, MemberStanding.ORGANISER, choice)
    return made


def member_of(engine: Engine, group: UUID, name: str) -> UUID:
    """The id of the row of who has this name in a group."""
    with engine.connect() as connection:
        found = [one.id for one in queries.members(connection, group) if one.name == name]
    (only,) = found
    return only


def standings(engine: Engine, group: UUID) -> dict[str, str]:
    """How people of a group stand, by the names that they told."""
    with engine.connect() as connection:
        return {one.name: str(one.standing) for one in queries.members(connection, group)}


def person_of(engine: Engine, email: str) -> UUID:
    with engine.connect() as connection:
        found: UUID = connection.execute(
            text("SELECT id FROM person WHERE email = :email"), {"email": email}
        ).scalar_one()
        return found

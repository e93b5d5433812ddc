"""Who looks after Bretagne in December 2025, and the letters that reach them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.notifications.weekly_digest import service
from mapservice.settings import Settings
from tests.accounts.people.mailbox import ADDRESS, Received, mails_to, sign_in
from tests.accounts.roles.cast import grant
from tests.web.population import Made, insert

SETTINGS = Settings(database_url="", public_url="http://map.test")
# A Monday in winter, when Paris is one hour ahead; the letter of that day tells of the week before.
MONDAY = date(2025, 12, 8)
WEEK = timedelta(days=7)
RENNES, FOUGERES, CAEN = "35238", "35115", "14118"
RENNES_METROPOLE = "epci:243500139"
BRETAGNE, ILLE_ET_VILAINE, NORMANDIE = "region:53", "departement:35", "region:28"


def look_after(
    client: FlaskClient,
    engine: Engine,
    *territories: str,
    email: str = ADDRESS,
    role: str = "moderator",
) -> UUID:
    """Signs in somebody who has had these roles for a month before that Monday."""
    sign_in(client, engine, email)
    for territory in territories:
        person = grant(engine, email, role, territory)
    with engine.begin() as connection:
        connection.execute(text("UPDATE role_grant SET granted_at = '2025-11-05T12:00Z'"))
    return person


def publish(engine: Engine, moment: str, *made: Made) -> None:
    """Comes to its state, and was created, at that moment."""
    with engine.begin() as connection:
        insert(connection, made)
        statement = "UPDATE initiative SET state_since = :at, created_at = :at WHERE id = ANY(:ids)"
        ids = [one.id for one in made]
        connection.execute(text(statement), {"at": datetime.fromisoformat(moment), "ids": ids})


def spread(commune: str, count: int, *, days_ago: int) -> list[Made]:
    """Initiatives that began around a day before that Monday."""
    moment = datetime(2025, 12, 8, tzinfo=UTC) - timedelta(days=days_ago)
    return [Made(commune=commune, created_at=moment.isoformat()) for _ in range(count)]


def keep(engine: Engine, made: Sequence[Made]) -> None:
    """Known for long: `state_since` lies before any letter."""
    with engine.begin() as connection:
        insert(connection, made)
        connection.execute(text("UPDATE initiative SET state_since = created_at"))


def tell(engine: Engine, day: date = MONDAY) -> int:
    return service.tell(engine, SETTINGS, day)


def letters(engine: Engine, recipient: str = ADDRESS) -> list[Received]:
    return [mail for mail in mails_to(engine, recipient) if mail.kind == "briefing"]


def letter(engine: Engine, recipient: str = ADDRESS) -> Received:
    return letters(engine, recipient)[-1]

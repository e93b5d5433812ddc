"""Following, leaving, and the digests: one mail a day at most, and only when something is new.

A digest is written in one transaction with all that says it was: it locks its follower, notes what
was found, keeps the mail and moves `told_until` to the horizon. A worker that dies in the middle
leaves nothing of it; two workers skip each other's followers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from mapservice.accounts.people import service as people
from mapservice.accounts.people.model import MagicLink
from mapservice.accounts.people.service import ConfirmationRequest
from mapservice.errors import MapserviceError, StateConflict
from mapservice.i18n.locale import PARIS
from mapservice.i18n.phrases import translator
from mapservice.initiatives.changes import horizon
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead, Mail
from mapservice.mail.service import EmailAddress
from mapservice.notifications.subscriptions import queries
from mapservice.notifications.subscriptions.model import (
    MAX_SUBSCRIPTIONS,
    Follower,
    Subscription,
    SubscriptionSubject,
    leave_path,
)
from mapservice.notifications.subscriptions.queries import SubjectNews
from mapservice.notifications.subscriptions.words import place_words, subject_words
from mapservice.settings import Settings

log = structlog.get_logger()

PURPOSE = "follow"
NOBODY = UUID(int=0)
# How many initiatives a digest names for each subscription; a link leads to the others.
LISTED = 10
DIGEST_DAYS = 90

KEEP_FOLLOWER = """
INSERT INTO follower (person, base_url, told_on) VALUES (:person, :base_url, :today)
    ON CONFLICT (person) DO UPDATE SET base_url = excluded.base_url"""

KEEP_SUBSCRIPTION = """
INSERT INTO subscription (person, filter, area, told_until)
VALUES (:person, :filter, ST_GeomFromText(:area, 4326), :told_until)
    ON CONFLICT DO NOTHING"""

KEEP_DIGEST = "INSERT INTO digest (subscription, day, news) VALUES (:subscription, :day, :news)"
# A horizon may lie before an earlier one; what was told stays told.
TOLD_UNTIL = """
UPDATE subscription SET told_until = greatest(told_until, :until) WHERE person = :person"""
TOLD_ON = "UPDATE follower SET told_on = :day WHERE person = :person"
FORGET = "DELETE FROM digest WHERE day < current_date - CAST(:days AS integer)"

# The follower stays: its link has to answer the same however often it is pressed.
LEAVE = """
DELETE FROM subscription USING follower
 WHERE subscription.person = follower.person AND follower.id = :id"""


@dataclass(frozen=True, slots=True)
class DigestPart:
    """What is new in one subscription."""

    subscription: Subscription
    news: SubjectNews


def ask(
    connection: Connection,
    site: Letterhead,
    email: EmailAddress,
    subject: SubscriptionSubject,
    locale: str,
) -> None:
    """Mails the link that confirms; until it is used, the subject is in its token alone."""
    payload = {"query": subject.query, "area": str(subject.area or "")}
    words = describe(connection, subject, locale)
    people.ask_confirmation(
        connection,
        site,
        email,
        ConfirmationRequest(
            purpose=PURPOSE,
            letter=PURPOSE,
            payload=payload,
            values={"what": words},
            locale=locale,
        ),
    )


def subject_of(token: MagicLink) -> SubscriptionSubject:
    """What a link that `ask` mailed is about."""
    return SubscriptionSubject.of_query(str(token.payload["query"]), str(token.payload["area"]))


def follow(
    connection: Connection, person: UUID, subject: SubscriptionSubject, base_url: str
) -> None:
    """What is published from now on is told. The same subject twice is one subscription.

    Raises Conflict when there are too many.
    """
    today = datetime.now(PARIS).date()
    bound = {"person": person, "base_url": base_url, "today": today}
    connection.execute(text(KEEP_FOLLOWER), bound)
    connection.execute(
        text(KEEP_SUBSCRIPTION),
        {
            "person": person,
            "filter": subject.query,
            "area": subject.area.wkt if subject.area else None,
            "told_until": horizon(connection),
        },
    )
    if len(queries.subscriptions(connection, person)) > MAX_SUBSCRIPTIONS:
        raise StateConflict(f"Nobody follows more than {MAX_SUBSCRIPTIONS} things.")


def stop(connection: Connection, person: UUID, subscription: UUID) -> None:
    """Ends one of a person's own; one that is no more is ended already."""
    _lock(connection, person)
    statement = text("DELETE FROM subscription WHERE id = :id AND person = :person")
    connection.execute(statement, {"id": subscription, "person": person})


def leave(connection: Connection, follower: UUID) -> None:
    """Ends all that a follower follows; whoever calls has looked at the signature."""
    locked = text("SELECT FROM follower WHERE id = :id FOR UPDATE")
    connection.execute(locked, {"id": follower})
    connection.execute(text(LEAVE), {"id": follower})


def erase(connection: Connection, person: UUID) -> None:
    connection.execute(text("DELETE FROM follower WHERE person = :person"), {"person": person})


def forget(engine: Engine) -> None:
    """Daily: drops the record of old digests."""
    with engine.begin() as connection:
        connection.execute(text(FORGET), {"days": DIGEST_DAYS})


def tell(engine: Engine, settings: Settings, day: date) -> int:
    """Writes the digests of a day that are not written yet; returns how many mails that made.

    One follower whose digest can't be written is left for the next turn, and holds up nobody.
    """
    mails, person = 0, NOBODY
    while following := _next_due(engine, day, person):
        person = following
        try:
            with engine.begin() as connection:
                mails += _tell_one(connection, settings, person, day)
        except (MapserviceError, DBAPIError) as error:
            log.error("digest_not_written", person=str(person), error=str(error))
    return mails


def describe(connection: Connection, subject: SubscriptionSubject, locale: str) -> str:
    """A subject in words of a language."""
    names = queries.names(connection, queries.present(connection, subject))
    return subject_words(subject, names, locale, translator(locale))


def _next_due(engine: Engine, day: date, after: UUID) -> UUID | None:
    with engine.connect() as connection:
        return queries.next_due(connection, day, after)


def _tell_one(connection: Connection, settings: Settings, person: UUID, day: date) -> bool:
    """Returns whether there was something to mail."""
    follower = queries.lock_due(connection, person, day)
    if follower is None:
        return False
    until = horizon(connection)
    told = _gather(connection, person, until)
    _note(connection, person, told, day, until)
    fresh = [one for one in told if one.news.total]
    if fresh:
        mail.enqueue(connection, _letter(connection, settings, follower, fresh))
    return bool(fresh)


def _gather(connection: Connection, person: UUID, until: datetime) -> list[DigestPart]:
    """What two subscriptions find is told, and counted, under the first."""
    told: list[DigestPart] = []
    before: list[ColumnElement[bool]] = []
    for subscription in queries.subscriptions(connection, person):
        matching = queries.is_news(connection, subscription, until)
        told.append(DigestPart(subscription, queries.news(connection, matching, LISTED, before)))
        before.append(matching)
    return told


def _note(
    connection: Connection, person: UUID, told: list[DigestPart], day: date, until: datetime
) -> None:
    for one in told:
        bound = {"subscription": one.subscription.id, "day": day, "news": one.news.total}
        connection.execute(text(KEEP_DIGEST), bound)
    connection.execute(text(TOLD_UNTIL), {"until": until, "person": person})
    connection.execute(text(TOLD_ON), {"day": day, "person": person})


def _letter(
    connection: Connection, settings: Settings, follower: Follower, fresh: list[DigestPart]
) -> Mail:
    site = mail.letterhead(settings, follower.base_url)
    leave = site.base_url + leave_path(follower.id, follower.leave_key)
    values = {
        "sections": [_section(connection, site, one, follower.locale) for one in fresh],
        "total": sum(one.news.total for one in fresh),
        "leave": leave,
        "account": f"{site.base_url}/compte#mes-suivis",
    }
    headers = {
        "List-Unsubscribe": f"<{leave}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return mail.write(
        site,
        "digest",
        follower.email,
        values,
        locale=follower.locale,
        person=follower.person,
        headers=headers,
    )


def _section(
    connection: Connection, site: Letterhead, told: DigestPart, locale: str
) -> Mapping[str, Any]:
    subject = queries.present(connection, told.subscription.subject)
    _ = translator(locale)
    return {
        "what": describe(connection, subject, locale),
        "url": site.base_url + subject.listing,
        "drawing": _drawing(site, subject),
        "more": told.news.total - len(told.news.items),
        "items": [
            {
                "title": one.title,
                "place": place_words(one, _),
                "url": site.base_url + one.url,
            }
            for one in told.news.items
        ],
    }


def _drawing(site: Letterhead, subject: SubscriptionSubject) -> str:
    """The address of the drawn map of the one territory that is followed, or ""."""
    territories = subject.filters.territory
    if len(territories) != 1 or subject.area:
        return ""
    return f"{site.base_url}/dessins/{territories[0].level}/{territories[0].code}.png"


def _lock(connection: Connection, person: UUID) -> None:
    """Waits for a digest that is being written."""
    connection.execute(
        text("SELECT FROM follower WHERE person = :person FOR UPDATE"), {"person": person}
    )

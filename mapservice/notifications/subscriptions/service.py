"""Subscribing, unsubscribing, and the daily digest: one mail at most, and only if there is news.

A digest is written in one transaction with all that says it was: it locks its follower, notes what
was found, keeps the mail and moves `told_until` to the horizon. A worker that dies in the middle
leaves nothing of it; two workers skip each other's followers.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from mapservice.accounts.people import service as people
from mapservice.accounts.people.model import MagicLink
from mapservice.accounts.people.service import ConfirmationRequest
from mapservice.errors import MapserviceError, StateConflict
from mapservice.i18n import PARIS, catalogue, translator
from mapservice.initiatives.changes import horizon
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead, Mail
from mapservice.mail.service import EmailAddress
from mapservice.notifications.push import service as push
from mapservice.notifications.push.encryption import vapid_key
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
# And a notification, of all together.
NOTIFIED = 3
DIGEST_DAYS = 90

KEEP_FOLLOWER = """
INSERT INTO follower (person, base_url, told_on) VALUES (:person, :base_url, :today)
    ON CONFLICT (person) DO UPDATE SET base_url = excluded.base_url"""

KEEP_SUBSCRIPTION = """
INSERT INTO subscription (person, filter, area, told_until)
VALUES (:person, :filter, ST_GeomFromText(:area, 4326), :told_until)
    ON CONFLICT DO NOTHING"""

KEEP_DIGEST = "INSERT INTO digest (subscription, day, news) VALUES (:subscription, :day, :news)"
# A horizon may lie before an earlier one; nothing is told twice.
TOLD_UNTIL = """
UPDATE subscription SET told_until = greatest(told_until, :until) WHERE person = :person"""
TOLD_ON = "UPDATE follower SET told_on = :day WHERE person = :person"
FORGET = "DELETE FROM digest WHERE day < current_date - CAST(:days AS integer)"

# The follower row stays: the link must answer the same however often it is used.
LEAVE = """
DELETE FROM subscription USING follower
 WHERE subscription.person = follower.person AND follower.id = :id"""

LEAVE_DEVICES = """
DELETE FROM push_endpoint USING follower
 WHERE push_endpoint.person = follower.person AND follower.id = :id"""


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
    """Mails a link to confirm; until it is used, the subject is stored in its token alone."""
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
    """The subject of a link that `ask` mailed."""
    return SubscriptionSubject.of_query(str(token.payload["query"]), str(token.payload["area"]))


def follow(
    connection: Connection, person: UUID, subject: SubscriptionSubject, base_url: str
) -> None:
    """Reports what is published from now on. The same subject twice is one subscription.

    Raises StateConflict when there are too many.
    """
    become_follower(connection, person, base_url)
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


def become_follower(connection: Connection, person: UUID, base_url: str) -> None:
    """So that news can be sent; who is one already stays so."""
    today = datetime.now(PARIS).date()
    bound = {"person": person, "base_url": base_url, "today": today}
    connection.execute(text(KEEP_FOLLOWER), bound)


def stop(connection: Connection, person: UUID, subscription: UUID) -> None:
    """Ends a subscription of a person; does nothing if it has ended."""
    # Waits for a digest that is being written.
    locked = text("SELECT FROM follower WHERE person = :person FOR UPDATE")
    connection.execute(locked, {"person": person})
    statement = text("DELETE FROM subscription WHERE id = :id AND person = :person")
    connection.execute(statement, {"id": subscription, "person": person})


def leave(connection: Connection, follower: UUID) -> None:
    """Ends all subscriptions of a follower; the caller has checked the signature."""
    locked = text("SELECT FROM follower WHERE id = :id FOR UPDATE")
    connection.execute(locked, {"id": follower})
    connection.execute(text(LEAVE), {"id": follower})
    connection.execute(text(LEAVE_DEVICES), {"id": follower})


def erase(connection: Connection, person: UUID) -> None:
    connection.execute(text("DELETE FROM follower WHERE person = :person"), {"person": person})


def forget(engine: Engine) -> None:
    """Deletes the record of old digests; run daily."""
    with engine.begin() as connection:
        connection.execute(text(FORGET), {"days": DIGEST_DAYS})


def tell(engine: Engine, settings: Settings, day: date) -> int:
    """Writes the digests of a day that are still missing; returns how many mails that made.

    A follower whose digest fails is left for the next turn, and holds up nobody else.
    """
    mails, person = 0, NOBODY
    while True:
        with engine.connect() as connection:
            following = queries.next_due(connection, day, person)
        if following is None:
            return mails
        person = following
        try:
            with engine.begin() as connection:
                mails += _write_digest(connection, settings, person, day)
        except (MapserviceError, DBAPIError) as error:
            log.error("digest_not_written", person=str(person), error=str(error))


def describe(connection: Connection, subject: SubscriptionSubject, locale: str) -> str:
    """A subject in words of a language."""
    names = queries.names(connection, queries.present(connection, subject))
    return subject_words(subject, names, locale, translator(locale))


def _write_digest(connection: Connection, settings: Settings, person: UUID, day: date) -> bool:
    """Returns whether there was something to mail."""
    follower = queries.lock_due(connection, person, day)
    if follower is None:
        return False
    until = horizon(connection)
    # An initiative that two subscriptions find is listed and counted under the first.
    told: list[DigestPart] = []
    before: list[ColumnElement[bool]] = []
    for subscription in queries.subscriptions(connection, person):
        matching = queries.is_news(connection, subscription, until)
        found = queries.news(connection, matching, LISTED, before)
        told.append(DigestPart(subscription, found))
        before.append(matching)
        bound = {"subscription": subscription.id, "day": day, "news": found.total}
        connection.execute(text(KEEP_DIGEST), bound)
    connection.execute(text(TOLD_UNTIL), {"until": until, "person": person})
    connection.execute(text(TOLD_ON), {"day": day, "person": person})
    fresh = [one for one in told if one.news.total]
    if fresh:
        _tell_one(connection, settings, follower, fresh)
    return bool(fresh)


def _tell_one(
    connection: Connection, settings: Settings, follower: Follower, fresh: list[DigestPart]
) -> None:
    """On the devices that get notifications; by mail if it is wanted too, or there is none."""
    written = _digest_mail(connection, settings, follower, fresh)
    instead = None if follower.by_mail else written
    offered = vapid_key(settings) is not None
    told = offered and push.enqueue(
        connection, follower.person, _notification(connection, settings, follower, fresh), instead
    )
    if follower.by_mail or not told:
        mail.enqueue(connection, written)


def _notification(
    connection: Connection, settings: Settings, follower: Follower, fresh: list[DigestPart]
) -> dict[str, str]:
    """What a device shows: how many, of what, the first titles; a press leads to the list."""
    total = sum(one.news.total for one in fresh)
    phrases = catalogue(follower.locale)
    title = phrases.ngettext("%(num)s initiative nouvelle", "%(num)s initiatives nouvelles", total)
    whats = [describe(connection, one.subscription.subject, follower.locale) for one in fresh]
    titles = [item.title for one in fresh for item in one.news.items]
    site = mail.letterhead(settings, follower.base_url)
    path = fresh[0].subscription.subject.listing if len(fresh) == 1 else "/compte#mes-suivis"
    return {
        "title": f"{title % {'num': total}} · {site.site_name}",
        "body": "\n".join((" · ".join(whats), *titles[:NOTIFIED])),
        "url": path,
        "lang": follower.locale,
    }


def _digest_mail(
    connection: Connection, settings: Settings, follower: Follower, fresh: list[DigestPart]
) -> Mail:
    """A section for each subscription, with a drawn map where it is about one territory."""
    site, locale = mail.letterhead(settings, follower.base_url), follower.locale
    _ = translator(locale)
    sections = []
    for one in fresh:
        subject = queries.present(connection, one.subscription.subject)
        refs = subject.filters.territory
        drawn = f"{refs[0].level}/{refs[0].code}" if len(refs) == 1 and not subject.area else ""
        section = {
            "what": describe(connection, subject, locale),
            "url": site.base_url + subject.listing,
            "drawing": f"{site.base_url}/dessins/{drawn}.png" if drawn else "",
            "more": one.news.total - len(one.news.items),
            "items": [
                {
                    "title": item.title,
                    "place": place_words(item, _),
                    "url": site.base_url + item.url,
                }
                for item in one.news.items
            ],
        }
        sections.append(section)
    leave = site.base_url + leave_path(follower.id, follower.leave_key)
    values = {
        "sections": sections,
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
        locale=locale,
        person=follower.person,
        headers=headers,
    )

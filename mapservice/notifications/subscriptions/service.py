"""Subscribing, unsubscribing, and the daily digest: one mail at most, and only if there is news.

A digest is written in one transaction with all that says it was: it locks its follower, notes what
was found, keeps the mail and moves `told_until` to the horizon. A worker that dies in the middle
leaves nothing of it; two workers skip each other's followers.
"""

from collections.abc import Sequence
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
from mapservice.groups import message_service as group_messages
from mapservice.groups.model import DueMessage
from mapservice.i18n import PARIS, Translate, catalogue, translator
from mapservice.initiatives.changes import horizon
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead, Mail
from mapservice.mail.service import EmailAddress
from mapservice.notifications.push import service as push
from mapservice.notifications.push.encryption import vapid_key
from mapservice.notifications.subscriptions import queries
from mapservice.notifications.subscriptions.model import (
    MAX_FOLLOWED,
    MAX_SUBSCRIPTIONS,
    DuePost,
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
ONE_PURPOSE = "follow_one"
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

KEEP_INITIATIVE = """
INSERT INTO initiative_subscription (person, initiative) VALUES (:person, :initiative)
    ON CONFLICT DO NOTHING"""

# In this order: what is due is found by what is followed.
STOP_INITIATIVE = (
    """
    DELETE FROM post_due USING post, initiative_subscription AS following
     WHERE post.id = post_due.post AND post_due.person = :person
       AND following.id = :id AND following.person = :person
       AND following.initiative IN (SELECT merge_tree(post.initiative))""",
    "DELETE FROM initiative_subscription WHERE id = :id AND person = :person",
)

TOLD_POSTS = "DELETE FROM post_due WHERE person = :person AND post = ANY(:posts)"

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

LEAVE_INITIATIVES = """
DELETE FROM initiative_subscription USING follower
 WHERE initiative_subscription.person = follower.person AND follower.id = :id"""

LEAVE_POSTS = """
DELETE FROM post_due USING follower
 WHERE post_due.person = follower.person AND follower.id = :id"""

PERSON_OF = "SELECT person FROM follower WHERE id = :id"

LEAVE_DEVICES = """
DELETE FROM push_endpoint USING follower
 WHERE push_endpoint.person = follower.person AND follower.id = :id"""


@dataclass(frozen=True, slots=True)
class DigestPart:
    """What is new in one subscription."""

    subscription: Subscription
    news: SubjectNews


@dataclass(frozen=True, slots=True)
class DigestNews:
    """All that one digest tells: new initiatives, news of those followed, messages to groups."""

    parts: list[DigestPart]
    posts: list[DuePost]
    messages: Sequence[DueMessage] = ()

    @property
    def total(self) -> int:
        return sum(one.news.total for one in self.parts)


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


def follow_initiative(
    connection: Connection, person: UUID, initiative: UUID, base_url: str
) -> None:
    """Tells what its author says from now on. Twice is once. Raises StateConflict for too many."""
    become_follower(connection, person, base_url)
    if queries.follows(connection, person, initiative):
        return
    connection.execute(text(KEEP_INITIATIVE), {"person": person, "initiative": initiative})
    if len(queries.followed(connection, person)) > MAX_FOLLOWED:
        raise StateConflict(f"Nobody follows more than {MAX_FOLLOWED} initiatives.")


def stop_initiative(connection: Connection, person: UUID, subscription: UUID) -> None:
    """Ends a subscription of a person to one initiative; what was not told yet is not told."""
    locked = text("SELECT FROM follower WHERE person = :person FOR UPDATE")
    connection.execute(locked, {"person": person})
    for statement in STOP_INITIATIVE:
        connection.execute(text(statement), {"id": subscription, "person": person})


def ask_initiative(
    connection: Connection,
    site: Letterhead,
    email: EmailAddress,
    initiative: UUID,
    title: str,
    locale: str,
) -> None:
    """Mails a link to confirm that one initiative is followed."""
    ask = ConfirmationRequest(
        purpose=ONE_PURPOSE,
        letter=PURPOSE,
        subject=initiative,
        values={"what": title},
        locale=locale,
    )
    people.ask_confirmation(connection, site, email, ask)


def stop(connection: Connection, person: UUID, subscription: UUID) -> None:
    """Ends a subscription of a person; does nothing if it has ended."""
    # Waits for a digest that is being written.
    locked = text("SELECT FROM follower WHERE person = :person FOR UPDATE")
    connection.execute(locked, {"person": person})
    statement = text("DELETE FROM subscription WHERE id = :id AND person = :person")
    connection.execute(statement, {"id": subscription, "person": person})


def leave(connection: Connection, follower: UUID) -> None:
    """Ends all that a digest tells a follower; the caller has checked the signature."""
    locked = text("SELECT FROM follower WHERE id = :id FOR UPDATE")
    connection.execute(locked, {"id": follower})
    connection.execute(text(LEAVE), {"id": follower})
    connection.execute(text(LEAVE_POSTS), {"id": follower})
    connection.execute(text(LEAVE_INITIATIVES), {"id": follower})
    connection.execute(text(LEAVE_DEVICES), {"id": follower})
    person = connection.execute(text(PERSON_OF), {"id": follower}).scalar_one_or_none()
    if person:
        group_messages.stop_all(connection, person)


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
    posts = queries.due_posts(connection, person)
    gone = {"person": person, "posts": [one.id for one in posts]}
    connection.execute(text(TOLD_POSTS), gone)
    connection.execute(text(TOLD_UNTIL), {"until": until, "person": person})
    connection.execute(text(TOLD_ON), {"day": day, "person": person})
    messages = group_messages.take_due(connection, person)
    fresh = [one for one in told if one.news.total]
    if fresh or posts or messages:
        _tell_one(connection, settings, follower, DigestNews(fresh, posts, messages))
    return bool(fresh or posts or messages)


def _tell_one(
    connection: Connection, settings: Settings, follower: Follower, fresh: DigestNews
) -> None:
    """On the devices that get notifications; by mail if it is wanted too, or there is none.

    Messages to groups stand on no page: what holds some is mailed in any case.
    """
    written = _digest_mail(connection, settings, follower, fresh)
    mailed = follower.by_mail or bool(fresh.messages)
    instead = None if mailed else written
    offered = vapid_key(settings) is not None
    told = offered and push.enqueue(
        connection, follower.person, _notification(connection, settings, follower, fresh), instead
    )
    if mailed or not told:
        mail.enqueue(connection, written)


def _notification(
    connection: Connection, settings: Settings, follower: Follower, fresh: DigestNews
) -> dict[str, str]:
    """What a device shows: how many, of what, the first titles; a press leads to the list.

    Of messages to groups it says how many there are alone: a screen is seen by others.
    """
    whats = [describe(connection, one.subscription.subject, follower.locale) for one in fresh.parts]
    titles = [one.title for one in fresh.posts]
    titles += [item.title for one in fresh.parts for item in one.news.items]
    site = mail.letterhead(settings, follower.base_url)
    path = "/compte#mes-suivis" if fresh.parts or fresh.posts else "/compte#mes-groupes"
    if len(fresh.parts) == 1 and not fresh.posts and not fresh.messages:
        path = fresh.parts[0].subscription.subject.listing
    elif (
        not fresh.parts and not fresh.messages and len({one.initiative for one in fresh.posts}) == 1
    ):
        path = f"/initiatives/{fresh.posts[0].initiative}"
    return {
        "title": f"{_counted(fresh, follower.locale)} · {site.site_name}",
        "body": "\n".join((*filter(None, [" · ".join(whats)]), *dict.fromkeys(titles[:NOTIFIED]))),
        "url": path,
        "lang": follower.locale,
    }


def _counted(fresh: DigestNews, locale: str) -> str:
    """What there is of each: "2 initiatives nouvelles, 1 nouvelle de ce que vous suivez"."""
    phrases, total, said = catalogue(locale), fresh.total, len(fresh.posts)
    new = phrases.ngettext("%(num)s initiative nouvelle", "%(num)s initiatives nouvelles", total)
    news = phrases.ngettext(
        "%(num)s nouvelle de ce que vous suivez", "%(num)s nouvelles de ce que vous suivez", said
    )
    written = len(fresh.messages)
    messages = phrases.ngettext(
        "%(num)s message de vos groupes", "%(num)s messages de vos groupes", written
    )
    counted = ((new, total), (news, said), (messages, written))
    return ", ".join(words % {"num": number} for words, number in counted if number)


def _digest_mail(
    connection: Connection, settings: Settings, follower: Follower, fresh: DigestNews
) -> Mail:
    """A section for each initiative that has news, then one for each subscription.

    A subscription about one territory has its drawn map.
    """
    site, locale = mail.letterhead(settings, follower.base_url), follower.locale
    _ = translator(locale)
    sections = []
    for one in fresh.parts:
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
        "told": _told(fresh, site, _),
        "messages": [
            {
                "group": one.title,
                "subject": one.subject,
                "text": one.text,
                "url": f"{site.base_url}/groupes/{one.local_group}/adhesion",
                "report": site.base_url + group_messages.report_path(one, follower.person),
            }
            for one in fresh.messages
        ],
        "counted": _counted(fresh, locale),
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


def _told(fresh: DigestNews, site: Letterhead, _: Translate) -> list[dict[str, object]]:
    """What authors said, by initiative, each with the words of its kind."""
    kinds = {
        "done": _("C’est réalisé."),
        "archived": _("Son auteur l’a archivée."),
        "thanks": _("Son auteur vous remercie de votre soutien :"),
        "news": "",
    }
    by_initiative: dict[UUID, list[DuePost]] = {}
    for one in fresh.posts:
        by_initiative.setdefault(one.initiative, []).append(one)
    return [
        {
            "title": said[0].title,
            "url": f"{site.base_url}/initiatives/{initiative}",
            "posts": [{"kind": kinds[one.closed_as or one.kind], "text": one.text} for one in said],
        }
        for initiative, said in by_initiative.items()
    ]

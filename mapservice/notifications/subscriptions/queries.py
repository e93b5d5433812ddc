"""Reading subscribers, their subscriptions, and what is new in them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, false, func, not_, select, text, true

from mapservice.db.tables import initiative
from mapservice.errors import InvalidInput
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.conditions import where
from mapservice.initiatives.queries import Initiative
from mapservice.notifications.push import queries as push
from mapservice.notifications.subscriptions.model import (
    DrawnArea,
    DuePost,
    FollowedInitiative,
    Follower,
    SubjectNames,
    Subscription,
    SubscriptionSubject,
)
from mapservice.territories import queries as territories
from mapservice.territories.lineage import queries as lineage_queries
from mapservice.territories.model import Level, TerritoryRef

# In the order of ids, so that a person whose digest fails holds up nobody else.
NEXT_DUE = """
SELECT person FROM follower
 WHERE told_on < :day AND person > :after
   AND (EXISTS (SELECT FROM subscription WHERE subscription.person = follower.person)
        OR EXISTS (SELECT FROM post_due WHERE post_due.person = follower.person)
        OR EXISTS (SELECT FROM group_message_due AS due
                    WHERE due.person = follower.person AND NOT due.at_once))
 ORDER BY person LIMIT 1"""

LOCK_DUE = """
SELECT follower.id, follower.person, person.email, person.locale, follower.leave_key,
       follower.base_url, follower.by_mail
  FROM follower JOIN person ON person.id = follower.person
 WHERE follower.person = :person AND follower.told_on < :day
   AND person.confirmed_at IS NOT NULL AND person.erased_at IS NULL
   FOR UPDATE OF follower SKIP LOCKED"""

SUBSCRIPTIONS = """
SELECT id, filter, ST_AsText(area) AS area, created_at, told_until
  FROM subscription WHERE person = :person ORDER BY created_at, id"""

# Where it was merged into another one, that is what one reads.
FOLLOWED = """
SELECT following.id, found.id AS initiative, found.title, is_public(found.status) AS is_public,
       following.created_at
  FROM initiative_subscription AS following
  JOIN initiative AS found ON found.id = merge_head(following.initiative)
 WHERE following.person = :person
 ORDER BY following.created_at, following.id"""

FOLLOWS = """
SELECT id FROM initiative_subscription
 WHERE person = :person AND initiative IN (SELECT merge_tree(merge_head(:initiative)))
 ORDER BY created_at, id LIMIT 1"""

# An end that was taken back is none; what is not public now waits until it is.
DUE = """
SELECT post.id, initiative.id AS initiative, initiative.title, post.kind, post.text, post.closed_as
  FROM post_due
  JOIN post ON post.id = post_due.post AND post.state = 'public'
  JOIN initiative ON initiative.id = merge_head(post.initiative)
 WHERE post_due.person = :person AND is_public(initiative.status)
   AND (post.closed_as IS NULL OR post.closed_as = initiative.status)
 ORDER BY initiative.title, initiative.id, post.published_at, post.id"""

DIGESTS = """
SELECT digest.subscription, digest.day, digest.news
  FROM digest JOIN subscription ON subscription.id = digest.subscription
 WHERE subscription.person = :person ORDER BY digest.day, digest.subscription"""


@dataclass(frozen=True, slots=True)
class SubjectNews:
    """What is new in a subject: the latest initiatives, and how many there are in all."""

    items: Sequence[Initiative]
    total: int


def next_due(connection: Connection, day: date, after: UUID) -> UUID | None:
    """The next person after this one who got no digest on that day or later."""
    found: UUID | None = connection.scalar(text(NEXT_DUE), {"day": day, "after": after})
    return found


def lock_due(connection: Connection, person: UUID, day: date) -> Follower | None:
    """None when another worker holds them, or has dealt with them."""
    row = connection.execute(text(LOCK_DUE), {"person": person, "day": day}).one_or_none()
    return Follower(**row._mapping) if row else None


def subscriptions(connection: Connection, person: UUID) -> list[Subscription]:
    """Oldest first."""
    found = []
    for row in connection.execute(text(SUBSCRIPTIONS), {"person": person}):
        # `POLYGON((1 2,3 4,…))` becomes `1,2;3,4;…`, as an area is written in a form.
        pairs = (row.area or "").removeprefix("POLYGON((").removesuffix("))").split(",")
        area = ";".join(pair.replace(" ", ",") for pair in pairs)
        subject = SubscriptionSubject.of_query(row.filter, area)
        found.append(Subscription(row.id, subject, row.created_at, row.told_until))
    return found


def followed(connection: Connection, person: UUID) -> list[FollowedInitiative]:
    """Initiatives that a person follows, each by itself, the oldest first."""
    rows = connection.execute(text(FOLLOWED), {"person": person})
    return [FollowedInitiative(**row._mapping) for row in rows]


def follows(connection: Connection, person: UUID, initiative: UUID) -> UUID | None:
    """The id of a person's subscription to an initiative, or to one merged with it."""
    bound = {"person": person, "initiative": initiative}
    found: UUID | None = connection.execute(text(FOLLOWS), bound).scalar_one_or_none()
    return found


def due_posts(connection: Connection, person: UUID) -> list[DuePost]:
    """What a follower was not told yet, by initiative, in the order of publication."""
    rows = connection.execute(text(DUE), {"person": person})
    return [DuePost(**row._mapping) for row in rows]


def leave_key(connection: Connection, follower: UUID) -> bytes | None:
    found: bytes | None = connection.scalar(
        text("SELECT leave_key FROM follower WHERE id = :id"), {"id": follower}
    )
    return found


def export(connection: Connection, person: UUID) -> object:
    """The person's own data, without the signing key, which their mails contain."""
    kept = [
        {
            "id": one.id,
            "filter": one.subject.query,
            "area": str(one.subject.area) if one.subject.area else None,
            "created_at": one.created_at,
            "told_until": one.told_until,
        }
        for one in subscriptions(connection, person)
    ]
    rows = connection.execute(text(DIGESTS), {"person": person})
    devices = [
        {"id": one.id, "endpoint": one.endpoint, "created_at": one.created_at}
        for one in push.devices(connection, person)
    ]
    return {
        "subscriptions": kept,
        "initiatives": [
            {"id": one.id, "initiative": one.initiative, "created_at": one.created_at}
            for one in followed(connection, person)
        ],
        "digests": [dict(row._mapping) for row in rows],
        "notifications": devices,
        "by_mail": push.by_mail(connection, person),
    }


def news(
    connection: Connection,
    matching: ColumnElement[bool],
    limit: int,
    told: Sequence[ColumnElement[bool]] = (),
) -> SubjectNews:
    """What a condition of `is_news` finds and none of `told` does, the latest first."""
    fresh = and_(matching, *(not_(func.coalesce(one, false())) for one in told))
    total = select(func.count()).select_from(initiative).where(fresh)
    order = (initiative.c.state_since.desc(), initiative.c.id.desc())
    ids = list(
        connection.scalars(select(initiative.c.id).where(fresh).order_by(*order).limit(limit))
    )
    found = initiatives.of_any_status(connection, ids)
    return SubjectNews([found[one] for one in ids], connection.execute(total).scalar_one())


def is_news(
    connection: Connection, subscription: Subscription, until: datetime
) -> ColumnElement[bool]:
    """Whether its state began in `[told_until, until)`; `until` must be a `harvest_horizon()`.

    The horizon is read in an earlier statement: then the next one sees all that ended before it.
    """
    subject = present(connection, subscription.subject)
    inside: ColumnElement[bool] = true()
    if subject.area:
        # Whether the anchor lies in the polygon: by the spatial index, then exactly.
        shape = func.ST_GeomFromText(subject.area.wkt, 4326)
        box = func.ST_Transform(func.ST_Envelope(shape), 3857)
        near = initiative.c.anchor_3857.op("&&")(func.ST_Expand(box, 1))
        inside = and_(near, func.ST_Covers(shape, initiative.c.anchor))
    return and_(
        *where(subject.filters),
        initiative.c.state_since >= subscription.told_until,
        initiative.c.state_since < until,
        inside,
    )


def present(connection: Connection, subject: SubscriptionSubject) -> SubscriptionSubject:
    """The same with today's communes in place of those that no longer exist.

    The lineage says what a commune became; an EPCI, a département or a région that is no
    more stays named, and finds nothing.
    """
    gone = territories.unknown(connection, subject.filters.territory)
    refs = set()
    for ref in subject.filters.territory:
        current = None
        if ref in gone and ref.level is Level.COMMUNE:
            current = lineage_queries.current_of(connection, ref.code)
        heirs = current.communes if current else ()
        refs |= {TerritoryRef(Level.COMMUNE, heir.code) for heir in heirs} or {ref}
    return replace(subject, filters=replace(subject.filters, territory=tuple(sorted(refs))))


def names(connection: Connection, subject: SubscriptionSubject) -> SubjectNames:
    """Names of its places; the code for a territory that no longer exists."""
    filters = subject.filters
    found = [(ref, territories.find(connection, ref)) for ref in filters.territory]
    named = tuple(place.name if place else str(ref) for ref, place in found)
    near = filters.near
    commune = territories.commune_at(connection, near.lon, near.lat) if near else None
    return SubjectNames(named, commune.name if commune else "")


def check_area(connection: Connection, area: DrawnArea) -> None:
    """Raises InvalidInput for a polygon that crosses itself or holds nothing."""
    sound = text("SELECT ST_IsValid(shape) AND ST_Area(shape) > 0 FROM ST_GeomFromText(:wkt) shape")
    if not connection.scalar(sound, {"wkt": area.wkt}):
        raise InvalidInput("area", "crosses itself, or holds nothing")

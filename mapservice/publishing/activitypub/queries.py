"""Reading for federation: actors, what they tell, who follows, what was told."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Connection, Row, delete, insert, text

from mapservice.db.federation_tables import federation_delivery, federation_follower
from mapservice.events import queries as events
from mapservice.groups import queries as groups
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.model import PUBLIC
from mapservice.publishing.activitypub import items
from mapservice.publishing.activitypub.model import (
    FRANCE,
    GIVE_UP_AFTER,
    ActorName,
    Delivery,
    LocalActor,
    Recipient,
    SubjectKind,
    ToldItem,
    ToldNote,
)
from mapservice.territories import queries as territories

COLUMNS = frozenset({"commune", "epci", "departement", "region"})

# Public things of an actor, the newest first. `{initiatives}` and `{events}` say which.
OUTBOX = """
SELECT kind, id, since
  FROM ((SELECT 'initiative' AS kind, initiative.id, state_since AS since
           FROM initiative {joined}
          WHERE is_public(status) AND {initiatives}
            AND (state_since, initiative.id) < (:since, :id)
          ORDER BY state_since DESC, initiative.id DESC LIMIT :limit)
        UNION ALL
        (SELECT 'event', event.id, event.created_at
           FROM event
          WHERE status NOT IN ('draft', 'pending', 'rejected') AND {events}
            AND (event.created_at, event.id) < (:since, :id)
          ORDER BY event.created_at DESC, event.id DESC LIMIT :limit)) AS told
 ORDER BY since DESC, id DESC LIMIT :limit"""

COUNT = """
SELECT (SELECT count(*) FROM initiative {joined} WHERE is_public(status) AND {initiatives})
     + (SELECT count(*) FROM event
         WHERE status NOT IN ('draft', 'pending', 'rejected') AND {events})"""

OF_GROUP = {
    "joined": "JOIN group_initiative ON group_initiative.initiative = initiative.id",
    "initiatives": "group_initiative.local_group = :group",
    "events": "event.series IN (SELECT id FROM event_series WHERE local_group = :group)",
}
OF_ALL = {"joined": "", "initiatives": "true", "events": "true"}

GROUPS_OF_INITIATIVES = """
SELECT group_initiative.initiative AS id, local_group.id AS local_group
  FROM group_initiative JOIN local_group ON local_group.id = group_initiative.local_group
 WHERE local_group.status IN ('published', 'archived')
   AND group_initiative.initiative = ANY(:ids)"""

GROUPS_OF_EVENTS = """
SELECT event.id, local_group.id AS local_group
  FROM event
  JOIN event_series ON event_series.id = event.series
  JOIN local_group ON local_group.id = event_series.local_group
 WHERE local_group.status IN ('published', 'archived') AND event.id = ANY(:ids)"""

OWNERS = """
SELECT subject, owner FROM federation_note
 WHERE kind = :kind AND subject = ANY(:ids)"""

SINCE = "SELECT id, state_since FROM initiative WHERE id = ANY(:ids)"

# Of each series the next date that still takes place.
NEXT_DATES = """
SELECT DISTINCT ON (series) id
  FROM event
 WHERE series IN (SELECT series FROM event WHERE id = ANY(:ids))
   AND status IN ('published', 'moved') AND ends_at > :now
 ORDER BY series, starts_at, id"""

NEXT_OF_SERIES = """
SELECT id FROM event
 WHERE series = :series AND status IN ('published', 'moved') AND ends_at > :now
 ORDER BY starts_at, id LIMIT 1"""

PEOPLE = "SELECT count(*) FROM person WHERE confirmed_at IS NOT NULL AND erased_at IS NULL"

NOTE = """
SELECT owner, digest, version, removed_at FROM federation_note
 WHERE kind = :kind AND subject = :subject"""

FOLLOWED_BY = """
SELECT inbox, base_url, array_agg(DISTINCT actor) AS actors
  FROM federation_follower WHERE actor = ANY(:actors)
 GROUP BY inbox, base_url ORDER BY inbox, base_url"""

TOLD = """
SELECT inbox, base_url, array_agg(actor) AS actors
  FROM federation_told WHERE kind = :kind AND subject = :subject
 GROUP BY inbox, base_url ORDER BY inbox, base_url"""

IS_BLOCKED = "SELECT EXISTS (SELECT FROM federation_block WHERE host = ANY(:hosts))"

KNOWN_KEY = """
SELECT public_key FROM federation_follower
 WHERE remote = :remote AND key_id = :key_id ORDER BY followed_at DESC LIMIT 1"""

CLAIM = """
UPDATE federation_delivery
   SET attempts = attempts + 1,
       next_try_at = now() + least(interval '1 minute' * power(2, least(attempts, 10)),
                                   interval '6 hours')
 WHERE id = (SELECT id FROM federation_delivery AS due
              WHERE next_try_at <= now()
                AND NOT EXISTS (SELECT FROM federation_delivery AS earlier
                                 WHERE earlier.inbox = due.inbox AND earlier.id < due.id)
              ORDER BY next_try_at, id FOR NO KEY UPDATE SKIP LOCKED LIMIT 1)
RETURNING id"""

LOCKED = """
SELECT id, inbox, key_id, activity, attempts, next_try_at, give_up_at FROM federation_delivery
 WHERE id = :id FOR NO KEY UPDATE SKIP LOCKED"""

KEY = "SELECT private_key, public_key, is_on FROM federation_key"


@dataclass(frozen=True, slots=True)
class OutboxPlace:
    """Where a page of an outbox begins: after this moment and id."""

    since: datetime
    id: UUID

    @property
    def text(self) -> str:
        return f"{self.since.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}_{self.id}"

    @classmethod
    def parse(cls, written: str) -> "OutboxPlace | None":
        """None for what none of our pages said."""
        moment, _, identifier = written.partition("_")
        try:
            since = datetime.strptime(moment, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
            return cls(since, UUID(identifier))
        except ValueError:
            return None


FIRST = OutboxPlace(datetime(9999, 1, 1, tzinfo=UTC), UUID(int=0))


def find_actor(connection: Connection, name: ActorName) -> LocalActor | None:
    """A group that is public, a territory of today, or the country."""
    if name.text == FRANCE:
        return items.country_actor()
    if name.group:
        group = groups.find(connection, name.group)
        return items.group_actor(group) if group and group.is_public else None
    assert name.territory is not None, "all other names are those of territories"
    summary = territories.find(connection, name.territory)
    return items.territory_actor(summary) if summary else None


def outbox_count(connection: Connection, name: ActorName) -> int:
    clauses, bound = _which(name)
    return int(connection.execute(text(COUNT.format(**clauses)), bound).scalar_one())


def outbox_items(
    connection: Connection, name: ActorName, place: OutboxPlace, limit: int, now: datetime
) -> tuple[list[ToldItem], OutboxPlace | None]:
    """A page of what an actor tells, and where the next one begins."""
    clauses, bound = _which(name)
    bound |= {"since": place.since, "id": place.id, "limit": limit + 1}
    rows = connection.execute(text(OUTBOX.format(**clauses)), bound).all()
    shown = rows[:limit]
    found = {
        (kind, one.id): one
        for kind in SubjectKind
        for one in told_items(connection, kind, [row.id for row in shown if row.kind == kind], now)
    }
    told = [
        found[SubjectKind(row.kind), row.id]
        for row in shown
        if (SubjectKind(row.kind), row.id) in found
    ]
    last = shown[-1] if len(rows) > limit else None
    return told, OutboxPlace(last.since, last.id) if last else None


def _which(name: ActorName) -> tuple[Mapping[str, str], dict[str, Any]]:
    """The clauses that say which things are an actor's, and what they bind."""
    if name.group:
        return OF_GROUP, {"group": name.group}
    if name.territory is None:
        return OF_ALL, {}
    column = str(name.territory.level)
    assert column in COLUMNS, "levels are columns"
    clauses = {
        "joined": "",
        "initiatives": f"initiative.{column} = :code",
        "events": f"event.{column} = :code",
    }
    return clauses, {"code": name.territory.code}


def told_items(
    connection: Connection, kind: SubjectKind, ids: Sequence[UUID], now: datetime
) -> list[ToldItem]:
    """Those that are public, in no order."""
    if not ids:
        return []
    bound = {"ids": list(ids)}
    is_event = kind is SubjectKind.EVENT
    of_groups = GROUPS_OF_EVENTS if is_event else GROUPS_OF_INITIATIVES
    owners = connection.execute(text(OWNERS), bound | {"kind": str(kind)})
    known = items.ItemContext(
        groups={row.id: row.local_group for row in connection.execute(text(of_groups), bound)},
        owners={row.subject: ActorName(row.owner) for row in owners},
        since={}
        if is_event
        else {row.id: row.state_since for row in connection.execute(text(SINCE), bound)},
        next_dates=frozenset(
            connection.execute(text(NEXT_DATES), bound | {"now": now}).scalars() if is_event else ()
        ),
    )
    if is_event:
        events_found = events.of_ids(connection, ids).values()
        return [items.of_event(one, known) for one in events_found if one.is_public]
    found = initiatives.of_any_status(connection, ids).values()
    return [items.of_initiative(one, known) for one in found if one.status in PUBLIC]


def told_item(
    connection: Connection, kind: SubjectKind, identifier: UUID, now: datetime
) -> ToldItem | None:
    """None for what is not public."""
    return next(iter(told_items(connection, kind, [identifier], now)), None)


def next_of_series(connection: Connection, series: UUID, now: datetime) -> UUID | None:
    found: UUID | None = connection.execute(
        text(NEXT_OF_SERIES), {"series": series, "now": now}
    ).scalar_one_or_none()
    return found


def people_count(connection: Connection) -> int:
    """Accounts whose address was confirmed."""
    return int(connection.execute(text(PEOPLE)).scalar_one())


def follower_count(connection: Connection, name: ActorName) -> int:
    statement = text("SELECT count(*) FROM federation_follower WHERE actor = :actor")
    return int(connection.execute(statement, {"actor": name.text}).scalar_one())


def find_note(
    connection: Connection, kind: SubjectKind, subject: UUID, *, lock: bool = False
) -> ToldNote | None:
    statement = text(NOTE + (" FOR UPDATE" if lock else ""))
    row = connection.execute(statement, {"kind": str(kind), "subject": subject}).one_or_none()
    if row is None:
        return None
    return ToldNote(ActorName(row.owner), bytes(row.digest), row.version, row.removed_at)


def followed_by(connection: Connection, actors: Collection[ActorName]) -> list[Recipient]:
    """The inboxes that follow any of these actors, each with those that it follows."""
    bound = {"actors": [one.text for one in actors]}
    return [_recipient(row) for row in connection.execute(text(FOLLOWED_BY), bound)]


def told_to(connection: Connection, kind: SubjectKind, subject: UUID) -> list[Recipient]:
    """The inboxes that were told of something, each with the actors that told it."""
    bound = {"kind": str(kind), "subject": subject}
    return [_recipient(row) for row in connection.execute(text(TOLD), bound)]


def _recipient(row: Row[Any]) -> Recipient:
    return Recipient(row.inbox, row.base_url, frozenset(map(ActorName, row.actors)))


def is_blocked(connection: Connection, host: str) -> bool:
    """Itself, or a host above it."""
    parts = host.split(".")
    hosts = [".".join(parts[start:]) for start in range(len(parts))]
    return bool(connection.execute(text(IS_BLOCKED), {"hosts": hosts}).scalar_one())


def known_key(connection: Connection, remote: str, key_id: str) -> str | None:
    """The public key of a follower, as it was when it last followed."""
    bound = {"remote": remote, "key_id": key_id}
    return cast("str | None", connection.execute(text(KNOWN_KEY), bound).scalar_one_or_none())


def is_follower(connection: Connection, remote: str) -> bool:
    statement = text("SELECT EXISTS (SELECT FROM federation_follower WHERE remote = :remote)")
    return bool(connection.execute(statement, {"remote": remote}).scalar_one())


def find_key(connection: Connection) -> Row[Any] | None:
    """`private_key` (encrypted), `public_key` and `is_on`; None before there is one."""
    return connection.execute(text(KEY)).one_or_none()


def claim(connection: Connection) -> int | None:
    """A delivery that is due, the first of its inbox, which nobody else takes for a while."""
    found: int | None = connection.execute(text(CLAIM)).scalar_one_or_none()
    return found


def locked(connection: Connection, identifier: int) -> Delivery | None:
    """A claimed delivery, locked until the transaction ends; None when it is gone or held."""
    row = connection.execute(text(LOCKED), {"id": identifier}).one_or_none()
    return Delivery(**row._mapping) if row else None


def enqueue(connection: Connection, inbox: str, key_id: str, activity: str) -> None:
    """Kept to be sent once the transaction commits."""
    values = {
        "inbox": inbox,
        "key_id": key_id,
        "activity": activity,
        "give_up_at": text("now() + :patience").bindparams(patience=GIVE_UP_AFTER),
    }
    connection.execute(insert(federation_delivery).values(values))


def drop_follower(connection: Connection, actor: ActorName, remote: str) -> bool:
    """Whether it followed."""
    own = federation_follower.c
    gone = delete(federation_follower).where(own.actor == actor.text, own.remote == remote)
    return bool(connection.execute(gone).rowcount)

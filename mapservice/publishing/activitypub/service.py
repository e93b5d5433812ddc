"""Telling other servers: what changed becomes activities, each of which is sent until it is taken.

A trigger notes what changed in the transaction that changes it (`federation_change`), so nothing is
told before its commit, and nothing is lost with a worker. One transaction takes changes out and
writes what each inbox is to get (`federation_delivery`), under ids that stay the same however often
it is sent. As mails are: the worker first commits that it tries, then holds the row while it talks.
An inbox gets what is for it in order: while the first of it is not taken, the rest waits.
"""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, text

from mapservice.accounts.second_factor.service import SecretBox
from mapservice.outgoing.guarded_client import FetchFailed, FetchRefused, GuardedClient
from mapservice.publishing.activitypub import documents, keys, queries
from mapservice.publishing.activitypub.inbox import forget_inboxes
from mapservice.publishing.activitypub.model import (
    REMOVED_DAYS,
    SEEN_DAYS,
    ActorName,
    Delivery,
    Recipient,
    SubjectKind,
    ToldItem,
    ToldNote,
    host_of,
    netloc_of,
)
from mapservice.publishing.activitypub.signatures import SigningKey

log = structlog.get_logger()

# A worker does nothing else while it sends.
TURN_SECONDS = 20.0
AT_ONCE = 50
LONGEST_WAIT = timedelta(days=1)
# For how long a host that answered, but took nothing, is sent nothing else either.
HOST_WAIT = timedelta(minutes=1)
TAKEN = range(200, 300)
# Who could not check the signature may have been kept from our key.
AGAIN = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
)

ONE_AT_A_TIME = "SELECT pg_try_advisory_xact_lock(hashtext('federation'))"
TAKE_CHANGES = """
DELETE FROM federation_change
 WHERE id IN (SELECT id FROM federation_change ORDER BY id LIMIT :limit)
RETURNING id, kind, subject, series, is_bulk"""
KEEP_NOTE = """
INSERT INTO federation_note (kind, subject, owner, digest, version)
VALUES (:kind, :subject, :owner, :digest, :version)
    ON CONFLICT (kind, subject) DO UPDATE
   SET digest = excluded.digest, version = excluded.version, removed_at = NULL"""
REMOVE_NOTE = """
UPDATE federation_note SET removed_at = now() WHERE kind = :kind AND subject = :subject"""
FORGET_TOLD = "DELETE FROM federation_told WHERE kind = :kind AND subject = :subject"
KEEP_TOLD = """
INSERT INTO federation_told (kind, subject, inbox, actor, base_url)
VALUES (:kind, :subject, :inbox, :actor, :base_url) ON CONFLICT DO NOTHING"""

SENT = "DELETE FROM federation_delivery WHERE id = :id"
LATER = """
UPDATE federation_delivery
   SET last_error = :error, next_try_at = greatest(next_try_at, now() + :wait) WHERE id = :id"""
# Rows that another worker holds are on their way already. Nobody waits for longer than this says.
HOST_LATER = """
UPDATE federation_delivery SET next_try_at = now() + :wait
 WHERE id IN (SELECT id FROM federation_delivery
               WHERE starts_with(lower(inbox), :origin)
                 AND next_try_at < now() + :wait AND id <> :id
                 FOR NO KEY UPDATE SKIP LOCKED)"""
LEAVE_INBOX = "DELETE FROM federation_follower WHERE inbox = :inbox OR own_inbox = :inbox"

BLOCK = "INSERT INTO federation_block (host) VALUES (:host) ON CONFLICT DO NOTHING"
UNBLOCK = "DELETE FROM federation_block WHERE host = :host"
BLOCKED = "SELECT host, blocked_at FROM federation_block ORDER BY host"
LEAVE_HOST = """
DELETE FROM federation_follower
 WHERE host = :host OR right(host, length(:host) + 1) = '.' || :host
RETURNING inbox, own_inbox"""
ALL_INBOXES = """
SELECT inbox FROM federation_delivery UNION SELECT inbox FROM federation_told"""

FORGET = (
    "DELETE FROM federation_seen WHERE seen_at < now() - make_interval(days => :seen)",
    "DELETE FROM federation_note WHERE removed_at < now() - make_interval(days => :removed)",
)


def work(engine: Engine, client: GuardedClient, box: SecretBox | None) -> bool:
    """Tells what is to be told now; returns whether there may be more.

    Without the key of the service nothing is sent: what waits is kept, and sent once there is one.
    """
    end = time.monotonic() + TURN_SECONDS
    is_told = False
    # Half of the turn at most, so that what was written is sent however much changes.
    while not is_told and time.monotonic() < end - TURN_SECONDS / 2:
        is_told = not tell_changes(engine, datetime.now(UTC))
    if box is None:
        log.error("federation_cannot_sign", hint="MAPSERVICE_SECRET_KEY is not set")
        return False
    return send_due(engine, client, box, end - time.monotonic()) or not is_told


def ask_for_turn(engine: Engine) -> None:
    """Of the worker, unless one is asked for already."""
    with engine.begin() as connection:
        connection.execute(text("SELECT ask_to_send_activities()"))


def tell_changes(engine: Engine, now: datetime) -> bool:
    """Makes deliveries of some changes; returns whether there may be more of them."""
    with engine.begin() as connection:
        if not connection.execute(text(ONE_AT_A_TIME)).scalar_one():
            return False
        rows = connection.execute(text(TAKE_CHANGES), {"limit": AT_ONCE}).all()
        seen: set[tuple[SubjectKind, UUID]] = set()
        for row in sorted(rows, key=lambda one: one.id):
            kind = SubjectKind(row.kind)
            subjects = [row.subject]
            if row.series:
                # The next date of a series is told once the one before is over or gone.
                following = queries.next_of_series(connection, row.series, now)
                subjects += [following] if following else []
            for subject in subjects:
                if (kind, subject) not in seen:
                    seen.add((kind, subject))
                    _tell(connection, kind, subject, is_bulk=row.is_bulk, now=now)
    return bool(rows)


def _tell(
    connection: Connection, kind: SubjectKind, subject: UUID, *, is_bulk: bool, now: datetime
) -> None:
    known = queries.find_note(connection, kind, subject, lock=True)
    stands = known is not None and known.removed_at is None
    item = queries.told_item(connection, kind, subject, now)
    if item is None or item.is_made_up:
        if known is not None and stands:
            _tell_removal(connection, kind, subject, known)
        return
    if known is not None and stands:
        _tell_change(connection, item, known)
    elif item.is_news and not is_bulk:
        _tell_news(connection, item, known)


def _tell_news(connection: Connection, item: ToldItem, known: ToldNote | None) -> None:
    """For the first time, or once more after it was removed."""
    recipients = queries.followed_by(connection, item.actors)
    if not recipients:
        return
    version = known.version + 1 if known else 1
    _keep_note(connection, item, version)
    for recipient in recipients:
        create = documents.told_activity(recipient.base_url, item, version)
        _send(connection, item, recipient, item.owner, create)
        _announce(connection, item, recipient, recipient.actors, version)


def _tell_change(connection: Connection, item: ToldItem, known: ToldNote) -> None:
    """To all that were told of it, and to all that follow now."""
    if documents.digest_of(item) == known.digest:
        return
    version = known.version + 1
    _keep_note(connection, item, version)
    told = {
        (one.inbox, one.base_url): one for one in queries.told_to(connection, item.kind, item.id)
    }
    following = {
        (one.inbox, one.base_url): one for one in queries.followed_by(connection, item.actors)
    }
    for place in sorted(told | following):
        before, after = told.get(place), following.get(place)
        recipient = before or after
        assert recipient is not None, "it is in one of the two"
        if before:
            activity = documents.update(recipient.base_url, item, version)
        else:
            activity = documents.told_activity(recipient.base_url, item, version)
        _send(connection, item, recipient, item.owner, activity)
        new = (after.actors if after else frozenset()) - (before.actors if before else frozenset())
        _announce(connection, item, recipient, new, version)


def _announce(
    connection: Connection,
    item: ToldItem,
    recipient: Recipient,
    actors: frozenset[ActorName],
    version: int,
) -> None:
    """By each actor that is followed there and is not the owner: so its followers see it too."""
    for actor in sorted(actors - {item.owner}):
        activity = documents.announce(recipient.base_url, actor, item, version)
        _send(connection, item, recipient, actor, activity)


def _tell_removal(
    connection: Connection, kind: SubjectKind, subject: UUID, known: ToldNote
) -> None:
    """To all that were ever told of it, whether they follow still or not."""
    for recipient in queries.told_to(connection, kind, subject):
        own = f"{recipient.base_url}{kind.path}{subject}"
        activity = documents.removal(recipient.base_url, own, known)
        key = documents.key_id(recipient.base_url, known.owner)
        queries.enqueue(connection, recipient.inbox, key, _text(activity))
    bound = {"kind": str(kind), "subject": subject}
    connection.execute(text(REMOVE_NOTE), bound)
    connection.execute(text(FORGET_TOLD), bound)


def _send(
    connection: Connection,
    item: ToldItem,
    recipient: Recipient,
    actor: ActorName,
    activity: dict[str, Any],
) -> None:
    """Kept to be sent, signed by this actor; that it is told there is kept too."""
    base = recipient.base_url
    queries.enqueue(connection, recipient.inbox, documents.key_id(base, actor), _text(activity))
    bound = {
        "kind": str(item.kind),
        "subject": item.id,
        "inbox": recipient.inbox,
        "actor": actor.text,
        "base_url": base,
    }
    connection.execute(text(KEEP_TOLD), bound)


def _keep_note(connection: Connection, item: ToldItem, version: int) -> None:
    bound = {
        "kind": str(item.kind),
        "subject": item.id,
        "owner": item.owner.text,
        "digest": documents.digest_of(item),
        "version": version,
    }
    connection.execute(text(KEEP_NOTE), bound)


def send_due(
    engine: Engine, client: GuardedClient, box: SecretBox, seconds: float = TURN_SECONDS
) -> bool:
    """Sends what is due; returns whether there may be more to send now."""
    end = time.monotonic() + seconds
    with engine.connect() as connection:
        private = keys.private_key(connection, box)
    if private is None:
        return False  # nobody has asked for an actor yet, or whoever answers makes another
    while time.monotonic() < end:
        with engine.begin() as connection:
            identifier = queries.claim(connection)
        if identifier is None:
            return False
        with engine.begin() as connection:
            delivery = queries.locked(connection, identifier)
            fate = (
                _deliver(connection, client, SigningKey(delivery.key_id, private), delivery)
                if delivery is not None
                else Fate()
            )
        # Once the row is let go: who forgets somebody takes followers first, then what they get.
        if delivery is not None and fate.is_gone:
            with engine.begin() as connection:
                connection.execute(text(LEAVE_INBOX), {"inbox": delivery.inbox})
                forget_inboxes(connection, [delivery.inbox])
        if delivery is not None and fate.host_waits is not None:
            _let_wait(engine, delivery, fate.host_waits)
    return True


@dataclass(frozen=True, slots=True)
class Fate:
    """What sending says of more than the one activity: whether nobody is at the inbox any more, and
    how long its host is let alone (None: not at all)."""

    is_gone: bool = False
    host_waits: timedelta | None = None


def _deliver(
    connection: Connection, client: GuardedClient, key: SigningKey, delivery: Delivery
) -> Fate:
    bound: dict[str, Any] = {"id": delivery.id}
    host = host_of(delivery.inbox)
    if queries.is_blocked(connection, host):
        connection.execute(text(SENT), bound)
        return Fate()
    body = delivery.activity.encode()
    now = datetime.now(UTC)
    permanent, wait, host_waits = False, timedelta(0), None
    try:
        answer = client.post(delivery.inbox, body, key.headers("POST", delivery.inbox, now, body))
    except FetchRefused as error:
        words, permanent = str(error), True
    except FetchFailed as error:
        # Nobody answers there, whichever inbox is asked.
        words, host_waits = str(error), max(delivery.next_try_at - now, HOST_WAIT)
    except Exception as error:
        # Tried again and given up as all else is, while the others have their turn.
        log.exception("activity_cannot_be_sent", host=host)
        words = type(error).__name__
    else:
        if answer.status in TAKEN:
            connection.execute(text(SENT), bound)
            return Fate()
        if answer.status == HTTPStatus.GONE:
            log.info("federation_inbox_gone", host=host)
            connection.execute(text(SENT), bound)
            return Fate(is_gone=True)
        words = f"HTTP {answer.status}"
        permanent = answer.status not in AGAIN and answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
        # What it asks for may be more than any timedelta holds.
        wait = timedelta(seconds=min(answer.wait or 0, LONGEST_WAIT.total_seconds()))
        host_waits = None if permanent else max(wait, HOST_WAIT)
    log.warning("activity_not_sent", host=host, attempts=delivery.attempts, error=words[:200])
    if permanent or now >= delivery.give_up_at:
        connection.execute(text(SENT), bound)
    else:
        connection.execute(text(LATER), bound | {"error": words[:500], "wait": wait})
    return Fate(host_waits=host_waits)


def _let_wait(engine: Engine, failed: Delivery, wait: timedelta) -> None:
    """All else that is for that host: else each of its inboxes would cost the others their turn."""
    scheme = failed.inbox.partition("://")[0]
    origin = f"{scheme}://{netloc_of(failed.inbox)}/"
    bound = {"id": failed.id, "origin": origin, "wait": wait}
    with engine.begin() as connection:
        connection.execute(text(HOST_LATER), bound)


def block(connection: Connection, host: str) -> int:
    """Ends all that is exchanged with a host and its subdomains; returns how many followed."""
    connection.execute(text(BLOCK), {"host": host})
    left = connection.execute(text(LEAVE_HOST), {"host": host}).all()
    inboxes = [
        one
        for one in connection.execute(text(ALL_INBOXES)).scalars()
        if f".{host_of(one)}".endswith(f".{host}")
    ]
    forget_inboxes(connection, inboxes)
    return len(left)


def unblock(connection: Connection, host: str) -> bool:
    """Whether it was blocked."""
    return bool(connection.execute(text(UNBLOCK), {"host": host}).rowcount)


def blocked(connection: Connection) -> list[tuple[str, datetime]]:
    """The hosts that are blocked, and since when."""
    return [(row.host, row.blocked_at) for row in connection.execute(text(BLOCKED))]


def forget(engine: Engine) -> None:
    """Each night: signatures that no longer hold, and removals that were long told."""
    with engine.begin() as connection:
        for statement in FORGET:
            bound = {"seen": SEEN_DAYS, "removed": REMOVED_DAYS}
            used = {name: value for name, value in bound.items() if f":{name}" in statement}
            connection.execute(text(statement), used)


def _text(activity: dict[str, Any]) -> str:
    return json.dumps(activity, ensure_ascii=False)

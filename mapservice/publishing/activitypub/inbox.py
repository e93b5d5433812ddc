"""What other servers send: Follow, its Undo, and the Delete of an account. All else is let go.

Whoever sends may name any server as the one to ask for a key, and it may be slow: nobody is asked
for what would do nothing here, few are at a time, and none for long.

A request is believed once its signature is that of the actor that it speaks for, by a key that the
server of that actor gives; a signature holds for an hour, and once.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from threading import BoundedSemaphore
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, text

from mapservice.errors import InvalidInput, MapserviceError, NotFound, ServiceUnavailable
from mapservice.outgoing.guarded_client import FetchFailed, FetchRefused, GuardedClient
from mapservice.publishing.activitypub import documents, queries
from mapservice.publishing.activitypub.model import (
    ACTORS,
    ActorName,
    RemoteActor,
    host_of,
    id_of,
    netloc_of,
)
from mapservice.publishing.activitypub.remote import fetch_actor
from mapservice.publishing.activitypub.signatures import (
    SignatureHeader,
    SignatureRefused,
    SignedRequest,
    SigningKey,
    check_form,
    is_signed_by,
)

SEEN = "INSERT INTO federation_seen (digest) VALUES (:digest) ON CONFLICT DO NOTHING"
FOLLOW = """
INSERT INTO federation_follower
       (actor, remote, host, inbox, own_inbox, key_id, public_key, follow, base_url)
VALUES (:actor, :remote, :host, :inbox, :own_inbox, :key_id, :public_key, :follow, :base_url)
    ON CONFLICT (actor, remote) DO UPDATE
   SET inbox = excluded.inbox, own_inbox = excluded.own_inbox, key_id = excluded.key_id,
       public_key = excluded.public_key, follow = excluded.follow, base_url = excluded.base_url"""
UNFOLLOW = """
DELETE FROM federation_follower
 WHERE remote = :remote AND (actor = :actor OR (follow = :follow AND follow <> ''))"""
FORGET_REMOTE = "DELETE FROM federation_follower WHERE remote = :remote RETURNING own_inbox"
FORGET_INBOX = (
    "DELETE FROM federation_delivery WHERE inbox = ANY(:inboxes)",
    "DELETE FROM federation_told WHERE inbox = ANY(:inboxes)",
)
# An inbox that others share is no longer told either once nobody behind it follows.
STILL_USED = "SELECT inbox FROM federation_follower WHERE inbox = ANY(:inboxes)"


# A thread that asks answers nobody meanwhile: most of them are kept for those who read here.
FETCHES = BoundedSemaphore(2)


class HostBlocked(MapserviceError):
    """A server with which nothing is exchanged."""

    status = HTTPStatus.FORBIDDEN
    title = "Blocked"


@dataclass(frozen=True, slots=True)
class ReceivingInbox:
    """Where activities come in: `base_url` begins our ids, `count_fetch` bounds how often a host
    makes us ask it (raises TooManyRequests), `signer` gives what signs what we ask."""

    engine: Engine
    client: GuardedClient
    base_url: str
    count_fetch: Callable[[str], None]
    signer: Callable[[], SigningKey | None]

    def receive(self, request: SignedRequest, now: datetime) -> None:
        """Does what it asks for, or nothing where that is none of the three.

        Raises SignatureRefused, HostBlocked, InvalidInput, NotFound and ServiceUnavailable.
        """
        header = check_form(request, now)
        activity = _read(request.body)
        remote = id_of(activity.get("actor"))
        if not remote:
            raise InvalidInput("actor", "is not the id of an actor")
        if netloc_of(remote) != netloc_of(header.key_id):
            raise SignatureRefused("The key is not one of the actor's.")
        kind = activity.get("type")
        with self.engine.connect() as connection:
            if queries.is_blocked(connection, host_of(remote)):
                raise HostBlocked("Nothing is exchanged with this server.")
            if not self._would_do(connection, activity, remote):
                return
            known = queries.known_key(connection, remote, header.key_id)
        actor = None
        if kind == "Follow" or known is None or not is_signed_by(known, header, request):
            actor = self._ask(header, request, remote)
        with self.engine.begin() as connection:
            digest = hashlib.sha256(header.signature).digest()
            if not connection.execute(text(SEEN), {"digest": digest}).rowcount:
                raise SignatureRefused("The signature was used already.")
            if kind == "Follow" and actor is not None:
                self._follow(connection, activity, actor)
            elif kind == "Undo":
                self._undo(connection, activity, remote)
            elif kind == "Delete" and id_of(activity.get("object")) == remote:
                forget_remote(connection, remote)

    def _would_do(self, connection: Connection, activity: Mapping[str, Any], remote: str) -> bool:
        """Whether anything here changes if it is signed as it says. Raises NotFound.

        Servers tell of much, and of each account that goes, to all that they know.
        """
        kind, object_ = activity.get("type"), activity.get("object")
        if kind == "Follow":
            self._followed(connection, activity)
            return True
        if kind == "Delete" and id_of(object_) != remote:
            return False
        if kind == "Undo" and isinstance(object_, dict) and object_.get("type") != "Follow":
            return False
        return kind in ("Undo", "Delete") and queries.is_follower(connection, remote)

    def _ask(self, header: SignatureHeader, request: SignedRequest, remote: str) -> RemoteActor:
        """The actor as its server describes it now, whose key made the signature."""
        if not FETCHES.acquire(blocking=False):
            raise ServiceUnavailable("Others are being asked for their keys just now.")
        try:
            self.count_fetch(host_of(remote))
            actor = fetch_actor(self.client, header.key_id, self.signer())
        except (FetchRefused, FetchFailed) as error:
            raise SignatureRefused(f"The key cannot be had: {error}") from None
        finally:
            FETCHES.release()
        if actor.id != remote or not is_signed_by(actor.public_key, header, request):
            raise SignatureRefused("The signature is not one of the actor's.")
        return actor

    def _follow(
        self, connection: Connection, activity: Mapping[str, Any], actor: RemoteActor
    ) -> None:
        """Kept once, and accepted each time: servers ask again when they missed the answer."""
        name = self._followed(connection, activity)
        given = id_of(activity.get("id"))
        follow = given if netloc_of(given) == netloc_of(actor.id) else ""
        bound = {
            "actor": name.text,
            "remote": actor.id,
            "host": actor.host,
            "inbox": actor.inbox,
            "own_inbox": actor.own_inbox,
            "key_id": actor.key_id,
            "public_key": actor.public_key,
            "follow": follow,
            "base_url": self.base_url,
        }
        connection.execute(text(FOLLOW), bound)
        told = {"actor": actor.id} | ({"id": follow} if follow else {})
        answer = documents.accept(self.base_url, name, str(uuid4()), told)
        key = documents.key_id(self.base_url, name)
        queries.enqueue(connection, actor.own_inbox, key, json.dumps(answer, ensure_ascii=False))

    def _followed(self, connection: Connection, activity: Mapping[str, Any]) -> ActorName:
        """The actor of ours that a Follow is of. Raises NotFound."""
        name = self._own_actor(id_of(activity.get("object")))
        if name is None or queries.find_actor(connection, name) is None:
            raise NotFound("There is no such actor.")
        return name

    def _undo(self, connection: Connection, activity: Mapping[str, Any], remote: str) -> None:
        """Of a Follow, told as a whole or by its id; of anything else there is nothing to undo."""
        undone = activity.get("object")
        name = None
        if isinstance(undone, dict):
            if undone.get("type") != "Follow" or id_of(undone.get("actor")) not in ("", remote):
                return
            name = self._own_actor(id_of(undone.get("object")))
        bound = {"remote": remote, "actor": name.text if name else "", "follow": id_of(undone)}
        connection.execute(text(UNFOLLOW), bound)

    def _own_actor(self, address: str) -> ActorName | None:
        start = f"{self.base_url}{ACTORS}"
        try:
            return ActorName.parse(address[len(start) :]) if address.startswith(start) else None
        except NotFound:
            return None


def forget_remote(connection: Connection, remote: str) -> None:
    """Somebody who is gone: as a follower, and the inbox that was theirs alone."""
    inboxes = list(connection.execute(text(FORGET_REMOTE), {"remote": remote}).scalars())
    forget_inboxes(connection, inboxes)


def forget_inboxes(connection: Connection, inboxes: list[str]) -> None:
    """What is on its way there, and that they were told, unless somebody else follows there."""
    used = set(connection.execute(text(STILL_USED), {"inboxes": inboxes}).scalars())
    gone = [one for one in inboxes if one not in used]
    for statement in FORGET_INBOX:
        connection.execute(text(statement), {"inboxes": gone})


def _read(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidInput("body", "must be a JSON object")
    return found

"""Actors of other servers, fetched by the one guarded client, believed of their own host alone."""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from mapservice.outgoing.guarded_client import FetchLimits, FetchRefused, GuardedClient
from mapservice.outgoing.public_hosts import stand_ins
from mapservice.outgoing.way_out import WayOut
from mapservice.publishing.activitypub.documents import ACTIVITY
from mapservice.publishing.activitypub.model import RemoteActor, id_of, is_id, netloc_of
from mapservice.publishing.activitypub.signatures import SigningKey, read_public_key
from mapservice.settings import Settings

ACCEPT = f'{ACTIVITY}, application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
TYPES = frozenset({"application/activity+json", "application/ld+json"})
# For all that one key takes: the server of who follows waits for our answer meanwhile.
LIMITS = FetchLimits(body_bytes=512 * 1024, seconds=8.0)
SEND_LIMITS = FetchLimits(seconds=10.0)


def client_of(settings: Settings) -> GuardedClient:
    return GuardedClient(
        stand_ins(settings.source_hosts), LIMITS, WayOut.parse(settings.outgoing_proxy)
    )


def sending_client_of(settings: Settings) -> GuardedClient:
    return replace(client_of(settings), limits=SEND_LIMITS)


def fetch_actor(client: GuardedClient, key_id: str, signer: SigningKey | None) -> RemoteActor:
    """Whose key this is, as their own server says. Raises FetchRefused and FetchFailed.

    Some servers describe the key under an address of its own, which names its owner.
    """
    asked = key_id.partition("#")[0]
    deadline = time.monotonic() + client.limits.seconds
    document = _get(client, asked, signer, deadline)
    owner = id_of(document.get("owner")) or id_of(document.get("id"))
    if owner != asked:
        if netloc_of(owner) != netloc_of(key_id):
            raise FetchRefused("the key names an owner on another host")
        document = _get(client, owner, signer, deadline)
    return read_actor(document, owner, key_id)


def read_actor(document: Mapping[str, Any], own: str, key_id: str) -> RemoteActor:
    """What it says of itself, as far as it is of its own host. Raises FetchRefused."""
    if document.get("id") != own or netloc_of(own) != netloc_of(key_id):
        raise FetchRefused("the actor has another id than its address")
    keys = document.get("publicKey")
    for key in keys if isinstance(keys, list) else [keys]:
        if not isinstance(key, dict) or key.get("id") != key_id or key.get("owner") != own:
            continue
        pem = key.get("publicKeyPem")
        if not isinstance(pem, str) or read_public_key(pem) is None:
            raise FetchRefused("the key is no RSA key of 2048 to 8192 bits")
        inbox = _own_inbox(document.get("inbox"), own)
        if not inbox:
            raise FetchRefused("the actor has no inbox on its own host")
        endpoints = document.get("endpoints")
        shared = endpoints.get("sharedInbox") if isinstance(endpoints, dict) else None
        return RemoteActor(own, _own_inbox(shared, own) or inbox, inbox, key_id, pem)
    raise FetchRefused("the key is not one of the actor's")


def _own_inbox(value: object, own: str) -> str:
    """Of its own host alone: else one could have another's server written to."""
    return (
        value
        if isinstance(value, str) and is_id(value) and netloc_of(value) == netloc_of(own)
        else ""
    )


def _get(
    client: GuardedClient, address: str, signer: SigningKey | None, deadline: float
) -> dict[str, Any]:
    """Signed, as some servers answer nobody else."""
    headers = signer.headers("GET", address, datetime.now(UTC)) if signer else {}
    limits = replace(client.limits, seconds=deadline - time.monotonic())
    answer, body = client.get(address, accept=ACCEPT, headers=headers, limits=limits)
    if netloc_of(answer.address) != netloc_of(address):
        raise FetchRefused("the address leads to another host")
    if answer.content_type not in TYPES:  # what people upload elsewhere is no word of the server's
        raise FetchRefused("what is there is no document of ActivityPub")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise FetchRefused("what is there is no JSON object")
    return found

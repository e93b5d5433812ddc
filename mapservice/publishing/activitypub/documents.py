"""Actors, objects and activities as JSON, in the words that Mastodon and Mobilizon read."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from mapservice import __version__
from mapservice.publishing.activitypub.model import (
    PUBLIC_AUDIENCE,
    ActorName,
    LocalActor,
    SubjectKind,
    ToldItem,
    ToldNote,
    netloc_of,
)
from mapservice.web.atom import utc_text

ACTIVITY = "application/activity+json"
ACTIVITY_TYPES = (ACTIVITY, "application/ld+json")
JRD = "application/jrd+json"
NODEINFO = "http://nodeinfo.diaspora.software/ns/schema/2.1"
STREAMS = "https://www.w3.org/ns/activitystreams"
ACTOR_CONTEXT = (
    STREAMS,
    "https://w3id.org/security/v1",
    {
        "toot": "http://joinmastodon.org/ns#",
        "discoverable": "toot:discoverable",
        "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
    },
)
OBJECT_CONTEXT = (
    STREAMS,
    {
        "ical": "http://www.w3.org/2002/12/cal/ical#",
        "mz": "https://joinmobilizon.org/ns#",
        "sc": "http://schema.org#",
        "address": {"@id": "sc:address", "@type": "sc:PostalAddress"},
        "addressCountry": "sc:addressCountry",
        "addressLocality": "sc:addressLocality",
        "addressRegion": "sc:addressRegion",
        "PostalAddress": "sc:PostalAddress",
        "commentsEnabled": "mz:commentsEnabled",
        "externalParticipationUrl": "mz:externalParticipationUrl",
        "isOnline": "mz:isOnline",
        "joinMode": "mz:joinMode",
        "maximumAttendeeCapacity": "sc:maximumAttendeeCapacity",
        "timezone": "mz:timezone",
    },
)


def key_id(base: str, name: ActorName) -> str:
    """The key of this service, as an actor has it."""
    return f"{base}{name.path}#main-key"


def followers_of(base: str, name: ActorName) -> str:
    return f"{base}{name.path}/followers"


def object_id(base: str, item: ToldItem) -> str:
    return f"{base}{item.kind.path}{item.id}"


def webfinger(base: str, actor: LocalActor) -> dict[str, Any]:
    """RFC 7033: by its name the actor, and its page."""
    own = f"{base}{actor.name.path}"
    page = f"{base}{actor.page}"
    return {
        "subject": f"acct:{actor.name.text}@{netloc_of(base)}",
        "aliases": [own, page],
        "links": [
            {"rel": "self", "type": ACTIVITY, "href": own},
            {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": page},
        ],
    }


def nodeinfo_links(base: str) -> dict[str, Any]:
    return {"links": [{"rel": NODEINFO, "href": f"{base}/federation/nodeinfo/2.1"}]}


def nodeinfo(site_name: str, people: int, posts: int) -> dict[str, Any]:
    """NodeInfo 2.1. `people` are accounts whose address was confirmed: none of them is an actor, so
    nothing is said of activity. `posts` counts the entries of all outboxes."""
    return {
        "version": "2.1",
        "software": {"name": "mapservice", "version": __version__},
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": ["atom1.0"]},
        "openRegistrations": False,
        "usage": {"users": {"total": people}, "localPosts": posts},
        "metadata": {"nodeName": site_name},
    }


def actor(base: str, one: LocalActor, public_key: str) -> dict[str, Any]:
    own = f"{base}{one.name.path}"
    made: dict[str, Any] = {
        "@context": ACTOR_CONTEXT,
        "id": own,
        "type": "Group" if one.name.group else "Service",
        "preferredUsername": one.name.text,
        "name": one.title,
        "summary": one.summary,
        "url": f"{base}{one.page}",
        "inbox": f"{own}/inbox",
        "outbox": f"{own}/outbox",
        "followers": followers_of(base, one.name),
        "endpoints": {"sharedInbox": f"{base}/federation/inbox"},
        "manuallyApprovesFollowers": False,
        "discoverable": True,
        "publicKey": {"id": key_id(base, one.name), "owner": own, "publicKeyPem": public_key},
    }
    if one.since:
        made["published"] = utc_text(one.since)
    return made


def followers(base: str, name: ActorName, count: int) -> dict[str, Any]:
    """How many there are, never who."""
    return {
        "@context": STREAMS,
        "id": followers_of(base, name),
        "type": "OrderedCollection",
        "totalItems": count,
    }


def outbox(base: str, name: ActorName, count: int) -> dict[str, Any]:
    own = f"{base}{name.path}/outbox"
    return {
        "@context": STREAMS,
        "id": own,
        "type": "OrderedCollection",
        "totalItems": count,
        "first": f"{own}?page=1",
    }


def outbox_page(
    base: str, name: ActorName, page: str, items: Sequence[ToldItem], following: str
) -> dict[str, Any]:
    """What the actor tells, the newest first: its own things, and those of others as announced."""
    own = f"{base}{name.path}/outbox"
    told = [
        told_activity(base, item, 1) if item.owner == name else announce(base, name, item, 1)
        for item in items
    ]
    made: dict[str, Any] = {
        "@context": OBJECT_CONTEXT,
        "id": f"{own}?page={page}",
        "type": "OrderedCollectionPage",
        "partOf": own,
        "orderedItems": [_inner(one) for one in told],
    }
    if following:
        made["next"] = f"{own}?page={following}"
    return made


def note(base: str, item: ToldItem) -> dict[str, Any]:
    """An `Event`, or a `Note` with the address of its page."""
    own, page = f"{base}{item.owner.path}", f"{base}{item.page}"
    made: dict[str, Any] = {
        "@context": OBJECT_CONTEXT,
        "id": object_id(base, item),
        "type": "Event" if item.kind is SubjectKind.EVENT else "Note",
        "attributedTo": own,
        "name": item.title,
        "content": f'{item.content}<p><a href="{page}">{page}</a></p>',
        "url": page,
        "published": utc_text(item.since),
        "to": [PUBLIC_AUDIENCE],
        "cc": [followers_of(base, item.owner)],
    }
    if item.changed_at > item.since:
        made["updated"] = utc_text(item.changed_at)
    if item.place:
        made["location"] = item.place
    for name, value in item.fields.items():
        is_path = isinstance(value, str) and value.startswith("/")
        made[name] = f"{base}{value}" if is_path else value
    if item.kind is SubjectKind.INITIATIVE:
        # Mastodon shows a note by its content alone, in which the title stands.
        del made["name"]
    return made


def digest_of(item: ToldItem) -> bytes:
    """Of all that is told but the moments: others are told again when it differs."""
    told = note("", item)
    for name in ("published", "updated"):
        told.pop(name, None)
    return sha256(json.dumps(told, sort_keys=True).encode()).digest()


def told_activity(base: str, item: ToldItem, version: int) -> dict[str, Any]:
    return _about(base, item, "Create", version)


def update(base: str, item: ToldItem, version: int) -> dict[str, Any]:
    return _about(base, item, "Update", version)


def _about(base: str, item: ToldItem, kind: str, version: int) -> dict[str, Any]:
    told = note(base, item)
    moment = item.since if kind == "Create" else item.changed_at
    return {
        "@context": OBJECT_CONTEXT,
        "id": f"{told['id']}#{kind.lower()}-{version}",
        "type": kind,
        "actor": told["attributedTo"],
        "published": utc_text(moment),
        "to": told["to"],
        "cc": told["cc"],
        "object": _inner(told),
    }


def announce(base: str, name: ActorName, item: ToldItem, version: int) -> dict[str, Any]:
    """By an actor that it concerns and that is not its owner."""
    own = object_id(base, item)
    return {
        "@context": STREAMS,
        "id": f"{own}#announce-{version}-{name.text}",
        "type": "Announce",
        "actor": f"{base}{name.path}",
        "published": utc_text(item.since),
        "to": [PUBLIC_AUDIENCE],
        "cc": [followers_of(base, name), f"{base}{item.owner.path}"],
        "object": own,
    }


def removal(base: str, own: str, known: ToldNote) -> dict[str, Any]:
    """A Delete of the object with this id."""
    return {
        "@context": STREAMS,
        "id": f"{own}#delete-{known.version}",
        "type": "Delete",
        "actor": f"{base}{known.owner.path}",
        "to": [PUBLIC_AUDIENCE],
        "object": {"id": own, "type": "Tombstone"},
    }


def accept(
    base: str, name: ActorName, identifier: str, follow: Mapping[str, str]
) -> dict[str, Any]:
    own = f"{base}{name.path}"
    return {
        "@context": STREAMS,
        "id": f"{own}#accept-{identifier}",
        "type": "Accept",
        "actor": own,
        "object": {**follow, "type": "Follow", "object": own},
    }


def _inner(made: dict[str, Any]) -> dict[str, Any]:
    """As a part of another document, whose context holds for it too."""
    return {name: value for name, value in made.items() if name != "@context"}

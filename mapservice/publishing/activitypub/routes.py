"""Addresses of federation: actors by name, their documents and outboxes, and the inbox.

Without MAPSERVICE_FEDERATION none of them exists. A page of a group, a territory, an initiative or
an event answers with the same document where a client asks for ActivityPub and not for a page.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from flask import Blueprint, Flask, Response, json, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from mapservice.accounts.second_factor.permissions import secret_box
from mapservice.errors import InvalidInput, MapserviceError, NotFound, TooManyRequests
from mapservice.i18n import LANGUAGE, SOURCE_LANGUAGE
from mapservice.publishing.activitypub import documents, keys, queries
from mapservice.publishing.activitypub.inbox import ReceivingInbox
from mapservice.publishing.activitypub.model import (
    ACTORS,
    FRANCE,
    ActorName,
    LocalActor,
    SubjectKind,
    ToldItem,
    netloc_of,
)
from mapservice.publishing.activitypub.queries import FIRST, OutboxPlace
from mapservice.publishing.activitypub.remote import client_of
from mapservice.publishing.activitypub.signatures import SignedRequest, SigningKey
from mapservice.settings import Settings
from mapservice.territories.model import Level, TerritoryRef
from mapservice.web import edge
from mapservice.web.edge import base_url, only_parameters, services
from mapservice.web.forms import RateLimit, seconds_to_wait, visitor_network
from mapservice.web.negotiation import vary

blueprint = Blueprint("federation", __name__)

PAGE_ITEMS = 20
MAX_BODY = 128 * 1024
JSON_UTF8 = f"{documents.ACTIVITY}; charset=utf-8"
# A large server sends from one address, mostly to say that accounts are gone.
PER_NETWORK = RateLimit(1_200)
# How often a host makes us ask it for a key, and how often a network makes us ask any.
PER_HOST = RateLimit(120)
FETCHES_PER_NETWORK = RateLimit(300)


class Gone(MapserviceError):
    """What was here and public, and is no longer."""

    status = HTTPStatus.GONE
    title = "Gone"


def is_on() -> bool:
    return services().settings.federation == 1


@blueprint.before_request
def _only_where_it_is_on() -> None:
    if not is_on():
        raise NotFound("There is no such address.")


@blueprint.get("/.well-known/webfinger")
def webfinger() -> Response:
    """By `acct:commune-35238@host`, or the address of an actor or its page."""
    only_parameters("resource", "rel")
    resource = request.args.get("resource", "")
    if not resource:
        raise InvalidInput("resource", "is missing")
    with services().autocommit.connect() as connection:
        actor = _found(connection, _named(resource))
    return _whole(documents.webfinger(base_url(), actor), documents.JRD)


def _named(resource: str) -> ActorName:
    """Raises NotFound, also for the actor of another host."""
    own_hosts = {netloc_of(base_url()), request.host.lower()}
    if "://" in resource:
        if netloc_of(resource) not in own_hosts:
            raise NotFound("There is no such actor here.")
        path = urlsplit(resource).path
        return ActorName.parse(path.removeprefix(ACTORS)) if path.startswith(ACTORS) else _of(path)
    name, _, host = resource.removeprefix("acct:").removeprefix("@").rpartition("@")
    if host.lower() not in own_hosts:
        raise NotFound("There is no such actor here.")
    return ActorName.parse(name)


def _of(path: str) -> ActorName:
    """The actor whose page this is. Raises NotFound."""
    parts = path.strip("/").split("/")
    if parts == [""]:
        return ActorName(FRANCE)
    if parts[0] == "groupes" and len(parts) == 2:
        return ActorName.parse(f"groupe-{parts[1]}")
    if parts[0] == "territoires" and len(parts) == 3:
        return ActorName.parse(f"{parts[1]}-{parts[2]}")
    raise NotFound("There is no such actor.")


@blueprint.get("/.well-known/nodeinfo")
def nodeinfo_links() -> Response:
    only_parameters()
    return _whole(documents.nodeinfo_links(base_url()), edge.JSON)


@blueprint.get("/federation/nodeinfo/2.1")
def nodeinfo() -> Response:
    """Counts as they are: people with a confirmed address, and what the outboxes tell of."""
    only_parameters()
    with services().autocommit.connect() as connection:
        people = queries.people_count(connection)
        posts = queries.outbox_count(connection, ActorName(FRANCE))
    name = services().settings.site_name
    profile = f'{edge.JSON}; profile="{documents.NODEINFO}#"'
    return _whole(documents.nodeinfo(name, people, posts), profile)


@blueprint.get("/federation/actors/<name>")
def actor(name: str) -> ResponseReturnValue:
    only_parameters()
    with services().autocommit.connect() as connection:
        found = _found(connection, ActorName.parse(name))
    if _wants_page():
        return redirect(found.page, HTTPStatus.SEE_OTHER)
    return _actor(found)


@blueprint.get("/federation/actors/<name>/followers")
def followers(name: str) -> Response:
    """How many follow; nobody is told who."""
    only_parameters()
    with services().autocommit.connect() as connection:
        found = _found(connection, ActorName.parse(name)).name
        count = queries.follower_count(connection, found)
    return _whole(documents.followers(base_url(), found, count))


@blueprint.get("/federation/actors/<name>/outbox")
def outbox(name: str) -> Response:
    """What the actor tells, in pages, the newest first."""
    only_parameters("page")
    page = request.args.get("page")
    with services().snapshot.connect() as connection:
        found = _found(connection, ActorName.parse(name)).name
        if page is None:
            count = queries.outbox_count(connection, found)
            return _whole(documents.outbox(base_url(), found, count))
        place = FIRST if page == "1" else OutboxPlace.parse(page)
        if place is None:
            raise InvalidInput("page", "is not one that this service gave")
        now = datetime.now(UTC)
        items, following = queries.outbox_items(connection, found, place, PAGE_ITEMS, now)
    after = following.text if following else ""
    return _whole(documents.outbox_page(base_url(), found, page, items, after))


@blueprint.get("/federation/initiatives/<uuid:identifier>")
def initiative(identifier: UUID) -> ResponseReturnValue:
    return _object(SubjectKind.INITIATIVE, identifier)


@blueprint.get("/federation/evenements/<uuid:identifier>")
def event(identifier: UUID) -> ResponseReturnValue:
    return _object(SubjectKind.EVENT, identifier)


def _object(kind: SubjectKind, identifier: UUID) -> ResponseReturnValue:
    """Raises Gone for what others were told of and is no longer public, else NotFound."""
    only_parameters()
    with services().autocommit.connect() as connection:
        item = queries.told_item(connection, kind, identifier, datetime.now(UTC))
        known = queries.find_note(connection, kind, identifier) if item is None else None
    if item is None:
        if known is not None:
            raise Gone("This was removed.")
        raise NotFound("There is no such thing, or it is not public.")
    return redirect(item.page, HTTPStatus.SEE_OTHER) if _wants_page() else _item(item)


@blueprint.post("/federation/inbox")
@blueprint.post("/federation/actors/<name>/inbox")
def inbox(name: str = "") -> Response:
    """Follow, Undo and Delete, signed; 202 for all that is let go."""
    del name  # an activity says whom it is about
    only_parameters()
    _count("federation", PER_NETWORK, visitor_network())
    request.max_content_length = MAX_BODY
    body = request.get_data(cache=False)
    headers = {key.lower(): value for key, value in request.headers.items()}
    asked = request.environ  # as it was written: Gunicorn's name for it, or that of others
    raw = str(asked.get("RAW_URI") or asked.get("REQUEST_URI") or "")
    target = raw if raw.startswith("/") else request.path
    receiving = ReceivingInbox(
        engine=services().engine,
        client=client_of(services().settings),
        base_url=base_url(),
        count_fetch=_count_fetch,
        signer=_signer,
    )
    receiving.receive(SignedRequest(request.method, target, headers, body), datetime.now(UTC))
    return Response(status=HTTPStatus.ACCEPTED)


def _count_fetch(host: str) -> None:
    """By network first: whoever has a domain has as many hosts as they like."""
    _count("federation fetch", FETCHES_PER_NETWORK, visitor_network())
    _count("federation key", PER_HOST, host)


def register(app: Flask, settings: Settings) -> None:
    """Pages have their documents beside them where federation is on; else they ask nothing here."""
    if settings.federation == 1:
        app.before_request(_page_as_document)


def _page_as_document() -> Response | None:
    """The document beside a page, for clients that ask for ActivityPub and not for a page."""
    named = PAGES.get(request.endpoint or "")
    if named is None or not _wants_activity():
        return None
    arguments = request.view_args or {}
    former = LANGUAGE.set(SOURCE_LANGUAGE)  # it is the same for all, as what machines get is
    try:
        # Only a view is run again where a standby fails, and this comes before it.
        with services().engine.connect() as connection:
            if isinstance(named, SubjectKind):
                now, identifier = datetime.now(UTC), UUID(str(arguments["identifier"]))
                item = queries.told_item(connection, named, identifier, now)
                return _item(item) if item else None
            found = queries.find_actor(connection, named(arguments))
        return _actor(found) if found else None
    except (NotFound, ValueError):
        return None  # the page says what there is instead
    finally:
        LANGUAGE.reset(former)


def _of_group(arguments: dict[str, Any]) -> ActorName:
    return ActorName.of_group(arguments["identifier"])


def _of_territory(arguments: dict[str, Any]) -> ActorName:
    return ActorName.of_territory(TerritoryRef(Level(arguments["level"]), arguments["code"]))


Named = Callable[[dict[str, Any]], ActorName]
PAGES: Mapping[str, SubjectKind | Named] = {
    "group_pages.detail": _of_group,
    "territories.page": _of_territory,
    "initiatives.detail": SubjectKind.INITIATIVE,
    "events.detail": SubjectKind.EVENT,
}


def _found(connection: Connection, name: ActorName) -> LocalActor:
    found = queries.find_actor(connection, name)
    if found is None:
        raise NotFound("There is no such actor.")
    return found


def _actor(found: LocalActor) -> Response:
    public = keys.public_key(services().engine, secret_box())
    return _whole(documents.actor(base_url(), found, public))


def _item(item: ToldItem) -> Response:
    return _whole(documents.note(base_url(), item))


def _signer() -> SigningKey | None:
    """Signs what we ask other servers, by the actor of the country."""
    with services().autocommit.connect() as connection:
        private = keys.private_key(connection, secret_box())
    return SigningKey(documents.key_id(base_url(), ActorName(FRANCE)), private) if private else None


def _whole(made: dict[str, Any], content_type: str = JSON_UTF8) -> Response:
    return vary(edge.whole_answer(json.dumps(made, ensure_ascii=False), content_type))


def _wants_activity() -> bool:
    """Whether ActivityPub is named in Accept, and a page is not wanted more."""
    accepted = {
        value.partition(";")[0].strip().lower(): quality
        for value, quality in reversed(list(request.accept_mimetypes))
    }
    best = max(accepted.get(name, 0) for name in documents.ACTIVITY_TYPES)
    return best > 0 and best >= accepted.get("text/html", 0)


def _wants_page() -> bool:
    """Whether it is a browser: it names pages, and not ActivityPub."""
    named = [value.partition(";")[0].strip().lower() for value, _ in request.accept_mimetypes]
    return "text/html" in named and not _wants_activity()


def _count(name: str, limit: RateLimit, whose: str) -> None:
    wait = seconds_to_wait(name, limit, whose)
    if wait:
        raise TooManyRequests("Too many requests come from there.", wait)

"""`/api/initiatives`: proposing and changing one's own initiatives by JSON, with a key.

What is sent is read by the code that reads the form, placed the same way, and waits for a moderator
the same way. The person behind the key has proved their address: no mail has to confirm.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, Response, jsonify, request
from sqlalchemy import Connection

from mapservice.accounts.api_keys import bearer
from mapservice.accounts.api_keys.bearer import ApiKeyHolder
from mapservice.accounts.api_keys.model import ApiKeyScope
from mapservice.contributions.proposals import model, queries, reading, service
from mapservice.contributions.proposals.model import Proposal, ProposalContent
from mapservice.contributions.proposals.reading import PlaceReading
from mapservice.contributions.proposals.routes import GATE, own
from mapservice.contributions.proposals.service import ProposalSubmission
from mapservice.errors import InvalidInput
from mapservice.geocoding.service import GeocoderCache
from mapservice.territories import queries as territories
from mapservice.territories.model import Level, TerritoryRef
from mapservice.web.edge import base_url, json_object, only_parameters, services

blueprint = Blueprint("proposals_api", __name__, url_prefix="/api/initiatives")

FORM_KEY = "Idempotency-Key"
TEXTS = ("title", "summary", "description", "theme", "scale", "place", "choice", "commune")
NUMBERS = ("lon", "lat")
REVISION = "revision"
# Of an INSEE code.
CODE_SIGNS = 5


@blueprint.get("")
def mine() -> Response:
    """All that the holder of the key proposed, the newest first."""
    only_parameters()
    holder = bearer.require(ApiKeyScope.WRITE_INITIATIVES)
    with services().engine.connect() as connection:
        found = [
            queries.find(connection, one.id) for one in queries.mine(connection, holder.person.id)
        ]
    return jsonify(initiatives=[_document(one) for one in found if one])


@blueprint.get("/<uuid:identifier>")
def one(identifier: UUID) -> Response:
    only_parameters()
    holder = bearer.require(ApiKeyScope.WRITE_INITIATIVES)
    with services().engine.connect() as connection:
        return jsonify(_document(own(connection, identifier, holder.person)))


@blueprint.post("")
def propose() -> Response:
    """A new one; sent again under the same `Idempotency-Key`, a UUID, it is still one."""
    only_parameters()
    holder = _writer()
    with services().engine.connect() as connection:
        content, found = _read(connection, _body(*TEXTS, *NUMBERS))
    with services().engine.begin() as connection:
        locator = services().of(GeocoderCache).current(connection)
        identifier = service.submit(
            connection,
            locator,
            holder.person,
            ProposalSubmission(_form_key(), content),
            at_once=services().settings.moderation == "post",
        )
        made = _document(own(connection, identifier, holder.person), found)
    response = jsonify(made)
    response.status_code = HTTPStatus.CREATED
    response.headers["Location"] = f"{base_url()}/api/initiatives/{identifier}"
    return response


@blueprint.put("/<uuid:identifier>")
def change(identifier: UUID) -> Response:
    """A new version in place of `revision`, the number of the one that was read."""
    only_parameters()
    holder = _writer()
    body = _body(*TEXTS, *NUMBERS, REVISION)
    with services().engine.connect() as connection:
        own(connection, identifier, holder.person)
        content, found = _read(connection, body)
    with services().engine.begin() as connection:
        locator = services().of(GeocoderCache).current(connection)
        person = holder.person
        service.edit(connection, locator, identifier, person.id, content, _revision(body))
        return jsonify(_document(own(connection, identifier, person), found))


@blueprint.after_request
def keep_private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


def _writer() -> ApiKeyHolder:
    """Counted with what the same person sends by the form."""
    holder = bearer.require(ApiKeyScope.WRITE_INITIATIVES)
    bearer.count_person(holder, GATE.name, GATE.per_person)
    return holder


def _body(*allowed: str) -> Mapping[str, Any]:
    """The object that was sent. Raises InvalidInput naming what is not understood."""
    body = json_object()
    for name, value in body.items():
        if name not in allowed:
            raise InvalidInput(str(name)[:50], f"is not one of {', '.join(allowed)}")
        if name in TEXTS and not isinstance(value, str):
            raise InvalidInput(name, "must be text")
        if name in NUMBERS and not _is_number(value):
            raise InvalidInput(name, "must be a number of degrees")
    return body


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _read(connection: Connection, body: Mapping[str, Any]) -> tuple[ProposalContent, PlaceReading]:
    """As the form is read. Raises InvalidInput naming the first field that is wrong."""
    form = model.read_form(_placed(connection, _fields(body)))
    for name, mistake in form.mistakes.items():
        raise InvalidInput(name, str(mistake))
    found = reading.read(
        connection, services().of(GeocoderCache).current(connection), form.content.place
    )
    if found.asks:
        readings = ", ".join(f"{one.value} ({one.name})" for one in found.options)
        reason = f"may be several: say which with `choice`: {readings or 'no commune is like it'}"
        raise InvalidInput("place", f"{reason}; or `open` for a person to find out")
    return form.content, found


def _fields(body: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in body.items() if name != REVISION}


def _placed(connection: Connection, fields: dict[str, str]) -> Mapping[str, str]:
    """`commune`, an INSEE code, is that commune by name and choice, as from the form."""
    code = fields.pop("commune", "")
    if not code:
        return fields
    is_code = code.isascii() and code.isalnum() and len(code) == CODE_SIGNS
    place = territories.find(connection, TerritoryRef(Level.COMMUNE, code)) if is_code else None
    if place is None:
        raise InvalidInput("commune", "is not the INSEE code of a commune")
    chosen = {"place": place.name, "choice": f"commune:{place.code}"}
    return chosen | fields | {"choice": fields.get("choice", chosen["choice"])}


def _form_key() -> UUID:
    text = request.headers.get(FORM_KEY, "")
    if not text:
        return uuid4()
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(FORM_KEY, "is not a UUID") from None


def _revision(body: Mapping[str, Any]) -> int:
    number = body.get(REVISION)
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 10**8:
        raise InvalidInput(REVISION, "must be the number of the version that you change")
    return number


def _document(one: Proposal, found: PlaceReading | None = None) -> dict[str, Any]:
    """What the author sees of it; `understood` is where a place that was just read is shown."""
    place = one.content.place
    document: dict[str, Any] = {
        "id": str(one.id),
        "status": str(one.status),
        "revision": one.revision,
        "title": one.content.title,
        "summary": one.content.summary,
        "description": one.content.description,
        "theme": str(one.content.theme),
        "scale": str(one.content.scale),
        "place": place.words,
        "lon": place.lon,
        "lat": place.lat,
        "choice": place.choice,
        "reason": one.reason,
        "submitted_at": _moment(one.submitted_at),
        "published_at": _moment(one.published_at),
        "url": f"{base_url()}/initiatives/{one.id}",
    }
    if found:
        placement = found.placement
        document["understood"] = {"precision": str(placement.precision), "code": placement.code}
    return document


def _moment(moment: datetime | None) -> str | None:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else None

"""`/api/initiatives`: proposing and changing one's own initiatives in JSON, with a key.

The code that reads the form reads them, places them the same way, and has them wait for a moderator
the same way. The key's owner has proved their address: no mail has to confirm.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, Response, jsonify, request
from sqlalchemy import Connection

from mapservice.accounts.api_keys import bearer
from mapservice.accounts.api_keys.bearer import ApiKeyHolder
from mapservice.accounts.api_keys.model import ApiKeyScope
from mapservice.contributions.proposals import model, queries, service
from mapservice.contributions.proposals.model import Proposal, ProposalContent
from mapservice.contributions.proposals.routes import GATE, own
from mapservice.contributions.proposals.service import PlaceReading, ProposalSubmission
from mapservice.errors import InvalidInput
from mapservice.geocoding.service import GeocoderCache
from mapservice.initiatives.facts import FACT_COLUMNS, FactMistake
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
    key = request.headers.get(FORM_KEY, "")
    with services().engine.connect() as connection:
        content, found = _read(connection, _body(*TEXTS, *NUMBERS, *FACT_COLUMNS))
    try:
        form = UUID(key) if key else uuid4()
    except ValueError:
        raise InvalidInput(FORM_KEY, "is not a UUID") from None
    with services().engine.begin() as connection:
        locator = services().of(GeocoderCache).current(connection)
        identifier = service.submit(
            connection,
            locator,
            holder.person,
            ProposalSubmission(form, content),
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
    body = _body(*TEXTS, *NUMBERS, *FACT_COLUMNS, REVISION)
    with services().engine.connect() as connection:
        former = own(connection, identifier, holder.person)
        content, found = _read(connection, body)
        # A tool that knows of no practical facts does not take them away.
        if not any(name in body for name in FACT_COLUMNS):
            content = replace(content, facts=former.content.facts)
    seen = body.get(REVISION)
    if not isinstance(seen, int) or isinstance(seen, bool) or not 0 < seen < 10**8:
        raise InvalidInput(REVISION, "must be the number of the version that you change")
    with services().engine.begin() as connection:
        locator = services().of(GeocoderCache).current(connection)
        service.edit(connection, locator, identifier, holder.person.id, content, seen)
        return jsonify(_document(own(connection, identifier, holder.person), found))


@blueprint.after_request
def keep_private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


def _writer() -> ApiKeyHolder:
    """The key's holder; their requests count together with the forms they send."""
    holder = bearer.require(ApiKeyScope.WRITE_INITIATIVES)
    bearer.count_person(holder, GATE.name, GATE.per_person)
    return holder


def _body(*allowed: str) -> Mapping[str, Any]:
    """The object that was sent. Raises InvalidInput naming the field not understood."""
    body = json_object()
    for name, value in body.items():
        if name not in allowed:
            raise InvalidInput(str(name)[:50], f"is not one of {', '.join(allowed)}")
        if name in TEXTS and not isinstance(value, str):
            raise InvalidInput(name, "must be text")
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if name in NUMBERS and not is_number:
            raise InvalidInput(name, "must be a number of degrees")
        if name in FACT_COLUMNS:
            _check_fact(name, value)
    return body


def _check_fact(name: str, value: Any) -> None:
    """Null is what nobody tells. Raises InvalidInput."""
    if name in ("tags", "audience"):
        if value is None:
            return
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise InvalidInput(name, "must be a list of texts")
    elif name == "is_free":
        if value is not None and not isinstance(value, bool):
            raise InvalidInput(name, "must be true, false or null")
    elif value is not None and not isinstance(value, str):
        raise InvalidInput(name, "must be text or null")


def _read(connection: Connection, body: Mapping[str, Any]) -> tuple[ProposalContent, PlaceReading]:
    """As the form is read. Raises InvalidInput naming the first field that is wrong."""
    plain = {name: value for name, value in body.items() if name not in FACT_COLUMNS}
    fields = {name: str(value) for name, value in plain.items() if name != REVISION}
    # Facts as the fields of the form say them.
    facts = {name: body[name] for name in FACT_COLUMNS if body.get(name) is not None}
    fields |= {
        name: ",".join(value) if isinstance(value, list) else str(value)
        for name, value in facts.items()
    }
    if "is_free" in facts:
        fields["free"] = str(facts["is_free"]).lower()
    code = fields.pop("commune", "")
    if code:
        # An INSEE code names its commune and chooses it, as the form does.
        is_code = code.isascii() and code.isalnum() and len(code) == CODE_SIGNS
        place = territories.find(connection, TerritoryRef(Level.COMMUNE, code)) if is_code else None
        if place is None:
            raise InvalidInput("commune", "is not the INSEE code of a commune")
        fields = {"place": place.name, "choice": f"commune:{place.code}", **fields}
    form = model.read_form(fields)
    for name, mistake in form.mistakes.items():
        field = "is_free" if name == "free" else name
        is_hours = mistake is FactMistake.HOURS
        raise InvalidInput(field, form.hours_refused if is_hours else str(mistake))
    locator = services().of(GeocoderCache).current(connection)
    found = service.read_place(connection, locator, form.content.place)
    if found.asks:
        readings = ", ".join(f"{one.value} ({one.name})" for one in found.options)
        reason = f"may be several: say which with `choice`: {readings or 'no commune is like it'}"
        raise InvalidInput("place", f"{reason}; or `open` for a person to find out")
    return form.content, found


def _document(one: Proposal, found: PlaceReading | None = None) -> dict[str, Any]:
    """The proposal as its author sees it; `understood` says where a place just read is shown."""
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
        **dict.fromkeys(FACT_COLUMNS),
        **one.content.facts.to_json(),
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

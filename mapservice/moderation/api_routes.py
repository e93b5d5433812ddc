"""`/api/moderation`: all that waits within the roles of a key's owner, as JSON and CSV."""

import base64
import binascii
import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, jsonify, request

from mapservice.accounts.api_keys import bearer
from mapservice.accounts.api_keys.model import ApiKeyScope
from mapservice.errors import InvalidInput
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.queries import Initiative
from mapservice.moderation import pages, queries
from mapservice.moderation.model import CaseKind, QueuePosition, WaitingCase
from mapservice.moderation.places.model import PlaceScope as Part
from mapservice.web.edge import CSV, base_url, only_parameters, services
from mapservice.web.parsing import parse_limit

blueprint = Blueprint("moderation_api", __name__, url_prefix="/api")

PAGE_SIZE, LARGEST_PAGE = 100, 1000
COLUMNS = (
    "kind",
    "id",
    "since",
    "claimed_by",
    "initiative",
    "title",
    "status",
    "precision",
    "commune",
    "departement",
    "region",
    "reason",
    "words",
    "source",
    "url",
)
# A spreadsheet takes a cell that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")

Row = dict[str, Any]


@blueprint.get("/moderation")
def as_json() -> Response:
    rows, following = _page()
    return jsonify(waiting=rows, next=_next(following) if following else None)


@blueprint.get("/moderation.csv")
def as_csv() -> Response:
    """The same columns; the next page is in the header Link."""
    rows, following = _page()
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow(COLUMNS)
    lines.writerows([_cell(row[name]) for name in COLUMNS] for row in rows)
    response = Response(out.getvalue(), content_type=CSV)
    if following:
        response.headers["Link"] = f'<{_next(following)}>; rel="next"'
    return response


@blueprint.after_request
def keep_private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


def _page() -> tuple[Sequence[Row], QueuePosition | None]:
    only_parameters("kind", "limit", "cursor")
    reach = bearer.badge(bearer.require(ApiKeyScope.READ_MODERATION)).sees
    limit = request.args.get("limit")
    size = parse_limit(limit, LARGEST_PAGE) if limit is not None else PAGE_SIZE
    kind, after = pages.read_kind(), _cursor()
    with services().engine.connect() as connection:
        part = pages.part_of(connection, Part(reach=reach), reach, kind)
        found, following = queries.find_page(connection, part, size, after)
        known = initiatives.of_any_status(connection, [one.initiative for one in found])
    return [_row(one, known[one.initiative]) for one in found], following


def _row(one: WaitingCase, about: Initiative) -> Row:
    return {
        "kind": str(one.kind),
        "id": str(one.id),
        "since": f"{one.since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "claimed_by": one.claimed_by,
        "initiative": str(one.initiative),
        "title": about.title,
        "status": str(about.status),
        "precision": str(about.precision),
        "commune": about.commune,
        "departement": about.departement,
        "region": about.region,
        "reason": one.reason,
        "words": one.words,
        "source": about.source_platform,
        "url": base_url() + pages.page_of(one.kind, one.id),
    }


def _cursor() -> QueuePosition | None:
    packed = request.args.get("cursor")
    if packed is None:
        return None
    try:
        since, kind, identifier = json.loads(base64.b64decode(packed, "-_", validate=True))
        moment = datetime.fromisoformat(since)
        return QueuePosition(moment.astimezone(UTC), CaseKind(kind), UUID(identifier))
    except (binascii.Error, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise InvalidInput("cursor", "is not one that this address gave") from None


def _next(turn: QueuePosition) -> str:
    packed = json.dumps([turn.since.isoformat(), str(turn.kind), str(turn.id)])
    cursor = base64.b64encode(packed.encode(), b"-_").decode()
    kept = [pair for pair in request.args.items(multi=True) if pair[0] != "cursor"]
    return f"{base_url()}{request.path}?{urlencode([*kept, ('cursor', cursor)])}"


def _cell(value: str | None) -> str:
    text = value or ""
    return f"'{text}" if text.startswith(FORMULA) else text

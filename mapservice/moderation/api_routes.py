"""`/api/moderation`: the cases within the roles of a key's owner, as JSON and CSV."""

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
from mapservice.moderation import pages, queries
from mapservice.moderation.model import CaseKind, QueuePosition
from mapservice.moderation.places.model import PlaceScope as Part
from mapservice.moderation.subjects import CaseProviders
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
# A spreadsheet takes a cell that begins with one of these for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")

# What unpacking a forged cursor may raise.
NO_CURSOR = (
    binascii.Error,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
)

Row = dict[str, Any]


@blueprint.get("/moderation")
def as_json() -> Response:
    rows, following = _page()
    return jsonify(waiting=rows, next=_next(following) if following else None)


@blueprint.get("/moderation.csv")
def as_csv() -> Response:
    """The same columns; the header Link has the next page."""
    rows, following = _page()
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow(COLUMNS)
    for row in rows:
        cells = [row[name] or "" for name in COLUMNS]
        lines.writerow([f"'{cell}" if cell.startswith(FORMULA) else cell for cell in cells])
    response = Response(out.getvalue(), content_type=CSV)
    if following:
        response.headers["Link"] = f'<{_next(following)}>; rel="next"'
    return response


@blueprint.after_request
def keep_private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


def _page() -> tuple[Sequence[Row], QueuePosition | None]:
    """The rows of the requested page, and where the next one begins.

    The cursor is the position of the last row: its moment, kind and id as JSON in Base64.
    """
    only_parameters("kind", "limit", "cursor")
    reach = bearer.badge(bearer.require(ApiKeyScope.READ_MODERATION)).sees
    limit = request.args.get("limit")
    size = parse_limit(limit, LARGEST_PAGE) if limit is not None else PAGE_SIZE
    kind, packed, after = pages.read_kind(), request.args.get("cursor"), None
    if packed is not None:
        try:
            since, last_kind, last = json.loads(base64.b64decode(packed, "-_", validate=True))
            moment = datetime.fromisoformat(since)
            after = QueuePosition(moment.astimezone(UTC), CaseKind(last_kind), UUID(last))
        except NO_CURSOR:
            raise InvalidInput("cursor", "is not one that this address gave") from None
    with services().engine.connect() as connection:
        part = pages.part_of(connection, Part(reach=reach), reach, kind)
        found, following = queries.find_page(connection, part, size, after)
        ids = [one.initiative for one in found if one.initiative]
        known: dict[UUID, Any] = {
            **initiatives.of_any_status(connection, ids),
            **services().of(CaseProviders).load(connection, found),
        }
    rows = [
        {
            "kind": str(one.kind),
            "id": str(one.id),
            "since": f"{one.since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "claimed_by": one.claimed_by,
            "initiative": str(one.initiative) if one.initiative else None,
            "title": about.title,
            "status": str(about.status),
            "precision": str(about.precision),
            "commune": about.commune,
            "departement": about.departement,
            "region": about.region,
            "reason": one.reason,
            "words": one.words,
            "source": about.source_platform if one.initiative else "",
            "url": base_url() + pages.page_of(one.kind, one.id),
        }
        for one in found
        for about in [known.get(one.initiative or one.id)]
        if about is not None
    ]
    return rows, following


def _next(turn: QueuePosition) -> str:
    packed = json.dumps([turn.since.isoformat(), str(turn.kind), str(turn.id)])
    cursor = base64.b64encode(packed.encode(), b"-_").decode()
    kept = [pair for pair in request.args.items(multi=True) if pair[0] != "cursor"]
    return f"{base_url()}{request.path}?{urlencode([*kept, ('cursor', cursor)])}"

"""Lists for machines, the changes in them, and files made on demand.

`/initiatives.geojson`, `.geojsonl`, `.geojsons` and `.csv` stream any filter; with `updated_since`
they tell what changed instead. `/exports` takes orders for files that must be made whole first.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from flask import Blueprint, Response, jsonify, redirect, render_template, request, send_file
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from mapservice.accounts.api_keys import bearer
from mapservice.accounts.api_keys.model import ApiKeyScope
from mapservice.db.engine import Blocks
from mapservice.errors import InvalidInput, NotFound
from mapservice.initiatives import changes as harvest
from mapservice.initiatives import exports
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.filters import (
    InitiativeFilters,
    ListingSort,
    PageRequest,
    parse,
    parse_moment,
)
from mapservice.initiatives.params import query_string, read_filters, with_known_places
from mapservice.publishing.exports import gogocarto, queries, quota, service
from mapservice.publishing.exports.gogocarto import GogoOntology
from mapservice.publishing.exports.model import (
    MAX_WAITING,
    ORDERED,
    ExportJob,
    JobFormat,
    SheetFormat,
)
from mapservice.publishing.exports.sheets import write_sheet
from mapservice.rollups import queries as activity
from mapservice.web import edge
from mapservice.web.edge import base_url, json_object, only_parameters, services
from mapservice.web.negotiation import HTML_FORM, JSON_FORM, chosen, vary

blueprint = Blueprint("exporting", __name__)

GEOJSON_LINES = "application/x-ndjson"
GEOJSON_SEQUENCE = "application/geo+json-seq"
UPDATED_SINCE = "updated_since"
# How far a harvester's clock may be ahead of ours.
CLOCKS_DIFFER = timedelta(minutes=5)
# The page of an unfinished export reloads after so many seconds.
LOOK_AGAIN_SECONDS = 2
FILE_FRESH_SECONDS = 3600
# A workbook of more takes seconds: it is made by the worker.
MAX_ROWS_AT_ONCE = 2_000
FOR_KEYS = service.ExportTerms(room=2 * MAX_WAITING, kept=timedelta(days=7))

Whole = Callable[[Connection, InitiativeFilters, str], Blocks]
Changed = Callable[[Connection, InitiativeFilters, str, harvest.ChangeWindow], Blocks]


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What the URL asks of a list. `changes` is None unless it asks for changes.

    The answer is complete up to `horizon`; None for a page, which makes no such promise.
    """

    filters: InitiativeFilters
    paging: PageRequest
    changes: harvest.ChangeWindow | None
    horizon: datetime | None


@blueprint.get("/initiatives.geojson")
def geojson() -> Response:
    """A page when `limit` is given, with a link to the next; everything when it is not."""
    with services().engine.connect() as connection:
        asked = _asked(connection)
        limit = asked.paging.limit
        filters, cursor = asked.filters, asked.paging.cursor
        if limit is not None:
            page = exports.geojson_page(connection, filters, base_url(), limit, cursor)
    if limit is None:
        _refuse_paging(asked, "cursor")
        return _stream(asked, edge.GEOJSON, exports.geojson_stream, harvest.geojson)
    address = f"{base_url()}{request.path}"
    here = f"{address}?{request.query_string.decode()}"
    links = [{"rel": "self", "href": here, "type": edge.GEOJSON}]
    if page.next:
        pairs = [("limit", str(limit)), ("cursor", page.next.encode())]
        query = urlencode([*filters.to_pairs(), *pairs], safe=",:")
        links.append({"rel": "next", "href": f"{address}?{query}", "type": edge.GEOJSON})
    head = json.dumps({"numberReturned": page.returned, "links": links})[1:-1]
    body = b'{"type":"FeatureCollection",%b,"features":[%b]}' % (head.encode(), page.features)
    response = edge.whole_answer(body, edge.GEOJSON)
    if page.next:
        response.headers["Link"] = f'<{links[-1]["href"]}>; rel="next"'
    return response


@blueprint.get("/initiatives.geojsonl")
def geojson_lines() -> Response:
    """One feature a line."""
    asked = _asked_unpaged()
    return _stream(asked, GEOJSON_LINES, exports.geojson_lines, harvest.geojson_lines)


@blueprint.get("/initiatives.geojsons")
def geojson_sequence() -> Response:
    """A GeoJSON text sequence, RFC 8142."""
    whole = partial(exports.geojson_lines, start=exports.RECORD_SEPARATOR)
    changed = partial(harvest.geojson_lines, start=exports.RECORD_SEPARATOR)
    return _stream(_asked_unpaged(), GEOJSON_SEQUENCE, whole, changed)


@blueprint.get("/initiatives.csv")
def csv() -> Response:
    with services().engine.connect() as connection:
        asked = _asked(connection)
    _refuse_paging(asked, "cursor")
    whole = partial(exports.csv_stream, limit=asked.paging.limit)
    return _stream(asked, edge.CSV, whole, harvest.csv)


@blueprint.get("/initiatives.xlsx")
def excel_workbook() -> ResponseReturnValue:
    return _workbook(SheetFormat.XLSX)


@blueprint.get("/initiatives.ods")
def open_workbook() -> ResponseReturnValue:
    return _workbook(SheetFormat.ODS)


def _workbook(form: SheetFormat) -> ResponseReturnValue:
    """A short list as a workbook, at once; a long one is ordered at `/exports`."""
    with services().engine.connect() as connection:
        filters, paging = read_filters(connection)
        _refuse_pages(paging)
        total = initiatives.count(connection, filters)
        if total > MAX_ROWS_AT_ONCE:
            return redirect(f"/exports{query_string(filters)}", HTTPStatus.SEE_OTHER)
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder, f"initiatives.{form}")
            write_sheet(connection, form, filters, base_url(), target, lambda _: None)
            content = target.read_bytes()
    response = Response(content, content_type=form.media_type)
    response.headers["Cache-Control"] = "public, no-cache"
    response.headers.set("Content-Disposition", "attachment", filename=f"initiatives.{form}")
    return response


@blueprint.get("/api/elements.json")
def gogocarto_elements() -> Response:
    """What maps made with GoGoCarto take in: `ontology`, and `bounds` for `bbox`."""
    ontology = request.args.get("ontology", GogoOntology.FULL)
    if ontology not in tuple(GogoOntology):
        raise InvalidInput("ontology", f"is not one of {', '.join(GogoOntology)}")
    pairs = [
        ("bbox" if name == "bounds" else name, text.strip(";"))
        for name, text in request.args.items(multi=True)
        if name != "ontology"
    ]
    filters, paging = parse(pairs)
    _refuse_pages(paging)
    with services().engine.connect() as connection:
        filters = with_known_places(connection, filters)
    base = base_url()
    return edge.stream_answer(
        JSON_FORM.content_type,
        "elements.json",
        lambda connection: gogocarto.elements(connection, filters, base, GogoOntology(ontology)),
    )


@blueprint.get("/exports")
def choose() -> str:
    """The page where a person orders a file with the content of a list."""
    with services().engine.connect() as connection:
        filters, paging = read_filters(connection)
        _refuse_pages(paging)
        return render_template(
            "exports/choose.html",
            filters=filters,
            total=activity.total(connection, filters),
            formats=list(ORDERED),
            sample=initiatives.sample_share(connection),
        )


@blueprint.post("/exports")
def order() -> Response:
    """By a form or JSON: `format`, and the filter as its parameters or as `filter`.

    A key for exports has room in a queue that is full for others, and its file is kept longer.
    """
    only_parameters("f")
    form = chosen(JSON_FORM, HTML_FORM)
    holder = bearer.offered(ApiKeyScope.EXPORT)
    terms = FOR_KEYS if holder else service.FOR_ALL
    with services().engine.connect() as connection:
        wanted, filters = _ordered(connection)
    terms = quota.terms_for(holder.person if holder else None, terms)
    made = service.ask(services().engine, wanted, filters, base_url(), terms)
    response = Response(status=HTTPStatus.SEE_OTHER)
    if form is JSON_FORM:
        response = jsonify(_document(made))
        response.status_code = HTTPStatus.ACCEPTED if made.unfinished else HTTPStatus.OK
    response.headers["Location"] = base_url() + made.url
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/exports/<identifier>")
def progress(identifier: str) -> Response:
    """Progress of an export: JSON, or a page that reloads by itself."""
    only_parameters("f")
    form = chosen(JSON_FORM, HTML_FORM)
    with services().engine.connect() as connection:
        one = _found(connection, identifier)
        if form is HTML_FORM:
            filters, _ = parse(parse_qsl(one.filter))
            page = render_template(
                "exports/export.html",
                export=one,
                filters=with_known_places(connection, filters),
                look_again=LOOK_AGAIN_SECONDS,
                sample=initiatives.sample_share(connection),
            )
            response = Response(page, content_type=HTML_FORM.content_type)
        else:
            response = jsonify(_document(one))
    if one.unfinished and form is JSON_FORM:
        response.headers["Retry-After"] = str(LOOK_AGAIN_SECONDS)
    response.headers["Cache-Control"] = "no-store"
    return vary(response)


@blueprint.get("/exports/<identifier>/file")
def file(identifier: str) -> Response:
    """The file, in whole or by ranges, with a strong ETag."""
    only_parameters()
    with services().engine.connect() as connection:
        one = _found(connection, identifier)
    path = service.folder(services().settings.home) / one.file_name
    if one.file_url is None or not path.is_file():
        raise NotFound("This export has no file yet, or no longer.")
    return send_file(
        path.resolve(),
        mimetype=one.format.media_type,
        as_attachment=True,
        download_name=f"initiatives.{one.format}",
        max_age=FILE_FRESH_SECONDS,
    )


def _asked(connection: Connection) -> ExportRequest:
    """Raises InvalidInput naming the parameter."""
    filters, paging = read_filters(connection, UPDATED_SINCE)
    texts = [text for text in request.args.getlist(UPDATED_SINCE) if text.strip()]
    if len(texts) > 1:
        raise InvalidInput(UPDATED_SINCE, "is given more than once")
    if paging.limit is not None and not texts:
        return ExportRequest(filters, paging, None, None)
    horizon = harvest.horizon(connection)
    if not texts:
        return ExportRequest(filters, paging, None, horizon)
    if filters.sort is not (ListingSort.NEAR if filters.near else ListingSort.RECENT):
        raise InvalidInput("sort", "changes come in the order in which they happened")
    # A moment in the future is refused: it would hide all changes until then.
    since, present = parse_moment(UPDATED_SINCE, texts[0]), harvest.clock(connection)
    if since > present + CLOCKS_DIFFER:
        raise InvalidInput(UPDATED_SINCE, "lies in the future")
    window = harvest.ChangeWindow(since, horizon, present)
    asked = ExportRequest(filters, paging, window, window.next)
    _refuse_paging(asked, "limit")
    return asked


def _asked_unpaged() -> ExportRequest:
    with services().engine.connect() as connection:
        asked = _asked(connection)
    _refuse_paging(asked, "limit")
    return asked


def _refuse_paging(asked: ExportRequest, name: str) -> None:
    if asked.paging.cursor is not None:
        raise InvalidInput("cursor", "needs a limit" if name == "cursor" else "is not for streams")
    if name == "limit" and asked.paging.limit is not None:
        raise InvalidInput("limit", "this address gives everything, as a stream")


def _refuse_pages(paging: PageRequest) -> None:
    if paging.limit is not None or paging.cursor is not None:
        name = "limit" if paging.limit is not None else "cursor"
        raise InvalidInput(name, "an export has no pages")


def _stream(asked: ExportRequest, content_type: str, whole: Whole, changed: Changed) -> Response:
    base = base_url()
    window = asked.changes

    def rows(connection: Connection) -> Blocks:
        if window is None:
            return whole(connection, asked.filters, base)
        return changed(connection, asked.filters, base, window)

    response = edge.stream_answer(content_type, request.path.rpartition("/")[2], rows)
    if asked.horizon is not None:
        # Where to ask for later changes; the order of a list means nothing to them.
        moment = asked.horizon.astimezone(UTC).isoformat().replace("+00:00", "Z")
        pairs = [(name, text) for name, text in asked.filters.to_pairs() if name != "sort"]
        query = urlencode([*pairs, (UPDATED_SINCE, moment)], safe=",:")
        address = f"{base}{request.path}?{query}"
        response.headers["Link"] = f'<{address}>; rel="monitor"'
    return response


def _ordered(connection: Connection) -> tuple[JobFormat, InitiativeFilters]:
    """The format and the filter that the body names. Raises InvalidInput naming the field.

    A form has them as its fields; JSON is `{"format": "gpkg", "filter": "theme=culture"}`, or has
    the filter as an object of texts.
    """
    if request.is_json:
        body = json_object()
        for name in body:
            if name not in ("format", "filter"):
                raise InvalidInput(str(name)[:50], "is not a member of this object")
        pairs = [("format", _text("format", body["format"]))] if "format" in body else []
        written = body.get("filter", "")
        if isinstance(written, Mapping):
            pairs += [(str(name), _text(str(name), text)) for name, text in written.items()]
        else:
            pairs += parse_qsl(_text("filter", written), keep_blank_values=True)
    else:
        pairs = list(request.form.items(multi=True))
    formats = [text for name, text in pairs if name == "format"]
    if len(formats) != 1:
        raise InvalidInput("format", "must be given once")
    wanted = service.parse_format(formats[0])
    filters, paging = parse(pair for pair in pairs if pair[0] != "format")
    _refuse_pages(paging)
    return wanted, with_known_places(connection, filters)


def _text(field: str, value: object) -> str:
    if isinstance(value, list):
        return ",".join(_text(field, part) for part in value)
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise InvalidInput(field[:50], "must be text")


def _found(connection: Connection, identifier: str) -> ExportJob:
    try:
        found = queries.find(connection, UUID(identifier))
    except ValueError:
        found = None
    if found is None or found.format not in ORDERED:
        raise NotFound("There is no such export, or it has expired.")
    return found


def _document(one: ExportJob) -> dict[str, Any]:
    file_url = one.file_url
    return {
        "id": str(one.id),
        "format": one.format,
        "filter": one.filter,
        "state": one.state,
        "done": one.done,
        "total": one.total,
        "bytes": one.bytes,
        "created_at": _moment(one.created_at),
        "finished_at": _moment(one.finished_at),
        "expires_at": _moment(one.expires_at),
        "url": base_url() + one.url,
        "file": base_url() + file_url if file_url else None,
    }


def _moment(moment: datetime | None) -> str | None:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else None

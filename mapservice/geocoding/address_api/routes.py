"""The national address API's endpoints, for communes: parameters and answers as in addok.

Ours adds `status` and `precision`: how far each answer can be trusted. Parameters that ours
does not know are ignored here, unlike elsewhere, so that clients of that API work unchanged.
"""

import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import PurePath
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile
from typing import Any, Self
from urllib.parse import quote

from flask import Blueprint, Response, request

from mapservice.errors import InvalidInput
from mapservice.geocoding.address_api import properties as address
from mapservice.geocoding.csv_dialect import SEPARATORS, Answers, Cells, CsvDialectHints, CsvTable
from mapservice.geocoding.model import GeocodeQuery, MatchCandidate, MatchStatus
from mapservice.geocoding.service import GeocoderCache, Locator
from mapservice.territories.coordinates import LonLat
from mapservice.territories.queries import commune_at, communes_at
from mapservice.web import edge
from mapservice.web.edge import services
from mapservice.web.parsing import parse_limit, parse_number

blueprint = Blueprint("geocode", __name__, url_prefix="/geocode")

DEFAULT_LIMIT = 5
MAX_LIMIT = 100
MAX_QUERY_LENGTH = 200
UPLOAD_IN_MEMORY = 500_000
OUTSIDE = "the point lies at sea or abroad"
PROBLEM = "application/problem+json"
# As addok reads them, case apart.
SWITCHES = {
    **dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True),
    **dict.fromkeys(("0", "false", "f", "no", "n", "off"), False),
}
LON_NAMES = ("lon", "lng", "long", "longitude")
LAT_NAMES = ("lat", "latitude")


@dataclass(frozen=True, slots=True)
class GeocodeRequest:
    """The parameters of a search, read and checked."""

    q: str
    limit: int
    autocomplete: bool
    near: LonLat | None
    postcode: str
    citycode: str
    type: str

    @classmethod
    def of_request(cls) -> Self:
        """Raises InvalidInput naming the parameter."""
        text = request.args.get("q", "").strip()
        if not text:
            raise InvalidInput("q", "is needed")
        if len(text) > MAX_QUERY_LENGTH:
            raise InvalidInput("q", f"is longer than {MAX_QUERY_LENGTH} characters")
        return cls(
            q=text,
            limit=_limit(DEFAULT_LIMIT),
            autocomplete=_switch("autocomplete", default=True),
            near=_near(),
            postcode=_code("postcode"),
            citycode=_code("citycode"),
            type=_type(),
        )


@blueprint.get("/search", strict_slashes=False)
def search() -> Response:
    """What the whole text means, then what its beginning may become; each commune once."""
    asked = GeocodeRequest.of_request()
    center = {"center": [asked.near.lon, asked.near.lat]} if asked.near else {}
    shown: list[tuple[MatchCandidate, MatchStatus]] = []
    postcode = ""
    if asked.type in ("", address.MUNICIPALITY):
        geocoder = _locator().geocoder
        suggested = geocoder.search(
            asked.q,
            limit=asked.limit,
            autocomplete=asked.autocomplete,
            postcode=asked.postcode,
            citycode=asked.citycode,
            lon=asked.near.lon if asked.near else None,
            lat=asked.near.lat if asked.near else None,
        )
        begun = geocoder.status_of_beginning(asked.q) if asked.autocomplete and suggested else None
        if begun:
            # What is only the beginning of one commune's name tells nothing of others.
            shown = [
                (one, begun if one.method == "prefix" else MatchStatus.AMBIGUOUS)
                for one in suggested
            ]
        else:
            match = geocoder.match(GeocodeQuery(text=asked.q))
            postcode = match.parts.postcode
            understood = [] if asked.autocomplete and suggested else match.candidates
            ranked = [one for one in understood if _fits(one, asked.postcode, asked.citycode)]
            ranked += suggested
            unique = {one.place.commune: one for one in reversed(ranked)}
            # The verdict is on the commune that the words mean, wherever it stands in the list. Any
            # other is an alternative at most: a filter or a position may have put it first, but not
            # the words (as in the answers for files).
            for one in sorted(unique.values(), key=ranked.index)[: asked.limit]:
                is_meant = one.place.commune == match.commune
                has_verdict = is_meant or match.status is MatchStatus.NONE
                shown.append((one, match.status if has_verdict else MatchStatus.AMBIGUOUS))
    features = []
    for candidate, status in shown:
        properties = address.properties(candidate, asked.postcode or postcode)
        if asked.near:
            metres = address.metres(asked.near.lon, asked.near.lat, candidate)
            properties["distance"] = round(metres)
        properties |= {"status": status, "precision": candidate.place.kind}
        features.append(_geojson(candidate, properties))
    return _collection(features, query=asked.q, **_filters(), **center, limit=asked.limit)


@blueprint.get("/reverse", strict_slashes=False)
def reverse() -> Response:
    near = _near()
    if near is None:
        raise InvalidInput("lon", "lon and lat are needed, in degrees")
    limit = _limit(1)
    postcode, citycode = _code("postcode"), _code("citycode")
    if _type() not in ("", address.MUNICIPALITY):
        return _collection([], **_filters(), limit=limit)
    with services().autocommit.connect() as connection:
        located = commune_at(connection, near.lon, near.lat)
    if located is None:
        return _collection([], **_filters(), limit=limit, reason=OUTSIDE)
    features = []
    for hit in address.held(_locator().entry, located):
        if _fits(hit.candidate, postcode, citycode):
            distance = round(address.metres(near.lon, near.lat, hit.candidate))
            properties = address.properties(hit.candidate, postcode) | {"distance": distance}
            features.append(_geojson(hit.candidate, properties | address.border(hit)))
    return _collection(features[:limit], **_filters(), limit=limit)


@blueprint.post("/search/csv", strict_slashes=False)
def search_csv() -> Response:
    geocoder = _locator().geocoder

    def answers_for(table: CsvTable) -> Answers:
        only = _type_of_all(table)
        # The columns that make up the text, in the order given; all of them when none is.
        words = tuple(table.position(name, "columns") for name in _listed("columns"))
        columns = address.AddressColumns(
            words=words or tuple(range(len(table.columns))),
            postcode=_column(table, "postcode"),
            citycode=_column(table, "citycode"),
            type=None if only else _column(table, "type"),
            lon=_column(table, "lon", "lng"),
            lat=_column(table, "lat"),
            only=only,
        )
        return lambda rows: address.search_rows(geocoder, columns, rows)

    return _download(address.SEARCH_COLUMNS, answers_for)


@blueprint.post("/reverse/csv", strict_slashes=False)
def reverse_csv() -> Response:
    locator, engine = _locator(), services().engine

    def answers_for(table: CsvTable) -> Answers:
        only = _type_of_all(table)
        columns = address.AddressColumns(
            type=None if only else _column(table, "type"),
            lon=_degrees_column(table, "lon", LON_NAMES),
            lat=_degrees_column(table, "lat", LAT_NAMES),
            only=only,
        )

        def answers(rows: Sequence[Cells]) -> Iterator[Cells]:
            points = [address.row_point(columns, row) for row in rows]
            with engine.connect() as connection:
                holders = list(communes_at(connection, points))
            for row, found in zip(rows, holders, strict=True):
                holder = locator.entry(found.insee) if found else None
                yield address.reverse_row(columns, row, holder)

        return answers

    return _download(address.REVERSE_COLUMNS, answers_for)


@blueprint.after_request
def speak_as_the_api(response: Response) -> Response:
    """Errors carry the members that the API's clients read, beside those of RFC 9457."""
    response.headers["Access-Control-Allow-Headers"] = "Content-Type, X-Requested-With"
    if response.content_type == PROBLEM:
        body = json.loads(response.get_data())
        words = {"code": response.status_code, "message": body["detail"]}
        response.set_data(json.dumps(body | words | {"description": body["detail"]}))
    return response


def _locator() -> Locator:
    known = services().of(GeocoderCache).fresh()
    if known is not None:
        return known
    with services().autocommit.connect() as connection:
        return services().of(GeocoderCache).current(connection)


def _fits(candidate: MatchCandidate, postcode: str, citycode: str) -> bool:
    place = candidate.place
    return (not postcode or postcode in place.postcodes) and (
        not citycode or citycode in (place.commune, place.code)
    )


def _geojson(candidate: MatchCandidate, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": address.lon_lat(candidate)},
        "properties": properties,
    }


def _collection(features: list[dict[str, Any]], **more: Any) -> Response:
    body = {
        "type": "FeatureCollection",
        "version": "draft",
        "features": features,
        "attribution": address.ATTRIBUTION,
        "licence": address.LICENCE,
        **more,
    }
    return edge.whole_answer(json.dumps(body, ensure_ascii=False), edge.GEOJSON)


def _filters() -> dict[str, dict[str, str]]:
    """The filters in force, said again as addok does."""
    given = {name: request.args.get(name, "") for name in ("postcode", "citycode", "type")}
    filters = {name: text for name, text in given.items() if text.strip()}
    return {"filters": filters} if filters else {}


def _limit(default: int) -> int:
    """As in addok, none and 0 mean the default."""
    text = request.args.get("limit", "").strip()
    return default if text in ("", "0") else parse_limit(text, MAX_LIMIT)


def _switch(name: str, *, default: bool) -> bool:
    text = request.values.get(name, "").strip().lower()
    if not text:
        return default
    if text not in SWITCHES:
        raise InvalidInput(name, "must be 0 or 1")
    return SWITCHES[text]


def _near() -> LonLat | None:
    lon, lat = _first(LON_NAMES), _first(LAT_NAMES)
    if not lon and not lat:
        return None
    if not lon or not lat:
        raise InvalidInput("lat" if lon else "lon", "lon and lat go together")
    return LonLat(_degrees("lon", lon, 180), _degrees("lat", lat, 90))


def _first(names: Iterable[str]) -> str:
    given = (request.args.get(name, "").strip() for name in names)
    return next(filter(None, given), "")


def _degrees(name: str, text: str, most: int) -> float:
    degrees = parse_number(name, text)
    if abs(degrees) > most:
        raise InvalidInput(name, f"must lie between -{most} and {most} degrees")
    return degrees


def _code(name: str) -> str:
    text = request.args.get(name, "").strip().upper()
    if text and not (text.isascii() and text.isalnum() and len(text) == 5):
        raise InvalidInput(name, f"{text[:20]!r} is not a code of five characters")
    return text


def _type() -> str:
    text = request.args.get("type", "").strip()
    if text and text not in address.TYPES:
        raise InvalidInput("type", f"{text[:40]!r} is not one of {', '.join(address.TYPES)}")
    return text


def _sign(name: str) -> str:
    text = request.values.get(name, "").replace("\\t", "\t")
    is_sign = len(text) == 1 and not text.isalnum() and text != " "
    if text and not (is_sign and (text.isprintable() or text == "\t")):
        raise InvalidInput(name, f"{text[:20]!r} is not one sign, such as , or ;")
    return text


def _listed(field: str) -> list[str]:
    """A repeated field, also in PHP's way: `columns[]`, `columns[0]`."""
    pairs = chain(request.args.items(multi=True), request.form.items(multi=True))
    return [text for name, text in pairs if name.partition("[")[0] == field and text]


def _column(table: CsvTable, *fields: str) -> int | None:
    """The column that a field names, if it is given."""
    for field in fields:
        name = request.values.get(field, "")
        if name:
            return table.position(name, field)
    return None


def _type_of_all(table: CsvTable) -> str:
    """`type` names a column in addok-csv; IGN's clients give the type itself."""
    given = request.values.get("type", "")
    return given if given in address.TYPES and given not in table.columns else ""


def _degrees_column(table: CsvTable, field: str, usual: Iterable[str]) -> int:
    """The column that a field names, else the first with a usual name."""
    named = _column(table, field)
    if named is not None:
        return named
    found = [name for name in usual if name in table.columns]
    if not found:
        raise InvalidInput(field, f"names no column, and data has none of {', '.join(usual)}")
    return table.position(found[0], field)


def _download(columns: Sequence[str], answers_for: Callable[[CsvTable], Answers]) -> Response:
    """The file of the request with its answers, sent as they are found.

    Flask closes the upload before the answer is sent, so the answer needs a copy of its own.
    """
    # The file of a form may be larger than other bodies.
    settings = services().settings
    request.max_content_length = settings.max_upload_bytes
    upload = request.files.get("data")
    if upload is None:
        raise InvalidInput("data", "is needed: a CSV file, in a multipart form")
    with ExitStack() as stack:
        separator, mark = _sign("delimiter"), _sign("quote") or '"'
        if mark == separator or mark in SEPARATORS:
            field = "quote" if mark in SEPARATORS else "delimiter"
            raise InvalidInput(field, f"{mark!r} cannot both part cells and quote them")
        own = stack.enter_context(SpooledTemporaryFile(UPLOAD_IN_MEMORY))
        copyfileobj(upload.stream, own)
        hints = CsvDialectHints(
            encoding=request.values.get("encoding", "")
            or upload.mimetype_params.get("charset", ""),
            separator=separator,
            quote=mark,
            with_bom=_switch("with_bom", default=False),
        )
        table = CsvTable.read(own, "data", hints, settings.max_upload_rows)
        blocks = _blocks(table, columns, answers_for(table))
        stack.callback(blocks.close)
        first = list(islice(blocks, 2))  # an early failure is still an answer of its own
        held = stack.pop_all()
    response = Response(
        chain(first, blocks), content_type=f"text/csv; charset={table.layout.charset}"
    )
    response.call_on_close(held.close)
    response.headers["Cache-Control"] = "no-store"
    # Both parameters of RFC 6266: in ASCII for old clients, in UTF-8 for the others.
    stem = PurePath((upload.filename or "data").replace("\\", "/")).stem
    name = f"{stem[:100] or 'data'}.geocoded.csv"
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    utf_8 = quote(name, safe="", errors="replace")
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"{plain}\"; filename*=UTF-8''{utf_8}"
    )
    return response


def _blocks(
    table: CsvTable, columns: Sequence[str], answers: Answers
) -> Generator[bytes, None, None]:
    """The file with the result columns asked for, in blocks of bytes."""
    wanted = list(dict.fromkeys(_listed("result_columns"))) or columns
    for name in wanted:
        # One that only streets have comes out empty.
        if name not in columns and not name.startswith("result_"):
            known = ", ".join(columns)
            raise InvalidInput("result_columns", f"{name[:50]!r} is not one of {known}")
    places = [columns.index(name) if name in columns else None for name in wanted]

    def picked(rows: Sequence[Cells]) -> Iterator[Cells]:
        for cells in answers(rows):
            yield ["" if place is None else cells[place] for place in places]

    for _, block in table.answered(wanted, picked):
        yield block

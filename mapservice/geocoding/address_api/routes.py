"""The national address API's doors, for communes: parameters and answers as addok gives them.

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
from werkzeug.datastructures import FileStorage

from mapservice.errors import InvalidInput
from mapservice.geocoding.address_api import properties as address
from mapservice.geocoding.csv_dialect import Answers, Cells, CsvDialectHints, CsvTable
from mapservice.geocoding.matching.engine import Geocoder
from mapservice.geocoding.model import GeocodeMatch, GeocodeQuery, MatchCandidate, MatchStatus
from mapservice.geocoding.service import GeocoderCache, Locator
from mapservice.territories.coordinates import LonLat
from mapservice.territories.queries import BorderCommunes, commune_at, communes_at
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
        return cls(
            q=_query(),
            limit=_limit(DEFAULT_LIMIT),
            autocomplete=_switch("autocomplete", default=True),
            near=_near(),
            postcode=_code("postcode"),
            citycode=_code("citycode"),
            type=_type(),
        )


@blueprint.get("/search", strict_slashes=False)
def search() -> Response:
    asked = GeocodeRequest.of_request()
    features = [] if asked.type not in ("", address.MUNICIPALITY) else _features(asked)
    center = {"center": [asked.near.lon, asked.near.lat]} if asked.near else {}
    return _collection(features, query=asked.q, **_filters(), **center, limit=asked.limit)


@blueprint.get("/reverse", strict_slashes=False)
def reverse() -> Response:
    near = _near()
    if near is None:
        raise InvalidInput("lon", "lon and lat are needed, in degrees")
    limit = _limit(1)
    postcode, citycode = _code("postcode"), _code("citycode")
    wanted = _type() in ("", address.MUNICIPALITY)
    located = _located(near) if wanted else None
    if wanted and located is None:
        return _collection([], **_filters(), limit=limit, reason=OUTSIDE)
    found = address.held(_locator().entry, located) if located else []
    features = [
        _held_feature(holder, near, postcode)
        for holder in found
        if _fits(holder.candidate, postcode, citycode)
    ]
    return _collection(features[:limit], **_filters(), limit=limit)


@blueprint.post("/search/csv", strict_slashes=False)
def search_csv() -> Response:
    geocoder = _locator().geocoder

    def door(table: CsvTable) -> Answers:
        columns = _search_columns(table)
        return lambda rows: address.search_rows(geocoder, columns, rows)

    return _download(address.SEARCH_COLUMNS, door)


@blueprint.post("/reverse/csv", strict_slashes=False)
def reverse_csv() -> Response:
    locator, engine = _locator(), services().engine

    def door(table: CsvTable) -> Answers:
        columns = _reverse_columns(table)

        def answers(rows: Sequence[Cells]) -> Iterator[Cells]:
            points = [address.row_point(columns, row) for row in rows]
            with engine.connect() as connection:
                holders = list(communes_at(connection, points))
            for row, found in zip(rows, holders, strict=True):
                holder = locator.entry(found.insee) if found else None
                yield address.reverse_row(columns, row, holder)

        return answers

    return _download(address.REVERSE_COLUMNS, door)


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


def _features(asked: GeocodeRequest) -> list[dict[str, Any]]:
    """What the whole text means, then what its beginning may become; each commune once."""
    geocoder = _locator().geocoder
    suggested = _suggested(geocoder, asked)
    begun = geocoder.status_of_beginning(asked.q) if asked.autocomplete and suggested else None
    if begun:
        return [_feature(one, _status_begun(one, begun), "", asked) for one in suggested]
    match = geocoder.match(GeocodeQuery(text=asked.q))
    understood = [] if asked.autocomplete and suggested else list(match.candidates)
    ranked = [one for one in understood if _fits(one, asked.postcode, asked.citycode)] + suggested
    unique = {one.place.commune: one for one in reversed(ranked)}
    best = sorted(unique.values(), key=ranked.index)[: asked.limit]
    return [_feature(one, _status(one, match), match.parts.postcode, asked) for one in best]


def _status(candidate: MatchCandidate, match: GeocodeMatch) -> MatchStatus:
    """The verdict is on the commune that the words mean, wherever it stands in the list.

    Any other is an alternative at most: a filter or a position may have put it first, but not the
    words (as in the answers for files).
    """
    if match.status is MatchStatus.NONE or candidate.place.commune == match.commune:
        return match.status
    return MatchStatus.AMBIGUOUS


def _status_begun(candidate: MatchCandidate, begun: MatchStatus) -> MatchStatus:
    """What is only the beginning of one commune's name tells nothing of others."""
    return begun if candidate.method == "prefix" else MatchStatus.AMBIGUOUS


def _suggested(geocoder: Geocoder, asked: GeocodeRequest) -> list[MatchCandidate]:
    return geocoder.search(
        asked.q,
        limit=asked.limit,
        autocomplete=asked.autocomplete,
        postcode=asked.postcode,
        citycode=asked.citycode,
        lon=asked.near.lon if asked.near else None,
        lat=asked.near.lat if asked.near else None,
    )


def _fits(candidate: MatchCandidate, postcode: str, citycode: str) -> bool:
    place = candidate.place
    return (not postcode or postcode in place.postcodes) and (
        not citycode or citycode in (place.commune, place.code)
    )


def _located(near: LonLat) -> BorderCommunes | None:
    with services().autocommit.connect() as connection:
        return commune_at(connection, near.lon, near.lat)


def _held_feature(holder: address.ReverseHit, near: LonLat, postcode: str) -> dict[str, Any]:
    distance = round(address.metres(near.lon, near.lat, holder.candidate))
    properties = address.properties(holder.candidate, postcode) | {"distance": distance}
    return _geojson(holder.candidate, properties | address.border(holder))


def _feature(
    candidate: MatchCandidate, status: MatchStatus, postcode: str, asked: GeocodeRequest
) -> dict[str, Any]:
    precision = "commune" if candidate.place.kind == "commune" else candidate.place.kind
    properties = address.properties(candidate, asked.postcode or postcode)
    if asked.near:
        metres = address.metres(asked.near.lon, asked.near.lat, candidate)
        properties["distance"] = round(metres)
    return _geojson(candidate, properties | {"status": status, "precision": precision})


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


def _query() -> str:
    text = request.args.get("q", "").strip()
    if not text:
        raise InvalidInput("q", "is needed")
    if len(text) > MAX_QUERY_LENGTH:
        raise InvalidInput("q", f"is longer than {MAX_QUERY_LENGTH} characters")
    return text


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


def _upload() -> FileStorage:
    """The file of a form, which may be larger than other bodies."""
    request.max_content_length = services().settings.max_upload_bytes
    upload = request.files.get("data")
    if upload is None:
        raise InvalidInput("data", "is needed: a CSV file, in a multipart form")
    return upload


def _told(upload: FileStorage) -> CsvDialectHints:
    return CsvDialectHints(
        encoding=request.values.get("encoding", "") or upload.mimetype_params.get("charset", ""),
        separator=_sign("delimiter"),
        quote=_sign("quote") or '"',
        with_bom=_switch("with_bom", default=False),
    )


def _sign(name: str) -> str:
    text = request.values.get(name, "").replace("\\t", "\t")
    if text and (len(text) > 1 or text.isalnum() or text in "\r\n\x00 "):
        raise InvalidInput(name, f"{text[:20]!r} is not one sign, such as , or ;")
    return text


def _search_columns(table: CsvTable) -> address.AddressColumns:
    only = _type_of_all(table)
    return address.AddressColumns(
        words=_words(table),
        postcode=_column(table, "postcode"),
        citycode=_column(table, "citycode"),
        type=None if only else _column(table, "type"),
        lon=_column(table, "lon", "lng"),
        lat=_column(table, "lat"),
        only=only,
    )


def _reverse_columns(table: CsvTable) -> address.AddressColumns:
    only = _type_of_all(table)
    return address.AddressColumns(
        type=None if only else _column(table, "type"),
        lon=_degrees_column(table, "lon", LON_NAMES),
        lat=_degrees_column(table, "lat", LAT_NAMES),
        only=only,
    )


def _words(table: CsvTable) -> tuple[int, ...]:
    """The columns that make up the text, in the order given; all of them when none is."""
    names = _listed("columns")
    if not names:
        return tuple(range(len(table.columns)))
    return tuple(table.position(name, "columns") for name in names)


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


def _download(columns: Sequence[str], door: Callable[[CsvTable], Answers]) -> Response:
    """The file of the request with its answers, sent as they are found.

    Flask closes what was uploaded before the answer is sent, so that it needs a copy of its own.
    """
    upload = _upload()
    with ExitStack() as stack:
        own = stack.enter_context(SpooledTemporaryFile(UPLOAD_IN_MEMORY))
        copyfileobj(upload.stream, own)
        table = CsvTable.read(own, "data", _told(upload), services().settings.max_upload_rows)
        blocks = _blocks(table, columns, door(table))
        stack.callback(blocks.close)
        first = list(islice(blocks, 2))  # an early failure is still an answer of its own
        held = stack.pop_all()
    response = Response(
        chain(first, blocks), content_type=f"text/csv; charset={table.layout.charset}"
    )
    response.call_on_close(held.close)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Disposition"] = f"attachment; {_answer_name(upload)}"
    return response


def _blocks(
    table: CsvTable, columns: Sequence[str], answers: Answers
) -> Generator[bytes, None, None]:
    wanted = _wanted(columns)
    places = [columns.index(name) if name in columns else None for name in wanted]

    def picked(rows: Sequence[Cells]) -> Iterator[Cells]:
        for cells in answers(rows):
            yield ["" if place is None else cells[place] for place in places]

    for _, block in table.answered(wanted, picked):
        yield block


def _wanted(columns: Sequence[str]) -> Sequence[str]:
    """The result columns asked for; one that only streets have comes out empty."""
    wanted = list(dict.fromkeys(_listed("result_columns")))
    for name in wanted:
        if name not in columns and not name.startswith("result_"):
            raise InvalidInput(
                "result_columns", f"{name[:50]!r} is not one of {', '.join(columns)}"
            )
    return wanted or columns


def _answer_name(upload: FileStorage) -> str:
    """Both parameters of RFC 6266: in ASCII for the old, in UTF-8 for the others."""
    stem = PurePath((upload.filename or "data").replace("\\", "/")).stem
    name = f"{stem[:100] or 'data'}.geocoded.csv"
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    return f"filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"

"""The archive over HTTP: whole, by ranges, as XYZ tiles; its style; letters for other maps."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import structlog
from flask import Blueprint, Response, request, send_file
from werkzeug.security import safe_join

from mapservice.errors import InvalidInput, NotFound, ServiceUnavailable, SourceError
from mapservice.initiatives.grid import Tile
from mapservice.settings import vendor_folder
from mapservice.tiles.basemap import public_style, style
from mapservice.tiles.basemap.archive import ServedArchive
from mapservice.tiles.basemap.model import StyleTheme, TileSchema
from mapservice.tiles.basemap.service import Basemap
from mapservice.web import edge
from mapservice.web.edge import (
    base_url,
    etag_of,
    only_parameters,
    services,
    tagged_answer,
    whole_answer,
)

blueprint = Blueprint("basemap", __name__)
log = structlog.get_logger()

PMTILES = "application/vnd.pmtiles"
PROTOBUF = "application/x-protobuf"
DAY_SECONDS = 86_400
# An address with the archive's version is that archive's for ever.
YEAR_SECONDS = 31_536_000
# Where the package of npm that brings glyphs has them: one folder a font.
GLYPHS = "tileserver-gl-styles/fonts"
RANGE = re.compile(r"\d{1,5}-\d{1,5}")
RANGE_SIZE, LAST_RANGE = 256, 65_280


@blueprint.get("/basemap/<z>/<x>/<y>.pbf")
def tile(z: str, x: str, y: str) -> Response:
    """As it is stored: by gzip, to whom reads that."""
    asked = Tile.parse(z, x, y)
    only_parameters("v")
    served = _served()
    header = served.archive.header
    if not header["min_zoom"] <= asked.z <= header["max_zoom"]:
        raise NotFound(f"The base map has the zooms {header['min_zoom']} to {header['max_zoom']}.")
    try:
        content = served.archive.tile(asked.z, asked.x, asked.y)
    except SourceError as error:
        log.warning("basemap_unusable", reason=str(error), former_kept=False)
        raise ServiceUnavailable("The base map is damaged.") from None
    lasts = _lasts(served)
    if content is None:
        return Response(status=204, headers={"Cache-Control": f"public, max-age={lasts}"})
    return _packed(content, served, lasts)


def _packed(content: bytes, served: ServedArchive, lasts: int) -> Response:
    """Each encoding is an answer with an ETag of its own."""
    packed = served.archive.is_packed
    if packed and not request.accept_encodings.find("gzip") >= 0:
        content, packed = gzip.decompress(content), False
    tag = etag_of(content)
    response = tagged_answer(content, tag, edge.MVT, lasts)
    response.vary.add("Accept-Encoding")
    if packed and response.status_code != 304:
        response.headers["Content-Encoding"] = "gzip"
    return response


def _lasts(served: ServedArchive) -> int:
    return YEAR_SECONDS if request.args.get("v") == served.version else DAY_SECONDS


@blueprint.get("/basemap/tiles.json")
def tilejson() -> Response:
    only_parameters()
    served = _served()
    archive = served.archive
    west, south, east, north = archive.bounds
    told = {
        "tilejson": "3.0.0",
        "name": str(archive.metadata.get("name") or "basemap"),
        "scheme": "xyz",
        "tiles": [public_style.tiles_address(base_url(), served)],
        "minzoom": archive.header["min_zoom"],
        "maxzoom": archive.header["max_zoom"],
        "bounds": [west, south, east, north],
        "attribution": served.attribution,
        "vector_layers": archive.layers,
    }
    return whole_answer(json.dumps(told), edge.JSON)


@blueprint.get("/basemap/archive.pmtiles")
def whole_archive() -> Response:
    """The file itself, by ranges for clients that read PMTiles, with a strong ETag."""
    only_parameters("v")
    served = _served()
    response = send_file(
        served.archive.path.resolve(),
        mimetype=PMTILES,
        download_name="basemap.pmtiles",
        conditional=True,
        etag=served.version,
        max_age=DAY_SECONDS,
    )
    response.headers["Accept-TileRanges"] = "bytes"
    return response


@blueprint.get("/basemap/style.json")
def archive_style() -> Response:
    """The archive's layers alone, as our own pages lay them under theirs."""
    only_parameters("theme", "v")
    made = public_style.archive_style(base_url(), _served(), _theme())
    return whole_answer(json.dumps(made), edge.JSON)


@blueprint.get("/basemap/styles/<schema>.json")
def schema_layers(schema: str) -> Response:
    """The layers for tiles of a schema that somebody else serves; their source is to be added."""
    only_parameters("theme")
    if schema not in list(TileSchema):
        raise NotFound(f"There is no style for {schema}: {', '.join(TileSchema)}.")
    made = {"source": style.SOURCE, "layers": style.layers_of(TileSchema(schema), _theme())}
    return whole_answer(json.dumps(made), edge.JSON, DAY_SECONDS)


@blueprint.get("/tiles/style.json")
def whole_style() -> Response:
    """Our layers over the base map, for MapLibre, QGIS and others, wherever they run."""
    only_parameters("theme")
    made = public_style.whole_style(base_url(), services().of(Basemap), _theme())
    return whole_answer(json.dumps(made, ensure_ascii=False), edge.JSON)


@blueprint.get("/basemap/glyphs/<stack>/<span>.pbf")
def glyphs(stack: str, span: str) -> Response:
    """Letters of the first font of the stack that we have; in spans of 256, as MapLibre asks."""
    only_parameters()
    first, _, last = span.partition("-")
    if not RANGE.fullmatch(span) or not _is_span(int(first), int(last)):
        raise NotFound("Letters come in spans such as 0-255 or 256-511.")
    folder = str(vendor_folder() / GLYPHS)
    # Only names that we know: any other could be longer than a file's name may be.
    for font in (name.strip() for name in stack.split(",")):
        path = safe_join(folder, font, f"{span}.pbf") if font in style.FONTS else None
        if path is not None and (content := _read(path)) is not None:
            return whole_answer(content, PROTOBUF, YEAR_SECONDS)
    raise NotFound(f"There is no font {stack}: {', '.join(style.FONTS)}.")


def _is_span(first: int, last: int) -> bool:
    return first % RANGE_SIZE == 0 and first <= LAST_RANGE and last == first + RANGE_SIZE - 1


def _read(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _served() -> ServedArchive:
    found = services().of(Basemap).served()
    if found is None:
        raise NotFound("This service has no base map of its own.")
    return found


def _theme() -> StyleTheme:
    asked: Any = request.args.get("theme", StyleTheme.LIGHT)
    if asked not in list(StyleTheme):
        raise InvalidInput("theme", f"must be one of {', '.join(StyleTheme)}")
    return StyleTheme(asked)

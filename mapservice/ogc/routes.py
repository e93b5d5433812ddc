"""`/ogc`: landing, collections, items and tiles, as JSON and as pages."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote

from flask import Blueprint, Response, render_template, request
from sqlalchemy import Connection

from mapservice import __version__
from mapservice.errors import InvalidInput
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.grid import Tile
from mapservice.initiatives.params import read_filters, with_known_places
from mapservice.initiatives.queries import sample_share
from mapservice.ogc import boxes, documents, openapi, queries, tilesets
from mapservice.ogc.collections import collection_named
from mapservice.ogc.documents import Document
from mapservice.ogc.links import GEOJSON, JSON, MVT, OPENAPI, SCHEMA, OgcAddresses, OgcLink
from mapservice.ogc.model import ItemsCollection, ReferenceSystem
from mapservice.ogc.parameters import read, system
from mapservice.tiles.tile_cache.store import ChangeExtent
from mapservice.web import edge, negotiation
from mapservice.web.edge import base_url, only_parameters, query_without, services, tile_answer
from mapservice.web.negotiation import HTML_FORM, JSON_FORM, MediaForm

Answer = TypeVar("Answer")

blueprint = Blueprint("ogc", __name__, url_prefix="/ogc")
blueprint.after_request(negotiation.vary)

PREFIX = "/ogc"
# Documents change when the service is updated; items and tiles when somebody writes.
DOCUMENT_FRESH_SECONDS = 3600
TERRITORY_FRESH_SECONDS = 86_400
PAGE_ITEMS = 50

GEOJSON_FORM = MediaForm("json", GEOJSON, ("application/json", "application/vnd.geo+json"))
SCHEMA_FORM = MediaForm("json", SCHEMA, ("application/json",))
OPENAPI_FORM = MediaForm("json", OPENAPI, ("application/json", "application/openapi+json"))
MVT_FORM = MediaForm("mvt", MVT, ("application/x-protobuf", "application/octet-stream"))
GEOJSON_TILE_FORM = MediaForm("geojson", GEOJSON, ("application/json",))


@blueprint.get("")
@blueprint.get("/")
def landing() -> Response:
    title = services().settings.site_name
    return _document("landing", documents.landing(_addresses(), title))


@blueprint.get("/conformance")
def conformance() -> Response:
    return _document("conformance", documents.conformance())


@blueprint.get("/api")
def api() -> Response:
    title = services().settings.site_name
    content = openapi.document(_addresses(), title, __version__)
    return _document("api", content, OPENAPI_FORM)


@blueprint.get("/collections")
def collections() -> Response:
    first = _read(queries.first_created)
    return _document("collections", documents.collections(_addresses(), first))


@blueprint.get("/collections/<name>")
def collection(name: str) -> Response:
    one = collection_named(name)
    first = _read(queries.first_created) if one.temporal else None
    return _document("collection", documents.collection(_addresses(), one, first))


@blueprint.get("/collections/<name>/queryables")
def queryables(name: str) -> Response:
    one = collection_named(name)
    return _document("attributes", documents.queryables(_addresses(), one), SCHEMA_FORM)


@blueprint.get("/collections/<name>/sortables")
def sortables(name: str) -> Response:
    one = collection_named(name)
    return _document("attributes", documents.sortables(_addresses(), one), SCHEMA_FORM)


@blueprint.get("/collections/<name>/items")
def items(name: str) -> Response:
    one = collection_named(name)
    form = negotiation.chosen(GEOJSON_FORM, HTML_FORM)
    asked = read(one, request.args.items(multi=True))
    if form is HTML_FORM:
        limit = asked.limit if "limit" in request.args else PAGE_ITEMS
        asked = replace(asked, limit=limit, shapes=False)
    # The plan for a box does not depend on which box it is.
    engine = services().generic_plan if boxes.is_boxed(asked) else services().autocommit
    sample = ""
    with engine.connect() as connection:
        asked = replace(asked, filters=with_known_places(connection, asked.filters))
        page = queries.items(connection, asked, base_url())
        if form is HTML_FORM:
            sample = sample_share(connection)
    links = _own_links(form)
    if page.next:
        at = f"{_here_without('f', 'cursor')}f={form.name}&cursor={page.next.text}"
        links.append(OgcLink("next", at, form.media_types[0]))
    links.append(OgcLink("collection", _addresses().of(f"/collections/{one.id}"), JSON, one.title))
    if form is HTML_FORM:
        response = _html(
            "items",
            collection=one,
            features=json.loads(b"[%b]" % page.features),
            page=page,
            links=links,
            sample=sample,
        )
    else:
        described = json.dumps([link.as_json() for link in links], ensure_ascii=False)
        matched = "" if page.matched is None else f'"numberMatched":{page.matched},'
        told = f',{matched}"numberReturned":{page.returned},"links":{described},"features":['
        response = negotiation.stamped(
            '{"type":"FeatureCollection",', (told.encode(), page.features, b"]}"), GEOJSON
        )
    counts = [("OGC-NumberReturned", str(page.returned))]
    if page.matched is not None:
        counts.append(("OGC-NumberMatched", str(page.matched)))
    return _head(response, asked.crs, links, counts)


@blueprint.get("/collections/<name>/items/<identifier>")
def item(name: str, identifier: str) -> Response:
    one = collection_named(name)
    only_parameters("f", "crs")
    form = negotiation.chosen(GEOJSON_FORM, HTML_FORM)
    crs = system(dict(request.args.items()), "crs")
    with services().autocommit.connect() as connection:
        feature = queries.item(
            connection, one, identifier, base_url(), crs, shapes=form is not HTML_FORM
        )
        sample = sample_share(connection)
    at = _addresses().of(f"/collections/{one.id}")
    links = [*_own_links(form), OgcLink("collection", at, JSON, one.title)]
    if form is HTML_FORM:
        content = json.loads(feature)
        response = _html("item", collection=one, feature=content, links=links, sample=sample)
    else:
        described = json.dumps([link.as_json() for link in links], ensure_ascii=False)
        response = edge.whole_answer(f'{feature[:-1].rstrip()}, "links" : {described}}}', GEOJSON)
    return _head(response, crs, links)


@blueprint.get("/tileMatrixSets")
def matrix_sets() -> Response:
    return _document("matrix_sets", tilesets.matrix_sets(_addresses()))


@blueprint.get(f"/tileMatrixSets/{tilesets.MATRIX_SET}")
def matrix_set() -> Response:
    return _document("matrix_set", tilesets.matrix_set(_addresses()))


@blueprint.get("/tiles")
def dataset_tilesets() -> Response:
    title = services().settings.site_name
    return _document("tilesets", tilesets.tilesets(_addresses(), "", title))


@blueprint.get("/collections/<name>/tiles")
def collection_tilesets(name: str) -> Response:
    one = tilesets.tiled_named(name)
    path = f"/collections/{one.id}"
    return _document("tilesets", tilesets.tilesets(_addresses(), path, one.title))


@blueprint.get(f"/tiles/{tilesets.MATRIX_SET}")
def dataset_tileset() -> Response:
    title = services().settings.site_name
    content = tilesets.tileset(_addresses(), "", title, tilesets.TILED)
    return _document("tileset", content)


@blueprint.get(f"/collections/<name>/tiles/{tilesets.MATRIX_SET}")
def collection_tileset(name: str) -> Response:
    one = tilesets.tiled_named(name)
    path = f"/collections/{one.id}"
    return _document("tileset", tilesets.tileset(_addresses(), path, one.title, (one,)))


@blueprint.get(f"/tiles/{tilesets.MATRIX_SET}/<matrix>/<row>/<column>")
def dataset_tile(matrix: str, row: str, column: str) -> Response:
    return _tile(tilesets.TILED, Tile.parse(matrix, column, row), MVT_FORM)


@blueprint.get(f"/collections/<name>/tiles/{tilesets.MATRIX_SET}/<matrix>/<row>/<column>")
def collection_tile(name: str, matrix: str, row: str, column: str) -> Response:
    one = tilesets.tiled_named(name)
    form = negotiation.chosen(MVT_FORM, GEOJSON_TILE_FORM)
    return _tile((one,), Tile.parse(matrix, column, row), form)


def _tile(layers: tuple[ItemsCollection, ...], tile: Tile, form: MediaForm) -> Response:
    """Filters reach initiatives and figures; a tile of territories alone takes none."""
    tilesets.within_limits(layers, tile)
    fresh = TERRITORY_FRESH_SECONDS
    filters = InitiativeFilters()
    with services().autocommit.connect() as connection:
        if any(one.level is None for one in layers):
            fresh = edge.FRESH_SECONDS
            filters = _tile_filters(connection)
        elif layers[0].counted:
            fresh = edge.FRESH_SECONDS
            only_parameters("f", *(one.name for one in layers[0].grammar))
            filters = _tile_filters(connection)
        else:
            only_parameters("f")
        if form is GEOJSON_TILE_FORM:
            content = tilesets.geojson(connection, layers[0], tile, filters)
            return tile_answer(content, GEOJSON, _extent(layers, tile, filters), fresh)
        drawn = tilesets.mvt(connection, layers, tile, filters)
    return tile_answer(drawn, MVT, _extent(layers, tile, filters), fresh)


def _extent(
    layers: tuple[ItemsCollection, ...], tile: Tile, filters: InitiativeFilters
) -> Tile | ChangeExtent | None:
    """Where a change alters a tile of these layers; None where the hour does too."""
    if filters.goes_by_clock:
        return None
    if any(one.counted and one.level is not None for one in layers):
        return ChangeExtent.ANYWHERE
    return tile if any(one.level is None for one in layers) else ChangeExtent.NOWHERE


def _tile_filters(connection: Connection) -> InitiativeFilters:
    filters, paging = read_filters(connection, "f")
    if paging.limit is not None or paging.cursor is not None:
        raise InvalidInput("limit" if paging.limit is not None else "cursor", "tiles have no pages")
    return filters


def _document(name: str, content: Document, form: MediaForm = JSON_FORM) -> Response:
    """A document as JSON, or as the page that is named for it."""
    only_parameters("f")
    if negotiation.chosen(form, HTML_FORM) is HTML_FORM:
        return _html(name, document=content)
    body = json.dumps(content, ensure_ascii=False)
    return edge.whole_answer(body, form.content_type, DOCUMENT_FRESH_SECONDS)


def _html(name: str, **values: Any) -> Response:
    page = render_template(f"ogc/{name}.html", at=f"{base_url()}{PREFIX}", **values)
    return edge.whole_answer(page, HTML_FORM.content_type)


def _own_links(form: MediaForm) -> list[OgcLink]:
    """This answer, and the other form of it."""
    other = HTML_FORM if form is GEOJSON_FORM else GEOJSON_FORM
    here = _here_without("f")
    return [
        OgcLink("self", f"{here}f={form.name}", form.media_types[0]),
        OgcLink("alternate", f"{here}f={other.name}", other.media_types[0]),
    ]


def _here_without(*names: str) -> str:
    """The address of this request without some parameters, to be put behind it anew."""
    kept = query_without(*names)
    return f"{base_url()}{quote(request.path)}?{kept}{'&' if kept else ''}"


def _head(
    response: Response,
    crs: ReferenceSystem,
    links: list[OgcLink],
    counts: Sequence[tuple[str, str]] = (),
) -> Response:
    described = ", ".join(link.as_header() for link in links)
    response.headers.extend([("Content-Crs", f"<{crs.uri}>"), ("Link", described), *counts])
    return response


def _addresses() -> OgcAddresses:
    return OgcAddresses(f"{base_url()}{PREFIX}")


def _read(question: Callable[[Connection], Answer]) -> Answer:
    with services().autocommit.connect() as connection:
        return question(connection)

"""The OpenAPI 3.0 document, made from the declarations that serve the requests.

Paths are literal, one for each collection: GDAL and QGIS look for their own in it.
"""

from collections.abc import Iterable
from typing import Any

from mapservice.ogc.collections import ATTRIBUTES_ASKED, COLLECTIONS
from mapservice.ogc.documents import TYPES, Document, attribute_schema
from mapservice.ogc.expressions import FilterLanguage
from mapservice.ogc.links import GEOJSON, JSON, MVT, OPENAPI, SCHEMA, OgcAddresses
from mapservice.ogc.model import SYSTEMS, ItemsCollection, QueryParameter
from mapservice.ogc.parameters import DEFAULT_LIMIT, MAX_LIMIT
from mapservice.ogc.tilesets import MATRIX_SET, MAX_TILE_ZOOM

PROBLEM = "application/problem+json"
HTML = "text/html"
_URIS = [crs.uri for crs in SYSTEMS]


def document(at: OgcAddresses, title: str, version: str) -> Document:
    return {
        "openapi": "3.0.3",
        "info": {
            "title": title,
            "version": version,
            "description": "OGC API Features and Tiles of local initiatives in France.",
            "license": {"name": "MIT"},
        },
        "servers": [{"url": at.root}],
        "tags": [
            {"name": "Capabilities", "description": "What this service offers"},
            *({"name": one.id, "description": one.title} for one in COLLECTIONS.values()),
            {"name": "Tiles", "description": "Tile matrix sets and tiles of the whole data set"},
        ],
        "paths": _paths(),
        "components": {
            "parameters": _PARAMETERS,
            "schemas": _SCHEMAS,
            "responses": _RESPONSES,
        },
    }


def _paths() -> Document:
    landing, tiles = "Capabilities", "Tiles"
    api = {OPENAPI: {"schema": _schema_ref("Object")}, HTML: {"schema": {"type": "string"}}}
    paths: Document = {
        "/": _get("getLandingPage", landing, "Landing page", "LandingPage"),
        "/conformance": _get("getConformance", landing, "Conformance", "Conformance"),
        "/api": {"get": _operation("getApi", landing, "This document", api)},
        "/collections": _get("getCollections", landing, "Collections", "Collections"),
        "/tileMatrixSets": _get("getTileMatrixSetsList", tiles, "Tile matrix sets", "MatrixSets"),
        f"/tileMatrixSets/{MATRIX_SET}": _get(
            "getTileMatrixSet", tiles, "A tile matrix set", "MatrixSet"
        ),
        **_tile_paths("", tiles),
    }
    for one in COLLECTIONS.values():
        path = f"/collections/{one.id}"
        name = "".join(part.capitalize() for part in one.id.split("-"))
        feature = {GEOJSON: {"schema": _feature_schema(one)}, HTML: {"schema": {"type": "string"}}}
        crs = [_ref("featureId"), _ref("crs")]
        paths[path] = _get(f"describe{name}", one.id, one.title, "Collection")
        paths[f"{path}/items"] = _items(one, name)
        paths[f"{path}/items/{{featureId}}"] = {
            "get": _operation(f"get{name}Feature", one.id, f"One of: {one.title}", feature, crs)
        }
        paths[f"{path}/queryables"] = _schema_path(f"get{name}Queryables", one)
        paths[f"{path}/sortables"] = _schema_path(f"get{name}Sortables", one)
        if one.zooms:
            paths |= _tile_paths(path, one.id, one)
    return paths


def _items(one: ItemsCollection, name: str) -> Document:
    """Items: the parameters of the standard, those of the filter grammar, then the attributes."""
    standard = ["limit", "bbox", "bbox-crs", "datetime", "crs", "filter", "filter-lang"]
    standard += ["filter-crs", "resultType", "cursor"]
    names = [attribute.name for attribute in one.attributes]
    keys = [sign + each.name for each in one.queryables for sign in ("", "+", "-")]
    own = {parameter.name for parameter in one.grammar}
    asked = [_ref(parameter) for parameter in standard]
    for parameter, values, words in (
        ("properties", names, "Properties to return, all when it is not given."),
        ("sortby", keys, "Properties to sort by, - before one for descending order."),
    ):
        several = {"type": "array", "minItems": 1, "items": {"type": "string", "enum": values}}
        asked.append(_query(parameter, words, several))
    asked += map(_own_parameter, one.grammar)
    for each in one.queryables:
        if each.name not in own:
            described = attribute_schema(each)
            title = described.pop("title")
            asked.append(_query(each.name, f"{title}: exactly this value.", described))

    features = {"type": "array", "items": _feature_schema(one)}
    schema = {
        "allOf": [
            _schema_ref("FeatureCollection"),
            {"type": "object", "properties": {"features": features}},
        ]
    }
    content = {GEOJSON: {"schema": schema}, HTML: {"schema": {"type": "string"}}}
    operation = _operation(f"get{name}", one.id, one.title, content, asked)
    operation["responses"]["200"]["headers"] = _HEADERS
    if one.is_initiatives:
        operation["description"] = ATTRIBUTES_ASKED
    return {"get": operation}


def _tile_paths(path: str, tag: str, one: ItemsCollection | None = None) -> Document:
    """Ids of the operations end as OGC 20-057 says (/req/oas30/operation-id)."""
    name = f"{one.id}.collection.vector" if one else "all.dataset.vector"
    own = f"{path}/tiles/{MATRIX_SET}"
    grammar = one.grammar if one else COLLECTIONS["initiatives"].grammar
    asked = [_ref("tileMatrix"), _ref("tileRow"), _ref("tileCol"), *map(_own_parameter, grammar)]
    content: Document = {MVT: {"schema": {"type": "string", "format": "binary"}}}
    if one:
        content[GEOJSON] = {"schema": _schema_ref("FeatureCollection")}
    form = "tileForm" if one else "mvtForm"
    operation = _operation(f"{name}.getTile", tag, "A tile", content, asked, form)
    operation["responses"] |= {"204": {"description": "Nothing lies in the tile"}}
    if one is None or one.is_initiatives:
        operation["description"] = ATTRIBUTES_ASKED
    return {
        f"{path}/tiles": _get(f"{name}.getTileSetsList", tag, "Tilesets", "Tilesets"),
        own: _get(f"{name}.getTileSet", tag, "A tileset", "Tileset"),
        f"{own}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}": {"get": operation},
    }


def _own_parameter(parameter: QueryParameter) -> Document:
    schema: Document = {"type": "string"}
    if parameter.most is not None:
        schema = {"type": "number", "minimum": 0, "exclusiveMinimum": True}
        schema["maximum"] = parameter.most
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    if parameter.pattern:
        schema["pattern"] = parameter.pattern
    if parameter.many:
        schema = {"type": "array", "items": schema}
    return _query(parameter.name, parameter.description, schema)


def _query(name: str, description: str, schema: Document) -> Document:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "required": False,
        "schema": schema,
        "style": "form",
        "explode": False,
    }


def _get(identifier: str, tag: str, summary: str, schema: str) -> Document:
    content = {JSON: {"schema": _schema_ref(schema)}, HTML: {"schema": {"type": "string"}}}
    return {"get": _operation(identifier, tag, summary, content)}


def _schema_path(identifier: str, one: ItemsCollection) -> Document:
    content = {SCHEMA: {"schema": _schema_ref("Attributes")}, HTML: {"schema": {"type": "string"}}}
    return {"get": _operation(identifier, one.id, f"{one.title}: attributes", content)}


def _operation(
    identifier: str,
    tag: str,
    summary: str,
    content: Document,
    parameters: Iterable[Document] = (),
    form: str = "f",
) -> Document:
    refusals = {status: {"$ref": f"#/components/responses/{name}"} for status, name in _ERRORS}
    return {
        "operationId": identifier,
        "tags": [tag],
        "summary": summary,
        "parameters": [*parameters, _ref(form)],
        "responses": {"200": {"description": summary, "content": content}, **refusals},
    }


def _feature_schema(one: ItemsCollection) -> Document:
    properties = {}
    for attribute in one.attributes:
        schema: Document = dict(TYPES[attribute.kind])
        if attribute.nullable:
            schema["nullable"] = True
        properties[attribute.name] = schema
    values = {"type": "object", "properties": properties}
    own = {"type": "object", "properties": {"properties": values}}
    return {"allOf": [_schema_ref("Feature"), own]}


def _schema_ref(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


def _ref(name: str) -> Document:
    return {"$ref": f"#/components/parameters/{name}"}


_ERRORS = (
    ("400", "InvalidParameter"),
    ("404", "NotFound"),
    ("500", "ServerError"),
    ("503", "Unavailable"),
)
_HEADERS: Document = {
    name: {"description": words, "schema": {"type": kind}}
    for name, words, kind in (
        ("Content-Crs", "Reference system of the coordinates.", "string"),
        ("OGC-NumberMatched", "How many match in all; on the first page.", "integer"),
        ("OGC-NumberReturned", "How many are in this answer.", "integer"),
        ("Link", "The links of the answer.", "string"),
    )
}


def _path(name: str, schema: Document) -> Document:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _choice(name: str, description: str, values: list[str], default: str | None = None) -> Document:
    schema: Document = {"type": "string", "enum": values}
    if default:
        schema["default"] = default
    return _query(name, description, schema)


_NUMBERS = {
    "type": "array",
    "items": {"type": "number"},
    "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
}
_TILE_INDEX = {"type": "integer", "minimum": 0, "maximum": 2**MAX_TILE_ZOOM - 1}
_PARAMETERS: Document = {
    "f": _choice("f", "The form of the answer.", ["json", "html"]),
    "tileForm": _choice("f", "The form of the tile.", ["mvt", "geojson"]),
    "mvtForm": _choice("f", "The form of the tile.", ["mvt"]),
    "limit": _query(
        "limit",
        "How many items a page holds at most.",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    ),
    "bbox": _query("bbox", "Only what intersects this box: its lower, its upper corner.", _NUMBERS),
    "datetime": _query("datetime", "Only what is of this instant or interval.", {"type": "string"}),
    "crs": _choice("crs", "Reference system of the answer.", _URIS, _URIS[0]),
    "bbox-crs": _choice("bbox-crs", "Reference system of `bbox`.", _URIS, _URIS[0]),
    "filter": _query("filter", "A filter in CQL2.", {"type": "string"}),
    "filter-lang": _choice(
        "filter-lang", "Its language.", list(map(str, FilterLanguage)), FilterLanguage.TEXT
    ),
    "filter-crs": _choice("filter-crs", "Reference system of its coordinates.", _URIS, _URIS[0]),
    "resultType": _choice("resultType", "`hits` only counts.", ["results", "hits"], "results"),
    "cursor": _query("cursor", "Where the page begins, as a next link says.", {"type": "string"}),
    "featureId": _path("featureId", {"type": "string"}),
    "tileMatrix": _path("tileMatrix", {"type": "integer", "minimum": 0, "maximum": MAX_TILE_ZOOM}),
    "tileRow": _path("tileRow", _TILE_INDEX),
    "tileCol": _path("tileCol", _TILE_INDEX),
}
_LINK: Document = {
    "type": "object",
    "required": ["href", "rel"],
    "properties": {name: {"type": "string"} for name in ("href", "rel", "type", "title")},
}
_LINKS: Document = {"type": "array", "items": _schema_ref("Link")}
_OBJECTS: Document = {"type": "array", "items": {"type": "object"}}
_STRINGS: Document = {"type": "array", "items": {"type": "string"}}


def _required(properties: dict[str, Any], *names: str) -> Document:
    return {"type": "object", "required": list(names), "properties": properties}


_SCHEMAS: Document = {
    "Object": {"type": "object"},
    "Link": _LINK,
    "LandingPage": _required({"title": {"type": "string"}, "links": _LINKS}, "links"),
    "Conformance": _required({"conformsTo": _STRINGS}, "conformsTo"),
    "Collection": _required(
        {
            "id": {"type": "string"},
            "title": {"type": "string"},
            "description": {"type": "string"},
            "links": _LINKS,
            "extent": {"type": "object"},
            "itemType": {"type": "string"},
            "crs": _STRINGS,
            "storageCrs": {"type": "string"},
        },
        "id",
        "links",
    ),
    "Collections": _required(
        {
            "links": _LINKS,
            "collections": {"type": "array", "items": _schema_ref("Collection")},
        },
        "links",
        "collections",
    ),
    "Feature": _required(
        {
            "type": {"type": "string", "enum": ["Feature"]},
            "id": {"type": "string"},
            "geometry": {"type": "object", "nullable": True},
            "properties": {"type": "object", "nullable": True},
            "links": _LINKS,
        },
        "type",
        "geometry",
        "properties",
    ),
    "FeatureCollection": _required(
        {
            "type": {"type": "string", "enum": ["FeatureCollection"]},
            "features": {"type": "array", "items": _schema_ref("Feature")},
            "links": _LINKS,
            "timeStamp": {"type": "string", "format": "date-time"},
            "numberMatched": {"type": "integer", "minimum": 0},
            "numberReturned": {"type": "integer", "minimum": 0},
        },
        "type",
        "features",
    ),
    "Attributes": _required(
        {
            "$schema": {"type": "string"},
            "$id": {"type": "string"},
            "type": {"type": "string", "enum": ["object"]},
            "properties": {"type": "object", "additionalProperties": {"type": "object"}},
        },
        *("$schema", "$id", "type", "properties"),
    ),
    "MatrixSets": _required({"tileMatrixSets": _OBJECTS}, "tileMatrixSets"),
    "MatrixSet": _required(
        {"id": {"type": "string"}, "crs": {"type": "string"}, "tileMatrices": _OBJECTS},
        *("crs", "tileMatrices"),
    ),
    "Tilesets": _required(
        {"tilesets": {"type": "array", "items": _schema_ref("Tileset")}}, "tilesets"
    ),
    "Tileset": _required(
        {
            "title": {"type": "string"},
            "dataType": {"type": "string", "enum": ["vector"]},
            "crs": {"type": "string"},
            "tileMatrixSetURI": {"type": "string"},
            "links": _LINKS,
        },
        *("dataType", "crs", "links"),
    ),
    "Problem": _required(
        {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "field": {"type": "string"},
        },
        "title",
        "status",
    ),
}
_RESPONSES: Document = {
    name: {"description": words, "content": {PROBLEM: {"schema": _schema_ref("Problem")}}}
    for name, words in (
        ("InvalidParameter", "A parameter is unknown or malformed; `field` names it."),
        ("NotFound", "There is no such resource."),
        ("ServerError", "Something went wrong on our side."),
        ("Unavailable", "Took too long, or too busy; Retry-After says when to try again."),
    )
}

"""The JSON documents around the items: landing, conformance, collections, queryables."""

from datetime import datetime
from typing import Any

from mapservice.initiatives.grid import (
    EVENTS_CREDIT,
    FIGURES_CREDIT,
    GROUPS_CREDIT,
    INITIATIVES_CREDIT,
    TERRITORIES_CREDIT,
)
from mapservice.ogc.collections import COLLECTIONS
from mapservice.ogc.links import (
    GEOJSON,
    HTML,
    JSON,
    OGC_REL,
    OPENAPI,
    SCHEMA,
    OgcAddresses,
    OgcLink,
    as_json,
)
from mapservice.ogc.model import (
    CRS84,
    FRANCE,
    SYSTEMS,
    AttributeKind,
    FeatureAttribute,
    GatheringKind,
    ItemsCollection,
)

GATHERING_CREDITS = {
    GatheringKind.EVENTS: (EVENTS_CREDIT, "Licences des événements"),
    GatheringKind.GROUPS: (GROUPS_CREDIT, "Licences des groupes"),
}
LICENCE_OUVERTE = "https://www.etalab.gouv.fr/licence-ouverte-open-licence/"
FEATURES = "http://www.opengis.net/spec/ogcapi-features-"
CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf/"
TILES = "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/"

CONFORMANCE = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    *(FEATURES + f"1/1.0/conf/{name}" for name in ("core", "oas30", "html", "geojson")),
    FEATURES + "2/1.0/conf/crs",
    *(
        FEATURES + f"3/1.0/conf/{name}"
        for name in ("queryables", "queryables-query-parameters", "filter", "features-filter")
    ),
    *(
        CQL2 + name
        for name in (
            "cql2-text",
            "cql2-json",
            "basic-cql2",
            "advanced-comparison-operators",
            "case-insensitive-comparison",
            "accent-insensitive-comparison",
            "basic-spatial-functions",
            "basic-spatial-functions-plus",
            "spatial-functions",
            "temporal-functions",
            "property-property",
        )
    ),
    *(
        TILES + name
        for name in (
            *("core", "tileset", "tilesets-list", "geodata-tilesets", "dataset-tilesets"),
            *("mvt", "geojson", "oas30"),
        )
    ),
    "http://www.opengis.net/spec/tms/2.0/conf/tilematrixset",
    "http://www.opengis.net/spec/tms/2.0/conf/json-tilematrixset",
)

Document = dict[str, Any]


def landing(at: OgcAddresses, title: str) -> Document:
    links = [
        *at.own("", title=title),
        OgcLink("service-desc", at.of("/api", f="json"), OPENAPI, "The API, OpenAPI 3.0"),
        OgcLink("service-doc", at.of("/api", f="html"), HTML, "The API, for people"),
        OgcLink("conformance", at.of("/conformance"), JSON, "Conformance classes"),
        OgcLink(OGC_REL + "conformance", at.of("/conformance"), JSON, "Conformance classes"),
        OgcLink("data", at.of("/collections"), JSON, "Collections"),
        OgcLink(OGC_REL + "data", at.of("/collections"), JSON, "Collections"),
        OgcLink(OGC_REL + "tilesets-vector", at.of("/tiles"), JSON, "Vector tiles"),
        OgcLink(OGC_REL + "tiling-schemes", at.of("/tileMatrixSets"), JSON, "Tile matrix sets"),
    ]
    return {
        "title": title,
        "description": "Local initiatives in France, and the territories they belong to.",
        "attribution": f"{INITIATIVES_CREDIT} · {TERRITORIES_CREDIT}",
        "links": as_json(links),
    }


def conformance() -> Document:
    return {"conformsTo": list(CONFORMANCE)}


def collections(at: OgcAddresses, first_created: datetime | None) -> Document:
    return {
        "links": as_json(at.own("/collections", title="Collections")),
        "crs": [crs.uri for crs in SYSTEMS],
        "collections": [
            collection(at, one, first_created) | {"crs": ["#/crs"]} for one in COLLECTIONS.values()
        ],
    }


def collection(at: OgcAddresses, one: ItemsCollection, first_created: datetime | None) -> Document:
    """`first_created` begins the time of a collection that has one."""
    path = f"/collections/{one.id}"
    extent: Document = {"spatial": {"bbox": [list(FRANCE)], "crs": CRS84.uri}}
    if one.temporal:
        # Events lie ahead as well, without an end.
        known = first_created if one.is_initiatives else None
        first = f"{known:%Y-%m-%dT%H:%M:%SZ}" if known else None
        extent["temporal"] = {"interval": [[first, None]]}
    # GDAL appends an id to the first link to the items: of these, only the HTML one has a query.
    links = [
        *at.own(path, title=one.title),
        OgcLink("items", at.of(f"{path}/items"), GEOJSON, one.title),
        OgcLink("items", at.of(f"{path}/items", f="html"), HTML, one.title),
        OgcLink(OGC_REL + "queryables", at.of(f"{path}/queryables"), SCHEMA, "Queryables"),
        OgcLink(OGC_REL + "sortables", at.of(f"{path}/sortables"), SCHEMA, "Sortables"),
    ]
    if one.zooms:
        tiles = at.of(f"{path}/tiles")
        links.append(OgcLink(OGC_REL + "tilesets-vector", tiles, JSON, "Vector tiles"))
    # Territories have one licence. Each initiative has that of its source: our page lists them.
    credit, licences = INITIATIVES_CREDIT, "Licences des initiatives"
    if one.gathering is not None:
        credit, licences = GATHERING_CREDITS[one.gathering]
    if one.level is not None:
        credit = FIGURES_CREDIT if one.counted else TERRITORIES_CREDIT
        title = "Licence Ouverte 2.0 (territoires)"
        links.append(OgcLink("license", LICENCE_OUVERTE, HTML, title))
    if one.level is None or one.counted:
        page = f"{at.root.removesuffix('/ogc')}/methode#licences"
        links.append(OgcLink("license", page, HTML, licences))
    return {
        "id": one.id,
        "title": one.title,
        "description": one.description,
        "attribution": credit,
        "extent": extent,
        "itemType": "feature",
        "crs": [crs.uri for crs in SYSTEMS],
        "storageCrs": CRS84.uri,
        "links": as_json(links),
    }


def queryables(at: OgcAddresses, one: ItemsCollection) -> Document:
    return _schema(at.of(f"/collections/{one.id}/queryables"), one) | {
        "properties": {
            "geometry": {
                "title": "Geometry",
                "x-ogc-role": "primary-geometry",
                "format": f"geometry-{one.geometry.lower()}",
                "$ref": f"https://geojson.org/schema/{one.geometry}.json",
            },
            **{attribute.name: attribute_schema(attribute) for attribute in one.queryables},
        }
    }


def sortables(at: OgcAddresses, one: ItemsCollection) -> Document:
    return _schema(at.of(f"/collections/{one.id}/sortables"), one) | {
        "properties": {attribute.name: attribute_schema(attribute) for attribute in one.queryables}
    }


def _schema(address: str, one: ItemsCollection) -> Document:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": address,
        "type": "object",
        "title": one.title,
        "additionalProperties": False,
    }


TYPES: dict[AttributeKind, Document] = {
    AttributeKind.STRING: {"type": "string"},
    AttributeKind.INTEGER: {"type": "integer"},
    AttributeKind.NUMBER: {"type": "number"},
    AttributeKind.BOOLEAN: {"type": "boolean"},
    AttributeKind.MOMENT: {"type": "string", "format": "date-time"},
    AttributeKind.LIST: {"type": "array", "items": {"type": "string"}},
}


def attribute_schema(attribute: FeatureAttribute) -> Document:
    schema = {"title": attribute.title, **TYPES[attribute.kind]}
    if attribute.choices:
        schema["enum"] = list(attribute.choices)
    return schema

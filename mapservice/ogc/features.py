"""Rows of a collection as GeoJSON features, made by PostgreSQL."""

from typing import Any

from sqlalchemy import Select, Text, cast, func, select

from mapservice.db.text import fill
from mapservice.initiatives.exports import FEATURE
from mapservice.ogc.model import CRS84, Crs
from mapservice.ogc.parameters import ItemsRequest
from mapservice.ogc.selection import ordering
from mapservice.ogc.sources import Source

# Columns of a row that are no properties.
INNER = ("feature_id", "shape", "sort_key")


def rows_of(source: Source, request: ItemsRequest) -> Select[Any]:
    """One row a feature, in order: its id, shape and sort key, and the properties asked for."""
    names = request.names
    keys = [func.text(source.keys[key.name]) for key in request.order]
    return (
        select(
            source.keys[request.collection.identifier].label("feature_id"),
            source.target.shown.label("shape"),
            cast(func.json_build_array(*keys), Text).label("sort_key"),
            *(one for one in source.properties if names is None or one.name in names),
        )
        .select_from(source.rows)
        .order_by(*ordering(source, request.order))
    )


def as_features(request: ItemsRequest, rows: Select[Any], statement: str) -> str:
    """SQL that yields `id`, `sort_key` and `feature` of each row that a statement yields.

    `rows` is what the statement was made of: it names the properties.
    """
    names = [column.name for column in rows.selected_columns if column.name not in INNER]
    texts = {
        "id": "feature_id",
        "geometry": _geometry("shape", request.crs) if request.shapes else "NULL",
        "properties": ", ".join(f"'{name}', {name}" for name in names),
        "rows": statement,
    }
    return fill(FEATURE, texts)


def chosen_first(chosen: str, rows: str) -> str:
    """Initiatives are chosen first: names and texts are looked up for those of the page alone.

    The CTE takes the place of the table that it is named for.
    """
    return f"WITH initiative AS ({chosen}) {rows}"


def _geometry(column: str, crs: Crs) -> str:
    """SQL of a geometry (EPSG:4326, longitude first) as GeoJSON, axes as the authority has them."""
    turned = column if crs.srid == CRS84.srid else f"ST_Transform({column}, {crs.srid})"
    if crs.north_first:
        turned = f"ST_FlipCoordinates({turned})"
    return f"ST_AsGeoJSON({turned}, {crs.decimals}, 0)"

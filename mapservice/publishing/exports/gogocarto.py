"""Initiatives in the shape of GoGoCarto's elements (`/api/elements.json`), for maps made with it.

Its elements need a position: what is known only to its commune has none to give, and their number
is told instead. The full shape has one object an element; the compact one a list: id, fields,
latitude, longitude, categories.
"""

import json
from dataclasses import replace
from enum import StrEnum
from typing import Any

import shapely
from sqlalchemy import Connection, Row

from mapservice.db.engine import Blocks
from mapservice.geocoding.model import Precision
from mapservice.initiatives.exports import typed_rows
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.model import Theme
from mapservice.initiatives.queries import count

ROWS = 2_000
DECIMALS = 6
# Visible, and agreed to: GoGoCarto's states of elements.
STATUS = 1
OPTIONS = {theme: number for number, theme in enumerate(Theme, start=1)}
# Members that GoGoCarto keeps as data of its own, by the names that they have everywhere here.
KEPT = (
    *("url", "theme", "supporters", "source_supporters", "created_period", "opening_hours"),
    *("start_day", "end_day", "start_time", "end_time", "is_free", "price", "wheelchair"),
    *("website", "tags", "audience", "source", "source_url", "licence", "attribution"),
)


class GogoOntology(StrEnum):
    """The two shapes of its answers."""

    FULL = "gogofull"
    COMPACT = "gogocompact"


def elements(
    connection: Connection, filters: InitiativeFilters, base_url: str, ontology: GogoOntology
) -> Blocks:
    """The whole answer, in blocks, in bounded memory."""
    pointed = replace(filters, precision=(Precision.POINT,))
    has_points = not filters.precision or Precision.POINT in filters.precision
    total = count(connection, filters)
    shown = count(connection, pointed) if has_points else 0
    head: dict[str, Any] = {
        # Each element has the licence of its source, in its members licence and attribution.
        "licence": f"{base_url}/methode#licences",
        "ontology": str(ontology),
        "elementsWithoutPosition": total - shown,
    }
    if ontology is GogoOntology.COMPACT:
        head["mapping"] = ["id", ["name"], "latitude", "longitude", "status", "moderationState"]
        head["options"] = {str(number): str(theme) for theme, number in OPTIONS.items()}
    yield json.dumps(head, ensure_ascii=False)[:-1].encode() + b',"data":['
    element = _compact if ontology is GogoOntology.COMPACT else _full
    separator = ""
    for batch in typed_rows(connection, pointed, base_url, ROWS) if has_points else ():
        written = [
            json.dumps(element(row), ensure_ascii=False, separators=(",", ":")) for row in batch
        ]
        if written:
            yield (separator + ",\n".join(written)).encode()
            separator = ",\n"
    yield b"]}"


def _position(row: Row[Any]) -> tuple[float, float]:
    """Latitude and longitude (EPSG:4326)."""
    point = shapely.from_wkb(row.point)
    return round(point.y, DECIMALS), round(point.x, DECIMALS)


def _full(row: Row[Any]) -> dict[str, Any]:
    latitude, longitude = _position(row)
    told = row._mapping
    address = {
        "streetAddress": told["address"],
        "addressLocality": told["commune_name"],
        "addressCountry": "FR",
    }
    element: dict[str, Any] = {
        "id": told["id"],
        "name": told["title"],
        "geo": {"latitude": latitude, "longitude": longitude},
        "sourceKey": told["source"] or "",
        "address": {name: value for name, value in address.items() if value},
        "createdAt": f"{told['created_at'].isoformat()}Z" if told["created_at"] else None,
        "updatedAt": f"{told['updated_at'].isoformat()}Z" if told["updated_at"] else None,
        "status": STATUS,
        "categories": [told["theme"]],
        "description": told["summary"],
    }
    # What nobody told is not there: no day is made up.
    return {
        name: value
        for name, value in (element | {one: told[one] for one in KEPT}).items()
        if value not in (None, "")
    }


def _compact(row: Row[Any]) -> list[Any]:
    latitude, longitude = _position(row)
    options = [OPTIONS[Theme(row.theme)]]
    return [row.id, [row.title], latitude, longitude, options]

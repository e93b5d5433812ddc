"""GeoJSON (RFC 7946 and its 2008 ancestor with `crs`), GeoJSONSeq, and plain JSON lists."""

import json
import math
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError
from shapely.geometry.base import BaseGeometry

from mapservice.errors import SourceError
from mapservice.imports.readers.content import FileContent, lines, whole_text
from mapservice.imports.readers.shapes import UNREADABLE, shape_of
from mapservice.imports.readers.tables import (
    MAX_COLUMNS,
    SourceRecord,
    SourceTable,
    number_text,
    storable,
)

# Where the interfaces of open data portals and GoGoCarto put their rows.
LIST_MEMBERS = ("@graph", "features", "results", "records", "data", "items", "itemListElement")
# Objects within objects are columns of their own down to there.
DEEPEST = 3
RECORD_SEPARATOR = "\x1e"
AUTHORITY_CODE = re.compile(r"(?:urn:ogc:def:crs:)?EPSG:[\d.]*:?(\d{3,6})$", re.IGNORECASE)
LONGITUDE_FIRST = re.compile(r"CRS:?84$", re.IGNORECASE)

Projecting = Callable[[float, float], tuple[float, float]]


def read_geojson(content: FileContent) -> SourceTable:
    """The features of a JSON file as rows. Raises SourceError where it is not GeoJSON."""
    name = content.name
    if _is_sequence(content):

        def features() -> Iterator[Any]:
            for line in _documents(content):
                try:
                    yield None if line is None else json.loads(line)
                except (ValueError, RecursionError):
                    yield None

        if not any(isinstance(feature, dict) for feature in features()):
            raise SourceError(f"{name}: none of its lines is a GeoJSON feature")
        return _table(name, features, None, ())

    try:
        document = json.loads(whole_text(content))
    except json.JSONDecodeError as error:
        raise SourceError(
            f"{name}: broken JSON at line {error.lineno}, column {error.colno} ({error.msg})"
        ) from error
    except RecursionError as error:
        raise SourceError(f"{name}: JSON is nested too deeply") from error
    except ValueError as error:
        raise SourceError(f"{name}: broken JSON (a number is too long)") from error
    found = _features(document, name)

    # The `crs` member of GeoJSON 2008.
    member = document.get("crs") if isinstance(document, dict) else None
    if member is None:
        return _table(name, lambda: iter(found), None, ())
    properties = member.get("properties") if isinstance(member, dict) else None
    crs = str(properties.get("name", "")) if isinstance(properties, dict) else ""
    if LONGITUDE_FIRST.search(crs):
        return _table(name, lambda: iter(found), None, ())
    unknown = f"crs: {storable(crs)[:80]!r} is not known; coordinates are told by their range"
    project: Projecting | None = None
    problems: tuple[str, ...] = (unknown,)
    if code := AUTHORITY_CODE.match(crs):
        with suppress(ProjError):
            project, problems = to_wgs84(CRS.from_epsg(int(code.group(1)))), ()
    return _table(name, lambda: iter(found), project, problems)


def _is_sequence(content: FileContent) -> bool:
    """Whether each line is a JSON document of its own."""
    if content.suffix in (".geojsonl", ".geojsons", ".geojsonseq", ".ndjson", ".jsonl"):
        return True
    source = _documents(content)
    first, second = next(source, None), next(source, None)
    if first is None or second is None or not second.startswith("{"):
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _features(document: Any, name: str) -> list[Any]:
    """The list of features or objects within a JSON document."""
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "umap":
        return _umap_features(document)
    if isinstance(document, list):
        return document
    if kind == "FeatureCollection" and isinstance(document.get("features"), list):
        return list(document["features"])
    if kind == "Feature":
        return [document]
    for member in LIST_MEMBERS:
        if kind is None and isinstance(document, dict) and isinstance(document.get(member), list):
            return list(document[member])
    if kind == "Topology":
        raise SourceError(f"{name}: is TopoJSON; convert it to GeoJSON")
    raise SourceError(f"{name}: JSON without a FeatureCollection, a Feature or a list of objects")


def _umap_features(document: dict[str, Any]) -> list[Any]:
    """The features of all layers of an uMap, each with the name of its layer and its licence.

    Layers that uMap fetches from elsewhere hold none.
    """
    about = document.get("properties")
    licence = about.get("licence") if isinstance(about, dict) else None
    licence = licence.get("name") if isinstance(licence, dict) else licence
    found = []
    layers = document.get("layers")
    for layer in layers if isinstance(layers, list) else []:
        options = layer.get("_umap_options") if isinstance(layer, dict) else None
        options = options if isinstance(options, dict) else layer.get("_storage", {})
        name = options.get("name", "") if isinstance(options, dict) else ""
        for feature in layer.get("features") or []:
            if isinstance(feature, dict) and isinstance(feature.get("properties"), dict):
                told = {
                    key: value
                    for key, value in feature["properties"].items()
                    if key not in ("_umap_options", "_storage_options", "_storage")
                }
                told |= {"calque": name} if name and "calque" not in told else {}
                told |= {"licence": licence} if licence and "licence" not in told else {}
                feature = {**feature, "properties": told}
            found.append(feature)
    return found


def to_wgs84(crs: CRS) -> Projecting | None:
    """From `crs` to EPSG:4326, longitude first; None where nothing needs to change."""
    if crs.is_geographic and crs.to_epsg() in (4326, 4171, 4258):
        return None
    transformer = Transformer.from_crs(crs, 4326, always_xy=True)

    def project(x: float, y: float) -> tuple[float, float]:
        # Degrees under the name of a projected CRS are a usual export mistake.
        if abs(x) <= 180 and abs(y) <= 90:
            return x, y
        lon, lat = transformer.transform(x, y)
        return float(lon), float(lat)

    return project


def _table(
    name: str,
    features: Callable[[], Iterator[Any]],
    project: Projecting | None,
    problems: tuple[str, ...],
) -> SourceTable:
    def records() -> Iterator[SourceRecord]:
        for feature in features():
            try:
                yield _record(feature, project)
            except RecursionError:
                yield SourceRecord({}, rejected="a property is nested too deeply")

    columns: dict[str, None] = {}
    total = 0
    for record in records():
        total += 1
        columns.update(dict.fromkeys(record.values))
        if len(columns) > MAX_COLUMNS:
            raise SourceError(f"{name}: has more than {MAX_COLUMNS} properties")
    if total == 0:
        raise SourceError(f"{name}: holds no feature")
    return SourceTable(tuple(columns), records, total, problems)


def _record(feature: Any, project: Projecting | None) -> SourceRecord:
    if not isinstance(feature, dict):
        return SourceRecord({}, rejected="not a GeoJSON feature")
    is_feature = "properties" in feature or "geometry" in feature
    properties = feature.get("properties") if is_feature else feature
    values = _cells(properties) if isinstance(properties, dict) else {}
    if is_feature and "id" not in values and isinstance(feature.get("id"), str | int):
        values["id"] = _cell(feature["id"])
    geometry = feature.get("geometry") if is_feature else None
    point, note = point_of(geometry)
    if point and project:
        point = project(*point)
    # What is no point, in EPSG:4326; UNREADABLE where it is broken.
    shape = None
    if note and point is None:
        shape = shape_of(geometry)
        if shape is not None and project:
            shape = projected(shape, project)
        shape = UNREADABLE if shape is None else shape
    return SourceRecord(values, point, shape, (note,) if note else ())


def point_of(geometry: Any) -> tuple[tuple[float, float] | None, str]:
    """The pair of a Point (its height dropped), or None and why there is no true point."""
    if geometry is None:
        return None, ""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    coordinates = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if kind == "MultiPoint" and isinstance(coordinates, list) and len(coordinates) == 1:
        kind, coordinates = "Point", coordinates[0]
    if kind == "Point":
        if coordinates == []:
            return None, ""
        pair = coordinates[:2] if isinstance(coordinates, list) else []
        is_number = [isinstance(one, int | float) and not isinstance(one, bool) for one in pair]
        with suppress(OverflowError):
            if is_number == [True, True] and all(map(math.isfinite, pair)):
                return (float(pair[0]), float(pair[1])), ""
        return None, "geometry: the point is malformed"
    if kind == "MultiPoint" and coordinates == []:
        return None, ""
    return None, f"geometry: a {storable(str(kind))[:30]} gives no true point, so no pin"


def projected(shape: BaseGeometry, project: Projecting) -> BaseGeometry | None:
    """A shape in EPSG:4326; None where its system does not reach."""

    def turn(vertices: np.ndarray) -> np.ndarray:
        return np.array([project(float(x), float(y)) for x, y in vertices])

    turned = shapely.transform(shape, turn)
    return turned if all(map(math.isfinite, turned.bounds)) else None


def _cells(properties: dict[str, Any], prefix: str = "", depth: int = 0) -> dict[str, str]:
    """Properties as cells; an object within gives one cell for each of its members."""
    cells: dict[str, str] = {}
    for key, value in properties.items():
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
            value = value[0]
        name = f"{prefix}{key}"
        if isinstance(value, dict) and "@value" in value:
            cells[name] = _cell(value["@value"])  # a text with its language, in JSON-LD
        elif isinstance(value, dict) and "coordinates" not in value and depth < DEEPEST:
            cells.update(_cells(value, f"{name}.", depth + 1))
        else:
            cells[name] = _cell(value)
    return {storable(key)[:200]: cell for key, cell in cells.items()}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return storable("|".join(value))
    return storable(json.dumps(value, ensure_ascii=False))


def _documents(content: FileContent) -> Iterator[str | None]:
    """Lines that are not blank, without the record separator of RFC 8142."""
    for line in lines(content):
        text = None if line is None else line.strip().removeprefix(RECORD_SEPARATOR)
        if text is None or text:
            yield text

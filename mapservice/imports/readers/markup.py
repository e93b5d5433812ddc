"""KML and GPX: placemarks, waypoints, routes and tracks, read piece by piece.

Nothing outside the file is looked at: what links to it (NetworkLink) is refused, and so is any
declaration of a document type or of entities. Icons, pictures and styles are left alone.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

import shapely
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from mapservice.errors import SourceError
from mapservice.imports.readers.content import FileContent
from mapservice.imports.readers.shapes import UNREADABLE
from mapservice.imports.readers.tables import MAX_COLUMNS, SourceRecord, SourceTable, storable

CHUNK_BYTES = 64 * 1024
MAX_DEPTH = 60
# One placemark: a track of some days has a hundred thousand points.
MAX_ITEM_SIGNS = 16 * 1024 * 1024
NUMBER_SPLIT = re.compile(r"[\s,]+")
NO_PIN = "geometry: a {} gives no true point, so no pin"


@dataclass(slots=True)
class MarkupElement:
    """One element with all that is within; `tag` is without its namespace."""

    tag: str
    attributes: dict[str, str]
    parts: list[str] = field(default_factory=list)
    children: list["MarkupElement"] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.parts).strip()

    def child(self, tag: str) -> "MarkupElement | None":
        return next((one for one in self.children if one.tag == tag), None)

    def said(self, tag: str) -> str:
        """The text of a child, "" without one."""
        found = self.child(tag)
        return found.text if found else ""

    def all(self, tag: str) -> Iterator["MarkupElement"]:
        """Those of a tag at any depth."""
        for one in self.children:
            if one.tag == tag:
                yield one
            else:
                yield from one.all(tag)


def read_kml(content: FileContent) -> SourceTable:
    """The placemarks of a KML file, with the folders that they lie in. Raises SourceError."""
    return _table(content, frozenset({"Placemark"}), _placemark, "placemark")


def read_gpx(content: FileContent) -> SourceTable:
    """The waypoints, routes and tracks of a GPX file. Raises SourceError."""
    return _table(content, frozenset({"wpt", "rte", "trk"}), _gpx_item, "waypoint, route or track")


def _table(
    content: FileContent,
    tags: frozenset[str],
    read: Callable[[MarkupElement, str], SourceRecord],
    what: str,
) -> SourceTable:
    def records() -> Iterator[SourceRecord]:
        for item, folder in _items(content, tags):
            yield read(item, folder)

    columns: dict[str, None] = {}
    total = 0
    for record in records():
        total += 1
        columns.update(dict.fromkeys(record.values))
        if len(columns) > MAX_COLUMNS:
            raise SourceError(f"{content.name}: has more than {MAX_COLUMNS} properties")
    if total == 0:
        raise SourceError(f"{content.name}: holds no {what}")
    return SourceTable(tuple(columns), records, total)


def _items(content: FileContent, tags: frozenset[str]) -> Iterator[tuple[MarkupElement, str]]:
    """Elements of these tags, one at a time, each with the names of the folders around it."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    found: list[tuple[MarkupElement, str]] = []
    open_items: list[MarkupElement] = []
    around: list[str] = []
    # The name of each folder that is open, "" until it says one.
    folders: list[list[str]] = []
    signs = 0

    def refuse(*_: object) -> None:
        raise SourceError(
            f"{content.name}: declares a document type or entities, which no map needs: not read"
        )

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal signs
        tag = name.rpartition(" ")[2]
        if tag == "NetworkLink":
            raise SourceError(
                f"{content.name}: links to data elsewhere (NetworkLink); nothing is fetched:"
                " save the places themselves, as KML or KMZ"
            )
        if len(around) + len(open_items) > MAX_DEPTH:
            raise SourceError(f"{content.name}: is nested too deeply")
        if open_items or tag in tags:
            element = MarkupElement(tag, attributes)
            signs += sum(map(len, attributes.values())) + 64
            if open_items:
                open_items[-1].children.append(element)
            open_items.append(element)
            return
        around.append(tag)
        if tag == "Folder":
            folders.append([])

    def text(data: str) -> None:
        nonlocal signs
        if open_items:
            signs += len(data)
            if signs > MAX_ITEM_SIGNS:
                raise SourceError(f"{content.name}: one of its places is too large to be read")
            open_items[-1].parts.append(data)
        elif around[-2:] == ["Folder", "name"]:
            folders[-1].append(data[:300])

    def end(_name: str) -> None:
        nonlocal signs
        if open_items:
            element = open_items.pop()
            if not open_items:
                names = (" ".join("".join(one).split()) for one in folders)
                found.append((element, " / ".join(filter(None, names))[:300]))
                signs = 0
            return
        if around.pop() == "Folder":
            folders.pop()

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    try:
        with content.open() as stream:
            while chunk := stream.read(CHUNK_BYTES):
                parser.Parse(chunk, False)
                yield from found
                found.clear()
            parser.Parse(b"", True)
            yield from found
    except expat.ExpatError as error:
        raise SourceError(
            f"{content.name}: broken XML at line {error.lineno}"
            f" ({expat.errors.messages.get(error.code, 'not well-formed')})"
        ) from error
    except (LookupError, ValueError) as error:
        raise SourceError(f"{content.name}: its encoding is not known") from error


def _placemark(item: MarkupElement, folder: str) -> SourceRecord:
    values = {"name": item.said("name"), "description": item.said("description")}
    if folder:
        values["folder"] = folder
    for tag in ("address", "phoneNumber", "snippet", "Snippet"):
        if words := item.said(tag):
            values[tag.lower()] = words
    for tag, name in (("when", "when"), ("begin", "begin"), ("end", "end")):
        stamp = next((one for kind in ("TimeStamp", "TimeSpan") for one in item.all(kind)), None)
        if stamp is not None and (words := stamp.said(tag)):
            values[name] = words
    for extended in item.all("ExtendedData"):
        for data in extended.all("Data"):
            told = data.attributes.get("name") or data.said("displayName")
            if told:
                values[_free(told, values)] = data.said("value")
        for data in extended.all("SimpleData"):
            if key := data.attributes.get("name"):
                values[_free(key, values)] = data.text
    shapes = [one for child in item.children for one in _kml_shapes(child)]
    return _record(values, shapes)


def _free(key: str, values: dict[str, str]) -> str:
    """The name of a property, which may be that of the placemark's own."""
    name = " ".join(key.split())[:200]
    return f"{name} (2)" if name in values else name


def _kml_shapes(element: MarkupElement) -> Iterator[BaseGeometry | None]:
    """The geometries of an element; None for one that cannot be read."""
    match element.tag:
        case "Point":
            yield _built(shapely.Point, element.said("coordinates"), first=True)
        case "LineString" | "LinearRing":
            yield _built(shapely.LineString, element.said("coordinates"))
        case "Polygon":
            rings = [
                _pairs(ring.said("coordinates"))
                for tag in ("outerBoundaryIs", "innerBoundaryIs")
                for boundary in element.children
                if boundary.tag == tag
                for ring in boundary.all("LinearRing")
            ]
            try:
                yield shapely.Polygon(rings[0], rings[1:]) if rings else None
            except (ValueError, ShapelyError):
                yield None
        case "MultiGeometry" | "MultiTrack":
            for child in element.children:
                yield from _kml_shapes(child)
        case "Track":
            yield _built(shapely.LineString, " ".join(one.text for one in element.all("coord")), 3)
        case _:
            return


def _built(
    kind: Callable[[Any], BaseGeometry], text: str, width: int = 0, *, first: bool = False
) -> BaseGeometry | None:
    try:
        pairs = _pairs(text, width)
        if not pairs:
            return None
        return kind(pairs[0] if first else pairs)
    except (ValueError, ShapelyError):
        return None


def _pairs(text: str, width: int = 0) -> list[tuple[float, float]]:
    """Longitude and latitude of each tuple; `width` numbers each where spaces alone part them.

    Raises ValueError.
    """
    if width:
        numbers = [float(one) for one in text.split()]
        return [(numbers[i], numbers[i + 1]) for i in range(0, len(numbers) - 1, width)]
    # Some write a space after the commas.
    tuples = re.sub(r"\s*,\s*", ",", text).split()
    return [(float(one[0]), float(one[1])) for one in (part.split(",") for part in tuples)]


def _gpx_item(item: MarkupElement, _folder: str) -> SourceRecord:
    values = {"name": item.said("name")}
    for tag in ("desc", "cmt", "type", "sym", "time", "src"):
        if words := item.said(tag):
            values[tag] = words
    link = item.child("link")
    if address := (link.attributes.get("href", "") if link else item.said("url")):
        values["link"] = address
    values["kind"] = {"wpt": "waypoint", "rte": "route", "trk": "track"}[item.tag]
    if item.tag == "wpt":
        return _record(values, [_gpx_point(item)])
    lines: list[BaseGeometry | None] = []
    for part in [item] if item.tag == "rte" else item.all("trkseg"):
        points = [
            (point.x, point.y)
            for one in part.children
            if one.tag in ("rtept", "trkpt") and (point := _gpx_point(one)) is not None
        ]
        if len(points) > 1:
            lines.append(shapely.LineString(points))
    return _record(values, lines)


def _gpx_point(element: MarkupElement) -> shapely.Point | None:
    try:
        return shapely.Point(float(element.attributes["lon"]), float(element.attributes["lat"]))
    except (KeyError, ValueError):
        return None


def _record(values: dict[str, str], shapes: list[BaseGeometry | None]) -> SourceRecord:
    values = {storable(key): storable(value) for key, value in values.items()}
    good = [one for one in shapes if one is not None and not one.is_empty]
    if shapes and (not good or len(good) < len(shapes)):
        return SourceRecord(values, None, UNREADABLE, ("geometry: cannot be read",))
    if not good:
        return SourceRecord(values)
    if len(good) == 1 and isinstance(good[0], shapely.Point):
        return SourceRecord(values, (good[0].x, good[0].y))
    shape = good[0]
    if len(good) > 1:
        # Several of a kind as one; of several kinds, those of the largest dimension.
        largest = max(shapely.get_dimensions(good))
        kept: list[Any] = [one for one in good if shapely.get_dimensions(one) == largest]
        kind = (shapely.MultiPoint, shapely.MultiLineString, shapely.MultiPolygon)[largest]
        shape = kind(kept)
    return SourceRecord(values, None, shape, (NO_PIN.format(shape.geom_type),))

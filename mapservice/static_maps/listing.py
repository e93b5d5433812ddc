"""The drawn map of a listing: what the live map will show, before it is there and without it.

It has the features of the tiles that the live map will ask for, so the same initiatives stand at
the same places, alone or in the same clusters, in the same colours.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import cos, floor, hypot, pi, sin, sqrt
from typing import Any

from sqlalchemy import Connection

from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.grid import MAX_ZOOM, Tile
from mapservice.initiatives.model import Theme
from mapservice.static_maps import drawing
from mapservice.static_maps.drawing import DrawnLayers
from mapservice.static_maps.model import (
    DARK,
    FONT,
    DrawingFrame,
    DrawingPalette,
    credit_svg,
    mercator,
    shape_svg,
)
from mapservice.static_maps.spot_signs import SpotMark, box_of, spot_svg
from mapservice.territories.queries import communes_at
from mapservice.tiles import queries
from mapservice.tiles.basemap.archive import ServedArchive

# Those of static/css/tokens.css; a test holds them together.
HUES = {
    Theme.ENVIRONNEMENT: ("#1f8a5b", "#3db888"),
    Theme.ALIMENTATION: ("#b97f08", "#f2c655"),
    Theme.MOBILITE: ("#3a6cc8", "#6f92f0"),
    Theme.HABITAT: ("#a8603c", "#c4784f"),
    Theme.SOLIDARITE: ("#a3206a", "#e46ca9"),
    Theme.EDUCATION: ("#2a93bf", "#86dcf7"),
    Theme.CULTURE: ("#5a2a86", "#b49af0"),
    Theme.ECONOMIE: ("#434e10", "#97a336"),
    Theme.AUTRE: ("#6c7880", "#9ba8ae"),
}
# From this zoom on the live map has large dots, and tints communes (static/js/style.js).
NEAR_ZOOM = 8
# Diameter of a cluster's ring by its count, as in static/js/style.js: far out, and nearer.
FAR_RINGS = ((1000, 42), (100, 32), (10, 28), (0, 26))
RINGS = ((1000, 54), (100, 44), (10, 37), (0, 32))
RINGS_FROM = 10
RING_GAP = 0.045  # radians left open between two themes
# Of several that are known to one commune and no better; it stands so far from what has a place of
# its own, in the first free of these directions on the commune's ground (static/js/communes.js).
SOFT_RING, ROOM = 40, 36
_DIAGONAL = sqrt(0.5)
AROUND = (
    *((0.0, -1.0), (0.0, 1.0), (-1.0, 0.0), (1.0, 0.0), (-_DIAGONAL, -_DIAGONAL)),
    *((_DIAGONAL, -_DIAGONAL), (-_DIAGONAL, _DIAGONAL), (_DIAGONAL, _DIAGONAL)),
)


@dataclass(frozen=True, slots=True)
class ListingMark:
    """A feature of a tile in pixels of the frame: one initiative, or a cluster by theme."""

    x: float
    y: float
    counts: Mapping[Theme, int]
    exact: bool

    @property
    def count(self) -> int:
        return sum(self.counts.values())


def listing(
    connection: Connection,
    frame: DrawingFrame,
    filters: InitiativeFilters,
    archive: ServedArchive | None = None,
    *,
    has_initiatives: bool = True,
) -> tuple[DrawnLayers, tuple[ListingMark, ...]]:
    """Ground with tinted communes, and marks of what a filter finds within a frame.

    Without initiatives: the ground alone.
    """
    features = list(_features(connection, frame, filters)) if has_initiatives else []
    zoom = tile_zoom(frame)
    placed: list[ListingMark] = []
    somewhere: dict[str, list[ListingMark]] = {}
    for one in features:
        told = one["properties"]
        if zoom >= NEAR_ZOOM and told.get("precision") == "commune":
            somewhere.setdefault(told["territory"], []).append(_mark(frame, one))
        else:
            placed.append(_mark(frame, one))
    chosen = filters.territory[0] if len(filters.territory) == 1 else None
    ground = drawing.ground(connection, frame, sorted(somewhere), chosen, archive)
    return ground, (*_rings(connection, frame, somewhere, placed), *placed)


def _rings(
    connection: Connection,
    frame: DrawingFrame,
    somewhere: Mapping[str, Sequence[ListingMark]],
    placed: Sequence[ListingMark],
) -> Iterator[ListingMark]:
    """One mark a commune for what is known to it and no better: one would cover the other."""
    for code, marks in somewhere.items():
        counts = Counter(theme for mark in marks for theme in mark.counts)
        ring = replace(marks[0], counts=dict(counts))
        spots = [(ring.x + right * ROOM, ring.y + down * ROOM) for right, down in AROUND]
        free = [spot for spot in spots if _is_free(*spot, placed)]
        if ring.count > 1 and free and not _is_free(ring.x, ring.y, placed):
            communes = communes_at(connection, [frame.position(*spot) for spot in free])
            on_ground = (
                spot
                for spot, found in zip(free, communes, strict=True)
                if found is not None and found.insee == code
            )
            x, y = next(on_ground, (ring.x, ring.y))
            ring = replace(ring, x=x, y=y)
        yield ring


def _is_free(x: float, y: float, placed: Sequence[ListingMark]) -> bool:
    return all(hypot(mark.x - x, mark.y - y) >= ROOM for mark in placed)


def tile_zoom(frame: DrawingFrame) -> int:
    """The zoom of the tiles that a live map of this frame asks for."""
    return min(max(floor(frame.zoom), 0), MAX_ZOOM)


def tiles_of(frame: DrawingFrame) -> Iterator[Tile]:
    """The tiles that a live map of this frame asks for."""
    zoom = tile_zoom(frame)
    columns, rows = frame.cells(zoom)
    return (Tile(zoom, x, y) for x in columns for y in rows)


def _features(
    connection: Connection, frame: DrawingFrame, filters: InitiativeFilters
) -> Iterator[dict[str, Any]]:
    for tile in tiles_of(frame):
        content = queries.initiatives_geojson(connection, tile, filters)
        yield from json.loads(content)["features"]


def _mark(frame: DrawingFrame, feature: Mapping[str, Any]) -> ListingMark:
    told = feature["properties"]
    x, y = frame.place(*mercator(*feature["geometry"]["coordinates"]))
    if told["count"] == 1:
        return ListingMark(x, y, {Theme(told["theme"]): 1}, told["precision"] == "point")
    return ListingMark(x, y, {theme: told[theme] for theme in Theme if told.get(theme)}, True)


def together(frame: DrawingFrame, marks: Iterable[ListingMark]) -> tuple[ListingMark, ...]:
    """One mark in the middle for all, in a frame too small for each."""
    counts: Counter[Theme] = Counter()
    exact = True
    for mark in marks:
        counts.update(mark.counts)
        exact = exact and mark.exact
    if not counts:
        return ()
    return (ListingMark(frame.width / 2, frame.height / 2, dict(counts), exact),)


def listing_svg(
    frame: DrawingFrame,
    palette: DrawingPalette,
    ground: DrawnLayers,
    marks: tuple[ListingMark, ...],
    names: str = "",
    spots: Iterable[SpotMark] = (),
) -> str:
    """The inside of the drawing; clusters lie above single ones, as on the live map.

    `spots` are the events and groups, which lie above initiatives.
    """
    dark = palette is DARK
    by_size = sorted(marks, key=lambda mark: mark.count)
    return "".join(
        (
            f'<rect width="{frame.width}" height="{frame.height}" fill="{palette.water}"/>',
            *(shape_svg(shape, palette) for shape in ground.shapes),
            names,
            f'<g font-family="{FONT}">',
            *(_mark_svg(frame, palette, mark, dark=dark) for mark in by_size),
            *(spot_svg(frame, palette, mark) for mark in sorted(spots, key=lambda one: one.count)),
            "</g>",
            credit_svg(frame, palette, ground.credit),
        )
    )


def boxes_of(
    frame: DrawingFrame, marks: Iterable[ListingMark], spots: Iterable[SpotMark] = ()
) -> list[tuple[float, float, float, float]]:
    """The ground that marks take from names, in pixels."""
    reaches = (
        (mark, _ring_size(frame, mark) / 2 if mark.count > 1 else _radius(frame)) for mark in marks
    )
    boxes = [(one.x - by, one.y - by, one.x + by, one.y + by) for one, by in reaches]
    return boxes + [box_of(frame, one) for one in spots]


def _radius(frame: DrawingFrame) -> float:
    return 15.0 if frame.zoom >= NEAR_ZOOM else 7.5


def _ring_size(frame: DrawingFrame, mark: ListingMark) -> int:
    if not mark.exact:
        return SOFT_RING
    rings = RINGS if frame.zoom >= RINGS_FROM else FAR_RINGS
    return next(size for least, size in rings if mark.count >= least)


def _mark_svg(
    frame: DrawingFrame, palette: DrawingPalette, mark: ListingMark, *, dark: bool
) -> str:
    if mark.count > 1:
        return _ring_svg(frame, palette, mark, dark=dark)
    (theme,) = mark.counts
    hue = HUES[theme][dark]
    radius = _radius(frame)
    at = f'cx="{mark.x:.1f}" cy="{mark.y:.1f}"'
    told = f'data-theme="{theme}" data-count="1"'
    if mark.exact:
        return (
            f'<circle {told} {at} r="{radius - 1:.1f}" fill="{hue}" stroke="{palette.ring}"'
            ' stroke-width="2"/>'
        )
    return (
        f'<circle {told} {at} r="{radius:.1f}" fill="{palette.ring}" fill-opacity="0.9"'
        f' stroke="{hue}" stroke-width="1.8" stroke-dasharray="3.4 2.8"/>'
    )


def _ring_svg(
    frame: DrawingFrame, palette: DrawingPalette, mark: ListingMark, *, dark: bool
) -> str:
    size = _ring_size(frame, mark)
    letter = 12.5 if frame.zoom >= RINGS_FROM else 11.0
    width = 1.5 + size / 16
    radius = size / 2 - 2 - width / 2
    gap = RING_GAP if len(mark.counts) > 1 else 0.0
    arcs, start = [], -pi / 2
    for theme, count in mark.counts.items():
        end = start + 2 * pi * count / mark.count
        arcs.append(_arc(mark, radius, start + gap, end - gap, HUES[theme][dark], width))
        start = end
    dashes = "" if mark.exact else ' stroke-dasharray="3.4 2.8"'  # of the arcs: no other line
    text = f"{mark.count // 1000} k" if mark.count >= 10_000 else str(mark.count)
    return (
        f'<g data-count="{mark.count}"{dashes}><circle cx="{mark.x:.1f}" cy="{mark.y:.1f}"'
        f' r="{size / 2 - 1:.1f}" fill="{palette.chosen}"/>{"".join(arcs)}'
        f'<text x="{mark.x:.1f}" y="{mark.y + 4.2:.1f}" text-anchor="middle" font-size="{letter}"'
        f' font-weight="600" fill="{palette.ink}">{text}</text></g>'
    )


def _arc(mark: ListingMark, radius: float, start: float, end: float, hue: str, width: float) -> str:
    line = f'fill="none" stroke="{hue}" stroke-width="{width:.1f}"'
    if end - start > 2 * pi - 0.01:
        return f'<circle cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="{radius:.1f}" {line}/>'
    x1, y1 = mark.x + radius * cos(start), mark.y + radius * sin(start)
    x2, y2 = mark.x + radius * cos(end), mark.y + radius * sin(end)
    turn = f"A{radius:.1f} {radius:.1f} 0 {int(end - start > pi)} 1"
    return f'<path d="M{x1:.1f} {y1:.1f}{turn} {x2:.1f} {y2:.1f}" {line}/>'

"""The map of a report on paper: areas in their colours on the drawn ground, as one SVG."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from mapservice.static_maps import drawing
from mapservice.static_maps.model import (
    LIGHT,
    DrawingFrame,
    DrawingShape,
    document,
    mercator,
    picture,
)
from mapservice.static_maps.report_model import EDGE, HATCH, PAPER, ReportArea, fill_of

WIDTH, HEIGHT = 1000, 760
PATTERN = (
    '<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse"'
    f' patternTransform="rotate(45)"><rect width="7" height="7" fill="{PAPER}"/>'
    f'<rect width="1.6" height="7" fill="{HATCH}"/></pattern></defs>'
)


def choropleth(
    connection: Connection,
    areas: Sequence[ReportArea],
    bounds: Sequence[float],
    title: str,
    description: str,
) -> str:
    """`bounds` are W, S, E, N, EPSG:4326."""
    frame = DrawingFrame.around(bounds, WIDTH, HEIGHT, margin=0.03)
    ground = [_faint(shape) for shape in drawing.ground(connection, frame).shapes]
    inside = picture(frame, LIGHT, ground, ())
    return document(frame, PATTERN + inside + "".join(_areas(frame, areas)), title, description)


def _faint(shape: DrawingShape) -> DrawingShape:
    """Around what is told of, France is land like any other."""
    return replace(shape, role="land") if shape.role == "chosen" else shape


def _areas(frame: DrawingFrame, areas: Sequence[ReportArea]) -> Iterator[str]:
    """A path a class, for a smaller file; thinner lines where areas are many."""
    width = 1.0 if len(areas) < 150 else 0.4
    for shade in sorted({area.shade for area in areas}, key=lambda shade: shade or 0):
        paths = "".join(_path(frame, area.geometry) for area in areas if area.shade == shade)
        yield (
            f'<path d="{paths}" fill="{fill_of(shade)}" stroke="{EDGE}" stroke-width="{width}"'
            ' stroke-linejoin="round" fill-rule="evenodd"/>'
        )


def _path(frame: DrawingFrame, geometry: Any) -> str:
    return "".join(_ring(frame, ring) for ring in _rings(geometry))


def _rings(geometry: Any) -> Iterator[Iterable[Sequence[float]]]:
    polygons = geometry["coordinates"]
    for polygon in [polygons] if geometry["type"] == "Polygon" else polygons:
        yield from polygon


def _ring(frame: DrawingFrame, corners: Iterable[Sequence[float]]) -> str:
    """To half a pixel, each corner once; neighbours round alike, so no gap opens between them."""
    placed = (frame.place(*mercator(lon, lat)) for lon, lat in corners)
    words = (f"{round(2 * x) / 2:g} {round(2 * y) / 2:g}" for x, y in placed)
    return "M" + "L".join(dict.fromkeys(words)) + "Z"

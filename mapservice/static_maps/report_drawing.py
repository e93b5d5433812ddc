"""The map of a report on paper: areas in their colours on the drawn ground, as one SVG."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from mapservice.static_maps import drawing
from mapservice.static_maps.model import (
    LIGHT,
    DrawingFrame,
    document,
    mercator,
    picture,
    shape_svg,
)
from mapservice.static_maps.names import names_svg, place_names
from mapservice.static_maps.report_model import EDGE, HATCH, PAPER, ReportArea, fill_of
from mapservice.static_maps.waters import water_shapes
from mapservice.tiles.basemap.archive import ServedArchive

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
    archive: ServedArchive | None = None,
) -> str:
    """`bounds` are W, S, E, N, EPSG:4326."""
    frame = DrawingFrame.around(bounds, WIDTH, HEIGHT, margin=0.03)
    # Around the areas of the report, France is land like any other.
    ground = [
        replace(shape, role="land") if shape.role == "chosen" else shape
        for shape in drawing.ground(connection, frame).shapes
    ]
    # A path a class, for a smaller file; thinner lines where areas are many.
    width, shaded = 1.0 if len(areas) < 150 else 0.4, ""
    for shade in sorted({area.shade for area in areas}, key=lambda shade: shade or 0):
        shapes = [area.geometry for area in areas if area.shade == shade]
        polygons = [
            polygon
            for shape in shapes
            for polygon in (
                [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]
            )
        ]
        path = "".join(_ring(frame, ring) for polygon in polygons for ring in polygon)
        shaded += (
            f'<path d="{path}" fill="{fill_of(shade)}" stroke="{EDGE}" stroke-width="{width}"'
            ' stroke-linejoin="round" fill-rule="evenodd"/>'
        )
    inside = picture(frame, LIGHT, ground, ())
    above = "".join(shape_svg(shape, LIGHT) for shape in water_shapes(frame, archive))
    above += names_svg(place_names(connection, frame), LIGHT)
    return document(frame, PATTERN + inside + shaded + above, title, description)


def _ring(frame: DrawingFrame, corners: Iterable[Sequence[float]]) -> str:
    """To half a pixel, each corner once; neighbours round alike, so no gap opens between them."""
    placed = (frame.place(*mercator(lon, lat)) for lon, lat in corners)
    words = (f"{round(2 * x) / 2:g} {round(2 * y) / 2:g}" for x, y in placed)
    return "M" + "L".join(dict.fromkeys(words)) + "Z"

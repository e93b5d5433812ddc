"""Drawn maps of a territory, a circle or all France, made by PostGIS in one look each.

Where few initiatives are, each stands by itself: points as dots, those known to their commune as
that commune's shade. Where many are, kept counts of the grid stand for them, so that a drawing
costs the same at any size.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from sqlalchemy import Connection, text

from mapservice.db.engine import fill
from mapservice.initiatives.grid import interleave
from mapservice.initiatives.model import LISTED
from mapservice.static_maps import archive_ground
from mapservice.static_maps.model import (
    HALF_METRES,
    DrawingFrame,
    DrawingMark,
    DrawingShape,
    inset_places,
    path_of,
    radius_of,
)
from mapservice.static_maps.names import Box, PlacedName, place_names
from mapservice.static_maps.waters import water_shapes
from mapservice.static_maps.wide_frames import of_territories
from mapservice.territories.model import OUTLINE_ZOOMS, Level, TerritoryRef
from mapservice.tiles.basemap.archive import ServedArchive

ABROAD = Path(__file__).resolve().parent.parent / "static" / "map" / "abroad.json"
# Up to so many are drawn one by one.
ALONE = 300
CLUSTER_PIXELS = 34
KEPT_ZOOMS = (3, 14)
# What is drawn within a territory, and what around it.
INNER = {
    Level.REGION: Level.DEPARTEMENT,
    Level.DEPARTEMENT: Level.COMMUNE,
    Level.EPCI: Level.COMMUNE,
}
# From this width of the frame on (metres of EPSG:3857), communes around would be a grey haze.
LAST_COMMUNES = 260_000.0

_STATUSES = [str(status) for status in LISTED]

# Brings EPSG:3857 to pixels of the frame, without what no eye could see; ST_AsSVG turns the
# ordinates over.
PATH = """
    ST_AsSVG(ST_TransScale(ST_Simplify({clipped}, :fine), :shift_x, :shift_y, :scale, :scale),
             1, 1)"""
# In whole pixels.
COARSE_PATH = PATH.replace("1, 1)", "1, 0)")
CLIPPED = "ST_ClipByBox2D({geom}, ST_MakeEnvelope(:clip_w, :clip_s, :clip_e, :clip_n, 3857))"
SIMPLIFIED = """
    SELECT '{role}' AS role, {order} AS layer, {path} AS path
      FROM territory_outline AS shown
     WHERE shown.level = '{level}' AND shown.zoom = {zoom}
       AND geom && ST_MakeEnvelope(:clip_w, :clip_s, :clip_e, :clip_n, 3857){which}"""
FULL = """
    SELECT '{role}' AS role, {order} AS layer, {path} AS path
      FROM territory AS shown
     WHERE shown.level {levels} AND shown.level = '{level}'
       AND outline_3857 && ST_MakeEnvelope(:clip_w, :clip_s, :clip_e, :clip_n, 3857){which}"""

ONES = """
    SELECT CASE WHEN precision = 'point' THEN NULL ELSE coalesce(commune, '') END AS commune,
           ST_X(anchor_3857), ST_Y(anchor_3857), count(*)
      FROM initiative
     WHERE status = ANY(:statuses) AND {column} = :code AND anchor IS NOT NULL
     GROUP BY 1, 2, 3"""

# A cluster stands at the middle of its members, and is drawn where that lies in the territory.
CLUSTERS = """
    SELECT count, x, y
      FROM (SELECT sum(initiatives)::integer AS count,
                   sum(sum_x) / sum(initiatives) AS x, sum(sum_y) / sum(initiatives) AS y
              FROM (SELECT cell, initiatives, sum_x, sum_y, status
                      FROM rollup_cell WHERE zoom = :zoom AND cell = ANY(:cells)
                     UNION ALL
                    SELECT cell >> :shift, initiatives, sum_x, sum_y, status
                      FROM rollup_delta WHERE cell >> :shift = ANY(:cells)) AS kept
             WHERE status = ANY(:statuses)
             GROUP BY cell
            HAVING sum(initiatives) > 0) AS placed{within}"""
WITHIN = """
     WHERE ST_Intersects(ST_SetSRID(ST_MakePoint(x, y), 3857),
                         (SELECT {geom} FROM {table} AS shown
                           WHERE shown.level = '{level}' AND shown.code = :code{zoom}))"""


@dataclass(frozen=True, slots=True)
class DrawnLayers:
    """Outlines from the ground up, the initiatives on them, and the names between these."""

    shapes: tuple[DrawingShape, ...]
    marks: tuple[DrawingMark, ...]
    names: tuple[PlacedName, ...] = ()
    credit: str = ""


def _layers(
    connection: Connection,
    frame: DrawingFrame,
    shapes: Iterable[DrawingShape],
    marks: Iterable[DrawingMark] = (),
    *,
    archive: ServedArchive | None,
    named: bool = True,
) -> DrawnLayers:
    """Water and roads lie on the land, under borders and shades."""
    drawn, placed = list(shapes), tuple(marks)
    grounds = [at for at, shape in enumerate(drawn) if shape.role in ("land", "chosen")]
    above = grounds[-1] + 1 if grounds else 0
    seen = archive if archive and archive_ground.covers(archive, frame) else None
    ground = water_shapes(frame, seen) + (archive_ground.roads_drawn(seen, frame) if seen else ())
    whole = (*_abroad(frame), *drawn[:above], *ground, *drawn[above:])
    names = place_names(connection, frame, boxes_of(placed), archive=seen) if named else ()
    return DrawnLayers(whole, placed, names, archive_ground.credit_of(seen))


def boxes_of(marks: Iterable[DrawingMark]) -> list[Box]:
    """The ground that marks take from names."""
    return [
        (mark.x - reach, mark.y - reach, mark.x + reach, mark.y + reach)
        for mark in marks
        for reach in [radius_of(mark) + 2]
    ]


def france(
    connection: Connection, frame: DrawingFrame, archive: ServedArchive | None = None
) -> DrawnLayers:
    shapes = _shapes(
        connection,
        frame,
        _outlines(frame, Level.REGION, "chosen", 1),
        _outlines(frame, Level.DEPARTEMENT, "inner", 2),
        _outlines(frame, Level.REGION, "border", 3),
    )
    return _layers(connection, frame, shapes, _clusters(connection, frame, None), archive=archive)


@dataclass(frozen=True, slots=True)
class DrawingInset:
    """A drawing within another, and where its upper left is in that, in pixels."""

    x: float
    y: float
    frame: DrawingFrame
    drawn: DrawnLayers
    name: str


def insets(
    connection: Connection, frame: DrawingFrame, named: Sequence[tuple[str, Sequence[float]]]
) -> tuple[DrawingInset, ...]:
    """What a map of metropolitan France shows beside it: names, and bounds in degrees."""
    size, places = inset_places(frame, len(named))
    made = []
    for (name, bounds), (x, y) in zip(named, places, strict=True):
        own = DrawingFrame.around(bounds, size, size, 0.1)
        shapes = _shapes(connection, own, _outlines(own, Level.REGION, "chosen", 1))
        # One mark for all that is there, in the middle.
        count = sum(mark.count for mark in _clusters(connection, own, None))
        marks = (DrawingMark(own.width / 2, own.height / 2, count, True),) if count else ()
        made.append(DrawingInset(x, y, own, DrawnLayers(tuple(shapes), marks), name))
    return tuple(made)


def territory(
    connection: Connection,
    frame: DrawingFrame,
    ref: TerritoryRef,
    initiatives: int,
    archive: ServedArchive | None = None,
) -> DrawnLayers:
    """A territory among its neighbours. `initiatives` says how many it has, about."""
    if initiatives <= ALONE:
        marks, communes = _ones(connection, frame, ref)
    else:
        marks, communes = list(_clusters(connection, frame, ref)), []
    layers = [
        _outlines(frame, Level.REGION, "land", 1),
        *_around(frame, ref),
        _outlines(frame, ref.level, "chosen", 3, only=True),
        *(
            [_outlines(frame, INNER[ref.level], "inner", 4, inside=ref)]
            if ref.level in INNER
            else []
        ),
        *([_outlines(frame, Level.COMMUNE, "shaded", 5, among=True)] if communes else []),
        _outlines(frame, ref.level, "edge", 6, only=True),
    ]
    shapes = _shapes(connection, frame, *layers, code=ref.code, communes=communes)
    return _layers(connection, frame, shapes, marks, archive=archive)


def place(
    connection: Connection,
    frame: DrawingFrame,
    ref: TerritoryRef | None,
    point: tuple[float, float] | None,
    archive: ServedArchive | None = None,
) -> DrawnLayers:
    """One initiative: a dot at its point (EPSG:3857), else the shade of its territory."""
    layers = [_outlines(frame, Level.REGION, "land", 1)]
    if ref:
        role = "chosen" if point else "shaded"
        layers += [*_around(frame, ref), _outlines(frame, ref.level, role, 3, only=True)]
        layers += [_outlines(frame, ref.level, "edge", 6, only=True)] if point else []
    shapes = _shapes(connection, frame, *layers, code=ref.code if ref else "")
    marks = [DrawingMark(*frame.place(*point), 1, True)] if point else []
    return _layers(connection, frame, shapes, marks, archive=archive)


# What lies around a territory, in a drawing that has to be small.
NEIGHBOURS = {
    Level.COMMUNE: Level.COMMUNE,
    Level.EPCI: Level.DEPARTEMENT,
    Level.DEPARTEMENT: Level.DEPARTEMENT,
    Level.REGION: Level.REGION,
}


def small_place(
    connection: Connection,
    frame: DrawingFrame,
    ref: TerritoryRef | None,
    fine: float,
    *,
    country: bool = False,
) -> tuple[DrawingShape, ...]:
    """Land, the shade of a territory (or of the country) and what lies around, in few bytes.

    In whole pixels, without names and without what is finer than `fine` pixels.
    """
    if country:
        layers = [_outlines(frame, Level.REGION, "shaded", 1, path=COARSE_PATH)]
    else:
        around = NEIGHBOURS[ref.level] if ref else Level.COMMUNE
        layers = [
            _outlines(frame, Level.REGION, "land", 1, path=COARSE_PATH),
            _outlines(frame, around, "line", 2, path=COARSE_PATH),
        ]
        if ref:
            layers.append(_outlines(frame, ref.level, "shaded", 3, only=True, path=COARSE_PATH))
    shapes = _shapes(connection, frame, *layers, code=ref.code if ref else "", fine=fine)
    return (*_abroad(frame, fine=fine), *shapes)


def ground(
    connection: Connection,
    frame: DrawingFrame,
    communes: Sequence[str] = (),
    outlined: TerritoryRef | None = None,
    archive: ServedArchive | None = None,
) -> DrawnLayers:
    """Land, water and borders alone, the shade of some communes, the outline of one territory.

    Without names: these depend on what is yet to be drawn.
    """
    layers = [_outlines(frame, Level.REGION, "chosen", 1), *_lines(frame)]
    layers += [_outlines(frame, Level.COMMUNE, "shaded", 5, among=True)] if communes else []
    layers += [_outlines(frame, outlined.level, "outlined", 6, only=True)] if outlined else []
    code = outlined.code if outlined else ""

    def make(connection: Connection) -> DrawnLayers:
        shapes = _shapes(connection, frame, *layers, code=code, communes=communes)
        return _layers(connection, frame, shapes, archive=archive, named=False)

    if communes or outlined or (archive and archive_ground.covers(archive, frame)):
        return make(connection)
    return of_territories(connection, frame, "ground", make)


def land(connection: Connection, frame: DrawingFrame) -> DrawnLayers:
    """Land alone, of France and around it."""
    shapes = _shapes(connection, frame, _outlines(frame, Level.REGION, "land", 1))
    return DrawnLayers((*_abroad(frame), *shapes), ())


def borders(connection: Connection, frame: DrawingFrame, level: Level) -> tuple[DrawingShape, ...]:
    """Those of territories wider than a level: `border` for régions, `line` for départements."""
    layers = [_outlines(frame, Level.REGION, "border", 2)]
    if level in (Level.COMMUNE, Level.EPCI):
        layers.append(_outlines(frame, Level.DEPARTEMENT, "line", 1))
    return tuple(_shapes(connection, frame, *layers))


def _around(frame: DrawingFrame, ref: TerritoryRef) -> list[str]:
    """Borders of the neighbours, faint."""
    if ref.level in (Level.COMMUNE, Level.EPCI):
        return _lines(frame)
    return [
        _outlines(frame, Level.DEPARTEMENT, "line", 2),
        _outlines(frame, Level.REGION, "border", 2),
    ]


def _lines(frame: DrawingFrame) -> list[str]:
    communes = [_outlines(frame, Level.COMMUNE, "line", 2)]
    near = communes if frame.east - frame.west < LAST_COMMUNES else []
    return [*near, _outlines(frame, Level.DEPARTEMENT, "border", 2)]


def _outlines(
    frame: DrawingFrame,
    level: Level,
    role: str,
    order: int,
    *,
    only: bool = False,
    among: bool = False,
    inside: TerritoryRef | None = None,
    path: str = PATH,
) -> str:
    """SQL of the outlines of a level: of one territory, of some communes, or of all in the frame.

    Every text put in is ours.
    """
    zoom = kept_zoom(frame)
    which = " AND shown.code = :code" if only else ""
    which += " AND shown.code = ANY(:communes)" if among else ""
    if inside:
        which += fill(
            " AND shown.code IN (SELECT code FROM territory"
            " WHERE level = '{level}' AND {parent} = :code)",
            {"level": level, "parent": str(inside.level)},
        )
    geom = "outline_3857" if zoom is None else "geom"
    path = fill(path, {"clipped": fill(CLIPPED, {"geom": geom})})
    texts = {"path": path, "level": str(level), "role": role, "order": str(order), "which": which}
    levels = "= 'commune'" if level is Level.COMMUNE else "<> 'commune'"
    template = FULL if zoom is None else SIMPLIFIED
    return fill(template, texts | {"zoom": str(zoom), "levels": levels})


def kept_zoom(frame: DrawingFrame) -> int | None:
    """Of the simplified outlines, the coarsest right to two pixels; None: the full ones are."""
    return next((zoom for zoom in OUTLINE_ZOOMS if zoom >= frame.zoom - 1.3), None)


def _shapes(
    connection: Connection,
    frame: DrawingFrame,
    *layers: str,
    code: str = "",
    communes: Sequence[str] = (),
    fine: float = 0.5,
) -> Iterator[DrawingShape]:
    """What the layers hold, each role one path, in the order of their layers."""
    statement = fill(
        "SELECT role, string_agg(path, ' ') FROM ({layers}) AS drawn WHERE path <> ''"
        " GROUP BY layer, role ORDER BY layer, role DESC",
        {"layers": " UNION ALL ".join(layers)},
    )
    values = view_of(frame) | {"code": code, "communes": list(communes)}
    values["fine"] = fine / frame.scale
    used = {name: value for name, value in values.items() if f":{name}" in statement}
    for role, path in connection.execute(text(statement), used):
        yield DrawingShape(role, path)


def view_of(frame: DrawingFrame) -> dict[str, Any]:
    """The frame for PostGIS; cut a little outside, so that no cut shows as a border."""
    reach = 8 / frame.scale
    return {
        "shift_x": -frame.west,
        "shift_y": -frame.north,
        "scale": frame.scale,
        "fine": 0.5 / frame.scale,
        "clip_w": frame.west - reach,
        "clip_s": frame.south - reach,
        "clip_e": frame.east + reach,
        "clip_n": frame.north + reach,
    }


def _ones(
    connection: Connection, frame: DrawingFrame, ref: TerritoryRef
) -> tuple[list[DrawingMark], list[str]]:
    """Marks, and the communes that hold an initiative known no better."""
    statement = fill(ONES, {"column": str(ref.level)})
    rows = connection.execute(text(statement), {"code": ref.code, "statuses": _STATUSES}).all()
    marks = [
        DrawingMark(*frame.place(x, y), count, commune is None) for commune, x, y, count in rows
    ]
    return marks, sorted({row[0] for row in rows if row[0]})


def _clusters(
    connection: Connection, frame: DrawingFrame, ref: TerritoryRef | None
) -> Iterator[DrawingMark]:
    # The grid whose cells are wide enough for a mark.
    zoom = 0
    while 2 * HALF_METRES / 2 ** (zoom + 1) * frame.scale >= CLUSTER_PIXELS:
        zoom += 1
    zoom = min(max(zoom, KEPT_ZOOMS[0]), KEPT_ZOOMS[1])
    columns, rows = frame.cells(zoom)
    values: dict[str, Any] = {
        "zoom": zoom,
        "shift": 2 * (KEPT_ZOOMS[1] - zoom),
        "cells": [interleave(x, y) for x in columns for y in rows],
        "statuses": _STATUSES,
    }
    within = ""
    if ref:
        kept = kept_zoom(frame)
        texts = {"geom": "outline_3857", "table": "territory", "zoom": ""}
        if kept is not None:
            texts = {"geom": "geom", "table": "territory_outline"}
            texts["zoom"] = f" AND shown.zoom = {kept}"
        within = fill(WITHIN, texts | {"level": str(ref.level)})
        values["code"] = ref.code
    for count, x, y in connection.execute(text(fill(CLUSTERS, {"within": within})), values):
        yield DrawingMark(*frame.place(float(x), float(y)), count, True)


@cache
def _foreign() -> shapely.Geometry:
    """Land of the neighbours of France, EPSG:3857."""
    features = json.loads(ABROAD.read_text(encoding="utf-8"))["features"]
    lands = [shapely.from_geojson(json.dumps(feature["geometry"])) for feature in features]
    return shapely.transform(shapely.GeometryCollection(lands), _project)


def _project(degrees: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    lon, lat = degrees.T
    northing = np.arcsinh(np.tan(np.radians(lat))) / np.pi
    return np.column_stack((lon / 180, northing)) * HALF_METRES


def _abroad(frame: DrawingFrame, *, fine: float = 0.0) -> tuple[DrawingShape, ...]:
    reach = 8 / frame.scale
    shown = shapely.clip_by_rect(
        _foreign(), frame.west - reach, frame.south - reach, frame.east + reach, frame.north + reach
    )
    nested = [one for part in shapely.get_parts(shown) for one in shapely.get_parts(part)]
    land = [one for one in nested if isinstance(one, shapely.Polygon) and not one.is_empty]
    path = path_of(frame, shapely.MultiPolygon(land), fine)
    return (DrawingShape("abroad", path),) if path else ()

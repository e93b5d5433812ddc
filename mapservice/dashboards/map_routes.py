"""What maps of coordination are made of: columns, outlines, and whole maps drawn here."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from math import isnan
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy import Connection

from mapservice.dashboards import map_queries, queries
from mapservice.dashboards.model import (
    AreaClasses,
    DashboardFigure,
    DashboardView,
    DensityField,
)
from mapservice.dashboards.routes import (
    colour_scale,
    density_keys,
    density_title,
    legend_keys,
    read_params,
)
from mapservice.errors import InvalidInput, NotFound
from mapservice.i18n import by_level_label, colon, day, figure_legend_label
from mapservice.i18n import gettext as _
from mapservice.initiatives.filter_words import filter_parts
from mapservice.initiatives.filters import InitiativeFilters, parse_territory
from mapservice.initiatives.grid import Tile
from mapservice.static_maps import archive_ground, choropleth
from mapservice.static_maps.choropleth import ChoroplethShading, MapLabel
from mapservice.static_maps.model import PALETTES, DrawingFrame, credit_svg, inset_places, inset_svg
from mapservice.static_maps.png import png
from mapservice.territories import queries as territories
from mapservice.territories.model import OVERSEAS, Level, TerritoryRef
from mapservice.territories.queries import mosaic_of
from mapservice.tiles.basemap.archive import ServedArchive
from mapservice.tiles.basemap.service import Basemap
from mapservice.tiles.tile_cache.store import ChangeExtent
from mapservice.web import edge
from mapservice.web.edge import only_parameters, services, tile_answer

blueprint = Blueprint("coordination_maps", __name__)

SVG, PNG = "image/svg+xml", "image/png"
# A live map is square, and shows exactly what its drawing does.
SIDE = 600
MARGIN = 0.03
PNG_WIDTH = 1200
# More than any map says of a figure.
DECIMALS = 3
# Outlines change once a year.
OUTLINE_FRESH_SECONDS = 86_400
TINT, BARE = "teinte", "bare"


def frame_of(bounds: Sequence[float]) -> DrawingFrame:
    """What a map of coordination shows; bounds are W, S, E, N, EPSG:4326."""
    return DrawingFrame.around(bounds, SIDE, SIDE, MARGIN)


@blueprint.get("/coordination.json")
@blueprint.get("/coordination/<level>/<code>.json")
def figures_json(level: str = "", code: str = "") -> Response:
    """Columns for a map: the class of each territory, and what it shows.

    What does not change with the month is left out if `brief`: codes, names, and the frame of the
    map (west, south, east, north, EPSG:4326), which is that of its drawing.
    """
    with services().snapshot.connect() as connection:
        asked = read_params(connection, level, code)
        view = asked.view
        found = queries.shades(connection, view, asked.breaks)
        areas = found.areas
        values = areas.values(view.figure).round(DECIMALS).tolist()
        body: dict[str, Any] = {
            "by": view.by,
            "figure": view.figure,
            "breaks": found.breaks,
            "classes": found.classes.tolist(),
            "values": [None if isnan(value) else value for value in values],
        }
        if view.figure is DashboardFigure.LOCAL and areas.told is not None:
            body["of"] = areas.told.tolist()
        if not request.args.get("brief"):
            body["frame"] = frame_of(queries.named_place(connection, view).bounds).degrees
            body["codes"] = ",".join(areas.codes)
            names = queries.name_list(connection, view.by, areas.codes)
            body["names"] = names
            body["populations"] = [None if n < 0 else n for n in areas.population.tolist()]
            if areas.year is not None:
                body["population_years"] = [year or None for year in areas.year.tolist()]
            if areas.partial is not None:
                partial = areas.partial.tolist()
                body["partial"] = partial
                body["names"] = [
                    _("%(name)s (partie)", name=name) if is_part else name
                    for name, is_part in zip(names, partial, strict=True)
                ]
    return edge.whole_answer(json.dumps(body, separators=(",", ":"), ensure_ascii=False), edge.JSON)


@blueprint.get("/coordination/points.json")
@blueprint.get("/coordination/<level>/<code>/points.json")
def spots_json(level: str = "", code: str = "") -> Response:
    """Communes that hold something in the period: longitude, latitude (EPSG:4326), how many."""
    with services().snapshot.connect() as connection:
        asked = read_params(connection, level, code)
        found = queries.spots(connection, asked.view)
    columns = {"lon": found.lon.tolist(), "lat": found.lat.tolist(), "count": found.count.tolist()}
    return edge.whole_answer(json.dumps(columns, separators=(",", ":")), edge.JSON)


@blueprint.get("/tiles/outlines/<level>/<z>/<x>/<y>.pbf")
def outlines_mvt(level: str, z: str, x: str, y: str) -> Response:
    """Every territory of one level at any zoom, its code alone: figures are joined to it."""
    name = map_queries.WITHIN
    only_parameters(name)
    if level not in tuple(Level):
        raise NotFound(f"There is no level {level[:20]!r}.")
    tile = Tile.parse(z, x, y)
    within, text = None, request.args.get(name)
    if text is not None:
        # A département or a région, of which EPCI that straddle show their part.
        within = parse_territory(text, name)
        if level != Level.EPCI or within.level not in (Level.DEPARTEMENT, Level.REGION):
            raise InvalidInput(name, "applies to EPCI, and names a département or a région")
    with services().snapshot.connect() as connection:
        content = map_queries.outlines_mvt(connection, tile, Level(level), within)
    return tile_answer(content, edge.MVT, ChangeExtent.NOWHERE, OUTLINE_FRESH_SECONDS)


@blueprint.get("/tiles/outlines/<level>.mosaic")
def outlines_mosaic(level: str) -> Response:
    """Which territory lies where, as pixels: the format is that of `territories.mosaic`."""
    only_parameters()
    content = None
    if level in tuple(Level):
        with services().snapshot.connect() as connection:
            content = mosaic_of(connection, level)
    if content is None:
        raise NotFound(f"There is no picture of all {level[:20]!r}.")
    return tile_answer(content, edge.MOSAIC, ChangeExtent.NOWHERE, OUTLINE_FRESH_SECONDS)


@blueprint.get("/coordination/density.json")
@blueprint.get("/coordination/<level>/<code>/density.json")
def density_json(level: str = "", code: str = "") -> Response:
    """Columns for a map, as those of figures: initiatives around each commune, and classes."""
    with services().snapshot.connect() as connection:
        asked = read_params(connection, level, code)
        found = queries.density(connection, asked.view, asked.breaks)
        body: dict[str, Any] = {
            "by": Level.COMMUNE,
            "figure": "density",
            "radius_km": found.radius,
            "breaks": found.breaks,
            "classes": found.classes.tolist(),
            "values": found.counts.tolist(),
        }
        if not request.args.get("brief"):
            place = queries.named_place(connection, asked.view)
            body["frame"] = frame_of(place.bounds).degrees
            body["codes"] = ",".join(found.codes)
            body["names"] = queries.name_list(connection, Level.COMMUNE, found.codes)
    return edge.whole_answer(json.dumps(body, separators=(",", ":"), ensure_ascii=False), edge.JSON)


@blueprint.get("/coordination.svg")
@blueprint.get("/coordination/<level>/<code>.svg")
def figures_svg(level: str = "", code: str = "") -> Response:
    """The shaded map of a page; `bare` is the map alone, without its key and what lies overseas."""
    return _answer(level, code, SVG)


@blueprint.get("/coordination.png")
@blueprint.get("/coordination/<level>/<code>.png")
def figures_png(level: str = "", code: str = "") -> Response:
    return _answer(level, code, PNG)


@blueprint.get("/coordination/density.svg")
@blueprint.get("/coordination/<level>/<code>/density.svg")
def density_svg(level: str = "", code: str = "") -> Response:
    return _answer(level, code, SVG, dense=True)


@blueprint.get("/coordination/density.png")
@blueprint.get("/coordination/<level>/<code>/density.png")
def density_png(level: str = "", code: str = "") -> Response:
    return _answer(level, code, PNG, dense=True)


def _answer(level: str, code: str, kind: str, *, dense: bool = False) -> Response:
    with services().snapshot.connect() as connection:
        asked = read_params(connection, level, code, TINT, BARE)
        view, tint = asked.view, request.args.get(TINT, "claire")
        bare = bool(request.args.get(BARE))
        if tint not in PALETTES:
            raise InvalidInput(TINT, f"must be one of {', '.join(PALETTES)}")
        if dense:
            shading = density_shading(queries.density(connection, view, asked.breaks))
        else:
            shading = figure_shading(view, queries.shades(connection, view, asked.breaks))
        place = queries.named_place(connection, view)
        frame = frame_of(place.bounds)
        mosaic = None
        if view.ref is None and shading.level is Level.COMMUNE:
            mosaic = mosaic_of(connection, str(Level.COMMUNE))

        archive = services().of(Basemap).served()
        inside, held = _shaded(connection, frame, shading, mosaic, tint, archive)
        labels = choropleth.labels_svg(frame, _labels(connection, shading), PALETTES[tint])
        parts, height = [inside, labels], SIDE
        if not bare and view.ref is None:
            # The overseas régions, each in a square beside metropolitan France, shaded alike.
            refs = (TerritoryRef(Level.REGION, code) for code in OVERSEAS)
            overseas = [found for ref in refs if (found := territories.find(connection, ref))]
            size, squares = inset_places(frame, len(overseas))
            for region, (x, y) in zip(overseas, squares, strict=True):
                own = DrawingFrame.around(region.bounds, size, size, 0.1)
                inside, codes = _shaded(connection, own, shading, mosaic, tint, archive)
                parts.append(inset_svg(x, y, own, inside, region.name, PALETTES[tint]))
                held |= codes
        if not bare:
            parts.append(choropleth.key_svg(shading, SIDE, SIDE, tint))
            height += choropleth.key_height(shading, SIDE)
            caption, high = choropleth.caption_svg(
                _caption(view, place.name, shading), SIDE, height, tint
            )
            parts.append(caption)
            height += high
        if archive and archive_ground.covers(archive, frame):
            credit = archive_ground.credit_of(archive)
            parts.append(credit_svg(frame, PALETTES[tint], credit))
        parts.append(choropleth.as_data(shading, held))
        words = _("Carte %(of_place)s : %(figure)s", of_place=place.of, figure=shading.title)
        told = _("Le tableau de la page contient les mêmes chiffres.")
        size_of = (SIDE, height)
        drawn = choropleth.document(size_of, "".join(parts), shading, tint, words, told)
    return edge.whole_answer(png(drawn, PNG_WIDTH) if kind == PNG else drawn, kind)


def _caption(view: DashboardView, place: str, shading: ChoroplethShading) -> list[str]:
    """What a map that travels alone must say: of where and when it is, whose, and of which day."""
    scope = view.scope
    since, until = (
        datetime(month.year, month.month, 1, tzinfo=UTC) if month else None
        for month in (scope.since, scope.until)
    )
    asked = InitiativeFilters(theme=scope.themes, since=since, until=until)
    told = ", ".join(filter_parts(asked)) or _("toutes les dates, tous les thèmes")
    return [
        f"{place}, {by_level_label(shading.level)}{colon()}{told}",
        _(
            "%(site)s, %(address)s, état du %(day)s",
            site=services().settings.site_name,
            address=edge.base_url().partition("://")[2],
            day=day(view.now),
        ),
    ]


def figure_shading(view: DashboardView, found: AreaClasses) -> ChoroplethShading:
    partial = [] if found.areas.partial is None else found.areas.partial.tolist()
    return ChoroplethShading(
        view.by,
        found.areas.codes,
        found.classes.tolist(),
        found.breaks,
        colour_scale(view.figure),
        figure_legend_label(view.figure),
        legend_keys(view.figure, found.breaks, unknown=found.unknown),
        parts=[code for code, is_part in zip(found.areas.codes, partial, strict=False) if is_part],
        within=view.ref,
    )


def density_shading(found: DensityField) -> ChoroplethShading:
    return ChoroplethShading(
        Level.COMMUNE,
        found.codes,
        found.classes.tolist(),
        found.breaks,
        colour_scale(None),
        density_title(found.radius),
        density_keys(found.breaks),
    )


def _shaded(
    connection: Connection,
    frame: DrawingFrame,
    shading: ChoroplethShading,
    mosaic: bytes | None,
    tint: str,
    archive: ServedArchive | None,
) -> tuple[str, frozenset[str]]:
    """The picture, and the codes of those that are elements of it."""
    if mosaic is not None:
        return choropleth.pixels(connection, frame, shading, mosaic, tint, archive), frozenset()
    return choropleth.areas(connection, frame, shading, tint, archive)


# What a map "by EPCI" need not say in each name.
KIND_OF_EPCI = re.compile(
    r"Communauté (?:de communes|d['’]agglomération|urbaine)\s+"
    r"(?:d['’]|de l['’]|de la |de |du |des )?"
)


def _short(name: str) -> str:
    shown = KIND_OF_EPCI.sub("", name, count=1)
    return shown[:1].upper() + shown[1:]


def _labels(connection: Connection, shading: ChoroplethShading) -> list[MapLabel]:
    """Names of the territories drawn, the most populous first."""
    every = queries.indexes(connection)[shading.level]
    places = every.pick(every.positions(shading.codes))
    first = places.population.argsort(kind="stable")[::-1][: 3 * choropleth.MOST_LABELS]
    codes = [places.codes[at] for at in first]
    names = {one.code: one.name for one in queries.names(connection, shading.level, codes)}
    return [
        MapLabel(_short(names[code]), float(places.lon[at]), float(places.lat[at]))
        for code, at in zip(codes, first, strict=True)
        if code in names
    ]

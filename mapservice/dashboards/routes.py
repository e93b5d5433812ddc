"""Pages of coordination: figures, maps, silence; the same figures as files."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from math import pi
from typing import Any
from urllib.parse import urlencode

import numpy as np
from flask import Blueprint, Response, render_template, request
from sqlalchemy import Connection

from mapservice.dashboards import dashboard as sheets
from mapservice.dashboards import formats, legend, map_queries, queries
from mapservice.dashboards import params as asking
from mapservice.dashboards.chart import chart
from mapservice.dashboards.classes import UNKNOWN
from mapservice.dashboards.dashboard import Dashboard, DashboardRow
from mapservice.dashboards.density import density
from mapservice.dashboards.density import make_ready as make_density_ready
from mapservice.dashboards.map_routes import frame_of
from mapservice.dashboards.model import (
    PARTS,
    DashboardFigure,
    DashboardView,
    SilenceKind,
    TableOrder,
    breaks_of,
    explained,
)
from mapservice.dashboards.params import DashboardParams
from mapservice.dashboards.shading import shaded
from mapservice.dashboards.territory_index import atlas
from mapservice.dashboards.windows import next_month, spans
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.model import PUBLIC, Theme
from mapservice.rollups import territory_queries
from mapservice.rollups.territory_model import TerritoryPlace
from mapservice.territories.model import Level
from mapservice.tiles.live_map import map_config
from mapservice.web import edge
from mapservice.web.edge import services

blueprint = Blueprint("coordination", __name__)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SILENT_PAGE = 200
NOBODY = np.zeros(0, np.int64)
OUTLINE_MAX_ZOOM = 10
MOSAIC_URL = "/tiles/outlines/commune.mosaic"


def make_ready(connection: Connection) -> None:
    """Makes what pages need of the territories in force, before the first one is asked for."""
    for level, places in atlas(connection).items():
        queries.name_ranks(connection, level, places.codes)
        map_queries.insets(connection, level)
    make_density_ready(connection)


@blueprint.get("/coordination")
@blueprint.get("/coordination/<level>/<code>")
def page(level: str = "", code: str = "") -> str:
    with services().snapshot.connect() as connection:
        asked = asking.read(connection, level, code, request.args)
        shown = sheets.sheet(connection, asked.view, asked.order)
        beside = None
        if asked.beside:
            beside = sheets.sheet(connection, asked.beside, asked.order, main=shown)
        pair = [shown, beside] if beside else [shown]
        breaks = asking.bounds(request.args)
        if breaks is None:
            breaks = breaks_of(asked.view.figure, *(one.areas for one in pair))
        counts = queries.series(connection, asked.view, queries.first_month(connection))
        known = [month.month for month in counts]
        scope = asked.view.scope
        table, silent = _tabled(connection, shown, asked, breaks, sheets.SHOWN_SILENT)
        tables = [table, *(_tabled(connection, one, asked, breaks, 0)[0] for one in pair[1:])]
        return render_template(
            "coordination/page.html",
            **_shared(asked, shown),
            sheets=pair,
            tables=tables,
            breaks=breaks,
            silent=silent,
            months=[(month, next_month(month) - timedelta(days=1)) for month in known],
            others=queries.wide_names(connection),
            chart=chart([(one.month, one.initiatives) for one in counts], scope.since, scope.until),
            parents=_parents(connection, asked.view),
            sample=initiatives.sample_share(connection),
            plates=_plates(connection, asked, pair, breaks),
            seasons=spans(scope.until, asked.view.now),
            instant=timedelta(microseconds=1),
        )


@blueprint.get("/coordination/silence")
@blueprint.get("/coordination/<level>/<code>/silence")
def silence(level: str = "", code: str = "") -> str:
    """All that are silent, to a number that people read; the files have every one."""
    with services().snapshot.connect() as connection:
        asked = asking.read(connection, level, code, request.args)
        shown = sheets.sheet(
            connection, replace(asked.view, figure=DashboardFigure.RATE), whole=True
        )
        _, listed = sheets.rows(connection, shown, NOBODY, (), SILENT_PAGE)
        return render_template(
            "coordination/silence.html",
            **_shared(asked, shown),
            silent=_silent(shown, listed),
            parents=_parents(connection, asked.view),
            sample=initiatives.sample_share(connection),
        )


@blueprint.get("/coordination.csv")
@blueprint.get("/coordination/<level>/<code>.csv")
def figures_csv(level: str = "", code: str = "") -> Response:
    lines, view = _lines(level, code)
    return _file(formats.to_csv(lines), edge.CSV, view, "csv")


@blueprint.get("/coordination.xlsx")
@blueprint.get("/coordination/<level>/<code>.xlsx")
def figures_xlsx(level: str = "", code: str = "") -> Response:
    lines, view = _lines(level, code)
    return _file(formats.to_xlsx(lines, _file_name(view)), XLSX, view, "xlsx")


def _shared(asked: DashboardParams, shown: Dashboard) -> dict[str, Any]:
    """What both pages show."""
    view = asked.view
    return {
        "asked": asked,
        "view": view,
        "sheet": shown,
        "place": shown.titled,
        "filters": asked.filters,
        "level": view.ref.level if view.ref else None,
        "parts": PARTS[view.ref.level if view.ref else None],
        "figures": asking.figures(view.by),
        "themes": tuple(Theme),
        "statuses": PUBLIC,
        "address": _address(asked),
    }


def _tabled(
    connection: Connection,
    shown: Dashboard,
    asked: DashboardParams,
    breaks: tuple[float, ...],
    most: int,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The table of the parts, and up to `most` that are silent in each way."""
    order = asked.order if asked.order in asking.orders(shown.view.by) else TableOrder.RATE
    at = sheets.shown_order(connection, shown, order, ascending=asked.ascending)
    rows, listed = sheets.rows(connection, shown, at[: sheets.shown_rows(len(at))], breaks, most)
    return {"rows": rows, "total": len(at)}, _silent(shown, listed)


def _silent(
    shown: Dashboard, listed: dict[SilenceKind, list[DashboardRow]]
) -> list[dict[str, Any]]:
    if shown.silence is None:
        return []
    return [
        {
            "verdict": verdict,
            "count": shown.silence.counts[verdict],
            "telling": shown.silence.told(verdict),
            "rows": rows,
        }
        for verdict, rows in listed.items()
        if verdict is not SilenceKind.LATELY or shown.sisters.dated
    ]


def _parents(connection: Connection, view: DashboardView) -> tuple[TerritoryPlace, ...]:
    described = territory_queries.describe(connection, view.ref) if view.ref else None
    return described.parents if described else ()


def _plates(
    connection: Connection, asked: DashboardParams, pair: list[Dashboard], breaks: tuple[float, ...]
) -> list[dict[str, Any]]:
    """The shaded map, and beside it the density, or another territory's map."""
    figure = asked.view.figure
    shown = [shaded(figure, one.areas, breaks) for one in pair]
    plates = [
        {
            "map": _shaded(asked, sheet, breaks),
            "sheet": sheet,
            "title": legend.title(figure),
            "legend": legend.keys(figure, breaks, unknown=found.unknown),
            "explained": explained(figure, breaks, *(one.areas for one in pair)),
            "insets": _insets(connection, sheet, sheet.view.by, found.by_code),
        }
        for sheet, found in zip(pair, shown, strict=True)
    ]
    return plates if len(plates) > 1 else [*plates, _density(connection, asked, pair[0])]


def _insets(
    connection: Connection, shown: Dashboard, by: Level, classes: Mapping[str, int]
) -> list[dict[str, Any]]:
    """What lies overseas, beside a map of France: outlines with their class, and a count."""
    if shown.view.ref is not None:
        return []
    held = _held_overseas(connection, shown)
    return [
        {
            "code": inset.code,
            "name": inset.name,
            "areas": [(code, path, classes.get(code, UNKNOWN)) for code, path in inset.outlines],
            "count": held[inset.code],
        }
        for inset in map_queries.insets(connection, by)
    ]


def _held_overseas(connection: Connection, shown: Dashboard) -> dict[str, int]:
    """How many initiatives each overseas région holds."""
    counts = dict(zip(shown.areas.codes, shown.areas.initiatives.tolist(), strict=True))
    return {
        inset.code: sum(counts.get(code, 0) for code, _ in inset.outlines)
        for inset in map_queries.insets(connection, shown.view.by)
    }


def _shaded(asked: DashboardParams, shown: Dashboard, breaks: tuple[float, ...]) -> dict[str, Any]:
    view = shown.view
    words = {"figure": str(view.figure), "par": str(view.by), "bornes": asking.joined(breaks)}
    query = _query(asked, **words)
    return _map(shown, view.by, f"{shown.titled.url}.svg{_query(asked, **words, bare='1')}") | {
        "figures": f"{shown.titled.url}.json{query}",
        "query": _query(asked, figure=str(view.figure)),
        "scale": legend.scale(view.figure),
        "figure": str(view.figure),
        "breaks": breaks,
        "bornes": words["bornes"],
    }


def _density(connection: Connection, asked: DashboardParams, shown: Dashboard) -> dict[str, Any]:
    """How many initiatives lie around each commune; its classes are those of all months."""
    found = density(connection, asked.view)
    query = _query(asked, bornes=asking.joined(found.breaks))
    bare = _query(asked, bornes=asking.joined(found.breaks), bare="1")
    drawing = f"{shown.titled.url}/density.svg{bare}"
    by_code = dict(zip(found.codes, found.classes.tolist(), strict=True))
    return {
        "map": _map(shown, Level.COMMUNE, drawing)
        | {
            "figures": f"{shown.titled.url}/density.json{query}",
            "query": _query(asked),
            "scale": legend.scale(None),
            "figure": "density",
            "breaks": found.breaks,
        },
        "sheet": shown,
        "title": legend.density_title(found.radius),
        "legend": legend.density_keys(found.breaks),
        "radius": found.radius,
        "area": round(pi * found.radius**2),
        "insets": _insets(connection, shown, Level.COMMUNE, by_code),
    }


def _map(shown: Dashboard, by: Level, drawing: str) -> dict[str, Any]:
    """What a live map needs; it shows just what its drawing does (`frame`).

    Within a département or a région EPCI that straddle have their part's outline.
    """
    ref = shown.view.ref
    parted = by is Level.EPCI and ref is not None and ref.level is not Level.EPCI
    within = f"?{map_queries.WITHIN}={ref}" if parted else ""
    return map_config(InitiativeFilters(), shown.titled.bounds, shown.view.ref, drawing=drawing) | {
        "level": str(by),
        "frame": frame_of(shown.titled.bounds).degrees,
        "tiles_url": f"/tiles/outlines/{by}/{{z}}/{{x}}/{{y}}.pbf{within}",
        "tiles_max_zoom": OUTLINE_MAX_ZOOM,
        # Of all communes, a picture comes first.
        "mosaic": MOSAIC_URL if shown.view.ref is None and by is Level.COMMUNE else None,
        "down": f"/coordination/{by}/",
    }


def _address(asked: DashboardParams) -> Callable[..., str]:
    """Makes the address of this page with some parameters changed; None takes one away."""

    def address(path: str | None = None, **changes: Any) -> str:
        return f"{path or request.path}{_query(asked, **{**_own_parameters(asked), **changes})}"

    return address


def _own_parameters(asked: DashboardParams) -> dict[str, str | None]:
    view = asked.view
    sort = f"{'-' if asked.ascending else ''}{asked.order}"
    return {
        "figure": None if view.figure is DashboardFigure.RATE else str(view.figure),
        "par": None if view.by is asked.default_by else str(view.by),
        "avec": request.args.get("avec"),
        "sort": None if sort == asking.default_order(view) else sort,
    }


def _query(asked: DashboardParams, **changes: str | None) -> str:
    """The filter's query string with more parameters, and some of its own replaced."""
    pairs = {**dict(asked.filters.to_pairs()), **changes}
    texts = [(name, value) for name, value in pairs.items() if value]
    return f"?{urlencode(texts, safe=',:')}" if texts else ""


def _lines(level: str, code: str) -> tuple[Iterator[tuple[formats.Cell, ...]], DashboardView]:
    with services().snapshot.connect() as connection:
        asked = asking.read(connection, level, code, request.args)
        shown = sheets.sheet(connection, asked.view, TableOrder.LAST, whole=True)
        names = queries.name_list(connection, asked.view.by, shown.areas.codes)
    return formats.rows(shown.areas, names, sheets.own_silence(shown)), asked.view


def _file(content: bytes, content_type: str, view: DashboardView, ending: str) -> Response:
    response = edge.whole_answer(content, content_type)
    name = f"{_file_name(view)}.{ending}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _file_name(view: DashboardView) -> str:
    place = f"{view.ref.level}-{view.ref.code}" if view.ref else "france"
    return f"coordination-{place}-par-{view.by}"

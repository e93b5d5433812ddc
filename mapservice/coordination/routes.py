"""Pages of coordination: figures, maps, silence; the same figures as files; what maps need."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import numpy as np
from flask import Blueprint, Response, render_template, request, url_for
from sqlalchemy import Connection

from mapservice.coordination import asked as asking
from mapservice.coordination import formats, map_queries, queries
from mapservice.coordination import sheet as sheets
from mapservice.coordination.asked import Asked
from mapservice.coordination.chart import chart
from mapservice.coordination.model import (
    DATED,
    PARTS,
    SUPPORTED,
    Areas,
    Figure,
    Order,
    Verdict,
    View,
    breaks_of,
)
from mapservice.coordination.places import atlas
from mapservice.coordination.sheet import Row, Sheet
from mapservice.coordination.windows import next_month
from mapservice.errors import InvalidInput, NotFound
from mapservice.http import answers
from mapservice.http.maps import map_config
from mapservice.http.params import only_parameters
from mapservice.http.services import services
from mapservice.http.words import gettext as _
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.filters import Filters, parse_territory
from mapservice.initiatives.model import PUBLIC, Theme
from mapservice.maps.cache import Extent
from mapservice.maps.model import Tile
from mapservice.territories import page_queries
from mapservice.territories.model import Level, TerritoryRef
from mapservice.territories.page_model import Place
from mapservice.territories.queries import mosaic_of

blueprint = Blueprint("coordination", __name__)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SILENT_PAGE = 200
# More than any map says of a figure.
DECIMALS = 3
# The radius of the largest bubble overseas; areas are as the counts.
BUBBLE = 68
NOBODY = np.zeros(0, np.int64)
# Outlines change once a year.
OUTLINE_FRESH_SECONDS = 86_400
OUTLINE_MAX_ZOOM = 10
MOSAIC_URL = "/tiles/outlines/commune.mosaic"
WITHIN = "within"
PERIOD_WORDS = ("since", "until")


def make_ready(connection: Connection) -> None:
    """Makes what pages need of the territories in force, before the first one is asked for."""
    for level, places in atlas(connection).items():
        queries.name_ranks(connection, level, places.codes)
        map_queries.insets(connection, level)


@blueprint.get("/coordination")
@blueprint.get("/coordination/<level>/<code>")
def page(level: str = "", code: str = "") -> str:
    with services().moment.connect() as connection:
        asked = asking.read(connection, level, code, request.args)
        shown = sheets.sheet(connection, asked.view, asked.order)
        beside = None
        if asked.beside:
            beside = sheets.sheet(connection, asked.beside, asked.order, main=shown)
        pair = [shown, beside] if beside else [shown]
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
            maps=_maps(asked, pair, breaks),
            insets=[_insets(connection, one, breaks) for one in pair],
        )


@blueprint.get("/coordination/silence")
@blueprint.get("/coordination/<level>/<code>/silence")
def silence(level: str = "", code: str = "") -> str:
    """All that are silent, to a number that people read; the files have every one."""
    with services().moment.connect() as connection:
        asked = asking.read(connection, level, code, request.args)
        shown = sheets.sheet(connection, replace(asked.view, figure=Figure.RATE), whole=True)
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
    return _file(formats.to_csv(lines), answers.CSV, view, "csv")


@blueprint.get("/coordination.xlsx")
@blueprint.get("/coordination/<level>/<code>.xlsx")
def figures_xlsx(level: str = "", code: str = "") -> Response:
    lines, view = _lines(level, code)
    return _file(formats.to_xlsx(lines, _file_name(view)), XLSX, view, "xlsx")


@blueprint.get("/coordination.json")
@blueprint.get("/coordination/<level>/<code>.json")
def figures_json(level: str = "", code: str = "") -> Response:
    """Columns for a map: the class of each, what it shows; codes and names too unless `bref`."""
    with services().moment.connect() as connection:
        asked = asking.read(connection, level, code, request.args)
        view = asked.view
        areas = _for_map(connection, view)
        breaks = asking.bounds(request.args)
        if breaks is None:
            breaks = breaks_of(view.figure, areas)
        body: dict[str, Any] = {
            "by": view.by,
            "figure": view.figure,
            "breaks": breaks,
            "classes": areas.classes(view.figure, breaks).tolist(),
            "values": sheets.numbers(areas.values(view.figure).round(DECIMALS).tolist()),
        }
        if view.figure is Figure.LOCAL and areas.told is not None:
            body["of"] = areas.told.tolist()
        if not request.args.get("bref"):
            body["codes"] = ",".join(areas.codes)
            body["names"] = _names(connection, view, areas)
            body["populations"] = [None if n < 0 else n for n in areas.population.tolist()]
            if areas.year is not None:
                body["population_years"] = [year or None for year in areas.year.tolist()]
            if areas.partial is not None:
                body["partial"] = areas.partial.tolist()
    return answers.whole(json.dumps(body, separators=(",", ":"), ensure_ascii=False), answers.JSON)


def _names(connection: Connection, view: View, areas: Areas) -> list[str]:
    """As a map tells them: of an EPCI that straddles, that this is a part."""
    names = queries.name_list(connection, view.by, areas.codes)
    if areas.partial is None:
        return names
    return [
        _("%(name)s (partie)", name=name) if is_part else name
        for name, is_part in zip(names, areas.partial, strict=True)
    ]


@blueprint.get("/coordination/points.json")
@blueprint.get("/coordination/<level>/<code>/points.json")
def spots_json(level: str = "", code: str = "") -> Response:
    """Communes that hold something in the period: longitude, latitude (EPSG:4326), how many."""
    with services().moment.connect() as connection:
        asked = asking.read(connection, level, code, request.args)
        found = queries.spots(connection, asked.view)
    columns = {"lon": found.lon.tolist(), "lat": found.lat.tolist(), "count": found.count.tolist()}
    return answers.whole(json.dumps(columns, separators=(",", ":")), answers.JSON)


@blueprint.get("/coordination/masque.json")
@blueprint.get("/coordination/<level>/<code>/masque.json")
def mask_json(level: str = "", code: str = "") -> Response:
    """All but the territory, as one GeoJSON geometry, EPSG:4326."""
    only_parameters()
    ref = asking.place(level, code)
    with services().moment.connect() as connection:
        if ref and page_queries.describe(connection, ref) is None:
            raise NotFound(f"There is no {ref}.")
        return answers.whole(
            map_queries.mask(connection, ref), answers.GEOJSON, OUTLINE_FRESH_SECONDS
        )


@blueprint.get("/tiles/outlines/<level>/<z>/<x>/<y>.pbf")
def outlines_mvt(level: str, z: str, x: str, y: str) -> Response:
    """Every territory of one level at any zoom, its code alone: figures are joined to it."""
    only_parameters(WITHIN)
    if level not in tuple(Level):
        raise NotFound(f"There is no level {level[:20]!r}.")
    tile = Tile.parse(z, x, y)
    within = _within(level)
    with services().moment.connect() as connection:
        content = map_queries.outlines_mvt(connection, tile, Level(level), within)
    return answers.tile(content, answers.MVT, Extent.NOWHERE, OUTLINE_FRESH_SECONDS)


def _within(level: str) -> TerritoryRef | None:
    """A département or a région, of which EPCI that straddle show their part."""
    text = request.args.get(WITHIN)
    if text is None:
        return None
    ref = parse_territory(text, WITHIN)
    if level != Level.EPCI or ref.level not in (Level.DEPARTEMENT, Level.REGION):
        raise InvalidInput(WITHIN, "applies to EPCI, and names a département or a région")
    return ref


@blueprint.get("/tiles/outlines/<level>.mosaic")
def outlines_mosaic(level: str) -> Response:
    """Which territory lies where, as pixels: the format is that of `territories.mosaic`."""
    only_parameters()
    content = None
    if level in tuple(Level):
        with services().moment.connect() as connection:
            content = mosaic_of(connection, level)
    if content is None:
        raise NotFound(f"There is no picture of all {level[:20]!r}.")
    return answers.tile(content, answers.MOSAIC, Extent.NOWHERE, OUTLINE_FRESH_SECONDS)


def _shared(asked: Asked, shown: Sheet) -> dict[str, Any]:
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
    connection: Connection, shown: Sheet, asked: Asked, breaks: tuple[float, ...], most: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The table of the parts, and up to `most` that are silent in each way."""
    order = asked.order if asked.order in asking.orders(shown.view.by) else Order.RATE
    at = sheets.shown_order(connection, shown, order, ascending=asked.ascending)
    rows, listed = sheets.rows(connection, shown, at[: sheets.shown_rows(len(at))], breaks, most)
    return {"rows": rows, "total": len(at)}, _silent(shown, listed)


def _silent(shown: Sheet, listed: dict[Verdict, list[Row]]) -> list[dict[str, Any]]:
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
        if verdict is not Verdict.LATELY or shown.sisters.dated
    ]


def _parents(connection: Connection, view: View) -> tuple[Place, ...]:
    described = page_queries.describe(connection, view.ref) if view.ref else None
    return described.parents if described else ()


def _maps(asked: Asked, pair: list[Sheet], breaks: tuple[float, ...]) -> list[dict[str, Any]]:
    """The shaded map, and beside it the density, or another territory's map."""
    drawn = [_shaded(asked, shown, breaks) for shown in pair]
    return drawn if len(drawn) > 1 else [*drawn, _density(asked, pair[0])]


def _insets(
    connection: Connection, shown: Sheet, breaks: tuple[float, ...]
) -> list[dict[str, Any]]:
    """What lies overseas, beside a map of France: outlines with their class, and a count."""
    if shown.view.ref is not None:
        return []
    classes = shown.areas.classes(shown.view.figure, breaks)
    counts = shown.areas.initiatives
    drawn = map_queries.insets(connection, shown.view.by)
    overseas = {code for inset in drawn for code, _ in inset.outlines}
    at = {code: number for number, code in enumerate(shown.areas.codes) if code in overseas}
    lands = drawn
    if shown.view.by is not Level.REGION:
        lands = map_queries.insets(connection, Level.REGION)
    held = [sum(int(counts[at[code]]) for code, _ in inset.outlines) for inset in drawn]
    return [
        {
            "code": inset.code,
            "name": inset.name,
            "areas": [(code, path, int(classes[at[code]])) for code, path in inset.outlines],
            "land": land.outlines[0][1],
            "count": count,
            "radius": round(BUBBLE * (count / max(held)) ** 0.5, 1) if count else 0,
        }
        for inset, land, count in zip(drawn, lands, held, strict=True)
    ]


def _shaded(asked: Asked, shown: Sheet, breaks: tuple[float, ...]) -> dict[str, Any]:
    view = shown.view
    query = _query(asked, figure=str(view.figure), par=str(view.by), bornes=_joined(breaks))
    level = str(view.by)
    parted = view.by is Level.EPCI and view.ref and view.ref.level is not Level.EPCI
    within = f"?{WITHIN}={view.ref}" if parted else ""
    return _map(shown) | {
        "kind": "areas",
        "level": level,
        "tiles_url": f"/tiles/outlines/{level}/{{z}}/{{x}}/{{y}}.pbf{within}",
        "tiles_max_zoom": OUTLINE_MAX_ZOOM,
        # Of all communes, a picture comes first.
        "mosaic": MOSAIC_URL if view.ref is None and view.by is Level.COMMUNE else None,
        "figures": f"{shown.titled.url}.json{query}",
        "down": f"/coordination/{level}/",
        "query": _query(asked, figure=str(view.figure)),
        "diverging": view.figure.diverging,
        "reversed": view.figure is Figure.LAST,
        "figure": str(view.figure),
    }


def _density(asked: Asked, shown: Sheet) -> dict[str, Any]:
    """Kept cells know no period: then communes stand for what they hold."""
    dated = asked.filters.since or asked.filters.until
    query = _query(asked, **dict.fromkeys(PERIOD_WORDS, None)) if not dated else _query(asked)
    return _map(shown) | {
        "kind": "density",
        "tiles_url": f"/tiles/density/{{z}}/{{x}}/{{y}}.pbf{query}",
        "tilejson": url_for("tiles.density_tilejson"),
        "points": f"{_inner(shown, 'points.json')}{_query(asked)}",
        "mask": _inner(shown, "masque.json"),
        "dated": bool(dated),
    }


def _map(shown: Sheet) -> dict[str, Any]:
    return map_config(Filters(), shown.titled.bounds, shown.view.ref)


def _inner(shown: Sheet, name: str) -> str:
    return f"{shown.titled.url}/{name}"


def _address(asked: Asked) -> Callable[..., str]:
    """Makes the address of this page with some parameters changed; None takes one away."""

    def address(path: str | None = None, **changes: Any) -> str:
        return f"{path or request.path}{_query(asked, **{**_own_parameters(asked), **changes})}"

    return address


def _own_parameters(asked: Asked) -> dict[str, str | None]:
    view = asked.view
    sort = f"{'-' if asked.ascending else ''}{asked.order}"
    return {
        "figure": None if view.figure is Figure.RATE else str(view.figure),
        "par": None if view.by is asked.default_by else str(view.by),
        "avec": request.args.get("avec"),
        "sort": None if sort == asking.default_order(view) else sort,
    }


def _query(asked: Asked, **changes: str | None) -> str:
    """The filter's query string with more parameters, and some of its own replaced."""
    pairs = {**dict(asked.filters.to_pairs()), **changes}
    texts = [(name, value) for name, value in pairs.items() if value]
    return f"?{urlencode(texts, safe=',:')}" if texts else ""


def _joined(breaks: tuple[float, ...]) -> str:
    return ",".join(repr(bound) for bound in breaks)


def _for_map(connection: Connection, view: View) -> Areas:
    """The parts with what the figure needs, no more."""
    areas = queries.areas(
        connection,
        view,
        dated=view.figure in DATED,
        supports=view.figure in SUPPORTED,
        last=view.figure is Figure.LAST,
    )
    if view.figure is Figure.SILENT:
        found = queries.silent(connection, view, areas.codes)
        return replace(areas, communes=found.communes, silent=found.silent)
    return areas


def _lines(level: str, code: str) -> tuple[Iterator[tuple[formats.Cell, ...]], View]:
    with services().moment.connect() as connection:
        asked = asking.read(connection, level, code, request.args)
        shown = sheets.sheet(connection, asked.view, Order.LAST, whole=True)
        names = queries.name_list(connection, asked.view.by, shown.areas.codes)
    return formats.rows(shown.areas, names, sheets.own_silence(shown)), asked.view


def _file(content: bytes, content_type: str, view: View, ending: str) -> Response:
    response = answers.whole(content, content_type)
    name = f"{_file_name(view)}.{ending}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _file_name(view: View) -> str:
    place = f"{view.ref.level}-{view.ref.code}" if view.ref else "france"
    return f"coordination-{place}-par-{view.by}"

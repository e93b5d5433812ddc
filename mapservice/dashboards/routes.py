"""Pages of coordination: figures, maps, silence; the same figures as files; what a request asks."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from math import pi
from typing import Any
from urllib.parse import urlencode

import numpy as np
from flask import Blueprint, Response, render_template, request, url_for
from sqlalchemy import Connection

from mapservice.dashboards import formats, group_event_queries, map_queries, queries
from mapservice.dashboards.model import (
    CLASSES,
    NEAR_KM,
    NOTHING,
    PARTS,
    SHARED,
    UNKNOWN,
    WIDE_KM,
    Counts,
    Dashboard,
    DashboardFigure,
    DashboardRow,
    DashboardView,
    NamedPlace,
    SilenceKind,
    TableOrder,
    breaks_of,
    chart,
    explained,
    next_month,
    shaded,
    spans,
)
from mapservice.errors import InvalidInput, NotFound
from mapservice.i18n import figure_legend_label, number, percent
from mapservice.i18n import gettext as _
from mapservice.initiatives.filters import (
    UNCOUNTED,
    InitiativeFilters,
    RollupScope,
    parse,
    parse_territory,
)
from mapservice.initiatives.model import PUBLIC, Theme
from mapservice.initiatives.queries import SAMPLE_SHARE
from mapservice.territories import queries as territories
from mapservice.territories.model import Level, TerritoryRef
from mapservice.web import edge
from mapservice.web.edge import same_for_all, services
from mapservice.web.parsing import parse_number

blueprint = Blueprint("coordination", __name__)

# Parameters beside those of the filter grammar. `with` is the territory to compare with; `breaks`
# are the class bounds that a map keeps while its month changes; `brief` leaves out of the columns
# of a map what does not change with the month.
PARAMETERS = ("figure", "by", "with", "sort", "breaks", "brief")
NO_BREAKS = "none"
NOT_HERE = ("territory", *UNCOUNTED, "limit", "cursor")

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# A table has all of its rows up to so many, départements for one; a longer list is a file, and the
# page shows its top.
MOST_ROWS = 120
FIRST_ROWS = 50
SHOWN_SILENT = 12
SILENT_PAGE = 200
OUTLINE_MAX_ZOOM = 10
MOSAIC_URL = "/tiles/outlines/commune.mosaic"

# A class (1 and on, 0 for none, -1 for unknown) and its words.
LegendKey = tuple[int, str]


@dataclass(frozen=True, slots=True)
class DashboardParams:
    """A view, the filter as it was written, and how the table is ordered.

    `beside` is the territory to compare with; its level may be France's, None. `breaks` is None
    where the figures decide.
    """

    view: DashboardView
    filters: InitiativeFilters
    order: TableOrder
    ascending: bool
    beside: DashboardView | None
    breaks: tuple[float, ...] | None

    @property
    def default_by(self) -> Level:
        return PARTS[self.view.ref.level if self.view.ref else None][0]


def make_ready(connection: Connection) -> None:
    """Makes what pages need of the territories in force, before the first one is asked for."""
    for level, places in queries.indexes(connection).items():
        queries.name_ranks(connection, level, places.codes)
        map_queries.insets(connection, level)
    for km in (WIDE_KM, NEAR_KM):
        queries.neighbours(connection, km)


def read_params(connection: Connection, level: str, code: str, *more: str) -> DashboardParams:
    """What the present request asks, checked once.

    Raises NotFound for a territory that does not exist, InvalidInput naming a parameter. `more` are
    parameters that one address alone has.
    """
    ref, arguments = territory_of(level, code), request.args
    if ref and territories.find(connection, ref) is None:
        raise NotFound(f"There is no {ref}.")
    for name in NOT_HERE:
        if name in arguments:
            raise InvalidInput(name, "does not apply to the figures of a territory")
    grammar = (pair for pair in arguments.items(multi=True) if pair[0] not in (*PARAMETERS, *more))
    filters, _paging = parse(grammar)

    allowed = PARTS[ref.level if ref else None]
    text = arguments.get("by") or allowed[0]
    if text not in allowed:
        raise InvalidInput("by", f"must be one of {', '.join(allowed)}")
    by = Level(text)
    figure = arguments.get("figure") or DashboardFigure.RATE
    if figure not in figures_of(by):
        raise InvalidInput("figure", f"must be one of {', '.join(figures_of(by))}")
    scope = RollupScope.of(filters)
    view = DashboardView(ref, by, scope, datetime.now(UTC), DashboardFigure(figure))

    sort = arguments.get("sort") or str(default_order(view))
    if sort.removeprefix("-") not in orders_of(by):
        raise InvalidInput(
            "sort", f"must be one of {', '.join(orders_of(by))}, - before it turns it round"
        )

    beside, text = None, arguments.get("with", "")
    if text:
        other = None if text == "france" else parse_territory(text, "with")
        if other and territories.find(connection, other) is None:
            raise InvalidInput("with", f"there is no {other}")
        if other == ref:
            raise InvalidInput("with", "must be another territory")
        its_parts = PARTS[other.level if other else None]
        beside = replace(view, ref=other, by=by if by in its_parts else its_parts[0])
        if view.figure is DashboardFigure.SILENT and beside.by is Level.COMMUNE:
            raise InvalidInput("with", "is shown by communes, of which this figure tells nothing")

    breaks, text = None, arguments.get("breaks", "")
    if text:
        # One class alone has no bounds, which a word must say.
        parts = [] if text == NO_BREAKS else text.split(",")
        breaks = tuple(parse_number("breaks", part) for part in parts)
        if len(breaks) >= CLASSES or any(low >= high for low, high in pairwise(breaks)):
            raise InvalidInput("breaks", f"must be at most {CLASSES - 1} ascending numbers")
    return DashboardParams(
        view, filters, TableOrder(sort.removeprefix("-")), sort.startswith("-"), beside, breaks
    )


def territory_of(level: str, code: str) -> TerritoryRef | None:
    """What a path names; None for France. Raises NotFound for what names no territory."""
    if not level:
        return None
    if level not in tuple(Level) or not (code.isascii() and code.isalnum() and len(code) <= 9):
        raise NotFound("There is no such territory.")
    return TerritoryRef(Level(level), code.upper())


def breaks_text(breaks: tuple[float, ...]) -> str:
    """The text of the parameter `breaks`."""
    return ",".join(repr(bound) for bound in breaks) or NO_BREAKS


def figures_of(by: Level) -> tuple[DashboardFigure, ...]:
    """A commune has no communes of which a share could be silent."""
    silent = DashboardFigure.SILENT
    return tuple(one for one in DashboardFigure if one is not silent or by is not Level.COMMUNE)


def orders_of(by: Level) -> tuple[TableOrder, ...]:
    silent = TableOrder.SILENT
    return tuple(one for one in TableOrder if one is not silent or by is not Level.COMMUNE)


def default_order(view: DashboardView) -> TableOrder:
    """As the map shows it; but the rates of hamlets, where one is a lot, are no order to read."""
    # A part of an EPCI may be as small.
    small = view.by is Level.COMMUNE or (view.by is Level.EPCI and view.ref is not None)
    if view.figure is DashboardFigure.RATE and small:
        return TableOrder.INITIATIVES
    return TableOrder(view.figure)


def legend_keys(
    figure: DashboardFigure, breaks: Sequence[float], *, unknown: bool = True
) -> list[LegendKey]:
    """What each class of a map is called, on pages, drawings and their keys alike.

    In the order of a key: none first, unknown last. `unknown`: some territory is.
    """
    if figure is DashboardFigure.CHANGE:
        words = (
            _("baisse de moitié ou plus"),
            _("baisse"),
            _("écart que le hasard explique"),
            _("hausse"),
            _("hausse de moitié ou plus"),
        )
        none = (NOTHING, _("rien, ni cette année ni l’an dernier"))
        found, why_unknown = [*enumerate(words, start=1), none], _("pas encore un an de recul")
    elif figure is DashboardFigure.LAST:
        words = (
            _("ce mois-ci"),
            _("il y a 1 à 2 mois"),
            _("3 à 5 mois"),
            _("6 à 11 mois"),
            _("un an ou plus"),
        )
        none = (NOTHING, _("aucune"))
        found, why_unknown = [*enumerate(words, start=1), none], _("jour inconnu")
    else:
        supports = figure in (DashboardFigure.SUPPORTERS, DashboardFigure.LOCAL)
        found = [(NOTHING, _("aucun") if supports else _("aucune"))]
        if breaks:
            bounds = [percent(one, 1) if figure in SHARED else number(one) for one in breaks]
            found.append((1, _("moins de %(bound)s", bound=bounds[0])))
            found += [
                (at, f"{low} – {high}") for at, (low, high) in enumerate(pairwise(bounds), start=2)
            ]
            found.append((len(bounds) + 1, _("%(bound)s et plus", bound=bounds[-1])))
        else:
            found.append((1, _("au moins un") if supports else _("au moins une")))
        why_unknown = ""
        if figure in (DashboardFigure.RATE, DashboardFigure.SILENT):
            why_unknown = _("inconnu : sans habitant, ou population inconnue")
        elif figure is DashboardFigure.LOCAL:
            why_unknown = _("inconnu : personne n’a dit sa commune")
    return [*found, (UNKNOWN, why_unknown)] if unknown and why_unknown else found


def density_title(radius: int) -> str:
    """`radius`: kilometres."""
    return _("Initiatives à moins de %(km)s km", km=radius)


def density_keys(breaks: Sequence[float]) -> list[LegendKey]:
    return legend_keys(DashboardFigure.INITIATIVES, breaks)


def colour_scale(figure: DashboardFigure | None) -> str:
    """Which colours a map has; None is the density."""
    if figure is None:
        return "heat"
    return {DashboardFigure.CHANGE: "shift", DashboardFigure.LAST: "late"}.get(figure, "figure")


@blueprint.get("/coordination")
@blueprint.get("/coordination/<level>/<code>")
def page(level: str = "", code: str = "") -> str:
    same_for_all()
    with services().snapshot.connect() as connection:
        asked = read_params(connection, level, code)
        alone = asked.beside is None
        shown = queries.dashboard(connection, asked.view, asked.order, density=alone)
        pair = [shown]
        if asked.beside:
            pair.append(queries.dashboard(connection, asked.beside, asked.order, main=shown))
        breaks = asked.breaks
        if breaks is None:
            breaks = breaks_of(asked.view.figure, *(one.areas for one in pair))
        counts = queries.series(connection, asked.view, queries.first_month(connection))
        scope = asked.view.scope
        tables: list[dict[str, Any]] = []
        silent: list[dict[str, Any]] = []
        for one in pair:
            order = asked.order if asked.order in orders_of(one.view.by) else TableOrder.RATE
            at = queries.shown_order(connection, one, order, ascending=asked.ascending)
            first = len(at) if len(at) <= MOST_ROWS else FIRST_ROWS
            most = SHOWN_SILENT if one is shown else 0
            rows, listed = queries.dashboard_rows(connection, one, at[:first], breaks, most)
            tables.append({"rows": rows, "total": len(at)})
            silent += _silent(one, listed)
        return render_template(
            "coordination/page.html",
            **_shared(connection, asked, shown.place),
            dashboard=shown,
            dashboards=pair,
            tables=tables,
            breaks=breaks,
            silent=silent,
            months=[(one.month, next_month(one.month) - timedelta(days=1)) for one in counts],
            others=territories.parents(connection),
            chart=chart([(one.month, one.initiatives) for one in counts], scope.since, scope.until),
            plates=_plates(connection, asked, pair, breaks),
            seasons=spans(scope.until, asked.view.now),
            instant=timedelta(microseconds=1),
        )


@blueprint.get("/coordination/silence")
@blueprint.get("/coordination/<level>/<code>/silence")
def silence(level: str = "", code: str = "") -> str:
    """All that are silent, to a number that people read; the files have every one."""
    same_for_all()
    with services().snapshot.connect() as connection:
        asked = read_params(connection, level, code)
        rated = replace(asked.view, figure=DashboardFigure.RATE)
        shown = queries.dashboard(connection, rated, dated=True)
        no_rows = np.zeros(0, np.int64)
        _rows, listed = queries.dashboard_rows(connection, shown, no_rows, (), SILENT_PAGE)
        return render_template(
            "coordination/silence.html",
            **_shared(connection, asked, shown.place),
            dashboard=shown,
            silent=_silent(shown, listed),
        )


@blueprint.get("/coordination/groupes")
@blueprint.get("/coordination/<level>/<code>/groupes")
def groups_and_events(level: str = "", code: str = "") -> str:
    """How many groups and events there are, and where there is none."""
    same_for_all()
    with services().snapshot.connect() as connection:
        asked = read_params(connection, level, code)
        gatherings = group_event_queries.gatherings(
            connection,
            asked.view,
            most_rows=MOST_ROWS,
            first_rows=FIRST_ROWS,
            silent=SHOWN_SILENT,
        )
        return render_template(
            "coordination/groups_and_events.html",
            **_shared(connection, asked, queries.named_place(connection, asked.view))
            | {"sample": None},  # a sentence of its own tells of groups and events
            gatherings=gatherings,
        )


@blueprint.get("/coordination.csv")
@blueprint.get("/coordination/<level>/<code>.csv")
def figures_csv(level: str = "", code: str = "") -> Response:
    lines, name = _lines(level, code)
    return _file(formats.to_csv(lines), edge.CSV, f"{name}.csv")


@blueprint.get("/coordination.xlsx")
@blueprint.get("/coordination/<level>/<code>.xlsx")
def figures_xlsx(level: str = "", code: str = "") -> Response:
    lines, name = _lines(level, code)
    return _file(formats.to_xlsx(lines, name), XLSX, f"{name}.xlsx")


def _lines(level: str, code: str) -> tuple[Iterator[tuple[formats.Cell, ...]], str]:
    """The rows of a file, and what it is called, without its ending."""
    with services().snapshot.connect() as connection:
        asked = read_params(connection, level, code)
        order = TableOrder.LAST
        shown = queries.dashboard(connection, asked.view, order, dated=True, supports=True)
        names = queries.name_list(connection, asked.view.by, shown.areas.codes)
        gatherings = group_event_queries.figures(connection, asked.view)
    ref = asked.view.ref
    place = f"{ref.level}-{ref.code}" if ref else "france"
    lines = formats.rows(shown.areas, names, shown.own_silence, gatherings)
    return lines, f"coordination-{place}-par-{asked.view.by}"


def _file(content: bytes, content_type: str, name: str) -> Response:
    response = edge.whole_answer(content, content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _shared(connection: Connection, asked: DashboardParams, place: NamedPlace) -> dict[str, Any]:
    """What all pages show."""
    view = asked.view
    return {
        "asked": asked,
        "view": view,
        "place": place,
        "filters": asked.filters,
        "level": view.ref.level if view.ref else None,
        "parts": PARTS[view.ref.level if view.ref else None],
        "figures": figures_of(view.by),
        "themes": tuple(Theme),
        "statuses": PUBLIC,
        "address": partial(_address, asked),
        # Follows the address of each of thousands of places: made once.
        "row_query": _address(asked, "/", by=None, sort=None, **{"with": None})[1:],
        "parents": queries.parents(connection, view.ref),
        "sample": connection.execute(SAMPLE_SHARE).scalar_one(),
    }


def _silent(
    shown: Dashboard, listed: dict[SilenceKind, list[DashboardRow]]
) -> list[dict[str, Any]]:
    if shown.silence is None:
        return []
    return [
        {
            "verdict": kind,
            "count": shown.silence.counts[kind],
            "telling": shown.silence.telling_count(kind),
            "rows": rows,
        }
        for kind, rows in listed.items()
        if kind is not SilenceKind.LATELY or shown.sisters.dated
    ]


def _plates(
    connection: Connection, asked: DashboardParams, pair: list[Dashboard], breaks: tuple[float, ...]
) -> list[dict[str, Any]]:
    """The shaded map, and beside it the density, or another territory's map."""
    figure, plates = asked.view.figure, []
    for one in pair:
        found = shaded(figure, one.areas, breaks)
        words = {"figure": str(figure), "by": str(one.view.by), "breaks": breaks_text(breaks)}
        drawing = f"{one.place.url}.svg{_query(asked, **words, bare='1')}"
        plates.append(
            {
                "map": _map(one, one.view.by, drawing)
                | {
                    "figures": f"{one.place.url}.json{_query(asked, **words)}",
                    "query": _query(asked, figure=str(figure)),
                    "scale": colour_scale(figure),
                    "figure": str(figure),
                    "breaks": breaks,
                    "breaks_text": words["breaks"],
                },
                "dashboard": one,
                "title": figure_legend_label(figure),
                "legend": legend_keys(figure, breaks, unknown=found.unknown),
                "explained": explained(figure, breaks, *(each.areas for each in pair)),
                "insets": _insets(connection, one, one.view.by, one.areas.codes, found.classes),
            }
        )
    if len(pair) > 1:
        return plates

    # How many initiatives lie around each commune; its classes are those of all months.
    [one] = pair
    field = queries.density(connection, asked.view, counts=one.around)
    kept = breaks_text(field.breaks)
    drawing = f"{one.place.url}/density.svg{_query(asked, breaks=kept, bare='1')}"
    plates.append(
        {
            "map": _map(one, Level.COMMUNE, drawing)
            | {
                "figures": f"{one.place.url}/density.json{_query(asked, breaks=kept)}",
                "query": _query(asked),
                "scale": colour_scale(None),
                "figure": "density",
                "breaks": field.breaks,
            },
            "dashboard": one,
            "title": density_title(field.radius),
            "legend": density_keys(field.breaks),
            "radius": field.radius,
            "area": round(pi * field.radius**2),
            "insets": _insets(connection, one, Level.COMMUNE, field.codes, field.classes),
        }
    )
    return plates


def _insets(
    connection: Connection, shown: Dashboard, by: Level, codes: Sequence[str], classes: Counts
) -> list[dict[str, Any]]:
    """What lies overseas, beside a map of France: outlines with their class, and a count.

    `codes` ascend, as those of the dashboard's areas do; `classes` are theirs.
    """
    if shown.view.ref is not None:
        return []

    def looked_up(code: str, codes: Sequence[str], values: Counts, missing: int) -> int:
        at = bisect_left(codes, code)
        return int(values[at]) if at < len(codes) and codes[at] == code else missing

    areas = shown.areas
    held = {
        inset.code: sum(
            looked_up(code, areas.codes, areas.initiatives, 0) for code, _path in inset.outlines
        )
        for inset in map_queries.insets(connection, shown.view.by)
    }
    return [
        {
            "code": inset.code,
            "name": inset.name,
            "areas": [
                (code, path, looked_up(code, codes, classes, UNKNOWN))
                for code, path in inset.outlines
            ],
            "count": held[inset.code],
        }
        for inset in map_queries.insets(connection, by)
    ]


def _map(shown: Dashboard, by: Level, drawing: str) -> dict[str, Any]:
    """What a live map needs; what it shows comes with its columns (`frame`).

    Within a département or a région EPCI that straddle have their part's outline.
    """
    ref, settings = shown.view.ref, services().settings
    parted = by is Level.EPCI and ref is not None and ref.level is not Level.EPCI
    within = f"?{map_queries.WITHIN}={ref}" if parted else ""
    basemap = {"url": settings.basemap_url, "attribution": settings.basemap_attribution}
    return {
        "tiles": {
            "initiatives": url_for("tiles.initiatives_tilejson"),
            "territories": url_for("tiles.territories_tilejson"),
        },
        "filter": "",
        "territory": {"level": ref.level, "code": ref.code} if ref else None,
        "basemap": basemap if settings.basemap_url else None,
        "drawing": drawing,
        "level": str(by),
        "tiles_url": f"/tiles/outlines/{by}/{{z}}/{{x}}/{{y}}.pbf{within}",
        "tiles_max_zoom": OUTLINE_MAX_ZOOM,
        # Of all communes, a picture comes first.
        "mosaic": MOSAIC_URL if ref is None and by is Level.COMMUNE else None,
        "down": f"/coordination/{by}/",
    }


def _address(asked: DashboardParams, path: str | None = None, **changes: Any) -> str:
    """The address of this page with some parameters changed; None takes one away."""
    view = asked.view
    sort = f"{'-' if asked.ascending else ''}{asked.order}"
    own = {
        "figure": None if view.figure is DashboardFigure.RATE else str(view.figure),
        "by": None if view.by is asked.default_by else str(view.by),
        "with": request.args.get("with"),
        "sort": None if sort == default_order(view) else sort,
    }
    return f"{path or request.path}{_query(asked, **{**own, **changes})}"


def _query(asked: DashboardParams, **changes: str | None) -> str:
    """The filter's query string with more parameters, and some of its own replaced."""
    pairs = {**dict(asked.filters.to_pairs()), **changes}
    texts = [(name, value) for name, value in pairs.items() if value]
    return f"?{urlencode(texts, safe=',:')}" if texts else ""

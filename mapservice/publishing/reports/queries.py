"""The figures of a report from rollups, outlines and initiatives, all in one snapshot.

`read` is the one entry: further figures are added to `_figures` and `model.ReportCounts`.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, text

from mapservice.dashboards.model import DashboardFigure as ShadedFigure
from mapservice.dashboards.model import DashboardView as ShadedView
from mapservice.dashboards.queries import shades
from mapservice.db.engine import fill
from mapservice.db.tables import initiative
from mapservice.errors import InvalidInput
from mapservice.initiatives.conditions import recency, where
from mapservice.initiatives.queries import sample_share
from mapservice.publishing.reports.model import (
    ReportCounts,
    ReportLine,
    ReportOutlines,
    ReportView,
    SupportedInitiative,
    TerritoryReport,
    reading_key,
)
from mapservice.rollups import queries as activity
from mapservice.rollups import territory_queries
from mapservice.rollups.model import COUNTRY
from mapservice.rollups.territory_model import rate
from mapservice.static_maps.names import names_around
from mapservice.territories.model import Level
from mapservice.territories.queries import source_in_force
from mapservice.tiles.basemap.archive import ServedArchive

# Initiatives named for each territory; fewer where territories are many, so that files stay small.
NAMED, NAMED_OF_MANY = 3, 1
MANY = 1500
# Simplified outlines exact to half a pixel at this zoom; coarser for many areas and for France.
ZOOM, ZOOM_OF_MANY = 8, 6
# How far around land is drawn, in widths and heights of the areas.
REACH = 1.5
# Decimals of degrees: about ten metres.
DIGITS = 4

OUTLINES = """
    SELECT code, ST_AsGeoJSON(ST_Transform(geom, 4326), :digits) AS geometry
      FROM territory_outline
     WHERE level = :level AND zoom = :zoom AND code = ANY(:codes)
     ORDER BY code"""
# Of EPCI that straddle a border, the part inside.
PIECES = """
    SELECT epci, ST_AsGeoJSON(ST_Transform(ST_Multi(ST_Union(geom)), 4326), :digits)
      FROM epci_part_outline JOIN epci_part AS part USING (epci, departement)
     WHERE zoom = :zoom AND epci = ANY(:codes) AND part.{level} = :within
     GROUP BY epci
     ORDER BY epci"""
AROUND = """
    SELECT ST_AsGeoJSON(ST_Transform(land, 4326), :digits)
      FROM territory_outline
     CROSS JOIN (SELECT ST_Transform(ST_MakeEnvelope(:west, :south, :east, :north, 4326), 3857)
                     AS box) AS shown
     CROSS JOIN LATERAL (
           SELECT :reach * (ST_XMax(box) - ST_XMin(box)) AS wide,
                  :reach * (ST_YMax(box) - ST_YMin(box)) AS high) AS margin
     CROSS JOIN LATERAL (
           SELECT ST_ClipByBox2D(geom, CAST(ST_Expand(box, wide + high) AS box2d)) AS land) AS cut
     WHERE level = 'region' AND zoom = :zoom AND NOT ST_IsEmpty(land)
     ORDER BY code"""
BOUNDS = """
    SELECT ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box)
      FROM (SELECT ST_Extent(CAST(outline AS box2d)) AS box
              FROM territory WHERE level = :level AND code = ANY(:codes)) AS whole"""
# Metropolitan France, which a map of all territories shows: W, S, E, N.
METROPOLIS = (-5.3, 41.2, 9.7, 51.2)


def read(
    connection: Connection,
    view: ReportView,
    base_url: str,
    site_name: str,
    archive: ServedArchive | None = None,
) -> TerritoryReport:
    """Run it in a transaction of one snapshot. Raises InvalidInput for an unknown territory."""
    described = territory_queries.describe(connection, view.ref) if view.ref else None
    if view.ref and described is None:
        raise InvalidInput("territory", f"there is no {view.ref}")

    made_at = connection.execute(text("SELECT now()")).scalar_one()
    rows = json.loads(activity.figures_json(connection, view.by, view.scope, made_at))
    named = _most_supported(connection, view, [row["code"] for row in rows])
    lines = [
        ReportLine(row["code"], row["name"], _figures(row), named[row["code"]], row["partial"])
        for row in rows
    ]
    lines.sort(key=lambda line: reading_key(line, view.figure))

    # The classes are those of the dashboards' maps.
    everywhere = replace(view.scope, territories=())
    figure = ShadedFigure(str(view.figure))
    shown = shades(connection, ShadedView(view.ref, view.by, everywhere, made_at, figure))

    # Initiatives known only to an EPCI that straddles a border are in none of the lines.
    straddling, epci_alone = [line.code for line in lines if line.partial], 0
    if straddling:
        only = (initiative.c.precision == "epci", initiative.c.epci.in_(straddling))
        query = select(func.count()).where(*only, *where(replace(view.filters, territory=())))
        epci_alone = int(connection.execute(query).scalar_one())

    source = source_in_force(connection)
    return TerritoryReport(
        view=view,
        place=described.place if described else None,
        whole=_whole(connection, view, made_at),
        lines=tuple(lines),
        breaks=shown.breaks,
        classes=shown.by_code,
        explained=shown.explained,
        outlines=replace(_outlines(connection, view, lines), archive=archive),
        made_at=made_at,
        licence=source.licence if source else "",
        cog_year=source.cog_year if source else 0,
        base_url=base_url,
        site_name=site_name,
        epci_alone=epci_alone,
        made_up=sample_share(connection),
    )


def _figures(row: Mapping[str, Any]) -> ReportCounts:
    return ReportCounts(
        population=row["population"],
        initiatives=row["initiatives"],
        supporters=row["supporters"],
        rate=row["per_10000_inhabitants"],
        years=tuple(filter(None, (row["population_year"],))),
    )


def _whole(connection: Connection, view: ReportView, now: datetime) -> ReportCounts:
    """The territory itself, with initiatives that are in it but in none of its known parts."""
    if view.ref:
        rows = json.loads(activity.figures_json(connection, view.ref.level, view.scope, now))
        row = rows[0]
        return replace(_figures(row), years=territory_queries.years(connection, view.ref))
    counts, values = activity.counts_by_code(COUNTRY, view.scope)
    row = connection.exec_driver_sql(counts, values).one_or_none()
    initiatives, supporters = (int(row.initiatives), int(row.supporters)) if row else (0, 0)
    regions = territory_queries.everywhere(connection, Level.REGION)
    known = [region.population for region in regions if region.population is not None]
    population = sum(known) if known else None
    return ReportCounts(
        population,
        initiatives,
        supporters,
        rate(initiatives, population),
        territory_queries.years(connection),
    )


def _most_supported(
    connection: Connection, view: ReportView, codes: Sequence[str]
) -> defaultdict[str, tuple[SupportedInitiative, ...]]:
    """By code, consistent with the figures: of an EPCI, only what lies within the whole."""
    # The code of a part implies the territory, except for an EPCI, which may straddle.
    filters = view.filters if view.by is Level.EPCI else replace(view.filters, territory=())
    column = initiative.c[str(view.by)]
    order = (initiative.c.supporters.desc(), recency().desc(), initiative.c.id)
    ranked = (
        select(
            column.label("code"),
            initiative.c.id,
            initiative.c.title,
            initiative.c.supporters,
            func.row_number().over(partition_by=column, order_by=order).label("place"),
        )
        .where(column.in_(codes), *where(filters))
        .subquery()
    )
    most = NAMED if len(codes) < MANY else NAMED_OF_MANY
    query = select(ranked).where(ranked.c.place <= most).order_by(ranked.c.code, ranked.c.place)
    found: defaultdict[str, tuple[SupportedInitiative, ...]] = defaultdict(tuple)
    for row in connection.execute(query):
        found[row.code] += (SupportedInitiative(str(row.id), row.title, row.supporters),)
    return found


def _outlines(
    connection: Connection, view: ReportView, lines: Sequence[ReportLine]
) -> ReportOutlines:
    codes = [line.code for line in lines]
    few = view.ref and len(codes) < MANY
    bound = {"level": str(view.by), "codes": codes}
    wanted = bound | {"zoom": ZOOM if few else ZOOM_OF_MANY, "digits": DIGITS}
    areas = {code: json.loads(shape) for code, shape in connection.execute(text(OUTLINES), wanted)}
    pieces = [line.code for line in lines if line.partial]
    if view.ref and pieces:
        statement = fill(PIECES, {"level": str(view.ref.level)})
        inside = wanted | {"codes": pieces, "within": view.ref.code}
        found = connection.execute(text(statement), inside)
        areas |= {code: json.loads(shape) for code, shape in found}
    if view.ref and pieces:
        bound = {"level": str(view.ref.level), "codes": [view.ref.code]}
    west, south, east, north = connection.execute(text(BOUNDS), bound).one()
    bounds = (west, south, east, north) if view.ref else METROPOLIS
    sides = dict(zip(("west", "south", "east", "north"), bounds, strict=True))
    around = {"zoom": wanted["zoom"], "digits": DIGITS, "reach": REACH} | sides
    ground = connection.execute(text(AROUND), around).scalars()
    names = tuple(names_around(connection, bounds))
    return ReportOutlines(areas, tuple(json.loads(shape) for shape in ground), bounds, names)

"""What may lie in a circle or a box though its place is not known so well: by the territories that
have ground there.

An initiative that is known to its commune stands on maps at the label point of that commune, which
may lie outside a circle that the commune reaches into, or inside one that it does not. So what is
known to a territory goes by the territory's outline here, and true points alone by their position.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    any_,
    cast,
    func,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from mapservice.db.engine import fill
from mapservice.db.tables import initiative
from mapservice.geocoding.model import Precision
from mapservice.initiatives import queries
from mapservice.initiatives.conditions import COLUMNS, one_of, where
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.near import AreaOnlyCount, AroundCounts, ScaleBounds, TouchedArea
from mapservice.initiatives.queries import Initiative
from mapservice.territories.coordinates import BBox, LonLat
from mapservice.territories.model import Level

# With more that are known to it alone, the list of a commune soon gives some in order; elsewhere
# all that stand at the label point are looked at.
CROWDED = 300

# Territories within reach, by the plane; a thin ring at the edge is measured on the spheroid.
IN_CIRCLE = """
    SELECT commune.code, commune.epci, commune.departement, commune.region
      FROM asked
      JOIN territory AS commune
        ON commune.level = 'commune'
       AND commune.outline_3857 && ST_Expand(asked.here_3857, :most + 1)
     WHERE CASE WHEN ST_Distance(commune.outline_3857, asked.here_3857) <= :least THEN true
                WHEN ST_Distance(commune.outline_3857, asked.here_3857) > :most THEN false
                ELSE ST_DWithin(commune.outline::geography, asked.here::geography, :radius) END"""
LABEL_IN_CIRCLE = "ST_DWithin(place.point::geography, asked.here::geography, :radius)"
HERE = """
    SELECT here, ST_Transform(here, 3857) AS here_3857
      FROM (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS here) AS given"""

IN_BOX = """
    SELECT commune.code, commune.epci, commune.departement, commune.region
      FROM asked
      JOIN territory AS commune
        ON commune.level = 'commune' AND ST_Intersects(commune.outline, asked.here)"""
LABEL_IN_BOX = "ST_Intersects(place.point, asked.here)"
BOX = "SELECT ST_MakeEnvelope(:west, :south, :east, :north, 4326) AS here"

# A territory whose label point lies within is touched too, whatever its simplified outline says.
TOUCHED = """
WITH asked AS MATERIALIZED ({asked}), touched AS MATERIALIZED ({within}), named AS (
    SELECT 'commune' AS level, code FROM touched
     UNION SELECT 'epci', epci FROM touched WHERE epci IS NOT NULL
     UNION SELECT 'departement', departement FROM touched WHERE departement IS NOT NULL
     UNION SELECT 'region', region FROM touched WHERE region IS NOT NULL
     UNION SELECT place.level, place.code FROM territory AS place, asked WHERE {nearby}
)
SELECT place.level, place.code, place.name, place.article,
       grid_cell(ST_Transform(place.point, 3857)), {label}
  FROM named
  JOIN territory AS place ON place.level = named.level AND place.code = named.code
 CROSS JOIN asked
 ORDER BY place.level, place.code"""
NEARBY_CIRCLE = """
    place.point && ST_Transform(ST_Expand(asked.here_3857, :most + 1), 4326) AND {label}"""
NEARBY_BOX = "place.point && asked.here AND {label}"

# On the ground that a commune has in the circle; where that is all of it, at its label point.
MARKS = """
WITH circle AS MATERIALIZED (
    SELECT ST_Buffer(ST_SetSRID(ST_MakePoint(:lon, :lat), 4326)::geography, :radius)::geometry
           AS ground
), cut AS (
    SELECT code, point, outline, ST_Covers(circle.ground, outline) AS whole,
           CASE WHEN NOT ST_Covers(circle.ground, outline)
                THEN ST_Intersection(outline, circle.ground) END AS part
      FROM territory CROSS JOIN circle
     WHERE level = 'commune' AND code = ANY(:codes)
), placed AS (
    SELECT code, CASE WHEN whole THEN point
                      WHEN ST_IsEmpty(part) THEN ST_PointOnSurface(outline)
                      ELSE ST_PointOnSurface(part) END AS mark
      FROM cut)
SELECT code, ST_X(mark), ST_Y(mark) FROM placed"""

# Of so many territories that hold something the map shows a mark.
MARKED = 300


def around(
    connection: Connection,
    filters: InitiativeFilters,
    areas: Sequence[TouchedArea] | None = None,
) -> AroundCounts:
    """What lies in the circle of a filter, and what may. `filters.near` and `radius` are given.

    `areas` are those that `touched_by_circle` found, where somebody knows them already.
    """
    here, radius = filters.near, filters.radius
    assert here is not None
    assert radius is not None
    if areas is None:
        areas = touched_by_circle(connection, here, radius)
    somewhere = known_to(connection, filters, areas)

    # True points by theme. Where the index counts all that stands in the circle, what is known to
    # a territory whose label point lies in it is taken off again.
    points: dict[str, int] = {}
    if not filters.precision or Precision.POINT in filters.precision:
        standing = queries.by_theme_in_circle(connection, filters)
        if standing is None:
            exact = replace(filters, precision=(Precision.POINT,))
            points = dict(queries.count_by_theme(connection, exact))
        else:
            points = dict(standing)
            for one in somewhere:
                for theme, number in one.counts.items() if one.area.inside else ():
                    points[theme] -= number

    # Communes that hold some of the themes chosen show a mark.
    communes = [
        one.area.code
        for one in somewhere
        if one.area.level is Level.COMMUNE and one.count(filters.theme)
    ]
    values: dict[str, Any] = {"lon": here.lon, "lat": here.lat, "radius": radius}
    values["codes"] = communes[:MARKED]
    rows = connection.execute(text(MARKS), values) if communes else ()
    marks = {code: (lon, lat) for code, lon, lat in rows}
    marked = tuple(
        replace(one, mark=marks.get(one.area.code)) if one.area.level is Level.COMMUNE else one
        for one in somewhere
    )
    return AroundCounts(points, marked, filters.theme)


def within(connection: Connection, filters: InitiativeFilters) -> AroundCounts:
    """The same for the box of a filter, of which no true points are counted."""
    assert filters.bbox is not None
    areas = [area for part in filters.bbox.parts() for area in touched_by_box(connection, part)]
    unique = list({area.ref: area for area in areas}.values())
    return AroundCounts({}, known_to(connection, filters, unique), filters.theme)


def touched_by_circle(connection: Connection, here: LonLat, radius: float) -> list[TouchedArea]:
    """Territories of every level with ground within `radius` metres; none at the poles."""
    stretch = ScaleBounds.around(here.lon, here.lat, radius)
    if stretch is None:
        return []
    texts = {"asked": HERE, "within": IN_CIRCLE, "nearby": NEARBY_CIRCLE, "label": LABEL_IN_CIRCLE}
    values = {
        "lon": here.lon,
        "lat": here.lat,
        "radius": radius,
        "least": radius * stretch.least,
        "most": radius * stretch.most,
    }
    return _touched(connection, texts, values)


def touched_by_box(connection: Connection, box: BBox) -> list[TouchedArea]:
    """Territories of every level with ground in a box that does not cross the antimeridian."""
    texts = {"asked": BOX, "within": IN_BOX, "nearby": NEARBY_BOX, "label": LABEL_IN_BOX}
    values = {"west": box.west, "south": box.south, "east": box.east, "north": box.north}
    return _touched(connection, texts, values)


def _touched(
    connection: Connection, texts: Mapping[str, str], values: Mapping[str, float]
) -> list[TouchedArea]:
    rows = connection.execute(text(fill(TOUCHED, texts)), values)
    return [TouchedArea(Level(row[0]), *row[1:]) for row in rows]


def known_to(
    connection: Connection, filters: InitiativeFilters, areas: Sequence[TouchedArea]
) -> tuple[AreaOnlyCount, ...]:
    """How many are known to each of these and no better, by theme as if the filter named none."""
    if not areas:
        return ()
    code = func.coalesce(*(COLUMNS[level] for level in Level))
    plain = _without_place(replace(filters, theme=()))
    query = (
        select(initiative.c.precision, code, initiative.c.theme, func.count())
        .where(*where(plain), _known_to(areas))
        .group_by(initiative.c.precision, code, initiative.c.theme)
    )
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for precision, place, theme, number in connection.execute(query):
        counts[precision, place][theme] = number
    held = [(area, counts.get((str(area.level), area.code))) for area in areas]
    return tuple(AreaOnlyCount(area, found) for area, found in held if found)


def items_known_to(
    connection: Connection,
    filters: InitiativeFilters,
    held: Sequence[AreaOnlyCount],
    limit: int,
) -> list[Initiative]:
    """The first of these initiatives, in the order of the filter."""
    if not held:
        return []
    plain = _without_place(filters)
    crowded = {
        one.area.code for one in held if one.area.level is Level.COMMUNE and one.count() > CROWDED
    }
    others = [one.area for one in held if one.area.code not in crowded]
    in_commune = initiative.c.precision == str(Level.COMMUNE)
    conditions = [and_(in_commune, initiative.c.commune == code) for code in sorted(crowded)]
    conditions += [_known_to(others)] if others else []
    first = [
        select(initiative.c.id)
        .where(*where(plain), condition)
        .order_by(*queries.order(plain))
        .limit(limit)
        .subquery()
        for condition in conditions
    ]
    ids = union_all(*(select(some.c.id) for some in first))
    return queries.find_some(connection, plain, ids, limit)


def _known_to(areas: Sequence[TouchedArea]) -> ColumnElement[bool]:
    """Those at the label points of some territories, by index, that are known to these alone."""
    codes: dict[Level, list[str]] = defaultdict(list)
    for area in areas:
        codes[area.level].append(area.code)
    cells = cast([area.cell for area in areas], ARRAY(BigInteger))
    return and_(
        initiative.c.cell == any_(cells),
        or_(
            *(
                and_(initiative.c.precision == str(level), one_of(COLUMNS[level], some))
                for level, some in codes.items()
            )
        ),
    )


def _without_place(filters: InitiativeFilters) -> InitiativeFilters:
    return replace(filters, near=None, radius=None, bbox=None)

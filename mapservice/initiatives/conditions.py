"""The filter grammar as SQL: conditions on `initiative`, and the distances they go by."""

import struct
from collections.abc import Sequence
from functools import lru_cache
from math import asinh, radians, tan
from typing import Any

from geoalchemy2 import Geography
from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    any_,
    case,
    cast,
    false,
    func,
    literal_column,
    or_,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlalchemy.types import DateTime, Text

from mapservice.db.tables import initiative
from mapservice.initiatives.attribute_conditions import by_attributes
from mapservice.initiatives.fact_conditions import by_facts
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.model import Status
from mapservice.initiatives.near import ScaleBounds
from mapservice.territories.coordinates import BBox, LonLat
from mapservice.territories.model import Level

# The web-mercator square ends here; points beyond are drawn at its edge.
MERCATOR_LATITUDE = 85.051128
EARTH_RADIUS = 6_378_137.0  # of EPSG:3857, a sphere
# Moments before and after all that a row can hold. Spelt out: indexes are chosen by them.
BEFORE_ALL = literal_column("'-infinity'::timestamptz", DateTime(timezone=True))
AFTER_ALL = literal_column("'infinity'::timestamptz", DateTime(timezone=True))
# Where each level stands.
COLUMNS = {
    Level.COMMUNE: initiative.c.commune,
    Level.EPCI: initiative.c.epci,
    Level.DEPARTEMENT: initiative.c.departement,
    Level.REGION: initiative.c.region,
}


def where(filters: InitiativeFilters) -> list[ColumnElement[bool]]:
    """The conditions on `initiative` that a filter stands for; all must hold.

    An initiative without a known day lies in no period, not even in one that is open at one end.
    """
    statuses = filters.statuses
    if filters.goes_by_clock:
        # What is over is neither open nor anywhere to go to.
        statuses = tuple(status for status in statuses if status is Status.PUBLISHED)
    conditions = [one_of(initiative.c.status, statuses) if statuses else false()]
    conditions += [*about(filters, initiative), *by_facts(filters)]
    conditions += by_attributes(filters)
    if filters.since:
        conditions.append(recency() >= filters.since)
    if filters.until:
        conditions += [recency() > BEFORE_ALL, recency() < filters.until]
    return conditions


def about(filters: InitiativeFilters, of: FromClause) -> list[ColumnElement[bool]]:
    """What a filter says of words, theme and place, on a table that has initiatives' columns."""
    own = of.c
    conditions: list[ColumnElement[bool]] = []
    if filters.q:
        conditions.append(own.search.op("@@")(words(filters.q)))
    if filters.theme:
        conditions.append(one_of(own.theme, filters.theme))
    if filters.precision:
        conditions.append(one_of(own.precision, filters.precision))
    if filters.territory:
        by_level: dict[Level, list[str]] = {}
        for ref in filters.territory:
            by_level.setdefault(ref.level, []).append(ref.code)
        conditions.append(or_(*(one_of(own[str(level)], by_level[level]) for level in by_level)))
    if filters.bbox:
        # By index, which rounds to some metres, then exactly. The planner, which cannot know that
        # both say nearly the same, takes the second for a guess that halves the rows rather than
        # one that leaves none: that is what COALESCE does.
        boxes: list[ColumnElement[bool]] = []
        for part in filters.bbox.parts():
            exactly = and_(
                func.ST_X(own.anchor).between(part.west, part.east),
                func.ST_Y(own.anchor).between(part.south, part.north),
            )
            by_index = own.anchor_3857.op("&&")(envelope(part))
            boxes.append(and_(by_index, func.coalesce(exactly, false())))
        conditions.append(or_(*boxes))
    if filters.near and filters.radius:
        conditions.append(_within(filters.near, filters.radius, own))
    return conditions


def recency(of: Any = initiative.c) -> ColumnElement[Any]:
    """The moment that `recent` sorts by: for an unknown day, one before all others.

    Thus an order with unknown days last, and what follows a row in it, are ranges of an index.
    """
    return func.coalesce(of.created_at, BEFORE_ALL, type_=DateTime(timezone=True))


def distance(near: LonLat, of: Any = initiative.c) -> ColumnElement[float]:
    """Metres on the spheroid between the anchor and a position."""
    return func.ST_Distance(cast(of.anchor, Geography), geography(near))


def words(q: str) -> ColumnElement[Any]:
    """A text search that takes "vélo" and "vélos", "jeu" and "jeux" for one word.

    The French stemmer leaves the plural's ending after these vowels, so all forms are asked for.
    """
    meant = func.websearch_to_tsquery("french_unaccent", q)
    forms = r"('\1' | '\1s' | '\1x')"
    every = func.regexp_replace(cast(meant, Text), r"'([a-z]+[aiou])[sx]?'", forms, "g")
    return cast(every, TSQUERY)


def one_of(column: ColumnElement[str], values: Sequence[str]) -> ColumnElement[bool]:
    """One bound array rather than a list of parameters, so that the statement stays the same."""
    if len(values) == 1:
        return column == str(values[0])
    return column == any_(cast([str(value) for value in values], ARRAY(Text)))


def envelope(bbox: BBox) -> ColumnElement[object]:
    """The same box in EPSG:3857, whose axes run parallel to those of EPSG:4326."""
    south, north = (
        min(max(latitude, -MERCATOR_LATITUDE), MERCATOR_LATITUDE)
        for latitude in (bbox.south, bbox.north)
    )
    box = func.ST_MakeEnvelope(bbox.west, south, bbox.east, north, 4326)
    return func.ST_Transform(box, 3857)


def _within(near: LonLat, radius: float, of: Any = initiative.c) -> ColumnElement[bool]:
    """Within `radius` metres on the spheroid: by index, by the plane, then exactly.

    The planar distance settles all but a thin ring around the circle.
    """
    exactly = func.ST_DWithin(cast(of.anchor, Geography), geography(near), radius)
    stretch = ScaleBounds.around(near.lon, near.lat, radius)
    if stretch is None:
        circle = func.ST_Buffer(geography(near), radius * 1.01, 8)
        box = func.ST_Transform(func.ST_Envelope(func.geometry(circle)), 3857)
        return and_(of.anchor_3857.op("&&")(box), exactly)
    planar = func.ST_Distance(of.anchor_3857, here_3857(near))
    return and_(
        of.anchor_3857.op("&&")(func.ST_Expand(here_3857(near), radius * stretch.most + 1)),
        case(
            (planar <= radius * stretch.least, true()),
            (planar > radius * stretch.most, false()),
            else_=exactly,
        ),
    )


# One bound value each, and the same expression for all uses of a position: statements about a place
# hold it up to twenty times, and making three nested functions of it took longer than their answer.
# Those of a few requests at once, no more: where somebody is must not stay with us.
@lru_cache(maxsize=8)
def here_3857(position: LonLat) -> ColumnElement[object]:
    """A position on the map, whose latitude is not that of a pole."""
    x = EARTH_RADIUS * radians(position.lon)
    y = EARTH_RADIUS * asinh(tan(radians(position.lat)))
    return func.geometry(_point(x, y, 3857))


@lru_cache(maxsize=8)
def geography(position: LonLat) -> ColumnElement[object]:
    """A position on the spheroid."""
    return cast(func.geometry(_point(position.lon, position.lat, 4326)), Geography)


def _point(x: float, y: float, srid: int) -> str:
    """EWKB in hexadecimal digits, which the function `geometry` reads."""
    return struct.pack("<BIIdd", 1, 0x20000001, srid, x, y).hex()

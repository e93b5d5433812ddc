"""Circles counted in SQL: the one around a position that holds about 20,000 inhabitants, the one
around all of a commune; and the commune that is nearest where there is none.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, text

from mapservice.db.engine import fill
from mapservice.initiatives.near import NearCircle, ScaleBounds
from mapservice.territories.coordinates import LonLat

INHABITANTS = 20_000
LEAST_RADIUS = 1_000.0
MOST_RADIUS = 50_000.0
STEP = 100.0
# How far communes are gathered at once: in a city the first reach is enough.
REACHES = (5_000.0, 15_000.0, MOST_RADIUS)

# A commune of so many inhabitants holds them in a part of its ground, taken as evenly peopled.
# Else communes join one by one, as the circle reaches their label points; the one that the
# position lies in from the start.
ASKED = """
  WITH asked AS (
    SELECT here, here::geography AS place,
           ST_Expand(here, :reach / 111000 / greatest(cos(radians(:lat)), 0.05),
                     :reach / 110500) AS box
      FROM (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS here) AS given
), home AS (
    SELECT code, coalesce(population, 0) AS population, ST_Area(outline::geography) AS ground
      FROM territory, asked
     WHERE level = 'commune' AND ST_Intersects(outline, here)
     ORDER BY code
     LIMIT 1
), others AS (
    SELECT ST_Distance(point::geography, place) AS distance,
           coalesce(population, 0) AS population
      FROM territory, asked
     WHERE level = 'commune' AND point && box AND code NOT IN (SELECT code FROM home)
)"""
CIRCLE = """{asked}, summed AS (
    SELECT distance, sum(population) OVER (ORDER BY distance) AS population
      FROM (SELECT 0.0 AS distance, population FROM home
             UNION ALL
            SELECT distance, population FROM others) AS reached
), found AS (
    SELECT coalesce((SELECT sqrt(:wanted * ground / population / pi()) FROM home
                      WHERE population >= :wanted),
                    (SELECT min(distance) FROM summed
                      WHERE population >= :wanted AND distance <= :reach)) AS radius
), chosen AS (
    SELECT least(greatest(ceil(radius / :step) * :step, :least), :most) AS radius
      FROM found WHERE radius IS NOT NULL
)
SELECT radius, CASE WHEN radius <= :reach THEN {held} END FROM chosen"""
# What the circle finally chosen holds: the same rule read backwards.
HELD = """
       coalesce((SELECT round(population * least(1, pi() * power({radius}, 2) / ground))
                   FROM home), 0)
     + coalesce((SELECT sum(population) FROM others WHERE distance <= {radius}), 0)"""
POPULATION = "{asked} SELECT {held}"

# By degrees, then exactly among the first ones.
NEAREST = """
SELECT code, name, article, ST_Distance(outline::geography, here::geography) AS metres
  FROM (SELECT code, name, article, outline, here
          FROM territory, (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS here) AS asked
         WHERE level = 'commune'
         ORDER BY outline <-> here
         LIMIT 16) AS close
 ORDER BY metres, code
 LIMIT 1"""
BOUNDING = """
SELECT ST_X(middle), ST_Y(middle), radius
  FROM (SELECT ST_Transform((bound).center, 4326) AS middle, (bound).radius AS radius
          FROM (SELECT ST_MinimumBoundingRadius(ST_Collect(outline_3857)) AS bound
                  FROM territory WHERE level = 'commune' AND code = ANY(:codes)
                HAVING count(*) > 0) AS bounded) AS placed"""


@dataclass(frozen=True, slots=True)
class NearestCommune:
    """The commune nearest to a position that lies in none, and how far its outline is."""

    code: str
    name: str
    article: str
    metres: float


def nearest_commune(connection: Connection, here: LonLat) -> NearestCommune | None:
    row = connection.execute(text(NEAREST), {"lon": here.lon, "lat": here.lat}).one_or_none()
    return NearestCommune(*row) if row else None


def circle_of_communes(connection: Connection, codes: Iterable[str]) -> tuple[LonLat, float] | None:
    """The smallest circle around all of some communes: its middle, its radius in steps of 100 m.

    It claims no address: of a commune nobody knows more than its outline. None for no commune.
    """
    row = connection.execute(text(BOUNDING), {"codes": list(codes)}).one_or_none()
    if row is None:
        return None
    middle = LonLat(round(row[0], 4), round(row[1], 4))
    stretch = ScaleBounds.around(middle.lon, middle.lat, row[2])
    metres = row[2] / stretch.least if stretch else row[2]
    return middle, max(-(-(metres + STEP) // STEP) * STEP, LEAST_RADIUS)


def circle(connection: Connection, here: LonLat) -> NearCircle:
    """The circle that holds about 20,000 inhabitants, in steps of 100 m between 1 and 50 km."""
    held = fill(HELD, {"radius": "radius"})
    statement = text(fill(CIRCLE, {"asked": ASKED, "held": held}))
    values: dict[str, float] = {"lon": here.lon, "lat": here.lat, "wanted": INHABITANTS}
    values |= {"step": STEP, "least": LEAST_RADIUS, "most": MOST_RADIUS}
    for reach in REACHES:
        row = connection.execute(statement, values | {"reach": reach}).one_or_none()
        if row is not None:
            radius = float(row[0])
            # Of a large commune the circle may be wider than what was gathered.
            held_there = row[1] if row[1] is not None else population(connection, here, radius)
            return NearCircle(radius, int(held_there))
    return NearCircle(MOST_RADIUS, population(connection, here, MOST_RADIUS))


def population(connection: Connection, here: LonLat, radius: float) -> int:
    """Inhabitants of the communes whose label point lies within the radius.

    Of the commune that the position lies in: the part that the circle has of its ground.
    """
    values = {"lon": here.lon, "lat": here.lat, "reach": radius}
    held = fill(HELD, {"radius": ":reach"})
    statement = text(fill(POPULATION, {"asked": ASKED, "held": held}))
    return int(connection.execute(statement, values).scalar_one())

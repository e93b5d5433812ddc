"""What the queue of places in doubt asks about territories, and which one a point lies in."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from mapservice.db.engine import fill
from mapservice.moderation.places.model import PlaceCommune
from mapservice.territories.model import Level
from mapservice.territories.queries import HOLDER

Codes = dict[str, PlaceCommune]

# A point so near to the shore is on a jetty, or the outline is too coarse: it may be accepted.
AFLOAT_METRES = 5000


def communes(connection: Connection, codes: Iterable[str]) -> Codes:
    """Those of these that exist, by code."""
    rows = connection.execute(text(COMMUNES), {"codes": sorted(set(codes))})
    return {row.code: PlaceCommune(**{**row._mapping, "bounds": tuple(row.bounds)}) for row in rows}


def exists(connection: Connection, level: Level, code: str) -> bool:
    statement = text("SELECT EXISTS (SELECT FROM territory WHERE level = :level AND code = :code)")
    bound = {"level": str(level), "code": code}
    return bool(connection.execute(statement, bound).scalar_one())


def holders(
    connection: Connection, points: Sequence[tuple[float, float]]
) -> list[tuple[str | None, bool]]:
    """For each point (lon, lat, EPSG:4326): its commune or the nearest; whether it is afloat."""
    if not points:
        return []
    lons, lats = zip(*points, strict=True)
    statement = fill(HOLDERS, {"holder": HOLDER})
    bound = {"lons": list(lons), "lats": list(lats), "metres": AFLOAT_METRES}
    return [(row.code, row.afloat) for row in connection.execute(text(statement), bound)]


def point_of(query: Mapping[str, Any]) -> tuple[float, float] | None:
    """The point that came with the words, if it is one that a map can show."""
    lon, lat = query.get("lon"), query.get("lat")
    if not isinstance(lon, int | float) or not isinstance(lat, int | float):
        return None
    return (lon, lat) if abs(lon) <= 180 and abs(lat) <= 85 else None


COMMUNES = """
SELECT commune.code, commune.name, commune.article, commune.population,
       departement.code AS departement, departement.name AS departement_name,
       region.code AS region, region.name AS region_name,
       ST_X(commune.point) AS lon, ST_Y(commune.point) AS lat,
       ARRAY[ST_XMin(commune.outline), ST_YMin(commune.outline),
             ST_XMax(commune.outline), ST_YMax(commune.outline)] AS bounds
  FROM territory AS commune
  JOIN territory AS departement
    ON departement.level = 'departement' AND departement.code = commune.departement
  JOIN territory AS region ON region.level = 'region' AND region.code = commune.region
 WHERE commune.level = 'commune' AND commune.code = ANY(:codes)"""

HOLDERS = """
SELECT coalesce(holder.code, nearest.code) AS code,
       holder.code IS NULL AND nearest.code IS NOT NULL AS afloat
  FROM (SELECT ST_SetSRID(ST_MakePoint(lon, lat), 4326) AS point, place
          FROM unnest(CAST(:lons AS float8[]), CAST(:lats AS float8[]))
               WITH ORDINALITY AS given (lon, lat, place)) AS asked
  LEFT JOIN LATERAL ({holder}) AS holder ON true
  LEFT JOIN LATERAL (
       SELECT code
         FROM territory
        WHERE holder.code IS NULL AND level = 'commune'
          AND outline && ST_Expand(asked.point, 0.1)
          AND ST_DWithin(outline::geography, asked.point::geography, :metres)
        ORDER BY outline <-> asked.point
        LIMIT 1) AS nearest ON true
 ORDER BY asked.place"""

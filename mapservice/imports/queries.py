"""What an import reads from the database, the geocoder aside.

Names, centres and outlines of territories, and the points already imported from the same source.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from mapservice.imports.shared_points import (
    DEGREE_M,
    FARTHEST_MIDDLE_M,
    NEAR_MIDDLE_M,
    NEAR_MIDDLE_SHARE,
    NEAR_POINT_M,
    KnownCentre,
    PointSighting,
)
from mapservice.imports.streets import street_key

# Shapes wider than that (degrees) are asked of the départements, then of the régions: no commune
# could hold them.
WIDER_THAN_COMMUNES, WIDER_THAN_DEPARTEMENTS = 1.0, 3.0


@dataclass(frozen=True, slots=True)
class ShapePart:
    """What of a shape lies in one territory: `share` of all of its area, length or points."""

    code: str
    level: str
    epci: str | None
    departement: str | None
    region: str | None
    share: float


def territory_names(connection: Connection) -> Iterator[str]:
    """Names of all territories, those of former communes too."""
    statement = "SELECT name FROM territory UNION SELECT name FROM territory_alias"
    return (row.name for row in connection.execute(text(statement)))


def commune_codes(connection: Connection) -> Iterator[str]:
    """INSEE codes of communes, in small letters as `bare` leaves them."""
    statement = "SELECT lower(code) AS code FROM territory WHERE level = 'commune'"
    return (row.code for row in connection.execute(text(statement)))


def centres(connection: Connection) -> list[KnownCentre]:
    """The known point and the middle of each territory."""
    found = []
    for row in connection.execute(text(CENTRES)):
        size_m = row.size * DEGREE_M
        middle_m = min(max(NEAR_MIDDLE_M, NEAR_MIDDLE_SHARE * size_m), FARTHEST_MIDDLE_M)
        found += [
            KnownCentre(row.level, row.code, row.lon, row.lat, NEAR_POINT_M, "centre"),
            KnownCentre(row.level, row.code, row.middle_lon, row.middle_lat, middle_m, "middle"),
        ]
    return found


def kept_sightings(connection: Connection, platform: str) -> Iterator[PointSighting]:
    """The points of initiatives already imported from a source, believed or not."""
    rows = connection.execution_options(stream_results=True, yield_per=5_000).execute(
        text(KEPT), {"platform": platform}
    )
    for row in rows:
        street = street_key(row.address, row.city)
        yield PointSighting(row.lon, row.lat, row.source_id.partition("#")[0], row.title, street)


def shape_parts(connection: Connection, shapes: Sequence[str]) -> list[list[ShapePart]]:
    """For each shape (WKB in hexadecimal digits, EPSG:4326), in order, where its parts lie."""
    found: list[list[ShapePart]] = [[] for _ in shapes]
    bound = {
        "shapes": list(shapes),
        "communes": WIDER_THAN_COMMUNES,
        "departements": WIDER_THAN_DEPARTEMENTS,
    }
    for place, *part in connection.execute(text(SHAPE_PARTS), bound):
        found[place - 1].append(ShapePart(*part))
    return found


CENTRES = """
SELECT level, code, ST_X(point) AS lon, ST_Y(point) AS lat,
       ST_X(ST_Centroid(outline)) AS middle_lon, ST_Y(ST_Centroid(outline)) AS middle_lat,
       sqrt(ST_Area(outline) * cos(radians(ST_Y(point)))) AS size
  FROM territory"""

KEPT = """
SELECT initiative.source_id, initiative.title,
       (record.query ->> 'lon')::float8 AS lon, (record.query ->> 'lat')::float8 AS lat,
       coalesce(record.query ->> 'text', '') AS address,
       coalesce(record.query ->> 'city', '') AS city
  FROM initiative
  JOIN location_match AS record ON record.initiative = initiative.id
 WHERE initiative.source_platform = :platform AND initiative.source_id IS NOT NULL
   AND record.query ->> 'lon' IS NOT NULL AND record.query ->> 'lat' IS NOT NULL"""

# The part of a shape that has its own dimension is measured: areas, else lengths, else points.
SHAPE_PARTS = """
WITH asked AS (
    SELECT place, shape, ST_Dimension(shape) AS dimension,
           greatest(ST_XMax(shape) - ST_XMin(shape), ST_YMax(shape) - ST_YMin(shape)) AS extent
      FROM (SELECT place, ST_MakeValid(ST_GeomFromWKB(decode(given, 'hex'), 4326)) AS shape
              FROM unnest(CAST(:shapes AS text[])) WITH ORDINALITY AS read (given, place)) AS valid
     WHERE NOT ST_IsEmpty(shape)
), measured AS (
    SELECT asked.place, territory.code, territory.level, territory.epci, territory.departement,
           territory.region, dimension, shape,
           ST_CollectionExtract(ST_Intersection(territory.outline, shape), dimension + 1) AS part
      FROM asked
      JOIN territory
        ON ST_Intersects(territory.outline, shape)
       AND territory.level = CASE WHEN extent <= :communes THEN 'commune'
                                  WHEN extent <= :departements THEN 'departement'
                                  ELSE 'region' END
)
SELECT place, code, level, epci, departement, region,
       CASE dimension
            WHEN 2 THEN ST_Area(part) / nullif(ST_Area(ST_CollectionExtract(shape, 3)), 0)
            WHEN 1 THEN ST_Length(part) / nullif(ST_Length(ST_CollectionExtract(shape, 2)), 0)
            ELSE ST_NPoints(part)::float8 / nullif(ST_NPoints(ST_CollectionExtract(shape, 1)), 0)
       END AS share
  FROM measured
 WHERE NOT ST_IsEmpty(part)
 ORDER BY place, share DESC, code"""

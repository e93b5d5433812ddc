"""The boxes of territories: what part of somebody's archive they need."""

from sqlalchemy import Connection, text

# Of a region its départements: their boxes follow its outline closer than its own box. EPSG:4326.
BOXES = """
SELECT ST_XMin(outline), ST_YMin(outline), ST_XMax(outline), ST_YMax(outline)
  FROM territory
 WHERE CASE :level
       WHEN 'france' THEN level = 'departement'
       WHEN 'region' THEN level = 'departement' AND region = :code
       ELSE level = :level AND code = :code
       END
 ORDER BY code"""


def boxes_of(
    connection: Connection, level: str, code: str
) -> list[tuple[float, float, float, float]]:
    """West, south, east, north of each part of a territory; `level` may also be france."""
    rows = connection.execute(text(BOXES), {"level": level, "code": code})
    return [(row[0], row[1], row[2], row[3]) for row in rows]

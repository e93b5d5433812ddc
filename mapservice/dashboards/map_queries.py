"""What maps of coordination need beside figures: outlines, where communes are, what lies around."""

from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection, text

from mapservice.db.engine import fill
from mapservice.initiatives.grid import Tile
from mapservice.territories import epci_parts
from mapservice.territories.model import OUTLINE_ZOOMS, OVERSEAS, Level, TerritoryRef
from mapservice.territories.queries import kept_of
from mapservice.tiles.territory_queries import BUFFER, EXTENT, TerritoryLayer, shown

OUTLINES = """
SELECT ST_AsMVT(feature, 'areas', {extent}, 'geom')
  FROM (SELECT code,
               ST_AsMVTGeom(outline, ST_TileEnvelope({z}, {x}, {y}), {extent}, {buffer}, true)
                   AS geom
          FROM ({shown}) AS shown) AS feature
 WHERE geom IS NOT NULL"""


# Each overseas région in a square of its own, of so many units a side; y grows downwards.
SQUARE = 200
INSETS = """
WITH frame AS (
    SELECT region.code, region.name, ST_XMin(geom) + ST_XMax(geom) AS twice_x,
           ST_YMin(geom) + ST_YMax(geom) AS twice_y,
           greatest(ST_XMax(geom) - ST_XMin(geom), ST_YMax(geom) - ST_YMin(geom)) AS side
      FROM territory_outline AS shown
      JOIN territory AS region USING (level, code)
     WHERE level = 'region' AND zoom = 6 AND code = ANY(:overseas)
)
SELECT frame.code, frame.name, part.code AS part,
       ST_AsSVG(ST_TransScale(
           shown.geom, (side - twice_x) / 2, -(side + twice_y) / 2,
           {square} / side, {square} / side), 1, 0) AS path
  FROM frame
  JOIN territory AS part ON part.level = :level AND {parent} = frame.code
  JOIN territory_outline AS shown
    ON shown.level = part.level AND shown.code = part.code AND shown.zoom = 6
 ORDER BY frame.code, part.code"""


@dataclass(frozen=True, slots=True)
class OverseasInset:
    """An overseas région, which is one département too, and the outlines of its parts as SVG."""

    code: str
    name: str
    outlines: tuple[tuple[str, str], ...]


def insets(connection: Connection, by: Level) -> list[OverseasInset]:
    """What a map of France that is no map of the world shows beside it; made once per load."""

    def read(connection: Connection) -> list[OverseasInset]:
        parent = "part.code" if by is Level.REGION else "part.region"
        statement = fill(INSETS, {"square": str(SQUARE), "parent": parent})
        bound = {"level": str(by), "overseas": list(OVERSEAS)}
        rows = connection.execute(text(statement), bound).all()
        return [
            OverseasInset(code, name, tuple((row.part, row.path) for row in of))
            for (code, name), of in groupby(rows, lambda row: (row.code, row.name))
        ]

    return kept_of(connection).get(connection, (__name__, by), read)


# The parameter of outlines that names the territory in which EPCI show their part.
WITHIN = "within"

# EPCI of a département or a région that a tile meets: those that straddle by their part.
PARTS = """
    SELECT inside.code, {outline} AS outline
      FROM ({places}) AS inside
      JOIN ({shown}) AS whole USING (code)"""


def outlines_mvt(
    connection: Connection, tile: Tile, level: Level, within: TerritoryRef | None = None
) -> bytes:
    """All territories of a level that a tile meets, at any zoom, with their code alone.

    `within`, a département or a région: the EPCI there, and of those that straddle their part.
    """
    layer = TerritoryLayer("areas", level, 0, ("code",))
    numbers = {"z": str(tile.z), "x": str(tile.x), "y": str(tile.y)}
    sizes = {"extent": str(EXTENT), "buffer": str(BUFFER)}
    drawn = shown(layer, tile)
    if within is not None:
        inside = f"part.{within.level} = %(within)s"
        zoom = next((zoom for zoom in OUTLINE_ZOOMS if zoom >= tile.z), OUTLINE_ZOOMS[-1])
        texts = {
            "outline": epci_parts.outline("inside", zoom, inside, "whole.outline"),
            "places": epci_parts.places(inside),
            "shown": drawn,
        }
        drawn = fill(PARTS, texts)
    statement = fill(OUTLINES, {"shown": drawn} | numbers | sizes)
    bound = {"within": within.code} if within else {}
    return bytes(connection.exec_driver_sql(statement, bound).scalar_one())

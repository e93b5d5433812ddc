"""Writes a set of territories in one transaction: all of it, or nothing of it.

With them the events of communes, or those kept from an earlier load; initiatives follow their
commune (see `succession`).
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from psycopg import Connection as Driver
from psycopg import Cursor
from shapely import MultiPolygon
from sqlalchemy import Engine, text

from mapservice.db.engine import fill
from mapservice.territories.assemble import AssembledTerritories, wkb
from mapservice.territories.lineage.events import CommuneMovement
from mapservice.territories.lineage.model import CommuneLineage
from mapservice.territories.lineage.queries import event_rows, stored_movements
from mapservice.territories.lineage.succession import OpenCase, follow, take_stock
from mapservice.territories.model import OVERSEAS, Level, TerritorySet
from mapservice.territories.raster import mosaic
from mapservice.territories.sources.mouvements import former_aliases

Advance = Callable[[str, int], None]

LOAD_LOCK = 20100102
MOVEMENTS = "INSEE mouvements"
# The band of outlines that the picture of all communes is painted from.
MOSAIC_ZOOM = 6


def silent_advance(step: str, rows: int) -> None:
    """Shows nothing: for callers without a terminal."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load changed; `open_cases` is what it could not decide."""

    territories: int
    removed: int
    moved: int
    to_review: int
    open_cases: tuple[OpenCase, ...] = ()


def load(
    engine: Engine,
    source: TerritorySet,
    assembled: AssembledTerritories,
    advance: Advance = silent_advance,
    movements: Sequence[CommuneMovement] | None = None,
) -> LoadReport:
    """Swaps the territories for a new set. Idempotent; readers see the former set till the end.

    Without `movements`, the events of an earlier load are kept, and followed.
    """
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOAD_LOCK})
        known = stored_movements(connection) if movements is None else movements
        communes = (row for row in assembled.territories if row.level is Level.COMMUNE)
        lineage = CommuneLineage.of(
            known, {row.code: row.name for row in communes}, assembled.aliases, source.year
        )
        driver = connection.connection.driver_connection
        assert isinstance(driver, Driver), "the engine is made on psycopg"
        cursor = driver.cursor()

        # The new set waits beside the one in force, so that the two can be compared.
        cursor.execute(STAGE)
        with cursor.copy(COPY_STAGED) as copy:
            for row in assembled.territories:
                copy.write_row(
                    (
                        str(row.level),
                        row.code,
                        row.name,
                        row.article,
                        row.population,
                        list(row.postcodes),
                        row.epci,
                        row.departement,
                        row.region,
                        wkb(row.point, 4326),
                        wkb(row.outline, 4326),
                        wkb(row.outline_3857, 3857),
                        row.approximate,
                        source.year,
                        row.population_year,
                    )
                )
                advance("write territories", 1)
        if movements is not None:
            cursor.execute("DELETE FROM commune_event")
            with cursor.copy("COPY commune_event FROM STDIN") as copy:
                for event in event_rows(movements):
                    copy.write_row(event)
                    advance("write events of communes", 1)

        aliases = {
            (alias.kind, alias.code, alias.name, alias.commune): alias
            for alias in (*assembled.aliases, *former_aliases(lineage))
        }

        # From here to the end of the transaction nobody can add a support: whether a supporter
        # is local must be decided by one set of territories, not by two.
        cursor.execute("LOCK TABLE support IN SHARE ROW EXCLUSIVE MODE")
        former = take_stock(cursor)
        cursor.execute(UPSERT)
        cursor.execute("DELETE FROM territory_alias")
        with cursor.copy(COPY_ALIASES) as copy:
            for alias in aliases.values():
                copy.write_row(
                    (str(alias.kind), alias.code, alias.name, alias.commune, list(alias.postcodes))
                )
                advance("write former and associated communes", 1)
        followed = follow(cursor, lineage, former)
        cursor.execute(REMOVE)
        removed = cursor.rowcount
        for table in ("event", "local_group"):
            for statement in FOLLOW:
                cursor.execute(fill(statement, {"table": table}).encode())

        # What is drawn is made anew from the set now in force.
        cursor.execute("DELETE FROM territory_outline")
        with cursor.copy("COPY territory_outline (level, code, zoom, geom) FROM STDIN") as copy:
            for drawn in assembled.outlines:
                copy.write_row((str(drawn.level), drawn.code, drawn.zoom, wkb(drawn.geom, 3857)))
                advance("write simplified outlines", 1)
        cursor.execute("SELECT territory_parts_refresh()")
        _draw_mosaic(cursor, assembled)
        for table in ("initiative", "event", "local_group"):
            cursor.execute(fill(REFRESH, {"table": table}).encode())
        cursor.close()
        name = f"{source.source} + {MOVEMENTS}" if lineage.events else source.source
        label = {"source": name, "licence": source.licence, "year": source.year}
        connection.execute(text(LOADED), label)

    # VACUUM cannot run inside a transaction.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in VACUUMED:
            connection.execute(text(f"VACUUM ANALYZE {table}"))
    return LoadReport(
        territories=len(assembled.territories),
        removed=removed,
        moved=followed.moved,
        to_review=followed.to_review,
        open_cases=followed.open_cases,
    )


def _draw_mosaic(cursor: Cursor[tuple[object, ...]], assembled: AssembledTerritories) -> None:
    """Metropolitan France is one picture, each région overseas another."""
    drawn = {
        row.code: row.geom
        for row in assembled.outlines
        if row.level is Level.COMMUNE and row.zoom == MOSAIC_ZOOM
    }
    regions = {row.code: row.region for row in assembled.territories if row.level is Level.COMMUNE}
    pictures: dict[str, dict[int, MultiPolygon]] = defaultdict(dict)
    for number, code in enumerate(sorted(drawn)):
        region = regions[code]
        pictures[region if region in OVERSEAS else ""][number] = drawn[code]
    content = mosaic(pictures, len(drawn))
    cursor.execute("DELETE FROM territory_mosaic")
    cursor.execute(
        "INSERT INTO territory_mosaic (level, content) VALUES ('commune', %s)", (content,)
    )


COPY_STAGED = """
COPY staged (level, code, name, article, population, postcodes, epci, departement, region, point,
             outline, outline_3857, approximate, cog_year, population_year) FROM STDIN"""

COPY_ALIASES = """
COPY territory_alias (kind, code, name, commune, postcodes) FROM STDIN"""

VACUUMED = (
    "territory",
    "territory_outline",
    "territory_alias",
    "commune_event",
    "epci_part",
    "epci_part_outline",
)

LOADED = """
INSERT INTO territory_load (source, licence, cog_year) VALUES (:source, :licence, :year)"""

STAGE = """
CREATE TEMPORARY TABLE staged (LIKE territory INCLUDING DEFAULTS) ON COMMIT DROP"""

UPSERT = """
INSERT INTO territory AS kept
SELECT * FROM staged
    ON CONFLICT (level, code) DO UPDATE
   SET (name, article, population, postcodes, epci, departement, region, point, outline,
        outline_3857, approximate, cog_year, population_year)
     = (excluded.name, excluded.article, excluded.population, excluded.postcodes, excluded.epci,
        excluded.departement, excluded.region, excluded.point, excluded.outline,
        excluded.outline_3857, excluded.approximate, excluded.cog_year, excluded.population_year)
 WHERE (kept.name, kept.article, kept.population, kept.postcodes, kept.epci, kept.departement,
        kept.region, kept.approximate, kept.cog_year, kept.population_year)
       IS DISTINCT FROM
       (excluded.name, excluded.article, excluded.population, excluded.postcodes, excluded.epci,
        excluded.departement, excluded.region, excluded.approximate, excluded.cog_year,
        excluded.population_year)
    OR ST_AsBinary(kept.point) <> ST_AsBinary(excluded.point)
    OR ST_AsBinary(kept.outline) <> ST_AsBinary(excluded.outline)"""

REMOVE = """
DELETE FROM territory
 USING gone WHERE territory.level = gone.level AND territory.code = gone.code"""

# Parents or label points may have changed under what stayed where it was.
REFRESH = """
UPDATE {table} AS placed
   SET precision = placed.precision
  FROM territory AS place
 WHERE place.level = CASE placed.precision WHEN 'point' THEN 'commune' ELSE placed.precision END
   AND place.code = CASE placed.precision WHEN 'epci' THEN placed.epci
                         WHEN 'departement' THEN placed.departement
                         WHEN 'region' THEN placed.region ELSE placed.commune END
   AND ((placed.point IS NULL AND NOT ST_Equals(placed.anchor, place.point))
     OR (place.level = 'commune' AND placed.epci IS DISTINCT FROM place.epci)
     OR (place.level IN ('commune', 'epci')
         AND placed.departement IS DISTINCT FROM place.departement)
     OR (place.level <> 'region' AND placed.region IS DISTINCT FROM place.region))"""

# Events and groups go to the commune that theirs became part of; where there is none, to the
# département.
FOLLOW = (
    """
UPDATE {table} AS placed SET commune = heir.commune
  FROM (SELECT code, min(commune) AS commune FROM territory_alias
         WHERE kind IN ('former', 'deleguee', 'associee')
         GROUP BY code HAVING count(DISTINCT commune) = 1) AS heir
 WHERE placed.precision IN ('point', 'commune') AND heir.code = placed.commune
   AND NOT EXISTS (SELECT FROM territory
                    WHERE territory.level = 'commune' AND territory.code = placed.commune)""",
    """
UPDATE {table} AS placed
   SET precision = CASE WHEN departement IS NOT NULL THEN 'departement'
                        WHEN region IS NOT NULL THEN 'region' ELSE 'none' END,
       point = NULL, commune = NULL, epci = NULL
 WHERE precision IN ('point', 'commune', 'epci')
   AND NOT EXISTS (SELECT FROM territory
                    WHERE territory.level = CASE placed.precision WHEN 'epci' THEN 'epci'
                                                 ELSE 'commune' END
                      AND territory.code = CASE placed.precision WHEN 'epci' THEN placed.epci
                                                ELSE placed.commune END)""",
)

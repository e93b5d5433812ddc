"""Writes a set of territories in one transaction: all of it, or nothing of it.

Initiatives follow: those of communes that are no more are placed anew by their point, else by
the commune's successor, else shown no finer than their département and put up for review.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from psycopg import Connection as Driver
from psycopg import Cursor
from sqlalchemy import Connection, Engine, text

from mapservice.territories.assemble import Assembled, OutlineRow, TerritoryRow, wkb
from mapservice.territories.model import AliasRecord, TerritorySet

Advance = Callable[[str, int], None]

LOAD_LOCK = 20100102


def silent_advance(step: str, rows: int) -> None:
    """Shows nothing: for callers without a terminal."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load changed."""

    territories: int
    removed: int
    moved: int
    to_review: int


def load(
    engine: Engine,
    source: TerritorySet,
    assembled: Assembled,
    advance: Advance = silent_advance,
) -> LoadReport:
    """Swaps the territories for a new set. Idempotent; readers see the former set till the end."""
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOAD_LOCK})
        driver = connection.connection.driver_connection
        assert isinstance(driver, Driver), "the engine is made on psycopg"
        with driver.cursor() as cursor:
            cursor.execute(STAGE)
            _copy_territories(cursor, assembled.territories, source.year, advance)
            cursor.execute(UPSERT)
            _copy_aliases(cursor, assembled.aliases, advance)
            moved, to_review = _follow(cursor)
            cursor.execute(REMOVE)
            removed = cursor.rowcount
            _copy_outlines(cursor, assembled.outlines, advance)
            cursor.execute(REFRESH)
        connection.execute(
            text(
                "INSERT INTO territory_load (source, licence, cog_year)"
                " VALUES (:source, :licence, :year)"
            ),
            {"source": source.source, "licence": source.licence, "year": source.year},
        )
    _analyse(engine)
    return LoadReport(len(assembled.territories), removed, moved, to_review)


def _follow(cursor: Cursor[tuple[object, ...]]) -> tuple[int, int]:
    """Places anew what lay in communes that are no more; returns how many, and how many waiting."""
    cursor.execute(GONE)
    cursor.execute(BY_POINT)
    moved = cursor.rowcount
    cursor.execute(BY_SUCCESSOR)
    moved += cursor.rowcount
    cursor.execute(TO_DEPARTEMENT)
    to_review = cursor.rowcount
    cursor.execute(AWAIT_REVIEW)
    return moved, to_review


def _copy_territories(
    cursor: Cursor[tuple[object, ...]], rows: Iterable[TerritoryRow], year: int, advance: Advance
) -> None:
    with cursor.copy(
        "COPY staged (level, code, name, article, population, postcodes, epci, departement, region,"
        " point, outline, outline_3857, approximate, cog_year) FROM STDIN"
    ) as copy:
        for row in rows:
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
                    year,
                )
            )
            advance("write territories", 1)


def _copy_aliases(
    cursor: Cursor[tuple[object, ...]], rows: Iterable[AliasRecord], advance: Advance
) -> None:
    cursor.execute("DELETE FROM territory_alias")
    unique = {(row.kind, row.code, row.name, row.commune): row for row in rows}
    with cursor.copy(
        "COPY territory_alias (kind, code, name, commune, postcodes) FROM STDIN"
    ) as copy:
        for row in unique.values():
            copy.write_row((str(row.kind), row.code, row.name, row.commune, list(row.postcodes)))
            advance("write former and associated communes", 1)


def _copy_outlines(
    cursor: Cursor[tuple[object, ...]], rows: Iterable[OutlineRow], advance: Advance
) -> None:
    cursor.execute("DELETE FROM territory_outline")
    with cursor.copy("COPY territory_outline (level, code, zoom, geom) FROM STDIN") as copy:
        for row in rows:
            copy.write_row((str(row.level), row.code, row.zoom, wkb(row.geom, 3857)))
            advance("write simplified outlines", 1)


def _analyse(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _vacuum(connection)


def _vacuum(connection: Connection) -> None:
    for table in ("territory", "territory_outline", "territory_alias"):
        connection.execute(text(f"VACUUM ANALYZE {table}"))


STAGE = """
CREATE TEMPORARY TABLE staged (LIKE territory INCLUDING DEFAULTS) ON COMMIT DROP"""

UPSERT = """
INSERT INTO territory AS kept
SELECT * FROM staged
    ON CONFLICT (level, code) DO UPDATE
   SET (name, article, population, postcodes, epci, departement, region, point, outline,
        outline_3857, approximate, cog_year)
     = (excluded.name, excluded.article, excluded.population, excluded.postcodes, excluded.epci,
        excluded.departement, excluded.region, excluded.point, excluded.outline,
        excluded.outline_3857, excluded.approximate, excluded.cog_year)
 WHERE (kept.name, kept.article, kept.population, kept.postcodes, kept.epci, kept.departement,
        kept.region, kept.approximate, kept.cog_year)
       IS DISTINCT FROM
       (excluded.name, excluded.article, excluded.population, excluded.postcodes, excluded.epci,
        excluded.departement, excluded.region, excluded.approximate, excluded.cog_year)
    OR ST_AsBinary(kept.point) <> ST_AsBinary(excluded.point)
    OR ST_AsBinary(kept.outline) <> ST_AsBinary(excluded.outline)"""

# What no longer exists, with the parents that it had.
GONE = """
CREATE TEMPORARY TABLE gone ON COMMIT DROP AS
SELECT level, code, departement, region
  FROM territory
 WHERE NOT EXISTS (SELECT FROM staged
                    WHERE staged.level = territory.level AND staged.code = territory.code)"""

BY_POINT = """
UPDATE initiative
   SET commune = today.code
  FROM gone, territory AS today
 WHERE gone.level = 'commune' AND initiative.commune = gone.code AND initiative.point IS NOT NULL
   AND today.level = 'commune' AND ST_Intersects(today.outline, initiative.point)
   AND NOT EXISTS (SELECT FROM gone AS other
                    WHERE other.level = 'commune' AND other.code = today.code)"""

# Only where there is exactly one successor; the point, if any, lies outside every outline.
BY_SUCCESSOR = """
UPDATE initiative
   SET commune = successor.commune, precision = 'commune', point = NULL
  FROM (SELECT alias.code, min(alias.commune) AS commune
          FROM territory_alias AS alias
          JOIN gone ON gone.level = 'commune' AND gone.code = alias.code
         GROUP BY alias.code HAVING count(DISTINCT alias.commune) = 1) AS successor
 WHERE initiative.commune = successor.code"""

TO_DEPARTEMENT = """
UPDATE initiative
   SET precision = CASE WHEN parent.code IS NULL THEN 'none' ELSE 'departement' END,
       departement = parent.code, point = NULL, commune = NULL, epci = NULL
  FROM gone
  LEFT JOIN territory AS parent ON parent.level = 'departement' AND parent.code = gone.departement
 WHERE (gone.level = 'commune' AND initiative.commune = gone.code)
    OR (gone.level = 'epci' AND initiative.precision = 'epci' AND initiative.epci = gone.code)"""

AWAIT_REVIEW = """
UPDATE location_match
   SET review = 'waiting', decided_by = NULL, decided_at = NULL,
       reason = 'its commune is no more, and no successor is known'
  FROM initiative
 WHERE initiative.id = location_match.initiative AND initiative.commune IS NULL
   AND location_match.precision IN ('point', 'commune') AND location_match.review <> 'waiting'
   AND EXISTS (SELECT FROM gone WHERE gone.level = 'commune')"""

REMOVE = """
DELETE FROM territory
 USING gone WHERE territory.level = gone.level AND territory.code = gone.code"""

# Parents or label points may have changed under initiatives that stayed where they were.
REFRESH = """
UPDATE initiative
   SET precision = initiative.precision
  FROM territory AS place
 WHERE place.level = CASE initiative.precision WHEN 'point' THEN 'commune'
                          ELSE initiative.precision END
   AND place.code = CASE initiative.precision WHEN 'epci' THEN initiative.epci
                         WHEN 'departement' THEN initiative.departement
                         WHEN 'region' THEN initiative.region ELSE initiative.commune END
   AND ((initiative.point IS NULL AND NOT ST_Equals(initiative.anchor, place.point))
     OR (place.level = 'commune'
         AND (initiative.epci, initiative.departement, initiative.region)
             IS DISTINCT FROM (place.epci, place.departement, place.region)))"""

"""The gazetteer's entries, from the territories in force; points located in their outlines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from mapservice.db.engine import fill
from mapservice.geocoding.model import GazetteerEntry
from mapservice.territories.queries import HOLDER


@dataclass(frozen=True, slots=True)
class PointFound:
    """Where a point lies: `commune` None at sea or abroad.

    `named_km` is the distance to the outline of the commune that was named beside it, in
    kilometres; None when none was named or it is unknown.
    """

    commune: str | None
    departement: str | None
    epci: str | None
    named_km: float | None


def places(connection: Connection) -> Iterator[GazetteerEntry]:
    """One entry for each commune, then one for each alias, with the names of their parents.

    Entries share their texts: each stands in memory once, though thousands name one région.
    """
    kept: dict[str, str] = {}
    for row in connection.execute(text(PLACES)):
        values: dict[str, Any] = {
            name: kept.setdefault(value, value) if isinstance(value, str) else value
            for name, value in row._mapping.items()
        }
        postcodes = tuple(kept.setdefault(code, code) for code in row.postcodes)
        yield GazetteerEntry(**{**values, "postcodes": postcodes})


def epci_names(connection: Connection) -> Iterator[tuple[str, str]]:
    """Code and name of each EPCI."""
    rows = connection.execute(text("SELECT code, name FROM territory WHERE level = 'epci'"))
    return ((row.code, row.name) for row in rows)


def locate_points(
    connection: Connection, asked: Sequence[tuple[float, float, str]]
) -> list[PointFound]:
    """For each (lon, lat, named commune or ""), EPSG:4326, in order: one statement for all."""
    rows = connection.execute(
        text(LOCATE),
        {
            "lons": [lon for lon, _, _ in asked],
            "lats": [lat for _, lat, _ in asked],
            "named": [named for _, _, named in asked],
        },
    )
    return [PointFound(*row) for row in rows]


PLACES = """
SELECT commune.name, 'commune' AS kind, commune.code, commune.code AS commune,
       commune.name AS commune_name, commune.departement, departement.name AS departement_name,
       commune.region, region.name AS region_name,
       coalesce(commune.population, 0) AS population, commune.postcodes,
       ST_X(commune.point) AS lon, ST_Y(commune.point) AS lat,
       commune.population IS NOT NULL AS population_known, commune.population_year
  FROM territory AS commune
  JOIN territory AS departement
    ON departement.level = 'departement' AND departement.code = commune.departement
  JOIN territory AS region ON region.level = 'region' AND region.code = commune.region
 WHERE commune.level = 'commune'
 UNION ALL
SELECT alias.name, alias.kind, alias.code, commune.code,
       commune.name, commune.departement, departement.name,
       commune.region, region.name, coalesce(commune.population, 0), alias.postcodes,
       ST_X(commune.point), ST_Y(commune.point),
       commune.population IS NOT NULL, commune.population_year
  FROM territory_alias AS alias
  JOIN territory AS commune ON commune.level = 'commune' AND commune.code = alias.commune
  JOIN territory AS departement
    ON departement.level = 'departement' AND departement.code = commune.departement
  JOIN territory AS region ON region.level = 'region' AND region.code = commune.region
 ORDER BY kind, code, commune, name"""

LOCATE = fill(
    """
SELECT holder.code, holder.departement, holder.epci,
       CASE WHEN named.code IS NOT NULL
            THEN ST_Distance(named.outline::geography, asked.point::geography) / 1000 END
  FROM (SELECT ST_SetSRID(ST_MakePoint(lon, lat), 4326) AS point, named, place
          FROM unnest(CAST(:lons AS float8[]), CAST(:lats AS float8[]), CAST(:named AS text[]))
               WITH ORDINALITY AS given (lon, lat, named, place)) AS asked
  LEFT JOIN LATERAL ({holder}) AS holder ON true
  LEFT JOIN territory AS named
    ON named.level = 'commune' AND named.code = asked.named
   AND named.code IS DISTINCT FROM holder.code
 ORDER BY asked.place""",
    {"holder": HOLDER},
)

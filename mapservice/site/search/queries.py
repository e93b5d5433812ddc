"""Territories above the commune as entries of the search, read from those in force."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from mapservice.site.search.model import PlaceEntry
from mapservice.territories.model import Level


def areas(connection: Connection) -> Iterator[PlaceEntry]:
    """Each région, département and EPCI, with the names of what it lies in."""
    for row in connection.execute(text(AREAS)):
        yield PlaceEntry(
            level=Level(row.level),
            code=row.code,
            name=row.name,
            population=row.population or 0,
            around=tuple(row.around or ()),
            departements=frozenset(row.departements or ()),
            region=row.region or "",
        )


def epci_of_communes(connection: Connection) -> dict[str, str]:
    """The EPCI of each commune that is in one."""
    rows = connection.execute(
        text("SELECT code, epci FROM territory WHERE level = 'commune' AND epci IS NOT NULL")
    )
    kept: dict[str, str] = {}
    return {code: kept.setdefault(epci, epci) for code, epci in rows}


# An EPCI lies in the départements of its communes, the one with most of its inhabitants first.
AREAS = """
SELECT area.level, area.code, area.name, area.population, area.region,
       CASE area.level
            WHEN 'departement' THEN ARRAY[region.name]
            WHEN 'epci' THEN within.names END AS around,
       CASE area.level
            WHEN 'departement' THEN ARRAY[area.code]
            WHEN 'epci' THEN within.codes END AS departements
  FROM territory AS area
  LEFT JOIN territory AS region ON region.level = 'region' AND region.code = area.region
  LEFT JOIN (SELECT epci, array_agg(name ORDER BY people DESC, code) AS names,
                    array_agg(code ORDER BY people DESC, code) AS codes
               FROM (SELECT commune.epci, departement.code, departement.name,
                            sum(commune.population) AS people
                       FROM territory AS commune
                       JOIN territory AS departement
                         ON departement.level = 'departement'
                        AND departement.code = commune.departement
                      WHERE commune.level = 'commune' AND commune.epci IS NOT NULL
                      GROUP BY 1, 2, 3) AS parts
              GROUP BY epci) AS within
    ON area.level = 'epci' AND within.epci = area.code
 WHERE area.level IN ('region', 'departement', 'epci')
 ORDER BY area.level, area.code"""

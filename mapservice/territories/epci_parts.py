"""EPCI within a département or a région, as SQL: of one that straddles, the part that lies there.

An EPCI lies in every département in which it has a commune (`epci_part`). What a wider territory
lists of it is that part, counted by its communes; so that the rows of a territory add up to it.
"""

from mapservice.db.engine import fill

# Each EPCI that has a commune inside, with what it has there.
PARTS = """
    SELECT part.epci AS code, sum(part.communes) AS communes,
           CAST(sum(part.population) AS integer) AS population,
           CASE WHEN min(part.population_year) = max(part.population_year)
                 AND count(part.population) = count(part.population_year)
                THEN min(part.population_year) END AS population_year,
           CASE WHEN min(part.departement) = max(part.departement)
                THEN min(part.departement) END AS departement,
           CASE WHEN min(part.region) = max(part.region) THEN min(part.region) END AS region
      FROM epci_part AS part
     WHERE {inside}
     GROUP BY part.epci"""

PLACES = """
    SELECT own.level, own.code, own.name, own.article, part.population, part.population_year,
           part.departement, part.region,
           part.communes < (SELECT sum(every.communes) FROM epci_part AS every
                             WHERE every.epci = part.code) AS partial
      FROM ({parts}) AS part
      JOIN territory AS own ON own.level = 'epci' AND own.code = part.code"""

# Near ones have no other outline than the nearest simplified one.
OUTLINE = """
    CASE WHEN {place}.partial
         THEN (SELECT ST_Multi(ST_Union(piece.geom))
                 FROM epci_part_outline AS piece JOIN epci_part AS part USING (epci, departement)
                WHERE piece.zoom = {zoom} AND piece.epci = {place}.code AND {inside})
         ELSE {whole} END"""


def places(inside: str) -> str:
    """SQL of the EPCI inside, each with its part: level, code, name, article, population, its year,
    département and région where it has one, `partial`. `inside`: a condition on `part`.
    """
    return fill(PLACES, {"parts": fill(PARTS, {"inside": inside})})


def outline(place: str, zoom: int, inside: str, whole: str) -> str:
    """SQL of an outline, EPSG:3857: of the part where `place` is one, else `whole`."""
    texts = {"place": place, "zoom": str(zoom), "inside": inside, "whole": whole}
    return fill(OUTLINE, texts)

"""Which names a tile of territories carries: candidates, of which a map shows what it has room for.

At every zoom the towns that people know a place by are there: the seats of régions and
départements, all communes of some size, and the largest of each small square, so that no part of
France is without a name. A map that puts names between its markers needs more candidates than it
shows.
"""

import tomllib
from dataclasses import dataclass
from functools import cache

from mapservice.db.engine import fill
from mapservice.settings import asset_folder

LABEL_FIELDS = ("level", "code", "name", "population", "seat")


@dataclass(frozen=True, slots=True)
class CommuneNames:
    """From `first_zoom` on: communes of `population` or more, and the `each` largest of each of the
    8 x 8 squares of a tile, if they have `least` inhabitants."""

    first_zoom: int
    population: int
    each: int
    least: int


# Those of more than 20,000 inhabitants are all there from zoom 6 on.
COMMUNE_NAMES = (
    CommuneNames(3, 700_000, 0, 0),
    CommuneNames(4, 400_000, 0, 0),
    CommuneNames(5, 100_000, 1, 20_000),
    CommuneNames(6, 20_000, 1, 5_000),
    CommuneNames(7, 10_000, 1, 1_500),
    CommuneNames(8, 3_500, 1, 200),
    CommuneNames(9, 1_200, 2, 0),
    CommuneNames(10, 400, 3, 0),
    CommuneNames(11, 0, 64, 0),
)
# Names of régions up to this zoom; those of départements between these.
LAST_REGIONS = 6
DEPARTEMENTS = (6, 8)
# Seats of départements are named from this zoom on, those of régions wherever communes are.
DEPARTEMENT_SEATS = 6
STEPS = 8

# `{envelope}` is what is shown (EPSG:3857), `{wider}` all of the squares at its edge too: how large
# a commune is in its square must not depend on the tile that asks.
WIDER_TERRITORIES = """
    SELECT level, code, name, population, NULL::text AS seat,
           ST_Transform(point, 3857) AS point
      FROM territory
     WHERE level IN ({levels})
       AND point && ST_Transform({envelope}, 4326)"""
COMMUNES = """
    SELECT 'commune' AS level, code, name, population, seat, point
      FROM (SELECT *, row_number() OVER (
                       PARTITION BY floor(ST_X(point) / {square}), floor(ST_Y(point) / {square})
                       ORDER BY population DESC NULLS LAST, code) AS place
              FROM (SELECT code, name, population, {seat} AS seat,
                           ST_Transform(point, 3857) AS point
                      FROM territory
                     WHERE level = 'commune'
                       AND (coalesce(population, 0) >= {considered} OR {seat} IS NOT NULL)
                       AND point && ST_Transform({wider}, 4326)
                   ) AS considered) AS ranked
     WHERE ({which})
       AND point && {envelope}"""

WORLD = 40_075_016.685578488  # metres of EPSG:3857 from edge to edge


def labels(zoom: int, envelope: str, wider: str) -> str:
    """SQL of what a map of that zoom may name: LABEL_FIELDS, and `point` in EPSG:3857.

    Both are SQL of boxes in EPSG:3857: what is shown, and a square (`square_of`) more on each side.
    """
    parts = []
    levels = ["'region'"] if zoom <= LAST_REGIONS else []
    levels += ["'departement'"] if DEPARTEMENTS[0] <= zoom <= DEPARTEMENTS[1] else []
    if levels:
        parts.append(fill(WIDER_TERRITORIES, {"levels": ", ".join(levels)}))
    rule = next((one for one in reversed(COMMUNE_NAMES) if zoom >= one.first_zoom), None)
    if rule:
        parts.append(_communes(zoom, rule))
    return fill(" UNION ALL ".join(parts), {"envelope": envelope, "wider": wider})


def square_of(zoom: int) -> float:
    """Side of the squares of which each has its own largest communes, in metres of EPSG:3857."""
    return WORLD / float(2**zoom) / STEPS


def _communes(zoom: int, rule: CommuneNames) -> str:
    which = [f"population >= {rule.population}", "seat = 'region'"]
    which += ["seat = 'departement'"] if zoom >= DEPARTEMENT_SEATS else []
    if rule.each:
        which.append(f"place <= {rule.each} AND coalesce(population, 0) >= {rule.least}")
    texts = {
        "which": " OR ".join(which),
        "seat": _seat(),
        "considered": str(min(rule.population, rule.least) if rule.each else rule.population),
        "square": repr(square_of(zoom)),
    }
    return fill(COMMUNES, texts)


@cache
def _seat() -> str:
    regional, departmental = prefectures()
    among = [
        (", ".join(f"'{code}'" for code in sorted(codes)), kind)
        for codes, kind in ((regional, "region"), (departmental, "departement"))
    ]
    cases = " ".join(f"WHEN code IN ({codes}) THEN '{kind}'" for codes, kind in among)
    return f"CASE {cases} END"


@cache
def prefectures() -> tuple[frozenset[str], frozenset[str]]:
    """Codes of the communes that are seats of régions, and of départements."""
    content = (asset_folder("geodata") / "prefectures.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(content)
    return frozenset(tables["region"].values()), frozenset(tables["departement"].values())

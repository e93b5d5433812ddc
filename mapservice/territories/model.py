"""Territories as plain values: what a source yields and what a query returns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shapely import Geometry, Point


class Level(StrEnum):
    """Official levels, from the smallest to the largest."""

    COMMUNE = "commune"
    EPCI = "epci"
    DEPARTEMENT = "departement"
    REGION = "region"


# Guadeloupe, Martinique, Guyane, La Réunion, Mayotte: codes of régions.
OVERSEAS = ("01", "02", "03", "04", "06")

# Zooms at which simplified outlines are kept; a nearer zoom gets the full ones.
OUTLINE_ZOOMS = (4, 6, 8, 10)


@dataclass(frozen=True, slots=True, order=True)
class TerritoryRef:
    """Names one territory: `commune:35238`. It may or may not exist."""

    level: Level
    code: str

    def __str__(self) -> str:
        return f"{self.level}:{self.code}"


class AliasKind(StrEnum):
    """Why another code or name stands for a commune."""

    ASSOCIEE = "associee"
    DELEGUEE = "deleguee"
    ARRONDISSEMENT = "arrondissement"
    FORMER = "former"


@dataclass(frozen=True, slots=True)
class CommuneRecord:
    """One commune as a source describes it.

    `name` carries its article ("L'Haÿ-les-Roses"), `article` is that article alone ("L'"),
    or "". `population` is None where the source does not know it, `population_year` the year that
    it is of, None where the source does not say. `epci` is None where the commune
    belongs to none (four islands). `town_hall` and `outline` are in EPSG:4326, lon/lat; either
    may be None where the source lacks it, and a town hall may lie outside the outline.
    """

    code: str
    name: str
    article: str
    population: int | None
    postcodes: tuple[str, ...]
    epci: str | None
    departement: str
    town_hall: Point | None
    outline: Geometry | None
    outline_approximate: bool = False
    population_year: int | None = None


@dataclass(frozen=True, slots=True)
class AliasRecord:
    """Another code or name of a commune: déléguée, associée, arrondissement or former one.

    `code` may be the commune's own: then the name differs. `town_hall` and `outline` are in
    EPSG:4326, and serve to mend the outline of a commune that lacks its own.
    """

    code: str
    name: str
    kind: AliasKind
    commune: str
    postcodes: tuple[str, ...] = ()
    town_hall: Point | None = None
    outline: Geometry | None = None


@dataclass(frozen=True, slots=True)
class ParentRecord:
    """An EPCI, a département or a région: code, name, and its own parent where it has one.

    `name` is INSEE's label, without article ("Ain"); `article` alone ("L'") serves phrases.
    `parent` is the région's code for a département, else None (an EPCI may cross départements).
    """

    level: Level
    code: str
    name: str
    article: str = ""
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class TerritorySet:
    """Everything one source holds, for one year of the official code (COG).

    `land` (EPSG:4326) is all the French ground that the source knows of by a coarser division,
    where it has one: it tells a hole to fill from a foreign enclave or a lagoon.
    """

    source: str
    licence: str
    year: int
    communes: Sequence[CommuneRecord]
    parents: Sequence[ParentRecord]
    aliases: Sequence[AliasRecord]
    land: Geometry | None = None


@dataclass(frozen=True, slots=True)
class ParentTerritory:
    """A territory above the commune, as it is offered."""

    level: Level
    code: str
    name: str


def vintage(years: Iterable[int | None]) -> str:
    """The year of some populations, or the first and the last: "2023", "2017–2023"; "" for none."""
    known = sorted({year for year in years if year})
    return f"{known[0]}–{known[-1]}" if len(known) > 1 else "".join(map(str, known))

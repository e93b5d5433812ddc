"""Territories as plain values: what a source yields and what a query returns."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shapely import Geometry, Point

from mapservice.i18n import LANGUAGE


class Level(StrEnum):
    """Official levels, from the smallest to the largest."""

    COMMUNE = "commune"
    EPCI = "epci"
    DEPARTEMENT = "departement"
    REGION = "region"


# Guadeloupe, Martinique, Guyane, La Réunion, Mayotte: codes of régions.
OVERSEAS = ("01", "02", "03", "04", "06")

# West, south, east, north of metropolitan France, in degrees.
METROPOLITAN = (-5.2, 41.3, 9.7, 51.2)

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


# --- Names of French places with their article ---------------------------------------------------

# INSEE, code officiel géographique, variable TNCC. 1 is a name in a vowel or mute h: "d'Angers".
ARTICLES = {
    "0": "",
    "1": "",
    "2": "Le",
    "3": "La",
    "4": "Les",
    "5": "L'",
    "6": "Aux",
    "7": "Las",
    "8": "Los",
}

# The article that a label begins with: "Les Essarts", "L'Oie", yet not "Le-Vaudreuil".
_LEADING_ARTICLE = re.compile(r"(?:(Le|La|Les|Las|Los|Aux) |(L['’]))(?=\S)")

_CONTRACTED_AT = {"Le": "au", "Les": "aux"}
_CONTRACTED_OF = {"Le": "du", "Les": "des"}
_VOWELS = "aàâäeéèêëiîïoôöuùûüyœæ"


def article_of(tncc: str) -> str:
    """The article alone ("La", "L'", or ""). Raises KeyError for a code INSEE doesn't define."""
    return ARTICLES[tncc]


def with_article(article: str, name: str) -> str:
    """ "L'" + "Haÿ-les-Roses" → "L'Haÿ-les-Roses"; "La" + "Rochelle" → "La Rochelle"."""
    return f"{article}{name}" if article in ("", "L'") else f"{article} {name}"


def leading_article(name: str) -> str:
    """The article that a full label begins with: "Les Essarts" → "Les", "Rennes" → ""."""
    match = _LEADING_ARTICLE.match(name)
    return (match.group(1) or "L'") if match else ""


def without_article(name: str) -> str:
    """ "L'Oie" → "Oie"; "Rennes" → "Rennes"."""
    return _LEADING_ARTICLE.sub("", name, count=1)


def at_commune(name: str, article: str) -> str:
    """ "à La Rochelle", "au Mans", "aux Sables-d'Olonne"; `name` carries its article."""
    if _in_english():
        return f"in {name}"
    if article in _CONTRACTED_AT:
        return f"{_CONTRACTED_AT[article]} {_bare(name, article)}"
    return f"à {name}"


def of_commune(name: str, article: str) -> str:
    """ "de La Rochelle", "du Mans", "des Sables-d'Olonne", "d'Angers"; `name` with its article."""
    if _in_english():
        return f"of {name}"
    if article in _CONTRACTED_OF:
        return f"{_CONTRACTED_OF[article]} {_bare(name, article)}"
    return f"d'{name}" if name[:1].lower() in _VOWELS else f"de {name}"


def _in_english() -> bool:
    return LANGUAGE.get() == "en"


def _bare(name: str, article: str) -> str:
    return name.removeprefix(article).lstrip()


# Said with "à", as towns and islands are.
_LIKE_TOWNS = frozenset({"Paris", "Mayotte", "La Réunion", "Saint-Pierre-et-Miquelon"})
# Feminine names that usage says with a bare "en", as it says countries; others keep the article.
# fmt: off
_LIKE_COUNTRIES = frozenset({
    "Charente", "Charente-Maritime", "Corrèze", "Corse-du-Sud", "Côte-d'Or", "Dordogne", "Gironde",
    "Guadeloupe", "Guyane", "Haute-Corse", "Haute-Garonne", "Haute-Loire", "Haute-Marne",
    "Haute-Saône", "Haute-Savoie", "Haute-Vienne", "Loire-Atlantique", "Lozère", "Martinique",
    "Mayenne", "Moselle", "Savoie", "Seine-Maritime", "Seine-Saint-Denis", "Vendée",
})
# fmt: on


def in_departement(name: str, article: str) -> str:
    """ "dans l'Ain", "dans les Landes", "en Ille-et-Vilaine"; `name` without its article."""
    if _in_english():
        return f"in {name}"
    if name in _LIKE_TOWNS:
        return f"à {name}"
    if not article or name in _LIKE_COUNTRIES:
        return f"en {name}"
    return f"dans {with_article(article.lower(), name)}" if article != "L'" else f"dans l'{name}"


def in_region(name: str, article: str) -> str:
    """ "en Bretagne", "dans les Hauts-de-France", "à La Réunion"; `name` without its article."""
    if _in_english():
        return f"in {name}"
    if name in _LIKE_TOWNS:
        return f"à {name}"
    if article in ("Le", "Les"):
        return f"dans {article.lower()} {name}"
    return f"en {name}"


def of_wide(name: str, article: str) -> str:
    """Of a département or région: "de l'Ain", "du Grand Est", "d'Île-de-France", "de Bretagne"."""
    if _in_english():
        return f"of {name}"
    if article in _CONTRACTED_OF:
        return f"{_CONTRACTED_OF[article]} {name}"
    if article:
        return f"de {with_article(article.lower(), name)}" if article != "L'" else f"de l'{name}"
    return f"d'{name}" if name[:1].lower() in _VOWELS else f"de {name}"


# An EPCI is named by its kind ("Communauté de communes du Perche") or by itself.
_KIND_OF_EPCI = re.compile(r"(Communauté|Agglomération|Métropole|Eurométropole) (?=.)")


def epci_with_article(name: str) -> str:
    """ "la communauté de communes du Perche", "l'Eurométropole de …", "Rennes Métropole"."""
    kind = _KIND_OF_EPCI.match(name)
    if not kind:
        return name
    spelt = name if kind.group(1).endswith("étropole") else name[0].lower() + name[1:]
    return f"l'{spelt}" if spelt[0].lower() in _VOWELS else f"la {spelt}"


def in_epci(name: str) -> str:
    """ "dans la communauté de communes du Perche", "à Rennes Métropole"."""
    if _in_english():
        return f"in {name}"
    named = epci_with_article(name)
    return f"à {name}" if named == name else f"dans {named}"


def of_epci(name: str) -> str:
    """ "de la communauté de communes du Perche", "d'Ardenne Métropole"."""
    if _in_english():
        return f"of {name}"
    named = epci_with_article(name)
    return of_commune(name, "") if named == name else f"de {named}"


def at_territory(level: Level, name: str, article: str) -> str:
    """ "à La Rochelle", "dans l'Ain", "en Bretagne": as `territory` keeps names and articles."""
    if level is Level.COMMUNE:
        return at_commune(name, article)
    if level is Level.EPCI:
        return in_epci(name)
    return (in_departement if level is Level.DEPARTEMENT else in_region)(name, article)


def of_territory(level: Level, name: str, article: str) -> str:
    """ "de La Rochelle", "de l'Ain", "de Bretagne": as `territory` keeps names and articles."""
    if level is Level.COMMUNE:
        return of_commune(name, article)
    return of_epci(name) if level is Level.EPCI else of_wide(name, article)

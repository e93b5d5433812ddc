"""What a search found: places with how they were found, and whether one of them is certain."""

from dataclasses import dataclass
from enum import StrEnum

from mapservice.geocoding.matching.gazetteer import COMMUNE
from mapservice.territories.model import Level, TerritoryRef


class FoundBy(StrEnum):
    """How a text led to a place, from the surest way to the weakest."""

    CODE = "code"
    NAME = "name"
    WORDS = "words"
    BEGINNING = "beginning"
    LIKENESS = "likeness"


@dataclass(frozen=True, slots=True)
class PlaceEntry:
    """A name under which one territory of today can be searched for.

    `through` is the other name that this entry stands for (a former commune, an arrondissement, a
    former région), "" for the territory's own; `through_code` is its INSEE code where it has one,
    `kind` that of the gazetteer. `around` names what the territory lies in, the nearest first.
    """

    level: Level
    code: str
    name: str
    population: int
    around: tuple[str, ...] = ()
    departements: frozenset[str] = frozenset()
    region: str = ""
    through: str = ""
    through_code: str = ""
    kind: str = COMMUNE

    @property
    def ref(self) -> TerritoryRef:
        return TerritoryRef(self.level, self.code)


@dataclass(frozen=True, slots=True)
class PlaceHit:
    """One territory that a text may mean. `score` orders those found in the same way."""

    entry: PlaceEntry
    found_by: FoundBy
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class PlacesFound:
    """Places, the best first, each territory once.

    `certain`: the text says the first one and nothing else, so that one may go there at once.
    `doubt_word`: it is certain only if the text is no everyday word; whoever knows what the
    initiatives say decides.
    """

    hits: tuple[PlaceHit, ...] = ()
    certain: bool = False
    doubt_word: bool = False

    @property
    def best(self) -> PlaceHit | None:
        return self.hits[0] if self.hits else None


# Régions of before 2016 (law 2015-29 of 16 January 2015) and the code of the one that each is part
# of today; compact spelling.
FORMER_REGIONS = {
    "alsace": ("Alsace", "44"),
    "aquitaine": ("Aquitaine", "75"),
    "auvergne": ("Auvergne", "84"),
    "bassenormandie": ("Basse-Normandie", "28"),
    "bourgogne": ("Bourgogne", "27"),
    "centre": ("Centre", "24"),
    "champagneardenne": ("Champagne-Ardenne", "44"),
    "franchecomte": ("Franche-Comté", "27"),
    "hautenormandie": ("Haute-Normandie", "28"),
    "languedocroussillon": ("Languedoc-Roussillon", "76"),
    "limousin": ("Limousin", "75"),
    "lorraine": ("Lorraine", "44"),
    "midipyrenees": ("Midi-Pyrénées", "76"),
    "nordpasdecalais": ("Nord-Pas-de-Calais", "32"),
    "picardie": ("Picardie", "32"),
    "poitoucharentes": ("Poitou-Charentes", "75"),
    "rhonealpes": ("Rhône-Alpes", "84"),
}
# Names that départements bore until the decrees that changed them (1941 to 1990).
FORMER_DEPARTEMENTS = {
    "bassesalpes": ("Basses-Alpes", "04"),
    "bassespyrenees": ("Basses-Pyrénées", "64"),
    "charenteinferieure": ("Charente-Inférieure", "17"),
    "cotesdunord": ("Côtes-du-Nord", "22"),
    "loireinferieure": ("Loire-Inférieure", "44"),
    "seineinferieure": ("Seine-Inférieure", "76"),
}

"""What the page of a territory shows, as plain values: places and their figures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mapservice.initiatives.model import Theme
from mapservice.territories.lineage.model import plain
from mapservice.territories.model import (
    AliasKind,
    Level,
    at_territory,
    of_territory,
    without_article,
)


@dataclass(frozen=True, slots=True)
class TerritoryPlace:
    """A territory as links and phrases name it; `name` and `article` are those of `territory`."""

    level: Level
    code: str
    name: str
    article: str

    @property
    def at(self) -> str:
        """ "à La Rochelle", "en Bretagne"."""
        return at_territory(self.level, self.name, self.article)

    @property
    def of(self) -> str:
        """ "de La Rochelle", "de Bretagne"."""
        return of_territory(self.level, self.name, self.article)

    @property
    def url(self) -> str:
        return f"/territoires/{self.level}/{self.code}"

    @property
    def filter(self) -> str:
        """The query string that names it to every door."""
        return f"?territory={self.level}:{self.code}"


@dataclass(frozen=True, slots=True)
class TerritoryDescription:
    """A territory with what is official about it.

    `parents` go from the widest to the nearest; `bounds` are W, S, E, N, EPSG:4326. `population` is
    None where it is unknown; its year too, and where it is the sum of several years. `lies_in`:
    an EPCI that straddles, by its parts.
    """

    place: TerritoryPlace
    parents: tuple[TerritoryPlace, ...]
    population: int | None
    population_year: int | None
    postcodes: tuple[str, ...]
    approximate: bool
    cog_year: int
    bounds: tuple[float, float, float, float]
    lies_in: tuple["StraddlingShare", ...] = ()

    def parent(self, level: Level) -> TerritoryPlace | None:
        return next((place for place in self.parents if place.level is level), None)


@dataclass(frozen=True, slots=True)
class StraddlingShare:
    """What an EPCI that straddles has in a département or a région: communes and inhabitants."""

    place: TerritoryPlace
    communes: int
    population: int | None
    whole: int | None

    @property
    def percent(self) -> float | None:
        """Of the inhabitants of the whole; None where these are unknown."""
        if self.population is None or not self.whole:
            return None
        return 100 * self.population / self.whole


@dataclass(frozen=True, slots=True)
class TerritoryFigures:
    """Counts of one territory, listed statuses only. `population`: None where it is unknown.

    `population_years`: of which year its parts' populations are, the first and the last.
    """

    population: int | None
    initiatives: int
    supporters: int
    themes: Mapping[Theme, int]
    population_years: tuple[int, ...] = ()

    @property
    def rate(self) -> float | None:
        """Initiatives per 10,000 inhabitants; None where nobody lives, or how many is unknown."""
        return rate(self.initiatives, self.population)

    @property
    def shares(self) -> list[tuple[Theme, int, float]]:
        """Theme, count and per cent, the largest first; every theme."""
        whole = sum(self.themes.values())
        shares = [(t, n, 100 * n / whole if whole else 0.0) for t, n in self.themes.items()]
        return sorted(shares, key=lambda share: -share[1])


@dataclass(frozen=True, slots=True)
class TerritoryMember:
    """One territory of a list, with its figures; `parent` is the code of its région or EPCI.

    `partial`: an EPCI that straddles, with the figures of its part within what is listed.
    """

    place: TerritoryPlace
    population: int | None
    initiatives: int
    supporters: int
    parent: str | None = None
    partial: bool = False
    population_year: int | None = None

    @property
    def rate(self) -> float | None:
        return rate(self.initiatives, self.population)


@dataclass(frozen=True, slots=True)
class SilenceSummary:
    """Communes without an initiative: how many of how many, and the most populous of them."""

    communes: int
    silent: int
    largest: tuple[TerritoryPlace, ...]


@dataclass(frozen=True, slots=True)
class OtherName:
    """Another name of a commune, with every code that went with it."""

    kind: AliasKind
    name: str
    codes: tuple[str, ...]


class MemberSort(StrEnum):
    """Orders of a table of territories."""

    INITIATIVES = "initiatives"
    RATE = "rate"
    SUPPORTERS = "supporters"
    POPULATION = "population"
    NAME = "name"


def rate(initiatives: int, population: int | None) -> float | None:
    """Per 10,000 inhabitants, two decimals, as `/activity` rounds it."""
    return round(10_000 * initiatives / population, 2) if population else None


def ordered(members: Iterable[TerritoryMember], sort: MemberSort) -> list[TerritoryMember]:
    """The largest first, names in alphabetical order; equals by name."""
    by_name = sorted(members, key=lambda m: plain(without_article(m.place.name)))
    if sort is MemberSort.NAME:
        return by_name
    # An order is named as the property that it orders by; without a value, last.
    values = [getattr(member, sort) for member in by_name]
    keys = [-1.0 if value is None else float(value) for value in values]
    return [by_name[at] for at in sorted(range(len(keys)), key=lambda at: -keys[at])]


def silence_of(communes: Sequence[TerritoryMember], shown: int) -> SilenceSummary:
    """Of communes at hand."""
    silent = [commune for commune in communes if not commune.initiatives and commune.population]
    largest = sorted(silent, key=lambda commune: -(commune.population or 0))[:shown]
    lived_in = sum(1 for commune in communes if commune.population)
    return SilenceSummary(lived_in, len(silent), tuple(commune.place for commune in largest))

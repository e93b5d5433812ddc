"""What is asked of a territory, and its figures as columns: one entry a territory of a level."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mapservice.dashboards.classes import (
    NOTHING,
    UNKNOWN,
    ClassEvidence,
    Floats,
    classify,
    natural_breaks,
    told_apart,
)
from mapservice.dashboards.expected import QUANTILE, Counts, PeerGroup, PeerShares
from mapservice.rollups.model import RollupScope
from mapservice.territories.model import Level, TerritoryRef

# So many sisters are needed to tell what a size suggests.
LEAST_SISTERS = 10
PER = 10_000
COLUMNS = (
    "population",
    "initiatives",
    "supporters",
    "recent",
    "before",
    "told",
    "local",
    "communes",
    "silent",
    "months",
    "undated",
    "with_day",
    "year",
    "partial",
    "epci_alone",
)
# Of an EPCI that straddles, each is that of its communes inside.
SUMMED = (
    "initiatives", "recent", "before", "supporters", "told", "local", "undated", "with_day",
)  # fmt: skip

# What each level is divided into; the first is shown unless another is asked for.
PARTS: dict[Level | None, tuple[Level, ...]] = {
    None: (Level.REGION, Level.DEPARTEMENT, Level.EPCI, Level.COMMUNE),
    Level.REGION: (Level.DEPARTEMENT, Level.EPCI, Level.COMMUNE),
    Level.DEPARTEMENT: (Level.COMMUNE, Level.EPCI),
    Level.EPCI: (Level.COMMUNE,),
    Level.COMMUNE: (Level.COMMUNE,),
}


class DashboardFigure(StrEnum):
    """What a map shows."""

    INITIATIVES = "initiatives"
    RATE = "rate"
    SUPPORTERS = "supporters"
    LOCAL = "local"
    RECENT = "recent"
    CHANGE = "change"
    SILENT = "silent"
    LAST = "last"

    @property
    def diverging(self) -> bool:
        return self is DashboardFigure.CHANGE


class TableOrder(StrEnum):
    """Columns that a table may be sorted by."""

    NAME = "name"
    POPULATION = "population"
    INITIATIVES = "initiatives"
    RATE = "rate"
    SUPPORTERS = "supporters"
    LOCAL = "local"
    RECENT = "recent"
    CHANGE = "change"
    SILENT = "silent"
    LAST = "last"
    EXPECTED = "expected"


# Fixed bounds: shares of the same 90 days of last year, and months since the last one.
CHANGE_BREAKS = (-0.5, -0.0001, 0.0001, 0.5)
LAST_BREAKS = (1.0, 3.0, 6.0, 12.0)


DATED = (DashboardFigure.RECENT, DashboardFigure.CHANGE, TableOrder.RECENT, TableOrder.CHANGE)
SUPPORTED = (
    DashboardFigure.SUPPORTERS,
    DashboardFigure.LOCAL,
    TableOrder.SUPPORTERS,
    TableOrder.LOCAL,
)
# Shares of something, whose differences count and not how many times one is another.
SHARED = (DashboardFigure.SILENT, DashboardFigure.LOCAL)


class SilenceKind(StrEnum):
    """Ways of being silent."""

    EMPTY = "empty"
    LATELY = "lately"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class DashboardView:
    """What a page shows: a territory (None: France), by which level, which figure, of what scope.

    Windows and the age of the last initiative are told as of `now`, or of the scope's end.
    """

    ref: TerritoryRef | None
    by: Level
    scope: RollupScope
    now: datetime
    figure: DashboardFigure = DashboardFigure.RATE

    @property
    def end(self) -> date:
        """The first day of the month after the last one shown, or tomorrow's month."""
        return self.scope.until or date(self.now.year, self.now.month, 1)


class StraddlingCommunes(Protocol):
    """The communes of EPCI that straddle: see `places.Parted`."""

    def total(self, values: Counts) -> Counts: ...

    def everywhere(self, values: Counts) -> Counts: ...

    def least(self, values: Floats) -> Floats: ...


@dataclass(frozen=True, eq=False)
class AreaFigures:
    """Figures of territories of one level, ordered by code.

    `supporters` are those of its initiatives; `told` of them told a commune, and `local` of these
    live around the initiative. `communes` and `silent` are the communes with inhabitants and those
    of them without an initiative; `months` is how many lie between the last initiative and the end
    of the period, NaN for none; `undated` is how many initiatives have no known day, which are in
    no period, window or month; `with_day` how many of `initiatives` have one. Where these were not
    read they are None; `dated`: the two windows of 90 days were, `recent` and `before`, the same
    days of last year. `compared`: there was a year of initiatives to compare with at all.

    `population` is -1 where it is unknown, `year` the year it is of, 0 where there is not one.
    `partial` are EPCI that straddle: these are figures of their part, in which what is known of the
    whole EPCI alone, `epci_alone`, does not count.
    """

    codes: tuple[str, ...]
    population: Counts
    initiatives: Counts
    recent: Counts
    before: Counts
    supporters: Counts | None = None
    told: Counts | None = None
    local: Counts | None = None
    communes: Counts | None = None
    silent: Counts | None = None
    months: Floats | None = None
    undated: Counts | None = None
    with_day: Counts | None = None
    dated: bool = True
    compared: bool = True
    year: Counts | None = None
    partial: NDArray[np.bool_] | None = None
    epci_alone: Counts | None = None

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def years(self) -> tuple[int, ...]:
        """Of which years the populations are; 0 among them where one has not a single year."""
        known = () if self.year is None else np.unique(self.year[self.population >= 0])
        return tuple(int(year) for year in known)

    def of_parts(
        self, communes: "AreaFigures", partial: NDArray[np.bool_], pieces: StraddlingCommunes
    ) -> "AreaFigures":
        """The same, but of EPCI that straddle the figures of their part: sums of communes."""
        summed: dict[str, Any] = {}
        for name in SUMMED:
            whole, each = getattr(self, name), getattr(communes, name)
            if whole is not None:
                summed[name] = np.where(partial, pieces.total(each), whole)
        alone = self.initiatives - pieces.everywhere(communes.initiatives)
        months = self.months
        if months is not None and communes.months is not None:
            months = np.where(partial, pieces.least(communes.months), months)
        return replace(
            self,
            **summed,
            months=months,
            partial=partial,
            epci_alone=np.where(partial, np.maximum(alone, 0), 0),
        )

    @property
    def rate(self) -> Floats:
        """Per 10,000 inhabitants, two decimals; NaN where nobody lives, or how many is unknown."""
        with np.errstate(divide="ignore", invalid="ignore"):
            rates: Floats = np.round(PER * self.initiatives / self.population, 2)
        rates[self.population <= 0] = np.nan
        return rates

    @property
    def change(self) -> Floats:
        """The share by which the new ones are more or fewer than in the same 90 days of last year.

        0 where chance alone may make the difference; NaN where there was none, then or now, and
        where nothing is old enough to compare with; what came from nothing has doubled.
        """
        shares: Floats = (self.recent - self.before) / np.maximum(self.before, 1)
        shares[~self.changed] = 0.0
        shares[((self.recent == 0) & (self.before == 0)) | (not self.compared)] = np.nan
        return np.clip(shares, -1, 10)

    @property
    def changed(self) -> NDArray[np.bool_]:
        """Of so many in all, would an even coin fall so unevenly in fewer than one case of 20?"""
        apart = np.abs(self.recent - self.before) - 1
        clear: NDArray[np.bool_] = apart > QUANTILE * np.sqrt(self.recent + self.before)
        return clear & self.compared

    @property
    def nothing(self) -> NDArray[np.bool_]:
        """Which surely have no initiative: one of an unknown day may be of any period."""
        none: NDArray[np.bool_] = self.initiatives == 0
        return none if self.undated is None else none & (self.undated == 0)

    @property
    def silent_share(self) -> Floats:
        """In percent; NaN without a commune that has inhabitants."""
        assert self.communes is not None
        assert self.silent is not None
        with np.errstate(divide="ignore", invalid="ignore"):
            shares: Floats = np.round(100.0 * self.silent / self.communes, 1)
        shares[self.communes == 0] = np.nan
        return shares

    @property
    def local_share(self) -> Floats:
        """In percent of those who told; NaN where nobody did."""
        assert self.told is not None
        assert self.local is not None
        with np.errstate(divide="ignore", invalid="ignore"):
            shares: Floats = np.round(100.0 * self.local / self.told, 1)
        shares[self.told == 0] = np.nan
        return shares

    def values(self, figure: DashboardFigure) -> Floats:
        """NaN is unknown; 0 is none, but for a change and for months, where NaN is none."""
        if figure is DashboardFigure.LAST:
            assert self.months is not None
            return self.months
        if figure is DashboardFigure.SILENT:
            return self.silent_share
        if figure is DashboardFigure.LOCAL:
            return self.local_share
        found: Counts | Floats | None = getattr(self, figure)
        assert found is not None
        return found.astype(float)

    def evidence(self, figure: DashboardFigure) -> ClassEvidence:
        """What the classes of a figure go by: counts as they are, rates and shares smoothed.

        The rate of few people, or the share of few supports, is drawn towards that of all sisters
        by as much as chance may have moved it (Clayton and Kaldor 1987, Marshall 1991). A count is
        taken for Poisson's. None stays none, and unknown stays unknown.
        """
        if figure is DashboardFigure.RATE:
            sisters = PeerGroup.of(self.initiatives, self.population)
            mean = PER * sisters.smoothed(self.initiatives, self.population)
            variance = PER**2 * sisters.uncertainty(self.initiatives, self.population)
            value = np.where(self.initiatives > 0, mean, 0.0)
            value[self.population <= 0] = np.nan
            return ClassEvidence(value, mean, variance)
        if figure in SHARED:
            parts, wholes = self._share(figure)
            mean, variance = PeerShares.of(parts, wholes).smoothed(parts, wholes)
            value = np.where(wholes > 0, np.where(parts > 0, 100 * mean, 0.0), np.nan)
            return ClassEvidence(value, 100 * mean, 100**2 * variance)
        counts = self.values(figure).astype(np.int64)
        return counted(counts)

    def _share(self, figure: DashboardFigure) -> tuple[Counts, Counts]:
        """How many, of how many."""
        pair = (
            (self.silent, self.communes)
            if figure is DashboardFigure.SILENT
            else (self.local, self.told)
        )
        assert pair[0] is not None
        assert pair[1] is not None
        return pair[0], pair[1]

    def classes(self, figure: DashboardFigure, breaks: tuple[float, ...]) -> Counts:
        """1 and on; 0 for none, -1 for unknown."""
        if figure in (DashboardFigure.CHANGE, DashboardFigure.LAST):
            values = self.values(figure)
            numbers = np.searchsorted(breaks, values, side="right") + 1
            numbers[np.isnan(values)] = NOTHING
            if figure is DashboardFigure.LAST:  # of what is there no day is known
                numbers[np.isnan(values) & (self.initiatives > 0)] = UNKNOWN
            if figure is DashboardFigure.CHANGE and not self.compared:
                numbers[:] = UNKNOWN
            return numbers.astype(np.int64)
        return classify(self.evidence(figure).value, breaks)

    def at(self, positions: Counts) -> "AreaFigures":
        """Those at these positions, in their order."""
        columns: dict[str, Any] = {name: getattr(self, name) for name in COLUMNS}
        picked: dict[str, Any] = {
            name: None if held is None else held[positions] for name, held in columns.items()
        }
        return replace(self, codes=tuple(self.codes[one] for one in positions), **picked)

    def order(
        self, by: TableOrder, ranks: Counts | None = None, *, ascending: bool = False
    ) -> Counts:
        """Positions in that order: the largest first, unknown last; names, `ranks`, from A on."""
        if by is TableOrder.NAME:
            assert ranks is not None
            return np.argsort(-ranks if ascending else ranks, kind="stable").astype(np.int64)
        values = self._keys(by) * (1 if ascending else -1)
        return np.argsort(np.where(np.isnan(values), np.inf, values), kind="stable").astype(
            np.int64
        )

    def _keys(self, by: TableOrder) -> Floats:
        if by is TableOrder.POPULATION:
            return np.where(self.population < 0, np.nan, self.population)
        if by is TableOrder.EXPECTED:
            sisters = PeerGroup.of(self.initiatives, self.population)
            beyond = self.initiatives - sisters.mean(self.population)
            return np.where(self.population < 0, np.nan, beyond)
        if by is TableOrder.LAST:
            return -self.values(DashboardFigure.LAST)  # the latest first
        return self.values(DashboardFigure(by))


def breaks_of(figure: DashboardFigure, *many: AreaFigures) -> tuple[float, ...]:
    """Bounds that hold for all these territories, so that two maps can be compared."""
    if figure is DashboardFigure.CHANGE:
        return CHANGE_BREAKS
    if figure is DashboardFigure.LAST:
        return LAST_BREAKS
    return told_apart([together(many).evidence(figure)], ratios=figure not in SHARED)


def together(many: Sequence[AreaFigures]) -> AreaFigures:
    """Territories of several places as sisters of one another.

    What chance may have done is judged among all of them: a place whose parts were drawn towards
    its own mean alone would differ from another one by these two means, certain as they look.
    """
    first = many[0]
    if len(many) == 1:
        return first
    columns: dict[str, Any] = {}
    for name in COLUMNS:
        held = [getattr(one, name) for one in many]
        columns[name] = None if any(one is None for one in held) else np.concatenate(held)
    return replace(first, codes=tuple(code for one in many for code in one.codes), **columns)


def counted(counts: Counts) -> ClassEvidence:
    """Evidence of bare counts: that each is Poisson's, with means of one gamma distribution."""
    each = np.ones(len(counts), np.int64)
    sisters = PeerGroup.of(counts, each)
    return ClassEvidence(
        counts.astype(float), sisters.smoothed(counts, each), sisters.uncertainty(counts, each)
    )


def explained(figure: DashboardFigure, breaks: tuple[float, ...], *many: AreaFigures) -> bool:
    """Do territories differ, and yet by so little that one class holds all that have something?"""
    if breaks or figure in (DashboardFigure.CHANGE, DashboardFigure.LAST):
        return False
    values = np.concatenate([areas.values(figure) for areas in many])
    return bool(natural_breaks(values, ratios=figure not in SHARED))


@dataclass(frozen=True, eq=False)
class SilentAreas:
    """Territories that are silent, each in one way, the most telling first.

    `telling` are those whose silence is more than chance, by the limits that their sisters suggest;
    `at` are their positions.
    """

    sisters: PeerGroup
    recent_mean: Floats
    at: dict[SilenceKind, Counts]
    telling: NDArray[np.bool_]

    @property
    def counts(self) -> dict[SilenceKind, int]:
        return {verdict: len(found) for verdict, found in self.at.items()}

    def told(self, verdict: SilenceKind) -> int:
        return int(self.telling[self.at[verdict]].sum())


def silence_of(areas: AreaFigures) -> SilentAreas | None:
    """None where too few sisters are there to compare, or none has anything."""
    people = areas.population
    lived_in = people > 0
    if lived_in.sum() < LEAST_SISTERS:
        return None
    sisters = PeerGroup.of(areas.initiatives, people)
    recent = PeerGroup.of(areas.recent, people)
    mean, recent_mean = sisters.mean(people), recent.mean(people)
    under = areas.initiatives < sisters.low(people)
    empty = lived_in & areas.nothing
    # Where no day is known, nobody knows of late either.
    some_day = (areas.initiatives if areas.with_day is None else areas.with_day) > 0
    lately = lived_in & ~empty & (areas.recent == 0) & areas.dated & some_day
    below = lived_in & ~empty & ~lately & under
    telling, missing = under, mean - areas.initiatives
    if areas.dated:
        telling = np.where(lately, areas.recent < recent.low(people), under)
        missing = np.where(lately, recent_mean, missing)
    found = {
        verdict: _most(np.flatnonzero(which), telling, missing)
        for verdict, which in (
            (SilenceKind.EMPTY, empty),
            (SilenceKind.LATELY, lately),
            (SilenceKind.BELOW, below),
        )
    }
    return SilentAreas(sisters, recent_mean, found, lived_in & telling)


def _most(at: NDArray[np.intp], telling: NDArray[np.bool_], missing: Floats) -> Counts:
    """Telling ones first, then by how much they lack."""
    return at[np.lexsort((-missing[at], ~telling[at]))].astype(np.int64)

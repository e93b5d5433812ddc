"""What is asked of a territory, its figures as columns, and what they tell; no database.

Figures are columns: one entry a territory of a level, ordered by code. Three methods stand beside:

Classes of a shaded map are natural breaks after Fisher (1958), whose partition of ordered values
makes the sum of squares within classes least; Jenks made it known on maps. It is found exactly,
over values rounded to two digits: bounds that people read are no finer. Neighbouring classes that
chance alone may have parted are then joined (`distinct_breaks`), so that a difference of colour
never stands for a difference that chance explains.

What the size of a territory suggests: the count of a territory with n inhabitants is taken for
Poisson's with mean n·r, and its rate r for one draw of a gamma distribution that all territories
compared, its sisters, share: Poisson-gamma, after Clayton and Kaldor (1987). Mean and spread of
the gamma are found by moments (Marshall 1991). What a territory of a size may then hold is
negative binomial: the limits of a funnel that allows for true differences (Spiegelhalter 2005).
Where sisters differ no more than by chance, it is Poisson's.

Windows of time: counts are kept by month, of UTC. A span that begins within a month is what its
months hold, and the initiatives of a part of the first one: of the shorter part, to be added or
taken away. So an exact span of 90 days costs a few months of sums and at most half a month of
initiatives at an end.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import repeat
from math import cos, floor, log10, pi, radians
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapservice.initiatives.filters import RollupScope
from mapservice.territories.model import Level, TerritoryRef

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

# Classes of a map: at most so many, from 1 on; 0 for none, -1 for unknown.
CLASSES = 5
NOTHING = 0
UNKNOWN = -1
# Each side of the limits leaves out so much.
TAIL = 0.025
# The quantiles of the normal distribution at TAIL and 1 - TAIL.
QUANTILE = 1.959963984540054
# Beyond so many standard deviations two classes differ by more than chance: one case in 20.
APART = QUANTILE
# No more than TAIL lies further above a mean, by Cantelli's inequality: sqrt(1 / TAIL - 1) = 6.24.
FURTHEST = 6.25
# Up to this mean limits are exact; beyond, Wilson and Hilferty's cube root is as good.
EXACT_MEAN = 400.0
BLOCK = 512
# In a hamlet one initiative is more than its size suggests, and yet tells nothing.
LEAST_ABOVE = 3
WINDOW = timedelta(days=90)
# Before it there are no two windows.
EARLIEST = datetime(3, 1, 1, tzinfo=UTC)
LEAP_DAY = (2, 29)
# Kilometres around the middle of a commune, on maps of wide territories and of small ones.
WIDE_KM, NEAR_KM = 10, 5
EARTH_KM = 6371.0088
KM_PER_DEGREE = pi * EARTH_KM / 180
# The drawing of the months, in units of its view box.
CHART_WIDTH, CHART_HEIGHT = 720.0, 150.0
CHART_LEFT, CHART_TOP, CHART_BOTTOM = 44.0, 8.0, 22.0
BAR_GAP = 0.22  # of a month's width
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
    "ever",
    "with_day",
    "year",
    "partial",
    "epci_alone",
)
# Of an EPCI that straddles, each is that of its communes inside.
SUMMED = (
    "initiatives", "recent", "before", "supporters", "told", "local", "undated", "ever",
    "with_day",
)  # fmt: skip
# Looked up: to raise ten to the power of 35,000 numbers takes most of the time of rounding them.
POWERS_OF_TEN = 10.0 ** np.arange(309)
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


@dataclass(frozen=True, eq=False)
class ClassEvidence:
    """What a class goes by, a territory an entry, and how much of that may be chance.

    `value` decides on the class: 0 is nothing, NaN unknown. `mean` and `variance` say what is
    likely true of each, given its sisters (posterior moments); NaN where nothing is known.
    """

    value: Floats
    mean: Floats
    variance: Floats


def distinct_breaks(
    evidence: Sequence[ClassEvidence], classes: int = CLASSES, *, ratios: bool = True
) -> tuple[float, ...]:
    """Natural breaks of all these values, without those that chance may have made.

    A break stays if a typical territory of the class above it differs from a typical one of the
    class below by more than `APART` standard deviations of that difference. The weakest goes first,
    and those beside it are then judged anew. Means and variances are posterior ones, so picking
    the classes by the values themselves makes no difference out of chance.
    """
    value = two_digits(np.concatenate([one.value for one in evidence]))
    mean = np.concatenate([one.mean for one in evidence])
    variance = np.concatenate([one.variance for one in evidence])
    breaks = list(natural_breaks(value, classes, ratios=ratios))
    while breaks:
        numbers = _classes_between(value, breaks)
        held = numbers > NOTHING
        sizes = np.bincount(numbers[held] - 1, minlength=len(breaks) + 1)
        means, variances = (
            np.bincount(numbers[held] - 1, column[held], len(breaks) + 1) / np.maximum(sizes, 1)
            for column in (mean, variance)
        )
        # Between each class and the next, in standard deviations of the difference of two members.
        with np.errstate(divide="ignore", invalid="ignore"):
            apart: Floats = np.diff(means) / np.sqrt(variances[1:] + variances[:-1])
        apart = np.nan_to_num(apart, nan=0.0)
        weakest = int(apart.argmin())
        if apart[weakest] > APART:
            break
        del breaks[weakest]
    return tuple(breaks)


def natural_breaks(
    values: Floats, classes: int = CLASSES, *, ratios: bool = True
) -> tuple[float, ...]:
    """Lower bounds of the second and later classes of positive values; zeros stand apart.

    `ratios`: what counts is how many times one value is another, so their logarithms are parted;
    counts and rates are as skew as that. Few different values make fewer classes.
    """
    known = values[np.isfinite(values) & (values > 0)]
    if not len(known):
        return ()
    distinct, weights = np.unique(two_digits(known), return_counts=True)
    scale = np.log(distinct) if ratios else distinct
    starts = partition(scale, weights.astype(float), min(classes, len(distinct)))
    return tuple(float(distinct[start]) for start in starts[1:])


def partition(values: Floats, weights: Floats, classes: int) -> list[int]:
    """Where each class starts, the first one included: Fisher's, by dynamic programming.

    `values` ascend and differ. The cost of a class is its weighted sum of squares about its mean.
    """
    # The cost of the class from i through j, at [i, j], from running sums: infinite where empty.
    running = [np.concatenate([[0.0], np.cumsum(weights * values**power)]) for power in (0, 1, 2)]
    weight, first, second = (sums[1:][None, :] - sums[:-1][:, None] for sums in running)
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = second - first**2 / weight
    empty = np.tri(len(values), k=-1, dtype=bool)
    cost = np.where(empty, np.inf, np.maximum(squares, 0.0))

    best, choices = cost[0], []
    for _ in range(classes - 1):
        through = np.concatenate([[np.inf], best[:-1]])[:, None] + cost
        choices.append(through.argmin(axis=0))
        best = through.min(axis=0)
    starts, end = [], len(values) - 1
    for choice in reversed(choices):
        starts.append(int(choice[end]))
        end = starts[-1] - 1
    return [0, *reversed(starts)]


def classify(values: Floats, breaks: tuple[float, ...]) -> Counts:
    """From 1 on; NOTHING for zero, UNKNOWN for what is no number. Values count as they are read."""
    return _classes_between(two_digits(values), breaks)


def _classes_between(rounded: Floats, breaks: Sequence[float]) -> Counts:
    classes = np.searchsorted(breaks, rounded, side="right").astype(np.int64) + 1
    classes[rounded == 0] = NOTHING
    classes[~np.isfinite(rounded)] = UNKNOWN
    return classes


def two_digits(values: Floats) -> Floats:
    """Each rounded to two significant digits, as its decimal says: 0.3 is just that."""
    rounded = values.astype(float)
    known = np.isfinite(values) & (values != 0)
    digits = 1 - np.floor(np.log10(np.abs(values[known]))).astype(int)
    up, down = POWERS_OF_TEN[np.maximum(digits, 0)], POWERS_OF_TEN[np.maximum(-digits, 0)]
    rounded[known] = np.round(values[known] * up / down) / up * down
    return rounded


@dataclass(frozen=True)
class PeerGroup:
    """What territories of one level have in common: initiatives per inhabitant, and its spread.

    `shape` is that of the gamma distribution; infinite where only chance parts the sisters.
    """

    rate: float
    shape: float

    @classmethod
    def of(cls, counts: Counts, populations: Counts) -> "PeerGroup":
        """By moments, each territory weighing by its population; places without people are none."""
        people = populations[populations > 0].astype(float)
        held = counts[populations > 0].astype(float)
        total = people.sum()
        if not total or not held.sum():
            return cls(0.0, np.inf)
        rate = held.sum() / total
        spread = (people * (held / people - rate) ** 2).sum() / total
        true_spread = spread - rate * len(people) / total
        return cls(rate, rate**2 / true_spread if true_spread > 0 else np.inf)

    def mean(self, populations: Counts) -> Floats:
        """0 where nobody lives, or how many is unknown."""
        return self.rate * np.maximum(populations, 0).astype(float)

    def smoothed(self, counts: Counts, populations: Counts) -> Floats:
        """Rates drawn towards the common one: the more so, the fewer people tell of them."""
        people = np.maximum(populations, 0).astype(float)
        if np.isinf(self.shape) or not self.rate:
            return np.full(len(people), self.rate)
        smooth: Floats = (self.shape + counts) / (self.shape / self.rate + people)
        return smooth

    def uncertainty(self, counts: Counts, populations: Counts) -> Floats:
        """Variances of the true rates about the smoothed ones: those of the gamma posterior."""
        people = populations.astype(float)
        if np.isinf(self.shape) or not self.rate:
            return np.zeros(len(people))
        variance: Floats = (self.shape + counts) / (self.shape / self.rate + people) ** 2
        return variance

    def limits(self, populations: Counts) -> "CountLimits":
        """Of each, by its size."""
        sizes, where = np.unique(populations, return_inverse=True)
        means = self.mean(sizes)
        high = self._quantile(means, 1 - TAIL, FURTHEST)
        return CountLimits(means[where], self._low(means)[where], high[where])

    def low(self, populations: Counts) -> Counts:
        """The lower limits alone, in a fraction of the time."""
        sizes, where = np.unique(populations, return_inverse=True)
        low: Counts = self._low(self.mean(sizes))[where]
        return low

    def silent_share(self, populations: Counts) -> Floats:
        """How likely a territory of that size is to hold none at all."""
        means = self.mean(populations)
        if np.isinf(self.shape):
            return np.exp(-means)
        nothing: Floats = np.exp(-self.shape * np.log1p(means / self.shape))
        return nothing

    def _low(self, means: Floats) -> Counts:
        return self._quantile(means, TAIL, 0)  # it lies below the median, and that below the mean

    def _quantile(self, means: Floats, share: float, furthest: float) -> Counts:
        """How many numbers, from 0 on, lie below it, at most `furthest` spreads beyond a mean.

        Means ascend, so that blocks of them reach about equally far.
        """
        found = np.zeros(len(means), np.int64)
        exact = int(np.searchsorted(means, EXACT_MEAN, side="right"))
        for at in range(0, exact, BLOCK):
            block = means[at : min(at + BLOCK, exact)]
            reach = int(block[-1] + furthest * np.sqrt(self._variance(block[-1]))) + 2
            numbers = np.arange(reach)
            with np.errstate(divide="ignore", invalid="ignore"):
                logs = np.where(block > 0, np.log(block), -np.inf)[:, None]
                # Logarithms of the factors that all sizes share: 1 / k!, or Γ(a + k) / (Γ(a) k!).
                steps = -np.log(numbers[:-1] + 1.0)
                if np.isinf(self.shape):
                    start, powers = -block[:, None], numbers * logs
                else:
                    steps += np.log(numbers[:-1] + self.shape)
                    spread = np.log1p(block / self.shape)[:, None]
                    start = -self.shape * spread
                    powers = numbers * (logs - np.log(self.shape) - spread)
                powers[:, 0] = 0.0  # nothing to the power of nothing
            shared = np.concatenate([[0.0], np.cumsum(steps)])
            # Probabilities of 0, 1, 2, … : a row a mean.
            cumulated = np.cumsum(np.exp(start + powers + shared), axis=1)
            found[at : at + len(block)] = (cumulated < share).sum(axis=1)

        # As of a gamma distribution with the same mean and variance (Wilson and Hilferty 1931).
        large = means[exact:]
        shapes = large**2 / self._variance(large)
        side = QUANTILE if share > TAIL else -QUANTILE
        root = np.maximum(1 - 1 / (9 * shapes) + side / (3 * np.sqrt(shapes)), 0)
        half = 0.5  # a whole number stands for half a unit around it
        found[exact:] = np.ceil(np.maximum(large * root**3 - half, 0)).astype(np.int64)
        return found

    def _variance(self, means: Floats) -> Floats:
        spread: Floats = means + (0 if np.isinf(self.shape) else means**2 / self.shape)
        return spread


@dataclass(frozen=True)
class PeerShares:
    """The same of shares, k of n: their common mean, and the variance of true ones about it.

    By moments again, with the variance of a share from the common one (Marshall 1991).
    """

    mean: float
    spread: float

    @classmethod
    def of(cls, parts: Counts, wholes: Counts) -> "PeerShares":
        """Each weighing by its whole; what is a share of nothing tells nothing."""
        known = wholes > 0
        sizes, held = wholes[known].astype(float), parts[known].astype(float)
        total = sizes.sum()
        if not total:
            return cls(0.0, 0.0)
        mean = held.sum() / total
        spread = (sizes * (held / sizes - mean) ** 2).sum() / total
        return cls(mean, max(spread - mean * (1 - mean) * len(sizes) / total, 0.0))

    def smoothed(self, parts: Counts, wholes: Counts) -> tuple[Floats, Floats]:
        """Each drawn towards the common one, the more so the less tells of it; its variance."""
        with np.errstate(divide="ignore", invalid="ignore"):
            own = self.mean * (1 - self.mean) / wholes
            trust = np.nan_to_num(self.spread / (self.spread + own), nan=1.0)
            shares: Floats = self.mean + trust * (parts / wholes - self.mean)
            variance: Floats = np.nan_to_num(trust * own)
        return shares, variance


@dataclass(frozen=True)
class CountLimits:
    """For each territory, what its size suggests and between which counts chance mostly stays."""

    mean: Floats
    low: Counts
    high: Counts

    def below(self, counts: Counts) -> NDArray[np.bool_]:
        """Counts that chance brings to fewer than TAIL of such territories."""
        under: NDArray[np.bool_] = counts < self.low
        return under

    def above(self, counts: Counts) -> NDArray[np.bool_]:
        """Counts that chance exceeds the limit with as rarely; one or two are never glory."""
        over: NDArray[np.bool_] = (counts > self.high) & (counts >= LEAST_ABOVE)
        return over


@dataclass(frozen=True, eq=False)
class TerritoryIndex:
    """Territories of a level (None: France), one entry each, in the order of their codes.

    `population` is -1 where it is unknown, `year` the year it is of, 0 where there is not one.
    `under` says where the one that holds each stands among all of its level, -1 for none; `lon`
    and `lat` where its name stands, degrees EPSG:4326. `whole`: these are all of the level, else
    `among_all` says where each stands there; `inside` holds them all, if one territory does.
    `parted`: of which EPCI these are but parts.
    """

    level: Level | None
    codes: tuple[str, ...]
    population: Counts
    year: Counts
    under: Mapping[Level, Counts]
    lon: Floats
    lat: Floats
    whole: bool = False
    among_all: Counts | None = None
    inside: TerritoryRef | None = None
    parted: "StraddlingEpci | None" = None

    def __len__(self) -> int:
        return len(self.codes)

    @cached_property
    def _at(self) -> Mapping[str, int]:
        return {code: place for place, code in enumerate(self.codes)}

    def positions(self, codes: Sequence[str], missing: int = -1) -> Counts:
        """Where these codes stand; `missing` for a code that is not here."""
        return np.fromiter(map(self._at.get, codes, repeat(missing)), np.int64, len(codes))

    @property
    def runs(self) -> tuple[list[str], list[str]]:
        """First and last codes of those that stand side by side among all of their level.

        The communes of a région are a dozen runs: one for each of its départements.
        """
        if not self.codes:
            return [], []
        at = np.arange(len(self)) if self.among_all is None else self.among_all
        ends = np.append(np.flatnonzero(np.diff(at) != 1), len(at) - 1)
        starts = np.append(0, ends[:-1] + 1)
        return [self.codes[one] for one in starts], [self.codes[one] for one in ends]

    def pick(
        self, which: NDArray[np.bool_] | Counts, inside: TerritoryRef | None = None
    ) -> "TerritoryIndex":
        """Some of them: by a mask, or by positions in ascending order."""
        positions = np.arange(len(self))[which]
        return replace(
            self,
            codes=tuple(self.codes[one] for one in positions),
            population=self.population[positions],
            year=self.year[positions],
            under={level: above[positions] for level, above in self.under.items()},
            lon=self.lon[positions],
            lat=self.lat[positions],
            whole=False,
            among_all=positions if self.among_all is None else self.among_all[positions],
            inside=inside,
            parted=self.parted.pick(positions) if self.parted else None,
        )


@dataclass(frozen=True, eq=False)
class StraddlingEpci:
    """Which EPCI straddle, `partial`, and the communes of these.

    `of` says at which position the EPCI of each commune stands, `inside` whether it lies in the
    territory that is shown.
    """

    partial: NDArray[np.bool_]
    communes: TerritoryIndex
    of: Counts
    inside: NDArray[np.bool_]

    def pick(self, positions: Counts) -> "StraddlingEpci":
        """Of the EPCI at these positions, which ascend."""
        kept = np.isin(self.of, positions)
        return StraddlingEpci(
            self.partial[positions],
            self.communes.pick(kept),
            np.searchsorted(positions, self.of[kept]).astype(np.int64),
            self.inside[kept],
        )

    def total(self, values: Counts) -> Counts:
        """Of each EPCI, what its communes inside have."""
        return self._sum(values * self.inside)

    def everywhere(self, values: Counts) -> Counts:
        """Of each EPCI, what all of its communes have."""
        return self._sum(values)

    def least(self, values: Floats) -> Floats:
        """Of each EPCI, the least of its communes inside; NaN where none has a value."""
        found = np.full(len(self.partial), np.nan)
        np.fmin.at(found, self.of[self.inside], values[self.inside])
        return found

    def _sum(self, values: Counts) -> Counts:
        return np.bincount(self.of, values, len(self.partial)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class AreaFigures:
    """Figures of territories of one level, ordered by code.

    `supporters` are those of its initiatives; `told` of them told a commune, and `local` of these
    live around the initiative. `communes` and `silent` are the communes with inhabitants and those
    of them without an initiative; `months` is how many lie between the last initiative and the end
    of the period, NaN for none; `undated` is how many initiatives have no known day, which are in
    no period, window or month, and `ever` how many there are of any day or none; `with_day` how
    many of `initiatives` have one. Where these were not read they are None; `dated`: the two
    windows of 90 days were, `recent` and `before`, the same days of last year. `compared`: there
    was a year of initiatives to compare with at all.

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
    ever: Counts | None = None
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
        self, communes: "AreaFigures", partial: NDArray[np.bool_], pieces: StraddlingEpci
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
        """Per 10,000 inhabitants, four decimals; NaN where nobody lives, or how many is unknown."""
        with np.errstate(divide="ignore", invalid="ignore"):
            rates: Floats = np.round(PER * self.initiatives / self.population, 4)
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
        """In percent of the supporters who gave a commune; NaN where nobody did."""
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
            parts, wholes = (
                (self.silent, self.communes)
                if figure is DashboardFigure.SILENT
                else (self.local, self.told)
            )
            assert parts is not None
            assert wholes is not None
            mean, variance = PeerShares.of(parts, wholes).smoothed(parts, wholes)
            value = np.where(wholes > 0, np.where(parts > 0, 100 * mean, 0.0), np.nan)
            return ClassEvidence(value, 100 * mean, 100**2 * variance)
        counts = self.values(figure).astype(np.int64)
        return counted(counts)

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
        if by is TableOrder.POPULATION:
            values = np.where(self.population < 0, np.nan, self.population)
        elif by is TableOrder.EXPECTED:
            sisters = PeerGroup.of(self.initiatives, self.population)
            beyond = self.initiatives - sisters.mean(self.population)
            values = np.where(self.population < 0, np.nan, beyond)
        elif by is TableOrder.LAST:
            values = -self.values(DashboardFigure.LAST)  # the latest first
        else:
            values = self.values(DashboardFigure(by))
        values = values * (1 if ascending else -1)
        return np.argsort(np.where(np.isnan(values), np.inf, values), kind="stable").astype(
            np.int64
        )


def breaks_of(figure: DashboardFigure, *many: AreaFigures) -> tuple[float, ...]:
    """Bounds that hold for all these territories, so that two maps can be compared."""
    if figure is DashboardFigure.CHANGE:
        return CHANGE_BREAKS
    if figure is DashboardFigure.LAST:
        return LAST_BREAKS
    return distinct_breaks([together(many).evidence(figure)], ratios=figure not in SHARED)


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
        return {kind: len(found) for kind, found in self.at.items()}

    def telling_count(self, kind: SilenceKind) -> int:
        return int(self.telling[self.at[kind]].sum())


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
    found = {}
    kinds = {SilenceKind.EMPTY: empty, SilenceKind.LATELY: lately, SilenceKind.BELOW: below}
    for kind, which in kinds.items():
        at = np.flatnonzero(which)
        found[kind] = at[np.lexsort((-missing[at], ~telling[at]))].astype(np.int64)
    return SilentAreas(sisters, recent_mean, found, lived_in & telling)


@dataclass(frozen=True, eq=False)
class AreaClasses:
    """Territories with the class of each: 1 and on, 0 for none, -1 for unknown.

    `breaks` are lower bounds of the second and later classes. `explained`: territories differ, but
    by no more than chance, so that one class holds all that have something.
    """

    areas: AreaFigures
    breaks: tuple[float, ...]
    classes: Counts
    explained: bool

    @property
    def by_code(self) -> Mapping[str, int]:
        return dict(zip(self.areas.codes, self.classes.tolist(), strict=True))

    @property
    def unknown(self) -> bool:
        return bool((self.classes == UNKNOWN).any())


def shaded(
    figure: DashboardFigure, areas: AreaFigures, breaks: tuple[float, ...] | None = None
) -> AreaClasses:
    """Figures at hand with their classes; `breaks` are those of another month or map, if given."""
    bounds = breaks_of(figure, areas) if breaks is None else breaks
    chance = explained(figure, bounds, areas)
    return AreaClasses(areas, bounds, areas.classes(figure, bounds), chance)


@dataclass(frozen=True, slots=True)
class MonthRange:
    """Whole months, `end` exclusive; None: open."""

    start: date
    end: date | None


@dataclass(frozen=True, slots=True)
class PartialMonth:
    """Single initiatives of a part of a month, `end` exclusive, and how often each counts for the
    recent window and for that of a year before."""

    recent: int
    before: int
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class ActivityWindows:
    """The last 90 days and the same days a year before: months, with parts to add or take away."""

    recent: MonthRange
    before: MonthRange
    parts: tuple[PartialMonth, ...]


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A stretch of time, `end` exclusive."""

    start: datetime
    end: datetime


def spans(until: date | None, now: datetime) -> tuple[TimeSpan, TimeSpan]:
    """The last 90 days, and the same season of last year, lest summer be compared with autumn.

    They end at `until`, a first day of a month, exclusive; else now; and a calendar year before.
    """
    end = max(moment(until) if until else now, EARLIEST)
    past = a_year_before(end)
    return TimeSpan(end - WINDOW, end), TimeSpan(past - WINDOW, past)


def a_year_before(at: datetime) -> datetime:
    """The same day of last year; 28 February for a leap day."""
    day = 28 if (at.month, at.day) == LEAP_DAY else at.day
    return at.replace(year=at.year - 1, day=day)


def windows(until: date | None, now: datetime) -> ActivityWindows:
    """The two of `spans`, as months and parts.

    Without `until` the recent one has no end, lest it miss what comes in while a page is made.
    """
    last, past = spans(until, now)
    recent, edge = _from(last.start)
    before, far_edge = _from(past.start)
    before_end, end_edge = _from(past.end)
    parts = [PartialMonth(sign, 0, *span) for sign, span in edge]
    parts += [PartialMonth(0, sign, *span) for sign, span in far_edge]
    parts += [PartialMonth(0, -sign, *span) for sign, span in end_edge]
    return ActivityWindows(MonthRange(recent, until), MonthRange(before, before_end), tuple(parts))


def moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def month_of(day: date) -> date:
    return date(day.year, day.month, 1)


def next_month(month: date) -> date:
    return month_of(date(month.year, month.month, 28) + timedelta(days=4))


def months_between(start: date, end: date) -> Iterator[date]:
    """First days of months from `start` on, `end` exclusive."""
    while start < end:
        yield start
        start = next_month(start)


def _from(start: datetime) -> tuple[date, list[tuple[int, tuple[datetime, datetime]]]]:
    """All since a moment: from which month on, and with which part of a month, signed."""
    month = month_of(start.date())
    head, tail = moment(month), moment(next_month(month))
    if start == head:
        return month, []
    if start - head <= tail - start:
        return month, [(-1, (head, start))]
    return next_month(month), [(1, (start, tail))]


@dataclass(frozen=True, eq=False)
class DensityField:
    """Of the communes of a view's territory: how many initiatives lie within `radius` km.

    `breaks` are those of all months under the same themes and statuses.
    """

    codes: tuple[str, ...]
    counts: Counts
    breaks: tuple[float, ...]
    radius: int

    @property
    def classes(self) -> Counts:
        """1 and on; 0 where nothing lies around. Nothing is unknown."""
        return classify(self.counts.astype(float), self.breaks)


@dataclass(frozen=True, eq=False)
class NeighbourIndex:
    """Which places lie near each: those of the first, then those of the second, …; itself too."""

    lengths: Counts
    others: Counts

    def sums(self, counts: Counts) -> Counts:
        """Of each place: what it and all near it hold."""
        starts = np.cumsum(self.lengths) - self.lengths
        if not len(starts):
            return np.zeros(0, np.int64)
        found: Counts = np.add.reduceat(counts[self.others], starts).astype(np.int64)
        return found

    def pick(self, at: Counts) -> tuple["NeighbourIndex", Counts]:
        """That of some places alone, and which places these have near them: by these it counts."""
        starts = np.cumsum(self.lengths) - self.lengths
        lengths = self.lengths[at]
        firsts = np.cumsum(lengths) - lengths
        others = self.others[np.arange(lengths.sum()) + np.repeat(starts[at] - firsts, lengths)]
        needed, places = np.unique(others, return_inverse=True)
        return NeighbourIndex(lengths, places), needed


def neighbours_within(lon: Floats, lat: Floats, km: float) -> NeighbourIndex:
    """All pairs within so many kilometres of each other on the sphere; degrees EPSG:4326.

    Places are sorted into squares that are at least so wide, and compared with those of the nine
    squares around theirs.
    """
    if not len(lon):
        return NeighbourIndex(np.zeros(0, np.int64), np.zeros(0, np.int64))
    step = 1.000001 * km / KM_PER_DEGREE
    wide = step / max(cos(radians(float(np.abs(lat).max()) + step)), 0.01)
    rows = np.floor((lat + 90) / step).astype(np.int64) + 1
    columns = np.floor((lon + 180) / wide).astype(np.int64) + 1
    across = int(columns.max()) + 2
    squares = rows * across + columns
    order = np.argsort(squares, kind="stable")
    ordered = squares[order]
    # As points of a sphere of radius 1. For so few kilometres a chord is as good as its angle.
    east, north = np.radians(lon), np.radians(lat)
    points = np.stack(
        (np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)), axis=1
    )
    pairs = []
    for shift in (row * across + column for row in (-1, 0, 1) for column in (-1, 0, 1)):
        first = np.searchsorted(ordered, squares + shift, side="left")
        lengths = np.searchsorted(ordered, squares + shift, side="right") - first
        one = np.repeat(np.arange(len(lon)), lengths)
        starts = np.cumsum(lengths) - lengths
        other = order[np.arange(len(one)) - np.repeat(starts - first, lengths)]
        chords = np.sqrt(((points[one] - points[other]) ** 2).sum(axis=1))
        close = chords <= km / EARTH_KM
        pairs.append((one[close], other[close]))
    ones, others = (np.concatenate(side) for side in zip(*pairs, strict=True))
    by_place = np.argsort(ones, kind="stable")
    return NeighbourIndex(np.bincount(ones, minlength=len(lon)), others[by_place].astype(np.int64))


@dataclass(frozen=True, slots=True)
class MonthBar:
    """One month; `inside`: the period shown holds it."""

    month: date
    count: int
    x: float
    y: float
    width: float
    height: float
    inside: bool


@dataclass(frozen=True, slots=True)
class MonthChart:
    """Bars, round numbers at the left with their heights, and where each January stands."""

    bars: tuple[MonthBar, ...]
    ticks: tuple[tuple[float, int], ...]
    years: tuple[tuple[float, int], ...]


def chart(counts: Sequence[tuple[date, int]], since: date | None, until: date | None) -> MonthChart:
    """Bars of new initiatives by month, in the order given."""
    step = (CHART_WIDTH - CHART_LEFT) / max(len(counts), 1)
    depth = CHART_HEIGHT - CHART_TOP - CHART_BOTTOM
    # The scale ends at the next even round number: 2, 4, 10, 20, 40, 60, …
    most = max((count for _, count in counts), default=0)
    top = 2
    if most > top:
        unit = int(10 ** floor(log10(most)))
        steps = (unit * times for times in (1, 2, 4, 6, 8, 10))
        top = next(step for step in steps if step >= most and step % 2 == 0)
    bars = []
    for number, (month, count) in enumerate(counts):
        height = depth * count / top
        bars.append(
            MonthBar(
                month=month,
                count=count,
                x=round(CHART_LEFT + step * (number + BAR_GAP / 2), 2),
                y=round(CHART_HEIGHT - CHART_BOTTOM - height, 2),
                width=round(step * (1 - BAR_GAP), 2),
                height=round(height, 2),
                inside=(since is None or month >= since) and (until is None or month < until),
            )
        )
    ticks = tuple(
        (CHART_HEIGHT - CHART_BOTTOM - depth * part / 2, top * part // 2) for part in (0, 1, 2)
    )
    years = tuple((bar.x, bar.month.year) for bar in bars if bar.month.month == 1)
    return MonthChart(tuple(bars), ticks, years)


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """How a territory is named in phrases; `level` None is France."""

    level: Level | None
    code: str
    name: str
    at: str
    of: str
    bounds: tuple[float, float, float, float]

    @property
    def url(self) -> str:
        return f"/coordination/{self.level}/{self.code}" if self.level else "/coordination"


@dataclass(frozen=True, slots=True)
class SuggestedCount:
    """What the size of a territory suggests, with limits; whether it is beyond them, and whether
    its silence is more than chance. `recent_mean`: how many in 90 days."""

    mean: float
    low: int
    high: int
    below: bool
    above: bool
    recent_mean: float
    telling: bool


@dataclass(frozen=True, eq=False)
class DashboardRow:
    """One line of a table, or of a list of silent ones, which does not read who supports them.

    What is not known, or not read, is None. `klass`: see `AreaFigures.classes`.
    """

    level: Level
    code: str
    name: str
    population: int | None
    year: int | None
    partial: bool
    initiatives: int
    supporters: int | None
    told: int | None
    local_share: float | None
    recent: int
    before: int
    rate: float | None
    change: float | None
    changed: bool
    silent_share: float | None
    last: datetime | None
    klass: int
    undated: int
    suggested: SuggestedCount | None

    @property
    def url(self) -> str:
        return f"/coordination/{self.level}/{self.code}"


@dataclass(frozen=True, eq=False)
class CommuneCounts:
    """Initiatives by commune: of the period asked, of an unknown day, and of all time.

    Those of an unknown day are in no period with a bound, and in all time.
    """

    period: Counts
    undated: Counts
    ever: Counts

    def at(self, positions: Counts) -> "CommuneCounts":
        """Those at these positions, in their order."""
        return CommuneCounts(self.period[positions], self.undated[positions], self.ever[positions])


@dataclass(frozen=True, eq=False)
class Dashboard:
    """`own` and `areas` are figures of the territory and of its parts; `silent` of `sisters`.

    `years` are those that the populations of its communes are of; `around` are the counts
    that its density takes in, where these were read along.
    """

    view: DashboardView
    place: NamedPlace
    own: AreaFigures
    areas: AreaFigures
    last: datetime | None
    sisters: AreaFigures
    sisters_by: Level
    silence: SilentAreas | None
    years: tuple[int, ...] = ()
    around: CommuneCounts | None = None

    @property
    def own_silence(self) -> SilentAreas | None:
        """Of the parts themselves, where these are what is compared."""
        return self.silence if self.sisters is self.areas else silence_of(self.areas)

    @property
    def straddling(self) -> bool:
        """Whether some of the parts are EPCI of which only a part is shown."""
        return self.areas.partial is not None and bool(self.areas.partial.any())

    @property
    def epci_alone(self) -> int:
        """Initiatives of which only such an EPCI is known, not the commune."""
        return 0 if self.areas.epci_alone is None else int(self.areas.epci_alone.sum())

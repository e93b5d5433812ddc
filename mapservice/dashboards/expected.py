"""How many initiatives chance leaves a territory of some size: limits, not a bare ratio.

The count of a territory with n inhabitants is taken for Poisson's with mean n·r, and its rate r for
one draw of a gamma distribution that all sisters share: Poisson-gamma, after Clayton and Kaldor
(1987). Mean and spread of the gamma are found from the sisters by moments (Marshall 1991). What a
territory of a size may then hold is negative binomial: the limits of a funnel that allows for true
differences (Spiegelhalter 2005). Where sisters differ no more than by chance, it is Poisson's.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

# Each side of the limits leaves out so much.
TAIL = 0.025
# The quantiles of the normal distribution at TAIL and 1 - TAIL.
QUANTILE = 1.959963984540054
# No more than TAIL lies further above a mean, by Cantelli's inequality: sqrt(1 / TAIL - 1) = 6.24.
FURTHEST = 6.25
# Up to this mean limits are exact; beyond, Wilson and Hilferty's cube root is as good.
EXACT_MEAN = 400.0
BLOCK = 512
# In a hamlet one initiative is more than its size suggests, and yet tells nothing.
LEAST_ABOVE = 3


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
        """How many numbers, from 0 on, lie below it: no more than `furthest` spreads beyond a mean.

        Means ascend, so that blocks of them reach about equally far.
        """
        found = np.zeros(len(means), np.int64)
        exact = int(np.searchsorted(means, EXACT_MEAN, side="right"))
        for start in range(0, exact, BLOCK):
            block = means[start : min(start + BLOCK, exact)]
            cumulated = np.cumsum(self._masses(block, furthest), axis=1)
            found[start : start + len(block)] = (cumulated < share).sum(axis=1)
        found[exact:] = self._near(means[exact:], QUANTILE if share > TAIL else -QUANTILE)
        return found

    def _masses(self, means: Floats, furthest: float) -> Floats:
        """Probabilities of 0, 1, 2, …: a row a mean, up to so many spreads beyond the last one."""
        last = means[-1]
        reach = int(last + furthest * np.sqrt(self._variance(last))) + 2
        numbers = np.arange(reach)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(means > 0, np.log(means), -np.inf)[:, None]
            if np.isinf(self.shape):
                start, powers = -means[:, None], numbers * logs
            else:
                spread = np.log1p(means / self.shape)[:, None]
                start = -self.shape * spread
                powers = numbers * (logs - np.log(self.shape) - spread)
            powers[:, 0] = 0.0  # nothing to the power of nothing
        masses: Floats = np.exp(start + powers + self._weights(reach))
        return masses

    def _weights(self, reach: int) -> Floats:
        """Logarithms of the factors that all sizes share: Γ(a + k) / (Γ(a) k!), or 1 / k!."""
        before = np.arange(reach - 1)
        steps = -np.log(before + 1.0)
        if not np.isinf(self.shape):
            steps += np.log(before + self.shape)
        return np.concatenate([[0.0], np.cumsum(steps)])

    def _near(self, means: Floats, side: float) -> Counts:
        """As of a gamma distribution with the same mean and variance, after Wilson and Hilferty."""
        shapes = means**2 / self._variance(means)
        centre, width = 1 - 1 / (9 * shapes), side / (3 * np.sqrt(shapes))
        half = 0.5  # a whole number stands for half a unit around it
        limit = means * np.maximum(centre + width, 0) ** 3
        near: Counts = np.ceil(np.maximum(limit - half, 0)).astype(np.int64)
        return near

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

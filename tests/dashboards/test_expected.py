"""What a size suggests: right limits, few false alarms, and small places left in peace."""

import math

import numpy as np
import pytest

from mapservice.dashboards.model import TAIL, CountLimits, PeerGroup

# Populations as skew as those of communes: many of a few hundred, few of many thousands.
SIZES = np.random.default_rng(7).lognormal(6.3, 1.3, 20_000).astype(np.int64) + 1


def exact_limits(mean: float, shape: float) -> tuple[int, int]:
    """Least counts that at least 2.5 % and 97.5 % do not exceed, by adding up probabilities."""
    low, total, number = -1, 0.0, 0
    while True:
        if math.isinf(shape):
            log = number * math.log(mean) - mean - math.lgamma(number + 1)
        else:
            log = (
                math.lgamma(shape + number)
                - math.lgamma(shape)
                - math.lgamma(number + 1)
                + shape * math.log(shape / (shape + mean))
                + number * math.log(mean / (shape + mean))
            )
        total += math.exp(log)
        if low < 0 and total >= 0.025:
            low = number
        if total >= 0.975:
            return low, number
        number += 1


def limits(mean: float, shape: float) -> CountLimits:
    """Of a territory of 10,000 inhabitants where so many are expected."""
    return PeerGroup(mean / 10_000, shape).limits(np.array([10_000]))


@pytest.mark.parametrize(
    ("mean", "low", "high"),
    # Quantiles of Poisson's distribution as printed in tables.
    [(1.0, 0, 3), (2.0, 0, 5), (3.69, 1, 8), (5.0, 1, 10), (10.0, 4, 17), (20.0, 12, 29)],
)
def test_poissons_limits_are_those_of_tables(mean: float, low: int, high: int) -> None:
    found = limits(mean, math.inf)
    assert (found.low[0], found.high[0]) == (low, high)


@pytest.mark.parametrize("shape", [0.7, 3.0, 40.0, math.inf])
@pytest.mark.parametrize("mean", [0.01, 0.4, 3.0, 17.5, 120.0, 399.0])
def test_limits_are_exact_up_to_a_mean_of_400(mean: float, shape: float) -> None:
    found = limits(mean, shape)
    assert (found.low[0], found.high[0]) == exact_limits(mean, shape)


@pytest.mark.parametrize("shape", [0.7, 3.0, 40.0, 5000.0, math.inf])
@pytest.mark.parametrize("mean", [401.0, 900.0, 4000.0])
def test_beyond_it_they_err_by_less_than_a_fiftieth_of_their_width(
    mean: float, shape: float
) -> None:
    found, (low, high) = limits(mean, shape), exact_limits(mean, shape)
    allowed = max(0.02 * (high - low), 1)
    assert abs(found.low[0] - low) <= allowed
    assert abs(found.high[0] - high) <= allowed


@pytest.mark.parametrize("shape", [math.inf, 2.0])
@pytest.mark.parametrize("rate", [0.0002, 0.003, 0.05])
def test_where_only_chance_rules_no_more_than_the_stated_share_is_flagged(
    rate: float, shape: float
) -> None:
    """Ten Frances drawn from the model itself: of all sizes, and of the smallest alone."""
    random = np.random.default_rng(11)
    flagged, small = [], []
    for _ in range(10):
        rates = rate * (random.gamma(shape, 1 / shape, len(SIZES)) if shape < math.inf else 1)
        counts = random.poisson(rates * SIZES)
        below = PeerGroup.of(counts, SIZES).limits(SIZES).below(counts)
        flagged.append(below.mean())
        small.append(below[SIZES < 500].mean())
    assert np.mean(flagged) <= TAIL * 1.1
    assert np.mean(small) <= TAIL * 1.1


def test_a_large_town_that_is_silent_stands_out_and_a_village_does_not() -> None:
    counts = np.random.default_rng(3).poisson(0.002 * SIZES)
    town, village = SIZES.argmax(), SIZES.argmin()
    counts[[town, village]] = 0
    below = PeerGroup.of(counts, SIZES).limits(SIZES).below(counts)
    assert below[town]
    assert not below[village]


def test_one_initiative_in_a_hamlet_is_no_glory() -> None:
    """Its bare rate is a hundred times the common one; drawn to its sisters it is not double."""
    sizes = np.concatenate([[50], SIZES])
    counts = np.random.default_rng(5).poisson(0.0002 * sizes)
    counts[0] = 1
    sisters = PeerGroup.of(counts, sizes)
    assert counts[0] / sizes[0] > 50 * sisters.rate
    assert sisters.smoothed(counts, sizes)[0] < 2 * sisters.rate
    assert not sisters.limits(sizes).above(counts)[0]


def test_sisters_that_truly_differ_widen_the_limits() -> None:
    random = np.random.default_rng(13)
    alike = random.poisson(0.01 * SIZES)
    apart = random.poisson(0.01 * SIZES * random.gamma(3, 1 / 3, len(SIZES)))
    narrow = PeerGroup.of(alike, SIZES).limits(np.array([20_000]))
    wide = PeerGroup.of(apart, SIZES).limits(np.array([20_000]))
    assert wide.low[0] < narrow.low[0]
    assert wide.high[0] > narrow.high[0]


def test_the_parameters_that_made_the_data_are_found_again() -> None:
    random = np.random.default_rng(17)
    counts = random.poisson(0.01 * SIZES * random.gamma(3, 1 / 3, len(SIZES)))
    found = PeerGroup.of(counts, SIZES)
    assert found.rate == pytest.approx(0.01, rel=0.1)
    assert found.shape == pytest.approx(3, rel=0.35)


def test_nobody_or_nothing_suggests_nothing() -> None:
    nothing = PeerGroup.of(np.zeros(12, np.int64), np.full(12, 1000))
    assert nothing.limits(np.array([1000])).mean.tolist() == [0.0]
    assert not nothing.limits(np.array([1000])).below(np.array([0]))[0]
    nobody = PeerGroup.of(np.zeros(3, np.int64), np.zeros(3, np.int64))
    assert nobody.rate == 0.0

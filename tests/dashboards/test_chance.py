"""Classes of a map differ by more than chance; what few people tell of is drawn to the common."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapservice.dashboards.model import (
    APART,
    PER,
    AreaFigures,
    ClassEvidence,
    DashboardFigure,
    PeerGroup,
    PeerShares,
    breaks_of,
    classify,
    distinct_breaks,
    explained,
    natural_breaks,
)

REPEATS = 200


def areas(
    initiatives: np.ndarray,
    population: np.ndarray,
    recent: np.ndarray | None = None,
    before: np.ndarray | None = None,
    told: np.ndarray | None = None,
    local: np.ndarray | None = None,
) -> AreaFigures:
    nothing = np.zeros(len(initiatives), np.int64)
    codes = tuple(str(number) for number in range(len(initiatives)))
    return AreaFigures(
        codes,
        population.astype(np.int64),
        initiatives.astype(np.int64),
        nothing if recent is None else recent,
        nothing if before is None else before,
        told=told,
        local=local,
    )


def test_four_regions_that_chance_parts_share_one_colour() -> None:
    """6.6, 6.8, 6.9 and 7.0 for 10,000, of 800,000 people each: 528 to 560 initiatives."""
    found = areas(np.array([528, 544, 552, 560]), np.full(4, 800_000))
    assert found.rate.tolist() == [6.6, 6.8, 6.9, 7.0]
    assert len(natural_breaks(found.rate)) == 3, "by the values alone there would be four"
    breaks = breaks_of(DashboardFigure.RATE, found)
    assert breaks == ()
    assert found.classes(DashboardFigure.RATE, breaks).tolist() == [1, 1, 1, 1]
    assert explained(DashboardFigure.RATE, breaks, found)


def test_regions_that_truly_differ_have_colours_of_their_own() -> None:
    found = areas(np.array([160, 400, 1600]), np.full(3, 800_000))
    breaks = breaks_of(DashboardFigure.RATE, found)
    assert found.classes(DashboardFigure.RATE, breaks).tolist() == [1, 2, 3]
    assert not explained(DashboardFigure.RATE, breaks, found)


def test_the_same_values_of_more_people_are_told_apart() -> None:
    """What chance explains of 528 and 1,056, it does not of a hundred times as many."""
    rates = np.array([6.6, 6.6, 7.0, 7.0])
    few = areas(np.round(rates * 80), np.full(4, 800_000))
    many = areas(np.round(rates * 8000), np.full(4, 80_000_000))
    assert breaks_of(DashboardFigure.RATE, few) == ()
    assert len(breaks_of(DashboardFigure.RATE, many)) == 1


@pytest.mark.parametrize("size", [4, 18, 101, 1000])
@pytest.mark.parametrize("rate", [0.5, 7.0])
def test_pure_chance_makes_one_class(size: int, rate: float) -> None:
    """Whatever is one rate, though sorted and parted by its values: in 19 cases of 20, and more."""
    dice = np.random.default_rng(size)
    several = 0
    for _ in range(REPEATS):
        people = np.exp(dice.normal(11, 1.2, size)).astype(np.int64) + 50
        found = areas(dice.poisson(rate * people / PER), people)
        several += bool(breaks_of(DashboardFigure.RATE, found))
    assert several <= REPEATS // 20


def test_true_differences_are_not_lost() -> None:
    dice = np.random.default_rng(7)
    people = np.exp(dice.normal(13, 0.5, 101)).astype(np.int64)
    rates = np.repeat([2.0, 6.0, 18.0], [33, 34, 34])
    found = areas(dice.poisson(rates * people / PER), people)
    classes = found.classes(DashboardFigure.RATE, breaks_of(DashboardFigure.RATE, found))
    groups = [set(classes[rates == rate].tolist()) for rate in (2.0, 6.0, 18.0)]
    assert all(not one & other for one, other in pairwise(groups))


@settings(deadline=None, max_examples=60)
@given(
    held=st.lists(st.integers(0, 400), min_size=2, max_size=60),
    data=st.data(),
)
def test_neighbouring_classes_always_differ_beyond_chance(
    held: list[int], data: st.DataObject
) -> None:
    """Checked by plain loops: a typical one of each class, from the posterior of each territory."""
    people = data.draw(
        st.lists(st.integers(0, 90_000), min_size=len(held), max_size=len(held)), label="people"
    )
    found = areas(np.array(held), np.array(people))
    for figure in (DashboardFigure.RATE, DashboardFigure.INITIATIVES):
        breaks = breaks_of(figure, found)
        evidence = found.evidence(figure)
        classes = found.classes(figure, breaks)
        members = [np.flatnonzero(classes == number) for number in range(1, len(breaks) + 2)]
        for low, high in pairwise(members):
            assert len(low), "no class is empty"
            assert len(high)
            apart = evidence.mean[high].mean() - evidence.mean[low].mean()
            noise = evidence.variance[high].mean() + evidence.variance[low].mean()
            assert apart > APART * noise**0.5


@given(st.lists(st.integers(0, 60), min_size=1, max_size=40))
def test_zero_stays_zero_and_nobody_stays_unknown(held: list[int]) -> None:
    people = np.arange(len(held)) * 300  # nobody lives in the first one
    found = areas(np.array(held), people)
    classes = found.classes(DashboardFigure.RATE, breaks_of(DashboardFigure.RATE, found))
    assert classes[0] == -1
    assert ((classes == 0) == ((np.array(held) == 0) & (people > 0))).all()


def test_the_rate_of_a_hamlet_is_drawn_to_that_of_its_sisters() -> None:
    """One initiative among 50 people is no rate of 200: the colour is that of the others."""
    dice = np.random.default_rng(3)
    people = np.append(np.full(40, 60_000), 50)
    held = np.append(dice.poisson(np.repeat([12, 60], 20)), 1)
    found = areas(held, people)
    assert found.rate[-1] == 200.0
    breaks = breaks_of(DashboardFigure.RATE, found)
    classes = found.classes(DashboardFigure.RATE, breaks)
    assert breaks
    assert found.evidence(DashboardFigure.RATE).value[-1] < 12
    assert classes[-1] <= classes[:-1].max()


def test_the_share_of_one_supporter_is_no_share_of_all() -> None:
    told = np.array([400, 400, 400, 1])
    found = areas(np.ones(4), np.ones(4), told=told, local=np.array([100, 200, 300, 1]))
    value = found.evidence(DashboardFigure.LOCAL).value
    assert found.local_share.tolist() == [25.0, 50.0, 75.0, 100.0]
    assert 50 <= value[-1] < 75
    assert value[:3] == pytest.approx([25, 50, 75], abs=2)


def test_shares_that_differ_by_chance_alone_are_one() -> None:
    dice = np.random.default_rng(5)
    wholes = dice.integers(3, 300, 60)
    several = 0
    for _ in range(REPEATS):
        parts = dice.binomial(wholes, 0.4)
        mean, variance = PeerShares.of(parts, wholes).smoothed(parts, wholes)
        value = np.where(parts > 0, mean, 0.0)
        several += bool(distinct_breaks([ClassEvidence(value, mean, variance)], ratios=False))
    assert several <= REPEATS // 20


def test_without_a_spread_all_are_the_common_rate() -> None:
    counts, people = np.array([5, 5]), np.array([100, 100])
    sisters = PeerGroup.of(counts, people)
    assert np.isinf(sisters.shape)
    assert sisters.uncertainty(counts, people).tolist() == [0.0, 0.0]
    assert classify(areas(counts, people).evidence(DashboardFigure.RATE).value, ()).tolist() == [
        1,
        1,
    ]


def test_a_season_without_a_year_before_tells_no_change() -> None:
    """Seven, then eleven, is chance; and before a year is known nothing is told at all."""
    found = areas(np.array([30, 90]), np.array([900, 900]), np.array([11, 60]), np.array([7, 20]))
    assert found.changed.tolist() == [False, True]
    assert found.change.tolist() == [0.0, 2.0]
    young = AreaFigures(
        found.codes, found.population, found.initiatives, found.recent, found.before,
        compared=False,
    )  # fmt: skip
    assert not young.changed.any()
    assert np.isnan(young.change).all()
    assert young.classes(
        DashboardFigure.CHANGE, breaks_of(DashboardFigure.CHANGE, young)
    ).tolist() == [-1, -1]


def test_two_places_are_judged_together() -> None:
    """Each alone is explained by chance; their two means are no difference that is certain."""
    west = areas(np.array([16, 30, 26, 20]), np.array([600_000, 930_000, 1_100_000, 760_000]))
    east = areas(
        np.array([39, 21, 8, 14, 18]), np.array([1_450_000, 820_000, 307_000, 560_000, 700_000])
    )
    for one in (west, east):
        assert breaks_of(DashboardFigure.RATE, one) == ()
    assert breaks_of(DashboardFigure.RATE, west, east) == ()

"""Natural breaks are the best there are, bounds read well, and zero is not unknown."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mapservice.dashboards.model import classify, natural_breaks, partition, two_digits


def spread(values: np.ndarray, weights: np.ndarray, starts: tuple[int, ...]) -> float:
    """The weighted sum of squares about the means of classes that start there."""
    total = 0.0
    for start, end in zip(starts, (*starts[1:], len(values)), strict=True):
        part, weight = values[start:end], weights[start:end]
        total += float((weight * (part - np.average(part, weights=weight)) ** 2).sum())
    return total


@given(
    values=st.lists(st.integers(0, 200), min_size=4, max_size=11, unique=True),
    data=st.data(),
    classes=st.integers(1, 4),
)
def test_no_partition_is_better_than_fishers(
    values: list[int], data: st.DataObject, classes: int
) -> None:
    ordered = np.array(sorted(values), float)
    weights = np.array(
        data.draw(st.lists(st.integers(1, 9), min_size=len(values), max_size=len(values))), float
    )
    found = partition(ordered, weights, classes)
    cuts = combinations(range(1, len(values)), classes - 1)
    best = min(spread(ordered, weights, (0, *cut)) for cut in cuts)
    assert len(found) == classes
    assert spread(ordered, weights, tuple(found)) == pytest.approx(best, abs=1e-6)


def test_groups_that_anybody_sees_are_found() -> None:
    """Fisher's own kind of example: three heaps far apart."""
    values = np.array([1, 1.1, 1.2, 10, 11, 12, 100, 110, 120.0])
    assert natural_breaks(values, 3) == (10.0, 100.0)


@given(arrays.arrays(np.int64, st.integers(0, 60), elements=st.integers(0, 10**8)))
def test_breaks_ascend_and_no_class_is_empty(hundredths: np.ndarray) -> None:
    values = hundredths / 100
    breaks = natural_breaks(values)
    assert list(breaks) == sorted(set(breaks))
    classes = classify(values, breaks)
    positive = set(classes[values > 0].tolist())
    assert positive == (set(range(1, len(breaks) + 2)) if positive else set())


def test_zero_and_unknown_are_classes_of_their_own() -> None:
    values = np.array([0.0, np.nan, 0.5, 3.0])
    assert classify(values, (1.0,)).tolist() == [0, -1, 1, 2]


def test_a_value_belongs_to_the_class_that_the_legend_says() -> None:
    """2.96 is read as 3.0 in a legend of two digits, so the class "3 and more" has it."""
    assert classify(np.array([2.94, 2.96, 3.0]), (3.0,)).tolist() == [1, 2, 2]
    assert two_digits(np.array([0.0, 123.0, 0.0126, -3.14])).tolist() == [0.0, 120.0, 0.013, -3.1]


def test_nothing_makes_no_class() -> None:
    assert natural_breaks(np.array([0.0, 0.0, np.nan])) == ()
    assert natural_breaks(np.array([])) == ()

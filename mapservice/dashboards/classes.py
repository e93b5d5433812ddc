"""Classes of a shaded map: natural breaks after Fisher (1958), no more of them than chance allows.

Fisher's partition of ordered values into classes makes the sum of squares within them least; Jenks
made it known on maps. It is found exactly, over values rounded to two digits: bounds that people
read are no finer. Neighbouring classes that chance alone may have parted are then joined
(`told_apart`), so that two colours never stand for what nobody can tell apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

CLASSES = 5
NOTHING = 0
UNKNOWN = -1
# Beyond so many standard deviations two classes differ by more than chance: one case in 20.
APART = 1.959963984540054


@dataclass(frozen=True, eq=False)
class ClassEvidence:
    """What a class goes by, a territory an entry, and how much of that may be chance.

    `value` decides on the class: 0 is nothing, NaN unknown. `mean` and `variance` say what is
    likely true of each, given its sisters (posterior moments); NaN where nothing is known.
    """

    value: Floats
    mean: Floats
    variance: Floats


def told_apart(
    evidence: Sequence[ClassEvidence], classes: int = CLASSES, *, ratios: bool = True
) -> tuple[float, ...]:
    """Natural breaks of all these values, without those that chance may have made.

    A break stays if a typical territory of the class above it differs from a typical one of the
    class below by more than `APART` standard deviations of that difference. The weakest goes first,
    and those beside it are then judged anew. Means and variances are posterior ones, so picking
    the classes by the values themselves makes no difference out of chance.
    """
    value = np.concatenate([one.value for one in evidence])
    mean = np.concatenate([one.mean for one in evidence])
    variance = np.concatenate([one.variance for one in evidence])
    breaks = list(natural_breaks(value, classes, ratios=ratios))
    while breaks:
        apart = _distances(classify(value, tuple(breaks)), len(breaks) + 1, mean, variance)
        weakest = int(apart.argmin())
        if apart[weakest] > APART:
            break
        del breaks[weakest]
    return tuple(breaks)


def _distances(numbers: Numbers, classes: int, mean: Floats, variance: Floats) -> Floats:
    """Between each class and the next, in standard deviations of the difference of two of them."""
    held = numbers > NOTHING
    sizes = np.bincount(numbers[held] - 1, minlength=classes)
    means, variances = (
        np.bincount(numbers[held] - 1, column[held], classes) / np.maximum(sizes, 1)
        for column in (mean, variance)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        apart: Floats = np.diff(means) / np.sqrt(variances[1:] + variances[:-1])
    return np.nan_to_num(apart, nan=0.0)


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
    cost = _costs(values, weights)
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


def classify(values: Floats, breaks: tuple[float, ...]) -> Numbers:
    """From 1 on; NOTHING for zero, UNKNOWN for what is no number. Values count as they are read."""
    classes = np.searchsorted(breaks, two_digits(values), side="right") + 1
    classes[values == 0] = NOTHING
    classes[~np.isfinite(values)] = UNKNOWN
    return classes.astype(np.int64)


def two_digits(values: Floats) -> Floats:
    """Each rounded to two significant digits, as its decimal says: 0.3 is just that."""
    rounded = values.astype(float)
    known = np.isfinite(values) & (values != 0)
    digits = 1 - np.floor(np.log10(np.abs(values[known]))).astype(int)
    up, down = 10.0 ** np.maximum(digits, 0), 10.0 ** np.maximum(-digits, 0)
    rounded[known] = np.round(values[known] * up / down) / up * down
    return rounded


def _costs(values: Floats, weights: Floats) -> Floats:
    """Of the class from i through j, at [i, j]; infinite where it would be empty."""
    zero = np.zeros(1)
    weight = np.concatenate([zero, np.cumsum(weights)])
    first = np.concatenate([zero, np.cumsum(weights * values)])
    second = np.concatenate([zero, np.cumsum(weights * values**2)])
    span = (slice(1, None), slice(None, -1))
    between = [
        (sums[span[0]][None, :] - sums[span[1]][:, None]) for sums in (weight, first, second)
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = between[2] - between[1] ** 2 / between[0]
    above = np.tri(len(values), k=-1, dtype=bool)
    return np.where(above, np.inf, np.maximum(squares, 0.0))

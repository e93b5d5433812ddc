"""Classes of a shaded map: natural breaks after Fisher (1958), which Jenks made known on maps.

Fisher's partition of ordered values into classes makes the sum of squares within them least. It is
found exactly, over values rounded to two digits: bounds that people read are no finer.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

CLASSES = 5
NOTHING = 0
UNKNOWN = -1


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

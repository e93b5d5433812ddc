"""What is read as columns adds up to what a plain count of each place and month says."""

from collections import Counter
from datetime import date

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mapservice.dashboards.queries import NO_MONTH, MonthCounts, MonthEntries, number_of

SIZE = 4
FIRST = number_of(date(2024, 11, 1))
months = st.integers(FIRST, FIRST + 5)
# One place more than there are: what is not among them.
places = st.integers(0, SIZE)
bounds = st.none() | st.sampled_from([date(2024, 12, 1), date(2025, 1, 1), date(2025, 3, 1)])
# Of a place, how many in which months.
runs = st.lists(st.tuples(places, st.dictionaries(months, st.integers(0, 3), min_size=1)))
Run = tuple[int, dict[int, int]]


def entries(given: list[Run], sign: int = 1) -> MonthEntries:
    held = [(month, number) for _, run in given for month, number in sorted(run.items())]
    return MonthEntries(
        np.array([place for place, _ in given], np.int64),
        np.array([len(run) for _, run in given], np.int64),
        np.array([month for month, _ in held], np.int32),
        {"initiatives": np.array([number for _, number in held], ">i4")},
        sign,
    )


def counted(kept: list[Run], added: list[Run], less: list[Run]) -> Counter[tuple[int, int]]:
    """By place and month."""
    found: Counter[tuple[int, int]] = Counter()
    for sign, part in ((1, kept), (1, added), (-1, less)):
        for place, run in part:
            for month, number in run.items():
                found[place, month] += sign * number
    return found


@given(kept=runs, added=runs, less=runs, since=bounds, until=bounds)
def test_sums_and_last_months(
    kept: list[Run], added: list[Run], less: list[Run], since: date | None, until: date | None
) -> None:
    read = MonthCounts(SIZE, entries(kept), (entries(added), entries(less, -1)), ())
    low = number_of(since) if since else FIRST
    high = number_of(until) if until else FIRST + 99
    truth = {
        key: number
        for key, number in counted(kept, added, less).items()
        if key[0] < SIZE and low <= key[1] < high
    }
    totals = read.totals(("initiatives",), since, until)["initiatives"].tolist()
    last = read.last(since, until).tolist()
    for place in range(SIZE):
        of_place = {month: number for (at, month), number in truth.items() if at == place}
        assert totals[place] == sum(of_place.values())
        held = [month for month, number in of_place.items() if number > 0]
        assert last[place] == max(held, default=NO_MONTH)

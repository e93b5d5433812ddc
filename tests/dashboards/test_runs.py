"""Territories that stand side by side among all of their level are read together, and no others."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mapservice.dashboards.model import TerritoryIndex
from mapservice.territories.model import Level

CODES = ("01001", "01002", "01004", "2A004", "2B033", "35238", "35288", "97105", "97411")
NONE = np.zeros(len(CODES), np.int64)
WHOLE = TerritoryIndex(
    Level.COMMUNE, CODES, NONE, NONE, {}, NONE.astype(float), NONE.astype(float), whole=True
)
masks = st.lists(st.booleans(), min_size=len(CODES), max_size=len(CODES))


def covered(index: TerritoryIndex) -> list[str]:
    return [
        code
        for first, last in zip(*index.runs, strict=True)
        for code in CODES
        if first <= code <= last
    ]


@given(first=masks, second=masks)
def test_runs_hold_those_that_were_picked_and_no_other(
    first: list[bool], second: list[bool]
) -> None:
    once = WHOLE.pick(np.array(first))
    kept = np.array([two for one, two in zip(first, second, strict=True) if one], bool)
    for index in (WHOLE, once, once.pick(kept)):
        assert covered(index) == list(index.codes)
        assert len(index.runs[0]) <= max(len(index), 1)


def test_neighbours_are_one_run() -> None:
    assert WHOLE.runs == (["01001"], ["97411"])
    assert WHOLE.pick(np.array([1, 2, 3, 7, 8])).runs == (["01002", "97105"], ["2A004", "97411"])

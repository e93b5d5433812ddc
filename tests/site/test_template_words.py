"""Words for two rates claim no difference that chance explains."""

import pytest

from mapservice.rollups.territory_model import TerritoryFigures
from mapservice.site.template_words import is_within_chance

FRANCE = TerritoryFigures(68_350_798, 317, 0, {})


@pytest.mark.parametrize(
    ("initiatives", "population", "within"),
    [
        (13, 3_394_567, True),  # 0.04 beside 0.05: sixteen were to be expected
        (5, 3_394_567, False),
        (30, 3_394_567, False),
        (0, 100, True),
        (2, 900, False),
        (170, 34_000_000, True),
        (210, 34_000_000, False),
        (3, None, True),
    ],
)
def test_a_difference_is_told_only_beyond_chance(
    initiatives: int, population: int | None, within: bool
) -> None:
    own = TerritoryFigures(population, initiatives, 0, {})
    assert is_within_chance(own, FRANCE) is within

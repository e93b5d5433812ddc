"""Which territories a letter names as rising or falling silent: beyond chance, however many."""

import numpy as np
import pytest

from mapservice.dashboards.model import AreaFigures
from mapservice.notifications.weekly_digest.model import FALSE_SHARE, ClearMoves, moves


def areas(population: list[int], recent: list[int], before: list[int]) -> AreaFigures:
    codes = tuple(f"{number:05}" for number in range(len(population)))
    counts = [np.array(column, np.int64) for column in (population, recent, before)]
    people, now, then = counts
    return AreaFigures(codes, people, now + then, now, then)


@pytest.mark.parametrize(
    ("recent", "before", "told"),
    [
        (12, 2, ClearMoves(rising=(0,))),
        (2, 12, ClearMoves(falling=(0,))),
        (0, 8, ClearMoves(falling=(0,))),
        (8, 0, ClearMoves(rising=(0,))),
        (4, 2, ClearMoves()),
        (2, 0, ClearMoves()),
        (120, 100, ClearMoves()),
        (0, 0, ClearMoves()),
    ],
)
def test_one_territory_moves_where_a_coin_would_hardly_fall_so(
    recent: int, before: int, told: ClearMoves
) -> None:
    assert moves(areas([50_000], [recent], [before])) == told


def test_the_same_difference_among_many_is_what_chance_does() -> None:
    alone = areas([50_000], [15], [5])
    assert moves(alone).rising == (0,)
    among = areas([50_000] * 200, [15] + [10] * 199, [5] + [10] * 199)
    assert moves(among).rising == ()


def test_the_clearest_comes_first() -> None:
    found = moves(areas([50_000] * 3, [20, 60, 0], [2, 3, 40]))
    assert found == ClearMoves(rising=(1, 0), falling=(2,))


def test_a_town_without_anything_now_has_fallen_silent_where_its_sisters_go_on() -> None:
    """Three before are too few to tell by themselves; that a town of its size has none is not."""
    sisters = [20_000] * 30
    assert moves(areas([20_000, *sisters], [0, *[12] * 30], [3, *[12] * 30])).falling == (0,)
    hamlet = areas([200, *sisters], [0, *[12] * 30], [3, *[12] * 30])
    assert moves(hamlet).falling == (), "chance often leaves a hamlet none"
    never = areas([20_000, *sisters], [0, *[12] * 30], [0, *[12] * 30])
    assert moves(never).falling == (), "it does not fall silent: it was"


def test_nothing_is_told_of_no_territories_or_empty_ones() -> None:
    assert moves(areas([], [], [])) == ClearMoves()
    assert moves(areas([0] * 20, [0] * 20, [0] * 20)) == ClearMoves()


def test_where_nothing_changes_few_letters_name_any() -> None:
    """400 times 300 communes with the same rate in both windows."""
    dice = np.random.default_rng(7)
    people = np.round(dice.lognormal(7.5, 1.2, 300)).astype(int) + 50
    false = 0
    for _ in range(400):
        now, then = dice.poisson(people * 0.002), dice.poisson(people * 0.002)
        found = moves(areas(list(people), list(now), list(then)))
        false += bool(found.rising or found.falling)
    assert false <= 2 * FALSE_SHARE * 400

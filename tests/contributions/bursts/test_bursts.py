"""Bought supports are found and not counted; neighbours are left alone, however they come.

The crowds of one shape arrive at several initiatives at once, each drawn with another seed.
"""

from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, text

from mapservice.contributions.bursts import service
from tests.conftest import LONG
from tests.contributions.bursts.simulation import (
    AROUND,
    FRANCE,
    RENNES,
    Figures,
    arrive,
    bought,
    figures,
    initiative,
    knock,
    ordered,
    reasons,
    wave,
)

HELD, LOOKED_AT = (("hold", "open"),), (("look", "open"),)
BOUGHT: dict[str, dict[str, Any]] = {
    "three networks in ten minutes": {"networks": 3, "minutes": 10},
    "sixty networks in a day": {"networks": 60, "minutes": 1440},
    "from the commune itself": {"networks": 20, "communes": (RENNES,)},
    "from everywhere": {"networks": 40, "communes": (*FRANCE, None), "minutes": 600},
    "some for one use": {"networks": 12, "disposable": 0.4},
    "some hundred networks": {"networks": 300, "minutes": 1440},
    "a week of drops": {"networks": 8, "minutes": 9000},
}
WAVES: dict[str, dict[str, Any]] = {
    "an evening": {},
    "an hour": {"minutes": 60},
    "three days": {"minutes": 4320},
    "nobody told a commune": {"told": 0.0},
    "everybody told one": {"told": 1.0},
    "an operator with a sixth": {"shared": 0.16},
    "three schools": {"schools": 3},
    "a few dozens in a hall": {"size": 60, "shared": 0.3, "schools": 1},
    "two thousand": {"size": 2000, "schools": 4},
}


@pytest.mark.sampled
@pytest.mark.parametrize("shape", BOUGHT if LONG else list(BOUGHT)[:4])
def test_five_thousand_bought_ones_are_not_counted(engine: Engine, shape: str) -> None:
    known = [initiative(engine) for _ in range(2)]
    for seed, one in enumerate(known):
        arrive(engine, one, bought(Random(seed), name=f"b{seed}-", **BOUGHT[shape]))
    service.watch(engine)
    for one in known:
        found = figures(engine, one)
        assert found.bursts == HELD
        assert found.counted <= 150, found
        assert found.counted + found.held == 5000


@pytest.mark.parametrize("shape", WAVES)
def test_neighbours_are_left_alone(engine: Engine, shape: str) -> None:
    known = [initiative(engine) for _ in range(4)]
    crowds = [wave(Random(seed), name=f"w{seed}-", **WAVES[shape]) for seed in range(4)]
    for one, crowd in zip(known, crowds, strict=True):
        arrive(engine, one, crowd)
    service.watch(engine)
    for one, crowd in zip(known, crowds, strict=True):
        assert figures(engine, one) == Figures(len(crowd), 0, ())


def test_neighbours_who_come_with_bought_ones_are_mostly_counted(engine: Engine) -> None:
    known = initiative(engine)
    arrive(engine, known, wave(Random(1)))
    arrive(engine, known, bought(Random(2), networks=60, minutes=240))
    service.watch(engine)
    with engine.connect() as connection:
        rows = connection.execute(text(HELD_OF)).all()
    share = {row.kind: row.held / row.supports for row in rows}
    assert share["bought"] > 0.97
    assert share["wave"] < 0.2


HELD_OF = """
SELECT rtrim(split_part(email, '@', 1), '0123456789') AS kind, count(*) AS supports,
       count(*) FILTER (WHERE held_at IS NOT NULL) AS held
  FROM support JOIN person ON person.id = support.person
 GROUP BY 1"""


def test_an_initiative_that_many_back_hides_nothing(engine: Engine) -> None:
    """A month of three thousand neighbours, then a thousand bought ones within an hour."""
    known = initiative(engine)
    arrive(engine, known, wave(Random(1), 3000, minutes=40_000, schools=5))
    arrive(engine, known, bought(Random(2), 1000, 25, minutes=50))
    service.watch(engine)
    found = figures(engine, known)
    assert found.bursts == HELD
    assert 940 <= found.held <= 1060


def test_members_sent_by_their_party_are_told_of_or_held(engine: Engine) -> None:
    """Each at home, none of here: what their networks cannot show, their communes do."""
    some, many, silent = (initiative(engine) for _ in range(3))
    arrive(engine, some, ordered(Random(1), 800, name="some"))
    arrive(engine, many, ordered(Random(2), 5000, name="many"))
    arrive(engine, silent, ordered(Random(3), 5000, told=0, name="silent"))
    service.watch(engine)
    assert figures(engine, some) == Figures(800, 0, LOOKED_AT)
    assert reasons(engine, some).keys() == {"sudden", "away"}
    assert figures(engine, many) == Figures(0, 5000, HELD)
    assert figures(engine, silent) == Figures(5000, 0, LOOKED_AT)
    assert reasons(engine, silent).keys() == {"sudden", "beyond"}


def test_who_is_of_here_counts_amid_a_crowd_from_elsewhere(engine: Engine) -> None:
    known = initiative(engine)
    arrive(engine, known, ordered(Random(1), 4000))
    arrive(engine, known, wave(Random(2), 100, shared=0, schools=0, told=1))
    service.watch(engine)
    found = figures(engine, known)
    assert found.bursts == HELD
    assert 60 <= found.counted <= 100
    after = wave(Random(3), 20, shared=0, schools=0, told=1, name="after")
    knock(engine, known, after)
    of_here = sum(one.commune in AROUND for one in after)
    assert figures(engine, known).counted == found.counted + of_here


def test_mailboxes_for_one_use_are_held_back(engine: Engine) -> None:
    """From as many networks as people, but one in five throws its mail away."""
    known = initiative(engine)
    crowd = bought(Random(1), 400, 4000, minutes=300, communes=AROUND, disposable=0.2)
    arrive(engine, known, crowd)
    service.watch(engine)
    thrown = sum("mailinator" in one.mailbox for one in crowd)
    assert figures(engine, known) == Figures(400 - thrown, thrown, HELD)
    assert reasons(engine, known)["disposable"] == {"disposable": thrown, "supports": thrown}


def test_more_than_live_here_cannot_be_of_here(engine: Engine) -> None:
    """Ouessant has some 830 inhabitants, and belongs to no intercommunality."""
    known = initiative(engine, commune="29155")
    arrive(engine, known, bought(Random(1), 600, 9000, minutes=300, communes=("29155",)))
    service.watch(engine)
    assert figures(engine, known) == Figures(600, 0, LOOKED_AT)
    assert reasons(engine, known)["inhabitants"]["local"] == 600


def test_where_all_of_france_is_here_nobody_is_from_elsewhere(engine: Engine) -> None:
    known = initiative(engine, commune=None, precision="national")
    arrive(engine, known, ordered(Random(1), 1500))
    service.watch(engine)
    assert figures(engine, known) == Figures(1500, 0, ())


def test_looking_again_changes_nothing(engine: Engine) -> None:
    known = initiative(engine)
    arrive(engine, known, bought(Random(1), 600, 5))
    service.watch(engine)
    with engine.connect() as connection:
        before = connection.execute(text(ALL)).all()
    service.watch(engine)
    with engine.connect() as connection:
        assert connection.execute(text(ALL)).all() == before
    assert reasons(engine, known)["networks"] == {
        "supports": 600,
        "networks": 5,
        "largest": 164,
        "all_supports": 600,
        "all_networks": 5,
        "effective": 4,
    }


ALL = """
SELECT support.id, held_at, support.xmin::text, burst.xmin::text, burst.*
  FROM support LEFT JOIN burst ON burst.id = support.burst ORDER BY support.id"""

"""What `scripts/launch-trial` is asked to do; needs the standard library alone."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

TILES, PLACES = 12, 2_000


@dataclass(frozen=True, slots=True)
class Options:
    """`template` is a database of the server that is copied, "" for one that is made and kept."""

    minutes: float
    opens: int
    writes: float
    count: int
    template: str
    budget_ms: int
    seed: int


def parse(words: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="scripts/launch-trial",
        description="Opens the map as a national launch would, through nginx, caches cold; exit"
        " code 1 where an answer fails, or 95 in 100 of a kind are not within the budget.",
    )
    add = parser.add_argument
    add("--minutes", type=float, default=10.0, help="default: %(default)g")
    add("--opens", type=int, default=5_000, help="map opens a minute; default: %(default)d")
    add("--writes", type=float, default=5.0, help="a second; default: %(default)g")
    add("--count", type=int, default=1_000_000, help="made-up initiatives; default: %(default)d")
    add("--template", default="", help="a database of the server to copy instead of making one")
    add("--budget", type=int, default=300, help="milliseconds at p95; default: %(default)d")
    add("--seed", type=int, default=1, help="default: %(default)d")
    told = parser.parse_args(words)
    if min(told.minutes, told.opens, told.count) <= 0 or told.writes < 0:
        parser.error("minutes, opens and count must be more than 0, writes not less")
    return Options(
        told.minutes, told.opens, told.writes, told.count, told.template, told.budget, told.seed
    )

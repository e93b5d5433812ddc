"""Which faults strike, in which order: the same for one seed."""

from collections.abc import Sequence
from enum import StrEnum
from random import Random


class Fault(StrEnum):
    """Each with the words of the report."""

    WORKER = "kill -9 of the job worker"
    WEB_PROCESS = "kill -9 of a gunicorn process"
    WEB_MASTER = "kill -9 of gunicorn's master"
    POSTMASTER = "kill -9 of the postmaster"
    BACKEND = "kill -9 of one backend"
    DATABASE_HANGS = "database stands still"
    DATABASE_REFUSES = "database refuses connections"
    DISK_FULL = "full disk, of database and files"
    CLOCK_FORWARD = "clock a day forward"
    CLOCK_BACK = "clock a day back"


# What takes half a minute comes less often than what takes seconds.
WEIGHTS = {
    Fault.WORKER: 4,
    Fault.WEB_PROCESS: 3,
    Fault.WEB_MASTER: 3,
    Fault.POSTMASTER: 3,
    Fault.BACKEND: 3,
    Fault.DATABASE_HANGS: 1,
    Fault.DATABASE_REFUSES: 1,
    Fault.DISK_FULL: 1,
    Fault.CLOCK_FORWARD: 1,
    Fault.CLOCK_BACK: 1,
}


def schedule(count: int, seed: int, kinds: Sequence[Fault]) -> list[Fault]:
    """So many faults; each kind at least once, where there is room for all."""
    dice = Random(f"faults {seed}")
    drawn = dice.sample(list(kinds), min(count, len(kinds)))
    weights = [WEIGHTS[kind] for kind in kinds]
    drawn += dice.choices(list(kinds), weights, k=count - len(drawn))
    dice.shuffle(drawn)
    return drawn

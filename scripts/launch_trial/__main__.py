"""Starts all of it, opens the map, tells, and ends all of it."""

import importlib
import signal
import sys
from collections.abc import Sequence

from scripts.launch_trial.options import parse


def main(words: Sequence[str]) -> int:
    options = parse(words)
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    # What follows needs the environment that scripts/launch-trial sets up, and --help does not.
    trial = importlib.import_module("scripts.launch_trial.trial")
    return 0 if trial.run(options) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

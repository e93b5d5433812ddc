"""Strikes, watches, and says what held. Exit code 1 where something did not."""

import importlib
import signal
import sys
from collections.abc import Sequence

from scripts.chaos_trial.options import parse


def main(words: Sequence[str]) -> int:
    """Ends all that it started, also on SIGINT and SIGTERM."""
    options = parse(words)
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    # What follows needs the environment that scripts/chaos sets up, and --help does not.
    trial = importlib.import_module("scripts.chaos_trial.trial")
    try:
        return 0 if trial.run(options) else 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Runs the works that were asked for and keeps their tables."""

import importlib
import signal
import sys
from collections.abc import Sequence

from scripts.benchmarks.options import Options, parse


def main(words: Sequence[str]) -> int:
    """Ends all that it started, also on SIGINT and SIGTERM."""
    options = parse(words)
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        run(options)
    except KeyboardInterrupt:
        return 130
    return 0


def run(options: Options) -> None:
    # What follows needs the environment that scripts/bench sets up, and --help does not.
    bench = importlib.import_module("scripts.benchmarks.bench")
    report = importlib.import_module("scripts.benchmarks.report")
    with bench.prepared(options) as ready:
        for name in options.only:
            work = importlib.import_module(f"scripts.benchmarks.{name}")
            busy = report.busy_cores()
            section = report.Section(name, work.TITLE, work.NOTE, work.measure(ready), busy)
            report.show(section)
            if options.out:
                report.keep(section, options, options.out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

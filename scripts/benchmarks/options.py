"""What was asked for. Only the standard library: the set-up asks this before it installs."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Each work, a module of this package, with the peers it is measured against.
WORKS: dict[str, tuple[str, ...]] = {
    "tiles": ("tipg", "pygeoapi"),
    "items": ("tipg", "pygeoapi"),
    "export": (),
    "search": ("addok",),
    "bulk": ("addok",),
    "locate": (),
    "activity": (),
    "coordination": (),
    "growth": (),
    "gatherings": (),
}
ROOT = Path(__file__).resolve().parents[2]
PERFORMANCE = ROOT / "docs" / "performance.md"
SMALLEST = 10_000
PURPOSE = "Measures the service beside its peers and SQL alone, on made-up initiatives."


@dataclass(frozen=True, slots=True)
class Options:
    """`seconds` is how long each load lasts; `out` None prints and keeps nothing."""

    count: int
    only: tuple[str, ...]
    seconds: int
    peers: bool
    out: Path | None

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of initiatives that the growth is measured over."""
        return *(size for size in (SMALLEST, 1_000_000) if size < self.count), self.count


def parse(words: Sequence[str]) -> Options:
    """Exits with code 2 and a line for a person when they make no sense."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=PURPOSE)
    parser.add_argument("--count", type=_number, default=1_000_000, help="initiatives to make")
    parser.add_argument("--only", type=_works, default=tuple(WORKS), help=",".join(WORKS))
    parser.add_argument("--seconds", type=_number, default=5, help="length of each load")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="ours and SQL alone")
    parser.add_argument("--out", type=Path, default=PERFORMANCE, help="kept there; - keeps nothing")
    asked = parser.parse_args(words)
    out = None if asked.out == Path("-") else asked.out
    return Options(asked.count, asked.only, asked.seconds, asked.peers, out)


def peers_needed(options: Options) -> list[str]:
    names = [peer for work in options.only for peer in WORKS[work]]
    return list(dict.fromkeys(names)) if options.peers else []


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _works(text: str) -> tuple[str, ...]:
    unknown = sorted(set(text.split(",")) - set(WORKS))
    if unknown:
        raise argparse.ArgumentTypeError(f"no work is named {', '.join(unknown)}")
    return tuple(work for work in WORKS if work in text.split(","))


if __name__ == "__main__":
    print(*peers_needed(parse(sys.argv[1:])))

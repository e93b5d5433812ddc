"""What was asked for. Only the standard library: `--help` needs no set-up."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.chaos_trial.schedule import Fault

ROOT = Path(__file__).resolve().parents[2]
PURPOSE = "Strikes the service with faults while people write, and counts what was lost: nothing."


@dataclass(frozen=True, slots=True)
class Options:
    """`away` is how many seconds the database stays away where it is a fault of its own; `within`
    how many may pass until the site answers again. `territories`: the URL of a database to copy
    them from, or ""."""

    faults: int
    seed: int
    away: float
    within: float
    only: tuple[Fault, ...]
    territories: str
    folder: Path | None


def parse(words: Sequence[str]) -> Options:
    """Exits with code 2 and a line for a person when they make no sense."""
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=PURPOSE)
    parser.add_argument("--faults", type=_number, default=100, help="how many strike (100)")
    parser.add_argument("--seed", type=int, default=1, help="which ones, in which order (1)")
    parser.add_argument("--away", type=_number, default=30, help="seconds without a database (30)")
    parser.add_argument("--within", type=_number, default=30, help="seconds to be well again (30)")
    names = ", ".join(fault.name.lower() for fault in Fault)
    parser.add_argument("--only", type=_faults, default=tuple(Fault), help=f"some of: {names}")
    parser.add_argument(
        "--territories", default="", metavar="URL", help="copied from there rather than loaded"
    )
    parser.add_argument("--keep", type=Path, dest="folder", help="logs are kept in this folder")
    asked = parser.parse_args(words)
    return Options(
        asked.faults,
        asked.seed,
        asked.away,
        asked.within,
        asked.only,
        asked.territories,
        asked.folder,
    )


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _faults(text: str) -> tuple[Fault, ...]:
    known = {fault.name.lower(): fault for fault in Fault}
    unknown = sorted(set(text.split(",")) - set(known))
    if unknown:
        raise argparse.ArgumentTypeError(f"no fault is named {', '.join(unknown)}")
    return tuple(fault for name, fault in known.items() if name in text.split(","))

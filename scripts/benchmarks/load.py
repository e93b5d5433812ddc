"""Load from wrk: a few connections that ask for a mix of paths, and what they were answered."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 4
WARM_SECONDS = 1
TIMEOUT_SECONDS = 20
SCRIPT = Path(__file__).with_name("mix.lua")


@dataclass(frozen=True, slots=True)
class Measure:
    """What came in a second, how long one took (milliseconds), and its size (bytes, headers too).

    `failed` counts answers from status 400 on and those that never came.
    """

    per_second: float
    p50: float | None = None
    p99: float | None = None
    size: float | None = None
    failed: int = 0


def load(
    url: str,
    paths: Sequence[str],
    seconds: int,
    *,
    connections: int = CONNECTIONS,
    headers: Sequence[str] = (),
    warm: bool = True,
) -> Measure:
    """Asks a running server for the paths in turn. A short load before it warms caches."""
    with tempfile.NamedTemporaryFile("w", suffix=".paths") as file:
        file.write("\n".join(paths) + "\n")
        file.flush()
        tail = ["-s", str(SCRIPT), url, "--", file.name, *headers]
        if warm:
            _wrk(WARM_SECONDS, connections, tail)
        return read_summary(_wrk(seconds, connections, tail))


def _wrk(seconds: int, connections: int, tail: Sequence[str]) -> str:
    lasting = [f"-d{seconds}s", f"--timeout={TIMEOUT_SECONDS}s"]
    command = ["wrk", "-t1", f"-c{connections}", *lasting, *tail]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def read_summary(output: str) -> Measure:
    """The last line of the script's output."""
    told = json.loads(output.splitlines()[-1])
    good = max(told["requests"] - told["refused"], 0)
    return Measure(
        per_second=good / (told["microseconds"] / 1e6),
        p50=told["p50"] / 1000,
        p99=told["p99"] / 1000,
        size=told["bytes"] / max(told["requests"], 1),
        failed=told["refused"] + told["broken"],
    )

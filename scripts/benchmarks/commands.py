"""Our commands as a person runs them, timed from outside."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from scripts.benchmarks.options import ROOT


def net_rate(url: str, words: Sequence[str], many: Path, one: Path, rows: int) -> float:
    """Rows per second of a command on a file, without what a file of one row takes."""
    alone = _seconds(url, [*words, str(one)])
    return (rows - 1) / max(_seconds(url, [*words, str(many)]) - alone, 1e-6)


def _seconds(url: str, words: Sequence[str]) -> float:
    code = "from mapservice.cli.main import main; main()"
    environ = os.environ | {"MAPSERVICE_DATABASE_URL": url}
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", code, *words], cwd=ROOT, env=environ, check=True, capture_output=True
    )
    return time.perf_counter() - start

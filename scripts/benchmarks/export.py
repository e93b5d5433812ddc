"""Everything at once: the whole GeoJSON and the whole CSV, and the memory that takes."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable

import psycopg

from mapservice.initiatives.filters import InitiativeFilters
from scripts.benchmarks.bench import Bench
from scripts.benchmarks.load import Measure
from scripts.benchmarks.options import ROOT
from scripts.benchmarks.raw import connect
from scripts.benchmarks.report import Row, Table, Target, compared, number
from scripts.benchmarks.server import Server, forget_peaks, ours, peak_memory

TITLE = "Exports"
NOTE = """
One client reads all listed initiatives. *COPY* sends the same properties to psycopg, without a
server. A worker's memory includes the geocoder's index, which all workers share.
"""

FEATURES_PER_SECOND = 100_000
MEMORY_LIMIT = 200_000_000
BLOCK = 1 << 20
PROPERTIES = (
    "id, title, summary, theme, status, scale, commune, epci, departement, region, precision,"
    " supporters, created_at, updated_at"
)
PAIRS = ", ".join(f"'{name.strip()}', {name.strip()}" for name in PROPERTIES.split(","))
LISTED = "FROM initiative WHERE status IN ('published', 'done')"
PLAIN = {
    "geojson": f"""
    COPY (SELECT json_build_object('type', 'Feature', 'id', id,
                                   'geometry', ST_AsGeoJSON(point, 6)::json,
                                   'properties', json_build_object({PAIRS}))
            {LISTED}) TO STDOUT""",
    "csv": f"""
    COPY (SELECT {PROPERTIES}, ST_X(point) AS lon, ST_Y(point) AS lat {LISTED})
      TO STDOUT (FORMAT csv, HEADER)""",
}


def measure(bench: Bench) -> list[Table]:
    features = _listed(bench.url)
    with ours(bench.url, bench.home) as server:
        forget_peaks(server.pid)
        idle = peak_memory(server.pid)
        rows = [_row(bench, server, kind, features) for kind in PLAIN]
        peak = peak_memory(server.pid)
    command, memory = _command(bench, features)
    rows.append(Row("`mapservice export` to a file", command))
    sizes = [_memory("a worker before any export", idle), _memory("the same, its peak", peak)]
    sizes.append(_memory("`mapservice export`, its peak", memory))
    tables = compared("", rows, "features")
    return [*tables, Table("Memory", ("resident", "MB", "under 200 MB"), sizes)]


def _row(bench: Bench, server: Server, kind: str, features: int) -> Row:
    address = f"{server.url}/initiatives.{kind}"
    ours_rate, size = _timed(lambda: _download(address), features)
    copied, _ = _timed(lambda: _copy(bench.url, PLAIN[kind]), features)
    targets = [Target(FEATURES_PER_SECOND)] if kind == "geojson" else []
    return Row(
        f"/initiatives.{kind}", Measure(ours_rate, size=size), {"COPY": Measure(copied)}, targets
    )


def _timed(read: Callable[[], int], features: int) -> tuple[float, float]:
    """Features per second, and bytes in all."""
    start = time.perf_counter()
    size = read()
    return features / (time.perf_counter() - start), size


def _download(address: str) -> int:
    size = 0
    with urllib.request.urlopen(address, timeout=600) as answer:
        while block := answer.read(BLOCK):
            size += len(block)
    return size


def _copy(url: str, statement: str) -> int:
    with connect(url) as connection, connection.cursor().copy(statement.encode()) as rows:
        return sum(len(row) for row in rows)


def _command(bench: Bench, features: int) -> tuple[Measure, int]:
    """Its rate with the start of Python, and its peak of memory in bytes."""
    target = bench.home / "export.geojson"
    code = "from mapservice.cli.main import main; main()"
    start = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-c", code, "export", "--out", str(target)],
        cwd=ROOT,
        env=os.environ | {"MAPSERVICE_DATABASE_URL": bench.url},
    )
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, "mapservice export failed"
    rate = features / (time.perf_counter() - start)
    size = target.stat().st_size
    target.unlink()
    return Measure(rate, size=size), used.ru_maxrss * 1024


def _memory(what: str, size: int) -> tuple[str, str, str]:
    return what, number(size / 1e6), "yes" if size < MEMORY_LIMIT else "**no**"


def _listed(url: str) -> int:
    statuses = [str(status) for status in InitiativeFilters().statuses]
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM initiative WHERE status = ANY(%s)", [statuses]
        ).fetchone()
    assert row is not None
    return int(row[0])

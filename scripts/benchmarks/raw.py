"""SQL without a server: psycopg in two processes, one connection each, prepared statements.

The connections have the settings of the service's own, and results come in binary. PostgreSQL may
keep one plan for all values of a prepared statement, or plan for each: the faster way counts.
"""

import itertools
import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import psycopg

from scripts.benchmarks.load import WARM_SECONDS, Measure

PROCESSES = 2
PLANNING = ("auto", "force_custom_plan")
SETTINGS = "-c timezone=UTC -c jit=off -c application_name=bench_raw"
# Statements kept prepared on one connection: more than a mix has.
PREPARED = 2000


@dataclass(frozen=True, slots=True)
class Call:
    """One SQL statement with its bound values: named (`%(name)s`), or in order (`$1`)."""

    sql: str
    values: Mapping[str, Any] | Sequence[Any]


@dataclass(frozen=True, slots=True)
class Taken:
    """What one request took, and the size of the texts and bytes that came, in characters."""

    milliseconds: float
    size: int


# What one request needs: usually one statement, for some doors several.
Request = Sequence[Call]


def connect(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    connection = psycopg.connect(url, options=SETTINGS, autocommit=True, prepare_threshold=0)
    connection.prepared_max = PREPARED
    return connection


def raw(url: str, requests: Sequence[Request], seconds: int) -> Measure:
    """Runs the requests in turn for that long on every connection, after a short warm-up."""
    ways = [_raw(url, requests, seconds, planning) for planning in PLANNING]
    return max(ways, key=lambda measure: measure.per_second)


def _raw(url: str, requests: Sequence[Request], seconds: int, planning: str) -> Measure:
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        loops = [
            pool.submit(_loop, url, _rotated(requests, part), seconds, planning)
            for part in range(PROCESSES)
        ]
        return measure_of([one for loop in loops for one in loop.result()])


def measure_of(taken: Sequence[Taken]) -> Measure:
    """Of what all connections did at once."""
    times = [one.milliseconds for one in taken]
    return Measure(
        per_second=1000 * PROCESSES / statistics.fmean(times),
        p50=percentile(times, 50),
        p99=percentile(times, 99),
        size=statistics.fmean(one.size for one in taken),
    )


def percentile(values: Sequence[float], share: int) -> float:
    """The smallest value that this share (in hundredths) of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * share // 100) - 1, 0)]


def _rotated(requests: Sequence[Request], part: int) -> list[Request]:
    """So that two connections do not ask for the same at the same moment."""
    start = len(requests) * part // PROCESSES
    return [*requests[start:], *requests[:start]]


def _loop(url: str, requests: Sequence[Request], seconds: int, planning: str) -> list[Taken]:
    with connect(url) as connection, connection.cursor(binary=True) as cursor:
        cursor.execute("SELECT set_config('plan_cache_mode', %s, false)", [planning])
        _during(WARM_SECONDS, cursor, requests)
        return _during(seconds, cursor, requests)


def _during(seconds: int, cursor: psycopg.Cursor[Any], requests: Sequence[Request]) -> list[Taken]:
    taken: list[Taken] = []
    end = time.perf_counter() + seconds
    for request in itertools.cycle(requests):
        taken.append(ask(cursor, request))
        if time.perf_counter() >= end:
            break
    return taken


def ask(cursor: psycopg.Cursor[Any], request: Request) -> Taken:
    """Runs the statements of one request and takes all their rows."""
    start, size = time.perf_counter(), 0
    for call in request:
        if isinstance(call.values, Mapping):
            rows = _rows(cursor, call)
        else:
            with psycopg.RawCursor(cursor.connection) as numbered:
                rows = _rows(numbered, call)
        size += sum(len(cell) for row in rows for cell in row if isinstance(cell, str | bytes))
    return Taken(1000 * (time.perf_counter() - start), size)


def _rows(cursor: psycopg.Cursor[Any], call: Call) -> list[tuple[Any, ...]]:
    cursor.execute(call.sql.encode(), call.values, binary=True)
    return cursor.fetchall() if cursor.description else []

"""Files of points: which commune holds each."""

import csv
import time
from collections.abc import Iterable
from pathlib import Path

from scripts.benchmarks.bench import Bench
from scripts.benchmarks.commands import net_rate
from scripts.benchmarks.load import Measure
from scripts.benchmarks.raw import connect
from scripts.benchmarks.report import Row, Table, Target, compared
from scripts.benchmarks.search import points

TITLE = "Points to communes"
NOTE = """
`mapservice locate` from file to file, one process, without the time that a file of one row takes.
*Raw join* is one `ST_Covers` join of a table of the same points with the outlines, its result
read by psycopg: it lets a point on a border count twice, and one at sea not at all.
"""

POINTS = 200_000
POINTS_PER_SECOND = 40_000
RAW_JOIN = "raw join"

TABLE = """
    CREATE TEMPORARY TABLE asked AS
    SELECT point FROM initiative WHERE point IS NOT NULL ORDER BY id LIMIT %(points)s"""
JOIN = """
    SELECT territory.code, territory.name
      FROM asked
      JOIN territory ON territory.level = 'commune' AND ST_Covers(territory.outline, asked.point)"""


def measure(bench: Bench) -> list[Table]:
    spots = points(bench.url, POINTS)
    many, one, out = (bench.home / name for name in ("points.csv", "point.csv", "points.out.csv"))
    write(many, spots)
    write(one, spots[:1])
    rate = net_rate(bench.url, ["locate", "--out", str(out)], many, one, len(spots))
    others = {RAW_JOIN: Measure(joined(bench.url, len(spots)))}
    targets = [Target(POINTS_PER_SECOND), Target(0.8, (RAW_JOIN,))]
    return compared("", [Row("points", Measure(rate), others, targets)], "points")


def write(path: Path, spots: Iterable[tuple[float, float]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(["lon", "lat"])
        writer.writerows(spots)


def joined(url: str, number: int) -> float:
    """Points per second of the raw join."""
    with connect(url) as connection:
        connection.execute(TABLE, {"points": number})
        connection.execute("ANALYZE asked")
        start = time.perf_counter()
        connection.execute(JOIN).fetchall()
        return number / (time.perf_counter() - start)

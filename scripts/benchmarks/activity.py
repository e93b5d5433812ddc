"""Figures per territory, from the rollups."""

from scripts.benchmarks.bench import Bench
from scripts.benchmarks.load import load
from scripts.benchmarks.raw import Call, Request, raw
from scripts.benchmarks.report import Row, Table, compared
from scripts.benchmarks.server import Server, ours
from scripts.benchmarks.statements import own_requests

TITLE = "Activity per territory"
NOTE = """
All territories of a level in each answer, zeros included. *Same SQL* runs the statements of our
door by psycopg on 2 connections; *counted now* groups the initiatives themselves, without the
rollups that our door reads, and without filters.
"""

PATHS = {
    "regions": "/activity/region.json",
    "départements": "/activity/departement.json",
    "EPCI": "/activity/epci.json",
    "communes": "/activity/commune.json",
    "communes of one region": "/activity/commune.json?territory=region:53",
    "communes, one theme": "/activity/commune.json?theme=culture",
    "départements since a day": "/activity/departement.json?since=2024-01-01",
}
COLUMNS = {
    "regions": "region",
    "départements": "departement",
    "EPCI": "epci",
    "communes": "commune",
}
SAME_SQL, COUNTED = "same SQL", "counted now"

PLAIN = """
    SELECT json_agg(row_to_json(figure))::text
      FROM (SELECT territory.code, territory.name, territory.population,
                   count(initiative.id) AS initiatives,
                   coalesce(sum(initiative.supporters), 0) AS supporters
              FROM territory
              LEFT JOIN initiative
                ON initiative.{column} = territory.code
               AND initiative.status IN ('published', 'done')
             WHERE territory.level = '{column}'
             GROUP BY territory.code, territory.name, territory.population
             ORDER BY territory.code) AS figure"""


def plain(column: str) -> Request:
    """Of a level's column, one of `COLUMNS`: a name of ours."""
    return [Call(PLAIN.replace("{column}", column), {})]


def measure(bench: Bench) -> list[Table]:
    with ours(bench.url, bench.home) as server:
        return compared("", [_row(bench, server, work) for work in PATHS])


def _row(bench: Bench, server: Server, work: str) -> Row:
    paths = [PATHS[work]]
    others = {SAME_SQL: raw(bench.url, own_requests(bench.url, paths), bench.seconds)}
    if work in COLUMNS:
        others[COUNTED] = raw(bench.url, [plain(COLUMNS[work])], bench.seconds)
    return Row(work, load(server.url, paths, bench.seconds), others)

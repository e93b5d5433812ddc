"""The geocoder's doors: what is being typed, whole addresses, points."""

import random
from collections.abc import Sequence
from urllib.parse import urlencode

import psycopg

from scripts.benchmarks import peer_addok
from scripts.benchmarks.bench import Bench
from scripts.benchmarks.load import Measure, load
from scripts.benchmarks.places import SEED, Place, populated
from scripts.benchmarks.raw import Call, Request, raw
from scripts.benchmarks.report import Row, Table, Target, compared
from scripts.benchmarks.server import ours

TITLE = "Geocoding: requests"
NOTE = """
4 connections. addok has the same communes, no streets, its plugins for France and a Redis of its
own. *Plain SQL* by psycopg on 2 connections: for what is being typed, names that begin so, the
largest first, from an index of folded names; for a point, the outline that holds it. Neither
reads anything else in the text.
"""

PLACES = 500
PLAIN_SQL = "plain SQL"
STREETS = ("rue de la République", "place de l'Église", "avenue Jean Jaurès", "chemin du Moulin")

PREFIX = """
    SELECT code, name, population
      FROM bench.name
     WHERE folded LIKE %(prefix)s
     ORDER BY population DESC
     LIMIT 5"""
HOLDER = """
    SELECT code, name
      FROM territory
     WHERE level = 'commune'
       AND ST_Covers(outline, ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326))
     LIMIT 1"""
POINTS = """
    SELECT ST_X(point), ST_Y(point)
      FROM initiative
     WHERE point IS NOT NULL
     ORDER BY id
     LIMIT %s"""


def prefixes(places: Sequence[Place]) -> list[str]:
    """What stands in the box after a few keys: from three letters to the whole name."""
    chance = random.Random(SEED)
    return [place.name[: chance.randint(3, max(len(place.name), 3))] for place in places]


def addresses(places: Sequence[Place]) -> list[str]:
    chance = random.Random(SEED)
    return [
        f"{chance.randint(1, 99)} {chance.choice(STREETS)} {place.postcode} {place.name}"
        for place in places
    ]


def points(url: str, number: int) -> list[tuple[float, float]]:
    """Longitude and latitude of initiatives whose place is truly a point, EPSG:4326."""
    with psycopg.connect(url) as connection:
        return [(lon, lat) for lon, lat in connection.execute(POINTS, [number])]


def plain_prefix(prefix: str) -> Request:
    pattern = prefix.lower().replace("%", "") + "%"
    return [Call(PREFIX, {"prefix": pattern})]


def plain_holder(lon: float, lat: float) -> Request:
    return [Call(HOLDER, {"lon": lon, "lat": lat})]


def measure(bench: Bench) -> list[Table]:
    places = populated(bench.url, PLACES)
    typed, spots = prefixes(places), points(bench.url, PLACES)
    asked = {
        "suggestions": [f"/search/?{urlencode({'q': text})}" for text in typed],
        "addresses": [f"/search/?{urlencode({'q': text})}" for text in addresses(places)],
        "reverse": [f"/reverse/?{urlencode({'lon': lon, 'lat': lat})}" for lon, lat in spots],
    }
    sql = {
        "suggestions": [plain_prefix(text) for text in typed],
        "reverse": [plain_holder(*spot) for spot in spots],
    }
    addok = _addok(bench, asked)
    with ours(bench.url, bench.home) as server:
        rows = []
        for work, paths in asked.items():
            measured = load(server.url, [f"/geocode{path}" for path in paths], bench.seconds)
            others = {PLAIN_SQL: raw(bench.url, sql[work], bench.seconds)} if work in sql else {}
            others |= {peer_addok.NAME: addok[work]} if addok else {}
            rows.append(Row(work, measured, others, TARGETS.get(work, ())))
    return compared("", rows)


TARGETS = {"suggestions": (Target(3, (peer_addok.NAME,)), Target(slowest=20))}


def _addok(bench: Bench, asked: dict[str, list[str]]) -> dict[str, Measure]:
    if not bench.options.peers:
        return {}
    with peer_addok.serving(bench.url, bench.home) as server:
        return {work: load(server.url, paths, bench.seconds) for work, paths in asked.items()}

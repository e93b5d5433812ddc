"""Events and groups beside initiatives: near me of all three, their lists, tiles and calendars."""

from collections.abc import Sequence

from scripts.benchmarks.bench import Bench
from scripts.benchmarks.database import with_gatherings
from scripts.benchmarks.load import load
from scripts.benchmarks.places import Place, populated, tiles
from scripts.benchmarks.raw import raw
from scripts.benchmarks.report import Row, Table, Target, compared
from scripts.benchmarks.server import Server, ours
from scripts.benchmarks.statements import own_requests
from scripts.benchmarks.tiles import path as initiatives_path

TITLE = "Events and groups"
NOTE = """
As many dates of events in the year to come as initiatives, and a twentieth of it in groups. On one
connection, each request in turn, nothing kept. *Same SQL* runs the statements of our door by
psycopg, prepared, on 2 connections. Tiles of events hold the next 30 days; those of initiatives
stand beside them, at the same places.
"""

SAME_SQL = "same SQL"
EVENTS = "/evenements.geojson"
PLACES = 40
ZOOMS = (5, 8, 10, 12, 14)
NEAR = (Target(slowest=40),)
CALENDAR = (Target(slowest=300),)


def around(places: Sequence[Place], path: str, query: str) -> list[str]:
    """The path of each place, to five digits after the point as our pages give them."""
    return [f"{path}?near={one.lon:.5f},{one.lat:.5f}{query}" for one in places]


def requests(places: Sequence[Place]) -> dict[str, tuple[list[str], Sequence[Target]]]:
    """What is asked for, by what a row is called, with what an issue demands of it."""
    found: dict[str, tuple[list[str], Sequence[Target]]] = {
        "near me: initiatives, events, groups": (around(places, "/autour-de-moi", ""), NEAR),
        "near me within 20 km": (around(places, "/autour-de-moi", "&radius=20000"), ()),
        "events within 10 km": (
            around(places, "/evenements.geojson", "&radius=10000&limit=20"),
            (),
        ),
        "events of this weekend": ([f"{EVENTS}?when=weekend&limit=20"], ()),
        "500 events as a calendar": (["/evenements.ics?limit=500"], CALENDAR),
    }
    for zoom in ZOOMS:
        asked = tiles(places, zoom)
        for kind in ("events", "groups"):
            named = [f"/tiles/{kind}/{one.z}/{one.x}/{one.y}.pbf" for one in asked]
            found[f"tiles of {kind}, z{zoom}"] = (named, ())
        found[f"tiles of initiatives, z{zoom}"] = ([initiatives_path(one) for one in asked], ())
    return found


def measure(bench: Bench) -> list[Table]:
    url = with_gatherings(bench.server, bench.options.count)
    asked = requests(populated(url, PLACES))
    with ours(url, bench.home) as server:
        return compared("", [_row(bench, url, server, work, *asked[work]) for work in asked])


def _row(
    bench: Bench, url: str, server: Server, work: str, paths: list[str], targets: Sequence[Target]
) -> Row:
    others = {SAME_SQL: raw(url, own_requests(url, paths), bench.seconds)}
    return Row(work, load(server.url, paths, bench.seconds, connections=1), others, targets)

"""Vector tiles of initiatives: from the town's streets to the whole world."""

import gzip
import http.client
import time
import urllib.parse
from collections.abc import Sequence

from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.grid import Tile
from scripts.benchmarks import peer_pygeoapi, peer_tipg
from scripts.benchmarks.bench import Bench
from scripts.benchmarks.load import Measure, load
from scripts.benchmarks.places import Place, populated, tiles
from scripts.benchmarks.raw import Call, Request, percentile, raw
from scripts.benchmarks.report import Row, Table, Target, compared, number
from scripts.benchmarks.server import Server, ours
from scripts.benchmarks.statements import own_requests

TITLE = "Vector tiles"
NOTE = """
Tiles that hold communes drawn by population, each asked for in turn over 4 connections. *Same SQL*
runs the very statements of our door by psycopg, prepared, on 2 connections; *all points* is the
shortest `ST_AsMVT` over the tile's points, which is what tipg and pygeoapi send: below zoom 14 our
tiles hold counts instead where points would cover each other. Nothing keeps tiles between
requests unless the row says so.
"""

ZOOMS = (14, 12, 10, 5, 0)
# Few enough for slow answers to go through all of them: tiles differ much in what they hold.
PLACES = 100
# For the tiles looked at one by one, at most so many of each zoom.
MORE_PLACES, LOOKED_AT = 300, 100
SAME_SQL, ALL_POINTS, BARE = "same SQL", "all points", "bare Flask"

PLAIN = """
    SELECT ST_AsMVT(feature, 'initiatives', 4096, 'geom')
      FROM (SELECT id::text, title, theme, status, precision,
                   ST_AsMVTGeom(anchor_3857, ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4096, 0, false)
                       AS geom
              FROM initiative
             WHERE anchor_3857 && ST_TileEnvelope(%(z)s, %(x)s, %(y)s)
               AND status = ANY(%(statuses)s)) AS feature"""
TARGETS = {
    14: (Target(0.5, (ALL_POINTS,)), Target(10, (peer_tipg.NAME,))),
    12: (Target(0.8, (SAME_SQL,)),),
}
OF_BARE = (Target(0.6, (BARE,)),)


def path(tile: Tile) -> str:
    return f"/tiles/initiatives/{tile.z}/{tile.x}/{tile.y}.pbf"


def plain(tile: Tile) -> Request:
    statuses = [str(status) for status in InitiativeFilters().statuses]
    return [Call(PLAIN, {"z": tile.z, "x": tile.x, "y": tile.y, "statuses": statuses})]


def measure(bench: Bench) -> list[Table]:
    places = populated(bench.url, PLACES)
    peers = _peers(bench, places)
    with ours(bench.url, bench.home) as server:
        rows = [_row(bench, server, tiles(places, zoom), peers) for zoom in ZOOMS]
        more = populated(bench.url, MORE_PLACES)
        sizes = Table(
            "Every zoom, one tile after the other",
            ("zoom", "tiles", "p50 ms", "p99 ms", "largest kB, gzip"),
            [_looked_at(server, tiles(more, zoom)[:LOOKED_AT]) for zoom in range(15)],
        )
    again = _again(bench, places[0].tile(14))
    return [*compared("", rows, "tiles"), *compared("The same tile again", again), sizes]


def _row(
    bench: Bench, server: Server, wanted: Sequence[Tile], peers: dict[str, dict[int, Measure]]
) -> Row:
    zoom = wanted[0].z
    paths = [path(tile) for tile in wanted]
    others = {
        SAME_SQL: raw(bench.url, own_requests(bench.url, paths), bench.seconds),
        ALL_POINTS: raw(bench.url, [plain(tile) for tile in wanted], bench.seconds),
    }
    others |= {name: by_zoom[zoom] for name, by_zoom in peers.items() if zoom in by_zoom}
    measured = load(server.url, paths, bench.seconds)
    return Row(f"z{zoom} ({len(wanted)} tiles)", measured, others, TARGETS.get(zoom, ()))


def _peers(bench: Bench, places: Sequence[Place]) -> dict[str, dict[int, Measure]]:
    """Each peer alone, at each zoom; pygeoapi at the nearest, as others take it minutes."""
    if not bench.options.peers:
        return {}
    found: dict[str, dict[int, Measure]] = {}
    with peer_tipg.serving(bench.url, bench.home) as tipg:
        found[peer_tipg.NAME] = {
            zoom: load(
                tipg.url, [peer_tipg.tile(tile) for tile in tiles(places, zoom)], bench.seconds
            )
            for zoom in ZOOMS
        }
    with peer_pygeoapi.serving(bench.url, bench.home) as pygeoapi:
        paths = [peer_pygeoapi.tile(tile) for tile in tiles(places, ZOOMS[0])]
        found[peer_pygeoapi.NAME] = {ZOOMS[0]: load(pygeoapi.url, paths, bench.seconds)}
    return found


def _again(bench: Bench, tile: Tile) -> list[Row]:
    """A tile that the service keeps."""
    with ours(bench.url, bench.home, "bare", ["scripts.benchmarks.bare:app"]) as bare:
        others = {BARE: load(bare.url, ["/"], bench.seconds)}
    with ours(bench.url, bench.home, keeps=True) as server:
        known = [f"If-None-Match: {_etag(server, path(tile))}"]
        whole = load(server.url, [path(tile)], bench.seconds)
        unchanged = load(server.url, [path(tile)], bench.seconds, headers=known)
    return [
        Row("asked again", whole, others, OF_BARE),
        Row("asked again with its ETag (304)", unchanged, others, OF_BARE),
    ]


def _etag(server: Server, wanted: str) -> str:
    return _get(_connection(server), wanted)[1]


def _looked_at(server: Server, wanted: Sequence[Tile]) -> Sequence[str]:
    connection = _connection(server)
    taken, largest = [], 0
    for tile in wanted:
        start = time.perf_counter()
        content, _ = _get(connection, path(tile))
        taken.append(1000 * (time.perf_counter() - start))
        largest = max(largest, len(gzip.compress(content, 6)))
    times = (number(percentile(taken, 50)), number(percentile(taken, 99)))
    return f"z{wanted[0].z}", str(len(wanted)), *times, number(largest / 1000)


def _connection(server: Server) -> http.client.HTTPConnection:
    address = urllib.parse.urlsplit(server.url)
    return http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)


def _get(connection: http.client.HTTPConnection, wanted: str) -> tuple[bytes, str]:
    """The body and its ETag."""
    connection.request("GET", wanted)
    answer = connection.getresponse()
    return answer.read(), answer.getheader("ETag") or ""

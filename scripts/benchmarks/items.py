"""Features of a box, as GeoJSON, in pages of 10, 100 and 1000."""

from collections.abc import Sequence

from mapservice.initiatives.facts import FACT_COLUMNS
from mapservice.initiatives.filters import InitiativeFilters
from scripts.benchmarks import peer_pygeoapi, peer_tipg
from scripts.benchmarks.bench import Bench
from scripts.benchmarks.load import Measure, load
from scripts.benchmarks.places import Place, populated
from scripts.benchmarks.raw import Call, Request, raw
from scripts.benchmarks.report import Row, Table, Target, compared
from scripts.benchmarks.server import Server, ours
from scripts.benchmarks.statements import own_requests

TITLE = "Features of a box"
NOTE = """
Boxes of 0.2° around communes drawn by population, over 4 connections. Ours come along the grid of
the tiles at `/ogc` and newest first at the other door, with an exact count and a link to the next
page. *Same SQL* runs the statements of our
door by psycopg, prepared, on 2 connections; *any rows* is the shortest statement that makes as many
features of the box as GeoJSON, whichever come first. tipg and pygeoapi give rows in no order.
Targets are those of items; the other door sorts all that a box holds.
"""

LIMITS = (10, 100, 1000)
# Few enough for slow answers to go through all of them: boxes differ much in what they hold.
PLACES = 30
SAME_SQL, ANY_ROWS = "same SQL", "any rows"
PEERS = (peer_tipg.NAME, peer_pygeoapi.NAME)
OGC, OWN = "/ogc/collections/initiatives/items", "/initiatives.geojson"
TARGETS = {
    10: (Target(20, PEERS),),
    1000: (Target(0.6, (ANY_ROWS,)), Target(8, PEERS)),
}

PLAIN = """
    SELECT json_build_object('type', 'FeatureCollection', 'features', json_agg(
               json_build_object(
                   'type', 'Feature', 'id', id, 'geometry', ST_AsGeoJSON(point, 6)::json,
                   'properties', json_build_object(
                       'id', id, 'title', title, 'summary', summary, 'theme', theme,
                       'status', status, 'scale', scale, 'commune', commune, 'epci', epci,
                       'departement', departement, 'region', region, 'precision', precision,
                       'supporters', supporters, 'created_at', created_at,
                       'created_period', created_period, 'updated_at', updated_at,
                       'source', nullif(source_platform, ''),
                       'source_url', nullif(source_url, ''),
                       'licence', nullif(source_licence, ''),
                       'source_supporters', source_supporters,
                       {facts}))))::text
      FROM (SELECT *
              FROM initiative
             WHERE anchor_3857 && ST_Transform(
                       ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326), 3857)
               AND status = ANY(%(statuses)s)
             LIMIT %(limit)s) AS listed""".replace(
    "{facts}", ", ".join(f"'{name}', {name}" for name in FACT_COLUMNS)
)


def path(door: str, place: Place, limit: int) -> str:
    return f"{door}?bbox={','.join(map(str, place.bbox))}&limit={limit}"


def plain(place: Place, limit: int) -> Request:
    box = dict(zip(("west", "south", "east", "north"), place.bbox, strict=True))
    statuses = [str(status) for status in InitiativeFilters().statuses]
    return [Call(PLAIN, {**box, "statuses": statuses, "limit": limit})]


def measure(bench: Bench) -> list[Table]:
    places = populated(bench.url, PLACES)
    peers = _peers(bench, places)
    tables = []
    with ours(bench.url, bench.home) as server:
        for door in _doors(server, places[0]):
            rows = [_row(bench, server, door, places, limit, peers) for limit in LIMITS]
            tables += compared(f"`{door}`", rows)
    return tables


def _doors(server: Server, place: Place) -> list[str]:
    """The older door always; that of OGC API Features where it answers."""
    tried = load(server.url, [path(OGC, place, 1)], 1, connections=1, warm=False)
    return [OGC, OWN] if not tried.failed else [OWN]


def _row(
    bench: Bench,
    server: Server,
    door: str,
    places: Sequence[Place],
    limit: int,
    peers: dict[str, dict[int, Measure]],
) -> Row:
    paths = [path(door, place, limit) for place in places]
    others = {
        SAME_SQL: raw(bench.url, own_requests(bench.url, paths), bench.seconds),
        ANY_ROWS: raw(bench.url, [plain(place, limit) for place in places], bench.seconds),
    }
    others |= {name: measures[limit] for name, measures in peers.items()}
    measured = load(server.url, paths, bench.seconds)
    targets = TARGETS.get(limit, ()) if door == OGC else ()
    return Row(f"limit {limit}", measured, others, targets)


def _peers(bench: Bench, places: Sequence[Place]) -> dict[str, dict[int, Measure]]:
    if not bench.options.peers:
        return {}
    found = {}
    for peer in (peer_tipg, peer_pygeoapi):
        with peer.serving(bench.url, bench.home) as server:
            found[peer.NAME] = {
                limit: load(
                    server.url, [peer.items(place, limit) for place in places], bench.seconds
                )
                for limit in LIMITS
            }
    return found

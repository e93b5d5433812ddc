"""What each request leaves: an id, one line of JSON, and a place in the metrics.

The id stands in the answer's header, in what an error says to people and machines, and in the line,
so that a person who writes to us leads to it. A proxy of ours may have given it. The line holds no
address of a visitor, no query and no secret of a link (docs/people.md).

Gunicorn calls `tell` once the answer is sent, so that the seconds are those of the client: what a
slow one takes counts too. Values are kept by `prometheus_client` in files that all processes of one
gunicorn share (its "multiprocess mode", the memory of the machine): a request then costs some
microseconds and no query, and whoever is asked for metrics can tell those of all.
"""

import os
import time
from collections.abc import MutableMapping
from json.encoder import encode_basestring  # of C where there is one
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

Environment = MutableMapping[str, Any]

HEADER = "X-Request-ID"
# Names in the WSGI environment.
REQUEST_ID, ROUTE, TOLD_PATH = "mapservice.request_id", "mapservice.route", "mapservice.path"
KEPT_TILE, KEPT_PAGE, NO_ROUTE = "(kept tile)", "(kept page)", "(none)"
ID_BYTES, LONGEST_ID, LONGEST_PATH = 8, 64, 1000
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
STDOUT = 1

REQUESTS = Histogram(
    "mapservice_request_seconds",
    "Seconds from the first byte of a request to the last one of its answer.",
    ("route", "method", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
TILES = Counter(
    "mapservice_tile_cache_answers",
    "Answers of the tile cache: hit (kept before) or miss (made anew).",
    ("result",),
)
PAGES = Counter(
    "mapservice_kept_page_answers",
    "Pages asked for without a session that may be kept: hit (kept before) or miss (made anew).",
    ("result",),
)
POOL = Gauge(
    "mapservice_pool_connections",
    "Database connections that requests hold at this moment.",
    multiprocess_mode="livesum",
)
POOL_REFUSALS = Counter(
    "mapservice_pool_refusals", "Requests refused as every database connection was in use."
)
READS = Counter(
    "mapservice_reads",
    "Requests that a standby may answer, by the server that did.",
    ("server",),
)
READS_MOVED = Counter(
    "mapservice_reads_moved",
    "Such requests that a server began and could not end, so that another was asked, by reason.",
    ("server", "reason"),
)
REPLICA_UP = Gauge(
    "mapservice_replica_up",
    "Whether a standby answers, and copies.",
    ("server",),
    multiprocess_mode="livemin",
)
REPLICA_DELAY = Gauge(
    "mapservice_replica_delay_seconds",
    "By how much a standby is behind what the primary was last known to have written, at most.",
    ("server",),
    multiprocess_mode="livemax",
)

_series: dict[tuple[str, str, str], Any] = {}
_writes = os.environ.get("MAPSERVICE_REQUEST_LOG", "on") != "off"
_second = (0, "")


def request_id(wsgi: Environment) -> str:
    """That of a request, made when it is first asked for."""
    found = wsgi.get(REQUEST_ID)
    if found is None:
        found = wsgi[REQUEST_ID] = os.urandom(ID_BYTES).hex()
    return str(found)


def take_request_id(wsgi: Environment, given: str) -> None:
    """As a proxy that is trusted gave it, unless it is none."""
    if given and len(given) <= LONGEST_ID and given.isascii() and given.isalnum():
        wsgi[REQUEST_ID] = given


def tell(wsgi: Environment, status: str, sent: int, seconds: float) -> None:
    """Counts a request that was answered, and writes its line."""
    code = status[:3]
    method = wsgi.get("REQUEST_METHOD", "")
    if method not in METHODS:
        method = "other"
    route = wsgi.get(ROUTE) or NO_ROUTE
    key = (route, method, code)
    series = _series.get(key)
    if series is None:
        series = _series[key] = REQUESTS.labels(*key)
    series.observe(seconds)
    if _writes:
        path = wsgi.get(TOLD_PATH) or _path(wsgi)
        line = (
            f'{{"at":"{_moment()}","event":"request","id":"{request_id(wsgi)}",'
            f'"method":"{method}","path":{encode_basestring(path[:LONGEST_PATH])},'
            f'"route":{encode_basestring(route)},"status":{code},"bytes":{sent},'
            f'"seconds":{seconds:.6f}}}\n'
        )
        try:
            os.write(STDOUT, line.encode())
        except OSError:  # nobody reads it: no reason to fail
            return


def _path(wsgi: Environment) -> str:
    """As text; WSGI hands over its bytes as Latin-1."""
    path: str = wsgi.get("PATH_INFO", "")
    return path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace")


def _moment() -> str:
    """Now, in UTC, to the millisecond; its second is worded once."""
    global _second
    now = time.time()
    whole = int(now)
    if _second[0] != whole:
        _second = (whole, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)))
    return f"{_second[1]}.{int((now - whole) * 1000):03d}Z"

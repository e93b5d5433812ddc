"""tipg: OGC features and tiles, over the views of `database.PEER_VIEWS`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import make_url

from mapservice.initiatives.grid import Tile
from scripts.benchmarks.places import Place
from scripts.benchmarks.server import HOST, WORKERS, Server, free_port, running

NAME = "tipg"
ITEMS, TILES = "bench.initiative", "bench.initiative_tile"


@contextmanager
def serving(database: str, home: Path) -> Iterator[Server]:
    port = free_port()
    environ = {
        "DATABASE_URL": _address(database),
        "TIPG_DB_SCHEMAS": '["bench"]',
        "TIPG_TABLE_CONFIG": json.dumps({"bench_initiative": {"pk": "id"}}),
        # Extents of a million points would be worked out at every start.
        "TIPG_DB_SPATIAL_EXTENT": "false",
        "TIPG_DB_DATETIME_EXTENT": "false",
    }
    command = [str(home / NAME / "bin" / "uvicorn"), "tipg.main:app", "--host", HOST]
    command += ["--port", str(port), "--workers", str(WORKERS), "--log-level", "warning"]
    with running(NAME, command, port, f"/collections/{ITEMS}", environ, home) as server:
        yield server


def tile(tile: Tile) -> str:
    return f"/collections/{TILES}/tiles/WebMercatorQuad/{tile.z}/{tile.x}/{tile.y}"


def items(place: Place, limit: int) -> str:
    box = ",".join(map(str, place.bbox))
    return f"/collections/{ITEMS}/items?bbox={box}&limit={limit}&f=geojson"


def _address(database: str) -> str:
    """tipg wants a host in the address; a socket's folder can stand there, quoted."""
    url = make_url(database)
    folder = url.query.get("host")
    if not isinstance(folder, str):
        return url.render_as_string(hide_password=False)
    return f"postgresql://{url.username}@{quote(folder, safe='')}/{url.database}"

"""pygeoapi: OGC features and tiles, over the views of `database.PEER_VIEWS`."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from mapservice.initiatives.grid import Tile
from scripts.benchmarks.places import Place
from scripts.benchmarks.server import HOST, WORKERS, Server, free_port, running

NAME = "pygeoapi"
# A tile of its own takes minutes where many points share a place: nobody waits for those.
STATEMENT_SECONDS = 15


@contextmanager
def serving(database: str, home: Path) -> Iterator[Server]:
    port = free_port()
    config, description = home / "pygeoapi.json", home / "pygeoapi-openapi.json"
    config.write_text(json.dumps(_config(database, port)))
    programs = home / NAME / "bin"
    environ = {
        "PYGEOAPI_CONFIG": str(config),
        "PYGEOAPI_OPENAPI": str(description),
        "PGAPPNAME": f"bench_{NAME}",
        "PGOPTIONS": f"-c statement_timeout={STATEMENT_SECONDS}s",
    }
    generate: list[str | Path] = [programs / "pygeoapi", "openapi", "generate", config]
    subprocess.run(
        [*generate, "--format", "json", "--output-file", description],
        env=os.environ | environ,
        check=True,
        capture_output=True,
    )
    command = [str(programs / "gunicorn"), "-b", f"{HOST}:{port}", "-w", str(WORKERS)]
    command += ["--no-control-socket", "--timeout", "60", "pygeoapi.flask_app:APP"]
    try:
        with running(NAME, command, port, "/conformance?f=json", environ, home) as server:
            yield server
    finally:
        _end_statements(database)


def tile(tile: Tile) -> str:
    return f"/collections/initiative/tiles/WebMercatorQuad/{tile.z}/{tile.y}/{tile.x}?f=mvt"


def items(place: Place, limit: int) -> str:
    box = ",".join(map(str, place.bbox))
    return f"/collections/initiative/items?bbox={box}&limit={limit}&f=json"


def _end_statements(database: str) -> None:
    """A statement goes on after its client has left, and would disturb what comes next."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
            [f"bench_{NAME}"],
        )


def _config(database: str, port: int) -> dict[str, Any]:
    address = f"http://{HOST}:{port}"
    return {
        "server": {
            "bind": {"host": HOST, "port": port},
            "url": address,
            "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8",
            "languages": ["en-US"],
            "limits": {"default_items": 10, "max_items": 10_000},
            "map": {"url": f"{address}/none", "attribution": "none"},
        },
        "logging": {"level": "ERROR"},
        "metadata": _metadata(address),
        "resources": {"initiative": _collection(database)},
    }


def _metadata(address: str) -> dict[str, Any]:
    return {
        "identification": {
            "title": "bench",
            "description": "bench",
            "keywords": ["bench"],
            "keywords_type": "theme",
            "terms_of_service": "none",
            "url": address,
        },
        "license": {"name": "none", "url": address},
        "provider": {"name": "bench", "url": address},
        "contact": {"name": "bench"},
    }


def _collection(database: str) -> dict[str, Any]:
    url = make_url(database)
    data = {
        "host": url.query.get("host") or url.host,
        "port": url.port or 5432,
        "dbname": url.database,
        "user": url.username,
        "password": url.password or "",
        "search_path": ["bench", "public"],
    }
    crs = "http://www.opengis.net/def/crs"
    shared = {"data": data, "id_field": "id", "geom_field": "geom"}
    features = shared | {"type": "feature", "name": "PostgreSQL", "table": "initiative"}
    tiles = shared | {
        "type": "tile",
        "name": "MVT-postgresql",
        "table": "initiative_tile",
        "storage_crs": f"{crs}/EPSG/0/3857",
        "options": {"zoom": {"min": 0, "max": 18}},
        "format": {"name": "pbf", "mimetype": "application/vnd.mapbox-vector-tile"},
    }
    return {
        "type": "collection",
        "title": "initiative",
        "description": "initiatives",
        "keywords": ["bench"],
        "extents": {"spatial": {"bbox": [-180, -90, 180, 90], "crs": f"{crs}/OGC/1.3/CRS84"}},
        "providers": [features, tiles],
    }

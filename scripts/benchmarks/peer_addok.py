"""addok, the engine of the national geocoder, over our communes: no street, no house number."""

import json
import math
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from scripts.benchmarks.server import HOST, WORKERS, Server, free_port, running, started

NAME = "addok"
COMMUNES = """
    SELECT commune.code, commune.name, commune.postcodes, commune.population,
           ST_X(commune.point), ST_Y(commune.point),
           concat_ws(', ', commune.departement, departement.name, region.name)
      FROM territory AS commune
      LEFT JOIN territory AS departement
        ON departement.level = 'departement' AND departement.code = commune.departement
      LEFT JOIN territory AS region
        ON region.level = 'region' AND region.code = commune.region
     WHERE commune.level = 'commune'
     ORDER BY commune.code"""

# What its plugins for France advise, and what the national service is known to use.
CONFIG = """
QUERY_PROCESSORS_PYPATHS = [
    "addok.helpers.text.check_query_length",
    "addok_france.extract_address",
    "addok_france.clean_query",
    "addok_france.remove_leading_zeros",
]
PROCESSORS_PYPATHS = [
    "addok.helpers.text.tokenize",
    "addok.helpers.text.normalize",
    "addok_france.glue_ordinal",
    "addok_france.fold_ordinal",
    "addok_france.flag_housenumber",
    "addok.helpers.text.synonymize",
    "addok_fr.phonemicize",
]
SEARCH_RESULT_PROCESSORS_PYPATHS = [
    "addok.helpers.results.match_housenumber",
    "addok_france.make_labels",
    "addok.helpers.results.score_by_importance",
    "addok.helpers.results.score_by_autocomplete_distance",
    "addok.helpers.results.score_by_ngram_distance",
    "addok.helpers.results.score_by_geo_distance",
    "addok.helpers.results.adjust_scores",
]
EXTRA_FIELDS = [{"key": "citycode"}]
FILTERS = ["type", "postcode", "citycode"]
"""


@contextmanager
def serving(database: str, home: Path) -> Iterator[Server]:
    """Redis on a socket of its own, filled anew; then addok's gunicorn."""
    socket = home / "redis.sock"
    environ = {
        "REDIS_SOCKET": str(socket),
        "ADDOK_CONFIG_MODULE": str(home / "addok.conf"),
        "ADDOK_LOG_DIR": str(home),
    }
    (home / "addok.conf").write_text(CONFIG)
    redis = ["redis-server", "--port", "0", "--unixsocket", str(socket)]
    redis += ["--save", "", "--appendonly", "no", "--dir", str(home)]
    socket.unlink(missing_ok=True)
    with started(redis, {}, home / "redis.log") as child:
        while not socket.exists() and child.poll() is None:
            time.sleep(0.1)
        _fill(database, home, environ)
        port = free_port()
        command = [str(home / NAME / "bin" / "gunicorn"), "-b", f"{HOST}:{port}"]
        command += ["-w", str(WORKERS), "--no-control-socket", "--timeout", "120"]
        command += ["addok.http.wsgi"]
        with running(NAME, command, port, "/search/?q=rennes", environ, home) as server:
            yield server


def _fill(database: str, home: Path, environ: dict[str, str]) -> None:
    documents = home / "addok.json"
    with psycopg.connect(database) as connection, documents.open("w", encoding="utf-8") as lines:
        for line in _documents(connection):
            lines.write(f"{line}\n")
    for words in (["batch", str(documents)], ["ngrams"]):
        subprocess.run(
            [home / NAME / "bin" / "addok", *words],
            env=os.environ | environ,
            check=True,
            capture_output=True,
        )


def _documents(connection: psycopg.Connection[tuple[object, ...]]) -> Iterator[str]:
    """One line of JSON a commune; its importance is the logarithm of its inhabitants, 0 to 1."""
    for code, name, postcodes, population, lon, lat, context in connection.execute(COMMUNES):
        assert isinstance(population, int)
        yield json.dumps(
            {
                "id": code,
                "type": "municipality",
                "name": name,
                "city": name,
                "citycode": code,
                "postcode": postcodes or "",
                "context": context,
                "population": population,
                "importance": round(math.log10(population + 1) / 7, 4),
                "lon": lon,
                "lat": lat,
            }
        )

"""GDAL as it is used: OAPIF with filters pushed down, copies, vector tiles."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from mapservice.db.engine import make_engine
from tests.ogc.web import fetch

TIMEOUT_SECONDS = 120
LISTED = "status IN ('published', 'done')"
COUNTS = {"communes": 34875, "epcis": 1253, "departements": 101, "regions": 18}


@pytest.fixture(scope="module", autouse=True)
def _gdal() -> None:
    for tool in ("ogrinfo", "ogr2ogr"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} (Debian's gdal-bin) is not installed")


@pytest.fixture
def sample(sample_url: str) -> Iterator[Connection]:
    """The database that the live server shows."""
    engine = make_engine(sample_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def run(tool: str, *arguments: str) -> tuple[str, str]:
    """What it writes and what it logs; fails when it does, or when it was refused."""
    environ = os.environ | {"CPL_DEBUG": "ON", "OGR_STREAM_ERROR": "YES"}
    done = subprocess.run(
        [tool, *arguments], env=environ, capture_output=True, timeout=TIMEOUT_SECONDS, check=False
    )
    output, log = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == 0, log[-2000:]
    assert not re.search(r"^ERROR (?!4: OAPIF)", log, re.MULTILINE), log[-2000:]
    return output, log


def count(server: str, layer: str, *options: str) -> int:
    output, _ = run("ogrinfo", "-so", f"OAPIF:{server}/ogc", layer, *options)
    found = re.search(r"Feature Count: (\d+)", output)
    assert found, output
    return int(found[1])


def answers(connection: Connection, query: str) -> int:
    return int(connection.execute(text(query)).scalar_one())


def test_gdal_counts_every_collection(live_server: str, sample: Connection) -> None:
    initiatives = answers(sample, f"SELECT count(*) FROM initiative WHERE {LISTED}")
    levels = {"commune": 34875, "epci": 1253, "departement": 101, "region": 18}
    expected = COUNTS | {f"activity-{level}": number for level, number in levels.items()}
    expected["initiatives"] = initiatives
    assert {name: count(live_server, name) for name in expected} == expected


def test_gdal_reads_as_many_as_it_counts(live_server: str) -> None:
    output, _ = run(
        "ogr2ogr", "-f", "GeoJSON", "/vsistdout/", f"OAPIF:{live_server}/ogc", "initiatives"
    )
    features = json.loads(output)["features"]
    assert len({one["properties"]["id"] for one in features}) == count(live_server, "initiatives")


@pytest.mark.parametrize(
    ("layer", "where", "sql"),
    [
        ("initiatives", "theme = 'culture'", None),
        ("initiatives", "theme = 'culture' AND supporters < 2", None),
        ("initiatives", "supporters > 2 OR title LIKE 'A%'", None),
        ("initiatives", "title ILIKE 'a%'", None),
        ("initiatives", "supporters BETWEEN 0 AND 3 AND title <> 'x'", None),
        ("initiatives", "commune IS NULL", None),
        ("initiatives", "NOT (theme = 'culture')", None),
        (
            "initiatives",
            "created_at > '2024-06-01T00:00:00Z'",
            "date_trunc('second', created_at) > '2024-06-01Z'",
        ),
        ("initiatives", "created_at <= '2024/06/01'", "created_at <= '2024-06-01Z'"),
        ("communes", "population > 100000", None),
        ("communes", "name = 'L''Haÿ-les-Roses'", None),
        ("communes", "approximate = 1", "approximate"),
        ("communes", "departement = '35' AND population < 500", None),
    ],
)
def test_gdal_pushes_where_down(
    live_server: str, sample: Connection, layer: str, where: str, sql: str | None
) -> None:
    table = (
        f"initiative WHERE {LISTED}"
        if layer == "initiatives"
        else "territory WHERE level = 'commune'"
    )
    expected = answers(sample, f"SELECT count(*) FROM {table} AND ({sql or where})")
    output, log = run("ogrinfo", "-so", f"OAPIF:{live_server}/ogc", layer, "-where", where)
    assert expected > 0
    assert f"Feature Count: {expected}\n" in output
    assert "client side" not in log
    assert "resultType=hits" in log


@pytest.mark.parametrize(
    ("layer", "sql"),
    [
        ("initiatives", "ST_Intersects(anchor, box)"),
        ("communes", "level = 'commune' AND ST_Intersects(outline, box)"),
    ],
)
def test_gdal_pushes_a_box_down(live_server: str, sample: Connection, layer: str, sql: str) -> None:
    table = "initiative" if layer == "initiatives" else "territory"
    listed = LISTED if layer == "initiatives" else "true"
    expected = answers(
        sample,
        f"SELECT count(*) FROM {table}, ST_MakeEnvelope(-2, 47, 0, 49, 4326) AS box"
        f" WHERE {listed} AND {sql}",
    )
    assert count(live_server, layer, "-spat", "-2", "47", "0", "49") == expected > 0


def test_gdal_pushes_where_and_a_box_down_at_once(live_server: str, sample: Connection) -> None:
    """In Lambert-93, whose box is of its metres; the filter is the same in every system."""
    expected = answers(
        sample,
        "SELECT count(*) FROM territory,"
        " ST_MakeEnvelope(300000, 6700000, 400000, 6800000, 2154) AS box"
        " WHERE level = 'commune' AND population > 5000"
        "   AND outline && ST_Transform(ST_Buffer(box, 1000), 4326)"
        "   AND ST_Intersects(ST_Transform(outline, 2154), box)",
    )
    output, log = run(
        "ogrinfo", "-so", f"OAPIF:{live_server}/ogc", "communes", "-oo", "CRS=EPSG:2154",
        "-spat", "300000", "6700000", "400000", "6800000", "-where", "population > 5000",
    )  # fmt: skip
    assert f"Feature Count: {expected}\n" in output
    assert expected > 0
    (counted,) = set(re.findall(r"items\?\S*resultType=hits\S*", log))
    assert "bbox=" in counted
    assert "bbox-crs=" in counted
    assert "filter=" in counted
    assert "client side" not in log


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:2154"])
def test_gdal_pushes_sql_down_in_every_system(
    live_server: str, sample: Connection, crs: str
) -> None:
    where = "theme = 'culture' AND status = 'published'"
    expected = sample.execute(
        text(f"SELECT id::text FROM initiative WHERE {where} ORDER BY id")
    ).scalars()
    output, log = run(
        "ogr2ogr", "-f", "CSV", "/vsistdout/", f"OAPIF:{live_server}/ogc", "-oo", f"CRS={crs}",
        "-sql", f"SELECT id FROM initiatives WHERE {where}",
    )  # fmt: skip
    read = sorted(line.strip('"') for line in output.split("\n")[1:] if line)
    assert read == list(expected) != []
    assert "filter=" in log


def test_gdal_in_lambert_93(live_server: str, sample: Connection) -> None:
    expected = answers(
        sample,
        "SELECT count(*) FROM territory,"
        " ST_MakeEnvelope(300000, 6700000, 400000, 6800000, 2154) AS box"
        " WHERE level = 'commune' AND outline && ST_Transform(ST_Buffer(box, 1000), 4326)"
        "   AND ST_Intersects(ST_Transform(outline, 2154), box)",
    )
    box = ("-spat", "300000", "6700000", "400000", "6800000")
    assert count(live_server, "communes", "-oo", "CRS=EPSG:2154", *box) == expected > 0


def test_gdal_puts_rennes_in_its_place_in_every_system(live_server: str) -> None:
    """CRS84 and 4326 say the same place, 2154 and 3857 too, once axes are in order."""
    places = []
    for crs in ("OGC:CRS84", "EPSG:4326", "EPSG:3857", "EPSG:2154"):
        output, _ = run(
            "ogr2ogr", "-f", "GeoJSON", "/vsistdout/", f"OAPIF:{live_server}/ogc", "communes",
            "-oo", f"CRS={crs}", "-where", "code = '35238'", "-t_srs", "OGC:CRS84",
        )  # fmt: skip
        (feature,) = json.loads(output)["features"]
        places.append(_corner(feature))
    assert [(round(lon, 2), round(lat, 2)) for lon, lat in places] == [(-1.75, 48.08)] * 4


def test_gdal_asks_for_one_by_its_id(live_server: str) -> None:
    """It puts the id behind the address of the items."""
    listed = fetch(f"{live_server}/ogc/collections/initiatives/items?limit=3").json["features"]
    wanted = [("initiatives", str(one["id"])) for one in listed] + [("communes", "2A004")]
    for layer, identifier in wanted:
        output, log = run(
            "ogr2ogr", "-f", "GeoJSON", "/vsistdout/", f"OAPIF:{live_server}/ogc", layer,
            "-where", f"id = '{identifier}'",
        )  # fmt: skip
        (feature,) = json.loads(output)["features"]
        name = "id" if layer == "initiatives" else "code"
        assert feature["properties"][name] == identifier
        assert f"/items/{identifier}" in log or f"id={identifier}" in log


def test_gdal_fetches_the_first_by_its_number(live_server: str) -> None:
    output, _ = run("ogrinfo", f"OAPIF:{live_server}/ogc", "communes", "-fid", "1", "-geom=NO")
    assert "code (String)" in output


def test_gdal_sql(live_server: str, sample: Connection) -> None:
    """Without ORDER BY: GDAL 3.10 sorts by reading features again, by numbers of its own."""
    expected = list(
        sample.execute(
            text("SELECT name FROM territory WHERE level = 'commune' AND population > 250000")
        ).scalars()
    )
    query = "SELECT name FROM communes WHERE population > 250000"
    output, log = run(
        "ogr2ogr", "-f", "CSV", "/vsistdout/", f"OAPIF:{live_server}/ogc", "-sql", query
    )
    names = [line.strip('"') for line in output.split("\n")[1:] if line]
    assert sorted(names) == sorted(expected)
    assert "filter=population" in log


def test_gdal_tells_zero_from_unknown(live_server: str) -> None:
    """Nobody lives in Fleury-devant-Douaumont (55189): a rate would say nothing."""
    output, _ = run(
        "ogr2ogr", "-f", "GeoJSON", "/vsistdout/", f"OAPIF:{live_server}/ogc", "activity-commune",
        "-where", "code = '55189'",
    )  # fmt: skip
    (feature,) = json.loads(output)["features"]
    figures = feature["properties"]
    assert (figures["initiatives"], figures["per_10000_inhabitants"]) == (0, None)


@pytest.mark.long
def test_ogr2ogr_copies_all_communes_to_a_geopackage(live_server: str, tmp_path: Path) -> None:
    package = tmp_path / "communes.gpkg"
    _, log = run("ogr2ogr", "-f", "GPKG", str(package), f"OAPIF:{live_server}/ogc", "communes")
    with closing(sqlite3.connect(package)) as kept:
        (rows,) = kept.execute("SELECT count(*) FROM communes").fetchone()
    assert rows == COUNTS["communes"]
    pages = re.findall(r"items\?.*limit=1000", log)
    assert len(pages) == 35


@pytest.mark.parametrize("layer", ["initiatives", "communes", "activity-epci"])
def test_gdal_reads_vector_tiles(live_server: str, layer: str) -> None:
    tile = f"{live_server}/ogc/collections/{layer}/tiles/WebMercatorQuad/8/88/126"
    output, _ = run("ogrinfo", "-so", f"MVT:{tile}?f=mvt", layer)
    assert int(re.findall(r"Feature Count: (\d+)", output)[0]) > 0


@pytest.mark.parametrize("layer", ["activity", "density"])
def test_gdal_reads_tiles_of_figures(live_server: str, layer: str) -> None:
    output, _ = run(
        "ogrinfo", "-al", "-geom=NO", f"MVT:{live_server}/tiles/{layer}/8/126/88.pbf", layer
    )
    name = "initiatives" if layer == "activity" else "count"
    assert sum(map(int, re.findall(rf"{name} \(Integer\) = (\d+)", output))) > 0


def _corner(feature: dict[str, Any]) -> tuple[float, float]:
    """The lower left corner of its box."""
    positions: list[tuple[float, float]] = []
    waiting = [feature["geometry"]["coordinates"]]
    while waiting:
        one = waiting.pop()
        if isinstance(one[0], list):
            waiting += one
        else:
            positions.append((one[0], one[1]))
    return min(lon for lon, _ in positions), min(lat for _, lat in positions)

"""QGIS without a screen, as its users work: layers with filters in its own words, vector tiles."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_plus

import pytest
from sqlalchemy import Connection, text

from mapservice.db.engine import make_engine
from mapservice.initiatives.model import Theme

PYTHON = "/usr/bin/python3"  # the system's, which Debian's python3-qgis is made for
TIMEOUT_SECONDS = 120
LISTED = "status IN ('published', 'done')"


@pytest.fixture(scope="module")
def seen(live_server: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What QGIS reports of the service: see qgis_client.py."""
    home = tmp_path_factory.mktemp("qgis")
    environ = {
        "HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "QT_QPA_PLATFORM": "offscreen",
        "XDG_RUNTIME_DIR": str(home),
        "LANG": "C.UTF-8",
    }
    if not _has_qgis(environ):
        pytest.skip("QGIS for Python (Debian's python3-qgis) is not installed")
    return _told("qgis_client.py", environ, live_server) | {
        "style": _told(
            "qgis_style.py",
            environ,
            f"{live_server}/tiles/style.json",
            f"{live_server}/tiles/initiatives/{{z}}/{{x}}/{{y}}.pbf",
        )
    }


def _told(script: str, environ: dict[str, str], *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [PYTHON, str(Path(__file__).with_name(script)), *arguments],
        env=environ,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _has_qgis(environ: dict[str, str]) -> bool:
    try:
        tried = subprocess.run(
            [PYTHON, "-c", "import qgis.core"], env=environ, capture_output=True, check=False
        )
    except FileNotFoundError:
        return False
    return tried.returncode == 0


@pytest.fixture
def sample(sample_url: str) -> Iterator[Connection]:
    """The database that the live server shows."""
    engine = make_engine(sample_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def ids(connection: Connection, where: str) -> list[str]:
    query = f"SELECT id::text FROM initiative WHERE {LISTED} AND ({where}) ORDER BY id"
    return list(connection.execute(text(query)).scalars())


def filters_of(layer: dict[str, Any]) -> set[str]:
    """The filters that reached the service, of the requests for items."""
    asked = (address for address in layer["requests"] if "/items?" in address)
    return {
        unquote_plus(part.removeprefix("filter=")) if "cursor=" in address else unquote(part[7:])
        for address in asked
        for part in address.partition("?")[2].split("&")
        if part.startswith("filter=")
    }


def test_qgis_reads_and_counts_all_initiatives(seen: dict[str, Any], sample: Connection) -> None:
    layer = seen["whole"]
    assert layer["count"] == len(layer["ids"])
    assert sorted(layer["ids"]) == ids(sample, "true")
    assert any("limit=1000" in address for address in layer["requests"])


def test_qgis_knows_the_attributes_and_their_types(seen: dict[str, Any]) -> None:
    types = dict(zip(seen["whole"]["fields"], seen["whole"]["types"], strict=True))
    assert (types["title"], types["supporters"], types["created_at"]) == (
        "String",
        "Integer",
        "DateTime",
    )


@pytest.mark.parametrize(
    ("name", "where", "pushed"),
    [
        ("theme", "theme = 'culture'", "(theme = 'culture')"),
        (
            "several",
            "supporters < 2 AND (title LIKE 'A%' OR commune IS NULL)",
            "((supporters < 2) AND ((title LIKE 'A%') OR (commune IS NULL)))",
        ),
        (
            "time",
            "created_at >= '2025-06-01T00:00:01Z'",
            "(\"created_at\" > TIMESTAMP('2025-06-01T00:00:00.000Z'))",
        ),
    ],
)
def test_qgis_leaves_a_subset_to_the_service(
    seen: dict[str, Any], sample: Connection, name: str, where: str, pushed: str
) -> None:
    layer = seen[name]
    expected = ids(sample, where)
    assert sorted(layer["ids"]) == expected != []
    assert layer["count"] == len(expected)
    assert filters_of(layer) == {pushed}


def test_qgis_leaves_a_box_to_the_service(seen: dict[str, Any], sample: Connection) -> None:
    """QGIS itself then keeps what has a true point in it."""
    assert any("bbox=-2,47,0,49" in address for address in seen["box"]["requests"])
    assert sorted(seen["box"]["ids"]) == ids(
        sample, "ST_Intersects(point, ST_MakeEnvelope(-2, 47, 0, 49, 4326))"
    )


def test_qgis_reads_communes_in_lambert_93(seen: dict[str, Any], sample: Connection) -> None:
    layer = seen["communes"]
    query = (
        "SELECT code, ST_X(middle), ST_Y(middle) FROM"
        " (SELECT code, ST_Centroid(ST_Transform(outline, 2154)) AS middle FROM territory"
        "   WHERE level = 'commune' AND departement = '35') AS placed ORDER BY code"
    )
    expected = sample.execute(text(query)).all()
    assert layer["crs"] == "EPSG:2154"
    assert (layer["count"], layer["ids"]) == (len(expected), [row.code for row in expected])
    assert filters_of(layer) == {"(departement = '35')"}
    assert layer["middle"] == pytest.approx(list(expected[0][1:]), abs=5)


def test_qgis_reads_figures(seen: dict[str, Any], sample: Connection) -> None:
    layer = seen["figures"]
    first = dict(zip(layer["fields"], layer["first"], strict=True))
    counted = sample.execute(
        text(f"SELECT count(*) FROM initiative WHERE {LISTED} AND region = :code"),
        {"code": first["code"]},
    ).scalar_one()
    assert (layer["count"], int(first["initiatives"])) == (18, counted)


def test_qgis_reads_the_attributes_of_vector_tiles(seen: dict[str, Any]) -> None:
    tiles = seen["tiles"]
    assert sum(int(one["count"]) for one in tiles["initiatives"]) > 0
    (departement,) = {(one["level"], one["code"], one["name"]) for one in tiles["activity"]}
    assert departement == ("departement", "35", "Ille-et-Vilaine")
    assert "243500139" in {one["code"] for one in tiles["epcis"]}
    assert {one["tile_layer"] for one in tiles["epcis"]} == {"epcis"}


def test_our_style_is_loaded_by_its_address_with_its_filters_and_colours(
    seen: dict[str, Any],
) -> None:
    style = seen["style"]
    assert (style["valid"], style["loaded"], style["words"]) == (True, True, "")
    ours = {name: one for name, one in style["filters"].items() if name.startswith("initiatives")}
    assert len(ours) == 2 * len(Theme) + 2
    # A filter that QGIS did not understand would show everything.
    assert all(ours.values())
    points = {
        colour
        for name, colour in style["colours"].items()
        if name.startswith("initiatives-points-")
    }
    assert len(points) == len(Theme)

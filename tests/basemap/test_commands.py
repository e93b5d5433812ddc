"""`mapservice basemap`: what it says, what it writes, and where its areas come from."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, Engine

from mapservice.cli.main import cli
from mapservice.settings import BASEMAP_FILE
from mapservice.tiles.basemap.queries import boxes_of
from tests.basemap.archives import some_tiles, street, write_archive
from tests.basemap.range_server import serving


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MAPSERVICE_BASEMAP", "MAPSERVICE_BASEMAP_URL", "MAPSERVICE_BASEMAP_HOSTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MAPSERVICE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def basemap(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["basemap", *map(str, arguments)])


def chosen(home: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((home / BASEMAP_FILE).read_text())
    return found


def test_an_archive_is_looked_at_and_then_used_by_every_start(home: Path, tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a.pmtiles", some_tiles(9), attribution="© somebody")
    done = basemap("use", path)
    assert done.exit_code == 0, done.output
    assert "schema: openmaptiles" in done.output
    assert chosen(home)["basemap"] == str(path)
    told = basemap("info").output
    assert str(path) in told
    assert "attribution: © somebody" in told
    assert basemap("use", "none").exit_code == 0
    assert chosen(home)["basemap"] == "none"
    assert "none" in basemap("info").output


def test_what_cannot_be_used_is_not(home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.pmtiles").write_text("no archive")
    for base in (tmp_path / "a.pmtiles", tmp_path / "absent.pmtiles", "http://127.0.0.1:9/s.json"):
        assert basemap("use", base).exit_code != 0
    assert not (home / BASEMAP_FILE).exists()


def test_who_set_the_environment_is_told_that_it_counts(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_archive(tmp_path / "a.pmtiles", some_tiles(9))
    monkeypatch.setenv("MAPSERVICE_BASEMAP", "none")
    assert "which counts instead" in basemap("use", path).output


def test_the_hosts_that_a_style_names_are_found_and_written(home: Path, tmp_path: Path) -> None:
    with serving(tmp_path) as (address, _):
        elsewhere = address.replace("127.0.0.1", "localhost")
        tiles = {"tiles": ["https://tiles.example.org/{z}/{x}/{y}.pbf"]}
        (tmp_path / "tiles.json").write_text(json.dumps(tiles))
        style = {
            "version": 8,
            "layers": [{"id": "a", "type": "line", "source": "b"}],
            "sources": {"b": {"type": "vector", "url": f"{elsewhere}/tiles.json"}},
        }
        (tmp_path / "style.json").write_text(json.dumps(style))
        done = basemap("use", f"{address}/style.json", "--attribution", "© them")
        assert done.exit_code == 0, done.output
    found = chosen(home)
    assert found["basemap"] == f"{address}/style.json"
    assert found["basemap_attribution"] == "© them"
    assert set(found["basemap_hosts"].split()) == {elsewhere, "https://tiles.example.org"}
    assert "https://tiles.example.org" in done.output


def test_a_tilejson_of_layers_that_nobody_knows_is_refused(home: Path, tmp_path: Path) -> None:
    with serving(tmp_path) as (address, _):
        told = {"tiles": [f"{address}/x"], "vector_layers": [{"id": "stars"}]}
        (tmp_path / "tiles.json").write_text(json.dumps(told))
        done = basemap("use", f"{address}/tiles.json")
    assert done.exit_code != 0
    assert "no schema" in str(done.exception)


def test_an_area_is_fetched_and_how_to_use_it_told(home: Path, tmp_path: Path) -> None:
    write_archive(tmp_path / "a.pmtiles", some_tiles(300) | {(1, 0, 0): street("Rue")})
    with serving(tmp_path) as (address, _):
        done = basemap("fetch", "--area", "-5,47,-1,49", "--from", f"{address}/a.pmtiles")
    assert done.exit_code == 0, done.output
    target = home / "basemap" / "-5_47_-1_49.pmtiles"
    assert target.is_file()
    assert f"basemap use {target}" in done.output
    written = re.findall(r"(\d+)/(\d+)", done.stderr)
    assert written
    assert all(int(now) <= int(total) for now, total in written), "more than there is"


@pytest.mark.parametrize("area", ["bretagne", "1,2,3", "5,47,-1,49", "nan,47,1,49", "0,91,1,95"])
def test_an_area_that_is_none_is_told(home: Path, area: str) -> None:
    done = basemap("fetch", "--area", area, "--from", "http://127.0.0.1:9/a.pmtiles")
    assert done.exit_code != 0
    assert "--area" in str(done.exception)


def test_a_region_is_the_boxes_of_its_departements(connection: Connection, engine: Engine) -> None:
    bretagne = boxes_of(connection, "region", "53")
    assert len(bretagne) == 4
    assert min(box[0] for box in bretagne) == pytest.approx(-5.14, abs=0.05)
    france = boxes_of(connection, "france", "")
    assert len(france) == 101
    assert set(bretagne) <= set(france)
    assert len(boxes_of(connection, "departement", "2A")) == 1
    assert boxes_of(connection, "region", "999") == []

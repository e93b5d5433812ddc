"""Reports ordered, made by the job of exports, shown in a sandbox and fetched in every form."""

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.publishing.exports import making
from mapservice.publishing.exports.model import BundleFormat, ExportFormat
from mapservice.publishing.reports.making import maker
from mapservice.publishing.reports.model import ReportFile
from mapservice.tiles.basemap.service import Basemap
from tests.publishing.reports.conftest import BASE, SITE
from tests.test_cli import Command, mapservice

__all__ = ["mapservice"]

# The worker, until nothing waits.
WORKER = """
from mapservice.jobs import make_jobs
from mapservice.settings import Settings
app = make_jobs(Settings.from_env())
with app.open():
    app.run_worker(wait=False, delete_jobs="successful")
"""
UNKNOWN = "0197f000-0000-4000-8000-000000000099"
MAKERS = {BundleFormat.REPORT: maker(SITE, Basemap())}


def order(client: FlaskClient, **asked: Any) -> Any:
    response = client.post("/rapports", json=asked)
    assert response.status_code in (200, 202), response.text
    return response.get_json()


def state(client: FlaskClient, one: Any) -> Any:
    return client.get(f"/rapports/{one['id']}").json


@pytest.fixture
def made(orders: FlaskClient, shared_engine: Engine, home: Path) -> Any:
    """A finished report of Ille-et-Vilaine."""
    one = order(orders, territory="departement:35", theme=["culture", "habitat"])
    assert (one["state"], one["files"]) == ("queued", None)
    assert making.make_waiting(shared_engine, home, MAKERS) == 1
    return state(orders, one)


def test_an_order_becomes_five_files(orders: FlaskClient, made: Any) -> None:
    assert (made["state"], made["done"], made["total"]) == ("done", 5, 5)
    assert made["view"] == "theme=habitat,culture&territory=departement:35&by=commune&figure=rate"
    whole = orders.get(made["files"]["zip"].removeprefix(BASE), buffered=True)
    assert len(whole.data) == made["bytes"]
    with ZipFile(io.BytesIO(whole.data)) as files:
        assert files.namelist() == [piece.file_name for piece in ReportFile]
        for piece in ReportFile:
            path = made["files"][piece].removeprefix(BASE)
            answer = orders.get(f"{path}?telecharger=1")
            assert answer.data == files.read(piece.file_name)
            assert answer.content_type == piece.media_type
            name = f"{piece.file_name.partition('.')[0]}-departement-35-commune.{piece}"
            assert answer.headers["Content-Disposition"] == f"attachment; filename={name}"


def test_the_page_is_shown_in_a_sandbox_alone(orders: FlaskClient, made: Any) -> None:
    answer = orders.get(made["files"]["html"].removeprefix(BASE))
    assert answer.mimetype == "text/html"
    assert "Content-Disposition" not in answer.headers
    policy = answer.headers["Content-Security-Policy"].split("; ")
    sandbox = next(part for part in policy if part.startswith("sandbox")).split()
    assert "allow-scripts" in sandbox
    assert not {"allow-same-origin", "allow-forms", "allow-top-navigation"} & set(sandbox)
    assert {"default-src 'none'", "frame-ancestors 'self'"} <= set(policy)
    assert not any("connect-src" in part or "http" in part for part in policy)

    page = orders.get(f"/rapports/{made['id']}?f=html")
    assert 'sandbox="allow-scripts ' in page.text
    assert 'data-state="done"' in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in page.headers["Content-Security-Policy"]


@pytest.mark.long
def test_the_worker_makes_it_from_the_queue(
    orders: FlaskClient, database_url: str, home: Path
) -> None:
    one = order(orders, territory="epci:243500139")
    environ = {"MAPSERVICE_DATABASE_URL": database_url, "MAPSERVICE_HOME": str(home)}
    subprocess.run([sys.executable, "-c", WORKER], env=os.environ | environ, check=True)
    assert state(orders, one)["state"] == "done"


def test_a_form_leads_to_a_page_that_looks_again_by_itself(orders: FlaskClient) -> None:
    sent = {"territory": "region:53", "by": "region", "periode": "2026-01-01..2026-12-31"}
    answer = orders.post("/rapports?f=html", data=sent)
    assert answer.status_code == 303
    path = answer.headers["Location"].removeprefix(BASE)
    page = orders.get(path, headers={"Accept": "text/html"})
    assert '<noscript><meta http-equiv="refresh" content="1"></noscript>' in page.text
    assert 'data-state="queued" data-again="1"' in page.text
    view = orders.get(path).get_json()["view"]
    # A région is not told by régions: the detail that suits it is taken.
    assert view == ("territory=region:53&since=2026-01-01&until=2026-12-31&by=commune&figure=rate")


def test_the_form_shows_what_the_address_asks(orders: FlaskClient) -> None:
    page = orders.get("/rapports?territory=epci:243500139&theme=culture&since=2026-02-01").text
    assert '<option value="epci:243500139" selected>Rennes Métropole</option>' in page
    assert '<option value="2026-02-01.." selected>' in page
    assert 'value="culture" checked' in page
    assert page.count('<option value="departement:') == 101


def test_the_same_order_is_given_back(orders: FlaskClient, made: Any) -> None:
    again = order(orders, theme="culture,habitat", territory="departement:35", by="commune")
    assert again["id"] == made["id"]
    other = order(orders, theme="culture,habitat", territory="departement:35", figure="supporters")
    assert other["id"] != made["id"]


def test_reports_and_exports_are_apart(
    orders: FlaskClient, shared_engine: Engine, home: Path
) -> None:
    report = order(orders, territory="commune:35238")
    export = orders.post("/exports", json={"format": ExportFormat.GEOPACKAGE}).get_json()
    assert orders.get(f"/exports/{report['id']}").status_code == 404
    assert orders.get(f"/rapports/{export['id']}").status_code == 404
    # Who has no maker of reports leaves them to others.
    assert making.make_waiting(shared_engine, home) == 1
    assert state(orders, report)["state"] == "queued"
    assert making.make_waiting(shared_engine, home, MAKERS) == 1
    assert state(orders, report)["state"] == "done"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"territory": "region:99"}, "territory"),
        ({"by": "commune"}, "by"),
        ({"figure": 3}, "figure"),
        ({"colour": "red"}, "colour"),
        ({"since": "2026-01-15"}, "since"),
        ([], "body"),
    ],
)
def test_a_bad_order_is_refused_by_name(orders: FlaskClient, body: Any, field: str) -> None:
    answer = orders.post("/rapports", json=body)
    assert (answer.status_code, answer.get_json()["field"]) == (400, field)
    if isinstance(body, dict) and field != "figure":
        assert orders.get("/rapports", query_string=body).status_code == 400


@pytest.mark.parametrize("path", [UNKNOWN, "x", f"{UNKNOWN}/rapport.html", "x/tout.zip"])
def test_there_is_no_other_report(orders: FlaskClient, path: str) -> None:
    assert orders.get(f"/rapports/{path}").status_code == 404


def test_a_report_has_no_other_file(orders: FlaskClient, made: Any) -> None:
    assert orders.get(f"/rapports/{made['id']}/chiffres.doc").status_code == 404
    unmade = order(orders, territory="commune:35238")
    assert orders.get(f"/rapports/{unmade['id']}/rapport.pdf").status_code == 404
    assert orders.get(f"/rapports/{unmade['id']}/tout.zip").status_code == 404


def test_the_command_writes_one_file_or_all(mapservice: Command) -> None:
    done = mapservice("report", "--territory", "departement:75", "--out", "paris.html")
    assert done.code == 0, done.err
    assert "Les initiatives à Paris, par commune" in Path("paris.html").read_text(encoding="utf-8")
    assert mapservice("report", "--by", "departement", "--out", "france.zip").code == 0
    with ZipFile("france.zip") as files:
        assert len(files.namelist()) == len(ReportFile)
    refused = mapservice("report", "--territory", "region:99", "--out", "none.pdf")
    assert (refused.code, Path("none.pdf").exists()) == (1, False)
    assert "there is no region:99" in refused.err
    assert ".gpkg" in mapservice("report", "--out", "none.doc").err

"""Files made by a job: ordered once by many, followed, fetched, forgotten, whoever dies."""

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import procrastinate
import pyogrio
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text

from mapservice.initiatives.filters import InitiativeFilters
from mapservice.jobs import make_jobs
from mapservice.publishing.exports import making, service
from mapservice.publishing.exports.model import (
    MAX_ATTEMPTS,
    MAX_WAITING,
    ORDERED,
    ExportFormat,
    SheetFormat,
)
from mapservice.settings import Settings

PLENTY = 10**12
UNKNOWN = "0197f000-0000-4000-8000-000000000099"
Ids = Callable[[InitiativeFilters], list[str]]


def order(
    client: FlaskClient, form: str = "gpkg", query: str = "", address: str = "192.0.2.1"
) -> Any:
    response = client.post(
        "/exports",
        json={"format": form, "filter": query},
        environ_base={"REMOTE_ADDR": address},
    )
    assert response.status_code in (200, 202), response.text
    return response.get_json()


def state(client: FlaskClient, one: Any) -> Any:
    return client.get(f"/exports/{one['id']}").json


def run(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def jobs(engine: Engine) -> int:
    with engine.connect() as connection:
        query = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'make_exports'")
        return int(connection.execute(query).scalar_one())


@pytest.mark.parametrize("form", [*ExportFormat, *SheetFormat])
def test_an_order_becomes_a_file_with_what_the_filter_means(
    orders: FlaskClient,
    shared_engine: Engine,
    home: Path,
    form: ExportFormat | SheetFormat,
) -> None:
    made = order(orders, form, "theme=mobilite,culture&sort=supported")
    assert (made["state"], made["done"], made["file"]) == ("queued", 0, None)
    assert made["filter"] == "theme=mobilite,culture&sort=supported"
    assert orders.get(f"/exports/{made['id']}/file").status_code == 404

    assert making.make_waiting(shared_engine, home) == 1
    done = state(orders, made)
    assert (done["state"], done["done"]) == ("done", done["total"])
    rows = orders.get("/initiatives.csv?theme=mobilite,culture", buffered=True).text
    assert done["total"] == rows.count("\n") - 1
    answer = orders.get(done["file"].removeprefix("http://map.test"), buffered=True)
    assert answer.mimetype == form.media_type
    assert f"initiatives.{form}" in answer.headers["Content-Disposition"]
    assert len(answer.data) == done["bytes"]


def test_the_worker_makes_it_from_the_queue(
    orders: FlaskClient, shared_engine: Engine, database_url: str, home: Path
) -> None:
    """The job is in the queue as soon as the order is answered, and the task has its name."""
    made = order(orders)
    assert jobs(shared_engine) == 1
    app = make_jobs(Settings(database_url=database_url, home=home))
    condition = procrastinate.jobs.DeleteJobCondition.SUCCESSFUL
    # In a thread of its own: a browser of other tests may have an event loop run in this one.
    with app.open(), ThreadPoolExecutor(1) as thread:
        thread.submit(
            app.run_worker, wait=False, install_signal_handlers=False, delete_jobs=condition
        ).result()
    assert state(orders, made)["state"] == "done"
    assert jobs(shared_engine) == 0


def test_the_same_order_is_given_back_while_it_is_made_and_fresh(
    orders: FlaskClient, shared_engine: Engine, home: Path
) -> None:
    first = order(orders, query="theme=culture&q=")
    same = orders.post("/exports", data={"format": "gpkg", "theme": "culture", "q": ""})
    assert same.get_json()["id"] == first["id"]
    assert order(orders, "fgb", "theme=culture")["id"] != first["id"]
    assert order(orders, query="theme=habitat")["id"] != first["id"]
    making.make_waiting(shared_engine, home)
    assert order(orders, query="theme=culture")["id"] == first["id"]
    run(shared_engine, "UPDATE export SET finished_at = finished_at - interval '11 minutes'")
    assert order(orders, query="theme=culture")["id"] != first["id"]


def test_a_form_leads_to_a_page_that_looks_again_by_itself(
    orders: FlaskClient, shared_engine: Engine, home: Path
) -> None:
    html = {"Accept": "text/html"}
    form = {"format": "parquet", "territory": "region:53"}
    answer = orders.post("/exports", data=form, headers=html)
    assert answer.status_code == 303
    address = answer.headers["Location"].removeprefix("http://map.test")
    waits = orders.get(address, headers=html)
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in waits.text
    assert 'data-again="2"' in waits.text
    assert "GeoParquet" in waits.text
    assert "Bretagne" in waits.text
    run(shared_engine, "UPDATE export SET state = 'running', done_rows = 7, total_rows = 28")
    running = orders.get(address, headers=html).text
    assert 'value="25"' in running
    assert "7 initiatives sur 28" in running
    run(shared_engine, "UPDATE export SET state = 'queued'")
    making.make_waiting(shared_engine, home)
    ready = orders.get(address, headers=html)
    assert "data-again" not in ready.text
    assert "http-equiv" not in ready.text
    assert f'href="{address}/file"' in ready.text


def test_the_page_of_choices_carries_the_filter(orders: FlaskClient) -> None:
    page = orders.get("/exports?theme=culture&q=jardin").text
    for form in ORDERED:
        assert f'name="format" value="{form}"' in page
    assert page.count('name="theme" value="culture"') == len(ORDERED)
    assert 'href="/initiatives.geojsonl?q=jardin&amp;theme=culture"' in page
    assert 'href="/exports?theme=culture' in orders.get("/initiatives?theme=culture").text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "format"),
        ({"format": "docx"}, "format"),
        ({"format": "report.zip"}, "format"),
        ({"format": "pmtiles"}, "format"),
        ({"format": 5}, "format"),
        ({"format": None}, "format"),
        ({"format": "gpkg", "filter": "colour=red"}, "colour"),
        ({"format": "gpkg", "filter": {"theme": "sport"}}, "theme"),
        ({"format": "gpkg", "filter": {"theme": {}}}, "theme"),
        ({"format": "gpkg", "filter": 5.5}, "5.5"),
        ({"format": "gpkg", "filter": "limit=5"}, "limit"),
        ({"format": "gpkg", "filter": "updated_since=2026-01-01"}, "updated_since"),
        ({"format": "gpkg", "filter": "territory=commune:99999"}, "territory"),
        ({"format": "gpkg", "filter": "format=fgb"}, "format"),
        ({"format": "gpkg", "colour": "red"}, "colour"),
        ([], "body"),
        ("gpkg", "body"),
    ],
)
def test_a_bad_order_is_refused_by_name(orders: FlaskClient, body: Any, field: str) -> None:
    answer = orders.post("/exports", json=body)
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert answer.get_json()["field"] == field


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"theme": "culture"}, "format"),
        ({"format": ["gpkg", "fgb"]}, "format"),
        ({"format": "gpkg", "bbox": "1,2,3"}, "bbox"),
    ],
)
def test_a_bad_form_is_refused_by_name(orders: FlaskClient, form: Any, field: str) -> None:
    answer = orders.post("/exports", data=form, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.get_json()["field"]) == (400, field)


@pytest.mark.parametrize("path", ["x", UNKNOWN, f"{UNKNOWN}/file", "x/file"])
def test_there_is_no_other_export(orders: FlaskClient, path: str) -> None:
    assert orders.get(f"/exports/{path}").status_code == 404


def test_too_many_orders_wait_for_nobody(orders: FlaskClient, shared_engine: Engine) -> None:
    for day in range(1, MAX_WAITING + 1):
        order(orders, query=f"since=2026-01-{day:02}", address=f"192.0.2.{day}")
    refused = orders.post("/exports", json={"format": "gpkg"})
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert order(orders, query="since=2026-01-01")["state"] == "queued"
    run(shared_engine, "UPDATE export SET state = 'running' WHERE filter = 'since=2026-01-01'")
    assert order(orders)["state"] == "queued"


def test_a_file_comes_in_ranges_and_once(
    orders: FlaskClient, shared_engine: Engine, home: Path
) -> None:
    made = order(orders, "fgb")
    making.make_waiting(shared_engine, home)
    address = f"/exports/{made['id']}/file"
    whole = orders.get(address, buffered=True)
    tag = whole.headers["ETag"]
    assert not tag.startswith("W/")
    part = orders.get(address, headers={"Range": "bytes=4-11"}, buffered=True)
    assert (part.status_code, part.data) == (206, whole.data[4:12])
    assert part.headers["Content-Range"] == f"bytes 4-11/{len(whole.data)}"
    assert orders.get(address, headers={"If-None-Match": tag}, buffered=True).status_code == 304
    beyond = {"Range": f"bytes={len(whole.data)}-"}
    assert orders.get(address, headers=beyond, buffered=True).status_code == 416


def test_what_expired_is_gone_with_its_file(
    orders: FlaskClient, shared_engine: Engine, home: Path
) -> None:
    old, young = order(orders, "fgb"), order(orders, "gpkg")
    making.make_waiting(shared_engine, home)
    run(shared_engine, "UPDATE export SET expires_at = now() WHERE format = 'fgb'")
    assert orders.get(f"/exports/{old['id']}").status_code == 404
    making.tidy(shared_engine, home, PLENTY)
    assert files(home) == [f"{young['id']}.gpkg"]
    assert state(orders, young)["state"] == "done"


def test_the_oldest_files_make_room(orders: FlaskClient, shared_engine: Engine, home: Path) -> None:
    old = order(orders, "gpkg")
    making.make_waiting(shared_engine, home)
    young = order(orders, "fgb")
    making.make_waiting(shared_engine, home)
    making.tidy(shared_engine, home, state(orders, young)["bytes"])
    assert orders.get(f"/exports/{old['id']}").status_code == 404
    assert files(home) == [f"{young['id']}.fgb"]


def test_what_a_dead_worker_left_is_made_again(
    orders: FlaskClient, shared_engine: Engine, home: Path
) -> None:
    made = order(orders)
    run(
        shared_engine,
        "UPDATE export SET state = 'running', attempts = 1; DELETE FROM procrastinate_jobs",
    )
    half = service.folder(home) / f".{made['id']}.gpkg-abc"
    half.mkdir(parents=True, exist_ok=True)
    (half / "initiatives.gpkg").write_bytes(b"half")
    making.tidy(shared_engine, home, PLENTY)
    assert state(orders, made)["state"] == "queued"
    assert not half.exists()
    assert jobs(shared_engine) == 1
    making.make_waiting(shared_engine, home)
    assert state(orders, made)["state"] == "done"


def test_what_kills_workers_is_given_up(
    orders: FlaskClient, shared_engine: Engine, home: Path
) -> None:
    made = order(orders)
    run(shared_engine, f"UPDATE export SET state = 'running', attempts = {MAX_ATTEMPTS}")
    making.tidy(shared_engine, home, PLENTY)
    assert state(orders, made)["state"] == "failed"
    assert orders.get(f"/exports/{made['id']}/file").status_code == 404
    page = orders.get(f"/exports/{made['id']}", headers={"Accept": "text/html"}).text
    assert 'data-state="failed"' in page
    assert order(orders)["id"] != made["id"]


def test_one_worker_at_a_time_and_none_is_disturbed(
    orders: FlaskClient, shared_engine: Engine, home: Path
) -> None:
    made = order(orders)
    with shared_engine.begin() as other:
        assert other.execute(text(making.LOCK_MAKING)).scalar_one()
        assert making.make_waiting(shared_engine, home) == 0
        run(shared_engine, "UPDATE export SET state = 'running'")
        making.tidy(shared_engine, home, PLENTY)
        assert state(orders, made)["state"] == "running"
    making.tidy(shared_engine, home, PLENTY)
    assert state(orders, made)["state"] == "queued"


def test_an_export_that_breaks_down_is_tried_again(
    orders: FlaskClient, shared_engine: Engine, home: Path
) -> None:
    """Here for want of a folder to write to."""
    made = order(orders)
    with pytest.raises(OSError, match="/proc/none"):
        making.make_waiting(shared_engine, Path("/proc/none"))
    making.tidy(shared_engine, home, PLENTY)
    assert state(orders, made)["state"] == "queued"


def test_the_file_is_what_the_filter_means_now_not_when_it_was_asked(
    orders: FlaskClient, shared_engine: Engine, home: Path, reader: Connection
) -> None:
    made = order(orders, query="territory=departement:35&precision=point")
    making.make_waiting(shared_engine, home)
    path = service.folder(home) / f"{made['id']}.gpkg"
    frame = pyogrio.read_dataframe(path)
    assert set(frame.departement) == {"35"}
    assert frame.geometry.notna().all()
    assert json.loads(json.dumps(made))["filter"] == "territory=departement:35&precision=point"


def files(home: Path) -> list[str]:
    return sorted(path.name for path in service.folder(home).iterdir())


def test_the_service_itself_does_without_gdal() -> None:
    """Its processes stay small: what needs GDAL is the worker's and the commands'."""
    code = "import sys, mapservice.app; print({'pyogrio', 'arro3.io'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

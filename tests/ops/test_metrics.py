"""Metrics of all processes together, a line for each request, and a readiness that turns red."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text

from mapservice.app import create_app
from mapservice.db.engine import make_engine
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from mapservice.web.request_log import (
    KEPT_PAGE,
    KEPT_TILE,
    READS,
    READS_MOVED,
    REPLICA_DELAY,
    REPLICA_UP,
)
from tests.conftest import REPOSITORY, temporary_database, wait_until_ready
from tests.ops.test_nginx import free_port

TOKEN = "the-token-of-this-operator"
SECRET = "kQ0Zb3f_9-qWvT7Lr2NxY8cPdE1uHsJa"
VISITOR = "127.0.0.7"
MONITORING = REPOSITORY / "deploy" / "monitoring"


@dataclass(frozen=True, slots=True)
class Gunicorn:
    """Two processes of the service, its database, and what it writes on standard output."""

    port: int
    url: str
    log: Path

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
        line = HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=(VISITOR, 0))
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        line.request(method, path, headers=named)
        answer = line.getresponse()
        body = answer.read()
        line.close()
        return answer, body

    def metrics(self) -> dict[str, list[Any]]:
        answer, body = self.ask("/metrics", Authorization=f"Bearer {TOKEN}")
        assert (answer.status, answer.getheader("Cache-Control")) == (200, "no-store")
        found: dict[str, list[Any]] = {}
        for family in text_string_to_metric_families(body.decode()):
            for sample in family.samples:
                found.setdefault(sample.name, []).append(sample)
        return found

    def line_of(self, name: str | None) -> dict[str, Any]:
        """It is written once the answer is sent, a moment after its client has it."""
        while True:
            lines = self.log.read_text().rpartition("\n")[0].splitlines()
            found: list[dict[str, Any]] = [
                one for one in map(json.loads, lines) if one["id"] == name
            ]
            if found:
                (line,) = found
                return line


@pytest.fixture(scope="module")
def gunicorn(
    server_url: str, france_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gunicorn]:
    folder = tmp_path_factory.mktemp("metrics")
    port, log = free_port(), folder / "stdout"
    with temporary_database(server_url, "metrics", france_template) as url:
        environ = os.environ | {
            "DATABASE_URL": url,
            "MAPSERVICE_DATABASE_URL": url,
            "MAPSERVICE_HOME": str(folder / "home"),
            "MAPSERVICE_METRICS_TOKEN": TOKEN,
            "MAPSERVICE_SECRET_KEY": "one for both processes",
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "WEB_CONCURRENCY": "2",
        }
        command = [sys.executable, "-m", "gunicorn", "-c", "python:mapservice.gunicorn_conf"]
        with log.open("wb") as output:
            server = subprocess.Popen(command, cwd=REPOSITORY, env=environ, stdout=output)
        try:
            wait_until_ready(server, f"http://127.0.0.1:{port}")
            yield Gunicorn(port, url, log)
        finally:
            server.terminate()
            server.wait()


def counted(found: dict[str, list[Any]], **labels: str) -> float:
    return sum(
        float(sample.value)
        for sample in found.get("mapservice_request_seconds_count", [])
        if labels.items() <= sample.labels.items()
    )


def test_requests_of_all_processes_are_counted_once(gunicorn: Gunicorn) -> None:
    route = "/territoires/<level>/<code>"

    def answers(found: dict[str, list[Any]]) -> float:
        """Whether the application made them or they were kept from before."""
        return counted(found, route=route) + counted(found, route=KEPT_PAGE)

    before = answers(gunicorn.metrics())
    for _ in range(40):  # each on a connection of its own: both processes get some
        assert gunicorn.ask("/territoires/commune/35238")[0].status == 200
    for _ in range(3):
        assert gunicorn.ask("/territoires/commune/00000")[0].status == 404
    found = gunicorn.metrics()
    assert answers(found) - before == 43
    assert counted(found, route=route) >= 3
    assert counted(found, route=route, status="404", method="GET") == 3
    seconds = [
        sample.value
        for sample in found["mapservice_request_seconds_sum"]
        if sample.labels["route"] == route
    ]
    assert 0 < sum(seconds) < 60


def test_a_kept_tile_counts_as_a_hit(gunicorn: Gunicorn) -> None:
    tile = "/tiles/territories/5/15/11.pbf"
    first = gunicorn.ask(tile)[0].getheader("X-Request-ID")

    def hits() -> float:
        return sum(
            float(sample.value)
            for sample in gunicorn.metrics().get("mapservice_tile_cache_answers_total", [])
            if sample.labels["result"] == "hit"
        )

    # A process keeps tiles once it hears of changes; there are two.
    in_a_row = 0
    while in_a_row < 8:
        before = hits()
        gunicorn.ask(tile)
        in_a_row = in_a_row + 1 if hits() == before + 1 else 0
    before = hits()
    names = {gunicorn.ask(tile)[0].getheader("X-Request-ID") for _ in range(3)}
    assert hits() == before + 3
    # What is kept is the tile, not the id of who asked for it first.
    assert len(names | {first}) == 4
    assert None not in names


def test_nobody_without_the_token_sees_them(gunicorn: Gunicorn) -> None:
    for given in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {TOKEN}"}):
        assert gunicorn.ask("/metrics", **given)[0].status == 404
    assert gunicorn.ask(f"/metrics?token={TOKEN}")[0].status == 404


def test_without_a_token_there_are_none(client: FlaskClient) -> None:
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_what_waits_is_told(gunicorn: Gunicorn) -> None:
    engine = make_engine(gunicorn.url)
    with engine.begin() as connection:
        connection.execute(
            text(
                """INSERT INTO procrastinate_jobs (queue_name, task_name, status)
                   VALUES ('default', 'send_mail', 'todo'), ('default', 'send_mail', 'todo'),
                          ('default', 'make_exports', 'failed')"""
            )
        )
        connection.execute(
            text("UPDATE procrastinate_events SET at = now() - interval '500 seconds'")
        )
        connection.execute(
            text(
                """INSERT INTO delivery (message_id, kind, sender, recipient, subject, text, html,
                                         headers, state, attempts, give_up_at)
                   VALUES ('<1@x>', 'sign_in', 'a@x', 'b@x', 's', 't', 'h', '{}', 'failed', 1,
                           now())"""
            )
        )
        connection.execute(
            text(
                """INSERT INTO backup (folder, made_at, bytes, erasure_key)
                   VALUES ('/nowhere', to_timestamp(1700000000), 5,
                           decode(repeat('00', 32), 'hex'))"""
            )
        )
    engine.dispose()
    found = gunicorn.metrics()

    def value(name: str, **labels: str) -> float:
        (sample,) = [one for one in found[name] if labels.items() <= one.labels.items()]
        return float(sample.value)

    assert value("mapservice_jobs", kind="send_mail", state="todo") >= 2
    assert value("mapservice_jobs", kind="make_exports", state="failed") == 1
    assert 500 <= value("mapservice_job_oldest_seconds", kind="send_mail") < 800
    assert value("mapservice_mails", state="failed") == 1
    assert value("mapservice_backup_made_timestamp_seconds") == 1_700_000_000
    assert "mapservice_backup_verified_timestamp_seconds" not in found
    assert value("mapservice_database_up") == 1
    assert value("mapservice_schema_current") == 1
    assert value("mapservice_rollup_deltas") == 0
    assert value("mapservice_disk_free_bytes", place="home") > 0
    assert value("mapservice_pool_connections") == 0  # nobody asks for anything else


def test_one_line_for_each_request(gunicorn: Gunicorn) -> None:
    """With the id that its client has; without address, query, and secret of a link."""
    asked = (
        ("/territoires/commune/35238?lang=en&q=chez%20moi", "/territoires/<level>/<code>"),
        (f"/confirmer/{SECRET}", "/confirmer/<secret:secret>"),
        (f"/confirmer/{SECRET}/further", "(none)"),
        ("/nowhere/%C3%A9", "(none)"),
        # Made by the application the first time, and told by its route as any other answer.
        ("/tiles/territories/6/31/23.pbf", "/tiles/territories/<z>/<x>/<y>.pbf"),
        ("/tiles/territories/6/31/23.pbf", KEPT_TILE),
    )
    for path, route in asked:
        answer, _body = gunicorn.ask(path)
        name = answer.getheader("X-Request-ID")
        line = gunicorn.line_of(name)
        assert line["status"] == answer.status
        assert line["method"] == "GET"
        assert 0 < line["seconds"] < 60
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["at"])
        assert line["route"] == route
        assert set(line) == {
            "at", "event", "id", "method", "path", "route", "status", "bytes", "seconds",
        }  # fmt: skip
    written = gunicorn.log.read_text()
    assert '"path":"/confirmer/…"' in written
    assert '"path":"/nowhere/é"' in written
    for kept_out in (SECRET, VISITOR, "chez", "lang=en"):
        assert kept_out not in written


def test_an_error_says_the_id_to_people_and_machines(client: FlaskClient) -> None:
    page = client.get("/nowhere", headers={"Accept": "text/html"})
    assert f"<code>{page.headers['X-Request-ID']}</code>" in page.text
    problem = client.get("/nowhere.json")
    assert problem.get_json()["request_id"] == problem.headers["X-Request-ID"]
    assert page.headers["X-Request-ID"] != problem.headers["X-Request-ID"]


def test_only_a_proxy_of_ours_names_requests(database_url: str, engine: Engine) -> None:
    app = create_app(Settings(database_url=database_url, trusted_proxies="loopback"))
    services: Services = app.extensions[SERVICES]
    try:
        client = app.test_client()

        def named(peer: str, given: str) -> str:
            answer = client.get(
                "/health/live",
                headers={"X-Request-ID": given},
                environ_base={"REMOTE_ADDR": peer},
            )
            return answer.headers["X-Request-ID"]

        assert named("127.0.0.1", "4f2a" * 8) == "4f2a" * 8
        assert named("192.0.2.7", "4f2a" * 8) != "4f2a" * 8
        for forged in ('"}{', "x" * 65, "é"):
            assert named("127.0.0.1", forged) != forged
    finally:
        services.dispose()


def test_readiness_is_red_while_a_disk_is_full(database_url: str, engine: Engine) -> None:
    app = create_app(Settings(database_url=database_url, disk_free_bytes=10**18))
    services: Services = app.extensions[SERVICES]
    try:
        answer = app.test_client().get("/health/ready")
        assert answer.status_code == 503
        assert "The disk is full" in answer.get_json()["detail"]
        assert app.test_client().get("/health/live").status_code == 200
    finally:
        services.dispose()


def test_readiness_is_red_without_a_migration_and_within_a_restore(
    server_url: str, france_template: str
) -> None:
    with temporary_database(server_url, "unready", france_template) as url:
        app = create_app(Settings(database_url=url))
        services: Services = app.extensions[SERVICES]
        client = app.test_client()

        def change(statement: str) -> None:
            with services.engine.begin() as connection:
                connection.execute(text(statement))

        try:
            assert client.get("/health/ready").status_code == 200
            change("CREATE TABLE restore_under_way (folder text NOT NULL)")
            answer = client.get("/health/ready")
            assert (answer.status_code, "restore" in answer.get_json()["detail"]) == (503, True)
            change("DROP TABLE restore_under_way")
            change("UPDATE alembic_version SET version_num = '0028'")
            answer = client.get("/health/ready")
            assert (answer.status_code, "migrate" in answer.get_json()["detail"]) == (503, True)
        finally:
            services.dispose()


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"mapservice_\w+", expression))


def test_alerts_and_dashboard_ask_for_what_there_is(gunicorn: Gunicorn) -> None:
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    asked = {name for rule in alerts for name in names_in(rule["expr"])}
    asked |= {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in names_in(target["expr"])
    }
    # Those that are told only once there is something to tell.
    engine = make_engine(gunicorn.url)
    with engine.begin() as connection:
        connection.execute(
            text(
                """INSERT INTO backup (folder, made_at, bytes, verified_at, erasure_key)
                   VALUES ('/tried', now(), 5, now(), decode(repeat('00', 32), 'hex'))"""
            )
        )
        connection.execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES"))
    engine.dispose()
    # And those of a standby, which tests/ops/test_replicas.py has.
    standbys = (READS, READS_MOVED, REPLICA_UP, REPLICA_DELAY)
    told = {one.name for each in standbys for one in each.describe()}
    found = gunicorn.metrics().keys() | told | {f"{name}_total" for name in told}
    assert asked - {"mapservice"} <= found


def test_the_page_says_what_to_do_about_each_alert() -> None:
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())
    page = (REPOSITORY / "docs" / "operations.md").read_text()
    for group in rules["groups"]:
        for rule in group["rules"]:
            assert f"`{rule['alert']}`" in page, rule["alert"]

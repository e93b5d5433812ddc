"""Reports of each month: asked for, ordered and told of once each, ended; by a clock of ours."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text

from mapservice.publishing.exports import making
from mapservice.publishing.exports.model import MAX_WAITING, BundleFormat
from mapservice.publishing.exports.service import order
from mapservice.publishing.reports import schedule_service
from mapservice.publishing.reports.making import maker
from mapservice.publishing.reports.schedule_service import (
    MAX_SCHEDULES,
    TERMS,
    ScheduleTurn,
    month_before,
    of_month,
)
from mapservice.settings import Settings
from mapservice.tiles.basemap.service import Basemap
from tests.accounts.people.mailbox import ADDRESS, Received, fill_in, mails_to, sign_in
from tests.accounts.roles.cast import BRETAGNE, grant, person_of, revoke
from tests.conftest import REPOSITORY
from tests.notifications.subscriptions.readers import environ
from tests.notifications.subscriptions.test_digests import until

SETTINGS = Settings(database_url="", public_url="http://map.test")
MAKERS = {BundleFormat.REPORT: maker("Initiatives", Basemap())}
PAGE, MONTHLY = "/rapports?territory=commune:35238", "/rapports/mensuels"
RENNES = {"territory": "commune:35238", "by": "commune", "figure": "rate", "theme": "culture"}
KEPT_VIEW = "theme=culture&territory=commune:35238&by=commune&figure=rate"
FIRST = date(2030, 12, 1)
FAIL = """
UPDATE export SET state = 'failed', finished_at = now(), expires_at = now() + interval '1 day'"""
NOVEMBER = KEPT_VIEW.replace("&by=", "&since=2030-11-01&until=2030-11-30&by=")


@pytest.fixture(autouse=True)
def no_exports(engine: Engine) -> Iterator[None]:
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE export; DELETE FROM procrastinate_jobs"))
    yield
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE export; DELETE FROM procrastinate_jobs"))


@pytest.fixture
def moderator(client: FlaskClient, engine: Engine) -> FlaskClient:
    sign_in(client, engine)
    grant(engine, ADDRESS, "moderator", BRETAGNE)
    return client


def ask(client: FlaskClient, **more: str) -> int:
    """By the second button of the form."""
    return fill_in(client, PAGE, RENNES | more, to=MONTHLY).status_code


def asked_in_october(engine: Engine) -> None:
    """All of them, so that the next report is that of November 2030."""
    statement = "UPDATE report_schedule SET ordered_for = '2030-10-01', told_for = '2030-10-01'"
    with engine.begin() as connection:
        connection.execute(text(statement))


def run(engine: Engine, day: date = FIRST) -> ScheduleTurn:
    return schedule_service.run(engine, SETTINGS, day)


def make(engine: Engine, home: Path) -> int:
    return making.make_waiting(engine, home, MAKERS)


def mails(engine: Engine, recipient: str = ADDRESS) -> list[Received]:
    return [mail for mail in mails_to(engine, recipient) if mail.kind == "report"]


def exports(engine: Engine) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT filter, state FROM export ORDER BY created_at"))
        return [(row.filter, row.state) for row in rows]


class TestAsking:
    def test_who_has_a_role_is_offered_it_and_finds_it_on_their_page(
        self, moderator: FlaskClient
    ) -> None:
        assert "Le recevoir chaque mois" in moderator.get(PAGE).text
        assert ask(moderator, periode="2020-01-01..2020-12-31") == 303
        page = moderator.get("/compte").text
        assert f'href="/rapports?{KEPT_VIEW.replace("&", "&amp;")}"' in page
        assert "Rennes, par commune, Culture" in page

    def test_who_has_none_is_not(
        self, app: Flask, client: FlaskClient, moderator: FlaskClient, engine: Engine
    ) -> None:
        stranger = app.test_client()
        assert "chaque mois" not in stranger.get(PAGE).text
        assert stranger.post(MONTHLY).headers["Location"].startswith("/connexion")
        sign_in(stranger, engine, "other@example.org")
        assert "chaque mois" not in stranger.get(PAGE).text
        assert fill_in(stranger, "/compte", RENNES, to=MONTHLY).status_code == 403
        assert "Rapports de chaque mois" not in stranger.get("/compte").text

    def test_the_button_beside_it_makes_one_at_once_as_before(
        self, moderator: FlaskClient, engine: Engine
    ) -> None:
        sent = fill_in(moderator, PAGE, RENNES, to="/rapports?f=html")
        assert sent.status_code == 303
        assert exports(engine) == [(KEPT_VIEW, "queued")]

    def test_a_territory_that_is_none_is_refused(self, moderator: FlaskClient) -> None:
        assert ask(moderator, territory="commune:99999") == 400

    def test_the_same_twice_is_one_and_nobody_has_too_many(
        self, moderator: FlaskClient, engine: Engine
    ) -> None:
        assert [ask(moderator), ask(moderator)] == [303, 303]
        others = ["mobilite", "habitat", "solidarite", "education", "economie", "autre"]
        for theme in [*others, "environnement", "alimentation", ""][: MAX_SCHEDULES - 1]:
            assert ask(moderator, theme=theme) == 303, theme
        assert ask(moderator, theme="culture,autre") == 409
        with engine.connect() as connection:
            kept = connection.execute(text("SELECT count(*) FROM report_schedule")).scalar_one()
        assert kept == MAX_SCHEDULES

    def test_it_is_ended_by_its_owner_alone(
        self, app: Flask, moderator: FlaskClient, engine: Engine
    ) -> None:
        ask(moderator)
        with engine.connect() as connection:
            one = connection.execute(text("SELECT id FROM report_schedule")).scalar_one()
        stop = f"{MONTHLY}/{one}/arreter"
        stranger = app.test_client()
        sign_in(stranger, engine, "other@example.org")
        fill_in(stranger, "/compte", {}, to=stop)
        assert "Rennes, par commune" in moderator.get("/compte").text
        fill_in(moderator, "/compte", {}, to=stop)
        assert "Rennes, par commune" not in moderator.get("/compte").text

    def test_erasing_the_account_takes_them_and_the_export_has_them(
        self, moderator: FlaskClient, engine: Engine
    ) -> None:
        ask(moderator)
        (told,) = moderator.get("/compte/donnees").get_json()["monthly_reports"]
        assert told["view"] == KEPT_VIEW
        fill_in(moderator, "/compte/effacer", {})
        with engine.connect() as connection:
            left = connection.execute(text("SELECT count(*) FROM report_schedule")).scalar_one()
        assert left == 0


class TestEachMonth:
    def test_the_month_before_is_made_and_told_of_once(
        self, moderator: FlaskClient, engine: Engine, tmp_path: Path
    ) -> None:
        ask(moderator)
        asked_in_october(engine)
        assert run(engine, date(2030, 11, 30)) == ScheduleTurn(0, 0)
        assert run(engine) == ScheduleTurn(1, 0)
        assert run(engine) == ScheduleTurn(0, 0), "it is not made yet"
        assert exports(engine) == [(NOVEMBER, "queued")]
        assert make(engine, tmp_path) == 1
        assert run(engine) == ScheduleTurn(0, 1)
        assert run(engine, date(2030, 12, 31)) == ScheduleTurn(0, 0)
        (mail,) = mails(engine)
        assert mail.subject.startswith("Rapport de novembre 2030\u00a0: Rennes")
        link = next(line for line in mail.text.splitlines() if "/rapports/" in line)
        told = moderator.get(urlsplit(link).path, headers={"Accept": "application/json"})
        assert (told.get_json()["state"], told.get_json()["view"]) == ("done", NOVEMBER)
        assert f"{link}/rapport.pdf" in mail.text
        assert f"{link}/rapport.pdf" in mail.html
        assert run(engine, date(2031, 1, 1)) == ScheduleTurn(1, 0)

    def test_its_file_is_kept_for_forty_days(
        self, moderator: FlaskClient, engine: Engine, tmp_path: Path
    ) -> None:
        ask(moderator)
        asked_in_october(engine)
        run(engine)
        make(engine, tmp_path)
        with engine.connect() as connection:
            expires = connection.execute(text("SELECT expires_at FROM export")).scalar_one()
        assert (expires - datetime.now(UTC)).days in (39, 40)

    def test_a_file_that_anybody_ordered_is_kept_as_long_once_it_is_mailed(
        self, moderator: FlaskClient, engine: Engine, tmp_path: Path
    ) -> None:
        ask(moderator)
        asked_in_october(engine)
        with engine.begin() as connection:
            order(connection, BundleFormat.REPORT, NOVEMBER, "http://map.test")
        make(engine, tmp_path)
        assert run(engine) == ScheduleTurn(1, 1)
        assert len(exports(engine)) == 1
        with engine.connect() as connection:
            kept = connection.execute(text("SELECT expires_at - finished_at FROM export"))
            assert kept.scalar_one() == TERMS.kept

    def test_one_that_cannot_be_made_is_said_so_with_a_way_to_ask_anew(
        self, moderator: FlaskClient, engine: Engine
    ) -> None:
        ask(moderator)
        asked_in_october(engine)
        run(engine)
        with engine.begin() as connection:
            connection.execute(text(FAIL))
        assert run(engine) == ScheduleTurn(0, 1)
        (mail,) = mails(engine)
        assert "n’a pas pu être préparé" in mail.text
        assert f"http://map.test/rapports?{NOVEMBER}" in mail.text
        assert "rapport.pdf" not in mail.text

    @pytest.mark.long
    def test_few_wait_at_once_and_the_others_come_later(
        self, app: Flask, moderator: FlaskClient, engine: Engine, tmp_path: Path
    ) -> None:
        themes = ["culture", "habitat", "autre", "mobilite", "education", "economie", "solidarite"]
        for theme in themes:
            ask(moderator, theme=theme)
        asked_in_october(engine)
        assert run(engine) == ScheduleTurn(TERMS.room, 0)
        assert TERMS.room < MAX_WAITING, "others still find room"
        assert run(engine) == ScheduleTurn(0, 0)
        make(engine, tmp_path)
        assert run(engine) == ScheduleTurn(len(themes) - TERMS.room, TERMS.room)
        make(engine, tmp_path)
        assert run(engine) == ScheduleTurn(0, len(themes) - TERMS.room)
        assert len(mails(engine)) == len(themes)

    def test_who_has_no_role_any_more_gets_none_until_they_have_one_again(
        self, moderator: FlaskClient, engine: Engine
    ) -> None:
        ask(moderator)
        asked_in_october(engine)
        revoke(engine, person_of(engine, ADDRESS), "moderator", BRETAGNE)
        assert run(engine) == ScheduleTurn(0, 0)
        assert "En pause" in moderator.get("/compte").text
        grant(engine, ADDRESS, "coordinator", BRETAGNE)
        assert run(engine) == ScheduleTurn(1, 0)

    def test_the_link_in_a_mail_ends_it_without_a_session(
        self, app: Flask, moderator: FlaskClient, engine: Engine, tmp_path: Path
    ) -> None:
        ask(moderator)
        asked_in_october(engine)
        run(engine)
        make(engine, tmp_path)
        run(engine)
        (mail,) = mails(engine)
        assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        link = urlsplit(mail.headers["List-Unsubscribe"].strip("<>")).path
        stranger = app.test_client()
        assert stranger.get(link[:-1] + ("A" if link[-1] != "A" else "B")).status_code == 404
        assert stranger.get(link).status_code == 200
        assert "ne vient plus" in stranger.post(link, data={"List-Unsubscribe": "One-Click"}).text
        assert run(engine, date(2031, 1, 1)) == ScheduleTurn(0, 0)

    def test_it_speaks_the_language_of_its_reader(
        self, moderator: FlaskClient, engine: Engine, tmp_path: Path
    ) -> None:
        fill_in(moderator, "/compte", {"name": "", "commune": "", "locale": "en"})
        ask(moderator)
        asked_in_october(engine)
        run(engine)
        make(engine, tmp_path)
        run(engine)
        (mail,) = mails(engine)
        assert mail.subject.startswith("Report of November 2030: Rennes")
        assert '<html lang="en">' in mail.html

    @pytest.mark.long
    def test_a_worker_that_is_killed_loses_none_and_repeats_none(
        self, moderator: FlaskClient, engine: Engine, tmp_path: Path, database_url: str
    ) -> None:
        ask(moderator)
        asked_in_october(engine)
        run(engine)
        make(engine, tmp_path)
        code = (
            "from tests.publishing.reports.test_schedules import run;"
            "from mapservice.db.engine import make_engine;"
            f"run(make_engine({database_url!r}))"
        )
        with engine.connect() as holder, engine.connect() as watcher:
            holder.execute(text("LOCK TABLE delivery IN SHARE MODE"))
            worker = subprocess.Popen(
                [sys.executable, "-c", code], cwd=REPOSITORY, env=environ(database_url)
            )
            until(lambda: waits(watcher) or worker.poll() is not None)
            assert worker.poll() is None, "it stands in the middle of the mail"
            worker.kill()
            worker.wait()
            holder.rollback()
        until(lambda: run(engine).mails == 1 or len(mails(engine)) > 0)
        assert run(engine) == ScheduleTurn(0, 0)
        assert len(mails(engine)) == 1


def waits(connection: Connection) -> bool:
    """Whether somebody waits for the table of mails."""
    connection.execute(text("SELECT pg_sleep(0.01)"))
    locks = "SELECT FROM pg_locks WHERE relation = 'delivery'::regclass AND NOT granted"
    return bool(connection.execute(text(f"SELECT EXISTS ({locks})")).scalar_one())


@pytest.mark.parametrize(
    ("day", "month"),
    [("2026-01-01", "2025-12-01"), ("2026-03-31", "2026-02-01"), ("2028-03-15", "2028-02-01")],
)
def test_the_month_before(day: str, month: str) -> None:
    assert month_before(date.fromisoformat(day)).isoformat() == month


def test_a_month_is_whole() -> None:
    view = of_month("by=region&figure=rate", date(2028, 2, 1))
    assert "since=2028-02-01&until=2028-02-29" in view.query

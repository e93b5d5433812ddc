"""Letters of the week: what is in them; each once and whole; until somebody says stop."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text

from mapservice.i18n import LOCALES, PARIS
from mapservice.mail import service as mail
from mapservice.moderation.model import CaseKind
from mapservice.notifications.weekly_digest.model import DigestWeek, midnight, monday
from tests.accounts.people.mailbox import ADDRESS, fill_in, mails_to, sign_in
from tests.accounts.roles.cast import grant, proposal, report, revoke
from tests.conftest import REPOSITORY
from tests.contributions.needs.test_calls import place
from tests.events.organiser import make_event
from tests.groups.founder import make_group
from tests.notifications.subscriptions.readers import environ
from tests.notifications.subscriptions.test_digests import until
from tests.notifications.weekly_digest.readers import (
    BRETAGNE,
    CAEN,
    FOUGERES,
    ILLE_ET_VILAINE,
    MONDAY,
    NORMANDIE,
    RENNES,
    WEEK,
    keep,
    letter,
    letters,
    look_after,
    publish,
    spread,
    tell,
)
from tests.web.population import Made

SOURCE = """
INSERT INTO import_source (platform, connector, address, licence, rhythm, sweep_state, sweep_reason)
VALUES (:name, 'gogocarto', 'https://carto.example.org', 'ODbL 1.0', 'weekly', :state, :reason)"""
RUN = """
INSERT INTO import_run (platform, file_name, state, started_at, finished_at, undone_at, counts)
VALUES ('Carte', 'carte.json', :state, :day, :day,
        CASE :state WHEN 'undone' THEN CAST(:day AS timestamptz) END, CAST(:counts AS jsonb))"""


def titles(engine: Engine) -> list[str]:
    return re.findall(
        r"^- (.+) \(.+\)\n  http://map.test/initiatives", letter(engine).text, re.MULTILINE
    )


class TestWhatIsTold:
    def test_new_is_what_came_in_the_week_before_by_the_clock_of_paris(
        self, client: FlaskClient, engine: Engine
    ) -> None:
        look_after(client, engine, BRETAGNE)
        for moment, title in (
            ("2025-11-30T22:59:59Z", "Dimanche d’avant"),
            ("2025-11-30T23:00:00Z", "Lundi à minuit"),
            ("2025-12-07T22:59:59Z", "Dimanche soir"),
            ("2025-12-07T23:00:00Z", "Lundi d’après"),
        ):
            publish(engine, moment, Made(commune=RENNES, title=title))
        publish(engine, "2025-12-03T12:00Z", Made(commune=CAEN, title="Ailleurs"))
        waiting = Made(commune=RENNES, title="Pas publique", status="pending")
        publish(engine, "2025-12-03T12:00Z", waiting)
        assert tell(engine) == 1
        assert titles(engine) == ["Dimanche soir", "Lundi à minuit"]
        assert "2 initiatives nouvelles" in letter(engine).text
        assert letter(engine).subject.startswith("Semaine du 1er au 7 décembre")
        assert tell(engine, MONDAY + WEEK) == 1
        assert titles(engine) == ["Lundi d’après"]

    def test_a_long_list_names_some_and_leads_to_the_others(
        self, client: FlaskClient, engine: Engine
    ) -> None:
        look_after(client, engine, BRETAGNE)
        many = [Made(commune=RENNES, title=f"N{number}") for number in range(9)]
        publish(engine, "2025-12-03T12:00Z", *many)
        tell(engine)
        assert len(titles(engine)) == 5
        others = "et 4 autres\n  http://map.test/initiatives?territory=region:53"
        assert others in letter(engine).text

    def test_what_waits_is_counted_within_the_roles_with_the_age_of_the_oldest(
        self, client: FlaskClient, engine: Engine
    ) -> None:
        look_after(client, engine, BRETAGNE, role="coordinator")
        here = [proposal(engine, f"Ici {number}", commune=RENNES) for number in range(2)]
        there = proposal(engine, "Là-bas", commune=CAEN)
        report(engine, here[0], "près")
        report(engine, there, "loin")
        with engine.begin() as connection:
            connection.execute(text("UPDATE proposal SET queued_at = '2025-12-01T09:00Z'"))
            connection.execute(text("UPDATE report SET created_at = '2025-12-07T09:00Z'"))
        tell(engine)
        told = letter(engine)
        assert "- 2 propositions à relire, la plus longue attente\u00a0: 6 jours\n" in told.text
        assert "  http://map.test/moderation?kind=proposal\n" in told.text
        assert "- 1 signalement à examiner, depuis moins d’un jour\n" in told.text
        assert "à décider" not in told.text
        assert "3 en attente" in told.subject

    def test_rising_and_falling_silent_are_told_beyond_chance_alone(
        self, client: FlaskClient, engine: Engine
    ) -> None:
        look_after(client, engine, ILLE_ET_VILAINE)
        keep(
            engine,
            [
                *spread(RENNES, 30, days_ago=30),
                *spread(RENNES, 6, days_ago=395),
                *spread(FOUGERES, 12, days_ago=395),
                # Twice as many as last year, and yet no more than chance.
                *spread("35288", 4, days_ago=30),
                *spread("35288", 2, days_ago=395),
                # Another season is not what this one is compared with.
                *spread(RENNES, 90, days_ago=150),
                *spread(RENNES, 1, days_ago=470),
            ],
        )
        tell(engine)
        told = letter(engine).text
        rising, falling = told.split("En hausse nette")[1].split("De plus en plus silencieux")
        assert "- Rennes (30 en 90 jours, 6 aux mêmes dates de l’an dernier)" in rising
        assert "http://map.test/coordination/commune/35238" in rising
        assert "- Fougères (aucune en 90 jours, 12 aux mêmes dates de l’an dernier)" in falling
        assert "Saint-Malo" not in told
        assert (
            "jours\u00a0: 34, contre 20 aux mêmes dates de l’an dernier, pas d’écart net." in told
        )

    def test_what_comes_and_which_groups_fell_silent(
        self, client: FlaskClient, engine: Engine
    ) -> None:
        look_after(client, engine, BRETAGNE)
        with engine.begin() as connection:
            # Monday to Sunday by the clock of the place; then one of the Monday after, one at Caen.
            for day, commune in ((8, RENNES), (14, RENNES), (15, RENNES), (10, CAEN)):
                event = make_event(
                    connection, start=datetime.fromisoformat(f"2025-12-{day:02}T00:30")
                )
                place(connection, "event", event, commune)
            off = make_event(connection, start=datetime.fromisoformat("2025-12-09T18:30"))
            place(connection, "event", off, RENNES)
            connection.execute(
                text("UPDATE event SET status = 'cancelled', cancelled_at = now() WHERE id = :id"),
                {"id": off},
            )
            # Six months without a sign: since the week told of, since long, not yet, elsewhere.
            for name, sign, commune in (
                ("Les endormis", "2025-06-03", RENNES),
                ("Les oubliés", "2025-01-03", RENNES),
                ("Les vivants", "2025-06-20", RENNES),
                ("Ailleurs", "2025-06-03", CAEN),
            ):
                group = make_group(connection, None, name=name)
                place(connection, "local_group", group, commune)
                connection.execute(
                    text("UPDATE local_group SET last_sign_at = :sign WHERE id = :id"),
                    {"id": group, "sign": datetime.fromisoformat(f"{sign}T12:00+00:00")},
                )
        assert tell(engine) == 1
        told = letter(engine)
        assert "2 événements à venir" in told.subject
        assert "2 événements dans les sept jours" in told.text
        assert told.text.count("- Repas de quartier (") == 2
        assert "Rennes" in told.text
        assert "1 groupe s’est endormi cette semaine" in told.text
        assert "- Les endormis (dernier signe le 3 juin 2025)" in told.text
        for other in ("Les oubliés", "Les vivants", "Ailleurs"):
            assert other not in told.text
        assert "/groupes?territory=region:53&state=dormant" in told.text
        assert "Les endormis" in told.html
        # What is said once is not said again.
        tell(engine, MONDAY + WEEK)
        assert "endormi" not in letter(engine).text
        assert "1 événement dans les sept jours" in letter(engine).text

    def test_territories_within_others_are_told_of_once_and_all_in_one_mail(
        self, client: FlaskClient, engine: Engine
    ) -> None:
        look_after(client, engine, ILLE_ET_VILAINE, NORMANDIE, BRETAGNE)
        publish(engine, "2025-12-03T12:00Z", Made(commune=RENNES, title="Ici"))
        publish(engine, "2025-12-03T12:00Z", Made(commune=CAEN, title="Là-bas"))
        assert tell(engine) == 1
        assert sorted(titles(engine)) == ["Ici", "Là-bas"]
        assert "\nBretagne\n" in letter(engine).text
        assert "\nIlle-et-Vilaine\n" not in letter(engine).text

    def test_an_admin_is_told_of_france_and_of_what_is_placed_nowhere(
        self, client: FlaskClient, engine: Engine
    ) -> None:
        look_after(client, engine, "", role="admin")
        proposal(engine, "Partout", precision="none")
        publish(engine, "2025-12-03T12:00Z", Made(precision="national", title="En France"))
        tell(engine)
        assert titles(engine) == ["En France"]
        assert "- 1 proposition à relire" in letter(engine).text
        assert "Toute la France" in letter(engine).text

    def test_the_first_letter_of_a_month_tells_what_each_source_brought_in_the_last_one(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        look_after(client, engine, "", role="admin")
        look_after(app.test_client(), engine, BRETAGNE, email="ici@example.org")
        with engine.begin() as connection:
            for name, state in (("Carte", "done"), ("Agenda", "failed")):
                bound = {"name": name, "state": state, "reason": "no answer" * (state == "failed")}
                connection.execute(text(SOURCE), bound)
            connection.execute(text("INSERT INTO import_source (platform) VALUES ('Fichier')"))
            for day, state, counts in (
                ("2025-10-31T22:59Z", "done", {"imported": 70}),
                ("2025-10-31T23:00Z", "done", {"imported": 10, "gone": 3, "unchanged": 8}),
                ("2025-11-20T02:00Z", "done", {"imported": 2, "to_review": 5, "updated": 1}),
                ("2025-11-21T02:00Z", "undone", {"imported": 40}),
                ("2025-11-30T23:00Z", "done", {"imported": 90}),
            ):
                bound = {"day": day, "state": state, "counts": json.dumps(counts)}
                connection.execute(text(RUN), bound)
        first = MONDAY - WEEK
        assert tell(engine, first) == 2
        assert "Les sources" not in letter(engine, "ici@example.org").text
        told = letter(engine)
        assert "Les sources en novembre\nhttp://map.test/importer\n" in told.text
        assert "- Carte (12 nouvelles, 1 modifiée, 3 parties, 5 en doute)\n" in told.text
        assert "- Agenda (rien de nouveau · dernier passage en échec\u00a0: no answer)" in told.text
        assert "Fichier" not in told.text
        assert "<strong>Carte</strong>" in told.html
        tell(engine, MONDAY)
        assert "Les sources" not in letter(engine).text, "told once"

    def test_it_speaks_the_language_of_its_reader_and_escapes_what_others_wrote(
        self, client: FlaskClient, engine: Engine
    ) -> None:
        look_after(client, engine, BRETAGNE)
        fill_in(client, "/compte", {"name": "", "commune": "", "locale": "en"})
        publish(engine, "2025-12-03T12:00Z", Made(commune=RENNES, title="Un four <b>à</b> pain"))
        tell(engine)
        told = letter(engine)
        assert '<html lang="en">' in told.html
        assert "Un four &lt;b&gt;à&lt;/b&gt; pain" in told.html
        assert "1 new initiative" in told.text
        assert told.subject.startswith("Week of 1 to 7 December")


class TestQuietWeeks:
    def test_the_first_is_told_in_few_words_and_then_each_fourth(
        self, client: FlaskClient, engine: Engine
    ) -> None:
        look_after(client, engine, BRETAGNE)
        mails = [tell(engine, MONDAY + number * WEEK) for number in range(6)]
        assert mails == [1, 0, 0, 0, 1, 0]
        assert "Rien de nouveau cette semaine" in letter(engine).text
        assert "rien de nouveau" in letter(engine).subject

    def test_what_happens_is_told_at_once_and_begins_the_count_anew(
        self, client: FlaskClient, engine: Engine
    ) -> None:
        look_after(client, engine, BRETAGNE)
        assert [tell(engine), tell(engine, MONDAY + WEEK)] == [1, 0]
        publish(engine, "2025-12-17T12:00Z", Made(commune=RENNES))
        weeks = [MONDAY + number * WEEK for number in range(2, 5)]
        assert [tell(engine, week) for week in weeks] == [1, 1, 0]


class TestOnce:
    def test_each_week_is_told_once_and_later_in_the_week_if_need_be(
        self, client: FlaskClient, engine: Engine
    ) -> None:
        look_after(client, engine, BRETAGNE)
        thursday = MONDAY + timedelta(days=3)
        assert [tell(engine, thursday), tell(engine, thursday), tell(engine)] == [1, 0, 0]

    def test_weeks_that_no_worker_saw_are_told_with_the_next(
        self, client: FlaskClient, engine: Engine
    ) -> None:
        look_after(client, engine, BRETAGNE)
        tell(engine)
        publish(engine, "2025-12-10T12:00Z", Made(commune=RENNES, title="Semaine perdue"))
        publish(engine, "2025-12-17T12:00Z", Made(commune=RENNES, title="Semaine d’après"))
        tell(engine, MONDAY + 2 * WEEK)
        assert titles(engine) == ["Semaine d’après", "Semaine perdue"]
        assert letter(engine).subject.startswith("Semaine du 8 au 21 décembre")

    def test_an_open_transaction_of_the_week_before_holds_them_up(
        self, client: FlaskClient, engine: Engine
    ) -> None:
        """By the clock of the database, so this is about the present week."""
        look_after(client, engine, BRETAGNE)
        next_monday = monday(datetime.now(PARIS).date()) + 2 * WEEK
        assert tell(engine, next_monday) == 0
        assert letters(engine) == []

    def test_one_that_fails_leaves_nothing_half_done_and_holds_up_nobody(
        self, app: Flask, engine: Engine
    ) -> None:
        people = [f"p{number}@example.org" for number in range(3)]
        for email in people:
            look_after(app.test_client(), engine, BRETAGNE, email=email)
        refuse = "ALTER TABLE delivery ADD CONSTRAINT refused CHECK (recipient <> '{}')"
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM delivery"))
            connection.execute(text(refuse.format(people[1])))
        try:
            assert tell(engine) == 2
        finally:
            with engine.begin() as connection:
                connection.execute(text("ALTER TABLE delivery DROP CONSTRAINT refused"))
        assert tell(engine) == 1
        assert [len(letters(engine, email)) for email in people] == [1, 1, 1]

    def test_two_workers_at_once_send_one_mail(self, app: Flask, engine: Engine) -> None:
        people = [f"p{number}@example.org" for number in range(4)]
        for email in people:
            look_after(app.test_client(), engine, BRETAGNE, email=email)
        with ThreadPoolExecutor(3) as pool:
            assert sum(pool.map(lambda _: tell(engine), range(3))) == 4
        assert [len(letters(engine, email)) for email in people] == [1, 1, 1, 1]

    @pytest.mark.long
    def test_a_worker_that_is_killed_loses_none_and_repeats_none(
        self, client: FlaskClient, engine: Engine, database_url: str
    ) -> None:
        look_after(client, engine, BRETAGNE)
        code = (
            "from tests.notifications.weekly_digest.readers import tell;"
            "from mapservice.db.engine import make_engine;"
            f"tell(make_engine({database_url!r}))"
        )
        with engine.connect() as holder, engine.connect() as watcher:
            holder.execute(text("LOCK TABLE delivery IN SHARE MODE"))
            worker = subprocess.Popen(
                [sys.executable, "-c", code], cwd=REPOSITORY, env=environ(database_url)
            )
            until(lambda: waits(watcher) or worker.poll() is not None)
            assert worker.poll() is None, "it stands in the middle of the letter"
            worker.kill()
            worker.wait()
            holder.rollback()
        until(lambda: tell(engine) == 1 or len(letters(engine)) > 0)
        assert len(letters(engine)) == 1
        assert tell(engine) == 0


def waits(connection: Connection) -> bool:
    """Whether somebody waits for the table of mails."""
    statement = (
        "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'delivery'::regclass AND NOT granted)"
    )
    return bool(connection.execute(text(statement)).scalar_one())


class TestWho:
    def test_who_has_no_role_or_not_signed_in_yet_gets_none(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        grant(engine, "new@example.org", "moderator", BRETAGNE)
        person = look_after(app.test_client(), engine, BRETAGNE, email="former@example.org")
        revoke(engine, person, "moderator", BRETAGNE)
        assert tell(engine) == 0

    def test_a_role_of_this_week_brings_the_first_letter_next_monday(
        self, client: FlaskClient, engine: Engine
    ) -> None:
        look_after(client, engine, BRETAGNE)
        with engine.begin() as connection:
            connection.execute(text("UPDATE role_grant SET granted_at = '2025-12-10T12:00Z'"))
        assert tell(engine, MONDAY + timedelta(days=3)) == 0
        assert tell(engine, MONDAY + WEEK) == 1

    def test_the_link_in_a_letter_ends_them_without_a_session(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        look_after(client, engine, BRETAGNE)
        tell(engine)
        told = letter(engine)
        assert told.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        link = urlsplit(told.headers["List-Unsubscribe"].strip("<>")).path
        stranger = app.test_client()
        assert stranger.get(link).status_code == 200
        for _ in range(2):
            one_click = stranger.post(link, data={"List-Unsubscribe": "One-Click"})
            assert "ne vient plus" in one_click.text
        assert stranger.get(link[:-1] + ("A" if link[-1] != "A" else "B")).status_code == 404
        publish(engine, "2025-12-10T12:00Z", Made(commune=RENNES))
        assert tell(engine, MONDAY + WEEK) == 0

    def test_the_account_ends_and_begins_them(self, client: FlaskClient, engine: Engine) -> None:
        look_after(client, engine, BRETAGNE)
        stop = {"to": "/bilan/lettre"}
        assert "Chaque lundi" in client.get("/compte").text
        assert fill_in(client, "/compte", {"lettre": "non"}, **stop).status_code == 303
        assert "Vous ne recevez pas la lettre" in client.get("/compte").text
        assert tell(engine) == 0
        assert fill_in(client, "/compte", {"lettre": "oui"}, **stop).status_code == 303
        assert fill_in(client, "/compte", {"lettre": "?"}, **stop).status_code == 400
        with engine.connect() as connection:
            told_on = connection.execute(text("SELECT told_on FROM briefing_reader")).scalar_one()
        assert told_on >= MONDAY + WEEK, "what came meanwhile is not told"

    def test_erasing_the_account_takes_all(self, client: FlaskClient, engine: Engine) -> None:
        look_after(client, engine, BRETAGNE)
        tell(engine)
        exported = client.get("/compte/donnees").get_json()
        assert exported["briefing"]["told_on"] == MONDAY.isoformat()
        assert "leave_key" not in str(exported)
        fill_in(client, "/compte/effacer", {})
        with engine.connect() as connection:
            left = connection.execute(text("SELECT count(*) FROM briefing_reader")).scalar_one()
        assert left == 0


class TestGrants:
    def test_who_is_given_a_role_is_told_in_that_transaction(
        self, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        grant(engine, ADDRESS, "moderator", BRETAGNE)
        told = mails_to(engine)[-1]
        assert told.subject.startswith("Vous modérez\u00a0: Bretagne")
        assert "http://map.test/connexion?suite=/moderation" in told.text
        assert "http://map.test/coordination/region/53" in told.html
        assert "jours" not in told.text

    def test_an_address_that_is_not_known_is_told_how_long_it_has(
        self, client: FlaskClient, engine: Engine
    ) -> None:
        grant(engine, "new@example.org", "coordinator", ILLE_ET_VILAINE)
        told = mails_to(engine, "new@example.org")[-1]
        assert told.subject.startswith("Vous coordonnez\u00a0: Ille-et-Vilaine")
        assert "dans les 7 jours" in told.text


@pytest.mark.parametrize(
    ("day", "first"), [("2025-12-08", "2025-12-08"), ("2025-12-14", "2025-12-08")]
)
def test_weeks_begin_on_monday(day: str, first: str) -> None:
    assert monday(date.fromisoformat(day)).isoformat() == first


def test_a_week_in_which_clocks_change_is_an_hour_longer() -> None:
    week = DigestWeek(date(2025, 10, 20), date(2025, 10, 27))
    assert week.until - week.since == timedelta(days=7, hours=1)
    assert midnight(date(2025, 12, 8)).isoformat() == "2025-12-07T23:00:00+00:00"


@pytest.mark.parametrize("locale", LOCALES)
def test_each_kind_that_waits_has_words_of_its_own(locale: str) -> None:
    """None is told as something else: an event that waits is no report."""
    words: Any = mail._templates(locale).get_template("_briefing_words.txt").module
    told = {str(kind): words.wait_words({"kind": str(kind), "count": 2}) for kind in CaseKind}
    assert len(set(told.values())) == len(CaseKind), told

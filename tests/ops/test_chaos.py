"""scripts/chaos: that its verdict says what is lost, and a sample of its faults."""

import smtplib
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psycopg
import pytest

from mapservice.db.binaries import find_binaries
from mapservice.errors import ConfigurationError
from scripts.chaos_trial import checks, report
from scripts.chaos_trial.faults import STRIKES
from scripts.chaos_trial.ledger import Act, Ledger, possible
from scripts.chaos_trial.options import parse
from scripts.chaos_trial.post_office import Letter, PostOffice
from scripts.chaos_trial.report import Recovery
from scripts.chaos_trial.schedule import WEIGHTS, Fault, schedule
from scripts.chaos_trial.visitor import Answer, Visitor, forms_of

SEE, LOST, AWAY = Answer(303), Answer(0), Answer(503)
ANA = "ana@example.org"


class KeptRows:
    """A database of which a test says what it answers."""

    def __init__(self, rows: dict[str, list[tuple[Any, ...]]]) -> None:
        self.rows = rows

    def ask(self, statement: str, *bound: object) -> list[tuple[Any, ...]]:
        return self.rows.get(statement, [])


# --- the plan -------------------------------------------------------------------------------


def test_the_script_is_sound_and_its_help_needs_no_set_up(repository: Path) -> None:
    script = repository / "scripts" / "chaos"
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    shown = subprocess.run(
        [script, "--help"],
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0
    assert ", ".join(fault.name.lower() for fault in Fault) in shown.stdout


def test_every_fault_can_strike_and_one_seed_is_one_order() -> None:
    kinds = list(Fault)
    assert STRIKES.keys() == WEIGHTS.keys() == set(kinds)
    assert set(schedule(len(kinds), 1, kinds)) == set(kinds)
    assert len(schedule(100, 1, kinds)) == 100
    assert schedule(100, 1, kinds) == schedule(100, 1, kinds) != schedule(100, 2, kinds)
    assert set(schedule(3, 1, [Fault.WORKER])) == {Fault.WORKER}


@pytest.mark.parametrize("words", [["--faults", "0"], ["--only", "rain"], ["--away", "-3"]])
def test_what_makes_no_sense_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse(words)


# --- what people meet ------------------------------------------------------------------------


def test_forms_are_sent_as_the_page_has_filled_them_in() -> None:
    page = """
    <form action="/a/b?x=1"><input type="hidden" name="token" value="t&amp;u"><input name="empty">
      <input type="radio" name="theme" value="one">
      <input type="radio" name="theme" value="two" checked>
      <input type="checkbox" name="news" value="1"><textarea name="text">Deux
mots</textarea><select name="scale"><option value="commune"><option value="epci" selected></select>
      <button name="action" value="send">Envoyer</button></form>
    <form><input name="here" value="1"></form>"""
    first, second = forms_of(page, "/page")
    assert (first.action, second.action) == ("/a/b", "/page")
    assert first.fields == {
        "token": "t&u", "empty": "", "theme": "two", "text": "Deux\nmots", "scale": "epci",
    }  # fmt: skip


def test_a_letter_is_kept_under_each_recipient_and_its_message_id() -> None:
    message = EmailMessage()
    message["Message-ID"], message["Subject"] = "<1@example.org>", "Confirmez : été"
    message["From"], message["To"] = "carte@example.org", ANA
    message.set_content("Ouvrez /confirmer/abc-1\n.une ligne\n")
    with PostOffice(1) as office:
        port = int(office.url.rpartition(":")[2])
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.send_message(message)
        (letter,) = office.of(ANA)
    assert (letter.message_id, letter.subject) == ("<1@example.org>", "Confirmez : été")
    assert ".une ligne" in letter.text
    assert office.of("ben@example.org") == []


# --- what must hold --------------------------------------------------------------------------


def test_what_was_never_answered_may_be_either_way() -> None:
    first, second, third = Act("a", True), Act("b", False), Act("c", True)
    assert possible([first], "") == {"a"}
    assert possible([first, second], "") == {"a", "b"}
    assert possible([second], "") == {"", "b"}
    assert possible([first, second, third], "") == {"c"}


def test_a_write_that_was_refused_is_not_owed() -> None:
    ledger = Ledger()
    for answer, done in ((Answer(409), False), (Answer(429), False), (SEE, True), (AWAY, False)):
        ledger.note_edit("i", f"{answer.status}", answer, done=done)
    assert ledger.titles["i"] == [Act("303", True), Act("503", False)]


def test_a_lost_write_is_named() -> None:
    ledger = Ledger()
    ledger.note_proposal("one", "Four", ANA)
    ledger.note_proposal("two", "Verger", ANA)
    ledger.note_edit("one", "Four à pain", SEE, done=True)
    ledger.note_support(ANA, "two", SEE, wanted=True, done=True)
    ledger.note_support(ANA, "one", LOST, wanted=True, done=False)
    whole: dict[str, list[tuple[Any, ...]]] = {
        checks.TITLES: [("one", ["Four", "Four à pain"]), ("two", ["Verger"])],
        checks.SHOWN_TITLES: [("one", "Four à pain", ANA), ("two", "Verger", ANA)],
        checks.SUPPORTS: [(ANA, "two")],
    }
    site = KeptRows(whole)
    looks = (checks.proposals, checks.edits, checks.supports)
    assert all(look(site, ledger).holds for look in looks)
    site.rows = whole | {checks.SUPPORTS: [(ANA, "two"), (ANA, "one")]}
    assert checks.supports(site, ledger).holds  # the one without an answer may be there too
    site.rows = whole | {checks.SUPPORTS: []}
    assert not checks.supports(site, ledger).holds
    site.rows = whole | {checks.TITLES: [("one", ["Four"]), ("two", ["Verger"])]}
    assert [look(site, ledger).holds for look in looks] == [True, False, True]
    site.rows = whole | {checks.TITLES: [("one", ["Four", "Four à pain"])]}
    assert not checks.proposals(site, ledger).holds


def test_mails_that_never_came_or_came_under_two_names_are_told() -> None:
    ledger, office = Ledger(), PostOffice(1)
    ledger.note_letter(ANA, "Four")
    link = "http://site/confirmer/abc"
    site = KeptRows({checks.MAILS: [("<1>", "sent", ANA)]})
    assert not checks.owed_mails(ledger, office).holds
    assert not checks.message_ids(site, office).holds
    office.letters[ANA] = [Letter("<1>", ANA, "Confirmez : Four", link, 0.0)] * 2
    assert checks.owed_mails(ledger, office).holds
    assert checks.message_ids(site, office).holds  # twice, under its own name
    ledger.note_letter(ANA, "Four")
    assert not checks.owed_mails(ledger, office).holds  # two were asked for: two links
    site.rows = {checks.MAILS: [("<1>", "sent", ANA), ("<2>", "sent", ANA)]}
    office.letters[ANA].append(Letter("<2>", ANA, "Confirmez : Four", link, 0.0))
    assert any("2 Message-IDs" in one for one in checks.message_ids(site, office).faults)
    site.rows = {checks.MAILS: [("<1>", "sent", ANA)]}
    assert any("is not known" in one for one in checks.message_ids(site, office).faults)


def test_stuck_jobs_and_a_minute_that_rests_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JOB_SECONDS", "MINUTELY_SECONDS", "LOOK_SECONDS"):
        monkeypatch.setattr(checks, name, 0.01)
    site = KeptRows({checks.OPEN_JOBS: [(7,)], checks.MINUTELY: [("sweep_mail", 3)]})
    assert checks.jobs(site).faults == ["job 7 is stuck"]
    assert not checks.minutely_jobs(site).holds
    assert checks.jobs(KeptRows({})).holds


def test_a_trial_in_which_nobody_wrote_does_not_hold() -> None:
    ledger = Ledger()
    assert not checks.writes(ledger).holds
    ledger.acknowledged.update(checks.KINDS)
    assert checks.writes(ledger).holds
    ledger.acknowledged["withdrawals"] = 0
    assert checks.writes(ledger).faults == ["no withdrawals were acknowledged"]


def test_a_signed_in_person_who_no_longer_is_and_a_dead_link_are_told() -> None:
    ledger = Ledger()
    assert checks.sessions(ledger).holds
    assert checks.links(ledger).holds
    ledger.signed_in[ANA] = Visitor(1, "10.0.0.1")  # nothing answers there
    ledger.dead_links.append("Four: 410")
    assert not checks.sessions(ledger).holds
    assert not checks.links(ledger).holds


def test_an_error_that_does_not_say_when_to_come_again_is_told() -> None:
    ledger = Ledger(phase="a fault")
    ledger.answered(Answer(503, retry_after="5"))
    ledger.answered(Answer(0))
    assert checks.errors(ledger).holds
    ledger.answered(Answer(503))
    ledger.answered(Answer(500))
    ledger.silent["a fault"] += 0
    assert checks.alive(ledger).holds
    ledger.silent["a fault"] += 2
    assert checks.alive(ledger).faults == ["2 × no answer: a fault"]
    assert checks.errors(ledger).faults == ["1 × 503 after: a fault", "1 × 500 after: a fault"]


def test_too_late_is_told_by_fault_with_the_worst() -> None:
    told = [
        Recovery(Fault.WORKER, 0.2, 3.0),
        Recovery(Fault.WORKER, 0.4, 31.0),
        Recovery(Fault.POSTMASTER, None, None),
    ]
    assert [one.in_time(30) for one in told] == [True, False, False]
    lines = report.table_of_faults(told, {Fault.DISK_FULL: "nothing can be mounted"})
    assert lines[1].split()[-8:] == ["0.3", "s", "0.4", "s", "17.0", "s", "31.0", "s"]
    assert "never" in lines[2]
    assert lines[3].startswith("Left out: full disk")
    verdict = report.recovery(told, 30)
    assert (verdict.holds, len(verdict.faults)) == (False, 2)
    assert any(
        line.startswith("NO  answers by itself") for line in report.table_of_checks([verdict])
    )


# --- a sample -----------------------------------------------------------------------------------


@pytest.mark.long
def test_ten_faults_lose_nothing_and_the_site_answers_by_itself(
    repository: Path, server_url: str, france_template: str
) -> None:
    """Each kind once, with what the machine lets us do; how soon, scripts/chaos measures alone."""
    try:
        find_binaries()
    except ConfigurationError:
        pytest.skip("no PostgreSQL with PostGIS on this machine")
    source = psycopg.conninfo.make_conninfo(server_url, dbname=france_template)
    command = [sys.executable, "-m", "scripts.chaos_trial", "--faults", "10", "--seed", "19"]
    command += ["--away", "8", "--within", "90", "--territories", source]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)

"""No mail is lost, and at most the one in flight comes twice, whatever server and worker do."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from mapservice.errors import ConfigurationError
from mapservice.mail.service import enqueue, forget, locked, send_due
from mapservice.mail.transport import transport_of
from tests.conftest import REPOSITORY
from tests.mail.conftest import kept, later, letter, settings_for, transport_to
from tests.mail.post_office import STEPS, PostOffice

Queue = Callable[..., list[str]]
ANA, BEN = "ana@example.org", "ben@example.org"
PATIENCE = 90  # seconds, on a machine that has much else to do

SEND = """
import sys
from mapservice.db.engine import make_engine
from mapservice.mail.service import locked
from mapservice.mail.service import send_due
from mapservice.mail.transport import transport_of
from mapservice.settings import Settings
send_due(make_engine(sys.argv[1]), transport_of(Settings(smtp_url=sys.argv[2])))
"""


def test_a_mail_leaves_whole(engine: Engine, queue: Queue) -> None:
    with engine.begin() as connection:
        leave = {"List-Unsubscribe": "<https://map.test/x>"}
        enqueue(connection, letter(ANA, headers=leave))
    with PostOffice() as office:
        assert send_due(engine, transport_to(office)) is False
    (message,) = office.taken
    row = kept(engine, ANA)
    assert (row.state, row.attempts, row.last_error) == ("sent", 1, "")
    assert message["Message-ID"] == row.message_id
    assert row.message_id.endswith("@map.test>")
    assert message["From"] == "Initiatives locales <initiatives@map.test>"
    assert message["To"] == ANA
    assert message["List-Unsubscribe"] == "<https://map.test/x>"
    assert message["Auto-Submitted"] == "auto-generated"
    plain, html = (part.get_payload(decode=True) for part in list(message.walk())[1:])
    assert isinstance(plain, bytes)
    assert isinstance(html, bytes)
    assert plain.decode().replace("\r\n", "\n") == row.text
    assert html.decode().strip() == "<p>Bonjour</p>"


def test_what_is_rolled_back_is_never_sent(engine: Engine) -> None:
    with engine.connect() as connection:
        enqueue(connection, letter(ANA))
        connection.rollback()
    with PostOffice() as office:
        send_due(engine, transport_to(office))
    assert office.taken == []


@pytest.mark.parametrize("step", [step for step in STEPS if step != "accepted"])
def test_a_server_that_drops_loses_and_repeats_nothing(
    engine: Engine, queue: Queue, step: str
) -> None:
    sent = queue(ANA, BEN)
    with PostOffice(drop_at=step) as office:
        send_due(engine, transport_to(office))
        assert office.taken == []
        office.mend()
        later(engine)
        send_due(engine, transport_to(office))
    assert sorted(office.message_ids) == sorted(sent)


@pytest.mark.parametrize("step", [step for step in STEPS if step != "accepted"])
def test_a_server_that_hangs_loses_and_repeats_nothing(
    engine: Engine, queue: Queue, step: str
) -> None:
    sent = queue(ANA, BEN)
    with PostOffice(hang_at=step) as office:
        send_due(engine, transport_to(office))
        office.mend()
        assert office.taken == []
        later(engine)
        send_due(engine, transport_to(office))
    assert sorted(office.message_ids) == sorted(sent)


@pytest.mark.parametrize(("hang_at", "drop_at"), [("accepted", ""), ("", "accepted")])
def test_what_was_taken_without_a_word_comes_once_more_under_its_message_id(
    engine: Engine, queue: Queue, hang_at: str, drop_at: str
) -> None:
    sent = queue(ANA, BEN)
    with PostOffice(hang_at=hang_at, drop_at=drop_at) as office:
        send_due(engine, transport_to(office))
        (in_flight,) = office.message_ids
        office.mend()
        later(engine)
        send_due(engine, transport_to(office))
    assert sorted(office.message_ids) == sorted([*sent, in_flight])


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("connect", "421 too many of you"),
        ("connect", "554 not you"),
        ("MAIL", "451 try later"),
        ("MAIL", "550 who are you"),
    ],
)
def test_a_server_that_takes_nobody_is_asked_again_and_other_mails_are_untouched(
    engine: Engine, queue: Queue, step: str, words: str
) -> None:
    sent = queue(ANA, BEN)
    with PostOffice(refuse={step: words}) as office:
        send_due(engine, transport_to(office))
        assert sum(kept(engine, one).attempts for one in (ANA, BEN)) <= 1
        office.mend()
        later(engine)
        send_due(engine, transport_to(office))
    assert sorted(office.message_ids) == sorted(sent)


def test_a_port_that_nobody_listens_on_touches_nothing(engine: Engine, queue: Queue) -> None:
    queue(ANA)
    with PostOffice() as office:
        gone = transport_to(office)
    assert send_due(engine, gone) is False
    assert (kept(engine, ANA).state, kept(engine, ANA).attempts) == ("queued", 0)


@pytest.mark.parametrize(
    ("step", "words"), [("RCPT", "550 no such mailbox"), ("content", "554 no such words here")]
)
def test_a_refusal_for_good_is_final_and_holds_up_nobody(
    engine: Engine, queue: Queue, step: str, words: str
) -> None:
    queue(ANA)
    with PostOffice(refuse={step: words}) as office:
        send_due(engine, transport_to(office))
        row = kept(engine, ANA)
        assert (row.state, row.last_error) == ("failed", words)
        office.mend()
        later(engine)
        queue(BEN)
        send_due(engine, transport_to(office))
        assert [message["To"] for message in office.taken] == [BEN]


@pytest.mark.parametrize("step", ["RCPT", "content"])
def test_a_refusal_for_now_is_tried_again_later(engine: Engine, queue: Queue, step: str) -> None:
    (sent,) = queue(ANA)
    with PostOffice(refuse={step: "450 mailbox busy"}) as office:
        send_due(engine, transport_to(office))
        row = kept(engine, ANA)
        assert (row.state, row.attempts, row.last_error) == ("queued", 1, "450 mailbox busy")
        office.mend()
        send_due(engine, transport_to(office))
        assert office.taken == []
        later(engine)
        send_due(engine, transport_to(office))
    assert office.message_ids == [sent]


def test_each_try_waits_longer_but_never_over_an_hour(engine: Engine, queue: Queue) -> None:
    queue(ANA)
    waits = []
    with PostOffice(refuse={"RCPT": "450 mailbox busy"}) as office:
        for _ in range(9):
            later(engine)
            send_due(engine, transport_to(office))
            with engine.connect() as connection:
                statement = (
                    "SELECT round(extract(epoch FROM next_try_at - now()) / 60) FROM delivery"
                )
                waits.append(int(connection.execute(text(statement)).scalar_one()))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_what_is_too_late_is_not_sent(engine: Engine, queue: Queue) -> None:
    queue(ANA)
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET give_up_at = now()"))
    with PostOffice() as office:
        send_due(engine, transport_to(office))
    assert office.taken == []
    assert (kept(engine, ANA).state, kept(engine, ANA).last_error) == ("failed", "too late")


def test_what_is_urgent_goes_first(engine: Engine, queue: Queue) -> None:
    queue(ANA)
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET give_up_at = give_up_at + interval '1 hour'"))
    queue(BEN)
    with PostOffice() as office:
        send_due(engine, transport_to(office))
    assert [message["To"] for message in office.taken] == [BEN, ANA]


def test_a_turn_ends_after_its_time_and_says_that_there_is_more(
    engine: Engine, queue: Queue
) -> None:
    queue(ANA, BEN)
    with PostOffice() as office:
        assert send_due(engine, transport_to(office), seconds=0) is True
        assert len(office.taken) == 1
        while send_due(engine, transport_to(office), seconds=0):
            pass
    assert len(office.taken) == 2


def test_what_one_worker_sends_no_other_touches_however_long_it_takes(
    engine: Engine, queue: Queue
) -> None:
    (sent,) = queue(ANA)
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET state = 'sending', attempts = 1"))
    with PostOffice() as office, engine.connect() as sending:
        assert locked(sending, kept(engine, ANA).id)
        assert send_due(engine, transport_to(office)) is False
        assert office.taken == []
        sending.rollback()  # as the database does when that worker dies
        send_due(engine, transport_to(office))
    assert office.message_ids == [sent]


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_that_is_killed_loses_nothing(engine: Engine, queue: Queue, step: str) -> None:
    sent = queue(ANA, BEN)
    with PostOffice(hang_at=step) as office:
        worker = start_worker(engine, office)
        assert office.reached.wait(PATIENCE)
        stop(worker)
        in_flight = office.message_ids
        office.mend()
        later(engine)
        send_due(engine, transport_to(office))
    assert len(in_flight) == (1 if step == "accepted" else 0)
    assert sorted(office.message_ids) == sorted([*sent, *in_flight])
    assert {kept(engine, one).state for one in (ANA, BEN)} == {"sent"}


def test_without_a_server_mails_are_files_that_only_we_can_read(
    engine: Engine, queue: Queue, tmp_path: Path
) -> None:
    (sent,) = queue(ANA)
    send_due(engine, transport_of(settings_for("", tmp_path)))
    (path,) = (tmp_path / "mail").iterdir()
    assert path.suffix == ".eml"
    assert sent in path.read_text()
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert kept(engine, ANA).state == "sent"


def test_a_folder_that_cannot_be_written_loses_nothing(
    engine: Engine, queue: Queue, tmp_path: Path
) -> None:
    queue(ANA)
    (tmp_path / "mail").write_text("no folder")
    assert send_due(engine, transport_of(settings_for("", tmp_path))) is False
    assert kept(engine, ANA).state == "queued"


@pytest.mark.parametrize("broken", ["Un jardin\nBcc: ben@example.org", "Un\rjardin"])
def test_a_subject_cannot_add_a_header(engine: Engine, broken: str) -> None:
    with engine.begin() as connection:
        enqueue(connection, letter(ANA, subject=broken))
    with PostOffice() as office:
        send_due(engine, transport_to(office))
    assert office.taken == []
    assert kept(engine, ANA).state == "failed"


@pytest.mark.parametrize("url", ["mail.example.org", "http://x", "smtp://", "smtp://x:port"])
def test_a_broken_address_of_a_server_is_named(url: str) -> None:
    with pytest.raises(ConfigurationError, match="MAPSERVICE_SMTP_URL"):
        transport_of(settings_for(url))


def test_mails_that_have_left_are_forgotten_in_time(engine: Engine, queue: Queue) -> None:
    queue(ANA, BEN, "cleo@example.org")
    with engine.begin() as connection:
        for recipient, state, days in ((ANA, "sent", 15), (BEN, "failed", 91)):
            connection.execute(
                text(
                    "UPDATE delivery SET state = :state, created_at = now() - make_interval("
                    "days => :days), sent_at = CASE WHEN :state = 'sent' THEN now() END"
                    " WHERE recipient = :recipient"
                ),
                {"recipient": recipient, "state": state, "days": days},
            )
    forget(engine)
    assert (kept(engine, ANA).text, kept(engine, ANA).html) == ("", "")
    assert kept(engine, "cleo@example.org").text != ""
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM delivery")).scalar_one() == 2


def start_worker(engine: Engine, office: PostOffice) -> "subprocess.Popen[bytes]":
    """A process that sends what is due, with a server's patience of ten seconds a step."""
    url = engine.url.render_as_string(hide_password=False)
    return subprocess.Popen(
        [sys.executable, "-c", SEND, url, office.url],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )


def stop(worker: "subprocess.Popen[bytes]") -> None:
    """At once, and the database has noticed: its connection is gone."""
    worker.send_signal(signal.SIGKILL)
    worker.wait()

"""Messages to who registered: for whom, told once, ended by a click, held once one is refused."""

import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text

from mapservice.errors import NotFound, StateConflict
from mapservice.events import message_letters, message_service, registration_service, service
from mapservice.events.model import ChangeScope
from mapservice.groups import message_service as messages
from mapservice.groups.message_service import TooManyMessages
from mapservice.groups.model import EventAudience, MessageContent, MessageState
from tests.accounts.people.mailbox import ADDRESS as GUEST
from tests.accounts.people.mailbox import fill_in, sign_in, token_of
from tests.conftest import REPOSITORY
from tests.contributions.proposals.desk import hidden
from tests.events.organiser import SENDER, SITE, Organiser, make_event, make_person, publish, soon
from tests.moderation.moderator import Moderator
from tests.notifications.subscriptions.readers import environ

NOW = datetime.now(UTC)
WORDS = "La salle a changé d’étage."
PATIENCE = 120  # seconds, for a process to begin on a busy machine
REACHED = {
    EventAudience.COMING: {"seated"},
    EventAudience.WAITING: {"offered", "waiting"},
    EventAudience.REGISTERED: {"seated", "offered", "waiting"},
}


def content(audience: EventAudience = EventAudience.REGISTERED) -> MessageContent:
    return MessageContent(audience, at_once=True, subject="Un étage plus haut", text=WORDS)


def cast(connection: Connection) -> tuple[UUID, UUID, dict[str, UUID]]:
    """An event of two seats, its organiser, and who is registered, named by how they stand."""
    organiser = make_person(connection, "Ana")
    event = make_event(connection, capacity=2, person=organiser)
    names = ("seated", "gone", "offered", "waiting")
    people = {name: make_person(connection, name) for name in names}
    for one in people.values():
        registration_service.register(connection, event, one, SENDER, NOW)
    gone = registration_service.of_person(connection, event, people["gone"])
    assert gone
    registration_service.leave(connection, gone.id, SENDER, NOW)
    return event, organiser, people


def send(
    connection: Connection,
    event: UUID,
    person: UUID,
    what: MessageContent | None = None,
    days_ago: float = 0,
) -> UUID:
    now = datetime.now(UTC) - timedelta(days=days_ago)
    return message_service.send(
        connection, event, person, uuid4(), what or content(), SITE.base_url, now
    ).id


def due(connection: Connection) -> set[UUID]:
    return set(connection.execute(text("SELECT person FROM group_message_due")).scalars())


def outbox(engine: Engine) -> list[UUID]:
    with engine.connect() as connection:
        statement = text("SELECT person FROM delivery WHERE kind = 'event_message' ORDER BY person")
        return list(connection.execute(statement).scalars())


@pytest.mark.parametrize("audience", list(EventAudience))
def test_a_message_is_for_who_registered_and_has_not_left(
    connection: Connection, audience: EventAudience
) -> None:
    event, organiser, people = cast(connection)
    assert message_service.audience_sizes(connection, event)[audience] == len(REACHED[audience])
    sent = send(connection, event, organiser, content(audience))
    assert due(connection) == {people[name] for name in REACHED[audience]}
    found = messages.find(connection, sent)
    assert found
    assert (found.recipients, found.event, found.local_group) == (
        len(REACHED[audience]),
        event,
        None,
    )


def test_who_leaves_or_mutes_it_meanwhile_is_told_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        event, organiser, people = cast(connection)
        known = {
            name: registration_service.of_person(connection, event, one)
            for name, one in people.items()
        }
        muted, left = known["waiting"], known["seated"]
        assert muted
        assert left
        message_service.hear(connection, muted.id, hears=False)
        sent = send(connection, event, organiser)
    assert messages.tell(engine, SENDER) == 2
    assert messages.tell(engine, SENDER) == 0
    assert outbox(engine) == sorted([people["seated"], people["offered"]])
    with engine.begin() as connection:
        registration_service.leave(connection, left.id, SENDER, NOW)
        written = {
            name: message_letters.letter(connection, SITE, sent, one)
            for name, one in people.items()
        }
        addresses = set(connection.execute(text("SELECT email FROM person")).scalars())
    told = [name for name, one in written.items() if one]
    assert told == ["offered"]
    letter = written["offered"]
    assert letter
    assert WORDS in letter.text
    assert {one for one in addresses if one in letter.text + letter.html} == set()


def test_one_click_ends_messages_and_keeps_the_seat(engine: Engine, event_app: Flask) -> None:
    with engine.begin() as connection:
        event, organiser, people = cast(connection)
        sent = send(connection, event, organiser)
        letter = message_letters.letter(connection, SITE, sent, people["seated"])
    assert letter
    stop = letter.headers["List-Unsubscribe"].strip("<>").removeprefix(SITE.base_url)
    assert "/messages/arreter/" in stop
    assert letter.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    program = event_app.test_client()
    assert "vous gardez votre place" in program.get(stop).text
    with engine.connect() as connection:
        known = registration_service.of_person(connection, event, people["seated"])
    assert known
    assert known.hears, "a mail scanner that opens the link changes nothing"
    assert program.post(stop, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    with engine.connect() as connection:
        known = registration_service.of_person(connection, event, people["seated"])
        assert known
        assert (str(known.state), known.hears) == ("confirmed", False)
        # What waited for them is gone, and no longer counted.
        assert people["seated"] not in due(connection)
        found = messages.find(connection, sent)
        assert found
        assert found.recipients == 2
    # Neither link opens what the other does.
    assert program.post(stop.replace("messages/arreter", "quitter")).status_code == 404
    assert program.get(stop[:-1]).status_code == 404


TELL = """
import sys
from mapservice.db.engine import make_engine
from mapservice.groups.message_service import tell
tell(make_engine(sys.argv[1]), "carte@map.test")
"""


def test_a_worker_that_is_killed_loses_none_and_repeats_none(
    engine: Engine, database_url: str
) -> None:
    with engine.begin() as connection:
        event, organiser, people = cast(connection)
        send(connection, event, organiser)
    with engine.connect() as holder, engine.connect() as watcher:
        holder.execute(text("LOCK TABLE delivery IN SHARE MODE"))
        worker = subprocess.Popen(
            [sys.executable, "-c", TELL, database_url], cwd=REPOSITORY, env=environ(database_url)
        )
        blocked = text(
            "SELECT count(*) FROM pg_locks WHERE relation = 'delivery'::regclass AND NOT granted"
        )
        deadline = time.monotonic() + PATIENCE
        while not watcher.execute(blocked).scalar_one() and worker.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        worker.kill()
        worker.wait()
        holder.rollback()
    told, deadline = 0, time.monotonic() + PATIENCE
    while len(outbox(engine)) < 3:
        assert time.monotonic() < deadline
        told += messages.tell(engine, SENDER)
    assert told == 3
    assert outbox(engine) == sorted(one for name, one in people.items() if name != "gone")


def test_all_dates_of_a_series_share_one_limit(connection: Connection) -> None:
    organiser = make_person(connection, "Ana")
    first = make_event(connection, rrule="FREQ=WEEKLY", person=organiser)
    other = connection.execute(
        text("SELECT id FROM event WHERE id <> :id ORDER BY starts_at LIMIT 1"), {"id": first}
    ).scalar_one()
    send(connection, first, organiser, days_ago=3)
    send(connection, other, organiser, days_ago=2)
    with pytest.raises(TooManyMessages) as limit:
        send(connection, first, organiser, days_ago=1.5)
    assert limit.value.may_wait
    send(connection, first, organiser, days_ago=0.9)
    connection.execute(text("UPDATE group_message SET written_at = written_at - interval '1 day'"))
    send(connection, other, organiser)
    with pytest.raises(TooManyMessages) as limit:
        send(connection, first, organiser)
    assert not limit.value.may_wait


def test_who_may_write_and_until_when(connection: Connection) -> None:
    event, organiser, people = cast(connection)
    with pytest.raises(NotFound):
        send(connection, event, people["seated"])
    # Those who meant to come to what is called off may still be told more.
    service.cancel(connection, event, organiser, ChangeScope.THIS, "", SENDER, NOW)
    send(connection, event, organiser)
    closed = make_event(connection, registration="none", person=organiser)
    with pytest.raises(StateConflict):
        send(connection, closed, organiser)
    later = NOW + timedelta(days=45)
    with pytest.raises(StateConflict):
        message_service.send(connection, event, organiser, uuid4(), content(), SITE.base_url, later)


# --- On the pages ---------------------------------------------------------------------------------


def write(organiser: Organiser, event: UUID, **changes: str) -> tuple[int, str]:
    """Fills the form in, reads it again as it will be, sends it."""
    path = f"/evenements/{event}/messages/ecrire"
    page = organiser.client.get(path).text
    fields = {
        "token": token_of(page),
        "form": hidden(page, "form"),
        "audience": "registered",
        "how": "now",
        "subject": "Un étage plus haut",
        "text": WORDS,
        **changes,
    }
    checked = organiser.client.post(path, data={**fields, "action": "check"})
    if checked.status_code != 200:
        return checked.status_code, checked.text
    assert "Chacun reçoit son propre courriel" in checked.text
    sent = organiser.client.post(path, data={**fields, "action": "send"})
    return sent.status_code, sent.text


def guest(app: Flask, engine: Engine, event: UUID) -> FlaskClient:
    client = app.test_client()
    sign_in(client, engine, GUEST)
    assert fill_in(client, f"/evenements/{event}/inscription", {}).status_code == 303
    return client


def test_a_message_is_read_again_sent_reported_and_refused(
    organiser: Organiser, eva: Moderator, engine: Engine, event_app: Flask
) -> None:
    event = organiser.propose(capacity="")
    publish(eva, engine, event)
    reader = guest(event_app, engine, event)
    desk = f"/evenements/{event}/organiser"
    assert "Écrire aux personnes inscrites" in organiser.client.get(desk).text
    for wrong in (
        {"subject": " "},
        {"audience": "members"},
        {"how": "digest"},
        {"text": "x" * 5000},
    ):
        assert write(organiser, event, **wrong)[0] == 400, wrong
    assert write(organiser, event)[0] == 303
    assert "envoyé à 1 personne" in organiser.client.get(desk).text
    assert GUEST not in organiser.client.get(desk).text
    status, said = write(organiser, event)
    assert status == 429
    assert "déjà parti aujourd’hui" in said

    with engine.begin() as connection:
        (sent,) = messages.of_event(connection, event)
        person = connection.execute(text("SELECT person FROM event_registration")).scalar_one()
        letter = message_letters.letter(connection, SITE, sent.id, person)
    assert letter
    found = re.search(r"http://map.test(/evenements/\S+/signaler/\S+)", letter.text)
    assert found
    anybody = event_app.test_client()
    assert WORDS in anybody.get(found[1]).text
    assert anybody.post(found[1], data={"words": "Une publicité."}).status_code == 200
    assert anybody.get(found[1].replace(str(event), str(uuid4()))).status_code == 404

    assert "Message signalé" in eva.get("/moderation?kind=message").text
    case = f"/moderation/messages/{sent.id}"
    page = eva.get(case).text
    assert "Une publicité." in page
    assert "Atelier vélo devant la gare" in page
    assert eva.post(case, page, verdict="unpost").status_code == 400
    assert eva.post(case, page, verdict="unpost", reason="Hors sujet.").status_code == 303
    shown = organiser.client.get(desk).text
    assert "Hors sujet." in shown
    assert "la modération relit les messages" in shown

    # Whatever else they organise, the next one waits; accepted, it leaves.
    second = organiser.propose(
        title="Un autre atelier",
        starts=f"{soon(12):%Y-%m-%dT%H:%M}",
        ends=f"{soon(12, 20):%Y-%m-%dT%H:%M}",
    )
    publish(eva, engine, second)
    assert fill_in(reader, f"/evenements/{second}/inscription", {}).status_code == 303
    assert write(organiser, second)[0] == 303
    with engine.connect() as connection:
        (held,) = messages.of_event(connection, second)
        assert held.state is MessageState.HELD
        assert due(connection) == set()
    case = f"/moderation/messages/{held.id}"
    assert eva.post(case, eva.get(case).text, verdict="post").status_code == 303
    assert messages.tell(engine, SENDER) == 1


def test_a_reader_mutes_them_on_their_own_page(
    organiser: Organiser, eva: Moderator, engine: Engine, event_app: Flask
) -> None:
    event = organiser.propose(capacity="")
    publish(eva, engine, event)
    reader = guest(event_app, engine, event)
    page = f"/evenements/{event}/inscription"
    for said, hears in (("Recevoir leurs messages", "0"), ("Ne plus recevoir leurs messages", "1")):
        done = fill_in(reader, page, {"hears": hears}, to=f"{page}/messages")
        assert done.status_code == 303
        assert said in reader.get(page).text
    stranger = event_app.test_client()
    assert stranger.post(f"{page}/messages").status_code == 303
    for path in (f"/evenements/{event}/messages/ecrire",):
        assert stranger.get(path).status_code == 303
        assert reader.get(path).status_code == 404
        assert fill_in(reader, "/compte", {}, to=path).status_code in (400, 404)

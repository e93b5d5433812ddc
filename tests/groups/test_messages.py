"""Messages to those who belong to a group: for whom, told once, held once one is refused."""

import re
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text

from mapservice.db.engine import make_engine
from mapservice.groups import membership_service as membership
from mapservice.groups import message_letters, queries
from mapservice.groups import message_service as messages
from mapservice.groups.message_service import TooManyMessages
from mapservice.groups.model import (
    MemberChoice,
    MemberStanding,
    MessageAudience,
    MessageContent,
    MessageState,
    MessageWish,
)
from mapservice.groups.words import sent_words
from mapservice.i18n import PARIS
from mapservice.mail import service as mail
from mapservice.notifications.subscriptions import service as subscriptions
from mapservice.settings import Settings
from tests.accounts.people.mailbox import fill_in, mails_to, sign_in
from tests.conftest import REPOSITORY
from tests.contributions.proposals.desk import hidden
from tests.events.organiser import make_person
from tests.groups.founder import ADDRESS, SITE, Founder, join, make_group, person_of, publish
from tests.mail.conftest import transport_to
from tests.mail.post_office import PostOffice
from tests.moderation.moderator import Moderator
from tests.notifications.subscriptions.readers import environ

SENDER = "Carte <carte@map.test>"
WORDS = "Venez avec des gants."
PATIENCE = 120  # seconds, for a process to begin on a busy machine
BEA = "bea@example.org"
REACHED = {
    MessageAudience.TEAM: {"editor"},
    MessageAudience.MEMBERS: {"editor", "member"},
    MessageAudience.EVERYONE: {"editor", "member", "follower"},
}


def content(
    audience: MessageAudience = MessageAudience.MEMBERS, *, at_once: bool = True
) -> MessageContent:
    return MessageContent(audience, at_once, "Samedi au bord de l’eau", WORDS)


def send(
    connection: Connection, group: UUID, person: UUID, what: MessageContent, days_ago: float = 0
) -> UUID:
    now = datetime.now(UTC) - timedelta(days=days_ago)
    sent = messages.send(connection, group, person, uuid4(), what, SITE.base_url, now)
    return sent.id


def cast(connection: Connection) -> tuple[UUID, UUID, Mapping[str, UUID]]:
    """A group, its organiser, and one person of each other standing, named for it."""
    organiser = make_person(connection, "organiser")
    group = make_group(connection, organiser)
    others = [one for one in MemberStanding if one is not MemberStanding.ORGANISER]
    people = {str(one): make_person(connection, str(one)) for one in others}
    for one in others:
        membership.add(connection, group, people[str(one)], one, MemberChoice())
    return group, organiser, people


def due(connection: Connection) -> dict[UUID, bool]:
    rows = connection.execute(text("SELECT person, at_once FROM group_message_due"))
    return {row.person: row.at_once for row in rows}


def outbox(engine: Engine, kind: str = "group_message") -> list[UUID]:
    with engine.connect() as connection:
        statement = text("SELECT person FROM delivery WHERE kind = :kind ORDER BY person")
        return list(connection.execute(statement, {"kind": kind}).scalars())


@pytest.mark.parametrize("audience", list(MessageAudience))
def test_a_message_is_for_those_of_its_audience_who_want_it(
    connection: Connection, audience: MessageAudience
) -> None:
    group, organiser, people = cast(connection)
    assert messages.audience_sizes(connection, group, organiser)[audience] == len(REACHED[audience])
    messages.wish(connection, group, people["editor"], MessageWish.DIGEST)
    muted = make_person(connection)
    membership.add(connection, group, muted, MemberStanding.EDITOR, MemberChoice())
    messages.wish(connection, group, muted, MessageWish.NONE)
    sent = send(connection, group, organiser, content(audience))
    # Neither its author, nor who asks to join, nor who is excluded; now, but who rather waits.
    assert due(connection) == {people[name]: name != "editor" for name in REACHED[audience]}
    found = messages.find(connection, sent)
    assert found is not None
    assert found.recipients == len(REACHED[audience])


def test_each_mail_is_its_readers_own_and_leaves_by_one_click(
    engine: Engine, group_app: Flask
) -> None:
    with engine.begin() as connection:
        group, organiser, people = cast(connection)
        sent = send(connection, group, organiser, content())
        addresses = list(connection.execute(text("SELECT email FROM person")).scalars())
    assert messages.tell(engine, SENDER) == 2
    assert messages.tell(engine, SENDER) == 0
    assert outbox(engine) == sorted([people["member"], people["editor"]])
    renderers = {messages.RENDERER: message_letters.renderer(Settings(public_url=SITE.base_url))}
    with PostOffice() as office:
        mail.send_due(engine, transport_to(office), renderers=renderers)
    assert len(set(office.message_ids)) == len(office.taken) == 2
    for letter in office.taken:
        said = letter.as_string()
        assert [one for one in addresses if one in said] == [letter["To"]]
    with engine.connect() as connection:
        member = queries.of_person(connection, group, people["member"])
        assert member is not None
    (told,) = mails_to(engine, member.email)
    assert WORDS in told.text
    stop = re.search(r"http://map.test(/groupes/\S+/messages/arreter/\S+)", told.text)
    assert stop, told.text
    assert told.headers["List-Unsubscribe"] == f"<http://map.test{stop[1]}>"
    assert told.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    program = group_app.test_client()
    assert program.post(stop[1], data={"List-Unsubscribe": "One-Click"}).status_code == 200
    # It ends messages, and does not leave the group; the link that leaves it is another.
    with engine.begin() as connection:
        member = queries.of_person(connection, group, people["member"])
        assert member is not None
        assert (member.standing, member.hears) == (MemberStanding.MEMBER, MessageWish.NONE)
        later = send(connection, group, organiser, content(at_once=False))
        assert due(connection) == {people["editor"]: False}
    assert program.post(stop[1].replace("messages/arreter", "quitter")).status_code == 404
    assert later != sent


def test_what_changes_before_a_mail_is_sent_is_heeded(engine: Engine) -> None:
    with engine.begin() as connection:
        group, organiser, people = cast(connection)
        sent = send(connection, group, organiser, content(MessageAudience.EVERYONE))
        left = queries.of_person(connection, group, people["editor"])
        assert left is not None
        membership.leave(connection, left.id)
        assert people["editor"] not in due(connection)  # nothing of it stays
    assert messages.tell(engine, SENDER) == 2
    with engine.begin() as connection:
        messages.wish(connection, group, people["member"], MessageWish.NONE)
        written = {
            name: message_letters.letter(connection, SITE, sent, people[name])
            for name in ("editor", "member", "follower", "banned")
        }
    assert [name for name, one in written.items() if one] == ["follower"]


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
        group, organiser, people = cast(connection)
        send(connection, group, organiser, content())
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
        assert worker.poll() is None, "it stands in the middle of writing"
        worker.kill()
        worker.wait()
        holder.rollback()
    with ThreadPoolExecutor(3) as pool:
        written = pool.map(lambda _: messages.tell(make_engine(database_url), SENDER), range(3))
        told = sum(written)
    # What the dead worker holds is free once the database notices.
    deadline = time.monotonic() + PATIENCE
    while len(outbox(engine)) < 2:
        assert time.monotonic() < deadline
        told += messages.tell(engine, SENDER)
    assert told == 2
    assert outbox(engine) == sorted([people["member"], people["editor"]])


def test_the_mail_of_the_day_tells_it_once_and_its_one_click_ends_it(
    engine: Engine, group_app: Flask
) -> None:
    with engine.begin() as connection:
        group, organiser, people = cast(connection)
        send(connection, group, organiser, content(at_once=False))
    assert messages.tell(engine, SENDER) == 0
    settings, day = (
        Settings(public_url=SITE.base_url),
        (datetime.now(PARIS) + timedelta(days=2)).date(),
    )
    assert subscriptions.tell(engine, settings, day) == 2
    assert subscriptions.tell(engine, settings, day + timedelta(days=1)) == 0
    with engine.connect() as connection:
        member = queries.of_person(connection, group, people["member"])
    assert member is not None
    (told,) = mails_to(engine, member.email)
    assert told.kind == "digest"
    assert "1 message de vos groupes" in told.subject
    assert WORDS in told.text
    assert WORDS in told.html
    assert "/signaler/" in told.text
    leave = told.headers["List-Unsubscribe"].strip("<>").removeprefix(SITE.base_url)
    assert group_app.test_client().post(leave).status_code == 200
    with engine.begin() as connection:
        send(connection, group, organiser, content(at_once=False))
        assert set(due(connection)) == {people["editor"]}


def test_a_message_reaches_only_those_to_whom_it_still_comes(engine: Engine) -> None:
    """Nobody counts as reached by a mail of the day that has not left, or that never will."""
    with engine.begin() as connection:
        group, organiser, people = cast(connection)
        sent = send(connection, group, organiser, content(at_once=False))

    def said() -> tuple[str, int]:
        with engine.connect() as connection:
            found = messages.find(connection, sent)
        assert found is not None
        return sent_words(found), found.recipients

    assert said() == ("dans le prochain courriel du jour de 2 personnes", 2)
    with engine.begin() as connection:
        messages.wish(connection, group, people["member"], MessageWish.NONE)
    assert said() == ("dans le prochain courriel du jour d’une personne", 1)
    with engine.begin() as connection:
        assert len(messages.take_due(connection, people["editor"])) == 1
    assert said() == ("envoyé à 1 personne", 1)

    # By leaving, by erasure, by refusal of what still waits: each is untold once.
    with engine.begin() as connection:
        messages.wish(connection, group, people["member"], MessageWish.ALL)
        sent = send(connection, group, organiser, content(at_once=False))
        editor = queries.of_person(connection, group, people["editor"])
        assert editor is not None
        membership.leave(connection, editor.id)
    assert said()[1] == 1
    with engine.begin() as connection:
        messages.erase(connection, people["member"])
    assert said() == ("envoyé à personne", 0)


def test_a_message_that_was_told_counts_though_it_is_refused(connection: Connection) -> None:
    group, organiser, _people = cast(connection)
    first = send(connection, group, organiser, content())
    connection.execute(
        text("UPDATE group_message SET state = 'refused', reason = 'Non.' WHERE id = :id"),
        {"id": first},
    )
    with pytest.raises(TooManyMessages) as limit:
        send(connection, group, organiser, content())
    assert limit.value.may_wait
    send(connection, group, organiser, content(at_once=False))


def test_a_group_writes_so_often_whoever_of_it_writes(connection: Connection) -> None:
    group, organiser, _people = cast(connection)
    second = make_person(connection)
    membership.add(connection, group, second, MemberStanding.ORGANISER, MemberChoice())
    send(connection, group, organiser, content(), days_ago=2)
    send(connection, group, organiser, content(), days_ago=0.5)
    with pytest.raises(TooManyMessages) as limit:
        send(connection, group, second, content())  # one at once a day
    assert timedelta(hours=11) < limit.value.until - datetime.now(UTC) < timedelta(hours=12.1)
    for _ in range(2):
        send(connection, group, second, content(at_once=False))
    with pytest.raises(TooManyMessages) as limit:
        send(connection, group, organiser, content(at_once=False))  # four a week
    assert timedelta(days=4.9) < limit.value.until - datetime.now(UTC) < timedelta(days=5.1)
    connection.execute(text("UPDATE group_message SET written_at = written_at - interval '5 days'"))
    send(connection, group, organiser, content())


def test_two_organisers_who_write_at_once_share_the_limit(engine: Engine) -> None:
    with engine.begin() as connection:
        group, organiser, _people = cast(connection)

    def write(_number: int) -> bool:
        try:
            with engine.begin() as connection:
                send(connection, group, organiser, content())
        except TooManyMessages:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(write, range(4))) == [False, False, False, True]


# --- On the pages ---------------------------------------------------------------------------------


@pytest.fixture
def group(founder: Founder, eva: Moderator) -> UUID:
    made = founder.found(openness="open")
    publish(eva, made)
    return made


def write(founder: Founder, group: UUID, **changes: str) -> tuple[int, str]:
    """Fills the form in, reads it again as it will be, sends it."""
    path = f"/groupes/{group}/messages/ecrire"
    form = {"audience": "members", "how": "now", "subject": "Samedi", "text": WORDS, **changes}
    form["form"] = hidden(founder.client.get(path).text, "form")
    checked = fill_in(founder.client, path, {**form, "action": "check"})
    assert checked.status_code == 200, checked.text
    assert WORDS in checked.text
    sent = fill_in(founder.client, path, {**form, "action": "send"})
    again = fill_in(founder.client, path, {**form, "action": "send"})
    assert again.status_code == sent.status_code
    return sent.status_code, sent.text


def test_a_reported_message_is_judged_and_once_refused_the_next_wait(
    founder: Founder, eva: Moderator, group: UUID, group_app: Flask, engine: Engine
) -> None:
    bea, _page = join(group_app, engine, group, BEA, name="Béa")
    assert write(founder, group)[0] == 303
    with engine.connect() as connection:
        (only,) = messages.of_group(connection, group)  # sent twice, it is one
        told = message_letters.letter(connection, SITE, only.id, person_of(engine, BEA))
    assert told is not None
    found = re.search(r"http://map.test(/groupes/\S+/signaler/\S+)", told.text)
    assert found, told.text
    # Who has left the group since may report it still; another's link opens nothing.
    fill_in(bea, f"/groupes/{group}/adhesion", {}, to=f"/groupes/{group}/adhesion/quitter")
    anybody = group_app.test_client()
    assert (
        anybody.get(found[1].replace(str(person_of(engine, BEA)), str(uuid4()))).status_code == 404
    )
    assert WORDS in anybody.get(found[1]).text
    for _ in range(2):
        assert anybody.post(found[1], data={"words": "C’est une publicité."}).status_code == 200

    queue = eva.get("/moderation?kind=message").text
    assert f"/moderation/messages/{only.id}" in queue
    case = eva.get(f"/moderation/messages/{only.id}").text
    assert case.count("C’est une publicité.") == 1
    assert BEA not in case
    assert "Béa" not in case
    path = f"/moderation/messages/{only.id}"
    assert eva.post(path, case, verdict="unpost").status_code == 400  # without a reason
    done = eva.post(path, case, verdict="unpost", reason="Pas de publicité.")
    assert done.status_code == 303, done.text
    assert eva.post(path, case, verdict="post").status_code == 409
    refused = mails_to(engine, ADDRESS)[-1]
    assert refused.kind == "group_message_refused"
    assert "Pas de publicité." in refused.text
    desk = founder.client.get(f"/groupes/{group}/bureau").text
    assert "Pas de publicité." in desk
    assert "C’est une publicité." not in desk

    # The next one waits, is sent once it was read, and is no complaint. What was told counts still.
    assert write(founder, group, subject="Dimanche")[0] == 429
    with engine.begin() as connection:
        aged = "UPDATE group_message SET written_at = written_at - interval '2 days'"
        connection.execute(text(aged))
    cem, _page = join(group_app, engine, group, "cem@example.org", name="Cem")
    assert write(founder, group, subject="Dimanche")[0] == 303
    with engine.connect() as connection:
        held = messages.of_group(connection, group)[0]
        assert (held.state, due(connection)) == (MessageState.HELD, {})
    assert messages.tell(engine, SENDER) == 0
    path = f"/moderation/messages/{held.id}"
    assert eva.post(path, eva.get(path).text, verdict="post").status_code == 303
    assert messages.tell(engine, SENDER) == 1
    log = eva.get(f"/moderation/groupes/{group}").text
    assert "nouvelle, commentaire ou message refusé" in log
    del cem


def test_organisers_alone_write_and_see_what_was_written(
    founder: Founder, group: UUID, group_app: Flask, engine: Engine
) -> None:
    bea, _page = join(group_app, engine, group, BEA, name="Béa")
    assert write(founder, group)[0] == 303
    dan = group_app.test_client()
    sign_in(dan, engine, "dan@example.org")
    path = f"/groupes/{group}/messages/ecrire"
    form = {"audience": "members", "how": "now", "subject": "x", "text": "y", "action": "send"}
    for stranger in (bea, dan):
        assert stranger.get(path).status_code == 404
        assert fill_in(stranger, "/compte", form, to=path).status_code == 404
        assert WORDS not in stranger.get(f"/groupes/{group}").text
        assert WORDS not in stranger.get(f"/groupes/{group}/adhesion").text
    assert group_app.test_client().get(path).status_code == 303
    editor = {"action": "editor"}
    with engine.connect() as connection:
        member = queries.of_person(connection, group, person_of(engine, BEA))
    assert member is not None
    organise = f"/groupes/{group}/organiser"
    fill_in(founder.client, organise, editor, to=f"/groupes/{group}/membres/{member.id}")
    assert bea.get(path).status_code == 404
    desk = bea.get(f"/groupes/{group}/bureau")
    assert desk.status_code == 200
    assert "Samedi" not in desk.text
    status, page = write_again(founder, group)
    assert status == 429
    assert "Le prochain est possible" in page


def write_again(founder: Founder, group: UUID) -> tuple[int, str]:
    path = f"/groupes/{group}/messages/ecrire"
    form = {"audience": "members", "how": "now", "subject": "Encore", "text": WORDS}
    form |= {"form": str(uuid4()), "action": "send"}
    sent = fill_in(founder.client, path, form)
    return sent.status_code, sent.text


def test_the_export_holds_what_one_wrote_and_erasure_takes_it(
    founder: Founder, group: UUID, group_app: Flask, engine: Engine, visitor: FlaskClient
) -> None:
    bea, _page = join(group_app, engine, group, BEA, name="Béa")
    choice = {"hears": "digest"}
    fill_in(bea, f"/groupes/{group}/adhesion", choice, to=f"/groupes/{group}/adhesion/messages")
    assert write(founder, group)[0] == 303
    own = founder.client.get("/compte/donnees").get_json()
    assert own["group_messages"]["written"][0]["text"] == WORDS
    assert "Béa" not in str(own)
    hers = bea.get("/compte/donnees").get_json()
    assert hers["groups"][0]["hears"] == "digest"
    assert len(hers["group_messages"]["to_be_told"]) == 1
    for client in (bea, founder.client):
        fill_in(client, "/compte/effacer", {"confirm": "1"})
    with engine.connect() as connection:
        for table in ("group_message", "group_message_due", "group_message_report"):
            count = text(f"SELECT count(*) FROM {table}")
            assert connection.execute(count).scalar_one() == 0, table
        assert connection.execute(text("SELECT count(*) FROM waiting")).scalar_one() == 0
    del visitor

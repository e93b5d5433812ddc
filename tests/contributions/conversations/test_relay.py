"""Messages pass both ways, and no address with them; a link serves once; both may end it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from mapservice.app import create_app
from mapservice.contributions.conversations import service
from mapservice.contributions.conversations.inbox import ReplyInbox, ReplyOutcome, read_replies
from mapservice.contributions.conversations.model import new_text, parse_tag, read_mail, tag_of
from mapservice.errors import ConfigurationError
from mapservice.mail.service import letterhead
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.accounts.people.mailbox import Received, fill_in, last_link, mails_to, press
from tests.contributions.conversations.imap_inbox import USER, ImapInbox
from tests.contributions.proposals.desk import propose

AUTHOR, VISITOR = "ana@example.org", "vic@example.org"
HELLO, ANSWER = "Bonjour, puis-je aider ?", "Avec plaisir, samedi à dix heures."


@pytest.fixture
def initiative(app: Flask, engine: Engine) -> UUID:
    made: UUID = propose(app.test_client(), engine, email=AUTHOR).id
    with engine.begin() as connection:
        publish = "UPDATE initiative SET status = 'published' WHERE id = :id"
        connection.execute(text(publish), {"id": made})
    return made


def write(client: FlaskClient, engine: Engine, initiative: UUID, words: str = HELLO) -> Received:
    """By the form and the mailed link; the mail that its author gets."""
    path = f"/initiatives/{initiative}/contacter"
    sent = fill_in(client, path, {"text": words, "email": VISITOR})
    assert sent.status_code == 303, sent.text
    if sent.headers["Location"] == "/connexion/envoyee":
        assert press(client, last_link(engine, VISITOR)).status_code == 303
    return messages(engine, AUTHOR)[-1]


def messages(engine: Engine, to: str) -> list[Received]:
    return [one for one in mails_to(engine, to) if one.kind == "message"]


def reply_path(mail: Received) -> str:
    found = re.search(r"https?://\S+/repondre/\S+", mail.text)
    assert found, mail.text
    return urlsplit(found[0]).path


def said(mail: Received) -> str:
    return mail.text + mail.html + str(mail.headers) + mail.subject


def test_a_message_and_its_replies_show_no_address(
    app: Flask, engine: Engine, initiative: UUID
) -> None:
    client = app.test_client()
    first = write(client, engine, initiative)
    assert HELLO in first.text
    assert VISITOR not in said(first)
    assert "Reply-To" not in first.headers, "no inbox is set"
    assert AUTHOR not in client.get(f"/initiatives/{initiative}/contacter").text

    # The author replies, from any browser: the link is what lets in.
    path = reply_path(first)
    assert app.test_client().get(path).status_code == 200
    sent = fill_in(app.test_client(), path, {"text": ANSWER})
    assert sent.status_code == 200
    assert "Votre réponse est partie" in sent.text
    second = messages(engine, VISITOR)[-1]
    assert ANSWER in second.text
    assert AUTHOR not in said(second)

    # And the visitor to that, with the link of that mail.
    assert fill_in(app.test_client(), reply_path(second), {"text": "À samedi."}).status_code == 200
    third = messages(engine, AUTHOR)[-1]
    assert "À samedi." in third.text
    assert VISITOR not in said(third)
    assert len({reply_path(one) for one in (first, second, third)}) == 3


def test_a_link_serves_once_for_its_time_and_with_its_signature(
    app: Flask, engine: Engine, initiative: UUID
) -> None:
    first = write(app.test_client(), engine, initiative)
    path = reply_path(first)
    visitor = app.test_client()
    assert visitor.get(path[:-1] + ("a" if path[-1] != "a" else "b")).status_code == 404
    for _look in range(3):  # mail scanners look too
        assert visitor.get(path).status_code == 200
    token = {"text": ANSWER}
    assert fill_in(visitor, path, {"text": " "}).status_code == 400
    assert fill_in(visitor, path, token).status_code == 200
    gone = visitor.get(path)
    assert gone.status_code == 410
    assert "qui sert une fois" in gone.text
    assert visitor.post(path, data=token).status_code == 410
    assert len(messages(engine, VISITOR)) == 1

    second = reply_path(messages(engine, VISITOR)[-1])
    with engine.begin() as connection:
        late = "UPDATE reply_link SET expires_at = expires_at - interval '90 days'"
        connection.execute(text(late))
    gone = visitor.get(second)
    assert gone.status_code == 410
    assert "90 jours" in gone.text


@pytest.mark.parametrize("who", ["author", "visitor"])
def test_each_may_end_it(app: Flask, engine: Engine, initiative: UUID, who: str) -> None:
    writer = app.test_client()
    first = write(writer, engine, initiative)
    fill_in(app.test_client(), reply_path(first), {"text": ANSWER})
    second = messages(engine, VISITOR)[-1]
    if who == "author":
        write(writer, engine, initiative, "Encore une question : où ?")
        mine, theirs = messages(engine, AUTHOR)[-1], second
    else:
        write(writer, engine, initiative, "Encore une question : où ?")
        mine, theirs = second, messages(engine, AUTHOR)[-1]
    ended = fill_in(app.test_client(), reply_path(mine), {"action": "end"})
    assert "plus aucun message ne passe" in ended.text
    assert app.test_client().get(reply_path(theirs)).status_code == 410
    assert app.test_client().post(reply_path(theirs)).status_code == 410
    path = f"/initiatives/{initiative}/contacter"
    again = fill_in(writer, path, {"text": "Et encore une question ?"})
    assert again.status_code == (409 if who == "author" else 303), again.text


def test_who_is_erased_is_written_to_no_more(app: Flask, engine: Engine, initiative: UUID) -> None:
    writer = app.test_client()
    first = write(writer, engine, initiative)
    data = writer.get("/compte/donnees").get_json()["conversations"]
    assert [(one["initiative"], one["side"]) for one in data] == [(str(initiative), "visitor")]
    assert fill_in(writer, "/compte/effacer", {}).status_code in (200, 303)
    assert app.test_client().get(reply_path(first)).status_code == 404


def test_nothing_said_is_kept_but_in_the_outbox(
    app: Flask, engine: Engine, initiative: UUID
) -> None:
    write(app.test_client(), engine, initiative)
    with engine.connect() as connection:
        tables = connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        ).scalars()
        holding = {
            name
            for name in tables.all()
            if connection.execute(
                text(f'SELECT EXISTS (SELECT FROM "{name}" AS one WHERE one::text LIKE :words)'),
                {"words": f"%{HELLO}%"},
            ).scalar_one()
        }
    assert holding == {"delivery", "token"}


# --- By mail -------------------------------------------------------------------------------------


@pytest.fixture
def inbox() -> Iterator[ImapInbox]:
    with ImapInbox() as made:
        yield made


@pytest.fixture
def by_mail(database_url: str, engine: Engine, inbox: ImapInbox, tmp_path: Path) -> Iterator[Flask]:
    settings = Settings(
        database_url=database_url, public_url="http://map.test", imap_url=inbox.url, home=tmp_path
    )
    app = create_app(settings)
    yield app
    services: Services = app.extensions[SERVICES]
    services.dispose()


def read(app: Flask, engine: Engine) -> dict[ReplyOutcome, int]:
    services: Services = app.extensions[SERVICES]
    found = ReplyInbox.of(services.settings)
    assert found
    return read_replies(engine, found, letterhead(services.settings))


def answer_to(mail: Received, words: str, **headers: str) -> bytes:
    """As a mail program writes it: what is new above, what is answered below, a signature."""
    message = EmailMessage()
    message["From"] = f"Ana <{AUTHOR}>"
    message["To"] = headers.pop("to", mail.headers["Reply-To"])
    message["Subject"] = f"Re: {mail.subject}"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    quoted = "\n".join(f"> {line}" for line in mail.text.splitlines())
    begins = f"Le lun. 30 nov. 2026 à 10:00, Initiatives <{USER}> a\nécrit :"
    message.set_content(f"{words}\n\nAna, {AUTHOR}\n\n{begins}\n\n{quoted}\n")
    message.add_alternative(f"<p>{words}</p><blockquote>…</blockquote>", subtype="html")
    return message.as_bytes()


def test_a_reply_by_mail_is_passed_on_without_addresses(
    by_mail: Flask, engine: Engine, inbox: ImapInbox, initiative: UUID
) -> None:
    first = write(by_mail.test_client(), engine, initiative)
    address = first.headers["Reply-To"]
    assert address.startswith("reponses+")
    assert len(address.partition("@")[0]) <= 64
    # A program on the way may change the case of an address; a person may have opened the mail.
    inbox.deliver(answer_to(first, ANSWER, to=address.upper()), "\\Seen")
    assert read(by_mail, engine) == {ReplyOutcome.RELAYED: 1}
    assert inbox.mails == [], "what was passed on is taken out"
    second = messages(engine, VISITOR)[-1]
    assert ANSWER in second.text
    for secret in (AUTHOR, VISITOR, address, "Initiatives <", HELLO):
        assert secret not in said(second), secret
    assert second.headers["Reply-To"] != address

    # The page of the same mail is used up with it, and the other way round.
    assert by_mail.test_client().get(reply_path(first)).status_code == 410
    fill_in(by_mail.test_client(), reply_path(second), {"text": "À samedi."})
    inbox.deliver(answer_to(second, "Par courriel aussi."))
    assert read(by_mail, engine) == {ReplyOutcome.CLOSED: 1}
    assert len(messages(engine, AUTHOR)) == 2
    why = [one for one in mails_to(engine, VISITOR) if one.kind == "reply_closed"]
    assert "déjà répondu" in why[-1].text


def test_what_programs_send_and_what_is_for_nobody_is_not_passed_on(
    by_mail: Flask, engine: Engine, inbox: ImapInbox, initiative: UUID
) -> None:
    first = write(by_mail.test_client(), engine, initiative)
    inbox.deliver(answer_to(first, "Je suis en congé.", Auto_Submitted="auto-replied"))
    inbox.deliver(answer_to(first, "Undelivered", Return_Path="<>"))
    address = first.headers["Reply-To"]
    local, _at, domain = address.partition("@")
    forged = local[:-1] + ("a" if local[-1] != "a" else "b")
    inbox.deliver(answer_to(first, "Forgé de toutes pièces.", to=f"{forged}@{domain}"))
    inbox.deliver(b"\xff\xfe no mail at all")
    inbox.deliver(b"Subject: x\r\n\r\n" + b"a" * 5_000_100)
    assert read(by_mail, engine) == {ReplyOutcome.AUTOMATIC: 2, ReplyOutcome.UNKNOWN: 3}
    assert [one.flags for one in inbox.mails] == [{"\\Flagged"}] * 3, "left for a person"
    assert read(by_mail, engine) == {}, "and looked at once"
    assert messages(engine, VISITOR) == []
    assert by_mail.test_client().get(reply_path(first)).status_code == 200, "the link still works"


@pytest.mark.parametrize("step", ["LOGIN", "SEARCH", "FETCH", "STORE", "EXPUNGE"])
def test_an_inbox_that_breaks_off_loses_nothing_and_says_nothing_twice(
    by_mail: Flask, engine: Engine, inbox: ImapInbox, initiative: UUID, step: str
) -> None:
    first = write(by_mail.test_client(), engine, initiative)
    inbox.deliver(answer_to(first, ANSWER))
    inbox.fail_at = step
    read(by_mail, engine)
    inbox.fail_at = ""
    read(by_mail, engine)
    assert len(messages(engine, VISITOR)) == 1


def test_settings_of_an_inbox_are_read_or_refused() -> None:
    plain = Settings(database_url="")
    assert ReplyInbox.of(plain) is None
    url = "imaps://robot:p%40ss@mail.example/Replies"
    with pytest.raises(ConfigurationError, match="IMAP_ADDRESS"):
        ReplyInbox.of(replace(plain, imap_url=url))
    found = ReplyInbox.of(replace(plain, imap_url=url, imap_address="reply@map.example"))
    assert found
    assert (found.port, found.tls, found.folder, found.password) == (993, True, "Replies", "p@ss")
    for wrong in ("https://x", "imaps://mail.example", "imap://a@b:port"):
        with pytest.raises(ConfigurationError, match="IMAP_URL"):
            ReplyInbox.of(replace(plain, imap_url=wrong))


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("Oui.\n\nLe lun. 30 nov. 2026 à 10:00, X <x@y.fr> a écrit :\n> Non", "Oui."),
        ("Oui.\n\nOn Mon, 30 Nov 2026 at 10:00, X\n<x@y.fr> wrote:\n> No", "Oui."),
        ("Oui.\n\n-----Message d'origine-----\nDe : X", "Oui."),
        ("Oui.\n________________________________\nDe : X <x@y.fr>", "Oui."),
        ("Oui.\n-- \nAna\n06 00 00 00 00", "Oui."),
        ("Le marché a lieu samedi.\nVenez !", "Le marché a lieu samedi.\nVenez !"),
        ("Écrivez-moi : ana@example.org", "Écrivez-moi : […]"),
        ("> tout est cité", ""),
    ],
)
def test_what_is_new_in_a_mail(body: str, kept: str) -> None:
    assert new_text(body) == kept


def test_a_mail_in_markup_alone_is_read_as_text() -> None:
    message = EmailMessage()
    message["To"] = USER
    message.set_content("<style>p {}</style><p>D&rsquo;accord.</p><p>À samedi</p>", subtype="html")
    assert read_mail(message.as_bytes(), USER).text == "D’accord.\nÀ samedi"


@given(st.binary(max_size=2000))
@settings(max_examples=200, deadline=None)
def test_no_bytes_break_the_reader(content: bytes) -> None:
    read_mail(content, USER)


@given(st.uuids(), st.binary(min_size=32, max_size=32))
@settings(max_examples=50, deadline=None)
def test_a_tag_is_read_back(link: UUID, key: bytes) -> None:
    tag = tag_of(link, key)
    parsed = parse_tag(tag.upper())
    assert parsed is not None
    assert parsed[0] == link
    assert tag.endswith(parsed[1])


def test_old_links_and_conversations_go(app: Flask, engine: Engine, initiative: UUID) -> None:
    write(app.test_client(), engine, initiative)
    service.forget(engine)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM reply_link")).scalar_one() == 1
        connection.execute(text("UPDATE reply_link SET expires_at = now() - interval '8 days'"))
        connection.execute(text("UPDATE conversation SET begun_at = now() - interval '99 days'"))
    service.forget(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM conversation")).scalar_one() == 0

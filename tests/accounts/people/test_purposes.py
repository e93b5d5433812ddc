"""What other packages have confirmed by mail: `ask_confirmation`, and the link's way back."""

from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text

from mapservice.accounts.people.magic_links import ConfirmationQuestion, MagicLinkAction
from mapservice.accounts.people.model import MagicLink, Person
from mapservice.accounts.people.routes import EXTENSION, AccountExtensions
from mapservice.accounts.people.service import ConfirmationRequest, ask_confirmation
from mapservice.errors import NotFound, StateConflict
from mapservice.mail.service import EmailAddress, letterhead
from mapservice.settings import Settings
from tests.accounts.people.mailbox import (
    ADDRESS,
    ask_for_link,
    fill_in,
    last_link,
    mails_to,
    press,
    sign_in,
    token_of,
)
from tests.web.test_inert import check_inert

SITE = letterhead(Settings(public_url="https://map.test/", mail_from="x@map.test"))
SUBJECT = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
Wire = Callable[..., list[tuple[Person, MagicLink]]]


@pytest.fixture
def wire(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Makes links of the purpose `trial` understood; returns what is confirmed from then on."""

    def wire(
        asking: Exception | None = None, confirming: Exception | None = None
    ) -> list[tuple[Person, MagicLink]]:
        confirmed: list[tuple[Person, MagicLink]] = []

        def ask(_connection: Connection, token: MagicLink) -> ConfirmationQuestion:
            if asking:
                raise asking
            return ConfirmationQuestion(str(token.payload["words"]), "<i>Un texte</i>", "Soutenir")

        def confirm(connection: Connection, person: Person, token: MagicLink) -> str:
            connection.execute(text("UPDATE person SET name = 'in the same transaction'"))
            if confirming:
                raise confirming
            confirmed.append((person, token))
            return f"/initiatives/{token.subject}"

        known = {
            **app.extensions[EXTENSION].actions,
            "trial": MagicLinkAction("trial", ask, confirm),
        }
        monkeypatch.setitem(app.extensions, EXTENSION, AccountExtensions(known))
        return confirmed

    return wire


def mail_link(engine: Engine, words: str = "Un jardin", email: str = ADDRESS) -> str:
    ask = ConfirmationRequest(
        purpose="trial", letter="sign_in", subject=SUBJECT, payload={"words": words}
    )
    with engine.begin() as connection:
        ask_confirmation(connection, SITE, EmailAddress.parse(email), ask)
    return last_link(engine, email)


def test_a_press_confirms_signs_in_and_goes_where_the_package_says(
    client: FlaskClient, engine: Engine, wire: Wire
) -> None:
    confirmed = wire()
    link = mail_link(engine)
    assert "Un jardin" in client.get(link).text
    assert confirmed == []
    assert press(client, link).location == f"/initiatives/{SUBJECT}"
    ((person, token),) = confirmed
    assert (person.email, token.subject, token.payload) == (
        ADDRESS,
        SUBJECT,
        {"words": "Un jardin"},
    )
    assert person.id == token.person
    assert ADDRESS in client.get("/compte").text


def test_nobody_is_confirmed_before(client: FlaskClient, engine: Engine, wire: Wire) -> None:
    wire()
    client.get(mail_link(engine))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT confirmed_at FROM person")).scalar_one() is None


def test_what_rolls_back_leaves_no_link_and_no_mail(engine: Engine) -> None:
    ask = ConfirmationRequest(purpose="trial", letter="sign_in")
    with engine.connect() as connection:
        ask_confirmation(connection, SITE, EmailAddress.parse(ADDRESS), ask)
        connection.rollback()
    assert mails_to(engine) == []
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM token")).scalar_one() == 0


def test_a_package_that_refuses_rolls_all_back_and_leaves_the_link_as_it_was(
    client: FlaskClient, engine: Engine, wire: Wire
) -> None:
    wire(confirming=StateConflict("It changed."))
    link = mail_link(engine)
    assert press(client, link).status_code == 409
    with engine.connect() as connection:
        names = connection.execute(text("SELECT name, confirmed_at FROM person")).one()
    assert tuple(names) == ("", None)
    confirmed = wire()
    assert press(client, link).status_code == 303
    assert len(confirmed) == 1


def test_what_is_gone_meanwhile_is_said(client: FlaskClient, engine: Engine, wire: Wire) -> None:
    wire(asking=NotFound("It is gone."))
    assert client.get(mail_link(engine)).status_code == 404


def test_words_of_people_are_inert_on_the_page_of_a_link(
    client: FlaskClient, engine: Engine, wire: Wire
) -> None:
    wire()
    page = client.get(mail_link(engine, words="<script>alert(1)</script>")).text
    check_inert(page)
    assert "&lt;i&gt;Un texte&lt;/i&gt;" in page


def test_the_link_starts_with_the_public_address(engine: Engine, wire: Wire) -> None:
    wire()
    mail_link(engine)
    (mail,) = mails_to(engine)
    assert f"https://map.test{mail.link}\n" in mail.text
    assert f'href="https://map.test{mail.link}"' in mail.html


def test_a_link_confirms_for_its_own_person_whoever_opens_it(
    client: FlaskClient, engine: Engine, wire: Wire
) -> None:
    wire()
    press(client, mail_link(engine, email="ben@example.org"))
    assert "ben@example.org" in client.get("/compte").text
    confirmed = wire()
    link = mail_link(engine)
    token = token_of(client.get(link).text)
    assert client.post(link, data={"token": token}).status_code == 303
    assert [person.email for person, _ in confirmed] == [ADDRESS]
    assert ADDRESS in client.get("/compte").text


def test_a_mail_speaks_the_language_that_its_person_chose(
    client: FlaskClient, engine: Engine
) -> None:
    sign_in(client, engine)
    fill_in(client, "/compte", {"name": "", "commune": "", "locale": "en"})
    with engine.begin() as connection:
        ask = ConfirmationRequest(purpose="trial", letter="sign_in")
        ask_confirmation(connection, SITE, EmailAddress.parse(ADDRESS), ask)
    french, english = mails_to(engine)
    assert (french.subject, english.subject) == (
        "Votre lien pour vous connecter",
        "Your link to sign in",
    )
    assert '<html lang="en">' in english.html


def test_who_reads_english_gets_english(client: FlaskClient, engine: Engine) -> None:
    ask_for_link(client, headers={"Accept-Language": "en"})
    assert mails_to(engine)[0].subject == "Your link to sign in"

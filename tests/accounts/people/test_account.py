"""One's own page: what a person says of themselves, all their data, and its erasure."""

from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import ChoiceLoader, DictLoader
from sqlalchemy import Connection, Engine, Row, text

from mapservice.accounts.people import service
from mapservice.accounts.people.personal_data import AccountSection, PersonalDataProvider
from mapservice.accounts.people.routes import EXTENSION, AccountExtensions
from mapservice.mail.service import enqueue
from mapservice.web.edge import SESSION_COOKIE as COOKIE
from tests.accounts.people.mailbox import (
    ADDRESS,
    ask_for_link,
    fill_in,
    last_link,
    sign_in,
    token_of,
)
from tests.mail.conftest import letter
from tests.web.test_inert import TRICKS, check_inert

PERSONAL = ("email", "email_key", "name", "commune", "last_seen_at")


def the_person(engine: Engine) -> Row[tuple[object, ...]]:
    with engine.connect() as connection:
        return connection.execute(text("SELECT * FROM person")).one()


def save(client: FlaskClient, **changes: str) -> int:
    form = {"name": "", "commune": "", "locale": "fr", **changes}
    return fill_in(client, "/compte", form).status_code


@pytest.fixture
def ana(client: FlaskClient, engine: Engine) -> FlaskClient:
    sign_in(client, engine)
    return client


@pytest.fixture
def with_part(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """A package keeps a line about each person; the ids of those whom it forgot."""
    erased: list[UUID] = []
    part = PersonalDataProvider(
        "lines",
        export=lambda connection, person: [{"line": 1, "of": person}],
        erase=lambda connection, person: erased.append(person),
        section=AccountSection(
            "lines.html", lambda connection, person: ["<b>one</b>", person.email]
        ),
    )
    page = DictLoader({"lines.html": "<p>{{ person.id }} {{ data | join(' ') }}</p>"})
    loaders = [loader for loader in (page, app.jinja_env.loader) if loader]
    monkeypatch.setattr(app.jinja_env, "loader", ChoiceLoader(loaders))
    purposes = app.extensions[EXTENSION].actions
    monkeypatch.setitem(app.extensions, EXTENSION, AccountExtensions(purposes, (part,)))
    return erased


def test_other_packages_have_their_sections(
    ana: FlaskClient, engine: Engine, with_part: list[UUID]
) -> None:
    shown = f"<p>{the_person(engine).id} &lt;b&gt;one&lt;/b&gt; {ADDRESS}</p>"
    assert shown in ana.get("/compte").text


@pytest.mark.parametrize("path", ["/compte", "/compte/donnees", "/compte/effacer"])
def test_nobody_else_sees_it(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.location[:17]) == (303, "/connexion?suite=")
    client.set_cookie(COOKIE, "A" * 43)
    assert client.get(path).status_code == 303


@pytest.mark.parametrize("path", ["/compte", "/compte/effacer", "/deconnexion"])
def test_forms_of_other_sites_change_nothing(ana: FlaskClient, engine: Engine, path: str) -> None:
    token = token_of(ana.get("/compte").text)
    form = {"token": token, "name": "Mallory", "locale": "fr"}
    for answer in (
        ana.post(path, data=form, headers={"Sec-Fetch-Site": "cross-site"}),
        ana.post(path, data={"name": "Mallory", "locale": "fr"}),
    ):
        assert answer.status_code == 403
    assert the_person(engine).name == ""
    assert ana.get("/compte").status_code == 200


def test_what_is_changed_is_kept(ana: FlaskClient, engine: Engine) -> None:
    assert save(ana, name="  Ana   d’Ille ", commune="Rennes", locale="en") == 303
    person = the_person(engine)
    assert (person.name, person.commune, person.locale) == ("Ana d’Ille", "35238", "en")
    page = ana.get("/compte").text
    assert 'value="Ana d’Ille"' in page
    assert 'value="Rennes (35238)"' in page


def test_saving_a_page_as_it_is_changes_nothing(ana: FlaskClient, engine: Engine) -> None:
    save(ana, commune="Saint-Denis, Seine-Saint-Denis")
    assert the_person(engine).commune == "93066"
    assert save(ana, commune="Saint-Denis (93066)") == 303
    assert the_person(engine).commune == "93066"


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("name", "a" * 61, "60 signes"),
        ("name", "Ana\u202eanA", "signes"),
        ("name", "Ana\x00", "signes"),
        ("name", "A\u200bna", "signes"),
        ("commune", "Saint-Denis", "Précisez"),
        ("commune", "Zzyzx", "Aucune commune"),
        ("locale", "xx", "langues proposées"),
    ],
)
def test_what_cannot_be_kept_is_said_beside_its_field(
    ana: FlaskClient, engine: Engine, field: str, typed: str, words: str
) -> None:
    answer = fill_in(ana, "/compte", {"name": "", "commune": "", "locale": "fr", field: typed})
    assert answer.status_code == 400
    assert words in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert (the_person(engine).name, the_person(engine).commune) == ("", None)


@pytest.mark.parametrize("trick", TRICKS)
def test_whatever_is_typed_is_inert(ana: FlaskClient, trick: str) -> None:
    for field in ("name", "commune", "locale"):
        form = {"name": "", "commune": "", "locale": "fr", field: trick}
        answer = fill_in(ana, "/compte", form)
        assert answer.status_code in (303, 400)
        check_inert(answer.text)
        check_inert(ana.get("/compte").text)


@pytest.mark.parametrize("trick", TRICKS)
def test_whatever_is_typed_to_sign_in_is_inert(client: FlaskClient, trick: str) -> None:
    check_inert(client.get("/connexion", query_string={"suite": trick}).text)
    check_inert(fill_in(client, "/connexion", {"email": trick, "suite": trick}).text)


def test_the_export_holds_all_that_is_kept(
    ana: FlaskClient, engine: Engine, with_part: list[UUID]
) -> None:
    save(ana, name="Ana", commune="Rennes")
    answer = ana.get("/compte/donnees")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="mes-donnees-')
    data = answer.get_json()
    person = the_person(engine)
    assert data["person"] == {
        "id": str(person.id),
        "email": ADDRESS,
        "name": "Ana",
        "locale": "fr",
        "commune": "35238",
        "created_at": str(person.created_at),
        "confirmed_at": str(person.confirmed_at),
        "slug": None,
    }
    assert [mail["kind"] for mail in data["mails"]] == ["sign_in"]
    assert len(data["sessions"]) == 1
    assert data["lines"] == [{"line": 1, "of": str(person.id)}]


def test_erasure_leaves_an_empty_row_and_nothing_else(
    app: Flask, ana: FlaskClient, engine: Engine, with_part: list[UUID]
) -> None:
    save(ana, name="Ana", commune="Rennes")
    ask_for_link(app.test_client())
    link = last_link(engine)
    identifier = the_person(engine).id
    done = fill_in(ana, "/compte/effacer", {})
    assert done.status_code == 200
    assert "effacé" in done.text
    person = the_person(engine)
    assert (person.id, person.erased_at is None) == (identifier, False)
    assert [person._mapping[name] for name in PERSONAL] == [None, None, "", None, None]
    assert with_part == [identifier]
    with engine.connect() as connection:
        for table in ("token", "session", "delivery"):
            left = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            assert (table, left) == (table, 0)
    assert ana.get("/compte").status_code == 303
    assert app.test_client().get(link).status_code == 410


def test_who_was_erased_may_begin_anew(app: Flask, ana: FlaskClient, engine: Engine) -> None:
    fill_in(ana, "/compte/effacer", {})
    again = app.test_client()
    sign_in(again, engine)
    assert ADDRESS in again.get("/compte").text
    with engine.connect() as connection:
        people = connection.execute(text("SELECT count(*) FROM person")).scalar_one()
    assert people == 2


def test_a_part_that_fails_keeps_all(
    app: Flask, ana: FlaskClient, engine: Engine, with_part: list[UUID]
) -> None:
    def refuse(_connection: Connection, _person: UUID) -> None:
        raise ZeroDivisionError

    part = PersonalDataProvider("broken", export=lambda connection, person: None, erase=refuse)
    person = the_person(engine)
    with engine.connect() as connection:
        with pytest.raises(ZeroDivisionError):
            service.erase(connection, person.id, (part,))
        connection.rollback()
    assert the_person(engine) == person


def test_the_purge_forgets_what_has_had_its_time(
    app: Flask, ana: FlaskClient, engine: Engine
) -> None:
    ask_for_link(app.test_client(), "ben@example.org")
    ask_for_link(app.test_client(), "cleo@example.org")
    with engine.begin() as connection:
        old = "now() - interval '8 days'"
        connection.execute(
            text(f"UPDATE person SET created_at = {old} WHERE email <> 'cleo@example.org';")
        )
        connection.execute(
            text(
                f"UPDATE token SET created_at = {old}, expires_at = {old}"
                " WHERE email = 'ben@example.org'"
            )
        )
        connection.execute(text("UPDATE token SET used_at = used_at - interval '8 days'"))
    service.purge(engine)
    with engine.connect() as connection:
        left = connection.execute(text("SELECT email FROM person ORDER BY email")).scalars().all()
        tokens = connection.execute(text("SELECT email FROM token")).scalars().all()
    assert left == [ADDRESS, "cleo@example.org"]
    assert tokens == ["cleo@example.org"]
    assert ana.get("/compte").status_code == 200


def test_ids_cannot_be_guessed(engine: Engine) -> None:
    with engine.begin() as connection:
        made = [
            UUID(str(one))
            for one in connection.execute(
                text(
                    "INSERT INTO person (email, email_key) SELECT n || '@x.fr', n || '@x.fr'"
                    " FROM generate_series(1, 50) AS n RETURNING id"
                )
            ).scalars()
        ]
    assert {one.version for one in made} == {4}
    assert len({one.bytes[:4] for one in made}) == 50


def test_mails_of_an_erased_person_are_gone_even_if_one_was_on_its_way(
    ana: FlaskClient, engine: Engine
) -> None:
    person = the_person(engine).id
    with engine.begin() as connection:
        enqueue(connection, letter(ADDRESS, person=person))
        connection.execute(text("UPDATE delivery SET state = 'sent', sent_at = now()"))
        connection.execute(
            text("UPDATE person SET email = NULL, email_key = NULL, erased_at = now()")
        )
    service.purge(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM delivery")).scalar_one() == 0

"""Granting, revoking, the log; what a person sees, is given and has erased; codes that change."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from mapservice.accounts.people.service import purge
from mapservice.accounts.roles import queries, service
from mapservice.accounts.roles.model import Role, RoleGrant, signature
from mapservice.cli.main import cli
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.mail.service import EmailAddress
from mapservice.territories.model import Level, TerritoryRef
from tests.accounts.people.mailbox import fill_in, sign_in
from tests.accounts.roles.cast import (
    BRETAGNE,
    COMMAND_LINE,
    RENNES,
    SITE,
    Actor,
    actor,
    grant,
    person_of,
    proposal,
)

ROLES = "/moderation/roles"
LOG = "SELECT act, person, role, level, code, by_person, by_name FROM role_log WHERE person = :id"


def logged(engine: Engine, person: UUID | None) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        rows = connection.execute(text(LOG + " ORDER BY id"), {"id": person})
        return [tuple(row) for row in rows]


class TestCommands:
    @pytest.fixture(autouse=True)
    def at_the_database(self, monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
        monkeypatch.setenv("DATABASE_URL", database_url)
        monkeypatch.setenv("MAPSERVICE_DATABASE_URL", database_url)

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(cli, ["users", *words])

    def test_a_grant_makes_the_person_who_then_signs_in(self, app: Flask, engine: Engine) -> None:
        given = self.run("grant", "Eva@Example.org", "--role", "moderator", "--territory", BRETAGNE)
        assert (given.exit_code, given.stdout) == (
            0,
            "granted: Eva@example.org moderator region:53\n",
        )
        assert "links of mails lead to http://127.0.0.1:8000" in given.stderr
        listed = self.run("list").output
        assert listed.startswith("Eva@example.org\tmoderator\tregion:53\tBretagne\t")
        assert "has not signed in yet" in listed
        client = app.test_client()
        sign_in(client, engine, "eva@example.org")
        assert client.get("/moderation").status_code == 200
        assert "has not signed in yet" not in self.run("list").output
        person = person_of(engine, "eva@example.org")
        granted = ("moderator", "region", "53", None, "command line")
        assert logged(engine, person) == [("grant", person, *granted)]
        taken = self.run(
            "revoke", "eva@example.org", "--role", "moderator", "--territory", BRETAGNE
        )
        assert taken.output == "revoked: eva@example.org moderator region:53\n"
        assert client.get("/moderation").status_code == 404
        assert logged(engine, person)[1:] == [("revoke", person, *granted)]
        assert self.run("list").output == ""

    def test_an_admin_is_one_everywhere(self, app: Flask, engine: Engine) -> None:
        assert self.run("grant", "eva@example.org", "--role", "admin").exit_code == 0
        client = app.test_client()
        sign_in(client, engine, "eva@example.org")
        assert client.get(ROLES).status_code == 200

    @pytest.mark.parametrize(
        ("words", "error"),
        [
            (("eva@example.org", "--role", "moderator"), InvalidInput),
            (("eva@example.org", "--role", "admin", "--territory", BRETAGNE), InvalidInput),
            (("eva@example.org", "--role", "moderator", "--territory", "region:99"), InvalidInput),
            (("eva@example.org", "--role", "moderator", "--territory", "France"), InvalidInput),
            (("eva", "--role", "admin"), InvalidInput),
        ],
    )
    def test_what_makes_no_sense_is_refused_and_makes_nobody(
        self, engine: Engine, words: tuple[str, ...], error: type[Exception]
    ) -> None:
        refused = self.run("grant", *words)
        assert isinstance(refused.exception, error)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM person")).scalar() == 0

    def test_what_is_not_there_cannot_be_revoked(self, engine: Engine) -> None:
        grant(engine, "max@example.org", "moderator", BRETAGNE)
        for email in ("eva@example.org", "max@example.org"):
            refused = self.run("revoke", email, "--role", "admin")
            assert isinstance(refused.exception, NotFound)


class TestPage:
    @pytest.fixture
    def admin(self, app: Flask, engine: Engine) -> Actor:
        return actor(app, engine, "admin", ("admin", ""))

    def test_admins_grant_and_revoke_and_the_log_says_who(
        self, app: Flask, engine: Engine, admin: Actor
    ) -> None:
        form = {"role": "coordinator", "territory": "departement:35"}
        assert admin.post(ROLES, email="max@example.org", **form).location == ROLES
        person = person_of(engine, "max@example.org")
        page = admin.get(ROLES).text
        assert "max@example.org" in page
        assert "Ille-et-Vilaine" in page
        assert "pas encore connectée" in page
        assert admin.post(ROLES, email="max@example.org", **form).status_code == 409
        taken = admin.post(f"{ROLES}/retirer", person=str(person), **form)
        assert taken.location == ROLES
        assert admin.post(f"{ROLES}/retirer", person=str(person), **form).status_code == 409
        held = ("coordinator", "departement", "35", admin.person, "")
        assert logged(engine, person) == [("grant", person, *held), ("revoke", person, *held)]

    @pytest.mark.parametrize(
        ("field", "text_"),
        [
            ("email", "eva"),
            ("email", ""),
            ("role", "king"),
            ("role", ""),
            ("territory", "region:99"),
            ("territory", "Bretagne"),
            ("territory", ""),
        ],
    )
    def test_a_mistake_is_told_and_what_was_typed_stays(
        self, engine: Engine, admin: Actor, field: str, text_: str
    ) -> None:
        form = {"email": "max@example.org", "role": "moderator", "territory": BRETAGNE}
        refused = admin.post(ROLES, **{**form, field: text_})
        assert refused.status_code == 400
        assert 'role="alert"' in refused.text
        assert 'value="max@example.org"' in refused.text or field == "email"
        with engine.connect() as connection:
            assert len(queries.everyone(connection)) == 1

    def test_a_form_needs_its_own_token(self, app: Flask, engine: Engine, admin: Actor) -> None:
        form = {"email": "max@example.org", "role": "admin"}
        other = actor(app, engine, "other", ("admin", ""))
        for token in ("", "x", other.token()):
            for path in (ROLES, f"{ROLES}/retirer"):
                assert admin.client.post(path, data={"token": token, **form}).status_code == 403
        with engine.connect() as connection:
            assert len(queries.everyone(connection)) == 2


def test_the_log_cannot_be_changed(engine: Engine) -> None:
    grant(engine, "eva@example.org", "admin")
    for statement in (
        "UPDATE role_log SET by_name = 'Max'",
        "DELETE FROM role_log",
        "TRUNCATE role_log",
    ):
        with (
            pytest.raises(DBAPIError, match="kept as it was written"),
            engine.begin() as connection,
        ):
            connection.execute(text(statement))


def test_the_same_role_is_not_granted_twice(engine: Engine) -> None:
    grant(engine, "eva@example.org", "admin")
    with pytest.raises(StateConflict):
        grant(engine, "Eva+other@example.org", "admin")


def test_a_decision_names_the_moderator_and_their_account(app: Flask, engine: Engine) -> None:
    case = proposal(engine, "Ici", commune=RENNES)
    eva = actor(app, engine, "eva", ("moderator", BRETAGNE))
    fill_in(eva.client, "/compte", {"name": "Eva", "locale": "fr", "commune": ""})
    decision = {"verdict": "publish", "revision": "1"}
    assert fill_in(eva.client, f"/moderation/{case}", decision).status_code == 303
    statement = "SELECT decided_by, decided_by_person FROM decision WHERE initiative = :id"
    with engine.connect() as connection:
        row = connection.execute(text(statement), {"id": case}).one()
    assert eva.person
    assert tuple(row) == (signature("Eva", eva.person), eva.person)


class TestAccount:
    @pytest.fixture
    def eva(self, app: Flask, engine: Engine) -> Actor:
        return actor(app, engine, "eva", ("moderator", BRETAGNE), ("coordinator", "departement:14"))

    def test_it_shows_the_roles_of_who_has_some(
        self, app: Flask, engine: Engine, eva: Actor
    ) -> None:
        page = eva.get("/compte").text
        assert "Mes rôles" in page
        assert "Bretagne" in page
        assert "Calvados" in page
        assert "Mes rôles" not in actor(app, engine, "max").get("/compte").text

    def test_the_export_has_them_with_what_was_decided(self, engine: Engine, eva: Actor) -> None:
        case = proposal(engine, "Ici", commune=RENNES)
        eva.post(f"/moderation/{case}", verdict="publish", revision="1")
        kept = eva.get("/compte/donnees").get_json()["roles"]
        assert [(one["role"], one["level"], one["code"]) for one in kept["grants"]] == [
            ("moderator", "region", "53"),
            ("coordinator", "departement", "14"),
        ]
        assert [(one["act"], one["concerns_me"], one["done_by_me"]) for one in kept["log"]] == [
            ("grant", True, False)
        ] * 2
        assert [one["initiative"] for one in kept["decisions"]] == [str(case)]

    def test_erasure_ends_them_and_the_log_keeps_the_id_alone(
        self, app: Flask, engine: Engine, eva: Actor
    ) -> None:
        fill_in(eva.client, "/compte/effacer", {})
        with engine.connect() as connection:
            assert queries.everyone(connection) == []
        assert [line[0] for line in logged(engine, eva.person)] == ["grant"] * 2 + ["erase"] * 2
        admin = actor(app, engine, "admin", ("admin", ""))
        page = admin.get(ROLES).text
        assert "eva@example.org" not in page
        assert eva.person
        assert signature("", eva.person) in page


def test_a_grant_to_an_address_that_is_never_confirmed_lapses_and_that_is_logged(
    engine: Engine,
) -> None:
    person = grant(engine, "eva@example.org", "admin")
    purge(engine)
    with engine.begin() as connection:
        assert len(queries.everyone(connection)) == 1
        connection.execute(text("UPDATE person SET created_at = now() - interval '8 days'"))
    purge(engine)
    with engine.connect() as connection:
        assert queries.everyone(connection) == []
    assert [line[0] for line in logged(engine, person)] == ["grant", "lapse"]


class TestCodes:
    """A commune's code that is no more: the trial happens in a transaction that is rolled back."""

    @pytest.fixture
    def trial(self, engine: Engine) -> Iterator[Connection]:
        with engine.connect() as connection, connection.begin() as transaction:
            yield connection
            transaction.rollback()

    def held(self, trial: Connection, code: str) -> list[TerritoryRef | None]:
        email = EmailAddress.parse("eva@example.org")
        given = RoleGrant(Role.MODERATOR, TerritoryRef(Level.COMMUNE, RENNES))
        person = service.grant(trial, email, given, COMMAND_LINE, SITE)
        trial.execute(text("UPDATE role_grant SET code = :code"), {"code": code})
        return [one.territory for one in queries.of_person(trial, person)]

    def test_it_stands_for_its_one_heir(self, trial: Connection) -> None:
        # Pierrefitte-sur-Seine has been part of Saint-Denis since 2025.
        assert self.held(trial, "93059") == [TerritoryRef(Level.COMMUNE, "93066")]
        assert [one.place for one in queries.everyone(trial)] == ["Saint-Denis"]

    def test_one_that_exists_is_itself(self, trial: Connection) -> None:
        assert self.held(trial, RENNES) == [TerritoryRef(Level.COMMUNE, RENNES)]

    def test_one_without_an_heir_holds_nothing_and_says_so(
        self, app: Flask, trial: Connection
    ) -> None:
        assert self.held(trial, "35999") == [TerritoryRef(Level.COMMUNE, "35999")]
        assert [one.is_known for one in queries.everyone(trial)] == [False]

"""What keys open: never more than the roles of their owner at that moment, never a session."""

import csv
import io
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.accounts.api_keys.model import ApiKeyScope
from mapservice.publishing.exports.model import MAX_WAITING, ExportFormat
from mapservice.publishing.exports.service import order
from tests.accounts.api_keys.keys import ALL, call, key
from tests.accounts.people.mailbox import ADDRESS, sign_in
from tests.accounts.roles.cast import (
    BRETAGNE,
    CAEN,
    RENNES,
    grant,
    person_of,
    proposal,
    report,
    revoke,
)
from tests.accounts.roles.test_every_route import CHANGES, doors, filled
from tests.web.population import Made, insert

IDEA = {
    "title": "Un four à pain",
    "summary": "Pour tout le quartier",
    "theme": "culture",
    "scale": "commune",
    "commune": RENNES,
}
# Doors where a key means something; everywhere else it changes nothing.
OPENED = ("/api/",)
WIDENED = {("POST", "/exports")}
# Beneath the others because GoGoCarto asks there; a key changes nothing.
OPEN_TO_ALL = {("GET", "/api/elements.json")}


def wants_key(method: str, rule: str) -> bool:
    return rule.startswith(OPENED) and (method, rule) not in OPEN_TO_ALL


@pytest.mark.long
class TestEveryRoute:
    def test_elsewhere_a_key_is_no_session(self, app: Flask, engine: Engine) -> None:
        """Of an admin and of all scopes; each route answers as to nobody."""
        sign_in(app.test_client(), engine)
        grant(engine, ADDRESS, "admin")
        secret = key(engine, ADDRESS)
        nobody, tool = app.test_client(), app.test_client()
        for method, rule in doors(app):
            if wants_key(method, rule) or (method, rule) in WIDENED:
                continue
            path = filled(rule)
            plain = nobody.open(path, method=method, buffered=True)
            keyed = call(tool, secret, path, method, buffered=True)
            assert keyed.status_code == plain.status_code, (method, path)
            assert "Set-Cookie" not in keyed.headers, (method, path)

    def test_every_door_for_keys_wants_one(self, app: Flask, engine: Engine) -> None:
        sign_in(app.test_client(), engine)
        secret = key(engine, ADDRESS)
        found = [door for door in doors(app) if wants_key(*door)]
        assert len(found) >= 6
        for method, rule in found:
            path = filled(rule)
            tool = app.test_client()
            refused = tool.open(path, method=method)
            assert refused.status_code == 401, (method, path)
            assert refused.content_type == "application/problem+json"
            wrong = call(tool, secret[:-1] + ("A" if secret[-1] != "A" else "B"), path, method)
            assert wrong.status_code == 401, (method, path)
            assert call(tool, secret, path, method).status_code != 401, (method, path)

    def test_who_is_signed_in_needs_a_key_too(self, app: Flask, engine: Engine) -> None:
        """So no page of another site can use the cookie of a browser there."""
        client = app.test_client()
        sign_in(client, engine)
        grant(engine, ADDRESS, "admin")
        for method, rule in doors(app):
            if wants_key(method, rule):
                assert client.open(filled(rule), method=method).status_code == 401, (method, rule)

    def test_a_key_opens_no_page(self, keyed_app: Flask, engine: Engine) -> None:
        sign_in(keyed_app.test_client(), engine)
        grant(engine, ADDRESS, "admin")
        secret = key(engine, ADDRESS)
        assert call(keyed_app.test_client(), secret, "/moderation").status_code == 404
        tool = keyed_app.test_client()
        assert tool.get("/api/moderation", auth=("Eva", "clef")).status_code == 401

    def test_changes_go_by_their_scope_alone(self, app: Flask, engine: Engine) -> None:
        sign_in(app.test_client(), engine)
        grant(engine, ADDRESS, "admin")
        secret = key(engine, ADDRESS, *(scope for scope in ALL if scope.startswith("read:")))
        for method, rule in doors(app):
            if rule.startswith(OPENED) and method in CHANGES:
                refused = call(app.test_client(), secret, filled(rule), method, json=IDEA)
                assert refused.status_code == 403, (method, rule)


class TestProposing:
    def test_an_idea_waits_as_one_from_the_form_does(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        tool, secret = app.test_client(), key(engine, ADDRESS, ApiKeyScope.WRITE_INITIATIVES)
        made = call(tool, secret, "/api/initiatives", "POST", json=IDEA)
        assert made.status_code == 201, made.text
        told = made.get_json()
        assert (told["status"], told["revision"], told["place"]) == ("pending", 1, "Rennes")
        assert told["understood"] == {"precision": "commune", "code": RENNES}
        with engine.connect() as connection:
            row = connection.execute(
                text("SELECT initiative, person FROM proposal WHERE queued_at IS NOT NULL")
            ).one()
        assert (str(row.initiative), row.person) == (told["id"], person_of(engine, ADDRESS))
        assert client.get(f"/initiatives/{told['id']}").status_code == 404, "not public yet"
        listed = call(tool, secret, "/api/initiatives").get_json()["initiatives"]
        assert [one["id"] for one in listed] == [told["id"]]

    def test_sent_twice_under_one_key_of_idempotency_it_is_one(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        tool, secret = app.test_client(), key(engine, ADDRESS)
        once: dict[str, Any] = {"headers": {"Idempotency-Key": str(uuid4())}, "json": IDEA}
        ids = {
            call(tool, secret, "/api/initiatives", "POST", **once).get_json()["id"]
            for _ in range(2)
        }
        assert len(ids) == 1
        odd: dict[str, Any] = {"headers": {"Idempotency-Key": "1"}, "json": IDEA}
        refused = call(tool, secret, "/api/initiatives", "POST", **odd)
        assert (refused.status_code, refused.get_json()["field"]) == (400, "Idempotency-Key")

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"title": "   "}, "title"),
            ({"title": "x" * 121}, "title"),
            ({"title": 12}, "title"),
            ({"theme": "none"}, "theme"),
            ({"scale": ""}, "scale"),
            ({"commune": "99999"}, "commune"),
            ({"commune": "\0"}, "commune"),
            ({"commune": "\ud800"}, "commune"),
            ({"commune": "9" * 400}, "commune"),
            ({"title": "\0\ud800\u202e"}, "title"),
            ({"choice": "\0"}, "place"),
            ({"\ud800": "x"}, "\ud800"),
            ({"commune": "", "place": ""}, "place"),
            ({"commune": "", "place": "Saint-Denis"}, "place"),
            ({"lon": "1", "lat": 48}, "lon"),
            ({"lon": True, "lat": 48}, "lon"),
            ({"lon": 1e999, "lat": 48}, "place"),
            ({"choice": "anywhere"}, "place"),
            ({"status": "published"}, "status"),
        ],
    )
    def test_what_is_wrong_is_a_problem_that_names_the_field(
        self,
        app: Flask,
        client: FlaskClient,
        engine: Engine,
        change: dict[str, object],
        field: str,
    ) -> None:
        sign_in(client, engine)
        secret = key(engine, ADDRESS)
        refused = call(app.test_client(), secret, "/api/initiatives", "POST", json=IDEA | change)
        assert (refused.status_code, refused.get_json()["field"]) == (400, field), refused.text

    @pytest.mark.parametrize("body", ["", "[]", "{", "null", "[" * 200_000])
    def test_a_body_that_is_no_object_is_one_too(
        self, app: Flask, client: FlaskClient, engine: Engine, body: str
    ) -> None:
        sign_in(client, engine)
        secret = key(engine, ADDRESS)
        refused = call(app.test_client(), secret, "/api/initiatives", "POST", data=body)
        assert (refused.status_code, refused.get_json()["field"]) == (400, "body")

    def test_a_place_that_may_be_several_names_them(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        tool, secret = app.test_client(), key(engine, ADDRESS)
        idea = IDEA | {"commune": "", "place": "Saint-Denis"}
        refused = call(tool, secret, "/api/initiatives", "POST", json=idea)
        assert "commune:93066 (Saint-Denis)" in refused.get_json()["detail"]
        chosen = idea | {"choice": "commune:93066"}
        made = call(tool, secret, "/api/initiatives", "POST", json=chosen)
        assert made.get_json()["understood"] == {"precision": "commune", "code": "93066"}

    def test_a_version_replaces_the_one_that_was_read(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        tool, secret = app.test_client(), key(engine, ADDRESS)
        address = (
            "/api/initiatives/"
            + (call(tool, secret, "/api/initiatives", "POST", json=IDEA).get_json()["id"])
        )
        better = IDEA | {"title": "Deux fours à pain", "revision": 1}
        changed = call(tool, secret, address, "PUT", json=better)
        assert (changed.status_code, changed.get_json()["revision"]) == (200, 2)
        assert call(tool, secret, address).get_json()["title"] == "Deux fours à pain"
        late = call(tool, secret, address, "PUT", json=better | {"title": "Trois"})
        assert late.status_code == 409
        without = call(tool, secret, address, "PUT", json=IDEA)
        assert (without.status_code, without.get_json()["field"]) == (400, "revision")

    def test_what_is_another_person_s_is_not_there(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        other = proposal(engine, "D’une autre", commune=RENNES)
        tool, secret = app.test_client(), key(engine, ADDRESS)
        address = f"/api/initiatives/{other}"
        assert call(tool, secret, address).status_code == 404
        body = IDEA | {"revision": 1}
        assert call(tool, secret, address, "PUT", json=body).status_code == 404


class TestModeration:
    def test_it_lists_what_waits_within_the_roles_of_the_owner(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        grant(engine, ADDRESS, "coordinator", BRETAGNE)
        here = proposal(engine, "=Ici", commune=RENNES)
        told_of = report(engine, here, "près")
        report(engine, proposal(engine, "Là-bas", commune=CAEN), "loin")
        tool, secret = app.test_client(), key(engine, ADDRESS, ApiKeyScope.READ_MODERATION)
        found = call(tool, secret, "/api/moderation").get_json()
        assert [(one["kind"], one["id"]) for one in found["waiting"]] == [
            ("proposal", str(here)),
            ("report", str(told_of)),
        ]
        assert found["next"] is None
        first = found["waiting"][0]
        assert (first["title"], first["commune"], first["region"]) == ("=Ici", RENNES, "53")
        assert first["since"] == "2026-01-01T12:01:00Z"
        listed = call(tool, secret, "/api/moderation.csv?kind=proposal")
        assert listed.content_type == "text/csv; charset=utf-8"
        rows = list(csv.DictReader(io.StringIO(listed.text)))
        assert [(row["id"], row["title"]) for row in rows] == [(str(here), "'=Ici")]

    def test_pages_go_on_where_the_last_one_ended(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        grant(engine, ADDRESS, "moderator", BRETAGNE)
        grant(engine, ADDRESS, "moderator", "departement:35")  # what is in both is one case
        made = [proposal(engine, f"N{number}", commune=RENNES) for number in range(5)]
        tool, secret = app.test_client(), key(engine, ADDRESS)
        address, seen = "/api/moderation?limit=2", []
        while address:
            page = call(tool, secret, address).get_json()
            seen += [one["id"] for one in page["waiting"]]
            address = (page["next"] or "").removeprefix("http://map.test")
        assert sorted(seen) == sorted(map(str, made))
        assert len(seen) == 5

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("kind=all", "kind"),
            ("kind=proposal,edit", "kind"),
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("cursor=", "cursor"),
            ("cursor=W10=", "cursor"),
            ("cursor=WyIwMDAxLTAxLTAxIiwicHJvcG9zYWwiLCJ4Il0=", "cursor"),
            ("cursor=%C3%A9", "cursor"),
            ("territory=region:53", "territory"),
        ],
    )
    def test_what_is_wrong_is_a_problem_that_names_the_field(
        self, app: Flask, client: FlaskClient, engine: Engine, query: str, field: str
    ) -> None:
        sign_in(client, engine)
        grant(engine, ADDRESS, "moderator", BRETAGNE)
        for path in ("/api/moderation", "/api/moderation.csv"):
            refused = call(app.test_client(), key(engine, ADDRESS), f"{path}?{query}")
            assert (refused.status_code, refused.get_json()["field"]) == (400, field)


class TestBriefing:
    def test_it_tells_of_the_territories_of_the_owner(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        grant(engine, ADDRESS, "coordinator", BRETAGNE)
        proposal(engine, "Ici", commune=RENNES)
        proposal(engine, "Là-bas", commune=CAEN)
        with engine.begin() as connection:
            made = Made(commune=RENNES, title="Nouvelle")
            insert(connection, [made])
            statement = "UPDATE initiative SET state_since = '2025-12-03T12:00Z' WHERE id = :id"
            connection.execute(text(statement), {"id": made.id})
        tool, secret = app.test_client(), key(engine, ADDRESS, ApiKeyScope.READ_COORDINATION)
        told = call(tool, secret, "/api/briefing?day=2025-12-08").get_json()
        assert (told["since"], told["until"]) == ("2025-12-01", "2025-12-08")
        assert {one["kind"]: one["count"] for one in told["waiting"]} == {"proposal": 1}
        (bretagne,) = told["territories"]
        assert (bretagne["territory"], bretagne["new"]) == ("region:53", 1)
        assert [one["title"] for one in bretagne["newest"]] == ["Nouvelle"]

    @pytest.mark.parametrize("day", ["", "yesterday", "2025-12-09", "9999-01-04", "0001-01-01"])
    def test_a_day_that_is_no_monday_of_the_past_is_named(
        self, app: Flask, client: FlaskClient, engine: Engine, day: str
    ) -> None:
        sign_in(client, engine)
        grant(engine, ADDRESS, "coordinator", BRETAGNE)
        refused = call(app.test_client(), key(engine, ADDRESS), f"/api/briefing?day={day}")
        assert (refused.status_code, refused.get_json()["field"]) == (400, "day")

    def test_a_role_that_is_taken_back_ends_it_at_once(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        person = grant(engine, ADDRESS, "moderator", BRETAGNE)
        tool, secret = app.test_client(), key(engine, ADDRESS)
        for path in ("/api/briefing", "/api/moderation"):
            assert call(tool, secret, path).status_code == 200, path
        revoke(engine, person, "moderator", BRETAGNE)
        for path in ("/api/briefing", "/api/moderation"):
            refused = call(tool, secret, path)
            assert refused.status_code == 403, path
            assert "insufficient_scope" in refused.headers["WWW-Authenticate"]


class TestExports:
    @pytest.fixture
    def full(self, engine: Engine) -> Callable[[], int]:
        """The queue is as full as it may be for everybody; nobody works on it."""
        with engine.begin() as connection:
            connection.execute(text("TRUNCATE export CASCADE"))
            for number in range(MAX_WAITING):
                order(connection, ExportFormat.GEOPACKAGE, f"q={number}", "http://map.test")

        def waiting() -> int:
            with engine.connect() as connection:
                return int(connection.execute(text("SELECT count(*) FROM export")).scalar_one())

        return waiting

    def test_a_key_finds_room_and_has_its_file_for_a_week(
        self, app: Flask, client: FlaskClient, engine: Engine, full: Callable[[], int]
    ) -> None:
        sign_in(client, engine)
        secret = key(engine, ADDRESS, ApiKeyScope.EXPORT)
        wanted: dict[str, Any] = {"json": {"format": "gpkg", "filter": "theme=culture"}}
        tool = app.test_client()
        assert tool.post("/exports", **wanted).status_code == 503
        assert call(tool, secret, "/exports", "POST", **wanted).status_code == 202
        assert full() == MAX_WAITING + 1
        with engine.connect() as connection:
            kept = connection.execute(text("SELECT max(kept) FROM export")).scalar_one()
        assert kept.days == 7

    def test_a_key_that_may_not_or_does_not_work_is_told_so(
        self, app: Flask, client: FlaskClient, engine: Engine
    ) -> None:
        sign_in(client, engine)
        secret = key(engine, ADDRESS, ApiKeyScope.READ_MODERATION)
        wanted: dict[str, Any] = {"json": {"format": "gpkg"}}
        assert call(app.test_client(), secret, "/exports", "POST", **wanted).status_code == 403
        assert call(app.test_client(), "none", "/exports", "POST", **wanted).status_code == 401

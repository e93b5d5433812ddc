"""Every route, each of its parts and all that it reads, with texts that no database can hold.

What a route reads is seen by watching it, so that a new route or parameter is tried by itself.
"""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from mapservice.app import create_app
from mapservice.initiatives.filters import PARAMETERS
from mapservice.ogc.parameters import STANDARD
from mapservice.settings import Settings
from mapservice.territories.model import Level
from mapservice.web import edge
from mapservice.web.edge import SERVICES, MapserviceRequest, Services, make_token
from tests.accounts.api_keys.keys import call, key
from tests.accounts.people.mailbox import ADDRESS, sign_in
from tests.accounts.roles.cast import Actor, actor, grant
from tests.accounts.roles.test_every_route import VALUES
from tests.web.population import Made, insert

pytestmark = pytest.mark.long

# As they stand in an address: a null character, bytes that are no UTF-8, half of a surrogate
# pair, long texts, and numbers that no column holds.
HARD = (
    "%00",
    "35238%00",
    "%ff",
    "%ed%a0%80",
    "9" * 400,
    "-99999999999999999999",
    "%C3%A9" * 300,
    "1e999",
    "%F0%9F%98%80",
)
FAILED = 500


class Watched(ImmutableMultiDict[str, str]):
    """Parameters that tell by which names they are asked for."""

    read: ClassVar[set[str]] = set()
    all_read = False

    def get(self, key: Any, *more: Any, **named: Any) -> Any:
        Watched.read.add(key)
        return super().get(key, *more, **named)

    def getlist(self, key: Any, *more: Any, **named: Any) -> Any:
        Watched.read.add(key)
        return super().getlist(key, *more, **named)

    def __contains__(self, key: object) -> bool:
        Watched.read.add(str(key))
        return super().__contains__(key)

    def items(self, *more: Any, **named: Any) -> Any:
        Watched.all_read = True
        return super().items(*more, **named)


class WatchedRequest(MapserviceRequest):
    parameter_storage_class = Watched


@pytest.fixture(scope="module")
def watched(database_url: str) -> Iterator[Flask]:
    """The service with all its routes."""
    app = create_app(Settings(database_url=database_url, public_url="http://map.test"))
    app.request_class = WatchedRequest
    yield app
    services: Services = app.extensions[SERVICES]
    services.dispose()


@pytest.fixture
def admin(watched: Flask, engine: Engine) -> Actor:
    """May do everything, and two initiatives are there."""
    with engine.begin() as connection:
        insert(connection, [Made(commune="35238"), Made(commune="75056")])
    return actor(watched, engine, "admin", ("admin", ""))


def rules(app: Flask) -> list[Rule]:
    return [rule for rule in sorted(app.url_map.iter_rules(), key=str) if rule.methods]


def methods(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def address(rule: Rule, **given: str) -> str:
    """With a value for each of its parts: those given as they are to stand there."""
    found = ""
    for part in str(rule).replace("<", "\0<").split("\0"):
        if not part.startswith("<"):
            found += part
            continue
        name, _, rest = part[1:].partition(">")
        name = name.rpartition(":")[2]
        found += given.get(name) or VALUES[name]
        found += rest
    return found


def names_read(client: FlaskClient, method: str, path: str, **more: Any) -> set[str]:
    Watched.read, Watched.all_read = set(), False
    client.open(path, method=method, buffered=True, **more)
    return Watched.read | (PARAMETERS | STANDARD if Watched.all_read else set())


def test_each_part_of_each_address(watched: Flask, admin: Actor) -> None:
    failed = {}
    for rule in rules(watched):
        for name in sorted(rule.arguments):
            levels = list(Level) if "level" in rule.arguments and name != "level" else [None]
            for level in levels:
                around = {"level": str(level)} if level else {}
                for hard in HARD:
                    path = address(rule, **around | {name: hard})
                    for method in methods(rule):
                        status = admin.open(method, path).status_code
                        if status >= FAILED:
                            failed[f"{method} {path[:80]}"] = status
                        if "%00" in path and method == "GET":
                            assert status == 404, (path, status)
    assert failed == {}


def test_each_parameter_that_is_read(watched: Flask, admin: Actor) -> None:
    failed, tried = {}, 0
    known = {address(rule) for rule in rules(watched)}
    for rule in rules(watched):
        if "GET" not in (rule.methods or ()):
            continue
        path = address(rule)
        names = names_read(admin.client, "GET", path)
        # Drawn from the SVG at the next address, a second or more each: what that does not take.
        if path.endswith(".png") and f"{path[:-4]}.svg" in known:
            names -= names_read(admin.client, "GET", f"{path[:-4]}.svg")
        for name in sorted(names):
            for hard in ("%00", "%ff", "9" * 400, "-99999999999999999999"):
                answer = admin.client.get(f"{path}?{name}={hard}", buffered=True)
                tried += 1
                if answer.status_code >= FAILED:
                    failed[f"{path}?{name}={hard[:20]}"] = answer.status_code
    assert failed == {}
    assert tried > 1000


def test_a_null_character_is_refused_by_its_name(watched: Flask, engine: Engine) -> None:
    client = watched.test_client()
    for path in ("/initiatives", "/tiles/initiatives.json", "/geocode/search", "/ogc/collections"):
        for name in ("q", "anything"):
            answer = client.get(f"{path}?{name}=a%00b", headers={"Accept": "application/json"})
            assert answer.status_code == 400, path
            assert answer.get_json()["field"] == name


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("suffix", [".atom", ".ics", "", "/carte.svg"])
def test_no_territory_has_a_null_character(
    watched: Flask, engine: Engine, level: Level, suffix: str
) -> None:
    answer = watched.test_client().get(f"/territoires/{level}/%00{suffix}")
    assert answer.status_code == 404


def senders(app: Flask, admin: Actor) -> list[Callable[..., TestResponse]]:
    """Ways to send a form: as who moderates, as who is signed in, as anybody; never too often."""
    addresses = (f"10.{a}.{b}.1" for a in range(250) for b in range(250))
    cookie = admin.client.get_cookie(edge.SESSION_COOKIE)
    assert cookie is not None
    with app.test_request_context(headers={"Cookie": f"{edge.SESSION_COOKIE}={cookie.value}"}):
        own = make_token(edge.session_holder())
    with app.app_context():
        nobody = make_token("")

    def by(client: FlaskClient, token: str) -> Callable[..., TestResponse]:
        def send(method: str, path: str, **form: str) -> TestResponse:
            return client.open(
                path,
                method=method,
                data={"token": token, **form},
                environ_overrides={"REMOTE_ADDR": next(addresses)},
                buffered=True,
            )

        return send

    return [admin.open, by(admin.client, own), by(app.test_client(), nobody)]


ENDS_A_SESSION = ("/deconnexion", "/deconnexion/partout", "/compte/effacer")


def test_each_field_of_each_form(watched: Flask, admin: Actor) -> None:
    failed, tried = {}, 0
    for rule in rules(watched):
        for method in methods(rule):
            # The others would leave nobody signed in for those that come after them.
            if method == "GET" or rule.rule in ENDS_A_SESSION:
                continue
            path = address(rule)
            for send in senders(watched, admin):
                Watched.read, Watched.all_read = set(), False
                send(method, path)
                for name in sorted(Watched.read - {"token"}):
                    for hard in ("a\0b", "9" * 400, "1e999", "é" * 5000):
                        status = send(method, path, **{name: hard}).status_code
                        tried += 1
                        if status >= FAILED:
                            failed[f"{method} {path} {name}={hard[:20]!r}"] = status
    assert failed == {}
    assert tried > 300


BODIES: tuple[Any, ...] = (
    {"format": "csv", "filter": {"q": "\0"}},
    {"format": "csv", "filter": {"q": "\ud800"}},
    {"format": "csv", "filter": {"territory": "commune:\0"}},
    {"format": "csv", "filter": {"\ud800": "x"}},
    {"format": "csv", "filter": "q=%00"},
    {"format": "\ud800", "filter": ""},
    {"format": "csv", "filter": {"limit": 10**400}},
    {"\0": "\0", "verdict": "\0", "reason": "\ud800", "revision": 10**30, "target": "\0"},
    {"verdict": "publish", "revision": 2**63, "reason": "\0"},
    {"territory": "\ud800", "role": "\0", "email": "\0@example.org"},
)


def test_each_body(watched: Flask, admin: Actor, engine: Engine) -> None:
    sign_in(watched.test_client(), engine)
    grant(engine, ADDRESS, "admin")
    secret = key(engine, ADDRESS)
    failed = {}
    for rule in rules(watched):
        for method in methods(rule):
            if method == "GET":
                continue
            for body in BODIES:
                answer = call(watched.test_client(), secret, address(rule), method, json=body)
                if answer.status_code >= FAILED:
                    failed[f"{method} {rule} {str(body)[:60]}"] = answer.status_code
    assert failed == {}

"""Every address, asked for nonsense byte by byte: NUL, bytes that are no UTF-8, any body."""

import io
import random
from collections import Counter
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine
from werkzeug.routing import Rule
from werkzeug.test import run_wsgi_app

from tests.accounts.roles.admins import admin_session
from tests.conftest import LONG
from tests.web.population import Made, insert

REQUESTS = 20_000 if LONG else 600
SEED = 20_261_130
METHODS = ("GET", "GET", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
BYTES = (
    b"", b"\x00", b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"%00", b"%ff", b"'",
    b'"', b"\\", b"{", b"}", b"<", b"-1", b"0", b"9" * 400, b"NaN", b"1e309", b"2,48", b"..", b"//",
    b"region:53", b"commune:35238", b"culture", b"2026-01-31", b"\xe2\x80\xae", b"=", b"&", b";",
    b"01a22986-3b47-7a89-929c-c5f3a015a699", b"5", b"35238", b"initiatives", b"\r", b"\x7f",
)  # fmt: skip
NAMES = (
    b"q", b"theme", b"status", b"territory", b"bbox", b"near", b"radius", b"since", b"until",
    b"precision", b"sort", b"limit", b"cursor", b"f", b"lang", b"by", b"with", b"figure", b"filter",
    b"filter-lang", b"crs", b"bbox-crs", b"datetime", b"lat", b"lon", b"token", b"suite", b"code",
    b"session", b"email", b"format", b"action", b"v", b"url", b"\x00", b"\xff",
)  # fmt: skip
TYPES = (
    "", "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "multipart/form-data", "text/csv", "\xff", "application/json; charset=nonsense",
)  # fmt: skip
ACCEPT = ("*/*", "text/html", "application/json", ";;q=,", "\xff\xfe", "image/svg+xml")
BODIES = (
    b"", b"{}", b"[]", b"[" * 5000, b'{"format": "gpkg", "filter": {"q": "\\u0000"}}',
    b"\x00\xff" * 20,
    b'--x\r\nContent-Disposition: form-data; name="photos"; filename="x"\r\n\r\n\xff\r\n--x--\r\n',
    b"name,city\n\xff,\x00\n", b"token=%00&q=%ff",
)  # fmt: skip


def some(chance: random.Random) -> bytes:
    return b"".join(chance.choice(BYTES) for _ in range(chance.randint(0, 3)))


def path_of(chance: random.Random, rule: Rule) -> bytes:
    """The rule with something in its parts; now and then anything at all."""
    if chance.random() < 0.1:
        return b"/" + some(chance) + b"/" + some(chance)
    found = b""
    for part in rule.rule.replace("<", "\0<").split("\0"):
        if part.startswith("<"):
            found += some(chance) + part.partition(">")[2].encode()
        else:
            found += part.encode()
    return found


def environ_of(chance: random.Random, rule: Rule, cookie: str) -> dict[str, Any]:
    pairs = [chance.choice(NAMES) + b"=" + some(chance) for _ in range(chance.randint(0, 4))]
    body = chance.choice(BODIES)
    found: dict[str, Any] = {
        "REQUEST_METHOD": chance.choice(METHODS),
        "SCRIPT_NAME": "",
        "PATH_INFO": path_of(chance, rule).decode("latin-1"),
        "QUERY_STRING": b"&".join(pairs).decode("latin-1"),
        "SERVER_NAME": "map.test",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.7",
        "HTTP_HOST": chance.choice(("map.test", "map.test", "\xff", "a b", "")),
        "HTTP_ACCEPT": chance.choice(ACCEPT),
        "HTTP_ACCEPT_LANGUAGE": chance.choice(("fr", "en", "\xff", "x" * 300)),
        "HTTP_USER_AGENT": some(chance).decode("latin-1"),
        "CONTENT_TYPE": chance.choice(TYPES),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name in ("HTTP_X_FORWARDED_FOR", "HTTP_IF_NONE_MATCH", "HTTP_RANGE", "HTTP_AUTHORIZATION"):
        if chance.random() < 0.1:
            found[name] = some(chance).decode("latin-1")
    if chance.random() < 0.5:
        found["HTTP_COOKIE"] = f"personne={cookie}"
    elif chance.random() < 0.2:
        found["HTTP_COOKIE"] = f"personne={some(chance).decode('latin-1')}; langue=\xff"
    return found


@pytest.fixture
def rules(app: Flask) -> list[Rule]:
    return sorted(app.url_map.iter_rules(), key=str)


@pytest.mark.sampled
def test_no_nonsense_is_an_error_of_ours(app: Flask, engine: Engine, rules: list[Rule]) -> None:
    """An administrator asks in half of them, so that what lies behind doors is asked too."""
    with engine.begin() as connection:
        insert(connection, [Made(commune="35238"), Made(commune="75056")])
    _person, cookie = admin_session(engine, "Fuzz")
    chance = random.Random(SEED)
    statuses: Counter[int] = Counter()
    faults = []
    for number in range(REQUESTS):
        rule = rules[number % len(rules)]
        asked = environ_of(chance, rule, cookie)
        told = (asked["REQUEST_METHOD"], asked["PATH_INFO"], asked["QUERY_STRING"])
        blocks, status, _headers = run_wsgi_app(app.wsgi_app, asked, buffered=True)
        del blocks
        code = int(status[:3])
        statuses[code] += 1
        if code >= 500:
            faults.append((code, *told))
    assert faults == []
    assert statuses[200] > REQUESTS / 50, statuses

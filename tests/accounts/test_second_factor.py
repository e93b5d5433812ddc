"""Codes of an authenticator: right ones, once, within their time; and what is shut without."""

import re
import time
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from mapservice.accounts.second_factor import model, service
from mapservice.accounts.second_factor.routes import TRIES
from mapservice.accounts.second_factor.service import SecretBox
from mapservice.app import create_app
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.accounts.people.mailbox import sign_in, token_of
from tests.accounts.roles.cast import grant

PAGE = "/compte/second-facteur"
EMAIL = "admin@example.org"

# RFC 6238, appendix B, for SHA-1: seconds and eight digits.
OF_THE_RFC = (
    (59, "94287082"),
    (1111111109, "07081804"),
    (1111111111, "14050471"),
    (1234567890, "89005924"),
    (2000000000, "69279037"),
    (20000000000, "65353130"),
)


@pytest.mark.parametrize(("seconds", "code"), OF_THE_RFC)
def test_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    assert model.code_at(b"12345678901234567890", seconds // 30, digits=8) == code


def test_a_code_is_taken_within_a_minute_and_a_half_and_once() -> None:
    secret, now = model.new_secret(), 1_800_000_015.0
    step = int(now) // 30
    for shift in (-2, -1, 0, 1, 2):
        found = model.matching_step(secret, model.code_at(secret, step + shift), now, 0)
        assert found == (step + shift if abs(shift) <= 1 else None)
    assert model.matching_step(secret, model.code_at(secret, step), now, step) is None
    assert model.matching_step(secret, "", now, 0) is None


def post(client: FlaskClient, path: str, page: str, **form: str) -> TestResponse:
    return client.post(path, data={"token": token_of(client.get(page).text), **form})


def key_on(page: str) -> bytes:
    """The shared secret that the page shows, as somebody types it into an authenticator."""
    import base64

    found = re.search(r'second-factor-key"><code>([A-Z2-7 ]+)</code>', page)
    assert found
    return base64.b32decode(found[1].replace(" ", "") + "=" * (-len(found[1].replace(" ", "")) % 8))


def code_of(secret: bytes, shift: int = 0) -> str:
    return model.code_at(secret, int(time.time()) // 30 + shift)


def set_up(client: FlaskClient) -> tuple[bytes, list[str]]:
    """The secret, and the spare codes."""
    assert post(client, PAGE, PAGE, action="begin").status_code == 303
    secret = key_on(client.get(PAGE).text)
    done = post(client, PAGE, PAGE, action="confirm", code=code_of(secret, -1))
    assert done.status_code == 200
    return secret, re.findall(r"<code>([a-z2-9]{10})</code>", done.text)


@pytest.fixture
def admin(app: Flask, engine: Engine) -> FlaskClient:
    client = app.test_client()
    sign_in(client, engine, EMAIL)
    grant(engine, EMAIL, "admin")
    return client


def test_nobody_is_asked_for_what_they_have_not_set_up(admin: FlaskClient) -> None:
    assert admin.get("/moderation").status_code == 200
    assert post(admin, PAGE, PAGE, action="begin").status_code == 303
    assert admin.get("/moderation").status_code == 200


def test_a_new_browser_shows_a_code_before_it_moderates(
    app: Flask, engine: Engine, admin: FlaskClient
) -> None:
    secret, spare = set_up(admin)
    assert len(set(spare)) == model.SPARE_CODES
    assert admin.get("/moderation").status_code == 200  # the browser that set it up
    other = app.test_client()
    sign_in(other, engine, EMAIL)
    turned = other.get("/moderation?kind=report")
    assert turned.status_code == 303
    assert turned.headers["Location"] == (
        "/compte/second-facteur/code?suite=%2Fmoderation%3Fkind%3Dreport"
    )
    where = turned.headers["Location"]
    assert post(other, f"{PAGE}/code", where, code="000000").status_code == 400
    assert other.get("/moderation").status_code == 303
    right = {"code": code_of(secret), "suite": "/moderation?kind=report"}
    done = post(other, f"{PAGE}/code", where, **right)
    assert (done.status_code, done.headers["Location"]) == (303, "/moderation?kind=report")
    assert other.get("/moderation").status_code == 200
    # The same code, in a third browser.
    third = app.test_client()
    sign_in(third, engine, EMAIL)
    assert post(third, f"{PAGE}/code", where, **right).status_code == 400
    # A spare one, with the blanks of a sheet of paper; it works once.
    spaced = f" {spare[0][:5]} {spare[0][5:]} "
    assert post(third, f"{PAGE}/code", where, code=spaced).status_code == 303
    assert third.get("/moderation").status_code == 200
    fourth = app.test_client()
    sign_in(fourth, engine, EMAIL)
    assert post(fourth, f"{PAGE}/code", where, code=spare[0]).status_code == 400


def test_without_the_code_no_key_for_tools_is_made(
    app: Flask, engine: Engine, admin: FlaskClient
) -> None:
    set_up(admin)
    other = app.test_client()
    sign_in(other, engine, EMAIL)
    made = post(other, "/compte/jetons", "/compte/jetons", name="outil", scope="export", days="30")
    assert made.status_code == 303
    assert made.headers["Location"] == f"{PAGE}/code"
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM api_token")).scalar_one() == 0


def test_it_holds_for_half_a_day(engine: Engine, admin: FlaskClient) -> None:
    set_up(admin)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE session SET second_factor_at = now() - interval '12 hours 1 minute'")
        )
    assert admin.get("/moderation").status_code == 303


def test_guessing_has_an_end(engine: Engine, admin: FlaskClient) -> None:
    secret, _spare = set_up(admin)
    where = f"{PAGE}/code"
    for _ in range(TRIES.tries - 1):  # setting it up was the first
        assert post(admin, where, where, code="000000").status_code == 400
    refused = post(admin, where, where, code=code_of(secret))
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) <= TRIES.seconds


def test_it_is_taken_away_with_a_code_alone(engine: Engine, admin: FlaskClient) -> None:
    _secret, spare = set_up(admin)
    assert post(admin, PAGE, PAGE, action="remove", code="123456").status_code == 400
    assert post(admin, PAGE, PAGE, action="begin").status_code == 303
    with engine.connect() as connection:
        confirmed = text("SELECT confirmed_at IS NOT NULL FROM second_factor")
        assert connection.execute(confirmed).scalar_one() is True
    assert post(admin, PAGE, PAGE, action="remove", code=spare[3]).status_code == 303
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM second_factor")).scalar_one() == 0


def test_rows_alone_let_nobody_in(engine: Engine, admin: FlaskClient) -> None:
    secret, spare = set_up(admin)
    with engine.connect() as connection:
        row = connection.execute(text("SELECT secret, spare FROM second_factor")).one()
    assert secret not in bytes(row.secret)
    assert all(one.encode() not in b"".join(map(bytes, row.spare)) for one in spare)


@pytest.fixture
def strict(database_url: str, engine: Engine) -> Iterator[Flask]:
    app = create_app(
        Settings(database_url=database_url, public_url="http://map.test", second_factor="required")
    )
    yield app
    services: Services = app.extensions[SERVICES]
    services.dispose()


def test_where_it_is_required_an_admin_sets_it_up_first(strict: Flask, engine: Engine) -> None:
    client = strict.test_client()
    sign_in(client, engine, EMAIL)
    grant(engine, EMAIL, "admin")
    turned = client.get("/moderation")
    assert (turned.status_code, turned.headers["Location"].partition("?")[0]) == (303, PAGE)
    set_up(client)
    assert client.get("/moderation").status_code == 200
    moderator = strict.test_client()
    sign_in(moderator, engine, "moderator@example.org")
    grant(engine, "moderator@example.org", "moderator", "region:53")
    assert moderator.get("/moderation").status_code == 200


def test_a_changed_key_is_needed_until_all_is_encrypted_anew(
    engine: Engine, admin: FlaskClient
) -> None:
    secret, _spare = set_up(admin)
    old, new = (current_key(admin), b"another key of the service")
    with engine.connect() as connection:
        (person,) = connection.execute(text("SELECT person FROM second_factor")).scalars()
        assert service.unreadable(connection, SecretBox([new])) == 1
    # Nothing is lost by a key that reads nothing; the former one has it written anew.
    assert service.renew(engine, SecretBox([new])) == 1
    assert service.renew(engine, SecretBox([new, old])) == 0
    with engine.connect() as connection:
        assert service.unreadable(connection, SecretBox([new])) == 0
        found = service.find(connection, person, SecretBox([new]))
        assert found is not None
        assert found.secret == secret
        kept = connection.execute(text("SELECT secret FROM second_factor")).scalar_one()
    assert service.renew(engine, SecretBox([new, old])) == 0
    with engine.connect() as connection:
        again = connection.execute(text("SELECT secret FROM second_factor")).scalar_one()
    assert bytes(kept) == bytes(again), "once is enough"


def current_key(client: FlaskClient) -> bytes:
    key = client.application.secret_key
    return key.encode() if isinstance(key, str) else bytes(key or b"")

"""The door of every public form: whose it is, that no robot fills it, how often it may be sent.

A page puts `{{ guard() }}` of `templates/_door.html` inside its form; the route calls `check`
before anything else. What is refused is a `FormRefused`, whose words are for the person: show the
form again with them and with what was typed, or let it pass, and the error page shows them.
"""

import base64
import binascii
import hashlib
import hmac
import json
import math
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Self
from uuid import UUID

from flask import Blueprint, Flask, Response, jsonify, make_response, render_template, request
from sqlalchemy import Connection, text

from mapservice.errors import InvalidInput, MapserviceError
from mapservice.i18n import gettext as _
from mapservice.mail.service import AddressMistake, EmailAddress
from mapservice.web import edge
from mapservice.web.edge import client_address, network_of, secret_key, services

# --- How often something may be tried ------------------------------------------------------------

HOUR = 3600

# Two windows stand for a sliding one: the part of the former that is still within reach counts.
COUNT_TRY = """
WITH clock AS (
  SELECT ceil(extract(epoch FROM clock_timestamp()) / :seconds) * :seconds AS ends,
         extract(epoch FROM clock_timestamp()) AS now
), now_in AS (
  INSERT INTO tally (key, ends_at, count)
  SELECT :key, to_timestamp(ends), 1 FROM clock
      ON CONFLICT (key, ends_at) DO UPDATE SET count = tally.count + 1
  RETURNING count
)
SELECT now_in.count + coalesce(before.count, 0) * (ends - now) / :seconds AS tries,
       ends - now AS left
  FROM clock
  CROSS JOIN now_in
  LEFT JOIN tally AS before
    ON before.key = :key AND before.ends_at = to_timestamp(ends - :seconds)"""

LOOK_AT_TRIES = """
WITH clock AS (
  SELECT ceil(extract(epoch FROM clock_timestamp()) / :seconds) * :seconds AS ends,
         extract(epoch FROM clock_timestamp()) AS now
)
SELECT coalesce(present.count, 0) + coalesce(before.count, 0) * (ends - now) / :seconds AS tries,
       ends - now AS left
  FROM clock
  LEFT JOIN tally AS present
    ON present.key = :key AND present.ends_at = to_timestamp(ends)
  LEFT JOIN tally AS before
    ON before.key = :key AND before.ends_at = to_timestamp(ends - :seconds)"""

FIRST_USE = """
INSERT INTO tally (key, ends_at, count) VALUES (:key, :ends_at, 1) ON CONFLICT DO NOTHING"""


@dataclass(frozen=True, slots=True)
class TryCount:
    """How often something was tried lately, this time included, and when the window ends."""

    count: float
    seconds_left: float


def count_try(connection: Connection, key: bytes, seconds: int) -> TryCount:
    """Counts one more try within this many seconds (at most a day)."""
    row = connection.execute(text(COUNT_TRY), {"key": key, "seconds": seconds}).one()
    return TryCount(float(row.tries), float(row.left))


def look_at_tries(connection: Connection, key: bytes, seconds: int) -> TryCount:
    """How often it was tried within this many seconds, without another try."""
    row = connection.execute(text(LOOK_AT_TRIES), {"key": key, "seconds": seconds}).one()
    return TryCount(float(row.tries), float(row.left))


def is_first(connection: Connection, key: bytes, ends: int) -> bool:
    """Whether this key, which is good until `ends` (Unix seconds), comes for the first time."""
    bound = {"key": key, "ends_at": datetime.fromtimestamp(ends, UTC)}
    return connection.execute(text(FIRST_USE), bound).rowcount == 1


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `tries` within `seconds`, looking back from now."""

    tries: int
    seconds: int = HOUR


def seconds_to_wait(name: str, limit: RateLimit, whose: str) -> int:
    """Counts one more try of `name` by somebody; 0 when it is within the limit.

    What is counted is kept as a keyed digest: no address of a network or mailbox is stored. The
    count holds whatever becomes of the request, since it has a transaction of its own.
    """
    with services().engine.begin() as connection:
        tries = count_try(connection, keyed_digest(name, whose), limit.seconds)
    return max(1, math.ceil(tries.seconds_left)) if tries.count > limit.tries else 0


def seconds_left(name: str, limit: RateLimit, whose: str) -> int:
    """The same without a try: 0 unless the limit is reached already."""
    with services().engine.connect() as connection:
        tries = look_at_tries(connection, keyed_digest(name, whose), limit.seconds)
    return max(1, math.ceil(tries.seconds_left)) if tries.count >= limit.tries else 0


def keyed_digest(name: str, whose: str) -> bytes:
    """Tells networks and people apart without naming them: 16 bytes, keyed by the service."""
    key = hashlib.sha256(secret_key()).digest()
    return hashlib.blake2b(f"{name}\n{whose}".encode(), digest_size=16, key=key).digest()


def visitor_network() -> str:
    """The visitor's IPv4 address, or the /64 of an IPv6 one, which is one household's."""
    return network_of(client_address())


# --- Proof of work -------------------------------------------------------------------------------

proof_blueprint = Blueprint("proof", __name__)

PROOF_FIELD = "preuve"
MAX_NUMBER = 150_000  # a third of a second at most on a desk, one or two on a small phone
GOOD_SECONDS = 20 * 60
ALGORITHM = "SHA-256"
LONGEST = 1000


@proof_blueprint.get("/preuve.json")
def challenge() -> Response:
    """A new challenge; it costs us two digests and no query."""
    salt = f"{secrets.token_hex(12)}?expires={int(time.time()) + GOOD_SECONDS}&"
    answer = _digest(salt, secrets.randbelow(MAX_NUMBER + 1))
    response = jsonify(
        algorithm=ALGORITHM,
        challenge=answer,
        maxnumber=MAX_NUMBER,
        salt=salt,
        signature=_signature(answer, secret_key()),
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@dataclass(frozen=True, slots=True)
class ProofSolution:
    """What a browser sends back, in base64 of JSON."""

    challenge: str
    number: int
    salt: str
    signature: str

    @classmethod
    def parse(cls, packed: str) -> Self | None:
        try:
            values = json.loads(base64.b64decode(packed[:LONGEST], validate=True))
            found = cls(*(values[name] for name in cls.__slots__))
        except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
            return None
        texts = (found.challenge, found.salt, found.signature)
        whole = type(found.number) is int and all(isinstance(one, str) for one in texts)
        return found if whole else None

    @property
    def expires(self) -> int:
        """Unix seconds; 0 for a salt that we did not make."""
        digits = self.salt.rpartition("?expires=")[2].removesuffix("&")
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 12 else 0

    def is_right(self) -> bool:
        """Whether it solves a challenge that we made and that has not expired."""
        if self.expires < time.time() or not self.salt.endswith("&"):
            return False
        if not 0 <= self.number <= MAX_NUMBER:
            return False
        right = hmac.compare_digest(
            _digest(self.salt, self.number).encode(), _bytes(self.challenge)
        )
        made = any(
            hmac.compare_digest(_signature(self.challenge, key).encode(), _bytes(self.signature))
            for key in edge.secret_keys()
        )
        return right and made


def spend_proof(packed: str) -> bool:
    """Whether this is the solution of a challenge of ours, sent for the first time."""
    solution = ProofSolution.parse(packed) if packed else None
    if solution is None or not solution.is_right():
        return False
    key = hashlib.sha256(b"proof " + _bytes(solution.challenge)).digest()
    with services().engine.begin() as connection:
        return is_first(connection, key, solution.expires)


def _digest(salt: str, number: int) -> str:
    return hashlib.sha256(_bytes(f"{salt}{number}")).hexdigest()


def _signature(challenge: str, key: bytes) -> str:
    return hmac.new(key, b"proof " + _bytes(challenge), hashlib.sha256).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


# --- The gate of a form --------------------------------------------------------------------------

# A field that people do not see; what fills it in is a robot.
HONEYPOT = "site_web"

PER_NETWORK = RateLimit(60)
WITHOUT_PROOF = RateLimit(12)
PER_EMAIL = RateLimit(8)
PER_PERSON = RateLimit(60)


class FormRefused(MapserviceError):
    """A form that was not taken: `status` 400, 403 or 429, `words` for who sent it.

    `field` names the input at fault, if it is one; `wait` is in seconds, for 429.
    """

    title = "Form refused"

    def __init__(self, status: HTTPStatus, words: str, *, field: str = "", wait: int = 0) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.field = field
        self.wait = wait


@dataclass(frozen=True, slots=True)
class FormGate:
    """How often one kind of form may be sent; forms of the same `name` share a count.

    Without a proof of work (no JavaScript, or a robot) a network has fewer tries, and what it sends
    still has to be confirmed by mail.
    """

    name: str
    per_network: RateLimit = PER_NETWORK
    without_proof: RateLimit = WITHOUT_PROOF
    per_email: RateLimit = PER_EMAIL
    per_person: RateLimit = PER_PERSON


def register(app: Flask) -> None:
    app.register_error_handler(FormRefused, _refusal_page)
    app.jinja_env.globals.update(form_token=form_token, honeypot=HONEYPOT, proof_field=PROOF_FIELD)


def form_token() -> str:
    """What a public form carries; templates call it through `guard()`."""
    return edge.make_token(edge.session_holder())


def check(gate: FormGate, *, email: EmailAddress | None = None, person: UUID | None = None) -> None:
    """Raises FormRefused unless the present POST may pass; counts it as a try.

    Once per request. `email` or `person` also count for themselves, whoever asks in their name.
    """
    _check_own()
    if request.form.get(HONEYPOT):
        raise FormRefused(HTTPStatus.BAD_REQUEST, _("Laissez vide le champ qui demande un site."))
    network = visitor_network()
    _count(gate.name, gate.per_network, network)
    if person is None and not spend_proof(request.form.get(PROOF_FIELD, "")):
        _count(f"{gate.name} without proof", gate.without_proof, network)
    if email is not None:
        _count(f"{gate.name} mailbox", gate.per_email, email.key)
    if person is not None:
        _count(f"{gate.name} person", gate.per_person, str(person))


def count_mailboxes(gate: FormGate, emails: Iterable[EmailAddress]) -> None:
    """After `check`, for a form that writes to several: each counts for itself.

    Raises FormRefused.
    """
    for email in emails:
        _count(f"{gate.name} mailbox", gate.per_email, email.key)


def check_own() -> None:
    """For the forms of a signed-in person, which need no other check. Raises FormRefused (403)."""
    _check_own()


def read_email(name: str = "email") -> EmailAddress:
    """The address in a field of the present form. Raises FormRefused (400) naming the field."""
    try:
        return EmailAddress.parse(request.form.get(name, "")[:320])
    except InvalidInput as error:
        words = {
            AddressMistake.SYNTAX: _("Indiquez une adresse électronique, comme nom@exemple.fr."),
            AddressMistake.DISPOSABLE: _(
                "Cette adresse est jetable : indiquez-en une que vous gardez."
            ),
        }
        status = HTTPStatus.BAD_REQUEST
        raise FormRefused(status, words[AddressMistake(error.reason)], field=name) from None


def _check_own() -> None:
    if not edge.is_own_form(edge.session_holder()):
        words = _("Ce formulaire a expiré, ou ne vient pas de cette page. Envoyez-le à nouveau.")
        raise FormRefused(HTTPStatus.FORBIDDEN, words)


def _count(name: str, limit: RateLimit, whose: str) -> None:
    wait = seconds_to_wait(name, limit, whose)
    if wait:
        words = _("Trop de demandes en peu de temps. Réessayez dans une heure.")
        raise FormRefused(HTTPStatus.TOO_MANY_REQUESTS, words, wait=wait)


def _refusal_page(error: FormRefused) -> Response:
    return answer(
        error,
        render_template(
            "error.html", status=int(error.status), title=_("Pas encore envoyé"), detail=error.words
        ),
    )


def answer(error: FormRefused, page: str) -> Response:
    """A page, usually the form again, with the status and headers of the refusal."""
    response = make_response(page, error.status)
    response.headers["Cache-Control"] = "no-store"
    if error.wait:
        response.headers["Retry-After"] = str(error.wait)
    return response

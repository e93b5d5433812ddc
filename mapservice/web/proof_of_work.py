"""Proof of work: a browser spends a second of computing before it sends a form, a flood an hour.

The challenge has the form of ALTCHA's first version: find the `number` for which SHA-256 of `salt`
and number is `challenge`. It is signed, expires, and is good once. The salt ends in `&`, so that
digits cannot move from the number into its time of expiry. `static/js/proof.js` solves it.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from typing import Self

from flask import Blueprint, Response, jsonify

from mapservice.web import tallies
from mapservice.web.edge import secret_key, services

blueprint = Blueprint("proof", __name__)

FIELD = "preuve"
MAX_NUMBER = 150_000  # a third of a second at most on a desk, one or two on a small phone
GOOD_SECONDS = 20 * 60
ALGORITHM = "SHA-256"
LONGEST = 1000


@blueprint.get("/preuve.json")
def challenge() -> Response:
    """A new challenge; it costs us two digests and no query."""
    salt = f"{secrets.token_hex(12)}?expires={int(time.time()) + GOOD_SECONDS}&"
    answer = _digest(salt, secrets.randbelow(MAX_NUMBER + 1))
    response = jsonify(
        algorithm=ALGORITHM,
        challenge=answer,
        maxnumber=MAX_NUMBER,
        salt=salt,
        signature=_signature(answer),
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
        made = hmac.compare_digest(_signature(self.challenge).encode(), _bytes(self.signature))
        return right and made


def spend(packed: str) -> bool:
    """Whether this is the solution of a challenge of ours, sent for the first time."""
    solution = ProofSolution.parse(packed) if packed else None
    if solution is None or not solution.is_right():
        return False
    key = hashlib.sha256(b"proof " + _bytes(solution.challenge)).digest()
    with services().engine.begin() as connection:
        return tallies.is_first(connection, key, solution.expires)


def _digest(salt: str, number: int) -> str:
    return hashlib.sha256(_bytes(f"{salt}{number}")).hexdigest()


def _signature(challenge: str) -> str:
    return hmac.new(secret_key(), b"proof " + _bytes(challenge), hashlib.sha256).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")

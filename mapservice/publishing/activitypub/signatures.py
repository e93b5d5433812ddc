"""Signatures of requests as servers of the fediverse make and read them.

draft-cavage-http-signatures-12 with RSA and SHA-256, and a `Digest` of the body (RFC 3230), as
Mastodon sends them. Written on `cryptography` itself, which is here already; tests hold it to the
example of the draft.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from typing import Self
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from mapservice.errors import MapserviceError
from mapservice.publishing.activitypub.model import MAX_KEY, is_id

KEY_BITS = 2048
MOST_KEY_BITS = 8192  # a longer one would cost more to check than it is worth
MAX_HEADER = 4_000
ALGORITHMS = frozenset({"", "rsa-sha256", "hs2019"})
# Servers sign anew each time that they try, so that an hour is long; clocks differ by minutes.
OLDEST, NEWEST = timedelta(hours=1), timedelta(minutes=10)
TARGET, CREATED, EXPIRES = "(request-target)", "(created)", "(expires)"
PARAMETER = re.compile(r'\s*([A-Za-z]+)=(?:"([^"]*)"|(\d+))\s*(?:,|$)')


class SignatureRefused(MapserviceError):
    """A request that is not signed, or not by whom it says, not now, or not for the first time."""

    status = HTTPStatus.UNAUTHORIZED
    title = "Signature refused"


@dataclass(frozen=True, slots=True)
class SignatureHeader:
    """What the header `Signature` says; `headers` are in lower case, in the order of signing."""

    key_id: str
    algorithm: str
    headers: tuple[str, ...]
    signature: bytes
    created: int | None
    expires: int | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises SignatureRefused."""
        if not text or len(text) > MAX_HEADER:
            raise SignatureRefused("The request has no header Signature.")
        text = text.removeprefix("Signature ")
        found: dict[str, str] = {}
        end = 0
        while end < len(text):
            one = PARAMETER.match(text, end)
            if one is None or one[1] in found:
                raise SignatureRefused("The header Signature cannot be read.")
            found[one[1]] = one[2] if one[2] is not None else one[3]
            end = one.end()
        try:
            signature = base64.b64decode(found["signature"], validate=True)
            created, expires = (
                int(found[name]) if name in found else None for name in ("created", "expires")
            )
        except (KeyError, ValueError, binascii.Error):
            raise SignatureRefused("The header Signature cannot be read.") from None
        key_id = found.get("keyId", "")
        if not is_id(key_id):
            raise SignatureRefused("The header Signature names no key.")
        names = tuple(found.get("headers", "date").lower().split())
        algorithm = found.get("algorithm", "").lower()
        return cls(key_id, algorithm, names, signature, created, expires)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it came: `target` is path and query, names of headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


def check_form(request: SignedRequest, now: datetime) -> SignatureHeader:
    """All that can be told without the key: what is signed, the body's digest, and when.

    Raises SignatureRefused.
    """
    header = SignatureHeader.parse(request.headers.get("signature", ""))
    if header.algorithm not in ALGORITHMS:
        raise SignatureRefused("The algorithm of the signature is not rsa-sha256.")
    signed = set(header.headers)
    if not {TARGET, "host", "digest"} <= signed or signed.isdisjoint({"date", CREATED}):
        raise SignatureRefused("(request-target), host, date and digest must be signed.")
    given = request.headers.get("digest", "")
    if not _is_digest(given, request.body):
        raise SignatureRefused("The digest is not that of the body.")
    moments = []
    if "date" in signed:
        moments.append(_date(request.headers.get("date", "")))
    if CREATED in signed:
        moments.append(_moment(header.created))
    for moment in moments:
        if not now - OLDEST <= moment <= now + NEWEST:
            raise SignatureRefused("The signature is not of now.")
    if header.expires is not None and _moment(header.expires) < now:
        raise SignatureRefused("The signature has expired.")
    return header


def is_signed_by(public_key: str, header: SignatureHeader, request: SignedRequest) -> bool:
    """Whether this key, in PEM, made the signature; False for a key that we do not take too."""
    key = read_public_key(public_key)
    if key is None:
        return False
    try:
        text = signing_string(
            header.headers,
            request.method,
            request.target,
            request.headers,
            created=header.created,
            expires=header.expires,
        )
        key.verify(header.signature, text.encode("latin-1"), PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, UnicodeEncodeError):
        return False
    return True


def read_public_key(text: str) -> rsa.RSAPublicKey | None:
    """An RSA key in PEM of 2048 to 8192 bits; None for anything else."""
    if len(text) > MAX_KEY:
        return None
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    if not isinstance(key, rsa.RSAPublicKey) or not KEY_BITS <= key.key_size <= MOST_KEY_BITS:
        return None
    return key


def signing_string(
    names: Sequence[str],
    method: str,
    target: str,
    headers: Mapping[str, str],
    *,
    created: int | None = None,
    expires: int | None = None,
) -> str:
    """What is signed (section 2.3 of the draft). Raises SignatureRefused for a missing header."""
    lines = []
    special = {TARGET: f"{method.lower()} {target}", CREATED: created, EXPIRES: expires}
    for name in names:
        value = special[name] if name in special else headers.get(name)
        if value is None:
            raise SignatureRefused("A header that is signed is not there.")
        lines.append(f"{name}: {str(value).strip()}")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Our private key, under the name that one of our actors has for it."""

    key_id: str
    private: rsa.RSAPrivateKey

    def headers(
        self, method: str, address: str, now: datetime, body: bytes | None = None
    ) -> dict[str, str]:
        """The headers of a request that make it signed, Host aside, which the client writes."""
        parts = urlsplit(address)
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        sent = {"Date": format_datetime(now.astimezone(UTC), usegmt=True)}
        if body is not None:
            sent["Digest"] = digest_of(body)
            sent["Content-Type"] = "application/activity+json"
        lower = {"host": _host(address)} | {name.lower(): text for name, text in sent.items()}
        names = (TARGET, *lower)
        text = signing_string(names, method, target, lower)
        made = self.private.sign(text.encode(), PKCS1v15(), hashes.SHA256())
        sent["Signature"] = (
            f'keyId="{self.key_id}",algorithm="rsa-sha256",headers="{" ".join(names)}",'
            f'signature="{base64.b64encode(made).decode()}"'
        )
        return sent


def make_private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)


def private_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: rsa.RSAPrivateKey) -> str:
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_private_key(pem: bytes) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey), "we made it"
    return key


def digest_of(body: bytes) -> str:
    """The header `Digest`."""
    return f"SHA-256={base64.b64encode(hashlib.sha256(body).digest()).decode()}"


def _is_digest(given: str, body: bytes) -> bool:
    """One of several may be ours."""
    wanted = digest_of(body).partition("=")[2]
    for one in given.split(","):
        name, _, value = one.strip().partition("=")
        if name.upper() == "SHA-256":
            return hmac.compare_digest(value.encode(), wanted.encode())
    return False


def _date(text: str) -> datetime:
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        raise SignatureRefused("The header Date is no date.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _moment(seconds: int | None) -> datetime:
    try:
        if seconds is None:
            raise ValueError
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise SignatureRefused("The signature says no moment.") from None


def _host(address: str) -> str:
    """As the client writes the header Host."""
    parts = urlsplit(address)
    default = {"https": 443, "http": 80}.get(parts.scheme)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in (None, default) else f"{host}:{parts.port}"

"""Where a request comes from, and whether a form was sent from a page of ours.

A form carries a signed token made for its `holder` (a reviewer's name, a session, or "" for who is
not signed in), and browsers say which site a POST comes from. Forms of who is not signed in use no
authority that a browser would add by itself, so for these the second alone would do.
"""

import hashlib
import hmac
import ipaddress
from urllib.parse import urlsplit

from flask import current_app, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from mapservice.web.forwarded import read_address

FORM_SECONDS = 12 * 3600
FIELD = "token"
# Its value is the secret of a session, whose person `accounts` knows.
SESSION_COOKIE = "personne"
MAX_SECRET_LENGTH = 100


def client_address() -> str:
    """Of the visitor, as `TrustedProxies` found it out."""
    return request.remote_addr or ""


def network_of(address: str) -> str:
    """The address itself; of IPv6 the network of 64 bits, which is one household's or machine's."""
    found = read_address(address)
    if found is None:
        return ""
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False).network_address)


def session_secret() -> str:
    """The secret of the present session, or "" where there is none."""
    return request.cookies.get(SESSION_COOKIE, "")[:MAX_SECRET_LENGTH]


def session_holder() -> str:
    """Whom the forms of this browser are made for, without a look at the database."""
    secret = session_secret()
    return f"session {hashlib.sha256(secret.encode()).hexdigest()[:32]}" if secret else ""


def make_token(holder: str) -> str:
    """What a form carries to show that it is ours, made for this holder."""
    return str(_signer().dumps(holder))


def is_own_form(holder: str) -> bool:
    """Whether the present POST comes from a form of ours that was made for this holder."""
    if not _is_same_origin():
        return False
    try:
        found = _signer().loads(request.form.get(FIELD, ""), max_age=FORM_SECONDS)
    except BadSignature:
        return False
    return isinstance(found, str) and hmac.compare_digest(found.encode(), holder.encode())


def secret_key() -> bytes:
    """The key of this service, for what else has to be signed or hashed."""
    key = current_app.secret_key
    assert key, "create_app makes one when none is set"
    return key.encode() if isinstance(key, str) else key


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret_key(), salt="form")


def _is_same_origin() -> bool:
    """Browsers say where a POST comes from; what says nothing is none, and has the token alone."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host

"""Who may decide about places, until there are accounts: a name, and a password shared by all.

HTTP Basic: the user name is who decides and is recorded, the password is the setting `review_key`.
Without that setting the pages do not exist.
"""

import hmac
import ipaddress
from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Response, current_app, g, make_response, render_template, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from mapservice.errors import InvalidInput, NotFound
from mapservice.http.attempts import Attempts
from mapservice.http.services import services
from mapservice.http.words import gettext as _
from mapservice.review.model import clean_name

FORM_SECONDS = 12 * 3600
ATTEMPTS = "mapservice_attempts"


def admit() -> Response | None:
    """Before each request: None for a known reviewer, else the answer that turns away."""
    key = services().settings.review_key
    if not key:
        raise NotFound("There is no such page.")
    attempts, address = _attempts(), client_address()
    wait = attempts.seconds_to_wait(address)
    if wait:
        return _wait(wait)
    name = _named(key)
    if not name:
        if request.authorization is not None:
            attempts.failed(address)
        return _ask()
    attempts.succeeded(address)
    g.reviewer = name
    return None


def reviewer() -> str:
    """Who decides in the present request."""
    name = g.reviewer
    assert isinstance(name, str)
    return name


def form_token() -> str:
    """What a form carries to show that it is ours, made for this reviewer."""
    return str(_signer().dumps(reviewer()))


def is_own_form() -> bool:
    """Whether the present POST comes from a form of ours, filled in by this reviewer."""
    if not _is_same_origin():
        return False
    try:
        name = _signer().loads(request.form.get("token", ""), max_age=FORM_SECONDS)
    except BadSignature:
        return False
    return isinstance(name, str) and hmac.compare_digest(name.encode(), reviewer().encode())


def client_address() -> str:
    """Of the visitor: behind a proxy of our own (a private address), what that proxy says."""
    peer = request.remote_addr or ""
    forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return forwarded if forwarded and _is_inside(peer) else peer


def _named(key: str) -> str:
    """The name that came with the right password, else ""."""
    given = request.authorization
    if given is None or given.type != "basic":
        return ""
    right = hmac.compare_digest((given.password or "").encode(), key.encode())
    try:
        name = clean_name(given.username or "")
    except InvalidInput:
        return ""
    return name if right else ""


def _attempts() -> Attempts:
    found = current_app.extensions.setdefault(ATTEMPTS, Attempts())
    assert isinstance(found, Attempts)
    return found


def _signer() -> URLSafeTimedSerializer:
    key = current_app.secret_key
    assert key, "create_app makes one when none is set"
    return URLSafeTimedSerializer(key, salt="review form")


def _is_same_origin() -> bool:
    """Browsers say where a POST comes from; what says nothing is none, and has the token alone."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


def _is_inside(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_private
    except ValueError:
        return False


def _ask() -> Response:
    response = _refusal(
        HTTPStatus.UNAUTHORIZED,
        _("Page réservée"),
        _("Indiquez votre nom et le mot de passe de la modération."),
    )
    response.headers["WWW-Authenticate"] = 'Basic realm="moderation", charset="UTF-8"'
    return response


def _wait(seconds: int) -> Response:
    response = _refusal(
        HTTPStatus.TOO_MANY_REQUESTS,
        _("Trop d’essais"),
        _("Le mot de passe était faux plusieurs fois. Réessayez dans quelques minutes."),
    )
    response.headers["Retry-After"] = str(seconds)
    return response


def _refusal(status: HTTPStatus, title: str, detail: str) -> Response:
    page = render_template("error.html", status=int(status), title=title, detail=detail)
    return make_response(page, status)

"""Who may decide about places, until there are accounts: a name, and a password shared by all.

HTTP Basic: the user name is who decides and is recorded, the password is the setting `review_key`.
Without that setting the pages do not exist.
"""

import hmac
from http import HTTPStatus

from flask import Response, current_app, g, make_response, render_template, request

from mapservice.errors import InvalidInput, NotFound
from mapservice.http import visitor
from mapservice.http.attempts import Attempts
from mapservice.http.services import services
from mapservice.http.words import gettext as _
from mapservice.review.model import clean_name

ATTEMPTS = "mapservice_attempts"


def admit() -> Response | None:
    """Before each request: None for a known reviewer, else the answer that turns away."""
    key = services().settings.review_key
    if not key:
        raise NotFound("There is no such page.")
    attempts, address = _attempts(), visitor.client_address()
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
    return visitor.make_token(_holder())


def is_own_form() -> bool:
    """Whether the present POST comes from a form of ours, filled in by this reviewer."""
    return visitor.is_own_form(_holder())


def _holder() -> str:
    """Apart from those of people, whose forms are made for their session."""
    return f"reviewer {reviewer()}"


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

"""Who is signed in: a cookie holds a secret, the database its digest, its person and its end."""

import ipaddress
from urllib.parse import urlencode, urlsplit

from flask import Response, abort, g, redirect, request
from flask_babel import get_locale

from mapservice.accounts.people import queries, service
from mapservice.accounts.people.model import LOCALES, Person, digest
from mapservice.errors import ServiceUnavailable
from mapservice.mail import letters
from mapservice.mail.model import Letterhead
from mapservice.web import edge
from mapservice.web.edge import services

SIGN_IN = "/connexion"
DAY = 86_400


def current_person() -> Person | None:
    """Who is signed in; one query a request, and none for who has no cookie."""
    if "person" not in g:
        g.person = _find()
    found: Person | None = g.person
    return found


def require_person() -> Person:
    """Who is signed in; sends anybody else to sign in, and from there back to this page."""
    person = current_person()
    if person is None:
        back = request.full_path.rstrip("?") if request.method == "GET" else request.path
        abort(redirect(f"{SIGN_IN}?{urlencode({'suite': back})}", 303))
    return person


def remember(response: Response, session: str) -> Response:
    """Signs this browser in."""
    response.set_cookie(
        edge.SESSION_COOKIE,
        session,
        max_age=service.SESSION_DAYS * DAY,
        path="/",
        secure=_is_https(),
        httponly=True,
        samesite="Lax",
    )
    return response


def forget(response: Response) -> Response:
    """Takes the cookie away; `people.service.end_session` ends the session."""
    response.delete_cookie(
        edge.SESSION_COOKIE, path="/", secure=_is_https(), httponly=True, samesite="Lax"
    )
    return response


def letterhead() -> Letterhead:
    """For mails written in this request.

    Raises Unavailable where links would start with a host that the request alone names: who sends
    the request could have it name a host of theirs, and get the secrets of the mailed links.
    """
    settings = services().settings
    if not settings.public_url and not _is_local(request.host_url):
        raise ServiceUnavailable("No mail can be sent before MAPSERVICE_PUBLIC_URL is set.")
    return letters.letterhead(settings, request.url_root)


def locale() -> str:
    """The language of the present request, of those that people can choose."""
    found = get_locale()
    return found.language if found and found.language in LOCALES else LOCALES[0]


def _find() -> Person | None:
    held = edge.session_secret()
    if not held:
        return None
    with services().engine.connect() as connection:
        found = queries.by_session(connection, digest(held))
        if found and found.stale:
            service.touch_session(connection, held)
            connection.commit()
    return found.person if found else None


def _is_https() -> bool:
    return request.is_secure or services().settings.public_url.startswith("https://")


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback

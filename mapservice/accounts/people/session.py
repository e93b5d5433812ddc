"""Who is signed in: a cookie holds a secret, the database its digest, its person and its end."""

import ipaddress
from urllib.parse import urlencode, urlsplit

from flask import Response, abort, g, redirect, request

from mapservice.accounts.people import queries, service
from mapservice.accounts.people.model import Person
from mapservice.errors import ServiceUnavailable
from mapservice.i18n import LANGUAGE
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead
from mapservice.web import edge
from mapservice.web.edge import services

SIGN_IN = "/connexion"
DAY = 86_400


def current_person() -> Person | None:
    """The person signed in; one query a request, and none without a cookie."""
    if "person" not in g:
        found = None
        secret = edge.session_secret()
        if secret:
            with services().engine.connect() as connection:
                found = queries.by_session(
                    connection,
                    service.digest(secret),
                    most_days=service.SESSION_MOST_DAYS,
                    hours=service.SECOND_FACTOR_HOURS,
                )
                if found and found.stale:
                    service.touch_session(connection, secret)
                    connection.commit()
        g.person, g.signed_in = found.person if found else None, found
    person: Person | None = g.person
    return person


def signed_in() -> queries.SignedInSession | None:
    """The session of the present request, with what it has shown."""
    current_person()
    found: queries.SignedInSession | None = g.signed_in
    return found


def require_person() -> Person:
    """The person signed in; anybody else is sent to sign in, and from there back to this page."""
    person = current_person()
    if person is None:
        back = request.full_path.rstrip("?") if request.method == "GET" else request.path
        abort(redirect(f"{SIGN_IN}?{urlencode({'suite': back})}", 303))
    return person


def remember(response: Response, session: str) -> Response:
    """Signs this browser in."""
    response.set_cookie(
        edge.session_cookie(),
        session,
        max_age=service.SESSION_MOST_DAYS * DAY,
        path="/",
        secure=edge.is_https(),
        httponly=True,
        samesite="Lax",
    )
    return response


def forget(response: Response) -> Response:
    """Takes the cookie away; `people.service.end_session` ends the session."""
    response.delete_cookie(
        edge.session_cookie(), path="/", secure=edge.is_https(), httponly=True, samesite="Lax"
    )
    return response


def letterhead() -> Letterhead:
    """For mails written in this request.

    Raises ServiceUnavailable where the links' host would come from the request alone: its sender
    could name a host of their own there, and be given the secrets of the mailed links.
    """
    settings = services().settings
    if not settings.public_url:
        host = urlsplit(request.host_url).hostname or ""
        try:
            is_local = ipaddress.ip_address(host).is_loopback
        except ValueError:
            is_local = host == "localhost"
        if not is_local:
            raise ServiceUnavailable("No mail can be sent before MAPSERVICE_PUBLIC_URL is set.")
    return mail.letterhead(settings, request.url_root)


def locale() -> str:
    """The language of the present request, of those that people can choose."""
    return LANGUAGE.get()

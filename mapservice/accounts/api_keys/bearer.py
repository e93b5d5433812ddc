"""Keys for tools at our endpoints: `Authorization: Bearer …`, never a cookie, never a session.

An endpoint calls `require(scope)`, or `offered(scope)` where a key only widens what anybody may do.
A key may do no more than its person's roles allow at this moment. Refusals follow RFC 6750, as
problem documents.
"""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from flask import Flask, Response, request

from mapservice.accounts.api_keys import queries, service
from mapservice.accounts.api_keys.model import ApiKey, ApiKeyScope, is_like_ours
from mapservice.accounts.people import queries as people
from mapservice.accounts.people.model import Person
from mapservice.accounts.people.service import digest
from mapservice.accounts.roles import queries as roles
from mapservice.accounts.roles.model import Principal, badge_of
from mapservice.errors import MapserviceError
from mapservice.i18n import PARIS
from mapservice.web import forms
from mapservice.web.edge import problem, services
from mapservice.web.forms import RateLimit

REALM = 'Bearer realm="api"'
# Requests of one key within an hour, by what it does.
LIMITS = {
    ApiKeyScope.READ_MODERATION: RateLimit(1200),
    ApiKeyScope.READ_COORDINATION: RateLimit(300),
    ApiKeyScope.WRITE_INITIATIVES: RateLimit(120),
    ApiKeyScope.EXPORT: RateLimit(60),
}
ANY_SCOPE = RateLimit(600)


class BearerRefused(MapserviceError):
    """A key that is missing, does not work or is not enough: 401, 403 or 429."""

    title = "Refused"

    def __init__(self, status: HTTPStatus, words: str, challenge: str = "", wait: int = 0) -> None:
        super().__init__(words)
        self.status = status
        self.challenge = challenge
        self.wait = wait


@dataclass(frozen=True, slots=True)
class ApiKeyHolder:
    """The key of the present request, and whose it is."""

    token: ApiKey
    person: Person


def register(app: Flask) -> None:
    @app.errorhandler(BearerRefused)
    def refuse(error: BearerRefused) -> Response:
        response = problem(error.status, str(error))
        if error.challenge:
            response.headers["WWW-Authenticate"] = error.challenge
        if error.wait:
            response.headers["Retry-After"] = str(error.wait)
        return response


def require(scope: ApiKeyScope | None) -> ApiKeyHolder:
    """The holder of the key of the present request, which must have this scope (None: any).

    Counts the request. Raises BearerRefused.
    """
    secret = _secret()
    if secret is None:
        words = "This address is for keys: send Authorization: Bearer."
        raise BearerRefused(HTTPStatus.UNAUTHORIZED, words, REALM)
    holder = None
    if is_like_ours(secret):
        with services().engine.begin() as connection:
            token = queries.by_digest(connection, digest(secret))
            person = people.find(connection, token.person) if token else None
            if token and person:
                service.used(connection, token.id, datetime.now(PARIS).date())
                holder = ApiKeyHolder(token, person)
    if holder is None:
        words = "This key does not work: it is wrong, has ended or was taken back."
        raise BearerRefused(HTTPStatus.UNAUTHORIZED, words, f'{REALM}, error="invalid_token"')
    if scope is not None and scope not in holder.token.scopes:
        raise BearerRefused(
            HTTPStatus.FORBIDDEN,
            f"This key lacks the scope {scope}.",
            f'{REALM}, error="insufficient_scope", scope="{scope}"',
        )
    limit = LIMITS[scope] if scope else ANY_SCOPE
    _count(f"token {scope or ''}", limit, str(holder.token.id))
    return holder


def offered(scope: ApiKeyScope) -> ApiKeyHolder | None:
    """As `require`, where no key is needed: None for a request without one."""
    return require(scope) if _secret() is not None else None


def badge(holder: ApiKeyHolder) -> Principal:
    """The roles of the holder at this moment. Raises BearerRefused (403) where there are none."""
    with services().engine.connect() as connection:
        found = badge_of(
            holder.person.name, holder.person.id, roles.of_person(connection, holder.person.id)
        )
    if found is None:
        words = "The owner of this key has no role, or no longer has one."
        raise BearerRefused(HTTPStatus.FORBIDDEN, words, f'{REALM}, error="insufficient_scope"')
    return found


def count_person(holder: ApiKeyHolder, name: str, limit: RateLimit) -> None:
    """Counts what a person sends by form or by key alike. Raises BearerRefused (429)."""
    _count(f"{name} person", limit, str(holder.person.id))


def _secret() -> str | None:
    """None for a request without one; no browser sends it by itself."""
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else None


def _count(name: str, limit: RateLimit, whose: str) -> None:
    wait = forms.seconds_to_wait(name, limit, whose)
    if wait:
        words = f"More than {limit.tries} requests within an hour; try again later."
        raise BearerRefused(HTTPStatus.TOO_MANY_REQUESTS, words, wait=wait)

"""Who may see and decide what in moderation: people by their roles, and who knows the password.

People are signed in as anywhere; what they were granted is read at each request, so that it ends
at once when it is revoked. The password is the setting `review_key`, asked for by HTTP Basic with a
name that is recorded; it counts as admin, and where it is not set the pages do not exist for who
has no role.

A blueprint takes `admit`, which lets in admins alone, or `admit_within`: then each of its routes
confines itself to what `sees()` and `decides()` say.
"""

import hmac
from collections.abc import Callable
from http import HTTPStatus

from flask import Response, abort, g, make_response, render_template, request
from sqlalchemy.exc import SQLAlchemyError

from mapservice.accounts.people import session
from mapservice.accounts.people.model import clean_name
from mapservice.accounts.roles import queries as roles
from mapservice.accounts.roles.model import (
    EVERYWHERE,
    GrantInForce,
    Principal,
    TerritoryScope,
    badge_of,
)
from mapservice.errors import InvalidInput, NotFound
from mapservice.i18n.text import gettext as _
from mapservice.web import edge, forms
from mapservice.web.edge import services

# Within the window, for each network: more than this and even the right password has to wait.
WRONG_KEY, WRONG_KEYS = "review key", forms.RateLimit(tries=5, seconds=300)


def admit() -> Response | None:
    """Before each request: None for an admin, else the answer that turns away."""
    turned_away = admit_within()
    if turned_away is None and not badge().is_admin:
        raise NotFound("There is no such page.")
    return turned_away


def admit_within() -> Response | None:
    """The same for who has any role: the routes see to it where that is for."""
    key = services().settings.review_key
    by_key = key and request.authorization is not None
    found = None if by_key else _by_role()
    if found is not None:
        g.badge = found
        return None
    if not key:
        raise NotFound("There is no such page.")
    return _admit_by_key(key)


def badge() -> Principal:
    """Who acts in the present request, and where they may."""
    found = g.badge
    assert isinstance(found, Principal)
    return found


def reviewer() -> str:
    """Who decides in the present request, as it is recorded."""
    return badge().name


def sees() -> TerritoryScope:
    return badge().sees


def decides() -> TerritoryScope:
    return badge().decides


def own_roles() -> list[GrantInForce]:
    """The roles of who is signed in, for the menu; none where the database cannot be asked."""
    if "own_roles" not in g:
        g.own_roles = _own_roles()
    found: list[GrantInForce] = g.own_roles
    return found


def _own_roles() -> list[GrantInForce]:
    if not edge.session_secret():
        return []
    try:
        person = session.current_person()
        if person is None:
            return []
        with services().engine.connect() as connection:
            return roles.everyone(connection, person.id)
    except SQLAlchemyError:
        return []  # a page of errors is shown also then


def decides_within(is_within: Callable[[TerritoryScope], bool]) -> bool:
    """On a page for everybody: whether who is signed in may decide about what it shows."""
    found = _by_role()
    return found is not None and is_within(found.decides)


def require_decider(is_within: Callable[[TerritoryScope], bool]) -> None:
    """Lets pass who may decide about a case; `is_within` tells whether it lies within a reach.

    Raises NotFound for what the reviewer does not even see, and 403 for what they may only read.
    """
    if is_within(decides()):
        return
    if not is_within(sees()):
        raise NotFound("There is no such case.")
    abort(_read_only())


def require_any_decision() -> None:
    """Turns away (403) who decides nowhere."""
    if decides().is_empty:
        abort(_read_only())


def form_token() -> str:
    """What a form carries to show that it is ours, made for this reviewer."""
    return edge.make_token(_holder())


def is_own_form() -> bool:
    """Whether the present POST comes from a form of ours, filled in by this reviewer."""
    return edge.is_own_form(_holder())


def _holder() -> str:
    """Apart from those of people, whose forms are made for their session."""
    return f"reviewer {reviewer()}"


def _by_role() -> Principal | None:
    person = session.current_person()
    if person is None:
        return None
    with services().engine.connect() as connection:
        return badge_of(person.name, person.id, roles.of_person(connection, person.id))


def _admit_by_key(key: str) -> Response | None:
    network = forms.visitor_network()
    if request.authorization is None:
        return _ask()
    name = _named(key)
    # Wrong ones are counted in the database, so that more processes give nobody more tries; the
    # right one is refused too while there are too many, else it would tell itself apart.
    wait = (
        forms.seconds_left(WRONG_KEY, WRONG_KEYS, network)
        if name
        else forms.seconds_to_wait(WRONG_KEY, WRONG_KEYS, network)
    )
    if wait:
        return _wait(wait)
    if not name:
        return _ask()
    g.badge = Principal(name, None, sees=EVERYWHERE, decides=EVERYWHERE)
    return None


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


def _ask() -> Response:
    response = _refusal(
        HTTPStatus.UNAUTHORIZED,
        _("Page réservée"),
        _("Connectez-vous avec votre adresse, ou indiquez votre nom et le mot de passe partagé."),
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


def _read_only() -> Response:
    return _refusal(
        HTTPStatus.FORBIDDEN,
        _("Lecture seule"),
        _("Vous pouvez lire ce qui attend ici, pas en décider."),
    )


def _refusal(status: HTTPStatus, title: str, detail: str) -> Response:
    page = render_template("error.html", status=int(status), title=title, detail=detail)
    return make_response(page, status)

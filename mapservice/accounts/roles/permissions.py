"""Who may see and decide what in moderation: people with roles.

People are signed in as anywhere; their grants are read at each request, so that a revoked one ends
at once. For people without a role the pages do not exist. Who has set up a second factor shows a
code of it first, and is nobody special until then.

A blueprint takes `admit`, which lets in admins alone, or `admit_within`: then each of its routes
confines itself to what `sees()` and `decides()` say.
"""

import contextlib
from collections.abc import Callable
from http import HTTPStatus

from flask import Response, abort, g, make_response, render_template
from sqlalchemy.exc import SQLAlchemyError

from mapservice.accounts.people import session
from mapservice.accounts.roles import queries as roles
from mapservice.accounts.roles.model import GrantInForce, Principal, TerritoryScope, badge_of
from mapservice.accounts.second_factor import permissions as second_factor
from mapservice.errors import NotFound
from mapservice.i18n import gettext as _
from mapservice.web import edge
from mapservice.web.edge import services


def admit() -> Response | None:
    """Before each request: None for an admin, else the answer that turns away."""
    turned_away = admit_within()
    if turned_away is None and not badge().is_admin:
        raise NotFound("There is no such page.")
    return turned_away


def admit_within() -> Response | None:
    """As `admit`, for anybody with a role: the routes confine themselves to what it covers."""
    found = _by_role()
    if found is None:
        raise NotFound("There is no such page.")
    second_factor.require(is_admin=found.is_admin)
    g.badge = found
    return None


def badge() -> Principal:
    """Who acts in the present request, and where they may act."""
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
    """The roles of the person signed in, for the menu; none where the database does not answer."""
    if "own_roles" not in g:
        found: list[GrantInForce] = []
        # A page that reports an error shows the menu too.
        with contextlib.suppress(SQLAlchemyError):
            person = session.current_person()
            if person:
                with services().engine.connect() as connection:
                    found = roles.everyone(connection, person.id)
        g.own_roles = found
    kept: list[GrantInForce] = g.own_roles
    return kept


def decides_within(is_within: Callable[[TerritoryScope], bool]) -> bool:
    """On a public page: whether the person signed in may decide about its subject."""
    found = _by_role()
    if found is None or second_factor.missing_step(is_admin=found.is_admin):
        return False
    return is_within(found.decides)


def require_decider(is_within: Callable[[TerritoryScope], bool]) -> None:
    """For those who may decide about a case; `is_within` says whether a scope covers it.

    Raises NotFound for a case that the reviewer does not even see, 403 for one they may only read.
    """
    if is_within(decides()):
        return
    if not is_within(sees()):
        raise NotFound("There is no such case.")
    abort(_read_only())


def require_any_decision() -> None:
    """Refuses (403) those who may decide nowhere."""
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


def _read_only() -> Response:
    page = render_template(
        "error.html",
        status=int(HTTPStatus.FORBIDDEN),
        title=_("Lecture seule"),
        detail=_("Vous pouvez lire ce qui attend ici, pas en décider."),
    )
    return make_response(page, HTTPStatus.FORBIDDEN)

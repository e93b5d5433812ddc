"""Whether the present session has shown what lets it use a role, or make a key for tools."""

from urllib.parse import urlencode

from flask import abort, redirect, request

from mapservice.accounts.people import session
from mapservice.accounts.second_factor.service import SecretBox
from mapservice.web import edge
from mapservice.web.edge import services

CODE = "/compte/second-facteur/code"
SET_UP = "/compte/second-facteur"
REQUIRED = "required"


def secret_box() -> SecretBox:
    """With the keys of this service, the present one first."""
    return SecretBox(edge.secret_keys()[::-1])


def missing_step(*, is_admin: bool) -> str:
    """The page where the person signed in shows a code, or sets one up; "" where nothing lacks."""
    found = session.signed_in()
    if found is None or found.shown_second_factor:
        return ""
    if found.has_second_factor:
        return CODE
    is_required = is_admin and services().settings.second_factor == REQUIRED
    return SET_UP if is_required else ""


def require(*, is_admin: bool) -> None:
    """Sends whoever has yet to show a code to do so, and from there back here."""
    step = missing_step(is_admin=is_admin)
    if step:
        back = request.full_path.rstrip("?") if request.method == "GET" else ""
        abort(redirect(f"{step}?{urlencode({'suite': back})}" if back else step, 303))

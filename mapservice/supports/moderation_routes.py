"""`/moderation/signalements`: what people find wrong with initiatives."""

from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from mapservice.errors import Conflict
from mapservice.http import reviewer as access
from mapservice.http.params import only_parameters
from mapservice.http.services import services
from mapservice.http.words import gettext as _
from mapservice.supports import queries, service
from mapservice.supports.model import MAX_TEXT, Reason
from mapservice.supports.routes import reason_words

blueprint = Blueprint("reports", __name__, url_prefix="/moderation/signalements")
blueprint.before_request(access.admit_within)

SHOWN = 50


@blueprint.get("")
def listing() -> str:
    only_parameters()
    return _page()


@blueprint.post("/<uuid:identifier>/clore")
def close(identifier: UUID) -> Response:
    with services().engine.connect() as connection:
        access.require_decider(lambda reach: queries.is_within(connection, identifier, reach))
    if not access.is_own_form():
        words = _("Ce formulaire a expiré, ou ne vient pas de cette page. Rien n’a été enregistré.")
        return make_response(_page(words), HTTPStatus.FORBIDDEN)
    note = request.form.get("note", "").strip()[:MAX_TEXT]
    try:
        service.close_report(services().engine, identifier, access.reviewer(), note)
    except Conflict:
        return make_response(_page(_("Ce signalement est déjà clos.")), HTTPStatus.CONFLICT)
    response = redirect(url_for("reports.listing"), HTTPStatus.SEE_OTHER)
    assert isinstance(response, Response)
    return response


@blueprint.after_request
def keep_private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _page(error: str = "") -> str:
    with services().engine.connect() as connection:
        return render_template(
            "supports/reports.html",
            reports=queries.open_reports(connection, access.sees(), SHOWN),
            words={reason: reason_words(reason) for reason in Reason},
            badge=access.badge(),
            reviewer=access.reviewer(),
            token=access.form_token(),
            error=error,
            most=MAX_TEXT,
        )

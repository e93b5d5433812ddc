"""`/rapports/mensuels`: a report each month for people with a role: asked for, and ended."""

from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, abort, make_response, redirect, render_template, url_for
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.people.model import Person
from mapservice.accounts.people.personal_data import AccountSection, PersonalDataProvider
from mapservice.accounts.roles import queries as roles
from mapservice.errors import StateConflict
from mapservice.i18n import PARIS
from mapservice.i18n import gettext as _
from mapservice.initiatives.params import with_known_places
from mapservice.publishing.reports import schedule_queries as queries
from mapservice.publishing.reports import schedule_service
from mapservice.publishing.reports.model import ReportView
from mapservice.publishing.reports.routes import form_pairs
from mapservice.web import edge, forms
from mapservice.web.edge import services
from mapservice.web.forms import FormRefused
from mapservice.web.unsubscribe import UnsubscribePage

blueprint = Blueprint("report_schedules", __name__, url_prefix="/rapports/mensuels")
blueprint.after_request(edge.secret_answer)

MINE = "mes-rapports"
LEAVING = UnsubscribePage("reports/leave.html", queries.leave_key, schedule_service.leave)


@blueprint.post("")
def schedule() -> Response:
    """The form of a report sent by its second button, which ignores the period."""
    person = session.require_person()
    forms.check_own()
    view = ReportView.parse(form_pairs())
    today, site = datetime.now(PARIS).date(), session.letterhead()
    try:
        with services().engine.begin() as connection:
            if not roles.of_person(connection, person.id):
                page = render_template(
                    "error.html",
                    status=int(HTTPStatus.FORBIDDEN),
                    title=_("Page réservée"),
                    detail=_(
                        "Les rapports mensuels sont pour qui modère ou coordonne un territoire."
                    ),
                )
                abort(make_response(page, HTTPStatus.FORBIDDEN))
            view = replace(view, filters=with_known_places(connection, view.filters))
            schedule_service.schedule(connection, person.id, view, site.base_url, today)
    except StateConflict:
        words = _(
            "%(most)s rapports par mois au plus : arrêtez-en un depuis votre compte.",
            most=schedule_service.MAX_SCHEDULES,
        )
        raise FormRefused(HTTPStatus.CONFLICT, words) from None
    return _see()


@blueprint.post("/<uuid:identifier>/arreter")
def stop(identifier: UUID) -> Response:
    person = session.require_person()
    forms.check_own()
    with services().engine.begin() as connection:
        schedule_service.stop(connection, person.id, identifier)
    return _see()


@blueprint.get("/<uuid:identifier>/quitter/<secret:signature>")
def ask_leave(identifier: UUID, signature: str) -> Response:
    return LEAVING.ask(identifier, signature)


@blueprint.post("/<uuid:identifier>/quitter/<secret:signature>")
def leave(identifier: UUID, signature: str) -> Response:
    return LEAVING.leave(identifier, signature)


def _mine(connection: Connection, person: Person) -> object:
    """Each in words; None for a person without a role who has no report left."""
    kept = queries.of_person(connection, person.id)
    has_role = bool(roles.of_person(connection, person.id))
    if not kept and not has_role:
        return None
    locale = session.locale()
    views = [(one, ReportView.of_query(one.view)) for one in kept]
    return {
        "has_role": has_role,
        "kept": [
            {
                "id": one.id,
                "query": one.view,
                "by": view.by,
                "place": schedule_service.place_of(connection, view, locale),
                "themes": schedule_service.theme_words(view, locale),
            }
            for one, view in views
        ],
    }


def _see() -> Response:
    response = redirect(url_for("people.account", _anchor=MINE), HTTPStatus.SEE_OTHER)
    assert isinstance(response, Response)
    return response


PERSONAL_DATA = PersonalDataProvider(
    "monthly_reports",
    queries.export,
    schedule_service.erase,
    AccountSection("reports/_mine.html", _mine),
)

"""`/moderation/signalements`: problem reports about initiatives, one by one."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.roles import permissions as access
from mapservice.audit import queries as audit
from mapservice.contributions.proposals import queries as proposals
from mapservice.contributions.proposals import similar
from mapservice.contributions.proposals.model import MAX_REASON
from mapservice.contributions.supports import queries as supports
from mapservice.contributions.supports.model import MAX_TEXT, ProblemReport
from mapservice.contributions.supports.service import close_report
from mapservice.errors import NotFound
from mapservice.i18n import gettext as _
from mapservice.i18n import reason_words
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.markdown import to_html
from mapservice.initiatives.model import PUBLIC
from mapservice.media import queries as photos
from mapservice.moderation import merge_service, pages, queries, service
from mapservice.moderation.case_forms import CaseForms, read_revision, read_verdict
from mapservice.moderation.merge_routes import read_target
from mapservice.moderation.merge_service import MergeAction
from mapservice.moderation.model import CLAIM_MINUTES, CaseKind
from mapservice.moderation.routes import shared
from mapservice.tiles.live_map import place_map
from mapservice.web.edge import only_parameters, services

blueprint = Blueprint("reports", __name__, url_prefix="/moderation/signalements")
pages.keep_private(blueprint)

Verb = Callable[[Connection, ProblemReport], None]


@blueprint.get("")
def listing() -> Response:
    """Reports are listed in the queue with all other cases."""
    only_parameters()
    return pages.see(url_for("moderation.queue", kind=str(CaseKind.REPORT)))


@blueprint.get("/<uuid:identifier>")
def case(identifier: UUID) -> Response:
    only_parameters("territory", "kind", "decided")
    with services().engine.connect() as connection:
        return _page(connection, identifier)


@blueprint.post("/<uuid:identifier>")
def take_down(identifier: UUID) -> Response:
    """Rejects the reported initiative, or asks its author for changes."""

    def act(connection: Connection, report: ProblemReport) -> None:
        service.take_down(
            connection,
            session.letterhead(),
            report.initiative,
            read_verdict(),
            pages.moderator(),
            reason=request.form.get("reason", ""),
            report=report.id,
        )

    return _settle(identifier, act)


@blueprint.post("/<uuid:identifier>/clore")
def close(identifier: UUID) -> Response:
    """Closes the report without a change of the initiative."""
    return _settle(identifier, lambda _connection, _report: None)


@blueprint.post("/<uuid:identifier>/reunir")
def merge(identifier: UUID) -> Response:
    """Merges the reported initiative into another one."""

    def act(connection: Connection, report: ProblemReport) -> None:
        badge, reason = access.badge(), request.form.get("reason", "")
        done = MergeAction(
            by=badge.name,
            person=badge.person,
            reason=reason,
            seen=read_revision(),
            report=report.id,
        )
        target = read_target(connection)
        merge_service.merge(connection, session.letterhead(), report.initiative, target, done)

    return _settle(identifier, act)


@blueprint.post("/<uuid:identifier>/prendre")
def take(identifier: UUID) -> Response:
    return FORMS.claim(identifier)


@blueprint.post("/<uuid:identifier>/rendre")
def leave(identifier: UUID) -> Response:
    return FORMS.release(identifier)


def _settle(identifier: UUID, verb: Verb) -> Response:
    """Closes the report with what `verb` does, in one transaction, and goes on to the next case."""

    def act(connection: Connection) -> str:
        badge, note = access.badge(), request.form.get("note", "").strip()[:MAX_TEXT]
        report = _find(connection, identifier)
        service.check_holder(connection, identifier, badge.name, CaseKind.REPORT)
        verb(connection, report)
        about = close_report(connection, identifier, badge.name, note, badge.person)
        return pages.onward(connection, decided=about)

    return FORMS.answer(identifier, act, _("Ce signalement est déjà clos."))


def _find(connection: Connection, identifier: UUID) -> ProblemReport:
    report = supports.find_report(connection, identifier)
    if report is None or not supports.is_within(connection, identifier, access.sees()):
        raise NotFound("There is no such report.")
    return report


def _page(connection: Connection, identifier: UUID, error: str = "") -> Response:
    report = _find(connection, identifier)
    initiative = initiatives.of_any_status(connection, [report.initiative])[report.initiative]
    proposal = proposals.find(connection, initiative.id)
    alike = similar.find(connection, initiative.territory, initiative.title, but=initiative.id)
    page = render_template(
        "moderation/report.html",
        report=report,
        reason_words=reason_words(report.reason),
        initiative=initiative,
        former_place=initiatives.former_place(connection, initiative.id),
        description_html=Markup(to_html(initiative.description)),
        photos=photos.of_initiative(connection, initiative.id),
        proposal=proposal,
        revision=proposal.revision if proposal else 0,
        is_public=initiative.status in PUBLIC,
        alike=alike,
        alike_waiting=similar.find_waiting(
            connection,
            initiative.territory,
            initiative.title,
            access.sees(),
            but=initiative.id,
        ),
        alike_within={
            one.id for one in alike if queries.is_within(connection, one.id, access.decides())
        },
        decisions=audit.decisions(connection, initiative.id),
        holder=queries.find(connection, identifier, CaseKind.REPORT)[1],
        may_decide=supports.is_within(connection, identifier, access.decides()),
        map_config=place_map(connection, initiative.territory, initiative.point),
        view=pages.read_view(connection, kind=pages.read_kind() or ""),
        error=error,
        typed=request.form,
        most=MAX_TEXT,
        max_reason=MAX_REASON,
        minutes=CLAIM_MINUTES,
        **shared(connection),
    )
    return make_response(page)


FORMS = CaseForms("reports.case", _page, supports.is_within, (CaseKind.REPORT,))

"""`/moderation/groupes/{id}`: a group as moderators see it, in their one queue."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request
from markupsafe import Markup
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.roles import permissions as access
from mapservice.audit import queries as audit
from mapservice.audit.model import DecisionVerdict
from mapservice.contributions.needs import queries as needs
from mapservice.contributions.needs.model import NeedOwner
from mapservice.contributions.proposals.model import MAX_REASON
from mapservice.errors import NotFound
from mapservice.groups import queries, service
from mapservice.groups.model import GroupStatus, LocalGroup, MemberStanding
from mapservice.groups.routes import words
from mapservice.groups.words import openness_label, place_words
from mapservice.i18n import gettext as _
from mapservice.i18n import verdict_label
from mapservice.initiatives.markdown import to_html
from mapservice.moderation import pages
from mapservice.moderation import queries as moderation
from mapservice.moderation.case_forms import CaseForms, read_revision, read_verdict
from mapservice.moderation.model import CLAIM_MINUTES, CaseKind, CaseSubject
from mapservice.moderation.subjects import CaseProvider
from mapservice.web import forms
from mapservice.web.edge import only_parameters, services
from mapservice.web.forms import FormRefused

blueprint = Blueprint("group_moderation", __name__, url_prefix="/moderation/groupes")
pages.keep_private(blueprint)


@blueprint.get("/<uuid:identifier>")
def case(identifier: UUID) -> Response:
    only_parameters("territory", "kind", "decided")
    with services().engine.connect() as connection:
        return _page(connection, identifier)


@blueprint.post("/<uuid:identifier>/prendre")
def take(identifier: UUID) -> Response:
    return FORMS.claim(identifier)


@blueprint.post("/<uuid:identifier>/rendre")
def give_back(identifier: UUID) -> Response:
    return FORMS.release(identifier)


@blueprint.post("/<uuid:identifier>/organisateur")
def appoint(identifier: UUID) -> Response:
    """Mails somebody an invitation to organise a group that has lost its organisers."""

    def act(connection: Connection) -> str:
        site, email = session.letterhead(), forms.read_email()
        service.appoint(connection, site, identifier, pages.moderator(), email)
        return FORMS.address(identifier)

    try:
        return FORMS.answer(identifier, act)
    except FormRefused as error:
        return FORMS.again(identifier, HTTPStatus.BAD_REQUEST, error.words)


@blueprint.post("/<uuid:identifier>")
def decide(identifier: UUID) -> Response:
    def act(connection: Connection) -> str:
        archives = request.form.get("verdict") == DecisionVerdict.ARCHIVE
        service.decide(
            connection,
            session.letterhead(),
            identifier,
            DecisionVerdict.ARCHIVE if archives else read_verdict(),
            pages.moderator(),
            seen=read_revision(),
            reason=request.form.get("reason", ""),
        )
        return pages.onward(connection)

    return FORMS.answer(identifier, act)


def load(connection: Connection, ids: Sequence[UUID]) -> Mapping[UUID, CaseSubject]:
    """What the queue shows of groups."""
    return {
        one.id: CaseSubject(
            id=one.id,
            title=one.name,
            summary=one.summary,
            theme=str(one.theme),
            status=str(one.status),
            precision=str(one.precision),
            place=place_words(one),
            eyebrow=eyebrow(one),
            commune=one.commune,
            departement=one.departement,
            region=one.region,
        )
        for one in queries.of_ids(connection, ids).values()
    }


def eyebrow(group: LocalGroup) -> str:
    """Why it waits."""
    if group.is_without_organiser and group.status is GroupStatus.PUBLISHED:
        return _("Groupe sans organisateur")
    return _("Groupe modifié, déjà public") if group.is_public else _("Groupe proposé")


PROVIDER = CaseProvider(CaseKind.GROUP, load, "group_moderation.case")


def _former(connection: Connection, found: LocalGroup) -> list[tuple[str, str]]:
    """What was changed since moderators saw it, each with its label, as it stood before."""
    before = queries.before_change(connection, found.id)
    labels = {
        "name": _("Nom"),
        "summary": _("Résumé"),
        "place_text": _("Où"),
        "openness": _("Pour devenir membre"),
        "organisation": _("Organisation"),
        "description": _("Description"),
    }
    told = [
        (name, label)
        for name, label in labels.items()
        if name in before and before[name] != getattr(found, name)
    ]
    return [
        (label, openness_label(before[name]) if name == "openness" else before[name])
        for name, label in told
    ]


def _page(connection: Connection, identifier: UUID, error: str = "") -> Response:
    found = queries.find(connection, identifier)
    if found is None or not queries.is_within(connection, identifier, access.sees()):
        raise NotFound("There is no such group.")
    kind, holder = moderation.find(connection, identifier, CaseKind.GROUP)
    page = render_template(
        "groups/moderation_case.html",
        group=found,
        kind=kind,
        holder=holder,
        eyebrow=eyebrow(found),
        former=_former(connection, found),
        organisers=[
            one.name
            for one in queries.members(connection, identifier)
            if one.standing is MemberStanding.ORGANISER
        ],
        needs=needs.of_owner(connection, NeedOwner.GROUP, identifier, None),
        description_html=Markup(to_html(found.description)),
        decisions=audit.decisions(connection, identifier),
        may_decide=queries.is_within(connection, identifier, access.decides()),
        is_orphan=found.is_without_organiser and found.status is GroupStatus.PUBLISHED,
        error=error,
        typed=request.form,
        max_reason=MAX_REASON,
        minutes=CLAIM_MINUTES,
        initiative={"id": identifier},
        token=access.form_token(),
        reviewer=access.reviewer(),
        badge=access.badge(),
        scope_pairs=pages.part_pairs(),
        verdict_label=verdict_label,
        **words(datetime.now(UTC)),
    )
    return make_response(page)


FORMS = CaseForms("group_moderation.case", _page, queries.is_within, (CaseKind.GROUP,))

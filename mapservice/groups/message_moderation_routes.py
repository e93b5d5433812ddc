"""`/moderation/messages/{id}`: a message to a group, held or reported, and what is decided."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.roles import permissions as access
from mapservice.accounts.roles.model import TerritoryScope
from mapservice.audit import queries as audit
from mapservice.audit.model import DecisionVerdict
from mapservice.contributions.proposals.model import MAX_REASON
from mapservice.errors import InvalidInput, NotFound
from mapservice.groups import message_service as messages
from mapservice.groups import queries
from mapservice.groups.model import HELD_FOR, MessageState
from mapservice.groups.routes import words
from mapservice.groups.words import place_words
from mapservice.i18n import gettext as _
from mapservice.i18n import verdict_label
from mapservice.moderation import pages
from mapservice.moderation import queries as moderation
from mapservice.moderation.case_forms import CaseForms
from mapservice.moderation.model import CLAIM_MINUTES, CaseKind, CaseSubject
from mapservice.moderation.subjects import CaseProvider
from mapservice.web.edge import only_parameters, services

blueprint = Blueprint("message_moderation", __name__, url_prefix="/moderation/messages")
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


@blueprint.post("/<uuid:identifier>")
def decide(identifier: UUID) -> Response:
    def act(connection: Connection) -> str:
        verdict = request.form.get("verdict", "")
        if verdict not in (DecisionVerdict.POST, DecisionVerdict.UNPOST):
            raise InvalidInput("verdict", "is not one of those offered")
        messages.decide(
            connection,
            session.letterhead(),
            identifier,
            DecisionVerdict(verdict),
            pages.moderator(),
            now=datetime.now(UTC),
            reason=request.form.get("reason", ""),
        )
        return pages.onward(connection)

    return FORMS.answer(identifier, act)


def load(connection: Connection, ids: Sequence[UUID]) -> Mapping[UUID, CaseSubject]:
    """What the queue shows of messages; each stands where its group is."""
    known = {one: found for one in ids if (found := messages.find(connection, one))}
    groups = queries.of_ids(connection, [one.local_group for one in known.values()])
    return {
        one.id: CaseSubject(
            id=one.id,
            title=one.subject,
            summary=_("À ses membres : %(group)s", group=groups[one.local_group].name),
            theme=str(groups[one.local_group].theme),
            status=str(one.state),
            precision=str(groups[one.local_group].precision),
            place=place_words(groups[one.local_group]),
            eyebrow=_("Message à relire avant envoi")
            if one.state is MessageState.HELD
            else _("Message signalé"),
            commune=groups[one.local_group].commune,
            departement=groups[one.local_group].departement,
            region=groups[one.local_group].region,
        )
        for one in known.values()
        if one.local_group in groups
    }


PROVIDER = CaseProvider(CaseKind.MESSAGE, load, "message_moderation.case")


def is_within(connection: Connection, identifier: UUID, reach: TerritoryScope) -> bool:
    """Whether the group of a message is placed within a scope."""
    found = messages.find(connection, identifier)
    return found is not None and queries.is_within(connection, found.local_group, reach)


def _page(connection: Connection, identifier: UUID, error: str = "") -> Response:
    found = messages.find(connection, identifier)
    if found is None or not is_within(connection, identifier, access.sees()):
        raise NotFound("There is no such message.")
    kind, holder = moderation.find(connection, identifier, CaseKind.MESSAGE)
    page = render_template(
        "groups/message_case.html",
        message=found,
        group=queries.find(connection, found.local_group),
        complaints=messages.complaints(connection, identifier),
        kind=kind,
        holder=holder,
        decisions=audit.decisions(connection, found.local_group),
        may_decide=is_within(connection, identifier, access.decides()),
        error=error,
        typed=request.form,
        max_reason=MAX_REASON,
        minutes=CLAIM_MINUTES,
        held_days=HELD_FOR.days,
        initiative={"id": found.local_group},
        token=access.form_token(),
        reviewer=access.reviewer(),
        badge=access.badge(),
        scope_pairs=pages.part_pairs(),
        verdict_label=verdict_label,
        **words(datetime.now(UTC)),
    )
    return make_response(page)


FORMS = CaseForms("message_moderation.case", _page, is_within, (CaseKind.MESSAGE,))

"""`/moderation/messages/{id}`: a message to a group or about an event, and what is decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.roles import permissions as access
from mapservice.accounts.roles.model import TerritoryScope
from mapservice.audit import queries as audit
from mapservice.audit.model import DecisionVerdict
from mapservice.contributions.proposals.model import MAX_REASON
from mapservice.errors import InvalidInput, NotFound
from mapservice.events import queries as events
from mapservice.events.model import Event
from mapservice.events.words import place_words as event_place
from mapservice.groups import message_service as messages
from mapservice.groups import queries as groups
from mapservice.groups.model import HELD_FOR, GroupMessage, LocalGroup, MessageState
from mapservice.groups.routes import words
from mapservice.groups.words import place_words as group_place
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


@dataclass(frozen=True, slots=True)
class MessageCase:
    """What a message is about, as its case shows it: a group, or an event of a series."""

    about: LocalGroup | Event
    title: str
    place: str
    page: str
    case: UUID


def load(connection: Connection, ids: Sequence[UUID]) -> Mapping[UUID, CaseSubject]:
    """What the queue shows of messages; each stands where its group or event is."""
    found = [text for one in ids if (text := messages.find(connection, one))]
    known = _cases(connection, found)
    return {
        one.id: CaseSubject(
            id=one.id,
            title=one.subject,
            summary=_("Aux personnes inscrites : %(event)s", event=known[one.id].title)
            if one.event
            else _("À ses membres : %(group)s", group=known[one.id].title),
            theme=str(known[one.id].about.theme),
            status=str(one.state),
            precision=str(known[one.id].about.precision),
            place=known[one.id].place,
            eyebrow=_("Message à relire avant envoi")
            if one.state is MessageState.HELD
            else _("Message signalé"),
            commune=known[one.id].about.commune,
            departement=known[one.id].about.departement,
            region=known[one.id].about.region,
        )
        for one in found
        if one.id in known
    }


def _cases(connection: Connection, found: Sequence[GroupMessage]) -> dict[UUID, MessageCase]:
    """By message; none for what is gone meanwhile."""
    of_groups = groups.of_ids(connection, [one.local_group for one in found if one.local_group])
    of_events = events.of_ids(connection, [one.event for one in found if one.event])
    known: dict[UUID, MessageCase] = {}
    for one in found:
        if one.local_group in of_groups:
            group = of_groups[one.local_group]
            page = url_for("group_moderation.case", identifier=group.id)
            known[one.id] = MessageCase(group, group.name, group_place(group), page, group.id)
        elif one.event in of_events:
            date = of_events[one.event]
            page = url_for("event_moderation.case", identifier=date.series)
            known[one.id] = MessageCase(date, date.title, event_place(date), page, date.series)
    return known


PROVIDER = CaseProvider(CaseKind.MESSAGE, load, "message_moderation.case")


def is_within(connection: Connection, identifier: UUID, reach: TerritoryScope) -> bool:
    """Whether the group of a message, or any date of its event, is placed within a scope."""
    found = messages.find(connection, identifier)
    if found is None:
        return False
    if found.local_group:
        return groups.is_within(connection, found.local_group, reach)
    (about,) = _cases(connection, [found]).values()
    return events.is_within(connection, about.case, reach)


def _page(connection: Connection, identifier: UUID, error: str = "") -> Response:
    found = messages.find(connection, identifier)
    if found is None or not is_within(connection, identifier, access.sees()):
        raise NotFound("There is no such message.")
    about = _cases(connection, [found])[identifier]
    kind, holder = moderation.find(connection, identifier, CaseKind.MESSAGE)
    page = render_template(
        "groups/message_case.html",
        message=found,
        case=about,
        complaints=messages.complaints(connection, identifier),
        kind=kind,
        holder=holder,
        decisions=audit.decisions(connection, about.case),
        may_decide=is_within(connection, identifier, access.decides()),
        error=error,
        typed=request.form,
        max_reason=MAX_REASON,
        minutes=CLAIM_MINUTES,
        held_days=HELD_FOR.days,
        initiative={"id": about.case},
        token=access.form_token(),
        reviewer=access.reviewer(),
        badge=access.badge(),
        scope_pairs=pages.part_pairs(),
        verdict_label=verdict_label,
        **words(datetime.now(UTC)),
    )
    return make_response(page)


FORMS = CaseForms("message_moderation.case", _page, is_within, (CaseKind.MESSAGE,))

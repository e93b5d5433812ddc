"""`/moderation/evenements/{id}`: a series of events as moderators see it, in their one queue."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request
from markupsafe import Markup
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.roles import permissions as access
from mapservice.audit import queries as audit
from mapservice.contributions.needs import queries as needs
from mapservice.contributions.needs.model import NeedOwner
from mapservice.contributions.proposals.model import MAX_REASON
from mapservice.errors import NotFound
from mapservice.events import queries, service
from mapservice.events.model import PUBLIC, Event
from mapservice.events.queries import EventSeries
from mapservice.events.recurrence_words import series_words
from mapservice.events.routes import words
from mapservice.events.words import event_status_label, place_words, span_words, when_words
from mapservice.groups import queries as groups
from mapservice.i18n import gettext as _
from mapservice.i18n import verdict_label
from mapservice.initiatives.markdown import to_html
from mapservice.moderation import pages
from mapservice.moderation import queries as moderation
from mapservice.moderation.case_forms import CaseForms, read_revision, read_verdict
from mapservice.moderation.model import CLAIM_MINUTES, CaseKind, CaseSubject
from mapservice.moderation.subjects import CaseProvider
from mapservice.web.edge import only_parameters, services

blueprint = Blueprint("event_moderation", __name__, url_prefix="/moderation/evenements")
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
        service.decide(
            connection,
            session.letterhead(),
            identifier,
            read_verdict(),
            pages.moderator(),
            seen=read_revision(),
            reason=request.form.get("reason", ""),
        )
        return pages.onward(connection)

    return FORMS.answer(identifier, act)


def load(connection: Connection, ids: Sequence[UUID]) -> Mapping[UUID, CaseSubject]:
    """What the queue shows of series: their next date stands for them."""
    now = datetime.now(UTC)
    firsts = {}
    for one in ids:
        if queries.find_series(connection, one):
            firsts[one] = queries.first_of(connection, one, now)
    known = queries.of_ids(connection, firsts.values())
    rules = {one: _rule(connection, one, known[first], now) for one, first in firsts.items()}
    return {
        one: CaseSubject(
            id=one,
            title=known[first].title,
            summary=known[first].summary,
            theme=str(known[first].theme),
            status=str(known[first].status),
            precision=str(known[first].precision),
            place=" · ".join(
                part
                for part in (rules[one], when_words(known[first]), place_words(known[first]))
                if part
            ),
            eyebrow=_("Événement modifié, déjà public")
            if known[first].status in PUBLIC
            else _("Événement proposé"),
            commune=known[first].commune,
            departement=known[first].departement,
            region=known[first].region,
        )
        for one, first in firsts.items()
        if first in known
    }


def _rule(connection: Connection, identifier: UUID, shown: Event, now: datetime) -> str:
    series = queries.find_series(connection, identifier)
    if series is None or series.times.rule is None:
        return ""
    return series_words(series.times, queries.of_series(connection, identifier), shown, now)


def _former(connection: Connection, series: EventSeries) -> list[tuple[str, str]]:
    """What was changed since moderators saw it, each with its label, as it stood before.

    It is compared with the date that was changed, be it another than the one that is shown.
    """
    before = series.before_change or {}
    changed = queries.find(connection, UUID(before["event"])) if before else None
    if changed is None:
        return []
    labels = {
        "title": _("Titre"),
        "summary": _("Résumé"),
        "place_text": _("Où"),
        "online_url": _("Adresse en ligne"),
        "registration_url": _("Adresse de la page d’inscription"),
        "question": _("Question posée"),
        "description": _("Description"),
    }
    told = [
        (label, before[name])
        for name, label in labels.items()
        if before[name] != getattr(changed, name)
    ]
    begins = datetime.fromisoformat(before["starts_local"])
    ends = datetime.fromisoformat(before["ends_local"])
    if (begins, ends) != (changed.starts_local, changed.ends_local):
        told.insert(0, (_("Quand"), span_words(begins, ends)))
    return told


PROVIDER = CaseProvider(CaseKind.EVENT, load, "event_moderation.case")


def _page(connection: Connection, identifier: UUID, error: str = "") -> Response:
    series = queries.find_series(connection, identifier)
    if series is None or not queries.is_within(connection, identifier, access.sees()):
        raise NotFound("There is no such event.")
    now = datetime.now(UTC)
    every = queries.of_series(connection, identifier)
    shown = queries.first_of(connection, identifier, now)
    found = next(one for one in every if one.id == shown)
    kind, holder = moderation.find(connection, identifier, CaseKind.EVENT)
    dates = [one for one in every if one.ends_at > now]
    page = render_template(
        "events/moderation_case.html",
        event=found,
        series=series,
        of_group=groups.of_series(connection, series.id),
        rule=series_words(series.times, every, found, now),
        former=_former(connection, series),
        needs=[
            need
            for one in dates
            for need in needs.of_owner(connection, NeedOwner.EVENT, one.id, None)
        ],
        dates=dates,
        kind=kind,
        holder=holder,
        description_html=Markup(to_html(found.description)),
        decisions=audit.decisions(connection, identifier),
        may_decide=queries.is_within(connection, identifier, access.decides()),
        is_public=any(one.status in PUBLIC for one in every),
        error=error,
        typed=request.form,
        max_reason=MAX_REASON,
        minutes=CLAIM_MINUTES,
        initiative={"id": identifier},
        status_label=event_status_label,
        token=access.form_token(),
        reviewer=access.reviewer(),
        badge=access.badge(),
        scope_pairs=pages.part_pairs(),
        verdict_label=verdict_label,
        **words(now),
    )
    return make_response(page)


FORMS = CaseForms("event_moderation.case", _page, queries.is_within, (CaseKind.EVENT,))

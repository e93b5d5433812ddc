"""`/moderation`: the queue, one text, and the decisions about it."""

from collections.abc import Sequence
from typing import Any
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
from mapservice.contributions.supports.model import ReportReason
from mapservice.errors import InvalidInput, NotFound
from mapservice.i18n import case_kind_label, reason_words
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.filters import ListingCursor, ListingSort, parse_moment
from mapservice.initiatives.markdown import to_html
from mapservice.initiatives.model import PUBLIC
from mapservice.media import queries as photos
from mapservice.moderation import pages, queries, service
from mapservice.moderation.case_forms import CaseForms, read_revision, read_verdict
from mapservice.moderation.merge_service import MERGEABLE
from mapservice.moderation.model import CLAIM_MINUTES, CaseKind, QueuePosition
from mapservice.moderation.places import queries as places
from mapservice.moderation.subjects import CaseProviders
from mapservice.tiles.live_map import place_map
from mapservice.web.edge import only_parameters, services

blueprint = Blueprint("moderation", __name__, url_prefix="/moderation")
pages.keep_private(blueprint)

PAGE_SIZE = 20


@blueprint.get("")
def queue() -> str:
    only_parameters("territory", "kind", "cursor", "decided")
    kind = pages.read_kind()
    # The cursor is that of listings, followed by a full stop and the kind of the last case shown.
    packed, _sign, last_kind = request.args.get("cursor", "").rpartition(".")
    after = None
    if packed or last_kind:
        cursor = ListingCursor.decode(packed)
        if cursor.sort is not ListingSort.RECENT or last_kind not in tuple(CaseKind):
            raise InvalidInput("cursor", "is not one that this page gave")
        since = parse_moment("cursor", str(cursor.value))
        after = QueuePosition(since, CaseKind(last_kind), UUID(cursor.id))
    with services().engine.connect() as connection:
        view = pages.read_view(connection, kind=kind or "")
        part = pages.part_of(connection, view.scope, access.sees(), kind)
        whole = pages.part_of(connection, type(view.scope)(), access.sees())
        found, following = queries.find_page(connection, part, PAGE_SIZE, after)
        next_url = None
        if following:
            cursor = ListingCursor(
                ListingSort.RECENT, following.since.isoformat(), str(following.id)
            )
            next_url = _address(view.pairs(), cursor=f"{cursor.encode()}.{following.kind}")
        about = [one.initiative for one in found if one.initiative]
        known: dict[UUID, Any] = {
            **initiatives.of_any_status(connection, about),
            **services().of(CaseProviders).load(connection, found),
        }
        counts = queries.counts(connection, whole, part)
        return render_template(
            "moderation/queue.html",
            view=view,
            kind=kind,
            # A subject that is deleted at this moment is none any more.
            cases=[
                (one, known[one.initiative or one.id])
                for one in found
                if (one.initiative or one.id) in known
            ],
            next_url=next_url,
            first="cursor" not in request.args,
            counts=counts,
            total=counts.kinds.get(kind, 0) if kind else counts.waiting,
            page_of=pages.page_of,
            photos=photos.of_initiatives(connection, about),
            kind_label=case_kind_label,
            reasons={reason: reason_words(reason) for reason in ReportReason},
            **shared(connection),
        )


@blueprint.get("/<uuid:identifier>")
def case(identifier: UUID) -> Response:
    only_parameters("territory", "kind", "decided")
    with services().engine.connect() as connection:
        return case_page(connection, identifier)


@blueprint.post("/suivante")
def take_next() -> Response:
    """Claims the oldest unclaimed case, of any kind, and shows it."""
    access.require_any_decision()
    if not access.is_own_form():
        return pages.see(_address(pages.part_pairs()))
    but = pages.read_id("but", request.form.get("but", ""))
    with services().engine.begin() as connection:
        return pages.see(pages.onward(connection, but=but))


@blueprint.post("/<uuid:identifier>/prendre")
def take(identifier: UUID) -> Response:
    return FORMS.claim(identifier)


@blueprint.post("/<uuid:identifier>/rendre")
def leave(identifier: UUID) -> Response:
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
            digest=request.form.get("digest", ""),
            reason=request.form.get("reason", ""),
        )
        return pages.onward(connection, decided=identifier)

    return FORMS.answer(identifier, act)


def case_page(connection: Connection, identifier: UUID, error: str = "") -> Response:
    """One initiative as moderators see it, proposed here or imported. Raises NotFound."""
    initiative = initiatives.of_any_status(connection, [identifier]).get(identifier)
    if initiative is None or not queries.is_within(connection, identifier, access.sees()):
        raise NotFound("There is no such initiative.")
    proposal = proposals.find(connection, identifier)
    content = proposal.content if proposal else initiative
    kind, holder = queries.find(connection, identifier)
    revisions = proposals.revisions(connection, identifier)
    # An edit of a public initiative is compared with the version before it.
    edited = proposal is not None and proposal.is_public and len(revisions) > 1
    head = initiatives.head(connection, identifier)
    alike = similar.find(connection, initiative.territory, content.title, but=identifier)
    page = render_template(
        "moderation/case.html",
        initiative=initiative,
        former_place=initiatives.former_place(connection, identifier),
        proposal=proposal,
        digest="" if proposal else queries.source_digest(connection, identifier),
        kind=kind,
        holder=holder,
        description_html=Markup(to_html(content.description)),
        revisions=revisions,
        former=revisions[1] if edited else None,
        decisions=audit.decisions(connection, identifier),
        may_decide=queries.is_within(connection, identifier, access.decides()),
        view=pages.read_view(connection, kind=pages.read_kind() or ""),
        error=error,
        typed=request.form,
        max_reason=MAX_REASON,
        minutes=CLAIM_MINUTES,
        # Similar initiatives, and those that it is merged with.
        photos=photos.of_initiative(connection, identifier),
        source_detail=initiatives.detail(connection, identifier),
        alike=[] if head != identifier else alike,
        alike_waiting=similar.find_waiting(
            connection, initiative.territory, content.title, access.sees(), but=identifier
        ),
        alike_within={
            one.id for one in alike if queries.is_within(connection, one.id, access.decides())
        },
        is_public=initiative.status in PUBLIC,
        mergeable=initiative.status in MERGEABLE,
        head=initiatives.of_any_status(connection, [head])[head] if head != identifier else None,
        merged=queries.merged(connection, identifier),
        # The author's other proposals, an appeal and the rejection that it is against.
        past=queries.past(connection, identifier, proposal.person if proposal else None),
        appeal=queries.appeal(connection, identifier),
        rejection=audit.last_rejection(connection, identifier),
        barred=service.is_barred(connection, identifier, pages.moderator()),
        has_place=places.find(connection, identifier, any_state=True) is not None,
        map_config=place_map(connection, initiative.territory, initiative.point),
        **shared(connection),
    )
    return make_response(page)


def shared(connection: Connection) -> dict[str, Any]:
    """Context of every page of the queue: the decision just taken, what forms and links need."""
    return pages.settled_decision(connection) | {
        "token": access.form_token(),
        "reviewer": access.reviewer(),
        "badge": access.badge(),
        "scope_pairs": pages.part_pairs(),
        "address": _address,
    }


FORMS = CaseForms("moderation.case", case_page, queries.is_within)


def _address(
    pairs: Sequence[tuple[str, str]], identifier: UUID | None = None, **more: str | None
) -> str:
    """The URL of the list, or of one text."""
    one = identifier and url_for("moderation.case", identifier=identifier)
    return pages.address(one or url_for("moderation.queue"), pairs, **more)

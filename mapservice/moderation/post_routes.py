"""`/moderation/nouvelles/{post}`: one post, and the decision about it."""

from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.roles import permissions as access
from mapservice.audit.model import DecisionVerdict
from mapservice.contributions.posts import queries as posts
from mapservice.contributions.proposals.model import MAX_REASON
from mapservice.errors import InvalidInput, NotFound
from mapservice.i18n import post_kind_label
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.model import PUBLIC
from mapservice.moderation import pages, post_service, queries
from mapservice.moderation.case_forms import CaseForms
from mapservice.moderation.model import CLAIM_MINUTES, CaseKind
from mapservice.moderation.routes import shared
from mapservice.web.edge import only_parameters, services

blueprint = Blueprint("moderation_posts", __name__, url_prefix="/moderation/nouvelles")
pages.keep_private(blueprint)


@blueprint.get("/<uuid:identifier>")
def case(identifier: UUID) -> Response:
    only_parameters("territory", "kind", "decided")
    with services().engine.connect() as connection:
        return _page(connection, identifier)


@blueprint.post("/<uuid:identifier>")
def decide(identifier: UUID) -> Response:
    def act(connection: Connection) -> str:
        found = post_service.decide(
            connection,
            session.letterhead(),
            identifier,
            _read_verdict(),
            pages.moderator(),
            reason=request.form.get("reason", ""),
        )
        return pages.onward(connection, decided=found.initiative)

    return FORMS.answer(identifier, act)


@blueprint.post("/<uuid:identifier>/prendre")
def take(identifier: UUID) -> Response:
    return FORMS.claim(identifier)


@blueprint.post("/<uuid:identifier>/rendre")
def leave(identifier: UUID) -> Response:
    return FORMS.release(identifier)


def _read_verdict() -> DecisionVerdict:
    text = request.form.get("verdict", "")
    if text not in (DecisionVerdict.POST, DecisionVerdict.UNPOST):
        raise InvalidInput("verdict", "is not one of those offered")
    return DecisionVerdict(text)


def _page(connection: Connection, identifier: UUID, error: str = "") -> Response:
    post = posts.find(connection, identifier)
    if post is None or not posts.is_within(connection, identifier, access.sees()):
        raise NotFound("There is no such post.")
    initiative = initiatives.of_any_status(connection, [post.initiative])[post.initiative]
    page = render_template(
        "moderation/post.html",
        post=post,
        kind_label=post_kind_label(post.kind),
        initiative=initiative,
        is_public=initiative.status in PUBLIC,
        holder=queries.find(connection, identifier, CaseKind.POST)[1],
        may_decide=posts.is_within(connection, identifier, access.decides()),
        view=pages.read_view(connection, kind=pages.read_kind() or ""),
        error=error,
        typed=request.form,
        max_reason=MAX_REASON,
        minutes=CLAIM_MINUTES,
        **shared(connection),
    )
    return make_response(page)


FORMS = CaseForms("moderation_posts.case", _page, posts.is_within, (CaseKind.POST,))

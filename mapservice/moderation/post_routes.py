"""`/moderation/nouvelles/{post}`: one post, and the decision about it."""

from collections.abc import Callable
from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy import Connection

from mapservice.accounts.people import session
from mapservice.accounts.roles import permissions as access
from mapservice.audit.model import DecisionVerdict
from mapservice.contributions.posts import queries as posts
from mapservice.contributions.posts.model import Post
from mapservice.contributions.proposals.model import MAX_REASON
from mapservice.errors import InvalidInput, NotFound
from mapservice.i18n import post_kind_label
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.model import PUBLIC
from mapservice.moderation import pages, post_service, queries, service
from mapservice.moderation.model import CLAIM_MINUTES, CaseKind
from mapservice.moderation.routes import mistake, shared
from mapservice.moderation.service import TooLate
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
    if not access.is_own_form():
        return _again(identifier, HTTPStatus.FORBIDDEN, pages.expired())
    try:
        site = session.letterhead()
        with services().engine.begin() as connection:
            _require_decider(connection, identifier)
            found = post_service.decide(
                connection,
                site,
                identifier,
                _read_verdict(),
                pages.moderator(),
                reason=request.form.get("reason", ""),
            )
            return pages.see(pages.onward(connection, decided=found.initiative))
    except InvalidInput as error:
        return _again(identifier, HTTPStatus.BAD_REQUEST, mistake(error))
    except TooLate as error:
        return _again(identifier, HTTPStatus.CONFLICT, pages.late(error))


@blueprint.post("/<uuid:identifier>/prendre")
def take(identifier: UUID) -> Response:
    return _hold(identifier, lambda connection: _claim(connection, identifier))


@blueprint.post("/<uuid:identifier>/rendre")
def leave(identifier: UUID) -> Response:
    return _hold(
        identifier, lambda connection: service.release(connection, identifier, access.reviewer())
    )


def _hold(identifier: UUID, act: Callable[[Connection], None]) -> Response:
    if not access.is_own_form():
        return _again(identifier, HTTPStatus.FORBIDDEN, pages.expired())
    try:
        with services().engine.begin() as connection:
            _require_decider(connection, identifier)
            act(connection)
    except TooLate as error:
        return _again(identifier, HTTPStatus.CONFLICT, pages.late(error))
    path = url_for("moderation_posts.case", identifier=identifier)
    return pages.see(pages.address(path, pages.part_pairs()))


def _claim(connection: Connection, identifier: UUID) -> None:
    by = access.reviewer()
    service.check_holder(connection, identifier, by, CaseKind.POST)
    service.claim(connection, identifier, by, CaseKind.POST)


def _read_verdict() -> DecisionVerdict:
    text = request.form.get("verdict", "")
    if text not in (DecisionVerdict.POST, DecisionVerdict.UNPOST):
        raise InvalidInput("verdict", "is not one of those offered")
    return DecisionVerdict(text)


def _require_decider(connection: Connection, identifier: UUID) -> None:
    access.require_decider(lambda reach: posts.is_within(connection, identifier, reach))


def _again(identifier: UUID, status: HTTPStatus, words: str) -> Response:
    with services().engine.connect() as connection:
        response = _page(connection, identifier, words)
    response.status_code = status
    return response


def _find(connection: Connection, identifier: UUID) -> Post:
    found = posts.find(connection, identifier)
    if found is None or not posts.is_within(connection, identifier, access.sees()):
        raise NotFound("There is no such post.")
    return found


def _page(connection: Connection, identifier: UUID, error: str = "") -> Response:
    post = _find(connection, identifier)
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

"""`/moderation`: proposals that wait, one of them, and the decisions about it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy import Connection

from mapservice.errors import InvalidInput, NotFound
from mapservice.http import reviewer as access
from mapservice.http import session
from mapservice.http.maps import place_map
from mapservice.http.params import only_parameters
from mapservice.http.services import services
from mapservice.http.words import gettext as _
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.filters import Cursor, Sort, parse_moment, parse_territory
from mapservice.initiatives.markdown import to_html
from mapservice.moderation import queries, service
from mapservice.moderation.model import CLAIM_MINUTES, Turn
from mapservice.moderation.service import Late, TooLate
from mapservice.proposals import queries as proposals
from mapservice.proposals import similar
from mapservice.proposals.model import MAX_REASON, Proposal, Revision, Verdict
from mapservice.review.model import Scope
from mapservice.review.queries import region_of
from mapservice.roles.queries import overlaps
from mapservice.territories import queries as territories
from mapservice.territories.model import Level

blueprint = Blueprint("moderation", __name__, url_prefix="/moderation")
blueprint.before_request(access.admit_within)

PAGE_SIZE = 20
NOWHERE = "none"


@dataclass(frozen=True, slots=True)
class View:
    """Which part of the queue a page is about, with the name and région of its territory."""

    scope: Scope
    name: str = ""
    region: str | None = None

    def pairs(self) -> list[tuple[str, str]]:
        territory = NOWHERE if self.scope.nowhere else str(self.scope.territory or "")
        return [("territory", territory)] if territory else []


@blueprint.get("")
def queue() -> str:
    only_parameters("territory", "cursor", "decided")
    with services().engine.connect() as connection:
        view = _view(connection)
        cases, following = queries.find_page(connection, view.scope, PAGE_SIZE, _cursor())
        known = initiatives.of_any_status(connection, [case.id for case in cases])
        more = _address(view.pairs(), cursor=_encoded(following)) if following else None
        return render_template(
            "moderation/queue.html",
            view=view,
            cases=[(case, known[case.id]) for case in cases],
            next_url=more,
            first="cursor" not in request.args,
            counts=queries.counts(connection, access.sees()),
            total=queries.count(connection, view.scope),
            **_shared(connection),
        )


@blueprint.get("/<uuid:identifier>")
def case(identifier: UUID) -> Response:
    only_parameters("territory", "decided")
    with services().engine.connect() as connection:
        return _case_page(connection, identifier)


@blueprint.post("/suivante")
def take_next() -> Response:
    """Takes the oldest case that nobody has, and shows it."""
    access.require_any_decision()
    if not access.is_own_form():
        return _see(_address(_scope_pairs()))
    with services().engine.begin() as connection:
        found = service.claim_next(connection, _own_part(connection), access.reviewer(), _but())
    return _see(_address(_scope_pairs(), found))


@blueprint.post("/<uuid:identifier>/prendre")
def take(identifier: UUID) -> Response:
    return _attempt(identifier, lambda connection, by: service.claim(connection, identifier, by))


@blueprint.post("/<uuid:identifier>/rendre")
def leave(identifier: UUID) -> Response:
    return _attempt(identifier, lambda connection, by: service.release(connection, identifier, by))


@blueprint.post("/<uuid:identifier>")
def decide(identifier: UUID) -> Response:
    if not access.is_own_form():
        return _again(identifier, HTTPStatus.FORBIDDEN, _expired())
    try:
        site = session.letterhead()
        with services().engine.begin() as connection:
            _require_decider(connection, identifier)
            service.decide(
                connection,
                site,
                identifier,
                _verdict(),
                access.reviewer(),
                seen=_seen(),
                reason=request.form.get("reason", ""),
                person=access.badge().person,
            )
            following = service.claim_next(connection, _own_part(connection), access.reviewer())
    except InvalidInput as error:
        return _again(identifier, HTTPStatus.BAD_REQUEST, _mistake(error))
    except TooLate as error:
        return _again(identifier, HTTPStatus.CONFLICT, _late(error))
    return _see(_address(_scope_pairs(), following, decided=str(identifier)))


@blueprint.after_request
def keep_private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _case_page(connection: Connection, identifier: UUID, error: str = "") -> Response:
    proposal = proposals.find(connection, identifier)
    if proposal is None or not queries.is_within(connection, identifier, access.sees()):
        raise NotFound("There is no such proposal.")
    initiative = initiatives.of_any_status(connection, [identifier])[identifier]
    waits, holder = queries.find(connection, identifier)
    revisions = proposals.revisions(connection, identifier)
    page = render_template(
        "moderation/case.html",
        proposal=proposal,
        initiative=initiative,
        description_html=Markup(to_html(proposal.content.description)),
        revisions=revisions,
        former=_former(proposal, revisions),
        waits=waits,
        holder=holder,
        alike=similar.find(
            connection, initiative.territory, proposal.content.title, but=identifier
        ),
        past=queries.past(connection, identifier, proposal.person),
        decisions=queries.decisions(connection, identifier),
        may_decide=queries.is_within(connection, identifier, access.decides()),
        map_config=place_map(connection, initiative.territory, initiative.point),
        view=_view(connection),
        error=error,
        typed=request.form,
        max_reason=MAX_REASON,
        minutes=CLAIM_MINUTES,
        **_shared(connection),
    )
    return make_response(page)


def _former(proposal: Proposal, revisions: Sequence[Revision]) -> Revision | None:
    """What an edit of a public initiative changed: the version before it, where there is one."""
    return revisions[1] if proposal.is_public and len(revisions) > 1 else None


def _shared(connection: Connection) -> dict[str, Any]:
    return {
        "token": access.form_token(),
        "reviewer": access.reviewer(),
        "badge": access.badge(),
        "scope_pairs": _scope_pairs(),
        "address": _address,
        "settled": _settled(connection),
        "verdict_label": verdict_label,
    }


def verdict_label(verdict: str) -> str:
    return {
        Verdict.PUBLISH: _("publiée"),
        Verdict.KEEP: _("gardée telle quelle"),
        Verdict.REJECT: _("refusée"),
        Verdict.ASK: _("renvoyée à son auteur"),
    }[Verdict(verdict)]


def _settled(connection: Connection) -> tuple[Proposal, str] | None:
    """What was decided a moment ago."""
    text = request.args.get("decided", "")
    try:
        identifier = UUID(text) if text else None
    except ValueError:
        raise InvalidInput("decided", "is not the id of a case") from None
    seen = identifier and queries.is_within(connection, identifier, access.sees())
    found = proposals.find(connection, identifier) if identifier and seen else None
    taken = queries.decisions(connection, found.id) if found else []
    return (found, taken[0].verdict) if found and taken else None


def _attempt(identifier: UUID, act: Callable[[Connection, str], None]) -> Response:
    if not access.is_own_form():
        return _again(identifier, HTTPStatus.FORBIDDEN, _expired())
    try:
        with services().engine.begin() as connection:
            _require_decider(connection, identifier)
            act(connection, access.reviewer())
    except TooLate as error:
        return _again(identifier, HTTPStatus.CONFLICT, _late(error))
    return _see(_address(_scope_pairs(), identifier))


def _require_decider(connection: Connection, identifier: UUID) -> None:
    access.require_decider(lambda reach: queries.is_within(connection, identifier, reach))


def _own_part(connection: Connection) -> Scope:
    """Of the part of the queue that is asked for, what this moderator decides about."""
    return replace(_view(connection).scope, reach=access.decides())


def _again(identifier: UUID, status: HTTPStatus, words: str) -> Response:
    """The page once more, with what is wrong; as things stand now."""
    with services().engine.connect() as connection:
        response = _case_page(connection, identifier, words)
    response.status_code = status
    return response


def _expired() -> str:
    return _("Ce formulaire a expiré, ou ne vient pas de cette page. Rien n’a été enregistré.")


def _late(error: TooLate) -> str:
    if error.why is Late.CLAIMED:
        return _("%(name)s s’en occupe en ce moment. Rien n’a été enregistré.", name=error.who)
    if error.why is Late.EDITED:
        return _("L’auteur a modifié son texte entre-temps : relisez-le. Rien n’a été enregistré.")
    if error.who:
        return _("Déjà décidé par %(name)s. Rien n’a été enregistré.", name=error.who)
    return _("Cette proposition n’attend plus de décision. Rien n’a été enregistré.")


def _mistake(error: InvalidInput) -> str:
    if error.field == "reason":
        return _("Donnez la raison, en %(most)s signes au plus.", most=MAX_REASON)
    return _("Choisissez une des décisions proposées.")


def _verdict() -> Verdict:
    text = request.form.get("verdict", "")
    if text not in tuple(Verdict):
        raise InvalidInput("verdict", "is not one of those offered")
    return Verdict(text)


def _but() -> UUID | None:
    """The case to pass over."""
    text = request.form.get("but", "")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise InvalidInput("but", "is not the id of a case") from None


def _seen() -> int:
    text = request.form.get("revision", "")
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise InvalidInput("revision", "is not the number of a version")
    return int(text)


def _see(address: str) -> Response:
    return Response(status=HTTPStatus.SEE_OTHER, headers={"Location": address})


def _scope_pairs() -> list[tuple[str, str]]:
    territory = request.args.get("territory", "")
    return [("territory", territory)] if territory else []


def _address(
    pairs: Iterable[tuple[str, str]], identifier: UUID | None = None, **more: str | None
) -> str:
    """The list, or one case, with these parameters; those of None or "" are left out."""
    path = (
        url_for("moderation.case", identifier=identifier)
        if identifier
        else url_for("moderation.queue")
    )
    given = {**dict(pairs), **more}
    query = urlencode({name: text for name, text in given.items() if text}, safe=",:")
    return f"{path}?{query}" if query else path


def _view(connection: Connection) -> View:
    """Raises InvalidInput naming the parameter, NotFound for a part out of reach."""
    text = request.args.get("territory", "").strip()
    reach = access.sees()
    if text == NOWHERE and not reach.everywhere:
        raise NotFound("There is no such part of the queue.")
    if text in ("", NOWHERE):
        return View(Scope(nowhere=text == NOWHERE, reach=reach))
    ref = parse_territory(text)
    place = territories.find(connection, ref)
    if place is None:
        raise InvalidInput("territory", f"there is no {ref}")
    if not reach.everywhere and not overlaps(connection, ref, reach):
        raise NotFound("There is no such part of the queue.")
    region = ref.code if ref.level is Level.REGION else region_of(connection, ref)
    return View(Scope(ref, reach=reach), place.name, region)


def _cursor() -> Turn | None:
    text = request.args.get("cursor", "")
    if not text:
        return None
    cursor = Cursor.decode(text)
    if cursor.sort is not Sort.RECENT:
        raise InvalidInput("cursor", "is not one that this page gave")
    return Turn(parse_moment("cursor", str(cursor.value)), UUID(cursor.id))


def _encoded(turn: Turn) -> str:
    return Cursor(Sort.RECENT, turn.queued_at.isoformat(), str(turn.id)).encode()

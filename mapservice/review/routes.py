"""`/moderation/lieux`: the queue of places in doubt, one of them, and the decisions about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    make_response,
    render_template,
    request,
    url_for,
)
from sqlalchemy import Connection

from mapservice.errors import Conflict, InvalidInput, NotFound
from mapservice.geocoding.model import Query
from mapservice.geocoding.service import Locator
from mapservice.http import reviewer as access
from mapservice.http.maps import FRANCE, map_config
from mapservice.http.params import only_parameters
from mapservice.http.services import services
from mapservice.http.words import gettext as _
from mapservice.initiatives.filters import Cursor, Filters, Sort, parse_moment, parse_territory
from mapservice.review import queries, service
from mapservice.review.model import MAX_NOTE, Candidate, Case, Choice, Review, Scope
from mapservice.review.queries import Position
from mapservice.roles.queries import overlaps
from mapservice.territories import queries as territories
from mapservice.territories.model import Level, TerritoryRef
from mapservice.territories.names import at_commune

blueprint = Blueprint("review", __name__, url_prefix="/moderation/lieux")
blueprint.before_request(access.admit_within)

PAGE_SIZE = 20
FOUND = 6
MAX_SEARCH = 200
NOWHERE = "none"


@dataclass(frozen=True, slots=True)
class View:
    """Which part of the queue a page is about, with the name and région of its territory."""

    scope: Scope
    review: Review
    name: str = ""
    region: str | None = None

    def pairs(self) -> list[tuple[str, str]]:
        territory = NOWHERE if self.scope.nowhere else str(self.scope.territory or "")
        state = "" if self.review is Review.WAITING else str(self.review)
        return [(k, v) for k, v in (("territory", territory), ("state", state)) if v]


@blueprint.get("")
def queue() -> str:
    only_parameters("territory", "state", "cursor", "decided")
    with services().engine.connect() as connection:
        view = _view(connection)
        page = queries.find_page(connection, view.review, view.scope, PAGE_SIZE, _cursor())
        return render_template(
            "review/queue.html",
            view=view,
            cases=page.cases,
            next_url=_address(view.pairs(), cursor=_encoded(page.next)) if page.next else None,
            first="cursor" not in request.args,
            counts=queries.counts(connection, access.sees()),
            total=queries.count(connection, view.review, view.scope),
            **_shared(connection, view),
        )


@blueprint.get("/<uuid:identifier>")
def case(identifier: UUID) -> Response:
    only_parameters("territory", "state", "decided", "commune")
    with services().engine.connect() as connection:
        return _case_page(connection, identifier)


@blueprint.post("/<uuid:identifier>")
def decide(identifier: UUID) -> Response:
    refusal = _refused(identifier)
    if refusal:
        return refusal
    try:
        choice = _choice(identifier)
        service.decide(services().engine, identifier, choice, access.reviewer())
    except InvalidInput as error:
        return _again(identifier, HTTPStatus.BAD_REQUEST, _mistake(error))
    except Conflict:
        return _again(identifier, HTTPStatus.CONFLICT, _("Quelqu’un d’autre a été plus rapide."))
    with services().engine.connect() as connection:
        return _onward(connection, identifier)


@blueprint.post("/<uuid:identifier>/attente")
def put_back(identifier: UUID) -> Response:
    refusal = _refused(identifier)
    if refusal:
        return refusal
    try:
        service.put_back(services().engine, identifier, access.reviewer())
    except Conflict:
        return _again(identifier, HTTPStatus.CONFLICT, _("Ce lieu attend déjà une décision."))
    return _see(_address(_scope_pairs(), identifier))


@blueprint.after_request
def keep_private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _case_page(connection: Connection, identifier: UUID, error: str = "") -> Response:
    found = queries.find(connection, identifier)
    if found is None or not queries.is_within(connection, identifier, access.sees()):
        raise NotFound("There is no such place in the queue.")
    view = _view(connection)
    searched = request.args.get("commune", "").strip()[:MAX_SEARCH]
    others = _searched(connection, found, searched) if searched else []
    page = render_template(
        "review/case.html",
        case=found,
        view=view,
        error=error,
        searched=searched,
        others=others,
        parents=queries.parents(connection),
        next_url=_next_url(connection, view, identifier),
        here=_address(view.pairs(), identifier),
        map_config=_map_config(found, others),
        max_note=MAX_NOTE,
        may_decide=queries.is_within(connection, identifier, access.decides()),
        **_shared(connection, view),
    )
    return make_response(page)


def _shared(connection: Connection, view: View) -> dict[str, Any]:
    """What both pages show: the decision just taken, and what forms and links need."""
    return {
        "token": access.form_token(),
        "reviewer": access.reviewer(),
        "badge": access.badge(),
        "scope_pairs": [pair for pair in view.pairs() if pair[0] == "territory"],
        "address": _address,
        "at_commune": at_commune,
        "settled": _settled(connection),
    }


def _settled(connection: Connection) -> Case | None:
    """The case that was decided a moment ago, so that it can be undone."""
    text = request.args.get("decided", "")
    try:
        found = queries.find(connection, UUID(text)) if text else None
    except ValueError:
        raise InvalidInput("decided", "is not the id of a case") from None
    if found is None or not queries.is_within(connection, found.id, access.sees()):
        return None
    return found if found.review is Review.DECIDED else None


def _refused(identifier: UUID) -> Response | None:
    """What a POST that changes nothing is answered; raises for who may not decide here."""
    with services().engine.connect() as connection:
        access.require_decider(lambda reach: queries.is_within(connection, identifier, reach))
    if access.is_own_form():
        return None
    words = _("Ce formulaire a expiré, ou ne vient pas de cette page. Rien n’a été enregistré.")
    return _again(identifier, HTTPStatus.FORBIDDEN, words)


def _again(identifier: UUID, status: HTTPStatus, words: str) -> Response:
    """The page once more, with what is wrong; as things stand now."""
    with services().engine.connect() as connection:
        response = _case_page(connection, identifier, words)
    response.status_code = status
    return response


def _choice(identifier: UUID) -> Choice:
    """Raises InvalidInput for what is not offered to this moderator."""
    text = request.form.get("choice", "")
    chosen = request.form.get("area", "") if text == "area" else text
    choice = Choice.parse(chosen, request.form.get("note", ""))
    with services().engine.connect() as connection:
        if not _is_open(connection, identifier, choice):
            raise InvalidInput("choice", "lies outside of the territories of this moderator")
    return choice


def _is_open(connection: Connection, identifier: UUID, choice: Choice) -> bool:
    """Whether it lies where the moderator decides, or is one of the readings of the case."""
    reach, level = access.decides(), choice.kind.level
    if level is None or queries.holds(connection, reach, level, choice.code):
        return True
    found = queries.find(connection, identifier)
    if found is None:
        return False
    offered = {(Level.COMMUNE, one.commune.code) for one in found.candidates}
    return (level, choice.code) in offered | {(area.level, area.code) for area in found.areas}


def _mistake(error: InvalidInput) -> str:
    if error.field == "note":
        return _("La note est trop longue : %(most)s signes au plus.", most=MAX_NOTE)
    return _("Choisissez une des réponses proposées.")


def _onward(connection: Connection, identifier: UUID) -> Response:
    """To the next case of the same part of the queue, or to its empty list."""
    view = _view(connection)
    place = queries.position(connection, identifier)
    following = queries.next_waiting(connection, view.scope, place) if place else None
    return _see(_address(_scope_pairs(), following, decided=str(identifier)))


def _see(address: str) -> Response:
    return Response(status=HTTPStatus.SEE_OTHER, headers={"Location": address})


def _next_url(connection: Connection, view: View, identifier: UUID) -> str | None:
    place = queries.position(connection, identifier)
    following = queries.next_waiting(connection, view.scope, place) if place else None
    return _address(_scope_pairs(), following) if following else None


def _scope_pairs() -> list[tuple[str, str]]:
    territory = request.args.get("territory", "")
    return [("territory", territory)] if territory else []


def _address(
    pairs: Iterable[tuple[str, str]], identifier: UUID | None = None, **more: str | None
) -> str:
    """The list, or one case, with these parameters; those of None or "" are left out."""
    path = url_for("review.case", identifier=identifier) if identifier else url_for("review.queue")
    given = {**dict(pairs), **more}
    query = urlencode({name: text for name, text in given.items() if text}, safe=",:")
    return f"{path}?{query}" if query else path


def _view(connection: Connection) -> View:
    """Raises InvalidInput naming the parameter, NotFound for a part out of reach."""
    state = request.args.get("state") or Review.WAITING
    if state not in tuple(Review):
        raise InvalidInput("state", f"is not one of {', '.join(Review)}")
    text = request.args.get("territory", "").strip()
    reach = access.sees()
    if text == NOWHERE and not reach.everywhere:
        raise NotFound("There is no such part of the queue.")
    if text in ("", NOWHERE):
        return View(Scope(nowhere=text == NOWHERE, reach=reach), Review(state))
    ref = parse_territory(text)
    place = territories.find(connection, ref)
    if place is None:
        raise InvalidInput("territory", f"there is no {ref}")
    if not reach.everywhere and not overlaps(connection, ref, reach):
        raise NotFound("There is no such part of the queue.")
    return View(Scope(ref, reach=reach), Review(state), place.name, _region(connection, ref))


def _region(connection: Connection, ref: TerritoryRef) -> str | None:
    return ref.code if ref.level is Level.REGION else queries.region_of(connection, ref)


def _cursor() -> Position | None:
    text = request.args.get("cursor", "")
    if not text:
        return None
    cursor = Cursor.decode(text)
    if cursor.sort is not Sort.RECENT:
        raise InvalidInput("cursor", "is not one that this page gave")
    return Position(parse_moment("cursor", str(cursor.value)), UUID(cursor.id))


def _encoded(position: Position) -> str:
    return Cursor(Sort.RECENT, position.moment.isoformat(), str(position.id)).encode()


def _searched(connection: Connection, found: Case, text: str) -> list[Candidate]:
    """Communes that a name or code may mean, numbered on from the candidates."""
    locator = services().geocoders.current(connection)
    offered = {candidate.commune.code for candidate in found.candidates}
    codes = [code for code in _meant(locator, text) if code not in offered][:FOUND]
    known = queries.communes(connection, codes)
    first = len(found.candidates) + 1
    communes = [known[code] for code in codes if code in known]
    return [Candidate(number, commune) for number, commune in enumerate(communes, first)]


def _meant(locator: Locator, text: str) -> Sequence[str]:
    """Codes of communes, the likeliest first, each once."""
    geocoder = locator.geocoder
    gazetteer = geocoder.gazetteer
    by_code = [gazetteer.places[i] for i in gazetteer.by_code.get(text.upper(), ())]
    understood = [one.place for one in geocoder.match(Query(text=text)).candidates]
    suggested = [one.place for one in geocoder.search(text, limit=FOUND)]
    return list(dict.fromkeys(place.commune for place in (*by_code, *understood, *suggested)))


def _map_config(found: Case, others: Sequence[Candidate]) -> dict[str, Any]:
    candidates = [*found.candidates, *others]
    return map_config(
        Filters(),
        _bounds(found, candidates),
        candidates=[_marked(candidate) for candidate in candidates],
        point=[found.given.lon, found.given.lat] if found.given else None,
        chosen=found.decision.code if found.decision else "",
    )


def _marked(candidate: Candidate) -> dict[str, Any]:
    commune = candidate.commune
    return {
        "number": candidate.number,
        "code": commune.code,
        "name": commune.name,
        "at": [commune.lon, commune.lat],
        "bounds": commune.bounds,
    }


def _bounds(found: Case, candidates: Sequence[Candidate]) -> list[float]:
    """West, south, east, north of all that is in question, EPSG:4326."""
    boxes = [candidate.commune.bounds for candidate in candidates]
    if found.given:
        boxes.append((found.given.lon, found.given.lat) * 2)
    # Homonyms overseas would shrink all others to one spot; choosing one of them leads there.
    near = [box for box in boxes if _is_metropolitan(box)] or boxes or [FRANCE]
    west, south, east, north = zip(*near, strict=True)
    return [min(west), min(south), max(east), max(north)]


def _is_metropolitan(box: tuple[float, float, float, float]) -> bool:
    west, south, east, north = FRANCE
    return west <= box[0] and south <= box[1] and box[2] <= east and box[3] <= north

"""`/moderation/lieux`: the queue of places in doubt, one of them, and the decisions about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
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

from mapservice.accounts.roles import permissions as access
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.geocoding.model import GeocodeQuery
from mapservice.geocoding.service import GeocoderCache
from mapservice.i18n import gettext as _
from mapservice.initiatives.filters import (
    InitiativeFilters,
    ListingCursor,
    ListingSort,
    parse_moment,
)
from mapservice.moderation import pages
from mapservice.moderation.places import queries, service
from mapservice.moderation.places.model import (
    LISTED,
    MAX_NOTE,
    ChoiceKind,
    PlaceCandidate,
    PlaceCase,
    PlaceChoice,
    PlaceReview,
)
from mapservice.moderation.places.queries import PlaceQueuePosition
from mapservice.territories import queries as territories
from mapservice.territories.model import Level, at_commune
from mapservice.tiles.live_map import FRANCE, map_config
from mapservice.web.edge import only_parameters, services

blueprint = Blueprint("review", __name__, url_prefix="/moderation/lieux")
pages.keep_private(blueprint)

PAGE_SIZE = 20
FOUND = 6
MAX_SEARCH = 200


@dataclass(frozen=True, slots=True)
class PlaceQueueView(pages.QueueView):
    """The part of the queue that a page is about: waiting or decided places."""

    review: PlaceReview = PlaceReview.WAITING


@blueprint.get("")
def queue() -> str:
    only_parameters("territory", "state", "cursor", "decided")
    with services().engine.connect() as connection:
        view = _view(connection)
        after, next_url = None, None
        if request.args.get("cursor"):
            cursor = ListingCursor.decode(request.args["cursor"])
            if cursor.sort is not ListingSort.RECENT:
                raise InvalidInput("cursor", "is not one that this page gave")
            moment = parse_moment("cursor", str(cursor.value))
            after = PlaceQueuePosition(moment, UUID(cursor.id))
        page = queries.find_page(connection, view.review, view.scope, PAGE_SIZE, after)
        if page.next:
            moment, last = page.next.moment, page.next.id
            cursor = ListingCursor(ListingSort.RECENT, moment.isoformat(), str(last))
            next_url = _address(view.pairs(), cursor=cursor.encode())
        return render_template(
            "review/queue.html",
            view=view,
            cases=page.cases,
            next_url=next_url,
            first="cursor" not in request.args,
            counts=queries.counts(connection, access.sees()),
            total=queries.count(connection, view.review, view.scope),
            **_shared(connection),
        )


@blueprint.get("/<uuid:identifier>")
def case(identifier: UUID) -> Response:
    only_parameters("territory", "state", "decided", "commune", "corriger", "kind")
    with services().engine.connect() as connection:
        return _case_page(connection, identifier)


@blueprint.post("/<uuid:identifier>")
def decide(identifier: UUID) -> Response:
    refusal = _refused(identifier)
    if refusal:
        return refusal
    try:
        choice, badge = _choice(identifier), access.badge()
        service.decide(
            services().engine,
            identifier,
            choice,
            badge.name,
            person=badge.person,
            instead_of=request.form.get("instead_of"),
        )
    except InvalidInput as error:
        words = _("Choisissez une des réponses proposées.")
        if error.field == "note":
            words = _("La note est trop longue : %(most)s signes au plus.", most=MAX_NOTE)
        if error.field == "pin":
            words = _("Placez l’épingle sur la carte, ou donnez sa longitude et sa latitude.")
        return _again(identifier, HTTPStatus.BAD_REQUEST, words)
    except StateConflict:
        return _again(identifier, HTTPStatus.CONFLICT, _("Quelqu’un d’autre a été plus rapide."))
    if "instead_of" in request.form:
        path = url_for("moderation.case", identifier=identifier)
        return pages.see(pages.address(path, pages.part_pairs(), decided=str(identifier)))
    # On to the next case of the same part, or to the empty list.
    with services().engine.connect() as connection:
        following = _following(connection, _view(connection), identifier)
    return pages.see(_address(_scope_pairs(), following, decided=str(identifier)))


@blueprint.post("/<uuid:identifier>/attente")
def put_back(identifier: UUID) -> Response:
    refusal = _refused(identifier)
    if refusal:
        return refusal
    try:
        badge = access.badge()
        service.put_back(services().engine, identifier, badge.name, person=badge.person)
    except StateConflict:
        return _again(identifier, HTTPStatus.CONFLICT, _("Ce lieu attend déjà une décision."))
    return pages.see(_address(_scope_pairs(), identifier))


def _case_page(connection: Connection, identifier: UUID, error: str = "") -> Response:
    correcting = "corriger" in request.args or "instead_of" in request.form
    found = queries.find(connection, identifier, any_state=correcting)
    if found is None or not queries.is_within(connection, identifier, access.sees()):
        raise NotFound("There is no such place in the queue.")
    view = _view(connection)
    searched = request.args.get("commune", "").strip()[:MAX_SEARCH]
    others = _searched(connection, found, searched) if searched else []
    following = _following(connection, view, identifier)
    page = render_template(
        "review/case.html",
        case=found,
        view=view,
        error=error,
        searched=searched,
        others=others,
        parents=territories.parents(connection),
        next_url=_address(_scope_pairs(), following) if following else None,
        here=_address(view.pairs(), identifier),
        map_config=_map_config(found, others),
        max_note=MAX_NOTE,
        correcting=correcting,
        instead_of=service.shown(connection, identifier),
        may_decide=queries.is_within(connection, identifier, access.decides()),
        **_shared(connection),
    )
    return make_response(page)


def _shared(connection: Connection) -> dict[str, Any]:
    """Context of both pages: the decision just taken, and what forms and links need."""
    # The place that was decided a moment ago, so that it can be undone.
    placed, decided = None, pages.read_id("decided", request.args.get("decided", ""))
    found = queries.find(connection, decided) if decided else None
    if found is not None and queries.is_within(connection, found.id, access.sees()):
        placed = found if found.review is PlaceReview.DECIDED else None
    return {
        "token": access.form_token(),
        "reviewer": access.reviewer(),
        "badge": access.badge(),
        "scope_pairs": _scope_pairs(),
        "address": _address,
        "at_commune": at_commune,
        "placed": placed,
        **({} if placed else pages.settled_decision(connection)),
    }


def _refused(identifier: UUID) -> Response | None:
    """The answer to an expired form, else None; raises if the person may not decide here."""
    with services().engine.connect() as connection:
        access.require_decider(lambda reach: queries.is_within(connection, identifier, reach))
    if access.is_own_form():
        return None
    return _again(identifier, HTTPStatus.FORBIDDEN, pages.expired())


def _again(identifier: UUID, status: HTTPStatus, words: str) -> Response:
    """The page again with an error message, in its present state."""
    with services().engine.connect() as connection:
        response = _case_page(connection, identifier, words)
    response.status_code = status
    return response


def _choice(identifier: UUID) -> PlaceChoice:
    """The form's choice. Raises InvalidInput for one that is not open to this moderator.

    Open are places within the moderator's territories, and each candidate of the case.
    """
    text = request.form.get("choice", "")
    chosen = request.form.get("area", "") if text == "area" else text
    if text == ChoiceKind.PIN:
        chosen = f"pin:{request.form.get('lon', '')},{request.form.get('lat', '')}"
    choice = PlaceChoice.parse(chosen, request.form.get("note", ""))
    reach, level = access.decides(), choice.kind.level
    with services().engine.connect() as connection:
        if choice.pin:
            ((commune, _afloat),) = queries.holding_communes(connection, [choice.pin])
            offered = commune is None or queries.holds(connection, reach, Level.COMMUNE, commune)
        elif level is None or queries.holds(connection, reach, level, choice.code):
            offered = True
        else:
            found = queries.find(connection, identifier, any_state=True)
            readings = {(area.level, area.code) for area in found.areas} if found else set()
            if found and level is Level.COMMUNE:
                readings |= {(level, one.commune.code) for one in found.candidates}
            offered = (level, choice.code) in readings
    if not offered:
        raise InvalidInput("choice", "lies outside of the territories of this moderator")
    return choice


def _following(connection: Connection, view: PlaceQueueView, identifier: UUID) -> UUID | None:
    """The next case of the same part of the queue."""
    place = queries.position(connection, identifier)
    return queries.next_waiting(connection, view.scope, place) if place else None


def _scope_pairs() -> list[tuple[str, str]]:
    return pages.part_pairs("territory")


def _address(
    pairs: Iterable[tuple[str, str]], identifier: UUID | None = None, **more: str | None
) -> str:
    """The list, or one case."""
    path = url_for("review.case", identifier=identifier) if identifier else url_for("review.queue")
    return pages.address(path, pairs, **more)


def _view(connection: Connection) -> PlaceQueueView:
    """Raises InvalidInput naming the parameter, NotFound for a part out of scope."""
    state = request.args.get("state") or PlaceReview.WAITING
    if state not in LISTED:
        raise InvalidInput("state", f"is not one of {', '.join(LISTED)}")
    review = PlaceReview(state)
    found = pages.read_view(connection, state="" if review is PlaceReview.WAITING else str(review))
    return PlaceQueueView(found.scope, found.name, found.region, found.beside, review)


def _searched(connection: Connection, found: PlaceCase, text: str) -> list[PlaceCandidate]:
    """Communes that a name or code may mean, likeliest first, numbered after the candidates."""
    geocoder = services().of(GeocoderCache).current(connection).geocoder
    gazetteer = geocoder.gazetteer
    by_code = [gazetteer.places[i] for i in gazetteer.by_code.get(text.upper(), ())]
    understood = [one.place for one in geocoder.match(GeocodeQuery(text=text)).candidates]
    suggested = [one.place for one in geocoder.search(text, limit=FOUND)]
    meant = dict.fromkeys(place.commune for place in (*by_code, *understood, *suggested))
    offered = {candidate.commune.code for candidate in found.candidates}
    codes = [code for code in meant if code not in offered][:FOUND]
    known = queries.communes(connection, codes)
    first = len(found.candidates) + 1
    communes = [known[code] for code in codes if code in known]
    return [PlaceCandidate(number, commune) for number, commune in enumerate(communes, first)]


def _map_config(found: PlaceCase, others: Sequence[PlaceCandidate]) -> dict[str, Any]:
    """A map of all candidates and the point; bounds are west, south, east, north in EPSG:4326."""
    candidates = [*found.candidates, *others]
    boxes = [candidate.commune.bounds for candidate in candidates]
    if found.given:
        boxes.append((found.given.lon, found.given.lat) * 2)
    # Homonyms overseas would shrink the others to one spot; choosing one moves the map there.
    west, south, east, north = FRANCE
    near = [
        box
        for box in boxes
        if west <= box[0] and south <= box[1] and box[2] <= east and box[3] <= north
    ]
    wests, souths, easts, norths = zip(*(near or boxes or [FRANCE]), strict=True)
    return map_config(
        InitiativeFilters(),
        [min(wests), min(souths), max(easts), max(norths)],
        candidates=[
            {
                "number": candidate.number,
                "code": candidate.commune.code,
                "name": candidate.commune.name,
                "at": [candidate.commune.lon, candidate.commune.lat],
                "bounds": candidate.commune.bounds,
            }
            for candidate in candidates
        ],
        point=[found.given.lon, found.given.lat] if found.given else None,
        chosen=found.decision.code if found.decision else "",
    )

"""How the place of a proposal is understood, and what its author may choose where that is open."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from mapservice.contributions.proposals.model import ProposedPlace
from mapservice.geocoding.model import GeocodeQuery, MatchCandidate, Precision
from mapservice.geocoding.service import Locator, Placement, PlaceQuestion
from mapservice.territories.model import Level, TerritoryRef

MAX_OPTIONS = 8
# What the geocoder takes for the whole country.
COUNTRY = "France"
_LOCAL = (Precision.POINT, Precision.COMMUNE)


@dataclass(frozen=True, slots=True)
class PlaceOption:
    """A commune that the author may choose; `value` goes into `ProposedPlace.choice`.

    `through` is the former or associated commune whose name was read, or "".
    """

    value: str
    name: str
    departement: str
    through: str = ""


@dataclass(frozen=True, slots=True)
class PlaceReading:
    """Where a proposal will be shown.

    `asks`: the place is open, and the author has not said yet that it may stay so. `pinned` names
    the commune under the pin, where the words speak against it. `through` is the former or
    associated commune that the words name.
    """

    placement: Placement
    asks: bool
    options: tuple[PlaceOption, ...] = ()
    pinned: str = ""
    through: str = ""


def territory_of(placement: Placement) -> TerritoryRef | None:
    """The finest territory that the place is known to lie in."""
    name = "commune" if placement.precision is Precision.POINT else str(placement.precision)
    if placement.code is None or name not in tuple(Level):
        return None
    return TerritoryRef(Level(name), placement.code)


def read(connection: Connection, locator: Locator, place: ProposedPlace) -> PlaceReading:
    """Understands a place; EPSG:4326. The outside provider is asked where one is set."""
    (placement,) = locator.place(connection, [_asked(place)])
    if not placement.to_review:
        return PlaceReading(placement, False, through=_through(placement))
    kind = "only" if place.point else "commune"
    options = _options(kind, placement.match.candidates)
    return PlaceReading(
        placement, place.choice != "open", options, _pinned(connection, locator, place)
    )


def _asked(place: ProposedPlace) -> PlaceQuestion:
    if place.choice == "point" and place.point:
        return PlaceQuestion(GeocodeQuery(), *place.point)
    if not place.words and not place.point:
        return PlaceQuestion(GeocodeQuery(text=COUNTRY))
    query = GeocodeQuery(text=place.words, context=place.commune)
    with_pin = place.point is not None and not place.choice.startswith("only:")
    return PlaceQuestion(query, place.lon, place.lat) if with_pin else PlaceQuestion(query)


def _options(kind: str, candidates: Iterable[MatchCandidate]) -> tuple[PlaceOption, ...]:
    """Each commune once, under the name that fits best."""
    found: dict[str, PlaceOption] = {}
    for one in (candidate.place for candidate in candidates):
        through = one.name if one.name != one.commune_name else ""
        option = PlaceOption(
            f"{kind}:{one.commune}", one.commune_name, one.departement_name, through
        )
        found.setdefault(one.commune, option)
    return tuple(found.values())[:MAX_OPTIONS]


def _pinned(connection: Connection, locator: Locator, place: ProposedPlace) -> str:
    if place.point is None:
        return ""
    (alone,) = locator.place(connection, [PlaceQuestion(GeocodeQuery(), *place.point)])
    known = locator.communes.get(alone.code or "")
    return known.commune_name if known and alone.precision is Precision.POINT else ""


def _through(placement: Placement) -> str:
    best = placement.match.best
    if best is None or placement.precision not in _LOCAL or best.place.commune != placement.code:
        return ""
    return best.place.name if best.place.name != best.place.commune_name else ""

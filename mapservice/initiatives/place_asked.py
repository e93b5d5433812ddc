"""Where somebody looks for something: a place that is typed, and how far people of one go.

What is typed names one commune, or a postcode, which most often serves several.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, text

from mapservice.errors import InvalidInput
from mapservice.geocoding.model import GazetteerEntry, GeocodeQuery, MatchStatus
from mapservice.geocoding.service import GeocoderCache
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.near_queries import circle_of_communes
from mapservice.territories.coordinates import LonLat

# What a person types into the field of a place, and what was meant.
PLACE, COMMUNE, POSTCODE = "lieu", "commune", "postcode"
# Of a page beside its filter.
PLACE_PARAMETERS = (PLACE, COMMUNE, POSTCODE)
# Parameters of a place: another one takes their place.
PLACE_PAIRS = ("territory", "near", "radius", "bbox")
LONGEST = 200
CHOICES = 6
POSTCODE_DIGITS = 5
# How far people of a commune go, in metres from its label point.
NEAR_METRES = 20_000.0
# Where nothing is so near.
FARTHER_METRES = 50_000.0


@dataclass(frozen=True, slots=True)
class PlaceAsked:
    """What a text means: the parameter of a page that says it, none where it is not sure; then what
    it may mean."""

    text: str
    here: Mapping[str, str] = field(default_factory=dict)
    choices: Sequence[GazetteerEntry] = ()


@dataclass(frozen=True, slots=True)
class PlaceAround:
    """What a circle surrounds: a commune, or all `communes` (names by code) of a postcode, the
    largest first.

    `departement` is named where another commune bears the name; `metres` is the circle's radius.
    """

    parameter: str
    code: str
    name: str
    middle: LonLat
    metres: float
    article: str = ""
    departement: str = ""
    communes: Mapping[str, str] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return f"{self.name} ({self.departement})" if self.departement else self.name

    @property
    def here(self) -> dict[str, str]:
        """The parameter of a page that says it."""
        return {self.parameter: self.code}


def place_asked(connection: Connection, geocoders: GeocoderCache, written: str) -> PlaceAsked:
    """A name that is merely alike is no certain one. Raises InvalidInput for what is no text."""
    words = " ".join(written.split())
    if len(words) > LONGEST or "\x00" in words:
        raise InvalidInput(PLACE, f"must be a line of at most {LONGEST} characters")
    locator = geocoders.current(connection)
    match = locator.geocoder.match(GeocodeQuery(text=words))
    if match.status is MatchStatus.CERTAIN:
        return PlaceAsked(words, {COMMUNE: match.candidates[0].place.commune})
    if len(locator.communes_of_postcode(words)) > 1:
        return PlaceAsked(words, {POSTCODE: words})
    found = {one.place.commune: one.place for one in reversed(match.candidates)}
    ordered = dict.fromkeys(one.place.commune for one in match.candidates)
    return PlaceAsked(words, choices=[found[code] for code in ordered][:CHOICES])


def around_commune(
    connection: Connection, about: InitiativeFilters, code: str
) -> InitiativeFilters:
    """The same within `NEAR_METRES` of a commune's label point, whatever the territory."""
    row = connection.execute(text(POINT), {"code": code}).one()
    return replace(about, territory=(), near=LonLat(row.lon, row.lat), radius=NEAR_METRES)


def within_reach(
    connection: Connection,
    geocoders: GeocoderCache,
    about: InitiativeFilters,
    here: Mapping[str, str],
) -> InitiativeFilters:
    """The same around what `here` says. Raises InvalidInput where there is no such place."""
    around = _known(connection, geocoders, here)
    assert around is not None
    return _around(about, around)


def place_around(
    connection: Connection,
    geocoders: GeocoderCache,
    about: InitiativeFilters,
    parameters: Mapping[str, str],
) -> PlaceAround | None:
    """What a page's parameters name, while the filter's circle has its middle; as far as that goes.

    Raises InvalidInput where there is no such place.
    """
    found = _known(connection, geocoders, parameters)
    if found is None:
        return None
    if about.near != found.middle or about.radius is None:
        return None
    return replace(found, metres=about.radius)


def farther(around: PlaceAround | None, about: InitiativeFilters) -> InitiativeFilters | None:
    """The same in a wider circle around a place; None where it is as wide already."""
    if around is None or around.metres >= FARTHER_METRES:
        return None
    return replace(about, radius=FARTHER_METRES)


def parts_of(
    around: PlaceAround | None, address: Callable[[Mapping[str, str]], str]
) -> list[tuple[str, str]]:
    """The communes of a postcode, each by its name and the address of the page around it alone."""
    communes = around.communes.items() if around else ()
    return [(name, address({COMMUNE: code})) for code, name in communes]


def _around(about: InitiativeFilters, place: PlaceAround) -> InitiativeFilters:
    return replace(about, territory=(), bbox=None, near=place.middle, radius=place.metres)


def _known(
    connection: Connection, geocoders: GeocoderCache, parameters: Mapping[str, str]
) -> PlaceAround | None:
    if parameters.get(COMMUNE):
        return _commune(connection, parameters[COMMUNE])
    if parameters.get(POSTCODE):
        return _postcode(connection, geocoders, parameters[POSTCODE])
    return None


def _commune(connection: Connection, code: str) -> PlaceAround:
    if code.isascii() and code.isalnum() and len(code) == 5:
        row = connection.execute(text(KNOWN), {"code": code.upper()}).one_or_none()
        if row is not None:
            return PlaceAround(
                COMMUNE,
                row.code,
                row.name,
                LonLat(row.lon, row.lat),
                NEAR_METRES,
                row.article,
                row.departement or "",
            )
    raise InvalidInput(COMMUNE, "is not the code of a commune of today")


def _postcode(connection: Connection, geocoders: GeocoderCache, code: str) -> PlaceAround:
    """The middle of all its communes, and so far that the whole of each is within."""
    communes = communes_of_postcode(connection, geocoders, code)
    circle = circle_of_communes(connection, communes)
    assert circle is not None
    middle, metres = circle
    return PlaceAround(POSTCODE, code, code, middle, max(metres, NEAR_METRES), communes=communes)


def communes_of_postcode(
    connection: Connection, geocoders: GeocoderCache, code: str
) -> Mapping[str, str]:
    """Names by code, the largest commune first. Raises InvalidInput where none has the postcode."""
    if code.isascii() and code.isdigit() and len(code) == POSTCODE_DIGITS:
        communes = geocoders.current(connection).communes_of_postcode(code)
        if communes:
            return communes
    raise InvalidInput(POSTCODE, "is not the postcode of a commune of today")


POINT = """
SELECT round(ST_X(point)::numeric, 4)::float8 AS lon, round(ST_Y(point)::numeric, 4)::float8 AS lat
  FROM territory WHERE level = 'commune' AND code = :code"""

KNOWN = """
SELECT own.code, own.name, own.article,
       round(ST_X(own.point)::numeric, 4)::float8 AS lon,
       round(ST_Y(own.point)::numeric, 4)::float8 AS lat,
       CASE WHEN EXISTS (SELECT FROM territory AS other
                          WHERE other.level = 'commune' AND other.name = own.name
                            AND other.code <> own.code)
            THEN (SELECT name FROM territory AS part
                   WHERE part.level = 'departement' AND part.code = own.departement)
       END AS departement
  FROM territory AS own WHERE own.level = 'commune' AND own.code = :code"""

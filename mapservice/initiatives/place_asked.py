"""Where somebody looks for something: a commune that is typed, and how far people of one go."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, text

from mapservice.errors import InvalidInput
from mapservice.geocoding.model import GazetteerEntry, GeocodeQuery, MatchStatus
from mapservice.geocoding.service import GeocoderCache
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.territories.coordinates import LonLat

# What a person types into the field of a place, and the commune that was meant.
PLACE, COMMUNE = "lieu", "commune"
# Parameters of a place: another one takes their place.
PLACE_PAIRS = ("territory", "near", "radius", "bbox")
LONGEST = 200
CHOICES = 6
# How far people of a commune go, in metres from its label point.
NEAR_METRES = 20_000.0


@dataclass(frozen=True, slots=True)
class PlaceAsked:
    """What a text means: the code of one commune, "" where it is not sure; then what it may."""

    text: str
    commune: str = ""
    choices: Sequence[GazetteerEntry] = ()


@dataclass(frozen=True, slots=True)
class CommuneAround:
    """The commune that a circle surrounds; `departement` is named where another bears its name."""

    code: str
    name: str
    article: str
    departement: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.name} ({self.departement})" if self.departement else self.name


def place_asked(connection: Connection, geocoders: GeocoderCache, written: str) -> PlaceAsked:
    """A name that is merely alike is no certain one. Raises InvalidInput for what is no text."""
    words = " ".join(written.split())
    if len(words) > LONGEST or "\x00" in words:
        raise InvalidInput("lieu", f"must be a line of at most {LONGEST} characters")
    match = geocoders.current(connection).geocoder.match(GeocodeQuery(text=words))
    found = {one.place.commune: one.place for one in reversed(match.candidates)}
    if match.status is MatchStatus.CERTAIN:
        return PlaceAsked(words, match.candidates[0].place.commune)
    ordered = dict.fromkeys(one.place.commune for one in match.candidates)
    return PlaceAsked(words, choices=[found[code] for code in ordered][:CHOICES])


def around_commune(
    connection: Connection, about: InitiativeFilters, code: str
) -> InitiativeFilters:
    """The same within `NEAR_METRES` of a commune's label point, whatever the territory."""
    row = connection.execute(text(POINT), {"code": code}).one()
    return replace(about, territory=(), near=LonLat(row.lon, row.lat), radius=NEAR_METRES)


def within_reach(
    connection: Connection, about: InitiativeFilters, commune: str
) -> InitiativeFilters:
    """The same around a commune. Raises InvalidInput where there is no such commune."""
    return around_commune(connection, replace(about, bbox=None), _known(connection, commune).code)


def commune_around(
    connection: Connection, about: InitiativeFilters, commune: str
) -> CommuneAround | None:
    """The commune, while the filter's circle is the one around it. Raises InvalidInput."""
    if not commune:
        return None
    found = _known(connection, commune)
    around = around_commune(connection, about, found.code)
    same = (about.near, about.radius) == (around.near, around.radius)
    return found if same else None


def _known(connection: Connection, commune: str) -> CommuneAround:
    if commune.isascii() and commune.isalnum() and len(commune) == 5:
        row = connection.execute(text(KNOWN), {"code": commune.upper()}).one_or_none()
        if row is not None:
            return CommuneAround(row.code, row.name, row.article, row.departement or "")
    raise InvalidInput("commune", "is not the code of a commune of today")


POINT = """
SELECT round(ST_X(point)::numeric, 4)::float8 AS lon, round(ST_Y(point)::numeric, 4)::float8 AS lat
  FROM territory WHERE level = 'commune' AND code = :code"""

KNOWN = """
SELECT own.code, own.name, own.article,
       CASE WHEN EXISTS (SELECT FROM territory AS other
                          WHERE other.level = 'commune' AND other.name = own.name
                            AND other.code <> own.code)
            THEN (SELECT name FROM territory AS part
                   WHERE part.level = 'departement' AND part.code = own.departement)
       END AS departement
  FROM territory AS own WHERE own.level = 'commune' AND own.code = :code"""

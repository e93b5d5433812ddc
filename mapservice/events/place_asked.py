"""Where somebody looks for events: a commune that is typed, and how far people of one go."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from mapservice.errors import InvalidInput
from mapservice.events.filters import EventFilters
from mapservice.events.nearby import around_commune
from mapservice.geocoding.model import GazetteerEntry, GeocodeQuery, MatchStatus
from mapservice.geocoding.service import GeocoderCache
from mapservice.territories import queries as territories
from mapservice.territories.model import Level, TerritoryRef
from mapservice.territories.queries import TerritorySummary

LONGEST = 200
CHOICES = 6


@dataclass(frozen=True, slots=True)
class PlaceAsked:
    """What a text means: the code of one commune, "" where it is not sure; then what it may."""

    text: str
    commune: str = ""
    choices: Sequence[GazetteerEntry] = ()


def place_asked(connection: Connection, geocoders: GeocoderCache, text: str) -> PlaceAsked:
    """A name that is merely alike is no certain one. Raises InvalidInput for what is no text."""
    words = " ".join(text.split())
    if len(words) > LONGEST or "\x00" in words:
        raise InvalidInput("lieu", f"must be a line of at most {LONGEST} characters")
    match = geocoders.current(connection).geocoder.match(GeocodeQuery(text=words))
    found = {one.place.commune: one.place for one in reversed(match.candidates)}
    if match.status is MatchStatus.CERTAIN:
        return PlaceAsked(words, match.candidates[0].place.commune)
    ordered = dict.fromkeys(one.place.commune for one in match.candidates)
    return PlaceAsked(words, choices=[found[code] for code in ordered][:CHOICES])


def within_reach(connection: Connection, filters: EventFilters, commune: str) -> EventFilters:
    """The same around a commune. Raises InvalidInput where there is no such commune."""
    _summary(connection, commune)
    about = replace(filters.about, bbox=None)
    return replace(filters, about=around_commune(connection, about, commune))


def commune_around(
    connection: Connection, filters: EventFilters, commune: str
) -> TerritorySummary | None:
    """The commune, while the filter's circle is the one around it. Raises InvalidInput."""
    if not commune:
        return None
    found = _summary(connection, commune)
    around = around_commune(connection, filters.about, commune)
    same = (filters.about.near, filters.about.radius) == (around.near, around.radius)
    return found if same else None


def _summary(connection: Connection, commune: str) -> TerritorySummary:
    found = None
    if commune.isascii() and commune.isalnum() and len(commune) == 5:
        found = territories.find(connection, TerritoryRef(Level.COMMUNE, commune.upper()))
    if found is None:
        raise InvalidInput("commune", "is not the code of a commune of today")
    return found

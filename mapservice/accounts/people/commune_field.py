"""The field of a form for a commune: reading what was typed, and showing a known one."""

from sqlalchemy import Connection

from mapservice.errors import InvalidInput
from mapservice.geocoding.model import GeocodeQuery, MatchStatus, Precision
from mapservice.geocoding.service import GeocoderCache
from mapservice.i18n import gettext as _
from mapservice.territories import queries as territories
from mapservice.territories.model import Level, TerritoryRef
from mapservice.web.edge import services

MAX_WORDS = 200
CHOICES = 5


def place_name(connection: Connection, code: str | None) -> str:
    """Its name and INSEE code; "" for none."""
    found = territories.find(connection, TerritoryRef(Level.COMMUNE, code)) if code else None
    return f"{found.name} ({found.code})" if found else ""


def read_commune(connection: Connection, words: str, field: str = "commune") -> str | None:
    """The INSEE code that the words mean; None if empty. Raises InvalidInput with words to show."""
    text = " ".join(words.split())[:MAX_WORDS]
    if not text:
        return None
    geocoder = services().of(GeocoderCache).current(connection).geocoder
    match = geocoder.match(GeocodeQuery(text=text))
    is_sure = match.status in (MatchStatus.CERTAIN, MatchStatus.LIKELY)
    if is_sure and match.precision is Precision.COMMUNE and match.candidates:
        return match.candidates[0].place.commune
    found = [one.place for one in geocoder.search(text, limit=CHOICES)]
    names = dict.fromkeys(f"{one.commune_name} ({one.departement})" for one in found)
    if not names:
        raise InvalidInput(field, _("Aucune commune de ce nom."))
    raise InvalidInput(field, _("Précisez : %(names)s ?", names=", ".join(names)))

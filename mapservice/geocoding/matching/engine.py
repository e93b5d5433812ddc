"""The geocoder: a query in, a commune out with the record of how it was decided."""

from collections.abc import Iterable, Iterator

from mapservice.geocoding.matching.decide import MatchCase, decide
from mapservice.geocoding.matching.evidence import SURE_METHODS
from mapservice.geocoding.matching.gazetteer import COMMUNE, Gazetteer
from mapservice.geocoding.matching.parse import read
from mapservice.geocoding.matching.rank import rank
from mapservice.geocoding.matching.record import match_of
from mapservice.geocoding.matching.spans import TOWN_ROLES
from mapservice.geocoding.matching.suggest import SuggestionFilter, status_of_beginning, suggest
from mapservice.geocoding.model import (
    GazetteerEntry,
    GeocodeMatch,
    GeocodeQuery,
    MatchCandidate,
    MatchStatus,
)

RECENT = 4096


class Geocoder:
    """Pure and without state beyond its gazetteer: safe to share between threads and forks."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self.gazetteer = gazetteer

    def match(self, query: GeocodeQuery) -> GeocodeMatch:
        """The commune that a query means. Any text is accepted; nothing is raised."""
        reading = read(query, self.gazetteer)
        ranked, sense = rank(reading, self.gazetteer)
        case = MatchCase(ranked, reading, sense, self.gazetteer)
        return match_of(query, case, decide(case))

    def alias_named(self, text: str, commune: str) -> GazetteerEntry | None:
        """The former commune, arrondissement … of a commune that a text names, else None.

        None also where the text names the commune itself, or the alias but in a street.
        """
        ranked, _ = rank(read(GeocodeQuery(text, context=commune), self.gazetteer), self.gazetteer)
        found = next((one for one in ranked if one.commune == commune), None)
        if found is None or found.named is None:
            return None
        if found.named.role not in TOWN_ROLES or found.named.method not in SURE_METHODS:
            return None
        place = self.gazetteer.places[found.named.entry]
        return None if place.kind == COMMUNE else place

    def bulk(self, queries: Iterable[GeocodeQuery]) -> Iterator[GeocodeMatch]:
        """Matches in the order of the queries; one seen a moment ago is not worked out again."""
        recent: dict[GeocodeQuery, GeocodeMatch] = {}
        for query in queries:
            if query not in recent:
                if len(recent) >= RECENT:
                    recent.clear()
                recent[query] = self.match(query)
            yield recent[query]

    def search(
        self,
        text: str,
        *,
        limit: int = 5,
        autocomplete: bool = True,
        postcode: str = "",
        citycode: str = "",
        kind: str = "",
        lon: float | None = None,
        lat: float | None = None,
    ) -> list[MatchCandidate]:
        """Suggestions for a text being typed, one per commune, best first.

        `postcode`, `citycode` and `kind` ("commune", "arrondissement", ...) filter; `lon`, `lat`
        (EPSG:4326) bring near communes forward. Without `autocomplete` only whole names match.
        """
        near = (lon, lat) if lon is not None and lat is not None else None
        wanted = SuggestionFilter(postcode, citycode, kind, near, limit, autocomplete)
        return suggest(self.gazetteer, text, wanted)

    def status_of_beginning(self, text: str) -> MatchStatus | None:
        """How far the beginning of a name tells the commune; None if the text is no beginning."""
        return status_of_beginning(self.gazetteer, text)

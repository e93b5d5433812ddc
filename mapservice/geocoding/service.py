"""One geocoder per set of territories, shared by all that ask; and where a row truly lies."""

import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection

from mapservice.errors import Unavailable
from mapservice.geocoding import queries
from mapservice.geocoding.engine import Geocoder
from mapservice.geocoding.epci import EpciNames, says_epci
from mapservice.geocoding.gazetteer import Gazetteer
from mapservice.geocoding.model import Candidate, Match, MatchStatus, Parts, Precision, Query
from mapservice.territories.queries import source_in_force

# People name the nearest town, and outlines are generalised: a point so near to the commune that
# its words name does not contradict them. Further off, one of the two must be wrong.
NEIGHBOURHOOD_KM = 5.0


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an initiative is to be shown, and the record of how that was decided.

    Only the code of the finest territory known is given: its parents follow from it. `lon`,
    `lat` are EPSG:4326 and set for `Precision.POINT` alone.
    """

    precision: Precision
    code: str | None
    lon: float | None
    lat: float | None
    match: Match
    to_review: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A place to find: its words, and a point (EPSG:4326) where one came with them."""

    query: Query
    lon: float | None = None
    lat: float | None = None

    @property
    def has_point(self) -> bool:
        return self.lon is not None and self.lat is not None

    @property
    def has_text(self) -> bool:
        query = replace(self.query, context="")
        return any(asdict(query).values())


class Geocoders:
    """Keeps the geocoder of the territories in force; a new load is noticed at the next use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[int, Locator] | None = None

    def current(self, connection: Connection) -> "Locator":
        """Raises Unavailable before the first load of territories."""
        source = source_in_force(connection)
        if source is None:
            raise Unavailable("No territories are loaded yet: run `mapservice territories load`.")
        kept = self._kept
        if kept and kept[0] == source.id:
            return kept[1]
        with self._lock:
            if self._kept is None or self._kept[0] != source.id:
                self._kept = (source.id, Locator.load(connection, source.cog_year))
            return self._kept[1]


class Locator:
    """The geocoder with what lies beside it: names of EPCI, outlines for points."""

    def __init__(self, geocoder: Geocoder, epcis: EpciNames) -> None:
        self.geocoder = geocoder
        self.epcis = epcis
        entries = geocoder.gazetteer.places
        self.communes = {place.code: place for place in entries if place.kind == "commune"}

    @classmethod
    def load(cls, connection: Connection, year: int) -> "Locator":
        geocoder = Geocoder(Gazetteer.build(queries.places(connection), year))
        return cls(geocoder, EpciNames(queries.epci_names(connection)))

    def entry(self, commune: str) -> Candidate | None:
        """The commune itself, as an answer that leaves no doubt."""
        place = self.communes.get(commune)
        return Candidate(place, 1.0, "code") if place else None

    def place(self, connection: Connection, asked: Sequence[Asked]) -> list[Placement]:
        """Places many rows at once, in their order."""
        matches = self._matches([one.query for one in asked])
        pointed = [
            (one.lon, one.lat, match.commune)
            for one, match in zip(asked, matches, strict=True)
            if one.lon is not None and one.lat is not None
        ]
        found = iter(queries.locate_points(connection, pointed) if pointed else ())
        return [
            self._with_point(one, match, next(found))
            if one.has_point
            else self._without_point(one, match)
            for one, match in zip(asked, matches, strict=True)
        ]

    def _matches(self, asked: Sequence[Query]) -> list[Match]:
        told = [self._by_context(query) for query in asked]
        read = self.geocoder.bulk(
            query for query, match in zip(asked, told, strict=True) if match is None
        )
        return [match or next(read) for match in told]

    def _by_context(self, query: Query) -> Match | None:
        """What a whole file is about decides, unless the row names a town of its own: streets and
        parks bear the names of other communes ("Bois de Vincennes" is in Paris)."""
        best = self.entry(query.context) if query.context else None
        if best is None or query.postcode or query.city or query.citycode:
            return None
        return Match(
            query=query,
            parts=Parts(departement=best.place.departement, region=best.place.region),
            status=MatchStatus.CERTAIN,
            precision=Precision.COMMUNE,
            score=1.0,
            method="context",
            year=self.geocoder.gazetteer.year,
            candidates=(replace(best, method="context"),),
        )

    def _without_point(self, asked: Asked, match: Match) -> Placement:
        if not asked.has_text and not match.commune:
            return _placement(Precision.NONE, None, match)
        epci = self._epci(asked.query, match)
        if epci:
            return _placement(Precision.EPCI, epci, match)
        return _settled(match) if _is_sure(match) else _coarse(match)

    def _with_point(self, asked: Asked, match: Match, found: queries.PointFound) -> Placement:
        """The point says where, the words whether to believe it; no pin where they differ."""
        if found.commune is None:
            if _is_sure(match) and _is_near(found):
                return _pin(asked, match.commune, match)
            reason = "the point lies at sea or abroad"
            return _doubted(self._without_point(asked, match), reason)
        epci = self._epci(asked.query, match)
        if epci:
            agreed = epci == found.epci
        elif _is_sure(match):
            agreed = match.commune == found.commune or _is_near(found)
        else:
            agreed = _leaves_open(match, found)
        if agreed:
            return _pin(asked, found.commune, match)
        reason = f"the point lies in {found.commune}, the words say otherwise"
        return _doubted(self._without_point(asked, match), reason)

    def _epci(self, query: Query, match: Match) -> str | None:
        """An EPCI is meant where the words say so, or where no commune fits them well."""
        words = query.city or query.text
        if match.status is MatchStatus.CERTAIN and not says_epci(words):
            return None
        return self.epcis.find(words)


def record(placement: Placement) -> dict[str, Any]:
    """The row of `location_match` that keeps how a place was decided."""
    match = placement.match
    return {
        "query": _filled(asdict(match.query)),
        "parts": _filled(asdict(match.parts)),
        "candidates": [_candidate(candidate) for candidate in match.candidates],
        "status": str(match.status),
        "precision": str(placement.precision),
        "score": match.score,
        "method": match.method,
        "reason": placement.reason or match.reason,
        "cog_year": match.year,
        "review": "waiting" if placement.to_review else "none",
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    place = candidate.place
    return {
        "commune": place.commune,
        "name": place.commune_name,
        "through": place.name,
        "kind": place.kind,
        "departement": place.departement,
        "score": candidate.score,
        "method": candidate.method,
    }


def _filled(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _is_sure(match: Match) -> bool:
    return match.status in (MatchStatus.CERTAIN, MatchStatus.LIKELY)


def _is_near(found: queries.PointFound) -> bool:
    return found.named_km is not None and found.named_km <= NEIGHBOURHOOD_KM


def _pin(asked: Asked, commune: str, match: Match) -> Placement:
    return Placement(Precision.POINT, commune, asked.lon, asked.lat, match, to_review=False)


def _leaves_open(match: Match, found: queries.PointFound) -> bool:
    """Words that name no one commune speak against a point only if they name other places."""
    candidates = {candidate.place.commune for candidate in match.candidates}
    told = match.parts.departement
    return (not candidates or found.commune in candidates) and told in ("", found.departement)


def _doubted(placement: Placement, reason: str) -> Placement:
    return replace(placement, to_review=True, reason=reason)


def _coarse(match: Match) -> Placement:
    """Not finer than what all readings share; a choice left open waits for a person."""
    open_choice = match.status is MatchStatus.AMBIGUOUS
    if match.precision is Precision.DEPARTEMENT:
        code: str | None = match.parts.departement
    elif match.precision is Precision.REGION:
        code = match.parts.region
    else:
        code, open_choice = None, True
    precision = match.precision if code else Precision.NONE
    return Placement(precision, code, None, None, match, open_choice, match.reason)


def _settled(match: Match) -> Placement:
    return _placement(Precision.COMMUNE, match.commune, match)


def _placement(precision: Precision, code: str | None, match: Match) -> Placement:
    return Placement(precision, code, None, None, match, to_review=False)

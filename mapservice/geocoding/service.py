"""One geocoder per set of territories, shared by all that ask; and where a row truly lies."""

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection

from mapservice.errors import ServiceUnavailable
from mapservice.geocoding import queries
from mapservice.geocoding.matching.engine import Geocoder
from mapservice.geocoding.matching.epci import EpciNames, same_name, says_epci
from mapservice.geocoding.matching.evidence import MatchMethod
from mapservice.geocoding.matching.gazetteer import Gazetteer
from mapservice.geocoding.model import (
    GeocodeMatch,
    GeocodeQuery,
    MatchCandidate,
    MatchStatus,
    Precision,
    QueryParts,
)
from mapservice.geocoding.provider import check
from mapservice.geocoding.provider.cache import PointAnswer
from mapservice.geocoding.provider.client import AddressProvider
from mapservice.territories.queries import OUTLINE_ACCURACY_M, source_in_force

# So near to a border an outline cannot tell on which side a point lies. Of 3,639 real points with
# their declared commune 70 lie in another outline: 43 nearer than that, 4 more within 300 m.
OUTLINE_KM = OUTLINE_ACCURACY_M / 1000
# People name the nearest town: a point so near to the commune that a name alone tells does not
# contradict it. Further off, or where a postcode or INSEE code says the same as the name, one of
# the two must be wrong.
NEIGHBOURHOOD_KM = 5.0
# A name scored below was read within a street ("rue de Paris") or is but like a commune's ("chez
# Paul"): too little to speak against a point.
FAINT = 0.52
# Who only reads takes the geocoder at hand for that long before it looks for a new load.
FRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an initiative is to be shown, and the record of how that was decided.

    Only the code of the finest territory known is given: its parents follow from it. `lon`,
    `lat` are EPSG:4326 and set for `Precision.POINT` alone. `attribution` is set for a point that
    the outside provider gave. `given` is the point (lon, lat) that came with the row, believed or
    not: who reviews the place can still accept it. `offered` is one that the provider gave and that
    is doubted: its commune is among the candidates.
    """

    precision: Precision
    code: str | None
    lon: float | None
    lat: float | None
    match: GeocodeMatch
    to_review: bool
    reason: str = ""
    attribution: str = ""
    given: tuple[float, float] | None = None
    offered: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class PlaceQuestion:
    """A place to find: its words, and a point (EPSG:4326) where one came with them."""

    query: GeocodeQuery
    lon: float | None = None
    lat: float | None = None

    @property
    def has_point(self) -> bool:
        return self.point is not None

    @property
    def point(self) -> tuple[float, float] | None:
        return None if self.lon is None or self.lat is None else (self.lon, self.lat)

    @property
    def has_text(self) -> bool:
        query = replace(self.query, context="")
        return any(asdict(query).values())


class GeocoderCache:
    """Keeps the geocoder of the territories in force, one per process.

    `clock` gives seconds that never run backwards.
    """

    def __init__(
        self, provider: AddressProvider | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._building = threading.Lock()
        self._turn = threading.Lock()
        self._kept: tuple[int, Locator] | None = None
        self._fresh_until = clock()

    def fresh(self) -> "Locator | None":
        """The geocoder at hand, while the last look for a new load is not a second old.

        None tells the caller to ask for the `current` one. One caller a second is told so: the
        others go on with what is at hand, also while a new one is built.
        """
        kept = self._kept
        if kept is None:
            return None
        if self._clock() < self._fresh_until or self._building.locked():
            return kept[1]
        with self._turn:
            if self._clock() < self._fresh_until:
                return kept[1]
            self._fresh_until = self._clock() + FRESH_SECONDS
        return None

    def current(self, connection: Connection) -> "Locator":
        """That of the territories now in force, which the database tells.

        Raises Unavailable before the first load of territories.
        """
        source = source_in_force(connection)
        if source is None:
            raise ServiceUnavailable(
                "No territories are loaded yet: run `mapservice territories load`."
            )
        kept = self._kept
        if kept is None or kept[0] != source.id:
            with self._building:
                kept = self._kept
                if kept is None or kept[0] != source.id:
                    locator = Locator.load(connection, source.cog_year, self._provider)
                    kept = self._kept = (source.id, locator)
        self._fresh_until = self._clock() + FRESH_SECONDS
        return kept[1]


class Locator:
    """The geocoder with what lies beside it: names of EPCI, outlines for points.

    `provider` None: no outside service is ever asked.
    """

    def __init__(
        self, geocoder: Geocoder, epcis: EpciNames, provider: AddressProvider | None = None
    ) -> None:
        self.geocoder = geocoder
        self.epcis = epcis
        self.provider = provider
        entries = geocoder.gazetteer.places
        self.communes = {place.code: place for place in entries if place.kind == "commune"}

    @classmethod
    def load(
        cls, connection: Connection, year: int, provider: AddressProvider | None = None
    ) -> "Locator":
        geocoder = Geocoder(Gazetteer.build(queries.places(connection), year))
        return cls(geocoder, EpciNames(queries.epci_names(connection)), provider)

    def entry(self, commune: str) -> MatchCandidate | None:
        """The commune itself, as an answer that leaves no doubt."""
        place = self.communes.get(commune)
        return MatchCandidate(place, 1.0, "code") if place else None

    def place(self, connection: Connection, asked: Sequence[PlaceQuestion]) -> list[Placement]:
        """Places many rows at once, in their order."""
        matches = self._matches([one.query for one in asked])
        pointed = [
            (one.lon, one.lat, match.commune)
            for one, match in zip(asked, matches, strict=True)
            if one.lon is not None and one.lat is not None
        ]
        found = iter(queries.locate_points(connection, pointed) if pointed else ())
        placed = [
            replace(self._with_point(one, match, next(found)), given=one.point)
            if one.has_point
            else self._without_point(one, match)
            for one, match in zip(asked, matches, strict=True)
        ]
        return self._refined(connection, placed, self.provider) if self.provider else placed

    def _refined(
        self, connection: Connection, placed: Sequence[Placement], provider: AddressProvider
    ) -> list[Placement]:
        """Those known to the commune get the provider's point of their street, if it is sound."""
        asked = [_street(placement) for placement in placed]
        answers = provider.points(connection, [one for one in asked if one])
        offers = {i: answer for i, one in enumerate(asked) if one and (answer := answers.get(one))}
        points = [(one.lon, one.lat, placed[i].match.commune) for i, one in offers.items()]
        located = queries.locate_points(connection, points) if points else []
        found = dict(zip(offers, located, strict=True))
        refined = list(placed)
        for i, one in enumerate(asked):
            if one and one not in answers:
                refined[i] = _noted(placed[i], check.NO_ANSWER)
            elif one:
                refined[i] = self._judged(placed[i], offers.get(i), found.get(i))
        return refined

    def _judged(
        self, placement: Placement, answer: PointAnswer | None, found: queries.PointFound | None
    ) -> Placement:
        match = placement.match
        named = self._communes_today(answer.citycode) if answer else frozenset()
        verdict = check.judge(match, answer, found, named, NEIGHBOURHOOD_KM)
        noted = replace(_noted(placement, verdict.reason), to_review=verdict.doubted)
        if verdict.doubted and answer and found:
            return self._with_offer(noted, answer, found, named)
        if not verdict.believed or answer is None:
            return noted
        return replace(
            noted,
            precision=Precision.POINT,
            lon=answer.lon,
            lat=answer.lat,
            match=replace(match, method=check.METHOD),
            attribution=answer.attribution,
        )

    def _with_offer(
        self,
        placement: Placement,
        answer: PointAnswer,
        found: queries.PointFound,
        named: Collection[str],
    ) -> Placement:
        """A doubted point is kept for who reviews the place, its commune as one more candidate."""
        match = placement.match
        other = next((c for c in (found.commune, *sorted(named)) if c and c != match.commune), "")
        entry = self.entry(other)
        if entry is None:
            return placement
        candidate = replace(entry, score=answer.score, method=check.METHOD)
        candidates = (*match.candidates, candidate)
        point = (answer.lon, answer.lat)
        return replace(placement, match=replace(match, candidates=candidates), offered=point)

    def _communes_today(self, code: str) -> frozenset[str]:
        """Which communes a code means, also an arrondissement's or a former one."""
        gazetteer = self.geocoder.gazetteer
        return frozenset(gazetteer.places[i].commune for i in gazetteer.by_code.get(code, ()))

    def _matches(self, asked: Sequence[GeocodeQuery]) -> list[GeocodeMatch]:
        told = [self._by_context(query) for query in asked]
        read = self.geocoder.bulk(
            query for query, match in zip(asked, told, strict=True) if match is None
        )
        return [match or next(read) for match in told]

    def _by_context(self, query: GeocodeQuery) -> GeocodeMatch | None:
        """What a whole file is about decides, unless the row names a town of its own: streets and
        parks bear the names of other communes ("Bois de Vincennes" is in Paris). The record keeps
        a former commune of it that the words name."""
        best = self.entry(query.context) if query.context else None
        if best is None or query.postcode or query.city or query.citycode:
            return None
        alias = self.geocoder.alias_named(query.text, query.context) if query.text else None
        if alias:
            best = replace(best, place=alias)
        return GeocodeMatch(
            query=query,
            parts=QueryParts(departement=best.place.departement, region=best.place.region),
            status=MatchStatus.CERTAIN,
            precision=Precision.COMMUNE,
            score=1.0,
            method="context",
            year=self.geocoder.gazetteer.year,
            candidates=(replace(best, method="context"),),
        )

    def _without_point(self, asked: PlaceQuestion, match: GeocodeMatch) -> Placement:
        if not asked.has_text and not match.commune:
            return _placement(Precision.NONE, None, match)
        epci = self._epci(asked.query, match)
        if epci:
            return _placement(Precision.EPCI, epci, match)
        return _settled(match) if _is_sure(match) else _coarse(match)

    def _with_point(
        self, asked: PlaceQuestion, match: GeocodeMatch, found: queries.PointFound
    ) -> Placement:
        """The point says where, the words whether to believe it; no pin where they differ."""
        if found.commune is None:
            if _is_sure(match) and _is_near(found):
                return _beside(_pin(asked, match.commune, match), found, "no commune")
            reason = "the point lies at sea or abroad"
            return _doubted(self._without_point(asked, match), reason)
        epci = self._epci(asked.query, match)
        if not epci and _is_sure(match) and match.commune != found.commune:
            return self._at_odds(asked, match, found)
        if epci == found.epci if epci else _is_sure(match) or _leaves_open(match, found):
            settled = _pin(asked, found.commune, match)
            is_choice = match.status is MatchStatus.AMBIGUOUS
            return _noted(settled, "the point decides") if is_choice else settled
        reason = f"the point lies in {found.commune}, the words say otherwise"
        return _doubted(self._without_point(asked, match), reason)

    def _at_odds(
        self, asked: PlaceQuestion, match: GeocodeMatch, found: queries.PointFound
    ) -> Placement:
        """The words name a commune surely, and the point lies in the outline of another one."""
        holder = str(found.commune)
        if found.named_km is not None and found.named_km <= OUTLINE_KM:
            return _beside(_pin(asked, match.commune, match), found, holder)
        if not _is_near(found) or self._is_corroborated(match):
            reason = f"the point lies in {holder}, the words say otherwise"
            return _doubted(self._without_point(asked, match), reason)
        reason = (
            f"the point lies in {holder} and decides, only the name of {match.commune} is given"
        )
        return _noted(_pin(asked, holder, _weakened(match)), reason)

    def _is_corroborated(self, match: GeocodeMatch) -> bool:
        """More than a name tells the commune: a code that is its own, or what the file is about."""
        own = self.communes.get(match.commune)
        if own is None or match.method == str(MatchMethod.CONTEXT):
            return own is not None
        coded = match.parts.postcode in own.postcodes
        return coded or match.commune in self._communes_today(match.parts.citycode)

    def _epci(self, query: GeocodeQuery, match: GeocodeMatch) -> str | None:
        """An EPCI is meant where the words say so, or where no commune fits them well.

        A name that an EPCI shares with its town ("La Rochelle") is the town's.
        """
        words = query.city or query.text
        towns = match.status is MatchStatus.CERTAIN or any(
            same_name(words, candidate.place.name) for candidate in match.candidates
        )
        return None if towns and not says_epci(words) else self.epcis.find(words)


def record(placement: Placement) -> dict[str, Any]:
    """The row of `location_match` that keeps how a place was decided."""
    match = placement.match
    return {
        "query": _filled(asdict(match.query)) | _given(placement),
        "parts": _filled(asdict(match.parts)),
        "candidates": [_candidate(candidate, placement.offered) for candidate in match.candidates],
        "status": str(match.status),
        "precision": str(placement.precision),
        "score": match.score,
        "method": match.method,
        "reason": placement.reason or match.reason,
        "cog_year": match.year,
        "review": "waiting" if placement.to_review else "none",
        "attribution": placement.attribution if placement.precision is Precision.POINT else "",
    }


def _given(placement: Placement) -> dict[str, float]:
    """The point that came with the row, also where it is not believed: nothing is lost."""
    return dict(zip(("lon", "lat"), placement.given, strict=True)) if placement.given else {}


def _candidate(candidate: MatchCandidate, offered: tuple[float, float] | None) -> dict[str, Any]:
    """The provider's has its point (lon, lat in EPSG:4326) with it."""
    place = candidate.place
    is_offer = offered is not None and candidate.method == check.METHOD
    point = dict(zip(("lon", "lat"), offered or (), strict=True)) if is_offer else {}
    return {
        "commune": place.commune,
        "name": place.commune_name,
        "through": place.name,
        "kind": place.kind,
        "departement": place.departement,
        "score": candidate.score,
        "method": candidate.method,
        **point,
    }


def _filled(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _street(placement: Placement) -> str:
    """What to ask the provider for a placement, "" for those that no street could refine."""
    is_sure = placement.precision is Precision.COMMUNE and not placement.to_review
    return check.address_of(placement.match) if is_sure else ""


def _noted(placement: Placement, reason: str) -> Placement:
    known = placement.reason or placement.match.reason
    return replace(placement, reason="; ".join(filter(None, (known, reason))))


def _is_sure(match: GeocodeMatch) -> bool:
    return match.status in (MatchStatus.CERTAIN, MatchStatus.LIKELY)


def _is_near(found: queries.PointFound) -> bool:
    return found.named_km is not None and found.named_km <= NEIGHBOURHOOD_KM


def _beside(placement: Placement, found: queries.PointFound, holder: str) -> Placement:
    """The words tell the commune of a point that lies a little outside its outline."""
    metres = round(1000 * (found.named_km or 0))
    reason = f"the words decide, the point lies {metres} m outside that outline, in {holder}"
    near = metres <= OUTLINE_ACCURACY_M
    return _noted(
        placement if near else replace(placement, match=_weakened(placement.match)), reason
    )


def _weakened(match: GeocodeMatch) -> GeocodeMatch:
    """A certain reading of words that the point does not bear out is but likely.

    Its score goes from the band of the one (0.9 to 1) to that of the other (0.7 to 0.9).
    """
    if match.status is not MatchStatus.CERTAIN:
        return match
    score = round(0.7 + 2 * (match.score - 0.9), 4)
    share = score / match.score
    scored = tuple(replace(c, score=round(c.score * share, 4)) for c in match.candidates)
    return replace(match, status=MatchStatus.LIKELY, score=score, candidates=scored)


def _pin(asked: PlaceQuestion, commune: str, match: GeocodeMatch) -> Placement:
    return Placement(Precision.POINT, commune, asked.lon, asked.lat, match, to_review=False)


def _leaves_open(match: GeocodeMatch, found: queries.PointFound) -> bool:
    """Words that name no one commune speak against a point only if they name other places."""
    candidates = {c.place.commune for c in match.candidates if c.score >= FAINT or _by_code(c)}
    told = match.parts.departement
    return (not candidates or found.commune in candidates) and told in ("", found.departement)


def _by_code(candidate: MatchCandidate) -> bool:
    return candidate.method in (MatchMethod.POSTCODE, MatchMethod.CITYCODE)


def _doubted(placement: Placement, reason: str) -> Placement:
    """What the words alone say, but no more than likely: a person is asked."""
    weakened = _weakened(placement.match)
    return replace(placement, to_review=True, reason=reason, match=weakened)


def _coarse(match: GeocodeMatch) -> Placement:
    """Not finer than what all readings share; a choice left open waits for a person."""
    if match.precision is Precision.NATIONAL:
        return _placement(Precision.NATIONAL, None, match)
    open_choice = match.status is MatchStatus.AMBIGUOUS
    if match.precision is Precision.DEPARTEMENT:
        code: str | None = match.parts.departement
    elif match.precision is Precision.REGION:
        code = match.parts.region
    else:
        code, open_choice = None, True
    precision = match.precision if code else Precision.NONE
    return Placement(precision, code, None, None, match, open_choice, match.reason)


def _settled(match: GeocodeMatch) -> Placement:
    return _placement(Precision.COMMUNE, match.commune, match)


def _placement(precision: Precision, code: str | None, match: GeocodeMatch) -> Placement:
    return Placement(precision, code, None, None, match, to_review=False)

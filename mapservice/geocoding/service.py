"""One geocoder per set of territories, shared by all that ask; and where a row truly lies."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection

from mapservice.errors import ServiceUnavailable
from mapservice.geocoding import queries
from mapservice.geocoding.matching.engine import Geocoder
from mapservice.geocoding.matching.epci import EpciNames, same_name, says_epci
from mapservice.geocoding.matching.gazetteer import Gazetteer
from mapservice.geocoding.model import (
    GeocodeMatch,
    GeocodeQuery,
    MatchCandidate,
    MatchMethod,
    MatchStatus,
    Precision,
    QueryParts,
)
from mapservice.geocoding.provider import check
from mapservice.geocoding.provider.cache import PointAnswer
from mapservice.geocoding.provider.client import AddressProvider
from mapservice.geocoding.weights import FAINT, NEIGHBOURHOOD_KM, SCORE_BANDS
from mapservice.territories.queries import OUTLINE_ACCURACY_M, source_in_force

# So near to a border an outline cannot tell on which side a point lies. Of 3,639 real points with
# their declared commune, 70 lie in another outline: 43 nearer than that, 4 more within 300 m.
OUTLINE_KM = OUTLINE_ACCURACY_M / 1000
# Requests that only read use the geocoder at hand for so long before one looks for a new load.
FRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an initiative is to be shown, and the record of how that was decided.

    Only the code of the finest territory known is given: its parents follow from it. `lon`,
    `lat` are EPSG:4326 and set for `Precision.POINT` alone. `attribution` is set for a point that
    the outside provider gave. `given` is the point (lon, lat) that came with the row, believed or
    not: a reviewer can still accept it. `offered` is a doubted point of the provider, whose commune
    is among the candidates.
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

        None tells the caller to ask for the `current` one. Only one caller a second gets it: the
        others go on with the geocoder at hand, also while a new one is built.
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
        """The geocoder of the territories now in force, according to the database.

        Raises ServiceUnavailable before the first load of territories.
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
        by_context = [self._by_context(one.query) for one in asked]
        read = self.geocoder.bulk(
            one.query for one, match in zip(asked, by_context, strict=True) if match is None
        )
        matches = [match or next(read) for match in by_context]
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

    def _by_context(self, query: GeocodeQuery) -> GeocodeMatch | None:
        """The commune of the whole file decides, unless the row names a town of its own: streets
        and parks bear the names of other communes ("Bois de Vincennes" is in Paris). The record
        keeps a former commune of it that the words name."""
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

    def _refined(
        self, connection: Connection, placed: Sequence[Placement], provider: AddressProvider
    ) -> list[Placement]:
        """Rows placed at their commune get the provider's point of their street, if it is sound."""
        asked = [
            check.address_of(one.match)
            if one.precision is Precision.COMMUNE and not one.to_review
            else ""
            for one in placed
        ]
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
        """A placement with the provider's answer: its point, or why that is not believed."""
        match = placement.match
        named = self._communes_today(answer.citycode) if answer else frozenset()
        verdict = check.judge(match, answer, found, named, NEIGHBOURHOOD_KM)
        noted = replace(_noted(placement, verdict.reason), to_review=verdict.doubted)
        if answer is None or found is None:
            return noted
        if verdict.doubted:
            # Kept for the reviewer, its commune as one more candidate.
            codes = (found.commune, *sorted(named))
            entry = self.entry(next((c for c in codes if c and c != match.commune), ""))
            if entry is None:
                return noted
            candidate = replace(entry, score=answer.score, method=check.METHOD)
            offered = replace(match, candidates=(*match.candidates, candidate))
            return replace(noted, match=offered, offered=(answer.lon, answer.lat))
        if not verdict.believed:
            return noted
        return replace(
            noted,
            precision=Precision.POINT,
            lon=answer.lon,
            lat=answer.lat,
            match=replace(match, method=check.METHOD),
            attribution=answer.attribution,
        )

    def communes_of_code(self, code: str) -> dict[str, str]:
        """By their codes, the names of the communes that an INSEE code means today."""
        return self._named(self._communes_today(code))

    def communes_of_postcode(self, postcode: str) -> dict[str, str]:
        """By their codes, the names of the communes that a postcode serves, the largest first."""
        gazetteer = self.geocoder.gazetteer
        pool = gazetteer.by_postcode.get(postcode)
        places = [gazetteer.places[i] for i in (pool.ids if pool else ())]
        places.sort(key=lambda place: -place.population)
        return self._named(dict.fromkeys(place.commune for place in places))

    def _named(self, communes: Iterable[str]) -> dict[str, str]:
        found = {code: self.entry(code) for code in communes}
        return {code: entry.place.name for code, entry in found.items() if entry is not None}

    def _communes_today(self, code: str) -> frozenset[str]:
        """Which communes a code means, also an arrondissement's or a former one."""
        gazetteer = self.geocoder.gazetteer
        return frozenset(gazetteer.places[i].commune for i in gazetteer.by_code.get(code, ()))

    def _without_point(self, asked: PlaceQuestion, match: GeocodeMatch) -> Placement:
        """Not finer than what all readings share; a choice left open waits for a person."""
        code: str | None = None
        if not asked.has_text and not match.commune:
            return Placement(Precision.NONE, None, None, None, match, to_review=False)
        if epci := self._epci(asked.query, match):
            return Placement(Precision.EPCI, epci, None, None, match, to_review=False)
        if _is_sure(match):
            return Placement(Precision.COMMUNE, match.commune, None, None, match, to_review=False)
        if match.precision is Precision.NATIONAL:
            return Placement(Precision.NATIONAL, None, None, None, match, to_review=False)
        is_open = match.status is MatchStatus.AMBIGUOUS
        if match.precision is Precision.DEPARTEMENT:
            code = match.parts.departement
        elif match.precision is Precision.REGION:
            code = match.parts.region
        else:
            is_open = True
        precision = match.precision if code else Precision.NONE
        return Placement(precision, code, None, None, match, is_open, match.reason)

    def _with_point(
        self, asked: PlaceQuestion, match: GeocodeMatch, found: queries.PointFound
    ) -> Placement:
        """The point says where, the words whether to believe it; no pin where they differ."""
        near = found.named_km is not None and found.named_km <= NEIGHBOURHOOD_KM
        if found.commune is None:
            if _is_sure(match) and near:
                return _beside(_pin(asked, match.commune, match), found, "no commune")
            return self._doubted(asked, match, "the point lies at sea or abroad")
        epci = self._epci(asked.query, match)
        if not epci and _is_sure(match) and match.commune != found.commune:
            # The words name one commune surely, and the point lies in the outline of another.
            if found.named_km is not None and found.named_km <= OUTLINE_KM:
                return _beside(_pin(asked, match.commune, match), found, found.commune)
            if near and not self._is_corroborated(match):
                reason = f"the point lies in {found.commune} and decides, only the name of"
                pin = _pin(asked, found.commune, _weakened(match))
                return _noted(pin, f"{reason} {match.commune} is given")
        elif epci == found.epci if epci else _is_sure(match) or _leaves_open(match, found):
            pin = _pin(asked, found.commune, match)
            is_choice = match.status is MatchStatus.AMBIGUOUS
            return _noted(pin, "the point decides") if is_choice else pin
        reason = f"the point lies in {found.commune}, the words say otherwise"
        doubted = self._doubted(asked, match, reason)
        own = self.communes.get(found.commune)
        if match.status is not MatchStatus.LIKELY or epci or own is None:
            return doubted
        # A guess of words against a point: until a person decides, only what both tell is shown.
        named = match.parts
        if named.departement == own.departement:
            return replace(doubted, precision=Precision.DEPARTEMENT, code=own.departement)
        if named.region == own.region:
            return replace(doubted, precision=Precision.REGION, code=own.region)
        return replace(doubted, precision=Precision.NONE, code=None)

    def _doubted(self, asked: PlaceQuestion, match: GeocodeMatch, reason: str) -> Placement:
        """What the words alone say, but no more than likely: a person is asked."""
        alone = self._without_point(asked, match)
        return replace(alone, to_review=True, reason=reason, match=_weakened(match))

    def _is_corroborated(self, match: GeocodeMatch) -> bool:
        """More than a name tells the commune: a code of its own, or the subject of the file."""
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
    match, offered = placement.match, placement.offered
    query, parts = (
        {name: value for name, value in asdict(part).items() if value}
        for part in (match.query, match.parts)
    )
    # The point that came with the row stays, also where it is not believed: nothing is lost.
    if placement.given:
        query["lon"], query["lat"] = placement.given
    candidates = []
    for candidate in match.candidates:
        place = candidate.place
        fields = {
            "commune": place.commune,
            "name": place.commune_name,
            "through": place.name,
            "kind": place.kind,
            "departement": place.departement,
            "score": candidate.score,
            "method": candidate.method,
        }
        if offered is not None and candidate.method == check.METHOD:
            fields["lon"], fields["lat"] = offered  # EPSG:4326
        candidates.append(fields)
    return {
        "query": query,
        "parts": parts,
        "candidates": candidates,
        "status": str(match.status),
        "precision": str(placement.precision),
        "score": match.score,
        "method": match.method,
        "reason": placement.reason or match.reason,
        "cog_year": match.year,
        "review": "waiting" if placement.to_review else "none",
        "attribution": placement.attribution if placement.precision is Precision.POINT else "",
    }


def _noted(placement: Placement, reason: str) -> Placement:
    known = placement.reason or placement.match.reason
    return replace(placement, reason="; ".join(filter(None, (known, reason))))


def _is_sure(match: GeocodeMatch) -> bool:
    return match.status in (MatchStatus.CERTAIN, MatchStatus.LIKELY)


def _beside(placement: Placement, found: queries.PointFound, holder: str) -> Placement:
    """The words tell the commune of a point that lies a little outside its outline."""
    metres = round(1000 * (found.named_km or 0))
    if metres > OUTLINE_ACCURACY_M:
        placement = replace(placement, match=_weakened(placement.match))
    reason = f"the words decide, the point lies {metres} m outside that outline, in {holder}"
    return _noted(placement, reason)


def _weakened(match: GeocodeMatch) -> GeocodeMatch:
    """A certain reading of words that the point does not bear out is merely likely.

    Its score moves from the band of the one to that of the other.
    """
    if match.status is not MatchStatus.CERTAIN:
        return match
    bottom, top = SCORE_BANDS[MatchStatus.CERTAIN]
    low, high = SCORE_BANDS[MatchStatus.LIKELY]
    score = round(low + (high - low) * (match.score - bottom) / (top - bottom), 4)
    share = score / match.score
    scored = tuple(replace(c, score=round(c.score * share, 4)) for c in match.candidates)
    return replace(match, status=MatchStatus.LIKELY, score=score, candidates=scored)


def _pin(asked: PlaceQuestion, commune: str, match: GeocodeMatch) -> Placement:
    return Placement(Precision.POINT, commune, asked.lon, asked.lat, match, to_review=False)


def _leaves_open(match: GeocodeMatch, found: queries.PointFound) -> bool:
    """Words that name no one commune speak against a point only if they name other places."""
    coded = (MatchMethod.POSTCODE, MatchMethod.CITYCODE)
    candidates = {
        c.place.commune for c in match.candidates if c.score >= FAINT or c.method in coded
    }
    departement = match.parts.departement
    return (not candidates or found.commune in candidates) and departement in (
        "",
        found.departement,
    )

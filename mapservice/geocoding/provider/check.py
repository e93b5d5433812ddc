"""What the outside provider is asked about a row, and whether to believe its point."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from mapservice.geocoding.matching.normalise import normalise
from mapservice.geocoding.model import GeocodeMatch, MatchStatus
from mapservice.geocoding.provider.cache import PointAnswer
from mapservice.geocoding.queries import PointFound
from mapservice.geocoding.weights import PROVIDER_MIN_SCORE

METHOD = "provider"
STREET_TYPES = frozenset({"housenumber", "street", "locality"})

NO_ANSWER = "the provider did not answer"
UNKNOWN = "the provider knows no such street"


@dataclass(frozen=True, slots=True)
class PointVerdict:
    """`doubted`: the point and the words name different places, which a person must settle."""

    believed: bool
    reason: str
    doubted: bool = False


def address_of(match: GeocodeMatch) -> str:
    """Street, postcode and town of a row whose commune is sure; "" when it names no street.

    Nothing else of the row is sent: no name of a person, no subject.
    """
    best, street = match.best, match.parts.street
    if best is None or not street or match.status not in (MatchStatus.CERTAIN, MatchStatus.LIKELY):
        return ""
    postcode = match.parts.postcode if match.parts.postcode in best.place.postcodes else ""
    # "12 bis" is no part of the street that was read.
    numbered = rf"\b\d{{1,4}} (?:bis|ter|quater) {re.escape(street)}\b"
    found = re.search(numbered, normalise(match.query.text))
    return " ".join(filter(None, (found[0] if found else street, postcode, best.place.name)))


def judge(
    match: GeocodeMatch,
    answer: PointAnswer | None,
    found: PointFound | None,
    named: Collection[str],
    km: float,
) -> PointVerdict:
    """Believes a point that is fine and sure enough, in the commune that the words name.

    `found` says which outline holds the point; `named` are the communes of today that the
    answer names itself. Outlines are generalised: a point up to `km` outside is believed if the
    answer names the same commune as the words do.
    """
    if answer is None or found is None:
        return PointVerdict(False, UNKNOWN)
    if answer.type not in STREET_TYPES:
        return PointVerdict(False, f"{UNKNOWN}: its answer is a {answer.type}")
    if answer.score < PROVIDER_MIN_SCORE:
        return PointVerdict(False, f"{UNKNOWN}: its best has a score of {answer.score:.2f}")
    inside = found.commune == match.commune
    near = found.named_km is not None and found.named_km <= km
    if (inside and (not named or match.commune in named)) or (near and match.commune in named):
        return PointVerdict(True, f"point of a {answer.type}, score {answer.score:.2f}")
    place = ", ".join(sorted(named)) if inside else found.commune or "no commune"
    reason = f"the provider's point lies in {place}, the words say {match.commune}"
    return PointVerdict(False, reason, doubted=True)

"""Whatever is typed, an answer comes back."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mapservice.geocoding.matching.engine import Geocoder
from mapservice.geocoding.model import GazetteerEntry, GeocodeQuery, MatchStatus

PlaceOf = Callable[..., GazetteerEntry]
GeocoderOf = Callable[..., Geocoder]

VOCABULARY = (
    "Paris Saint-Denis Rennes rue de la 35000 2A004 75013 (93) 13e arrondissement cedex BP CS 01 "
    "1000 98 800 Bretagne Ille-et-Vilaine / - , ( ) s/ dept l' d' St BP\u00a0n° 97400 II"
)
WORDS = st.sampled_from(VOCABULARY.split(" "))
ADDRESSES = st.lists(WORDS, max_size=60).map(" ".join)
TEXTS = st.one_of(
    st.text(), st.text(st.characters()), ADDRESSES, ADDRESSES.map(lambda text: text * 50)
)


@pytest.fixture(scope="module")
def geocoder(place: PlaceOf, geocoder_of: GeocoderOf) -> Geocoder:
    paris = place("Paris", "75056", "", 2_100_000)
    return geocoder_of(
        paris,
        place("Paris 13e Arrondissement", "75113", "75013", of=paris, kind="arrondissement"),
        place("Saint-Denis", "93066", "93200", 150_000),
        place("Saint-Denis", "97411", "97400", 154_000),
        place("Rennes", "35238", "35000", 220_000),
        place("Ajaccio", "2A004", "20000", 72_000),
        place("Paris-l'Hôpital", "71343", "71150", 300),
    )


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_any_text_in_any_field_is_answered(
    geocoder: Geocoder, text: str, postcode: str, city: str, other: str
) -> None:
    match = geocoder.match(GeocodeQuery(text, postcode, city, other, other, other))
    assert 0 <= match.score <= 1
    assert (match.commune == "") == (match.status is MatchStatus.NONE)
    assert (match.reason == "") == (match.status is MatchStatus.CERTAIN)
    ranks = [candidate.score for candidate in match.candidates]
    assert ranks == sorted(ranks, reverse=True)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS, st.integers(), st.booleans())
def test_any_text_may_be_searched(
    geocoder: Geocoder, text: str, limit: int, autocomplete: bool
) -> None:
    found = geocoder.search(text, limit=limit, autocomplete=autocomplete, lon=2.3, lat=48.8)
    assert len(found) <= max(0, limit)
    assert len({candidate.place.commune for candidate in found}) == len(found)


def test_an_empty_gazetteer_knows_no_commune(geocoder_of: GeocoderOf) -> None:
    empty = geocoder_of()
    assert empty.match(GeocodeQuery("35000 Rennes")).status is MatchStatus.NONE
    assert empty.search("ren") == []

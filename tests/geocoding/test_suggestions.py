from collections.abc import Callable

import pytest

from mapservice.geocoding.matching.engine import Geocoder
from mapservice.geocoding.model import GazetteerEntry

PlaceOf = Callable[..., GazetteerEntry]
GeocoderOf = Callable[..., Geocoder]


@pytest.fixture(scope="module")
def geocoder(place: PlaceOf, geocoder_of: GeocoderOf) -> Geocoder:
    seine = place("Saint-Denis", "93066", "93200", 150_000, at=(2.36, 48.94))
    reunion = place("Saint-Denis", "97411", "97400", 154_000, at=(55.45, -20.88))
    brest = place("Brest", "29019", "29200", 140_000, at=(-4.49, 48.39))
    rennes = place("Rennes", "35238", "35000 35200", 220_000, at=(-1.68, 48.11))
    village = place("Rennemoulin", "95010", "95590", 100, at=(2.04, 48.83))
    pierrefitte = place("Pierrefitte-sur-Seine", "93059", of=seine, kind="former")
    return geocoder_of(seine, reunion, brest, rennes, village, pierrefitte)


def test_a_beginning_suggests_the_most_populated_first(geocoder: Geocoder) -> None:
    assert [c.place.commune for c in geocoder.search("renn")] == ["35238", "95010"]


def test_accents_case_and_abbreviations_do_not_matter(geocoder: Geocoder) -> None:
    assert {c.place.commune for c in geocoder.search("ST-DÉN")} == {"93066", "97411"}


def test_a_later_word_of_a_name_is_found(geocoder: Geocoder) -> None:
    assert [c.place.code for c in geocoder.search("denis")] == ["97411", "93066"]


def test_a_former_commune_leads_to_that_of_today(geocoder: Geocoder) -> None:
    (found,) = geocoder.search("pierref")
    assert (found.place.code, found.place.commune) == ("93059", "93066")


@pytest.mark.parametrize("text", ["Pierrefitte-s", "pierrefitte-sur-s", "Pierrefitte sur S"])
def test_a_last_letter_s_begins_a_word(geocoder: Geocoder, text: str) -> None:
    """Elsewhere a lone "s" is short for "sur"."""
    assert [c.place.code for c in geocoder.search(text)] == ["93059"]


def test_nearness_brings_the_near_homonym_forward(geocoder: Geocoder) -> None:
    near_paris = geocoder.search("saint-denis", lon=2.35, lat=48.85)
    assert [c.place.commune for c in near_paris] == ["93066", "97411"]


def test_without_autocomplete_only_whole_names_match(geocoder: Geocoder) -> None:
    assert geocoder.search("renn", autocomplete=False) == []
    assert [c.place.code for c in geocoder.search("rennes", autocomplete=False)] == ["35238"]


def test_filters_keep_what_fits(geocoder: Geocoder) -> None:
    assert [c.place.code for c in geocoder.search("saint", postcode="93200")] == ["93066"]
    assert [c.place.code for c in geocoder.search("saint", citycode="97411")] == ["97411"]
    assert geocoder.search("pierref", kind="commune") == []
    assert len(geocoder.search("saint", limit=1)) == 1


@pytest.mark.parametrize("text", ["35000", "350", "35238", "12 rue de Brest, Rennes", "rennes 35"])
def test_codes_and_addresses_are_understood(geocoder: Geocoder, text: str) -> None:
    assert geocoder.search(text)[0].place.commune == "35238"


def test_a_typo_is_forgiven(geocoder: Geocoder) -> None:
    assert geocoder.search("Renens")[0].place.commune == "35238"


@pytest.mark.parametrize("text", ["", " ", "'-", "?"])
def test_nothing_suggests_nothing(geocoder: Geocoder, text: str) -> None:
    assert geocoder.search(text) == []

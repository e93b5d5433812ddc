"""Texts that say no more than a département, a région or the whole country."""

from collections.abc import Callable

import pytest

from mapservice.geocoding.matching.engine import Geocoder
from mapservice.geocoding.model import GazetteerEntry, GeocodeQuery, MatchStatus, Precision

PlaceOf = Callable[..., GazetteerEntry]
GeocoderOf = Callable[..., Geocoder]

DEPARTEMENT, REGION = Precision.DEPARTEMENT, Precision.REGION


@pytest.fixture(scope="module")
def geocoder(place: PlaceOf, geocoder_of: GeocoderOf) -> Geocoder:
    """Villages that bear the name of an area far off, and a town that does."""
    return geocoder_of(
        place("Brest", "29019", "29200", 140_000),
        place("Rennes", "35238", "35000", 220_000),
        place("Chauny", "02173", "02300", 11_000),
        place("Paris", "75056", "75001", 2_100_000),
        place("Saint-Denis", "93066", "93200", 150_000),
        place("Denis", "71001", "71100", 150_000),
        place("Finistère", "71002", "71100", 80),
        place("Bretagne", "71003", "71100", 90),
        place("La Bretagne", "02003", "02100", 90),
        place("Gironde", "95003", "95100", 30_000),
        place("Bègles", "33039", "33130", 30_000),
    )


@pytest.mark.parametrize(
    ("text", "precision", "departement", "region"),
    [
        ("dans toute la Bretagne", REGION, "", "53"),
        ("partout en Bretagne", REGION, "", "53"),
        ("La Bretagne entière", REGION, "", "53"),
        ("Bretagne (région)", REGION, "", "53"),
        ("toute l'Île-de-France", REGION, "", "11"),
        ("Région Île de France", REGION, "", "11"),
        ("dans le Finistère", DEPARTEMENT, "29", "53"),
        ("Finistère (29)", DEPARTEMENT, "29", "53"),
        ("29 Finistère", DEPARTEMENT, "29", "53"),
        ("Finistère 29", DEPARTEMENT, "29", "53"),
        ("Finistère, Bretagne", DEPARTEMENT, "29", "53"),
        ("département de la Gironde", DEPARTEMENT, "33", "75"),
        ("toute la Gironde", DEPARTEMENT, "33", "75"),
        ("Gironde (33)", DEPARTEMENT, "33", "75"),
        ("département de Paris", DEPARTEMENT, "75", "11"),
        ("Seine-Saint-Denis", DEPARTEMENT, "93", "11"),
        ("Finistère et Ille-et-Vilaine", REGION, "", "53"),
        ("Bretagne et Île-de-France", Precision.NONE, "", ""),
        ("toute la France", Precision.NATIONAL, "", ""),
    ],
)
def test_an_area_is_not_a_commune_of_that_name(
    geocoder: Geocoder, text: str, precision: Precision, departement: str, region: str
) -> None:
    match = geocoder.match(GeocodeQuery(text))
    assert (match.commune, match.status, match.precision) == ("", MatchStatus.NONE, precision)
    assert (match.parts.departement, match.parts.region) == (departement, region)


@pytest.mark.parametrize(
    ("text", "commune"),
    [
        ("Finistère (71)", "71002"),
        ("71100 Finistère", "71002"),
        ("tout Paris", "75056"),
        ("Paris (75)", "75056"),
        ("Paris, Paris", "75056"),
        ("Gironde (95)", "95003"),
        ("Brest, dans tout le Finistère", "29019"),
        ("Rennes, Bretagne", "35238"),
        ("Saint-Denis, Seine-Saint-Denis, Île-de-France", "93066"),
    ],
)
def test_a_commune_is_still_meant_where_more_is_said(
    geocoder: Geocoder, text: str, commune: str
) -> None:
    match = geocoder.match(GeocodeQuery(text))
    assert (match.commune, match.status) == (commune, MatchStatus.CERTAIN)


def test_a_town_that_bears_an_areas_name_leaves_it_open(geocoder: Geocoder) -> None:
    assert geocoder.match(GeocodeQuery("Gironde")).status is MatchStatus.AMBIGUOUS

"""Rules of matching, each with the communes it tells apart."""

from collections.abc import Callable

import pytest

from mapservice.geocoding.matching.engine import Geocoder
from mapservice.geocoding.model import (
    GazetteerEntry,
    GeocodeMatch,
    GeocodeQuery,
    MatchStatus,
    Precision,
)

PlaceOf = Callable[..., GazetteerEntry]
GeocoderOf = Callable[..., Geocoder]

CERTAIN, LIKELY, AMBIGUOUS, NONE = MatchStatus


def test_a_street_named_after_a_town_is_not_the_town(
    place: PlaceOf, geocoder_of: GeocoderOf
) -> None:
    rennes = place("Rennes", "35238", "35000 35200 35700", 220_000)
    paris = place("Paris", "75056", "75001", 2_100_000)
    match = geocoder_of(rennes, paris).match(GeocodeQuery("Rue de Paris, 35000 Rennes"))
    assert (match.commune, match.status) == ("35238", CERTAIN)
    assert match.parts.street == "rue de paris"


def test_a_street_named_after_a_town_alone_is_no_sure_answer(
    place: PlaceOf, geocoder_of: GeocoderOf
) -> None:
    paris = place("Paris", "75056", "75001", 2_100_000)
    match = geocoder_of(paris).match(GeocodeQuery("66 rue de Paris"))
    assert (match.status, match.commune) == (MatchStatus.NONE, "")
    assert match.reason == "only a street or a place within a commune is named"


def test_the_town_behind_a_street_named_after_another(
    place: PlaceOf, geocoder_of: GeocoderOf
) -> None:
    paris = place("Paris", "75056", "75001", 2_100_000)
    saint_denis = place("Saint-Denis", "93066", "93200 93380", 150_000)
    pierrefitte = place("Pierrefitte-sur-Seine", "93059", of=saint_denis, kind="former")
    match = geocoder_of(paris, saint_denis, pierrefitte).match(
        GeocodeQuery("66 rue de Paris, Pierrefitte-sur-Seine")
    )
    assert (match.commune, match.status) == ("93066", CERTAIN)
    assert match.best is not None
    assert match.best.place.code == "93059"


def test_a_name_inside_a_longer_one_is_not_meant(place: PlaceOf, geocoder_of: GeocoderOf) -> None:
    paris = place("Paris", "75056", "75001", 2_100_000)
    hospital = place("Paris-l'Hôpital", "71343", "71150", 300)
    match = geocoder_of(paris, hospital).match(GeocodeQuery("Paris-l'Hôpital"))
    assert (match.commune, match.status) == ("71343", CERTAIN)


def test_an_unknown_hyphenated_name_is_not_its_first_word(
    place: PlaceOf, geocoder_of: GeocoderOf
) -> None:
    paris = place("Paris", "75056", "75001", 2_100_000)
    assert geocoder_of(paris).match(GeocodeQuery("Paris-Plage")).status in (AMBIGUOUS, NONE)


def test_a_bare_homonym_is_ambiguous_and_says_between_which(
    place: PlaceOf, geocoder_of: GeocoderOf
) -> None:
    seine = place("Saint-Denis", "93066", "93200", 150_000)
    reunion = place("Saint-Denis", "97411", "97400", 154_000)
    match = geocoder_of(seine, reunion).match(GeocodeQuery("Saint Denis"))
    assert match.status is AMBIGUOUS
    assert [candidate.place.code for candidate in match.candidates] == ["97411", "93066"]
    assert match.precision is Precision.NONE


@pytest.mark.parametrize(
    "text",
    [
        "Saint-Denis (93)",
        "St Denis 93",
        "93 - Saint-Denis",
        "Saint-Denis dept 93",
        "Saint-Denis, Seine-Saint-Denis",
        "Saint-Denis (Seine-Saint-Denis)",
        "93200 ST-DENIS",
        "Saint-Denis 93066",
    ],
)
def test_a_departement_or_a_code_settles_a_homonym(
    place: PlaceOf, geocoder_of: GeocoderOf, text: str
) -> None:
    seine = place("Saint-Denis", "93066", "93200", 150_000)
    reunion = place("Saint-Denis", "97411", "97400", 154_000)
    match = geocoder_of(seine, reunion).match(GeocodeQuery(text))
    assert (match.commune, match.status) == ("93066", CERTAIN)


def test_a_departement_field_settles_a_homonym(place: PlaceOf, geocoder_of: GeocoderOf) -> None:
    seine = place("Saint-Denis", "93066", "93200", 150_000)
    reunion = place("Saint-Denis", "97411", "97400", 154_000)
    geocoder = geocoder_of(seine, reunion)
    for departement in ("974", "La Réunion", "Réunion"):
        match = geocoder.match(GeocodeQuery(city="Saint-Denis", departement=departement))
        assert (match.commune, match.status) == ("97411", CERTAIN)


def test_a_postcode_of_several_communes_alone_is_ambiguous(
    place: PlaceOf, geocoder_of: GeocoderOf
) -> None:
    retiers = place("Retiers", "35239", "35240", 4500)
    essé = place("Essé", "35108", "35150 35240", 1100)
    match = geocoder_of(retiers, essé).match(GeocodeQuery("12 rue des Lilas 35240"))
    assert (match.commune, match.status) == ("35239", AMBIGUOUS)
    assert len(match.candidates) == 2
    assert match.precision is Precision.DEPARTEMENT
    assert match.parts.departement == "35"


def test_a_postcode_of_one_commune_names_it(place: PlaceOf, geocoder_of: GeocoderOf) -> None:
    rennes = place("Rennes", "35238", "35000", 220_000)
    match = geocoder_of(rennes).match(GeocodeQuery("12 rue des Lilas 35000"))
    assert (match.commune, match.status) == ("35238", CERTAIN)


def test_a_wrong_postcode_with_a_right_name_is_likely_the_name(
    place: PlaceOf, geocoder_of: GeocoderOf
) -> None:
    vitré = place("Vitré", "35360", "35500", 18_000)
    brest = place("Brest", "29019", "29200", 140_000)
    match = geocoder_of(vitré, brest).match(GeocodeQuery("1 rue X, 29200 Vitré"))
    assert (match.commune, match.status) == ("35360", LIKELY)
    assert "postcode" in match.reason


def test_a_right_postcode_with_a_misspelt_name(place: PlaceOf, geocoder_of: GeocoderOf) -> None:
    retiers = place("Retiers", "35239", "35240", 4500)
    marcillé = place("Marcillé-Robert", "35165", "35240", 950)
    geocoder = geocoder_of(retiers, marcillé)
    for text in ("35240 Retier", "35240 RETTIERS", "35240 Rétiez", "35240 marcille robet"):
        assert geocoder.match(GeocodeQuery(text)).status in (CERTAIN, LIKELY)
    assert geocoder.match(GeocodeQuery("35240 Retier")).commune == "35239"
    assert geocoder.match(GeocodeQuery("35240 marcille robet")).commune == "35165"


def test_the_beginning_of_a_name_beside_its_postcode(
    place: PlaceOf, geocoder_of: GeocoderOf
) -> None:
    robert = place("Marcillé-Robert", "35165", "35240", 950)
    raoul = place("Marcillé-Raoul", "35164", "35560", 750)
    match = geocoder_of(robert, raoul).match(GeocodeQuery("35240 Marcillé"))
    assert (match.commune, match.status) == ("35165", CERTAIN)


def test_two_towns_in_one_text_are_ambiguous(place: PlaceOf, geocoder_of: GeocoderOf) -> None:
    rennes = place("Rennes", "35238", "35000", 220_000)
    brest = place("Brest", "29019", "29200", 140_000)
    geocoder = geocoder_of(rennes, brest)
    for text in ("Rennes et Brest", "Rennes, Brest", "Brest / Rennes"):
        match = geocoder.match(GeocodeQuery(text))
        assert match.status is AMBIGUOUS
        assert {c.place.code for c in match.candidates} == {"35238", "29019"}


def test_a_postcode_says_which_of_two_towns_is_meant(
    place: PlaceOf, geocoder_of: GeocoderOf
) -> None:
    rennes = place("Rennes", "35238", "35000", 220_000)
    brest = place("Brest", "29019", "29200", 140_000)
    match = geocoder_of(rennes, brest).match(GeocodeQuery("Comité de Brest, 35000 Rennes"))
    assert (match.commune, match.status) == ("35238", CERTAIN)


@pytest.mark.parametrize(
    "query",
    [
        GeocodeQuery("2300 Chauny"),
        GeocodeQuery("26 boulevard Gambetta, 2300 CHAUNY"),
        GeocodeQuery(postcode="2300", city="Chauny"),
        GeocodeQuery(postcode="2300.0", city="CHAUNY"),
        GeocodeQuery("26 boulevard Gambetta", postcode="Chauny", city="02300"),
        GeocodeQuery("Chauny 02300, 26 boulevard Gambetta"),
        GeocodeQuery("02300CHAUNY"),
        GeocodeQuery("02 300 Chauny"),
        GeocodeQuery("F-02300 Chauny"),
        GeocodeQuery("26 bd Gambetta 02300 Chauny, Chauny", postcode="02300", city="Chauny"),
        GeocodeQuery("Chauny 02173"),
        GeocodeQuery(citycode="2173"),
    ],
)
def test_fields_apart_swapped_repeated_or_short_of_a_zero(
    place: PlaceOf, geocoder_of: GeocoderOf, query: GeocodeQuery
) -> None:
    chauny = place("Chauny", "02173", "02300", 11_000)
    sinceny = place("Sinceny", "02719", "02300", 2000)
    match = geocoder_of(chauny, sinceny).match(query)
    assert (match.commune, match.status) == ("02173", CERTAIN)


def test_a_year_is_no_postcode_short_of_a_zero(place: PlaceOf, geocoder_of: GeocoderOf) -> None:
    bassens = place("Bassens", "33032", "33530", 7000)
    chauny = place("Chauny", "02173", "01945", 11_000)
    match = geocoder_of(bassens, chauny).match(GeocodeQuery("3 rue du 8 mai 1945, Bassens"))
    assert (match.commune, match.status) == ("33032", CERTAIN)


@pytest.mark.parametrize(
    "text",
    [
        "BP 20705, 20705 AJACCIO CEDEX 9",
        "Ajaccio-cedex",
        "CS 40407 20700 Ajaccio Cedex 9",
        "AJACCIO CEDEX 1",
        "2A004",
        "Ajaccio, Corse-du-Sud, France",
        "Ajaccio (2a)",
    ],
)
def test_cedex_boxes_and_corsican_codes(place: PlaceOf, geocoder_of: GeocoderOf, text: str) -> None:
    ajaccio = place("Ajaccio", "2A004", "20000 20090", 72_000)
    match = geocoder_of(ajaccio).match(GeocodeQuery(text))
    assert (match.commune, match.status) == ("2A004", CERTAIN)
    assert match.parts.cedex is ("cedex" in text.lower())


def _cities(place: PlaceOf) -> list[GazetteerEntry]:
    paris = place("Paris", "75056", "", 2_100_000)
    marseille = place("Marseille", "13055", "", 870_000)
    return [
        paris,
        place("Paris 13e Arrondissement", "75113", "75013", of=paris, kind="arrondissement"),
        place("Paris 1er Arrondissement", "75101", "75001", of=paris, kind="arrondissement"),
        marseille,
        place(
            "Marseille 13e Arrondissement", "13213", "13013", of=marseille, kind="arrondissement"
        ),
        place(
            "Marseille 1er Arrondissement", "13201", "13001", of=marseille, kind="arrondissement"
        ),
    ]


@pytest.mark.parametrize(
    "query",
    [
        GeocodeQuery("Paris 13e"),
        GeocodeQuery("PARIS 13"),
        GeocodeQuery("Paris XIIIe"),
        GeocodeQuery("75013"),
        GeocodeQuery("75013 Paris"),
        GeocodeQuery("75113"),
        GeocodeQuery("Paris, 13e arrondissement"),
        GeocodeQuery("rue de Tolbiac, 13ème arrondissement", context="75056"),
        GeocodeQuery(city="13", context="75056"),
    ],
)
def test_an_arrondissement_rolls_up_to_its_commune(
    place: PlaceOf, geocoder_of: GeocoderOf, query: GeocodeQuery
) -> None:
    match = geocoder_of(*_cities(place)).match(query)
    assert (match.commune, match.status) == ("75056", CERTAIN)
    assert match.parts.arrondissement == "75113"


def test_an_arrondissement_without_a_city_is_ambiguous(
    place: PlaceOf, geocoder_of: GeocoderOf
) -> None:
    match = geocoder_of(*_cities(place)).match(GeocodeQuery("13e arrondissement"))
    assert match.status is AMBIGUOUS
    assert [c.place.commune for c in match.candidates] == ["75056", "13055"]


def test_the_context_of_a_file_answers_for_a_row_without_a_town(
    place: PlaceOf, geocoder_of: GeocoderOf
) -> None:
    match = geocoder_of(*_cities(place)).match(
        GeocodeQuery("place de la République", context="75056")
    )
    assert (match.commune, match.status) == ("75056", LIKELY)


@pytest.mark.parametrize(
    ("text", "precision", "departement", "region"),
    [
        ("Finistère", Precision.DEPARTEMENT, "29", "53"),
        ("département du Finistère", Precision.DEPARTEMENT, "29", "53"),
        ("dept 29", Precision.DEPARTEMENT, "29", "53"),
        ("29 - Finistère", Precision.DEPARTEMENT, "29", "53"),
        ("Région Bretagne", Precision.REGION, "", "53"),
        ("en Bretagne", Precision.REGION, "", "53"),
    ],
)
def test_a_departement_or_region_alone_gives_that_and_no_commune(
    place: PlaceOf,
    geocoder_of: GeocoderOf,
    text: str,
    precision: Precision,
    departement: str,
    region: str,
) -> None:
    brest = place("Brest", "29019", "29200", 140_000)
    rennes = place("Rennes", "35238", "35000", 220_000)
    match = geocoder_of(brest, rennes).match(GeocodeQuery(text))
    assert (match.commune, match.status, match.precision) == ("", NONE, precision)
    assert (match.parts.departement, match.parts.region) == (departement, region)


def test_a_departement_behind_a_town_is_not_the_town_of_that_name(
    place: PlaceOf, geocoder_of: GeocoderOf
) -> None:
    cergy = place("Cergy", "95127", "95000", 65_000)
    village = place("Val-d'Oise", "02173", "02300", 400)
    match = geocoder_of(cergy, village).match(GeocodeQuery("Cergy, Val-d'Oise"))
    assert (match.commune, match.status) == ("95127", CERTAIN)


def test_a_former_commune_is_found_under_its_old_departement_too(
    place: PlaceOf, geocoder_of: GeocoderOf
) -> None:
    cergy = place("Cergy", "95127", "95000", 65_000)
    before_1968 = place("Cergy", "78127", of=cergy, kind="former")
    match = geocoder_of(cergy, before_1968).match(GeocodeQuery("Cergy (78)"))
    assert (match.commune, match.status) == ("95127", CERTAIN)


@pytest.mark.parametrize("text", ["98800 Nouméa", "Bruxelles, Belgique", "", "  ", "xyzzy", "12"])
def test_what_names_no_commune_of_the_gazetteer_says_none_and_why(
    place: PlaceOf, geocoder_of: GeocoderOf, text: str
) -> None:
    rennes = place("Rennes", "35238", "35000", 220_000)
    match = geocoder_of(rennes).match(GeocodeQuery(text))
    assert (match.commune, match.status, match.candidates) == ("", NONE, ())
    assert match.reason


def test_a_name_and_an_insee_code_that_disagree_wait_for_a_person(
    place: PlaceOf, geocoder_of: GeocoderOf
) -> None:
    """Either may be the slip; the name of a hamlet, which others bear too, says nothing."""
    rennes = place("Rennes", "35238", "35000", 220_000)
    brest = place("Brest", "29019", "29200", 140_000)
    bourg = place("Le Bourg", "29301", "29860", 300)
    geocoder = geocoder_of(rennes, brest, bourg)
    match = geocoder.match(GeocodeQuery("Brest", citycode="35238"))
    assert (match.commune, match.status) == ("35238", AMBIGUOUS)
    assert match.reason == "the name and the INSEE code disagree"
    by_field = geocoder.match(GeocodeQuery(city="Brest", citycode="35238"))
    assert by_field.status == AMBIGUOUS
    hamlet = geocoder.match(GeocodeQuery(city="Le Bourg", citycode="35238"))
    assert (hamlet.commune, hamlet.status) == ("35238", LIKELY)


def test_an_epci_is_not_the_commune_it_is_named_after(
    place: PlaceOf, geocoder_of: GeocoderOf
) -> None:
    vitré = place("Vitré", "35360", "35500", 18_000)
    assert geocoder_of(vitré).match(GeocodeQuery("CC du Pays de Vitré")).status is AMBIGUOUS


def test_a_misspelt_name_alone_is_at_most_likely(place: PlaceOf, geocoder_of: GeocoderOf) -> None:
    saint_malo = place("Saint-Malo", "35288", "35400", 47_000)
    brest = place("Brest", "29019", "29200", 140_000)
    match = geocoder_of(saint_malo, brest).match(GeocodeQuery("Saint-Mallo"))
    assert (match.commune, match.status) == ("35288", LIKELY)


def test_scores_order_the_statuses(place: PlaceOf, geocoder_of: GeocoderOf) -> None:
    seine = place("Saint-Denis", "93066", "93200", 150_000)
    reunion = place("Saint-Denis", "97411", "97400", 154_000)
    brest = place("Brest", "29019", "29200", 140_000)
    geocoder = geocoder_of(seine, reunion, brest)
    scores: list[GeocodeMatch] = [
        geocoder.match(GeocodeQuery(text))
        for text in ("29200 Brest", "93200 Brest", "Saint-Denis", "")
    ]
    assert [match.status for match in scores] == [CERTAIN, LIKELY, AMBIGUOUS, NONE]
    assert scores[0].score > scores[1].score > scores[2].score > scores[3].score == 0


def test_bulk_answers_in_order_as_one_by_one(place: PlaceOf, geocoder_of: GeocoderOf) -> None:
    rennes = place("Rennes", "35238", "35000", 220_000)
    brest = place("Brest", "29019", "29200", 140_000)
    geocoder = geocoder_of(rennes, brest)
    queries = [
        GeocodeQuery("Rennes"),
        GeocodeQuery("29200"),
        GeocodeQuery("Rennes"),
        GeocodeQuery("nulle part"),
    ]
    assert list(geocoder.bulk(queries)) == [geocoder.match(query) for query in queries]

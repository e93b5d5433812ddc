"""What names no commune of its own: streets, residences, and hamlets behind another's postcode."""

import pytest

from mapservice.geocoding.matching.engine import Geocoder
from mapservice.geocoding.model import GeocodeQuery, MatchStatus, Precision
from tests.geocoding.conftest import GeocoderOf, PlaceOf

LIKELY, AMBIGUOUS, NONE = MatchStatus.LIKELY, MatchStatus.AMBIGUOUS, MatchStatus.NONE

# Communes are called Rue, Placé, Cours, Le Passage, Lez, Bois and Les Lilas.
STREETS = """
12 rue de la Gare
rue de la Gare
12 RUE DE LA GARE
12 bis rue de la Gare
n° 12, rue de la Gare
rue de la Gare, 12
12 rue de la Gare, France
15 grande rue
Grande Rue
1 rue
12 place
place de la Mairie
5 place de l'Église
cours Gambetta
12 cours Mirabeau
1 passage de la Poste
Les Allées des Tilleuls
12 rue du Pré
5 Rue Neuve
Rue de Rue
rue Lyon
12 rue Saint-Denis
3 avenue de Paris
chemin de Lens
route de Bordeaux, 12
1 Rue Saint Martin
8 Place Michel Debré
""".strip().splitlines()

LOCALITIES = """
lieu-dit Le Bois
Lieu-dit La Motte
Résidence Les Lilas
12 rue Jean Moulin Résidence Les Lilas
quartier Saint-Jean
Cité Lyon
Hameau de Chamonix
Bâtiment B
ZI Nord
appartement 12
""".strip().splitlines()


@pytest.mark.parametrize("text", [*STREETS, *LOCALITIES])
def test_a_street_or_a_residence_alone_names_no_place(france: Geocoder, text: str) -> None:
    match = france.match(GeocodeQuery(text))
    assert (match.status, match.precision, match.commune) == (NONE, Precision.NONE, "")
    assert match.reason.startswith(("no commune is named", "only a street", "no name in the text"))


@pytest.mark.parametrize(
    "text",
    ["Rue", "80120 Rue", "Mairie de Rue", "Gare de Rue (80)", "12 rue de la Gare, 80120 Rue"],
)
def test_the_commune_called_rue_is_still_found(france: Geocoder, text: str) -> None:
    assert france.match(GeocodeQuery(text)).commune == "80688"


@pytest.mark.parametrize(
    ("text", "commune"),
    [
        ("12 rue de la Gare, Le Passage", "47201"),
        ("47520 Le Passage", "47201"),
        ("69470 Cours", "69066"),
        ("Résidence Les Lilas, 35000 Rennes", "35238"),
        ("12 Résidence de la Vigne Blanche Oysonville", "28294"),
        ("18 Lotissement Le Clos du Moulin Moineville", "54371"),
        ("16 rue Jean Moulin Champs-sur-Marne", "77083"),
        ("107 Route de la Côte La Côte-d'Arbroz", "74091"),
        ("10 2e Avenue Saint-Priest", "69290"),
        ("60 Rue de l'Égalité D'Huison-Longueville", "91198"),
    ],
)
def test_the_town_behind_a_street_or_residence_is_found(
    france: Geocoder, text: str, commune: str
) -> None:
    assert france.match(GeocodeQuery(text)).commune == commune


def test_a_road_named_for_a_village_may_lead_to_it(france: Geocoder) -> None:
    match = france.match(GeocodeQuery("79 Rue de Jeuxey"))
    assert (match.commune, match.status, match.precision) == ("88253", AMBIGUOUS, Precision.NONE)
    assert match.reason == "only a street is named, and it bears the commune's name"


# --- a postcode that exists, and a name that does only elsewhere ---------------------------------


@pytest.mark.parametrize("text", ["Les Granges 21000", "21000 Les Granges", "21000 Le Bois"])
def test_a_name_like_a_hamlets_loses_to_the_postcode_of_one_commune(
    france: Geocoder, text: str
) -> None:
    match = france.match(GeocodeQuery(text))
    assert (match.commune, match.status) == ("21231", LIKELY)
    assert match.reason.startswith("the postcode is the commune's alone, Le")
    assert match.reason.endswith("is known only elsewhere")


def test_a_rarer_name_of_elsewhere_leaves_the_choice_open(france: Geocoder) -> None:
    match = france.match(GeocodeQuery("21000 Kervignac"))
    assert (match.commune, match.status) == ("21231", AMBIGUOUS)
    assert match.reason == "the name and the postcode point to different communes"


def test_a_name_of_elsewhere_is_none_of_the_postcodes_communes(france: Geocoder) -> None:
    match = france.match(GeocodeQuery("Les Granges 35380"))
    assert match.status is AMBIGUOUS
    assert match.reason == "the postcode serves 5 communes and none is called Les Granges"
    assert {c.place.departement for c in match.candidates[:5]} == {"35"}


@pytest.mark.parametrize(
    ("text", "commune", "reason"),
    [
        # One digit changed, two swapped: the postcode of each stands in the other's place.
        ("58250 Chavagnes-en-Paillers", "85065", "85250 is the commune's"),
        ("65700 Kervignac", "56094", "56700 is the commune's"),
        # Hardly a hamlet bears such a name.
        ("29200 Chavagnes-en-Paillers", "85065", "the postcode belongs to other communes"),
        ("21000 Rennes", "35238", "the postcode belongs to other communes"),
        # The département says the same as the name.
        ("35000 Chauny (02)", "02173", "the postcode belongs to other communes"),
        ("35000 Chauny, Aisne", "02173", "the postcode belongs to other communes"),
    ],
)
def test_a_mistyped_postcode_loses_to_an_unmistakable_name(
    france: Geocoder, text: str, commune: str, reason: str
) -> None:
    match = france.match(GeocodeQuery(text))
    assert (match.commune, match.status) == (commune, LIKELY)
    assert reason in match.reason


def test_a_station_named_for_a_town_is_where_its_postcode_is(france: Geocoder) -> None:
    assert france.match(GeocodeQuery("Gare de Lyon 75012")).commune == "75056"


# --- names that are like others ------------------------------------------------------------------


def test_a_like_name_of_another_departement_is_not_likely(
    place: PlaceOf, geocoder_of: GeocoderOf
) -> None:
    langé = place("Langé", "29092", "29210")
    rennes = place("Rennes", "35238", "35000", 220_000)
    match = geocoder_of(langé, rennes).match(GeocodeQuery("Langey (35)"))
    assert (match.commune, match.status) == ("29092", AMBIGUOUS)
    assert match.reason == "the departement given is another"


def test_a_like_name_with_another_first_letter_is_not_likely(
    place: PlaceOf, geocoder_of: GeocoderOf
) -> None:
    civry = place("Civry-en-Montagne", "71176", "71320")
    match = geocoder_of(civry).match(GeocodeQuery("Ivry-en-Montagne (71)"))
    assert (match.commune, match.status) == ("71176", AMBIGUOUS)
    assert match.reason == "the name is only 93% like the commune's"


@pytest.mark.parametrize(
    ("text", "commune"),
    [("Aymeries (59)", "59033"), ("Châtillon-sur-Seiche (35)", "35206"), ("Moëns (01)", "01313")],
)
def test_the_last_part_of_a_joined_name_is_found_in_its_departement(
    france: Geocoder, text: str, commune: str
) -> None:
    assert france.match(GeocodeQuery(text)).commune == commune


def test_two_names_that_are_as_good_are_not_told_as_one_name_of_several(france: Geocoder) -> None:
    assert france.match(GeocodeQuery("Rennes et Brest")).reason == "Rennes is named too"

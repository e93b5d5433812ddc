"""Where an initiative is shown: its words and its point weighed against each other."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from mapservice.geocoding.model import Precision, Query
from mapservice.geocoding.service import (
    NEIGHBOURHOOD_KM,
    Asked,
    Locator,
    Placement,
    record,
)

Point = tuple[float, float]
Place = Callable[..., Placement]

NIORT = "79191"
IN_NIORT: Point = (-0.4604, 46.3239)
IN_PARIS: Point = (2.3522, 48.8566)
AT_SEA: Point = (-3.0, 45.0)
NULL_ISLAND: Point = (0.0, 0.0)


@pytest.fixture
def place(connection: Connection, locator: Locator) -> Place:
    """`place(point, city=…, postcode=…)`: what becomes of one row."""

    def place(point: Point | None = None, **words: str) -> Placement:
        lon, lat = point or (None, None)
        return locator.place(connection, [Asked(Query(**words), lon, lat)])[0]

    return place


def shown(placement: Placement) -> tuple[str, str | None, bool]:
    """Precision, finest code, whether a person is asked."""
    return str(placement.precision), placement.code, placement.to_review


# --- words alone ----------------------------------------------------------------------------


def test_a_commune_shades_itself_and_gets_no_pin(place: Place) -> None:
    placement = place(city="Niort", postcode="79000")
    assert shown(placement) == ("commune", NIORT, False)
    assert (placement.lon, placement.lat) == (None, None)


@pytest.mark.parametrize(
    ("city", "commune"),
    [("Pierrefitte-sur-Seine", "93066"), ("L'Oie", "85165")],
)
def test_a_former_commune_is_shown_as_todays(place: Place, city: str, commune: str) -> None:
    assert shown(place(city=city)) == ("commune", commune, False)


def test_a_name_of_several_communes_chooses_none_of_them(place: Place) -> None:
    placement = place(city="Saint-Denis")
    assert shown(placement) == ("none", None, True)
    assert placement.reason == "several communes bear the name Saint-Denis"


def test_a_postcode_of_several_communes_is_known_to_their_departement(place: Place) -> None:
    assert shown(place(postcode="79190")) == ("departement", "79", True)


@pytest.mark.parametrize(
    ("words", "level", "code"),
    [
        ({"departement": "79"}, "departement", "79"),
        ({"departement": "Deux-Sèvres"}, "departement", "79"),
        ({"departement": "2A"}, "departement", "2A"),
        ({"text": "Finistère"}, "departement", "29"),
        ({"text": "Bretagne"}, "region", "53"),
    ],
)
def test_a_departement_or_region_alone_is_shown_as_such(
    place: Place, words: dict[str, str], level: str, code: str
) -> None:
    assert shown(place(**words)) == (level, code, False)


def test_unknown_words_are_nowhere_and_wait(place: Place) -> None:
    assert shown(place(city="Xyzzyville")) == ("none", None, True)


@pytest.mark.parametrize(
    "street", ["12 rue de Paris", "place de la Mairie", "avenue du Rhône", "3 rue de Bretagne"]
)
def test_a_street_alone_is_nowhere_whatever_it_is_named_for(place: Place, street: str) -> None:
    assert shown(place(text=street)) == ("none", None, True)


def test_no_words_and_no_point_are_nowhere_and_nobody_is_asked(place: Place) -> None:
    assert shown(place()) == ("none", None, False)


# --- EPCI -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "epci"),
    [
        ("CC DES COEVRONS", "200033298"),
        ("Communauté de communes des Coëvrons", "200033298"),
        ("Rennes Métropole", "243500139"),
        ("CA du Niortais", "200041317"),
    ],
)
def test_an_intercommunalite_is_shown_as_such(place: Place, words: str, epci: str) -> None:
    assert shown(place(city=words)) == ("epci", epci, False)


def test_the_town_of_an_epci_is_the_town(place: Place) -> None:
    assert shown(place(city="Rennes")) == ("commune", "35238", False)


def test_a_name_shared_by_two_towns_and_an_epci_is_not_taken_for_the_epci(place: Place) -> None:
    """La Rochelle is in Charente-Maritime (and its agglomeration) and in Haute-Saône."""
    assert shown(place(city="La Rochelle")) == ("none", None, True)
    assert shown(place(city="La Rochelle", postcode="17000")) == ("commune", "17300", False)


def test_a_point_within_the_epci_named_is_believed(place: Place) -> None:
    placement = place((-1.68, 48.11), city="Rennes Métropole")
    assert shown(placement) == ("point", "35238", False)


def test_a_point_outside_the_epci_named_is_doubted(place: Place) -> None:
    assert shown(place(IN_NIORT, city="Rennes Métropole")) == ("epci", "243500139", True)


# --- a point and words ----------------------------------------------------------------------


def test_a_point_in_the_commune_named_is_a_pin(place: Place) -> None:
    placement = place(IN_NIORT, city="Niort")
    assert shown(placement) == ("point", NIORT, False)
    assert (placement.lon, placement.lat) == IN_NIORT


def test_a_point_in_a_neighbour_within_five_kilometres_is_a_pin_there(place: Place) -> None:
    """People name the nearest town; the pin belongs to the commune that holds it."""
    placement = place((-0.36, 46.30), city="Niort")
    assert shown(placement) == ("point", "79355", False)
    assert placement.match.commune == NIORT


def test_a_point_beyond_five_kilometres_is_no_pin_and_waits(place: Place) -> None:
    assert NEIGHBOURHOOD_KM == 5.0
    placement = place((-0.30, 46.30), city="Niort")
    assert shown(placement) == ("commune", NIORT, True)
    assert (placement.lon, placement.lat) == (None, None)
    assert placement.reason == "the point lies in 79185, the words say otherwise"


@pytest.mark.parametrize(
    ("lon", "believed"), [(-0.345, True), (-0.33, True), (-0.29, False), (-0.28, False)]
)
def test_the_five_kilometres_are_those_to_the_outline(
    place: Place, connection: Connection, lon: float, believed: bool
) -> None:
    kilometres = connection.exec_driver_sql(
        "SELECT ST_Distance(outline::geography,"
        " ST_SetSRID(ST_MakePoint(%s, 46.32), 4326)::geography) / 1000"
        "  FROM territory WHERE level = 'commune' AND code = '79191'",
        (lon,),
    ).scalar_one()
    assert (0 < kilometres <= 5.0) is believed
    assert (place((lon, 46.32), city="Niort").precision is Precision.POINT) is believed


@pytest.mark.parametrize("point", [AT_SEA, NULL_ISLAND])
def test_a_point_at_sea_is_no_pin_and_waits(place: Place, point: Point) -> None:
    placement = place(point, city="Niort")
    assert shown(placement) == ("commune", NIORT, True)
    assert placement.reason == "the point lies at sea or abroad"
    assert shown(place(point)) == ("none", None, True)


def test_a_point_on_the_jetty_of_the_commune_named_is_a_pin(place: Place) -> None:
    """Generalised outlines miss piers and sandbanks."""
    placement = place((-1.245, 46.145), city="La Rochelle", postcode="17000")
    assert shown(placement) == ("point", "17300", False)


@pytest.mark.parametrize(
    ("point", "commune"),
    [((2.3575, 48.9362), "93066"), ((55.45, -20.9), "97411")],
)
def test_a_point_settles_which_of_several_communes_is_meant(
    place: Place, point: Point, commune: str
) -> None:
    assert shown(place(point, city="Saint-Denis")) == ("point", commune, False)


def test_a_point_in_none_of_the_communes_named_is_doubted(place: Place) -> None:
    assert shown(place(IN_NIORT, city="Saint-Denis")) == ("none", None, True)


def test_a_point_settles_which_commune_of_a_postcode_is_meant(place: Place) -> None:
    assert shown(place((0.1, 46.13), postcode="79190")) == ("point", "79307", False)


@pytest.mark.parametrize(
    ("point", "expected"),
    [(IN_NIORT, ("point", NIORT, False)), (IN_PARIS, ("departement", "79", True))],
)
def test_a_departement_beside_a_point_must_hold_it(
    place: Place, point: Point, expected: tuple[str, str, bool]
) -> None:
    assert shown(place(point, departement="79")) == expected


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"city": "Xyzzyville"},
        {"text": "chez Paul"},  # Paulx, Paule
        {"text": "12 rue de Paris"},
        {"text": "6 rue de la Chevalonnerie"},  # Rue is a commune of the Somme
        {"text": "place de la Mairie"},  # Placé is one of the Mayenne
        {"text": "avenue du Rhône"},
        {"text": "3 rue de Bretagne"},
    ],
)
def test_a_point_that_nothing_contradicts_is_a_pin(place: Place, words: dict[str, str]) -> None:
    assert shown(place(IN_NIORT, **words)) == ("point", NIORT, False)


# --- what the whole file is about -----------------------------------------------------------


@pytest.mark.parametrize("text", ["", "12e", "Bois de Vincennes", "rue de Niort"])
def test_the_commune_of_the_file_decides_where_a_row_names_no_town(place: Place, text: str) -> None:
    assert shown(place(text=text, context="75056")) == ("commune", "75056", False)


def test_a_town_of_its_own_goes_before_the_commune_of_the_file(place: Place) -> None:
    placement = place(city="Montreuil", postcode="93100", context="75056")
    assert shown(placement) == ("commune", "93048", False)


@pytest.mark.parametrize(
    ("point", "expected"),
    [(IN_PARIS, ("point", "75056", False)), (IN_NIORT, ("commune", "75056", True))],
)
def test_a_point_must_lie_in_the_commune_of_the_file(
    place: Place, point: Point, expected: tuple[str, str, bool]
) -> None:
    assert shown(place(point, context="75056")) == expected


# --- many rows, and the record --------------------------------------------------------------


def test_rows_placed_together_keep_their_order(connection: Connection, locator: Locator) -> None:
    asked = [
        Asked(Query(city="Niort")),
        Asked(Query(), *IN_PARIS),
        Asked(Query(city="Rennes"), *IN_NIORT),
        Asked(Query()),
    ]
    placed = [shown(placement) for placement in locator.place(connection, asked)]
    assert placed == [
        ("commune", NIORT, False),
        ("point", "75056", False),
        ("commune", "35238", True),
        ("none", None, False),
    ]
    assert locator.place(connection, []) == []


def test_the_record_keeps_what_was_asked_and_why(place: Place) -> None:
    kept = record(place(IN_PARIS, city="Niort", postcode="79000"))
    assert kept["query"].items() >= {"postcode": "79000", "city": "Niort"}.items()
    assert (kept["status"], kept["precision"], kept["review"]) == ("certain", "commune", "waiting")
    assert kept["reason"] == "the point lies in 75056, the words say otherwise"
    assert kept["cog_year"] == 2026
    assert kept["candidates"][0] == {
        "commune": NIORT,
        "name": "Niort",
        "through": "Niort",
        "kind": "commune",
        "departement": "79",
        "score": kept["score"],
        "method": kept["method"],
    }
    assert kept["score"] >= 0.9

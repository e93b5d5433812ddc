"""Where an initiative is shown: its words and its point weighed against each other."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from mapservice.geocoding.model import GeocodeQuery, Precision
from mapservice.geocoding.service import Locator, Placement, PlaceQuestion, record
from mapservice.geocoding.weights import NEIGHBOURHOOD_KM
from mapservice.territories.queries import OUTLINE_ACCURACY_M

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
        return locator.place(connection, [PlaceQuestion(GeocodeQuery(**words), lon, lat)])[0]

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


IN_AIFFRES: Point = (-0.36, 46.30)  # 1.6 km from Niort


def test_a_point_in_a_neighbour_within_five_kilometres_of_a_bare_name_is_a_pin_there(
    place: Place,
) -> None:
    """People name the nearest town: the point decides, and the record says so."""
    kept = place(IN_AIFFRES, city="Niort")
    assert shown(kept) == ("point", "79355", False)
    assert (kept.match.commune, str(kept.match.status)) == (NIORT, "likely")
    assert kept.reason == ("the point lies in 79355 and decides, only the name of 79191 is given")


@pytest.mark.parametrize(
    "words",
    [
        {"city": "Niort", "postcode": "79000"},
        {"text": "3 rue de la Gare, 79000 Niort"},
        {"city": "Niort", "citycode": "79191"},
        {"citycode": "79191"},
        {"context": "79191"},
    ],
)
def test_words_that_a_code_bears_out_are_not_overruled_by_a_point_nearby(
    place: Place, words: dict[str, str]
) -> None:
    """The two contradict each other: no pin in either commune, and a person is asked."""
    placement = place(IN_AIFFRES, **words)
    assert shown(placement) == ("commune", NIORT, True)
    assert (placement.lon, placement.lat) == (None, None)
    assert placement.given == IN_AIFFRES
    assert str(placement.match.status) == "likely"
    assert placement.reason == "the point lies in 79355, the words say otherwise"


def test_a_postcode_that_is_one_communes_alone_is_not_overruled_either(place: Place) -> None:
    in_montreuil = (2.4430, 48.8630)
    assert shown(place(in_montreuil, text="75012 Paris")) == ("commune", "75056", True)
    assert shown(place(in_montreuil, text="75012")) == ("commune", "75056", True)


@pytest.mark.parametrize("share", [0.25, 0.9])
@pytest.mark.parametrize("words", [{"city": "Niort"}, {"city": "Niort", "postcode": "79000"}])
def test_within_the_error_of_outlines_the_words_tell_the_commune_of_the_pin(
    place: Place, connection: Connection, share: float, words: dict[str, str]
) -> None:
    point = _outside(connection, NIORT, OUTLINE_ACCURACY_M * share)
    placement = place(point, **words)
    assert shown(placement) == ("point", NIORT, False)
    assert (placement.lon, placement.lat) == point
    metres = re.fullmatch(
        r"the words decide, the point lies (\d+) m outside that outline, in 79\d{3}",
        placement.reason,
    )
    assert metres
    assert int(metres[1]) == pytest.approx(OUTLINE_ACCURACY_M * share, abs=5)


def test_beyond_the_error_of_outlines_they_contradict_each_other(
    place: Place, connection: Connection
) -> None:
    point = _outside(connection, NIORT, OUTLINE_ACCURACY_M * 1.1)
    assert shown(place(point, city="Niort", postcode="79000")) == ("commune", NIORT, True)


def _outside(connection: Connection, commune: str, metres: float) -> Point:
    """A point in a neighbour so far from the outline of a commune, in EPSG:4326."""
    row = connection.exec_driver_sql(
        """
        SELECT ST_X(dumped.geom), ST_Y(dumped.geom)
          FROM territory AS it,
               ST_DumpPoints(ST_Boundary(ST_Buffer(it.outline::geography, %s)::geometry)) AS dumped
         WHERE it.level = 'commune' AND it.code = %s
           AND abs(ST_Distance(it.outline::geography, dumped.geom::geography) - %s) < 2
           AND EXISTS (SELECT FROM territory AS other
                        WHERE other.level = 'commune' AND ST_Contains(other.outline, dumped.geom))
         ORDER BY path LIMIT 1""",
        (metres, commune, metres),
    ).one()
    return (float(row[0]), float(row[1]))


@pytest.mark.parametrize("share", [0.3, 3.0])
def test_no_certain_record_hides_that_the_point_was_not_in_the_commune_named(
    place: Place, connection: Connection, share: float
) -> None:
    """What is certain has no reason: then words and point must say the same."""
    point = _outside(connection, NIORT, OUTLINE_ACCURACY_M * share)
    for words in ({"city": "Niort"}, {"city": "Niort", "postcode": "79000"}):
        kept = record(place(point, **words))
        assert kept["reason"]
        assert share < 1 or kept["status"] == "likely"


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
    assert re.search(r"the point lies \d+ m outside that outline, in no commune", placement.reason)


@pytest.mark.parametrize(
    ("point", "commune"),
    [((2.3575, 48.9362), "93066"), ((55.45, -20.9), "97411")],
)
def test_a_point_settles_which_of_several_communes_is_meant(
    place: Place, point: Point, commune: str
) -> None:
    placement = place(point, city="Saint-Denis")
    assert shown(placement) == ("point", commune, False)
    assert placement.reason == ("several communes bear the name Saint-Denis; the point decides")


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


def test_the_commune_chosen_keeps_every_name_of_what_is_part_of_it_in_the_record(
    connection: Connection, locator: Locator
) -> None:
    """Former, delegated and associated communes and arrondissements, chosen by their names."""
    entries = locator.geocoder.gazetteer.places
    aliases = [one for one in entries if one.kind != "commune" and one.name != one.commune_name]
    assert {one.kind for one in aliases} == {"arrondissement", "associee", "deleguee", "former"}
    asked = [
        PlaceQuestion(GeocodeQuery(text=f"{one.name} ({one.departement})", context=one.commune))
        for one in aliases
    ]
    placed = locator.place(connection, asked)
    assert [one.code for one in placed] == [one.commune for one in aliases]
    told = [record(one)["candidates"][0]["through"] for one in placed]
    unlike = [
        (alias.name, name) for alias, name in zip(aliases, told, strict=True) if alias.name != name
    ]
    # One name may be two entries' but for spelling, as "Saint-Eloy" and "Saint-Éloy".
    assert len(unlike) <= len(aliases) * 0.01, unlike


def test_a_street_named_for_a_former_commune_does_not_name_it(place: Place) -> None:
    kept = record(place(text="12 rue de Pierrefitte-sur-Seine", context="93066"))
    assert kept["candidates"][0]["through"] == "Saint-Denis"


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
        PlaceQuestion(GeocodeQuery(city="Niort")),
        PlaceQuestion(GeocodeQuery(), *IN_PARIS),
        PlaceQuestion(GeocodeQuery(city="Rennes"), *IN_NIORT),
        PlaceQuestion(GeocodeQuery()),
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
    assert (kept["status"], kept["precision"], kept["review"]) == ("likely", "commune", "waiting")
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
    assert 0.7 <= kept["score"] < 0.9


def test_a_guess_of_words_that_a_point_contradicts_shows_neither(place: Place) -> None:
    """ "La Ville Oger" is a hamlet near Rennes; Oger is a commune 500 km from there."""
    near_rennes = (-1.78, 48.1)
    placement = place(near_rennes, text="La Ville Oger, hameau")
    assert shown(placement) == ("none", None, True)
    assert placement.reason == "the point lies in 35240, the words say otherwise"
    assert placement.given == near_rennes
    # In one département, or one région, that is known.
    in_fougeres = (-1.20, 48.35)
    placement = place(in_fougeres, text="3 rue du Moulin, Pont-Réan")
    assert shown(placement) == ("departement", "35", True)

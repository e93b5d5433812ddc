"""The national address API's doors, as its clients use them."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, text

BETWEEN_RENNES_AND_CESSON = """
SELECT ST_X(point), ST_Y(point)
  FROM (SELECT ST_PointOnSurface(ST_CollectionExtract(
                   ST_Intersection(rennes.outline, cesson.outline), 2)) AS point
          FROM territory AS rennes, territory AS cesson
         WHERE (rennes.level, rennes.code) = ('commune', '35238')
           AND (cesson.level, cesson.code) = ('commune', '35051')) AS border"""


def test_a_commune_is_described_as_a_municipality(doors: FlaskClient) -> None:
    answer = doors.get("/geocode/search?q=rennes&type=municipality&limit=1").get_json()
    assert answer["type"] == "FeatureCollection"
    assert answer["version"] == "draft"
    assert (answer["query"], answer["limit"]) == ("rennes", 1)
    assert answer["filters"] == {"type": "municipality"}
    (feature,) = answer["features"]
    assert feature["geometry"]["type"] == "Point"
    properties = feature["properties"]
    assert properties.items() >= {
        ("label", "Rennes"),
        ("type", "municipality"),
        ("id", "35238"),
        ("name", "Rennes"),
        ("city", "Rennes"),
        ("citycode", "35238"),
        ("postcode", "35000"),
        ("context", "35, Ille-et-Vilaine, Bretagne"),
        ("depcode", "35"),
        ("_type", "address"),
        ("status", "certain"),
        ("precision", "commune"),
    }
    assert 0 < properties["score"] <= 1


@pytest.mark.parametrize(
    ("q", "x", "y"),
    [("Rennes", 352_160, 6_787_266), ("Saint-Denis 97400", 338_000, 7_690_000)],
)
def test_x_and_y_are_in_the_legal_projection(doors: FlaskClient, q: str, x: int, y: int) -> None:
    """Lambert-93, and UTM 40 S on La Réunion."""
    (feature,) = doors.get(f"/geocode/search?q={q}&limit=1").get_json()["features"]
    assert feature["properties"]["x"] == pytest.approx(x, abs=6000)
    assert feature["properties"]["y"] == pytest.approx(y, abs=6000)


@pytest.mark.parametrize(
    "path", ["/geocode/search/?q=rennes", "/geocode/reverse/?lon=-1.68&lat=48.11"]
)
def test_a_slash_at_the_end_is_as_good(doors: FlaskClient, path: str) -> None:
    assert doors.get(path).get_json() == doors.get(path.replace("/?", "?")).get_json()


@pytest.mark.parametrize("more", ["lang=fr", "index=address", "returntruegeometry=false", "zoom="])
def test_parameters_of_other_servers_are_ignored(doors: FlaskClient, more: str) -> None:
    plain = doors.get("/geocode/search?q=rennes&limit=2").get_json()
    assert doors.get(f"/geocode/search?q=rennes&limit=2&{more}").get_json() == plain


@pytest.mark.parametrize("name", ["lon", "lng", "long", "longitude"])
def test_every_name_of_the_longitude_is_known(doors: FlaskClient, name: str) -> None:
    found = doors.get(f"/geocode/reverse?{name}=-1.68&latitude=48.11").get_json()["features"]
    assert [one["properties"]["citycode"] for one in found] == ["35238"]


def test_a_centre_brings_the_near_homonym_and_its_distance(doors: FlaskClient) -> None:
    answer = doors.get("/geocode/search?q=saint-denis&lat=-20.9&lon=55.5&limit=1").get_json()
    (feature,) = answer["features"]
    assert feature["properties"]["citycode"] == "97411"
    assert 0 < feature["properties"]["distance"] < 20_000
    assert answer["center"] == [55.5, -20.9]


def test_the_postcode_is_the_one_asked_for(doors: FlaskClient) -> None:
    (feature,) = doors.get("/geocode/search?q=rennes&postcode=35700").get_json()["features"]
    assert feature["properties"]["postcode"] == "35700"


def test_an_arrondissement_is_a_district_of_its_commune(doors: FlaskClient) -> None:
    found = doors.get("/geocode/search?q=paris 13e&autocomplete=0").get_json()["features"]
    properties = found[0]["properties"]
    assert (properties["citycode"], properties["postcode"]) == ("75056", "75013")
    assert properties["district"] == "Paris 13e Arrondissement"


@pytest.mark.parametrize("value", ["1", "true", "True", "yes", "0", "false", "no", "off", ""])
def test_switches_are_read_as_addok_reads_them(doors: FlaskClient, value: str) -> None:
    assert doors.get(f"/geocode/search?q=rennes&autocomplete={value}").status_code == 200


def test_a_limit_of_none_or_0_means_the_default(doors: FlaskClient) -> None:
    for query in ("", "&limit=", "&limit=0"):
        answer = doors.get(f"/geocode/search?q=saint{query}").get_json()
        assert (answer["limit"], len(answer["features"])) == (5, 5)


@pytest.mark.parametrize("kind", ["housenumber", "street", "locality"])
def test_what_ours_does_not_know_is_not_found(doors: FlaskClient, kind: str) -> None:
    assert doors.get(f"/geocode/search?q=rennes&type={kind}").get_json()["features"] == []


def test_nothing_is_at_sea_or_abroad_and_it_says_so(doors: FlaskClient) -> None:
    for point in ("lon=0&lat=0", "lon=-0.12&lat=51.5"):
        answer = doors.get(f"/geocode/reverse?{point}").get_json()
        assert answer["features"] == []
        assert answer["reason"] == "the point lies at sea or abroad"


def test_a_point_well_inside_is_certain_and_says_how_far_the_border_is(doors: FlaskClient) -> None:
    (feature,) = doors.get("/geocode/reverse?lon=-1.68&lat=48.11").get_json()["features"]
    properties = feature["properties"]
    assert (properties["status"], properties["score"]) == ("certain", 1.0)
    assert properties["border_distance"] > 200
    assert "other_citycode" not in properties


def test_a_point_near_the_border_names_the_commune_beyond(
    doors: FlaskClient, connection: Connection
) -> None:
    """Outlines are generalised: nearer than 200 m, it may truly lie on the other side."""
    lon, lat = connection.execute(text(BETWEEN_RENNES_AND_CESSON)).one()
    path = f"/geocode/reverse?lon={lon}&lat={lat}"
    (alone,) = doors.get(path).get_json()["features"]
    first, second = (
        one["properties"] for one in doors.get(f"{path}&limit=2").get_json()["features"]
    )
    assert alone["properties"] == first
    assert {first["citycode"], second["citycode"]} == {"35238", "35051"}
    assert (first["status"], first["other_citycode"]) == ("likely", second["citycode"])
    assert (second["status"], second["other_city"]) == ("ambiguous", first["city"])
    assert first["border_distance"] < 10
    assert first["score"] + second["score"] == pytest.approx(1)


def test_reverse_says_how_far_its_point_is(doors: FlaskClient) -> None:
    (feature,) = doors.get("/geocode/reverse?lon=-1.68&lat=48.11").get_json()["features"]
    assert feature["properties"]["distance"] == pytest.approx(1920, abs=20)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("search", "q"),
        ("search?q=%20", "q"),
        (f"search?q={'a' * 201}", "q"),
        ("search?q=a&limit=101", "limit"),
        ("search?q=a&limit=x", "limit"),
        ("search?q=a&autocomplete=2", "autocomplete"),
        ("search?q=a&type=commune", "type"),
        ("search?q=a&postcode=350", "postcode"),
        ("search?q=a&citycode=35-38", "citycode"),
        ("search?q=a&lat=48", "lon"),
        ("search?q=a&lon=1&lat=abc", "lat"),
        ("search?q=a&lon=181&lat=48", "lon"),
        ("reverse", "lon"),
        ("reverse?lon=nan&lat=48", "lon"),
    ],
)
def test_errors_name_the_parameter_in_every_dialect(
    doors: FlaskClient, path: str, field: str
) -> None:
    response = doors.get(f"/geocode/{path}")
    assert (response.status_code, response.content_type) == (400, "application/problem+json")
    body = response.get_json()
    assert (body["status"], body["code"], body["field"]) == (400, 400, field)
    assert body["detail"] == body["message"] == body["description"]
    assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("q", "status"),
    [
        ("Montpell", "ambiguous"),  # more than one begins so
        ("Plougastel-Daou", "likely"),  # one alone
        ("Rennes", "certain"),  # a whole name
        ("Saint-Denis", "ambiguous"),
    ],
)
def test_suggestions_say_how_far_the_words_tell(doors: FlaskClient, q: str, status: str) -> None:
    features = doors.get("/geocode/search", query_string={"q": q}).get_json()["features"]
    first, *others = (one["properties"]["status"] for one in features)
    assert first == status
    assert set(others) <= {"ambiguous"}


@pytest.mark.parametrize(
    ("asked", "means"),
    [
        ({"q": "Rennes", "limit": "20"}, "35238"),
        ({"q": "12 rue de Paris, 35000 Rennes", "limit": "20"}, "35238"),
        ({"q": "Rennes", "limit": "20", "lat": "42.92", "lon": "2.31"}, "35238"),
        ({"q": "Lyon", "autocomplete": "0"}, "69123"),
    ],
)
def test_the_verdict_is_on_the_commune_that_is_meant(
    doors: FlaskClient, asked: dict[str, str], means: str
) -> None:
    """Rennes-les-Bains and Rennes-le-Château are what the text may become, no certain answers."""
    features = doors.get("/geocode/search", query_string=asked).get_json()["features"]
    trusted = [
        one["properties"]["citycode"]
        for one in features
        if one["properties"]["status"] in ("certain", "likely")
    ]
    assert trusted == [means]


def test_a_filter_makes_nothing_certain(doors: FlaskClient) -> None:
    """The words mean Rennes; what the postcode leaves is something else."""
    for narrowed in ({"postcode": "11190"}, {"citycode": "11309"}):
        query = {"q": "Rennes", "limit": "20"} | narrowed
        features = doors.get("/geocode/search", query_string=query).get_json()["features"]
        assert features
        assert {one["properties"]["status"] for one in features} == {"ambiguous"}


def test_words_that_mean_no_commune_make_none_of_them_one(doors: FlaskClient) -> None:
    query = {"q": "toute la Bretagne", "limit": "20", "autocomplete": "0"}
    features = doors.get("/geocode/search", query_string=query).get_json()["features"]
    assert {one["properties"]["status"] for one in features} <= {"none"}

"""The page "near me": where one asks, what it tells, and what it keeps to itself."""

import re
from html import unescape
from urllib.parse import parse_qs

import pytest
from flask.testing import FlaskClient
from pyproj import Geod
from sqlalchemy import Engine, text

from mapservice.territories.coordinates import LonLat
from tests.web.population import Made, insert

WGS84 = Geod(ellps="WGS84")
RENNES = LonLat(-1.6794, 48.1147)


def test_the_page_asks_where_before_it_shows_anything(client: FlaskClient) -> None:
    page = client.get("/autour-de-moi").text
    assert 'name="lieu"' in page
    assert 'id="results"' not in page


def test_a_commune_typed_leads_to_its_circle(client: FlaskClient) -> None:
    answer = client.get("/autour-de-moi?lieu=35000+Rennes&theme=culture")
    assert answer.status_code == 302
    assert re.fullmatch(
        r"/autour-de-moi\?theme=culture&near=-1\.\d+,48\.\d+&radius=\d+&commune=35238",
        answer.headers["Location"],
    )
    page = client.get(answer.headers["Location"]).text
    assert "autour de toute la commune" in page
    assert "pas cette adresse" not in page


def test_of_an_address_we_know_the_commune_and_say_so(client: FlaskClient) -> None:
    answer = client.get("/autour-de-moi?lieu=12+rue+de+la+Gare,+35000+Rennes")
    assert answer.status_code == 302
    page = client.get(answer.headers["Location"]).text
    assert "Nous connaissons la commune de Rennes, pas cette adresse" in page
    assert "<h1>Autour de Rennes</h1>" in page
    found = re.search(r"near=(-?[\d.]+),(-?[\d.]+)&radius=(\d+)", answer.headers["Location"])
    assert found
    hall = WGS84.inv(float(found[1]), float(found[2]), -1.6794, 48.1114)[2]
    assert hall < float(found[3])


def test_the_circle_of_a_commune_holds_all_of_it(client: FlaskClient, engine: Engine) -> None:
    with engine.connect() as connection:
        codes = connection.exec_driver_sql(
            "SELECT code FROM territory WHERE level = 'commune' ORDER BY md5(code) LIMIT 60"
        ).scalars()
        for code in list(codes):
            address = client.get(f"/autour-de-moi?commune={code}").headers["Location"]
            found = re.search(r"near=(-?[\d.]+),(-?[\d.]+)&radius=(\d+)", address)
            assert found
            lon, lat, radius = (float(number) for number in found.groups())
            farthest = connection.exec_driver_sql(
                """SELECT max(ST_Distance(corner.geom::geography,
                              ST_SetSRID(ST_MakePoint(%s, %s), 4326)::geography))
                     FROM territory, ST_DumpPoints(outline) AS corner
                    WHERE level = 'commune' AND code = %s""",
                (lon, lat, code),
            ).scalar_one()
            assert farthest <= radius


def test_another_circle_is_no_longer_that_of_the_commune(client: FlaskClient) -> None:
    page = client.get(f"/autour-de-moi?near={RENNES}&radius=5000&commune=35238&adresse=x").text
    assert "Autour d’un point à Rennes" in page
    assert "pas cette adresse" not in page


def test_a_name_of_many_communes_asks_which(client: FlaskClient) -> None:
    page = client.get("/autour-de-moi?lieu=Saint-Denis")
    assert page.status_code == 200
    assert "Plusieurs lieux" in page.text
    assert page.text.count("near=") >= 2


def test_a_postcode_of_several_communes_is_one_circle_around_all_of_them(
    client: FlaskClient, engine: Engine
) -> None:
    sent = client.get("/autour-de-moi?lieu=35500&theme=culture")
    assert sent.status_code == 302
    address = sent.headers["Location"]
    assert "postcode=35500" in address
    assert "theme=culture" in address
    page = unescape(client.get(address).text)
    assert "Autour du code postal 35500" in page
    asked = parse_qs(address.partition("?")[2])
    lon, lat = asked["near"][0].split(",")
    statement = text(
        """SELECT code, max(ST_Distance(corner.geom::geography,
                                        ST_Point(:lon, :lat, 4326)::geography))
             FROM territory, ST_DumpPoints(outline) AS corner
            WHERE level = 'commune' AND '35500' = ANY(postcodes) GROUP BY code"""
    )
    with engine.connect() as connection:
        served = connection.execute(statement, {"lon": float(lon), "lat": float(lat)}).all()
    assert len(served) > 6
    assert max(metres for _code, metres in served) <= float(asked["radius"][0])
    assert f"autour de ses {len(served)} communes" in page
    assert [code for code, _metres in served if f"commune={code}" not in page] == []
    # Another circle is not that of the postcode, and a page without one goes to it.
    assert (
        "35500"
        not in client.get(f"/autour-de-moi?near={RENNES}&postcode=35500")
        .text.split("<main")[1]
        .split("near-map")[0]
    )
    assert client.get("/autour-de-moi?postcode=35500").status_code == 302
    assert client.get("/autour-de-moi?postcode=35999").status_code == 400
    found = unescape(client.get("/recherche?q=35500").text)
    assert "/autour-de-moi?postcode=35500" in found
    assert "Autour" in client.get("/autour-de-moi?lieu=35000", follow_redirects=True).text


def test_an_unknown_place_says_so(client: FlaskClient) -> None:
    assert "Nous ne connaissons pas" in client.get("/autour-de-moi?lieu=zzxqyy").text


def test_metres_are_told_of_true_points_alone(client: FlaskClient, engine: Engine) -> None:
    with engine.begin() as connection:
        insert(
            connection,
            [
                Made(
                    precision="point", commune="35238", lon=-1.6754, lat=48.1147, title="Au point"
                ),
                Made(commune="35238", title="Quelque part"),
            ],
        )
    cards = re.findall(
        r'data-precision="(\w+)".*?card-place">(.*?)</p>',
        client.get(f"/autour-de-moi?near={RENNES}&radius=5000").text,
        re.DOTALL,
    )
    told = {precision: re.sub(r"<[^>]+>", "", words) for precision, words in cards}
    assert told["point"] == "à 300 m, Rennes"
    assert "Rennes" in told["commune"]
    assert not re.search(r"\d", told["commune"])


def test_nothing_near_shows_the_nearest_and_invites(client: FlaskClient, engine: Engine) -> None:
    with engine.begin() as connection:
        insert(connection, [Made(precision="point", commune="35238", lon=-1.675, lat=48.11)])
    page = client.get("/autour-de-moi?near=-0.46,46.32").text
    assert "Rien encore autour de ce point" in page
    assert 'href="/proposer"' in page
    assert page.count('class="card ') == 1


def test_the_radius_can_be_chosen_and_is_kept(client: FlaskClient, engine: Engine) -> None:
    with engine.begin() as connection:
        insert(connection, [Made(commune="35238"), Made(commune="35051")])
    page = client.get(f"/autour-de-moi?near={RENNES}&radius=50000").text
    assert "Dans un rayon de 50 km" in re.sub(r"\s", " ", page)
    assert f"near={RENNES}&amp;radius=50000&amp;sort=supported" in page


def test_a_position_stays_out_of_caches_and_referrers(client: FlaskClient) -> None:
    headers = client.get(f"/autour-de-moi?near={RENNES}").headers
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("near=1", "near"),
        ("near=2,48&radius=0", "radius"),
        ("near=2,48&limit=9999", "limit"),
        ("place=x", "place"),
        ("lieu=" + "x" * 201, "lieu"),
        ("lieu=a%00b", "lieu"),
        ("commune=99999", "commune"),
        ("near=2,48&commune=x", "commune"),
    ],
)
def test_what_is_malformed_is_named(client: FlaskClient, query: str, field: str) -> None:
    answer = client.get(f"/autour-de-moi?{query}", headers={"Accept": "application/json"})
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["field"] == field


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("Bruxelles", None), ("Genève", None), ("Sarlat", "Sarlat-la-Canéda"), ("Rennse", "Rennes")],
)
def test_a_name_that_is_but_alike_is_asked_about(
    client: FlaskClient, typed: str, offered: str | None
) -> None:
    answer = client.get("/autour-de-moi", query_string={"lieu": typed})
    assert answer.status_code == 200, "nobody is sent to a place that they did not name"
    if offered:
        assert f">{offered}</a>" in answer.text


def test_a_departement_beside_a_name_is_heard(client: FlaskClient) -> None:
    for typed, code in (("Evry 91", "91228"), ("Saint-Ouen 93", "93070"), ("Rennes", "35238")):
        answer = client.get("/autour-de-moi", query_string={"lieu": typed})
        assert answer.status_code == 302, typed
        assert f"commune={code}" in answer.headers["Location"]

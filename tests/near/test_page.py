"""The page "near me": where one asks, what it tells, and what it keeps to itself."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.initiatives.filters import LonLat
from tests.http.population import Made, insert

RENNES = LonLat(-1.6794, 48.1147)


def test_the_page_asks_where_before_it_shows_anything(client: FlaskClient) -> None:
    page = client.get("/autour-de-moi").text
    assert 'name="lieu"' in page
    assert 'id="results"' not in page


def test_a_commune_typed_leads_to_its_circle(client: FlaskClient) -> None:
    answer = client.get("/autour-de-moi?lieu=35000+Rennes&theme=culture")
    assert answer.status_code == 302
    assert re.fullmatch(
        r"/autour-de-moi\?theme=culture&near=-1\.\d+,48\.\d+", answer.headers["Location"]
    )
    assert "dans un cercle de" in client.get(answer.headers["Location"]).text.lower()


def test_a_name_of_many_communes_asks_which(client: FlaskClient) -> None:
    page = client.get("/autour-de-moi?lieu=Saint-Denis")
    assert page.status_code == 200
    assert "Plusieurs lieux" in page.text
    assert page.text.count("near=") >= 2


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
    ],
)
def test_what_is_malformed_is_named(client: FlaskClient, query: str, field: str) -> None:
    answer = client.get(f"/autour-de-moi?{query}", headers={"Accept": "application/json"})
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["field"] == field

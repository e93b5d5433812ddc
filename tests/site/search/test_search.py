"""The search box: where it leads, what it lists, and what it never takes for a place."""

import json
import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from tests.web.population import Made, insert

PLACES = "/territoires"
NOTHING: dict[str, Any] = {
    **{
        key: []
        for key in ("places", "themes", "initiatives", "organisations", "news", "events", "groups")
    },
    "understood": None,
}


def ask(client: FlaskClient, q: str, **more: object) -> dict[str, Any]:
    answer = client.get("/recherche.json", query_string={"q": q, **more})
    assert answer.status_code == 200
    found: dict[str, Any] = json.loads(answer.text)
    return found


def refs(found: dict[str, Any]) -> list[str]:
    return [f"{place['level']}:{place['code']}" for place in found["places"]]


@pytest.mark.parametrize(
    ("q", "place"),
    [
        ("Rennes", "commune/35238"),
        ("rennes", "commune/35238"),
        ("Lyon", "commune/69123"),
        ("Paris", "commune/75056"),
        ("75011", "commune/75056"),
        ("69001", "commune/69123"),
        ("Paris 11e", "commune/75056"),
        ("35000", "commune/35238"),
        ("35238", "commune/35238"),
        ("35042 Rennes Cedex", "commune/35238"),
        ("Rennes 35000", "commune/35238"),
        ("Rennes (Ille-et-Vilaine)", "commune/35238"),
        ("Saint-Denis 974", "commune/97411"),
        ("Saint-Denis (Réunion)", "commune/97411"),
        ("saint denis 93", "commune/93066"),
        ("st malo", "commune/35288"),
        ("Le Havre", "commune/76351"),
        ("Bretagne", "region/53"),
        ("ile de france", "region/11"),
        ("PACA", "region/93"),
        ("La Réunion", "region/04"),
        ("Réunion", "region/04"),
        ("région Bretagne", "region/53"),
        ("Creuse", "departement/23"),
        ("Finistere", "departement/29"),
        ("Haut-Rhin", "departement/68"),
        ("35", "departement/35"),
        ("2a", "departement/2A"),
        ("974", "departement/974"),
        ("le 35", "departement/35"),
        ("département 35", "departement/35"),
        ("région 53", "region/53"),
        ("Ille-et-Vilaine (35)", "departement/35"),
        ("Côtes-du-Nord", "departement/22"),
        ("Métropole de Lyon", "epci/200046977"),
        ("Rennes Métropole", "epci/243500139"),
        ("agglo de Rennes", "epci/243500139"),
        ("Métropole de Lille", "epci/200093201"),
        ("CC des Coëvrons", "epci/200033298"),
        ("Grand Reims", "epci/200067213"),
        ("243500139", "epci/243500139"),
        ("Plouha", "commune/22222"),
        ("ville de Vienne", "commune/38544"),
        ("Vienne 38", "commune/38544"),
        ("Loiré", "commune/49178"),
    ],
)
def test_what_is_certain_leads_there(searching: FlaskClient, q: str, place: str) -> None:
    answer = searching.get("/recherche", query_string={"q": q})
    assert (answer.status_code, answer.location) == (303, f"{PLACES}/{place}")
    level, code = place.split("/")
    best = ask(searching, q)["places"][0]
    assert (best["level"], best["code"], best["url"]) == (level, code, f"{PLACES}/{place}")


def test_a_former_commune_leads_to_that_of_today_and_keeps_its_name(searching: FlaskClient) -> None:
    answer = searching.get("/recherche?q=Pierrefitte-sur-Seine")
    assert answer.status_code == 303
    assert answer.location == f"{PLACES}/commune/93066?depuis=93059"
    assert "Pierrefitte-sur-Seine" in searching.get(answer.location).text
    best = ask(searching, "Pierrefitte-sur-Seine")["places"][0]
    assert (best["code"], best["name"]) == ("93066", "Saint-Denis")
    assert "Pierrefitte-sur-Seine" in best["context"]


@pytest.mark.parametrize(
    ("q", "first"),
    [
        ("Saint-Denis", ["commune:97411", "commune:93066"]),
        ("Vienne", ["departement:86", "commune:38544"]),
        ("Aix", ["commune:19002", "commune:13001"]),
        ("Renes", ["commune:35238"]),
        ("Marseile", ["commune:13055"]),
        ("Finistre", ["departement:29"]),
        ("Alsace", ["region:44"]),
        ("22580", ["commune:22222"]),
        ("Cherbourg", ["commune:50129"]),
    ],
)
def test_what_is_not_certain_is_listed_the_likeliest_first(
    searching: FlaskClient, q: str, first: list[str]
) -> None:
    page = searching.get("/recherche", query_string={"q": q})
    assert page.status_code == 200
    listed = re.findall(r'class="place-row" href="/territoires/(\w+)/(\w+)', page.text)
    assert [f"{level}:{code}" for level, code in listed][: len(first)] == first
    assert refs(ask(searching, q))[: len(first)] == first


def test_homonyms_are_listed_largest_first(searching: FlaskClient, shared_engine: Engine) -> None:
    with shared_engine.connect() as connection:
        rows = connection.exec_driver_sql(
            """SELECT code FROM territory WHERE level = 'commune' AND name = 'Saint-Denis'
                ORDER BY population DESC"""
        )
        codes = [f"commune:{row[0]}" for row in rows]
    assert refs(ask(searching, "Saint-Denis", limit=len(codes))) == codes


@pytest.mark.parametrize("q", ["compost", "jardin partagé", "repair café", "vélo", "atelier velo"])
def test_a_word_that_is_no_place_finds_what_is_done(searching: FlaskClient, q: str) -> None:
    answer = searching.get("/recherche", query_string={"q": q})
    assert answer.status_code == 200
    found = ask(searching, q)
    assert found["themes"] or found["initiatives"]
    assert found["places"] == []


def test_initiatives_that_say_the_word_are_shown(searching: FlaskClient) -> None:
    found = ask(searching, "compost")
    assert [one["title"] for one in found["initiatives"]] == ["Compost de quartier"]
    assert [one["theme"] for one in found["themes"]] == ["environnement"]
    assert found["places"] == []
    page = searching.get("/recherche?q=compost").text
    assert 'data-total="1"' in page
    assert "Compost de quartier" in page


@pytest.mark.parametrize("q", ["Rue", "Culture", "Jardin", "marché"])
def test_a_word_that_is_also_a_commune_shows_all(searching: FlaskClient, q: str) -> None:
    assert searching.get("/recherche", query_string={"q": q}).status_code == 200


def test_a_hamlet_whose_name_is_said_elsewhere_is_not_certain(searching: FlaskClient) -> None:
    """A farm in Lyon bears the name: both are shown."""
    page = searching.get("/recherche?q=Parcoul")
    assert page.status_code == 200
    assert "Parcoul-Chenaud" in page.text
    assert "Ferme de Parcoul" in page.text


def test_nothing_found_invites(searching: FlaskClient) -> None:
    page = unescape(searching.get("/recherche?q=zzxqyyv").text)
    assert "Aucun résultat pour" in page
    assert 'href="/proposer"' in page
    assert ask(searching, "zzxqyyv") == NOTHING


def test_without_words_it_asks(searching: FlaskClient) -> None:
    assert "Que cherchez-vous" in searching.get("/recherche").text
    assert ask(searching, "  ") == NOTHING


def test_filters_go_along(searching: FlaskClient) -> None:
    answer = searching.get("/recherche?q=Rennes&theme=culture")
    assert answer.location == "/?theme=culture&territory=commune:35238" or (
        answer.location == "/?territory=commune:35238&theme=culture"
    )
    assert ask(searching, "atelier vélo", theme="culture")["initiatives"] == []
    assert len(ask(searching, "atelier vélo", theme="mobilite")["initiatives"]) == 1


@pytest.mark.parametrize("path", ["/", "/initiatives", "/recherche?q=compost"])
def test_every_search_box_asks_the_search(searching: FlaskClient, path: str) -> None:
    boxes = re.findall(r'<form class="search".*?</form>', searching.get(path).text, re.S)
    assert len(boxes) == 1
    assert 'action="/recherche"' in boxes[0]
    assert 'name="q"' in boxes[0]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("q=a%00b", "q"),
        ("q=" + "x" * 201, "q"),
        ("q=a&q=b", "q"),
        ("q=a&limit=0", "limit"),
        ("q=a&limit=51", "limit"),
        ("q=a&bbox=1,2,3,4", "bbox"),
        ("q=a&place=x", "place"),
        ("q=a&theme=x", "theme"),
    ],
)
def test_what_is_malformed_is_named(searching: FlaskClient, query: str, field: str) -> None:
    answer = searching.get(f"/recherche.json?{query}")
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["field"] == field


@settings(max_examples=150, deadline=None)
@given(q=st.text(max_size=200))
@pytest.mark.long
def test_any_text_is_answered(searching: FlaskClient, q: str) -> None:
    text = q.replace("\x00", "")
    for path in ("/recherche", "/recherche.json"):
        assert searching.get(path, query_string={"q": text}).status_code in (200, 303)


def test_drafts_are_not_found(client: FlaskClient, engine: Engine) -> None:
    with engine.begin() as connection:
        insert(connection, [Made(title="Zythologie", status="pending", commune="35238")])
    assert ask(client, "zythologie")["initiatives"] == []

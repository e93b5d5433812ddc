"""The public page of an author: for who chose one, under the name that they show."""

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from tests.accounts.people.mailbox import fill_in, sign_in
from tests.contributions.posts.author import AUTHOR, OTHER, published


def name(client: FlaskClient, words: str) -> None:
    fields = {"name": words, "locale": "fr", "commune": ""}
    assert fill_in(client, "/compte", fields).status_code == 303


def choose(client: FlaskClient, wanted: str) -> int:
    return fill_in(client, "/compte", {"wanted": wanted}, to="/compte/page").status_code


def found(client: FlaskClient, q: str) -> list[str]:
    answer = client.get("/recherche.json", query_string={"q": q}).get_json()
    return [one["slug"] for one in answer["organisations"]]


def test_nobody_has_a_page_who_did_not_choose_one(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    made = published(client, engine)
    assert choose(client, "oui") == 400, "there is no name to show"
    name(client, "Les Amis du Vélo")
    visitor = app.test_client()
    assert visitor.get("/organisations/les-amis-du-velo").status_code == 404
    assert found(visitor, "amis du vélo") == []
    assert "/organisations/" not in visitor.get(f"/initiatives/{made}").text

    assert choose(client, "oui") == 303
    page = visitor.get("/organisations/les-amis-du-velo")
    assert page.status_code == 200
    assert "Un verger derrière la mairie" in page.text
    assert "nous ne le vérifions pas" in page.text
    assert AUTHOR not in page.text
    assert found(visitor, "amis du vélo") == ["les-amis-du-velo"]
    assert found(visitor, "Les Ami") == ["les-amis-du-velo"], "by the beginnings of its words"
    assert "/organisations/les-amis-du-velo" in visitor.get(f"/initiatives/{made}").text
    assert "Les Amis du Vélo" in visitor.get("/recherche?q=amis").text

    name(client, "Les Amies du Vélo")
    assert "Les Amies du Vélo" in visitor.get("/organisations/les-amis-du-velo").text
    assert choose(client, "non") == 303
    assert visitor.get("/organisations/les-amis-du-velo").status_code == 404


def test_two_of_one_name_have_a_page_each_and_erasure_ends_it(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    sign_in(client, engine, AUTHOR)
    other = app.test_client()
    sign_in(other, engine, OTHER)
    for one in (client, other):
        name(one, "Mairie de Plouha")
        assert choose(one, "oui") == 303
    visitor = app.test_client()
    assert sorted(found(visitor, "plouha mairie")) == ["mairie-de-plouha", "mairie-de-plouha-2"]
    assert "Aucune initiative publique" in visitor.get("/organisations/mairie-de-plouha-2").text
    fill_in(other, "/compte/effacer", {})
    assert visitor.get("/organisations/mairie-de-plouha-2").status_code == 404
    name(client, "")
    assert visitor.get("/organisations/mairie-de-plouha").status_code == 404, "no name to show"

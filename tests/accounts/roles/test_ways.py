"""Who has a role finds the way to their territory, and what lies there to decide."""

import pytest
from flask import Flask
from sqlalchemy import Engine

from tests.accounts.roles.cast import BRETAGNE, Actor, actor, proposal

REDON = "243500741"  # an EPCI in Bretagne and in Pays de la Loire


@pytest.fixture
def coordinator(app: Flask, engine: Engine) -> Actor:
    return actor(app, engine, "coordinator", ("coordinator", BRETAGNE))


def test_a_coordinator_finds_their_territory_at_once(coordinator: Actor) -> None:
    account = coordinator.get("/compte").text
    assert 'href="/coordination/region/53"' in account.split('id="mes-roles"', 1)[1]
    assert 'href="/moderation?territory=region:53"' in account
    assert coordinator.get("/coordination/region/53").status_code == 200
    assert coordinator.get("/moderation?territory=region:53").status_code == 200


@pytest.mark.parametrize("path", ["/", "/initiatives", "/territoires/region/53", "/compte"])
def test_the_menu_leads_there_from_every_page(coordinator: Actor, path: str) -> None:
    answer = coordinator.get(path)
    menu = answer.text.split('<nav class="nav"', 1)[1].split("</nav>", 1)[0]
    assert 'href="/coordination/region/53"' in menu
    assert (
        "private" in answer.headers["Cache-Control"]
        or "no-store" in (answer.headers["Cache-Control"])
    )


def test_of_several_territories_the_menu_leads_to_the_list(app: Flask, engine: Engine) -> None:
    both = actor(app, engine, "both", ("coordinator", BRETAGNE), ("moderator", "departement:44"))
    menu = both.get("/initiatives").text.split('<nav class="nav"', 1)[1].split("</nav>", 1)[0]
    assert 'href="/compte#mes-roles"' in menu
    listed = both.get("/compte").text
    assert 'href="/coordination/region/53"' in listed
    assert 'href="/coordination/departement/44"' in listed


def test_who_has_no_role_has_no_such_way(app: Flask, engine: Engine) -> None:
    nobody = actor(app, engine, "nobody")
    for path in ("/initiatives", "/compte"):
        assert "nav-role" not in nobody.get(path).text
    assert "nav-role" not in app.test_client().get("/initiatives").text


def test_what_is_known_to_an_epci_that_straddles_waits_for_all_that_it_lies_in(
    app: Flask, engine: Engine
) -> None:
    waits = proposal(engine, "Un canal", precision="epci", epci=REDON)
    for place in ("region:53", "region:52", "departement:35", "departement:44", "departement:56"):
        one = actor(app, engine, place.replace(":", ""), ("moderator", place))
        assert str(waits) in one.get("/moderation").text, place
        assert "case-actions" in one.get(f"/moderation/{waits}").text, place
    other = actor(app, engine, "normandie", ("moderator", "region:28"))
    assert str(waits) not in other.get("/moderation").text
    assert other.get(f"/moderation/{waits}").status_code == 404

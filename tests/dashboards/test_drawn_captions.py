"""A drawn map that travels without its page: what it says of itself, and small rates on it."""

import re

from flask.testing import FlaskClient
from sqlalchemy import Engine

from tests.web.population import Made, fill


def caption(client: FlaskClient, address: str) -> str:
    drawn = client.get(address)
    assert drawn.status_code == 200, drawn.text
    part = re.search(r'<g class="caption".*?</g>', drawn.text)
    return re.sub(r"<[^>]+>", " ", part[0]).replace("\xa0", " ") if part else ""


def test_a_drawn_map_says_of_where_and_when_it_is_and_whose(client: FlaskClient) -> None:
    said = caption(client, "/coordination/region/53.svg?by=epci&since=2025-01-01&theme=mobilite")
    assert "Bretagne, par intercommunalité :" in said
    assert "depuis le 1er janvier 2025" in said
    assert "Mobilité" in said
    assert "Initiatives locales, map.test, état du " in said
    assert "toutes les dates, tous les thèmes" in caption(client, "/coordination.svg")
    assert caption(client, "/coordination.svg?bare=1") == ""


def test_names_on_a_map_by_epci_do_not_begin_with_their_kind(client: FlaskClient) -> None:
    drawn = client.get("/coordination/region/53.svg?by=epci").text
    assert "Rennes Métropole<" in drawn
    assert not re.search(r"<text[^>]*>Communauté (?:de communes|d.agglomération|urbaine)", drawn)


def test_a_rate_that_is_merely_small_is_not_nothing(client: FlaskClient, engine: Engine) -> None:
    fill(engine, [Made(title="Atelier vélo", theme="mobilite", commune="75056")])
    figures = client.get("/activity/region.json").json
    assert figures is not None
    paris = next(one for one in figures["territories"] if one["code"] == "11")
    assert 0 < paris["per_10000_inhabitants"] < 0.005
    drawn = client.get("/coordination.svg?by=region&bare=1").text
    shaded = re.search(r'data-code="11" data-class="(-?\d+)"', drawn)
    assert shaded is not None
    assert int(shaded[1]) > 0
    assert "&lt; 0,01" in client.get("/coordination?by=region").text

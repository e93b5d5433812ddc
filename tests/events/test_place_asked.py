"""A commune or a postcode that is typed on the list of events leads to what is near it."""

from datetime import timedelta
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from tests.events.organiser import Organiser, publish, soon
from tests.moderation.moderator import Moderator


def test_a_postcode_leads_to_what_is_near(
    visitor: FlaskClient, organiser: Organiser, eva: Moderator, engine: Engine
) -> None:
    begin = soon(3)
    made = {
        name: f"{moment:%Y-%m-%dT%H:%M}"
        for name, moment in (("starts", begin), ("ends", begin + timedelta(hours=2)))
    }
    for title, place in (("Grand ramassage", "Rennes"), ("Chorale ouverte", "Lyon")):
        publish(eva, engine, organiser.propose(title=title, place=place, **made))
    assert 'name="lieu"' in visitor.get("/evenements").text
    for typed in ("35000", "Rennes", "35170"):  # the last is Bruz, beside it
        sent = visitor.get("/evenements", query_string={"lieu": typed, "theme": "mobilite"})
        assert sent.status_code == 303, typed
        assert "theme=mobilite" in sent.headers["Location"]
        page = unescape(visitor.get(sent.headers["Location"]).text)
        assert "Grand ramassage" in page, typed
        assert "Chorale ouverte" not in page
        assert "à moins de 20 km de " in page
    # Nobody knows how far it is from the middle of a commune; the links keep what was asked.
    assert "card-distance" not in page
    assert "commune=35047" in page.split("Ce week-end")[0]
    # A circle that is moved is no longer that of the commune.
    moved = visitor.get("/evenements?near=4.83,45.76&radius=20000&commune=35047").text
    assert "Bruz" not in moved


@pytest.mark.parametrize("typed", ["zzyzx", "Saint-Denis"])
def test_what_is_not_sure_is_asked(visitor: FlaskClient, typed: str) -> None:
    page = unescape(visitor.get("/evenements", query_string={"lieu": typed}).text)
    if typed == "Saint-Denis":
        assert "Plusieurs lieux répondent" in page
        assert "commune=97411" in page
        assert "commune=93066" in page
    else:
        assert "Aucune commune n’a été reconnue" in page
    for bad in ("x" * 201, "a\x00b"):
        assert visitor.get("/evenements", query_string={"lieu": bad}).status_code == 400
    assert visitor.get("/evenements?commune=00000").status_code == 400


def test_groups_are_found_near_a_place_too_and_homonyms_are_told_apart(
    visitor: FlaskClient,
) -> None:
    for address in ("/evenements", "/groupes"):
        assert 'name="lieu"' in visitor.get(address).text
        sent = visitor.get(address, query_string={"lieu": "35000", "theme": "mobilite"})
        assert sent.status_code == 303
        assert "theme=mobilite" in sent.headers["Location"]
        found = unescape(visitor.get(sent.headers["Location"]).text)
        assert "à moins de 20 km de Rennes" in found
        asked = unescape(visitor.get(address, query_string={"lieu": "Saint-Denis"}).text)
        assert "Seine-Saint-Denis" in asked, "each choice says where it is"
        chosen = next(
            one for one in asked.split('href="') if "commune=93066" in one.split('"')[0]
        ).split('"')[0]
        page = unescape(visitor.get(chosen).text)
        assert "de Saint-Denis (Seine-Saint-Denis)" in page, "and so does the one that was chosen"
        assert "Aucune commune" in unescape(
            visitor.get(address, query_string={"lieu": "zzyzx"}).text
        )
        assert visitor.get(f"{address}?commune=00000").status_code == 400


def test_a_postcode_of_several_communes_is_a_place(
    visitor: FlaskClient, organiser: Organiser, eva: Moderator, engine: Engine
) -> None:
    """Two postcodes of three serve several communes: who types theirs is not asked which."""
    begin = soon(3)
    made = {
        name: f"{moment:%Y-%m-%dT%H:%M}"
        for name, moment in (("starts", begin), ("ends", begin + timedelta(hours=2)))
    }
    for title, place in (("Fête du lavoir", "Champeaux (35)"), ("Chorale ouverte", "Lyon")):
        publish(eva, engine, organiser.propose(title=title, place=place, **made))
    with engine.connect() as connection:
        served = connection.execute(
            text(
                """SELECT code FROM territory
                    WHERE level = 'commune' AND '35500' = ANY(postcodes) ORDER BY code"""
            )
        ).scalars()
        codes = list(served)
    assert len(codes) > 6, "more than are offered to choose from"
    for address in ("/evenements", "/groupes", "/coups-de-main"):
        sent = visitor.get(address, query_string={"lieu": " 35500 "})
        assert sent.status_code == 303, address
        assert "postcode=35500" in sent.headers["Location"]
        page = unescape(visitor.get(sent.headers["Location"]).text)
        assert "autour d" in page
        assert 'value="35500"' in page
        assert "communes ont ce code postal" in page
        assert [code for code in codes if f"commune={code}" not in page] == []
        assert visitor.get(f"{address}?postcode=00000").status_code == 400
        assert visitor.get(f"{address}?postcode=rennes").status_code == 400
    sent = visitor.get("/evenements", query_string={"lieu": "35500", "when": "fortnight"})
    page = unescape(visitor.get(sent.headers["Location"]).text)
    assert "Fête du lavoir" in page
    assert "Chorale ouverte" not in page
    # The calendar on a wall and the next days keep the place.
    assert "/evenements/mois?near=" in page
    assert "postcode=35500" in page.split("/evenements/mois?near=")[1].split('"')[0]
    weekend = next(one for one in page.split('href="') if "when=weekend" in one.split('"')[0])
    assert "postcode=35500" in weekend.split('"')[0]
    month = visitor.get(sent.headers["Location"].replace("/evenements", "/evenements/mois"))
    assert month.status_code == 400, "a month has days of its own"


def test_where_nothing_is_near_one_looks_farther(
    visitor: FlaskClient, organiser: Organiser, eva: Moderator, engine: Engine
) -> None:
    begin = soon(3)
    times = {
        "starts": f"{begin:%Y-%m-%dT%H:%M}",
        "ends": f"{begin + timedelta(hours=2):%Y-%m-%dT%H:%M}",
    }
    publish(eva, engine, organiser.propose(title="Grand ramassage", place="Rennes", **times))
    found = visitor.get("/evenements?lieu=35500&when=fortnight", follow_redirects=True).text
    assert "Grand ramassage" not in found, "it is 35 km off"
    wider = next(one for one in found.split('href="') if "radius=50000" in one.split('"')[0])
    address = unescape(wider.split('"')[0])
    assert "postcode=35500" in address
    assert "when=fortnight" in address
    page = unescape(visitor.get(address).text)
    assert "Grand ramassage" in page
    assert "à moins de 50 km de leur milieu" in page.replace("\u00a0", " ")
    of_commune = visitor.get("/evenements?lieu=Champeaux+(35)", follow_redirects=True).text
    wide = next(one for one in of_commune.split('href="') if "radius=50000" in one.split('"')[0])
    page = unescape(visitor.get(unescape(wide.split('"')[0])).text)
    assert "à moins de 50 km de Champeaux" in page
    assert "Grand ramassage" in page

"""The form: what it understands, refuses, keeps, and warns of."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.contributions.proposals import model
from tests.contributions.proposals.desk import GARDEN, count, hidden, preview, propose, send
from tests.web.population import Made, insert

SAINT_DENIS, RENNES = "93066", "35238"


def told(page: str, name: str) -> str:
    found = re.search(rf'<p class="field-error" id="{name}-error">([^<]*)</p>', page)
    return found[1] if found else ""


def test_nothing_is_sent_before_the_place_was_seen(client: FlaskClient, engine: Engine) -> None:
    answer, carried = preview(client, GARDEN)
    assert "dans la commune de Rennes" in answer.text
    assert carried["understood"] == f"commune:{RENNES}"
    blind = {name: text for name, text in carried.items() if name != "understood"}
    again = client.post("/proposer", data={**blind, "action": "send"})
    assert again.status_code == 200
    assert "Vérifiez le lieu" in again.text
    moved = client.post("/proposer", data={**carried, "place": "Brest", "action": "send"})
    assert "dans la commune de Brest" in moved.text
    assert (count(engine, "token"), count(engine, "delivery")) == (0, 0)


def test_a_former_commune_is_found_in_that_of_today(client: FlaskClient) -> None:
    answer, carried = preview(client, GARDEN | {"place": "Pierrefitte-sur-Seine"})
    assert "dans la commune de Saint-Denis" in answer.text
    assert "«\u00a0Pierrefitte-sur-Seine\u00a0» en fait partie aujourd’hui." in answer.text
    assert carried["understood"] == f"commune:{SAINT_DENIS}"


def test_a_former_commune_chosen_from_the_list_keeps_its_name(
    client: FlaskClient, engine: Engine
) -> None:
    words = "Pierrefitte-sur-Seine (93)"
    chosen = GARDEN | {"place": words, "choice": f"commune:{SAINT_DENIS}", "choice_for": words}
    answer, carried = preview(client, chosen)
    assert carried["understood"] == f"commune:{SAINT_DENIS}"
    assert "«\u00a0Pierrefitte-sur-Seine\u00a0» en fait partie aujourd’hui." in answer.text
    page = public_page(client, engine, place=words, choice=chosen["choice"], choice_for=words)
    assert f"Lieu tel qu’il a été écrit : « {words} »." in page
    assert "« Pierrefitte-sur-Seine » fait aujourd’hui partie de la commune de Saint-Denis." in page


def test_a_commune_that_is_one_today_is_told_to_be_part_of_nothing(
    client: FlaskClient, engine: Engine
) -> None:
    page = public_page(client, engine, place="Rennes (35)")
    assert "Lieu tel qu’il a été écrit : « Rennes (35) »." in page
    assert "fait aujourd’hui partie" not in page


def public_page(client: FlaskClient, engine: Engine, **changes: str) -> str:
    """Of a proposal that was sent, confirmed and published; its spaces plain."""
    made = propose(client, engine, **changes)
    publish = text("UPDATE initiative SET status = 'published' WHERE id = :id")
    with engine.begin() as connection:
        connection.execute(publish, {"id": made.id})
    return re.sub(r"\s", " ", client.get(f"/initiatives/{made.id}").text)


def test_homonyms_are_for_the_author_to_tell_apart(client: FlaskClient, engine: Engine) -> None:
    answer, carried = preview(client, GARDEN | {"place": "Saint-Denis"})
    assert "Le Saint" not in answer.text  # Morbihan: one word in common
    offered = re.findall(r'name="choice" value="([^"]+)"', answer.text)
    assert {f"commune:{SAINT_DENIS}", "commune:97411", "open"} <= set(offered)
    unsure = client.post("/proposer", data={**carried, "action": "send"})
    assert "Choisissez d’abord le lieu" in unsure.text
    chosen = {**carried, "choice": "commune:97411", "choice_for": "Saint-Denis"}
    seen = client.post("/proposer", data={**chosen, "action": "preview"})
    assert hidden(seen.text, "understood") == "commune:97411"
    sent = client.post(
        "/proposer", data={**chosen, "understood": "commune:97411", "action": "send"}
    )
    assert sent.headers["Location"] == "/connexion/envoyee"


def test_a_choice_holds_for_its_words_alone(client: FlaskClient) -> None:
    chosen = GARDEN | {"place": "Brest", "choice": f"commune:{RENNES}", "choice_for": "Rennes"}
    assert "dans la commune de Brest" in preview(client, chosen)[0].text


def test_a_place_that_nobody_knows_may_be_left_to_a_person(client: FlaskClient) -> None:
    answer, carried = preview(client, GARDEN | {"place": "Zzyzx"})
    assert "Aucune commune n’a été reconnue" in answer.text
    left = {**carried, "choice": "open", "choice_for": "Zzyzx", "action": "send"}
    assert client.post("/proposer", data=left).headers["Location"] == "/connexion/envoyee"


def test_a_pin_is_believed_where_the_words_agree(client: FlaskClient) -> None:
    pin = {"lon": "-1.68", "lat": "48.11"}
    answer, carried = preview(client, GARDEN | pin)
    assert "à l’endroit exact de l’épingle" in answer.text
    assert carried["understood"] == f"point:{RENNES}"
    alone, _ = preview(client, GARDEN | pin | {"place": ""})
    assert hidden(alone.text, "understood") == f"point:{RENNES}"
    without, _ = preview(client, GARDEN | pin | {"no_point": "1"})
    assert hidden(without.text, "understood") == f"commune:{RENNES}"


def test_a_pin_against_the_words_is_asked_about(client: FlaskClient) -> None:
    fields = GARDEN | {"lon": "-2.0258", "lat": "48.6493"}
    answer, _ = preview(client, fields)
    assert "L’épingle et les mots ne désignent pas le même endroit." in answer.text
    offered = re.findall(r'name="choice" value="([^"]+)"', answer.text)
    assert offered == [f"only:{RENNES}", "point", "open"]
    point, _ = preview(client, fields | {"choice": "point", "choice_for": "Rennes"})
    assert hidden(point.text, "understood") == "point:35288"
    words, _ = preview(client, fields | {"choice": f"only:{RENNES}", "choice_for": "Rennes"})
    assert hidden(words.text, "understood") == f"commune:{RENNES}"


def test_every_mistake_stands_beside_its_field_and_nothing_typed_is_lost(
    client: FlaskClient,
) -> None:
    typed = GARDEN | {
        "title": "x" * (model.MAX_TITLE + 1),
        "summary": "s" * (model.MAX_SUMMARY + 1),
        "description": "d" * (model.MAX_DESCRIPTION + 1),
        "place": "p" * (model.MAX_PLACE + 1),
        "name": "n" * 61,
        "theme": "<b>",
        "scale": "",
    }
    answer, _ = preview(client, typed)
    assert answer.status_code == 400
    for name in ("title", "summary", "description", "place", "name", "theme", "scale"):
        assert told(answer.text, name), name
    for name in ("title", "summary", "description", "place", "name"):
        assert typed[name] in answer.text, name
    assert told(preview(client, GARDEN | {"title": " \u200b "})[0].text, "title")
    assert told(preview(client, GARDEN | {"place": ""})[0].text, "place")
    for lon, lat in (("nan", "1"), ("inf", "1"), ("181", "1"), ("1", "86"), ("x", "1"), ("", "1")):
        assert told(preview(client, GARDEN | {"lon": lon, "lat": lat})[0].text, "place")


def test_the_whole_country_needs_no_place(client: FlaskClient) -> None:
    answer, carried = preview(client, GARDEN | {"scale": "national", "place": ""})
    assert carried["understood"] == "national:"
    assert "partout en France" in answer.text


def test_a_wrong_address_is_told_beside_its_field(client: FlaskClient, engine: Engine) -> None:
    answer = send(client, GARDEN | {"email": "nobody"})
    assert answer.status_code == 400
    assert told(answer.text, "email")
    assert GARDEN["title"] in answer.text
    assert count(engine, "person") == 0


def test_a_form_that_is_not_ours_is_refused(client: FlaskClient, engine: Engine) -> None:
    _, carried = preview(client, GARDEN)
    forged = {**carried, "action": "send", "token": "x"}
    assert client.post("/proposer", data=forged).status_code == 403
    robot = {**carried, "action": "send", "site_web": "http://spam.test"}
    assert client.post("/proposer", data=robot).status_code == 400
    assert count(engine, "person") == 0


def test_an_empty_place_leads_here_with_its_commune_or_point(client: FlaskClient) -> None:
    page = client.get("/proposer?commune=35238").text
    assert 'name="place" value="Rennes"' in page
    assert hidden(page, "choice") == "commune:35238"
    at = client.get("/proposer?lon=-1.68&lat=48.11").text
    assert (hidden(at, "lon"), hidden(at, "lat")) == ("-1.680000", "48.110000")


@pytest.mark.parametrize(
    "query", ["commune=99999", "lon=x&lat=1", "lon=1", "lat=91&lon=1", "lon=nan&lat=1", "x=1"]
)
def test_a_malformed_address_is_refused(client: FlaskClient, query: str) -> None:
    assert client.get(f"/proposer?{query}").status_code == 400


OTHERS = [
    Made(title="Le verger de la mairie", commune="35238"),
    Made(title="Un verger derrière les mairies", commune="35051"),  # Cesson-Sévigné touches Rennes
    Made(title="Verger derrière la mairie", commune="29019"),
    Made(title="Un atelier de vélos", commune="35238"),
    Made(title="Un verger derrière la mairie", commune="35238", status="pending"),
]


def test_ideas_near_in_place_and_words_are_shown_first(client: FlaskClient, engine: Engine) -> None:
    with engine.begin() as connection:
        insert(connection, OTHERS)
    answer, _ = preview(client, GARDEN)
    shown = re.findall(r'class="card-title"><a href="[^"]+">([^<]+)<', answer.text)
    assert shown == ["Un verger derrière les mairies", "Le verger de la mairie"]
    assert "C’est la même\u00a0?" in answer.text
    other, _ = preview(client, GARDEN | {"title": "Une chorale du dimanche"})
    assert "C’est la même\u00a0?" not in other.text


NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}",
    "%(title)s",
    "\u202etxet",
    "a\u0300\u0301\u0302\u0303\u0304\u0305b",
    "\0nul",
    "'; DROP TABLE initiative; --",
)


@pytest.mark.parametrize("nasty", NASTY)
def test_tricks_come_out_inert(client: FlaskClient, nasty: str) -> None:
    fields = dict.fromkeys(("title", "summary", "description", "place", "name"), nasty)
    answer, _ = preview(client, GARDEN | fields | {"email": nasty})
    assert answer.status_code in (200, 400)
    assert "<script>alert" not in answer.text
    assert "<img src=x" not in answer.text
    assert ">49<" not in answer.text


def test_what_cannot_be_seen_is_taken_out() -> None:
    form = model.read_form(
        GARDEN
        | {
            "title": "Un\u202e jardin\u200b\0",
            "description": "un\r\ndeux\u2028trois\n\n\ta" + "\u0301" * 50,
        }
    )
    assert form.content.title == "Un jardin"
    assert form.content.description == "un\ndeux\ntrois\n\n    á\u0301\u0301\u0301"

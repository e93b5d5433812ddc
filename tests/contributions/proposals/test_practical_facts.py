"""Practical facts on their way: form, link, version, page, moderators, tools."""

import json
import re
from datetime import date, datetime
from html import unescape
from random import Random

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.accounts.api_keys.model import ApiKeyScope
from mapservice.initiatives import local_days, queries
from mapservice.initiatives.fact_words import open_state
from mapservice.initiatives.facts import InitiativeFacts
from mapservice.initiatives.filters import InitiativeFilters, OpenAsked
from tests.accounts.api_keys.keys import key
from tests.accounts.people.mailbox import sign_in
from tests.contributions.proposals.desk import ADDRESS, GARDEN, preview, propose, send
from tests.web.population import MINUTE, Made, insert, told

FACTS = {
    "address": "Derrière la mairie",
    "opening_hours": "mercredi 11h-14h",
    "start_day": "2026-05-01",
    "end_day": "2026-06-30",
    "price": "prix libre",
    "wheelchair": "yes",
    "website": "https://verger.example.fr",
    "tags": "Verger, #Pommes",
    "audience": "familles",
}


def publish(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE initiative SET status = 'published'"))
        connection.execute(text("UPDATE proposal SET published_at = now(), published_revision = 1"))


def test_the_form_is_folded_and_asks_for_nothing(client: FlaskClient, engine: Engine) -> None:
    page = client.get("/proposer").text
    assert '<details class="more-facts" id="facts">' in page
    made = propose(client, engine)
    assert (made.address, made.opening_hours, made.tags, made.is_free) == (None,) * 4


def test_facts_are_seen_before_they_are_sent_and_kept_with_the_text(
    client: FlaskClient, engine: Engine
) -> None:
    answer, _ = preview(client, {**GARDEN, **FACTS})
    seen = unescape(answer.text)
    assert "Mercredi\u00a0: 11\u00a0h – 14\u00a0h" in seen, "in words, as they were understood"
    assert "Jours fériés\u00a0: non précisé" in seen
    made = propose(client, engine, **FACTS)
    assert (made.address, made.opening_hours) == ("Derrière la mairie", "We 11:00-14:00")
    assert (made.start_day, made.end_day) == (date(2026, 5, 1), date(2026, 6, 30))
    assert (made.price, made.is_free, made.wheelchair) == ("prix libre", None, "yes")
    assert (made.tags, made.audience) == (["verger", "pommes"], ["familles"])


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"opening_hours": "quand on veut"}, "Nous ne comprenons pas ces horaires"),
        ({"website": "javascript:alert(1)"}, "Donnez l’adresse d’une page"),
        ({"end_day": "2026-06-30"}, "Donnez aussi le jour où cela commence"),
        ({"free": "1", "price": "3 €"}, "C’est gratuit, ou cela a un prix"),
    ],
)
def test_a_mistake_opens_the_fold_and_stands_beside_its_field(
    client: FlaskClient, engine: Engine, typed: dict[str, str], words: str
) -> None:
    answer, _ = preview(client, {**GARDEN, **typed})
    assert answer.status_code == 400
    page = unescape(answer.text)
    assert words in page
    assert '<details class="more-facts" id="facts" open>' in page
    for value in typed.values():
        assert value in page


def test_an_edit_keeps_what_it_does_not_touch_and_is_a_version(
    client: FlaskClient, engine: Engine
) -> None:
    made = propose(client, engine, **FACTS)
    publish(engine)
    page = client.get(f"/initiatives/{made.id}/modifier").text
    assert 'value="We 11:00-14:00"' in page
    fields = {name: value for name, value in {**GARDEN, **FACTS}.items() if name != "email"}
    changed = send(client, {**fields, "price": "", "free": "1"}, f"/initiatives/{made.id}/modifier")
    assert changed.status_code == 303, changed.text
    with engine.connect() as connection:
        row = connection.execute(text("SELECT is_free, price, tags FROM initiative")).one()
        versions = connection.execute(
            text("SELECT facts FROM initiative_revision ORDER BY number")
        ).scalars()
        assert tuple(row) == (True, None, ["verger", "pommes"])
        assert [one.get("price") for one in versions] == ["prix libre", None]
    history = client.get(f"/initiatives/{made.id}/historique").text
    assert "informations pratiques" in history


def test_the_public_page_says_what_is_told_and_no_more(
    app: Flask, client: FlaskClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_days, "now", lambda: MINUTE)  # Wednesday, noon in Paris
    monkeypatch.setattr("mapservice.initiatives.fact_words.now", lambda: MINUTE)
    made = propose(client, engine, **FACTS)
    publish(engine)
    page = unescape(app.test_client().get(f"/initiatives/{made.id}").text)
    assert "Ouvert le mercredi 6 mai à 12\u00a0h" in page
    assert "du 1er mai 2026 au 30 juin 2026" in page
    assert re.search(r'href="https://verger.example.fr" rel="noopener nofollow ugc"', page)
    assert "geo:" not in page, "Rennes is no point"
    assert "cette adresse n’est pas placée sur la carte" in page
    assert "L’adresse exacte n’est pas connue" not in page, "it is told in words"
    script = re.search(r'ld\+json"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert script is not None
    linked = json.loads(script[1])
    assert linked["event"]["startDate"] == "2026-05-01"
    assert linked["location"]["openingHoursSpecification"] == [
        {
            "@type": "OpeningHoursSpecification",
            "dayOfWeek": ["https://schema.org/Wednesday"],
            "opens": "11:00",
            "closes": "14:00",
        }
    ]
    assert "isAccessibleForFree" not in linked["location"], "nobody told"
    feature = app.test_client().get("/initiatives.geojson", buffered=True).get_json()["features"][0]
    assert feature["properties"]["tags"] == "verger,pommes"
    assert feature["properties"]["opening_hours"] == "We 11:00-14:00"
    assert feature["properties"]["start_time"] is None


def test_a_true_point_has_a_way_there(client: FlaskClient, engine: Engine) -> None:
    made = Made(precision="point", commune="35238", lon=-1.675, lat=48.111)
    with engine.begin() as connection:
        insert(connection, [made])
    page = client.get(f"/initiatives/{made.id}").text
    assert 'href="geo:48.111000,-1.675000?q=48.111000,-1.675000"' in page
    assert "openstreetmap.org/?mlat=48.111000" in page


def test_hours_are_read_by_the_clock_of_the_place(
    client: FlaskClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noon in Paris is two in the afternoon on La Réunion, and six in the morning in Guadeloupe."""
    monkeypatch.setattr(local_days, "now", lambda: MINUTE)
    monkeypatch.setattr("mapservice.initiatives.fact_words.now", lambda: MINUTE)
    facts = InitiativeFacts(opening_hours="We 13:30-16:00")
    places = ("35238", "97411", "97105")
    made = [Made(commune=code, title=f"Atelier {code}", facts=facts) for code in places]
    with engine.begin() as connection:
        insert(connection, made)
    found = client.get("/initiatives.geojson?open=now", buffered=True).get_json()["features"]
    assert [one["properties"]["commune"] for one in found] == ["97411"]
    reunion = unescape(client.get(f"/initiatives/{made[1].id}").text)
    assert "Ouvert le mercredi 6 mai à 14\u00a0h, heure locale (La Réunion)" in reunion
    guadeloupe = unescape(client.get(f"/initiatives/{made[2].id}").text)
    assert "Fermé le mercredi 6 mai à 6\u00a0h, heure locale (Guadeloupe)" in guadeloupe


def test_the_page_and_the_filter_agree_about_what_is_open(
    client: FlaskClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On plain days, a holiday of all, one of La Réunion alone, and a Good Friday in Alsace."""
    dice = Random(3)
    places = ("35238", "97411", "67482", "97209", "75056")
    made = [
        Made(commune=dice.choice(places), facts=told(dice), title=f"N° {n}") for n in range(150)
    ]
    with engine.begin() as connection:
        insert(connection, made)
    seen = 0
    for moment in (
        *("2026-05-06T10:00", "2026-05-06T22:30", "2026-05-14T10:00", "2026-05-15T00:30"),
        *("2026-12-20T08:00", "2026-04-03T10:00", "2026-12-26T10:00", "2026-05-22T23:30"),
    ):
        at = datetime.fromisoformat(f"{moment}+00:00")
        filters = InitiativeFilters(open=OpenAsked.NOW, as_of=at)
        with engine.connect() as connection:
            found = {one.id for one in queries.find_page(connection, filters, 500).items}
            every = queries.find_page(connection, InitiativeFilters(), 500).items
        states = {one.id: open_state(one, at) for one in every}
        assert found == {one for one, state in states.items() if state and state.is_open}, moment
        seen += len(found)
    assert seen > 30


def test_tools_tell_facts_and_old_ones_take_none_away(client: FlaskClient, engine: Engine) -> None:
    sign_in(client, engine, ADDRESS)
    headers = {"Authorization": f"Bearer {key(engine, ADDRESS, ApiKeyScope.WRITE_INITIATIVES)}"}
    body = {"title": "Un verger", "theme": "alimentation", "scale": "commune", "place": "Rennes"}
    facts = {"opening_hours": "Sa 10:00-12:00", "is_free": True, "tags": ["Verger"]}
    made = client.post("/api/initiatives", json={**body, **facts}, headers=headers)
    assert made.status_code == 201, made.text
    assert made.get_json()["tags"] == ["verger"]
    assert made.get_json()["is_free"] is True
    assert made.get_json()["start_day"] is None
    address = f"/api/initiatives/{made.get_json()['id']}"
    again = client.put(
        address, json={**body, "title": "Deux vergers", "revision": 1}, headers=headers
    )
    assert again.get_json()["opening_hours"] == "Sa 10:00-12:00"
    for name, value in (("opening_hours", "SH off"), ("tags", "verger"), ("is_free", "yes")):
        wrong = client.post("/api/initiatives", json={**body, name: value}, headers=headers)
        assert (wrong.status_code, wrong.get_json()["field"]) == (400, name)

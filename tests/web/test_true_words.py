"""Sentences of pages that must not say more than the data: places, counts, ways to follow."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from tests.accounts.people.mailbox import fill_in, last_link, mails_to, press
from tests.web.population import Made, insert

RENNES, PLOUHA, NIORT = "35238", "22222", "79191"
AUTHOR, WRITER = "autrice@example.org", "lecteur@example.org"


def make(engine: Engine, *made: Made) -> None:
    with engine.begin() as connection:
        insert(connection, made)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("12, rue de la Paix, 35000 Rennes", "à cette adresse, Rennes"),
        ("3 bis Grande-Rue", "à cette adresse, Rennes"),
        ("Place de la Mairie", "à cette adresse, Rennes"),
        ("35000 Rennes", "au point indiqué, Rennes"),
        ("80120 Rue", "au point indiqué, Rennes"),
        ("Salle de La Poterie", "au point indiqué, Rennes"),
        ("", "au point indiqué, Rennes"),
    ],
)
def test_an_address_is_told_where_a_street_is_written(
    client: FlaskClient, engine: Engine, written: str, words: str
) -> None:
    one = Made(precision="point", commune=RENNES, lon=-1.68, lat=48.11, place_text=written)
    make(engine, one)
    for page in (f"/initiatives/{one.id}", "/initiatives"):
        shown = client.get(page).text
        assert words in shown
        assert ("à cette adresse" in shown) == words.startswith("à cette")


def test_no_page_calls_publication_days_an_agenda(client: FlaskClient, engine: Engine) -> None:
    make(engine, Made(commune=RENNES))
    for page in ("/", "/initiatives", f"/territoires/commune/{RENNES}", "/suivre", "/methode"):
        # The way to events is named so, and holds their days.
        said = client.get(page).text.replace("</svg>Agenda</a>", "")
        assert "genda" not in said, page


def sum_of(client: FlaskClient, query: str) -> str:
    found = re.search(r'class="panel-sum">(.*?)</p>', client.get(f"/?{query}").text, re.S)
    assert found
    return " ".join(found[1].split())


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "5 initiatives · 3 communes en ont au moins une"),
        ("theme=culture", "3 initiatives · 2 communes en ont au moins une"),
        ("theme=habitat", "1 initiative · 1 commune en a au moins une"),
        ("q=lavoir", "1 initiative · 1 commune en a au moins une"),
        ("territory=region:53", "3 initiatives · 2 communes en ont au moins une"),
        ("bbox=-1.9,47.9,-1.4,48.3", "2 initiatives · 1 commune en a au moins une"),
        ("since=2026-02-01&theme=culture", "1 initiative"),
        ("theme=economie", "Aucune initiative"),
    ],
)
def test_the_sentence_of_the_home_page_follows_the_filter(
    client: FlaskClient, engine: Engine, query: str, words: str
) -> None:
    make(
        engine,
        Made(commune=RENNES, title="Lavoir"),
        Made(commune=PLOUHA, theme="habitat"),
        Made(commune=PLOUHA, theme="habitat", status="pending"),
        Made(commune=RENNES, theme="habitat", status="archived"),
        Made(commune=NIORT, theme="culture"),
        Made(commune=RENNES, theme="mobilite", title="Vélo"),
        Made(departement="79", precision="departement", theme="culture",
             created_at="2026-02-03T12:00:00+00:00"),
    )  # fmt: skip
    assert sum_of(client, query) == words


def test_an_author_can_answer_and_neither_address_is_shown(
    client: FlaskClient, engine: Engine
) -> None:
    one = Made(commune=RENNES, title="Four à pain")
    make(engine, one)
    with engine.begin() as connection:
        connection.execute(
            text(
                """WITH author AS (
                     INSERT INTO person (email, email_key, confirmed_at)
                     VALUES (:author, :author, now()) RETURNING id)
                   INSERT INTO proposal (initiative, form, person)
                   SELECT :initiative, gen_random_uuid(), id FROM author"""
            ),
            {"author": AUTHOR, "initiative": one.id},
        )
    page = f"/initiatives/{one.id}/contacter"
    shown = client.get(page).text
    assert "Ni son adresse ni la vôtre ne sont montrées" in shown
    fill_in(client, page, {"email": WRITER, "text": "Quand allumez-vous le four ?"})
    press(client, last_link(engine, WRITER))
    (mail,) = [one for one in mails_to(engine, AUTHOR) if "four" in one.text]
    assert WRITER not in mail.text + mail.html + str(mail.headers)
    answer = re.search(r"/repondre/\S+", mail.text)
    assert answer
    fill_in(client, answer[0], {"text": "Samedi."})
    (reply,) = [one for one in mails_to(engine, WRITER) if "Samedi." in one.text]
    assert AUTHOR not in reply.text + reply.html + str(reply.headers)

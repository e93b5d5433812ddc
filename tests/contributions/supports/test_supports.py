"""Backing an initiative: counted once confirmed, once a person, withdrawable, never lost."""

import re
from concurrent.futures import ThreadPoolExecutor
from random import Random
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text

from mapservice.contributions.supports import queries, service
from mapservice.contributions.supports.model import ReportReason
from mapservice.errors import NotFound
from mapservice.rollups.queries import differences as rollup_differences
from tests.accounts.people.mailbox import ADDRESS, fill_in, last_link, mails_to, press, sign_in
from tests.web.population import Made, insert

RENNES, CESSON, LYON = "35238", "35051", "69123"


@pytest.fixture
def initiative(engine: Engine) -> str:
    """One of Rennes that came with three supports from elsewhere."""
    made = Made(commune=RENNES, title="Un four à pain", source_supporters=3)
    with engine.begin() as connection:
        insert(connection, [made])
    return made.id


def page_of(initiative: str) -> str:
    return f"/initiatives/{initiative}/soutenir"


def supporters(engine: Engine, initiative: str) -> int:
    with engine.connect() as connection:
        found: int = connection.execute(
            text("SELECT supporters FROM initiative WHERE id = :id"), {"id": initiative}
        ).scalar_one()
        return found


def back(
    client: FlaskClient,
    engine: Engine,
    initiative: str,
    email: str,
    commune: str = "",
    mailed_to: str = "",
) -> str:
    """Sends the form and presses the button of the mailed link; the link."""
    sent = fill_in(client, page_of(initiative), {"email": email, "commune": commune})
    assert sent.status_code == 303, sent.text
    link = last_link(engine, mailed_to or email)
    assert press(client, link).status_code == 303
    return link


def test_a_support_counts_once_confirmed(
    app: Flask, client: FlaskClient, engine: Engine, initiative: str
) -> None:
    sent = fill_in(client, page_of(initiative), {"email": ADDRESS, "commune": "Rennes"})
    assert sent.headers["Location"].endswith("/connexion/envoyee")
    assert supporters(engine, initiative) == 0
    link = last_link(engine)
    opened = client.get(link)
    assert "Un four à pain" in opened.text
    assert supporters(engine, initiative) == 0, "a mail scanner that opens the link changes nothing"
    done = press(client, link)
    assert done.status_code == 303
    assert supporters(engine, initiative) == 1
    shown = client.get(done.headers["Location"]).text
    assert "Votre soutien est compté" in shown
    again = app.test_client().get(link)
    assert again.status_code == 410
    assert supporters(engine, initiative) == 1


def test_nobody_counts_twice_and_everybody_may_leave(
    app: Flask, engine: Engine, initiative: str
) -> None:
    client = app.test_client()
    back(client, engine, initiative, ADDRESS)
    assert "Vous soutenez cette initiative" in client.get(f"/initiatives/{initiative}").text
    stranger = app.test_client().get(f"/initiatives/{initiative}").text
    assert "Vous soutenez cette initiative" not in stranger
    again = ADDRESS.upper().replace("@", "+again@")
    back(app.test_client(), engine, initiative, again, mailed_to=ADDRESS)
    assert supporters(engine, initiative) == 1
    left = fill_in(client, page_of(initiative), {}, to=f"/initiatives/{initiative}/soutien/retirer")
    assert left.status_code == 303
    assert supporters(engine, initiative) == 0
    assert "Votre soutien est retiré" in client.get(left.headers["Location"]).text
    signed_in = fill_in(client, page_of(initiative), {"commune": ""})
    assert signed_in.status_code == 303
    assert supporters(engine, initiative) == 1, "who is signed in needs no mail"


def test_the_local_share_is_that_of_the_intercommunality(
    app: Flask, engine: Engine, initiative: str
) -> None:
    for number, commune in enumerate(["Rennes", "35510 Cesson-Sévigné", "Lyon", ""]):
        back(app.test_client(), engine, initiative, f"p{number}@example.org", commune)
    with engine.connect() as connection:
        share = queries.share(connection, UUID(initiative))
    assert (share.counted, share.local, share.is_known) == (4, 2, True)
    page = app.test_client().get(f"/initiatives/{initiative}").text
    assert "4 soutiens confirmés, dont 2 de personnes d’ici (1 ne dit pas sa commune)." in page
    assert supporters(engine, initiative) == 4


def test_of_who_says_nothing_nothing_is_said(app: Flask, engine: Engine, initiative: str) -> None:
    """Not "0 from here": nobody knows."""
    back(app.test_client(), engine, initiative, "p@example.org", "")
    page = app.test_client().get(f"/initiatives/{initiative}").text
    assert "1 soutien confirmé." in page
    assert "d’ici" not in page.partition('class="support-share"')[2].partition("</p>")[0]


def test_a_commune_that_is_none_is_asked_for_again(
    client: FlaskClient, engine: Engine, initiative: str
) -> None:
    answer = fill_in(client, page_of(initiative), {"email": ADDRESS, "commune": "Saint-Denis"})
    assert answer.status_code == 400
    assert "Précisez" in answer.text
    assert ADDRESS in answer.text, "what was typed stays"
    assert mails_to(engine) == []


@pytest.mark.parametrize("status", ["pending", "draft", "rejected"])
def test_what_is_not_public_cannot_be_backed(
    client: FlaskClient, engine: Engine, status: str
) -> None:
    made = Made(commune=RENNES, status=status)
    with engine.begin() as connection:
        insert(connection, [made])
    assert client.get(page_of(made.id)).status_code == 404
    assert client.get(page_of(str(uuid4()))).status_code == 404


def test_erasure_takes_the_support_out_of_the_count(
    app: Flask, engine: Engine, initiative: str
) -> None:
    client = app.test_client()
    back(client, engine, initiative, ADDRESS, "Rennes")
    data = client.get("/compte/donnees").get_json()
    assert "Un four à pain" in str(data)
    fill_in(client, "/compte/effacer", {})
    assert supporters(engine, initiative) == 0
    check_counts(engine)
    back(app.test_client(), engine, initiative, ADDRESS)
    assert supporters(engine, initiative) == 1, "who comes back counts again, once"
    check_counts(engine)


def test_what_is_over_takes_no_support(
    client: FlaskClient, engine: Engine, initiative: str
) -> None:
    fill_in(client, page_of(initiative), {"email": ADDRESS})
    with engine.begin() as connection:
        connection.execute(text("UPDATE initiative SET status = 'done'"))
    press(client, last_link(engine))
    assert supporters(engine, initiative) == 0
    assert "terminée" in client.get(page_of(initiative)).text


@pytest.mark.long
def test_a_thousand_tries_in_a_minute_are_held_back(
    client: FlaskClient, engine: Engine, initiative: str
) -> None:
    token = re.search(r'name="token" value="([^"]+)"', client.get(page_of(initiative)).text)
    assert token
    answers = [
        client.post(
            page_of(initiative), data={"token": token[1], "email": f"p{number}@example.org"}
        ).status_code
        for number in range(1000)
    ]
    assert set(answers) == {303, 429}
    assert answers.count(303) <= 60
    with engine.connect() as connection:
        mails = connection.execute(text("SELECT count(*) FROM delivery")).scalar_one()
    assert mails == answers.count(303)
    assert supporters(engine, initiative) == 0


# Any sequence of verbs, against a recount.

PEOPLE, INITIATIVES = 5, 3


NETWORK = b"0123456789abcdef"


@pytest.fixture
def crowd(engine: Engine) -> tuple[list[UUID], list[UUID]]:
    made = [Made(commune=RENNES, source_supporters=number) for number in range(INITIATIVES)]
    with engine.begin() as connection:
        insert(connection, made)
        people = list(
            connection.execute(
                text(
                    "INSERT INTO person (email, email_key, confirmed_at)"
                    " SELECT 'p' || n || '@example.org', 'p' || n || '@example.org', now()"
                    " FROM generate_series(1, :people) AS n RETURNING id"
                ),
                {"people": PEOPLE},
            ).scalars()
        )
    return people, [UUID(one.id) for one in made]


def act(connection: Connection, dice: Random, people: list[UUID], ids: list[UUID]) -> None:
    person, initiative = dice.choice(people), dice.choice(ids)
    if dice.random() < 0.6:
        commune = dice.choice([None, RENNES, LYON])
        service.support(connection, person, initiative, commune=commune, network=NETWORK)
    else:
        service.withdraw(connection, person, initiative)


def check_counts(engine: Engine) -> None:
    with engine.connect() as connection:
        assert queries.differences(connection) == []
        assert rollup_differences(connection) == []
        wrong = connection.execute(
            text(
                "SELECT id FROM initiative WHERE supporters <> (SELECT count(*) FROM support"
                " WHERE initiative = initiative.id AND withdrawn_at IS NULL AND held_at IS NULL)"
            )
        ).all()
        assert wrong == []


@pytest.mark.parametrize("seed", range(6))
def test_any_sequence_of_verbs_equals_a_recount(
    engine: Engine, crowd: tuple[list[UUID], list[UUID]], seed: int
) -> None:
    people, ids = crowd
    dice = Random(seed)
    for number in range(40):
        with engine.begin() as connection:
            try:
                if number == 20:
                    service.erase(connection, people[0])
                else:
                    act(connection, dice, people, ids)
            except NotFound:
                continue
    check_counts(engine)


def test_four_at_once_lose_nothing(engine: Engine, crowd: tuple[list[UUID], list[UUID]]) -> None:
    people, ids = crowd

    def work(seed: int) -> None:
        dice = Random(seed)
        for _ in range(50):
            with engine.begin() as connection:
                act(connection, dice, people, ids)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, seed) for seed in range(4)]:
            done.result()
    check_counts(engine)


def test_a_report_waits_for_moderators_once_for_each_person(
    app: Flask, engine: Engine, initiative: str
) -> None:
    client = app.test_client()
    address = f"/initiatives/{initiative}/signaler"
    wrong = fill_in(client, address, {"reason": "boring"})
    assert wrong.status_code == 400
    assert fill_in(client, address, {"reason": "place", "text": "C’est à Bruz."}).status_code == 200
    sign_in(client, engine)
    for _ in range(2):
        assert fill_in(client, address, {"reason": "false"}).status_code == 200
    with engine.connect() as connection:
        told = connection.execute(
            text("SELECT reason, text, confirmed, state FROM report ORDER BY created_at")
        ).all()
    assert told == [("place", "C’est à Bruz.", False, "open"), ("false", "", True, "open")]


def test_nobody_learns_an_address_by_writing(app: Flask, engine: Engine, initiative: str) -> None:
    author = app.test_client()
    sign_in(author, engine, "author@example.org")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO proposal (initiative, form, person)"
                " SELECT :id, gen_random_uuid(), id FROM person WHERE email = 'author@example.org'"
            ),
            {"id": initiative},
        )
    client = app.test_client()
    address = f"/initiatives/{initiative}/contacter"
    assert fill_in(client, address, {"text": "Oui", "email": ADDRESS}).status_code == 400
    words = "Bonjour, puis-je aider ? <b>Merci</b>"
    assert fill_in(client, address, {"text": words, "email": ADDRESS}).status_code == 303
    assert [mail.kind for mail in mails_to(engine, "author@example.org")] == ["sign_in"]
    press(client, last_link(engine))
    message = mails_to(engine, "author@example.org")[-1]
    assert words in message.text
    assert "<b>Merci" not in message.html
    assert ADDRESS not in message.text + message.html + str(message.headers)
    assert "author@example.org" not in client.get(address).text


def test_an_initiative_without_an_author_has_no_such_page(
    client: FlaskClient, initiative: str
) -> None:
    assert client.get(f"/initiatives/{initiative}/contacter").status_code == 404


def test_every_reason_has_its_words(client: FlaskClient, initiative: str) -> None:
    page = client.get(f"/initiatives/{initiative}/signaler").text
    assert set(re.findall(r'name="reason" value="(\w+)"', page)) == {
        str(one) for one in ReportReason
    }


def test_where_supports_came_from_is_forgotten(engine: Engine, initiative: str, app: Flask) -> None:
    back(app.test_client(), engine, initiative, ADDRESS)
    assert service.forget_networks(engine) == 0
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE support SET confirmed_at = confirmed_at - interval '31 days'")
        )
    assert service.forget_networks(engine) == 1
    with engine.connect() as connection:
        assert connection.execute(text("SELECT network FROM support")).scalars().all() == [None]


def test_what_a_source_tells_is_shown_apart_and_ranks_nothing(
    client: FlaskClient, engine: Engine
) -> None:
    told = Made(commune=RENNES, title="Annoncée", source_supporters=5000, source_platform="autre")
    backed = Made(commune=RENNES, title="Soutenue ici", supporters=1)
    with engine.begin() as connection:
        insert(connection, [told, backed])
    page = client.get(f"/initiatives/{told.id}").text
    assert re.search(r"Soutiens confirmés</dt><dd[^>]*>0<", page)
    assert re.search(r"Soutiens annoncés par la source</dt><dd[^>]*>5\s?000 .*non vérifiés", page)
    with client.get("/initiatives.geojson?sort=supported") as answer:
        ranked = answer.get_json()["features"]
    assert [one["id"] for one in ranked] == [backed.id, told.id]
    assert [one["properties"]["supporters"] for one in ranked] == [1, 0]
    france = client.get("/activity/region.json").get_json()["territories"]
    assert sum(one["supporters"] for one in france) == 1
    assert "annoncés" not in client.get(f"/initiatives/{backed.id}").text

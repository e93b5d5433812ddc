"""Following: what is asked for and confirmed, what `/compte` shows, and how it ends."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.notifications.subscriptions.model import MAX_SUBSCRIPTIONS
from tests.accounts.people.mailbox import ADDRESS, fill_in, last_link, mails_to, press, sign_in
from tests.notifications.subscriptions.readers import (
    DIGEST_DAY,
    RENNES,
    count,
    digests,
    follow,
    leave_link,
    publish,
    tell,
)
from tests.web.population import Made

SQUARE = "-1.8,48;-1.5,48;-1.5,48.2;-1.8,48.2"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "Toute la France"),
        ("?territory=commune:35238&theme=mobilite&q=vélo", "Rennes · Mobilité · «\xa0vélo\xa0»"),
        ("?near=-1.68,48.11&radius=5000", "À moins de 5 km d’un point choisi (Rennes)"),
        ("?bbox=-2,48,-1,49", "Dans un rectangle de la carte"),
        (f"?area={SQUARE}", "Dans une zone dessinée sur la carte"),
    ],
)
def test_the_page_says_what_will_be_followed(client: FlaskClient, query: str, words: str) -> None:
    page = client.get(f"/suivre{query}")
    assert page.status_code == 200
    assert f">{words}</p>" in page.text


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?territory=commune:99999", "territory"),
        ("?area=1,2;3,4", "area"),
        ("?area=0,0;1,1;1,0;0,1", "area"),
        ("?area=" + ";".join(["1,1"] * 101), "area"),
        ("?area=0,0;1,1;200,0", "area"),
        ("?colour=red", "colour"),
    ],
)
def test_what_cannot_be_followed_is_a_mistake_that_names_its_field(
    client: FlaskClient, query: str, field: str
) -> None:
    answer = client.get(f"/suivre{query}", headers={"Accept": "application/json"})
    assert answer.status_code == 400
    assert field in answer.text


def test_nothing_is_followed_before_the_mailed_link_is_pressed(
    client: FlaskClient, engine: Engine
) -> None:
    sent = fill_in(client, f"/suivre?territory=commune:{RENNES}", {"email": ADDRESS})
    assert sent.headers["Location"].endswith("/connexion/envoyee")
    link = last_link(engine)
    assert "Rennes" in client.get(link).text
    assert count(engine, "follower") == count(engine, "subscription") == 0
    assert press(client, link).headers["Location"] == "/compte#mes-suivis"
    assert count(engine, "subscription") == 1
    assert "Rennes" in client.get("/compte").text


def test_who_is_signed_in_follows_at_once_and_the_same_only_once(
    client: FlaskClient, engine: Engine
) -> None:
    sign_in(client, engine)
    mails = len(mails_to(engine))
    for query in ("?theme=mobilite,culture", "?theme=culture,mobilite&sort=recent", "?q=vélo"):
        sent = fill_in(client, f"/suivre{query}", {})
        assert sent.headers["Location"] == "/compte#mes-suivis"
    assert count(engine, "subscription") == 2
    assert len(mails_to(engine)) == mails


def test_a_form_without_its_token_or_address_changes_nothing(
    client: FlaskClient, engine: Engine
) -> None:
    assert client.post("/suivre", data={"email": ADDRESS}).status_code == 403
    refused = fill_in(client, "/suivre?q=vélo", {"email": "nobody"})
    assert refused.status_code == 400
    assert "«\xa0vélo\xa0»" in refused.text
    assert mails_to(engine) == []


def test_an_area_that_crosses_itself_is_asked_for_again(
    client: FlaskClient, engine: Engine
) -> None:
    form = {"email": ADDRESS, "area": "0,0;1,1;1,0;0,1"}
    refused = fill_in(client, "/suivre", form)
    assert refused.status_code == 400
    assert "se croisent" in refused.text
    assert mails_to(engine) == []


def test_nobody_follows_without_end(client: FlaskClient, engine: Engine) -> None:
    sign_in(client, engine)
    for number in range(MAX_SUBSCRIPTIONS):
        assert fill_in(client, f"/suivre?q=mot{number}", {}).status_code == 303
    assert fill_in(client, "/suivre?q=encore", {}).status_code == 409
    assert count(engine, "subscription") == MAX_SUBSCRIPTIONS


def test_a_former_commune_is_followed_as_what_it_became(
    client: FlaskClient, engine: Engine
) -> None:
    former = "93059"  # Pierrefitte-sur-Seine, part of Saint-Denis since 2025
    follow(client, engine, f"?territory=commune:{former}")
    assert "Saint-Denis" in client.get("/compte").text
    with engine.begin() as connection:
        connection.execute(text("UPDATE subscription SET filter = 'territory=commune:93059'"))
    publish(engine, Made(commune="93066", title="Une halle"))
    assert tell(engine) == 1
    (mail,) = digests(engine)
    assert "/initiatives?territory=commune:93066" in mail.text


def test_one_subscription_ends_on_the_account_page(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    follow(client, engine, "?q=vélo")
    follow(client, engine, "?q=jardin")
    with engine.connect() as connection:
        (first, _) = connection.scalars(text("SELECT id FROM subscription ORDER BY created_at"))
    stranger = app.test_client()
    sign_in(stranger, engine, "ben@example.org")
    follow(stranger, engine, "?q=pain", "ben@example.org")
    path = f"/suivre/{first}/arreter"
    assert fill_in(stranger, "/compte", {}, to=path).status_code == 303
    assert count(engine, "subscription") == 3, "a stranger ends nothing of others"
    assert fill_in(client, "/compte", {}, to=path).status_code == 303
    page = client.get("/compte").text
    assert "«\xa0vélo\xa0»" not in page
    assert "«\xa0jardin\xa0»" in page
    assert count(engine, "subscription") == 2


def test_one_post_of_a_mail_program_ends_all(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    follow(client, engine, "")
    follow(client, engine, "?q=four")
    publish(engine, Made(commune=RENNES, title="Un four à pain"))
    tell(engine)
    (mail,) = digests(engine)
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = leave_link(mail)
    program = app.test_client()
    body = {"List-Unsubscribe": "One-Click"}
    forged = link[:-1] + ("A" if link[-1] != "A" else "B")
    assert program.post(forged, data=body).status_code == 404
    assert count(engine, "subscription") == 2
    for _ in range(2):
        assert program.post(link, data=body).status_code == 200
        assert count(engine, "subscription") == 0


def test_the_link_of_a_mail_asks_and_its_button_ends_all(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    follow(client, engine, "")
    publish(engine, Made(commune=RENNES))
    tell(engine)
    link = leave_link(digests(engine)[0])
    assert link in digests(engine)[0].text
    reader = app.test_client()
    assert "Arrêter tous mes suivis" in reader.get(link).text
    assert count(engine, "subscription") == 1, "opening changes nothing"
    assert "vous ne suivez plus rien" in reader.post(link).text
    follow(client, engine, "")
    assert reader.post(link).status_code == 200
    assert count(engine, "subscription") == 0, "an old mail still ends what came after"


def test_the_export_holds_it_and_erasure_takes_it(client: FlaskClient, engine: Engine) -> None:
    follow(client, engine, f"?area={SQUARE}")
    tell(engine)
    data = client.get("/compte/donnees").get_json()["following"]
    assert [one["area"] for one in data["subscriptions"]] == ["-1.8,48;-1.5,48;-1.5,48.2;-1.8,48.2"]
    assert [(one["day"], one["news"]) for one in data["digests"]] == [(str(DIGEST_DAY), 0)]
    assert fill_in(client, "/compte/effacer", {}).status_code == 200
    assert [count(engine, name) for name in ("follower", "subscription", "digest")] == [0, 0, 0]

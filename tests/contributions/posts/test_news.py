"""News, thanks and closing words: read first, shown with their date, told to each once."""

import re
from datetime import timedelta
from xml.etree import ElementTree as ET

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from tests.accounts.people.mailbox import fill_in, mails_to, sign_in
from tests.accounts.roles.admins import sign_in_admin
from tests.contributions.posts.author import (
    AUTHOR,
    FAN,
    OTHER,
    accept,
    close,
    decide,
    follow,
    published,
    rows,
    run,
    support,
    thank,
    told,
    write,
)
from tests.media.sender import addresses, one_photo
from tests.moderation.moderator import Moderator
from tests.notifications.subscriptions.readers import DIGEST_DAY, digests, leave_link, tell

ATOM = "{http://www.w3.org/2005/Atom}"
DAY_AFTER = DIGEST_DAY + timedelta(days=1)


def test_news_are_read_first_then_shown_newest_first_and_told_once(
    app: Flask, client: FlaskClient, engine: Engine, moderator: Moderator
) -> None:
    made = published(client, engine)
    follow(app, engine, made)
    public = f"/initiatives/{made}"
    assert write(client, made, "Les arbres sont là.").status_code == 303
    assert "Les arbres" not in app.test_client().get(public).text
    assert "Les arbres" not in app.test_client().get(f"{public}.atom").text
    assert tell(engine) == 0, "nobody is told of what was not read"
    assert "Les arbres sont là." in moderator.get("/moderation?kind=post").text

    assert accept(moderator, engine).status_code == 303
    assert "Rien n’attend ici" in moderator.get("/moderation?kind=post").text
    assert tell(engine, DAY_AFTER) == 1
    (mail,) = digests(engine, FAN)
    assert "Les arbres sont là." in mail.text
    assert "Les arbres sont là." in mail.html
    assert mail.subject.startswith("1 nouvelle de ce que vous suivez")
    assert tell(engine, DAY_AFTER + timedelta(days=1)) == 0, "once"

    assert write(client, made, "Première récolte.").status_code == 303
    accept(moderator, engine)
    page = app.test_client().get(public).text
    assert told(page) == ["Première récolte.", "Les arbres sont là."]
    assert AUTHOR not in page
    feed = ET.fromstring(app.test_client().get(f"{public}.atom").data)
    entries = [one.findtext(f"{ATOM}content") for one in feed.findall(f"{ATOM}entry")]
    assert entries == ["Première récolte.", "Les arbres sont là."]
    assert told(app.test_client().get(f"{public}/journal").text) == entries


def test_a_mail_about_news_ends_all_by_one_click(
    app: Flask, client: FlaskClient, engine: Engine, moderator: Moderator
) -> None:
    made = published(client, engine)
    follow(app, engine, made)
    write(client, made, "Les arbres sont là.")
    accept(moderator, engine)
    assert tell(engine) == 1
    (mail,) = digests(engine, FAN)
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    write(client, made, "Première récolte.")
    accept(moderator, engine)
    left = app.test_client().post(leave_link(mail), data={"List-Unsubscribe": "One-Click"})
    assert left.status_code == 200
    assert rows(engine, "SELECT FROM initiative_subscription") == []
    assert tell(engine, DAY_AFTER) == 0, "what was due is not told any more"


def test_a_photo_of_news_is_seen_with_its_news_and_is_none_of_the_initiative(
    app: Flask, client: FlaskClient, engine: Engine, moderator: Moderator
) -> None:
    made = published(client, engine)
    public = f"/initiatives/{made}"
    assert write(client, made, "Le voici.", one_photo()).status_code == 303
    (photo,) = rows(engine, "SELECT * FROM photo")
    assert (photo.state, photo.alt) == ("waiting", "Un pommier")
    file = f"/photos/{photo.name}-{photo.widths[0]}.webp"
    assert app.test_client().get(file).status_code == 404
    assert photo.name in moderator.get(f"/moderation/nouvelles/{photo.post}").text
    # The text of the initiative is decided about: this photo has not been looked at by that.
    run(engine, "UPDATE proposal SET queued_at = now()")
    assert moderator.decide(made, "keep").status_code == 303
    assert app.test_client().get(file).status_code == 404
    accept(moderator, engine)
    assert app.test_client().get(file).status_code == 200
    page = app.test_client().get(public).text
    assert [one for one in addresses(page) if photo.name in one]
    assert 'class="photos"' not in page, "it is not among the photos of the initiative"
    assert "1 photo" not in client.get(f"{public}/suivi").text
    feed = app.test_client().get(f"{public}.atom").text
    assert f'rel="enclosure" href="http://map.test/photos/{photo.name}' in feed
    page = client.get(f"{public}/nouvelles").text
    where = re.search(r"/initiatives/[^\"]+/effacer", page)
    assert where
    fill_in(client, f"{public}/nouvelles", {}, to=where[0])
    assert rows(engine, "SELECT FROM photo") == []
    assert app.test_client().get(file).status_code == 404


def test_a_bad_photo_keeps_the_news_back_and_says_why(client: FlaskClient, engine: Engine) -> None:
    made = published(client, engine)
    answer = write(client, made, "Le voici.", (b"<svg onload=alert(1)>", "a.svg"))
    assert answer.status_code == 400
    assert "n’est pas une photo" in answer.text
    assert "Le voici." in answer.text, "what was typed stays"
    two = write(client, made, "Le voici.", one_photo(), one_photo())
    assert two.status_code == 400
    assert rows(engine, "SELECT FROM post") == []
    assert rows(engine, "SELECT FROM photo") == []


def test_what_is_refused_is_told_to_its_author_alone(
    app: Flask, client: FlaskClient, engine: Engine, moderator: Moderator
) -> None:
    made = published(client, engine)
    follow(app, engine, made)
    write(client, made, "Votez pour moi.", one_photo())
    assert decide(moderator, engine, verdict="unpost").status_code == 400, "a reason is needed"
    refused = decide(moderator, engine, verdict="unpost", reason="C’est de la réclame.")
    assert refused.status_code == 303
    assert tell(engine) == 0
    assert "C’est de la réclame." in mails_to(engine, AUTHOR)[-1].text
    assert "C’est de la réclame." in client.get(f"/initiatives/{made}/nouvelles").text
    assert "Votez" not in app.test_client().get(f"/initiatives/{made}").text
    assert rows(engine, "SELECT state FROM photo")[0].state == "refused"
    (post,) = rows(engine, "SELECT id FROM post")
    assert 'name="verdict"' not in moderator.get(f"/moderation/nouvelles/{post.id}").text
    line = rows(engine, "SELECT verdict, reason FROM decision WHERE initiative = :id", id=made)
    assert [tuple(one) for one in line] == [("unpost", "C’est de la réclame.")]


def test_news_that_are_public_at_once_are_looked_at_afterwards(
    open_app: Flask, engine: Engine
) -> None:
    client = open_app.test_client()
    made = published(client, engine)
    follow(open_app, engine, made)
    write(client, made, "Les arbres sont là.")
    assert told(open_app.test_client().get(f"/initiatives/{made}").text) == ["Les arbres sont là."]
    desk = open_app.test_client()
    moderator = Moderator(desk, sign_in_admin(desk, engine, "Mado"))
    assert "Les arbres" in moderator.get("/moderation?kind=post").text
    decide(moderator, engine, verdict="unpost", reason="Hors sujet.")
    assert told(open_app.test_client().get(f"/initiatives/{made}").text) == []
    assert tell(engine) == 0, "what was taken out before it was told is not told"


def test_nobody_else_writes_and_a_day_has_so_many(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    made = published(client, engine)
    other = app.test_client()
    sign_in(other, engine, OTHER)
    assert other.get(f"/initiatives/{made}/nouvelles").status_code == 404
    assert app.test_client().get(f"/initiatives/{made}/nouvelles").status_code == 303
    for number in range(5):
        assert write(client, made, f"Nouvelle {number}").status_code == 303
    assert write(client, made, "Encore une").status_code == 409
    assert len(rows(engine, "SELECT FROM post")) == 5


def test_thanks_reach_once_the_supporters_who_wanted_news_and_nobody_else(
    app: Flask, client: FlaskClient, engine: Engine, moderator: Moderator
) -> None:
    made = published(client, engine)
    support(app, engine, made, FAN, news=True)
    support(app, engine, made, OTHER)
    follow(app, engine, made, "passer-by@example.org")
    page = client.get(f"/initiatives/{made}/nouvelles").text
    assert "1 personne qui vous soutient suit aussi" in page
    assert FAN not in page
    assert thank(client, made, "Merci à vous !").status_code == 303
    assert thank(client, made, "Merci encore !").status_code == 409, "a week between two"
    assert tell(engine) == 0
    accept(moderator, engine)
    assert tell(engine, DAY_AFTER) == 1
    (mail,) = digests(engine, FAN)
    assert "Son auteur vous remercie de votre soutien" in mail.text
    assert "Merci à vous !" in mail.text
    assert AUTHOR not in mail.text + mail.html + str(mail.headers)
    assert digests(engine, OTHER) == digests(engine, "passer-by@example.org") == []
    assert "Merci à vous" not in app.test_client().get(f"/initiatives/{made}").text
    assert tell(engine, DAY_AFTER + timedelta(days=1)) == 0


def test_the_end_has_its_words_its_date_and_may_be_taken_back(
    app: Flask, client: FlaskClient, engine: Engine, moderator: Moderator
) -> None:
    made = published(client, engine)
    follow(app, engine, made)
    public = f"/initiatives/{made}"
    assert close(client, made, "done", "Trente pommiers plantés.").status_code == 303
    page = app.test_client().get(public).text
    assert "réalisée" in page
    assert "Trente pommiers" not in page, "words are read first"
    accept(moderator, engine)
    page = app.test_client().get(public).text
    assert "Trente pommiers plantés." in page
    assert 'id="closing-title">C’est réalisé' in page
    assert tell(engine) == 1
    assert "C’est réalisé." in digests(engine, FAN)[-1].text
    fill_in(client, f"{public}/suivi", {"status": "published"}, to=f"{public}/etat")
    assert "Trente pommiers" not in app.test_client().get(public).text, "it goes on"
    assert close(client, made, "archived", "").status_code == 303
    assert tell(engine, DAY_AFTER) == 1, "an end without words is told too"
    assert "Son auteur l’a archivée." in digests(engine, FAN)[-1].text


def test_an_end_that_was_taken_back_is_not_told(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    made = published(client, engine)
    follow(app, engine, made)
    close(client, made, "done", "")
    public = f"/initiatives/{made}"
    fill_in(client, f"{public}/suivi", {"status": "published"}, to=f"{public}/etat")
    assert tell(engine) == 0


def test_erasure_takes_what_is_personal_and_the_export_has_it(
    app: Flask, client: FlaskClient, engine: Engine, moderator: Moderator
) -> None:
    made = published(client, engine)
    fan = follow(app, engine, made)
    write(client, made, "Les arbres sont là.")
    accept(moderator, engine)
    write(client, made, "Pas encore lue.")
    data = client.get("/compte/donnees").get_json()
    assert [one["text"] for one in data["posts"]] == ["Les arbres sont là.", "Pas encore lue."]
    followed = fan.get("/compte/donnees").get_json()["following"]["initiatives"]
    assert [one["initiative"] for one in followed] == [str(made)]
    fill_in(fan, "/compte/effacer", {})
    assert rows(engine, "SELECT FROM initiative_subscription") == []
    assert rows(engine, "SELECT FROM post_due") == []
    fill_in(client, "/compte/effacer", {})
    kept = rows(engine, "SELECT text, person FROM post")
    assert [tuple(one) for one in kept] == [("Les arbres sont là.", None)]
    page = app.test_client().get(f"/initiatives/{made}").text
    assert told(page) == ["Les arbres sont là."]
    assert "Suivre cette initiative" not in page, "nobody is there to give news"


def test_who_follows_may_stop_and_sees_what_is_followed(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    made = published(client, engine)
    fan = follow(app, engine, made)
    page = fan.get("/compte").text
    assert "Un verger derrière la mairie" in page
    assert "Vous suivez cette initiative." in fan.get(f"/initiatives/{made}/suivre").text
    again = fill_in(fan, f"/initiatives/{made}/suivre", {"email": FAN})
    assert again.status_code == 303
    (one,) = rows(engine, "SELECT id FROM initiative_subscription")
    where = f"/initiatives/{made}/suivre/{one.id}/arreter"
    other = app.test_client()
    sign_in(other, engine, OTHER)
    fill_in(other, "/compte", {}, to=where)
    assert len(rows(engine, "SELECT FROM initiative_subscription")) == 1, "not theirs"
    assert fill_in(fan, "/compte", {}, to=where).status_code == 303
    assert rows(engine, "SELECT FROM initiative_subscription") == []


def test_what_is_merged_is_told_of_where_it_went(
    app: Flask, client: FlaskClient, engine: Engine, moderator: Moderator
) -> None:
    made = published(client, engine)
    fan = follow(app, engine, made)
    other = app.test_client()
    head = published(other, engine, email=OTHER, title="Un verger pour tous")
    follow(app, engine, head, "third@example.org")
    assert moderator.merge(made, head).status_code == 303
    write(other, head, "Tout le monde est là.")
    accept(moderator, engine)
    assert tell(engine) == 2
    assert "Tout le monde est là." in digests(engine, FAN)[-1].text
    assert f"/initiatives/{head}" in fan.get("/compte").text

"""Comments: closed unless a setting opens them; read before they are shown; plain text."""

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from tests.accounts.people.mailbox import fill_in, last_link, press
from tests.accounts.roles.admins import sign_in_admin
from tests.contributions.posts.author import FAN, decide, published, rows, told
from tests.moderation.moderator import Moderator

WORDS = "Bravo ! <b>Je viens</b> samedi."


def test_they_are_closed_by_default(client: FlaskClient, engine: Engine) -> None:
    made = published(client, engine)
    assert client.get(f"/initiatives/{made}/commenter").status_code == 404
    assert client.post(f"/initiatives/{made}/commenter").status_code == 404
    assert "Commentaires" not in client.get(f"/initiatives/{made}").text


def test_where_they_are_open_each_is_read_first(open_app: Flask, engine: Engine) -> None:
    made = published(open_app.test_client(), engine)
    visitor = open_app.test_client()
    path = f"/initiatives/{made}/commenter"
    assert fill_in(visitor, path, {"text": " ", "email": FAN}).status_code == 400
    assert fill_in(visitor, path, {"text": WORDS, "email": FAN}).status_code == 303
    assert rows(engine, "SELECT FROM post") == [], "an address that is not proved says nothing"
    assert press(visitor, last_link(engine, FAN)).status_code == 303
    public = f"/initiatives/{made}"
    assert "Bravo" not in open_app.test_client().get(public).text, "even where texts are not"
    desk = open_app.test_client()
    moderator = Moderator(desk, sign_in_admin(desk, engine, "Mado"))
    assert decide(moderator, engine, verdict="post").status_code == 303
    page = open_app.test_client().get(public).text
    assert told(page) == ["Bravo ! &lt;b&gt;Je viens&lt;/b&gt; samedi."]
    assert FAN not in page
    assert "Quelqu’un" in page

    # Reported like the rest; the report leads to it, and it may be taken out.
    (post,) = rows(engine, "SELECT id FROM post")
    sent = fill_in(
        open_app.test_client(),
        f"{public}/signaler?dit={post.id}",
        {"reason": "hateful", "dit": str(post.id)},
        to=f"{public}/signaler",
    )
    assert sent.status_code == 200
    (report,) = rows(engine, "SELECT id, post FROM report")
    assert report.post == post.id
    assert str(post.id) in moderator.get(f"/moderation/signalements/{report.id}").text
    decide(moderator, engine, verdict="unpost", reason="Ce n’est pas aimable.")
    assert told(open_app.test_client().get(public).text) == []

    # It goes with who wrote it.
    assert WORDS in str(visitor.get("/compte/donnees").get_json())
    fill_in(visitor, "/compte/effacer", {})
    assert rows(engine, "SELECT FROM post") == []

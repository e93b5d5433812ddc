"""Photos are looked at with their text; one may be refused, and reported, by itself."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.media import service
from mapservice.media.storage import FolderStore
from tests.accounts.people.mailbox import mails_to, token_of
from tests.accounts.roles.admins import sign_in_admin
from tests.contributions.proposals.desk import hidden
from tests.media import sender
from tests.media.sender import one_photo
from tests.moderation.moderator import Moderator

DECISIONS = "SELECT verdict, reason, decided_by FROM decision WHERE initiative = :id"


@pytest.fixture
def eva(app: Flask, engine: Engine) -> Moderator:
    client = app.test_client()
    return Moderator(client, sign_in_admin(client, engine, "Eva"))


def test_photos_become_public_with_their_text(
    app: Flask, client: FlaskClient, engine: Engine, eva: Moderator
) -> None:
    made = sender.propose(client, engine, [one_photo()])
    (photo,) = sender.photos(engine)
    sender.act(client, made.id, photo.id, "save", alt="Un verger en fleur")
    # The list of what waits, and the case, show it with what is said about it.
    for page in (eva.get("/moderation").text, eva.get(f"/moderation/{made.id}").text):
        assert 'alt="Un verger en fleur"' in page
        assert photo.name in page
    assert app.test_client().get(f"/photos/{photo.name}-320.webp").status_code == 404
    assert eva.decide(made.id, "publish").status_code == 303
    assert app.test_client().get(f"/photos/{photo.name}-320.webp").status_code == 200
    assert photo.name in app.test_client().get(f"/initiatives/{made.id}").text


@pytest.mark.parametrize("verdict", ["reject", "ask"])
def test_photos_of_a_text_that_is_not_published_stay_unseen(
    app: Flask, client: FlaskClient, engine: Engine, eva: Moderator, verdict: str
) -> None:
    made = sender.propose(client, engine, [one_photo()])
    (photo,) = sender.photos(engine)
    assert eva.decide(made.id, verdict, reason="Trop vague.").status_code == 303
    assert sender.photos(engine)[0].state == "waiting"
    assert app.test_client().get(f"/photos/{photo.name}-320.webp").status_code == 404


def test_a_photo_that_came_meanwhile_does_not_pass_unseen(
    client: FlaskClient, engine: Engine, eva: Moderator
) -> None:
    made = sender.propose(client, engine, [])
    page = eva.get(f"/moderation/{made.id}").text
    sender.add(client, made.id, [one_photo()])
    late = eva.decide(made.id, "publish", page)
    assert late.status_code == 409
    assert sender.photos(engine)[0].state == "waiting"
    assert eva.decide(made.id, "publish").status_code == 303
    assert sender.photos(engine)[0].state == "public"


def test_one_photo_is_refused_with_a_reason_that_its_author_reads(
    app: Flask, client: FlaskClient, engine: Engine, eva: Moderator, store: FolderStore
) -> None:
    made = sender.propose(client, engine, [one_photo(), one_photo()])
    first, second = sender.photos(engine)
    path = f"/moderation/{made.id}"
    page = eva.get(path).text
    refuse = f"{path}/photos/{first.id}/refuser"
    assert eva.post(refuse, page, photo_reason=" ").status_code == 400
    assert eva.post(refuse, page, photo_reason="On y reconnaît un enfant.").status_code == 303
    with engine.connect() as connection:
        (decided,) = connection.execute(text(DECISIONS), {"id": made.id})
    assert (decided.verdict, decided.reason) == ("photo", "On y reconnaît un enfant.")
    assert decided.decided_by == eva.name
    mail = mails_to(engine)[-1]
    assert mail.kind == "photo_refused"
    assert "On y reconnaît un enfant." in mail.text
    assert f"/initiatives/{made.id}/photos" in mail.text

    # The rest goes on, and the refused one is seen by its author alone, for a month.
    assert eva.decide(made.id, "publish").status_code == 303
    assert [one.state for one in sender.photos(engine)] == ["refused", "public"]
    assert app.test_client().get(f"/photos/{first.name}-320.webp").status_code == 404
    assert app.test_client().get(f"/photos/{second.name}-320.webp").status_code == 200
    own = client.get(f"/initiatives/{made.id}/photos").text
    assert "On y reconnaît un enfant." in own
    sender.run(engine, "UPDATE photo SET expires_at = now() WHERE state = 'refused'")
    service.tidy(engine, store)
    assert [one.id for one in sender.photos(engine)] == [second.id]
    assert not sender.file_names(first) & sender.stored(store)


def test_a_public_photo_can_be_reported_and_taken_out(
    app: Flask, client: FlaskClient, engine: Engine, eva: Moderator
) -> None:
    made = sender.propose(client, engine, [one_photo(), one_photo()])
    sender.publish(engine, made.id)
    sender.run(engine, "UPDATE proposal SET queued_at = NULL")
    first, second = sender.photos(engine)
    stranger = app.test_client()
    assert f"/initiatives/{made.id}/signaler" in stranger.get(f"/initiatives/{made.id}").text
    form = stranger.get(f"/initiatives/{made.id}/signaler?photo={second.id}").text
    assert f'value="{second.id}" checked' in form
    sent = {"token": token_of(form), "reason": "private", "text": "", "photo": str(second.id)}
    assert stranger.post(f"/initiatives/{made.id}/signaler", data=sent).status_code == 200
    with engine.connect() as connection:
        told = connection.execute(text("SELECT id, photo FROM report")).one()
    assert told.photo == second.id
    page = eva.get(f"/moderation/signalements/{told.id}").text
    assert "Photo signalée" in page
    assert first.name in page
    refuse = f"/moderation/{made.id}/photos/{second.id}/refuser"
    assert eva.post(refuse, page, photo_reason="Une personne s’y oppose.").status_code == 303
    assert stranger.get(f"/photos/{second.name}-320.webp").status_code == 404
    assert second.name not in stranger.get(f"/initiatives/{made.id}").text
    assert hidden(eva.get(f"/moderation/{made.id}").text, "token")


def test_a_report_about_a_photo_of_another_initiative_names_none(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    one = sender.propose(client, engine, [one_photo()])
    other = sender.propose(client, engine, [])
    for made in (one, other):
        sender.publish(engine, made.id)
    (photo,) = sender.photos(engine)
    form = app.test_client().get(f"/initiatives/{other.id}/signaler").text
    sent = {"token": token_of(form), "reason": "other", "text": "Voilà.", "photo": str(photo.id)}
    app.test_client().post(f"/initiatives/{other.id}/signaler", data=sent)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT photo FROM report")).scalar_one() is None


def test_whoever_may_not_decide_refuses_no_photo(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    made = sender.propose(client, engine, [one_photo()])
    (photo,) = sender.photos(engine)
    path = f"/moderation/{made.id}/photos/{photo.id}/refuser"
    assert app.test_client().post(path, data={"photo_reason": "x"}).status_code in (401, 404)
    assert client.post(path, data={"photo_reason": "x"}).status_code in (401, 404)
    assert sender.photos(engine)[0].state == "waiting"

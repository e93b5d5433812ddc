"""What becomes of a proposal: confirmed once, edited, closed, withdrawn, erased."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.app import create_app
from mapservice.errors import ConfigurationError
from mapservice.rollups.queries import differences
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES, Services
from tests.accounts.people.mailbox import fill_in, last_link, mails_to, press, sign_in
from tests.contributions.proposals.desk import (
    ADDRESS,
    GARDEN,
    count,
    hidden,
    kept,
    preview,
    propose,
    send,
)

RENNES = "35238"


def publish(engine: Engine) -> None:
    """As a moderator does, without the mail."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE initiative SET status = 'published'"))
        statement = (
            "UPDATE proposal SET published_at = now(), published_revision = 1, queued_at = NULL"
        )
        connection.execute(text(statement))


def test_what_is_not_confirmed_is_no_initiative(client: FlaskClient, engine: Engine) -> None:
    assert send(client, GARDEN).headers["Location"] == "/connexion/envoyee"
    assert (count(engine, "initiative"), count(engine, "proposal")) == (0, 0)
    mail = mails_to(engine)[-1]
    assert mail.kind == "propose"
    assert mail.subject == "Confirmez votre proposition\u00a0: Un verger derrière la mairie"
    client.get(mail.link)
    assert count(engine, "initiative") == 0
    answer = press(client, mail.link)
    (found,) = kept(engine)
    assert answer.headers["Location"] == f"/initiatives/{found.id}/suivi"
    assert (found.status, found.commune, found.precision) == ("pending", RENNES, "commune")
    assert found.queued_at is not None
    assert client.get(f"/initiatives/{found.id}").status_code == 404
    assert client.get("/initiatives.geojson", buffered=True).get_json()["features"] == []
    assert client.get(mail.link).status_code == 410
    assert count(engine, "initiative") == 1


def test_its_author_sees_where_it_stands_and_nobody_else_does(
    client: FlaskClient, engine: Engine, app: Flask
) -> None:
    found = propose(client, engine, name="Ana")
    page = client.get(f"/initiatives/{found.id}/suivi").text
    assert "attend d’être relue" in page
    assert "Un verger derrière la mairie" in client.get("/compte").text
    stranger = app.test_client()
    assert stranger.get(f"/initiatives/{found.id}/suivi").status_code == 303
    sign_in(stranger, engine, "ben@example.org")
    for way in ("suivi", "modifier", "historique"):
        known = stranger.get(f"/initiatives/{found.id}/{way}")
        unknown = stranger.get(f"/initiatives/{uuid4()}/{way}")
        assert (known.status_code, unknown.status_code) == (404, 404)
        assert strip(known.text) == strip(unknown.text)


def strip(page: str) -> str:
    """Without what differs by the address, and the id of the request."""
    own = ("/initiatives/", "lost-id")
    return "\n".join(line for line in page.splitlines() if not any(word in line for word in own))


def test_a_form_that_is_sent_twice_is_mailed_once_and_makes_one(
    client: FlaskClient, engine: Engine
) -> None:
    _, carried = preview(client, GARDEN)
    for _ in range(2):
        client.post("/proposer", data={**carried, "action": "send"})
    assert len(mails_to(engine)) == 1
    corrected = {**carried, "title": "Un verger, deux pommiers", "action": "send"}
    client.post("/proposer", data=corrected)
    first, second = mails_to(engine)
    first_answer, second_answer = press(client, second.link), press(client, first.link)
    assert first_answer.headers["Location"] == second_answer.headers["Location"]
    assert [one.title for one in kept(engine)] == ["Un verger, deux pommiers"]


def test_two_presses_at_once_make_one(client: FlaskClient, engine: Engine, app: Flask) -> None:
    sign_in(client, engine)
    _, carried = preview(client, GARDEN)
    cookie = client.get_cookie("personne")
    assert cookie

    def send_it(_: int) -> str:
        other = app.test_client()
        other.set_cookie("personne", cookie.value)
        answer = other.post("/proposer", data={**carried, "action": "send"})
        return str(answer.headers["Location"])

    with ThreadPoolExecutor(4) as pool:
        places = set(pool.map(send_it, range(4)))
    (found,) = kept(engine)
    assert places == {f"/initiatives/{found.id}/suivi"}
    assert count(engine, "initiative_revision") == 1


def test_a_form_of_somebody_else_gives_nothing_away(
    client: FlaskClient, engine: Engine, app: Flask
) -> None:
    sign_in(client, engine)
    _, carried = preview(client, GARDEN)
    client.post("/proposer", data={**carried, "action": "send"})
    other = app.test_client()
    sign_in(other, engine, "ben@example.org")
    _, theirs = preview(other, GARDEN)
    answer = other.post("/proposer", data={**theirs, "form": carried["form"], "action": "send"})
    assert answer.status_code == 409
    assert count(engine, "initiative") == 1


def edit(client: FlaskClient, path: str, **changes: str) -> Any:
    page = client.get(path).text
    fields = {
        name: hidden(page, name) for name in ("revision", "choice", "choice_for", "lon", "lat")
    }
    return send(client, {**GARDEN, **fields, **changes}, path)


def test_an_edit_of_what_is_public_goes_live_and_waits_to_be_read(
    client: FlaskClient, engine: Engine, app: Flask
) -> None:
    found = propose(client, engine)
    publish(engine)
    path = f"/initiatives/{found.id}/modifier"
    assert edit(client, path, title="Deux vergers").headers["Location"].endswith("/suivi")
    now = kept(engine)[0]
    assert (now.status, now.title) == ("published", "Deux vergers")
    assert now.queued_at is not None
    assert now.updated_at > found.updated_at
    page = app.test_client().get(f"/initiatives/{found.id}/historique").text
    assert "Deux vergers" in page
    assert GARDEN["title"] in page
    assert "Change\u00a0: titre" in page
    assert f"/initiatives/{found.id}/historique" in client.get(f"/initiatives/{found.id}").text


def test_a_place_that_changes_is_understood_anew_and_one_that_does_not_stays(
    client: FlaskClient, engine: Engine
) -> None:
    found = propose(client, engine)
    path = f"/initiatives/{found.id}/modifier"
    with engine.begin() as connection:
        decided = (
            "UPDATE location_match SET review = 'decided', decided_by = 'Eva', decided_at = now()"
        )
        connection.execute(text(decided))
        connection.execute(text("UPDATE initiative SET commune = '29019'"))
    edit(client, path, title="Deux vergers")
    assert kept(engine)[0].commune == "29019"
    edit(client, path, title="Deux vergers", place="Pierrefitte-sur-Seine")
    assert (kept(engine)[0].commune, kept(engine)[0].status) == ("93066", "pending")
    with engine.connect() as connection:
        review = connection.execute(text("SELECT review, decided_by FROM location_match")).one()
    assert tuple(review) == ("none", None)
    assert count(engine, "initiative_revision") == 3


def test_an_edit_of_an_older_version_is_refused_and_keeps_what_was_typed(
    client: FlaskClient, engine: Engine
) -> None:
    found = propose(client, engine)
    path = f"/initiatives/{found.id}/modifier"
    _, stale = preview(client, GARDEN | {"title": "Le mien"}, path)
    edit(client, path, title="L’autre")
    answer = client.post(path, data={**stale, "action": "send"})
    assert answer.status_code == 409
    assert 'value="Le mien"' in answer.text
    assert kept(engine)[0].title == "L’autre"
    bad = client.post(path, data={**stale, "revision": "x", "action": "send"})
    assert bad.status_code == 400


def test_a_draft_that_is_changed_waits_again(client: FlaskClient, engine: Engine) -> None:
    found = propose(client, engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE initiative SET status = 'draft'"))
        connection.execute(text("UPDATE proposal SET queued_at = NULL, reason = 'Le titre ?'"))
    assert "Le titre ?" in client.get(f"/initiatives/{found.id}/suivi").text
    edit(client, f"/initiatives/{found.id}/modifier", title="Deux vergers")
    now = kept(engine)[0]
    assert now.status == "pending"
    assert now.queued_at is not None


@pytest.mark.parametrize("status", ["rejected", "archived"])
def test_what_is_over_is_not_edited(client: FlaskClient, engine: Engine, status: str) -> None:
    found = propose(client, engine)
    path = f"/initiatives/{found.id}/modifier"
    _, carried = preview(client, GARDEN | {"title": "Autre"}, path)
    with engine.begin() as connection:
        connection.execute(text("UPDATE initiative SET status = :status"), {"status": status})
    assert client.get(path).headers["Location"].endswith("/suivi")
    assert client.post(path, data={**carried, "action": "send"}).status_code == 409


def change_state(client: FlaskClient, identifier: object, status: str) -> int:
    page = "/compte"  # any with a form: the page of what is public has links only
    sent_to = f"/initiatives/{identifier}/etat"
    return fill_in(client, page, {"status": status}, to=sent_to).status_code


def test_authors_close_and_reopen_what_is_public(client: FlaskClient, engine: Engine) -> None:
    found = propose(client, engine)
    assert change_state(client, found.id, "archived") == 409
    assert change_state(client, found.id, "published") == 409
    assert kept(engine)[0].status == "pending"
    publish(engine)
    for status in ("done", "archived", "published"):
        assert change_state(client, found.id, status) == 303
        assert kept(engine)[0].status == status
    assert change_state(client, found.id, "rejected") == 400
    assert change_state(client, found.id, "x") == 400
    assert change_state(client, found.id, "withdraw") == 409
    with engine.connect() as connection:
        assert differences(connection) == []


def test_what_is_not_public_can_be_taken_back(client: FlaskClient, engine: Engine) -> None:
    found = propose(client, engine)
    assert change_state(client, found.id, "withdraw") == 303
    assert (count(engine, "initiative"), count(engine, "initiative_revision")) == (0, 0)


def test_the_export_holds_every_version(client: FlaskClient, engine: Engine) -> None:
    found = propose(client, engine)
    edit(client, f"/initiatives/{found.id}/modifier", title="Deux vergers")
    exported = client.get("/compte/donnees").get_json()["proposals"]
    assert [one["title"] for one in exported] == [GARDEN["title"], "Deux vergers"]
    assert exported[0]["place"]["words"] == "Rennes"


def test_erasure_leaves_what_is_public_without_its_author(
    client: FlaskClient, engine: Engine
) -> None:
    public = propose(client, engine, name="Ana")
    publish(engine)
    assert "Ana" in client.get(f"/initiatives/{public.id}").text
    propose(client, engine, title="Jamais publiée")
    fill_in(client, "/compte/effacer", {})
    (left,) = kept(engine)
    assert (left.id, left.author, left.status) == (public.id, None, "published")
    page = client.get(f"/initiatives/{public.id}").text
    assert "Ana" not in page
    assert "une personne qui n’affiche pas son nom" in page
    with engine.connect() as connection:
        assert differences(connection) == []


def test_post_moderation_publishes_at_once_and_still_shows_it_to_moderators(
    database_url: str, engine: Engine
) -> None:
    app = create_app(
        Settings(database_url=database_url, public_url="http://map.test", moderation="post")
    )
    client = app.test_client()
    found = propose(client, engine)
    assert (found.status, found.published_revision) == ("published", 1)
    assert found.queued_at is not None
    assert client.get(f"/initiatives/{found.id}").status_code == 200
    services: Services = app.extensions[SERVICES]
    services.dispose()


def test_the_setting_has_two_values() -> None:
    with pytest.raises(ConfigurationError, match="MAPSERVICE_MODERATION"):
        Settings(moderation="later")


def test_a_name_that_is_given_is_the_person_s(client: FlaskClient, engine: Engine) -> None:
    propose(client, engine, name="Ana")
    assert 'name="name" value="Ana"' in client.get("/compte").text
    send(client, GARDEN | {"title": "Sans nom", "name": ""})
    assert 'name="name" value="Ana"' in client.get("/compte").text
    assert ADDRESS not in client.get(f"/initiatives/{kept(engine)[0].id}").text
    assert last_link(engine)

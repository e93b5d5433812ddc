"""What an author does with photos later, and what becomes of them when author or text goes."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.media.storage import FolderStore
from tests.accounts.people.mailbox import sign_in, token_of
from tests.contributions.proposals.desk import kept
from tests.media import sender
from tests.media.sender import one_photo

WAITING = "SELECT kind FROM waiting WHERE initiative = :id"
REVISIONS = "SELECT number, photos FROM initiative_revision WHERE initiative = :id ORDER BY number"


@pytest.fixture
def proposed(client: FlaskClient, engine: Engine) -> UUID:
    made = sender.propose(client, engine, [one_photo(), one_photo()])
    identifier: UUID = made.id
    return identifier


def told(engine: Engine, statement: str, **bound: Any) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text(statement), bound))


def test_a_photo_added_to_a_public_initiative_waits_and_is_not_shown(
    client: FlaskClient, engine: Engine, proposed: UUID, app: Flask
) -> None:
    sender.publish(engine, proposed)
    sender.run(engine, "UPDATE proposal SET queued_at = NULL")
    assert told(engine, WAITING, id=proposed) == []
    assert sender.add(client, proposed, [one_photo()]).status_code == 303
    third = sender.photos(engine)[2]
    assert third.state == "waiting"
    assert [row.kind for row in told(engine, WAITING, id=proposed)] == ["edit"]
    page = app.test_client().get(f"/initiatives/{proposed}").text
    assert third.name not in page
    assert len(set(sender.addresses(page))) == 2
    # A version of its own says which photos there are.
    versions = told(engine, REVISIONS, id=proposed)
    assert [len(row.photos) for row in versions] == [2, 3]


def test_words_order_and_what_stays_in_view_may_change(
    client: FlaskClient, engine: Engine, proposed: UUID, app: Flask
) -> None:
    sender.publish(engine, proposed)
    sender.run(engine, "UPDATE proposal SET queued_at = NULL")
    first, second = sender.photos(engine)
    sender.act(client, proposed, second.id, "up")
    assert [one.id for one in sender.photos(engine)] == [second.id, first.id]
    sender.act(client, proposed, second.id, "up")
    assert [one.id for one in sender.photos(engine)] == [second.id, first.id]
    sender.act(client, proposed, second.id, "down")
    assert [one.id for one in sender.photos(engine)] == [first.id, second.id]

    sender.act(client, proposed, first.id, "save", focal_x="20", focal_y="101")
    assert (sender.photos(engine)[0].focal_x, sender.photos(engine)[0].focal_y) == (20, 100)
    assert told(engine, WAITING, id=proposed) == [], "no word changed"
    assert len(told(engine, REVISIONS, id=proposed)) == 1

    sender.act(client, proposed, first.id, "save", alt=" Un \u202everger ", credit="Ana")
    assert (sender.photos(engine)[0].alt, sender.photos(engine)[0].credit) == ("Un verger", "Ana")
    assert [row.kind for row in told(engine, WAITING, id=proposed)] == ["edit"]
    assert told(engine, REVISIONS, id=proposed)[-1].photos[0]["alt"] == "Un verger"

    page = app.test_client().get(f"/initiatives/{proposed}").text
    assert 'alt="Un verger"' in page
    assert "Photo\u00a0: Ana" in page
    assert f"/photos/{first.name}-{first.shared_width}.jpg" in page
    assert '<meta property="og:image:alt" content="Un verger">' in page
    assert '<meta property="og:image:type" content="image/jpeg">' in page


def test_a_photo_that_is_removed_leaves_no_file(
    client: FlaskClient, engine: Engine, proposed: UUID, store: FolderStore
) -> None:
    first, second = sender.photos(engine)
    sender.act(client, proposed, first.id, "remove")
    assert [one.id for one in sender.photos(engine)] == [second.id]
    assert not sender.file_names(first) & sender.stored(store)
    assert sender.file_names(second) <= sender.stored(store)


def test_withdrawal_and_erasure_delete_the_files(
    client: FlaskClient, engine: Engine, proposed: UUID, store: FolderStore
) -> None:
    names = set().union(*map(sender.file_names, sender.photos(engine)))
    assert names <= sender.stored(store)
    token = token_of(client.get(f"/initiatives/{proposed}/suivi").text)
    client.post(f"/initiatives/{proposed}/etat", data={"token": token, "status": "withdraw"})
    assert not names & sender.stored(store)

    public = sender.propose(client, engine, [one_photo()])
    sender.publish(engine, public.id)
    names = sender.file_names(sender.photos(engine)[0])
    page = client.get("/compte/effacer").text
    client.post("/compte/effacer", data={"token": token_of(page), "confirm": "oui"})
    assert [row.status for row in kept(engine)] == ["published"], "the text stays, without author"
    assert sender.photos(engine) == []
    assert not names & sender.stored(store)


def test_the_export_of_their_data_lists_their_photos(
    client: FlaskClient, engine: Engine, proposed: UUID
) -> None:
    first = sender.photos(engine)[0]
    sender.act(client, proposed, first.id, "save", alt="Un verger", credit="Ana")
    found: list[Mapping[str, Any]] = client.get("/compte/donnees").get_json()["photos"]
    assert len(found) == 2
    assert found[0]["initiative"] == str(proposed)
    assert (found[0]["alt"], found[0]["credit"]) == ("Un verger", "Ana")


def test_nobody_else_sees_or_changes_them(
    app: Flask, client: FlaskClient, engine: Engine, proposed: UUID
) -> None:
    (first, _second) = sender.photos(engine)
    path = f"/initiatives/{proposed}/photos"
    other = app.test_client()
    assert other.get(path).status_code == 303, "to sign in"
    sign_in(other, engine, "eve@example.org")
    token = token_of(other.get("/compte").text)
    assert other.get(path).status_code == 404
    for address, fields in (
        (path, sender.multipart({"token": token}, [one_photo()])),
        (f"{path}/{first.id}", {"token": token, "action": "remove"}),
        (f"{path}/{first.id}", {"token": token, "action": "save", "alt": "x"}),
        (f"{path}/{first.id}", {"token": token, "action": "up"}),
    ):
        assert other.post(address, data=fields).status_code == 404
    assert client.post(f"{path}/{first.id}", data={"action": "remove"}).status_code == 403
    mine = token_of(client.get(path).text)
    wrong = client.post(f"{path}/{uuid4()}", data={"token": mine, "action": "remove"})
    assert wrong.status_code == 404
    assert [one.alt for one in sender.photos(engine)] == ["", ""]


def test_what_is_refused_for_good_takes_no_more_photos_but_lets_them_go(
    client: FlaskClient, engine: Engine, proposed: UUID
) -> None:
    (first, _second) = sender.photos(engine)
    page = client.get(f"/initiatives/{proposed}/photos").text
    sender.run(engine, "UPDATE initiative SET status = 'rejected'")
    answer = client.post(
        f"/initiatives/{proposed}/photos",
        data=sender.multipart({"token": token_of(page)}, [one_photo()]),
    )
    assert answer.status_code == 409
    assert sender.act(client, proposed, first.id, "remove").status_code == 303
    assert len(sender.photos(engine)) == 1

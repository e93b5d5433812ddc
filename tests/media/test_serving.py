"""Who sees a photo, and what its answer says."""

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from tests.media import pictures, sender
from tests.media.sender import one_photo


def test_a_public_photo_is_kept_for_ever_by_browsers_and_for_minutes_by_caches(
    client: FlaskClient, engine: Engine
) -> None:
    made = sender.propose(client, engine, [one_photo()])
    sender.publish(engine, made.id)
    (photo,) = sender.photos(engine)
    for file in sender.file_names(photo):
        answer = client.get(f"/photos/{file}")
        assert answer.status_code == 200
        kind = "image/webp" if file.endswith("webp") else "image/jpeg"
        assert answer.headers["Content-Type"] == kind
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'"
        assert (
            answer.headers["Cache-Control"] == "public, max-age=31536000, s-maxage=300, immutable"
        )
        assert "Cookie" not in answer.headers.get("Vary", "")
        shown = pictures.opened(answer.data)
        assert f"-{shown.width}." in file
        tag = answer.headers["ETag"]
        again = client.get(f"/photos/{file}", headers={"If-None-Match": tag})
        assert (again.status_code, again.data) == (304, b"")


def test_what_is_not_public_is_shown_by_a_key_alone_and_kept_by_nobody(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    made = sender.propose(client, engine, [one_photo()])
    (photo,) = sender.photos(engine)
    stranger = app.test_client()
    bare = f"/photos/{photo.name}-320.webp"
    assert stranger.get(bare).status_code == 404
    assert stranger.get(f"{bare}?cle=guess").status_code == 404
    shown = sender.addresses(client.get(f"/initiatives/{made.id}/photos").text)
    assert shown
    answer = stranger.get(shown[0])
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    # The key of one opens no other.
    key = shown[0].partition("?")[2]
    sender.add(client, made.id, [one_photo()])
    other = sender.photos(engine)[1]
    assert stranger.get(f"/photos/{other.name}-320.webp?{key}").status_code == 404


def test_a_public_photo_of_what_is_no_longer_public_is_not_served(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    made = sender.propose(client, engine, [one_photo()])
    sender.publish(engine, made.id)
    (photo,) = sender.photos(engine)
    path = f"/photos/{photo.name}-320.webp"
    assert app.test_client().get(path).status_code == 200
    for status in ("rejected", "draft", "pending"):
        sender.run(
            engine, "UPDATE initiative SET status = :to WHERE id = :id", to=status, id=made.id
        )
        assert app.test_client().get(path).status_code == 404


def test_names_that_are_none_of_ours_are_not_found(client: FlaskClient) -> None:
    for name in ("x", "..%2f..%2fsecret.key", "a" * 32 + "-320.svg", "A" * 32 + "-320.webp"):
        assert client.get(f"/photos/{name}").status_code == 404
    assert client.get(f"/photos/{'a' * 32}-320.webp").status_code == 404
    assert client.get(f"/photos/{'a' * 32}-320.webp?width=9").status_code == 400

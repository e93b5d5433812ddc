"""Photos come with a proposal: kept through its steps, its mistakes and its mailed link."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.errors import ServiceUnavailable
from mapservice.media import service
from mapservice.media.storage import FolderStore
from tests.accounts.people.mailbox import last_link, press, token_of
from tests.contributions.proposals.desk import GARDEN, hidden, kept
from tests.media import pictures, sender
from tests.media.conftest import MakeApp
from tests.media.sender import one_photo


def test_photos_are_kept_from_the_first_step_to_the_mailed_link(
    client: FlaskClient, engine: Engine, store: FolderStore
) -> None:
    answer, fields = sender.preview(client, [one_photo("un.jpg"), one_photo("deux.png", 400, 300)])
    assert answer.status_code == 200
    first, second = sender.photos(engine)
    assert (first.state, first.initiative, first.person) == ("draft", None, None)
    assert sender.file_names(first) <= sender.stored(store)
    # The page asks what they show, and shows them.
    assert f'name="alt_photo_{first.id}"' in answer.text
    for address in sender.addresses(answer.text):
        assert client.get(address).content_type == "image/webp"

    sent = sender.send(client, fields, **{f"alt_photo_{second.id}": "Des pommiers en fleur"})
    assert sent.headers["Location"] == "/connexion/envoyee"
    first, second = sender.photos(engine)
    assert (first.expires_at - first.added_at).days >= 3, "as long as the link is good"
    press(client, last_link(engine))
    (made,) = kept(engine)
    one, other = sender.photos(engine)
    assert (one.initiative, one.state, one.form, one.expires_at) == (made.id, "waiting", None, None)
    assert one.person == made.author
    assert (other.alt, other.position) == ("Des pommiers en fleur", 1)


def test_a_mistake_elsewhere_loses_no_photo(client: FlaskClient, engine: Engine) -> None:
    answer, fields = sender.preview(client, [one_photo()], title="")
    assert answer.status_code == 400
    assert len(sender.addresses(answer.text)) == 1
    again = client.post("/proposer", data={**fields, "title": "Un verger", "action": "preview"})
    assert again.status_code == 200
    assert len(sender.addresses(again.text)) == 1
    assert len(sender.photos(engine)) == 1


def test_a_photo_may_go_again_before_anything_is_sent(
    client: FlaskClient, engine: Engine, store: FolderStore
) -> None:
    answer, fields = sender.preview(client, [one_photo(), one_photo()])
    gone, stays = sender.photos(engine)
    answer = client.post(
        "/proposer", data={**fields, f"drop_photo_{gone.id}": "1", "action": "preview"}
    )
    assert answer.status_code == 200
    assert [one.id for one in sender.photos(engine)] == [stays.id]


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (pictures.SVG, "plan.svg", "«\u00a0plan.svg\u00a0» n’est pas une photo JPEG"),
        (pictures.bomb(), "bombe.png", "«\u00a0bombe.png\u00a0» est trop grande\u00a0: 64"),
        (pictures.jpeg()[:5000], "coupee.jpg", "«\u00a0coupee.jpg\u00a0» est incomplète ou abîmée"),
        (pictures.moving("PNG"), "gif.png", "«\u00a0gif.png\u00a0» est animée"),
        (bytes(4_000_000), "film.jpg", "«\u00a0film.jpg\u00a0» est trop lourde\u00a0: 3 Mo"),
    ],
    ids=["svg", "bomb", "truncated", "animated", "heavy"],
)
def test_what_is_no_photo_is_named_beside_its_field(
    client: FlaskClient, engine: Engine, content: bytes, name: str, words: str
) -> None:
    answer, _fields = sender.preview(client, [(content, name), one_photo()])
    assert answer.status_code == 400
    assert words in answer.text
    assert 'id="photos-error"' in answer.text
    assert '<a href="#photos">' in answer.text
    # What was typed and the photo that is one are still there.
    assert GARDEN["title"] in answer.text
    assert len(sender.photos(engine)) == 1


def test_a_file_of_fifty_megabytes_is_refused_in_words_and_takes_no_disk(
    client: FlaskClient, engine: Engine
) -> None:
    """It is beyond all that the form may hold: nothing of the form was read."""
    answer, _fields = sender.preview(client, [(bytes(50_000_000), "film.mov")])
    assert answer.status_code == 413
    assert "Vos photos sont trop lourdes\u00a0: 5 au plus, de 3 Mo chacune." in answer.text
    assert sender.photos(engine) == []


def test_a_store_that_is_away_costs_the_photo_and_not_the_text(
    client: FlaskClient, engine: Engine, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_store: FolderStore, *_arguments: str) -> None:
        raise ServiceUnavailable("The disk is full.")

    monkeypatch.setattr(FolderStore, "put", full)
    answer, _fields = sender.preview(client, [one_photo()])
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    assert "Les photos ne peuvent pas être gardées en ce moment" in answer.text
    assert GARDEN["title"] in answer.text
    assert sender.photos(engine) == []


def test_there_are_five_at_most(client: FlaskClient, engine: Engine) -> None:
    answer, fields = sender.preview(client, [one_photo(width=60, height=40)] * 6)
    assert answer.status_code == 400
    assert "5 photos au plus" in answer.text
    assert len(sender.photos(engine)) == 5
    answer, _fields = sender.preview(client, [one_photo(width=60, height=40)], fields)
    assert answer.status_code == 400
    assert len(sender.photos(engine)) == 5


def test_no_other_site_and_no_expired_form_uploads(client: FlaskClient, engine: Engine) -> None:
    page = client.get("/proposer").text
    fields = {**GARDEN, "form": hidden(page, "form"), "action": "preview"}
    for token, headers in (("", {}), (token_of(page), {"Sec-Fetch-Site": "cross-site"})):
        answer = client.post(
            "/proposer",
            data=sender.multipart({**fields, "token": token}, [one_photo()]),
            headers=headers,
            content_type="multipart/form-data",
        )
        assert answer.status_code == 403
    assert sender.photos(engine) == []


def test_other_forms_take_no_files_of_that_size(client: FlaskClient) -> None:
    answer = sender.post(client, "/connexion", {}, [(bytes(2_000_000), "x")])
    assert answer.status_code == 413


def test_drafts_that_nobody_sends_go_with_their_files_after_a_day(
    client: FlaskClient, engine: Engine, store: FolderStore
) -> None:
    sender.preview(client, [one_photo()])
    (draft,) = sender.photos(engine)
    service.tidy(engine, store)
    assert len(sender.photos(engine)) == 1
    assert 0.9 < (draft.expires_at - draft.added_at).total_seconds() / 86_400 <= 1
    sender.run(engine, "UPDATE photo SET expires_at = now()")
    service.tidy(engine, store)
    assert sender.photos(engine) == []
    assert not sender.file_names(draft) & sender.stored(store)


def test_where_texts_are_public_at_once_so_are_their_photos(
    engine: Engine, make_app: MakeApp
) -> None:
    client = make_app(moderation="post").test_client()
    made = sender.propose(client, engine, [one_photo()])
    (photo,) = sender.photos(engine)
    assert (made.status, photo.state) == ("published", "public")
    later = sender.add(client, made.id, [one_photo()])
    assert later.status_code == 303
    assert [one.state for one in sender.photos(engine)] == ["public", "public"]
    assert kept(engine)[0].queued_at is not None, "to be looked at afterwards"

"""Nothing that a row names is ever swept; what no row names goes after a day."""

import io
import os
import time
from pathlib import Path
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from mapservice.jobs import make_jobs
from mapservice.media import service
from mapservice.media.model import PhotoState
from mapservice.media.service import PhotoOwner
from mapservice.media.storage import FolderStore, S3Store
from mapservice.settings import Settings
from tests.media import s3_store, sender
from tests.media.sender import one_photo

DAY = 86_400


@pytest.fixture
def own_store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "own")


def age(store: FolderStore, days: float) -> None:
    then = time.time() - days * DAY
    for path in store.root.glob("*/*"):
        os.utime(path, (then, then))


def test_files_without_a_row_go_after_a_day_and_others_never(
    client: FlaskClient, engine: Engine, store: FolderStore
) -> None:
    sender.propose(client, engine, [one_photo()])
    sender.preview(client, [one_photo()])
    named = set().union(*map(sender.file_names, sender.photos(engine)))
    orphan = f"{'ab' * 16}-320.webp"
    unfinished = f"{'cd' * 16}-320.webp.0a1b2c3d.part"
    strange = "notes.txt"
    for name in (orphan, unfinished, strange):
        store.put(name, b"left", "image/webp")
    assert not {orphan, unfinished} & set(service.sweep(engine, store)), "they are of today"
    age(store, 2)
    swept = service.sweep(engine, store)
    assert {orphan, unfinished} <= set(swept)
    assert not named & set(swept)
    assert named | {strange} <= sender.stored(store)
    with engine.connect() as connection:
        assert service.missing(connection, store) == []


def test_what_a_row_leaves_is_deleted_even_if_its_process_ends_before(
    client: FlaskClient, engine: Engine, store: FolderStore
) -> None:
    sender.propose(client, engine, [one_photo()])
    (photo,) = sender.photos(engine)
    sender.run(engine, "DELETE FROM initiative")
    assert sender.file_names(photo) <= sender.stored(store), "the process ended here"
    service.tidy(engine, store)
    assert not sender.file_names(photo) & sender.stored(store)


def test_what_is_rolled_back_deletes_nothing(
    client: FlaskClient, engine: Engine, store: FolderStore
) -> None:
    sender.propose(client, engine, [one_photo()])
    (photo,) = sender.photos(engine)
    with engine.connect() as connection:
        service.remove(connection, photo.id)
        connection.rollback()
    service.tidy(engine, store)
    assert sender.file_names(photo) <= sender.stored(store)


def test_a_store_that_is_away_keeps_what_is_to_be_deleted_in_mind(
    client: FlaskClient, engine: Engine, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender.propose(client, engine, [one_photo()])
    (photo,) = sender.photos(engine)
    sender.run(engine, "DELETE FROM photo")
    with s3_store.serving() as held:
        away = S3Store.parse(held.setting)
        monkeypatch.setattr("mapservice.media.storage.PAUSE_SECONDS", 0.001)
        held.failures = [500] * 3
        service.tidy(engine, away)
    service.tidy(engine, store)
    assert not sender.file_names(photo) & sender.stored(store)


def test_a_photo_in_an_s3_store_is_kept_served_and_deleted(engine: Engine) -> None:
    with s3_store.serving() as held:
        store = S3Store.parse(held.setting)
        form = "00000000-0000-4000-8000-000000000001"
        owner = PhotoOwner(form=UUID(form))
        source = io.BytesIO(one_photo()[0])
        service.add(engine, store, owner, source, 3_000_000)
        (photo,) = sender.photos(engine)
        assert photo.state == PhotoState.DRAFT
        names = sender.file_names(photo)
        assert {one.name for one in store.stored()} == names
        kinds = {name.rpartition(".")[2]: held.files[f"some/where/{name}"][1] for name in names}
        assert kinds == {"webp": "image/webp", "jpg": "image/jpeg"}
        # All of them are dated long ago: none goes while a row names it.
        assert service.sweep(engine, store) == []
        sender.run(engine, "DELETE FROM photo")
        service.delete_removed(engine, store)
        assert held.files == {}


def test_the_worker_does_both(database_url: str, tmp_path: Path) -> None:
    jobs = make_jobs(Settings(database_url=database_url, home=tmp_path))
    assert {"tidy_photos", "sweep_photos"} <= set(jobs.tasks)

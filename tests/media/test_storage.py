"""A folder and an S3 store keep the same promises."""

import hashlib
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mapservice.errors import ConfigurationError, ServiceUnavailable
from mapservice.media import storage
from mapservice.media.storage import (
    FolderStore,
    MediaStore,
    S3Keys,
    S3Store,
    encoded_query,
    signed_headers,
    store_of,
)
from mapservice.settings import Settings
from tests.media import s3_store
from tests.media.s3_store import StandInStore

NAME = f"{'ab' * 16}-320.webp"
OTHER = f"{'cd' * 16}-1200.jpg"


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInStore]:
    monkeypatch.setattr(storage, "PAUSE_SECONDS", 0.001)
    with s3_store.serving() as held:
        yield held


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, stand_in: StandInStore) -> MediaStore:
    setting = str(tmp_path / "media") if request.param == "folder" else stand_in.setting
    return store_of(Settings(media=setting))


def test_what_is_put_is_got_listed_and_deleted(store: MediaStore) -> None:
    assert store.get(NAME) is None
    assert list(store.stored()) == []
    store.put(NAME, b"one", "image/webp")
    store.put(OTHER, b"two", "image/jpeg")
    store.put("a~b c-1.webp", b"three", "image/webp")
    assert store.get(NAME) == b"one"
    assert store.get(OTHER) == b"two"
    assert {one.name for one in store.stored()} == {NAME, OTHER, "a~b c-1.webp"}
    store.put(NAME, b"anew", "image/webp")
    assert store.get(NAME) == b"anew"
    store.delete(NAME)
    store.delete(NAME)
    assert store.get(NAME) is None
    assert {one.name for one in store.stored()} == {OTHER, "a~b c-1.webp"}


def test_a_file_is_written_and_safe_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, Path.replace

    def watched_sync(number: int) -> None:
        kind = "folder" if Path(f"/proc/self/fd/{number}").resolve().is_dir() else "file"
        done.append(f"sync {kind}")
        sync(number)

    def watched_replace(path: Path, target: Path) -> Path:
        done.append("rename")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    FolderStore(tmp_path).put(NAME, b"content", "image/webp")
    # The folder of a new beginning first, then the file, its name, and the folder that has it.
    assert done == ["sync folder", "sync file", "rename", "sync folder"]


def test_what_a_writer_left_unfinished_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path)

    def killed(_number: int) -> None:
        raise KeyboardInterrupt

    store.put(OTHER, b"makes the folder", "image/jpeg")
    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        store.put(OTHER.replace("1200", "600"), b"half", "image/jpeg")
    assert store.get(OTHER.replace("1200", "600")) is None


def test_a_disk_that_takes_no_more_is_said_and_nothing_half_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path)

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    store.put(OTHER, b"makes the folder", "image/jpeg")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ServiceUnavailable, match="No space left"):
        store.put(OTHER.replace("1200", "600"), b"half", "image/jpeg")
    assert [one.name for one in store.stored()] == [OTHER]


def test_the_setting_names_the_store(tmp_path: Path) -> None:
    plain = store_of(Settings(home=tmp_path))
    assert isinstance(plain, FolderStore)
    assert plain.root == tmp_path / "media"
    own = S3Store.parse("s3://k:s@bucket/a/b?endpoint=https://store.example:9000/")
    assert (own.endpoint, own.prefix) == ("https://store.example:9000/bucket", "a/b/")
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-west-3"}
    aws = S3Store.parse("s3://bucket", keys)
    assert (aws.endpoint, aws.prefix) == ("https://bucket.s3.eu-west-3.amazonaws.com", "")


@pytest.mark.parametrize(
    "setting",
    [
        "s3://",
        "s3://bucket",
        "s3://k@bucket",
        "s3://k:s@bucket?endpoint=ftp://x",
        "s3://k:s@bucket?endpont=https://x",
    ],
)
def test_a_setting_that_names_no_store_is_refused_without_its_secret(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    with pytest.raises(ConfigurationError, match="MAPSERVICE_MEDIA") as refused:
        store_of(Settings(media=setting))
    assert "k:s" not in str(refused.value)


def test_a_store_that_fails_for_a_moment_is_asked_again(stand_in: StandInStore) -> None:
    store = S3Store.parse(stand_in.setting)
    stand_in.failures = [500, 503]
    store.put(NAME, b"one", "image/webp")
    assert stand_in.files[f"some/where/{NAME}"] == (b"one", "image/webp")
    assert len(stand_in.asked) == 3


@pytest.mark.parametrize("failures", [[500] * 3, [403]])
def test_what_a_store_does_not_take_is_not_said_to_be_kept(
    stand_in: StandInStore, failures: list[int]
) -> None:
    store = S3Store.parse(stand_in.setting)
    stand_in.failures = [*failures]
    with pytest.raises(ServiceUnavailable):
        store.put(NAME, b"one", "image/webp")
    assert stand_in.files == {}


def test_a_wrong_secret_a_wrong_bucket_and_a_store_that_is_away_are_no_missing_files(
    stand_in: StandInStore,
) -> None:
    for setting in (
        stand_in.setting.replace("secret", "sekret"),
        stand_in.setting.replace("@Photos", "@Others"),
        stand_in.setting.replace("127.0.0.1:", "127.0.0.1:1"),
    ):
        with pytest.raises((ServiceUnavailable, ConfigurationError)):
            S3Store.parse(setting).get(NAME)


EXAMPLE = S3Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
HOST = "https://examplebucket.s3.amazonaws.com"
Signed = Callable[[datetime], dict[str, str]]


@pytest.mark.parametrize(
    ("signed", "signature"),
    [
        (
            lambda now: signed_headers(
                "GET", f"{HOST}/test.txt", EXAMPLE, now, more={"Range": "bytes=0-9"}
            ),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            lambda now: signed_headers(
                "PUT",
                f"{HOST}/test%24file.text",
                EXAMPLE,
                now,
                b"Welcome to Amazon S3.",
                more={
                    "Date": "Fri, 24 May 2013 00:00:00 GMT",
                    "x-amz-storage-class": "REDUCED_REDUNDANCY",
                },
            ),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            lambda now: signed_headers(
                "GET",
                f"{HOST}/?{encoded_query([('prefix', 'J'), ('max-keys', '2')])}",
                EXAMPLE,
                now,
            ),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_signatures_are_those_of_the_examples_that_aws_publishes(
    signed: Signed, signature: str
) -> None:
    headers = signed(datetime(2013, 5, 24, tzinfo=UTC))
    assert headers["authorization"].endswith(f"Signature={signature}")
    assert hashlib.sha256(b"").hexdigest() == storage.NO_CONTENT

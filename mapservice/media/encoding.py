"""Runs `images` as a process of its own, a few at once on a machine, and reads what it made."""

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from mapservice.errors import ServiceUnavailable
from mapservice.media.model import EncodedFile, EncodedPhoto, PhotoMistake

COMMAND = (sys.executable, "-m", "mapservice.media.images")
# By the clock, from when a place is free; what takes longer is no photo of a camera.
LONGEST_SECONDS = 40
# So many pictures are decoded at once on a machine, whatever the number of its workers: each may
# take as much memory as `images` allows.
PLACES = 2
PLACE_SECONDS = 25
WAIT_SECONDS = 0.05
# What the process needs to know of its surroundings. Arenas of further threads are address space.
ENVIRONMENT = {"MALLOC_ARENA_MAX": "1", "LANG": "C.UTF-8"}
CODE_FOLDER = Path(__file__).resolve().parents[2]


class PhotoRefused(Exception):
    """A file that is not taken for a photo; `mistake` says why."""

    def __init__(self, mistake: PhotoMistake) -> None:
        super().__init__(str(mistake))
        self.mistake = mistake


def encode(source: IO[bytes], most_bytes: int) -> EncodedPhoto:
    """All files of the photo that a file holds, from its beginning.

    Raises PhotoRefused; ServiceUnavailable where too many others wait to be decoded.
    """
    source.seek(0, os.SEEK_END)
    if source.tell() > most_bytes:
        raise PhotoRefused(PhotoMistake.BYTES)
    with _place(), _as_file(source) as given:
        try:
            done = subprocess.run(
                COMMAND,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=CODE_FOLDER,
                env=ENVIRONMENT,
                timeout=LONGEST_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise PhotoRefused(PhotoMistake.SLOW) from None
    return _read(done.stdout)


def _read(told: bytes) -> EncodedPhoto:
    """Of a process that came to its end by a limit or a fault of a decoder, there is no line."""
    head, end, content = told.partition(b"\n")
    if not end:
        raise PhotoRefused(PhotoMistake.BROKEN)
    found = json.loads(head)
    if "mistake" in found:
        raise PhotoRefused(PhotoMistake(found["mistake"]))
    files, at = [], 0
    for one in found["files"]:
        part = content[at : at + one["bytes"]]
        if len(part) != one["bytes"]:
            raise PhotoRefused(PhotoMistake.BROKEN)
        files.append(EncodedFile(one["width"], one["height"], one["suffix"], part))
        at += one["bytes"]
    return EncodedPhoto(files)


@contextlib.contextmanager
def _place() -> Iterator[None]:
    """One of the places of this machine; a process that is killed leaves its own by itself."""
    end = time.monotonic() + PLACE_SECONDS
    folder = Path(tempfile.gettempdir())
    while True:
        for number in range(PLACES):
            path = folder / f"mapservice-photos-{os.getuid()}-{number}.lock"
            with path.open("ab") as held:
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                yield
                return
        if time.monotonic() > end:
            raise ServiceUnavailable("Many photos are being read; please try again.")
        time.sleep(WAIT_SECONDS)


@contextlib.contextmanager
def _as_file(source: IO[bytes]) -> Iterator[IO[bytes]]:
    """The source from its beginning as a file that a process can read."""
    source.seek(0)
    try:
        source.fileno()
    except (OSError, AttributeError):
        with tempfile.TemporaryFile() as made:
            while block := source.read(1 << 20):
                made.write(block)
            made.seek(0)
            yield made
        return
    os.lseek(source.fileno(), 0, os.SEEK_SET)
    yield source

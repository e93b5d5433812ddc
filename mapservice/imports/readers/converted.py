"""What the process that reads workbooks and Parquet files makes of one (`conversion.py`)."""

import json
import os
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from mapservice.errors import SourceError
from mapservice.imports.readers.content import FileContent
from mapservice.imports.readers.tables import storable

COMMAND = (sys.executable, "-m", "mapservice.imports.readers.conversion")
LONGEST_SECONDS = 300
CODE_FOLDER = Path(__file__).resolve().parents[3]


class ConvertedFile:
    """Lines of JSON in a file without a name, which goes when nothing holds this any more."""

    def __init__(self, name: str) -> None:
        self.name = name
        with tempfile.TemporaryFile() as made:
            self.descriptor = os.dup(made.fileno())
        weakref.finalize(self, os.close, self.descriptor)

    def parts(self) -> list[tuple[dict[str, Any], int]]:
        """What begins each sheet or table, and where in the file its rows do.

        Raises SourceError with why the file was refused.
        """
        found = []
        with os.fdopen(os.dup(self.descriptor), "rb") as own:
            own.seek(0)
            at = 0
            for line in own:
                at += len(line)
                if line.startswith(b"{"):
                    head = json.loads(line)
                    if "error" in head:
                        raise SourceError(f"{self.name}: {storable(head['error'])}")
                    found.append((head, at))
        return found

    def rows(self, start: int) -> Iterator[list[str]]:
        """The rows of one sheet or table; several may be read at a time."""
        with os.fdopen(os.dup(self.descriptor), "rb") as own:
            at = start
            while True:
                # The position is shared by all who read this file: each goes back to its own.
                own.seek(at)
                block = own.readlines(1 << 20)
                if not block:
                    return
                at = own.tell()
                for line in block:
                    if line.startswith(b"{"):
                        return
                    yield json.loads(line)


def convert(content: FileContent, kind: Literal["workbook", "parquet"]) -> ConvertedFile:
    """Raises SourceError for a file that the process refuses, or that it cannot read within its
    limits."""
    made = ConvertedFile(content.name)
    with tempfile.NamedTemporaryFile() as copy:
        path = content.source
        if isinstance(path, bytes):
            copy.write(path)
            copy.flush()
            path = Path(copy.name)
        try:
            done = subprocess.run(
                [*COMMAND, kind, str(path.resolve())],
                stdin=subprocess.DEVNULL,
                stdout=made.descriptor,
                stderr=subprocess.DEVNULL,
                cwd=CODE_FOLDER,
                env={"MALLOC_ARENA_MAX": "1", "LANG": "C.UTF-8", "RAYON_NUM_THREADS": "1"},
                timeout=LONGEST_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SourceError(f"{content.name}: takes too long to be read") from None
    if done.returncode:
        raise SourceError(
            f"{content.name}: is too large to be read, or damaged; save it as CSV (UTF-8)"
        )
    return made

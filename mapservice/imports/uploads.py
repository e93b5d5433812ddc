"""Files sent by coordinators: kept for the worker that looks at them (`upload_work.py`).

That one needs GDAL and the geocoder; a process that answers requests does without.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any
from uuid import UUID, uuid4

from sqlalchemy import Engine

from mapservice.errors import InvalidInput, StateConflict
from mapservice.imports import upload_queries
from mapservice.imports.columns import NAMES
from mapservice.imports.readers.content import DATA_SUFFIXES
from mapservice.imports.upload_queries import ImportUpload

MAX_WAITING = 3
SUFFIXES = DATA_SUFFIXES | {".xlsx", ".xlsm", ".ods", ".kmz", ".zip", ".gz"}
PLATFORM_LENGTH = 80


def folder(home: Path) -> Path:
    """Where files and their reports lie, shared by the service and its worker."""
    return home / "imports"


def file_path(home: Path, upload: ImportUpload) -> Path:
    """The file as it was sent, under its own name: readers name it in what they say."""
    return folder(home) / str(upload.id) / upload.file_name


def report_path(home: Path, upload: ImportUpload) -> Path:
    """The report on each row, of the check or of the import."""
    return folder(home) / str(upload.id) / "report" / "report.csv"


def receive(
    engine: Engine,
    home: Path,
    stream: IO[bytes],
    name: str,
    person: UUID | None,
    sent_by: str,
    options: Mapping[str, Any],
) -> UUID:
    """Keeps a file, and has a worker look at it. `options`: `within` and `moderate`.

    Raises InvalidInput("file", …) for a name without a known ending, StateConflict where too many
    files of the person wait.
    """
    name = Path(name.replace("\\", "/")).name[:120] or "fichier"
    if name.startswith(".") or not name.lower().endswith(tuple(SUFFIXES)):
        raise InvalidInput("file", f"{name[:60]!r} is no table, workbook or map")
    identifier = uuid4()
    target = folder(home) / str(identifier)
    target.mkdir(parents=True)
    try:
        with (target / name).open("wb") as kept:
            shutil.copyfileobj(stream, kept, 1 << 20)
        with engine.begin() as connection:
            if upload_queries.waiting(connection, person) >= MAX_WAITING:
                raise StateConflict("Some of your files are still being looked at.")
            upload_queries.insert(connection, identifier, person, sent_by, name, options)
            upload_queries.defer(connection)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return identifier


def mapping_of(chosen: Mapping[str, str]) -> dict[str, str]:
    """The column of each field from the field of each column ("" or "attribute": none).

    A field that no column was chosen for stays without. Raises InvalidInput naming a field that is
    chosen twice, or that there is not.
    """
    mapping = dict.fromkeys(NAMES, "")
    for column, name in chosen.items():
        if name in ("", "attribute"):
            continue
        if name not in mapping:
            raise InvalidInput("field", f"{name[:40]!r} is no field")
        if mapping[name]:
            raise InvalidInput(name, "is chosen for two columns")
        mapping[name] = column
    return mapping

"""Files sent by coordinators: kept for the worker that looks at them (`upload_work.py`).

That one needs GDAL and the geocoder; a process that answers requests does without.
"""

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit
from uuid import UUID, uuid4

from sqlalchemy import Engine

from mapservice.errors import InvalidInput, StateConflict
from mapservice.imports import upload_queries
from mapservice.imports.columns import NAMES, ROW_NUMBERS, WITHHELD, withheld_field
from mapservice.imports.readers.content import DATA_SUFFIXES
from mapservice.imports.run_queries import RecordedSource
from mapservice.imports.upload_queries import ImportUpload
from mapservice.outgoing.guarded_client import ADDRESS_LENGTH, spelt
from mapservice.outgoing.public_hosts import check_address

MAX_WAITING = 3
SUFFIXES = DATA_SUFFIXES | {".xlsx", ".xlsm", ".ods", ".kmz", ".zip", ".gz"}
PLATFORM_LENGTH = 80
SHEET = re.compile(r"(https://docs\.google\.com/spreadsheets/d/[\w-]+)/(?:edit|view)\b")
# Where an address has no ending: what the answer says that it is.
SUFFIX_BY_TYPE = {
    "text/csv": ".csv",
    "application/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/json": ".json",
    "application/geo+json": ".geojson",
    "application/ld+json": ".jsonld",
    "application/vnd.google-earth.kml+xml": ".kml",
    "application/vnd.google-earth.kmz": ".kmz",
    "application/gpx+xml": ".gpx",
    "application/geopackage+sqlite3": ".gpkg",
    "application/zip": ".zip",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}


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


def receive_address(
    engine: Engine,
    home: Path,
    address: str,
    person: UUID | None,
    sent_by: str,
    options: Mapping[str, Any],
    allowed: frozenset[str],
) -> UUID:
    """Has a worker fetch a file, and look at it. `allowed` as `public_hosts.check_address` says.

    Raises InvalidInput("address", …) for one that may not be asked, StateConflict as `receive`.
    """
    address = spelt(table_address(address))
    check_address(address, allowed, field="address", most=ADDRESS_LENGTH)
    identifier = uuid4()
    (folder(home) / str(identifier)).mkdir(parents=True)
    with engine.begin() as connection:
        if upload_queries.waiting(connection, person) >= MAX_WAITING:
            raise StateConflict("Some of your files are still being looked at.")
        told = {**options, "address": address}
        name = urlsplit(address).netloc[:120]
        upload_queries.insert(connection, identifier, person, sent_by, name, told)
        upload_queries.defer(connection)
    return identifier


def table_address(address: str) -> str:
    """Of a table that people see as a page, the address of its cells: Google Sheets."""
    found = SHEET.match(address)
    if not found:
        return address
    tab = re.search(r"[#&?]gid=(\d+)", address)
    rest = f"&gid={tab.group(1)}" if tab else ""
    return f"{found.group(1)}/export?format=csv{rest}"


def named(address: str, content_type: str) -> str:
    """A name for what an address gave, with the ending of its format."""
    name = re.sub(r"[^\w.-]+", "_", unquote(urlsplit(address).path).rpartition("/")[2])[-80:]
    name = name.lstrip("._") or "source"
    if name.lower().endswith(tuple(SUFFIXES)):
        return name
    return f"{name}{SUFFIX_BY_TYPE.get(content_type, '.csv')}"


def checked_options(upload: ImportUpload) -> dict[str, Any]:
    """The choices that a file was checked with; where nobody chose, those that its page shows."""
    preview = upload.preview
    understood = {one["column"]: one["field"] for one in preview.get("columns", ())}
    return {
        "licence": preview.get("licence", ""),
        "snapshot": False,
        "repeats": "wait",
        **upload.options,
        "mapping": upload.options.get("mapping") or mapping_of(understood),
        "platform": upload.options.get("platform") or preview.get("platform", ""),
    }


def fitting_mapping(source: RecordedSource, columns: Sequence[str]) -> dict[str, str]:
    """What was chosen for the columns of a source, for its next file; {} if that has others.

    Columns that are new are kept as they are, and shown, until somebody chooses.
    """
    mapping = dict(source.mapping or {})
    chosen = {column for column in mapping.values() if column}
    return mapping if chosen and chosen <= set(columns) else {}


def mapping_of(chosen: Mapping[str, str]) -> dict[str, str]:
    """The column of each field from the field of each column ("" or "attribute": none).

    Columns that moderators alone are to see are fields of their own names.

    A field that no column was chosen for stays without. Raises InvalidInput naming a field that is
    chosen twice, or that there is not.
    """
    mapping = dict.fromkeys(NAMES, "")
    for column, name in chosen.items():
        if name in ("", "attribute", ROW_NUMBERS):
            continue
        if name == WITHHELD:
            mapping[withheld_field(column)] = column
            continue
        if name not in mapping:
            raise InvalidInput("field", f"{name[:40]!r} is no field")
        if mapping[name]:
            raise InvalidInput(name, "is chosen for two columns")
        mapping[name] = column
    return mapping

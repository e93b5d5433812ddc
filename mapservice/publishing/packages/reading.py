"""Opening a package that somebody hands in: nothing in it is believed before it is looked at.

Lines are read one by one, within a bound; nothing is unpacked onto the disk.
"""

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mapservice.errors import SourceError
from mapservice.publishing.packages.model import (
    MANIFEST,
    OWN,
    PHOTO_FOLDER,
    VERSION,
    PackageOrigin,
    PackageResource,
)

MIB = 1024 * 1024
MAX_MANIFEST_BYTES = 4 * MIB
MAX_LINE_BYTES = 4 * MIB
# Of one table, unpacked: ten times that of a million initiatives.
MAX_TABLE_BYTES = 16 * 1024 * MIB
# What zipfile raises for archives that are damaged, encrypted or made to be.
BROKEN = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError),
    *(NotImplementedError, RuntimeError, ValueError),
)


@dataclass(frozen=True, slots=True)
class DataPackage:
    """A package of ours on the disk, its manifest read. `rows` are as many as its tables tell."""

    path: Path
    origin: PackageOrigin
    created: str
    rows: Mapping[PackageResource, int]

    @property
    def total(self) -> int:
        return sum(self.rows.values())

    def records(self, resource: PackageResource) -> Iterator[dict[str, Any]]:
        """The lines of a table, as objects; what is no object comes as an empty one.

        Raises SourceError for a table that is damaged or too large.
        """
        if resource not in self.rows:
            return
        read = 0
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(resource.path) as file:
                while line := file.readline(MAX_LINE_BYTES + 1):
                    read += len(line)
                    if len(line) > MAX_LINE_BYTES or read > MAX_TABLE_BYTES:
                        raise SourceError(f"{self.path.name}: {resource.path} is too large")
                    yield _object(line)
        except SourceError:
            raise
        except BROKEN as error:
            raise SourceError(f"{self.path.name}: {resource.path} cannot be read") from error

    def picture(self, path: str, most_bytes: int) -> bytes | None:
        """A picture of the archive; None for one that is not there, or is too large."""
        if not path.startswith(f"{PHOTO_FOLDER}/"):
            return None
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(path) as file:
                content = file.read(most_bytes + 1)
        except BROKEN:
            return None
        return content if len(content) <= most_bytes else None


def open_package(path: Path) -> DataPackage | None:
    """None for what is no package of ours.

    Raises SourceError for one of a later version, or whose manifest is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if MANIFEST not in archive.namelist():
                return None
            with archive.open(MANIFEST) as file:
                written = file.read(MAX_MANIFEST_BYTES + 1)
            present = set(archive.namelist())
    except BROKEN:
        return None
    if len(written) > MAX_MANIFEST_BYTES:
        raise SourceError(f"{path.name}: {MANIFEST} is too large")
    manifest = _object(written)
    own = manifest.get(OWN)
    if not isinstance(own, dict):
        return None
    if own.get("version") != VERSION:
        raise SourceError(
            f"{path.name}: a package of version {own.get('version')!r}; version {VERSION} is read"
        )
    told = own.get("origin")
    origin: dict[str, Any] = told if isinstance(told, dict) else {}
    name, url = origin.get("name"), origin.get("url")
    if not isinstance(name, str) or not name.strip() or not isinstance(url, str | None):
        raise SourceError(f"{path.name}: {MANIFEST} does not say where it comes from")
    rows = {}
    resources = manifest.get("resources")
    for one in resources if isinstance(resources, list) else ():
        known = one.get("name") if isinstance(one, dict) else None
        if known in tuple(PackageResource) and PackageResource(known).path in present:
            count = one.get("rows")
            rows[PackageResource(known)] = count if isinstance(count, int) else 0
    if PackageResource.INITIATIVES not in rows:
        raise SourceError(f"{path.name}: holds no initiatives")
    created = manifest.get("created")
    return DataPackage(
        path,
        PackageOrigin(" ".join(name.split())[:200], (url or "").rstrip("/")),
        created if isinstance(created, str) else "",
        rows,
    )


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

"""What a backup holds: its manifest, and the file of erasures beside it."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from mapservice.errors import SourceError

FORMAT = 1
MANIFEST = "manifest.json"
DUMP = "database.dump"
# Written again whenever somebody is erased, so no digest of the manifest covers it.
ERASURES = "erasures"
MEDIA, EXPORTS = "media", "exports"
# Files of the home folder without which the service would not be the same one.
SECRET_KEY, PUSH_KEY, BASEMAP = "secret.key", "vapid.key", "basemap.json"
DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class BackupFile:
    """One file, by its SHA-256 in hexadecimal and its size."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupManifest:
    """What `manifest.json` says. Database, counts and files are those of the moment `made_at`.

    `counts` are rows by table. `media` says where photos are kept: in this folder, or in a store
    that has to be backed up by its own means (`outside`). `missing` are files that a row named and
    the store had not, when the backup was made.
    """

    made_at: datetime
    service: str
    schema: str
    postgres: int
    counts: Mapping[str, int]
    files: Mapping[str, BackupFile]
    media: str
    missing: tuple[str, ...]
    erasure_key: bytes

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.files.values())

    def names(self, folder: str) -> list[str]:
        """The files of one of its folders, without that."""
        start = f"{folder}/"
        return sorted(name.removeprefix(start) for name in self.files if name.startswith(start))

    def to_json(self) -> str:
        texts = {"made_at": self.made_at.isoformat(), "erasure_key": self.erasure_key.hex()}
        return json.dumps({"format": FORMAT, **asdict(self), **texts}, indent=1, sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises SourceError for what is no manifest of ours."""
        try:
            found: dict[str, Any] = json.loads(text)
            if found.pop("format") != FORMAT:
                raise SourceError(f"{MANIFEST} is of a format that this version does not read")
            return cls(
                **found
                | {
                    "made_at": datetime.fromisoformat(found["made_at"]).astimezone(UTC),
                    "files": {name: BackupFile(**one) for name, one in found["files"].items()},
                    "missing": tuple(found["missing"]),
                    "erasure_key": bytes.fromhex(found["erasure_key"]),
                }
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourceError(f"{MANIFEST} is not one that a backup has: {error}") from None


def erasure_digest(key: bytes, person: UUID) -> str:
    """What a backup is told of an erasure: whom it names, only a database that has them can say."""
    return hmac.new(key, person.bytes, hashlib.sha256).hexdigest()


def write_erasures(digests: Iterable[str]) -> str:
    return "".join(f"{one}\n" for one in sorted(set(digests)))


def read_erasures(text: str) -> set[str]:
    """Raises SourceError for a line that is no digest: one lost half-way would be no erasure."""
    found = set(text.split())
    for one in found:
        if len(one) != 2 * DIGEST_BYTES or set(one) - set("0123456789abcdef"):
            raise SourceError(f"{ERASURES}: {one[:80]!r} is no digest")
    return found

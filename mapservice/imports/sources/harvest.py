"""A source fetched as a whole, into a file that the importer reads: nothing is saved before."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mapservice.errors import SourceError
from mapservice.imports.columns import NAMES
from mapservice.imports.connectors.catalogue import CONNECTORS
from mapservice.imports.connectors.model import Connector, ConnectorRecord, RecordKind, words
from mapservice.imports.connectors.visits import SourceVisit
from mapservice.imports.reading import open_table
from mapservice.imports.sources.model import FILE, LivingSource, as_json, forbids_reuse
from mapservice.imports.uploads import named
from mapservice.outgoing.guarded_client import GuardedClient, Validators
from mapservice.outgoing.public_hosts import stand_ins
from mapservice.outgoing.way_out import WayOut
from mapservice.settings import Settings

MAX_RECORDS = 1_000_000
# A line of more than a mebibyte is none to the importer; a sign takes up to four bytes.
LONGEST_LINE = 250_000
RECORDS = ".ndjson"
# A source that tells what changed is read as a whole all the same, so often.
WHOLE_AFTER = timedelta(days=27)


@dataclass(frozen=True, slots=True)
class Harvest:
    """What a source gave: a file to import with `mapping`, and what tells it from another.

    `tombstones` are ids that it says are gone, where it gives less than its whole. `is_unchanged`:
    it says itself that nothing is new, and there is no file. `count` is that of its records, -1
    where only the importer can tell.
    """

    path: Path
    digest: str
    mapping: dict[str, str]
    validators: dict[str, str]
    tombstones: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()
    count: int = -1
    is_whole: bool = True
    is_unchanged: bool = False


@dataclass(frozen=True, slots=True)
class SourceFetcher:
    """What every sweep fetches through. `keys` by host; `sleep` is told how long to wait."""

    client: GuardedClient
    keys: dict[str, str]
    sleep: Callable[[float], None]

    def harvest(self, source: LivingSource, folder: Path) -> Harvest:
        """Raises FetchRefused, FetchFailed and SourceError: then there is nothing to import."""
        visit = SourceVisit(
            client=self.client,
            address=source.address,
            folder=folder,
            open_table=lambda path: open_table(path, {})[1],
            key=self.keys.get(urlsplit(source.address).netloc, ""),
            sleep=self.sleep,
            since=_since(source),
        )
        if source.connector == FILE:
            return _file(visit, source)
        connector = CONNECTORS.get(source.connector)
        if connector is None:
            raise SourceError(f"there is no connector {source.connector!r} any more")
        if connector.read is None:
            return _file(visit, source, connector)
        return _records(visit, source, connector)


def fetcher_of(settings: Settings) -> SourceFetcher:
    """That of the settings."""
    client = GuardedClient(
        stand_ins(settings.source_hosts), way=WayOut.parse(settings.outgoing_proxy)
    )
    return SourceFetcher(client, keys_of(settings), time.sleep)


def keys_of(settings: Settings) -> dict[str, str]:
    """The operator's keys, by host."""
    pairs = (pair.partition("=") for pair in settings.source_keys.split())
    return {host: key for host, _, key in pairs if key}


def _file(visit: SourceVisit, source: LivingSource, connector: Connector | None = None) -> Harvest:
    """The file as it is, under a name whose ending tells its format."""
    known = Validators(**source.validators) if source.digest else None
    answer, path = visit.save(visit.address, "source", known)
    told = {"etag": answer.validators.etag, "last_modified": answer.validators.last_modified}
    if answer.is_unchanged:
        return Harvest(path, source.digest, {}, dict(source.validators), is_unchanged=True)
    name = connector.file_name if connector else named(answer.address, answer.content_type)
    path = path.rename(path.with_name(name))
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256")
    digest.update(_terms(source))
    return Harvest(path, digest.hexdigest(), dict(source.mapping), told)


def _since(source: LivingSource) -> str:
    """From when on what changed is enough; "" where all is to be read, as it never was, or long
    ago, or since somebody undid a sweep or changed the source (which forgets its digest).

    What passes through the moderators' queue is read as a whole: what was held back of it until
    they decided is told by the sweep after that, changed or not.
    """
    told = source.validators.get("whole_at", "") if source.digest and source.trusted else ""
    if not told or datetime.now(UTC) - datetime.fromisoformat(told) > WHOLE_AFTER:
        return ""
    return source.validators.get("since", "")


def _reached(visit: SourceVisit, source: LivingSource) -> dict[str, str]:
    """What the next sweep of a source that tells what changed needs to know."""
    if not visit.reached:
        return {}
    whole = source.validators["whole_at"] if visit.is_delta else datetime.now(UTC).isoformat()
    return {"since": visit.reached, "whole_at": whole}


def _records(visit: SourceVisit, source: LivingSource, connector: Connector) -> Harvest:
    """The records as features, one a line, with the columns that the importer is to take."""
    path = visit.folder / f"{connector.name}{RECORDS}"
    lines: list[bytes] = []
    columns: set[str] = set()
    tombstones: set[str] = set()
    forbidden = 0
    with path.open("w", encoding="utf-8") as target:
        for record in connector.read(visit) if connector.read else ():
            identifier = words(record.fields.get("external_id"))
            if record.is_gone:
                tombstones.add(identifier)
                continue
            licence = words(record.fields.get("licence")) or source.licence
            record = replace(record, fields={**record.fields, "licence": licence})
            # An event whose licence forbids reuse is withheld with its whole series, as the room of
            # events does with those of calendars.
            is_left_out = connector.kind is RecordKind.INITIATIVE
            if is_left_out and forbids_reuse(licence):
                # Once public under another licence, it leaves public view.
                forbidden += 1
                tombstones.add(identifier)
                continue
            properties = _properties(record)
            columns |= properties.keys() & NAMES.keys()
            feature = {"type": "Feature", "geometry": None, "properties": properties}
            line = json.dumps(feature, ensure_ascii=False, sort_keys=True)
            if len(line) > LONGEST_LINE:
                visit.problems.append(f"{identifier[:80]}: too long; its attributes are left out")
                bare = _properties(replace(record, attributes={}))
                line = json.dumps({**feature, "properties": bare}, ensure_ascii=False)
            lines.append(hashlib.sha256(line.encode("utf-8", "replace")).digest())
            target.write(line.encode("utf-8", "replace").decode() + "\n")
            if len(lines) > MAX_RECORDS:
                raise SourceError(f"the source gives more than {MAX_RECORDS} records")
    problems = list(visit.problems)
    if forbidden:
        problems.append(f"{forbidden} records left out: their licence forbids their reuse")
    # In whatever order they come, the same records are the same.
    digest = hashlib.sha256(b"".join(sorted(lines)))
    digest.update(json.dumps(sorted(tombstones)).encode())
    digest.update(_terms(source))
    is_whole = connector.is_whole and not visit.is_delta
    return Harvest(
        path=path,
        digest=digest.hexdigest(),
        mapping={name: name if name in columns else "" for name in NAMES},
        validators=_reached(visit, source),
        tombstones=frozenset() if is_whole else frozenset(tombstones),
        problems=tuple(problems),
        count=len(lines),
        is_whole=is_whole,
        is_unchanged=visit.is_delta and not lines and not tombstones,
    )


def _properties(record: ConnectorRecord) -> dict[str, Any]:
    """One object of fields and attributes; an attribute that bears a field's name says so."""
    found: dict[str, Any] = {}
    for name, value in record.attributes.items():
        if (told := as_json(value)) is not None:
            found[f"{name} (source)" if name in NAMES else str(name)] = told
    for name, value in record.fields.items():
        if (told := as_json(value)) is not None:
            found[name] = told
    return found


def _terms(source: LivingSource) -> bytes:
    """What of its registration stands in each initiative: a change of it is a change of all."""
    terms = [source.connector, source.licence, sorted(source.mapping.items()), source.trusted]
    return json.dumps(terms).encode()

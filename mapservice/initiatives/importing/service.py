"""Imports a file: reads, places and saves its rows, and reports on each of them.

Rows are saved in batches, each in a transaction of its own; a row that the database refuses
takes none of its neighbours with it. Importing the same file again changes nothing.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from mapservice.geocoding.model import Precision, Query
from mapservice.geocoding.service import Asked, Locator, Placement
from mapservice.initiatives import store
from mapservice.initiatives.importing.reading import SourceFile, read_file
from mapservice.initiatives.model import Scale, SourceRow
from mapservice.initiatives.store import Draft

BATCH_ROWS = 500


class Outcome(StrEnum):
    """What became of a row; `to_review` is saved as well, but its place waits for a person."""

    IMPORTED = "imported"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    TO_REVIEW = "to_review"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class RowReport:
    """One line of the report. `reason` says why a row was rejected or waits, or what was mended."""

    row: int
    outcome: Outcome
    source_id: str
    title: str
    place: str
    precision: str = ""
    commune: str = ""
    match_status: str = ""
    score: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """How to import: see `mapservice initiatives import --help`."""

    mapping: Mapping[str, str] | None = None
    platform: str = ""
    licence: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ImportRun:
    """An import under way: how many rows there will be, and their reports as they come."""

    platform: str
    total: int
    columns: Mapping[str, str]
    problems: tuple[str, ...]
    reports: Iterator[RowReport]


def import_file(engine: Engine, locator: Locator, path: Path, options: Options) -> ImportRun:
    """Opens the file and returns the run; rows are imported as `reports` is read.

    Raises SourceError or InvalidInput, before anything is saved, for a file or mapping that
    cannot be used.
    """
    return import_source(engine, locator, read_file(path, options.mapping), options)


def import_source(
    engine: Engine, locator: Locator, source: SourceFile, options: Options
) -> ImportRun:
    """The same for a file that is open already: what is unreadable is refused before a geocoder
    is built."""
    platform = options.platform or source.platform
    importer = _Importer(engine, locator, options, platform, source.context_commune)
    return ImportRun(
        platform=platform,
        total=source.total,
        columns=source.columns,
        problems=source.problems,
        reports=importer.run(source.rows),
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row on its way: `source_id` tells it from its neighbours, `digest` from its former self."""

    row: SourceRow
    source_id: str
    digest: str


@dataclass(slots=True)
class _Importer:
    engine: Engine
    locator: Locator
    options: Options
    platform: str
    context: str

    def run(self, rows: Iterable[SourceRow]) -> Iterator[RowReport]:
        seen: dict[str, str] = {}
        remaining = iter(rows)
        while batch := list(islice(remaining, BATCH_ROWS)):
            entries = [self._entry(row, seen) for row in batch]
            yield from self._run_batch(entries)

    def _entry(self, row: SourceRow, seen: dict[str, str]) -> _Entry:
        """An id given twice with other content becomes two ids, so that neither row is lost."""
        digest = _digest(row)
        source_id = row.external_id or _identity(row)
        if seen.setdefault(source_id, digest) != digest:
            source_id = f"{source_id}#{digest[:12]}"
            seen[source_id] = digest
        return _Entry(row, source_id, digest)

    def _run_batch(self, entries: list[_Entry]) -> list[RowReport]:
        with self.engine.connect() as connection, connection.begin() as transaction:
            reports = self._save_batch(connection, entries)
            if self.options.dry_run:
                transaction.rollback()
        return reports

    def _save_batch(self, connection: Connection, entries: list[_Entry]) -> list[RowReport]:
        known = store.known(connection, self.platform, [entry.source_id for entry in entries])
        reports: dict[int, RowReport] = {}
        changed: list[_Entry] = []
        fresh: dict[str, str] = {}
        for entry in entries:
            former = known.get(entry.source_id)
            if entry.row.rejected:
                reports[entry.row.number] = _report(entry, Outcome.REJECTED, entry.row.rejected)
            elif entry.source_id in fresh:
                reports[entry.row.number] = _report(
                    entry, Outcome.UNCHANGED, f"the same as row {fresh[entry.source_id]}"
                )
            elif former and former.digest == entry.digest:
                reports[entry.row.number] = _report(entry, Outcome.UNCHANGED)
            else:
                fresh[entry.source_id] = str(entry.row.number)
                changed.append(entry)
        placements = self.locator.place(connection, [self._asked(entry.row) for entry in changed])
        drafts = [
            self._draft(entry, placement, known.get(entry.source_id))
            for entry, placement in zip(changed, placements, strict=True)
        ]
        for entry, draft in zip(changed, drafts, strict=True):
            reports[entry.row.number] = _placed(entry, draft)
        for number, reason in _save(connection, drafts).items():
            entry = changed[number]
            reports[entry.row.number] = _report(entry, Outcome.REJECTED, reason)
        return [reports[entry.row.number] for entry in entries]

    def _asked(self, row: SourceRow) -> Asked:
        query = Query(
            text=row.address,
            postcode=row.postcode,
            city=row.city,
            citycode=row.citycode,
            departement=row.departement,
            context=self.context,
        )
        return Asked(query, row.lon, row.lat)

    def _draft(self, entry: _Entry, placement: Placement, former: store.Known | None) -> Draft:
        row = entry.row
        created = _moment(row.created_on) or (former.created_at if former else datetime.now(UTC))
        return Draft(
            id=former.id if former else None,
            title=row.title,
            summary=row.summary,
            description=row.description,
            theme=row.theme,
            scale=row.scale,
            status=row.status,
            created_at=created,
            updated_at=max(created, _moment(row.updated_on) or created),
            source_platform=self.platform,
            source_id=entry.source_id,
            source_url=row.url,
            source_licence=row.licence or self.options.licence,
            source_digest=entry.digest,
            place_text=row.place_text,
            placement=_national(row, placement),
        )


def _save(connection: Connection, drafts: list[Draft]) -> dict[int, str]:
    """Saves all at once; if the database refuses, one by one. Returns reasons by position.

    Raises DBAPIError when the database is lost: that is no fault of the rows.
    """
    try:
        with connection.begin_nested():
            store.save(connection, drafts)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return {
            number: reason
            for number, draft in enumerate(drafts)
            if (reason := _save_one(connection, draft))
        }
    return {}


def _save_one(connection: Connection, draft: Draft) -> str:
    try:
        with connection.begin_nested():
            store.save(connection, [draft])
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return str(error.orig).splitlines()[0]
    return ""


def _national(row: SourceRow, placement: Placement) -> Placement:
    """What is meant for the whole country and names no place is not a place to look for."""
    if row.scale is not Scale.NATIONAL or placement.precision is not Precision.NONE:
        return placement
    return replace(placement, precision=Precision.NATIONAL, to_review=False, reason="")


def _placed(entry: _Entry, draft: Draft) -> RowReport:
    placement = draft.placement
    outcome = Outcome.UPDATED if draft.id else Outcome.IMPORTED
    reason = placement.reason or placement.match.reason
    report = _report(entry, Outcome.TO_REVIEW if placement.to_review else outcome, reason)
    return replace(
        report,
        precision=str(placement.precision),
        commune=(placement.code or "") if placement.precision in _WITH_COMMUNE else "",
        match_status=str(placement.match.status),
        score=placement.match.score,
    )


_WITH_COMMUNE = (Precision.POINT, Precision.COMMUNE)


def _report(entry: _Entry, outcome: Outcome, reason: str = "") -> RowReport:
    row = entry.row
    notes = "; ".join(part for part in (reason, *row.problems) if part)
    return RowReport(row.number, outcome, entry.source_id, row.title, row.place_text, reason=notes)


def _digest(row: SourceRow) -> str:
    """Of all that a row says, however its file is arranged."""
    content = asdict(replace(row, number=0, raw={}, problems=()))
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _identity(row: SourceRow) -> str:
    """For files without ids: what stays the same when details of a row are mended."""
    content = [row.title, row.place_text, row.created_on, row.lon, row.lat]
    return "sha256:" + hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def _moment(day: str) -> datetime | None:
    return datetime.fromisoformat(day).replace(tzinfo=UTC) if day else None

"""Imports a file: reads, places and saves its rows, and reports on each of them.

The file is read as a whole before its first row is saved, since a point that several rows share may
be no place at all (`row_spool.py`). Rows are placed and saved in batches, each in a transaction of
its own, by threads beside the reading one; a row that the database refuses takes none of its
neighbours with it. Importing the same file again changes nothing.
"""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from difflib import SequenceMatcher
from itertools import islice
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from mapservice.accounts.roles.model import TerritoryScope
from mapservice.db.engine import LOAD_SIZE, mark_as_load
from mapservice.errors import InvalidInput
from mapservice.geocoding.model import Precision
from mapservice.geocoding.service import Locator, Placement
from mapservice.imports import queries, run_queries, run_service
from mapservice.imports.column_evidence import ColumnMapping
from mapservice.imports.columns import FACT_REASON, WITHHELD
from mapservice.imports.dates import is_day
from mapservice.imports.first_rows import SHOWN_FIRST, FirstRow
from mapservice.imports.placing import RowPlacer
from mapservice.imports.reading import SourceFile, read_file
from mapservice.imports.repeated_rows import APART_M, RepeatedRows, RepeatHandling, RowSighting
from mapservice.imports.row_identity import digest_of, source_id_of
from mapservice.imports.row_reports import RowOutcome, RowReport
from mapservice.imports.row_spool import (
    IdentifiedRow,
    Progress,
    RowSpool,
    no_progress,
    spooled,
)
from mapservice.imports.row_succession import FileBesideSource, beside_source, shared_ids
from mapservice.imports.run_queries import LikeInitiative, OwnInitiative
from mapservice.imports.run_service import OpenedSource
from mapservice.imports.scopes import TerritoryParents
from mapservice.imports.shared_points import KnownCentres, SharedPoints
from mapservice.imports.text import bare, block, one_line, words_of
from mapservice.initiatives import service
from mapservice.initiatives.facts import InitiativeFacts
from mapservice.initiatives.licences import forbids_reuse
from mapservice.initiatives.model import PUBLIC, SourceRow, Status
from mapservice.initiatives.queries import of_ids
from mapservice.initiatives.service import InitiativeDraft

BATCH_ROWS = 500
# Some ten metres: what files round differently.
SAME_DEGREES = 0.0001
# What a list of ours rounds.
NEARLY_SAME_DEGREES = 0.000_002
# What a place says in several fields is told as the place.
PLACE_FIELDS = frozenset({"citycode", "lon", "lat"})
SHOWN_FIELDS = 6
# Two descriptions that are one, corrected.
REWORDED = 0.6
# Batches that are placed or saved at once, or wait for it; and how many connections save.
BATCHES_AHEAD = 5
SAVERS = 2


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to import: see `mapservice initiatives import --help`.

    `facts` are those of new rows by their id at the source, told beside the file.
    `within` confines rows to some territories, None: to none. `person` and `started_by` say who
    imports; without `is_recorded` no run is kept, which then cannot be undone. `tombstones` are ids
    that the source says are gone. `run` is one that waited for this, 0 for a new one. `scratch` is
    where rows are kept meanwhile, `processes` how many read them, `reading` what is
    told of that (`row_spool.spooled`). `repeats`: what becomes of rows that repeat the title and
    place of another one.
    """

    mapping: Mapping[str, str] | None = None
    platform: str = ""
    licence: str = ""
    dry_run: bool = False
    facts: Mapping[str, InitiativeFacts] = field(default_factory=dict)
    moderate: bool = False
    snapshot: bool = False
    within: TerritoryScope | None = None
    person: UUID | None = None
    started_by: str = ""
    is_recorded: bool = True
    tombstones: frozenset[str] = frozenset()
    run: int = 0
    scratch: Path | None = None
    processes: int = 1
    reading: Progress = no_progress
    repeats: RepeatHandling = RepeatHandling.WAIT


@dataclass(slots=True)
class SnapshotOutcome:
    """Initiatives that a snapshot's file lacks: archived, or waiting for a moderator as before.

    `reports` name those archived, once all rows are read. `withdrawn` are those of any file that
    may not be published any more, and left public view, `absent` those that a file which is no
    snapshot has no row for, and which stay.
    """

    archived: int = 0
    waiting: int = 0
    withdrawn: int = 0
    absent: int = 0
    reports: list[RowReport] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ImportRun:
    """An import under way: how many rows there will be, and their reports as they come.

    `columns` gives the column of each field, `mapping` what becomes of each column, `unused` those
    that hold nothing. `id` is the number of the run, 0 where none is kept. `gone` has what a
    snapshot did beyond the rows, once these are read, `elsewhere` of which other sources how many
    rows were, `first` what the first of them would be here, where nothing is saved.
    """

    platform: str
    total: int
    columns: Mapping[str, str]
    problems: tuple[str, ...]
    reports: Iterator[RowReport]
    encoding: str = ""
    separator: str = ""
    unused: tuple[str, ...] = ()
    mapping: tuple[ColumnMapping, ...] = ()
    id: int = 0
    gone: SnapshotOutcome = field(default_factory=SnapshotOutcome)
    elsewhere: Counter[str] = field(default_factory=Counter)
    first: list[FirstRow] = field(default_factory=list)


def import_file(engine: Engine, locator: Locator, path: Path, options: ImportOptions) -> ImportRun:
    """Opens the file and returns the run; rows are imported as `reports` is read.

    Raises SourceError or InvalidInput, before anything is saved, for a file or mapping that
    cannot be used.
    """
    return import_source(engine, locator, open_file(engine, path, options.mapping), options)


def summary_of(run: ImportRun, counts: Mapping[RowOutcome, int]) -> Iterator[str]:
    """How a file was read and what became of its rows, line by line, once it is imported."""
    how = [run.encoding, _SEPARATORS.get(run.separator, repr(run.separator))]
    if known := [part for part in how if part]:
        yield f"read as: {', '.join(known)}"
    for name, column in run.columns.items():
        yield f"{name}: {column}"
    for one in run.mapping:
        if one.kind:
            withheld = "; personal data, not shown" if one.is_personal else ""
            also = (
                f"; sorted as {one.field} too" if one.field not in ("attribute", WITHHELD) else ""
            )
            also += "; a fact where it is understood" if one.reason == FACT_REASON else ""
            yield f"kept as an attribute: {one.column} ({one.kind}{withheld}{also})"
    if run.unused:
        yield f"columns that hold nothing: {', '.join(run.unused)}"
    yield from run.problems
    if run.gone.archived:
        yield f"{run.gone.archived} archived: gone from the source"
    if run.gone.waiting:
        yield f"{run.gone.waiting} gone from the source wait for a moderator, and were left"
    if run.gone.withdrawn:
        yield f"{run.gone.withdrawn} left public view: they may not be published any more"
    if run.gone.absent:
        yield f"{run.gone.absent} of this source are not in the file, and stay"
    outcomes = ", ".join(
        f"{counts.get(outcome, 0)} {outcome}"
        for outcome in ROWS_OUTCOMES
        if outcome is not RowOutcome.REPEATED or counts.get(outcome)
    )
    yield f"{sum(counts.values())} rows read: {outcomes}"


ROWS_OUTCOMES = tuple(outcome for outcome in RowOutcome if outcome is not RowOutcome.GONE)
_SEPARATORS = {
    "": "",
    ",": "separated by commas",
    ";": "separated by semicolons",
    "\t": "separated by tabs",
    "|": "separated by bars",
}


def open_file(
    engine: Engine,
    path: Path,
    mapping: Mapping[str, str] | None = None,
    *,
    may_lack_title: bool = False,
) -> SourceFile:
    """Opens a file and reads its first rows; the database knows the names of territories, which
    are no titles.

    Raises SourceError or InvalidInput.
    """
    with engine.connect() as connection:
        names = {bare(name) for name in queries.territory_names(connection)}
        names |= set(queries.commune_codes(connection))
    return read_file(
        path, mapping, lambda words: bare(words) in names, may_lack_title=may_lack_title
    )


def import_source(
    engine: Engine, locator: Locator, source: SourceFile, options: ImportOptions
) -> ImportRun:
    """Like `import_file`, for a file that is open already: one that cannot be read is refused
    before a geocoder is built.

    Raises InvalidInput for a licence that forbids reuse: what could not leave again stays out.
    """
    if forbids_reuse(options.licence):
        raise InvalidInput("licence", f"{options.licence[:100]!r} forbids reuse")
    platform = options.platform or source.platform
    gone = SnapshotOutcome()
    number, keeper = begin_run(engine, options, platform, source)
    importer = _Importer(engine, locator, options, platform, number, gone)
    return ImportRun(
        platform=platform,
        total=source.total,
        columns=source.columns,
        problems=source.problems,
        reports=recorded(engine, number, keeper, gone, importer.run(source)),
        encoding=source.encoding,
        separator=source.separator,
        unused=source.unused,
        mapping=source.mapping,
        id=number,
        gone=gone,
        elsewhere=importer.elsewhere,
        first=importer.first,
    )


def begin_run(
    engine: Engine, options: ImportOptions, platform: str, source: OpenedSource
) -> tuple[int, Connection | None]:
    """Keeps that a run begins, or that one which waited does: its number (0 where none is kept),
    and the connection that marks it while it lives (`run_queries.fail_dead`)."""
    if options.dry_run or not (options.run or options.is_recorded):
        return 0, None
    keeper = engine.connect()
    if options.run:
        run_queries.mark_alive(keeper, options.run)
        with engine.begin() as connection:
            run_queries.resume(connection, options.run, run_service.reading_of(source))
        return options.run, keeper
    with engine.begin() as connection:
        number = run_queries.begin(
            connection,
            platform=platform,
            file_name=source.file_name,
            person=options.person,
            started_by=options.started_by,
            is_moderated=options.moderate,
            is_snapshot=options.snapshot,
            reading=run_service.reading_of(source),
        )
        # Marked before anybody can see that it runs.
        run_queries.mark_alive(keeper, number)
    return number, keeper


def recorded(
    engine: Engine,
    number: int,
    keeper: Connection | None,
    gone: SnapshotOutcome,
    reports: Iterator[RowReport],
) -> Iterator[RowReport]:
    """The rows as they are imported; how that ended is kept."""
    counts: Counter[str] = Counter()
    state = "failed"
    try:
        for report in reports:
            counts[str(report.outcome)] += 1
            yield report
        state = "done"
    finally:
        if number:
            if gone.archived:
                counts["gone"] = gone.archived
            with engine.begin() as connection:
                run_queries.finish(connection, number, state, counts)
        if keeper is not None:
            keeper.close()


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row on its way: `source_id` tells it from its neighbours, `digest` from its former self.

    `twin` is the line of the earlier row of the file that says the same, 0 for none.
    """

    row: SourceRow
    source_id: str
    digest: str
    twin: int


@dataclass(frozen=True, slots=True)
class _PlacedBatch:
    """Rows ready to be saved: what was imported of them before, the report on each (by number) if
    the database takes it, what it is to take, and how many that is so far."""

    entries: list[_Entry]
    known: Mapping[str, service.KnownImport]
    reports: dict[int, RowReport]
    drafts: list[tuple[_Entry, InitiativeDraft]]
    changed: int

    @property
    def is_new_alone(self) -> bool:
        """Nothing in it touches what was imported before, be it of a batch that is being saved."""
        return all(draft.id is None for _, draft in self.drafts) and not any(
            entry.row.is_forbidden for entry in self.entries
        )


@dataclass(frozen=True, slots=True)
class _BatchUnderWay:
    placed: Future[_PlacedBatch]
    saved: Future[list[RowReport]]


@dataclass(slots=True)
class _Importer:
    engine: Engine
    locator: Locator
    options: ImportOptions
    platform: str
    number: int
    gone: SnapshotOutcome
    elsewhere: Counter[str] = field(default_factory=Counter)
    repeated: RepeatedRows = field(default_factory=lambda: RepeatedRows(frozenset()))
    beside: FileBesideSource = field(default_factory=lambda: FileBesideSource({}, 0))
    shared_ids: Mapping[tuple[str, str], str] = field(default_factory=dict)
    first: list[FirstRow] = field(default_factory=list)
    changed: int = 0  # so far
    is_broken: bool = False

    def run(self, source: SourceFile) -> Iterator[RowReport]:
        chosen = self.options
        with spooled(source, chosen.scratch, chosen.processes, chosen.reading) as spool:
            yield from self._import(source, spool)

    def _import(self, source: SourceFile, spool: RowSpool) -> Iterator[RowReport]:
        with self.engine.connect() as connection:
            # Points are counted first: those of the whole file, and those already imported.
            kept = queries.kept_sightings(connection, self.platform)
            shared = SharedPoints(spool.points, kept if source.may_have_points else ())
            self.repeated = RepeatedRows.among(spool.titles)
            self.beside = beside_source(connection, self.platform, spool)
            self.gone.absent = 0 if self.options.snapshot else self.beside.absent
            within = None
            if self.options.within is not None:
                within = TerritoryParents(run_queries.parents(connection))
        placer = RowPlacer(self.locator, source.context_commune, shared, self._centres)
        with self.engine.connect() as connection:
            self.shared_ids = shared_ids(
                connection, self.platform, spool, lambda one: _believed(one, placer)
            )
        seen: dict[str, tuple[str, int]] = {}
        # Rows that are no initiative still stand in the file: what they were before is not gone.
        present: set[str] = set()
        remaining = spool.rows

        # While the database takes in two batches, the next is placed and the one after that read.
        # Leaving waits for what is under way.
        on_the_way: deque[_BatchUnderWay] = deque()
        with (
            ThreadPoolExecutor(1, "place") as placing,
            ThreadPoolExecutor(SAVERS, "save") as saving,
        ):
            while rows := list(islice(remaining, BATCH_ROWS)):
                entries = [self._entry(one, placer, seen) for one in rows]
                if self.options.snapshot:
                    present.update(entry.source_id for entry in entries)
                placed = placing.submit(self._placed, entries, placer, within)
                saved = saving.submit(self._saved, placed, tuple(on_the_way))
                on_the_way.append(_BatchUnderWay(placed, saved))
                if len(on_the_way) == BATCHES_AHEAD:
                    yield from on_the_way.popleft().saved.result()
            while on_the_way:
                yield from on_the_way.popleft().saved.result()
        if self.options.snapshot or self.options.tombstones:
            self._archive_gone(present)

    def _archive_gone(self, present: set[str]) -> None:
        # What goes on under another id is not gone; a dry run has not given it that.
        going_on = {one.initiative for one in self.beside.successions.values()}
        with self.engine.connect() as connection:
            rows = run_queries.source_ids(connection, self.platform)
            gone = [
                identifier
                for identifier, at_source in rows
                if identifier not in going_on
                and (
                    at_source in self.options.tombstones
                    or (self.options.snapshot and at_source not in present)
                )
            ]
        with self.engine.connect() as connection, connection.begin() as transaction:
            self.gone.waiting = len(
                [
                    one
                    for one in run_queries.waiting_ids(connection, self.platform)
                    if one in self.options.tombstones
                    or (self.options.snapshot and one not in present)
                ]
            )
            for start in range(0, len(gone), BATCH_ROWS):
                some = gone[start : start + BATCH_ROWS]
                self.gone.reports += run_queries.reports_on_gone(connection, some)
                run_queries.archive(connection, self.number, some)
            if self.options.dry_run:
                transaction.rollback()
        self.gone.archived = len(gone)

    def _centres(self) -> KnownCentres:
        with self.engine.connect() as connection:
            return KnownCentres(queries.centres(connection))

    def _entry(
        self, one: IdentifiedRow, placer: RowPlacer, seen: dict[str, tuple[str, int]]
    ) -> _Entry:
        """An id given twice with other content becomes two ids, so that neither row is lost."""
        source_id = one.source_id
        row, digest = _believed(one, placer)
        if row.rejected or row.skipped:
            # Another row of that id is not this one, and stays.
            return _Entry(row, source_id, digest, seen.get(source_id, ("", 0))[1])
        source_id = self.shared_ids.get((source_id, digest), source_id)
        first = seen.setdefault(source_id, (digest, row.line))
        return _Entry(row, source_id, digest, first[1] if first[1] != row.line else 0)

    def _placed(
        self, entries: list[_Entry], placer: RowPlacer, within: TerritoryParents | None
    ) -> _PlacedBatch:
        """What is to be done with each row of a batch, which is not touched yet.

        Rows of the batches before it, which may not be saved yet, have other ids than these.
        """
        with self.engine.connect() as connection, connection.begin() as transaction:
            batch = self._place_batch(connection, entries, placer, within)
            if self.options.dry_run:
                transaction.rollback()
            return batch

    def _place_batch(
        self,
        connection: Connection,
        entries: list[_Entry],
        placer: RowPlacer,
        within: TerritoryParents | None,
    ) -> _PlacedBatch:
        known = service.known(connection, self.platform, [entry.source_id for entry in entries])
        for entry in entries:
            if one := self.beside.successions.get(entry.source_id):
                known[entry.source_id] = service.KnownImport(one.initiative, None, one.status)
        reports: dict[int, RowReport] = {}
        changed: list[_Entry] = []
        for entry in entries:
            former = known.get(entry.source_id)
            number = entry.row.number
            if entry.row.skipped:
                reports[number] = _report(entry, RowOutcome.SKIPPED, entry.row.skipped)
            elif entry.row.rejected:
                reports[number] = _report(entry, RowOutcome.REJECTED, entry.row.rejected)
            elif entry.twin:
                told = f"the same as line {entry.twin}"
                reports[number] = _report(entry, RowOutcome.MERGED, told)
            elif former and former.digest == entry.digest:
                reports[number] = _report(entry, RowOutcome.UNCHANGED, entry.row.point_doubt)
                self.repeated.told(entry.row, former.commune)
            else:
                changed.append(entry)
        # A list that was taken from here is no news of its source, even under that source's name.
        asked = [one for one in changed if one.row.own_id or one.source_id not in known]
        elsewhere, repeating = self._elsewhere(connection, asked, known)
        for entry, told in elsewhere:
            reports[entry.row.number] = _report(entry, RowOutcome.ELSEWHERE, told)
            changed.remove(entry)

        said_before = self._said_before(connection, changed, known)
        placements = placer.place(connection, [entry.row for entry in changed])
        drafts: list[tuple[_Entry, InitiativeDraft]] = []
        for entry, placement in zip(changed, placements, strict=True):
            if (
                within is not None
                and self.options.within is not None
                and not within.covers(self.options.within, placement)
                and not within.may_cover(self.options.within, placement)
            ):
                reports[entry.row.number] = _report(
                    entry, RowOutcome.REJECTED, _why_not_within(entry.row, placement)
                )
                continue
            former = known.get(entry.source_id)
            draft = self._draft(entry, placement, former)
            repeat = self._repeat(entry, placement, former) or repeating.get(entry.row.number, "")
            if repeat and former is None and self.options.repeats is RepeatHandling.LEAVE:
                told = "; ".join((repeat, "left out, as asked"))
                reports[entry.row.number] = _report(entry, RowOutcome.MERGED, told)
                continue
            if repeat and draft.status in PUBLIC:
                draft = replace(draft, status=Status.PENDING)
            drafts.append((entry, draft))
            gone_on = self.beside.successions.get(entry.source_id)
            before = said_before.get(entry.row.number, "")
            reports[entry.row.number] = _placed_report(
                entry, draft, repeat, gone_on.told if gone_on else before
            )
        self.changed += len(drafts)
        return _PlacedBatch(entries, known, reports, drafts, self.changed)

    def _repeat(
        self, entry: _Entry, placement: Placement, former: service.KnownImport | None
    ) -> str:
        """Which earlier row this one may be the same as, in words; "" of what is public already, as
        a moderator saw it or it was asked for."""
        has_commune = placement.precision in (Precision.POINT, Precision.COMMUNE)
        told = self.repeated.told(entry.row, (placement.code or "") if has_commune else "")
        is_settled = former is not None and former.status != Status.PENDING
        return "" if is_settled or self.options.repeats is RepeatHandling.SEPARATE else told

    def _draft(
        self, entry: _Entry, placement: Placement, former: service.KnownImport | None
    ) -> InitiativeDraft:
        row = entry.row
        facts = InitiativeFacts.from_json(row.facts) if row.facts is not None else None
        # What its source says, unless a moderator is to see it first.
        is_gated = self.options.moderate and row.status in (*PUBLIC, Status.PENDING)
        return InitiativeDraft(
            id=former.id if former else None,
            title=row.title,
            summary=row.summary,
            description=row.description,
            theme=row.theme,
            scale=row.scale,
            status=Status.PENDING if is_gated else row.status,
            created_at=_moment(row.created_on),
            created_period=None if is_day(row.created_on) else row.created_on or None,
            updated_at=_moment(row.updated_on),
            source_platform=self.platform,
            source_id=entry.source_id,
            source_url=row.url,
            source_licence=row.licence or self.options.licence,
            source_digest=entry.digest,
            place_text=row.place_text,
            placement=placement,
            facts=self.options.facts.get(entry.source_id) or facts,
            attributes=row.attributes,
            withheld=row.withheld,
            shape=row.shape,
        )

    def _saved(
        self, placed: Future[_PlacedBatch], earlier: Sequence[_BatchUnderWay]
    ) -> list[RowReport]:
        """One batch in a transaction of its own; none begins after one that failed.

        Two that bring new rows alone may be saved at once; any other waits for all before it, and
        all after it for it.
        """
        try:
            batch = placed.result()
            for other in earlier:
                if not (batch.is_new_alone and other.placed.result().is_new_alone):
                    wait([other.saved])
            if self.is_broken:
                return []
            with self.engine.connect() as connection, connection.begin() as transaction:
                reports = self._save_batch(connection, batch)
                if self.options.dry_run:
                    transaction.rollback()
                return reports
        except BaseException:
            self.is_broken = True
            raise

    def _save_batch(self, connection: Connection, batch: _PlacedBatch) -> list[RowReport]:
        reports = batch.reports
        for number in self._withdraw(connection, batch.entries, batch.known):
            told = f"{reports[number].reason}; what it was imported as has left public view"
            reports[number] = replace(reports[number], reason=told)

        if batch.changed > LOAD_SIZE:
            mark_as_load(connection)
        # What was, for undoing; then what the database refuses is rejected after all.
        drafts = [draft for _, draft in batch.drafts]
        if self.number:
            former_ids = [draft.id for draft in drafts if draft.id]
            run_queries.keep_former(connection, self.number, former_ids)
        made, refused = save_drafts(connection, drafts)
        if self.number:
            run_queries.keep_made(connection, self.number, made)
        for position, reason in refused.items():
            entry, _ = batch.drafts[position]
            reports[entry.row.number] = _report(entry, RowOutcome.REJECTED, reason)
        if self.options.dry_run and len(self.first) < SHOWN_FIRST:
            taken = [one for place, one in enumerate(batch.drafts) if place not in refused]
            self.first += self._read_back(connection, taken[: SHOWN_FIRST - len(self.first)])
        return [reports[entry.row.number] for entry in batch.entries]

    def _read_back(
        self, connection: Connection, taken: Sequence[tuple[_Entry, InitiativeDraft]]
    ) -> list[FirstRow]:
        """What a trial has saved of these rows, and is about to undo."""
        known = service.known(connection, self.platform, [entry.source_id for entry, _ in taken])
        ids = {
            entry.row.number: draft.id or known[entry.source_id].id
            for entry, draft in taken
            if draft.id or entry.source_id in known
        }
        found = of_ids(connection, list(ids.values()))
        return [
            FirstRow(entry.row.number, entry.row.line, found[ids[entry.row.number]])
            for entry, _ in taken
            if ids.get(entry.row.number) in found
        ]

    def _withdraw(
        self,
        connection: Connection,
        entries: list[_Entry],
        known: Mapping[str, service.KnownImport],
    ) -> set[int]:
        """Takes out of public view what was imported of rows that may not be published any more.

        Returns the numbers of these rows. A later row that may be is a change, and comes back. Of
        rows that share an id with one that may be, what bears their title is meant.
        """
        refused = [entry for entry in entries if entry.row.is_forbidden]
        if not refused:
            return set()
        permitted = {
            entry.source_id for entry in entries if not (entry.row.rejected or entry.row.skipped)
        }
        times = Counter(entry.source_id for entry in refused)
        meant: dict[UUID, int] = {}
        for entry in refused:
            source_id = entry.source_id
            if entry.twin or source_id in permitted or times[source_id] > 1:
                found = run_queries.named_so(connection, self.platform, source_id, entry.row.title)
            else:
                found = [known[source_id].id] if source_id in known else []
            if len(found) == 1:
                meant.setdefault(found[0], entry.row.number)
        left = run_queries.withdraw(connection, self.number, list(meant))
        self.gone.withdrawn += len(left)
        return {meant[one] for one in left}

    def _elsewhere(
        self,
        connection: Connection,
        entries: list[_Entry],
        known: Mapping[str, service.KnownImport],
    ) -> tuple[list[tuple[_Entry, str]], dict[int, str]]:
        """New rows that are initiatives of another source (a file that was renamed, or a list of
        ours), and what to tell of each; by number, those that may be one of their own source."""
        if not entries:
            return [], {}
        asked = [(entry.row.title, entry.row.place_text) for entry in entries]
        found: dict[int, tuple[str, str]] = {}
        repeating: dict[int, str] = {}
        may_repeat = self.options.repeats is not RepeatHandling.SEPARATE
        for other in run_queries.like(connection, asked):
            entry = entries[other.asked - 1]
            day = (entry.row.facts or {}).get("start_day", "")
            if day and other.start_day and day != other.start_day:
                # A lotto of each year is one each year.
                continue
            if other.platform != self.platform:
                if _is_same(entry, other):
                    told = _here_already(other.id, other.platform, _said_otherwise(entry, other))
                    found.setdefault(other.asked - 1, (other.platform, told))
                elif may_repeat and _is_reworded(entry, other):
                    told = f"may be the same as {other.id}, here already: same title, same place"
                    repeating.setdefault(entry.row.number, told)
            elif may_repeat and self._may_repeat(entry, other):
                told = f"may be the same as {other.id}, here already: same title, same place"
                repeating.setdefault(entry.row.number, told)
        # Of a source that has our ids for its own, too; and of what came back under another id.
        positions = {entry.row.own_id or entry.source_id: at for at, entry in enumerate(entries)}
        for at, entry in enumerate(entries):
            if former := known.get(entry.source_id):
                positions[str(former.id)] = at
        for own in run_queries.ours(connection, positions):
            at = positions[str(own.id)]
            told = _here_already(own.id, own.platform, _differing(entries[at].row, own))
            found[at] = own.platform, told
        self.elsewhere.update(platform for platform, _ in found.values())
        return [(entries[index], told) for index, (_, told) in found.items()], repeating

    def _said_before(
        self,
        connection: Connection,
        changed: list[_Entry],
        known: Mapping[str, service.KnownImport],
    ) -> dict[int, str]:
        """In which fields and columns rows that were imported before say something else now."""
        formers = {
            str(former.id): entry for entry in changed if (former := known.get(entry.source_id))
        }
        told = {}
        for own in run_queries.ours(connection, formers):
            row = formers[str(own.id)].row
            fields = [name for name in _differing(row, own) if name not in PLACE_FIELDS]
            if own.place_text != row.place_text:
                fields.append("place")
            cells = [
                name
                for name in {**own.attributes, **row.attributes}
                if own.attributes.get(name) != row.attributes.get(name)
            ]
            if shown := ", ".join(one_line(name)[:60] for name in (*fields, *cells)[:SHOWN_FIELDS]):
                told[row.number] = f"says something else than before in: {shown}"
        return told

    def _may_repeat(self, entry: _Entry, other: LikeInitiative) -> bool:
        """Whether a new row may be what its source brought before, in another file. Rows of one
        file are compared with each other as they come (`RepeatedRows`)."""
        row = entry.row
        if row.external_id or row.own_id or self.repeated.may_repeat(row):
            return False
        if other.status not in (*PUBLIC, Status.PENDING):
            return False
        metres = RowSighting.of(row).metres_to(other.lon, other.lat)
        if metres is not None:
            return metres <= APART_M
        texts = row.description, other.description
        return texts[0] == texts[1] or not all(texts)


def _believed(one: IdentifiedRow, placer: RowPlacer) -> tuple[SourceRow, str]:
    """A row with what is doubted of its point, and the digest of what it says then."""
    row = placer.doubted(one.row, one.source_id)
    return row, one.digest if row is one.row else digest_of(row)


def _here_already(initiative: UUID, platform: str, differing: Sequence[str]) -> str:
    told = f"stands here already: {initiative}, from {platform!r}"
    if not differing:
        return told
    shown = ", ".join(one_line(name)[:60] for name in differing)
    return "; ".join((told, f"it says something else ({shown}) and was left as it is"))


def _said_otherwise(entry: _Entry, other: LikeInitiative) -> list[str]:
    """What a row says and an initiative of another source does not, or says otherwise."""
    row = entry.row
    differing = ["description"] if row.description and row.description != other.description else []
    return differing + [
        name for name, told in row.attributes.items() if other.attributes.get(name) != told
    ]


def _is_reworded(entry: _Entry, other: LikeInitiative) -> bool:
    """Whether what another source says of one title and place is this row in other words."""
    row = entry.row
    if other.status not in (*PUBLIC, Status.PENDING) or row.own_id or not row.place_text:
        return False
    metres = RowSighting.of(row).metres_to(other.lon, other.lat)
    if metres is not None:
        return metres <= APART_M
    return _tells_the_same(row.description, other.description)


def _tells_the_same(one: str, other: str) -> bool:
    """Whether two descriptions are one, corrected; nothing contradicts nothing."""
    if one == other or not (one and other):
        return True
    pair = words_of(one[:1_000]), words_of(other[:1_000])
    return SequenceMatcher(None, *pair).ratio() >= REWORDED


def _differing(row: SourceRow, own: OwnInitiative) -> list[str]:
    """The fields in which a list that was taken from here was corrected since, or we were.

    What a list does not say is no correction: not each format has texts and facts.
    """
    differing = [
        name
        for name in ("title", "summary", "description", "theme")
        if (said := str(getattr(row, name)).split())
        and said != block(str(getattr(own, name))).split()
    ]
    if row.citycode and row.citycode != own.commune:
        differing.append("citycode")
    for name in ("lon", "lat"):
        said, known = getattr(row, name), getattr(own, name)
        if said is not None and (known is None or abs(said - known) > NEARLY_SAME_DEGREES):
            differing.append(name)
    known_facts = own.facts.to_json()
    if any(said != known_facts.get(name) for name, said in (row.facts or {}).items()):
        differing.append("facts")
    return differing


def _is_same(entry: _Entry, other: LikeInitiative) -> bool:
    """Whether a row and an initiative of its title and place are one: by their id, else by all
    else that they say."""
    row = entry.row
    if entry.source_id.partition("#")[0] == other.source_id.partition("#")[0]:
        # An id that was made of title, place and point says nothing of the rest.
        return bool(row.external_id) or _tells_the_same(row.description, other.description)
    points = (row.lon, row.lat, other.lon, other.lat)
    if all(one is None for one in points):
        near = bool(row.place_text)
    elif row.lon is None or row.lat is None or other.lon is None or other.lat is None:
        near = False
    else:
        near = abs(row.lon - other.lon) < SAME_DEGREES and abs(row.lat - other.lat) < SAME_DEGREES
    return near and row.description == other.description


def save_drafts(
    connection: Connection, drafts: list[InitiativeDraft]
) -> tuple[list[UUID], dict[int, str]]:
    """Saves all at once; if the database refuses, one by one.

    Returns the ids of new ones, and reasons by position. Raises DBAPIError when the database is
    lost: that is no fault of the rows.
    """
    reasons: dict[int, str] = {}
    made: list[UUID] = []
    try:
        with connection.begin_nested():
            made = service.save(connection, drafts)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        for position, draft in enumerate(drafts):
            try:
                with connection.begin_nested():
                    made += service.save(connection, [draft])
            except DBAPIError as refusal:
                if refusal.connection_invalidated:
                    raise
                reasons[position] = str(refusal.orig).splitlines()[0]
    return made, reasons


def _placed_report(entry: _Entry, draft: InitiativeDraft, repeat: str, gone_on: str) -> RowReport:
    """`repeat`: what the row may be the same as; `gone_on`: what it was before it was corrected."""
    placement = draft.placement
    outcome = RowOutcome.UPDATED if draft.id else RowOutcome.IMPORTED
    outcome = RowOutcome.TO_REVIEW if placement.to_review else outcome
    outcome = RowOutcome.REPEATED if repeat else outcome
    has_commune = placement.precision in (Precision.POINT, Precision.COMMUNE)
    told = (repeat, gone_on, placement.reason or placement.match.reason)
    return replace(
        _report(entry, outcome, "; ".join(filter(None, told))),
        precision=str(placement.precision),
        commune=(placement.code or "") if has_commune else "",
        match_status=str(placement.match.status),
        score=placement.match.score,
        territory=placement.code or "",
        lon=placement.lon,
        lat=placement.lat,
        status=str(draft.status),
    )


def _why_not_within(row: SourceRow, placement: Placement) -> str:
    """Why a row is not sure to lie in the territories of whoever imports."""
    if placement.code and not placement.to_review:
        return "lies outside the territory of whoever imports"
    if placement.code:
        return "its place is not sure: it may lie outside the territory of whoever imports"
    if row.place_text:
        return "its place is not recognised: it may lie outside the territory of whoever imports"
    return "it names no place: it may lie outside the territory of whoever imports"


def _report(entry: _Entry, outcome: RowOutcome, reason: str = "") -> RowReport:
    row = entry.row
    notes = "; ".join(part for part in (reason, *row.problems) if part)
    return RowReport(
        row.number,
        outcome,
        entry.source_id,
        row.title,
        row.place_text,
        reason=notes,
        line=row.line,
    )


def present_ids(source: SourceFile) -> set[str]:
    """The ids that the rows of a file have here, without what tells those from each other that the
    file gives twice, and without those that may not be published any more."""
    return {source_id_of(row) for row in source.places if not row.is_forbidden}


def _moment(day: str) -> datetime | None:
    return datetime.fromisoformat(day).replace(tzinfo=UTC) if is_day(day) else None

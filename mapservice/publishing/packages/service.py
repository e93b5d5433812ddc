"""Taking a package in: what it says becomes initiatives, news, photos and events of this service.

Identity is kept: an initiative has the id that it had, or the key of its source. What belongs to
somebody here, or stands here from elsewhere, is left as it is. Taking in the same package again
changes nothing; a run is undone as a whole by `mapservice imports undo`.
"""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from mapservice.errors import InvalidInput
from mapservice.imports import run_queries
from mapservice.imports.row_reports import RowOutcome, RowReport
from mapservice.imports.service import BATCH_ROWS, ImportRun, save_drafts
from mapservice.initiatives.licences import forbids_reuse
from mapservice.initiatives.model import PUBLIC, Status
from mapservice.initiatives.service import InitiativeDraft, known
from mapservice.media import service as media
from mapservice.media.encoding import PhotoRefused
from mapservice.media.model import PhotoState, PhotoWords
from mapservice.media.service import PhotoOwner
from mapservice.media.storage import MediaStore
from mapservice.publishing.packages import queries, records
from mapservice.publishing.packages.model import PackageOrigin, PackageResource
from mapservice.publishing.packages.reading import DataPackage
from mapservice.publishing.packages.records import (
    EventRecord,
    GroupRecord,
    PostRecord,
    SeriesRecord,
)

Record = dict[str, Any]
# Kinds of what a run made beside initiatives, for its undoing.
POSTS, PHOTOS, GROUPS, SERIES = "post", "photo", "local_group", "event_series"


@dataclass(frozen=True, slots=True)
class PackageOptions:
    """How to take a package in. `here` is this service: what began here is its own again.

    `most_photo_bytes` bounds each picture.
    """

    here: PackageOrigin
    most_photo_bytes: int
    dry_run: bool = False
    moderate: bool = False
    started_by: str = ""


def import_package(
    engine: Engine, store: MediaStore, package: DataPackage, options: PackageOptions
) -> ImportRun:
    """Returns the run; lines are taken in as its `reports` are read."""
    number = 0
    keeper: Connection | None = None
    if not options.dry_run:
        keeper = engine.connect()
        with engine.begin() as connection:
            number = run_queries.begin(
                connection,
                platform=package.origin.name,
                file_name=package.path.name,
                person=None,
                started_by=options.started_by,
                is_moderated=options.moderate,
                is_snapshot=False,
                reading={
                    "encoding": "UTF-8",
                    "rows": package.total,
                    "package": {"origin": package.origin.base_url, "created": package.created},
                    "made": {},
                },
            )
            run_queries.mark_alive(keeper, number)
    taking = _PackageImport(engine, store, package, options, number, keeper)
    return ImportRun(
        platform=package.origin.name,
        total=package.total,
        columns={},
        problems=(f"a data package of {package.origin.name}, made {package.created}",),
        reports=taking.recorded(),
        encoding="UTF-8",
        id=number,
    )


@dataclass(slots=True)
class _PackageImport:
    engine: Engine
    store: MediaStore
    package: DataPackage
    options: PackageOptions
    number: int
    # Marks the run while it lives (`run_queries.fail_dead`).
    keeper: Connection | None = None
    # Initiatives of the package that are not taken in: nothing of theirs is.
    absent: set[str] = field(default_factory=set)
    row: int = 0

    def recorded(self) -> Iterator[RowReport]:
        """The lines as they are taken in; how that ended is kept."""
        counts: Counter[str] = Counter()
        state = "failed"
        try:
            for report in self._reports():
                counts[str(report.outcome)] += 1
                yield report
            state = "done"
        finally:
            if self.number:
                with self.engine.begin() as connection:
                    run_queries.finish(connection, self.number, state, counts)
            if self.keeper is not None:
                self.keeper.close()

    def _reports(self) -> Iterator[RowReport]:
        lines = self.package.records(PackageResource.INITIATIVES)
        while batch := list(islice(lines, BATCH_ROWS)):
            with self.engine.connect() as connection, connection.begin() as transaction:
                reports = self._initiatives(connection, batch)
                if self.options.dry_run:
                    transaction.rollback()
            yield from reports
        yield from self._each(PackageResource.POSTS, POSTS, self._post)
        for line in self.package.records(PackageResource.PHOTOS):
            yield self._photo(line)
        yield from self._each(PackageResource.GROUPS, GROUPS, self._group)
        yield from self._each(PackageResource.SERIES, SERIES, self._series)
        yield from self._each(PackageResource.EVENTS, "", self._event)

    # --- Initiatives ------------------------------------------------------------------------------

    def _initiatives(self, connection: Connection, lines: Sequence[Record]) -> list[RowReport]:
        reports: dict[int, RowReport] = {}
        drafts: list[tuple[int, InitiativeDraft]] = []
        for line in lines:
            self.row += 1
            try:
                draft = self._draft(line)
            except InvalidInput as error:
                told = _told(line)
                self.absent.add(str(told.get("id", "")))
                reports[self.row] = self._report(told, RowOutcome.REJECTED, str(error))
            else:
                drafts.append((self.row, draft))

        changed: list[tuple[int, InitiativeDraft]] = []
        for number, draft, outcome, reason in self._compared(connection, drafts):
            if outcome in (RowOutcome.IMPORTED, RowOutcome.UPDATED):
                changed.append((number, draft))
            elif outcome is RowOutcome.ELSEWHERE:
                self.absent.add(str(draft.id or draft.new_id))
            reports[number] = replace(_report_of(number, draft, outcome), reason=reason)

        if self.number:
            former = [draft.id for _, draft in changed if draft.id]
            run_queries.keep_former(connection, self.number, former)
        made, refused = save_drafts(connection, [draft for _, draft in changed])
        if self.number:
            run_queries.keep_made(connection, self.number, made)
        for position, reason in refused.items():
            number, draft = changed[position]
            self.absent.add(str(draft.id or draft.new_id))
            reports[number] = replace(reports[number], outcome=RowOutcome.REJECTED, reason=reason)
        return [reports[number] for number in sorted(reports)]

    def _draft(self, line: Record) -> InitiativeDraft:
        """Raises InvalidInput, naming the member at fault."""
        draft = records.read_initiative(line)
        if forbids_reuse(draft.source_licence):
            raise InvalidInput("licence", f"{draft.source_licence!r} forbids reuse")
        digest = records.digest(line)
        origin = self.package.origin
        # What began at this very service, which the package then comes from, is its own again.
        if (
            origin.base_url == self.options.here.base_url
            and draft.source_platform == origin.name
            and draft.source_id == str(draft.new_id)
        ):
            draft = replace(draft, source_platform="", source_id=None, source_url="")
        if self.options.moderate and draft.status in PUBLIC:
            draft = replace(draft, status=Status.PENDING)
        return replace(draft, source_digest=digest)

    def _compared(
        self, connection: Connection, drafts: Sequence[tuple[int, InitiativeDraft]]
    ) -> Iterator[tuple[int, InitiativeDraft, RowOutcome, str]]:
        """What is to become of each, by its id, else by the key of its source."""
        ids = [draft.new_id for _, draft in drafts]
        here = {row.id: row for row in connection.execute(text(HERE), {"ids": ids})}
        by_key: dict[tuple[str, str], UUID] = {}
        for platform in {draft.source_platform for _, draft in drafts} - {""}:
            keys = [
                draft.source_id
                for _, draft in drafts
                if draft.source_platform == platform and draft.source_id
            ]
            found = known(connection, platform, keys)
            by_key |= {(platform, key): one.id for key, one in found.items()}
        # Who took one in by another way, a table or the form, left another digest, or none.
        doubted = [
            draft.new_id
            for _, draft in drafts
            if draft.new_id is not None
            and draft.new_id in here
            and here[draft.new_id].digest != draft.source_digest
        ]
        lines = queries.standing(connection, doubted, self.options.here)
        standing = {one: records.digest(line) for one, line in lines.items()}
        taken: set[UUID] = set()
        for number, draft in drafts:
            assert draft.new_id is not None, "read from the package"
            other = by_key.get((draft.source_platform, draft.source_id or ""))
            row = here.get(draft.new_id)
            if draft.new_id in taken:
                yield number, draft, RowOutcome.MERGED, "the same id as an earlier line"
            elif row is None and other is not None:
                told = f"stands here already: {other}, from {draft.source_platform!r}"
                yield number, draft, RowOutcome.ELSEWHERE, told
            elif row is None:
                yield number, draft, RowOutcome.IMPORTED, ""
            elif draft.source_digest in (row.digest, standing.get(draft.new_id)):
                yield number, draft, RowOutcome.UNCHANGED, ""
            elif row.has_author or (row.platform, row.source_id) != (
                draft.source_platform,
                draft.source_id,
            ):
                told = "an initiative of this id is kept as it is: it belongs to somebody here"
                yield number, draft, RowOutcome.ELSEWHERE, told
            else:
                updated = replace(draft, id=draft.new_id)
                yield number, updated, RowOutcome.UPDATED, ""
            taken.add(draft.new_id)

    # --- What belongs to initiatives, and events --------------------------------------------------

    def _each(
        self,
        resource: PackageResource,
        kind: str,
        take: Callable[[Connection, Record], tuple[RowReport, UUID | None]],
    ) -> Iterator[RowReport]:
        """Some hundred lines a transaction; one that the database refuses takes none along."""
        lines = self.package.records(resource)
        while batch := list(islice(lines, BATCH_ROWS)):
            reports: list[RowReport] = []
            made: list[UUID] = []
            with self.engine.connect() as connection, connection.begin() as transaction:
                for line in batch:
                    self.row += 1
                    try:
                        with connection.begin_nested():
                            report, identifier = take(connection, line)
                    except InvalidInput as error:
                        report, identifier = self._refused(line, str(error)), None
                    except DBAPIError as error:
                        if error.connection_invalidated:
                            raise
                        reason = str(error.orig).splitlines()[0]
                        report, identifier = self._refused(line, reason), None
                    reports.append(report)
                    if identifier and report.outcome is RowOutcome.IMPORTED:
                        made.append(identifier)
                if self.number and made and kind:
                    run_queries.keep_made_beside(connection, self.number, kind, made)
                if self.options.dry_run:
                    transaction.rollback()
            yield from reports

    def _post(self, connection: Connection, line: Record) -> tuple[RowReport, UUID | None]:
        post = PostRecord.read(line)
        if str(post.initiative) in self.absent:
            return self._without_initiative(line), None
        if self.options.dry_run:
            return self._tried(connection, "post", post.id, line), None
        done = connection.execute(text(INSERT_POST), post.bound())
        # Its news are old: nobody is told anew.
        connection.execute(text("DELETE FROM post_due WHERE post = :id"), {"id": post.id})
        return self._report(line, _outcome(done.rowcount)), post.id

    def _photo(self, line: Record) -> RowReport:
        self.row += 1
        try:
            photo = records.PhotoRecord.read(line)
        except InvalidInput as error:
            return self._refused(line, str(error))
        if str(photo.initiative) in self.absent:
            return self._without_initiative(line)
        if not photo.path:
            told = "the package does not hold its picture"
            return self._report(line, RowOutcome.SKIPPED, told)
        with self.engine.connect() as connection:
            if media.is_kept(connection, photo.id):
                return self._report(line, RowOutcome.UNCHANGED)
        if self.options.dry_run:
            return self._report(line, RowOutcome.IMPORTED)
        content = self.package.picture(photo.path, self.options.most_photo_bytes)
        if content is None:
            return self._refused(line, "its picture is not in the package, or is too large")
        owner = PhotoOwner(photo.initiative, state=PhotoState.PUBLIC, post=photo.post)
        words = PhotoWords(photo.alt, photo.credit, photo.focal_x, photo.focal_y)
        try:
            media.restore(
                self.engine,
                self.store,
                photo.id,
                owner,
                io.BytesIO(content),
                self.options.most_photo_bytes,
                words,
                photo.position,
                photo.added_at,
            )
        except PhotoRefused as error:
            return self._refused(line, str(error))
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            return self._refused(line, str(error.orig).splitlines()[0])
        with self.engine.begin() as connection:
            if self.number:
                run_queries.keep_made_beside(connection, self.number, PHOTOS, [photo.id])
        return self._report(line, RowOutcome.IMPORTED)

    def _is_own(self, source: str) -> bool:
        """Whether what has this source began at this very service, which the package comes from."""
        origin = self.package.origin
        return origin.base_url == self.options.here.base_url and source == origin.name

    def _group(self, connection: Connection, line: Record) -> tuple[RowReport, UUID | None]:
        group = GroupRecord.read(line)
        told = _told(line)
        if forbids_reuse(group.values["source_licence"]):
            raise InvalidInput("licence", f"{group.values['source_licence']!r} forbids reuse")
        if self.options.dry_run:
            return self._tried(connection, "local_group", group.id, told), None
        bound = group.bound()
        if self._is_own(group.source):
            bound |= {"source": "", "source_url": ""}
        if self.options.moderate:
            bound |= {"status": "pending", "published_at": None, "archived_at": None}
        done = connection.execute(text(INSERT_GROUP), bound)
        if done.rowcount:
            linked = [str(one) for one in group.initiatives]
            connection.execute(text(LINK_INITIATIVES), {"group": group.id, "initiatives": linked})
        if done.rowcount and self.options.moderate:
            # After its row, so that the queue knows its territories.
            connection.execute(text(QUEUE_GROUP), {"group": group.id})
        return self._report(told, _outcome(done.rowcount)), group.id

    def _series(self, connection: Connection, line: Record) -> tuple[RowReport, UUID | None]:
        series = SeriesRecord.read(line)
        if self.options.dry_run:
            return self._tried(connection, "event_series", series.id, line), None
        waits = self.options.moderate
        bound = series.bound() | {
            "source": "" if self._is_own(series.source) else series.source,
            "published_at": None if waits else series.published_at,
        }
        done = connection.execute(text(INSERT_SERIES), bound)
        if not done.rowcount:
            self.absent.add(str(series.id))
        return self._report(line, _outcome(done.rowcount)), series.id

    def _event(self, connection: Connection, line: Record) -> tuple[RowReport, UUID | None]:
        event = EventRecord.read(line)
        told = _told(line)
        if str(event.series) in self.absent:
            # Its series stands here already, and so do its dates, as they are known here.
            return self._report(told, RowOutcome.UNCHANGED), None
        if self.options.dry_run:
            return self._tried(connection, "event", event.id, told), None
        values = event.bound()
        if self.options.moderate:
            values["status"] = "pending"
            values["cancelled_at"] = None
        done = connection.execute(text(INSERT_EVENT), values)
        if self.options.moderate:
            # Once its events are there, which say whose queue it waits in.
            connection.execute(text(QUEUE_SERIES), {"series": event.series})
        return self._report(told, _outcome(done.rowcount)), event.id

    def _tried(
        self, connection: Connection, table: str, identifier: UUID, record: Record
    ) -> RowReport:
        """What would become of a line whose initiative or series is not saved."""
        found = connection.execute(text(EXISTS[table]), {"id": identifier}).scalar_one()
        return self._report(record, RowOutcome.UNCHANGED if found else RowOutcome.IMPORTED)

    # --- Reports ----------------------------------------------------------------------------------

    def _report(self, record: Record, outcome: RowOutcome, reason: str = "") -> RowReport:
        name = (
            record.get("title")
            or record.get("name")
            or record.get("text")
            or record.get("alt")
            or ""
        )
        return RowReport(
            self.row, outcome, str(record.get("id", ""))[:100], str(name)[:200], "", reason=reason
        )

    def _refused(self, line: Record, reason: str) -> RowReport:
        return self._report(_told(line), RowOutcome.REJECTED, reason)

    def _without_initiative(self, line: Record) -> RowReport:
        return self._report(line, RowOutcome.SKIPPED, "what it is about is not taken in")


def _told(line: Record) -> Record:
    """What a line says: the properties of a feature, else its members."""
    properties = line.get("properties")
    return properties if isinstance(properties, dict) else line


def _outcome(rows: int) -> RowOutcome:
    return RowOutcome.IMPORTED if rows else RowOutcome.UNCHANGED


def _report_of(number: int, draft: InitiativeDraft, outcome: RowOutcome) -> RowReport:
    placement = draft.placement
    return RowReport(
        number,
        outcome,
        draft.source_id or str(draft.new_id),
        draft.title,
        draft.place_text,
        precision=str(placement.precision),
        commune=(placement.code or "") if placement.precision in ("point", "commune") else "",
        match_status=str(placement.match.status),
        score=placement.match.score,
    )


HERE = """
SELECT initiative.id, source_platform AS platform, source_id, source_digest AS digest,
       EXISTS (SELECT FROM proposal WHERE proposal.initiative = initiative.id) AS has_author
  FROM initiative WHERE id = ANY(CAST(:ids AS uuid[]))"""

EXISTS = {
    "post": "SELECT EXISTS (SELECT FROM post WHERE id = :id)",
    "local_group": "SELECT EXISTS (SELECT FROM local_group WHERE id = :id)",
    "event_series": "SELECT EXISTS (SELECT FROM event_series WHERE id = :id)",
    "event": "SELECT EXISTS (SELECT FROM event WHERE id = :id)",
}

INSERT_POST = """
INSERT INTO post (id, initiative, kind, text, closed_as, state, made_at, published_at)
VALUES (:id, :initiative, :kind, :text, :closed_as, 'public', :made_at, :published_at)
    ON CONFLICT (id) DO NOTHING"""

# Who organises it stays where it came from: here it has no members. `succession_since` is of now.
INSERT_GROUP = """
INSERT INTO local_group (id, status, name, summary, description, theme, openness, organisation,
                         area, place_text, precision, point, commune, epci, departement, region,
                         last_sign_at, submitted_at, published_at, archived_at, source, source_url,
                         source_licence)
VALUES (:id, :status, :name, :summary, :description, :theme, :openness, :organisation, :area,
        :place_text, :precision,
        ST_SetSRID(ST_MakePoint(CAST(:lon AS float8), CAST(:lat AS float8)), 4326), :commune, :epci,
        :departement, :region, :last_sign_at, :submitted_at, :published_at, :archived_at, :source,
        :source_url, :source_licence)
    ON CONFLICT (id) DO NOTHING"""

# In the order in which they were added; one that belongs to a group here stays there.
LINK_INITIATIVES = """
INSERT INTO group_initiative (initiative, local_group, added_at)
SELECT initiative.id, :group, now() + place * interval '1 microsecond'
  FROM unnest(CAST(:initiatives AS uuid[])) WITH ORDINALITY AS told (id, place)
  JOIN initiative ON initiative.id = told.id
    ON CONFLICT (initiative) DO NOTHING"""

QUEUE_GROUP = "UPDATE local_group SET queued_at = now() WHERE id = :group"

INSERT_SERIES = """
INSERT INTO event_series (id, continues, local_group, starts_local, duration, zone, rrule, exdates,
                          rdates, made_until, submitted_at, published_at, source, source_url,
                          source_licence)
VALUES (:id, (SELECT id FROM event_series WHERE id = :continues),
        (SELECT id FROM local_group WHERE id = :group), :starts_local, :duration, :zone,
        :rrule, CAST(:exdates AS timestamp[]), CAST(:rdates AS timestamp[]), :made_until,
        :submitted_at, :published_at, :source, :source_url, :source_licence)
    ON CONFLICT (id) DO NOTHING"""

QUEUE_SERIES = """
UPDATE event_series SET queued_at = coalesce(queued_at, now()) WHERE id = :series"""

INSERT_EVENT = """
INSERT INTO event (id, series, recurrence_id, changed_alone, status, title, summary, description,
                   theme, initiative, starts_at, ends_at, zone, starts_local, ends_local, mode,
                   online_url, place_text, precision, point, commune, epci, departement, region,
                   registration, registration_url, capacity, former_starts_at, former_place, note,
                   sequence, created_at, cancelled_at)
VALUES (:id, :series, :recurrence_id, :changed_alone, :status, :title, :summary, :description,
        :theme, (SELECT id FROM initiative WHERE id = :initiative), :starts_at, :ends_at, :zone,
        :starts_local, :ends_local, :mode, :online_url, :place_text, :precision,
        ST_SetSRID(ST_MakePoint(CAST(:lon AS float8), CAST(:lat AS float8)), 4326), :commune, :epci,
        :departement, :region, :registration, :registration_url, :capacity, :former_starts_at,
        :former_place, :note, :sequence, :created_at, :cancelled_at)
    ON CONFLICT (id) DO NOTHING"""

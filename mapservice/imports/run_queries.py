"""Runs of imports: what each made and changed, what undoing it restores, and what sources are."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import JSONB

from mapservice.db.engine import fill
from mapservice.db.event_tables import event, event_series
from mapservice.db.tables import initiative, initiative_detail
from mapservice.imports.row_reports import RowOutcome, RowReport
from mapservice.initiatives.facts import FACT_COLUMNS, InitiativeFacts


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run as it is kept; `counts` by outcome, `reading` as `run_service.reading_of` writes it."""

    id: int
    platform: str
    file_name: str
    state: str
    person: UUID | None
    started_by: str
    is_moderated: bool
    is_snapshot: bool
    started_at: datetime
    finished_at: datetime | None
    undone_at: datetime | None
    reading: dict[str, Any]
    counts: dict[str, int]
    report: str


@dataclass(frozen=True, slots=True)
class RecordedSource:
    """What is known of a source; one that nobody said anything about is neither trusted nor
    owned."""

    platform: str
    trusted: bool = False
    owner: UUID | None = None
    mapping: Mapping[str, str] | None = None
    licence: str = ""


@dataclass(frozen=True, slots=True)
class LikeInitiative:
    """An initiative with the title and place text of a row that is asked for."""

    asked: int
    id: UUID
    platform: str
    source_id: str
    status: str
    description: str
    start_day: str
    lon: float | None
    lat: float | None
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OwnInitiative:
    """An initiative that a row was taken from, and what a person may have corrected since.

    `commune` is an INSEE code or "", `lon`, `lat` the point in EPSG:4326 or None.
    """

    id: UUID
    platform: str
    title: str
    summary: str
    description: str
    theme: str
    commune: str
    lon: float | None
    lat: float | None
    facts: InitiativeFacts
    place_text: str
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MissingInitiative:
    """What was imported before and is not in a file as it was."""

    id: UUID
    status: str
    title: str
    place_text: str
    summary: str
    description: str
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class UndoneRun:
    """How many initiatives and series of events an undone run gave up: deleted, archived,
    restored, left as they were.

    Archived are those that people support, left those that a moderator decided about since.
    """

    deleted: int
    archived: int
    restored: int
    left: int


def begin(
    connection: Connection,
    *,
    platform: str,
    file_name: str,
    person: UUID | None,
    started_by: str,
    is_moderated: bool,
    is_snapshot: bool,
    reading: Mapping[str, Any],
) -> int:
    """Keeps a run that begins; returns its number."""
    statement = text(BEGIN).bindparams(bindparam("reading", type_=JSONB))
    bound = {
        "platform": platform,
        "file_name": file_name[:300],
        "person": person,
        "started_by": started_by,
        "is_moderated": is_moderated,
        "is_snapshot": is_snapshot,
        "reading": dict(reading),
    }
    return int(connection.execute(statement, bound).scalar_one())


def hold(connection: Connection, run: int, counts: Mapping[str, int]) -> None:
    """Has a run that just began wait for a person."""
    statement = text("UPDATE import_run SET state = 'waits', counts = :counts WHERE id = :run")
    bound = {"run": run, "counts": dict(counts)}
    connection.execute(statement.bindparams(bindparam("counts", type_=JSONB)), bound)


def settle_waiting(connection: Connection, run: int, state: str) -> bool:
    """Accepts or drops a run that waits; False where it does not, or no longer."""
    bound = {"run": run, "state": state}
    return connection.execute(text(SETTLE_WAITING), bound).rowcount == 1


def resume(connection: Connection, run: int, reading: Mapping[str, Any]) -> None:
    """Keeps that a run which waited begins, and how it reads its file."""
    statement = text(RESUME).bindparams(bindparam("reading", type_=JSONB))
    connection.execute(statement, {"run": run, "reading": dict(reading)})


def mark_alive(connection: Connection, run: int) -> None:
    """Says that a run is under way for as long as the transaction of a connection is open."""
    connection.execute(text(MARK_ALIVE), {"run": run})


def fail_dead(connection: Connection) -> list[int]:
    """Ends runs whose process has died: those that nobody marks any more; returns their numbers."""
    return [int(run) for run in connection.execute(text(FAIL_DEAD)).scalars()]


def waiting_run(connection: Connection, platform: str) -> RecordedRun | None:
    """The run of a source that waits for a person, or was accepted and has not begun."""
    row = connection.execute(text(WAITING_RUN), {"platform": platform}).one_or_none()
    return RecordedRun(**row._mapping) if row else None


def waiting_runs(connection: Connection) -> list[RecordedRun]:
    """Those of all sources, the oldest first."""
    return [RecordedRun(**row._mapping) for row in connection.execute(text(WAITING_RUNS))]


def finish(connection: Connection, run: int, state: str, counts: Mapping[str, int]) -> None:
    """Keeps how a run ended."""
    statement = text(FINISH).bindparams(bindparam("counts", type_=JSONB))
    bound = {"run": run, "state": state, "counts": dict(counts)}
    connection.execute(statement, bound)


def keep_report(connection: Connection, run: int, report: str) -> None:
    """Keeps where the report on each row lies."""
    statement = text("UPDATE import_run SET report = :report WHERE id = :run")
    connection.execute(statement, {"run": run, "report": report})


def keep_former(connection: Connection, run: int, initiatives: Sequence[UUID]) -> None:
    """Keeps what initiatives are before a run changes them."""
    if initiatives:
        connection.execute(text(KEEP_FORMER), {"run": run, "ids": list(initiatives)})


def keep_made(connection: Connection, run: int, initiatives: Sequence[UUID]) -> None:
    """Keeps what a run made."""
    if initiatives:
        connection.execute(text(KEEP_MADE), {"run": run, "ids": list(initiatives)})


def keep_made_beside(
    connection: Connection, run: int, kind: str, identifiers: Sequence[UUID]
) -> None:
    """Keeps what a run made beside initiatives; `kind` is its table, one of BESIDE."""
    bound = {"run": run, "kind": kind, "ids": [str(one) for one in identifiers]}
    connection.execute(text(KEEP_MADE_BESIDE), bound)


def find_runs(connection: Connection, limit: int, platform: str = "") -> list[RecordedRun]:
    """The newest first."""
    rows = connection.execute(text(RUNS), {"limit": limit, "platform": platform})
    return [RecordedRun(**row._mapping) for row in rows]


def find_run(connection: Connection, run: int, *, is_locked: bool = False) -> RecordedRun | None:
    """One run; `is_locked`: nobody else undoes it until the transaction ends."""
    row = connection.execute(
        text(RUN + (" FOR UPDATE" if is_locked else "")), {"run": run}
    ).one_or_none()
    return RecordedRun(**row._mapping) if row else None


def later_runs(connection: Connection, run: int) -> list[tuple[int, int]]:
    """Later runs that are not undone and changed what this one made or changed: number, count."""
    return [tuple(row) for row in connection.execute(text(LATER), {"run": run})]


def supported(connection: Connection, run: int) -> int:
    """How many initiatives that a run made people support by now."""
    return int(connection.execute(text(SUPPORTED), {"run": run}).scalar_one())


def undo(connection: Connection, run: int) -> UndoneRun:
    """Takes back all that a run did, but for what people did since."""
    bound = {"run": run}
    for kind in BESIDE:
        texts = {"table": kind, "unless": JOINED if kind == "local_group" else "false"}
        connection.execute(text(fill(DELETE_MADE_BESIDE, texts)), bound)
    archived = connection.execute(text(ARCHIVE_SUPPORTED), bound).rowcount
    deleted = connection.execute(text(DELETE_MADE), bound).rowcount
    texts = {"decided": DECIDED}
    left = int(connection.execute(text(fill(DECIDED_SINCE, texts)), bound).scalar_one())
    restored = connection.execute(text(fill(RESTORE, texts)), bound).rowcount
    # Two steps: a change of status is dated by the clock, so its former date follows it.
    for statement in (RESTORE_FACTS, RESTORE_DATES, RESTORE_MATCH, DROP_DETAIL, RESTORE_DETAIL):
        connection.execute(text(fill(statement, texts)), bound)
    connection.execute(
        text("UPDATE import_run SET state = 'undone', undone_at = now() WHERE id = :run"), bound
    )
    connection.execute(text(FORGET_SWEPT), bound)
    events = _undo_events(connection, bound)
    return UndoneRun(
        deleted + events.deleted, archived, restored + events.restored, left + events.left
    )


def _undo_events(connection: Connection, bound: Mapping[str, Any]) -> UndoneRun:
    """The same of series of events; calendars are told of it as of a later version."""
    texts = {"decided": EVENT_DECIDED, **EVENT_TEXTS}
    deleted = connection.execute(text(DELETE_MADE_SERIES), bound).rowcount
    left = int(connection.execute(text(fill(SERIES_DECIDED_SINCE, texts)), bound).scalar_one())
    restored = connection.execute(text(fill(RESTORE_SERIES, texts)), bound).rowcount
    # Places in a rule are unique: those that change are freed first.
    for statement in (DROP_NEW_EVENTS, FREE_RECURRENCES, RESTORE_EVENTS, QUEUE_AGAIN):
        connection.execute(text(fill(statement, texts)), bound)
    return UndoneRun(deleted, 0, restored, left)


def source_ids(connection: Connection, platform: str) -> Iterator[tuple[UUID, str]]:
    """What of a source is public, or would be: id and id at the source."""
    rows = connection.execution_options(stream_results=True, yield_per=5_000).execute(
        text(PUBLIC_OF_SOURCE), {"platform": platform}
    )
    return (tuple(row) for row in rows)


def known_ids(connection: Connection, platform: str) -> Iterator[Sequence[tuple[UUID, str]]]:
    """Of what was imported from a source and is not gone from it, some at a time: id, and id at the
    source without what tells repeated rows apart."""
    rows = connection.execution_options(stream_results=True, yield_per=5_000).execute(
        text(KNOWN_IDS), {"platform": platform}
    )
    return ([(row.id, row.base) for row in some] for some in rows.partitions())


def ids_sharing(
    connection: Connection, platform: str, bases: Sequence[str]
) -> dict[str, dict[str, str | None]]:
    """By each id that several rows of a source share: the ids that tell them apart, with the digest
    of each row, the oldest first."""
    found: dict[str, dict[str, str | None]] = {}
    for row in connection.execute(text(SHARING), {"platform": platform, "bases": list(bases)}):
        found.setdefault(row.base, {})[row.source_id] = row.source_digest
    return found


def missing(connection: Connection, initiatives: Sequence[UUID]) -> list[MissingInitiative]:
    """What initiatives say, in the order of their ids."""
    rows = connection.execute(text(MISSING), {"ids": list(initiatives)})
    return [MissingInitiative(**row._mapping) for row in rows]


def waiting_ids(connection: Connection, platform: str) -> list[str]:
    """Ids at their source of what waits for a moderator."""
    return list(connection.execute(text(WAITING), {"platform": platform}).scalars())


def archive(connection: Connection, run: int, initiatives: Sequence[UUID]) -> None:
    """Archives what its source no longer has; the next import of such a row is a change."""
    if run:  # 0 where none is kept, as of a dry run
        keep_former(connection, run, initiatives)
    connection.execute(text(ARCHIVE), {"ids": list(initiatives)})


def reports_on_gone(connection: Connection, initiatives: Sequence[UUID]) -> list[RowReport]:
    """What a report says of what its source no longer has, in the order of titles."""
    own = initiative.c
    columns = (own.source_id, own.title, own.place_text, own.commune, own.precision)
    rows = connection.execute(
        select(*columns).where(own.id.in_(initiatives)).order_by(own.title, own.id)
    )
    return [
        RowReport(
            row=0,
            outcome=RowOutcome.GONE,
            source_id=row.source_id,
            title=row.title,
            place=row.place_text,
            precision=row.precision,
            commune=row.commune or "",
            reason="no longer in the file: archived",
            status="archived",
        )
        for row in rows
    ]


def withdraw(connection: Connection, run: int, initiatives: Sequence[UUID]) -> list[UUID]:
    """Takes out of public view, and out of the queue, what may not be published any more.

    Returns those that were in either; what was merged or refused before is left.
    """
    shown = list(connection.execute(text(SHOWN), {"ids": list(initiatives)}).scalars())
    if run and shown:  # 0 where none is kept, as of a dry run
        keep_former(connection, run, shown)
    connection.execute(text(WITHDRAW), {"ids": shown})
    return shown


def named_so(connection: Connection, platform: str, source_id: str, title: str) -> list[UUID]:
    """What was imported under an id, also where its file gave that id twice, with this title."""
    bound = {"platform": platform, "source_id": source_id, "title": title}
    return list(connection.execute(text(NAMED_SO), bound).scalars())


def like(connection: Connection, rows: Sequence[tuple[str, str]]) -> list[LikeInitiative]:
    """Initiatives of any source with these titles and place texts, some for each."""
    found = connection.execute(
        text(LIKE),
        {
            "titles": [title for title, _ in rows],
            "places": [place for _, place in rows],
        },
    )
    return [LikeInitiative(**row._mapping) for row in found]


def ours(connection: Connection, ids: Iterable[str]) -> list[OwnInitiative]:
    """Initiatives whose ids here are among these, whatever else these may be."""
    asked = [one for one in ids if OWN_ID.fullmatch(one)]
    if not asked:
        return []
    own = initiative.c
    columns = (own.id, own.source_platform, own.title, own.summary, own.description, own.theme)
    point = (func.ST_X(own.point).label("lon"), func.ST_Y(own.point).label("lat"))
    facts = [own[name] for name in FACT_COLUMNS]
    kept = (own.place_text, initiative_detail.c.attributes)
    rows = connection.execute(
        select(*columns, own.commune, *point, *facts, *kept)
        .outerjoin_from(
            initiative, initiative_detail, initiative_detail.c.initiative == initiative.c.id
        )
        .where(own.id.in_(asked), own.status != "merged")
    )
    return [
        OwnInitiative(
            id=row.id,
            platform=row.source_platform,
            title=row.title,
            summary=row.summary,
            description=row.description,
            theme=row.theme,
            commune=row.commune or "",
            lon=row.lon,
            lat=row.lat,
            facts=InitiativeFacts.of_columns(dict(row._mapping)),
            place_text=row.place_text,
            attributes=row.attributes or {},
        )
        for row in rows
    ]


def parents(connection: Connection) -> dict[tuple[str, str], tuple[str | None, ...]]:
    """EPCI, département and région of each territory, by level and code."""
    rows = connection.execute(text("SELECT level, code, epci, departement, region FROM territory"))
    return {(row.level, row.code): (row.epci, row.departement, row.region) for row in rows}


def find_source(connection: Connection, platform: str) -> RecordedSource:
    """What is known of a source."""
    row = connection.execute(text(SOURCE), {"platform": platform}).one_or_none()
    return RecordedSource(**row._mapping) if row else RecordedSource(platform)


def exists(connection: Connection, platform: str) -> bool:
    """Whether anything was imported from a source, or said about it."""
    return bool(connection.execute(text(EXISTS), {"platform": platform}).scalar_one())


def save_source(connection: Connection, source: RecordedSource) -> None:
    """Keeps what was chosen about a source; an owner stays, and so does trust. What was said of one
    that is swept stays as a whole."""
    statement = text(SAVE_SOURCE).bindparams(bindparam("mapping", type_=JSONB))
    connection.execute(
        statement,
        {
            "platform": source.platform,
            "owner": source.owner,
            "mapping": dict(source.mapping or {}),
            "licence": source.licence,
        },
    )


def credit(connection: Connection, platform: str, attribution: str) -> None:
    """Whom what is imported from a source is to name."""
    connection.execute(text(CREDIT), {"platform": platform, "attribution": attribution[:300]})


def trust(connection: Connection, platform: str, *, is_trusted: bool) -> None:
    """Whether what coordinators import from a source is public at once."""
    connection.execute(text(TRUST), {"platform": platform, "trusted": is_trusted})


def forget_source(connection: Connection, platform: str) -> None:
    """Forgets what was said about a source; its runs stay in the log, as undone."""
    for statement in (FORGET_SOURCE, CLOSE_RUNS):
        connection.execute(text(statement), {"platform": platform})


def remove_events(connection: Connection, platform: str) -> int:
    """Deletes every series of events of one source; returns how many there were."""
    return connection.execute(text(REMOVE_EVENTS), {"platform": platform}).rowcount


def export_person(connection: Connection, person: UUID) -> list[dict[str, Any]]:
    """The runs and files of a person, as JSON holds them."""
    rows = connection.execute(text(OF_PERSON), {"person": person})
    return [dict(row._mapping) for row in rows]


def erase_person(connection: Connection, person: UUID) -> None:
    """Runs stay, and no longer say whose; files go, and sources are the administrators'."""
    for statement in (ERASE_RUNS, ERASE_UPLOADS, ERASE_SOURCES):
        connection.execute(text(statement), {"person": person})


OF_PERSON = """
SELECT 'run' AS kind, text(id) AS id, file_name, platform AS source, state, started_at AS at
  FROM import_run WHERE person = :person
 UNION ALL
SELECT 'file', text(id), file_name, coalesce(options ->> 'platform', ''), state, sent_at
  FROM import_upload WHERE person = :person
 ORDER BY at, id"""

ERASE_RUNS = "UPDATE import_run SET person = NULL, started_by = '' WHERE person = :person"
ERASE_UPLOADS = "DELETE FROM import_upload WHERE person = :person"
ERASE_SOURCES = "UPDATE import_source SET owner = NULL WHERE owner = :person"

BEGIN = """
INSERT INTO import_run (platform, file_name, person, started_by, is_moderated, is_snapshot, reading)
VALUES (:platform, :file_name, :person, :started_by, :is_moderated, :is_snapshot, :reading)
RETURNING id"""

FINISH = """
UPDATE import_run
   SET state = :state, counts = :counts, finished_at = clock_timestamp()
 WHERE id = :run AND state = 'running'"""

MARK_ALIVE = "SELECT pg_advisory_xact_lock(hashtext('import_run'), CAST(:run AS integer))"

# The lock is tried for rows that run alone: a condition beside it might be asked after it.
FAIL_DEAD = """
WITH running AS MATERIALIZED (
       SELECT id FROM import_run WHERE state = 'running' FOR UPDATE SKIP LOCKED),
     dead AS MATERIALIZED (
       SELECT id FROM running
        WHERE pg_try_advisory_xact_lock(hashtext('import_run'), CAST(id AS integer)))
UPDATE import_run SET state = 'failed', finished_at = clock_timestamp()
  FROM dead WHERE import_run.id = dead.id
RETURNING import_run.id"""

SETTLE_WAITING = """
UPDATE import_run
   SET state = :state, finished_at = CASE WHEN :state = 'dropped' THEN clock_timestamp() END
 WHERE id = :run AND state IN ('waits', 'accepted') AND state <> :state"""

RESUME = """
UPDATE import_run SET state = 'running', reading = reading || :reading, counts = '{}'
 WHERE id = :run AND state IN ('waits', 'accepted')"""

# What a sweep would find unchanged is not as it left it any more.
FORGET_SWEPT = """
UPDATE import_source SET digest = '', validators = '{}'
 WHERE platform = (SELECT platform FROM import_run WHERE id = :run)"""

# The columns that an import writes, and those that follow from them by the clock.
KEEP_FORMER = """
INSERT INTO import_change (run, initiative, former)
SELECT :run, initiative.id, jsonb_build_object(
           'initiative', jsonb_build_object(
               'title', title, 'summary', summary, 'description', description, 'theme', theme,
               'scale', scale, 'status', initiative.status, 'created_at', created_at,
               'created_period', created_period, 'updated_at', updated_at,
               'source_platform', source_platform, 'source_id', source_id,
               'source_url', source_url, 'source_licence', source_licence,
               'source_digest', source_digest, 'place_text', place_text,
               'precision', initiative.precision, 'point', text(point), 'commune', commune,
               'epci', epci, 'departement', departement, 'region', region,
               'state_since', state_since),
           'facts', jsonb_build_object(
               'source_supporters', source_supporters, 'address', address,
               'opening_hours', opening_hours, 'open_minutes', text(open_minutes),
               'start_day', start_day, 'end_day', end_day, 'start_time', start_time,
               'end_time', end_time, 'is_free', is_free, 'price', price,
               'wheelchair', wheelchair, 'website', website, 'tags', tags, 'audience', audience),
           'match', to_jsonb(location_match),
           'detail', CASE WHEN detail.initiative IS NOT NULL THEN jsonb_build_object(
               'attributes', attributes, 'withheld', withheld, 'shape', text(shape)) END)
  FROM initiative
  LEFT JOIN location_match ON location_match.initiative = initiative.id
  LEFT JOIN initiative_detail AS detail ON detail.initiative = initiative.id
 WHERE initiative.id = ANY(:ids)
    ON CONFLICT (run, initiative) DO NOTHING"""

KEEP_MADE = """
INSERT INTO import_change (run, initiative)
SELECT :run, made FROM unnest(CAST(:ids AS uuid[])) AS made"""

# What a data package brings beside initiatives, by the table that it is kept in.
BESIDE = ("photo", "post", "event_series", "local_group")
KEEP_MADE_BESIDE = """
UPDATE import_run
   SET reading = jsonb_set(
           reading, ARRAY['made', CAST(:kind AS text)],
           coalesce(reading -> 'made' -> CAST(:kind AS text), '[]')
           || to_jsonb(CAST(:ids AS text[])))
 WHERE id = :run"""
DELETE_MADE_BESIDE = """
DELETE FROM {table}
 WHERE id IN (SELECT CAST(jsonb_array_elements_text(reading -> 'made' -> '{table}') AS uuid)
                FROM import_run WHERE id = :run)
   AND NOT ({unless})"""
# A group that people follow or belong to by now is theirs.
JOINED = "EXISTS (SELECT FROM group_member WHERE group_member.local_group = local_group.id)"

RUN = """
SELECT id, platform, file_name, state, person, started_by, is_moderated, is_snapshot, started_at,
       finished_at, undone_at, reading, counts, report
  FROM import_run WHERE id = :run"""

RUNS = """
SELECT id, platform, file_name, state, person, started_by, is_moderated, is_snapshot, started_at,
       finished_at, undone_at, reading, counts, report
  FROM import_run WHERE :platform = '' OR platform = :platform
 ORDER BY id DESC LIMIT :limit"""

WAITING_RUN = """
SELECT id, platform, file_name, state, person, started_by, is_moderated, is_snapshot, started_at,
       finished_at, undone_at, reading, counts, report
  FROM import_run WHERE platform = :platform AND state IN ('waits', 'accepted')
 ORDER BY id DESC LIMIT 1"""

WAITING_RUNS = """
SELECT id, platform, file_name, state, person, started_by, is_moderated, is_snapshot, started_at,
       finished_at, undone_at, reading, counts, report
  FROM import_run WHERE state IN ('waits', 'accepted')
 ORDER BY id"""

LATER = """
SELECT later.run, count(*)
  FROM (SELECT later.run
          FROM import_change AS own
          JOIN import_change AS later ON later.initiative = own.initiative AND later.run > own.run
         WHERE own.run = :run
         UNION ALL
        SELECT later.run
          FROM import_event_change AS own
          JOIN import_event_change AS later ON later.series = own.series AND later.run > own.run
         WHERE own.run = :run) AS later
  JOIN import_run AS other ON other.id = later.run AND other.state <> 'undone'
 GROUP BY later.run ORDER BY later.run"""

SUPPORTED = """
SELECT count(*) FROM import_change
  JOIN initiative ON initiative.id = import_change.initiative
 WHERE run = :run AND former IS NULL AND supporters > 0"""

# What people support does not vanish under them: it leaves the lists, its page stays.
ARCHIVE_SUPPORTED = """
UPDATE initiative SET status = 'archived', source_digest = NULL
  FROM import_change
 WHERE import_change.run = :run AND former IS NULL AND initiative.id = import_change.initiative
   AND supporters > 0 AND is_public(initiative.status)"""

DELETE_MADE = """
DELETE FROM initiative USING import_change
 WHERE import_change.run = :run AND former IS NULL AND initiative.id = import_change.initiative
   AND NOT (supporters > 0 AND is_public(initiative.status))"""

DECIDED = """
EXISTS (SELECT FROM decision WHERE decision.initiative = changed.initiative
           AND decision.decided_at > (SELECT started_at FROM import_run WHERE id = :run))"""

DECIDED_SINCE = """
SELECT count(*) FROM import_change AS changed
 WHERE run = :run AND former IS NOT NULL AND {decided}
   AND EXISTS (SELECT FROM initiative WHERE id = changed.initiative)"""

RESTORE = """
UPDATE initiative
   SET title = was.title, summary = was.summary, description = was.description, theme = was.theme,
       scale = was.scale, status = was.status, created_at = was.created_at,
       created_period = was.created_period, updated_at = was.updated_at,
       source_platform = was.source_platform, source_id = was.source_id,
       source_url = was.source_url, source_licence = was.source_licence,
       source_digest = was.source_digest, place_text = was.place_text, precision = was.precision,
       point = CAST(was.point AS geometry), commune = was.commune, epci = was.epci,
       departement = was.departement, region = was.region, changed_at = clock_timestamp()
  FROM import_change AS changed
 CROSS JOIN LATERAL jsonb_to_record(changed.former -> 'initiative') AS was (
       title text, summary text, description text, theme text, scale text, status text,
       created_at timestamptz, created_period text, updated_at timestamptz, source_platform text,
       source_id text, source_url text, source_licence text, source_digest text, place_text text,
       precision text, point text, commune text, epci text, departement text, region text)
 WHERE changed.run = :run AND former IS NOT NULL AND initiative.id = changed.initiative
   AND NOT {decided}"""

RESTORE_DATES = """
UPDATE initiative
   SET state_since = CAST(former -> 'initiative' ->> 'state_since' AS timestamptz),
       updated_at = CAST(former -> 'initiative' ->> 'updated_at' AS timestamptz)
  FROM import_change AS changed
 WHERE changed.run = :run AND former IS NOT NULL AND initiative.id = changed.initiative
   AND NOT {decided}"""

# Runs before version 1 of data packages kept none, and changed none.
RESTORE_FACTS = """
UPDATE initiative
   SET source_supporters = was.source_supporters, address = was.address,
       opening_hours = was.opening_hours,
       open_minutes = CAST(was.open_minutes AS int4multirange), start_day = was.start_day,
       end_day = was.end_day, start_time = was.start_time, end_time = was.end_time,
       is_free = was.is_free, price = was.price, wheelchair = was.wheelchair,
       website = was.website, tags = was.tags, audience = was.audience
  FROM import_change AS changed
 CROSS JOIN LATERAL jsonb_to_record(changed.former -> 'facts') AS was (
       source_supporters integer, address text, opening_hours text, open_minutes text,
       start_day date, end_day date, start_time time, end_time time, is_free boolean, price text,
       wheelchair text, website text, tags text[], audience text[])
 WHERE changed.run = :run AND jsonb_typeof(former -> 'facts') = 'object'
   AND initiative.id = changed.initiative AND NOT {decided}"""

RESTORE_MATCH = """
UPDATE location_match
   SET query = was.query, parts = was.parts, candidates = was.candidates, status = was.status,
       precision = was.precision, score = was.score, method = was.method, reason = was.reason,
       cog_year = was.cog_year, matched_at = was.matched_at, review = was.review,
       decided_by = was.decided_by, decided_at = was.decided_at, attribution = was.attribution,
       decision = was.decision
  FROM import_change AS changed
 CROSS JOIN LATERAL jsonb_to_record(changed.former -> 'match') AS was (
       query jsonb, parts jsonb, candidates jsonb, status text, precision text, score real,
       method text, reason text, cog_year smallint, matched_at timestamptz, review text,
       decided_by text, decided_at timestamptz, attribution text, decision jsonb)
 WHERE changed.run = :run AND jsonb_typeof(former -> 'match') = 'object'
   AND location_match.initiative = changed.initiative AND NOT {decided}"""


def _set(columns: Sequence[str]) -> str:
    return ", ".join(f"{name} = excluded.{name}" for name in columns)


def _listed(columns: Sequence[str], prefix: str = "") -> str:
    return ", ".join(prefix + name for name in columns)


# What a trigger derives is derived anew.
DERIVED = ("anchor", "anchor_3857", "cell", "search")
SERIES_COLUMNS = [one.name for one in event_series.c]
EVENT_COLUMNS = [one.name for one in event.c if one.name not in DERIVED]
TOLD_COLUMNS = [one for one in EVENT_COLUMNS if one not in ("sequence", "changed_at")]
EVENT_TEXTS = {
    "series_columns": _listed(SERIES_COLUMNS),
    "series_was": _listed(SERIES_COLUMNS, "was."),
    "series_set": _set(SERIES_COLUMNS[1:]),
    "event_columns": _listed(EVENT_COLUMNS),
    "event_was": _listed(EVENT_COLUMNS, "was."),
    "event_set": _set(TOLD_COLUMNS[1:]),
    "told_now": _listed(TOLD_COLUMNS, "event."),
    "told_then": _listed(TOLD_COLUMNS, "excluded."),
}

EVENT_DECIDED = """
EXISTS (SELECT FROM decision WHERE decision.event_series = changed.series
           AND decision.decided_at > (SELECT started_at FROM import_run WHERE id = :run))"""

DELETE_MADE_SERIES = """
DELETE FROM event_series USING import_event_change AS changed
 WHERE changed.run = :run AND former IS NULL AND event_series.id = changed.series"""

SERIES_DECIDED_SINCE = """
SELECT count(*) FROM import_event_change AS changed
 WHERE run = :run AND former IS NOT NULL AND {decided}
   AND EXISTS (SELECT FROM event_series WHERE id = changed.series)"""

RESTORE_SERIES = """
INSERT INTO event_series ({series_columns})
SELECT {series_was}
  FROM import_event_change AS changed
 CROSS JOIN LATERAL jsonb_populate_record(NULL::event_series, former -> 'series') AS was
 WHERE changed.run = :run AND former IS NOT NULL AND NOT {decided}
    ON CONFLICT (id) DO UPDATE SET {series_set}"""

DROP_NEW_EVENTS = """
DELETE FROM event USING import_event_change AS changed
 WHERE changed.run = :run AND former IS NOT NULL AND event.series = changed.series
   AND NOT former -> 'events' @> jsonb_build_array(jsonb_build_object('id', event.id))
   AND NOT {decided}"""

FREE_RECURRENCES = """
UPDATE event SET recurrence_id = event.recurrence_id + interval '20000 years'
  FROM import_event_change AS changed
 CROSS JOIN LATERAL jsonb_populate_recordset(NULL::event, former -> 'events') AS was
 WHERE changed.run = :run AND former IS NOT NULL AND event.id = was.id
   AND event.recurrence_id <> was.recurrence_id AND NOT {decided}"""

RESTORE_EVENTS = """
INSERT INTO event ({event_columns})
SELECT {event_was}
  FROM import_event_change AS changed
 CROSS JOIN LATERAL jsonb_populate_recordset(NULL::event, former -> 'events') AS was
 WHERE changed.run = :run AND former IS NOT NULL AND NOT {decided}
    ON CONFLICT (id) DO UPDATE
   SET {event_set}, sequence = greatest(event.sequence, excluded.sequence) + 1
 WHERE ({told_now}) IS DISTINCT FROM ({told_then})"""

# Once its events are there, which say whose queue it waits in.
QUEUE_AGAIN = """
UPDATE event_series SET queued_at = queued_at
  FROM import_event_change AS changed
 WHERE changed.run = :run AND former IS NOT NULL AND event_series.id = changed.series
   AND NOT {decided}"""

DROP_DETAIL = """
DELETE FROM initiative_detail USING import_change AS changed
 WHERE changed.run = :run AND former IS NOT NULL
   AND initiative_detail.initiative = changed.initiative AND NOT {decided}"""

RESTORE_DETAIL = """
INSERT INTO initiative_detail (initiative, attributes, withheld, shape)
SELECT changed.initiative, former -> 'detail' -> 'attributes', former -> 'detail' -> 'withheld',
       CAST(former -> 'detail' ->> 'shape' AS geometry)
  FROM import_change AS changed
  JOIN initiative ON initiative.id = changed.initiative
 WHERE changed.run = :run AND jsonb_typeof(former -> 'detail') = 'object'
   AND NOT {decided}"""

PUBLIC_OF_SOURCE = """
SELECT id, source_id FROM initiative
 WHERE source_platform = :platform AND source_id IS NOT NULL AND status IN ('published', 'done')"""

KNOWN_IDS = """
SELECT id, regexp_replace(source_id, '#[0-9a-f]{12}$', '') AS base FROM initiative
 WHERE source_platform = :platform AND source_id IS NOT NULL
   AND status IN ('draft', 'pending', 'published', 'done')"""

# The source is gone through once: no order of texts has all that begins with an id together.
SHARING = """
SELECT bases.base, source_id, source_digest
  FROM initiative
  JOIN unnest(CAST(:bases AS text[])) AS bases (base)
    ON bases.base = regexp_replace(source_id, '#[0-9a-f]{12}$', '')
 WHERE source_platform = :platform
 ORDER BY initiative.id"""

MISSING = """
SELECT initiative.id, status, title, place_text, summary, description,
       coalesce(detail.attributes, '{}') AS attributes
  FROM initiative
  LEFT JOIN initiative_detail AS detail ON detail.initiative = initiative.id
 WHERE initiative.id = ANY(:ids)
 ORDER BY initiative.id"""

WAITING = """
SELECT source_id FROM initiative
 WHERE source_platform = :platform AND status = 'pending' AND source_id IS NOT NULL"""

ARCHIVE = """
UPDATE initiative SET status = 'archived', source_digest = NULL
 WHERE id = ANY(:ids) AND status IN ('published', 'done')"""

SHOWN = """
SELECT id FROM initiative
 WHERE id = ANY(:ids) AND status IN ('draft', 'pending', 'published', 'done', 'archived')
 ORDER BY id
   FOR NO KEY UPDATE"""

# Without its digest the next row that may be published is a change.
NAMED_SO = """
SELECT id FROM initiative
 WHERE source_platform = :platform AND title = :title
   AND (source_id = :source_id OR starts_with(source_id, :source_id || '#'))
 LIMIT 2"""

WITHDRAW = "UPDATE initiative SET status = 'rejected', source_digest = NULL WHERE id = ANY(:ids)"

# By `initiative_likeness`, whose expression and condition these are.
LIKE = """
SELECT asked.number AS asked, found.id, found.source_platform AS platform,
       coalesce(found.source_id, '') AS source_id, found.status, found.description,
       coalesce(found.start_day::text, '') AS start_day,
       (record.query ->> 'lon')::float8 AS lon, (record.query ->> 'lat')::float8 AS lat,
       coalesce(detail.attributes, '{}') AS attributes
  FROM unnest(CAST(:titles AS text[]), CAST(:places AS text[]))
       WITH ORDINALITY AS asked (title, place, number)
 CROSS JOIN LATERAL (
       SELECT id, source_platform, source_id, status, description, start_day
         FROM initiative
        WHERE lower(title || chr(31) || place_text) = lower(asked.title || chr(31) || asked.place)
          AND source_platform <> '' AND status <> 'merged'
        LIMIT 40) AS found
  LEFT JOIN location_match AS record ON record.initiative = found.id
  LEFT JOIN initiative_detail AS detail ON detail.initiative = found.id
 ORDER BY asked.number, found.id"""

OWN_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

SOURCE = """
SELECT platform, trusted, owner, mapping, licence FROM import_source
 WHERE platform = :platform"""

EXISTS = """
SELECT EXISTS (SELECT FROM import_source WHERE platform = :platform)
    OR EXISTS (SELECT FROM initiative WHERE source_platform = :platform)
    OR EXISTS (SELECT FROM event_series WHERE source = :platform AND source_id IS NOT NULL)"""

SAVE_SOURCE = """
INSERT INTO import_source (platform, owner, mapping, licence)
VALUES (:platform, :owner, :mapping, :licence)
    ON CONFLICT (platform) DO UPDATE
   SET mapping = excluded.mapping, licence = excluded.licence, changed_at = now()
 WHERE import_source.connector = ''"""

REMOVE_EVENTS = """
DELETE FROM event_series WHERE source = :platform AND source_id IS NOT NULL"""

FORGET_SOURCE = "DELETE FROM import_source WHERE platform = :platform"
CLOSE_RUNS = """
UPDATE import_run SET state = 'undone', undone_at = now()
 WHERE platform = :platform AND state <> 'undone'"""

TRUST = """
INSERT INTO import_source (platform, trusted) VALUES (:platform, :trusted)
    ON CONFLICT (platform) DO UPDATE SET trusted = excluded.trusted, changed_at = now()"""

CREDIT = """
INSERT INTO import_source (platform, attribution) VALUES (:platform, :attribution)
    ON CONFLICT (platform) DO UPDATE
   SET attribution = excluded.attribution, changed_at = now()"""

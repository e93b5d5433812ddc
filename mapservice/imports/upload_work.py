"""Files sent by coordinators: looked at, imported and undone by a worker, one at a time.

A worker that imports holds an advisory lock for as long as it lives: where a row says "importing"
and nobody holds the lock, its worker has died, and `tidy` hands the file back. Importing what was
imported changes nothing, so that beginning anew does no harm.
"""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, text

from mapservice.accounts.roles.model import EVERYWHERE, TerritoryScope
from mapservice.errors import MapserviceError
from mapservice.geocoding.service import Locator
from mapservice.imports import run_queries, run_service, upload_queries, uploads
from mapservice.imports.first_rows import SHOWN_FIRST
from mapservice.imports.landings import LandingTally
from mapservice.imports.reading import SourceFile
from mapservice.imports.repeated_rows import RepeatHandling
from mapservice.imports.row_reports import RowOutcome, RowReport, written_report
from mapservice.imports.run_queries import RecordedSource
from mapservice.imports.service import ImportOptions, ImportRun, import_source, open_file
from mapservice.imports.upload_queries import ImportUpload
from mapservice.imports.uploads import PLATFORM_LENGTH, file_path, folder, named, report_path
from mapservice.initiatives.filters import parse_territory
from mapservice.initiatives.model import Status
from mapservice.initiatives.service import known
from mapservice.outgoing.guarded_client import GuardedClient
from mapservice.rollups import service as rollups

log = structlog.get_logger()

LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('imports'), 1)"
MAX_ATTEMPTS = 3
SHOWN_OF_OUTCOME = 5
# What would be lost is listed beside the map.
SHOWN = {RowOutcome.REJECTED: 12}
SHOWN_GONE = 20
SAVED = (RowOutcome.IMPORTED, RowOutcome.UPDATED, RowOutcome.TO_REVIEW, RowOutcome.REPEATED)
SHOWN_SOURCES = 3
ADVANCE_ROWS = 500


def work(
    engine: Engine,
    home: Path,
    locator: Callable[[Connection], Locator],
    client: GuardedClient | None = None,
) -> int:
    """Does what waits, the oldest first; returns how much. Idle while another worker does it.

    `client` fetches files of which an address was given.
    """
    client = client or GuardedClient()
    done = 0
    with engine.begin() as keeper:
        if not keeper.execute(text(LOCK)).scalar_one():
            return 0
        while True:
            with engine.begin() as connection:
                upload = upload_queries.claim(connection)
            if upload is None:
                return done
            try:
                upload = _fetched(engine, home, client, upload)
                _do(engine, home, locator, upload)
            except MapserviceError as error:
                # An import that is not undone stands as it did.
                state = "done" if upload.state == "undoing" else "failed"
                with engine.begin() as connection:
                    upload_queries.settle(connection, upload.id, state, reason=str(error)[:2000])
            done += 1


def tidy(engine: Engine, home: Path) -> None:
    """Hands back what a dead worker left, and deletes what was sent a day ago."""
    run_service.close_dead_runs(engine)
    with engine.begin() as connection:
        if connection.execute(text(LOCK)).scalar_one() and upload_queries.recover(
            connection, MAX_ATTEMPTS
        ):
            upload_queries.defer(connection)
        upload_queries.expire(connection)
    # The folder is read before the table, so that a file that arrives meanwhile is left alone.
    shelf = folder(home)
    present = list(shelf.iterdir()) if shelf.is_dir() else []
    with engine.connect() as connection:
        kept = upload_queries.identifiers(connection)
    for path in present:
        if path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)


def _do(
    engine: Engine, home: Path, locator: Callable[[Connection], Locator], upload: ImportUpload
) -> None:
    log.info("import_upload", id=str(upload.id), state=upload.state)
    if upload.state == "undoing":
        assert upload.run is not None, "only an import is undone"
        undone = run_service.undo_run(engine, upload.run)
        preview = {**upload.preview, "undone": asdict(undone)}
        with engine.begin() as connection:
            upload_queries.settle(connection, upload.id, "undone", preview=preview)
        return

    is_check = upload.state == "checking"
    path = file_path(home, upload)
    options = replace(_options(upload, is_check=is_check), scratch=path.parent)
    source = open_file(engine, path, options.mapping or None, may_lack_title=is_check)
    is_remembered = False
    if is_check and "platform" not in upload.options:
        # Looked at for the first time: what was chosen for its source the last time holds again.
        recorded = _recorded(engine, upload, options.platform or source.platform)
        options = replace(options, licence=options.licence or recorded.licence)
        mapping = uploads.fitting_mapping(recorded, [one.column for one in source.mapping])
        if mapping:
            options = replace(options, mapping=mapping)
            source = open_file(engine, path, mapping, may_lack_title=True)
            is_remembered = True
    preview = _read_as(source, options) | {"is_remembered": is_remembered}
    if source.title_doubt:
        with engine.begin() as connection:
            upload_queries.settle(connection, upload.id, "checked", preview=preview)
        return
    with engine.connect() as connection:
        built = locator(connection)
    run = import_source(engine, built, source, options)
    if run.id:
        # Kept at once: what a broken run did can be undone too.
        with engine.begin() as connection:
            upload_queries.settle(connection, upload.id, upload.state, run=run.id)
    report = report_path(home, upload)
    report.parent.mkdir(exist_ok=True)
    with written_report(report) as write:
        preview |= _counted(engine, upload, run, write)
    if is_check:
        with engine.begin() as connection:
            upload_queries.settle(connection, upload.id, "checked", preview=preview)
        return
    rollups.compact(engine)
    with engine.begin() as connection:
        run_queries.keep_report(connection, run.id, str(report))
        upload_queries.settle(connection, upload.id, "done", preview=preview, run=run.id)


def _recorded(engine: Engine, upload: ImportUpload, platform: str) -> RecordedSource:
    """What is known of a source, if it is that of the person who sent the file; administrators
    import from all."""
    with engine.connect() as connection:
        found = run_queries.find_source(connection, platform[:PLATFORM_LENGTH])
    is_own = found.owner is not None and found.owner == upload.person
    is_everywhere = "*" in upload.options.get("within", ())
    return found if is_own or is_everywhere else RecordedSource(platform)


def _fetched(
    engine: Engine, home: Path, client: GuardedClient, upload: ImportUpload
) -> ImportUpload:
    """With the file that its address gives, which is fetched once."""
    address = upload.options.get("address")
    if not address or upload.state != "checking" or file_path(home, upload).is_file():
        return upload
    draft = folder(home) / str(upload.id) / "fetched.part"
    with draft.open("wb") as target:
        answer = client.fetch(address, target)
    name = named(answer.address, answer.content_type)
    draft.rename(draft.with_name(name))
    with engine.begin() as connection:
        upload_queries.rename(connection, upload.id, name)
    return replace(upload, file_name=name)


def _options(upload: ImportUpload, *, is_check: bool) -> ImportOptions:
    chosen = upload.options
    within = chosen.get("within")
    return ImportOptions(
        mapping=chosen.get("mapping") or None,
        platform=chosen.get("platform", ""),
        licence=chosen.get("licence", ""),
        dry_run=is_check,
        moderate=bool(chosen.get("moderate")),
        snapshot=bool(chosen.get("snapshot")),
        repeats=RepeatHandling(chosen.get("repeats", RepeatHandling.WAIT)),
        within=scope_of(within) if within is not None else None,
        person=upload.person,
        started_by=upload.sent_by,
    )


def scope_of(within: list[str]) -> TerritoryScope | None:
    """Territories as options keep them ("region:53"); None for everywhere."""
    scope = EVERYWHERE if "*" in within else TerritoryScope(tuple(map(parse_territory, within)))
    return None if scope.everywhere else scope


def _read_as(source: SourceFile, options: ImportOptions) -> dict[str, Any]:
    """How the file was read, for the page: each column with some cells and what becomes of it."""
    return {
        "rows": source.total,
        "encoding": source.encoding,
        "platform": options.platform or source.platform[:PLATFORM_LENGTH],
        "licence": options.licence,
        "title_doubt": source.title_doubt,
        "problems": list(source.problems[:50]),
        "columns": [
            {
                "column": one.column,
                "field": one.field,
                "reason": one.reason,
                "kind": one.kind,
                "doubt": one.doubt,
                "personal": one.is_personal,
                "examples": list(one.examples),
            }
            for one in source.mapping
        ],
        "first": [
            {name: cell[:200] for name, cell in record.values.items()} for record in source.sample
        ],
    }


def _link(connection: Connection, platform: str, shown: dict[str, list[dict[str, Any]]]) -> None:
    """Tells which initiatives the examples of an import are, where there is one to be seen."""
    examples = [one for some in shown.values() for one in some if one["source_id"]]
    found = known(connection, platform, [one["source_id"] for one in examples])
    for one in examples:
        if one["source_id"] in found and one["status"] != Status.PENDING:
            one["id"] = str(found[one["source_id"]].id)


def _counted(
    engine: Engine, upload: ImportUpload, run: ImportRun, write: Callable[[RowReport], None]
) -> dict[str, Any]:
    """What became, or would become, of the rows: how many, some of each kind, and where."""
    counts: Counter[str] = Counter()
    # Of each outcome, those of which something is told come first: they are what to look at.
    told: dict[str, list[dict[str, Any]]] = {}
    plain: dict[str, list[dict[str, Any]]] = {}
    communes: Counter[str] = Counter()
    landings = LandingTally()
    mended = waiting = 0
    for number, report in enumerate(run.reports, start=1):
        write(report)
        outcome = str(report.outcome)
        counts[outcome] += 1
        landings.add(report)
        is_saved = report.outcome in SAVED
        if is_saved and report.commune:
            communes[report.commune] += 1
        mended += bool(is_saved and report.reason)
        waiting += is_saved and report.status == Status.PENDING
        some = (told if report.reason else plain).setdefault(outcome, [])
        if len(some) < SHOWN.get(report.outcome, SHOWN_OF_OUTCOME):
            some.append(_shown(report))
        if number % ADVANCE_ROWS == 0:
            with engine.begin() as connection:
                upload_queries.advance(connection, upload.id, number, run.total)
    shown = {
        outcome: [*told.get(outcome, ()), *plain.get(outcome, ())][
            : SHOWN.get(RowOutcome(outcome), SHOWN_OF_OUTCOME)
        ]
        for outcome in counts
    }
    for report in run.gone.reports:
        write(report)
    if run.gone.reports:
        shown[str(RowOutcome.GONE)] = [_shown(one) for one in run.gone.reports[:SHOWN_GONE]]
    with engine.connect() as connection:
        landed = landings.told(connection)
        if upload.state != "checking":
            _link(connection, run.platform, shown)
    return {
        "counts": dict(counts),
        "shown": shown,
        "gone": {
            name: getattr(run.gone, name) for name in ("archived", "waiting", "withdrawn", "absent")
        },
        "communes": len(communes),
        "landed": landed,
        "as_here": [
            one.to_json() for one in sorted(run.first, key=lambda one: one.row)[:SHOWN_FIRST]
        ],
        "elsewhere": run.elsewhere.most_common(SHOWN_SOURCES),
        "mended": mended,
        "waiting": waiting,
    }


def _shown(report: RowReport) -> dict[str, Any]:
    """An example of a page."""
    return {
        "row": report.line or report.row,
        "title": report.title[:200],
        "place": report.place[:200],
        "precision": report.precision,
        "commune": report.commune,
        "reason": report.reason[:500],
        "source_id": report.source_id,
        "status": report.status,
    }

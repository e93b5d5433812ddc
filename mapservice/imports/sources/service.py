"""Sweeps: what a source gives is imported as a whole of it, or nothing is touched.

A source is fetched into a file first, which takes as long as it takes and writes nothing. Only a
file that came whole is imported, as a run like any other, which can be undone. A sweep that lacks
more than a fifth of what is public waits for a person, with its file: accepted, exactly that file
is imported. `trusted` is publishing at once, else what is new or changed waits for moderators.
"""

import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
from sqlalchemy import Connection, Engine

from mapservice.errors import InvalidInput, MapserviceError, NotFound, SourceError, StateConflict
from mapservice.geocoding.service import Locator
from mapservice.imports import run_queries, run_service
from mapservice.imports.columns import ALSO_CALLED, NAMES
from mapservice.imports.connectors.catalogue import CONNECTORS
from mapservice.imports.connectors.model import RecordKind
from mapservice.imports.row_reports import RowOutcome, written_report
from mapservice.imports.run_queries import RecordedRun
from mapservice.imports.run_service import OpenedSource
from mapservice.imports.service import ImportOptions, summary_of
from mapservice.imports.sources import queries
from mapservice.imports.sources.decisions import drop, folder
from mapservice.imports.sources.harvest import Harvest, SourceFetcher
from mapservice.imports.sources.intakes import OWN, Intakes, RecordIntake
from mapservice.imports.sources.model import (
    FILE,
    SHRINK_SHARE,
    LivingSource,
    SweepResult,
    SweepState,
    SweptRow,
    forbids_reuse,
    shrinks_too_much,
)
from mapservice.outgoing.guarded_client import ADDRESS_LENGTH
from mapservice.outgoing.public_hosts import check_address
from mapservice.rollups import service as rollups

log = structlog.get_logger()

NAME_LENGTH, TEXT_LENGTH = 80, 300
NAME = re.compile(r"[^\W_][\w .,'’&()+/-]*")
# Of a difference, enough to see what it is.
SHOWN_ROWS, SHOWN_GONE = 200, 20
TELLING = (RowOutcome.IMPORTED, RowOutcome.UPDATED, RowOutcome.TO_REVIEW, RowOutcome.REJECTED)


def checked_name(platform: str) -> None:
    """Raises InvalidInput for what is no name of a source."""
    if not NAME.fullmatch(platform) or len(platform) > NAME_LENGTH:
        raise InvalidInput("name", f"must be letters, digits and blanks, at most {NAME_LENGTH}")


def checked(source: LivingSource, allowed: frozenset[str]) -> LivingSource:
    """What somebody says of a source, filled up by its connector.

    `allowed` as `public_hosts.check_address` says. Raises InvalidInput naming the field.
    """
    checked_name(source.platform)
    connector = CONNECTORS.get(source.connector)
    if connector is None and source.connector != FILE:
        known = ", ".join([FILE, *CONNECTORS])
        raise InvalidInput("connector", f"{source.connector!r} is none of {known}")
    if connector:
        source = replace(
            source,
            address=source.address or connector.address,
            licence=source.licence or connector.licence,
        )
    if not source.address:
        raise InvalidInput("address", "is missing")
    if source.address.lower().startswith("webcal://"):
        # What calendars call an address to subscribe to; it is fetched like any other.
        source = replace(source, address=f"https{source.address[len('webcal') :]}")
    check_address(source.address, allowed, field="address", most=ADDRESS_LENGTH)
    if not source.licence.strip():
        raise InvalidInput("licence", "is missing: under which licence may this be passed on?")
    if forbids_reuse(source.licence):
        raise InvalidInput("licence", f"{source.licence!r} forbids the reuse that a map is")
    for name in ("licence", "attribution", "contact"):
        given = getattr(source, name)
        if len(given) > TEXT_LENGTH or not given.isprintable():
            raise InvalidInput(name, f"must be one line of at most {TEXT_LENGTH} characters")
    if source.mapping and connector:
        raise InvalidInput("mapping", f"is that of the connector {connector.name}")
    for name in source.mapping:
        if ALSO_CALLED.get(name, name) not in NAMES:
            raise InvalidInput("mapping", f"{name!r} is no field")
    return source


def add(engine: Engine, source: LivingSource, allowed: frozenset[str]) -> None:
    """Registers a source. Raises InvalidInput naming the field, `name` for one that there is."""
    source = checked(source, allowed)
    with engine.begin() as connection:
        if queries.find(connection, source.platform):
            raise InvalidInput("name", f"{source.platform!r} is a source already")
        queries.save(connection, source)
        if source.attribution:
            queries.credit_anew(connection, source.platform)


def change(
    engine: Engine, platform: str, given: Mapping[str, Any], allowed: frozenset[str]
) -> None:
    """Says other things of a source. Raises NotFound, and InvalidInput naming the field."""
    with engine.begin() as connection:
        former = find(connection, platform)
        source = checked(replace(former, **given), allowed)
        queries.save(connection, source)
        if source.attribution != former.attribution:
            queries.credit_anew(connection, platform)


def find(connection: Connection, platform: str) -> LivingSource:
    """Raises NotFound."""
    source = queries.find(connection, platform)
    if source is None:
        raise NotFound(f"There is no source {platform!r}: `mapservice sources add` registers one.")
    return source


def sweep(
    engine: Engine,
    home: Path,
    locator: Callable[[Connection], Locator],
    fetcher: SourceFetcher,
    platform: str,
    *,
    dry_run: bool = False,
    accept_shrink: bool = False,
    started_by: str = "mapservice sources sweep",
    intakes: Intakes = OWN,
) -> SweepResult:
    """Fetches a source and imports what it gives, or the file that waits if that is accepted.

    Whatever the source does is told by the result; with `dry_run` nothing is written at all.
    Raises NotFound, and StateConflict while somebody else sweeps it.
    """
    # The lock is held as long as this transaction, in which nothing is written.
    with engine.begin() as keeper:
        source = find(keeper, platform)
        if not queries.lock(keeper, platform):
            raise StateConflict(f"The source {platform!r} is being swept right now.")
        waiting = run_queries.waiting_run(keeper, platform)
        try:
            if accept_shrink and waiting and not dry_run:
                return _accepted(engine, home, locator, source, waiting, intakes)
            return _swept(
                engine,
                home,
                locator,
                fetcher,
                source,
                waiting,
                dry_run=dry_run,
                accept_shrink=accept_shrink,
                started_by=started_by,
                intakes=intakes,
            )
        except MapserviceError as error:
            return _ended(engine, source, SweepState.FAILED, reason=str(error), dry_run=dry_run)
        except Exception as error:
            # Kept before it is told: else the same source would stand first again the next night.
            _ended(engine, source, SweepState.FAILED, reason=type(error).__name__, dry_run=dry_run)
            raise


def _swept(
    engine: Engine,
    home: Path,
    locator: Callable[[Connection], Locator],
    fetcher: SourceFetcher,
    source: LivingSource,
    waiting: RecordedRun | None,
    *,
    dry_run: bool,
    accept_shrink: bool,
    started_by: str,
    intakes: Intakes,
) -> SweepResult:
    shelf = folder(home)
    shelf.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=shelf, prefix="sweep-") as place:
        harvest = fetcher.harvest(source, Path(place))
        if harvest.is_unchanged or harvest.digest == source.digest:
            return _ended(engine, source, SweepState.UNCHANGED, dry_run=dry_run)
        intake = _intake(source, intakes)
        opened = intake.open(engine, source.platform, harvest.path, harvest.mapping, harvest.count)
        result = _look(engine, source, harvest, opened, intake)
        if result.state is SweepState.WAITS and not accept_shrink:
            if dry_run:
                return replace(result, summary=(*harvest.problems, f"{result.reason}: it waits"))
            return _hold(engine, home, source, harvest, opened, result, waiting, started_by)
        options = _options(source, harvest.is_whole, harvest.tombstones, started_by)
        if waiting and not dry_run:
            drop(engine, home, waiting.id)
        options = replace(options, dry_run=dry_run)
        done = _import(engine, home, locator, source, opened, options, intake)
        if not dry_run:
            with engine.begin() as connection:
                queries.keep_applied(
                    connection, source.platform, harvest.digest, harvest.validators
                )
                queries.keep_sweep(connection, source.platform, SweepState.DONE, "")
        lost = tuple(row for row in result.rows if row.outcome == "gone")
        return replace(
            done,
            gone=result.gone,
            public=result.public,
            summary=(*harvest.problems, *done.summary),
            rows=(*done.rows, *lost),
        )


def sweep_next(
    engine: Engine,
    home: Path,
    locator: Callable[[Connection], Locator],
    fetcher: SourceFetcher,
    moment: datetime,
    intakes: Intakes = OWN,
) -> bool:
    """Does one thing that is due: a run that was accepted, else a source's sweep; False for none.

    One at a time, so that a worker may do something else in between.
    """
    with engine.connect() as connection:
        accepted = [
            run.platform
            for run in run_queries.waiting_runs(connection)
            if run.state == "accepted" and queries.find(connection, run.platform)
        ]
        names = accepted or queries.due(connection, moment)
    for name in names:
        try:
            result = sweep(
                engine,
                home,
                locator,
                fetcher,
                name,
                accept_shrink=bool(accepted),
                started_by="nightly sweep",
                intakes=intakes,
            )
        except StateConflict:
            continue  # somebody sweeps it right now
        log.info("source_swept", source=name, state=str(result.state), reason=result.reason)
        return True
    return False


def _intake(source: LivingSource, intakes: Intakes) -> RecordIntake:
    connector = CONNECTORS.get(source.connector)
    kind = connector.kind if connector else RecordKind.INITIATIVE
    if kind not in intakes:
        raise SourceError(f"nothing takes in what {source.connector!r} gives")
    return intakes[kind]


def _look(
    engine: Engine,
    source: LivingSource,
    harvest: Harvest,
    opened: OpenedSource,
    intake: RecordIntake,
) -> SweepResult:
    """What of that which is public the sweep lacks, and whether that is too much."""
    with engine.connect() as connection:
        public = intake.public(connection, source.platform)
    present = intake.present(opened) if harvest.is_whole else set()
    # An id that a file gives twice is here once more, with a part after a "#".
    lacking = {
        one: title
        for one, title in public.items()
        if one in harvest.tombstones
        or (harvest.is_whole and one not in present and one.rpartition("#")[0] not in present)
    }
    gone = len(lacking)
    state, reason = SweepState.DONE, ""
    if shrinks_too_much(len(public), gone):
        state = SweepState.WAITS
        reason = f"{gone} of {len(public)} public {intake.what} are gone from the source,"
        reason += f" more than {SHRINK_SHARE:.0%}"
    rows = tuple(SweptRow("gone", one, title) for one, title in lacking.items())[:SHOWN_ROWS]
    counts = {"gone": gone, "public": len(public), "rows": opened.total}
    return SweepResult(source.platform, state, 0, counts, len(public), gone, reason, (), rows)


def _hold(
    engine: Engine,
    home: Path,
    source: LivingSource,
    harvest: Harvest,
    opened: OpenedSource,
    result: SweepResult,
    waiting: RecordedRun | None,
    started_by: str,
) -> SweepResult:
    """Keeps the file for a person to decide about; the same one is not kept twice."""
    if waiting and waiting.reading.get("digest") == harvest.digest:
        _ended(engine, source, SweepState.WAITS, reason=result.reason)
        return replace(result, run=waiting.id)
    if waiting:
        drop(engine, home, waiting.id)
    reading = run_service.reading_of(opened) | {
        "problems": [*harvest.problems, *opened.problems[:200], result.reason],
        "digest": harvest.digest,
        "mapping": harvest.mapping,
        "validators": harvest.validators,
        "tombstones": sorted(harvest.tombstones),
        "count": harvest.count,
        "gone": [row.title for row in result.rows[:SHOWN_GONE]],
    }
    with engine.begin() as connection:
        run = run_queries.begin(
            connection,
            platform=source.platform,
            file_name=harvest.path.name,
            person=None,
            started_by=started_by,
            is_moderated=not source.trusted,
            is_snapshot=harvest.is_whole,
            reading=reading,
        )
        run_queries.hold(connection, run, result.counts)
        place = folder(home) / str(run)
        place.mkdir(parents=True, exist_ok=True)
        shutil.move(harvest.path, place / harvest.path.name)
        queries.keep_sweep(connection, source.platform, SweepState.WAITS, result.reason)
    return replace(result, run=run)


def _accepted(
    engine: Engine,
    home: Path,
    locator: Callable[[Connection], Locator],
    source: LivingSource,
    run: RecordedRun,
    intakes: Intakes,
) -> SweepResult:
    """Imports the file that a person looked at, under the number of the run that waited."""
    place = folder(home) / str(run.id)
    reading = run.reading
    path = place / run.file_name
    try:
        if not path.is_file():
            raise SourceError("the file that waited is gone: sweep the source again")
        intake = _intake(source, intakes)
        opened = intake.open(engine, source.platform, path, reading["mapping"], reading["count"])
    except MapserviceError as error:
        drop(engine, home, run.id)
        return _ended(engine, source, SweepState.FAILED, reason=str(error))
    options = _options(source, run.is_snapshot, frozenset(reading["tombstones"]), run.started_by)
    options = replace(options, run=run.id)
    done = _import(engine, home, locator, source, opened, options, intake)
    with engine.begin() as connection:
        queries.keep_applied(connection, source.platform, reading["digest"], reading["validators"])
        queries.keep_sweep(connection, source.platform, SweepState.DONE, "")
    shutil.rmtree(place, ignore_errors=True)
    return replace(done, gone=done.counts.get("gone", 0))


def _options(
    source: LivingSource, is_whole: bool, tombstones: frozenset[str], started_by: str
) -> ImportOptions:
    return ImportOptions(
        platform=source.platform,
        licence=source.licence,
        moderate=not source.trusted,
        snapshot=is_whole,
        tombstones=tombstones,
        started_by=started_by,
    )


def _import(
    engine: Engine,
    home: Path,
    locator: Callable[[Connection], Locator],
    source: LivingSource,
    opened: OpenedSource,
    options: ImportOptions,
    intake: RecordIntake,
) -> SweepResult:
    with engine.connect() as connection:
        built = locator(connection)
    run = intake.take(engine, built, opened, replace(options, scratch=home))
    slug = re.sub(r"[^\w.-]+", "_", source.platform)
    report = folder(home) / "dry-run.csv" if options.dry_run else home / "reports" / f"{slug}.csv"
    report.parent.mkdir(parents=True, exist_ok=True)
    counts: Counter[RowOutcome] = Counter()
    rows: list[SweptRow] = []
    with written_report(report) as write:
        for one in run.reports:
            write(one)
            counts[one.outcome] += 1
            if one.outcome in TELLING and len(rows) < SHOWN_ROWS:
                rows.append(SweptRow(str(one.outcome), one.source_id, one.title))
    told = {str(outcome): number for outcome, number in counts.items()}
    told |= {"gone": run.gone.archived} if run.gone.archived else {}
    if options.dry_run:
        report.unlink()
    else:
        rollups.compact(engine)
        with engine.begin() as connection:
            run_queries.keep_report(connection, run.id, str(report.absolute()))
    summary = tuple(summary_of(run, counts))
    return SweepResult(
        source.platform, SweepState.DONE, run.id, told, summary=summary, rows=tuple(rows)
    )


def _ended(
    engine: Engine,
    source: LivingSource,
    state: SweepState,
    *,
    reason: str = "",
    dry_run: bool = False,
) -> SweepResult:
    """Keeps how a sweep without a run ended, unless nothing is to be written."""
    if not dry_run:
        with engine.begin() as connection:
            queries.keep_sweep(connection, source.platform, state, reason)
    return SweepResult(source.platform, state, reason=reason)

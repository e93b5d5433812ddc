"""Imports a calendar: each UID is a series of ours, made once and changed from then on.

Nobody here wrote what comes from a source: it has no organiser and no seats of ours, nobody is
mailed about it, and whether it is public at once or waits in the moderators' queue is the trust of
its source. A calendar that is imported again changes nothing. Dates that are over stay as they are.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, insert
from sqlalchemy.exc import DBAPIError

from mapservice.contributions.proposals.model import ProposedPlace
from mapservice.db.engine import LOAD_SIZE, mark_as_load
from mapservice.db.event_tables import event, event_series
from mapservice.errors import InvalidInput
from mapservice.events import queries as events
from mapservice.events import service
from mapservice.events.incoming import queries
from mapservice.events.incoming.model import CalendarEvent, CalendarFile, CalendarSeries
from mapservice.events.incoming.queries import KnownSeries
from mapservice.events.incoming.series_times import (
    LOOK_BACK,
    OverLongAgo,
    SeriesTimes,
    WantedDate,
    series_times,
    zone_for,
)
from mapservice.events.incoming.texts import is_online_only
from mapservice.events.model import (
    OPEN,
    PUBLIC,
    Event,
    EventContent,
    EventMode,
    EventStatus,
    RegistrationMode,
)
from mapservice.events.recurrence import EventTimes, wall_time, within_year
from mapservice.geocoding.model import Precision
from mapservice.geocoding.service import Locator, Placement
from mapservice.imports import queries as places
from mapservice.imports.placing import RowPlacer
from mapservice.imports.row_reports import RowOutcome, RowReport
from mapservice.imports.service import (
    ImportOptions,
    ImportRun,
    SnapshotOutcome,
    begin_run,
    recorded,
)
from mapservice.imports.shared_points import KnownCentres, PointSighting, SharedPoints
from mapservice.imports.text import folded
from mapservice.imports.words import read_theme
from mapservice.initiatives.licences import forbids_reuse
from mapservice.initiatives.model import SourceRow

BATCH_SERIES = 50
# Raised where what did not change is to be read anew by the next import.
DIGEST_VERSION = 1
# What stands beside dates; the interface is French first, as the texts of events are.
GONE_NOTE = "Sa source ne l’annonce plus."
TENTATIVE_NOTE = "À confirmer, dit sa source."
UNTOLD = (EventStatus.DRAFT, EventStatus.PENDING)
CALLED_OFF = {"CANCELLED": "is cancelled", "POSTPONED": "is postponed to a day that is not known"}
# What calendars say nothing of: where it is not said, a digest is as it was before these were read.
SINCE_CONNECTORS = ("mode", "note")
TEXTS_SINCE_CONNECTORS = ("registration_url", "postcode", "city", "citycode")


def import_calendar(
    engine: Engine,
    locator: Locator,
    calendar: CalendarFile,
    options: ImportOptions,
    now: datetime | None = None,
) -> ImportRun:
    """Returns the run; series are imported as its `reports` are read, one line a UID.

    `now` is the moment that tells what is over: that of the call where it is not given.

    Raises InvalidInput for a licence that forbids reuse.
    """
    if forbids_reuse(options.licence):
        raise InvalidInput("licence", f"{options.licence[:100]!r} forbids reuse")
    gone = SnapshotOutcome()
    number, keeper = begin_run(engine, options, options.platform, calendar)
    importer = _CalendarImporter(
        engine, locator, calendar, options, number, gone, now or datetime.now(UTC)
    )
    return ImportRun(
        platform=options.platform,
        total=len(calendar.series),
        columns={},
        problems=calendar.problems,
        reports=recorded(engine, number, keeper, gone, importer.run()),
        encoding=calendar.encoding,
        id=number,
        gone=gone,
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    """A series on its way; `digest` tells it from its former self."""

    series: CalendarSeries
    digest: str

    @property
    def uid(self) -> str:
        return self.series.main.uid

    @property
    def events(self) -> list[CalendarEvent]:
        """The VEVENTs in order: that of the series, where it has one, then its dates."""
        main = self.series.main
        return [*([main] if main.recurrence is None else []), *self.series.dates]

    @property
    def refused(self) -> tuple[RowOutcome, str] | None:
        for one in self.events:
            told = "" if one is self.series.main else f"its part {one.number}: "
            if one.skipped:
                return RowOutcome.SKIPPED, told + one.skipped
            if one.rejected:
                return RowOutcome.REJECTED, told + one.rejected
        return None

    @property
    def refused_reason(self) -> str:
        return self.refused[1] if self.refused else ""


@dataclass(slots=True)
class _CalendarImporter:
    engine: Engine
    locator: Locator
    calendar: CalendarFile
    options: ImportOptions
    number: int
    gone: SnapshotOutcome
    now: datetime
    is_load: bool = False

    def run(self) -> Iterator[RowReport]:
        rows = (
            (_row(one), one)
            for series in self.calendar.series
            for one in (*([] if series.main.recurrence else [series.main]), *series.dates)
        )
        sightings = (PointSighting.of(row, _place_key(one)) for row, one in rows)
        # One place that many events name is one; it is no place where other words share its point.
        shared = SharedPoints(replace(one, title=one.source_id) for one in sightings if one)
        placer = RowPlacer(self.locator, "", shared, self._centres)
        everything = [_Entry(one, self._digest(one)) for one in self.calendar.series]
        # Many that are new here, or say something else than they did, are a load.
        uids = sorted({entry.uid for entry in everything})
        with self.engine.connect() as connection:
            known = queries.known(connection, self.options.platform, uids)
        former = {uid: one.digest for uid, one in known.items()}
        changed = [one for one in everything if former.get(one.uid) != one.digest]
        self.is_load = sum(not one.refused for one in changed) > LOAD_SIZE
        remaining = iter(everything)
        while entries := list(islice(remaining, BATCH_SERIES)):
            with self.engine.connect() as connection, connection.begin() as transaction:
                reports = self._save_batch(connection, entries, placer)
                if self.options.dry_run:
                    transaction.rollback()
            yield from reports
        if self.options.snapshot or self.options.tombstones:
            self._end_gone()

    def _centres(self) -> KnownCentres:
        with self.engine.connect() as connection:
            return KnownCentres(places.centres(connection))

    def _digest(self, series: CalendarSeries) -> str:
        """Of all that a calendar says of a series, however its events are numbered or dated."""
        content: dict[str, Any] = {
            "version": DIGEST_VERSION,
            "licence": self.options.licence,
            "calendar_zone": self.calendar.zone,
            "events": sorted(
                json.dumps(_comparable(one), sort_keys=True, default=str)
                for one in (series.main, *series.dates)
            ),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    # --- A batch ----------------------------------------------------------------------------------

    def _save_batch(
        self, connection: Connection, entries: Sequence[_Entry], placer: RowPlacer
    ) -> list[RowReport]:
        uids = sorted({entry.uid for entry in entries})
        known = queries.known(connection, self.options.platform, uids)
        own = queries.own_ids(connection, [uid for uid in uids if uid not in known])
        if self.is_load:  # each series is written by a statement of its own
            mark_as_load(connection)
        return [
            self._save(connection, entry, known.get(entry.uid), own.get(entry.uid), placer)
            for entry in entries
        ]

    def _save(
        self,
        connection: Connection,
        entry: _Entry,
        known: KnownSeries | None,
        own: UUID | None,
        placer: RowPlacer,
    ) -> RowReport:
        main = entry.series.main
        if entry.series.is_withheld and known and self._withdraw(connection, known):
            return _report(entry, RowOutcome.UPDATED, f"left public view: {entry.refused_reason}")
        if entry.refused:
            return _report(entry, *entry.refused)
        if own:
            told = f"stands here already: {own}, whose calendar this is"
            return _report(entry, RowOutcome.ELSEWHERE, told)
        if known and known.digest == entry.digest:
            return _report(entry, RowOutcome.UNCHANGED)
        if known and _is_older(main, known):
            told = f"an older version: SEQUENCE {main.sequence}, {known.sequence} is here"
            return _report(entry, RowOutcome.UNCHANGED, told)
        if main.status in CALLED_OFF and main.recurrence is None:
            return self._call_off(connection, entry, known)
        if not any(one.texts.title for one in entry.events):
            return _report(entry, RowOutcome.REJECTED, "SUMMARY: is missing: no title")
        try:
            with connection.begin_nested():
                return self._understood(connection, entry, known, placer)
        except InvalidInput as error:
            return _report(entry, RowOutcome.REJECTED, f"{error.field}: {error.reason}")
        except OverLongAgo:
            return _report(entry, RowOutcome.SKIPPED, "was over more than a year ago")
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            return _report(entry, RowOutcome.REJECTED, str(error.orig).splitlines()[0])

    def _call_off(
        self, connection: Connection, entry: _Entry, known: KnownSeries | None
    ) -> RowReport:
        """What its source cancels, or postpones to a day that it does not know yet."""
        main = entry.series.main
        told = CALLED_OFF[main.status]
        if known is None:
            return _report(entry, RowOutcome.SKIPPED, f"{told}, and was never here")
        self._keep_former(connection, known.id)
        if known.queued_at is not None and queries.delete_unseen(connection, known.id):
            return _report(entry, RowOutcome.UPDATED, f"{told}, and was never public")
        if main.status == "POSTPONED":
            _postpone(connection, known.id, main.note, self.now)
        else:
            _end(connection, known.id, main.note, self.now)
        self._tell_source(connection, known.id, entry)
        return _report(entry, RowOutcome.UPDATED, told)

    def _understood(
        self, connection: Connection, entry: _Entry, known: KnownSeries | None, placer: RowPlacer
    ) -> RowReport:
        rows = []
        for one in entry.events:
            told = _inheriting(one, entry.series.main)
            rows.append(placer.doubted(_row(told), _place_key(told)))
        placements: list[Placement | None] = []
        zones = []
        for one, row, placed in zip(
            entry.events, rows, placer.place(connection, rows), strict=True
        ):
            told = _inheriting(one, entry.series.main)
            words = row.address or row.citycode or row.city or row.postcode
            nowhere = is_online_only(told) or not (words or row.lon is not None)
            placements.append(None if nowhere else placed)
            place_zone = service.zone_at(connection, placements[-1])
            begins = one.begins or entry.series.main.begins
            zones.append(zone_for(begins, self.calendar.zone, place_zone) if begins else place_zone)
        has_main = entry.series.main.recurrence is None
        if not has_main and known:
            former = events.find_series(connection, known.id)
            if former and former.times.rule:
                raise InvalidInput("RECURRENCE-ID", "is told without the event that recurs")
        times = series_times(entry.series, zones[0], zones[1:] if has_main else zones, self.now)
        contents = {
            one.number: (_content(_inheriting(one, entry.series.main)), placed)
            for one, placed in zip(entry.events, placements, strict=True)
        }
        live = [one for one in times.dates if not one.is_cancelled]
        if not live and known is None:
            raise InvalidInput("DTSTART", "no date of it takes place")
        if not times.dates:
            raise InvalidInput("EXDATE", "leaves no date of it")

        if known:
            self._keep_former(connection, known.id)
            has_changed, waits = self._renew(connection, known, times, contents)
            self._tell_source(connection, known.id, entry, known.url if waits else None)
        else:
            has_changed = True
            self._tell_source(connection, self._make(connection, times, contents), entry)
        outcome = RowOutcome.IMPORTED if known is None else RowOutcome.UPDATED
        if not has_changed:
            outcome = RowOutcome.UNCHANGED
        notes = times.notes
        placement = placements[0]
        if placement and (reason := placement.reason or placement.match.reason):
            notes = (*notes, reason)
        if live and all(one.times.duration.total_seconds() <= 60 for one in live):
            notes = (*notes, "tells no end")
        report = _report(entry, outcome, "; ".join(notes))
        if placement is None:
            return report
        has_commune = placement.precision in (Precision.POINT, Precision.COMMUNE)
        return replace(
            report,
            precision=str(placement.precision),
            commune=(placement.code or "") if has_commune else "",
            match_status=str(placement.match.status),
            score=placement.match.score,
        )

    # --- Series and their dates -------------------------------------------------------------------

    def _make(
        self,
        connection: Connection,
        times: SeriesTimes,
        contents: Mapping[int, tuple[EventContent, Placement | None]],
    ) -> UUID:
        values = {"source": self.options.platform, **service.time_values(times.times)}
        series: UUID = connection.execute(
            insert(event_series).values(values).returning(event_series.c.id)
        ).scalar_one()
        waits = self.options.moderate
        status = EventStatus.PENDING if waits else EventStatus.PUBLISHED
        live = [one for one in times.dates if not one.is_cancelled]
        self._insert(connection, series, live, contents, status)
        service.note_made_until(connection, [series], within_year(self.now))
        if waits:
            queries.queue(connection, series)
        else:
            queries.settle(connection, series)
        if self.number:
            queries.keep_made(connection, self.number, series)
        return series

    def _insert(
        self,
        connection: Connection,
        series: UUID,
        dates: Sequence[WantedDate],
        contents: Mapping[int, tuple[EventContent, Placement | None]],
        status: EventStatus,
    ) -> None:
        rows = []
        for one in dates:
            own = _date_values(one, contents)
            is_over = own["ends_at"] <= self.now and status is EventStatus.PUBLISHED
            rows.append(
                {
                    **own,
                    "series": series,
                    "recurrence_id": one.recurrence,
                    "changed_alone": one.is_alone,
                    "status": str(EventStatus.DONE if is_over else status),
                }
            )
        if rows:
            # RETURNING makes this one statement for many rows, so that triggers run once.
            connection.execute(insert(event).returning(event.c.id), rows)

    def _renew(
        self,
        connection: Connection,
        known: KnownSeries,
        times: SeriesTimes,
        contents: Mapping[int, tuple[EventContent, Placement | None]],
    ) -> tuple[bool, bool]:
        """Changes what is not over yet; returns whether anything did change, and whether it waits
        for a moderator."""
        former = events.find_series(connection, known.id, lock=True)
        assert former is not None, "its key is that of a series"
        there = events.of_series(connection, known.id)
        service.lock_occurrences(connection, sorted(one.id for one in there))
        over = {one.recurrence_id for one in there if one.is_over(self.now)}
        ahead = [one for one in there if not one.is_over(self.now)]
        wanted = {one.recurrence: one for one in times.dates if one.recurrence not in over}
        # A refusal leaves what is over, or was cancelled, as it is; it is one of the whole series.
        is_rejected = any(one.status is EventStatus.REJECTED for one in there)
        is_waiting = any(one.status in UNTOLD for one in there)
        seen_words = {_words(one) for one in there if one.status in PUBLIC}

        matched = _matched(ahead, wanted, former.times, times.times, self.now)
        renamed = {
            one.id
            for one in ahead
            if one.id in matched and matched[one.id].recurrence != one.recurrence_id
        }
        queries.move_aside(connection, sorted(renamed))
        has_changed = _same_times(former.times, times.times) is False
        has_other_words = has_unseen_words = False
        gone: list[Event] = []
        altered: list[tuple[Event, dict[str, Any]]] = []
        for one in ahead:
            date = matched.get(one.id)
            if date is None or date.is_cancelled:
                # Its rule gives it no more, or its source says so: that is a statement. A refusal
                # stays, as the dates that come back are known by it.
                if one.status not in (EventStatus.CANCELLED, EventStatus.REJECTED):
                    gone.append(one)
                continue
            values = _date_values(date, contents)
            if one.id in renamed or date.is_alone:
                placed = {"recurrence_id": date.recurrence, "changed_alone": date.is_alone}
                values |= placed
            if _words(values) != _words(one):
                has_other_words = True
                has_unseen_words = has_unseen_words or _words(values) not in seen_words
            if one.status is EventStatus.CANCELLED:
                back = EventStatus.REJECTED if is_rejected else EventStatus.PUBLISHED
                queries.set_status(connection, [one.id], str(back))
                one = replace(one, status=back)
                has_changed = True
            if one.id in renamed or _differs(one, values):
                moved = service.moved_values(one, date.times, date.times.start)
                altered.append((one, {**values, **moved}))
        # All at once: whoever is registered for several of these dates hears of them in one mail.
        service.cancel_occurrences(connection, gone, "", "")
        service.write_changes(connection, altered, "")
        has_changed = has_changed or bool(gone or altered)
        taken = {date.recurrence for date in matched.values()}
        new = [
            date
            for date in wanted.values()
            # Nobody was told of a past date before it was over: it is no date that took place.
            if not date.is_cancelled
            and date.recurrence not in taken
            and not _is_past(date, self.now)
        ]
        has_unseen_words = has_unseen_words or any(
            _words(_date_values(one, contents)) not in seen_words for one in new
        )
        waits = self.options.moderate and not is_rejected and (has_unseen_words or is_waiting)
        status = EventStatus.PENDING if waits else EventStatus.PUBLISHED
        status = EventStatus.REJECTED if is_rejected else status
        self._insert(connection, known.id, new, contents, status)
        service.retime(connection, known.id, times.times)
        service.note_made_until(connection, [known.id], within_year(self.now))

        live = events.of_series(connection, known.id)
        ahead_now = [one for one in live if not one.is_over(self.now)]
        if waits:
            shown = [one.id for one in ahead_now if one.status in (*OPEN, EventStatus.POSTPONED)]
            shown += [one.id for one in live if one.status is EventStatus.DRAFT]
            queries.set_status(connection, shown, "pending")
            has_changed = has_changed or bool(shown)
            if shown or has_other_words or new or known.queued_at is None:
                queries.queue(connection, known.id)
        elif not self.options.moderate and not is_rejected:
            hidden = [
                one.id for one in live if one.status in (EventStatus.PENDING, EventStatus.DRAFT)
            ]
            queries.set_status(connection, hidden, "published")
            has_changed = has_changed or bool(hidden)
            queries.settle(connection, known.id)
        return has_changed or bool(new), waits

    def _tell_source(
        self, connection: Connection, series: UUID, entry: _Entry, former_url: str | None = None
    ) -> None:
        """Keeps what its source says of the series itself.

        `former_url` is the page that its public dates name until a moderator has seen the new one;
        the import after that tells it, as the series is read anew until then.
        """
        main = entry.series.main
        url, digest = main.texts.url, entry.digest
        if former_url is not None and former_url != url:
            url, digest = (
                former_url,
                hashlib.sha256(f"{digest} without its page".encode()).hexdigest(),
            )
        told = {
            "source_id": main.uid,
            "url": url,
            "licence": main.licence or self.options.licence,
            "digest": digest,
            # Its dates count by themselves: what is compared is that of the series alone.
            "sequence": main.sequence,
            "changed_at": main.modified,
        }
        queries.tell_source(connection, series, told)

    def _withdraw(self, connection: Connection, known: KnownSeries) -> bool:
        """Takes a whole series out of public view, and out of the queue, with what is over of it.

        Returns whether anything of it was in either. Undoing the run brings it back; so does its
        source, where it tells the series to the public again.
        """
        events.find_series(connection, known.id, lock=True)
        there = events.of_series(connection, known.id)
        service.lock_occurrences(connection, sorted(one.id for one in there))
        if known.queued_at is None and not any(one.status in PUBLIC for one in there):
            return False
        self._keep_former(connection, known.id)
        is_rejected = any(one.status is EventStatus.REJECTED for one in there)
        hidden = EventStatus.REJECTED if is_rejected else EventStatus.DRAFT
        if not is_rejected:
            # A draft that comes back is public again; what was cancelled is not to take place then.
            cancelled = [one.id for one in there if one.status is EventStatus.CANCELLED]
            queries.delete_dates(connection, cancelled)
        queries.set_status(connection, [one.id for one in there], str(hidden))
        queries.withhold(connection, known.id)
        self.gone.withdrawn += 1
        return True

    def _keep_former(self, connection: Connection, series: UUID) -> None:
        if self.number:
            queries.keep_former(connection, self.number, series)

    # --- What is gone -----------------------------------------------------------------------------

    def _end_gone(self) -> None:
        """What its source announces no more does not stay as if it did; what is over stays."""
        present = self.calendar.ids()
        with self.engine.connect() as connection, connection.begin() as transaction:
            platform = self.options.platform
            titles = queries.upcoming_titles(connection, platform)
            gone = [one for one in titles if self._is_gone(one, present)]
            found = queries.known(connection, platform, gone)
            for one in found.values():
                self._keep_former(connection, one.id)
                _end(connection, one.id, GONE_NOTE, self.now)
                queries.forget_digest(connection, one.id)
            waiting = queries.waiting_ids(connection, platform)
            self.gone.waiting = len([one for one in waiting if self._is_gone(one, present)])
            self.gone.archived = len(found)
            if self.options.dry_run:
                transaction.rollback()

    def _is_gone(self, uid: str, present: set[str]) -> bool:
        is_missing = self.options.snapshot and uid not in present
        return uid in self.options.tombstones or is_missing


def _end(connection: Connection, series: UUID, note: str, now: datetime) -> None:
    """Cancels all that is to come of a series, and ends its rule: no night makes more of it."""
    former = events.find_series(connection, series, lock=True)
    ahead = [one for one in events.of_series(connection, series) if not one.is_over(now)]
    service.lock_occurrences(connection, sorted(one.id for one in ahead))
    if former and former.times.rule and ahead:
        first = min(one.recurrence_id for one in ahead)
        rule = former.times.rule.ended_before(max(first, former.times.start))
        service.retime(connection, series, replace(former.times, rule=rule))
    about = [one for one in ahead if one.status in (*OPEN, EventStatus.POSTPONED)]
    service.cancel_occurrences(connection, about, note, "")


def _postpone(connection: Connection, series: UUID, note: str, now: datetime) -> None:
    """Postpones all that is to come; told again with its times, it takes place."""
    events.find_series(connection, series, lock=True)
    ahead = [one for one in events.of_series(connection, series) if not one.is_over(now)]
    service.lock_occurrences(connection, sorted(one.id for one in ahead))
    about = [one for one in ahead if one.status in OPEN]
    service.postpone_occurrences(connection, about, note, "")


def _matched(
    ahead: Sequence[Event],
    wanted: Mapping[datetime, WantedDate],
    former: EventTimes,
    times: EventTimes,
    now: datetime,
) -> dict[UUID, WantedDate]:
    """Which date each occurrence becomes: that of its place in the rule, else one shifted alike.

    So an event that is told another day is the same event, moved.
    """
    found = {one.id: wanted[one.recurrence_id] for one in ahead if one.recurrence_id in wanted}
    left = [one for one in ahead if one.id not in found]
    taken = {date.recurrence for date in found.values()}
    free = sorted(one for one in wanted if one not in taken and not wanted[one].is_cancelled)
    if len(left) == 1 and len(free) == 1:
        return found | {left[0].id: wanted[free[0]]}
    free = [one for one in free if not _is_past(wanted[one], now)]
    by_recurrence = {one.recurrence_id: one.id for one in left}
    lately = wall_time(now - LOOK_BACK, times.zone)
    shift = _shift(list(by_recurrence), free, (former.start, times.start), lately)
    for before, after in service.match_occurrences(list(by_recurrence), free, shift).items():
        found[by_recurrence[before]] = wanted[after]
    return found


def _is_past(date: WantedDate, now: datetime) -> bool:
    return date.times.moments(date.times.start)[1] <= now


def _shift(
    left: Sequence[datetime],
    free: Sequence[datetime],
    starts: tuple[datetime, datetime],
    lately: datetime,
) -> timedelta:
    """By how much the dates that are left moved, of wall times in order.

    It is that of the first date of the series, `starts`, where that is less than from one date to
    the next. Of a series that began before `lately` the first date is another one at each import:
    then it is what most dates are away from the nearest free one.
    """
    told = starts[1] - starts[0]
    steps = [after - before for before, after in pairwise(free)]
    if not free or not steps:
        return told
    if abs(told) < min(steps) and min(starts) > lately + max(steps):
        return told
    away = Counter(min((there - one for there in free), key=abs) for one in left)
    return min(away, key=lambda one: (-away[one], abs(one)), default=told)


def _date_values(
    date: WantedDate, contents: Mapping[int, tuple[EventContent, Placement | None]]
) -> dict[str, Any]:
    content, placement = contents[date.told.number]
    return {
        **service.content_values(content, placement),
        **service.occurrence_values(date.times, date.times.start),
        "note": TENTATIVE_NOTE if date.told.status == "TENTATIVE" else date.told.note,
    }


# What a moderator reads of an event: where it is otherwise, they look again.
WORDS = ("title", "description", "place_text", "online_url", "registration_url")
COMPARED = (
    *WORDS,
    *("summary", "theme", "mode", "precision", "commune", "epci", "departement", "region"),
    *("starts_at", "ends_at", "zone", "note"),
)


def _words(told: Event | Mapping[str, Any]) -> tuple[str, ...]:
    """Of an event as it stands, or of the columns that one is about to get."""
    if isinstance(told, Event):
        return tuple(getattr(told, name) for name in WORDS)
    return tuple(told[name] for name in WORDS)


def _differs(one: Event, values: Mapping[str, Any]) -> bool:
    """Of a territory the finest code alone is told: those above it follow."""
    told = {name: values[name] for name in COMPARED}
    for name in ("commune", "epci", "departement", "region"):
        if told[name] is None:
            del told[name]
    point = None if one.lon is None or one.lat is None else (one.lon, one.lat)
    written = f"SRID=4326;POINT({point[0]!r} {point[1]!r})" if point else None
    return values["point"] != written or any(
        getattr(one, name) != value for name, value in told.items()
    )


def _same_times(one: EventTimes, other: EventTimes) -> bool:
    def told(times: EventTimes) -> tuple[Any, ...]:
        rule = times.rule.text(times.zone) if times.rule else ""
        return times.start, times.duration, times.zone, rule, times.excluded, times.added

    return told(one) == told(other)


def _content(told: CalendarEvent) -> EventContent:
    texts = told.texts
    is_online = is_online_only(told)
    mode = EventMode.BOTH if texts.online_url else EventMode.PLACE
    if is_online or told.mode:
        mode = EventMode(told.mode or EventMode.ONLINE)
    url = texts.registration_url or texts.url
    return EventContent(
        title=texts.title,
        summary="",
        description=texts.description,
        theme=read_theme(texts.categories),
        mode=mode,
        place=ProposedPlace(words="" if is_online else texts.location),
        online_url=texts.online_url if mode is not EventMode.PLACE else "",
        registration=RegistrationMode.EXTERNAL if url else RegistrationMode.NONE,
        registration_url=url,
    )


def _inheriting(one: CalendarEvent, main: CalendarEvent) -> CalendarEvent:
    """A date of a series with what it leaves to the series: some makers tell changes alone."""
    if one is main or main.recurrence is not None:
        return one
    own = {name: value for name, value in asdict(one.texts).items() if value}
    if "location" in own or "online_url" in own:
        inherited = {**asdict(main.texts), "location": "", "online_url": ""}
        lon, lat = one.lon, one.lat
    else:
        inherited = asdict(main.texts)
        lon, lat = (one.lon, one.lat) if one.lon is not None else (main.lon, main.lat)
    return replace(one, texts=replace(main.texts, **{**inherited, **own}), lon=lon, lat=lat)


def _row(told: CalendarEvent) -> SourceRow:
    """What places are found by: the words and the position of an event."""
    is_refused = bool(told.rejected or told.skipped)
    point = (told.lon, told.lat)
    # Degrees of two decimals are a square of a kilometre.
    is_rounded = all(one is not None and round(one, 2) == one for one in point)
    return SourceRow(
        told.number,
        {},
        title=told.texts.title,
        address=told.texts.location,
        postcode=told.texts.postcode,
        city=told.texts.city,
        citycode=told.texts.citycode,
        lon=None if is_refused else told.lon,
        lat=None if is_refused else told.lat,
        point_doubt="the point is rounded to about a kilometre" if is_rounded else "",
    )


def _place_key(told: CalendarEvent) -> str:
    """What tells one place from another at the same point: its words, else the event."""
    return folded(told.texts.location) or f"#{told.number}"


def _is_older(main: CalendarEvent, known: KnownSeries) -> bool:
    """By SEQUENCE (RFC 5545, 3.8.7.4), unless a later LAST-MODIFIED says otherwise."""
    if main.sequence >= known.sequence or known.digest is None:
        return False
    return not (main.modified and known.changed_at and main.modified > known.changed_at)


def _comparable(told: CalendarEvent) -> dict[str, Any]:
    said = asdict(told)
    for name in ("number", "sequence", "modified", "problems", "is_withheld"):
        del said[name]
    for name in SINCE_CONNECTORS:
        if not said[name]:
            del said[name]
    for name in TEXTS_SINCE_CONNECTORS:
        if not said["texts"][name]:
            del said["texts"][name]
    times = (told.begins, told.ends, told.recurrence, *told.excluded)
    added = [(one.begins, one.ends, one.duration) for one in told.added]
    for name in ("begins", "ends", "recurrence", "excluded", "added"):
        del said[name]
    said["times"] = [_time_text(one) for one in times]
    said["dates"] = [
        [_time_text(begins), _time_text(ends), str(duration)] for begins, ends, duration in added
    ]
    return said


def _time_text(told: Any) -> str:
    if told is None:
        return ""
    clock = (told.clock.french or told.clock.name) if told.clock else ""
    return f"{told.local.isoformat()} {clock} {told.is_day}"


def _report(entry: _Entry, outcome: RowOutcome, reason: str = "") -> RowReport:
    main = entry.series.main
    notes = [reason] if reason else []
    if outcome is not RowOutcome.UNCHANGED and not entry.series.is_withheld:
        notes += [note for one in entry.events for note in one.problems]
    if entry.series.others:
        told = ", ".join(map(str, entry.series.others[:10]))
        notes.append(f"the calendar tells it again, or an older version of it, in {told}")
    return RowReport(
        main.number,
        outcome,
        main.uid,
        main.texts.title,
        main.texts.location,
        reason="; ".join(dict.fromkeys(notes)),
    )

"""What organisers and moderators do with events: propose, change, move, cancel, decide.

Each verb runs in its caller's transaction, and tells those who are registered in the same one. What
comes from an unconfirmed address stays in the payload of the mailed link. Rows are locked in one
order: series, then its events by id.
"""

import json
from collections.abc import Callable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, func, insert, select, text, update

from mapservice.accounts.people import queries as people_queries
from mapservice.accounts.people import service as people
from mapservice.accounts.people.model import Person
from mapservice.accounts.people.service import ConfirmationRequest
from mapservice.audit import log
from mapservice.audit import queries as audit
from mapservice.audit.model import DecisionRecord, DecisionVerdict
from mapservice.contributions.proposals.model import ON_TEXT
from mapservice.contributions.proposals.service import PlaceReading, read_place, territory_of
from mapservice.db.event_tables import event, event_series
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.events import queries, registration_service
from mapservice.events.model import (
    NOTED_BEFORE,
    OFFER_LIFE,
    OPEN,
    PUBLIC,
    UNDO_CANCELLATION,
    ChangeScope,
    Event,
    EventContent,
    EventMode,
    EventStatus,
    times_from_json,
    times_to_json,
)
from mapservice.events.queries import EventSeries
from mapservice.events.recurrence import EventTimes, RecurrenceRule, wall_time, within_year, zone_of
from mapservice.geocoding.model import Precision
from mapservice.geocoding.service import Locator, Placement
from mapservice.groups import membership_service as membership
from mapservice.groups.model import EDITING, GroupStatus
from mapservice.initiatives.service import place_values
from mapservice.mail import service as mail
from mapservice.mail.model import Letterhead
from mapservice.mail.service import EmailAddress
from mapservice.moderation import queries as moderation
from mapservice.moderation.model import CaseKind
from mapservice.moderation.service import (
    LateReason,
    ModeratorIdentity,
    TooLate,
    check_holder,
    clean_reason,
)

PURPOSE = "event"
LETTER = "event_propose"
# Series that the job goes through in one turn, and turns at once.
SERIES_A_TURN = 500
EXTENDED_AT_ONCE = 2
# What moderators compare, of an event that was changed while public.
FORMER_TEXTS = (
    "title",
    "summary",
    "description",
    "place_text",
    "online_url",
    "registration_url",
    "question",
)
FORMER_TIMES = ("starts_local", "ends_local")
# The columns of what has no place.
NOWHERE = {
    "precision": str(Precision.NONE),
    "point": None,
    "commune": None,
    "epci": None,
    "departement": None,
    "region": None,
}


@dataclass(frozen=True, slots=True)
class EventSubmission:
    """A form as it was sent. `form` identifies it: sent twice, it is still one series."""

    form: UUID
    content: EventContent
    times: EventTimes
    name: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "content": self.content.to_json(),
            "times": times_to_json(self.times),
            "name": self.name,
        }

    @classmethod
    def from_json(cls, form: UUID, stored: Mapping[str, Any]) -> "EventSubmission":
        return cls(
            form,
            EventContent.from_json(stored["content"]),
            times_from_json(stored["times"]),
            str(stored["name"]),
        )


def understand(
    connection: Connection, locator: Locator, content: EventContent
) -> PlaceReading | None:
    """Where it takes place, as initiatives are placed; None for what is online alone."""
    if content.mode is EventMode.ONLINE:
        return None
    return read_place(connection, locator, content.place)


def zone_at(connection: Connection, placement: Placement | None) -> str:
    """The zone of the clocks at a place; that of Paris where the place is not known."""
    ref = territory_of(placement) if placement else None
    return zone_of(queries.departement_of(connection, ref) if ref else None)


def ask(
    connection: Connection,
    site: Letterhead,
    email: EmailAddress,
    submission: EventSubmission,
    locale: str,
) -> None:
    """Mails the link that confirms a proposal; a form that is sent twice is mailed once."""
    people.ask_confirmation_once(
        connection,
        site,
        email,
        ConfirmationRequest(
            purpose=PURPOSE,
            letter=LETTER,
            subject=submission.form,
            payload=submission.to_json(),
            values={"title": submission.content.title},
            locale=locale,
        ),
    )


def submit(
    connection: Connection,
    locator: Locator,
    person: Person,
    submission: EventSubmission,
    *,
    at_once: bool,
    now: datetime,
) -> UUID:
    """Makes the series with its occurrences, public `at_once` or waiting; returns its id.

    A form that has made one makes no other. Raises StateConflict where that one is somebody else's.
    """
    people.one_form_at_a_time(connection, PURPOSE, submission.form)
    known = queries.of_form(connection, submission.form)
    if known:
        if known[1] != person.id:
            raise StateConflict("This form was sent already.")
        return known[0]
    status = EventStatus.PUBLISHED if at_once else EventStatus.PENDING
    content = _with_known_initiative(connection, submission.content)
    reading = understand(connection, locator, content)
    series = make_series(
        connection,
        content,
        submission.times,
        reading.placement if reading else None,
        status,
        now,
        person=person.id,
        form=submission.form,
    )
    bound = {"id": series, "public": at_once}
    connection.execute(text(QUEUE_FIRST), bound)
    if submission.name and submission.name != person.name:
        people.change(
            connection,
            person.id,
            name=submission.name,
            locale=person.locale,
            commune=person.commune,
        )
    return series


def make_series(
    connection: Connection,
    content: EventContent,
    times: EventTimes,
    placement: Placement | None,
    status: EventStatus,
    now: datetime,
    *,
    person: UUID | None = None,
    form: UUID | None = None,
    continues: UUID | None = None,
    source: str = "",
) -> UUID:
    """A series with the occurrences of the year to come, the first one in any case."""
    series: UUID = connection.execute(
        insert(event_series)
        .values(
            form=form,
            person=person,
            continues=continues,
            source=source,
            **time_values(times),
        )
        .returning(event_series.c.id)
    ).scalar_one()
    first = times.start if times.rule or not times.added else min(times.start, *times.added)
    row = {
        "series": series,
        "recurrence_id": first,
        "status": str(status),
        **content_values(content, placement),
        **occurrence_values(times, first),
    }
    connection.execute(insert(event).values(row))
    materialise(connection, {series: times}, now)
    return series


def materialise(connection: Connection, times: Mapping[UUID, EventTimes], now: datetime) -> int:
    """Makes the occurrences of the next twelve months that are not there; returns how many.

    None that is over: a rule that changed since says nothing of what took place. However many
    series there are, it takes three statements: each has its triggers, which cost more than a row.
    """
    horizon = within_year(now)
    rows = connection.execute(text(RECURRENCES), {"series": list(times)})
    there = {(row.series, row.recurrence_id) for row in rows}
    missing = [
        {"series": series, "recurrence_id": one, **occurrence_values(own, one)}
        for series, own in times.items()
        for one in own.starts(wall_time(horizon, own.zone))
        if (series, one) not in there and own.moments(one)[1] > now
    ]
    if missing:
        columns = {name: [row[name] for row in missing] for name in missing[0]}
        connection.execute(text(COPY_OCCURRENCES), columns)
    note_made_until(connection, list(times), horizon)
    return len(missing)


def note_made_until(connection: Connection, series: Sequence[UUID], horizon: datetime) -> None:
    """That no night need make occurrences of these series that begin before `horizon`."""
    connection.execute(text(MADE_UNTIL), {"series": list(series), "until": horizon})


def extend(engine: Engine, now: datetime) -> int:
    """Daily: makes what has come within twelve months; returns how many occurrences.

    Nearly all of it is PostgreSQL's work, which a connection has done by one core: so two at once.
    """
    with ThreadPoolExecutor(EXTENDED_AT_ONCE) as pool:
        turns = [pool.submit(_extend_in_turns, engine, now) for _ in range(EXTENDED_AT_ONCE)]
    return sum(turn.result() for turn in turns)


def _extend_in_turns(engine: Engine, now: datetime) -> int:
    """Some series in each transaction, those that nobody else has: who dies half-way has lost
    nothing."""
    made = 0
    while True:
        with engine.begin() as connection:
            bound = {"horizon": within_year(now) - timedelta(hours=12), "most": SERIES_A_TURN}
            rows = connection.execute(text(TO_EXTEND), bound).all()
            times = {row.id: queries.times_of(row) for row in rows}
            made += materialise(connection, times, now)
        if len(rows) < SERIES_A_TURN:
            return made


def finish(engine: Engine, now: datetime) -> int:
    """Each hour: what is over is done. Pages know it by the clock already."""
    with engine.begin() as connection:
        return connection.execute(text(FINISH), {"now": now}).rowcount


# --- Changes by the organiser ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EventChange:
    """What an organiser makes of an occurrence, and of which others.

    `times` are those of the form, whose start is that of this occurrence; its rule None keeps the
    rule of the series. `seen` is the revision that was changed.
    """

    scope: ChangeScope
    content: EventContent
    times: EventTimes
    seen: int
    note: str = ""


def own_series(connection: Connection, identifier: UUID, person: UUID) -> tuple[Event, EventSeries]:
    """An event that a person organises, its series locked. Raises NotFound for any other."""
    found = queries.find(connection, identifier)
    series = queries.find_series(connection, found.series, lock=True) if found else None
    if found is None or series is None or not queries.organises(connection, series, person):
        raise NotFound("There is no such event of yours.")
    return found, series


def change(
    connection: Connection,
    locator: Locator,
    identifier: UUID,
    person: UUID,
    wanted: EventChange,
    sender: str,
    now: datetime,
) -> UUID:
    """Changes this occurrence, this and those after it, or all to come; returns the occurrence.

    A public one changes at once, is looked at by moderators afterwards, and those registered are
    told of a new time or place. Raises NotFound, or StateConflict where it was changed meanwhile or
    can no longer be changed.
    """
    found, series = own_series(connection, identifier, person)
    if found.status in (EventStatus.CANCELLED, EventStatus.REJECTED) or found.is_over(now):
        raise StateConflict("This can no longer be changed.")
    if series.revision != wanted.seen:
        raise StateConflict("There is a newer version.")
    content = _with_known_initiative(connection, wanted.content)
    reading = understand(connection, locator, content)
    values = content_values(content, reading.placement if reading else None)
    if found.is_public:
        note_before(connection, found)
    scope = wanted.scope if series.times.rule else ChangeScope.THIS
    if scope is ChangeScope.THIS:
        times = wanted.times
        if series.times.rule is None and (times.rule is not None or not _same(found, times)):
            # A single event is its series: its times, and a rule that it gets now, are those.
            retime(connection, series.id, times)
            series = replace(series, times=times)
        altered = {
            **values,
            "note": wanted.note,
            "changed_alone": series.times.rule is not None and times.rule is None,
            **moved_values(found, times, times.start),
        }
        write_changes(connection, [(found, altered)], sender)
        if times.rule is not None:
            bound = {"id": found.id, "local": times.start}
            connection.execute(text(RENAME), bound)
            materialise(connection, {series.id: times}, now)
    else:
        _change_many(connection, found, series, scope, wanted, values, sender, now)
    # An edit is looked at: a draft waits again, what is public already stays so meanwhile.
    found = queries.find(connection, identifier) or found
    if found.status is EventStatus.DRAFT:
        connection.execute(text(PENDING_AGAIN), {"series": found.series})
    connection.execute(text(REQUEUE), {"series": found.series})
    return identifier


def note_before(connection: Connection, found: Event) -> None:
    """Keeps what a public event says before its change, for who looks at it afterwards.

    Of several changes that nobody has looked at, what stood before the first.
    """
    before = {name: getattr(found, name) for name in FORMER_TEXTS}
    before |= {name: getattr(found, name).isoformat() for name in FORMER_TIMES}
    before["event"] = str(found.id)
    connection.execute(text(NOTE_BEFORE), {"series": found.series, "before": json.dumps(before)})


def to_change(
    connection: Connection, found: Event, series: EventSeries, scope: ChangeScope, now: datetime
) -> list[Event]:
    """The dates that a change is about, as they stand; one that was changed alone stays so."""
    alone = _changed_alone(connection, series)
    about = _open_in_scope(connection, found, series, scope, now)
    return [one for one in about if one.id not in alone or one.id == found.id]


def starts_after(
    found: Event, series: EventSeries, times: EventTimes, about: Sequence[Event]
) -> list[datetime] | None:
    """The wall times at which changed dates begin; None where another rule makes other dates.

    `times` are those of `found` after the change, and `about` what the change is about
    (`to_change`): what was called off or changed alone is none of them.
    """
    if times.rule is not None and times.rule != series.times.rule:
        return None
    if _same(found, times):
        return [one.starts_local for one in about]
    shift = times.start - found.starts_local
    return [one.recurrence_id + shift for one in about]


def _open_in_scope(
    connection: Connection, found: Event, series: EventSeries, scope: ChangeScope, now: datetime
) -> list[Event]:
    about = _in_scope(connection, found, series, scope, now)
    return [one for one in about if one.status is not EventStatus.CANCELLED]


def _changed_alone(connection: Connection, series: EventSeries) -> set[UUID]:
    return set(connection.execute(text(CHANGED_ALONE), {"series": series.id}).scalars())


def left_apart(
    connection: Connection,
    found: Event,
    series: EventSeries,
    scope: ChangeScope,
    now: datetime,
    *,
    is_change: bool = False,
) -> list[Event]:
    """Dates to come that an act on a series leaves as they are, though it is of one with them.

    A change of "this and the following" has made them a series of their own; a change leaves those
    that were changed alone too, which a cancellation does not.
    """
    if not series.times.rule or scope is ChangeScope.THIS:
        return []
    alone = _changed_alone(connection, series) - {found.id} if is_change else set()
    kept = [one for one in _open_in_scope(connection, found, series, scope, now) if one.id in alone]
    parted = [
        one
        for linked in queries.series_linked_to(connection, series)
        if linked != series.id
        for one in queries.of_series(connection, linked)
        if one.status not in (EventStatus.CANCELLED, EventStatus.REJECTED)
        and one.ends_at > now
        and (scope is ChangeScope.ALL or one.starts_at > found.starts_at)
    ]
    return sorted([*kept, *parted], key=lambda one: one.starts_at)


def _in_scope(
    connection: Connection, found: Event, series: EventSeries, scope: ChangeScope, now: datetime
) -> list[Event]:
    """The dates of a series that an act on `found` is about, of any status; none is over."""
    if not series.times.rule or scope is ChangeScope.THIS:
        return [found]
    return [
        one
        for one in queries.of_series(connection, series.id)
        if one.ends_at > now
        and (scope is ChangeScope.ALL or one.recurrence_id >= found.recurrence_id)
    ]


def _change_many(
    connection: Connection,
    found: Event,
    series: EventSeries,
    scope: ChangeScope,
    wanted: EventChange,
    values: dict[str, Any],
    sender: str,
    now: datetime,
) -> None:
    """Of this and the following, or of all to come.

    New times part the series: what has been stays as it was, and what comes is a series of its own
    that continues it. Occurrences keep their ids, so that those registered follow them.
    """
    ahead = _open_in_scope(connection, found, series, scope, now)
    lock_occurrences(connection, [one.id for one in ahead])
    alone = _changed_alone(connection, series)
    # Of fifty Tuesdays that become Wednesdays, nobody has noted the last: those are not "moved".
    soon = {one.id for one in ahead if one.starts_at <= now + NOTED_BEFORE}
    expected = registration_service.expected(connection, [one.id for one in ahead])
    awaited = {found.id} | soon | expected
    shift = wanted.times.start - found.starts_local
    rule = wanted.times.rule or series.times.rule
    retimed = (
        bool(shift)
        or wanted.times.duration != series.times.duration
        or rule != series.times.rule
        or wanted.times.zone != series.times.zone
    )
    if not retimed and (scope is ChangeScope.ALL or ahead[0].id == _first(connection, series.id)):
        altered = {**values, "note": wanted.note}
        about = [one for one in ahead if one.id not in alone or one.id == found.id]
        write_changes(connection, [(one, altered) for one in about], sender, awaited)
        return

    pivot = min(one.recurrence_id for one in ahead)
    before = [one for one in series.times.starts(pivot) if one < pivot]
    assert rule is not None
    if rule == series.times.rule:
        if rule.count is not None:
            rule = replace(rule, count=max(1, rule.count - len(before)))
        elif rule.until is not None:
            # It ends with the same date as before, at its new hour: an earlier one is no more.
            rule = replace(rule, until=rule.until + shift)
    times = EventTimes(
        pivot + shift,
        wanted.times.duration,
        wanted.times.zone,
        rule,
        tuple(one + shift for one in series.times.excluded if one >= pivot),
        tuple(one + shift for one in series.times.added if one >= pivot),
    ).aligned()
    old_rule = series.times.rule
    assert old_rule is not None
    retime(connection, series.id, replace(series.times, rule=old_rule.ended_before(pivot)))

    # What was called off stays so: its date is none of the new series either.
    about = _in_scope(connection, found, series, scope, now)
    off = [one.recurrence_id for one in about if one.status is EventStatus.CANCELLED]
    starts = times.starts(wall_time(within_year(now), times.zone))
    matched = match_occurrences([one.recurrence_id for one in about], starts, shift)
    excluded = {*times.excluded, *(matched[one] for one in off if one in matched)}
    times = replace(times, excluded=tuple(sorted(excluded)))
    bound = {"id": series.id, **time_values(times)}
    parted: UUID = connection.execute(text(PART), bound).scalar_one()
    gone = [one for one in ahead if one.recurrence_id not in matched]
    cancel_occurrences(connection, gone, wanted.note, sender)
    altered_dates: list[tuple[Event, dict[str, Any]]] = []
    for one in ahead:
        start = matched.get(one.recurrence_id)
        if start is None:
            continue
        connection.execute(text(JOIN), {"id": one.id, "series": parted, "local": start})
        if one.id not in alone or one.id == found.id:
            moved = moved_values(one, times, start, is_noted=one.id in awaited)
            altered_dates.append((one, {**values, "note": wanted.note, **moved}))
    write_changes(connection, altered_dates, sender, awaited)
    materialise(connection, {parted: times}, now)


def match_occurrences(
    former: Sequence[datetime], starts: Sequence[datetime], shift: timedelta
) -> dict[datetime, datetime]:
    """Which new wall time each former occurrence gets; none for those that no longer take place.

    The shifted one first, else one on the same day: so a rule of other days keeps what it shares.
    """
    free = list(starts)
    matched: dict[datetime, datetime] = {}
    for one in former:
        if one + shift in free:
            matched[one] = one + shift
            free.remove(one + shift)
    for one in former:
        same_day = next((start for start in free if start.date() == one.date()), None)
        if one not in matched and same_day is not None:
            matched[one] = same_day
            free.remove(same_day)
    return matched


def may_resume(connection: Connection, found: Event, series: EventSeries, now: datetime) -> bool:
    """Whether a refused event may be mended and sent once more: so often, and never what was
    public, as people were told that it does not take place."""
    if found.status is not EventStatus.REJECTED or found.is_over(now) or series.published_at:
        return False
    refused = connection.execute(text(TIMES_REFUSED), {"series": series.id}).scalar_one()
    return int(refused) <= MOST_REFUSALS


def resume(connection: Connection, identifier: UUID, person: UUID, now: datetime) -> None:
    """Makes a refused event a draft of its organiser again; its change sends it to moderators.

    Raises NotFound, StateConflict for one that may not (any more).
    """
    found, series = own_series(connection, identifier, person)
    if not may_resume(connection, found, series, now):
        raise StateConflict("This can no longer be sent again.")
    lock_occurrences(
        connection, connection.execute(text(IDS), {"series": series.id}).scalars().all()
    )
    connection.execute(text(DRAFT_AGAIN), {"series": series.id, "now": now})


def set_group(connection: Connection, identifier: UUID, person: UUID, group: UUID | None) -> None:
    """Lets a series belong to a group that its author organises or edits too, or to none.

    Raises NotFound, to other organisers of its group too.
    """
    if group is not None:
        # The group's row before that of the series, as an erasure takes them.
        found = membership.locked_by(connection, group, person, EDITING)
        if found.status is not GroupStatus.PUBLISHED:
            raise NotFound("There is no such public group of yours.")
        membership.note_sign(connection, group, datetime.now(UTC))
    _found, series = own_series(connection, identifier, person)
    if series.person != person:
        raise NotFound("There is no such event of yours.")
    bound = {"id": series.id, "group": group}
    connection.execute(text(SET_GROUP), bound)


def to_cancel(
    connection: Connection, found: Event, series: EventSeries, scope: ChangeScope, now: datetime
) -> list[Event]:
    """The dates that a cancellation calls off. Raises StateConflict where `found` is over."""
    if found.status not in (*OPEN, EventStatus.POSTPONED) or found.is_over(now):
        raise StateConflict("This does not take place any more.")
    about = _in_scope(connection, found, series, scope, now)
    return [one for one in about if one.status in (*OPEN, EventStatus.POSTPONED)]


def cancel(
    connection: Connection,
    identifier: UUID,
    person: UUID,
    scope: ChangeScope,
    note: str,
    sender: str,
    now: datetime,
) -> None:
    """Cancels, and tells everybody who is registered in the same transaction."""
    found, series = own_series(connection, identifier, person)
    gone = to_cancel(connection, found, series, scope, now)
    if series.times.rule and scope is not ChangeScope.THIS:
        first = min(one.recurrence_id for one in gone)
        retime(
            connection,
            series.id,
            replace(series.times, rule=series.times.rule.ended_before(first)),
        )
    lock_occurrences(connection, [one.id for one in gone])
    act: UUID = connection.execute(
        text(KEEP_CANCELLATION), {"series": series.id, "rrule": series.rrule, "now": now}
    ).scalar_one()
    cancel_occurrences(connection, gone, note, sender, act)


@dataclass(frozen=True, slots=True)
class UndoableCancellation:
    """The act that called an event off, with all of its dates that can still take place.

    `until` is when it can be undone at the latest.
    """

    id: UUID
    until: datetime
    dates: Sequence[Event]


def undoable(
    connection: Connection, found: Event, series: EventSeries, now: datetime
) -> UndoableCancellation | None:
    """None where it was not called off here, is begun, too old, or its series changed since."""
    if found.status is not EventStatus.CANCELLED or found.starts_at <= now:
        return None
    act = connection.execute(text(CANCELLATION), {"event": found.id}).one_or_none()
    if act is None:
        return None
    dates = [
        one
        for one in queries.of_ids(
            connection, connection.execute(text(DATES_OF_CANCELLATION), {"id": act.id}).scalars()
        ).values()
        if one.starts_at > now
    ]
    until = min(act.made_at + UNDO_CANCELLATION, found.starts_at)
    if until <= now or not _can_go_on(series, act.rrule, act.first):
        return None
    return UndoableCancellation(act.id, until, sorted(dates, key=lambda one: one.starts_at))


def _can_go_on(series: EventSeries, former: str, first: datetime) -> bool:
    """Whether the rule is as that cancellation left it, so that the former one can come back."""
    if former == series.rrule:
        return True
    zone = series.times.zone
    return series.rrule == RecurrenceRule.parse(former, zone).ended_before(first).text(zone)


def undo_cancellation(
    connection: Connection, identifier: UUID, person: UUID, sender: str, now: datetime
) -> None:
    """Takes back what was called off by mistake: all dates of that act that have not begun.

    Each is again what it was before, with the registrations that it had: offers that ran out
    meanwhile last another day, and everybody is told in the same transaction. Done twice it is
    done once. Raises NotFound, StateConflict where it is too late, or the series was changed since.
    """
    found, series = own_series(connection, identifier, person)
    if found.status in (*OPEN, EventStatus.POSTPONED):
        return
    known = undoable(connection, found, series, now)
    if known is None:
        raise StateConflict("This cancellation can no longer be undone.")
    former: str = connection.execute(text(UNDO), {"id": known.id, "now": now}).scalar_one()
    if former != series.rrule:
        rule = RecurrenceRule.parse(former, series.times.zone)
        times = replace(series.times, rule=rule)
        retime(connection, series.id, times)
    lock_occurrences(connection, [one.id for one in known.dates])
    for one in known.dates:
        bound = {"id": one.id, "now": now, "until": min(now + OFFER_LIFE, one.starts_at)}
        connection.execute(text(TAKE_PLACE_AGAIN), bound)
        connection.execute(text(OFFER_AGAIN), bound)
    again = [one.id for one in known.dates]
    registration_service.tell_change(connection, again, sender, known.id, undone=True)
    for one in known.dates:
        registration_service.settle(connection, one.id, sender, now)
    if former != series.rrule:
        materialise(connection, {series.id: times}, now)


def postpone(
    connection: Connection, identifier: UUID, person: UUID, note: str, sender: str, now: datetime
) -> None:
    """To a day that is not known yet; a new time makes it an event that was moved."""
    found, _series = own_series(connection, identifier, person)
    if found.status not in OPEN or found.is_over(now):
        raise StateConflict("This does not take place any more.")
    lock_occurrences(connection, [found.id])
    postpone_occurrences(connection, [found], note, sender)


def postpone_occurrences(
    connection: Connection, about: Sequence[Event], note: str, sender: str
) -> None:
    """Of events that are public and locked."""
    for found in about:
        _postpone(connection, found, note)
    registration_service.tell_change(connection, [one.id for one in about], sender)


def _postpone(connection: Connection, found: Event, note: str) -> None:
    values = {
        "status": str(EventStatus.POSTPONED),
        "former_starts_at": found.starts_at,
        "note": note,
        "sequence": found.sequence + 1,
    }
    connection.execute(update(event).where(event.c.id == found.id).values(values))


def change_needs(
    connection: Connection, identifier: UUID, person: UUID, alter: Callable[[], bool]
) -> None:
    """What a date asks hands for: shown at once, and looked at by moderators afterwards.

    By its organiser. Raises NotFound, StateConflict for what is over, refused or called off.
    """
    found, _series = own_series(connection, identifier, person)
    changeable = (EventStatus.DRAFT, EventStatus.PENDING, *OPEN, EventStatus.POSTPONED)
    if found.status not in changeable or found.is_over(datetime.now(UTC)):
        raise StateConflict("This can no longer be changed.")
    if alter() and found.status is not EventStatus.DRAFT:
        connection.execute(text(REQUEUE), {"series": found.series})


def withdraw(connection: Connection, identifier: UUID, person: UUID) -> None:
    """Deletes a series that never was public, with all traces. Raises NotFound, StateConflict."""
    found, series = own_series(connection, identifier, person)
    if series.published_at is not None or found.status in PUBLIC:
        raise StateConflict("What is public can be cancelled.")
    connection.execute(text("DELETE FROM event_series WHERE id = :id"), {"id": series.id})


def erase(connection: Connection, person: UUID, sender: str) -> None:
    """What was public stays, without its organiser; the rest goes, as all registrations do."""
    registration_service.erase(connection, person, sender)
    bound = {"person": person}
    connection.execute(text(ERASE_UNSEEN), bound)
    connection.execute(text(ERASE_ORGANISER), bound)
    connection.execute(text("DELETE FROM event_calendar WHERE person = :person"), bound)


# --- Decisions by moderators ----------------------------------------------------------------------

NEXT_STATUS: Mapping[DecisionVerdict, EventStatus] = {
    DecisionVerdict.PUBLISH: EventStatus.PUBLISHED,
    DecisionVerdict.REJECT: EventStatus.REJECTED,
    DecisionVerdict.ASK: EventStatus.DRAFT,
}


def decide(
    connection: Connection,
    site: Letterhead,
    identifier: UUID,
    verdict: DecisionVerdict,
    moderator: ModeratorIdentity,
    *,
    seen: int,
    reason: str = "",
) -> None:
    """Decides about a series as about initiatives: one claim, one log, one mail to its organiser.

    Raises NotFound, TooLate, or InvalidInput naming the field.
    """
    if verdict not in ON_TEXT:
        raise InvalidInput("verdict", "is not one of those offered")
    clean = clean_reason(reason)
    if verdict in (DecisionVerdict.REJECT, DecisionVerdict.ASK):
        if not clean:
            raise InvalidInput("reason", "is missing")
    else:
        clean = ""
    series = queries.find_series(connection, identifier, lock=True)
    if series is None:
        raise NotFound("There is no such event.")
    kind, _holder = moderation.find(connection, identifier, CaseKind.EVENT)
    if kind is None:
        last = next(iter(audit.decisions(connection, identifier)), None)
        raise TooLate(LateReason.DECIDED, last.decided_by if last else "")
    check_holder(connection, identifier, moderator.name, CaseKind.EVENT)
    if series.revision != seen:
        raise TooLate(LateReason.EDITED)
    was_public = series.published_at is not None and any(
        one.status in PUBLIC for one in queries.of_series(connection, identifier)
    )
    if verdict in (DecisionVerdict.KEEP, DecisionVerdict.PUBLISH) and (
        (verdict is DecisionVerdict.KEEP) != was_public
    ):
        raise InvalidInput("verdict", "does not fit the state of this event")
    status = NEXT_STATUS.get(verdict)
    if status:
        lock_occurrences(
            connection, connection.execute(text(IDS), {"series": identifier}).scalars().all()
        )
        bound = {"series": identifier, "status": str(status)}
        gone = connection.execute(text(DECIDE), bound).scalars().all()
        if was_public:
            registration_service.tell_change(connection, gone, site.sender)
    first = verdict is DecisionVerdict.PUBLISH
    settled = {"id": identifier, "reason": clean, "published": first}
    connection.execute(text(SETTLE), settled)
    log.keep(
        connection,
        DecisionRecord(
            event_series=identifier,
            verdict=verdict,
            by=moderator.name,
            person=moderator.person,
            revision=seen,
            reason=clean,
        ),
    )
    organiser = people_queries.find(connection, series.person) if series.person else None
    if organiser is None or verdict is DecisionVerdict.KEEP:
        return
    shown = queries.first_of(connection, identifier, datetime.now(UTC))
    known = queries.find(connection, shown)
    assert known is not None
    base = f"{site.base_url}/evenements/{shown}"
    values = {
        "title": known.title,
        "verdict": str(verdict),
        "reason": clean,
        "link": base if first else f"{base}/organiser",
        "may_resume": may_resume(connection, known, series, datetime.now(UTC)),
    }
    letter = mail.write(
        site,
        "event_decision",
        organiser.email,
        values,
        locale=organiser.locale,
        person=organiser.id,
    )
    mail.enqueue(connection, letter)


# --- Rows -----------------------------------------------------------------------------------------


def content_values(content: EventContent, placement: Placement | None) -> dict[str, Any]:
    """The columns of an event that its content and place make; parents follow by a trigger."""
    where = place_values(placement) if placement else dict(NOWHERE)
    return {
        "title": content.title,
        "summary": content.summary,
        "description": content.description,
        "theme": str(content.theme),
        "initiative": content.initiative,
        "mode": str(content.mode),
        "online_url": content.online_url,
        "place_text": content.place.words,
        "registration": str(content.registration),
        "registration_url": content.registration_url,
        "capacity": content.capacity,
        "max_seats": content.max_seats,
        "question": content.question,
        **where,
    }


def occurrence_values(times: EventTimes, local: datetime) -> dict[str, Any]:
    """The columns that say when the occurrence with this wall time takes place."""
    begins, ends = times.moments(local)
    return {
        "starts_at": begins,
        "ends_at": ends,
        "zone": times.zone,
        "starts_local": wall_time(begins, times.zone),
        "ends_local": wall_time(ends, times.zone),
    }


def time_values(times: EventTimes) -> dict[str, Any]:
    return {
        "starts_local": times.start,
        "duration": times.duration,
        "zone": times.zone,
        "rrule": times.rule.text(times.zone) if times.rule else "",
        "exdates": list(times.excluded),
        "rdates": list(times.added),
    }


def retime(connection: Connection, series: UUID, times: EventTimes) -> None:
    """Writes the times of a series; calendars are told, also where none of its dates changes.

    `sequence_base` grows by more than any date that leaves it with this change could have counted.
    """
    highest = select(func.coalesce(func.max(event.c.sequence), 0)).where(event.c.series == series)
    values = {
        **time_values(times),
        "sequence_base": event_series.c.sequence_base + 1 + highest.scalar_subquery(),
        "retimed_at": func.clock_timestamp(),
    }
    connection.execute(update(event_series).where(event_series.c.id == series).values(values))


def _same(found: Event, times: EventTimes) -> bool:
    own = occurrence_values(times, times.start)
    return (found.starts_at, found.ends_at, found.zone) == (
        own["starts_at"],
        own["ends_at"],
        own["zone"],
    )


def moved_values(
    found: Event, times: EventTimes, local: datetime, *, is_noted: bool = True
) -> dict[str, Any]:
    """New times, with the former one where the event is public and was to begin at another.

    `is_noted`: somebody may have noted the former one; else nothing is said of it.
    """
    own = occurrence_values(times, local)
    is_public = found.status in (*OPEN, EventStatus.POSTPONED)
    if is_public and is_noted and found.starts_at != own["starts_at"]:
        former = found.former_starts_at or found.starts_at
        return own | {"status": str(EventStatus.MOVED), "former_starts_at": former}
    if found.status is EventStatus.POSTPONED:
        # It has its day again, or one that nobody has noted.
        return own | {"status": str(EventStatus.PUBLISHED), "former_starts_at": None}
    return own


def write_changes(
    connection: Connection,
    about: Sequence[tuple[Event, dict[str, Any]]],
    sender: str,
    awaited: Set[UUID] | None = None,
) -> None:
    """Writes events with their new values; who is registered is told, and remembered anew.

    They are told of a new time or place, each once for all of these dates. `awaited`: those whose
    former day or place somebody may have noted, all where it is None; of others nothing is said.
    """
    told = [
        found.id
        for found, values in about
        if _write_change(connection, found, values, awaited is None or found.id in awaited)
    ]
    registration_service.tell_change(connection, told, sender)
    for found, _values in about:
        # More seats than before may be free.
        registration_service.settle(connection, found.id, sender, datetime.now(UTC))


def _write_change(
    connection: Connection, found: Event, values: dict[str, Any], is_noted: bool
) -> bool:
    """Returns whether it is something that those registered must know."""
    place_moved = (
        values["place_text"] != found.place_text
        or values["mode"] != found.mode
        or values["online_url"] != found.online_url
    )
    time_moved = "starts_at" in values and (
        (values["starts_at"], values["ends_at"]) != (found.starts_at, found.ends_at)
    )
    matters = bool(place_moved or time_moved or values["title"] != found.title)
    is_public = found.status in (*OPEN, EventStatus.POSTPONED)
    if is_public and is_noted and values["place_text"] != found.place_text:
        # What is postponed stays so until it has a new day.
        moved = {"status": str(EventStatus.MOVED)} if found.status in OPEN else {}
        values = {"former_place": found.former_place or found.place_text, **moved, **values}
    values = {**values, "sequence": found.sequence + (1 if matters else 0)}
    lock_occurrences(connection, [found.id])
    connection.execute(update(event).where(event.c.id == found.id).values(values))
    if is_public and time_moved:
        registration_service.remind_again(connection, found.id)
    return is_public and (place_moved or time_moved)


def cancel_occurrences(
    connection: Connection,
    about: Sequence[Event],
    note: str,
    sender: str,
    act: UUID | None = None,
) -> None:
    """Calls dates off, and tells whoever is registered once; what never was public goes.

    `act`: the cancellation by its organiser that they belong to; another cannot be undone.
    """
    for found in about:
        if found.status not in PUBLIC:
            connection.execute(text("DELETE FROM event WHERE id = :id"), {"id": found.id})
            continue
        values = {
            "status": str(EventStatus.CANCELLED),
            "cancelled_at": datetime.now(UTC),
            "cancellation": act,
            "cancelled_from": str(found.status) if act else None,
            "cancelled_note": found.note if act else None,
            "note": note,
            "sequence": found.sequence + 1,
        }
        connection.execute(update(event).where(event.c.id == found.id).values(values))
    public = [found.id for found in about if found.status in PUBLIC]
    registration_service.tell_change(connection, public, sender, act)


def _with_known_initiative(connection: Connection, content: EventContent) -> EventContent:
    """A link to what is no public initiative is left out."""
    if content.initiative is None:
        return content
    known = connection.execute(text(IS_PUBLIC), {"id": content.initiative}).scalar_one()
    return content if known else replace(content, initiative=None)


def lock_occurrences(connection: Connection, ids: Sequence[UUID]) -> None:
    connection.execute(text(LOCK), {"ids": list(ids)})


def _first(connection: Connection, series: UUID) -> UUID:
    found: UUID = connection.execute(text(FIRST_ROW), {"series": series}).scalar_one()
    return found


RECURRENCES = "SELECT series, recurrence_id FROM event WHERE series = ANY(:series)"

# What the other occurrences of a series say; one that was changed by itself only where there is no
# other. While any of them waits or was refused, so does what is made: those that are over or
# cancelled stay.
COPY_OCCURRENCES = """
WITH made AS (
    SELECT *
      FROM unnest(CAST(:series AS uuid[]), CAST(:recurrence_id AS timestamp[]),
                  CAST(:starts_at AS timestamptz[]), CAST(:ends_at AS timestamptz[]),
                  CAST(:zone AS text[]), CAST(:starts_local AS timestamp[]),
                  CAST(:ends_local AS timestamp[]))
           AS occurrence (series, recurrence_id, starts_at, ends_at, zone, starts_local, ends_local)
), template AS MATERIALIZED (
    SELECT said.*, coalesce(waits.status, 'published') AS status
      FROM (SELECT DISTINCT series FROM made) AS extended
     CROSS JOIN LATERAL (
           SELECT series, title, summary, description, theme, initiative, mode, online_url,
                  place_text, precision, point, commune, epci, departement, region, registration,
                  registration_url, capacity, max_seats, question
             FROM event
            WHERE event.series = extended.series
            ORDER BY changed_alone, recurrence_id DESC LIMIT 1) AS said
      LEFT JOIN LATERAL (
           SELECT status
             FROM event
            WHERE event.series = extended.series AND status IN ('draft', 'pending', 'rejected')
            ORDER BY status = 'rejected' DESC, recurrence_id DESC LIMIT 1) AS waits ON true
)
INSERT INTO event (series, recurrence_id, status, title, summary, description, theme, initiative,
                   starts_at, ends_at, zone, starts_local, ends_local, mode, online_url, place_text,
                   precision, point, commune, epci, departement, region, registration,
                   registration_url, capacity, max_seats, question)
SELECT series, recurrence_id, status, title, summary, description, theme, initiative,
       starts_at, ends_at, zone, starts_local, ends_local, mode, online_url, place_text,
       precision, point, commune, epci, departement, region, registration,
       registration_url, capacity, max_seats, question
  FROM template JOIN made USING (series)
    ON CONFLICT (series, recurrence_id) DO NOTHING"""

MADE_UNTIL = "UPDATE event_series SET made_until = :until WHERE id = ANY(:series)"

TO_EXTEND = """
SELECT id, starts_local, duration, zone, rrule, exdates, rdates
  FROM event_series
 WHERE rrule <> '' AND (made_until IS NULL OR made_until < :horizon)
 ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED"""

FINISH = """
UPDATE event SET status = 'done'
 WHERE status IN ('published', 'moved') AND ends_at <= :now"""

QUEUE_FIRST = """
UPDATE event_series
   SET queued_at = now(), published_at = CASE WHEN CAST(:public AS boolean) THEN now() END
 WHERE id = :id"""

NOTE_BEFORE = """
UPDATE event_series
   SET before_change = coalesce(before_change, CAST(:before AS jsonb))
 WHERE id = :series"""

REQUEUE = """
UPDATE event_series
   SET queued_at = coalesce(queued_at, now()), revision = revision + 1
 WHERE id = :series"""

# A moderator who has refused it so often is not asked again.
MOST_REFUSALS = 2
TIMES_REFUSED = """
SELECT count(*) FROM decision WHERE event_series = :series AND verdict = 'reject'"""
DRAFT_AGAIN = """
UPDATE event SET status = 'draft'
 WHERE series = :series AND status = 'rejected' AND ends_at > :now"""
PENDING_AGAIN = "UPDATE event SET status = 'pending' WHERE series = :series AND status = 'draft'"

# The new series stands with moderators where its former one does.
PART = """
INSERT INTO event_series (person, continues, local_group, starts_local, duration, zone, rrule,
                          exdates, rdates, revision, submitted_at, published_at, reason, source,
                          before_change)
SELECT person, id, local_group, :starts_local, :duration, :zone, :rrule,
       CAST(:exdates AS timestamp[]), CAST(:rdates AS timestamp[]), revision,
       submitted_at, published_at, reason, source, before_change
  FROM event_series WHERE id = :id
RETURNING id"""

JOIN = "UPDATE event SET series = :series, recurrence_id = :local WHERE id = :id"

RENAME = "UPDATE event SET recurrence_id = :local, changed_alone = false WHERE id = :id"

KEEP_CANCELLATION = """
INSERT INTO event_cancellation (series, rrule, made_at) VALUES (:series, :rrule, :now)
RETURNING id"""

# `first`: the first of its dates, before which it cut the rule short.
CANCELLATION = """
SELECT act.id, act.rrule, act.made_at,
       (SELECT min(recurrence_id) FROM event AS one WHERE one.cancellation = act.id) AS first
  FROM event
  JOIN event_cancellation AS act ON act.id = event.cancellation AND act.series = event.series
 WHERE event.id = :event AND act.undone_at IS NULL"""

DATES_OF_CANCELLATION = """
SELECT id FROM event WHERE cancellation = :id AND status = 'cancelled'"""

UNDO = "UPDATE event_cancellation SET undone_at = :now WHERE id = :id RETURNING rrule"

TAKE_PLACE_AGAIN = """
UPDATE event
   SET status = cancelled_from, cancelled_from = NULL, cancelled_at = NULL,
       note = coalesce(cancelled_note, ''), cancelled_note = NULL, sequence = sequence + 1
 WHERE id = :id"""

OFFER_AGAIN = """
UPDATE event_registration SET offered_until = :until
 WHERE event = :id AND state = 'offered' AND offered_until < :until"""

LOCK = "SELECT FROM event WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE"

SET_GROUP = "UPDATE event_series SET local_group = :group WHERE id = :id"

IDS = "SELECT id FROM event WHERE series = :series ORDER BY id"

FIRST_ROW = "SELECT id FROM event WHERE series = :series ORDER BY recurrence_id LIMIT 1"

CHANGED_ALONE = "SELECT id FROM event WHERE series = :series AND changed_alone"

IS_PUBLIC = """
SELECT EXISTS (SELECT FROM initiative WHERE id = :id AND status IN ('published', 'done'))"""

# What is over, or was cancelled by its organiser, no decision changes.
DECIDE = """
UPDATE event SET status = :status, sequence = sequence + 1
 WHERE series = :series AND status <> :status
   AND CASE CAST(:status AS text)
           WHEN 'published' THEN status IN ('pending', 'draft')
           ELSE status IN ('pending', 'draft', 'published', 'moved', 'postponed') END
RETURNING id"""

SETTLE = """
UPDATE event_series
   SET queued_at = NULL, before_change = NULL, reason = :reason,
       published_at = CASE WHEN :published THEN coalesce(published_at, now()) ELSE published_at END
 WHERE id = :id"""

ERASE_UNSEEN = """
DELETE FROM event_series
 WHERE person = :person
   AND NOT EXISTS (SELECT FROM event WHERE event.series = event_series.id
                      AND status IN ('published', 'moved', 'postponed', 'cancelled', 'done'))"""

ERASE_ORGANISER = """
UPDATE event_series SET person = NULL, reason = '', before_change = NULL WHERE person = :person"""

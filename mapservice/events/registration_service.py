"""Who comes: seats are given under a lock of the event's row, so that there is never one too many.

Each verb locks the event first and its registrations after; before it commits, what is free is
offered to who waits (`settle`). So no committed state has a seat that is free while somebody waits,
and whoever repeats a verb changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from mapservice.accounts.people.model import Person
from mapservice.audit import log
from mapservice.audit.model import DecisionRecord, DecisionVerdict
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.events import queries
from mapservice.events.model import (
    ALIVE,
    ANSWER_DAYS,
    CANCELLED_DAYS,
    COMING,
    MAX_ANSWER,
    OFFER_LIFE,
    REMINDER_BEFORE,
    Event,
    EventStatus,
    RegistrationMode,
    RegistrationState,
    WaitingPerson,
    offers_of,
)
from mapservice.mail import service as mail
from mapservice.mail.model import GIVE_UP_AFTER, LateMail
from mapservice.mail.unsubscribe import signature

PURPOSE = "register"
LETTER = "event_register"
# What the link of these mails is signed for: seeing how one's registration stands, taking a seat.
SEAT = "seat"
# The name under which `letters.py` writes the words of these mails when they are sent.
RENDERER = "event"
LETTERS_A_TURN = 500
# Organisers hear of the first request at once, and of those that follow it together.
REQUESTS_APART = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One person's registration. `hears`: messages of the organiser reach them.

    `lapsed_at`: when an offered seat was not taken in time, which ended it.
    """

    id: UUID
    event: UUID
    person: UUID
    state: RegistrationState
    seats: int
    name: str
    is_public: bool
    shares_address: bool
    answer: str
    created_at: datetime
    waits_since: datetime | None
    offered_seats: int | None
    offered_until: datetime | None
    leave_key: bytes
    hears: bool
    lapsed_at: datetime | None

    @property
    def is_alive(self) -> bool:
        return self.state in ALIVE or self.state is RegistrationState.ATTENDED


def register(
    connection: Connection,
    identifier: UUID,
    person: UUID,
    sender: str,
    now: datetime,
    *,
    seats: int = 1,
    name: str = "",
    is_public: bool = False,
    shares_address: bool = False,
) -> Registration:
    """Registers a person, or returns the registration that is there already.

    Who comes while others wait, waits behind them. Raises NotFound, StateConflict where one cannot
    register (any more), InvalidInput for more seats than one person may take.
    """
    found = queries.find(connection, identifier) if _lock(connection, identifier) else None
    if found is None or not found.is_public:
        raise NotFound("There is no such event.")
    if not found.is_open(now) or found.registration not in (
        RegistrationMode.OPEN,
        RegistrationMode.APPROVAL,
    ):
        raise StateConflict("One cannot register for this any more.")
    if not 1 <= seats <= found.max_seats:
        raise InvalidInput("seats", f"must be a number between 1 and {found.max_seats}")
    settle(connection, identifier, sender, now)
    known = of_person(connection, identifier, person)
    if known and (known.is_alive or known.state is RegistrationState.DECLINED):
        return known
    if found.registration is RegistrationMode.APPROVAL:
        state = RegistrationState.REQUESTED
    else:
        state = _seated_or_waiting(connection, found, seats)
    bound = {
        "event": identifier,
        "person": person,
        "state": str(state),
        "seats": seats,
        "name": name,
        "is_public": is_public,
        "shares_address": shares_address,
    }
    made: UUID = connection.execute(text(REGISTER), bound).scalar_one()
    offered = settle(connection, identifier, sender, now)
    if made not in offered:
        tell_seat(connection, made, sender)
    result = find(connection, made)
    assert result is not None
    return result


def accept(connection: Connection, registration: UUID, sender: str, now: datetime) -> None:
    """Takes the seats on offer. Raises NotFound, or StateConflict for an offer that is over."""
    known, _ = _locked_registration(connection, registration)
    told = settle(connection, known.event, sender, now)
    known = _known(connection, registration)
    if known.state in COMING:
        return
    if known.state is not RegistrationState.OFFERED:
        raise StateConflict("This offer is over.")
    bound = {"id": registration, "seats": known.offered_seats}
    connection.execute(text(ACCEPT), bound)
    if registration not in told:
        tell_seat(connection, registration, sender)


def leave(connection: Connection, registration: UUID, sender: str, now: datetime) -> None:
    """Gives the seats, or the place in the list, back; done twice it is done once."""
    known, _ = _locked_registration(connection, registration)
    if known.state in ALIVE:
        _set_state(connection, registration, RegistrationState.CANCELLED)
    settle(connection, known.event, sender, now)


def change(
    connection: Connection,
    registration: UUID,
    sender: str,
    now: datetime,
    *,
    seats: int,
    name: str,
    is_public: bool,
    shares_address: bool,
) -> None:
    """What a person told when they registered, told anew; who waits keeps their turn.

    Seats that are given back go to who waits. More are given only where they are free and nobody
    waits for them. Raises NotFound, InvalidInput for more than one person may take, StateConflict
    where there are not so many or the registration is none any more.
    """
    known, found = _locked_registration(connection, registration)
    settle(connection, known.event, sender, now)
    known = _known(connection, registration)
    if known.state not in ALIVE:
        raise StateConflict("This registration is none any more.")
    more = seats - known.seats
    if more and not 1 <= seats <= found.max_seats:
        raise InvalidInput("seats", f"must be a number between 1 and {found.max_seats}")
    is_seated = known.state in COMING
    if more > 0 and not found.is_open(now):
        raise StateConflict("One cannot register for this any more.")
    if (
        more > 0
        and is_seated
        and _seated_or_waiting(connection, found, more) is not RegistrationState.CONFIRMED
    ):
        raise StateConflict("There are not so many seats.")
    bound = {
        "id": registration,
        "seats": seats,
        "name": name,
        "is_public": is_public,
        "shares_address": shares_address,
    }
    connection.execute(text(CHANGE), bound)
    offered = settle(connection, known.event, sender, now)
    if more and is_seated and registration not in offered:
        tell_seat(connection, registration, sender)


def decide(
    connection: Connection, registration: UUID, sender: str, now: datetime, *, admit: bool
) -> None:
    """The organiser admits or refuses a request. Raises NotFound, StateConflict."""
    known, found = _locked_registration(connection, registration)
    settle(connection, known.event, sender, now)
    if known.state is not RegistrationState.REQUESTED:
        raise StateConflict("This request was decided already.")
    if admit:
        state = _seated_or_waiting(connection, found, known.seats)
        connection.execute(text(ADMIT), {"id": registration, "state": str(state)})
        offered = settle(connection, known.event, sender, now)
        if registration in offered:
            return
    else:
        _set_state(connection, registration, RegistrationState.DECLINED)
    tell_seat(connection, registration, sender)


def check_in(connection: Connection, registration: UUID, *, attended: bool) -> None:
    """Notes that somebody is there, or takes it back. Raises NotFound, StateConflict."""
    known, _ = _locked_registration(connection, registration)
    if known.state not in COMING:
        raise StateConflict("This person holds no seat.")
    state = RegistrationState.ATTENDED if attended else RegistrationState.CONFIRMED
    _set_state(connection, registration, state)


def answer(connection: Connection, registration: UUID, words: str) -> None:
    """The answer to the organiser's question, of whoever has a seat or asks for one.

    Raises InvalidInput.
    """
    if len(words) > MAX_ANSWER:
        raise InvalidInput("answer", f"is longer than {MAX_ANSWER} characters")
    connection.execute(text(ANSWER), {"id": registration, "answer": words})


def settle(connection: Connection, identifier: UUID, sender: str, now: datetime) -> set[UUID]:
    """Ends offers that are over and offers what is free, in order; returns to whom.

    An offer of fewer seats than were asked for grows with what becomes free, and lasts anew.

    For who holds the event's row locked. An event that has begun, or does not take place, offers
    nothing; one that was cancelled keeps what it offered, in case that is undone.
    """
    found = queries.find(connection, identifier)
    if found is None or found.status is EventStatus.CANCELLED:
        return set()
    expired = connection.execute(text(EXPIRE), {"event": identifier, "now": now}).scalars().all()
    for one in expired:
        tell_seat(connection, one, sender)
    if not found.is_open(now):
        return set()
    rows = connection.execute(text(WAITING), {"event": identifier}).all()
    if not rows:
        return set()
    free = _free(connection, found)
    until = min(now + OFFER_LIFE, found.starts_at)
    held = {row.id: row.held for row in rows}
    offered = set()
    for offer in offers_of(free, [WaitingPerson(row.id, row.lacking) for row in rows]):
        bound = {"id": offer.id, "seats": held[offer.id] + offer.seats, "until": until}
        connection.execute(text(OFFER), bound)
        tell_seat(connection, offer.id, sender)
        offered.add(offer.id)
    return offered


def settle_due(engine: Engine, sender: str, now: datetime) -> int:
    """Each minute: offers that are over go to who waits next. Returns how many events had some."""
    with engine.connect() as connection:
        due = connection.execute(text(DUE), {"now": now}).scalars().all()
    for identifier in due:
        with engine.begin() as connection:
            if _lock(connection, identifier):
                settle(connection, identifier, sender, now)
    return len(due)


def tell_requests(engine: Engine, sender: str, now: datetime) -> int:
    """Each minute: writes to the organisers of events that somebody asks to come to.

    Returns how many mails were written.
    """
    written = 0
    with engine.begin() as connection:
        bound = {"now": now, "since": now - REQUESTS_APART}
        for identifier in connection.execute(text(TOLD_REQUESTS), bound).scalars().all():
            for row in connection.execute(text(ORGANISERS), {"event": identifier}):
                payload = {"event": str(identifier), "organiser": str(row.person)}
                letter = LateMail(
                    kind="event_requests",
                    renderer=RENDERER,
                    payload=payload,
                    person=row.person,
                    recipient=row.email,
                    sender=sender,
                )
                mail.enqueue_late(connection, letter)
                written += 1
    return written


def remind(engine: Engine, sender: str, now: datetime) -> int:
    """Every few minutes: writes the reminders of what begins within a day.

    Who registered within that day needs none.
    """
    written = 0
    while True:
        with engine.begin() as connection:
            bound = {
                "now": now,
                "until": now + REMINDER_BEFORE,
                "before": REMINDER_BEFORE,
                "most": LETTERS_A_TURN,
            }
            rows = connection.execute(text(REMIND), bound).all()
            for row in rows:
                _write(connection, row, "reminder", sender, patience=row.starts_at - now)
        written += len(rows)
        if len(rows) < LETTERS_A_TURN:
            return written


def remind_again(connection: Connection, identifier: UUID) -> None:
    """After a new time: the reminder written for the former one does not count."""
    connection.execute(text(REMIND_AGAIN), {"event": identifier})


def forget(engine: Engine, now: datetime) -> None:
    """Nightly: 30 days after an event, answers and names go, and whoever did not come with them."""
    with engine.begin() as connection:
        bound = {"before": now - timedelta(days=ANSWER_DAYS)}
        connection.execute(text(FORGET_WORDS), bound)
        connection.execute(text(FORGET_ROWS), bound)


def erase(connection: Connection, person: UUID, sender: str) -> None:
    """Deletes a person's registrations; their seats go to who waits."""
    now = connection.execute(text("SELECT now()")).scalar_one()
    rows = connection.execute(text(EVENTS_OF), {"person": person}).scalars().all()
    for identifier in rows:
        _lock(connection, identifier)
        connection.execute(text(DELETE), {"event": identifier, "person": person})
        settle(connection, identifier, sender, now)


def tell_change(
    connection: Connection,
    events: Sequence[UUID],
    sender: str,
    cancellation: UUID | None = None,
    *,
    undone: bool = False,
) -> int:
    """Writes to everyone who means to come that dates were moved, postponed or cancelled.

    That is who is registered, and who promised a hand, each once for all the dates of one act that
    they meant to come to. In the transaction of that act: either both are, or neither is.
    `cancellation`: the act that called them off, or that is `undone`, so that a mail which leaves
    late tells of no other. Returns how many mails that makes.
    """
    bound = {"events": list(events)}
    rows = connection.execute(text(CONCERNED), bound).all()
    about = "undone" if undone else "change"
    for row in rows:
        _write(connection, row, about, sender, cancellation=cancellation, also=row.also)
    return len(rows)


def tell_seat(connection: Connection, registration: UUID, sender: str) -> None:
    """Writes to somebody how their registration stands; it says so as it is when it is sent."""
    row = connection.execute(text(ADDRESSEE), {"id": registration}).one_or_none()
    if row is not None:
        _write(connection, row, "seat", sender)


def expected(connection: Connection, events: Sequence[UUID]) -> set[UUID]:
    """Those of some events for which anybody is registered, or promised a hand."""
    bound = {"events": list(events), "alive": [str(one) for one in ALIVE]}
    return set(connection.execute(text(EXPECTED), bound).scalars())


def find(connection: Connection, registration: UUID) -> Registration | None:
    return _read(connection, "id = :id", {"id": registration})


def of_person(connection: Connection, identifier: UUID, person: UUID) -> Registration | None:
    bound = {"event": identifier, "person": person}
    return _read(connection, "event = :event AND person = :person", bound)


def seat_path(known: Registration) -> str:
    """The page on which whoever got a mail about a registration sees how it stands, signed in or
    not, and takes the seat that is offered."""
    signed = signature(known.id, known.leave_key, SEAT)
    return f"/evenements/{known.event}/place/{known.id}/{signed}"


def leave_key(connection: Connection, registration: UUID) -> bytes | None:
    """What signs the link that leaves; None for a registration that is none any more."""
    known = find(connection, registration)
    return known.leave_key if known and known.state in ALIVE else None


@dataclass(frozen=True, slots=True)
class SeatCounts:
    """Seats: `taken` by those who come, `held` by offers; people who wait, and who ask."""

    capacity: int | None
    taken: int
    held: int
    waiting: int
    requested: int
    attended: int

    @property
    def free(self) -> int | None:
        """None where seats are not counted."""
        return None if self.capacity is None else max(0, self.capacity - self.taken - self.held)


def counts(connection: Connection, found: Event) -> SeatCounts:
    row = connection.execute(text(COUNTS), {"event": found.id}).one()
    return SeatCounts(found.capacity, *row)


def waiting_rank(connection: Connection, known: Registration) -> int | None:
    """Which one of those who wait somebody is, from 1, in the order of offers; None for others."""
    if known.state is not RegistrationState.WAITING:
        return None
    order = connection.execute(text(WAITING), {"event": known.event}).all()
    return next((n for n, row in enumerate(order, 1) if row.id == known.id), None)


def people(connection: Connection, events: Sequence[UUID]) -> int:
    """How many people are registered for any of these, or wait for a seat."""
    bound = {"events": list(events), "alive": [str(one) for one in ALIVE]}
    return int(connection.execute(text(PEOPLE), bound).scalar_one())


@dataclass(frozen=True, slots=True)
class Attendee:
    """A line of the organiser's list: a name, never an address."""

    id: UUID
    name: str
    state: RegistrationState
    seats: int
    answer: str
    created_at: datetime
    shares_address: bool


def attendees(connection: Connection, identifier: UUID) -> list[Attendee]:
    """All who are registered: those who come by name, who wait in their order."""
    rows = connection.execute(text(ATTENDEES), {"event": identifier})
    return [Attendee(**{**row._mapping, "state": RegistrationState(row.state)}) for row in rows]


@dataclass(frozen=True, slots=True)
class ConsentingAttendee:
    """A line of the list that an organiser may take away: of somebody who agreed to that."""

    name: str
    email: str
    seats: int
    state: RegistrationState
    created_at: datetime


def export_attendance(
    connection: Connection, found: Event, organiser: Person
) -> list[ConsentingAttendee]:
    """Who comes or came, and agreed; that it was taken, and of how many, is logged beside it."""
    rows = connection.execute(text(CONSENTING), {"event": found.id}).all()
    listed = [
        ConsentingAttendee(**{**row._mapping, "state": RegistrationState(row.state)})
        for row in rows
    ]
    log.keep(
        connection,
        DecisionRecord(
            event_series=found.series,
            verdict=DecisionVerdict.ATTENDANCE,
            by=organiser.name or str(organiser.id),
            person=organiser.id,
            reason=f"{found.title}, {found.starts_local:%d/%m/%Y}: {len(listed)}",
        ),
    )
    return listed


def public_names(connection: Connection, identifier: UUID) -> list[str]:
    """Names of those who come and chose to be shown."""
    return list(connection.execute(text(PUBLIC_NAMES), {"event": identifier}).scalars())


def coming_to(connection: Connection, person: UUID) -> Mapping[UUID, Registration]:
    """A person's registrations by event."""
    rows = connection.execute(text(OF_PERSON), {"person": person})
    return {row.event: _registration(row._mapping) for row in rows}


def _seated_or_waiting(connection: Connection, found: Event, seats: int) -> RegistrationState:
    """Nobody overtakes who waits."""
    waits = connection.execute(text(WAITING), {"event": found.id}).first() is not None
    free = _free(connection, found)
    if free is None or (not waits and free >= seats):
        return RegistrationState.CONFIRMED
    return RegistrationState.WAITING


def _free(connection: Connection, found: Event) -> int | None:
    if found.capacity is None:
        return None
    return found.capacity - int(connection.execute(text(TAKEN), {"event": found.id}).scalar_one())


def _lock(connection: Connection, identifier: UUID) -> bool:
    """Holds the row of an event; the seats of one that is held change in this transaction alone."""
    row = connection.execute(text(LOCK), {"id": identifier}).one_or_none()
    return row is not None


def _locked_registration(connection: Connection, registration: UUID) -> tuple[Registration, Event]:
    known = _known(connection, registration)
    _lock(connection, known.event)
    found = queries.find(connection, known.event)
    assert found is not None, "registrations go with their event"
    return _known(connection, registration), found


def _known(connection: Connection, registration: UUID) -> Registration:
    known = find(connection, registration)
    if known is None:
        raise NotFound("There is no such registration.")
    return known


def _set_state(connection: Connection, registration: UUID, state: RegistrationState) -> None:
    connection.execute(text(SET_STATE), {"id": registration, "state": str(state)})


def _read(connection: Connection, condition: str, bound: dict[str, Any]) -> Registration | None:
    row = connection.execute(text(f"{READ} WHERE {condition}"), bound).one_or_none()
    return _registration(row._mapping) if row else None


def _registration(values: Mapping[Any, Any]) -> Registration:
    return Registration(**{**values, "state": RegistrationState(values["state"])})


def _write(
    connection: Connection,
    row: Any,
    about: str,
    sender: str,
    patience: timedelta = GIVE_UP_AFTER,
    cancellation: UUID | None = None,
    also: Sequence[UUID] = (),
) -> None:
    """`also`: their further registrations, or hands, that the same mail is about."""
    payload: dict[str, Any] = {row.said_as: str(row.registration), "about": about}
    if also:
        payload["also"] = [str(one) for one in also]
    if cancellation:
        payload["cancellation"] = str(cancellation)
    mail.enqueue_late(
        connection,
        LateMail(
            kind=f"event_{about}",
            renderer=RENDERER,
            payload=payload,
            person=row.person,
            recipient=row.email,
            sender=sender,
            give_up_after=max(timedelta(minutes=1), min(patience, GIVE_UP_AFTER)),
        ),
    )


READ = """
SELECT id, event, person, state, seats, name, is_public, shares_address, answer, created_at,
       waits_since, offered_seats, offered_until, leave_key, hears, lapsed_at
  FROM event_registration"""

PEOPLE = """
SELECT count(DISTINCT person) FROM event_registration
 WHERE event = ANY(CAST(:events AS uuid[])) AND state = ANY(:alive)"""
OF_PERSON = f"{READ} WHERE person = :person"

LOCK = "SELECT id FROM event WHERE id = :id FOR NO KEY UPDATE"

# By the clock, as the transaction may have waited for the row since it began.
REGISTER = """
INSERT INTO event_registration (event, person, state, seats, name, is_public, shares_address,
                                waits_since)
VALUES (:event, :person, :state, :seats, :name, :is_public, :shares_address,
        CASE WHEN CAST(:state AS text) = 'waiting' THEN clock_timestamp() END)
    ON CONFLICT (event, person) DO UPDATE
   SET state = excluded.state, seats = excluded.seats, name = excluded.name,
       is_public = excluded.is_public, shares_address = excluded.shares_address,
       waits_since = excluded.waits_since,
       changed_at = clock_timestamp(), offered_seats = NULL, offered_until = NULL,
       lapsed_at = NULL, reminded_at = NULL, requested_told_at = NULL
RETURNING id"""

ADMIT = """
UPDATE event_registration
   SET state = :state, changed_at = clock_timestamp(),
       waits_since = CASE WHEN CAST(:state AS text) = 'waiting' THEN clock_timestamp() END
 WHERE id = :id"""

SET_STATE = """
UPDATE event_registration
   SET state = :state, changed_at = clock_timestamp(), offered_seats = NULL, offered_until = NULL
 WHERE id = :id"""

ACCEPT = """
UPDATE event_registration
   SET state = 'confirmed', seats = :seats, changed_at = clock_timestamp(), offered_seats = NULL,
       offered_until = NULL
 WHERE id = :id"""

ANSWER = """
UPDATE event_registration SET answer = :answer
 WHERE id = :id AND state IN ('requested', 'confirmed', 'offered', 'attended')"""

EXPIRE = """
UPDATE event_registration
   SET state = 'cancelled', changed_at = clock_timestamp(), lapsed_at = offered_until,
       offered_seats = NULL, offered_until = NULL
 WHERE event = :event AND state = 'offered' AND offered_until <= :now
RETURNING id"""

WAITING = """
SELECT id, coalesce(offered_seats, 0) AS held, seats - coalesce(offered_seats, 0) AS lacking
  FROM event_registration
 WHERE event = :event AND (state = 'waiting' OR (state = 'offered' AND offered_seats < seats))
 ORDER BY state <> 'offered', waits_since, id"""

TAKEN = """
SELECT coalesce(sum(coalesce(offered_seats, seats)), 0)
  FROM event_registration
 WHERE event = :event AND state IN ('confirmed', 'offered', 'attended')"""

OFFER = """
UPDATE event_registration
   SET state = 'offered', offered_seats = :seats, offered_until = :until,
       changed_at = clock_timestamp()
 WHERE id = :id"""

DUE = """
SELECT DISTINCT event FROM event_registration JOIN event ON event.id = event_registration.event
 WHERE state = 'offered' AND offered_until <= :now AND event.status <> 'cancelled'"""

TOLD_REQUESTS = """
WITH due AS (
    SELECT event.id
      FROM event
     WHERE event.status IN ('published', 'moved') AND event.starts_at > :now
       AND EXISTS (SELECT FROM event_registration AS own
                    WHERE own.event = event.id AND own.state = 'requested'
                      AND own.requested_told_at IS NULL)
       AND NOT EXISTS (SELECT FROM event_registration AS told
                        WHERE told.event = event.id AND told.requested_told_at > :since)
), told AS (
    UPDATE event_registration AS registration SET requested_told_at = :now
      FROM due
     WHERE registration.event = due.id AND registration.state = 'requested'
       AND registration.requested_told_at IS NULL
 RETURNING registration.event
)
SELECT DISTINCT event FROM told"""

# Who proposed it, and whoever organises its group.
ORGANISERS = """
SELECT person.id AS person, person.email
  FROM event
  JOIN event_series ON event_series.id = event.series
  JOIN person ON person.id = event_series.person
              OR person.id IN (SELECT member.person FROM group_member AS member
                                WHERE member.local_group = event_series.local_group
                                  AND member.standing = 'organiser')
 WHERE event.id = :event AND person.email IS NOT NULL
 ORDER BY person.id"""

REMIND = """
UPDATE event_registration AS registration SET reminded_at = :now
  FROM (SELECT event_registration.id, event.starts_at
          FROM event
          JOIN event_registration ON event_registration.event = event.id
         WHERE event.status IN ('published', 'moved') AND event.starts_at > :now
           AND event.starts_at <= :until AND event_registration.state = 'confirmed'
           AND event_registration.reminded_at IS NULL
           AND event_registration.created_at < event.starts_at - CAST(:before AS interval)
         ORDER BY event.starts_at, event_registration.id
         LIMIT :most
           FOR UPDATE OF event_registration SKIP LOCKED) AS due, person
 WHERE registration.id = due.id AND person.id = registration.person AND person.email IS NOT NULL
RETURNING 'registration' AS said_as, registration.id AS registration, registration.person,
          person.email, due.starts_at"""

REMIND_AGAIN = "UPDATE event_registration SET reminded_at = NULL WHERE event = :event"

# One row for each person, and kind of promise: `said_as` is what the mail names, a registration for
# the event or one for a need of it, and `also` their further ones, in the order of the dates.
CONCERNED = """
WITH concerned AS (
    SELECT 'registration' AS said_as, registration.id, registration.person, registration.event
      FROM event_registration AS registration
     WHERE registration.event = ANY(CAST(:events AS uuid[]))
       AND registration.state IN ('requested', 'confirmed', 'waiting', 'offered')
), hands AS (
    SELECT DISTINCT ON (hand.person, need.event)
           'hand' AS said_as, hand.id, hand.person, need.event
      FROM need JOIN registration AS hand ON hand.need = need.id
     WHERE need.event = ANY(CAST(:events AS uuid[]))
       AND (hand.person, need.event) NOT IN (SELECT person, event FROM concerned)
     ORDER BY hand.person, need.event, hand.id
), promised AS (
    SELECT kept.said_as, kept.person, array_agg(kept.id ORDER BY event.starts_at, kept.id) AS ids
      FROM (SELECT * FROM concerned UNION ALL SELECT * FROM hands) AS kept
      JOIN event ON event.id = kept.event
     GROUP BY kept.said_as, kept.person
)
SELECT promised.said_as, promised.ids[1] AS registration, promised.ids[2:] AS also,
       promised.person, person.email
  FROM promised JOIN person ON person.id = promised.person
 WHERE person.email IS NOT NULL
 ORDER BY promised.said_as DESC, promised.ids[1]"""

EXPECTED = """
SELECT event FROM event_registration
 WHERE event = ANY(CAST(:events AS uuid[]))
   AND state = ANY(:alive)
 UNION
SELECT need.event FROM need JOIN registration AS hand ON hand.need = need.id
 WHERE need.event = ANY(CAST(:events AS uuid[]))"""

ADDRESSEE = """
SELECT 'registration' AS said_as, registration.id AS registration, registration.person, person.email
  FROM event_registration AS registration JOIN person ON person.id = registration.person
 WHERE registration.id = :id AND person.email IS NOT NULL"""

COUNTS = """
SELECT coalesce(sum(seats) FILTER (WHERE state IN ('confirmed', 'attended')), 0) AS taken,
       coalesce(sum(offered_seats) FILTER (WHERE state = 'offered'), 0) AS held,
       count(*) FILTER (WHERE state = 'waiting') AS waiting,
       count(*) FILTER (WHERE state = 'requested') AS requested,
       coalesce(sum(seats) FILTER (WHERE state = 'attended'), 0) AS attended
  FROM event_registration WHERE event = :event"""

ATTENDEES = """
SELECT id, name, state, seats, answer, created_at, shares_address
  FROM event_registration
 WHERE event = :event AND state <> 'cancelled'
 ORDER BY array_position(ARRAY['requested', 'confirmed', 'offered', 'waiting', 'declined'],
                         CASE state WHEN 'attended' THEN 'confirmed' ELSE state END),
          CASE WHEN state IN ('confirmed', 'attended') THEN lower(name) END, waits_since,
          created_at, id"""

CHANGE = """
UPDATE event_registration
   SET seats = :seats, name = :name, is_public = :is_public, shares_address = :shares_address,
       offered_seats = CASE WHEN offered_seats > :seats THEN :seats ELSE offered_seats END,
       changed_at = clock_timestamp()
 WHERE id = :id"""

CONSENTING = """
SELECT event_registration.name, person.email, seats, state, event_registration.created_at
  FROM event_registration JOIN person ON person.id = event_registration.person
 WHERE event = :event AND shares_address AND state IN ('confirmed', 'attended')
   AND person.email IS NOT NULL
 ORDER BY lower(event_registration.name), event_registration.created_at, event_registration.id"""

PUBLIC_NAMES = """
SELECT name FROM event_registration
 WHERE event = :event AND is_public AND name <> '' AND state IN ('confirmed', 'attended')
 ORDER BY lower(name), id LIMIT 200"""

EVENTS_OF = "SELECT event FROM event_registration WHERE person = :person ORDER BY event"

DELETE = "DELETE FROM event_registration WHERE event = :event AND person = :person"

FORGET_WORDS = """
UPDATE event_registration SET answer = '', name = '', is_public = false, shares_address = false
  FROM event
 WHERE event.id = event_registration.event AND event.ends_at < :before
   AND (answer <> '' OR event_registration.name <> '' OR shares_address)"""

FORGET_ROWS = """
DELETE FROM event_registration USING event
 WHERE event.id = event_registration.event AND event.ends_at < :before
   AND event_registration.state IN ('requested', 'waiting', 'offered', 'declined', 'cancelled')"""


# --- A calendar of one's own ----------------------------------------------------------------------


def open_calendar(connection: Connection, person: UUID, digest: bytes) -> None:
    """Keeps the digest of a new secret; an address that was there before ends."""
    connection.execute(text(KEEP_CALENDAR), {"person": person, "digest": digest})


def end_calendar(connection: Connection, person: UUID) -> None:
    connection.execute(
        text("DELETE FROM event_calendar WHERE person = :person"), {"person": person}
    )


def has_calendar(connection: Connection, person: UUID) -> bool:
    statement = text("SELECT EXISTS (SELECT FROM event_calendar WHERE person = :person)")
    return bool(connection.execute(statement, {"person": person}).scalar_one())


def calendar_of(connection: Connection, digest: bytes) -> UUID | None:
    """Whose calendar a secret opens."""
    statement = text("SELECT person FROM event_calendar WHERE digest = :digest")
    found: UUID | None = connection.execute(statement, {"digest": digest}).scalar_one_or_none()
    return found


def agenda(connection: Connection, person: UUID, now: datetime) -> list[UUID]:
    """What a person organises or comes to, of the last 90 days and all to come."""
    bound = {"person": person, "since": now - timedelta(days=CANCELLED_DAYS)}
    return list(connection.execute(text(AGENDA), bound).scalars())


KEEP_CALENDAR = """
INSERT INTO event_calendar (person, digest) VALUES (:person, :digest)
    ON CONFLICT (person) DO UPDATE SET digest = excluded.digest, created_at = now()"""

AGENDA = """
SELECT event.id
  FROM event
  JOIN (SELECT event AS id FROM event_registration
         WHERE person = :person
           AND state IN ('requested', 'confirmed', 'waiting', 'offered', 'attended')
         UNION
        SELECT event.id
          FROM event JOIN event_series ON event_series.id = event.series
         WHERE event_series.person = :person) AS own ON own.id = event.id
 WHERE event.ends_at > :since
 ORDER BY event.starts_at, event.id
 LIMIT 2000"""

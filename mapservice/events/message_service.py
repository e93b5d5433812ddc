"""Messages of an organiser to those who registered for a date, and have not cancelled.

They are kept, told once, reported and decided about as those to groups are
(`groups/message_service.py`). What is counted is all that the organiser writes about a series, so
that who comes each week gets no more than who comes once.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.errors import StateConflict
from mapservice.events import registration_service, service
from mapservice.events.model import ANSWER_DAYS, Event, RegistrationMode
from mapservice.groups import message_service as messages
from mapservice.groups.message_service import MessageAllowance
from mapservice.groups.model import EventAudience, GroupMessage, MessageContent
from mapservice.mail.unsubscribe import signature

# What the link is signed for that ends messages: another than the one that gives the seat back.
STOP = "messages"


def may_write(found: Event, now: datetime) -> bool:
    """Until 30 days after it, when nobody is on its list any more; of a cancelled one too."""
    registers = found.registration in (RegistrationMode.OPEN, RegistrationMode.APPROVAL)
    return registers and found.is_public and found.ends_at > now - timedelta(days=ANSWER_DAYS)


def send(
    connection: Connection,
    identifier: UUID,
    person: UUID,
    form: UUID,
    content: MessageContent,
    base_url: str,
    now: datetime,
) -> GroupMessage:
    """By the organiser of a public event; the same form twice is one message.

    Where their messages are held, it waits for a moderator. Raises NotFound, StateConflict for an
    event that one does not register for here, or long over, TooManyMessages.
    """
    found, series = service.own_series(connection, identifier, person)
    known = messages.of_form(connection, form, person)
    if known:
        return known
    if not may_write(found, now):
        raise StateConflict("There is nobody to write to.")
    allowed = allowance(connection, series.id, person, now)
    return messages.keep(
        connection, form, person, content, base_url, allowed, now, event=identifier
    )


def allowance(
    connection: Connection, series: UUID, person: UUID, now: datetime
) -> MessageAllowance:
    """What an organiser may write about a series; exact for who holds its row."""
    bound = {"series": series, "person": person}
    return messages.counted_allowance(connection, OF_SERIES, HELD_OF_ORGANISER, bound, now)


def audience_sizes(connection: Connection, identifier: UUID) -> dict[EventAudience, int]:
    """How many a message would reach now, of those who want any."""
    return {
        one: connection.execute(
            text(SIZE), {"event": identifier, "audience": str(one)}
        ).scalar_one()
        for one in EventAudience
    }


def stop_path(known: registration_service.Registration) -> str:
    """The page that ends messages about an event; who presses it keeps their seat."""
    signed = signature(known.id, known.leave_key + STOP.encode())
    return f"/evenements/{known.event}/messages/arreter/{known.id}/{signed}"


def stop_key(connection: Connection, registration: UUID) -> bytes | None:
    known = registration_service.find(connection, registration)
    return known.leave_key + STOP.encode() if known else None


def stop(connection: Connection, registration: UUID) -> None:
    """By the mailed link; done twice it is done once."""
    hear(connection, registration, hears=False)


def hear(connection: Connection, registration: UUID, *, hears: bool) -> None:
    """Whether messages of the organiser reach a person; of what waits for them, too."""
    connection.execute(text(HEAR), {"id": registration, "hears": hears})
    if not hears:
        connection.execute(text(UNTELL), {"id": registration})


OF_SERIES = "event IN (SELECT id FROM event AS date WHERE date.series = :series)"

# A refusal counts for all that the same person organises: a new event is no way around it.
HELD_OF_ORGANISER = """
SELECT max(messages_held_until) FROM event_series
 WHERE (person = :person OR id = :series) AND messages_held_until > :now"""

SIZE = "SELECT count(*) FROM event_audience(:event, :audience)"

HEAR = "UPDATE event_registration SET hears = :hears WHERE id = :id"

UNTELL = """
WITH dropped AS (
  DELETE FROM group_message_due AS due
   USING event_registration AS registration, group_message AS message
   WHERE registration.id = :id AND due.person = registration.person
     AND message.id = due.message AND message.event = registration.event
  RETURNING message.id
)
UPDATE group_message SET recipients = recipients - 1
  FROM dropped WHERE group_message.id = dropped.id"""

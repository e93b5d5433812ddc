"""Messages of organisers to those who belong to their group, and complaints about these.

Those about an event (`events/message_service.py`) are kept, told, reported and decided here too.

Whom a message is for is noted by a trigger in the transaction that sends it (`group_message_due`),
as that of news of initiatives is. Whoever writes the mail takes the row out in the same
transaction: a mail of its own within a minute (`tell`), or the mail of the day (`take_due`). So
each reader is told once, whatever dies.

Their author learns how many they reached, never whom. A message that a reader reports waits for
moderators; once one is refused, those of the next 90 days wait before they are sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Row, text

from mapservice.accounts.people import queries as people
from mapservice.audit import log
from mapservice.audit.model import DecisionRecord, DecisionVerdict
from mapservice.contributions.proposals.model import paragraphs
from mapservice.db.engine import fill
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.groups import membership_service as membership
from mapservice.groups import queries
from mapservice.groups.model import (
    HELD_FOR,
    MAX_COMPLAINT,
    MESSAGE_DAYS,
    MESSAGES_A_WEEK,
    MESSAGES_AT_ONCE_A_DAY,
    DueMessage,
    EventAudience,
    GroupMember,
    GroupMessage,
    MemberStanding,
    MessageAudience,
    MessageContent,
    MessageState,
    MessageWish,
)
from mapservice.mail import service as mail
from mapservice.mail.model import LateMail, Letterhead
from mapservice.mail.unsubscribe import is_signed, signature
from mapservice.moderation.model import CaseKind
from mapservice.moderation.service import (
    LateReason,
    ModeratorIdentity,
    TooLate,
    check_holder,
    clean_reason,
)

# The name under which `message_letters.py` writes the words of these mails when they are sent.
RENDERER = "group_message"
# Those about an event: `events/message_letters.py`.
EVENT_RENDERER = "event_message"
LETTERS_A_TURN = 500
WEEK, DAY = timedelta(days=7), timedelta(days=1)


class TooManyMessages(StateConflict):
    """The group has written as often as it may; `until` is when it may again.

    `may_wait`: only a mail of its own is too much, that of the day may carry it now.
    """

    def __init__(self, until: datetime, *, may_wait: bool) -> None:
        super().__init__("This group has written as often as it may for now.")
        self.until, self.may_wait = until, may_wait


@dataclass(frozen=True, slots=True)
class MessageAllowance:
    """When a group may write again; None: now. `held_until`: moderators read it first until then.

    `at_once_from` is about a mail of its own.
    """

    next_from: datetime | None
    at_once_from: datetime | None
    held_until: datetime | None


def send(
    connection: Connection,
    identifier: UUID,
    person: UUID,
    form: UUID,
    content: MessageContent,
    base_url: str,
    now: datetime,
) -> GroupMessage:
    """By an organiser of a public group; the same form twice is one message.

    Where messages of the group are held, it waits for a moderator. Raises NotFound, StateConflict
    for a group that is not public, TooManyMessages.
    """
    group = membership.locked_by(connection, identifier, person, (MemberStanding.ORGANISER,))
    known = of_form(connection, form, person)
    if known:
        return known
    if not group.takes_members:
        raise StateConflict("This group is not public.")
    allowed = allowance(connection, identifier, now)
    made = keep(connection, form, person, content, base_url, allowed, now, local_group=identifier)
    membership.note_sign(connection, identifier, now)
    return made


def of_form(connection: Connection, form: UUID, person: UUID) -> GroupMessage | None:
    """The message that this form of theirs has made already."""
    known = _read(connection, "message.form = :form AND message.person = :person", form, person)
    return known[0] if known else None


def keep(
    connection: Connection,
    form: UUID,
    person: UUID,
    content: MessageContent,
    base_url: str,
    allowed: MessageAllowance,
    now: datetime,
    *,
    local_group: UUID | None = None,
    event: UUID | None = None,
) -> GroupMessage:
    """Sends it, or has it wait for a moderator; for who holds the row of what it is about.

    Raises TooManyMessages.
    """
    until = max(
        (
            one
            for one in (allowed.next_from, allowed.at_once_from if content.at_once else None)
            if one
        ),
        default=None,
    )
    if until:
        raise TooManyMessages(until, may_wait=allowed.next_from is None)
    held = allowed.held_until is not None
    bound = {
        "form": form,
        "group": local_group,
        "event": event,
        "person": person,
        "audience": str(content.audience),
        "at_once": content.at_once,
        "subject": content.subject,
        "text": content.text,
        "state": str(MessageState.HELD if held else MessageState.SENT),
        "base_url": base_url,
        "now": now,
        "sent_at": None if held else now,
        "queued_at": now if held else None,
    }
    made: UUID = connection.execute(text(KEEP), bound).scalar_one()
    found = find(connection, made)
    assert found is not None, "it was made in this transaction"
    return found


def allowance(connection: Connection, group: UUID, now: datetime) -> MessageAllowance:
    """What a group may send by now; exact for who holds its row."""
    return counted_allowance(connection, OF_GROUP, HELD_OF_GROUP, {"group": group}, now)


def counted_allowance(
    connection: Connection, which: str, held: str, about: Mapping[str, UUID], now: datetime
) -> MessageAllowance:
    """What the messages that `which` finds leave to send; `held` is until when they are read."""
    bound = {
        **about,
        "now": now,
        "week": WEEK,
        "day": DAY,
        "most_week": MESSAGES_A_WEEK - 1,
        "most_day": MESSAGES_AT_ONCE_A_DAY - 1,
    }
    statement = text(fill(ALLOWANCE, {"which": which, "held": held}))
    return MessageAllowance(*connection.execute(statement, bound).one())


def audience_sizes(connection: Connection, group: UUID, author: UUID) -> dict[MessageAudience, int]:
    """How many a message would reach now, of those who want any."""
    statement = text(SIZE)
    return {
        one: connection.execute(
            statement, {"group": group, "audience": str(one), "author": author}
        ).scalar_one()
        for one in MessageAudience
    }


def find(connection: Connection, message: UUID, *, lock: bool = False) -> GroupMessage | None:
    if lock:
        statement = text("SELECT FROM group_message WHERE id = :id FOR NO KEY UPDATE")
        connection.execute(statement, {"id": message})
    found = _read(connection, "message.id = :first", message)
    return found[0] if found else None


def of_group(connection: Connection, group: UUID) -> list[GroupMessage]:
    """For its organisers: the latest first."""
    return _read(connection, "message.local_group = :first", group)


def of_event(connection: Connection, event: UUID) -> list[GroupMessage]:
    """For its organiser: the latest first."""
    return _read(connection, "message.event = :first", event)


# --- Telling --------------------------------------------------------------------------------------


def tell(engine: Engine, sender: str) -> int:
    """Each minute: puts mails of their own into the outbox; returns how many."""
    written = 0
    while True:
        with engine.begin() as connection:
            rows = connection.execute(text(TAKE_AT_ONCE), {"most": LETTERS_A_TURN}).all()
            for row in rows:
                renderer = EVENT_RENDERER if row.event else RENDERER
                mail.enqueue_late(
                    connection,
                    LateMail(
                        kind=renderer,
                        renderer=renderer,
                        payload={"message": str(row.message), "person": str(row.person)},
                        person=row.person,
                        recipient=row.email,
                        sender=sender,
                    ),
                )
        written += len(rows)
        if len(rows) < LETTERS_A_TURN:
            return written


def take_due(connection: Connection, person: UUID) -> Sequence[DueMessage]:
    """What the mail of the day tells a person, and takes out: in the order of sending."""
    rows = connection.execute(text(fill(TAKE_DUE, {"told": TOLD})), {"person": person})
    return [DueMessage(**row._mapping) for row in rows]


def due(connection: Connection, message: UUID, person: UUID) -> DueMessage | None:
    """A message that is sent, for a reader whom it is still for; None otherwise."""
    bound = {"message": message, "person": person}
    row = connection.execute(text(fill(FOR_READER, {"told": TOLD})), bound).one_or_none()
    return DueMessage(**row._mapping) if row else None


def report_path(message: DueMessage, person: UUID) -> str:
    """The page by which a reader reports a message to moderators."""
    signed = signature(person, bytes(message.report_key))
    about = f"evenements/{message.event}" if message.event else f"groupes/{message.local_group}"
    return f"/{about}/messages/{message.id}/signaler/{person}/{signed}"


def stop_path(member: GroupMember) -> str:
    """The page that ends messages of a group; who presses it still belongs to it."""
    signed = signature(member.id, _stop_key(member))
    return f"/groupes/{member.local_group}/messages/arreter/{member.id}/{signed}"


def stop_key(connection: Connection, member: UUID) -> bytes | None:
    known = queries.member(connection, member)
    return _stop_key(known) if known else None


def stop(connection: Connection, member: UUID) -> None:
    """By the mailed link; done twice it is done once."""
    known = queries.member(connection, member)
    if known:
        wish(connection, known.local_group, known.person, MessageWish.NONE)


def stop_all(connection: Connection, person: UUID) -> None:
    """No message of any group reaches a person any more."""
    connection.execute(text(STOP_ALL), {"person": person})
    connection.execute(text(UNTELL_ALL), {"person": person})


def wish(connection: Connection, group: UUID, person: UUID, hears: MessageWish) -> None:
    """What messages reach a person from now on; of none, not what waits either. Raises NotFound."""
    bound = {"group": group, "person": person, "hears": str(hears)}
    if not connection.execute(text(WISH), bound).rowcount:
        raise NotFound("You do not belong to this group.")
    if hears is MessageWish.NONE:
        connection.execute(text(UNTELL), {"group": group, "person": person})


# --- Complaints and decisions ---------------------------------------------------------------------


def reported(
    connection: Connection, subject: UUID, message: UUID, reader: UUID, signed: str
) -> GroupMessage:
    """The message that a reader's link is about, to this group or about this event.

    Raises NotFound for a link that is none.
    """
    found = find(connection, message)
    if (
        found is None
        or found.subject_id != subject
        or not is_signed(reader, bytes(found.report_key), signed)
    ):
        raise NotFound("There is no such link.")
    return found


def report(connection: Connection, message: GroupMessage, reader: UUID, words: str) -> None:
    """A reader's complaint, once: it goes to moderators, unless the message was refused already.

    Raises NotFound for a reader who is erased, InvalidInput naming `words`.
    """
    words = paragraphs(words)
    if len(words) > MAX_COMPLAINT:
        raise InvalidInput("words", f"is longer than {MAX_COMPLAINT} characters")
    membership.hold_person(connection, reader)
    found = find(connection, message.id, lock=True)
    if found is None or found.state is MessageState.REFUSED:
        return
    bound = {"message": message.id, "person": reader, "words": words}
    if connection.execute(text(REPORT), bound).rowcount:
        connection.execute(text(QUEUE), {"id": message.id})


def complaints(connection: Connection, message: UUID) -> Sequence[Row[Any]]:
    """`words`, `reported_at`, `closed_at` of each report, without who made it: the oldest first."""
    return connection.execute(text(COMPLAINTS), {"message": message}).all()


@dataclass(frozen=True, slots=True)
class MessageSubject:
    """What a message is about, its row held: a group, or an event with its series.

    `desk` is the path of the page of its organisers; `hold` has moderators read what they write.
    """

    id: UUID
    title: str
    desk: str
    hold: str


def _locked_subject(connection: Connection, message: GroupMessage) -> MessageSubject:
    """The row of the group or series first, as everywhere, then that of the message."""
    if message.local_group:
        group = membership.locked(connection, message.local_group)
        return MessageSubject(group.id, group.name, f"{group.url}/bureau", HOLD)
    row = connection.execute(text(LOCK_SERIES), {"event": message.event}).one()
    desk = f"/evenements/{message.event}/organiser"
    return MessageSubject(row.series, row.title, desk, HOLD_SERIES)


def decide(
    connection: Connection,
    site: Letterhead,
    identifier: UUID,
    verdict: DecisionVerdict,
    moderator: ModeratorIdentity,
    *,
    now: datetime,
    reason: str = "",
) -> None:
    """Sends a message that is held, or lets one that was reported stand (POST); or refuses it.

    Refused (UNPOST), it is told to nobody more, its author is told why, and messages of the group,
    or of this organiser about their events, are held for 90 days. Raises NotFound, TooLate,
    InvalidInput naming the field.
    """
    found = find(connection, identifier)
    if found is None:
        raise NotFound("There is no such message.")
    # Held, so that it is sent to who belongs to it, or is registered, at this moment.
    subject = _locked_subject(connection, found)
    found = find(connection, identifier, lock=True)
    if found is None or found.queued_at is None:
        raise TooLate(LateReason.DECIDED)
    check_holder(connection, identifier, moderator.name, CaseKind.MESSAGE)
    if verdict is DecisionVerdict.POST:
        connection.execute(text(ACCEPT), {"id": identifier, "now": now})
        clean = ""
    elif verdict is DecisionVerdict.UNPOST:
        clean = clean_reason(reason)
        if not clean:
            raise InvalidInput("reason", "is missing")
        connection.execute(text(REFUSE), {"id": identifier, "reason": clean})
        connection.execute(text(subject.hold), {"id": subject.id, "until": now + HELD_FOR})
    else:
        raise InvalidInput("verdict", "is not one of those offered")
    connection.execute(text(CLOSE_REPORTS), {"id": identifier, "now": now})
    log.keep(
        connection,
        DecisionRecord(
            local_group=None if found.event else subject.id,
            event_series=subject.id if found.event else None,
            verdict=verdict,
            by=moderator.name,
            person=moderator.person,
            reason=clean,
        ),
    )
    author = people.find(connection, found.person) if clean else None
    if author:
        values = {
            "title": subject.title,
            "about_event": found.event is not None,
            "message_subject": found.subject,
            "words": found.text,
            "reason": clean,
            "days": HELD_FOR.days,
            "link": f"{site.base_url}{subject.desk}",
        }
        kind = "group_message_refused"
        letter = mail.write(
            site, kind, author.email, values, locale=author.locale, person=author.id
        )
        mail.enqueue(connection, letter)


# --- Personal data --------------------------------------------------------------------------------


def export(connection: Connection, person: UUID) -> dict[str, Any]:
    """What a person wrote to groups, reported, and is still to be told."""
    return {
        name: [dict(row._mapping) for row in connection.execute(text(said), {"person": person})]
        for name, said in EXPORT.items()
    }


def erase(connection: Connection, person: UUID) -> None:
    """What they wrote goes, and what they reported; nothing more is told to them."""
    for statement in ERASE:
        connection.execute(text(statement), {"person": person})


def forget(engine: Engine) -> None:
    """Nightly: messages of more than a year ago, with what was reported of them."""
    with engine.begin() as connection:
        connection.execute(text(FORGET), {"days": MESSAGE_DAYS})


def _stop_key(member: GroupMember) -> bytes:
    """Another than that of the link that leaves the group."""
    return bytes(member.leave_key) + b"messages"


def _read(
    connection: Connection, condition: str, first: UUID, person: UUID | None = None
) -> list[GroupMessage]:
    bound = {"first": first, "form": first, "person": person}
    asked = {name: value for name, value in bound.items() if f":{name}" in condition}
    rows = connection.execute(text(fill(READ, {"condition": condition})), asked)
    found = []
    for row in rows:
        audience = EventAudience(row.audience) if row.event else MessageAudience(row.audience)
        read = {"audience": audience, "state": MessageState(row.state)}
        found.append(GroupMessage(**dict(row._mapping) | read))
    return found


READ = """
SELECT message.id, message.local_group, message.event, message.person, message.audience,
       message.at_once, message.subject, message.text, message.state, message.reason,
       message.recipients, message.report_key, message.written_at, message.sent_at,
       message.queued_at,
       (SELECT count(*) FROM group_message_report AS report
         WHERE report.message = message.id AND report.closed_at IS NULL) AS reports,
       (SELECT count(*) FROM group_message_due AS due
         WHERE due.message = message.id AND NOT due.at_once) AS waiting
  FROM group_message AS message
 WHERE {condition}
 ORDER BY message.written_at DESC, message.id"""

KEEP = """
INSERT INTO group_message (form, local_group, event, person, audience, at_once, subject, text,
                           state, base_url, written_at, sent_at, queued_at)
VALUES (:form, :group, :event, :person, :audience, :at_once, :subject, :text, :state, :base_url,
        :now, :sent_at, :queued_at)
RETURNING id"""

# Of those that count, the one that has to grow old before there may be another.
ALLOWANCE = """
WITH counted AS (
  SELECT written_at, at_once FROM group_message
   WHERE {which} AND (state <> 'refused' OR sent_at IS NOT NULL)
     AND written_at > CAST(:now AS timestamptz) - CAST(:week AS interval)
)
SELECT (SELECT written_at + CAST(:week AS interval) FROM counted
         ORDER BY written_at DESC OFFSET :most_week LIMIT 1) AS next_from,
       (SELECT written_at + CAST(:day AS interval) FROM counted
         WHERE at_once AND written_at > CAST(:now AS timestamptz) - CAST(:day AS interval)
         ORDER BY written_at DESC OFFSET :most_day LIMIT 1) AS at_once_from,
       ({held}) AS held_until"""

OF_GROUP = "local_group = :group"

HELD_OF_GROUP = """
SELECT messages_held_until FROM local_group WHERE id = :group AND messages_held_until > :now"""

SIZE = "SELECT count(*) FROM group_audience(:group, :audience, :author)"

TAKE_AT_ONCE = """
WITH due AS (
  SELECT person, message FROM group_message_due
   WHERE at_once ORDER BY message, person LIMIT :most
     FOR UPDATE SKIP LOCKED
), taken AS (
  DELETE FROM group_message_due USING due
   WHERE group_message_due.person = due.person AND group_message_due.message = due.message
  RETURNING group_message_due.person, group_message_due.message
)
SELECT taken.person, taken.message, message.event, person.email
  FROM taken
  JOIN group_message AS message ON message.id = taken.message
  JOIN person ON person.id = taken.person
 WHERE person.email IS NOT NULL
 ORDER BY taken.message, taken.person"""

TOLD = """message.id, message.local_group, message.event,
       coalesce(local_group.name, event.title) AS title, message.subject, message.text,
       message.report_key, message.sent_at"""

TAKE_DUE = """
WITH taken AS (
  DELETE FROM group_message_due WHERE person = :person AND NOT at_once RETURNING message
), untold AS (
  UPDATE group_message AS message SET recipients = recipients - 1
    FROM taken
   WHERE message.id = taken.message
     AND NOT EXISTS (
           SELECT FROM group_audience(message.local_group, message.audience, message.person)
            WHERE person = :person)
)
SELECT {told}
  FROM taken
  JOIN group_message AS message ON message.id = taken.message AND message.state = 'sent'
  JOIN local_group ON local_group.id = message.local_group
  LEFT JOIN event ON event.id = message.event
  JOIN group_audience(message.local_group, message.audience, message.person) AS reader
    ON reader.person = :person
 ORDER BY local_group.name, local_group.id, message.sent_at, message.id"""

FOR_READER = """
SELECT {told}
  FROM group_message AS message
  LEFT JOIN local_group ON local_group.id = message.local_group
  LEFT JOIN event ON event.id = message.event
  JOIN message_audience(message) AS reader ON reader.person = :person
 WHERE message.id = :message AND message.state = 'sent'"""

WISH = """
UPDATE group_member SET hears = :hears
 WHERE local_group = :group AND person = :person AND standing <> 'banned'"""

STOP_ALL = "UPDATE group_member SET hears = 'none' WHERE person = :person AND hears <> 'none'"

UNTELL_ALL = "SELECT group_message_untold(:person)"

UNTELL = "SELECT group_message_untold(:person, :group)"

REPORT = """
INSERT INTO group_message_report (message, person, words) VALUES (:message, :person, :words)
    ON CONFLICT DO NOTHING"""

QUEUE = "UPDATE group_message SET queued_at = coalesce(queued_at, now()) WHERE id = :id"

COMPLAINTS = """
SELECT words, reported_at, closed_at FROM group_message_report
 WHERE message = :message ORDER BY reported_at, person"""

ACCEPT = """
UPDATE group_message
   SET state = 'sent', sent_at = coalesce(sent_at, :now), queued_at = NULL
 WHERE id = :id"""

REFUSE = """
UPDATE group_message SET state = 'refused', reason = :reason, queued_at = NULL WHERE id = :id"""

HOLD = "UPDATE local_group SET messages_held_until = :until WHERE id = :id"

HOLD_SERIES = "UPDATE event_series SET messages_held_until = :until WHERE id = :id"

LOCK_SERIES = """
SELECT event.series, event.title
  FROM event JOIN event_series AS series ON series.id = event.series
 WHERE event.id = :event FOR NO KEY UPDATE OF series"""

CLOSE_REPORTS = """
UPDATE group_message_report SET closed_at = :now WHERE message = :id AND closed_at IS NULL"""

EXPORT = {
    "written": """
        SELECT id, local_group, event, audience, at_once, subject, text, state, reason, recipients,
               written_at, sent_at
          FROM group_message WHERE person = :person ORDER BY written_at, id""",
    "reported": """
        SELECT message, words, reported_at, closed_at
          FROM group_message_report WHERE person = :person ORDER BY reported_at, message""",
    "to_be_told": """
        SELECT message, at_once FROM group_message_due WHERE person = :person ORDER BY message""",
}

ERASE = (
    "DELETE FROM group_message WHERE person = :person",
    "DELETE FROM group_message_report WHERE person = :person",
    UNTELL_ALL,
)

FORGET = "DELETE FROM group_message WHERE written_at < now() - make_interval(days => :days)"

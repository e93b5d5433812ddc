"""Mail: addresses, letters made from templates, the outbox, and the worker that empties it.

Templates are `templates/mail/{kind}.txt` and `.html`, rendered without a request; the first line of
the text is the subject. They may call `_()` and `ngettext()`, and see the letterhead as `site`
beside what the caller gives. Only the HTML is escaped.

Nothing is sent from a request: `enqueue` writes a row in the caller's transaction, whose commit
wakes the worker (a trigger defers the job `send_mail`). The worker first commits that it tries,
then holds the row locked while it talks to the server. So a worker that dies loses nothing: its
lock goes with it, and the row is due again later, under the same Message-ID.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import formataddr, parseaddr
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any, Self
from uuid import UUID, uuid4

import structlog
from disposable_email_domains import blocklist
from email_validator import EmailNotValidError, validate_email
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sqlalchemy import Connection, Engine, insert, text

from mapservice.db.people_tables import delivery
from mapservice.errors import InvalidInput
from mapservice.i18n import catalogue
from mapservice.mail.model import GIVE_UP_AFTER, Delivery, LateMail, Letterhead, Mail
from mapservice.mail.public_address import address_of
from mapservice.mail.transport import MailRefused, MailServerUnreachable, Send, Transport
from mapservice.settings import Settings, asset_folder

log = structlog.get_logger()

# Links lead here when nothing says where the service is reached: where `scripts/start` serves.
LOCAL_URL = "http://127.0.0.1:8000"

# How long after it was written a mail's content is forgotten, and its row deleted.
BODY_DAYS = 14
ROW_DAYS = 90
# A worker does nothing else while it sends, so it stops after a while even if more is due.
TURN_SECONDS = 20.0

HAS_DUE = """
SELECT EXISTS (SELECT FROM delivery
                WHERE state IN ('queued', 'sending') AND next_try_at <= now())"""

# The mail to be given up soonest comes first. A row in `sending` that can be locked was left by a
# worker that died.
CLAIM = """
UPDATE delivery
   SET state = 'sending',
       attempts = attempts + 1,
       next_try_at = now() + least(interval '1 minute' * power(2, least(attempts, 10)),
                                   interval '1 hour')
 WHERE id = (SELECT id FROM delivery
              WHERE state IN ('queued', 'sending') AND next_try_at <= now()
              ORDER BY give_up_at
                FOR NO KEY UPDATE SKIP LOCKED
              LIMIT 1)
RETURNING id"""

LOCKED = """
SELECT id, message_id, kind, sender, recipient, subject, text, html, headers, created_at, attempts,
       renderer, payload
  FROM delivery
 WHERE id = :id AND state = 'sending'
   FOR NO KEY UPDATE SKIP LOCKED"""

TOO_LATE = """
UPDATE delivery
   SET state = 'failed', last_error = concat_ws('; ', 'too late', nullif(last_error, ''))
 WHERE id IN (SELECT id FROM delivery
               WHERE state IN ('queued', 'sending') AND give_up_at <= now()
                 FOR NO KEY UPDATE SKIP LOCKED)"""

WRITTEN = """
UPDATE delivery
   SET recipient = :recipient, subject = :subject, text = :text, html = :html,
       headers = CAST(:headers AS jsonb)
 WHERE id = :id"""

SENT = "UPDATE delivery SET state = 'sent', sent_at = now(), last_error = '' WHERE id = :id"
AGAIN = "UPDATE delivery SET state = 'queued', last_error = :error WHERE id = :id"
FAILED = "UPDATE delivery SET state = 'failed', last_error = :error WHERE id = :id"

FORGET_BODIES = """
UPDATE delivery SET text = '', html = '', headers = '{}'
 WHERE state IN ('sent', 'failed') AND text <> ''
   AND created_at < now() - make_interval(days => :days)"""

FORGET_ROWS = """
DELETE FROM delivery
 WHERE state IN ('sent', 'failed') AND created_at < now() - make_interval(days => :days)"""

OF_PERSON = """
SELECT kind, recipient, subject, created_at, state, sent_at
  FROM delivery
 WHERE person = :person
 ORDER BY created_at, id"""


# Who writes the words of a late mail, by name: None says that there is nothing to tell any more.
Renderer = Callable[[Connection, Mapping[str, Any]], Mail | None]
NOTHING_TO_TELL = "nothing to tell any more"


class AddressMistake(StrEnum):
    """What can be wrong with an address."""

    SYNTAX = "is not an e-mail address"
    DISPOSABLE = "is an address for one use, of a service that throws mail away"


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """`address` is what mail goes to, in ASCII; `key` is the same for all spellings of one mailbox.

    The key is in lower case and leaves out a `+tag`, so that one mailbox is one person. Should a
    server treat `a+b` and `a` as two mailboxes, their owners cannot have an account each, but no
    mail of one reaches the other: mail goes to the address that was proved.
    """

    address: str
    key: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """By its syntax alone (no look-up is made). Raises InvalidInput for an AddressMistake."""
        try:
            valid = validate_email(
                text.strip(), check_deliverability=False, allow_smtputf8=False, strict=True
            )
        except EmailNotValidError:
            raise InvalidInput("email", AddressMistake.SYNTAX) from None
        if valid.ascii_email is None:
            raise InvalidInput("email", AddressMistake.SYNTAX)
        local, _, domain = valid.ascii_email.rpartition("@")
        domain = domain.lower()
        if is_disposable(domain):
            raise InvalidInput("email", AddressMistake.DISPOSABLE)
        mailbox = local.lower().partition("+")[0] or local.lower()
        return cls(f"{local}@{domain}", f"{mailbox}@{domain}")


def is_disposable(domain: str) -> bool:
    """Whether this domain, or one above it, is on the list of services for mailboxes of one use."""
    labels = domain.split(".")
    return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))


def letterhead(settings: Settings, base_url: str = "") -> Letterhead:
    """The letterhead of this service; `base_url` stands in where no public address is set.

    Where neither is, mail cannot leave this machine: links lead to where it is served now, else to
    where `scripts/start` would serve it.
    """
    name, mailbox = parseaddr(settings.mail_from)
    sender = formataddr((name or settings.site_name, mailbox))
    address = settings.public_url or base_url or served_at(settings) or LOCAL_URL
    return Letterhead(settings.site_name, address.rstrip("/"), sender, settings.operator_name)


def served_at(settings: Settings) -> str | None:
    """The address of the service that runs on this machine, of this home and database."""
    return address_of(settings.home, settings.database_url)


@cache
def _templates(locale: str) -> Environment:
    """The templates of mails, in a language."""
    environment = Environment(
        loader=FileSystemLoader(asset_folder("templates").resolve() / "mail"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    phrases = catalogue(locale)

    def translated(message: str, **values: object) -> str:
        return phrases.gettext(message) % values if values else phrases.gettext(message)

    def counted(one: str, many: str, number: int, **values: object) -> str:
        return phrases.ngettext(one, many, number) % {"num": number, **values}

    environment.globals.update(_=translated, ngettext=counted)
    return environment


def write(
    site: Letterhead,
    kind: str,
    recipient: str,
    values: Mapping[str, Any],
    *,
    locale: str = "fr",
    person: UUID | None = None,
    headers: Mapping[str, str] | None = None,
    give_up_after: timedelta = GIVE_UP_AFTER,
) -> Mail:
    """The mail that the templates of this kind make of these values; enqueue it to send it."""
    templates = _templates(locale)
    seen = {"site": site, "locale": locale, **values}
    subject, _, text = templates.get_template(f"{kind}.txt").render(seen).strip().partition("\n")
    # In one line, whose no-break spaces stay.
    subject = " ".join(re.split(r"[^\S\u00a0]+", subject.strip()))
    return Mail(
        kind=kind,
        sender=site.sender,
        recipient=recipient,
        subject=subject,
        text=f"{text.strip()}\n\n{templates.get_template('_foot.txt').render(seen).strip()}\n",
        html=templates.get_template(f"{kind}.html").render(seen | {"subject": subject}),
        person=person,
        headers=headers or {},
        give_up_after=give_up_after,
    )


def enqueue(
    connection: Connection,
    mail: Mail,
    renderer: str = "",
    payload: Mapping[str, Any] = MappingProxyType({}),
) -> UUID:
    """Keeps a mail to be sent once the transaction commits; nothing leaves if it rolls back."""
    identifier = uuid4()
    domain = parseaddr(mail.sender)[1].rpartition("@")[2] or "localhost"
    values = {
        "id": identifier,
        "message_id": f"<{identifier}@{domain}>",
        "kind": mail.kind,
        "person": mail.person,
        "sender": mail.sender,
        "recipient": mail.recipient,
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "headers": dict(mail.headers),
        "renderer": renderer,
        "payload": dict(payload),
        "give_up_at": text("now() + :patience").bindparams(patience=mail.give_up_after),
    }
    connection.execute(insert(delivery).values(values))
    return identifier


def enqueue_late(connection: Connection, mail: LateMail) -> UUID:
    """As `enqueue`, of a mail whose words its renderer makes when it is sent."""
    letter = Mail(
        kind=mail.kind,
        sender=mail.sender,
        recipient=mail.recipient,
        subject="",
        text="",
        html="",
        person=mail.person,
        give_up_after=mail.give_up_after,
    )
    return enqueue(connection, letter, mail.renderer, mail.payload)


def send_due(
    engine: Engine,
    transport: Transport,
    seconds: float = TURN_SECONDS,
    renderers: Mapping[str, Renderer] = MappingProxyType({}),
) -> bool:
    """Sends what is due, one mail after the other. Returns whether there is more to send now.

    `renderers` write the words of late mails. A server that is away ends the turn and touches no
    mail but the one in flight.
    """
    end = time.monotonic() + seconds
    try:
        while True:
            with engine.begin() as connection:
                connection.execute(text(TOO_LATE))
                if not connection.execute(text(HAS_DUE)).scalar_one():
                    return False
            tried = 0
            with transport() as send:  # one conversation with the server
                while (tried == 0 or time.monotonic() < end) and _send_next(
                    engine, send, renderers
                ):
                    tried += 1
            if not tried:  # another worker has taken all that was due
                return False
            if time.monotonic() >= end:
                return True
    except MailServerUnreachable as error:
        log.warning("mail_server_unreachable", error=str(error))
        return False


def locked(connection: Connection, identifier: UUID) -> Delivery | None:
    """A claimed delivery, locked until the transaction ends; None when another holds it."""
    row = connection.execute(text(LOCKED), {"id": identifier}).one_or_none()
    return Delivery(**row._mapping) if row else None


def of_person(connection: Connection, person: UUID) -> Iterator[dict[str, Any]]:
    """What was mailed to a person, the oldest first, for the export of their data.

    Without the texts, which they have: links in them sign people in.
    """
    rows = connection.execute(text(OF_PERSON), {"person": person})
    return (dict(row._mapping) for row in rows)


def forget(engine: Engine) -> None:
    """Daily: empties the mails that have left, and drops their rows in the end."""
    with engine.begin() as connection:
        connection.execute(text(FORGET_BODIES), {"days": BODY_DAYS})
        connection.execute(text(FORGET_ROWS), {"days": ROW_DAYS})


def _send_next(engine: Engine, send: Send, renderers: Mapping[str, Renderer]) -> bool:
    """Sends one due mail and notes what became of it; False when there is none to take.

    Raises MailServerUnreachable, once that is noted.
    """
    # The attempt is committed first: a mail that kills its worker cannot do so again at once.
    with engine.begin() as connection:
        identifier: UUID | None = connection.execute(text(CLAIM)).scalar_one_or_none()
    if identifier is None:
        return False
    with engine.connect() as connection:
        mail = locked(connection, identifier)
        if mail is None:
            return True
        statement, problem, away = SENT, "", None
        try:
            written = _with_words(connection, mail, renderers)
            if written is None:
                statement, problem = FAILED, NOTHING_TO_TELL
            else:
                send(written)
        except MailRefused as error:
            statement, problem = (FAILED if error.permanent else AGAIN), str(error)
        except MailServerUnreachable as error:
            statement, problem, away = AGAIN, str(error), error
        bound: dict[str, Any] = {"id": identifier}
        if problem:
            if problem != NOTHING_TO_TELL:
                log.warning("mail_not_sent", id=str(identifier), error=problem)
            bound["error"] = problem[:500]
        connection.execute(text(statement), bound)
        connection.commit()
        if away:
            raise away
    return True


def _with_words(
    connection: Connection, mail: Delivery, renderers: Mapping[str, Renderer]
) -> Delivery | None:
    """The mail with the words of this moment, which its row keeps too; None: nothing to tell."""
    if not mail.renderer:
        return mail
    letter = renderers[mail.renderer](connection, mail.payload)
    if letter is None:
        return None
    written = replace(
        mail,
        recipient=letter.recipient,
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        headers=dict(letter.headers),
    )
    names = ("id", "recipient", "subject", "text", "html")
    bound = {name: getattr(written, name) for name in names}
    connection.execute(text(WRITTEN), bound | {"headers": json.dumps(dict(letter.headers))})
    return written

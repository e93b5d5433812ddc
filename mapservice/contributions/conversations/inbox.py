"""Replies that come by mail: read from an inbox, matched by their signed address, passed on.

A mail is taken out of the inbox once the transaction that passed it on is committed: whatever ends
the process between the two, it is read again, and its link, used up, passes it on no second time.
What is for nobody here is flagged, and left for whoever runs the service.
"""

import contextlib
import imaplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

import structlog
from sqlalchemy import Engine

from mapservice.contributions.conversations import service
from mapservice.contributions.conversations.model import (
    MAX_MAILED,
    IncomingReply,
    read_mail,
)
from mapservice.errors import ConfigurationError, MapserviceError, NotFound
from mapservice.mail.model import Letterhead
from mapservice.outgoing.way_out import WayOut
from mapservice.settings import Settings

log = structlog.get_logger()

PORTS = {"imap": 143, "imaps": 993}
# Mails read in one turn; the next one, a minute later, reads on.
PER_TURN = 100
# Of a larger mail nothing is read: it is an attachment, not a reply.
MOST_BYTES = 5_000_000


class ReplyOutcome(StrEnum):
    """What became of a mail."""

    RELAYED = "relayed"
    AUTOMATIC = "automatic"
    UNKNOWN = "unknown"
    CLOSED = "closed"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class ReplyInbox:
    """Where replies come to; `address` is what their signed tags are added to."""

    host: str
    port: int
    user: str
    password: str
    folder: str
    tls: bool
    starttls: bool
    address: str
    timeout: float
    way: WayOut = field(default_factory=WayOut)

    @classmethod
    def of(cls, settings: Settings) -> "ReplyInbox | None":
        """None where none is set. Raises ConfigurationError naming the setting at fault."""
        if not settings.imap_url:
            return None
        try:
            parts = urlsplit(settings.imap_url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in PORTS or not parts.hostname or not parts.username:
            words = "MAPSERVICE_IMAP_URL must be like imaps://user:pass@host:993/INBOX"
            raise ConfigurationError(words)
        address = settings.imap_address or unquote(parts.username)
        local, _at, domain = address.rpartition("@")
        if not local or not domain:
            raise ConfigurationError("MAPSERVICE_IMAP_ADDRESS must be an address with a domain")
        return cls(
            host=parts.hostname,
            port=port or PORTS[parts.scheme],
            user=unquote(parts.username),
            password=unquote(parts.password or ""),
            folder=unquote(parts.path.strip("/")) or "INBOX",
            tls=parts.scheme == "imaps",
            starttls=parse_qs(parts.query).get("starttls", ["0"])[-1] not in ("", "0"),
            address=address,
            timeout=settings.imap_timeout_ms / 1000,
            way=WayOut.parse(settings.outgoing_proxy),
        )


def inbox_address(settings: Settings) -> str:
    """Where replies by mail come to; "" where none is set."""
    inbox = ReplyInbox.of(settings)
    return inbox.address if inbox else ""


def read_replies(engine: Engine, inbox: ReplyInbox, site: Letterhead) -> dict[ReplyOutcome, int]:
    """Passes on what came; returns how many of each outcome. An inbox that is away is for later."""
    done: dict[ReplyOutcome, int] = {}
    try:
        with _opened(inbox) as server:
            # What nobody has dealt with: whether somebody has opened it is no matter.
            data = _checked(server.uid("SEARCH", "UNDELETED", "UNFLAGGED"))
            uids = [
                one.decode() for part in data if isinstance(part, bytes) for one in part.split()
            ]
            for uid in uids[:PER_TURN]:
                outcome = _handle(engine, inbox, site, _content(server, uid))
                if outcome is ReplyOutcome.UNKNOWN:
                    _checked(server.uid("STORE", uid, "+FLAGS", r"(\Flagged)"))
                else:
                    _checked(server.uid("STORE", uid, "+FLAGS", r"(\Deleted)"))
                done[outcome] = done.get(outcome, 0) + 1
            if done:
                _checked(server.expunge())
    except (imaplib.IMAP4.error, OSError) as error:
        log.warning("inbox_unreachable", error=f"{type(error).__name__}: {error}")
    if done:
        log.info("replies_read", **{str(outcome): count for outcome, count in done.items()})
    return done


def relay(engine: Engine, site: Letterhead, mail: IncomingReply, inbox: str) -> ReplyOutcome:
    """Passes one mail on, if an address of it is signed by us and may still be used."""
    if mail.is_automatic:
        return ReplyOutcome.AUTOMATIC
    if not mail.text:
        return ReplyOutcome.EMPTY if mail.tags else ReplyOutcome.UNKNOWN
    words = mail.text if len(mail.text) <= MAX_MAILED else f"{mail.text[:MAX_MAILED]} […]"
    outcome = ReplyOutcome.UNKNOWN
    for tag in mail.tags:
        with contextlib.suppress(NotFound), engine.begin() as connection:
            link = service.find_tag(connection, tag)
            if link is None:
                continue
            outcome = ReplyOutcome.CLOSED
            if not link.is_open:
                service.tell_closed(connection, site, link)
            else:
                service.reply(connection, site, link, words, inbox)
                outcome = ReplyOutcome.RELAYED
        if outcome is ReplyOutcome.RELAYED:
            return outcome
    return outcome


def _handle(
    engine: Engine, inbox: ReplyInbox, site: Letterhead, content: bytes | None
) -> ReplyOutcome:
    if content is None:
        return ReplyOutcome.UNKNOWN
    try:
        return relay(engine, site, read_mail(content, inbox.address), inbox.address)
    except (MapserviceError, ValueError, RecursionError) as error:
        log.warning("reply_not_read", error=type(error).__name__)
        return ReplyOutcome.UNKNOWN


class _Conversation(imaplib.IMAP4):
    """With the server, over a line that leaves as the settings say."""

    def __init__(self, inbox: ReplyInbox, context: ssl.SSLContext) -> None:
        self._inbox, self._context = inbox, context
        super().__init__(inbox.host, inbox.port, timeout=inbox.timeout)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        """Where imaplib.IMAP4_SSL wraps its line too."""
        inbox = self._inbox
        seconds = timeout or inbox.timeout
        if inbox.tls:
            return inbox.way.reach_by_tls(inbox.host, inbox.port, seconds, self._context)
        return inbox.way.reach(inbox.host, inbox.port, seconds)


@contextlib.contextmanager
def _opened(inbox: ReplyInbox) -> Iterator[imaplib.IMAP4]:
    context = ssl.create_default_context()
    server = _Conversation(inbox, context)
    try:
        if inbox.starttls and not inbox.tls:
            server.starttls(context)
        server.login(inbox.user, inbox.password)
        quoted = inbox.folder.replace("\\", "\\\\").replace('"', '\\"')
        _checked(server.select(f'"{quoted}"'))
        yield server
    finally:
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            server.logout()
        with contextlib.suppress(OSError):
            server.shutdown()


def _content(server: imaplib.IMAP4, uid: str) -> bytes | None:
    """None for a mail that is too large to be a reply."""
    data = _checked(server.uid("FETCH", uid, f"(BODY.PEEK[]<0.{MOST_BYTES + 1}>)"))
    found = next((part[1] for part in data if isinstance(part, tuple)), b"")
    return found if 0 < len(found) <= MOST_BYTES else None


def _checked(answer: tuple[str, Sequence[object]]) -> Sequence[object]:
    kind, data = answer
    if kind != "OK":
        raise imaplib.IMAP4.error(f"the server answered {kind}")
    return data

"""How a mail leaves: to an SMTP server, or into a folder where a developer reads it."""

import contextlib
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from mapservice.errors import ConfigurationError
from mapservice.mail.model import Delivery
from mapservice.outgoing.way_out import WayOut
from mapservice.settings import Settings

PORTS = {"smtp": 25, "smtps": 465}

Send = Callable[[Delivery], None]
# Opens a way to send mails, and closes it. Raises MailServerUnreachable: then none was sent.
Transport = Callable[[], AbstractContextManager[Send]]


class MailRefused(Exception):
    """The server does not accept this mail; `permanent`: not later either."""

    def __init__(self, words: str, *, permanent: bool) -> None:
        super().__init__(words)
        self.permanent = permanent


class MailServerUnreachable(Exception):
    """The server is away, hangs, drops the connection, or accepts no mail at present."""


def transport_of(settings: Settings) -> Transport:
    """The SMTP server that is set, else the folder `mail` of home. Raises ConfigurationError."""
    if not settings.smtp_url:
        folder = settings.home / "mail"
        return lambda: _to_folder(folder)
    server = MailServer.parse(
        settings.smtp_url, settings.smtp_timeout_ms / 1000, WayOut.parse(settings.outgoing_proxy)
    )
    return lambda: _to_server(server)


@dataclass(frozen=True, slots=True)
class MailServer:
    """`timeout` is in seconds, for each single step."""

    host: str
    port: int
    user: str
    password: str
    tls: bool
    starttls: bool
    timeout: float
    way: WayOut = field(default_factory=WayOut)

    @classmethod
    def parse(cls, url: str, timeout: float, way: WayOut | None = None) -> "MailServer":
        """Of `smtp://user:pass@host:587?starttls=1`, or `smtps://`. Raises ConfigurationError."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in PORTS or not parts.hostname:
            raise ConfigurationError("MAPSERVICE_SMTP_URL must be like smtp://user:pass@host:587")
        return cls(
            host=parts.hostname,
            port=port or PORTS[parts.scheme],
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            tls=parts.scheme == "smtps",
            starttls=parse_qs(parts.query).get("starttls", ["0"])[-1] not in ("", "0"),
            timeout=timeout,
            way=way or WayOut(),
        )


def as_message(delivery: Delivery) -> EmailMessage:
    """With the same Message-ID and Date on every attempt. Raises ValueError for a broken header."""
    message = EmailMessage()
    message["From"] = delivery.sender
    message["To"] = delivery.recipient
    message["Subject"] = delivery.subject
    message["Date"] = format_datetime(delivery.created_at)
    message["Message-ID"] = delivery.message_id
    message["Auto-Submitted"] = "auto-generated"
    for name, value in delivery.headers.items():
        message[name] = value
    message.set_content(delivery.text)
    message.add_alternative(delivery.html, subtype="html")
    return message


class _Conversation(smtplib.SMTP):
    """With the server, over a line that leaves as the settings say."""

    def __init__(self, server: MailServer, context: ssl.SSLContext) -> None:
        self._server, self._tls = server, context
        super().__init__(server.host, server.port, timeout=server.timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """Where smtplib.SMTP_SSL wraps its line too."""
        if self._server.tls:
            return self._server.way.reach_by_tls(host, port, timeout, self._tls)
        return self._server.way.reach(host, port, timeout)


@contextlib.contextmanager
def _to_server(server: MailServer) -> Iterator[Send]:
    """One conversation with the server, for as many mails as are sent meanwhile.

    Sending raises MailRefused, or MailServerUnreachable: then the server may have the mail or not.
    """
    context = ssl.create_default_context()
    try:
        connection = _Conversation(server, context)
        if server.starttls and not server.tls:
            connection.starttls(context=context)
        if server.user:
            connection.login(server.user, server.password)
    except (smtplib.SMTPException, OSError) as error:
        raise MailServerUnreachable(_said(error)) from error

    def send(delivery: Delivery) -> None:
        message = _message(delivery)
        try:
            connection.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            refusals = [*error.recipients.values(), (550, b"no recipient")]
            code, words = refusals[0]
            raise MailRefused(f"{code} {_readable(words)}", permanent=code >= 500) from error
        except smtplib.SMTPDataError as error:
            raise MailRefused(_said(error), permanent=error.smtp_code >= 500) from error
        # Our own address or account may be wrong (SMTPSenderRefused): whoever runs the service
        # mends that, and the mail is then sent.
        except (smtplib.SMTPException, OSError) as error:
            raise MailServerUnreachable(_said(error)) from error

    try:
        yield send
    finally:
        with contextlib.suppress(smtplib.SMTPException, OSError):
            connection.quit()
        connection.close()


@contextlib.contextmanager
def _to_folder(folder: Path) -> Iterator[Send]:
    """Links in these files sign people in, so nobody else on the machine may read them."""

    def write(delivery: Delivery) -> None:
        path = folder / f"{delivery.created_at:%Y%m%d-%H%M%S}-{delivery.kind}-{delivery.id}.eml"
        content = bytes(_message(delivery))
        path.touch(mode=0o600)
        path.write_bytes(content)

    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield write
    except OSError as error:
        raise MailServerUnreachable(_said(error)) from error


def _message(delivery: Delivery) -> EmailMessage:
    try:
        return as_message(delivery)
    except ValueError as error:
        raise MailRefused(f"not a mail: {error}", permanent=True) from error


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_readable(error.smtp_error)}"
    return f"{type(error).__name__}: {error}"


def _readable(words: bytes | str) -> str:
    return words.decode(errors="replace") if isinstance(words, bytes) else words

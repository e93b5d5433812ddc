"""Who may reply to whom, the signed address of a reply, and what of a mail is the reply.

A reply comes by a page (`/repondre/{link}/{signature}`) or by mail to an address that carries the
same two: `inbox+{link}{signature}@…`. Local parts of addresses may lose their case on the way, and
have 64 octets at most (RFC 5321, 4.5.3.1.1): both are written in base32, in 42 small letters and
digits.
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import getaddresses
from enum import StrEnum
from html import unescape
from uuid import UUID

LINK_LIFE = timedelta(days=90)
# So long a link that no longer serves says why, to who still has its mail.
GRACE_DAYS = 7
MAX_MESSAGE = 2000
LEAST_MESSAGE = 10
# A mail says more than a form; what is longer still ends in a sign of omission.
MAX_MAILED = 20_000
SIGNATURE_BYTES = 10
_ID_LETTERS, _SIGNATURE_LETTERS = 26, 16
_TAG = re.compile(rf"[a-z2-7]{{{_ID_LETTERS + _SIGNATURE_LETTERS}}}")
# Where programs name the address that a mail was delivered to, beside who it was written to.
_RECIPIENTS = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To")

# What begins the quotation of an earlier mail, in the programs that people here use.
_QUOTED = re.compile(
    r"^(?:>|\s*_{10,}\s*$|\s*-{2,}\s*(?:original|forwarded|message d|message t|début du).*"
    r"|\s*(?:le|on)\b.{6,300}\b(?:a écrit|a ecrit|wrote)\s*:?\s*$"
    r"|\s*(?:de|from|expéditeur)\s*:\s.*@.*|-- ?$|\s*envoyé d[e’'].{2,60}$"
    r"|\s*sent from .{2,60}$|\s*télécharger outlook .*)",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+")
_TAGS = re.compile(r"<(?:style|script|head)\b.*?</(?:style|script|head)>|<[^>]*>", re.S | re.I)
_LINES = re.compile(r"<(?:br|/p|/div|/li|/tr|/h\d)\b[^>]*>", re.I)


class ConversationSide(StrEnum):
    """Who writes: the author of the initiative, or who wrote to them first."""

    AUTHOR = "author"
    VISITOR = "visitor"

    @property
    def other(self) -> "ConversationSide":
        sides = ConversationSide
        return sides.VISITOR if self is sides.AUTHOR else sides.AUTHOR


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyLink:
    """A link that one side may reply by, with its conversation.

    `is_open`: it may still be used. `ended_by` is who ended the conversation, or None.
    """

    id: UUID
    conversation: UUID
    side: ConversationSide
    key: bytes
    initiative: UUID
    title: str
    author: UUID
    visitor: UUID
    expires_at: datetime
    used_at: datetime | None
    ended_by: str | None
    is_open: bool

    @property
    def writer(self) -> UUID:
        """The person who may reply by it."""
        return self.author if self.side is ConversationSide.AUTHOR else self.visitor

    @property
    def reader(self) -> UUID:
        """The person whom the reply goes to."""
        return self.visitor if self.side is ConversationSide.AUTHOR else self.author


@dataclass(frozen=True, slots=True)
class IncomingReply:
    """A mail read from the inbox. `tags` are those of addresses that could be ours, in order.

    `is_automatic`: a program wrote it (an absence, a bounce). `text` is what is new in it.
    """

    tags: tuple[str, ...]
    is_automatic: bool
    text: str


def signature(link: UUID, key: bytes) -> str:
    """16 letters that only who has the key can make for this link."""
    made = hmac.digest(key, f"reply {link}".encode(), hashlib.sha256)[:SIGNATURE_BYTES]
    return _base32(made)


def is_signed(link: UUID, key: bytes, given: str) -> bool:
    return hmac.compare_digest(signature(link, key).encode(), given.encode(errors="replace"))


def tag_of(link: UUID, key: bytes) -> str:
    return _base32(link.bytes) + signature(link, key)


def parse_tag(tag: str) -> tuple[UUID, str] | None:
    """The link and the signature that a tag claims; None for what is no tag of ours."""
    low = tag.lower()
    if not _TAG.fullmatch(low):
        return None
    try:
        named = base64.b32decode(low[:_ID_LETTERS].upper() + "======")
    except binascii.Error:
        return None
    return UUID(bytes=named), low[_ID_LETTERS:]


def reply_address(inbox: str, tag: str) -> str:
    local, _at, domain = inbox.rpartition("@")
    return f"{local}+{tag}@{domain}"


def read_mail(content: bytes, inbox: str) -> IncomingReply:
    """What of a mail matters here; nothing is raised, whatever it holds."""
    message = BytesParser(policy=policy.default).parsebytes(content)
    assert isinstance(message, EmailMessage)
    local, _at, domain = inbox.lower().rpartition("@")
    tags: dict[str, None] = {}
    for name in _RECIPIENTS:
        values = [str(one) for one in message.get_all(name, [])]
        for _name, address in getaddresses(values):
            mailbox, _sign, host = address.lower().rpartition("@")
            if host == domain and mailbox.startswith(f"{local}+"):
                tags[mailbox.removeprefix(f"{local}+")] = None
    return IncomingReply(tuple(tags), _is_automatic(message), new_text(_body(message)))


def new_text(body: str) -> str:
    """What somebody wrote above the mail that they answer; no address stands in it.

    Programs sign mails with addresses, which the writer may not even see: they are taken out.
    """
    kept: list[str] = []
    lines = re.split(r"\r\n|\r|\n", body)
    for number, line in enumerate(lines):
        # The line that begins a quotation may be folded onto the next one.
        two = f"{line.rstrip()} {lines[number + 1].strip()}" if number + 1 < len(lines) else line
        begins = re.match(r"\s*(?:le|on)\b", line, re.IGNORECASE) and line.strip()
        if _QUOTED.match(line) or (begins and _QUOTED.match(two)):
            break
        kept.append(line.rstrip())
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()
    return without_addresses(text)


def without_addresses(text: str) -> str:
    return _ADDRESS.sub("[…]", text)


def _is_automatic(message: EmailMessage) -> bool:
    """RFC 3834: such mails are never answered, nor passed on."""
    said = str(message.get("Auto-Submitted", "no")).split(";")[0].strip().lower()
    bulk = str(message.get("Precedence", "")).strip().lower() in ("bulk", "junk", "auto_reply")
    bounced = str(message.get("Return-Path", "x")).strip() == "<>"
    told = message.get_content_type() == "multipart/report"
    away = any(name in message for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Response"))
    return said != "no" or bulk or bounced or told or away


def _body(message: EmailMessage) -> str:
    try:
        part = message.get_body(preferencelist=("plain", "html"))
        if part is None:
            return ""
        content = part.get_content()
    except (LookupError, ValueError, KeyError):
        return ""
    text = content if isinstance(content, str) else ""
    if part.get_content_type() == "text/html":
        return unescape(_TAGS.sub("", _LINES.sub("\n", text)))
    return text


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()

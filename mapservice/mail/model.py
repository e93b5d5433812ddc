"""What a mail is before, while and after it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

# RFC 5321, section 4.5.4.1: a sender gives up after four or five days.
GIVE_UP_AFTER = timedelta(days=5)


class DeliveryState(StrEnum):
    """The state of a delivery; `FAILED` is final, and keeps the reason."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Letterhead:
    """The sender of mails: `base_url` starts their links and ends without a slash.

    `operator` is who answers for them in law, "" where that is not told.
    """

    site_name: str
    base_url: str
    sender: str
    operator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail to one person, in plain text and HTML; `mail.service.write` makes them.

    `headers` come in addition to the usual ones, such as List-Unsubscribe. The sooner
    `give_up_after` ends, the sooner it is sent: a sign-in link overtakes ten thousand digests.
    """

    kind: str
    sender: str
    recipient: str
    subject: str
    text: str
    html: str
    person: UUID | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    give_up_after: timedelta = GIVE_UP_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class LateMail:
    """A mail whose words are made when it is sent, from what is true then.

    `renderer` names who writes it, `payload` (JSON) what that needs to know: ids, never words.
    """

    kind: str
    renderer: str
    payload: Mapping[str, Any]
    person: UUID
    recipient: str
    sender: str
    give_up_after: timedelta = GIVE_UP_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A mail in the outbox: `message_id` and `created_at` are the same on every attempt.

    One with a `renderer` has no words before that has made them.
    """

    id: UUID
    message_id: str
    kind: str
    sender: str
    recipient: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str]
    created_at: datetime
    attempts: int
    renderer: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)

"""Supports, reports and messages as plain values."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from mapservice.errors import InvalidInput

MAX_TEXT = 2000
# How long the digest of a supporter's network is kept.
NETWORK_DAYS = 30


class SupportStanding(StrEnum):
    """Whether a support counts: not while somebody looks at it, and never when set aside."""

    COUNTED = "counted"
    HELD = "held"
    DISMISSED = "dismissed"


class ReportReason(StrEnum):
    """What somebody finds wrong with an initiative."""

    FALSE = "false"
    HATEFUL = "hateful"
    PRIVATE = "private"
    DUPLICATE = "duplicate"
    PLACE = "place"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class LocalShare:
    """Who backs an initiative here: of the `counted` so many say where they live (`told`), and
    `local` of these around it.

    `is_known` is False where there is no "here": a place that is all of France, or none. `held`
    are not counted before somebody has looked at them.
    """

    counted: int
    local: int
    is_known: bool
    held: int = 0
    told: int = 0

    @property
    def silent(self) -> int:
        """How many do not say where they live."""
        return self.counted - self.told


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSupport:
    """One support of a person, for their page and their export."""

    initiative: UUID
    title: str
    is_public: bool
    commune: str | None
    confirmed_at: datetime
    withdrawn_at: datetime | None
    standing: SupportStanding


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemReport:
    """What a moderator sees of a report; `confirmed`: it came from a proved address."""

    id: UUID
    initiative: UUID
    title: str
    status: str
    reason: ReportReason
    text: str
    confirmed: bool
    created_at: datetime
    is_open: bool
    closed_by: str
    note: str
    photo: UUID | None
    post: UUID | None = None


def read_reason(text: str) -> ReportReason:
    """Raises InvalidInput."""
    if text not in tuple(ReportReason):
        raise InvalidInput("reason", f"is not one of {', '.join(ReportReason)}")
    return ReportReason(text)


def read_text(text: str, field: str = "text", *, least: int = 0) -> str:
    """Lines without control characters, those at the ends cut off. Raises InvalidInput."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    clean = "".join(sign for sign in lines if sign in "\n\t" or sign.isprintable()).strip()
    if len(clean) > MAX_TEXT:
        raise InvalidInput(field, f"is longer than {MAX_TEXT} characters")
    if len(clean) < least:
        raise InvalidInput(field, f"needs at least {least} characters")
    return clean

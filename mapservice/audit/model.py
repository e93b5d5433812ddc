"""Decisions about an initiative, and the line that the log keeps of each."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class DecisionVerdict(StrEnum):
    """What a moderator decides; KEEP is for an edit that is public already.

    MERGE and UNMERGE are about duplicates, PLACE and UNPLACE about its location, CLOSE about a
    report, PHOTO about one that was refused, POST and UNPOST about news, a comment or a message to
    a group, ARCHIVE about a group that nobody organises. ATTENDANCE is none of theirs: an organiser
    took the list of who agreed to be on it.
    """

    PUBLISH = "publish"
    KEEP = "keep"
    REJECT = "reject"
    ASK = "ask"
    MERGE = "merge"
    UNMERGE = "unmerge"
    PLACE = "place"
    UNPLACE = "unplace"
    CLOSE = "close"
    PHOTO = "photo"
    POST = "post"
    UNPOST = "unpost"
    ARCHIVE = "archive"
    ATTENDANCE = "attendance"


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDecision:
    """A decision as it was taken; `revision` is the version that it is about, 0 for none.

    `initiative` is what it is about: an initiative, a series of events, or a group. `target` is the
    initiative merged into or parted from; `title` is its title, "" once gone.
    """

    id: int
    initiative: UUID
    revision: int
    verdict: DecisionVerdict
    reason: str
    decided_by: str
    decided_by_person: UUID | None
    decided_at: datetime
    target: UUID | None
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """One decision, about an initiative, a series of events or a group.

    `revision` is the version that was read, 0 without versions. `target` is the initiative merged
    into or parted from, `report` the report that led to it.
    """

    initiative: UUID | None = None
    event_series: UUID | None = None
    local_group: UUID | None = None
    verdict: str
    by: str
    person: UUID | None
    revision: int = 0
    reason: str = ""
    target: UUID | None = None
    report: UUID | None = None

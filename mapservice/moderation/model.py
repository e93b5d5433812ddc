"""Cases that wait for a moderator, who has claimed them, and what is known about them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from mapservice.moderation.places.model import TerritoryShare

CLAIM_MINUTES = 15


class CaseKind(StrEnum):
    """Kinds of case: a text (new, edited, rejected with an appeal), or something about one.

    EVENT is a series of events, new or edited; GROUP a group, new, edited or without an organiser;
    MESSAGE one to a group, held or reported; all others are about initiatives.
    """

    PROPOSAL = "proposal"
    EDIT = "edit"
    APPEAL = "appeal"
    REPORT = "report"
    PLACE = "place"
    BURST = "burst"
    EVENT = "event"
    GROUP = "group"
    POST = "post"
    MESSAGE = "message"


# An initiative waits as one of these at most; its id in the queue is the initiative's.
TEXTS = (CaseKind.PROPOSAL, CaseKind.EDIT, CaseKind.APPEAL)


@dataclass(frozen=True, slots=True)
class QueuePart:
    """A part of the queue: cases that concern one of `areas`, and `inside` too where it is set.

    An area is a territory (`region:53`), `all`, or `none`: what concerns no territory.
    """

    areas: tuple[str, ...]
    inside: str = ""
    kind: CaseKind | None = None


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """The position of a case in the queue; the next case comes after it."""

    since: datetime
    kind: CaseKind
    id: UUID


@dataclass(frozen=True, slots=True)
class WaitingCase:
    """One case of the queue. `claimed_by` has it at the moment, or is "".

    `initiative` is None for a case of another kind of subject (`CaseSubject`). `words` are those of
    the report, of the appeal, or of the place. `reason` is the report's.
    """

    kind: CaseKind
    id: UUID
    initiative: UUID | None
    since: datetime
    claimed_by: str
    words: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CaseSubject:
    """What a case that is about no initiative shows in the queue; `place` in honest words."""

    id: UUID
    title: str
    summary: str
    theme: str
    status: str
    precision: str
    place: str
    eyebrow: str
    commune: str | None = None
    departement: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class AuthorHistory:
    """What became of the author's other proposals: counts, no names."""

    published: int = 0
    waiting: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class RejectionAppeal:
    """An author's appeal against a rejection, and whether it waits for a decision."""

    words: str
    made_at: datetime
    is_open: bool


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """Waiting cases in a part of the queue by kind; of one kind (or all) by région and département.

    `whole` counts that kind in the whole queue, `nowhere` cases that concern no territory.
    """

    kinds: Mapping[CaseKind, int]
    whole: int
    nowhere: int
    regions: tuple[TerritoryShare, ...]
    departements: tuple[TerritoryShare, ...]

    @property
    def waiting(self) -> int:
        return sum(self.kinds.values())

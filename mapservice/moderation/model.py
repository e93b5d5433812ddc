"""What waits for a moderator, who looks at it, and what was decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from mapservice.moderation.places.model import TerritoryShare

CLAIM_MINUTES = 15


class CaseKind(StrEnum):
    """What waits: a text (new, edited, rejected and appealed against), or something about one."""

    PROPOSAL = "proposal"
    EDIT = "edit"
    APPEAL = "appeal"
    REPORT = "report"
    PLACE = "place"
    BURST = "burst"


# One initiative waits as one of these at most; the id in the queue is its own.
TEXTS = (CaseKind.PROPOSAL, CaseKind.EDIT, CaseKind.APPEAL)


@dataclass(frozen=True, slots=True)
class QueuePart:
    """Which part of the queue: what concerns one of `areas`, and `inside` too where that is set.

    An area is a territory (`region:53`), `all`, or `none`: what concerns no territory.
    """

    areas: tuple[str, ...]
    inside: str = ""
    kind: CaseKind | None = None


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """Where something stands in the queue; what is next comes after it."""

    since: datetime
    kind: CaseKind
    id: UUID


@dataclass(frozen=True, slots=True)
class WaitingCase:
    """One line of the queue. `claimed_by` looks at it at this moment, or is "".

    `words` are those of the report, of the appeal, or of the place. `reason` is the report's.
    """

    kind: CaseKind
    id: UUID
    initiative: UUID
    since: datetime
    claimed_by: str
    words: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AuthorHistory:
    """What became of the other proposals of the same author: counts, no names."""

    published: int = 0
    waiting: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class RejectionAppeal:
    """What an author answers to a rejection, and whether it waits for an answer."""

    words: str
    made_at: datetime
    is_open: bool


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """What waits in a part of the queue by kind; of one kind (or all) by région and département.

    `whole` is what waits of that kind in all of the queue, `nowhere` what concerns no territory.
    """

    kinds: Mapping[CaseKind, int]
    whole: int
    nowhere: int
    regions: tuple[TerritoryShare, ...]
    departements: tuple[TerritoryShare, ...]

    @property
    def waiting(self) -> int:
        return sum(self.kinds.values())

"""What waits for a moderator, who looks at it, and what was decided."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mapservice.initiatives.model import Status
from mapservice.proposals.model import Verdict
from mapservice.review.model import Share

CLAIM_MINUTES = 15


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a case stands in the queue; the next one comes after it."""

    queued_at: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line of the queue. `claimed_by` looks at it at this moment, or is ""."""

    id: UUID
    queued_at: datetime
    status: Status
    claimed_by: str


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision as it was taken; `revision` is the version that it is about."""

    revision: int
    verdict: Verdict
    reason: str
    decided_by: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Past:
    """What became of the other proposals of the same author: counts, no names."""

    published: int = 0
    waiting: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """What waits in all, in each région and département (the most first), and in none."""

    waiting: int
    nowhere: int
    regions: tuple[Share, ...]
    departements: tuple[Share, ...]

"""What a source that is swept is, and how a sweep of it ends."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

# More of what is public than that does not vanish without a person saying so.
SHRINK_SHARE = 0.2
FILE = "file"
# Terms under which open data may not pass what they cover on.
FORBIDDING = re.compile(
    r"\b(?:by-)?(?:nc|nd)(?:-sa)?\b|non[- ]?commercial|pas d.usage commercial"
    r"|no[- ]?deriv|sans modification|tous droits r.serv|all rights reserved",
    re.IGNORECASE,
)


class Rhythm(StrEnum):
    """How often a source is swept; NEVER: by hand alone."""

    NEVER = "never"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


# A sweep of each night begins at much the same minute, so these are somewhat shorter than named.
AFTER = {
    Rhythm.DAILY: timedelta(hours=20),
    Rhythm.WEEKLY: timedelta(days=6, hours=20),
    Rhythm.MONTHLY: timedelta(days=27, hours=20),
}


class SweepState(StrEnum):
    """How a sweep ended. WAITS: it would lose too much, and a person is to look."""

    NEVER = "never"
    DONE = "done"
    UNCHANGED = "unchanged"
    WAITS = "waits"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class LivingSource:
    """A source as it is registered, and how its last sweep ended."""

    platform: str
    connector: str
    address: str
    licence: str
    attribution: str = ""
    contact: str = ""
    rhythm: Rhythm = Rhythm.WEEKLY
    trusted: bool = False
    mapping: Mapping[str, str] = field(default_factory=dict)
    validators: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    sweep_state: SweepState = SweepState.NEVER
    sweep_reason: str = ""
    tried_at: datetime | None = None
    swept_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SweptRow:
    """A line of the difference that a sweep makes: what becomes of a row, or of what is gone."""

    outcome: str
    source_id: str
    title: str


@dataclass(frozen=True, slots=True)
class SweepResult:
    """How a sweep ended: the number of its run (0 where there is none), how many rows became what,
    and how much of what is public it lacks. `summary` and `rows` tell it in detail."""

    platform: str
    state: SweepState
    run: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    public: int = 0
    gone: int = 0
    reason: str = ""
    summary: tuple[str, ...] = ()
    rows: tuple[SweptRow, ...] = ()


def shrinks_too_much(public: int, gone: int) -> bool:
    """Whether a person is to look before so many of what is public go."""
    return gone > SHRINK_SHARE * public


def forbids_reuse(licence: str) -> bool:
    """Whether a licence keeps what it covers out of open data: non-commercial, no derivatives."""
    return bool(FORBIDDING.search(licence))


def as_json(value: Any) -> Any:
    """A value of a connector's record as NDJSON holds it; None for what says nothing."""
    if isinstance(value, str):
        return value.strip() or None
    return None if value in ([], {}) else value

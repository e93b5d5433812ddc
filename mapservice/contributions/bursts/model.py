"""How many supports may plausibly come from where, and when; the reasons beyond that. Statistics.

Each limit on networks is `floor + share * base`, where the base is the number of independent
sources: of each network at most a household's worth, which nobody with few networks can raise.
Floors keep small numbers out; shares are several times what real waves show (docs/trust.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import sqrt
from statistics import median
from uuid import UUID

# So many from one network, as from one flat, are not suspicious.
HOUSEHOLD = 3
# The largest networks may be those that a mobile operator shares out to a whole town.
OPERATORS = 4
MOST_NOTE = 2000


class BurstVerdict(StrEnum):
    """LOOK asks for a person and goes on counting, HOLD does not count meanwhile."""

    LOOK = "look"
    HOLD = "hold"


class BurstState(StrEnum):
    """Of a burst: it waits, its supports count, or they do not, for good."""

    OPEN = "open"
    RELEASED = "released"
    DISMISSED = "dismissed"


class BurstReasonCode(StrEnum):
    """Why, as the record names it; pages have words of their own for it."""

    NETWORKS = "networks"
    DISPOSABLE = "disposable"
    SUDDEN = "sudden"
    AWAY = "away"
    BEYOND = "beyond"
    INHABITANTS = "inhabitants"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class BurstReason:
    """A code and the figures behind it."""

    code: BurstReasonCode
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SupportBound:
    """A limit that grows with the number of independent sources, its base."""

    floor: float
    share: float

    def of(self, base: float) -> float:
        return self.floor + self.share * base


@dataclass(frozen=True, slots=True)
class SupportBounds:
    """On what goes beyond households: in one network, in all but OPERATORS, in all."""

    one: SupportBound
    many: SupportBound
    total: SupportBound


HOLD = SupportBounds(SupportBound(100, 0.35), SupportBound(120, 0.5), SupportBound(180, 1.25))
LOOK = SupportBounds(SupportBound(50, 0.45), SupportBound(80, 0.5), SupportBound(80, 1.5))
# What may stay once a limit is passed, and go on coming while a burst is open.
REST = SupportBounds(SupportBound(10, 0.17), SupportBound(10, 0.25), SupportBound(10, 0.6))


@dataclass(frozen=True, slots=True)
class NetworkSupports:
    """Supports of one network: fresh ones, and those that a moderator released before."""

    digest: bytes
    fresh: int
    released: int = 0

    @property
    def excess(self) -> int:
        """Beyond a household; where more were released before, beyond those."""
        return max(0, self.fresh - max(HOUSEHOLD, self.released))

    @property
    def household(self) -> int:
        return min(HOUSEHOLD, self.fresh + self.released)


@dataclass(frozen=True, slots=True)
class NetworkSpread:
    """How the supports of some time spread over networks.

    `crowded`: those with more fresh ones than a household; `base` is what the others add to it.
    """

    crowded: tuple[NetworkSupports, ...] = ()
    base: int = 0


def beyond(spread: NetworkSpread, trigger: SupportBounds) -> tuple[NetworkSupports, ...]:
    """Where a limit is passed, the largest networks, until the others are within REST; or none.

    With them those at least half as large as they typically are: they look the same.
    """
    crowded = sorted(spread.crowded, key=lambda one: (-one.excess, one.digest))
    if _are_within(crowded, spread.base, trigger):
        return ()
    taken = 0
    while not _are_within(crowded[taken:], spread.base, REST):
        taken += 1
    alike = median(one.excess for one in crowded[:taken]) / 2
    return (*crowded[:taken], *(one for one in crowded[taken:] if one.excess >= alike))


def _are_within(crowded: Sequence[NetworkSupports], others: int, limits: SupportBounds) -> bool:
    """Of networks with the most excess first."""
    base = others + sum(one.household for one in crowded)
    excess = [one.excess for one in crowded]
    return (
        max(excess, default=0) <= limits.one.of(base)
        and sum(excess[OPERATORS:]) <= limits.many.of(base)
        and sum(excess) <= limits.total.of(base)
    )


# A day's arrivals, compared with a usual day.

DAY = timedelta(days=1)
# With fewer in a day only their networks are examined.
LEAST_DAY = 100
# Assumed to be usual while little is known: a very good day, and a local share.
GOOD_DAY, COMPARABLE = 200, 20
LOCAL, LOCAL_WEIGHT = 0.6, 50
# More than so many usual days at once are sudden; than so many very good days, beyond reason.
TIMES = 10
LEAST_GIVEN, DEVIATIONS, AWAY = 30, 3.0, 1 / 3
LEAST_DISPOSABLE, DISPOSABLE_LOOK, DISPOSABLE_HOLD = 10, 0.05, 0.10
INHABITANTS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualDay:
    """What to compare a day with.

    Of the initiative itself before: `per_day` supports; of `given` communes `local` were of here.
    Of `initiatives` with the same kind of place: `good_day`, which the best day of one in a
    hundred passes, and the communes of their supporters.
    """

    per_day: float = 0
    given: int = 0
    local: int = 0
    initiatives: int = 0
    good_day: float = 0
    others_given: int = 0
    others_local: int = 0

    @property
    def best(self) -> float:
        return max(GOOD_DAY, self.good_day if self.initiatives >= COMPARABLE else 0)

    @property
    def share(self) -> float:
        """Its own local share; while few are known, drawn to that of others, and to LOCAL."""
        weight = 2 * LOCAL_WEIGHT
        others = (self.others_local + LOCAL * weight) / (self.others_given + weight)
        return (self.local + others * LOCAL_WEIGHT) / (self.given + LOCAL_WEIGHT)


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportDay:
    """Supports from `since` to `until`: `given` with a commune, `local` of these with one here.

    `has_here` is False where the place is all of France, or none; `inhabitants` 0 if unknown.
    """

    since: datetime
    until: datetime
    supports: int
    given: int = 0
    local: int = 0
    disposable: int = 0
    inhabitants: int = 0
    has_here: bool = True

    @property
    def pace(self) -> float:
        """Supports in a day, where it was longer."""
        return self.supports / max(1, (self.until - self.since) / DAY)


def reasons(day: SupportDay, usual: UsualDay) -> dict[BurstReasonCode, BurstReason]:
    """All that is out of the ordinary about some supports, whatever follows from it."""
    found: dict[BurstReasonCode, Mapping[str, float]] = {}
    if day.pace > max(usual.best, TIMES * usual.per_day):
        figures = {"in_a_day": round(day.pace), "per_day": round(usual.per_day, 1)}
        found[BurstReasonCode.SUDDEN] = figures
    if day.pace > TIMES * max(usual.best, usual.per_day):
        figures = {"in_a_day": round(day.pace), "best": round(usual.best)}
        found[BurstReasonCode.BEYOND] = figures
    # So few of here that even by chance it is no usual crowd.
    enough = day.has_here and day.given >= LEAST_GIVEN
    if enough and upper_share(day.local, day.given) < AWAY * usual.share:
        figures = {"given": day.given, "local": day.local, "usual": round(100 * usual.share)}
        found[BurstReasonCode.AWAY] = figures
    if _has_disposable(day, DISPOSABLE_LOOK):
        figures = {"disposable": day.disposable, "supports": day.supports}
        found[BurstReasonCode.DISPOSABLE] = figures
    if day.inhabitants and day.local > INHABITANTS * day.inhabitants:
        figures = {"local": day.local, "inhabitants": day.inhabitants}
        found[BurstReasonCode.INHABITANTS] = figures
    return {code: BurstReason(code, figures) for code, figures in found.items()}


def judge(
    day: SupportDay, usual: UsualDay
) -> tuple[BurstVerdict | None, dict[BurstReasonCode, BurstReason]]:
    """What a day says apart from its networks. HOLD is for all supporters who are not of here.

    A newspaper brings supports suddenly too, and a fair brings them from afar: alone, neither
    means anything.
    """
    found = reasons(day, usual)
    if (
        BurstReasonCode.SUDDEN not in found
        or not {BurstReasonCode.AWAY, BurstReasonCode.BEYOND} & found.keys()
    ):
        found = {
            code: one
            for code, one in found.items()
            if code in (BurstReasonCode.DISPOSABLE, BurstReasonCode.INHABITANTS)
        }
    if {BurstReasonCode.AWAY, BurstReasonCode.BEYOND} <= found.keys():
        return BurstVerdict.HOLD, found
    return BurstVerdict.LOOK if found else None, found


def holds_disposable(day: SupportDay) -> bool:
    """Whether what comes from mailboxes for one use is held back: a few are not."""
    return _has_disposable(day, DISPOSABLE_HOLD)


def upper_share(part: int, whole: int) -> float:
    """The largest share that such a sample leaves plausible: Wilson's bound at DEVIATIONS."""
    if not whole:
        return 1.0
    share, square = part / whole, DEVIATIONS * DEVIATIONS
    spread = sqrt(square * share * (1 - share) / whole + square * square / (4 * whole * whole))
    return (share + square / (2 * whole) + spread) / (1 + square / whole)


def _has_disposable(day: SupportDay, share: float) -> bool:
    return day.disposable >= max(LEAST_DISPOSABLE, share * day.supports)


def busiest(hours: Sequence[tuple[datetime, int]]) -> tuple[datetime, datetime] | None:
    """The 24 hours with the most arrivals; of full hours in order, with the arrivals in each."""
    best, most, first, count = None, 0, 0, 0
    for hour, arrived in hours:
        count += arrived
        while hours[first][0] <= hour - DAY:
            count -= hours[first][1]
            first += 1
        if count > most:
            end = hour + timedelta(hours=1)
            best, most = (end - DAY, end), count
    return best


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportBurst:
    """A finding, as of the last look or of the decision; `held` is the present number."""

    id: UUID
    initiative: UUID
    title: str
    verdict: BurstVerdict
    first_at: datetime
    last_at: datetime
    size: int
    held: int
    reasons: tuple[BurstReason, ...]
    found_at: datetime
    state: BurstState
    decided_at: datetime | None
    decided_by: str | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportFigures:
    """Supports of an initiative or of a territory's: `held` wait, `dismissed` never count.

    `unconfirmed` links were mailed and may still be used; `told` of the counted gave a commune,
    `local` of these with one around their initiative.
    """

    counted: int
    told: int
    local: int
    unconfirmed: int
    held: int
    dismissed: int


@dataclass(frozen=True, slots=True)
class SupportArrivals:
    """Supports of an hour or a day that begins at `at`, a local time without its zone."""

    at: datetime
    counted: int
    held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotableInitiative:
    """An initiative that stands out; `state` and `size` are of its open or latest burst."""

    id: UUID
    title: str
    counted: int
    told: int
    local: int
    week: int
    state: BurstState | None
    size: int

"""Weeks, what waits, and which territories have clearly changed."""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from mapservice.dashboards.model import LEAST_SISTERS, AreaFigures, Counts, Floats, PeerGroup
from mapservice.i18n import PARIS
from mapservice.mail.unsubscribe import signature
from mapservice.moderation.model import CaseKind
from mapservice.territories.model import Level

WEEK = timedelta(days=7)
# No digest covers more than this, after an outage or a time without any role.
MOST_BACK = 4 * WEEK
# Of digests without news, the first is sent, and then every fourth.
QUIET_WEEKS = 4
# The share of false alarms among the changes that are shown (Benjamini and Hochberg 1995).
FALSE_SHARE = 0.05
# With fewer in both windows together, any split may be chance.
LEAST_TOLD = 6
NAMED = 5

# Levels of the territories below one, whose windows are compared.
BELOW: dict[Level | None, tuple[Level, ...]] = {
    None: (Level.REGION, Level.DEPARTEMENT),
    Level.REGION: (Level.DEPARTEMENT, Level.EPCI, Level.COMMUNE),
    Level.DEPARTEMENT: (Level.EPCI, Level.COMMUNE),
    Level.EPCI: (Level.COMMUNE,),
    Level.COMMUNE: (),
}


@dataclass(frozen=True, slots=True)
class DigestWeek:
    """From a Monday to the next one, midnight in Paris, `end` exclusive; longer after an outage."""

    start: date
    end: date

    @property
    def since(self) -> datetime:
        return midnight(self.start)

    @property
    def until(self) -> datetime:
        return midnight(self.end)

    @property
    def last(self) -> date:
        return self.end - timedelta(days=1)

    @property
    def month(self) -> tuple[date, date] | None:
        """First days of the month that ended within the week, and of the one after it; None where
        none ended."""
        until = self.end.replace(day=1)
        if until <= self.start:
            return None
        return (until - timedelta(days=1)).replace(day=1), until


@dataclass(frozen=True, slots=True)
class WaitingSummary:
    """How many cases of a kind wait, and since when the oldest does."""

    kind: CaseKind
    count: int
    oldest: datetime

    def days(self, now: datetime) -> int:
        """Whole days that the oldest has waited."""
        return max((now - self.oldest).days, 0)

    @property
    def path(self) -> str:
        return f"/moderation?kind={self.kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMonth:
    """What the sweeps of a source brought in a calendar month.

    `failure` says why its last sweep came to nothing; empty: it did not.
    """

    platform: str
    new: int
    changed: int
    gone: int
    in_doubt: int
    failure: str

    @property
    def is_quiet(self) -> bool:
        return not (self.new or self.changed or self.gone or self.in_doubt or self.failure)


@dataclass(frozen=True, slots=True)
class AreaMove:
    """A territory whose last 90 days differ clearly from the same days of last year.

    `partial`: an EPCI that straddles, of which this is the part inside.
    """

    level: Level
    code: str
    name: str
    recent: int
    before: int
    partial: bool = False

    @property
    def path(self) -> str:
        return f"/coordination/{self.level}/{self.code}"


@dataclass(frozen=True, slots=True)
class ClearMoves:
    """Positions among areas, the clearest first."""

    rising: tuple[int, ...] = ()
    falling: tuple[int, ...] = ()


def moves(areas: AreaFigures) -> ClearMoves:
    """Which of these rose, and which fell or fell silent, beyond what chance explains.

    Rising or falling: a fair coin would hardly split the two windows like this
    (`AreaFigures.changed`), and at most 5 % of the reported changes are due to chance, however many
    territories there are. Fallen silent: nothing in 90 days but something in the same days of last
    year, where the rate of its peers and its size would hardly leave it none
    (`dashboards/model.py`), with the same share of chance.
    """
    if not areas.compared:
        return ClearMoves()
    told = _clear(areas)
    rising = np.flatnonzero(told & (areas.recent > areas.before))
    falling = told & (areas.recent < areas.before)
    falling[_stopped(areas)] = True
    return ClearMoves(
        _most(rising, areas.recent - areas.before),
        _most(np.flatnonzero(falling), areas.before - areas.recent),
    )


def monday(day: date) -> date:
    """The first day of its week."""
    return day - timedelta(days=day.weekday())


def midnight(day: date) -> datetime:
    """When a day begins in Paris, in UTC."""
    return datetime.combine(day, time(), PARIS).astimezone(UTC)


def leave_path(reader: UUID, key: bytes) -> str:
    """The path of the page that ends a reader's weekly digest."""
    return f"/bilan/quitter/{reader}/{signature(reader, key)}"


def _clear(areas: AreaFigures) -> NDArray[np.bool_]:
    """By the split of both windows together, as `AreaFigures.changed` for one territory."""
    totals = areas.recent + areas.before
    tested = np.flatnonzero(totals >= LEAST_TOLD)
    apart = np.maximum(np.abs(areas.recent - areas.before)[tested] - 1, 0)
    chances = np.array([math.erfc(z / math.sqrt(2)) for z in apart / np.sqrt(totals[tested])])
    told = np.zeros(len(areas), np.bool_)
    told[tested[_beyond_chance(chances)]] = True
    return told & areas.changed


def _stopped(areas: AreaFigures) -> NDArray[np.intp]:
    """Of those that had something before: how likely is it that chance alone leaves them none?"""
    lived_in = areas.population > 0
    tested = np.flatnonzero(lived_in & (areas.before > 0))
    if lived_in.sum() < LEAST_SISTERS:
        return tested[:0]
    sisters = PeerGroup.of(areas.recent, areas.population)
    chances = np.where(areas.recent == 0, sisters.silent_share(areas.population), 1.0)[tested]
    return tested[_beyond_chance(chances)]


def _beyond_chance(chances: Floats) -> NDArray[np.intp]:
    """Positions to report, so that no more than FALSE_SHARE of them is due to chance."""
    order = np.argsort(chances, kind="stable")
    allowed = FALSE_SHARE * np.arange(1, len(order) + 1) / max(len(order), 1)
    within = np.flatnonzero(chances[order] <= allowed)
    return order[: within[-1] + 1] if len(within) else order[:0]


def _most(found: NDArray[np.intp], by: Counts) -> tuple[int, ...]:
    return tuple(int(one) for one in found[np.argsort(-by[found], kind="stable")])

"""Months as bars: where each stands in a drawing of fixed size; pure geometry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import floor, log10

WIDTH, HEIGHT = 720.0, 150.0
LEFT, TOP, BOTTOM = 44.0, 8.0, 22.0
GAP = 0.22  # of a month's width


@dataclass(frozen=True, slots=True)
class MonthBar:
    """One month; `inside`: the period shown holds it."""

    month: date
    count: int
    x: float
    y: float
    width: float
    height: float
    inside: bool


@dataclass(frozen=True, slots=True)
class MonthChart:
    """Bars, round numbers at the left with their heights, and where each January stands."""

    bars: tuple[MonthBar, ...]
    ticks: tuple[tuple[float, int], ...]
    years: tuple[tuple[float, int], ...]


def chart(counts: Sequence[tuple[date, int]], since: date | None, until: date | None) -> MonthChart:
    """Bars of new initiatives by month, in the order given."""
    step = (WIDTH - LEFT) / max(len(counts), 1)
    top = _ceiling(max((count for _, count in counts), default=0))
    depth = HEIGHT - TOP - BOTTOM
    bars = []
    for number, (month, count) in enumerate(counts):
        height = depth * count / top
        inside = (since is None or month >= since) and (until is None or month < until)
        x = LEFT + step * (number + GAP / 2)
        y = HEIGHT - BOTTOM - height
        bars.append(
            MonthBar(
                month,
                count,
                round(x, 2),
                round(y, 2),
                round(step * (1 - GAP), 2),
                round(height, 2),
                inside,
            )
        )
    ticks = tuple((HEIGHT - BOTTOM - depth * part / 2, top * part // 2) for part in (0, 1, 2))
    years = tuple((bar.x, bar.month.year) for bar in bars if bar.month.month == 1)
    return MonthChart(tuple(bars), ticks, years)


def _ceiling(most: int) -> int:
    """The next even round number: 2, 4, 10, 20, 40, 60, …"""
    if most <= 2:
        return 2
    unit = int(10 ** floor(log10(most)))
    steps = (unit, 2 * unit, 4 * unit, 6 * unit, 8 * unit, 10 * unit)
    return next(step for step in steps if step >= most and step % 2 == 0)

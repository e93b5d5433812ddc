"""States of communes (one code, one name, a first and a last day) and how each came of others."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from mapservice.territories.lineage.events import CommuneEvent, CommuneMovement, EventUnit, UnitType


@dataclass(frozen=True, slots=True)
class CommuneState:
    """A commune under one code and one name, from `start` until the eve of `end`.

    No start: since before 1943, when the events begin. No end: till today.
    """

    code: str
    name: str
    start: date | None = None
    end: date | None = None

    def lasts(self, day: date) -> bool:
        return (self.start is None or self.start <= day) and not self.is_over(day)

    def is_over(self, day: date) -> bool:
        return self.end is not None and self.end <= day


@dataclass(frozen=True, slots=True)
class StateOutcome:
    """How a state ended, and the states that follow; none where it left the official code."""

    event: CommuneEvent
    targets: tuple[CommuneState, ...]


@dataclass(frozen=True, slots=True)
class PartPeriod:
    """While a code was that of an associée, a déléguée or an arrondissement."""

    type: UnitType
    name: str
    start: date | None
    end: date | None

    def lasts(self, day: date) -> bool:
        return (self.start is None or self.start <= day) and (self.end is None or day < self.end)


@dataclass(frozen=True, slots=True)
class CommunePart:
    """An associée, déléguée or arrondissement whose ground went to a full commune on a day."""

    unit: EventUnit
    state: CommuneState


@dataclass(frozen=True, slots=True)
class CommuneTimeline:
    """The states of every code, oldest first, and the graph of what became of what."""

    states: Mapping[str, tuple[CommuneState, ...]]
    outcomes: Mapping[CommuneState, StateOutcome]
    origins: Mapping[CommuneState, tuple[CommuneState, ...]]
    parts: tuple[CommunePart, ...]


def timeline(events: Sequence[CommuneEvent], current: Mapping[str, str]) -> CommuneTimeline:
    """Of all codes in the events and of today's communes (code → name)."""
    days = _Days.of(events)
    states = {code: tuple(days.states(code)) for code in days.touched}
    states |= {
        code: (CommuneState(code, name),) for code, name in current.items() if code not in states
    }
    return _Linker(days, states).timeline()


def part_periods(events: Sequence[CommuneEvent]) -> dict[str, tuple[PartPeriod, ...]]:
    """When each code was a part of a commune, oldest first."""
    periods: dict[str, list[PartPeriod]] = defaultdict(list)
    for event in events:
        before = {unit.code: unit for unit in event.parts()}
        after = {unit.code: unit for unit in event.parts(after=True)}
        for code in dict.fromkeys((*before, *after)):
            was, became, known = before.get(code), after.get(code), periods[code]
            if was and not known:
                known.append(PartPeriod(was.type, was.name, None, None))
            if was:
                known[-1] = replace(known[-1], end=event.day)
            if became:
                known.append(PartPeriod(became.type, became.name, event.day, None))
    return {code: tuple(known) for code, known in periods.items()}


@dataclass(frozen=True, slots=True)
class _Days:
    """Per code and day: the rows that end a state of it, and those that arrive at it."""

    events: Sequence[CommuneEvent]
    leaving: Mapping[tuple[str, date], tuple[CommuneEvent, list[CommuneMovement]]]
    arriving: Mapping[tuple[str, date], list[CommuneMovement]]
    touched: Mapping[str, list[date]]

    @classmethod
    def of(cls, events: Sequence[CommuneEvent]) -> "_Days":
        leaving: dict[tuple[str, date], tuple[CommuneEvent, list[CommuneMovement]]] = {}
        arriving: dict[tuple[str, date], list[CommuneMovement]] = defaultdict(list)
        for event in events:
            for row in event.movements:
                if row.leaves:
                    leaving.setdefault((row.leaves.code, row.day), (event, []))[1].append(row)
                if row.arrives:
                    arriving[row.arrives.code, row.day].append(row)
        touched: dict[str, list[date]] = defaultdict(list)
        for code, day in sorted({*leaving, *arriving}):
            touched[code].append(day)
        return cls(events, leaving, arriving, touched)

    def states(self, code: str) -> Iterator[CommuneState]:
        """Oldest first. A state may last no day: a change of code and a merger on one day."""
        name, start, is_open = "", None, False
        for day in self.touched[code]:
            if (code, day) in self.leaving:
                began_here = any(self.goes_on(row) for row in self.arriving.get((code, day), ()))
                first = start if is_open else (day if began_here else None)
                yield CommuneState(code, self.name_before(code, day), first, day)
                is_open = False
            stays = [row for row in self.arriving.get((code, day), ()) if not self.goes_on(row)]
            if stays and stays[0].arrives and not is_open:
                name, start, is_open = stays[0].arrives.name, day, True
        if is_open:
            yield CommuneState(code, name, start)

    def name_before(self, code: str, day: date) -> str:
        unit = self.leaving[code, day][1][0].leaves
        return unit.name if unit else ""

    def goes_on(self, row: CommuneMovement) -> bool:
        """Whether a row leads to a commune that another event of the same day ends or renames.

        INSEE chains such events by name: 49144 Freigné became 44225 Freigné and, on the same
        day, 44225 Freigné became 44180 Vallons-de-l'Erdre.
        """
        unit = row.arrives
        if unit is None or (unit.code, row.day) not in self.leaving:
            return False
        event, _ = self.leaving[unit.code, row.day]
        return event.kind is not row.kind and self.name_before(unit.code, row.day) == unit.name


@dataclass(slots=True)
class _Linker:
    """Links each state to those that follow it."""

    days: _Days
    states: dict[str, tuple[CommuneState, ...]]
    outcomes: dict[CommuneState, StateOutcome] = field(default_factory=dict)

    def timeline(self) -> CommuneTimeline:
        for (code, day), (event, rows) in self.days.leaving.items():
            found = (self.target(row) for row in rows)
            targets = tuple(dict.fromkeys(state for state in found if state))
            ended = next(state for state in self.states[code] if state.end == day)
            self.outcomes[ended] = StateOutcome(event, targets)
        origins: dict[CommuneState, list[CommuneState]] = defaultdict(list)
        for state, outcome in self.outcomes.items():
            for target in outcome.targets:
                origins[target].append(state)
        # An associée or déléguée is ground of the commune that it lay in or turned into.
        parts = tuple(
            CommunePart(row.before, holder)
            for event in self.days.events
            for row in event.movements
            if row.before
            and row.before.type is not UnitType.COMMUNE
            and (holder := self.target(row))
        )
        return CommuneTimeline(
            self.states,
            self.outcomes,
            {state: tuple(earlier) for state, earlier in origins.items()},
            parts,
        )

    def target(self, row: CommuneMovement) -> CommuneState | None:
        unit = row.arrives
        if unit is None:
            return None
        states = self.states[unit.code]
        if self.days.goes_on(row):
            return next(state for state in states if state.end == row.day)
        return next(state for state in states if state.lasts(row.day))

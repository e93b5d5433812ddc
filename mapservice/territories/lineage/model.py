"""Communes through time: any code or name since 1943 → today's communes, with what happened.

Pure: built from INSEE's events and today's communes. `LineageGround` is what is followed:
a commune on some day, and the codes that it had each time before it was merged. So a commune that
leaves a merger again (L'Oie, 85165) is found back and is not taken for its neighbours.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from mapservice.territories.lineage.events import (
    MERGERS,
    RECODINGS,
    CommuneEvent,
    CommuneMovement,
    EventKind,
    UnitType,
    events_of,
    until,
)
from mapservice.territories.lineage.timeline import (
    CommuneState,
    CommuneTimeline,
    PartPeriod,
    StateOutcome,
    part_periods,
    timeline,
)
from mapservice.territories.model import AliasKind, AliasRecord, without_article

ALIAS_TYPES = {
    AliasKind.ASSOCIEE: UnitType.ASSOCIEE,
    AliasKind.DELEGUEE: UnitType.DELEGUEE,
    AliasKind.ARRONDISSEMENT: UnitType.ARRONDISSEMENT,
}


@dataclass(frozen=True, slots=True)
class LineageCommune:
    """A full commune as it is called: today, or on the day in question."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class LineageStep:
    """One event on the way: the commune as it was, and those that carry its ground on."""

    event: CommuneEvent
    origin: CommuneState
    outcomes: tuple[CommuneState, ...]


@dataclass(frozen=True, slots=True)
class LineageResolution:
    """What a code or a name stands for today.

    `communes` carry it on (several where a split left no heir; none where the ground is French
    communes' no more); `partly` have taken a part of its ground besides. `name` is what the
    code was called when it was last (or on the day asked) in use.
    """

    code: str
    name: str
    communes: tuple[LineageCommune, ...]
    partly: tuple[LineageCommune, ...]
    steps: tuple[LineageStep, ...]

    @property
    def everywhere(self) -> tuple[LineageCommune, ...]:
        return tuple(dict.fromkeys((*self.communes, *self.partly)))


@dataclass(frozen=True, slots=True)
class OnDay:
    """The state of a code on a day.

    `type` and `name` say what it was: a full commune, a part of one, or (None, "") nothing.
    `within` are the communes of that day on whose ground it lay, `today` those of today.
    """

    code: str
    day: date
    type: UnitType | None
    name: str
    within: tuple[LineageCommune, ...]
    today: tuple[LineageCommune, ...]


@dataclass(frozen=True, slots=True)
class UndecidedValue:
    """A value that no one commune of today can claim."""

    code: str
    value: float
    communes: tuple[LineageCommune, ...]


@dataclass(frozen=True, slots=True)
class RebasedSeries:
    """Values by today's codes, and those that could not be given to one of them."""

    values: Mapping[str, float]
    undecided: tuple[UndecidedValue, ...]


@dataclass(frozen=True, slots=True)
class LineageGround:
    """A commune in one state; `path` holds the codes it had each time before it was merged."""

    state: CommuneState
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Bearer:
    """A code and a name, and the ground that bore them."""

    code: str
    name: str
    ground: LineageGround


@dataclass(frozen=True, slots=True)
class _Way:
    """Where ground went: the states at the end, those beside, and the steps."""

    ends: tuple[CommuneState, ...]
    beside: tuple[CommuneState, ...] = ()
    steps: tuple[LineageStep, ...] = ()


@dataclass(frozen=True, slots=True)
class CommuneLineage:
    """`current` maps the codes of today's communes to their names."""

    events: tuple[CommuneEvent, ...] = field(repr=False)
    current: Mapping[str, str] = field(repr=False)
    _timeline: CommuneTimeline = field(repr=False)
    _periods: Mapping[str, tuple[PartPeriod, ...]] = field(repr=False)
    _parts: Mapping[str, AliasRecord] = field(repr=False)
    _names: Mapping[str, tuple[_Bearer, ...]] = field(repr=False)

    @classmethod
    def of(
        cls,
        movements: Iterable[CommuneMovement],
        current: Mapping[str, str],
        parts: Iterable[AliasRecord] = (),
        year: int | None = None,
    ) -> "CommuneLineage":
        """`parts` are today's déléguées, associées and arrondissements.

        `year` is the COG year of the communes: events that they don't show yet are left out.
        """
        events = events_of(movements)
        if year is not None:
            events = tuple(until(events, year, current))
        line = timeline(events, current)
        known = [part for part in parts if part.kind in ALIAS_TYPES and part.commune in current]
        # Of each code the oldest first, full communes after parts: the last one counts.
        bearers = [
            _Bearer(part.unit.code, part.unit.name, LineageGround(part.state, (part.unit.code,)))
            for part in line.parts
        ]
        bearers += [
            _Bearer(
                part.code, part.name, LineageGround(line.states[part.commune][-1], (part.code,))
            )
            for part in known
        ]
        bearers += [
            _Bearer(state.code, state.name, LineageGround(state))
            for states in line.states.values()
            for state in states
        ]
        index: dict[str, list[_Bearer]] = defaultdict(list)
        for bearer in bearers:
            for key in dict.fromkeys((plain(bearer.name), plain(without_article(bearer.name)))):
                index[key].append(bearer)
        names = {key: tuple(found) for key, found in index.items()}
        by_code = {part.code: part for part in known}
        return cls(events, current, line, part_periods(events), by_code, names)

    # -- questions --------------------------------------------------------------------------

    def resolve(self, code: str, on: date | None = None) -> LineageResolution | None:
        """Today's communes for a code, as of a day or as last used; None for one never seen.

        Asked without a day, a code of today stands for itself. On a day when it was not in use,
        it is taken as it was last before, else first after.
        """
        states = self._timeline.states.get(code)
        if states and on is None and code in self.current:
            return LineageResolution(code, self.current[code], (self._today(code),), (), ())
        if states:
            return self._resolution(code, LineageGround(_state_on(states, on)))
        part = self._parts.get(code)
        if part is None:
            return None
        return LineageResolution(code, part.name, (self._today(part.commune),), (), ())

    def resolve_name(self, name: str, on: date | None = None) -> tuple[LineageResolution, ...]:
        """One resolution for each code that bore the name (on that day): homonyms stay apart.

        Case, accents and hyphens do not count; the article may be left out.
        """
        bearers = self._names.get(plain(name), ())
        by_code: dict[str, _Bearer] = {}
        for bearer in bearers:
            if on is None or bearer.ground.state.lasts(on):
                by_code[bearer.code] = bearer
        return tuple(
            replace(self._resolution(code, bearer.ground), name=bearer.name)
            for code, bearer in by_code.items()
        )

    def at(self, code: str, day: date) -> OnDay | None:
        """What a code was on a day, and whose ground it was then and is today; None if unknown."""
        resolution = self.resolve(code, day)
        if resolution is None:
            return None
        states = self._timeline.states.get(code, ())
        own = next((state for state in states if state.lasts(day)), None)
        periods = self._periods.get(code, ())
        period = next((known for known in periods if known.lasts(day)), None)
        part = None if periods else self._parts.get(code)
        type_, name = None, ""
        if own:
            type_, name = UnitType.COMMUNE, own.name
        elif period:
            type_, name = period.type, period.name
        elif part:  # a part of today, of which no event says since when
            type_, name = ALIAS_TYPES[part.kind], part.name
        holders = (own,) if own else self._holders(code, states, day)
        within = dict.fromkeys(LineageCommune(state.code, state.name) for state in holders)
        return OnDay(code, day, type_, name, tuple(within), resolution.communes)

    def successors(self, code: str, on: date | None = None) -> tuple[LineageCommune, ...]:
        """Every commune of today on ground of that code, those that carry it on first."""
        resolution = self.resolve(code, on)
        return resolution.everywhere if resolution else ()

    def ancestors(self, code: str) -> tuple[CommuneState, ...]:
        """The past states whose ground is, wholly or partly, in a commune of today."""
        states = self._timeline.states.get(code, ())
        found = self._back(states[-1]) if states and states[-1].end is None else ()
        mine = []
        for state in found:
            today = self._resolution(state.code, LineageGround(state)).everywhere
            if any(commune.code == code for commune in today):
                mine.append(state)
        return tuple(sorted(mine, key=lambda state: (state.end or date.max, state.code)))

    def history(self, code: str) -> tuple[tuple[CommuneEvent, str], ...]:
        """Events of a commune, oldest first, each with the code that it then bore.

        A change of code is followed back; the earlier lives of communes merged into it are not.
        """
        codes = {code}
        for event in reversed(self.events):
            if event.kind in RECODINGS and codes & {unit.code for unit in event.after}:
                codes |= {unit.code for unit in event.before}
        return tuple(
            (event, own[0])
            for event in self.events
            if (own := [unit.code for unit in (*event.before, *event.after) if unit.code in codes])
        )

    def former(self) -> Iterator[tuple[str, str, str]]:
        """(code, name, today's commune) for every code and name ever valid that isn't today's."""
        states = (state for known in self._timeline.states.values() for state in known)
        grounds = [(state.code, state.name, LineageGround(state)) for state in states]
        grounds += [
            (part.unit.code, part.unit.name, LineageGround(part.state, (part.unit.code,)))
            for part in self._timeline.parts
        ]
        found = {
            (code, name, commune.code)
            for code, name, ground in grounds
            for commune in self._resolution(code, ground).communes
            if (code, name) != (commune.code, commune.name)
        }
        yield from sorted(found)

    def rebase(self, series: Mapping[str, float], year: int) -> RebasedSeries:
        """Values by codes of some COG year (state of 1 January) → by today's codes.

        Values of communes merged since are summed. One of a commune that was split since is not
        shared out by population, as initiatives do not follow it: most communes have none, and
        a share would claim one where there never was any. It is reported with its candidates,
        and still counts at the levels that these have in common.
        """
        values: dict[str, float] = defaultdict(float)
        undecided = []
        for code, value in series.items():
            heirs = self.successors(code, date(year, 1, 1))
            if len(heirs) == 1:
                values[heirs[0].code] += value
            else:
                undecided.append(UndecidedValue(code, value, heirs))
        return RebasedSeries(dict(values), tuple(undecided))

    # -- following --------------------------------------------------------------------------

    def _resolution(self, code: str, ground: LineageGround) -> LineageResolution:
        way = self._follow(ground)
        communes = self._present(way.ends)
        beside = [commune for commune in self._present(way.beside) if commune not in communes]
        return LineageResolution(code, ground.state.name, communes, tuple(beside), way.steps)

    def _follow(self, ground: LineageGround, day: date | None = None) -> _Way:
        """Through every event, or those up to a day."""
        outcome = self._timeline.outcomes.get(ground.state)
        if outcome is None or (day is not None and not ground.state.is_over(day)):
            return _Way((ground.state,))
        chosen = _heirs(ground, outcome, self._parts)
        step = LineageStep(outcome.event, ground.state, chosen)
        merged = outcome.event.kind in MERGERS
        path = (*ground.path, ground.state.code) if merged else ground.path
        ways = [self._follow(LineageGround(target, path), day) for target in chosen]
        # The others took a part of it; but communes that come back take their own former ground.
        takers = [target for target in outcome.targets if target not in chosen]
        if ground.path and outcome.event.kind is EventKind.RETURN:
            takers = []
        asides = [self._follow(LineageGround(taker), day) for taker in takers]
        steps = dict.fromkeys([step, *(later for way in ways for later in way.steps)])
        return _Way(
            ends=_distinct(end for way in ways for end in way.ends),
            beside=_distinct(
                [
                    *(state for way in ways for state in way.beside),
                    *(state for way in asides for state in (*way.ends, *way.beside)),
                ]
            ),
            steps=tuple(sorted(steps, key=lambda one: one.event.day)),
        )

    def _holders(
        self, code: str, states: Sequence[CommuneState], day: date
    ) -> Iterator[CommuneState]:
        """The states, on a day when this code was no commune's, of those that held its ground."""
        if not states:
            part = self._parts[code]
            yield from (s for s in self._timeline.states[part.commune] if s.lasts(day))
            return
        nearest = _state_on(states, day)
        if nearest.is_over(day):
            yield from self._follow(LineageGround(nearest), day).ends
        else:
            yield from (state for state in self._back(nearest) if state.lasts(day))

    def _back(self, state: CommuneState) -> tuple[CommuneState, ...]:
        """All earlier states that had some of this one's ground."""
        found: dict[CommuneState, None] = {}
        open_ends = [state]
        while open_ends:
            origins = self._timeline.origins.get(open_ends.pop(), ())
            open_ends += [origin for origin in origins if origin not in found]
            found |= dict.fromkeys(origins)
        return tuple(found)

    def _present(self, states: Iterable[CommuneState]) -> tuple[LineageCommune, ...]:
        codes = dict.fromkeys(state.code for state in states)
        return tuple(self._today(code) for code in codes if code in self.current)

    def _today(self, code: str) -> LineageCommune:
        return LineageCommune(code, self.current[code])


def _heirs(
    ground: LineageGround, outcome: StateOutcome, parts: Mapping[str, AliasRecord]
) -> tuple[CommuneState, ...]:
    """Where the ground goes. Of a split: back to what it was before it was merged, if that is
    there again; else to the commune whose part it is today (Lamarche-en-Woëvre, 55273, which
    left one commune for another); else to the one that keeps the name; else, for ground that was
    merged, to the one that keeps the code; else to all that result.
    """
    targets = outcome.targets
    by_code = {target.code: target for target in targets}
    hosts = [parts[code].commune for code in ground.path if code in parts]
    returning = [by_code[code] for code in (*ground.path, *hosts) if code in by_code]
    naming = [target for target in targets if plain(target.name) == plain(ground.state.name)]
    staying = [target for target in targets if ground.path and target.code == ground.state.code]
    return tuple(returning[:1] or naming[:1] or staying) or targets


def _state_on(states: Sequence[CommuneState], day: date | None) -> CommuneState:
    """The state of a day; else the last before, else the first. Of no day: the last."""
    if day is None:
        return states[-1]
    lasting = [state for state in states if state.lasts(day)]
    over = [state for state in states if state.is_over(day)]
    return (lasting or over or states[:1])[-1]


def plain(name: str) -> str:
    """Lower case, without accents, hyphens, apostrophes or ligatures: for comparing names."""
    spelt = name.casefold().replace("œ", "oe").replace("æ", "ae").replace("’", " ")
    folded = unicodedata.normalize("NFKD", spelt)
    letters = "".join(sign if sign.isalnum() else " " for sign in folded if sign.isascii())
    return " ".join(letters.split())


def _distinct(states: Iterable[CommuneState]) -> tuple[CommuneState, ...]:
    return tuple(dict.fromkeys(states))

"""Commune events as INSEE publishes them: rows ("mouvements"), joined to whole events.

One event is several rows: a merger has one per commune merged, a split one per commune that
results. Rows of one day and one kind that share a code are one event.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class EventKind(StrEnum):
    """INSEE, code officiel géographique, variable MOD."""

    RENAME = "10"
    CREATION = "20"
    RETURN = "21"
    SUPPRESSION = "30"
    MERGER = "31"
    NEW_COMMUNE = "32"
    ASSOCIATION = "33"
    FULL_MERGER = "34"
    END_OF_DELEGUEES = "35"
    CHANGE_OF_DEPARTEMENT = "41"
    CHANGE_OF_SEAT = "50"
    ASSOCIEE_TO_DELEGUEE = "70"
    RETURN_OF_DELEGUEE = "71"
    NEW_DELEGUEE = "72"
    OTHER = "00"

    @classmethod
    def _missing_(cls, value: object) -> "EventKind | None":
        """A kind that INSEE adds later must not stop a load: its codes are followed as well."""
        return cls.OTHER if str(value).isdigit() else None


# From there on a commune is a part of another one.
MERGERS = frozenset(
    {
        EventKind.SUPPRESSION,
        EventKind.MERGER,
        EventKind.NEW_COMMUNE,
        EventKind.ASSOCIATION,
        EventKind.FULL_MERGER,
        EventKind.END_OF_DELEGUEES,
    }
)
# The same commune under another code.
RECODINGS = frozenset({EventKind.CHANGE_OF_DEPARTEMENT, EventKind.CHANGE_OF_SEAT})


class UnitType(StrEnum):
    """INSEE, variable TYPECOM: a full commune, or a part of one."""

    COMMUNE = "COM"
    ASSOCIEE = "COMA"
    DELEGUEE = "COMD"
    ARRONDISSEMENT = "ARM"


@dataclass(frozen=True, slots=True)
class EventUnit:
    """A commune, or a part of one, as one side of a movement names it (label with article)."""

    type: UnitType
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class CommuneMovement:
    """One row: what something was until the eve of `day` and one thing that it became.

    `before` is None for what no commune existed for; `after` for ground that left the code.
    """

    kind: EventKind
    day: date
    before: EventUnit | None
    after: EventUnit | None

    @property
    def codes(self) -> list[str]:
        return [unit.code for unit in (self.before, self.after) if unit]

    @property
    def leaves(self) -> EventUnit | None:
        """The full commune whose state ends here; one that becomes a part goes on elsewhere."""
        full = self.before if self.before and self.before.type is UnitType.COMMUNE else None
        return full if self.after is None or self.after.type is UnitType.COMMUNE else None

    @property
    def arrives(self) -> EventUnit | None:
        """The full commune that this row ends in."""
        return self.after if self.after and self.after.type is UnitType.COMMUNE else None


@dataclass(frozen=True, slots=True)
class CommuneEvent:
    """All rows of one thing that happened."""

    kind: EventKind
    day: date
    movements: tuple[CommuneMovement, ...]

    @property
    def before(self) -> tuple[EventUnit, ...]:
        """Full communes that it changed, as they were."""
        return _distinct(movement.leaves for movement in self.movements)

    @property
    def after(self) -> tuple[EventUnit, ...]:
        """Full communes that came out of it."""
        return _distinct(movement.arrives for movement in self.movements)

    def parts(self, after: bool = False) -> tuple[EventUnit, ...]:
        """Associées, déléguées and arrondissements on one side of it."""
        sides = (movement.after if after else movement.before for movement in self.movements)
        return _distinct(unit for unit in sides if unit and unit.type is not UnitType.COMMUNE)


def events_of(movements: Iterable[CommuneMovement]) -> tuple[CommuneEvent, ...]:
    """Whole events, oldest first; of one day, in INSEE's order of kinds."""
    rows: dict[tuple[date, EventKind], list[CommuneMovement]] = defaultdict(list)
    for movement in movements:
        rows[movement.day, movement.kind].append(movement)
    return tuple(
        CommuneEvent(kind, day, tuple(joined))
        for (day, kind), same in sorted(rows.items())
        for joined in _connected(same)
    )


def until(
    events: Sequence[CommuneEvent], year: int, communes: Iterable[str]
) -> Iterator[CommuneEvent]:
    """Those that a set of communes (their codes) of one COG year already shows.

    A COG of some year is the state of 1 January; sets published under that year may show later
    events of it. One counts if what it ended is gone and what it began is there.
    """
    known = frozenset(communes)
    for event in events:
        if event.day <= date(year, 1, 1):
            yield event
        elif event.day.year == year:
            before = {unit.code for unit in event.before}
            after = {unit.code for unit in event.after}
            if not (before - after) & known and after - before <= known:
                yield event


def _connected(rows: Sequence[CommuneMovement]) -> list[list[CommuneMovement]]:
    """Rows that share a code, directly or through others, in the order that they came in."""
    home: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        met = {id(home[code]): home[code] for code in row.codes if code in home}
        joined = [*(other for group in met.values() for other in group), place]
        home |= dict.fromkeys((code for member in joined for code in rows[member].codes), joined)
    groups = {id(group): sorted(group) for group in home.values()}
    return [[rows[place] for place in group] for group in groups.values()]


def _distinct(units: Iterable[EventUnit | None]) -> tuple[EventUnit, ...]:
    return tuple(dict.fromkeys(unit for unit in units if unit))

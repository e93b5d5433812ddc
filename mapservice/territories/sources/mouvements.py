"""INSEE's file of commune events ("mouvements") → former codes and names of today's communes.

Columns (INSEE, code officiel géographique): MOD, the kind of event; DATE_EFF; then type, code,
TNCC, capitals, rich name and label of the commune before (_AV) and after (_AP). One event is
several rows: a merger has one per commune merged, a split one per commune that results.
"""

import csv
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mapservice.errors import SourceError
from mapservice.territories.model import AliasKind, AliasRecord

COLUMNS = (
    "MOD",
    "DATE_EFF",
    "TYPECOM_AV",
    "COM_AV",
    "LIBELLE_AV",
    "TYPECOM_AP",
    "COM_AP",
    "LIBELLE_AP",
)

# Kinds of event that join ground together: from there on a commune is a part of another.
_MERGERS = frozenset({"30", "31", "32", "33", "34", "35"})


@dataclass(frozen=True, slots=True)
class Movement:
    """One row: what a commune was until `date` (ISO) and one thing that it became."""

    kind: str
    date: str
    type_before: str
    code_before: str
    name_before: str
    type_after: str
    code_after: str
    name_after: str


def read_mouvements(path: Path, current: Mapping[str, str]) -> list[AliasRecord]:
    """Every code and name ever valid that isn't today's own, as FORMER aliases.

    `current` maps the codes of today's communes to their names. A commune whose name ended
    with a split gives one alias for each that resulted. Raises SourceError for another file.
    """
    movements = read_rows(path)
    history = _History.of(movements, current)
    found = {
        (movement.code_before, movement.name_before, commune): None
        for movement in movements
        for commune in sorted(history.today(_ground_before(movement)))
        if (movement.code_before, movement.name_before) != (commune, current[commune])
    }
    return [AliasRecord(code, name, AliasKind.FORMER, commune) for code, name, commune in found]


def read_rows(path: Path) -> list[Movement]:
    """The rows, oldest first. Raises SourceError for a file that isn't INSEE's."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            first = text.readline().rstrip("\r\n")
            delimiter = max(",;\t", key=first.count)
            names = [name.strip().strip('"').upper() for name in first.split(delimiter)]
            rows = [
                dict(zip(names, cells, strict=False))
                for cells in csv.reader(text, delimiter=delimiter)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise SourceError(f"{path.name} cannot be read: {problem}") from None
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise SourceError(
            f"{path.name} is not INSEE's mouvements file: no column {', '.join(missing)}"
        )
    return sorted(_movements(rows, path), key=lambda movement: movement.date)


def _movements(rows: Sequence[Mapping[str, str]], path: Path) -> Iterator[Movement]:
    for number, row in enumerate(rows, start=2):
        if not all(name in row for name in COLUMNS):
            raise SourceError(f"{path.name}, line {number}: cells are missing")
        yield Movement(*(row[name].strip() for name in COLUMNS))


@dataclass(frozen=True, slots=True)
class _Ground:
    """A commune on some day, and how the ground that is followed came to it.

    `path` holds the codes it had each time before it was merged, () while it is a whole
    commune. `counted` are the kinds of event of that very day already gone through.
    """

    code: str
    date: str
    path: tuple[str, ...] = ()
    counted: frozenset[str] = frozenset()


def _ground_before(movement: Movement) -> _Ground:
    """An associée or déléguée is ground of the commune that it lay in or turned into."""
    if movement.type_before == "COM":
        return _Ground(movement.code_before, movement.date)
    if movement.type_before and movement.type_after == "COM":
        path, counted = (movement.code_before,), frozenset({movement.kind})
        return _Ground(movement.code_after, movement.date, path, counted)
    return _Ground("", movement.date)


@dataclass(frozen=True, slots=True)
class _History:
    """What became of each full commune: its rows by code, oldest first; today's codes."""

    rows: Mapping[str, Sequence[Movement]]
    current: Collection[str]

    @classmethod
    def of(cls, movements: Sequence[Movement], current: Collection[str]) -> "_History":
        rows: dict[str, list[Movement]] = defaultdict(list)
        for movement in movements:
            if movement.type_before == "COM" and movement.type_after == "COM":
                rows[movement.code_before].append(movement)
        return cls(rows, current)

    def today(self, ground: _Ground) -> set[str]:
        """Codes of today's communes on that ground; none where it left the official code."""
        event = self._next_event(ground)
        if not event:
            return {ground.code} if ground.code in self.current else set()
        return set().union(*(self.today(step) for step in _steps(ground, event)))

    def _next_event(self, ground: _Ground) -> list[Movement]:
        """All rows of the next day on which something happened: two events may share a day."""
        rows = [row for row in self.rows.get(ground.code, ()) if _is_ahead(row, ground)]
        return [row for row in rows if row.date == rows[0].date]


def _is_ahead(row: Movement, ground: _Ground) -> bool:
    if row.date == ground.date:
        return row.kind not in ground.counted
    return row.date > ground.date


def _steps(ground: _Ground, event: Sequence[Movement]) -> list[_Ground]:
    date, kinds = event[0].date, frozenset(row.kind for row in event)
    counted = kinds | ground.counted if date == ground.date else kinds
    codes = _outcomes(ground, event)
    path = (*ground.path, ground.code) if kinds & _MERGERS else ground.path
    return [_Ground(code, date, path, counted) for code in codes]


def _outcomes(ground: _Ground, event: Sequence[Movement]) -> list[str]:
    """Where the ground goes. Of a split: back to what it was before it was merged, if that is
    there again; else to the commune that keeps the name; else, for ground that was merged, to
    the one that keeps the code; else to all that result.
    """
    codes = list(dict.fromkeys(row.code_after for row in event))
    returning = [code for code in ground.path if code in codes]
    naming = [row.code_after for row in event if _plain(row.name_after) == _plain(row.name_before)]
    remaining = [ground.code] if ground.path and ground.code in codes else []
    return returning[:1] or naming[:1] or remaining or codes


def _plain(name: str) -> str:
    return name.casefold().replace("-", " ")

"""INSEE's file of commune events ("mouvements") → movements, and former codes and names.

Columns (INSEE, code officiel géographique): MOD, the kind of event; DATE_EFF; then type, code,
TNCC, capitals, rich name and label of the commune before (_AV) and after (_AP).
"""

import csv
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from mapservice.errors import SourceError
from mapservice.territories.lineage.events import CommuneMovement, EventKind, EventUnit, UnitType
from mapservice.territories.lineage.model import CommuneLineage
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


def read_mouvements(path: Path, current: Mapping[str, str]) -> list[AliasRecord]:
    """Every code and name ever valid that isn't today's own, as FORMER aliases.

    `current` maps the codes of today's communes to their names. A commune whose name ended
    with a split gives one alias for each that resulted. Raises SourceError for another file.
    """
    return former_aliases(CommuneLineage.of(read_movements(path), current))


def former_aliases(lineage: CommuneLineage) -> list[AliasRecord]:
    return [
        AliasRecord(code, name, AliasKind.FORMER, commune)
        for code, name, commune in lineage.former()
    ]


def read_movements(path: Path) -> list[CommuneMovement]:
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
    movements = []
    for number, cells_by_name in enumerate(rows, start=2):
        if not all(name in cells_by_name for name in COLUMNS):
            raise SourceError(f"{path.name}, line {number}: cells are missing")
        row = {name: cells_by_name[name].strip() for name in COLUMNS}
        try:
            movement = CommuneMovement(
                kind=EventKind(row["MOD"]),
                day=date.fromisoformat(row["DATE_EFF"]),
                before=_unit(row, "AV"),
                after=_unit(row, "AP"),
            )
        except ValueError as problem:  # a day or a type of commune that cannot be read
            raise SourceError(f"{path.name}, line {number}: {problem}") from None
        movements.append(movement)
    return sorted(movements, key=lambda movement: movement.day)


def _unit(row: Mapping[str, str], side: str) -> EventUnit | None:
    """None where a commune came from nothing, or went out of the official code."""
    code = row[f"COM_{side}"]
    if not code:
        return None
    return EventUnit(UnitType(row[f"TYPECOM_{side}"]), code, row[f"LIBELLE_{side}"])

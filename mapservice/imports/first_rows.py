"""The first initiatives of a file as they would stand here: read back before the trial is undone.

What becomes of a row is told best by the initiative that it makes: its cells are put together from
columns, and what was supposed of them shows there alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from mapservice.geocoding.model import Precision
from mapservice.initiatives.facts import InitiativeFacts
from mapservice.initiatives.model import Scale, Status, Theme
from mapservice.initiatives.queries import Initiative

SHOWN_FIRST = 6
LONGEST = 400
_READ: Mapping[str, Callable[[Any], Any]] = {
    "id": UUID,
    "theme": Theme,
    "status": Status,
    "scale": Scale,
    "precision": Precision,
    "created_at": datetime.fromisoformat,
    "updated_at": datetime.fromisoformat,
    "changed_at": datetime.fromisoformat,
    "facts": InitiativeFacts.from_json,
}
_LEFT_OUT = ("cover", "distance")


@dataclass(frozen=True, slots=True)
class FirstRow:
    """An initiative that a row would make or change; `row` counts from 1, `line` is the sheet's."""

    row: int
    line: int
    initiative: Initiative

    def to_json(self) -> dict[str, Any]:
        """As the preview of a file keeps it; long texts are cut."""
        told = {one.name: getattr(self.initiative, one.name) for one in fields(Initiative)}
        kept = {name: _plain(value) for name, value in told.items() if name not in _LEFT_OUT}
        return {"row": self.row, "line": self.line, "initiative": kept}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Reads what `to_json` made."""
        kept = stored["initiative"]
        values = {
            name: _READ[name](value) if name in _READ and value is not None else value
            for name, value in kept.items()
        }
        return cls(stored["row"], stored["line"], Initiative(**values, distance=None))


def _plain(value: Any) -> Any:
    if isinstance(value, InitiativeFacts):
        return value.to_json()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return value[:LONGEST] if isinstance(value, str) else value

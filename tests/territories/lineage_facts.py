"""Movements written short, and some that really happened."""

from datetime import date

from mapservice.territories.lineage.events import CommuneMovement, EventKind, EventUnit, UnitType
from mapservice.territories.lineage.model import CommuneLineage

ESSARTS = ["85084 Les Essarts", "85030 Boulogne", "85165 L'Oie", "85212 Sainte-Florence"]


def unit(text: str) -> EventUnit:
    """ "93066 Saint-Denis", or with a type in front: "COMD 93059 Pierrefitte-sur-Seine"."""
    type_, _, rest = text.partition(" ") if text.startswith(("COM", "ARM")) else ("COM", "", text)
    code, _, name = rest.partition(" ")
    return EventUnit(UnitType(type_), code, name)


def move(kind: str, day: str, before: str, after: str) -> CommuneMovement:
    sides = [unit(side) if side else None for side in (before, after)]
    return CommuneMovement(EventKind(kind), date.fromisoformat(day), *sides)


def merge(kind: str, day: str, before: list[str], after: str) -> list[CommuneMovement]:
    return [move(kind, day, one, after) for one in before]


def split(kind: str, day: str, before: str, after: list[str]) -> list[CommuneMovement]:
    return [move(kind, day, before, one) for one in after]


def essarts_movements() -> list[CommuneMovement]:
    """Four communes of Vendée merged in 2016; two of them left again in 2024."""
    return [
        *merge("32", "2016-01-01", ESSARTS, "85084 Essarts en Bocage"),
        move("32", "2016-01-01", "85165 L'Oie", "COMD 85165 L'Oie"),
        *split(
            "21",
            "2024-01-01",
            "85084 Essarts en Bocage",
            ["85084 Essarts-en-Bocage", "85165 L'Oie", "85212 Sainte-Florence"],
        ),
        move("21", "2024-01-01", "COMD 85165 L'Oie", "85165 L'Oie"),
    ]


def essarts() -> CommuneLineage:
    return CommuneLineage.of(
        essarts_movements(),
        {"85084": "Essarts-en-Bocage", "85165": "L'Oie", "85212": "Sainte-Florence"},
    )


def yearly_movements() -> list[CommuneMovement]:
    """What happened between COG 2022 and COG 2026 to the communes of `test_lineage_load`."""
    pinatelle = ["15141 Neussargues-Moissac", "15031 Celles"]
    return [
        move("41", "1968-01-01", "75059 Pierrefitte-sur-Seine", "93059 Pierrefitte-sur-Seine"),
        *essarts_movements(),
        *merge("32", "2016-12-01", pinatelle, "15141 Neussargues en Pinatelle"),
        move("50", "2023-01-01", "27058 Les Trois Lacs", "27676 Les Trois Lacs"),
        *split("21", "2025-01-01", "15141 Neussargues en Pinatelle", pinatelle),
        *merge(
            "32",
            "2025-01-01",
            ["93059 Pierrefitte-sur-Seine", "93066 Saint-Denis"],
            "93066 Saint-Denis",
        ),
        move("32", "2025-01-01", "93059 Pierrefitte-sur-Seine", "COMD 93059 Pierrefitte-sur-Seine"),
    ]

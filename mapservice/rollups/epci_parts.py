"""Counts of EPCI within a département or a région: of one that straddles, its part there.

What a part is: see `territories.epci_parts`.
"""

from collections.abc import Sequence
from typing import Any

from mapservice.db.engine import fill
from mapservice.initiatives.filters import RollupScope
from mapservice.territories.model import Level

WIDER = (Level.DEPARTEMENT, Level.REGION)

# Counts of the EPCI that lie wholly inside; of the others, those of their communes inside.
COUNTS = """
    SELECT code, {columns} FROM ({wholly}) AS wholly
     UNION ALL
    SELECT commune.epci, {sums}
      FROM ({communes}) AS counted
      JOIN territory AS commune ON commune.level = 'commune' AND commune.code = counted.code
     GROUP BY commune.epci"""
WHOLLY = "SELECT code FROM {places} WHERE NOT partial"
COMMUNES = """
    SELECT part.code FROM territory AS part
     WHERE part.level = 'commune' AND {inside}
       AND part.epci IN (SELECT code FROM {places} WHERE partial)"""


def parted(level: Level | str, scope: RollupScope) -> bool:
    """Whether what a scope lists may be parts."""
    return level == Level.EPCI and any(ref.level in WIDER for ref in scope.territories)


def counts(columns: Sequence[str], wholly: str, communes: str) -> str:
    """SQL of `code` and `columns`, from that of EPCI and that of communes with the same columns."""
    sums = ", ".join(f"sum({name}) AS {name}" for name in columns)
    texts = {"columns": ", ".join(columns), "sums": sums, "wholly": wholly, "communes": communes}
    return fill(COUNTS, texts)


def inside_of(scope: RollupScope) -> tuple[str, dict[str, Any]]:
    """The condition on `part`, a row of `epci_part` or a commune, and its values."""
    conditions: list[str] = []
    values: dict[str, Any] = {}
    for number, ref in enumerate(scope.territories):
        if ref.level is Level.COMMUNE:
            continue  # an EPCI does not lie in a commune
        name = f"within_{number}"
        conditions.append(f"part.{ref.level} = %({name})s")
        values[name] = ref.code
    return f"({' OR '.join(conditions)})" if conditions else "false", values

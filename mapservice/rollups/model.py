"""What a count is asked for and what it answers."""

from dataclasses import dataclass

# As the rollups say it, beside the levels of territories and the names of themes.
COUNTRY = "country"
ALL_THEMES = ""


@dataclass(frozen=True, slots=True)
class RollupTotal:
    """Counts over a whole filter; `communes` is how many have at least one initiative."""

    initiatives: int
    communes: int


@dataclass(frozen=True, slots=True)
class RollupDifference:
    """One place where the rollups and a recount from the base table disagree."""

    table: str
    key: str
    kept: int
    counted: int

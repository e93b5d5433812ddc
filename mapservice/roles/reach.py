"""A reach as SQL: which rows lie in the territories that somebody looks after."""

from mapservice.roles.model import Reach
from mapservice.territories.model import Level

NOTHING = "false"
ALL = "true"


def condition(reach: Reach, prefix: str = "") -> str:
    """On columns commune, epci, departement and region, such as `initiative.region`.

    A row known to its région alone is within a grant on that région, not within one on a
    département of it; one without any territory is within none.
    """
    if reach.everywhere:
        return ALL
    levels = sorted({ref.level for ref in reach.territories})
    tests = [f"coalesce({prefix}{level} = ANY(:reach_{level}), false)" for level in levels]
    return f"({' OR '.join(tests)})" if tests else NOTHING


def bound(reach: Reach) -> dict[str, list[str]]:
    """What `condition` refers to."""
    if reach.everywhere:
        return {}
    return {
        f"reach_{level}": [ref.code for ref in reach.territories if ref.level is level]
        for level in Level
        if any(ref.level is level for ref in reach.territories)
    }

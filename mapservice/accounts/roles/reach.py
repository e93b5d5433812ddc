"""A reach as SQL: which rows lie in the territories that somebody looks after."""

from mapservice.accounts.roles.model import TerritoryScope
from mapservice.db.engine import fill
from mapservice.territories.model import Level

STRADDLING = """
({prefix}{level} IS NULL AND {prefix}epci IS NOT NULL
 AND {prefix}epci IN (SELECT straddling.epci FROM epci_part AS straddling
                       WHERE straddling.{level} = ANY(:reach_{level})))"""
NOTHING = "false"
ALL = "true"


def condition(reach: TerritoryScope, prefix: str = "") -> str:
    """On columns commune, epci, departement and region, such as `initiative.region`.

    A row known to its région alone is within a grant on that région, not within one on a
    département of it; one without any territory is within none. One known to no more than an EPCI
    that straddles is within a grant on each wider territory in which that EPCI has a commune: else
    nobody but admins would look after it.
    """
    if reach.everywhere:
        return ALL
    levels = sorted({ref.level for ref in reach.territories})
    tests = [f"coalesce({prefix}{level} = ANY(:reach_{level}), false)" for level in levels]
    tests += [
        fill(STRADDLING, {"level": level, "prefix": prefix})
        for level in levels
        if level in (Level.DEPARTEMENT, Level.REGION)
    ]
    return f"({' OR '.join(tests)})" if tests else NOTHING


def bound(reach: TerritoryScope) -> dict[str, list[str]]:
    """What `condition` refers to."""
    if reach.everywhere:
        return {}
    return {
        f"reach_{level}": [ref.code for ref in reach.territories if ref.level is level]
        for level in Level
        if any(ref.level is level for ref in reach.territories)
    }

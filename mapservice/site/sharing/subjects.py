"""What an address of ours is about: one public initiative, one territory of today."""

from uuid import UUID

from sqlalchemy import Connection

from mapservice.errors import InvalidInput, NotFound
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.queries import Initiative
from mapservice.territories.lineage import queries as lineage
from mapservice.territories.model import Level, TerritoryRef
from mapservice.territories.queries import TerritorySummary


def public_initiative(connection: Connection, identifier: str) -> Initiative:
    """Also by the id of one that was merged into it. Raises NotFound."""
    try:
        known = UUID(identifier)
    except ValueError:
        raise NotFound("There is no such initiative.") from None
    found = initiatives.find(connection, known)
    if found is None:
        moved = initiatives.moved_to(connection, known)
        found = initiatives.find(connection, moved) if moved else None
    if found is None:
        raise NotFound("There is no such initiative, or it is not public.")
    return found


def territory_today(connection: Connection, level: str, code: str) -> TerritorySummary:
    """That which a path means, by a former code too. Raises NotFound for what it never was."""
    if level not in tuple(Level) or not (code.isascii() and code.isalnum() and len(code) <= 9):
        raise NotFound("There is no such territory.")
    try:
        return lineage.of_today(connection, TerritoryRef(Level(level), code.upper()))
    except InvalidInput as error:
        raise NotFound(error.reason) from None

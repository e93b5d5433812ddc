"""Names of the territories that a row lies in, as columns of the statement that reads the row."""

from typing import Any

from sqlalchemy import ColumnElement, select

from mapservice.db.tables import territory
from mapservice.territories.model import Level

# "dans l'intercommunalité de …": words about an EPCI do without one.
ARTICLED = (Level.COMMUNE, Level.DEPARTEMENT, Level.REGION)


def name_columns(of: Any) -> list[ColumnElement[Any]]:
    """`commune_name`, `commune_article` and so on, by the columns of codes in `of`.

    Each is a look-up of its own: PostgreSQL plans four more joins for longer than it takes to run
    the whole page's statement.
    """
    return [
        select(territory.c[column])
        .where(territory.c.level == str(level), territory.c.code == of[level])
        .scalar_subquery()
        .label(f"{level}_{column}")
        for column, levels in (("name", tuple(Level)), ("article", ARTICLED))
        for level in levels
    ]

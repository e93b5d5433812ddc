"""What a sitemap lists: every territory, and the initiatives that anybody may see."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.db.engine import fill
from mapservice.initiatives.model import PUBLIC
from mapservice.territories.model import Level

# A part covers so many initiatives of any status; the protocol allows 50,000 addresses a file.
PART = 40_000

# Ids begin with the time at which they were made, so that all parts but the last stay as they are.
FIRSTS = """
    SELECT id
      FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM initiative) AS numbered
     WHERE place % :part = 1
     ORDER BY id"""
ADDRESSES = """
    SELECT id, changed_at
      FROM (SELECT id, changed_at, status FROM initiative
             WHERE id >= :first ORDER BY id LIMIT :part) AS covered
     WHERE status = ANY(:statuses)
     ORDER BY id"""
# A page changes with its territory's initiatives, and with each load of territories.
LATEST = """
    SELECT code, greatest(loaded.at, latest.at)
      FROM territory
      LEFT JOIN (SELECT {level} AS code, max(changed_at) AS at
                   FROM initiative
                  WHERE status = ANY(:statuses)
                  GROUP BY 1) AS latest USING (code)
     CROSS JOIN (SELECT max(loaded_at) AS at FROM territory_load) AS loaded
     WHERE level = '{level}'
     ORDER BY code"""

_STATUSES = [str(status) for status in PUBLIC]


def firsts(connection: Connection) -> list[UUID]:
    """The first id of each part of initiatives."""
    return list(connection.execute(text(FIRSTS), {"part": PART}).scalars())


def initiatives(connection: Connection, first: UUID) -> list[tuple[UUID, datetime]]:
    """Ids from the first one on, and when each was last changed."""
    values = {"first": first, "part": PART, "statuses": _STATUSES}
    return [(row[0], row[1]) for row in connection.execute(text(ADDRESSES), values)]


def territories(connection: Connection, level: Level) -> list[tuple[str, datetime | None]]:
    """Codes, and when the page of each last changed (None before the first load)."""
    statement = fill(LATEST, {"level": str(level)})
    rows = connection.execute(text(statement), {"statuses": _STATUSES})
    return [(row[0], row[1]) for row in rows]

"""What the catalogue says of our data sets: since when, until when, under which licences."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from mapservice.initiatives.model import LISTED


@dataclass(frozen=True, slots=True)
class LicenceShare:
    """A source and its licence, "" where none was told, and how many initiatives it gave."""

    source: str
    licence: str
    initiatives: int


@dataclass(frozen=True, slots=True)
class CatalogueFacts:
    """Days and last changes of what is public; None where there is nothing."""

    first_day: datetime | None
    last_day: datetime | None
    changed_at: datetime | None
    first_event: datetime | None
    last_event: datetime | None
    event_changed_at: datetime | None
    territories_at: datetime | None
    territories_licence: str | None
    shares: tuple[LicenceShare, ...]


def read(connection: Connection) -> CatalogueFacts:
    statuses = {"listed": [str(one) for one in LISTED]}
    row = connection.execute(text(FACTS), statuses).one()
    shares = [LicenceShare(*share) for share in connection.execute(text(SHARES), statuses)]
    return CatalogueFacts(**row._mapping, shares=tuple(shares))


FACTS = """
SELECT (SELECT min(created_at) FROM initiative WHERE status = ANY(:listed)) AS first_day,
       (SELECT max(created_at) FROM initiative WHERE status = ANY(:listed)) AS last_day,
       (SELECT max(changed_at) FROM initiative WHERE status = ANY(:listed)) AS changed_at,
       (SELECT min(starts_at) FROM event WHERE status IN ('published', 'moved', 'done'))
           AS first_event,
       (SELECT max(starts_at) FROM event WHERE status IN ('published', 'moved', 'done'))
           AS last_event,
       (SELECT max(changed_at) FROM event WHERE status IN ('published', 'moved', 'done'))
           AS event_changed_at,
       (SELECT loaded_at FROM territory_load ORDER BY id DESC LIMIT 1) AS territories_at,
       (SELECT licence FROM territory_load ORDER BY id DESC LIMIT 1) AS territories_licence"""

SHARES = """
SELECT source_platform, source_licence, count(*)
  FROM initiative
 WHERE status = ANY(:listed)
 GROUP BY source_platform, source_licence
 ORDER BY count(*) DESC, source_platform, source_licence
 LIMIT 200"""

"""What an organisers' desk shows of events and initiatives: counts, never names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.db.engine import fill
from mapservice.events import queries as events
from mapservice.events.model import Event

SHOWN_DATES = 12


@dataclass(frozen=True, slots=True)
class DeskDate:
    """A date of a group. `is_own`: the person organises it, so that its page opens for them.

    Seats `taken` by those who come and `held` by offers; people who wait, and who ask.
    """

    event: Event
    is_own: bool
    taken: int
    held: int
    waiting: int
    requested: int


def coming(connection: Connection, group: UUID, person: UUID, now: datetime) -> list[DeskDate]:
    """The next public dates of a group, those called off or without a new date among them."""
    return _dates(connection, COMING, group, person, now)


def unpublished(connection: Connection, group: UUID, person: UUID, now: datetime) -> list[DeskDate]:
    """Drafts and what waits for moderators: the next date stands for each series."""
    return _dates(connection, UNPUBLISHED, group, person, now)


def open_reports(connection: Connection, initiatives: Sequence[UUID]) -> dict[UUID, int]:
    """How many confirmed reports moderators have not decided about; without words and names."""
    rows = connection.execute(text(OPEN_REPORTS), {"ids": list(initiatives)})
    return {row.initiative: row.reports for row in rows}


def _dates(
    connection: Connection, statement: str, group: UUID, person: UUID, now: datetime
) -> list[DeskDate]:
    bound = {"group": group, "person": person, "now": now, "most": SHOWN_DATES}
    rows = connection.execute(text(fill(statement, {"counted": COUNTED})), bound).all()
    known = events.of_ids(connection, [row.id for row in rows])
    return [
        DeskDate(known[row.id], row.is_own, row.taken, row.held, row.waiting, row.requested)
        for row in rows
        if row.id in known
    ]


COUNTED = """
SELECT chosen.id, chosen.is_own, counted.*
  FROM chosen
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(seats) FILTER (WHERE state IN ('confirmed', 'attended')), 0) AS taken,
              coalesce(sum(offered_seats) FILTER (WHERE state = 'offered'), 0) AS held,
              count(*) FILTER (WHERE state = 'waiting') AS waiting,
              count(*) FILTER (WHERE state = 'requested') AS requested
         FROM event_registration WHERE event = chosen.id) AS counted
 ORDER BY chosen.starts_at, chosen.id"""

COMING = """
WITH chosen AS (
  SELECT event.id, event.starts_at, event_series.person IS NOT DISTINCT FROM :person AS is_own
    FROM event JOIN event_series ON event_series.id = event.series
   WHERE event_series.local_group = :group AND event.ends_at > :now
     AND event.status IN ('published', 'moved', 'postponed', 'cancelled')
   ORDER BY event.starts_at, event.id LIMIT :most
){counted}"""

UNPUBLISHED = """
WITH chosen AS (
  SELECT DISTINCT ON (event.series) event.id, event.starts_at,
         event_series.person IS NOT DISTINCT FROM :person AS is_own
    FROM event JOIN event_series ON event_series.id = event.series
   WHERE event_series.local_group = :group AND event.ends_at > :now
     AND event.status IN ('draft', 'pending')
   ORDER BY event.series, event.starts_at, event.id LIMIT :most
){counted}"""

OPEN_REPORTS = """
SELECT initiative, count(*) AS reports FROM report
 WHERE initiative = ANY(CAST(:ids AS uuid[])) AND state = 'open' AND confirmed
 GROUP BY initiative"""

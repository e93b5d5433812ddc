"""Series of events that a source keeps: known by its UID there, remembered for undoing a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class KnownSeries:
    """A series that was imported before, and what its source said of its version then."""

    id: UUID
    digest: str | None
    sequence: int
    changed_at: datetime | None
    queued_at: datetime | None
    url: str


def known(
    connection: Connection, platform: str, source_ids: Sequence[str]
) -> dict[str, KnownSeries]:
    """Those of a source, by the UID that they have there."""
    rows = connection.execute(text(KNOWN), {"platform": platform, "ids": list(source_ids)})
    return {source_id: KnownSeries(*rest) for source_id, *rest in rows}


def upcoming_titles(connection: Connection, platform: str) -> dict[str, str]:
    """Titles of what is public of a source and not over, by the UID that it has there."""
    rows = connection.execute(text(UPCOMING), {"platform": platform})
    return {row.source_id: row.title for row in rows}


def waiting_ids(connection: Connection, platform: str) -> set[str]:
    """UIDs of what waits for a moderator."""
    return set(connection.execute(text(WAITING), {"platform": platform}).scalars())


def own_ids(connection: Connection, source_ids: Sequence[str]) -> dict[str, UUID]:
    """Of the UIDs that a calendar gives, those that this service gave: our own calendars, come
    back."""
    rows = connection.execute(text(OWN), {"ids": list(source_ids)})
    return {row.uid: row.id for row in rows}


def keep_former(connection: Connection, run: int, series: UUID) -> None:
    """Keeps what a series and its occurrences are before a run changes them."""
    connection.execute(text(KEEP_FORMER), {"run": run, "series": series})


def keep_made(connection: Connection, run: int, series: UUID) -> None:
    """Keeps that a run made a series."""
    connection.execute(text(KEEP_MADE), {"run": run, "series": series})


def tell_source(connection: Connection, series: UUID, told: Mapping[str, Any]) -> None:
    """Keeps what a source said of a series: its page, its licence, its version."""
    connection.execute(text(TELL_SOURCE), {"series": series, **told})


def set_status(connection: Connection, ids: Sequence[UUID], status: str) -> None:
    """The same status for some occurrences; those that were cancelled are so no more."""
    connection.execute(text(SET_STATUS), {"ids": list(ids), "status": status})


def queue(connection: Connection, series: UUID) -> None:
    """Has a series wait for a moderator."""
    connection.execute(text(QUEUE), {"series": series})


def settle(connection: Connection, series: UUID) -> None:
    """A series that is published without a moderator waits for none."""
    connection.execute(text(SETTLE), {"series": series})


def delete_dates(connection: Connection, ids: Sequence[UUID]) -> None:
    statement = "DELETE FROM event WHERE id = ANY(CAST(:ids AS uuid[]))"
    connection.execute(text(statement), {"ids": list(ids)})


def withhold(connection: Connection, series: UUID) -> None:
    """A series that may not be public waits for no moderator; told again, it is a change."""
    connection.execute(text(WITHHOLD), {"series": series})


def move_aside(connection: Connection, ids: Sequence[UUID]) -> None:
    """Frees the places in the rule of occurrences that are about to get others."""
    connection.execute(text(MOVE_ASIDE), {"ids": list(ids)})


def delete_unseen(connection: Connection, series: UUID) -> bool:
    """Deletes a series no date of which the public has seen; returns whether it did."""
    return connection.execute(text(DELETE_UNSEEN), {"series": series}).rowcount > 0


def forget_digest(connection: Connection, series: UUID) -> None:
    """The next time its source has it, that is a change."""
    statement = "UPDATE event_series SET source_digest = NULL WHERE id = :series"
    connection.execute(text(statement), {"series": series})


KNOWN = """
SELECT source_id, id, source_digest, source_sequence, source_changed_at, queued_at, source_url
  FROM event_series
 WHERE source = :platform AND source_id = ANY(CAST(:ids AS text[]))
 ORDER BY id"""

UPCOMING = """
SELECT DISTINCT ON (source_id) source_id, event.title
  FROM event_series JOIN event ON event.series = event_series.id
 WHERE event_series.source = :platform AND source_id IS NOT NULL
   AND event.status IN ('published', 'moved', 'postponed') AND event.ends_at > now()
 ORDER BY source_id, event.starts_at"""

WAITING = """
SELECT source_id FROM event_series
 WHERE source = :platform AND source_id IS NOT NULL AND queued_at IS NOT NULL"""

OWN = """
SELECT uid, event_series.id
  FROM unnest(CAST(:ids AS text[])) AS uid
  JOIN event_series ON event_series.id = CASE
       WHEN uid ~ '^series-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
       THEN CAST(substr(uid, 8) AS uuid) END
 UNION ALL
SELECT uid, event.series
  FROM unnest(CAST(:ids AS text[])) AS uid
  JOIN event ON event.id = CASE
       WHEN uid ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN CAST(uid AS uuid) END"""

# The point as EWKT: as JSON it would be rounded. What a trigger derives is not kept.
KEEP_FORMER = """
INSERT INTO import_event_change (run, series, former)
SELECT :run, event_series.id, jsonb_build_object(
           'series', to_jsonb(event_series),
           'events', (SELECT coalesce(jsonb_agg(
                          to_jsonb(event) - ARRAY['anchor', 'anchor_3857', 'cell', 'search']
                          || jsonb_build_object('point', text(event.point))), '[]')
                        FROM event WHERE event.series = event_series.id))
  FROM event_series WHERE id = :series
    ON CONFLICT (run, series) DO NOTHING"""

KEEP_MADE = "INSERT INTO import_event_change (run, series) VALUES (:run, :series)"

TELL_SOURCE = """
UPDATE event_series
   SET source_id = :source_id, source_url = :url, source_licence = :licence,
       source_digest = :digest, source_sequence = :sequence, source_changed_at = :changed_at
 WHERE id = :series"""

SET_STATUS = """
UPDATE event
   SET status = :status, cancelled_at = NULL,
       note = CASE WHEN status = 'cancelled' THEN '' ELSE note END, sequence = sequence + 1
 WHERE id = ANY(CAST(:ids AS uuid[])) AND status <> :status"""

QUEUE = """
UPDATE event_series
   SET queued_at = coalesce(queued_at, now()), revision = revision + 1
 WHERE id = :series"""

SETTLE = """
UPDATE event_series
   SET queued_at = NULL, published_at = coalesce(published_at, now())
 WHERE id = :series"""

WITHHOLD = """
UPDATE event_series SET queued_at = NULL, source_digest = NULL, revision = revision + 1
 WHERE id = :series"""

# What a moderator refused stays refused, whatever becomes of it.
DELETE_UNSEEN = """
DELETE FROM event_series
 WHERE id = :series
   AND NOT EXISTS (SELECT FROM event
                    WHERE event.series = event_series.id AND status NOT IN ('pending', 'draft'))"""

MOVE_ASIDE = """
UPDATE event SET recurrence_id = recurrence_id + interval '20000 years'
 WHERE id = ANY(CAST(:ids AS uuid[]))"""

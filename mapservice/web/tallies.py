"""Counting tries within a window of time, so that all workers see one count."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, text

# Two windows stand for a sliding one: the part of the former that is still within reach counts.
COUNT = """
WITH clock AS (
  SELECT ceil(extract(epoch FROM clock_timestamp()) / :seconds) * :seconds AS ends,
         extract(epoch FROM clock_timestamp()) AS now
), now_in AS (
  INSERT INTO tally (key, ends_at, count)
  SELECT :key, to_timestamp(ends), 1 FROM clock
      ON CONFLICT (key, ends_at) DO UPDATE SET count = tally.count + 1
  RETURNING count
)
SELECT now_in.count + coalesce(before.count, 0) * (ends - now) / :seconds AS tries,
       ends - now AS left
  FROM clock
  CROSS JOIN now_in
  LEFT JOIN tally AS before
    ON before.key = :key AND before.ends_at = to_timestamp(ends - :seconds)"""

LOOK = """
WITH clock AS (
  SELECT ceil(extract(epoch FROM clock_timestamp()) / :seconds) * :seconds AS ends,
         extract(epoch FROM clock_timestamp()) AS now
)
SELECT coalesce(present.count, 0) + coalesce(before.count, 0) * (ends - now) / :seconds AS tries,
       ends - now AS left
  FROM clock
  LEFT JOIN tally AS present
    ON present.key = :key AND present.ends_at = to_timestamp(ends)
  LEFT JOIN tally AS before
    ON before.key = :key AND before.ends_at = to_timestamp(ends - :seconds)"""

ONCE = """
INSERT INTO tally (key, ends_at, count) VALUES (:key, :ends_at, 1) ON CONFLICT DO NOTHING"""

FORGET = "DELETE FROM tally WHERE ends_at < now() - interval '1 day'"


@dataclass(frozen=True, slots=True)
class TryCount:
    """How often something was tried lately, this time included, and when the window ends."""

    count: float
    seconds_left: float


def count(connection: Connection, key: bytes, seconds: int) -> TryCount:
    """Counts one more try within this many seconds (at most a day)."""
    row = connection.execute(text(COUNT), {"key": key, "seconds": seconds}).one()
    return TryCount(float(row.tries), float(row.left))


def look(connection: Connection, key: bytes, seconds: int) -> TryCount:
    """How often it was tried within this many seconds, without another try."""
    row = connection.execute(text(LOOK), {"key": key, "seconds": seconds}).one()
    return TryCount(float(row.tries), float(row.left))


def is_first(connection: Connection, key: bytes, ends: int) -> bool:
    """Whether this key, which is good until `ends` (Unix seconds), comes for the first time."""
    bound = {"key": key, "ends_at": datetime.fromtimestamp(ends, UTC)}
    return connection.execute(text(ONCE), bound).rowcount == 1


def forget(connection: Connection) -> None:
    connection.execute(text(FORGET))

"""Counts of groups and events per territory: base plus deltas, and the events of this month.

Counts are kept by month, and what is still to come goes by the clock: later months are summed up
from the rollups, this one is counted from the events that are not over yet.

Of a scope the territories, the themes and the period apply: a group is of the month in which it was
published, an event of the month (UTC) in which it begins. Its statuses are those of initiatives.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from mapservice.db.engine import fill
from mapservice.initiatives.filters import RollupScope
from mapservice.rollups import epci_parts
from mapservice.rollups.model import ALL_THEMES, COUNTRY
from mapservice.territories.model import Level

COLUMNS = ("groups", "events_coming", "events_past")
# As the rooms of groups and events, which stand above, say it: a group that is not archived,
# dormant or not; events that take place or took place, and not what was cancelled or postponed.
GROUPS_COUNTED = ("published",)
EVENTS_COUNTED = ("published", "moved", "done")
# Nothing takes longer (a constraint of the table): what is under way began no earlier.
LONGEST_EVENT = timedelta(days=32)
# Without a sign for so long a group is dormant.
DORMANT_AFTER = timedelta(days=183)

# A source of rows for each: the sums, those of later months, what has changed since, and
# what of this month is not over.
COUNTS = """
    SELECT code, CAST(sum(groups) AS bigint) AS groups,
           CAST(sum(coming) AS bigint) AS events_coming,
           CAST(sum(events) - sum(coming) AS bigint) AS events_past
      FROM (SELECT code, CASE WHEN {is_group} THEN groups ELSE 0 END AS groups,
                   CASE WHEN {is_event} THEN events ELSE 0 END AS events, 0 AS coming
              FROM rollup
             WHERE level = '{level}' AND theme = ANY(%(themes)s)
               AND (groups <> 0 OR events <> 0) AND {base_months}{among_base}
             UNION ALL
            SELECT code, 0, 0, events
              FROM rollup
             WHERE level = '{level}' AND theme = ANY(%(themes)s)
               AND (groups <> 0 OR events <> 0) AND {is_event}
               AND month >= %(coming_since)s AND month < %(coming_until)s{among_base}
             UNION ALL
            SELECT {place}, CASE WHEN {is_group} THEN groups ELSE 0 END,
                   CASE WHEN {is_event} THEN events ELSE 0 END,
                   CASE WHEN {is_event} AND month >= %(coming_since)s
                         AND month < %(coming_until)s THEN events ELSE 0 END
              FROM rollup_delta
             WHERE {place} IS NOT NULL AND {delta_themes} AND {delta_months}{among_delta}
               AND (groups <> 0 OR events <> 0)
             UNION ALL
            SELECT {place}, 0, 0, 1
              FROM event
             WHERE {is_event} AND starts_at >= %(month_since)s AND starts_at < %(month_until)s
               AND ends_at > %(now)s AND {place} IS NOT NULL AND {delta_themes}{among_delta}
           ) AS source
     GROUP BY code"""

PUBLISHED_IN = """rollup_month(published_at) >= %(since)s
   AND rollup_month(published_at) < %(until)s"""
# An index holds all that is asked here.
DORMANT = """
SELECT count(*)
  FROM local_group
 WHERE {is_group} AND last_sign_at < %(last_sign)s AND {place} = %(code)s AND {themes}
   AND {months}"""


@dataclass(frozen=True, slots=True)
class GatheringCounts:
    """Of one territory: groups that are not archived, events to come or under way, events over."""

    groups: int = 0
    events_coming: int = 0
    events_past: int = 0


def counts_by_code(
    level: str, scope: RollupScope, now: datetime, among: str = ""
) -> tuple[str, dict[str, Any]]:
    """SQL of `code` and `COLUMNS`, one row a territory with any; its values. `now` has a zone.

    `among`, SQL of ours that selects codes, keeps it to these.
    """
    place = "'FR'" if level == COUNTRY else str(level)
    since, until = scope.since or date.min, scope.until or date.max
    whole = scope.since is None and scope.until is None
    months = "month >= %(gathered_since)s AND month < %(gathered_until)s"
    texts = {
        "level": str(level),
        "place": place,
        "is_group": _is_one_of(GROUPS_COUNTED),
        "is_event": _is_one_of(EVENTS_COUNTED),
        "base_months": "month = '-infinity'" if whole else months,
        "delta_months": "true" if whole else months,
        "delta_themes": "theme = ANY(%(themes)s)" if scope.themes else "true",
        "among_base": f" AND code = ANY(ARRAY({among}))" if among else "",
        "among_delta": f" AND {place} = ANY(ARRAY({among}))" if among else "",
    }
    utc = now.astimezone(UTC)
    next_month = (date(utc.year, utc.month, 1) + timedelta(days=31)).replace(day=1)
    values = {
        "themes": [str(theme) for theme in scope.themes or (ALL_THEMES,)],
        "now": now,
        "coming_since": max(since, next_month),
        "coming_until": until,
        "month_since": max(_begin(since), now - LONGEST_EVENT),
        "month_until": _begin(min(until, next_month)),
    }
    if not whole:
        values |= {"gathered_since": since, "gathered_until": until}
    return fill(COUNTS, texts), values


def part_counts(
    scope: RollupScope, now: datetime, inside: str, places: str
) -> tuple[str, dict[str, Any]]:
    """The same of EPCI and parts of EPCI; `places` names the rows of `parts.places`."""
    texts = {"inside": inside, "places": places}
    wholly, values = counts_by_code(Level.EPCI, scope, now, fill(epci_parts.WHOLLY, texts))
    communes, _ = counts_by_code(Level.COMMUNE, scope, now, fill(epci_parts.COMMUNES, texts))
    return epci_parts.counts(COLUMNS, wholly, communes), values


def of_territory(
    connection: Connection, level: str, code: str, scope: RollupScope, now: datetime
) -> GatheringCounts:
    own = "SELECT CAST(%(own_code)s AS text)"
    statement, values = counts_by_code(level, scope, now, own)
    row = connection.exec_driver_sql(statement, values | {"own_code": code}).one_or_none()
    if row is None:
        return GatheringCounts()
    return GatheringCounts(*(int(getattr(row, name)) for name in COLUMNS))


def dormant(
    connection: Connection, level: str, code: str, scope: RollupScope, now: datetime
) -> int:
    """How many of a territory's groups gave no sign for `DORMANT_AFTER`: that goes by the clock."""
    texts = {
        "is_group": _is_one_of(GROUPS_COUNTED),
        "place": "'FR'" if level == COUNTRY else level,
        "themes": "theme = ANY(%(themes)s)" if scope.themes else "true",
        "months": PUBLISHED_IN if scope.since or scope.until else "true",
    }
    values = {
        "last_sign": now - DORMANT_AFTER,
        "code": code,
        "themes": [str(theme) for theme in scope.themes],
        "since": scope.since or date.min,
        "until": scope.until or date.max,
    }
    return int(connection.exec_driver_sql(fill(DORMANT, texts), values).scalar_one())


def _is_one_of(statuses: tuple[str, ...]) -> str:
    return "status IN ({})".format(", ".join(f"'{one}'" for one in statuses))


def _begin(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)

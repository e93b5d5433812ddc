"""Reading supports for bursts: networks, days, places, and the bursts that were found.

A support is fresh (`FRESH`) while it counts and no moderator has released it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.contributions.bursts.model import (
    DAY,
    HOUSEHOLD,
    LEAST_DAY,
    BurstReason,
    BurstReasonCode,
    BurstVerdict,
    NetworkSpread,
    NetworkSupports,
    SupportDay,
    UsualDay,
)
from mapservice.db.engine import fill
from mapservice.mail.service import is_disposable

MONTH, WEEK = timedelta(days=30), timedelta(days=7)
# The supports of an initiative at the last look: while they are the same, none is needed.
Seen = tuple[Any, ...]
# So many supports beyond households in a week are worth a look.
LEAST_CROWD = 40

COUNTED = "support.withdrawn_at IS NULL AND support.held_at IS NULL"
# Evaluated once: with outdated statistics a join would run again for each row.
RELEASED = """
(SELECT id FROM burst WHERE burst.initiative = :initiative AND burst.state = 'released')"""
FRESH = f"{COUNTED} AND coalesce(support.burst NOT IN {RELEASED}, true)"

# "Here": the communes around an initiative, by their present and former codes.
HERE = """
place AS (
  SELECT commune, epci, departement, region, precision NOT IN ('national', 'none') AS has_here
    FROM initiative WHERE id = :initiative
), here AS (
  SELECT around.code, around.population
    FROM place
   CROSS JOIN LATERAL communes_around(
         place.commune, place.epci, place.departement, place.region) AS around
)"""

STANDING = """
SELECT burst.id, coalesce(burst.verdict = 'hold', false) AS holds,
       coalesce(burst.sweeping AND burst.last_at > now() - interval '1 hour', false) AS sweeps,
       (SELECT count(*) FROM (
          SELECT FROM support
           WHERE initiative = :initiative AND network = :network
             AND withdrawn_at IS NULL AND held_at IS NULL
           LIMIT :household) AS latest) AS counted,
       found.held > :household AND NOT found.released AS held
  FROM (SELECT count(*) FILTER (WHERE latest.held_at IS NOT NULL) AS held,
               coalesce(bool_or(burst.state = 'released'), false) AS released
          FROM (SELECT burst, held_at FROM support
                 WHERE initiative = :initiative AND network = :network
                   AND burst IS NOT NULL AND withdrawn_at IS NULL
                 ORDER BY confirmed_at DESC
                 LIMIT CAST(:household AS integer) + 1) AS latest
          JOIN burst ON burst.id = latest.burst) AS found
  LEFT JOIN burst ON burst.initiative = :initiative AND burst.state = 'open'"""

# Networks held back, as STANDING defines it, of which some supports still count.
STRAYING = """
WITH latest AS (
  SELECT network, burst, held_at,
         row_number() OVER (PARTITION BY network ORDER BY confirmed_at DESC) AS place
    FROM support
   WHERE initiative = :initiative AND network IS NOT NULL AND burst IS NOT NULL
     AND withdrawn_at IS NULL
), known AS (
  SELECT network
    FROM latest
    JOIN burst ON burst.id = latest.burst
   WHERE place <= CAST(:household AS integer) + 1
   GROUP BY network
  HAVING count(*) FILTER (WHERE held_at IS NOT NULL) > :household
     AND NOT bool_or(burst.state = 'released')
)
SELECT network
  FROM known
 WHERE EXISTS (SELECT FROM support
                WHERE support.initiative = :initiative AND support.network = known.network
                  AND {fresh} AND support.confirmed_at >= now() - CAST(:time AS interval))"""

IS_HERE = "WITH {here} SELECT EXISTS (SELECT FROM here WHERE code = :commune)"

SPREAD = """
WITH networks AS (
  SELECT network,
         count(*) FILTER (WHERE NOT is_released) AS fresh,
         count(*) FILTER (WHERE is_released) AS released
    FROM (SELECT network, coalesce(burst IN {released}, false) AS is_released
            FROM support
           WHERE initiative = :initiative AND network IS NOT NULL
             AND withdrawn_at IS NULL AND held_at IS NULL
             AND confirmed_at >= now() - CAST(:time AS interval)
           ORDER BY confirmed_at DESC
           LIMIT :most) AS latest
   GROUP BY network
)
SELECT CASE WHEN fresh > :household THEN network END AS digest,
       sum(fresh)::integer AS fresh, sum(released)::integer AS released,
       sum(least(:household, fresh + released))::integer AS base
  FROM networks
 GROUP BY 1"""

WORTH_A_LOOK = """
SELECT initiative, sum(supports)::bigint AS supports, max(latest) AS latest
  FROM (SELECT initiative, network, count(*) AS supports, max(confirmed_at) AS latest
          FROM support
         WHERE network IS NOT NULL AND confirmed_at > now() - CAST(:time AS interval)
           AND withdrawn_at IS NULL AND held_at IS NULL
         GROUP BY initiative, network) AS networks
 GROUP BY initiative
HAVING sum(supports) >= :day OR sum(greatest(supports - :household, 0)) >= :crowd
 UNION ALL
SELECT burst.initiative, count(support.id), max(support.confirmed_at)
  FROM burst
  LEFT JOIN support ON support.initiative = burst.initiative AND support.withdrawn_at IS NULL
 WHERE burst.state = 'open'
 GROUP BY burst.id"""

HOURS = """
SELECT date_trunc('hour', confirmed_at) AS hour, count(*) AS arrived
  FROM support
 WHERE support.initiative = :initiative AND network IS NOT NULL AND {fresh}
   AND confirmed_at > now() - CAST(:time AS interval)
 GROUP BY 1
 ORDER BY 1"""

PLACES = """
WITH {here}
SELECT count(*) AS supports, count(support.commune) AS given,
       count(*) FILTER (WHERE support.commune IN (SELECT code FROM here)) AS local,
       coalesce((SELECT sum(population) FROM here), 0)::integer AS inhabitants,
       (SELECT has_here FROM place) AS has_here
  FROM support
 WHERE support.initiative = :initiative AND {which}"""

DOMAINS = """
SELECT lower(split_part(email, '@', 2)) AS domain, count(*) AS supports
  FROM support
  JOIN person ON person.id = support.person
 WHERE support.initiative = :initiative AND {which}
 GROUP BY 1"""
ARRIVED = f"{FRESH} AND support.confirmed_at >= :since AND support.confirmed_at < :until"
MEMBERS = "support.burst = :burst AND support.withdrawn_at IS NULL"

BEFORE = """
WITH {here}
SELECT count(*) FILTER (WHERE confirmed_at >= :since - interval '30 days') AS month,
       (SELECT extract(epoch FROM :since - state_since) / 86400
          FROM initiative WHERE id = :initiative)::float AS days,
       (SELECT place.commune IS NULL FROM place) AS is_wide,
       count(support.commune) AS given,
       count(*) FILTER (WHERE support.commune IN (SELECT code FROM here)) AS local
  FROM support
 WHERE support.initiative = :initiative AND {counted} AND confirmed_at < :since"""

# The best days of all initiatives, and the communes of all their supporters.
BEST_DAYS = """
SELECT bests.initiative, bests.best, initiative.commune IS NULL AS is_wide
  FROM (SELECT initiative, max(supports) AS best
          FROM (SELECT initiative, count(*) AS supports
                  FROM support
                 WHERE network IS NOT NULL AND confirmed_at > now() - interval '30 days'
                   AND withdrawn_at IS NULL AND held_at IS NULL
                 GROUP BY initiative, date_trunc('day', confirmed_at)) AS days
         GROUP BY initiative) AS bests
  JOIN initiative ON initiative.id = bests.initiative"""
TOLD = """
SELECT coalesce(sum(told), 0) AS told, coalesce(sum(local), 0) AS local
  FROM rollup WHERE level = 'country' AND theme = '' AND month = '-infinity'"""

OPEN = """
SELECT id, verdict, sweeping, reasons, size, first_at, last_at
  FROM burst WHERE initiative = :initiative AND state = 'open'"""

EXTENT = """
SELECT count(*) AS size, min(confirmed_at) AS first_at, max(confirmed_at) AS last_at
  FROM support WHERE burst = :burst AND withdrawn_at IS NULL"""

# Its networks among all those of the same time; the effective number is (Σn)² / Σn².
NETWORKS = """
WITH networks AS (
  SELECT network, count(*) AS all_supports, count(*) FILTER (WHERE burst = :burst) AS supports
    FROM support
   WHERE initiative = :initiative AND network IS NOT NULL AND withdrawn_at IS NULL
     AND confirmed_at BETWEEN :first_at AND :last_at
   GROUP BY network
)
SELECT coalesce(sum(supports), 0)::integer AS supports,
       count(*) FILTER (WHERE supports > 0) AS networks,
       coalesce(max(supports), 0) AS largest,
       coalesce(sum(all_supports), 0)::integer AS all_supports, count(*) AS all_networks,
       coalesce(round(sum(all_supports) ^ 2 / sum(all_supports ^ 2)), 0)::integer AS effective
  FROM networks"""


@dataclass(frozen=True, slots=True)
class NetworkStanding:
    """A network's supports of an initiative so far, and the burst open there.

    `counted` goes up to HOUSEHOLD; `held`: its latest supports are held back or dismissed.
    """

    burst: UUID | None
    holds: bool
    sweeps: bool
    counted: int
    held: bool


@dataclass(frozen=True, slots=True)
class ComparableInitiatives:
    """Recent initiatives: for each, whether it is wider than a commune, and its best day.

    `told` is how many of all their supporters gave a commune, `local` how many of those are here.
    """

    best: Mapping[UUID, tuple[bool, int]]
    told: int
    local: int


@dataclass(frozen=True, slots=True)
class BurstExtent:
    """How many supports belong to a burst, the first and the last; None where there is none."""

    size: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class OpenBurst:
    """The burst of an initiative that waits for a decision."""

    id: UUID
    verdict: BurstVerdict
    sweeping: bool
    reasons: tuple[BurstReason, ...]
    extent: BurstExtent


def standing(connection: Connection, initiative: UUID, network: bytes) -> NetworkStanding:
    bound = {"initiative": initiative, "network": network, "household": HOUSEHOLD}
    row = connection.execute(text(STANDING), bound).one()
    return NetworkStanding(row.id, row.holds, row.sweeps, row.counted, row.held)


def straying(connection: Connection, initiative: UUID) -> list[bytes]:
    """Networks held back of which some supports of the last month still count."""
    bound = {"initiative": initiative, "household": HOUSEHOLD, "time": MONTH}
    found = connection.execute(text(fill(STRAYING, {"fresh": FRESH})), bound).scalars()
    return [bytes(one) for one in found]


def is_here(connection: Connection, initiative: UUID, commune: str | None) -> bool:
    bound = {"initiative": initiative, "commune": commune}
    return bool(connection.execute(text(fill(IS_HERE, {"here": HERE})), bound).scalar_one())


def spread(
    connection: Connection, initiative: UUID, time: timedelta, most: int | None = None
) -> NetworkSpread:
    """Of the supports that count and arrived lately, or of the latest `most` of them."""
    bound = {"initiative": initiative, "time": time, "most": most, "household": HOUSEHOLD}
    rows = connection.execute(text(fill(SPREAD, {"released": RELEASED})), bound).all()
    crowded = (row for row in rows if row.digest is not None)
    return NetworkSpread(
        tuple(NetworkSupports(bytes(row.digest), row.fresh, row.released) for row in crowded),
        sum(row.base for row in rows if row.digest is None),
    )


def worth_a_look(connection: Connection) -> dict[UUID, Seen]:
    """Initiatives with many supports this week, or an open burst; each with its present state."""
    bound = {"time": WEEK, "day": LEAST_DAY, "household": HOUSEHOLD, "crowd": LEAST_CROWD}
    found: dict[UUID, Seen] = {}
    for row in connection.execute(text(WORTH_A_LOOK), bound):
        found[row.initiative] = (*found.get(row.initiative, ()), row.supports, row.latest)
    return dict(sorted(found.items()))


def hours(connection: Connection, initiative: UUID) -> list[tuple[datetime, int]]:
    """Fresh arrivals of the week, for each hour that has any."""
    statement = text(fill(HOURS, {"fresh": FRESH}))
    rows = connection.execute(statement, {"initiative": initiative, "time": WEEK})
    return [(row.hour, row.arrived) for row in rows]


def arrivals(
    connection: Connection, initiative: UUID, since: datetime, until: datetime
) -> tuple[SupportDay, tuple[str, ...]]:
    """The fresh supports of some time, and the disposable mail domains that they came from."""
    return _day(connection, initiative, since, until, ARRIVED, {"since": since, "until": until})


def members(
    connection: Connection, initiative: UUID, burst: UUID, known: BurstExtent
) -> SupportDay:
    """The supports of a burst, as those of a day."""
    assert known.first_at, "it has supports"
    assert known.last_at, "it has supports"
    bound = {"burst": burst}
    return _day(connection, initiative, known.first_at, known.last_at, MEMBERS, bound)[0]


def _day(
    connection: Connection,
    initiative: UUID,
    since: datetime,
    until: datetime,
    which: str,
    bound: Mapping[str, Any],
) -> tuple[SupportDay, tuple[str, ...]]:
    given = {"initiative": initiative, **bound}
    texts = {"here": HERE, "which": which}
    row = connection.execute(text(fill(PLACES, texts)), given).one()
    domains = {
        one.domain: one.supports
        for one in connection.execute(text(fill(DOMAINS, texts)), given)
        if is_disposable(one.domain)
    }
    found = SupportDay(**row._mapping, since=since, until=until, disposable=sum(domains.values()))
    return found, tuple(sorted(domains))


def others(connection: Connection) -> ComparableInitiatives:
    """The figures to compare with, of all initiatives; read once to examine several."""
    told = connection.execute(text(TOLD)).one()
    best = {row.initiative: (row.is_wide, row.best) for row in connection.execute(text(BEST_DAYS))}
    return ComparableInitiatives(best, told.told, told.local)


def usual(
    connection: Connection,
    initiative: UUID,
    since: datetime,
    beside: ComparableInitiatives | None = None,
) -> UsualDay:
    """What was usual before a day: for the initiative, and for others with a similar place."""
    bound = {"initiative": initiative, "since": since}
    statement = text(fill(BEFORE, {"here": HERE, "counted": COUNTED}))
    own = connection.execute(statement, bound).one()
    beside = beside or others(connection)
    best = [
        day
        for one, (is_wide, day) in beside.best.items()
        if one != initiative and is_wide == own.is_wide
    ]
    return UsualDay(
        per_day=own.month / min(max(own.days or 0, 1), MONTH / DAY),
        given=own.given,
        local=own.local,
        initiatives=len(best),
        good_day=quantiles(best, n=100, method="inclusive")[-1] if len(best) > 1 else 0,
        others_given=beside.told,
        others_local=beside.local,
    )


def opened(connection: Connection, initiative: UUID) -> OpenBurst | None:
    row = connection.execute(text(OPEN), {"initiative": initiative}).one_or_none()
    if row is None:
        return None
    known = BurstExtent(row.size, row.first_at, row.last_at)
    return OpenBurst(
        row.id, BurstVerdict(row.verdict), row.sweeping, reasons_of(row.reasons), known
    )


def extent(connection: Connection, burst: UUID) -> BurstExtent:
    row = connection.execute(text(EXTENT), {"burst": burst}).one()
    return BurstExtent(row.size, row.first_at, row.last_at)


def networks(
    connection: Connection, initiative: UUID, burst: UUID, known: BurstExtent
) -> Mapping[str, float]:
    """Networks of a burst, beside those of all supports from its first to its last."""
    bound = {"first_at": known.first_at, "last_at": known.last_at}
    given = bound | {"initiative": initiative, "burst": burst}
    return dict(connection.execute(text(NETWORKS), given).one()._mapping)


def reasons_of(kept: Iterable[Mapping[str, Any]]) -> tuple[BurstReason, ...]:
    """From objects that hold the `code` among the figures."""
    return tuple(
        BurstReason(
            BurstReasonCode(one["code"]), {name: one[name] for name in one if name != "code"}
        )
        for one in kept
    )

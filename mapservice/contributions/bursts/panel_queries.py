"""What the panels show: bursts, figures and arrivals of an initiative, or of a territory.

Of a territory only the initiatives within the viewer's scope count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from mapservice.accounts.roles.model import TerritoryScope
from mapservice.accounts.roles.reach import bound as bound_reach
from mapservice.accounts.roles.reach import condition as within
from mapservice.contributions.bursts.model import (
    BurstState,
    BurstVerdict,
    NotableInitiative,
    SupportArrivals,
    SupportBurst,
    SupportFigures,
)
from mapservice.contributions.bursts.queries import reasons_of
from mapservice.db.engine import fill
from mapservice.territories.model import TerritoryRef

BURSTS = """
SELECT burst.id, burst.initiative, initiative.title, verdict, first_at, last_at, size, reasons,
       found_at, state, decided_at, decided_by, note,
       (SELECT count(*) FROM support
         WHERE support.burst = burst.id AND held_at IS NOT NULL AND withdrawn_at IS NULL) AS held
  FROM burst
  JOIN initiative ON initiative.id = burst.initiative
 WHERE {which}
 ORDER BY {order}
 LIMIT :most"""
OPEN_ONES = "burst.state = 'open' AND {within}"
OLDEST = "found_at, burst.id"
NEWEST = "burst.state <> 'open', found_at DESC, burst.id"

IS_WITHIN = """
SELECT burst.initiative
  FROM burst JOIN initiative ON initiative.id = burst.initiative
 WHERE burst.id = :burst AND {within}"""

OF_ONE = "initiative.id = :initiative"
OF_TERRITORY = "initiative.{level} = :code AND {within}"

FIGURES = """
SELECT coalesce(sum(supporters), 0)::integer AS counted,
       coalesce(sum(told_here), 0)::integer AS told,
       coalesce(sum(local_here), 0)::integer AS local,
       (SELECT count(*) FROM token JOIN initiative ON initiative.id = token.subject
         WHERE token.purpose = 'support' AND token.used_at IS NULL AND token.expires_at > now()
           AND {which}) AS unconfirmed,
       coalesce(sum(held.waiting), 0)::integer AS held,
       coalesce(sum(held.dismissed), 0)::integer AS dismissed
  FROM initiative
  LEFT JOIN (
    SELECT support.initiative, count(*) FILTER (WHERE burst.state = 'dismissed') AS dismissed,
           count(*) FILTER (WHERE burst.state IS DISTINCT FROM 'dismissed') AS waiting
      FROM support
      LEFT JOIN burst ON burst.id = support.burst
     WHERE support.held_at IS NOT NULL AND support.withdrawn_at IS NULL
     GROUP BY support.initiative) AS held ON held.initiative = initiative.id
 WHERE {which} AND (supporters > 0 OR held.initiative IS NOT NULL)"""

NETWORKS = """
SELECT count(*) AS networks,
       coalesce(round(sum(supports) ^ 2 / sum(supports ^ 2)), 0)::integer AS effective
  FROM (SELECT network, count(*) AS supports FROM support
         WHERE initiative = :initiative AND network IS NOT NULL AND withdrawn_at IS NULL
         GROUP BY network) AS networks"""

# By the clock of Paris; slots without any arrival too.
ARRIVALS = """
SELECT slot.at, coalesce(counted, 0) AS counted, coalesce(held, 0) AS held
  FROM generate_series(date_trunc(:step, CAST(:since AS timestamptz) AT TIME ZONE 'Europe/Paris'),
                       CAST(:until AS timestamptz) AT TIME ZONE 'Europe/Paris',
                       CAST('1 ' || :step AS interval)) AS slot (at)
  LEFT JOIN (
    SELECT date_trunc(:step, confirmed_at AT TIME ZONE 'Europe/Paris') AS at,
           count(*) FILTER (WHERE held_at IS NULL) AS counted,
           count(*) FILTER (WHERE held_at IS NOT NULL) AS held
      FROM support JOIN initiative ON initiative.id = support.initiative
     WHERE confirmed_at BETWEEN CAST(:since AS timestamptz) - interval '1 day'
                            AND CAST(:until AS timestamptz)
       AND withdrawn_at IS NULL AND {which}
     GROUP BY 1) AS arrived ON arrived.at = slot.at
 ORDER BY slot.at"""

NOTABLE = """
SELECT initiative.id, initiative.title, initiative.supporters AS counted,
       initiative.told_here AS told, initiative.local_here AS local,
       coalesce(week.arrived, 0) AS week, found.state, coalesce(found.size, 0) AS size
  FROM initiative
  LEFT JOIN (SELECT initiative, count(*) AS arrived FROM support
              WHERE confirmed_at > now() - interval '7 days' AND withdrawn_at IS NULL
              GROUP BY initiative) AS week ON week.initiative = initiative.id
  LEFT JOIN LATERAL (SELECT state, size FROM burst WHERE burst.initiative = initiative.id
                      ORDER BY state <> 'open', found_at DESC LIMIT 1) AS found ON true
 WHERE {which} AND (initiative.id IN (SELECT initiative FROM burst) OR week.arrived >= :least)
 ORDER BY found.state IS DISTINCT FROM 'open', found.state IS NULL, week.arrived DESC NULLS LAST,
          initiative.id
 LIMIT :most"""


@dataclass(frozen=True, slots=True)
class PanelScope:
    """Whose figures: a condition on `initiative`, and what it refers to."""

    which: str
    bound: dict[str, Any]


def of_initiative(identifier: UUID) -> PanelScope:
    return PanelScope(OF_ONE, {"initiative": identifier})


def of_territory(ref: TerritoryRef, reach: TerritoryScope) -> PanelScope:
    texts = {"level": str(ref.level), "within": within(reach, "initiative.")}
    return PanelScope(fill(OF_TERRITORY, texts), bound_reach(reach) | {"code": ref.code})


def open_bursts(connection: Connection, reach: TerritoryScope, most: int) -> list[SupportBurst]:
    """Those about initiatives within a reach, the oldest first."""
    which = fill(OPEN_ONES, {"within": within(reach, "initiative.")})
    statement = fill(BURSTS, {"which": which, "order": OLDEST})
    rows = connection.execute(text(statement), bound_reach(reach) | {"most": most})
    return [_burst(row) for row in rows]


def bursts(connection: Connection, initiative: UUID, most: int) -> list[SupportBurst]:
    """The open one first, then the newest."""
    statement = fill(BURSTS, {"which": OF_ONE, "order": NEWEST})
    rows = connection.execute(text(statement), {"initiative": initiative, "most": most})
    return [_burst(row) for row in rows]


def initiative_of(connection: Connection, burst: UUID, reach: TerritoryScope) -> UUID | None:
    """The initiative of a burst, if it lies within a reach."""
    statement = fill(IS_WITHIN, {"within": within(reach, "initiative.")})
    found: UUID | None = connection.execute(
        text(statement), bound_reach(reach) | {"burst": burst}
    ).scalar_one_or_none()
    return found


def figures(connection: Connection, part: PanelScope) -> SupportFigures:
    statement = text(fill(FIGURES, {"which": part.which}))
    return SupportFigures(**connection.execute(statement, part.bound).one()._mapping)


def networks(connection: Connection, initiative: UUID) -> tuple[int, int]:
    """From how many networks its supports came lately, and how many that is in effect.

    Held and dismissed ones too: the words about a burst are about these.
    """
    row = connection.execute(text(NETWORKS), {"initiative": initiative}).one()
    return row.networks, row.effective


def arrivals(
    connection: Connection, part: PanelScope, since: datetime, until: datetime, step: str
) -> Sequence[SupportArrivals]:
    """For each `hour` or `day`, by the clock of Paris."""
    bound = {"since": since, "until": until, "step": step}
    statement = text(fill(ARRIVALS, {"which": part.which}))
    rows = connection.execute(statement, part.bound | bound)
    return [SupportArrivals(row.at, row.counted, row.held) for row in rows]


def notable(
    connection: Connection, part: PanelScope, least: int, most: int
) -> list[NotableInitiative]:
    """Initiatives with a burst, or with many new supports this week."""
    statement = text(fill(NOTABLE, {"which": part.which}))
    rows = connection.execute(statement, part.bound | {"least": least, "most": most})
    return [
        NotableInitiative(**{**row._mapping, "state": BurstState(row.state) if row.state else None})
        for row in rows
    ]


def _burst(row: Row[Any]) -> SupportBurst:
    return SupportBurst(
        **{
            **row._mapping,
            "verdict": BurstVerdict(row.verdict),
            "state": BurstState(row.state),
            "reasons": reasons_of(row.reasons),
        }
    )

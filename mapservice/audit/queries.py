"""Reading the log of decisions."""

from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.audit.model import DecisionVerdict, PastDecision

# Those about initiatives merged into it, too.
DECISIONS = """
SELECT decision.id,
       coalesce(decision.initiative, decision.event_series, decision.local_group) AS initiative,
       revision, verdict, reason, decided_by, decided_by_person, decided_at, decision.target,
       coalesce(other.title, '') AS title
  FROM decision
  LEFT JOIN initiative AS other
    ON other.id = CASE decision.initiative WHEN :id THEN decision.target
                       ELSE decision.initiative END
 WHERE decision.initiative = :id OR decision.target = :id OR decision.event_series = :id
    OR decision.local_group = :id
 ORDER BY decision.id DESC"""


def decisions(connection: Connection, identifier: UUID) -> list[PastDecision]:
    """All decisions ever taken about an initiative, series of events or group, newest first."""
    rows = connection.execute(text(DECISIONS), {"id": identifier})
    return [
        PastDecision(**{**row._mapping, "verdict": DecisionVerdict(row.verdict)}) for row in rows
    ]


def last_rejection(connection: Connection, identifier: UUID) -> PastDecision | None:
    found = decisions(connection, identifier)
    return next((one for one in found if one.verdict is DecisionVerdict.REJECT), None)

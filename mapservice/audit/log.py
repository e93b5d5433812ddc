"""The log of decisions: lines are added, none is ever changed."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One decision. `revision` is the version that was read, 0 for what has none.

    `target` is what it was merged into or parted from, `report` what led to it.
    """

    initiative: UUID
    verdict: str
    by: str
    person: UUID | None
    revision: int = 0
    reason: str = ""
    target: UUID | None = None
    report: UUID | None = None


def keep(connection: Connection, line: Line) -> None:
    bound = {name: getattr(line, name) for name in Line.__dataclass_fields__}
    connection.execute(text(KEEP), bound)


KEEP = """
INSERT INTO decision
       (initiative, revision, verdict, reason, decided_by, decided_by_person, target, report)
VALUES (:initiative, :revision, :verdict, :reason, :by, :person, :target, :report)"""

"""Reading monthly reports: a person's, those due, and those made but not announced yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.mail.unsubscribe import signature
from mapservice.publishing.exports.model import ExportState

OF_PERSON = """
SELECT id, view, created_at, told_for FROM report_schedule
 WHERE person = :person ORDER BY created_at, id"""

# A person without a role gets none until they have one again.
NEXT_DUE = """
SELECT id FROM report_schedule
 WHERE ordered_for < :month AND id > :after
   AND EXISTS (SELECT FROM role_grant WHERE role_grant.person = report_schedule.person)
 ORDER BY id LIMIT 1"""

# A report is announced before the next one is ordered.
LOCK_DUE = """
SELECT schedule.view, schedule.base_url
  FROM report_schedule AS schedule JOIN person ON person.id = schedule.person
 WHERE schedule.id = :id AND schedule.ordered_for < :month
   AND schedule.told_for = schedule.ordered_for
   AND person.confirmed_at IS NOT NULL AND person.erased_at IS NULL
   FOR UPDATE OF schedule SKIP LOCKED"""

NEXT_UNTOLD = """
SELECT id FROM report_schedule WHERE told_for < ordered_for AND id > :after ORDER BY id LIMIT 1"""

LOCK_UNTOLD = """
SELECT schedule.id, schedule.person, person.email, person.locale, schedule.view, schedule.base_url,
       schedule.leave_key, schedule.ordered_for AS month, schedule.export,
       export.state, export.expires_at
  FROM report_schedule AS schedule
  JOIN person ON person.id = schedule.person
  LEFT JOIN export ON export.id = schedule.export
 WHERE schedule.id = :id AND schedule.told_for < schedule.ordered_for
   AND person.confirmed_at IS NOT NULL AND person.erased_at IS NULL
   FOR UPDATE OF schedule SKIP LOCKED"""


@dataclass(frozen=True, slots=True)
class DueReport:
    """A schedule whose report is due: a view without its period."""

    view: str
    base_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsentReport:
    """An ordered report that is not announced; `state` None: its file expired before it was."""

    id: UUID
    person: UUID
    email: str
    locale: str
    view: str
    base_url: str
    leave_key: bytes
    month: date
    export: UUID
    state: ExportState | None
    expires_at: datetime | None

    @property
    def is_made(self) -> bool:
        return self.state is ExportState.DONE


@dataclass(frozen=True, slots=True)
class ReportSchedule:
    """A monthly report of a person."""

    id: UUID
    view: str
    created_at: datetime
    told_for: date


def of_person(connection: Connection, person: UUID) -> Sequence[ReportSchedule]:
    """The oldest first."""
    rows = connection.execute(text(OF_PERSON), {"person": person})
    return [ReportSchedule(**row._mapping) for row in rows]


def export(connection: Connection, person: UUID) -> object:
    """The person's own data, without the signing keys."""
    return [
        {"view": one.view, "created_at": one.created_at, "told_for": one.told_for}
        for one in of_person(connection, person)
    ]


def lock_due(connection: Connection, identifier: UUID, month: date) -> DueReport | None:
    """None when another worker holds it, or has dealt with it."""
    bound = {"id": identifier, "month": month}
    row = connection.execute(text(LOCK_DUE), bound).one_or_none()
    return DueReport(row.view, row.base_url) if row else None


def lock_untold(connection: Connection, identifier: UUID) -> UnsentReport | None:
    row = connection.execute(text(LOCK_UNTOLD), {"id": identifier}).one_or_none()
    if row is None:
        return None
    values: dict[str, Any] = dict(row._mapping)
    return UnsentReport(**values | {"state": ExportState(row.state) if row.state else None})


def leave_key(connection: Connection, identifier: UUID) -> bytes | None:
    found: bytes | None = connection.scalar(
        text("SELECT leave_key FROM report_schedule WHERE id = :id"), {"id": identifier}
    )
    return found


def leave_path(identifier: UUID, key: bytes) -> str:
    """The path of the page that ends a monthly report."""
    return f"/rapports/mensuels/{identifier}/quitter/{signature(identifier, key)}"

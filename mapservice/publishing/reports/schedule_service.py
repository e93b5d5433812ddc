"""Monthly reports for people with a role: asked for, ordered, announced by mail, ended.

On the first of a month the report of the month before is ordered, in one transaction with the mark
that says so; once its files are made, the mail with their address is written in another, with its
own mark. A worker that dies between any two statements leaves the rest to the next turn, which
finds by the marks what is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from mapservice.errors import MapserviceError, ServiceUnavailable, StateConflict
from mapservice.i18n import format_date, theme_label, translator
from mapservice.mail import service as mail
from mapservice.mail.model import Mail
from mapservice.publishing.exports import service as exporting
from mapservice.publishing.exports.model import BundleFormat, ExportState
from mapservice.publishing.reports import schedule_queries as queries
from mapservice.publishing.reports.model import ReportFile, ReportView
from mapservice.publishing.reports.schedule_queries import UnsentReport, leave_path
from mapservice.settings import Settings
from mapservice.territories import queries as territories

log = structlog.get_logger()

MAX_SCHEDULES = 10
# Few may wait at once, so that orders by the form come soon, even on the first of a month.
TERMS = exporting.ExportTerms(room=5, kept=timedelta(days=40))
NOBODY = UUID(int=0)
ACCOUNT = "/compte#mes-rapports"

HOLD = "SELECT FROM person WHERE id = :person FOR UPDATE"
KEEP = """
INSERT INTO report_schedule (person, view, base_url, ordered_for, told_for)
VALUES (:person, :view, :base_url, :month, :month)
    ON CONFLICT (person, view) DO NOTHING"""
ORDERED = "UPDATE report_schedule SET ordered_for = :month, export = :export WHERE id = :id"
TOLD = "UPDATE report_schedule SET told_for = ordered_for WHERE id = :id"
STOP = "DELETE FROM report_schedule WHERE id = :id AND person = :person"
LEAVE = "DELETE FROM report_schedule WHERE id = :id"


@dataclass(frozen=True, slots=True)
class ScheduleTurn:
    """What a turn of the job did."""

    ordered: int
    mails: int


def schedule(
    connection: Connection, person: UUID, view: ReportView, base_url: str, today: date
) -> None:
    """From the next first of a month; twice the same is one. Raises StateConflict if too many."""
    connection.execute(text(HOLD), {"person": person})
    bound = {
        "person": person,
        "view": timeless(view).query,
        "base_url": base_url,
        "month": month_before(today),
    }
    connection.execute(text(KEEP), bound)
    if len(queries.of_person(connection, person)) > MAX_SCHEDULES:
        raise StateConflict(f"Nobody gets more than {MAX_SCHEDULES} reports a month.")


def stop(connection: Connection, person: UUID, identifier: UUID) -> None:
    """Ends a monthly report of a person; does nothing if it has ended."""
    connection.execute(text(STOP), {"id": identifier, "person": person})


def leave(connection: Connection, identifier: UUID) -> None:
    """The same through the link in a mail; the caller has checked the signature."""
    connection.execute(text(LEAVE), {"id": identifier})


def erase(connection: Connection, person: UUID) -> None:
    connection.execute(text("DELETE FROM report_schedule WHERE person = :id"), {"id": person})


def run(engine: Engine, settings: Settings, day: date) -> ScheduleTurn:
    """Orders the reports due on a day while there is room, and announces finished ones by mail.

    Each report is a transaction of its own: a failure is logged and holds up no other.
    """
    ordered, mails, month = 0, 0, month_before(day)
    after = NOBODY
    while identifier := _next(engine, queries.NEXT_DUE, after, month):
        after = identifier
        try:
            with engine.begin() as connection:
                due = queries.lock_due(connection, identifier, month)
                if due is not None:
                    wanted = of_month(due.view, month).query
                    site = mail.letterhead(settings, due.base_url)
                    report = BundleFormat.REPORT
                    made = exporting.order(connection, report, wanted, site.base_url, TERMS)
                    bound = {"month": month, "export": made.id, "id": identifier}
                    connection.execute(text(ORDERED), bound)
                    ordered += 1
        except ServiceUnavailable:
            break  # The queue of exports is full: the next turn goes on here.
        except (MapserviceError, DBAPIError) as error:
            log.error("report_not_ordered", schedule=str(identifier), error=str(error))

    after = NOBODY
    while identifier := _next(engine, queries.NEXT_UNTOLD, after):
        after = identifier
        try:
            with engine.begin() as connection:
                one = queries.lock_untold(connection, identifier)
                if one and one.state not in (ExportState.QUEUED, ExportState.RUNNING):
                    connection.execute(text(TOLD), {"id": identifier})
                    mail.enqueue(connection, _mail(connection, settings, one))
                    mails += 1
        except (MapserviceError, DBAPIError) as error:
            log.error("report_not_told", schedule=str(identifier), error=str(error))
    return ScheduleTurn(ordered, mails)


def timeless(view: ReportView) -> ReportView:
    """The same view without a period."""
    return replace(view, filters=replace(view.filters, since=None, until=None))


def of_month(query: str, month: date) -> ReportView:
    """A scheduled view, for one whole month."""
    last = (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return ReportView.of_query(f"{query}&since={month}&until={last}")


def month_before(day: date) -> date:
    """The first day of the previous month."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def place_of(connection: Connection, view: ReportView, locale: str) -> str:
    """The name of its territory, or all of France; the code of one that no longer exists."""
    if view.ref is None:
        return translator(locale)("Toute la France")
    found = territories.find(connection, view.ref)
    return found.name if found else str(view.ref)


def theme_words(view: ReportView, locale: str) -> str:
    """Its themes, or ""."""
    return ", ".join(theme_label(theme, translator(locale)) for theme in view.filters.theme)


def _next(engine: Engine, statement: str, after: UUID, month: date | None = None) -> UUID | None:
    with engine.connect() as connection:
        bound = {"after": after} | ({"month": month} if month else {})
        found: UUID | None = connection.scalar(text(statement), bound)
        return found


def _mail(connection: Connection, settings: Settings, one: UnsentReport) -> Mail:
    site = mail.letterhead(settings, one.base_url)
    leave = site.base_url + leave_path(one.id, one.leave_key)
    view = of_month(one.view, one.month)
    values: Mapping[str, Any] = {
        "place": place_of(connection, view, one.locale),
        "themes": theme_words(view, one.locale),
        "month": format_date(one.month, "MMMM y", locale=one.locale),
        "link": f"{site.base_url}/rapports/{one.export}" if one.is_made else "",
        "paper": f"{site.base_url}/rapports/{one.export}/{ReportFile.PAPER.file_name}",
        "until": format_date(one.expires_at, "long", locale=one.locale) if one.expires_at else "",
        "again": f"{site.base_url}/rapports?{view.query}",
        "leave": leave,
        "account": site.base_url + ACCOUNT,
    }
    headers = {
        "List-Unsubscribe": f"<{leave}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return mail.write(
        site,
        "report",
        one.email,
        values,
        locale=one.locale,
        person=one.person,
        headers=headers,
    )

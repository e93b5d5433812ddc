"""The list of presence as a file: of those alone who agreed that its organiser takes it away."""

import csv
import io
from collections.abc import Sequence

from mapservice.events.formats import FORMULA_SIGNS
from mapservice.events.recurrence import wall_time
from mapservice.events.registration_service import ConsentingAttendee
from mapservice.events.words import registration_state_label
from mapservice.i18n import gettext as _

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def to_csv(attendees: Sequence[ConsentingAttendee], zone: str) -> bytes:
    """A header and a row each, for a person: in their language, by the clock of `zone`.

    What a spreadsheet would take for a formula begins with `'`.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_columns())
    for row in (_row(one, zone) for one in attendees):
        guarded = [f"'{one}" if str(one).startswith(FORMULA_SIGNS) else one for one in row]
        writer.writerow(guarded)
    # Excel reads UTF-8 by its mark alone.
    return out.getvalue().encode("utf-8-sig")


def to_xlsx(attendees: Sequence[ConsentingAttendee], zone: str) -> bytes:
    """One sheet; text stays text, and formulas are never made."""
    import xlsxwriter  # its 13 MB are loaded when the first workbook is asked for

    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet("1")
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, 1, 32)
        sheet.set_column(3, 4, 24)
        sheet.write_row(0, 0, _columns(), book.add_format({"bold": True}))
        for number, attendee in enumerate(attendees, start=1):
            sheet.write_row(number, 0, _row(attendee, zone))
    return out.getvalue()


def _columns() -> tuple[str, ...]:
    return _("Nom"), _("Adresse électronique"), _("Places"), _("Inscription"), _("Inscrit le")


def _row(one: ConsentingAttendee, zone: str) -> tuple[str, str, int, str, str]:
    registered = f"{wall_time(one.created_at, zone):%Y-%m-%d %H:%M}"
    return one.name, one.email, one.seats, registration_state_label(one.state), registered

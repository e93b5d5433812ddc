"""The list of presence as a file: of those alone who agreed that its organiser takes it away."""

import csv
import io
from collections.abc import Sequence

from mapservice.events.formats import FORMULA_SIGNS
from mapservice.events.registration_service import ConsentingAttendee

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
COLUMNS = ("name", "email", "seats", "state", "registered_at")


def to_csv(attendees: Sequence[ConsentingAttendee]) -> bytes:
    """A header and a row each; what a spreadsheet would take for a formula begins with `'`."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in map(_row, attendees):
        guarded = [f"'{one}" if str(one).startswith(FORMULA_SIGNS) else one for one in row]
        writer.writerow(guarded)
    return out.getvalue().encode()


def to_xlsx(attendees: Sequence[ConsentingAttendee]) -> bytes:
    """One sheet; text stays text, and formulas are never made."""
    import xlsxwriter  # its 13 MB are loaded when the first workbook is asked for

    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet("1")
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, 1, 32)
        sheet.write_row(0, 0, COLUMNS, book.add_format({"bold": True}))
        for number, row in enumerate(map(_row, attendees), start=1):
            sheet.write_row(number, 0, row)
    return out.getvalue()


def _row(one: ConsentingAttendee) -> tuple[str, str, int, str, str]:
    registered = one.created_at.isoformat(timespec="seconds")
    return one.name, one.email, one.seats, str(one.state), registered

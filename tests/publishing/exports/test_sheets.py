"""Lists as workbooks: dates are dates, texts stay texts, other people's programs read them."""

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook
from sqlalchemy import Engine

from mapservice.initiatives.facts import InitiativeFacts
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.publishing.exports import making, routes, sheets
from mapservice.publishing.exports.model import SheetFormat
from tests.publishing.exports.conftest import BASE
from tests.web.population import Made, insert

RENNES = "35238"
GARDEN = Made(
    commune=RENNES,
    title='=HYPERLINK("http://x.test";"Un jardin")',
    summary="Deux  espaces, un <b> & une\ttabulation",
    created_at="2026-01-15T12:30:00+00:00",
    precision="point",
    lon=-1.6777926,
    lat=48.117266,
    source_platform="jardins",
    source_url="https://source.test/1",
    source_licence="ODbL 1.0",
    facts=InitiativeFacts(
        start_day=date(2026, 5, 1), end_day=date(2026, 5, 3), is_free=True, tags=("compost",)
    ),
)
OLD = Made(commune="01001", title="Un four banal", created_at="1789-07-14T00:00:00+00:00")
UNDATED = Made(commune=RENNES, title="Sans date", created_at=None, source_supporters=7)


@pytest.fixture
def listed(engine: Engine) -> Engine:
    with engine.begin() as connection:
        insert(connection, (GARDEN, OLD, UNDATED))
    return engine


def written(engine: Engine, form: str, target: Path) -> list[dict[str, Any]]:
    """The rows of the first sheet, by the names of its header."""
    with engine.connect() as connection:
        steps: list[int] = []
        progress = (steps.append, steps.append)
        making.save(connection, form, InitiativeFilters(), BASE, target, progress)
    header, *rows = CalamineWorkbook.from_path(target).get_sheet_by_index(0).to_python()
    names = [str(name) for name in header]
    return [dict(zip(names, row, strict=True)) for row in rows]


@pytest.mark.parametrize("form", list(SheetFormat))
def test_cells_are_what_they_say(listed: Engine, tmp_path: Path, form: SheetFormat) -> None:
    target = tmp_path / f"liste.{form}"
    rows = {row["id"]: row for row in written(listed, form, target)}
    garden, old, undated = rows[GARDEN.id], rows[OLD.id], rows[UNDATED.id]
    assert list(garden) == list(sheets.COLUMNS)
    assert garden["title"] == f"'{GARDEN.title}"
    # Readers of ODS drop tabs: there it is a space.
    tab = " " if form is SheetFormat.ODS else "\t"
    assert garden["summary"] == GARDEN.summary.replace("\t", tab)
    assert garden["created_at"].isoformat() == "2026-01-15T12:30:00"
    assert isinstance(garden["start_day"], date)
    assert garden["start_day"].isoformat().startswith("2026-05-01")
    assert garden["is_free"] is True
    assert (garden["lon"], garden["lat"]) == (-1.677793, 48.117266)
    assert garden["attribution"] == "jardins (ODbL 1.0)"
    assert (garden["licence"], garden["source_url"]) == ("ODbL 1.0", "https://source.test/1")
    # A zero at the front of a code stays, a year that spreadsheets do not know is text.
    assert (old["commune"], old["created_at"]) == ("01001", "1789-07-14T00:00:00")
    assert (undated["created_at"], undated["source_supporters"]) == ("", 7)
    assert (undated["lon"], undated["source"]) == ("", "")


def test_no_formula_is_in_them(listed: Engine, tmp_path: Path) -> None:
    for form, inner, formula in (
        (SheetFormat.XLSX, "xl/worksheets/sheet1.xml", b"<f>"),
        (SheetFormat.ODS, "content.xml", b"table:formula"),
    ):
        target = tmp_path / f"liste.{form}"
        written(listed, form, target)
        with ZipFile(target) as archive:
            assert formula not in archive.read(inner)


@pytest.mark.parametrize("form", list(SheetFormat))
def test_a_list_of_nothing_has_its_header(
    engine: Engine, tmp_path: Path, form: SheetFormat
) -> None:
    target = tmp_path / f"rien.{form}"
    assert written(engine, form, target) in ([], [dict.fromkeys(sheets.COLUMNS, "")])


@pytest.mark.parametrize("form", list(SheetFormat))
def test_more_rows_than_a_sheet_holds_go_on_another(
    listed: Engine, tmp_path: Path, form: SheetFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "SHEET_ROWS", 3)
    target = tmp_path / f"longue.{form}"
    written(listed, form, target)
    book = CalamineWorkbook.from_path(target)
    assert book.sheet_names == ["initiatives", "initiatives 2"]
    rows = [book.get_sheet_by_name(name).to_python()[1:] for name in book.sheet_names]
    assert [len(part) for part in rows] == [2, 1]


@pytest.mark.parametrize("form", list(SheetFormat))
def test_a_short_list_is_given_at_once(
    orders: FlaskClient, form: SheetFormat, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    led = orders.get(f"/initiatives?theme=culture&f={form}")
    address = f"/initiatives.{form}?theme=culture"
    assert (led.status_code, led.headers["Location"]) == (303, address)
    answer = orders.get(address, buffered=True)
    assert (answer.status_code, answer.mimetype) == (200, form.media_type)
    target = tmp_path / f"liste.{form}"
    target.write_bytes(answer.data)
    rows = CalamineWorkbook.from_path(target).get_sheet_by_index(0).to_python()[1:]
    listed = orders.get("/initiatives.csv?theme=culture", buffered=True).text
    assert [row[0] for row in rows] == [row["id"] for row in csv.DictReader(io.StringIO(listed))]
    monkeypatch.setattr(routes, "MAX_ROWS_AT_ONCE", 1)
    led = orders.get(address)
    assert (led.status_code, led.headers["Location"]) == (303, "/exports?theme=culture")
    refused = orders.get(f"/initiatives.{form}?colour=red")
    assert (refused.status_code, refused.mimetype) == (400, "application/problem+json")

"""Figures by communes of another year, summed by those of today."""

import csv
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Connection

from mapservice.errors import InvalidInput
from mapservice.rollups.series import SeriesColumns, SeriesLine, rebase_file
from mapservice.territories.lineage.model import CommuneLineage
from mapservice.territories.lineage.queries import whole_lineage
from tests.territories.lineage_facts import essarts, merge

SAINT_DENIS = CommuneLineage.of(
    merge("32", "2025-01-01", ["93059 Pierrefitte-sur-Seine", "93066 Saint-Denis"], "93066 S"),
    {"93066": "Saint-Denis", "01001": "L'Abergement-Clémenciat"},
)


def rebase(
    lineage: CommuneLineage, folder: Path, content: str, values: str = "n", year: int | None = None
) -> tuple[list[dict[str, str]], list[SeriesLine]]:
    source, target = folder / "in.csv", folder / "out.csv"
    source.write_text(content, encoding="utf-8")
    still_open = rebase_file(
        lineage, source, SeriesColumns("code", tuple(values.split()), year), target
    )
    with target.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file)), still_open


def test_figures_of_merged_communes_are_summed(tmp_path: Path) -> None:
    content = "code;n;part\n93059;3;0,1\n93066;10;0,2\n93059;1;\n"
    (row,), still_open = rebase(SAINT_DENIS, tmp_path, content, "n part", 2024)
    assert row == {
        "code": "93066",
        "name": "Saint-Denis",
        "n": "14",
        "part": "0.3",
        "status": "sum",
        "candidates": "",
    }
    assert still_open == []


def test_a_split_is_told_and_not_shared_out(tmp_path: Path) -> None:
    """Of the commune of 2020 three have come: whose its seven are, no row says."""
    rows, (line,) = rebase(essarts(), tmp_path, "code,n\n85084,7\n", year=2020)
    assert [(row["code"], row["n"], row["status"]) for row in rows] == [("85084", "7", "split")]
    assert line.candidates == tuple(rows[0]["candidates"].split("|"))
    assert {"85084", "85165", "85212"} == set(line.candidates)


def test_before_they_merged_each_has_its_own(tmp_path: Path) -> None:
    content = "code,n\n85084,4\n85030,1\n85165,2\n85212,3\n"
    rows, still_open = rebase(essarts(), tmp_path, content, year=2015)
    found = {row["code"]: row["n"] for row in rows if row["status"] == "sum"}
    assert (found["85165"], found["85212"]) == ("2", "3")
    total = sum((Decimal(row["n"]) for row in rows), Decimal())
    assert total == 10
    assert all(line.status == "split" for line in still_open)


def test_a_code_that_never_was_keeps_its_figures(tmp_path: Path) -> None:
    rows, (line,) = rebase(SAINT_DENIS, tmp_path, "code,n\n99999,5\n1001,2\n")
    assert [(row["code"], row["n"], row["status"]) for row in rows] == [
        ("01001", "2", "sum"),  # a spreadsheet took its zero
        ("99999", "5", "unknown"),
    ]
    assert (line.code, line.candidates) == ("99999", ())


@pytest.mark.parametrize("cell", ["x", "nan", "inf", "1.2.3"])
def test_what_is_no_number_is_refused_naming_its_row(tmp_path: Path, cell: str) -> None:
    with pytest.raises(InvalidInput, match="n: row 2"):
        rebase(SAINT_DENIS, tmp_path, f"code,n\n93066,1\n93059,{cell}\n")
    assert not (tmp_path / "out.csv").exists()


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="--value"):
        rebase(SAINT_DENIS, tmp_path, "code,figures\n93066,1\n")


def test_the_lineage_that_is_stored_leads_from_parts_to_communes(
    connection: Connection, tmp_path: Path
) -> None:
    content = "code,n\n75101,1\n75120,2\n93059,3\n35238,4\n"
    rows, still_open = rebase(whole_lineage(connection), tmp_path, content)
    assert [(row["code"], row["n"]) for row in rows] == [
        ("35238", "4"),
        ("75056", "3"),
        ("93066", "3"),
    ]
    assert still_open == []

"""The files of ../shared/data/imports, where they are at hand."""

import os
from pathlib import Path

import pytest

from mapservice.imports.reading import SourceFile, read_file
from mapservice.initiatives.model import Scale, Status

ROOT = Path(__file__).resolve().parents[2]


def shared(name: str) -> SourceFile:
    folder = Path(os.environ.get("MAPSERVICE_SHARED_DATA") or ROOT.parent / "shared" / "data")
    path = folder / "imports" / name
    if not path.is_file():
        pytest.skip(f"{name} is not at hand (MAPSERVICE_SHARED_DATA)")
    return read_file(path)


def test_transiscope_gives_text_and_points_to_every_row() -> None:
    source = shared("transiscope_niort.csv")
    rows = list(source.rows)
    assert (len(rows), source.total, source.platform) == (100, 100, "transiscope_niort")
    assert all(row.place_text and row.lat and row.external_id and not row.rejected for row in rows)
    assert rows[0].place_text == "6 rue de la Chevalonnerie, 79190 Sauzé-vaussais"
    # Computed from the coordinates: never taken for what the author wrote.
    assert {"insee_pip", "nom_pip"}.isdisjoint(source.columns.values())


def test_paris_belongs_to_paris_without_a_single_pin() -> None:
    source = shared("paris_budget_participatif.csv")
    rows = list(source.rows)
    assert (len(rows), source.context_commune) == (1341, "75056")
    assert not [row for row in rows if row.rejected or row.lon is not None]
    assert sum(row.status is Status.DONE for row in rows) == 777
    assert sum(row.status is Status.ARCHIVED for row in rows) == 56
    assert {row.created_on[:4] for row in rows} == {str(year) for year in range(2014, 2025)} - {
        "2020"
    }


def test_mednum_rejects_only_the_three_rows_without_a_name() -> None:
    source = shared("mednum_lieux.csv")
    rows = list(source.rows)
    assert sum(bool(row.rejected) for row in rows) == 3
    assert source.problems == ("statut: its cells do not look like status; kept as it is",)
    mended = {row.postcode: row.city for row in rows if "a zero lost" in "".join(row.problems)}
    assert mended["02300"] == "Chauny"
    assert sum(row.lon is not None for row in rows) == len(rows) - 1


def test_dsil_takes_bearers_for_places() -> None:
    rows = list(shared("dsil_projets_2020.csv").rows)
    assert (len(rows), rows[0].place_text) == (223, "CHAPELLE-LAUNAY")
    assert sum(row.scale is Scale.EPCI for row in rows) == 35
    assert not [row for row in rows if row.city in ("SEM", "Association")]


def test_mayotte_has_points_and_french_dates() -> None:
    rows = list(shared("mayotte_initiatives.csv").rows)
    assert (len(rows), rows[0].created_on, rows[0].lat) == (12, "2025-01-18", -12.899767)
    assert sum(bool(row.url) for row in rows) == 3

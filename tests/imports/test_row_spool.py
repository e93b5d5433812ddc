"""Rows that are kept between their reading and their saving come back as they were read."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from math import cos, radians
from pathlib import Path

import pytest

from mapservice.errors import ServiceUnavailable, SourceError
from mapservice.imports import row_spool
from mapservice.imports.leftovers import RowHabits, why_no_record
from mapservice.imports.readers.tables import SourceRecord
from mapservice.imports.reading import read_file
from mapservice.imports.row_identity import digest_of, source_id_of
from mapservice.imports.row_spool import no_progress, spooled
from mapservice.imports.shared_points import (
    KnownCentre,
    KnownCentres,
    PointSighting,
    SharedPoints,
    packed,
)

HEADER = "id;Titre;Commune;Code postal;Latitude;Longitude;Date;Tarif;Nombre de places;Référent\n"
LINES = (
    "a;Un four à pain « chaud »;Rennes;35000;48.1113;-1.68;2024-05-06;5 €;12;Léa Martin\n"
    "a;Le même numéro;Rennes;35000;48.1114;-1.68;2024-05;gratuit;;\n"
    ";Sans numéro;Mans;;;;06/2024;;7;06 12 34 56 78\n"
    ";;;;;;;;;\n"
    ";Total;;;;;;;19;\n"
    "d;;;35000;;;;;;\n"
)


@pytest.mark.parametrize("processes", [1, 2])
def test_rows_come_back_as_they_were_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    monkeypatch.setattr(row_spool, "FEW_ROWS", 0)
    monkeypatch.setattr(row_spool, "CHUNK_ROWS", 2)
    path = tmp_path / "actions.csv"
    path.write_text(HEADER + LINES * 3, encoding="utf-8")
    source = read_file(path)
    rows = list(source.rows)
    advanced: list[int] = []

    def progress(total: int) -> AbstractContextManager[Callable[[int], None]]:
        assert total == source.total
        return nullcontext(advanced.append)

    with spooled(source, tmp_path, processes, progress) as spool:
        for _ in range(2):  # as often as they are asked for
            back = list(spool.rows)
            assert [one.row for one in back] == [replace(row, raw={}) for row in rows]
            assert [one.source_id for one in back] == [source_id_of(row) for row in rows]
            assert [one.digest for one in back] == [digest_of(row) for row in rows]
        sightings = [PointSighting.of(row, source_id_of(row)) for row in rows]
        assert spool.points == packed(one for one in sightings if one)
    assert sum(advanced) == len(rows)
    assert [one.name for one in tmp_path.iterdir()] == ["actions.csv"]


def test_a_source_that_breaks_and_a_folder_that_takes_nothing_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "actions.csv"
    path.write_text(HEADER + LINES, encoding="utf-8")
    source = read_file(path)
    with (
        pytest.raises(ServiceUnavailable, match="cannot be kept"),
        spooled(source, tmp_path / "missing", 1, no_progress),
    ):
        pass

    def broken(_source: object, _records: object) -> None:
        raise SourceError("actions.csv: broken")

    monkeypatch.setattr(row_spool, "_read_chunk", broken)
    with pytest.raises(SourceError), spooled(source, tmp_path, 1, no_progress):
        pass
    assert [one.name for one in tmp_path.iterdir()] == ["actions.csv"]


def test_a_point_is_the_nearest_centre_that_reaches_it_wherever_squares_end() -> None:
    centres = [
        KnownCentre("commune", f"{i}", lon, lat, within, "middle")
        for i, (lon, lat, within) in enumerate(
            [
                (2.3, 48.85, 300.0),
                (2.3001, 48.8501, 30.0),
                (-1.0, 47.0, 300.0),
                (0.0, 0.0, 300.0),
                (55.5, -21.1, 60.0),
                (-61.5, 16.24, 300.0),
            ]
        )
    ]
    known = KnownCentres(centres)
    for one in centres:
        for far in (0.0, 0.5, 0.97, 1.03):
            for east, north in ((1, 0), (-1, 0), (0, 1), (0, -1), (0.6, 0.8)):
                metres = one.within * far
                lat = one.lat + north * metres / 111_195
                lon = one.lon + east * metres / 111_195 / cos(radians(lat))
                found = known.at(lon, lat)
                told = found.code if found else None
                if far > 1 and one.code not in ("1",):
                    assert told != one.code
                elif one.code not in ("0", "1"):
                    assert told == one.code
    assert known.at(2.3001, 48.8501) == centres[1]
    assert known.at(2.302, 48.85) == centres[0]
    assert KnownCentres([]).at(2.3, 48.85) is None


def test_points_are_shared_across_what_was_packed_apart() -> None:
    def seen(name: str, street: str = "") -> PointSighting:
        return PointSighting(2.3, 48.85, name, f"Projet {name}", street)

    points = packed([seen("a")]) + packed([seen("b"), seen("b")])
    shared = SharedPoints(points)
    assert "shared by 2 rows" in shared.why_shared(seen("a"))
    assert not SharedPoints(packed([seen("b"), seen("b")])).why_shared(seen("b"))
    assert not SharedPoints(b"").why_shared(seen("a"))
    assert "shared by 2 rows" in SharedPoints(b"", [seen("a"), seen("b")]).why_shared(seen("c"))


@pytest.mark.parametrize("label", ["TOTAL : 200", "Sous-total", "Totaux", "Ensemble", "Moyenne"])
def test_totals_are_still_known_by_any_of_their_words(label: str) -> None:
    columns = {"title": "titre"}
    record = SourceRecord({"titre": label, "n": "12", "m": "13", "o": "14"})
    assert why_no_record(record, RowHabits(columns, 4)) == "a row of totals"
    plain = SourceRecord({"titre": "Une haie", "n": "12", "m": "13", "o": "14"})
    assert why_no_record(plain, RowHabits(columns, 4)) == ""

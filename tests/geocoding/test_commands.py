"""`mapservice geocode` and `locate`."""

import io
import os
import signal
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from mapservice.errors import InvalidInput, ServiceUnavailable
from mapservice.geocoding.csv_dialect import CsvDialectHints, CsvTable
from mapservice.geocoding.files import FileGeocoding, geocode_file, locate_file
from mapservice.geocoding.matching.engine import Geocoder
from mapservice.geocoding.matching.epci import EpciNames
from mapservice.geocoding.matching.gazetteer import Gazetteer
from mapservice.geocoding.model import GeocodeMatch, GeocodeQuery
from mapservice.geocoding.parallel import on_cores
from mapservice.geocoding.service import Locator


def watched(done: list[int], processes: int = 1) -> FileGeocoding:
    """Writes down how many rows are done at a time."""
    return FileGeocoding(lambda total: nullcontext(done.append), processes)


def test_the_command_writes_utf_8_with_commas(locator: Locator, tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes("id;query\r\n1;L'Haÿ-les-Roses\r\n2;Saint-Denis\r\n".encode("cp1252"))
    done: list[int] = []
    geocode_file(lambda: locator, source, "query", target, watched(done))
    assert sum(done) == 2
    lines = target.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "id,query,insee,name,precision,score,status"
    assert lines[1].startswith("1,L'Haÿ-les-Roses,94038,L'Haÿ-les-Roses,commune,")
    assert lines[2].endswith(",ambiguous")


def test_a_command_may_write_over_its_source(
    locator: Locator, connection: Any, tmp_path: Path
) -> None:
    path = tmp_path / "points.csv"
    path.write_text("lon,lat\n-1.68,48.11\n0,0\n", encoding="utf-8")
    locate_file(connection, path, ("lon", "lat"), path, lambda rows: None)
    assert path.read_text(encoding="utf-8").splitlines() == [
        "lon,lat,insee,name",
        "-1.68,48.11,35238,Rennes",
        "0,0,,",
    ]
    assert [one.name for one in tmp_path.iterdir()] == ["points.csv"]


def test_a_table_is_read_in_batches() -> None:
    content = b"n\n" + b"".join(b"%d\n" % number for number in range(5000))
    table = CsvTable.read(io.BytesIO(content), "data", CsvDialectHints())
    blocks = list(table.answered(["twice"], lambda rows: ([str(2 * int(r[0]))] for r in rows)))
    assert [rows for rows, _ in blocks] == [0, 2000, 2000, 1000]
    assert b"".join(block for _, block in blocks).endswith(b"4999,9998\n")


def test_a_file_shared_out_comes_back_as_from_one_process(locator: Locator, tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    texts = [
        f"{number} rue de Paris, 35000 Rennes\nSaint-Denis ({number % 96:02})"
        for number in range(1500)
    ]
    source.write_text("query\n" + "\n".join(texts) + "\n", encoding="utf-8")
    done: list[int] = []
    for name, processes in (("one.csv", 1), ("two.csv", 2)):
        geocode_file(lambda: locator, source, "query", tmp_path / name, watched(done, processes))
    assert sum(done) == 6000
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_what_fails_in_a_process_is_raised_and_leaves_no_file(tmp_path: Path) -> None:
    class Broken(Geocoder):
        def match(self, query: GeocodeQuery) -> GeocodeMatch:
            raise ValueError(query.text)

    source = tmp_path / "in.csv"
    source.write_text("query\n" + "Rennes\n" * 2000, encoding="utf-8")
    locator = Locator(Broken(Gazetteer.build((), 2026)), EpciNames(()))
    with pytest.raises(ValueError, match="Rennes"):
        geocode_file(lambda: locator, source, "query", tmp_path / "out.csv", watched([], 2))
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_process_that_is_ended_is_told(tmp_path: Path) -> None:
    def end(_task: int) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    with on_cores(end, 2) as share_out, pytest.raises(ServiceUnavailable, match="was ended"):
        list(share_out([1]))


def test_an_unreadable_file_is_refused_before_a_geocoder_is_built(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes(b"PK\x03\x04 a workbook")

    def build() -> Locator:
        raise AssertionError("built in vain")

    with pytest.raises(InvalidInput, match="spreadsheet"):
        geocode_file(build, source, "query", tmp_path / "out.csv", watched([]))

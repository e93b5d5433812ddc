"""Every format holds what SQL says of the filter, and other people's programs read it."""

import csv
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl

import pyogrio
import pytest
from arro3.io import read_parquet
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Connection, Engine, text

from mapservice.geocoding.model import Precision
from mapservice.initiatives.exports import FIELDS, table_columns
from mapservice.initiatives.filters import InitiativeFilters, parse
from mapservice.publishing.exports import making
from mapservice.publishing.exports.model import ExportFormat, StreamFormat
from tests.publishing.exports.conftest import BASE
from tests.web.population import Kept, Made, insert
from tests.web.test_same_ids import filters_of_these

BY_GDAL = (
    StreamFormat.GEOJSON,
    StreamFormat.GEOJSON_LINES,
    StreamFormat.GEOJSON_SEQUENCE,
    *list(ExportFormat)[:2],
)
NOTHING = "q=motquepersonnenemploie"
Ids = Callable[[InitiativeFilters], list[str]]


def save(connection: Connection, form: str, target: Path, query: str = "") -> list[int]:
    """Writes the file; returns what the bar was told: the total, then each step."""
    told: list[int] = []
    filters, _ = parse(parse_qsl(query))
    making.save(connection, form, filters, BASE, target, (told.append, told.append))
    return told


def read_ids(path: Path) -> list[str]:
    """As another program reads them."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as content:
            return [row["id"] for row in csv.DictReader(content)]
    if path.suffix == ".parquet":
        return [str(key) for key in read_parquet(path).read_all()["id"].to_pylist()]
    if not path.stat().st_size or not pyogrio.read_info(path)["fields"].size:
        return []  # no lines; a collection of nothing has no fields
    return list(pyogrio.read_dataframe(path, read_geometry=False)["id"])


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(filters=filters_of_these)
def test_every_format_has_the_ids_that_sql_finds(
    reader: Connection, ids_by_sql: Ids, filters: InitiativeFilters
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for form in (*StreamFormat, *ExportFormat):
            path = Path(folder) / f"initiatives.{form}"
            making.save(reader, form, filters, BASE, path, (lambda total: None, lambda rows: None))
            found[form] = read_ids(path)
        present = {path.name for path in Path(folder).iterdir()}
        assert present == {f"initiatives.{form}" for form in found}
    ids = ids_by_sql(filters)
    if filters.precision == (Precision.POINT,):
        assert sorted(found.pop(ExportFormat.FLATGEOBUF)) == sorted(
            ids
        )  # its index has its own order
    assert found == dict.fromkeys(found, ids)


@pytest.mark.parametrize("form", [*StreamFormat, *ExportFormat])
def test_the_bar_counts_every_row(
    reader: Connection, ids_by_sql: Ids, tmp_path: Path, form: str
) -> None:
    total, *steps = save(reader, form, tmp_path / f"all.{form}")
    # A line tells of a row, but for the head of a CSV and the last feature of a collection.
    beside = {"csv": 1, "geojson": -1}.get(form, 0)
    assert sum(steps) - beside == total == len(ids_by_sql(InitiativeFilters())) > 100


@pytest.mark.parametrize("form", [*StreamFormat, *ExportFormat])
def test_nothing_found_is_still_a_sound_file(reader: Connection, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"none.{form}"
    save(reader, form, path, NOTHING)
    if form in (StreamFormat.GEOJSON_LINES, StreamFormat.GEOJSON_SEQUENCE):
        assert path.read_bytes() == b""
        return
    assert read_ids(path) == []
    if form in tuple(ExportFormat)[:2]:
        assert list(pyogrio.read_info(path)["fields"]) == list(FIELDS)
    if form == ExportFormat.GEOPARQUET:
        assert read_parquet(path).schema.names == [*FIELDS, "geometry"]


def test_fields_are_the_columns_in_their_order() -> None:
    assert list(FIELDS) == [column.name for column in table_columns("")]


def test_geoparquet_of_no_point_has_no_bbox(reader: Connection, tmp_path: Path) -> None:
    path = tmp_path / "wide.parquet"
    save(reader, "parquet", path, "precision=commune")
    table = read_parquet(path).read_all()
    assert table.num_rows > 0
    assert "bbox" not in json.loads(table.schema.metadata[b"geo"])["columns"]["geometry"]


def test_a_text_sequence_marks_each_record(reader: Connection, tmp_path: Path) -> None:
    """RFC 8142: each text between a record separator and a line feed."""
    save(reader, "geojsons", tmp_path / "all.geojsons")
    save(reader, "geojsonl", tmp_path / "all.geojsonl")
    sequence = (tmp_path / "all.geojsons").read_bytes()
    plain = (tmp_path / "all.geojsonl").read_bytes()
    assert sequence.count(b"\x1e") == plain.count(b"\n") > 100
    assert sequence == b"".join(b"\x1e" + line for line in plain.splitlines(keepends=True))
    assert all(json.loads(line)["type"] == "Feature" for line in plain.splitlines())


@pytest.mark.parametrize(("query", "indexed"), [("precision=point", True), ("", False)])
def test_flatgeobuf_is_indexed_where_all_have_a_point(
    reader: Connection, tmp_path: Path, query: str, indexed: bool
) -> None:
    path = tmp_path / "some.fgb"
    save(reader, "fgb", path, query)
    assert pyogrio.read_info(path)["capabilities"]["fast_spatial_filter"] is indexed
    box = pyogrio.read_dataframe(path, bbox=(-2, 48, -1, 49))
    assert 0 < len(box) < len(pyogrio.read_dataframe(path))


def test_ogrinfo_counts_what_we_wrote(reader: Connection, ids_by_sql: Ids, tmp_path: Path) -> None:
    ogrinfo = shutil.which("ogrinfo")
    if ogrinfo is None:
        pytest.skip("GDAL's commands are not installed")
    for form in BY_GDAL:
        path = tmp_path / f"all.{form}"
        save(reader, form, path)
        done = subprocess.run([ogrinfo, "-so", "-al", path], capture_output=True, text=True)
        assert f"Feature Count: {len(ids_by_sql(InitiativeFilters()))}\n" in done.stdout, (
            done.stderr
        )


def test_an_export_that_fails_leaves_what_was_there(reader: Connection, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def refuse(steps: int) -> None:
        raise Stop

    for form in (*StreamFormat, *ExportFormat):
        target = tmp_path / f"all.{form}"
        target.write_text("the former one")
        with pytest.raises(Stop):
            making.save(
                reader, form, InitiativeFilters(), BASE, target, (lambda total: None, refuse)
            )
        assert target.read_text() == "the former one"
    assert len(list(tmp_path.iterdir())) == len(StreamFormat) + len(ExportFormat)


KILLED = """
import os, sys
from pathlib import Path
from mapservice.db.engine import make_engine
from mapservice.publishing.exports import formats, making
from mapservice.initiatives.filters import InitiativeFilters

formats.publish = lambda made, target: os._exit(9)
with make_engine(sys.argv[1]).connect() as connection:
    making.save(connection, "gpkg", InitiativeFilters(), "", Path(sys.argv[2]), (int, int))
"""


def test_a_process_that_dies_leaves_no_file_that_looks_whole(
    database_url: str, initiatives: list[Kept], tmp_path: Path
) -> None:
    target = tmp_path / "all.gpkg"
    done = subprocess.run([sys.executable, "-c", KILLED, database_url, target], check=False)
    assert done.returncode == 9
    assert not target.exists()
    assert [path.name.startswith(".all.gpkg-") for path in tmp_path.iterdir()] == [True]


def test_rows_come_in_one_snapshot(shared_engine: Engine, initiatives: list[Kept]) -> None:
    """What a writer commits meanwhile is not in the file, so that the total holds."""
    apart = shared_engine.execution_options(isolation_level="REPEATABLE READ")
    with apart.connect() as connection, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all.gpkg"
        told: list[int] = []

        def start(total: int) -> None:
            told.append(total)
            with shared_engine.begin() as writer:
                insert(writer, [Made(commune="35238", id="00000000-0000-4000-8000-00000000000a")])

        making.save(connection, "gpkg", InitiativeFilters(), BASE, path, (start, told.append))
        assert len(read_ids(path)) == told[0] == sum(told[1:])
    with shared_engine.begin() as writer:
        gone = "DELETE FROM initiative WHERE id = '00000000-0000-4000-8000-00000000000a'"
        assert writer.execute(text(gone)).rowcount == 1

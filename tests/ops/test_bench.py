"""scripts/bench: what it offers, how it reads and keeps what it measured, and that its SQL runs."""

import csv
import importlib
import io
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from mapservice.db.engine import make_engine
from mapservice.imports.fixtures.service import generate_initiatives
from scripts.benchmarks import (
    activity,
    bulk,
    database,
    export,
    gatherings,
    items,
    locate,
    search,
    tiles,
)
from scripts.benchmarks.load import Measure, read_summary
from scripts.benchmarks.options import WORKS, Options, parse, peers_needed
from scripts.benchmarks.places import Place, populated
from scripts.benchmarks.raw import Request, Taken, ask, connect, measure_of, percentile
from scripts.benchmarks.report import Row, Section, Target, compared, keep, number, placed
from scripts.benchmarks.statements import own_requests
from tests.conftest import temporary_database

LISTED = 400
LOCKS = [f"scripts/requirements-peers-{peer}.lock" for peer in ("addok", "pygeoapi", "tipg")]
RENNES = Place("Rennes", "35000", 227_830, -1.6778, 48.1173)


@pytest.fixture(scope="module")
def tiny_url(server_url: str, france_template: str) -> Iterator[str]:
    """A database with a few hundred initiatives and what the bench adds to its own."""
    with temporary_database(server_url, "bench", france_template) as url:
        engine = make_engine(url)
        generate_initiatives(engine, LISTED, 1, lambda _rows: None)
        engine.dispose()
        database.add_views(url)
        yield url


def run_all(url: str, requests: list[Request]) -> list[Taken]:
    with connect(url) as connection, connection.cursor(binary=True) as cursor:
        return [ask(cursor, request) for request in requests]


# --- the script -----------------------------------------------------------------------------


def test_the_script_is_sound_and_can_be_run(repository: Path) -> None:
    script = repository / "scripts" / "bench"
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert script.stat().st_mode & 0o111 == 0o111


def test_help_names_every_work_and_needs_no_set_up(repository: Path) -> None:
    done = subprocess.run(
        [repository / "scripts" / "bench", "--help"],
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert (
        "tiles,items,export,search,bulk,locate,activity,coordination,growth,gatherings"
        in done.stdout
    )


@pytest.mark.parametrize("name", WORKS)
def test_every_work_has_its_module(name: str) -> None:
    work = importlib.import_module(f"scripts.benchmarks.{name}")
    assert work.TITLE
    assert work.NOTE
    assert callable(work.measure)


def test_works_bring_the_peers_that_they_need() -> None:
    assert peers_needed(parse(["--only", "items,search"])) == ["tipg", "pygeoapi", "addok"]
    assert peers_needed(parse(["--only", "items,search", "--no-peers"])) == []


def test_growth_goes_from_ten_thousand_to_the_count() -> None:
    assert parse(["--count", "1000000"]).sizes == (10_000, 1_000_000)
    assert parse(["--count", "10000000"]).sizes == (10_000, 1_000_000, 10_000_000)
    assert parse(["--count", "500"]).sizes == (500,)


@pytest.mark.parametrize(
    "words", [["--only", "tiles,rivers"], ["--count", "0"], ["--seconds", "x"]]
)
def test_what_makes_no_sense_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse(words)


@pytest.mark.parametrize("name", LOCKS)
def test_peers_are_pinned_with_hashes_and_no_host(repository: Path, name: str) -> None:
    lock = (repository / name).read_text()
    assert not re.search(r"://|--index-url|--find-links", lock)
    for package in re.split(r"\n(?=[a-z0-9])", lock):
        assert re.match(r"[a-z0-9.\-]+==[\w.]+( ; [^\\]+)? \\\n", package), package[:60]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", package), package[:60]


def test_every_door_of_the_gatherings_answers(tiny_url: str) -> None:
    asked = [path for paths, _ in gatherings.requests([RENNES]).values() for path in paths]
    assert len(asked) == 20
    assert all(own_requests(tiny_url, asked))


# --- what was measured ----------------------------------------------------------------------


def test_refused_requests_do_not_count_as_speed() -> None:
    output = (
        "Running 2s test\n\n"
        '{"requests":100,"microseconds":2000000,"bytes":50000,'
        '"p50":1500,"p99":9000,"refused":20,"broken":1}\n'
    )
    assert read_summary(output) == Measure(40.0, 1.5, 9.0, 500.0, failed=21)


def test_raw_rates_add_up_the_connections() -> None:
    measured = measure_of([Taken(10.0, 100), Taken(30.0, 300)])
    assert measured == Measure(per_second=100.0, p50=10.0, p99=30.0, size=200.0)


def test_percentiles_are_values_that_occurred() -> None:
    assert percentile([5.0, 1.0, 3.0], 50) == 3.0
    assert percentile([1.0, 2.0], 99) == 2.0
    assert percentile([7.0], 50) == 7.0


def test_numbers_have_three_digits_that_count() -> None:
    assert [number(value) for value in (None, 0.01234, 3.14159, 42.0, 1234567.8)] == [
        "–",
        "0.0123",
        "3.14",
        "42",
        "1 234 568",
    ]


def test_targets_tell_what_is_missed() -> None:
    targets = [Target(0.5, ("raw",)), Target(10, ("tipg", "pygeoapi")), Target(slowest=20)]
    others = {"raw": Measure(100.0), "tipg": Measure(12.0), "pygeoapi": Measure(3.0)}
    row = Row("z14", Measure(60.0, p50=1.0, p99=25.0), others, targets)
    assert compared("", [row], "tiles")[-1].rows == [
        ("z14: ours ÷ raw", "≥ 0.5", "0.6", "yes"),
        ("z14: ours ÷ tipg or pygeoapi", "≥ 10", "5", "**no**"),
        ("z14: p99", "≤ 20 ms", "25 ms", "**no**"),
    ]


def test_rates_stand_beside_their_ratios() -> None:
    rows = [Row("a", Measure(50.0), {"raw": Measure(200.0)}), Row("b", Measure(5.0))]
    (table,) = compared("Of all", rows)
    assert table.header == ["requests per second", "ours", "raw", "ours ÷ raw"]
    assert table.rows == [["a", "50", "200", "0.25"], ["b", "5", "–", "–"]]


def test_a_section_replaces_its_former_self_and_no_other() -> None:
    text = placed(placed("# Performance\n", "tiles", "old\n"), "items", "kept\n")
    assert placed(text, "tiles", "new\n") == (
        "# Performance\n\n"
        "<!-- start of tiles, written by scripts/bench -->\nnew\n"
        "<!-- end of tiles, written by scripts/bench -->\n\n"
        "<!-- start of items, written by scripts/bench -->\nkept\n"
        "<!-- end of items, written by scripts/bench -->\n"
    )


def test_kept_tables_name_their_circumstances(tmp_path: Path) -> None:
    path = tmp_path / "performance.md"
    options = Options(1_000_000, ("tiles",), 3, peers=True, out=path)
    tables = compared("", [Row("z14", Measure(50.0), {"raw": Measure(100.0)})])
    keep(Section("tiles", "Vector tiles", "A note.", tables, busy=0.25), options, path)
    text = path.read_text()
    assert "Only the ratios within a table mean something" in text
    assert re.search(
        r"\*\d{4}-\d\d-\d\d: 1 000 000 initiatives, \d+ cores, \d+ GiB, 3 s a load", text
    )
    assert "others took 25% of the cores" in text
    assert "| z14 | 50 | 100 | 0.5 |" in text


# --- the SQL --------------------------------------------------------------------------------


def test_places_are_distinct_and_the_same_in_every_run(tiny_url: str) -> None:
    places = populated(tiny_url, 50)
    assert len(set(places)) == 50
    assert places == populated(tiny_url, 50)


def test_a_place_lies_in_its_tile_and_box() -> None:
    tile = RENNES.tile(10)
    assert (tile.z, tile.x, tile.y) == (10, 507, 355)
    assert RENNES.bbox == (-1.7778, 48.0173, -1.5778, 48.2173)


def test_plain_tiles_hold_something(tiny_url: str) -> None:
    (taken,) = run_all(tiny_url, [tiles.plain(RENNES.tile(0))])
    assert taken.size > LISTED


def test_the_statements_of_our_own_doors_run_without_them(tiny_url: str) -> None:
    paths = [
        tiles.path(RENNES.tile(0)),
        items.path(items.OWN, RENNES, 10),
        *activity.PATHS.values(),
    ]
    requests = own_requests(tiny_url, paths)
    assert [bool(request) for request in requests] == [True] * len(paths)
    assert all(taken.size > 0 for taken in run_all(tiny_url, requests))


def test_plain_items_activity_and_search_run(tiny_url: str) -> None:
    requests = [
        items.plain(RENNES, 10),
        *(activity.plain(column) for column in activity.COLUMNS.values()),
        search.plain_prefix("renn"),
        search.plain_holder(RENNES.lon, RENNES.lat),
    ]
    taken = run_all(tiny_url, requests)
    assert all(one.size > 0 for one in taken[1:])


def test_peers_see_what_our_doors_list(tiny_url: str) -> None:
    views = (
        "initiative WHERE status IN ('published', 'done')",
        *(f"bench.{name}" for name in ("initiative", "initiative_tile")),
    )
    with psycopg.connect(tiny_url) as connection:
        counts = {connection.execute(f"SELECT count(*) FROM {view}").fetchone() for view in views}
    assert len(counts) == 1


@pytest.mark.parametrize("kind", export.PLAIN)
def test_plain_exports_run(tiny_url: str, kind: str) -> None:
    statement = export.PLAIN[kind].encode()
    with connect(tiny_url) as connection, connection.cursor().copy(statement) as rows:
        lines = b"".join(bytes(row) for row in rows).splitlines()
    assert len(lines) > LISTED / 2


def test_the_raw_join_runs(tiny_url: str) -> None:
    assert locate.joined(tiny_url, 50) > 0


def test_texts_of_files_are_distinct(tmp_path: Path) -> None:
    rows = bulk.texts([RENNES], 100)
    assert len(set(rows)) == 100
    bulk.write(tmp_path / "texts.csv", rows)
    read = csv.DictReader(io.StringIO((tmp_path / "texts.csv").read_text()))
    assert [row["query"] for row in read] == rows

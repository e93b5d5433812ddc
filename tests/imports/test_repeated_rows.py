"""Rows that repeat another one but for a detail, and rows that were corrected since."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from mapservice.geocoding.service import Locator
from mapservice.imports import run_service
from mapservice.imports.repeated_rows import RepeatHandling
from mapservice.imports.row_reports import RowReport
from mapservice.imports.service import ImportOptions, import_file, summary_of
from mapservice.rollups.queries import differences

Import = Callable[..., list[RowReport]]
HEADER = "titre;commune;adresse;description;montant\n"


@pytest.fixture
def rows(engine: Engine, locator: Locator, tmp_path: Path) -> Import:
    """`rows(lines…, header=…, name=…)`: imports a CSV file of these lines."""

    def rows(
        *lines: str, header: str = HEADER, name: str = "actions.csv", **options: Any
    ) -> list[RowReport]:
        path = tmp_path / name
        path.write_text(header + "".join(f"{line}\n" for line in lines), encoding="utf-8")
        return list(import_file(engine, locator, path, ImportOptions(**options)).reports)

    return rows


def outcomes(reports: list[RowReport]) -> list[str]:
    return [str(report.outcome) for report in reports]


def kept(engine: Engine) -> list[tuple[str, str, str]]:
    """Title, status and place of each initiative."""
    with engine.connect() as connection:
        assert differences(connection) == []
        statement = "SELECT title, status, place_text FROM initiative ORDER BY title, status"
        return [tuple(row) for row in connection.execute(text(statement))]


def ids(engine: Engine) -> dict[str, str]:
    with engine.connect() as connection:
        found = connection.execute(text("SELECT title, text(id) AS id FROM initiative"))
        return {row.title: row.id for row in found}


# --- rows that repeat each other ------------------------------------------------------------------


def test_of_projects_listed_several_times_one_is_public_and_the_others_wait(
    engine: Engine, locator: Locator, trial_data: Path
) -> None:
    path = trial_data / "imports" / "dsil_projets_2020.csv"
    first = list(import_file(engine, locator, path, ImportOptions()).reports)
    with engine.connect() as connection:
        twins = text(
            "SELECT count(*) FROM (SELECT FROM initiative WHERE status = 'published'"
            " GROUP BY lower(title), commune, epci HAVING count(*) > 1) AS twins"
        )
        assert connection.execute(twins).scalar_one() == 0
    found = Counter(row[1] for row in kept(engine))
    assert found.total() == 223
    assert found["pending"] == outcomes(first).count("repeated") > 90
    again = list(import_file(engine, locator, path, ImportOptions()).reports)
    assert set(outcomes(again)) == {"unchanged"}


@pytest.mark.parametrize(
    "other",
    [
        "Café des Halles;Rennes;;;1500",
        "CAFE DES HALLES;RENNES;;;1000",
        "Le café des Halles;Rennes;;;1000",
        "Café  des  Halles !;rennes;;Un café;1000",
        "Café des Halles;Rennes;;;",
    ],
)
def test_a_row_that_differs_in_a_spelling_or_an_amount_waits(
    rows: Import, engine: Engine, other: str
) -> None:
    reports = rows("Café des Halles;Rennes;;;1000", "Une haie;Betton;;;10", other)
    assert outcomes(reports) == ["imported", "imported", "repeated"]
    assert reports[2].reason.startswith("may be the same as line 2: same title, same place")
    assert (reports[2].line, reports[2].status) == (4, "pending")
    assert Counter(status for _, status, _ in kept(engine)) == {"published": 2, "pending": 1}


def test_what_a_repeated_row_says_otherwise_is_named(rows: Import) -> None:
    reports = rows("Café des Halles;Rennes;;;1000", "Café des Halles;Rennes;;;1500")
    assert reports[1].reason.endswith("; it says something else in: montant")


@pytest.mark.parametrize(
    "other",
    [
        "Café des Halles;Betton;;;1000",
        "Café des Halles;Rennes;12 rue de Brest;;1000",
        "Café des Halles;Rennes;;Un autre café, tenu par des bénévoles;1000",
        "Café des Halles du nord;Rennes;;;1000",
    ],
)
def test_another_place_or_text_is_another_initiative(
    rows: Import, engine: Engine, other: str
) -> None:
    where = "3 rue de Paris" if "12 rue" in other else ""
    reports = rows(f"Café des Halles;Rennes;{where};Un café;1000", other)
    assert outcomes(reports) == ["imported", "imported"]


def test_one_street_is_one_place_however_it_is_described(rows: Import) -> None:
    one = "Maison de services;Rennes;80 rue de Sorholus;Accueil le matin;"
    other = "MAISON DE SERVICES;Rennes;80, r. de Sorholus;Ateliers le soir;"
    assert outcomes(rows(one, other)) == ["imported", "repeated"]


def test_points_tell_places_apart(rows: Import) -> None:
    header = "titre;commune;longitude;latitude;montant\n"
    reports = rows(
        "Café des Halles;Rennes;-1.65021;48.13012;1",
        "Café des Halles;Rennes;-1.65025;48.13010;2",
        "Café des Halles;Rennes;-1.68021;48.11012;3",
        header=header,
    )
    assert outcomes(reports) == ["imported", "repeated", "imported"]


def test_ids_of_the_source_tell_rows_apart_unless_nothing_else_does(rows: Import) -> None:
    header = "id;titre;commune;montant\n"
    reports = rows(
        "a7;Café des Halles;Rennes;1",
        "b9;Café des Halles;Rennes;2",
        "c3;CAFÉ DES HALLES;Rennes;1",
        header=header,
    )
    assert outcomes(reports) == ["imported", "imported", "repeated"]


def test_other_days_are_other_happenings(rows: Import) -> None:
    header = "titre;commune;date début;date fin\n"
    reports = rows(
        "Grande lessive;Rennes;2026-03-01;2026-03-01",
        "Grande lessive;Rennes;2026-04-01;2026-04-01",
        header=header,
    )
    assert outcomes(reports) == ["imported", "imported"]


def test_who_says_that_they_differ_is_believed(rows: Import, engine: Engine) -> None:
    lines = "Café des Halles;Rennes;;;1000", "Café des Halles;Rennes;;;1500"
    kept_apart = rows(*lines, repeats=RepeatHandling.SEPARATE)
    assert outcomes(kept_apart) == ["imported", "imported"]
    assert {status for _, status, _ in kept(engine)} == {"published"}


def test_who_wants_the_first_of_each_gets_that_and_the_report_tells_of_the_others(
    rows: Import, engine: Engine
) -> None:
    lines = "Café des Halles;Rennes;;;1000", "Café des Halles;Rennes;;;1500"
    for first in ("imported", "unchanged"):
        reports = rows(*lines, repeats=RepeatHandling.LEAVE)
        assert outcomes(reports) == [first, "merged"]
        assert reports[1].reason.endswith("montant; left out, as asked")
    assert len(kept(engine)) == 1


def test_what_a_moderator_published_stays_so_and_what_waits_goes_on_waiting(
    rows: Import, engine: Engine
) -> None:
    header = "titre;commune;url;montant\n"
    lines = ["Café des Halles;Rennes;;1000", "Café des Halles;Rennes;;1500"]
    rows(*lines, header=header)
    # The order of rows is not what they say.
    assert outcomes(rows(*reversed(lines), header=header)) == ["unchanged", "unchanged"]
    with engine.begin() as connection:
        connection.execute(text("UPDATE initiative SET status = 'published'"))
    header = "titre;commune;url;montant;année\n"
    changed = rows(*[f"{line};2024" for line in lines], header=header)
    assert "repeated" not in outcomes(changed)[:1]
    assert ("Café des Halles", "published", "Rennes") in kept(engine)


def test_a_later_file_of_the_source_does_not_repeat_what_is_here(
    rows: Import, engine: Engine
) -> None:
    rows("Café des Halles;Rennes;;;1000", "Une haie;Betton;;;10")
    header = "titre;commune;adresse;description;montant;créé le\n"
    reports = rows("Café des Halles;Rennes;;;1500;2024-05-01", "Un four;Bruz;;;;", header=header)
    assert outcomes(reports) in (["repeated", "imported"], ["updated", "imported"])
    public = [title for title, status, _ in kept(engine) if status == "published"]
    assert public.count("Café des Halles") == 1


# --- rows that were corrected ---------------------------------------------------------------------

LIST = (
    "Un verger partagé;Rennes;;Planter des pommiers;100",
    "Café des Halles;Betton;;Réparer;200",
    "Une haie;Bruz;;Planter une haie;300",
    "Un four à pain;Cesson-Sévigné;;Cuire;400",
)


@pytest.mark.parametrize(
    ("number", "corrected", "told"),
    [
        (0, "Un verger partagé pour tous;Rennes;;Planter des pommiers;100", "imported before as"),
        (0, "Un verger partagé;Mordelles;;Planter des pommiers;100", "its place was 'Rennes'"),
        (1, "Café des Hales;Betton;;On répare;210", "imported before as 'Café des Halles'"),
        (2, "UNE HAIE;Bruz;;Planter une haie;300", "imported before as 'Une haie'"),
    ],
)
def test_a_corrected_row_changes_what_it_was(
    rows: Import, engine: Engine, number: int, corrected: str, told: str
) -> None:
    rows(*LIST)
    before = ids(engine)
    new = [corrected if at == number else line for at, line in enumerate(LIST)]
    for options in ({"dry_run": True}, {}):
        reports = rows(*new, snapshot=True, **options)
        assert Counter(outcomes(reports)) == {"unchanged": 3, "updated": 1}
        assert told in reports[number].reason
    assert len(kept(engine)) == 4
    assert {status for _, status, _ in kept(engine)} == {"published"}
    title = corrected.partition(";")[0]
    assert ids(engine)[title] == before[LIST[number].partition(";")[0]]
    assert set(outcomes(rows(*new))) == {"unchanged"}


def test_a_corrected_row_is_as_before_once_its_run_is_undone(rows: Import, engine: Engine) -> None:
    rows(*LIST)
    before = kept(engine)
    rows("Un verger pour tous;Rennes;;Planter des pommiers;100", *LIST[1:])
    assert kept(engine) != before
    with engine.connect() as connection:
        run = connection.execute(text("SELECT max(id) FROM import_run")).scalar_one()
    run_service.undo_run(engine, run)
    assert kept(engine) == before
    assert set(outcomes(rows(*LIST))) == {"unchanged"}


def test_the_next_part_of_a_list_corrects_nothing(rows: Import, engine: Engine) -> None:
    rows(*LIST)
    reports = rows(
        "Une haie;Vern-sur-Seiche;;Planter une haie;300", "Café des Hales;Betton;;Réparer;200"
    )
    assert outcomes(reports) == ["imported", "imported"]
    assert len(kept(engine)) == 6


def test_two_that_could_be_meant_are_not_guessed(rows: Import, engine: Engine) -> None:
    more = "Un jardin;Rennes;;;1", "Un jardin;Bruz;;;2"
    rows(*LIST, *more)
    reports = rows(*LIST, "Un jardin;Vern-sur-Seiche;;;5", "Un jardin;Mordelles;;;6")
    assert outcomes(reports)[4:] == ["imported", "imported"]
    assert len(kept(engine)) == 8


# --- what identifies a row ------------------------------------------------------------------------


def test_a_number_that_counts_rows_is_no_id(rows: Import, engine: Engine) -> None:
    header = "N°;titre;commune\n"
    rows("1;Un verger;Rennes", "2;Une haie;Bruz", header=header)
    before = ids(engine)
    rows("1;Un four;Betton", "2;Un verger;Rennes", "3;Une haie;Bruz", header=header)
    after = ids(engine)
    assert {title: after[title] for title in before} == before
    assert len(after) == 3


def test_a_number_that_does_not_count_rows_is_an_id(rows: Import, engine: Engine) -> None:
    header = "N°;titre;commune\n"
    rows("17;Un verger;Rennes", "23;Une haie;Bruz", header=header)
    assert outcomes(rows("17;Le grand verger;Betton", header=header)) == ["updated"]
    assert [title for title, _, _ in kept(engine)] == ["Le grand verger", "Une haie"]


def test_who_says_that_a_number_is_an_id_is_believed(rows: Import, engine: Engine) -> None:
    header = "N°;titre;commune\n"
    told = {"mapping": {"id": "N°"}}
    rows("1;Un verger;Rennes", "2;Une haie;Bruz", header=header, **told)
    assert outcomes(rows("1;Le grand verger;Betton", header=header, **told)) == ["updated"]


def test_a_code_that_contradicts_its_name_waits(rows: Import, engine: Engine) -> None:
    header = "titre;commune;code insee\n"
    reports = rows("Un jardin;Brest;29202", "Une haie;Brest;29019", header=header)
    assert outcomes(reports) == ["to_review", "imported"]
    assert "the name and the INSEE code disagree" in reports[0].reason
    with engine.connect() as connection:
        found = "SELECT commune FROM initiative WHERE title = 'Un jardin'"
        assert connection.execute(text(found)).scalar_one() is None


def test_numbers_of_rows_say_nothing_of_them(rows: Import, engine: Engine) -> None:
    """Also where a total stands between the rows; with one more row at the top nothing changes."""
    header = "N°;titre;commune;montant\n"
    first = "1;Un verger;Rennes;10", "Sous-total;;;10", "2;Une haie;Bruz;20"
    rows(*first, header=header)
    more = "1;Un four;Betton;5", "2;Un verger;Rennes;10", "Sous-total;;;15", "3;Une haie;Bruz;20"
    reports = rows(*more, header=header)
    assert outcomes(reports) == ["imported", "unchanged", "skipped", "unchanged"]
    with engine.connect() as connection:
        found = connection.execute(text("SELECT attributes FROM initiative_detail")).scalars()
        assert all(attributes.keys() == {"montant"} for attributes in found)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "Un jardin;Rennes;35000;22278",
            "the INSEE code 22278 is another commune's (Saint-Brieuc)",
        ),
        ("Un jardin;Rennes;35000;35999", "no commune has the INSEE code 35999"),
        ("Un jardin;Rennes;44000;35238", "the postcode 44000 is that of other communes (Nantes)"),
    ],
)
def test_a_code_that_speaks_of_another_commune_is_told(
    rows: Import, engine: Engine, line: str, told: str
) -> None:
    reports = rows(line, header="titre;commune;code postal;code insee\n")
    assert reports[0].commune == "35238"
    assert told in reports[0].reason


def test_codes_that_agree_are_not_mentioned(rows: Import) -> None:
    """Also that of a former commune, of an arrondissement and of a cedex."""
    reports = rows(
        "Un jardin;Rennes;35000;35238",
        "Un four;Paris;75011;75111",
        "Une haie;Plounéour-Trez;29890;29203",
        "Un verger;Rennes Cedex;35042;35238",
        header="titre;commune;code postal;code insee\n",
    )
    assert [report.reason for report in reports] == [""] * 4


def test_what_is_near_a_town_is_told_to_be_so(rows: Import) -> None:
    lines = "Un jardin;près de Rennes;;;", "Une haie;aux environs de Bruz;;;"
    plain = "Un four;Rennes;rue des Prés;;", "Un verger;Bruz;place d’à côté;;"
    reports = rows(*lines, *plain)
    told = ["a place near it is named" in report.reason for report in reports]
    assert told == [True, True, False, False]


def test_what_another_source_says_otherwise_is_named(rows: Import, engine: Engine) -> None:
    rows("Un four;Rennes;;Cuire du pain;10", name="une.csv")
    (report,) = rows("Un four;Rennes;;Cuire du pain;15", name="autre.csv")
    assert str(report.outcome) == "elsewhere"
    assert report.reason.endswith("; it says something else (montant) and was left as it is")
    (reworded,) = rows("Un four;Rennes;;Cuire du bon pain;10", name="autre.csv")
    assert str(reworded.outcome) == "elsewhere"
    assert "it says something else (description)" in reworded.reason
    dated = HEADER.replace("montant", "montant;créé le")
    line = "Un four;Rennes;;Cuire du bon pain;10;2024-05-01"
    (twin,) = rows(line, header=dated, name="autre.csv")
    assert (str(twin.outcome), twin.status) == ("repeated", "pending")
    (other,) = rows("Un four;Rennes;;Réparer la chaudière de l’école;10", name="encore.csv")
    assert str(other.outcome) == "imported"


# --- what is told of changes ----------------------------------------------------------------------


def test_a_change_says_in_what_and_what_the_file_lacks_is_counted(
    rows: Import, engine: Engine, locator: Locator, tmp_path: Path
) -> None:
    rows(*LIST)
    changed = "Un verger partagé;Rennes;;Planter des poiriers;150"
    reports = rows(changed, *LIST[1:3])
    assert outcomes(reports) == ["updated", "unchanged", "unchanged"]
    assert reports[0].reason == "says something else than before in: description, montant"
    path = tmp_path / "actions.csv"
    run = import_file(engine, locator, path, ImportOptions(dry_run=True))
    assert set(outcomes(list(run.reports))) == {"unchanged"}
    assert run.gone.absent == 1
    assert "1 of this source are not in the file, and stay" in summary_of(run, {})
    snapshot = import_file(engine, locator, path, ImportOptions(dry_run=True, snapshot=True))
    list(snapshot.reports)
    assert (snapshot.gone.absent, snapshot.gone.archived) == (0, 1)


def test_a_territory_that_is_no_commune_is_read_too(rows: Import, engine: Engine) -> None:
    header = "titre;Territoire\n"
    lines = "Un four;Rennes Métropole", "Une haie;Ille-et-Vilaine", "Un mur;Betton"
    reports = rows(*lines, header=header)
    assert [report.territory for report in reports] == ["243500139", "35", "35024"]


def test_a_day_ahead_is_told_as_it_is_written(rows: Import) -> None:
    (report,) = rows("Un four;Rennes;15/01/2099", header="titre;commune;date de création\n")
    assert "'15/01/2099' lies in the future" in report.reason

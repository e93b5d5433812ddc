"""Importing files: what becomes of each row, on real files and on rows made for one rule each."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import OperationalError

from mapservice.errors import InvalidInput, SourceError
from mapservice.geocoding.service import Locator
from mapservice.imports.row_reports import RowOutcome, RowReport
from mapservice.imports.service import ImportOptions, import_file
from mapservice.initiatives import service
from mapservice.initiatives.service import InitiativeDraft
from mapservice.rollups.queries import differences

Import = Callable[..., list[RowReport]]

HEADER = "id,titre,description,adresse,code postal,ville,lon,lat,date\n"
VERGER = "1,Un verger,Planter,,79000,Niort,,,2025-01-18\n"
REPAIR = "2,Un café des réparations,Réparer,,35000,Rennes,,,2025-01-19\n"
GARDEN = "3,Un jardin,Semer,,44000,Nantes,,,2025-01-20\n"


@pytest.fixture
def run(engine: Engine, locator: Locator) -> Import:
    """`run(path, dry_run=…, mapping=…)`: the report on each row."""

    def run(path: Path, **options: Any) -> list[RowReport]:
        return list(import_file(engine, locator, path, ImportOptions(**options)).reports)

    return run


@pytest.fixture
def rows(run: Import, tmp_path: Path) -> Callable[..., list[RowReport]]:
    """`rows(line, …)`: imports a CSV file of these lines."""

    def rows(*lines: str, **options: Any) -> list[RowReport]:
        path = tmp_path / "initiatives.csv"
        path.write_text(HEADER + "".join(lines), encoding="utf-8")
        return run(path, **options)

    return rows


def outcomes(reports: Sequence[RowReport]) -> list[str]:
    return [str(report.outcome) for report in reports]


def kept(engine: Engine) -> Sequence[Row[Any]]:
    """Every initiative with its match's review, by title."""
    with engine.connect() as connection:
        return connection.execute(
            text(
                "SELECT initiative.*, review, decided_by, location_match.reason, ST_X(point) AS lon"
                "  FROM initiative"
                "  LEFT JOIN location_match ON location_match.initiative = initiative.id"
                " ORDER BY title"
            )
        ).all()


def column(path: Path, name: str) -> Iterator[str]:
    with path.open(encoding="utf-8", newline="") as source:
        yield from (row[name] for row in csv.DictReader(source))


# --- real files -----------------------------------------------------------------------------


@pytest.fixture
def file(trial_data: Path) -> Callable[[str], Path]:
    return lambda name: trial_data / "imports" / f"{name}.csv"


def communes(engine: Engine) -> dict[str, Row[Any]]:
    return {row.source_id: row for row in kept(engine)}


def test_niort_lands_in_the_communes_of_its_points_or_waits(
    run: Import, engine: Engine, file: Callable[[str], Path]
) -> None:
    """Former communes included. Elsewhere lie only those whose name and postcode say otherwise:
    they have no pin and wait for a person. Then all stay as they are."""
    path = file("transiscope_niort")
    reports = run(path)
    found = communes(engine)
    placed = [
        (found[report.source_id], insee)
        for report, insee in zip(reports, column(path, "insee_pip"), strict=True)
        if report.source_id in found
    ]
    assert len(reports) == len(placed) == 100
    elsewhere = [row for row, insee in placed if row.commune != insee]
    assert {(row.review, row.lon) for row in elsewhere} == {("waiting", None)}
    assert all("the words say otherwise" in row.reason for row in elsewhere)
    assert len(elsewhere) <= 7
    assert Counter(outcomes(run(path))) == {"unchanged": 100}
    with engine.connect() as connection:
        assert differences(connection) == []


def test_projects_of_paris_lie_in_paris_and_get_no_pin(
    run: Import, engine: Engine, file: Callable[[str], Path]
) -> None:
    path = file("paris_budget_participatif")
    reports = run(path)
    assert len(reports) == 1341
    assert {row.commune for row in kept(engine)} == {"75056"}
    assert {row.precision for row in kept(engine)} == {"commune"}
    first = Counter(outcomes(reports))
    assert set(first) <= {"imported", "merged"}
    assert Counter(outcomes(run(path))) == {
        "unchanged": first["imported"],
        **({"merged": first["merged"]} if first["merged"] else {}),
    }


def test_places_of_digital_help_agree_with_their_points(
    run: Import, engine: Engine, file: Callable[[str], Path]
) -> None:
    """96 % at least of the rows imported whose text names a place."""
    path = file("mednum_lieux")
    reports = run(path)
    found = communes(engine)
    agreed = [
        found[report.source_id].commune == insee
        for report, insee in zip(reports, column(path, "insee_pip"), strict=True)
        if report.source_id in found and report.place and insee
    ]
    assert len(reports) == 1410
    assert len(agreed) > 1200
    assert sum(agreed) / len(agreed) >= 0.96


def test_projects_of_pays_de_la_loire_are_placed_by_their_bearer(
    run: Import, engine: Engine, file: Callable[[str], Path]
) -> None:
    path = file("dsil_projets_2020")
    reports = run(path)
    placed = [row for row in kept(engine) if row.region == "52"]
    assert len(reports) == 223
    assert len(placed) / len(kept(engine)) > 0.95
    assert all(row.commune is None for row in kept(engine) if row.precision == "epci")


def test_initiatives_of_mayotte_are_in_mayotte_and_the_one_at_a_centre_is_no_pin(
    run: Import, engine: Engine, file: Callable[[str], Path]
) -> None:
    reports = run(file("mayotte_initiatives"))
    found = kept(engine)
    assert len(reports) == 12
    assert {row.departement for row in found} == {"976"}
    communes = [row.title for row in found if row.precision == "commune"]
    assert communes == ["Nettoyage des villages de la commune de Bandrélé"]
    assert Counter(row.precision for row in found) == {"point": 11, "commune": 1}
    days = [row.created_at.date().isoformat() for row in found if row.created_at]
    assert min(days) == "2025-01-18"


# --- what becomes of a row ------------------------------------------------------------------


def test_a_row_is_imported_then_unchanged_then_updated(rows: Import, engine: Engine) -> None:
    assert outcomes(rows(VERGER, REPAIR)) == ["imported", "imported"]
    before = {row.source_id: row.id for row in kept(engine)}
    assert outcomes(rows(VERGER, REPAIR)) == ["unchanged", "unchanged"]
    assert outcomes(rows(VERGER.replace("Planter", "Planter et tailler"), REPAIR)) == [
        "updated",
        "unchanged",
    ]
    after = kept(engine)
    assert {row.source_id: row.id for row in after} == before
    assert [row.description for row in after] == ["Réparer", "Planter et tailler"]


def test_columns_in_another_order_and_separator_change_nothing(
    rows: Import, run: Import, tmp_path: Path
) -> None:
    rows(VERGER)
    path = tmp_path / "initiatives.csv"
    path.write_bytes(
        "ville;code postal;date;titre;id;description\n"
        "Niort;79000;18/01/2025;Un verger;1;Planter\n".encode("cp1252")
    )
    assert outcomes(run(path)) == ["unchanged"]


def test_a_moved_row_moves(rows: Import, engine: Engine) -> None:
    rows(VERGER)
    assert outcomes(rows(VERGER.replace("79000,Niort", "35000,Rennes"))) == ["updated"]
    assert [row.commune for row in kept(engine)] == ["35238"]


def test_an_updated_row_keeps_its_supporters_and_follows_its_source(
    rows: Import, engine: Engine
) -> None:
    rows(VERGER)
    with engine.begin() as connection:
        connection.execute(text("UPDATE initiative SET supporters = 12"))
    assert outcomes(rows(VERGER.replace("2025-01-18", ""))) == ["updated"]
    row = kept(engine)[0]
    assert (row.supporters, row.created_at, row.created_period, row.updated_at) == (
        12,
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("written", "created_at", "period"),
    [
        ("2025-01-18", datetime(2025, 1, 18, tzinfo=UTC), None),
        ("2022", None, "2022"),
        ("mars 2022", None, "2022-03"),
        ("bientôt", None, None),
        ("2098-01-01", None, None),
        ("", None, None),
    ],
)
def test_a_date_is_kept_as_far_as_it_was_told(
    rows: Import, engine: Engine, written: str, created_at: datetime | None, period: str | None
) -> None:
    report, _ = rows(VERGER.replace("2025-01-18", written), REPAIR)
    row = kept(engine)[1]
    assert (row.created_at, row.created_period, row.updated_at) == (created_at, period, None)
    assert (report.reason != "") == (written in ("bientôt", "2098-01-01"))


@pytest.mark.parametrize("identified", [True, False])
def test_importing_again_mends_a_date_that_was_invented(
    run: Import, engine: Engine, tmp_path: Path, identified: bool
) -> None:
    """As an earlier version saved it: the day of the import, or the first one of a year."""
    head, ids = ("id,", ("1,", "2,")) if identified else ("", ("", ""))
    path = tmp_path / "initiatives.csv"
    path.write_text(
        f"{head}titre,date,code postal,ville\n{ids[0]}Un verger,,79000,Niort\n"
        f"{ids[1]}Une mare,2022,79000,Niort\n"
    )
    run(path)
    before = {row.title: row.id for row in kept(engine)}
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE initiative SET updated_at = now(), created_period = NULL,"
                " created_at = coalesce(to_date(created_period, 'YYYY'), now()),"
                " source_digest = 'of another reading'"
            )
        )
    assert outcomes(run(path)) == ["updated", "updated"]
    found = kept(engine)
    assert {row.title: row.id for row in found} == before
    assert [(row.created_at, row.updated_at) for row in found] == [(None, None)] * 2
    assert {row.title: row.created_period for row in found} == {
        "Un verger": None,
        "Une mare": "2022",
    }
    assert outcomes(run(path)) == ["unchanged", "unchanged"]


def test_what_has_no_id_keeps_the_identity_that_its_first_import_gave_it(
    run: Import, tmp_path: Path
) -> None:
    path = tmp_path / "without_ids.csv"
    path.write_text("titre,description,date\nUne mare,Creuser,2022\n", encoding="utf-8")
    content = json.dumps(["Une mare", "", "2022-01-01", None, None])
    identity = "sha256:" + hashlib.sha256(content.encode()).hexdigest()[:32]
    assert [report.source_id for report in run(path)] == [identity]


def test_the_same_row_twice_in_a_file_is_kept_once(rows: Import, engine: Engine) -> None:
    reports = rows(VERGER, VERGER)
    assert outcomes(reports) == ["imported", "merged"]
    assert reports[1].reason.startswith("the same as line 2")
    assert len(kept(engine)) == 1
    assert outcomes(rows(VERGER, VERGER)) == ["unchanged", "merged"]


def test_one_id_with_two_contents_keeps_both_for_ever(rows: Import, engine: Engine) -> None:
    other = VERGER.replace("Un verger", "Une ruche")
    assert outcomes(rows(VERGER, other)) == ["imported", "imported"]
    assert outcomes(rows(VERGER, other)) == ["unchanged", "unchanged"]
    assert [row.title for row in kept(engine)] == ["Un verger", "Une ruche"]


def test_rows_without_id_are_told_apart_by_what_they_say(rows: Import, engine: Engine) -> None:
    bare = [line[1:] for line in (VERGER, REPAIR)]
    assert outcomes(rows(*bare)) == ["imported", "imported"]
    assert outcomes(rows(*bare)) == ["unchanged", "unchanged"]
    assert len({row.source_id for row in kept(engine)}) == 2


def test_two_platforms_may_use_the_same_id(rows: Import, engine: Engine) -> None:
    rows(VERGER, platform="one")
    other = VERGER.replace("Un verger", "Une fête")
    assert outcomes(rows(other, platform="other")) == ["imported"]
    assert len(kept(engine)) == 2


def test_more_rows_than_a_batch_holds(rows: Import, engine: Engine) -> None:
    lines = [
        VERGER.replace("1,Un verger", f"{number},Un verger {number}", 1)
        for number in range(1, 1202)
    ]
    assert Counter(outcomes(rows(*lines))) == {"imported": 1201}
    assert Counter(outcomes(rows(*lines))) == {"unchanged": 1201}
    assert len(kept(engine)) == 1201


def test_a_dry_run_says_all_and_saves_nothing(rows: Import, engine: Engine) -> None:
    assert outcomes(rows(VERGER, "9,,,,79000,Niort,,,\n", dry_run=True)) == ["imported", "rejected"]
    assert kept(engine) == []
    rows(VERGER)
    assert outcomes(rows(VERGER.replace("Planter", "Tailler"), dry_run=True)) == ["updated"]
    assert kept(engine)[0].description == "Planter"


def test_a_mapping_names_columns_that_are_not_recognised(run: Import, tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("w1,w2\nUn verger,Niort\n")
    with pytest.raises(SourceError, match="--mapping title=COLUMN"):
        run(path)
    with pytest.raises(InvalidInput, match="w9"):
        run(path, mapping={"title": "w9"})
    reports = run(path, mapping={"title": "w1", "city": "w2"})
    assert (outcomes(reports), reports[0].commune) == (["imported"], "79191")


# --- bad rows -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        "9,,,,79000,Niort,,,\n",
        "9,Un \x00 verger,Planter,,79000,Niort,,,\n",
        f"9,{'x' * 5000},{'y' * 90_000},{'z' * 5000},79000,Niort,,,\n",
        "9,Un verger,Planter,,79000,Niort,NaN,inf,\n",
        "9,Un verger,Planter,,79000,Niort,999,-999,99/99/9999\n",
        "9,Un verger\n",
        "9,Un verger,Planter,,79000,Niort,,,,,,,,\n",
        "9,\ud7ff\uffff\u202e,Planter,,99999,Nulle Part,,,\n",
    ],
)
def test_a_bad_row_never_loses_its_neighbours(rows: Import, engine: Engine, bad: str) -> None:
    reports = rows(VERGER, bad, GARDEN)
    assert len(reports) == 3
    assert (reports[0].outcome, reports[2].outcome) == (RowOutcome.IMPORTED, RowOutcome.IMPORTED)
    titles = {row.title for row in kept(engine)}
    assert titles >= {"Un verger", "Un jardin"}


def test_a_row_that_the_database_refuses_never_loses_its_neighbours(
    rows: Import, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = service.save

    def spoilt(connection: Connection, drafts: Sequence[InitiativeDraft]) -> list[UUID]:
        return save(
            connection,
            [replace(d, source_url="javascript:") if d.source_id == "2" else d for d in drafts],
        )

    monkeypatch.setattr(service, "save", spoilt)
    reports = rows(VERGER, REPAIR, GARDEN)
    assert outcomes(reports) == ["imported", "rejected", "imported"]
    assert "initiative_source_url_check" in reports[1].reason
    assert [row.title for row in kept(engine)] == ["Un jardin", "Un verger"]
    monkeypatch.undo()
    assert outcomes(rows(VERGER, REPAIR, GARDEN)) == ["unchanged", "imported", "unchanged"]
    with engine.connect() as connection:
        assert differences(connection) == []


def test_a_lost_database_is_no_fault_of_the_rows(
    rows: Import, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(connection: Connection, drafts: Sequence[InitiativeDraft]) -> None:
        raise OperationalError("", {}, Exception("gone"), connection_invalidated=True)

    monkeypatch.setattr(service, "save", lose)
    with pytest.raises(OperationalError, match="gone"):
        rows(VERGER)
    assert kept(engine) == []


def test_a_rejected_row_says_why_and_is_not_saved(rows: Import, engine: Engine) -> None:
    reports = rows("9,,,,79000,Niort,,,\n", GARDEN)
    assert outcomes(reports) == ["rejected", "imported"]
    assert reports[0].reason.startswith("no title")
    assert [row.title for row in kept(engine)] == ["Un jardin"]


# --- places ---------------------------------------------------------------------------------


def test_a_point_that_its_words_contradict_is_no_pin_and_waits(
    rows: Import, engine: Engine
) -> None:
    reports = rows("1,Un verger,Planter,,79000,Niort,2.3522,48.8566,\n")
    assert outcomes(reports) == ["to_review"]
    assert "the point lies in 75056" in reports[0].reason
    row = kept(engine)[0]
    assert (row.precision, row.commune, row.point, row.review) == (
        "commune",
        "79191",
        None,
        "waiting",
    )


def test_a_point_at_sea_is_no_pin_and_waits(rows: Import, engine: Engine) -> None:
    reports = rows("1,Un verger,Planter,,79000,Niort,-3.0,45.0,\n")
    assert outcomes(reports) == ["to_review"]
    assert (kept(engine)[0].precision, kept(engine)[0].lon) == ("commune", None)


def test_a_point_that_its_words_confirm_is_a_pin(rows: Import, engine: Engine) -> None:
    assert outcomes(rows("1,Un verger,Planter,,79000,Niort,-0.4604,46.3239,\n")) == ["imported"]
    assert (kept(engine)[0].precision, kept(engine)[0].lon) == ("point", -0.4604)


def test_a_row_without_any_place_is_imported_nowhere(rows: Import, engine: Engine) -> None:
    assert outcomes(rows("1,Un verger,Planter,,,,,,\n")) == ["imported"]
    assert (kept(engine)[0].precision, kept(engine)[0].review) == ("none", "none")


def test_an_ambiguous_place_waits_with_its_candidates(rows: Import, engine: Engine) -> None:
    assert outcomes(rows("1,Un verger,Planter,,,Saint-Denis,,,\n")) == ["to_review"]
    with engine.connect() as connection:
        candidates = connection.execute(
            text("SELECT jsonb_path_query_array(candidates, '$[*].commune') FROM location_match")
        ).scalar_one()
    assert {"93066", "97411"} <= set(candidates)


@pytest.fixture
def decided(rows: Import, engine: Engine) -> str:
    """A row whose ambiguous place a person decided to be in La Réunion."""
    line = "1,Un verger,Planter,,,Saint-Denis,,,2025-01-18\n"
    rows(line)
    with engine.begin() as connection:
        connection.execute(text("UPDATE initiative SET precision = 'commune', commune = '97411'"))
        connection.execute(
            text(
                "UPDATE location_match SET review = 'decided', decided_by = 'someone',"
                " decided_at = now()"
            )
        )
    return line


def test_a_place_decided_by_a_person_survives_an_update(
    rows: Import, engine: Engine, decided: str
) -> None:
    reports = rows(decided.replace("Planter", "Tailler"))
    assert outcomes(reports) != ["unchanged"]
    row = kept(engine)[0]
    assert (row.description, row.commune, row.review, row.decided_by) == (
        "Tailler",
        "97411",
        "decided",
        "someone",
    )


def test_a_place_decided_by_a_person_falls_when_its_words_change(
    rows: Import, engine: Engine, decided: str
) -> None:
    rows(decided.replace("Saint-Denis", "Niort"))
    row = kept(engine)[0]
    assert (row.commune, row.review, row.decided_by) == ("79191", "none", None)


# --- the report -----------------------------------------------------------------------------


def test_the_report_says_where_each_row_went_and_what_was_mended(rows: Import) -> None:
    reports = rows(
        "1,Un verger,Planter,,1000,Bourg-en-Bresse,,,hier\n",
        "2,Un jardin,Semer,Place du marché,79000,Niort,-0.4604,46.3239,2025-01-18\n",
    )
    first, second = reports
    assert (first.row, first.source_id, first.title, first.place) == (
        1,
        "1",
        "Un verger",
        "01000 Bourg-en-Bresse",
    )
    assert (first.precision, first.commune, first.match_status) == ("commune", "01053", "certain")
    assert "date: 'hier' is not a date; kept as it is" in first.reason
    assert "a zero lost at the front" in first.reason
    assert (second.row, second.precision, second.commune) == (2, "point", "79191")
    assert second.place == "Place du marché, 79000 Niort"
    assert second.reason == ""
    assert second.score is not None
    assert 0.9 <= second.score <= 1.0

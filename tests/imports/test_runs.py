"""Imports as a whole: kept, undone, taken for the whole of a source, and not imported twice."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from mapservice.accounts.roles.model import TerritoryScope
from mapservice.errors import NotFound, StateConflict
from mapservice.geocoding.service import Locator
from mapservice.imports import run_queries, run_service, service
from mapservice.imports.row_reports import RowReport
from mapservice.imports.service import ImportOptions, ImportRun, import_file
from mapservice.initiatives import queries
from mapservice.initiatives.filters import parse_territory
from mapservice.rollups.queries import differences

HEADER = "id,titre,description,adresse,code postal,ville,lon,lat,date,Budget,Référent\n"
VERGER = "1,Un verger,Planter,,79000,Niort,,,2025-01-18,1250,Léa Martin\n"
REPAIR = "2,Un café des réparations,Réparer,,35000,Rennes,,,2025-01-19,,\n"
GARDEN = "3,Un jardin,Semer,,44000,Nantes,,,2025-01-20,300,\n"

Imported = Callable[..., tuple[ImportRun, list[RowReport]]]

# All that an undone run must leave as it was: not the clock, the log of changes nor tombstones.
STATE = """
SELECT coalesce(jsonb_agg(to_jsonb(row) ORDER BY row.id), '[]')
  FROM (SELECT one.id, to_jsonb(one) - 'changed_at' AS whole, to_jsonb(match) AS match,
               attributes, withheld, text(shape) AS shape,
               (SELECT count(*) FROM waiting WHERE waiting.initiative = one.id) AS waiting
          FROM initiative AS one
          LEFT JOIN location_match AS match ON match.initiative = one.id
          LEFT JOIN initiative_detail AS detail ON detail.initiative = one.id) AS row"""


@pytest.fixture
def imported(engine: Engine, locator: Locator, tmp_path: Path) -> Imported:
    """`imported(line, …, name=…, **options)`: the run of a file of these lines, and its reports."""

    def imported(
        *lines: str, name: str = "initiatives.csv", **options: Any
    ) -> tuple[ImportRun, list[RowReport]]:
        path = tmp_path / name
        path.write_text(HEADER + "".join(lines), encoding="utf-8")
        run = import_file(engine, locator, path, ImportOptions(**options))
        return run, list(run.reports)

    return imported


def outcomes(reports: list[RowReport]) -> Counter[str]:
    return Counter(str(report.outcome) for report in reports)


def state(engine: Engine) -> Any:
    with engine.connect() as connection:
        assert differences(connection) == []
        return connection.execute(text(STATE)).scalar_one()


def statuses(engine: Engine) -> dict[str, str]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT title, status FROM initiative"))
        return {row.title: row.status for row in rows}


def write(engine: Engine, statement: str, **bound: Any) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), bound)


def test_a_run_is_kept_with_how_it_read_its_file(imported: Imported, engine: Engine) -> None:
    run, _ = imported(VERGER, REPAIR, started_by="essai")
    with engine.connect() as connection:
        found = run_service.find_run(connection, run.id)
        assert [one.id for one in run_queries.find_runs(connection, 10)] == [run.id]
    assert (found.state, found.platform, found.file_name) == (
        "done",
        "initiatives",
        "initiatives.csv",
    )
    assert (found.counts, found.started_by) == ({"imported": 2}, "essai")
    columns = {one["column"]: one for one in found.reading["columns"]}
    assert set(columns) == set(HEADER.strip().split(","))
    assert columns["Budget"]["field"] == "attribute"
    assert columns["Référent"]["personal"] is True


def test_a_dry_run_keeps_nothing(imported: Imported, engine: Engine) -> None:
    before = state(engine)
    run, reports = imported(VERGER, dry_run=True, snapshot=True)
    assert (run.id, outcomes(reports)) == (0, {"imported": 1})
    assert state(engine) == before
    with engine.connect() as connection:
        assert run_queries.find_runs(connection, 10) == []


def test_a_dry_run_of_a_snapshot_tells_what_would_go(imported: Imported, engine: Engine) -> None:
    imported(VERGER, REPAIR)
    before = state(engine)
    run, _ = imported(VERGER, dry_run=True, snapshot=True)
    assert run.gone.archived == 1
    assert state(engine) == before


ASKED = "id,titre,ville,Acceptez-vous que votre initiative soit publiée ?,licence\n"


def test_what_its_author_no_longer_wants_published_leaves_public_view(
    engine: Engine, locator: Locator, tmp_path: Path
) -> None:
    def answered(*rows: str, **options: Any) -> tuple[ImportRun, list[RowReport]]:
        path = tmp_path / "formulaire.csv"
        path.write_text(ASKED + "\n".join(rows) + "\n", encoding="utf-8")
        run = import_file(engine, locator, path, ImportOptions(platform="formulaire", **options))
        return run, list(run.reports)

    haie = "2,Une haie,Brest,Oui,CC BY 4.0"
    answered("1,Un four,Rennes,Oui,", haie, "3,Un verger,Niort,Oui,")
    before = state(engine)

    # Told before anything is done, and done by a file that is no snapshot of its source too.
    no = ("1,Un four,Rennes,Non,", "2,Une haie,Brest,Oui,CC BY-NC 4.0", "4,Un puits,Dax,Non,")
    tried, _ = answered(*no, dry_run=True)
    assert (tried.gone.withdrawn, state(engine)) == (2, before)
    run, reports = answered(*no)
    assert statuses(engine) == {
        "Un four": "rejected",
        "Une haie": "rejected",
        "Un verger": "published",
    }
    assert outcomes(reports) == {"rejected": 3}
    assert ["has left public view" in one.reason for one in reports] == [True, True, False]
    with engine.connect() as connection:
        told = "SELECT count(*) FROM removal JOIN initiative ON initiative.id = removal.initiative"
        left = connection.execute(text(told)).scalar_one()
    assert left == 2, "whoever harvests is told"
    again, _ = answered(*no)
    assert again.gone.withdrawn == 0

    # A row of the same id that may be published stays; a new yes comes back, by the same gate.
    answered(haie, "2,Une autre,Brest,Non,", moderate=True)
    assert statuses(engine)["Une haie"] == "pending"
    for number in (again.id + 1, again.id, run.id):
        run_service.undo_run(engine, number)
    assert state(engine) == before


@pytest.mark.parametrize(
    ("verdicts", "after"),
    [((), "published"), (("reject", "publish"), "published"), (("publish", "reject"), "rejected")],
)
def test_a_yes_after_a_no_brings_a_row_back_unless_moderators_last_said_no(
    engine: Engine, locator: Locator, tmp_path: Path, verdicts: tuple[str, ...], after: str
) -> None:
    def answered(answer: str) -> None:
        path = tmp_path / "formulaire.csv"
        path.write_text(f"{ASKED}1,Un four,Rennes,{answer},\n", encoding="utf-8")
        run = import_file(engine, locator, path, ImportOptions(platform="formulaire"))
        assert len(list(run.reports)) == 1

    answered("Oui")
    for verdict in verdicts:
        write(
            engine,
            "INSERT INTO decision (initiative, revision, verdict, reason, decided_by)"
            f" SELECT id, 0, '{verdict}', 'Hors sujet.', 'somebody' FROM initiative",
        )
    if verdicts[-1:] == ("reject",):
        write(engine, "UPDATE initiative SET status = 'rejected', state_since = now()")
    answered("Non")
    assert statuses(engine) == {"Un four": "rejected"}
    answered("Oui")
    assert statuses(engine) == {"Un four": after}


def test_of_rows_that_share_an_id_the_one_that_is_meant_leaves(
    engine: Engine, locator: Locator, tmp_path: Path
) -> None:
    """A file that gives an id twice keeps both rows; a no is about the one that says it."""

    def answered(*rows: str) -> ImportRun:
        path = tmp_path / "formulaire.csv"
        path.write_text(ASKED + "\n".join(rows) + "\n", encoding="utf-8")
        run = import_file(engine, locator, path, ImportOptions(platform="formulaire"))
        list(run.reports)
        return run

    both = ("7,Un four,Rennes,Oui,", "7,Un verger,Niort,Oui,")
    for order in (1, -1):
        answered(*both)
        assert statuses(engine) == {"Un four": "published", "Un verger": "published"}
        run = answered(*(both[0], "7,Un verger,Niort,Non,")[::order])
        assert run.gone.withdrawn == 1, order
        assert statuses(engine) == {"Un four": "published", "Un verger": "rejected"}
        assert answered(*(both[0], "7,Un verger,Niort,Non,")[::order]).gone.withdrawn == 0
    answered(*both)
    answered("7,Un four,Rennes,Non,", "7,Un verger,Niort,Non,")
    assert set(statuses(engine).values()) == {"rejected"}


@pytest.mark.parametrize("slow", [0, 1])
def test_a_no_after_a_yes_in_another_batch_finds_what_that_brought(
    engine: Engine,
    locator: Locator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    slow: int,
) -> None:
    """Batches of new rows are saved two at a time; one that takes something back waits for them,
    whichever is the slower."""
    monkeypatch.setattr(service, "BATCH_ROWS", 2)
    save_drafts, saved = service.save_drafts, Counter[str]()

    def saving(connection: Connection, drafts: list[Any]) -> Any:
        names = [draft.title for draft in drafts]
        if ("Un four" in names) == (slow == 0):
            connection.execute(text("SELECT pg_sleep(0.2)"))
        saved.update(names)
        return save_drafts(connection, drafts)

    monkeypatch.setattr(service, "save_drafts", saving)
    others = [f"{number},Un jardin {number},Nantes,Oui," for number in range(10, 19)]
    rows = ["7,Un four,Rennes,Oui,", *others[:3], "7,Un four,Rennes,Non,", *others[3:]]
    path = tmp_path / "formulaire.csv"
    path.write_text(ASKED + "\n".join(rows) + "\n", encoding="utf-8")

    run = import_file(engine, locator, path, ImportOptions(platform="formulaire"))
    reports = list(run.reports)

    assert [report.row for report in reports] == list(range(1, 12))
    assert outcomes(reports) == {"imported": 10, "rejected": 1}
    assert run.gone.withdrawn == 1
    assert statuses(engine)["Un four"] == "rejected"
    assert set(saved.values()) == {1}
    assert {*saved} == {"Un four", *(f"Un jardin {number}" for number in range(10, 19))}


def test_what_no_field_takes_is_kept_and_shown(imported: Imported, engine: Engine) -> None:
    imported(VERGER, REPAIR)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, title FROM initiative ORDER BY title")).all()
        repair, verger = (queries.detail(connection, row.id) for row in rows)
    assert repair is None
    assert verger is not None
    assert verger.attributes == {"Budget": 1250}
    assert verger.withheld == {"Référent": "Léa Martin"}


def test_a_change_of_an_attribute_alone_reaches_those_who_harvest(
    imported: Imported, engine: Engine
) -> None:
    imported(VERGER)
    stamp = text("SELECT changed_at FROM initiative")
    with engine.connect() as connection:
        before = connection.execute(stamp).scalar_one()
    _, reports = imported(VERGER.replace("1250", "1300"))
    assert outcomes(reports) == {"updated": 1}
    with engine.connect() as connection:
        assert connection.execute(stamp).scalar_one() > before


def test_undo_leaves_all_as_before(imported: Imported, engine: Engine) -> None:
    imported(VERGER, REPAIR)
    before = state(engine)
    run, reports = imported(
        VERGER.replace("Planter", "Tailler").replace("Niort", "Melle").replace("79000", "79500"),
        REPAIR.replace(",,\n", ",12,Paul\n"),
        GARDEN,
    )
    assert outcomes(reports) == {"updated": 2, "imported": 1}
    assert state(engine) != before
    undone = run_service.undo_run(engine, run.id)
    assert (undone.deleted, undone.restored, undone.archived, undone.left) == (1, 2, 0, 0)
    assert state(engine) == before
    _, reports = imported(VERGER, REPAIR)
    assert outcomes(reports) == {"unchanged": 2}


def test_facts_are_imported_and_undone_with_the_rest(
    engine: Engine, locator: Locator, tmp_path: Path
) -> None:
    path = tmp_path / "ateliers.csv"

    def run(hours: str, audience: str) -> tuple[ImportRun, list[RowReport]]:
        line = f"1,Un atelier,35000,Rennes,{hours},{audience}\n"
        path.write_text("id,titre,code postal,ville,Horaires,Public\n" + line, encoding="utf-8")
        made = import_file(engine, locator, path, ImportOptions())
        return made, list(made.reports)

    def facts() -> Any:
        statement = text("SELECT opening_hours, audience FROM initiative")
        with engine.connect() as connection:
            return tuple(connection.execute(statement).one())

    run("Lundi 9h-12h", "Familles")
    assert facts() == ("Mo 09:00-12:00", ["familles"])
    before = state(engine)
    _, again = run("Lundi 9h-12h", "Familles")
    assert outcomes(again) == {"unchanged": 1}
    # What the file tells no longer is known no longer.
    later, _ = run("sur rendez-vous", "")
    assert facts() == (None, None)
    run_service.undo_run(engine, later.id)
    assert state(engine) == before


def test_a_run_whose_process_died_has_failed_and_can_be_undone(
    imported: Imported, engine: Engine
) -> None:
    with engine.begin() as connection:
        dead = run_queries.begin(
            connection,
            platform="initiatives",
            file_name="initiatives.csv",
            person=None,
            started_by="",
            is_moderated=False,
            is_snapshot=False,
            reading={},
        )
    # One that lives is left alone, also while others are looked for.
    alive, _ = imported(VERGER)
    with engine.connect() as keeper, engine.begin() as connection:
        run_queries.mark_alive(keeper, alive.id)
        connection.execute(
            text("UPDATE import_run SET state = 'running' WHERE id = :run"), {"run": alive.id}
        )
        assert run_queries.fail_dead(connection) == [dead]
        assert run_queries.fail_dead(connection) == []
    with engine.begin() as connection:
        assert run_queries.fail_dead(connection) == [alive.id]
        assert run_service.find_run(connection, dead).state == "failed"
    assert run_service.undo_run(engine, alive.id).deleted == 1


def test_a_list_taken_from_here_makes_no_twins(imported: Imported, engine: Engine) -> None:
    imported(VERGER)
    before = state(engine)
    with engine.connect() as connection:
        own = connection.execute(text("SELECT id FROM initiative")).scalar_one()
    line = f"{own},Un verger corrigé,Planter,,79000,Niort,,,2025-01-18,,\n"
    _, (report,) = imported(line, name="liste.csv")
    assert str(report.outcome) == "elsewhere"
    assert str(own) in report.reason
    assert state(engine) == before


def test_an_import_that_is_read_is_alive_until_its_last_row(
    engine: Engine, locator: Locator, tmp_path: Path
) -> None:
    path = tmp_path / "ateliers.csv"
    path.write_text("id,titre,ville\n1,Un atelier,Rennes\n2,Un bal,Brest\n", encoding="utf-8")
    run = import_file(engine, locator, path, ImportOptions())
    next(run.reports)
    with engine.begin() as connection:
        assert run_queries.fail_dead(connection) == []
    list(run.reports)
    with engine.connect() as connection:
        assert run_service.find_run(connection, run.id).state == "done"


def test_a_run_is_undone_once(imported: Imported, engine: Engine) -> None:
    run, _ = imported(VERGER)
    run_service.undo_run(engine, run.id)
    assert statuses(engine) == {}
    with pytest.raises(StateConflict, match="undone already"):
        run_service.undo_run(engine, run.id)
    with pytest.raises(NotFound):
        run_service.undo_run(engine, run.id + 1)


def test_later_runs_are_undone_first(imported: Imported, engine: Engine) -> None:
    first, _ = imported(VERGER, REPAIR)
    second, _ = imported(VERGER.replace("Planter", "Tailler"), REPAIR)
    with pytest.raises(StateConflict, match=f"Run {second.id} changed 1 of these"):
        run_service.undo_run(engine, first.id)
    run_service.undo_run(engine, second.id)
    run_service.undo_run(engine, first.id)
    assert statuses(engine) == {}


def test_what_people_support_is_archived_instead(imported: Imported, engine: Engine) -> None:
    run, _ = imported(VERGER, REPAIR)
    write(engine, "UPDATE initiative SET supporters = 1 WHERE title = 'Un verger'")
    undone = run_service.undo_run(engine, run.id)
    assert (undone.deleted, undone.archived) == (1, 1)
    assert statuses(engine) == {"Un verger": "archived"}


def test_what_a_moderator_decided_since_is_left(imported: Imported, engine: Engine) -> None:
    imported(VERGER)
    run, _ = imported(VERGER.replace("Planter", "Tailler"))
    write(
        engine,
        "INSERT INTO decision (initiative, revision, verdict, decided_by)"
        " SELECT id, 0, 'publish', 'somebody' FROM initiative",
    )
    undone = run_service.undo_run(engine, run.id)
    assert (undone.restored, undone.left) == (0, 1)


def test_a_snapshot_archives_what_is_gone_and_brings_it_back(
    imported: Imported, engine: Engine
) -> None:
    imported(VERGER, REPAIR, GARDEN)
    before = state(engine)
    tried, _ = imported(VERGER, GARDEN, snapshot=True, dry_run=True)
    run, _ = imported(VERGER, GARDEN, snapshot=True)
    assert run.gone.archived == 1
    # Each is named, before it is done too.
    named = [(one.title, one.place, one.source_id, one.status) for one in run.gone.reports]
    assert named == [("Un café des réparations", "35000 Rennes", "2", "archived")]
    assert tried.gone.reports == run.gone.reports
    assert statuses(engine)["Un café des réparations"] == "archived"
    run_service.undo_run(engine, run.id)
    assert state(engine) == before
    imported(VERGER, GARDEN, snapshot=True)
    _, reports = imported(VERGER, REPAIR, GARDEN, snapshot=True)
    assert outcomes(reports) == {"unchanged": 2, "updated": 1}
    assert set(statuses(engine).values()) == {"published"}


def test_what_waits_for_a_moderator_is_never_archived(imported: Imported, engine: Engine) -> None:
    """Archived is public: nobody has read it yet."""
    imported(VERGER, REPAIR, moderate=True)
    run, _ = imported(VERGER, snapshot=True, moderate=True)
    assert (run.gone.archived, run.gone.waiting) == (0, 1)
    assert set(statuses(engine).values()) == {"pending"}


def test_a_row_that_became_unreadable_is_not_gone(imported: Imported, engine: Engine) -> None:
    imported(VERGER, REPAIR)
    run, reports = imported(
        VERGER, REPAIR.replace("Un café des réparations", "").replace("Réparer", ""), snapshot=True
    )
    assert outcomes(reports) == {"unchanged": 1, "rejected": 1}
    assert run.gone.archived == 0


@pytest.mark.parametrize("has_ids", [True, False])
def test_a_renamed_file_makes_no_twins(imported: Imported, engine: Engine, has_ids: bool) -> None:
    lines = [VERGER, REPAIR, GARDEN]
    if not has_ids:
        lines = [line.partition(",")[1] + line.partition(",")[2] for line in lines]
    imported(*lines, name="liste_2024.csv")
    before = state(engine)
    _, reports = imported(*lines, name="liste_2024_v2.csv")
    assert outcomes(reports) == {"elsewhere": 3}
    assert all("stands here already" in one.reason for one in reports)
    assert "from 'liste 2024'" in reports[0].reason or "liste_2024" in reports[0].reason
    assert state(engine) == before


def test_other_ids_of_the_same_rows_make_no_twins_either(imported: Imported) -> None:
    imported(VERGER, REPAIR, name="a.csv")
    _, reports = imported(f"7{VERGER}", f"7{REPAIR}", name="b.csv")
    assert outcomes(reports) == {"elsewhere": 2}


@pytest.mark.parametrize(
    "line",
    [
        VERGER.replace("1,", "9,", 1)
        .replace("Planter", "Un autre verger, à la ferme")
        .replace("verger, à", "verger à"),
        VERGER.replace("1,", "9,", 1).replace("79000,Niort", "79500,Melle"),
    ],
)
def test_a_title_alone_makes_no_likeness(imported: Imported, line: str) -> None:
    imported(VERGER, name="a.csv")
    _, reports = imported(line, name="b.csv")
    assert outcomes(reports) == {"imported": 1}


def test_a_coordinators_import_waits_for_moderators(imported: Imported, engine: Engine) -> None:
    imported(VERGER, moderate=True)
    assert statuses(engine) == {"Un verger": "pending"}
    with engine.connect() as connection:
        waiting = connection.execute(text("SELECT count(*) FROM waiting")).scalar_one()
    assert waiting == 1
    _, reports = imported(VERGER, moderate=True)
    assert outcomes(reports) == {"unchanged": 1}


def test_rows_outside_the_territory_are_refused(imported: Imported, engine: Engine) -> None:
    within = TerritoryScope((parse_territory("region:53"),))
    nowhere = "4,Un rêve,Rêver,,,,,,,,\n"
    _, reports = imported(VERGER, REPAIR, nowhere, within=within)
    assert outcomes(reports) == {"rejected": 2, "imported": 1}
    assert [one.reason.partition("; ")[0] for one in reports if one.outcome == "rejected"] == [
        "lies outside the territory of whoever imports",
        "it names no place: it may lie outside the territory of whoever imports",
    ]
    assert set(statuses(engine)) == {"Un café des réparations"}


def test_a_source_is_removed_as_a_whole(imported: Imported, engine: Engine) -> None:
    run, _ = imported(VERGER, name="a.csv")
    imported(REPAIR, name="b.csv")
    assert run_service.remove_source(engine, "a") == 1
    assert set(statuses(engine)) == {"Un café des réparations"}
    with engine.connect() as connection:
        assert run_service.find_run(connection, run.id).state == "undone"
    with pytest.raises(NotFound):
        run_service.remove_source(engine, "a nowhere")


def test_a_run_that_breaks_off_says_so(imported: Imported, engine: Engine) -> None:
    run, _ = imported(VERGER)
    assert run.id
    with engine.begin() as connection:
        number = run_queries.begin(
            connection,
            platform="x",
            file_name="x.csv",
            person=None,
            started_by="",
            is_moderated=False,
            is_snapshot=False,
            reading={},
        )
    with engine.connect() as keeper:
        run_queries.mark_alive(keeper, number)
        with pytest.raises(StateConflict, match="still under way"):
            run_service.undo_run(engine, number)

"""A package is written by one service, taken in by another, and written again: equal."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID
from zipfile import ZipFile

from sqlalchemy import text

from mapservice.groups import queries
from mapservice.imports import run_service
from mapservice.imports.row_reports import RowOutcome
from mapservice.initiatives.filters import InitiativeFilters, parse_territory
from mapservice.publishing.packages.model import FIELDS, PackageOrigin, PackageResource
from mapservice.rollups.queries import differences
from tests.publishing.packages.conftest import (
    BEGUN_HERE,
    BERGES,
    ELSEWHERE,
    FORBIDDEN,
    HERE,
    IMPORTED,
    IN_LYON,
    MEMBER_NAME,
    SECRET_CELL,
    SECRET_NAME,
    SHARED_ALIKE,
    VIEUX,
    WAITING,
    Box,
    manifest,
    state_of,
    tables,
)

Empty = Callable[[PackageOrigin], Box]
PLOUHA_LEFT = (WAITING, FORBIDDEN)


def by_id(lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {line["id"]: line.get("properties", line) for line in lines}


def without_supports(found: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """What was confirmed by one service is told by another: the sum stays, its meaning does not.

    Members of a group stay where they confirmed.
    """
    for line in found["groups"]:
        line["properties"].pop("members")
    for line in found["initiatives"]:
        told = line["properties"]
        confirmed = told.pop("supporters")
        told["supports"] = confirmed + (told.pop("source_supporters") or 0)
    return found


def test_written_taken_in_and_written_again_it_is_equal(
    full: Box, empty: Empty, tmp_path: Path
) -> None:
    first = full.write(tmp_path / "first.zip")
    other = empty(HERE)
    number, reports = other.take_in(first)
    assert {report.outcome for report in reports} == {RowOutcome.IMPORTED}
    second = other.write(tmp_path / "second.zip")

    before, after = tables(first), tables(second)
    assert {name: len(lines) for name, lines in before.items()} == {
        "initiatives": 4, "posts": 2, "photos": 2, "groups": 2, "series": 2, "events": 4
    }  # fmt: skip
    told = by_id(after["initiatives"])[BEGUN_HERE.id]
    assert (told["supporters"], told["source_supporters"]) == (0, 3)
    assert without_supports(before) == without_supports(after)
    # Again, and nothing changes any more.
    assert {report.outcome for report in other.take_in(second)[1]} == {RowOutcome.UNCHANGED}
    with other.engine.connect() as connection:
        assert not list(differences(connection))
    assert number > 0


def test_elsewhere_it_says_where_it_comes_from(full: Box, empty: Empty, tmp_path: Path) -> None:
    first = full.write(tmp_path / "first.zip")
    other = empty(ELSEWHERE)
    other.take_in(first)
    with other.engine.connect() as connection:
        kept = connection.execute(
            text(
                "SELECT source_platform, source_id, source_url, supporters, source_supporters"
                "  FROM initiative WHERE id = :id"
            ),
            {"id": BEGUN_HERE.id},
        ).one()
    page = f"http://ici.test/initiatives/{BEGUN_HERE.id}"
    assert tuple(kept) == ("Carte d’ici", BEGUN_HERE.id, page, 0, 3)

    before, after = tables(first), tables(other.write(tmp_path / "second.zip"))
    for found in (before, after):
        without_supports(found)
        for name in ("initiatives", "groups", "events"):
            for line in found[name]:
                url = line["properties"].pop("url")
                assert url.startswith(("http://ici.test/", "http://ailleurs.test/"))
    assert before == after


def test_a_package_says_all_that_is_public_and_whom_to_name(full: Box, tmp_path: Path) -> None:
    path = full.write(tmp_path / "all.zip")
    found = tables(path)
    told = by_id(found["initiatives"])
    assert set(told) == {BEGUN_HERE.id, IMPORTED.id, SHARED_ALIKE.id, IN_LYON.id}
    for resource in PackageResource:
        for line in found[resource]:
            properties = line.get("properties", line)
            assert set(properties) == set(FIELDS[resource])
            assert properties["source"]
            assert properties["attribution"].startswith(properties["source"])
    garden = told[BEGUN_HERE.id]
    assert garden["source_url"] == garden["url"]
    assert garden["place_match"]["attribution"] == "Base Adresse Nationale"
    assert (garden["supporters"], garden["tags"]) == (3, ["jardin", "compost"])
    assert garden["opening_hours"] == "Mo-Fr 09:00-12:00"
    imported = told[IMPORTED.id]
    assert imported["attribution"] == "ressourceries (Licence Ouverte 2.0)"
    assert (imported["source_id"], imported["created_at"]) == ("r-12", None)
    assert (imported["created_period"], imported["status"]) == ("2024-03", "archived")
    path_told = told[SHARED_ALIKE.id]
    assert path_told["attributes"] == {"Longueur": 12.5, "Balisé": True, "Note": "l'été"}
    assert path_told["shape"]["coordinates"][1] == [-3.123456789, 48.2]
    seated = next(
        line["properties"]
        for line in found["events"]
        if line["properties"]["registration"] == "external"
    )
    # The address of the room is for who has a seat; seats are given where they were offered.
    assert (seated["online_url"], seated["registration_url"]) == ("", seated["url"])
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        for photo in found["photos"]:
            assert archive.read(photo["path"])[8:12] == b"WEBP"


def test_the_manifest_tells_licences_digests_and_what_is_left_out(
    full: Box, tmp_path: Path
) -> None:
    path = full.write(tmp_path / "all.zip")
    told = manifest(path)
    own = told["mapservice"]
    assert {one["name"] for one in told["licenses"]} == {"etalab-2.0", "ODbL-1.0"}
    assert {one["licence"]: one["initiatives"] for one in own["licences"]} == {
        None: 2, "Licence Ouverte 2.0": 1, "ODbL 1.0": 1
    }  # fmt: skip
    assert any("ODbL 1.0" in note for note in own["notes"])
    left = {one["what"]: one["count"] for one in own["left_out"]}
    assert left == {
        "initiatives that are not public": 1,
        "initiatives under 'CC BY-NC-SA 4.0'": 1,
        "initiatives with cells about persons": 1,
        "supports": 3,
        "comments": 1,
        "calls for help": 2,
        "members of groups": 1,
    }
    with ZipFile(path) as archive:
        for one in told["resources"]:
            content = archive.read(one["path"])
            assert one["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
            assert (one["bytes"], one["rows"]) == (len(content), content.count(b"\n"))
        everything = b"".join(map(archive.read, archive.namelist())).decode("utf-8", "replace")
        assert "Licence Ouverte 2.0 : 1" in archive.read("LISEZMOI.md").decode()
    for secret in (
        SECRET_CELL, SECRET_NAME, MEMBER_NAME, "zoe@", "supporter-", "Pas encore", "Bravo",
        "presse", "salle.example",
    ):  # fmt: skip
        assert (secret == "salle.example") == (secret in everything), secret


def test_examples_are_called_so(full: Box, tmp_path: Path) -> None:
    with full.engine.begin() as connection:
        changed = "UPDATE initiative SET source_platform = 'sample' WHERE id = :id"
        connection.execute(text(changed), {"id": IN_LYON.id})
    path = full.write(tmp_path / "all.zip")
    assert (
        "1 of these initiatives are made-up examples: they do not exist."
        in manifest(path)["mapservice"]["notes"]
    )


def test_one_territory_is_one_package(full: Box, tmp_path: Path) -> None:
    brittany = InitiativeFilters(territory=(parse_territory("departement:22"),))
    path = full.write(tmp_path / "22.zip", brittany)
    found = tables(path)
    assert [line["id"] for line in found["initiatives"]] == [IMPORTED.id]
    assert [found[name] for name in ("posts", "photos", "series", "events")] == [[], [], [], []]
    assert [line["id"] for line in found["groups"]] == [VIEUX]
    told = manifest(path)
    assert told["title"] == "Initiatives locales : Côtes-d'Armor"
    assert told["mapservice"]["filter"] == "territory=departement:22"


def test_pictures_beyond_the_bound_are_told(full: Box, empty: Empty, tmp_path: Path) -> None:
    path = full.write(tmp_path / "few.zip", most_photo_bytes=10)
    found = tables(path)
    assert [photo["path"] for photo in found["photos"]] == [None, None]
    assert {"pictures": 2}.items() <= {
        one["what"]: one["count"] for one in manifest(path)["mapservice"]["left_out"]
    }.items()
    _, reports = empty(HERE).take_in(path)
    assert Counter(report.outcome for report in reports)[RowOutcome.SKIPPED] == 2


def test_a_run_is_undone_as_a_whole(full: Box, empty: Empty, tmp_path: Path) -> None:
    other = empty(ELSEWHERE)
    other.take_in(full.write(tmp_path / "few.zip", InitiativeFilters(q="ressourcerie")))
    with other.engine.connect() as connection:
        before = state_of(connection)
    changed = "UPDATE initiative SET summary = 'Autrement', price = '3 €' WHERE id = :id"
    with full.engine.begin() as connection:
        connection.execute(text(changed), {"id": IMPORTED.id})
    number, reports = other.take_in(full.write(tmp_path / "all.zip"))
    assert Counter(report.outcome for report in reports)[RowOutcome.UPDATED] == 1
    run_service.undo_run(other.engine, number)
    with other.engine.connect() as connection:
        assert state_of(connection) == before
        assert not list(differences(connection))


def test_a_trial_saves_nothing(full: Box, empty: Empty, tmp_path: Path) -> None:
    other = empty(ELSEWHERE)
    with other.engine.connect() as connection:
        before = state_of(connection)
    number, reports = other.take_in(full.write(tmp_path / "all.zip"), dry_run=True)
    assert {report.outcome for report in reports} == {RowOutcome.IMPORTED}
    with other.engine.connect() as connection:
        assert (number, state_of(connection)) == (0, before)


def test_what_is_to_be_looked_at_first_waits(full: Box, empty: Empty, tmp_path: Path) -> None:
    other = empty(ELSEWHERE)
    other.take_in(full.write(tmp_path / "all.zip"), moderate=True)
    with other.engine.connect() as connection:
        statuses = connection.execute(
            text(
                "SELECT status FROM initiative UNION SELECT status FROM event"
                " UNION SELECT status FROM local_group"
            )
        ).scalars()
        assert set(statuses) == {"pending"}
        for column in ("event_series", "local_group"):
            waiting = f"SELECT count(*) FROM waiting WHERE {column} IS NOT NULL"
            assert connection.execute(text(waiting)).scalar_one() == 2, column


def test_a_group_is_told_without_its_people(full: Box, empty: Empty, tmp_path: Path) -> None:
    path = full.write(tmp_path / "all.zip")
    told = by_id(tables(path)["groups"])
    berges, vieux = told[BERGES], told[VIEUX]
    assert (berges["members"], berges["initiatives"]) == (1, [BEGUN_HERE.id])
    assert (berges["source"], berges["source_url"]) == (HERE.name, berges["url"])
    # What it is linked to stays out of the package for its licence.
    assert (vieux["status"], vieux["initiatives"]) == ("archived", [])
    assert [line["group"] for line in tables(path)["series"] if line["group"]] == [BERGES]

    # Elsewhere nobody organises it: it says where that is done. At home it can be taken over.
    for origin, source in ((ELSEWHERE, HERE.name), (HERE, "")):
        other = empty(origin)
        number, _ = other.take_in(path)
        with other.engine.connect() as connection:
            kept = queries.find(connection, UUID(BERGES))
            assert kept is not None
            assert (kept.source, kept.members, kept.organisation) == (source, 0, "732829320")
            assert kept.is_from_elsewhere == bool(source)
            assert kept.takes_members == (not source)
            assert kept.source_url == (berges["url"] if source else "")
            assert queries.initiatives_of(connection, kept.id) == [UUID(BEGUN_HERE.id)]
        run_service.undo_run(other.engine, number)
        with other.engine.connect() as connection:
            assert queries.find(connection, UUID(BERGES)) is None


def test_a_group_that_people_joined_outlives_the_run(
    full: Box, empty: Empty, tmp_path: Path
) -> None:
    other = empty(HERE)
    number, _ = other.take_in(full.write(tmp_path / "all.zip"))
    with other.engine.begin() as connection:
        joined = (
            f"INSERT INTO person (id, email, email_key, confirmed_at)"
            f" VALUES ('{BERGES}', 'ana@example.org', 'ana@example.org', now());"
            f"INSERT INTO group_member (local_group, person, standing)"
            f" VALUES ('{BERGES}', '{BERGES}', 'member')"
        )
        connection.exec_driver_sql(joined)
    run_service.undo_run(other.engine, number)
    with other.engine.connect() as connection:
        assert queries.find(connection, UUID(BERGES)) is not None
        assert queries.find(connection, UUID(VIEUX)) is None


def test_a_malformed_group_is_refused_alone(full: Box, empty: Empty, tmp_path: Path) -> None:
    path = full.write(tmp_path / "all.zip")
    wrong: tuple[tuple[str, Any], ...] = (
        ("name", ""), ("status", "pending"), ("openness", "secret"), ("area", "planet"),
        ("organisation", "123456789"), ("published_at", None), ("commune", "99999"),
        ("initiatives", ["x"]), ("source_url", "javascript:alert(1)"), ("source", None),
        ("licence", "Tous droits réservés"), ("precision", "commune"), ("theme", "sport"),
    )  # fmt: skip
    other = empty(ELSEWHERE)
    for name, value in wrong:

        def spoil(line: dict[str, Any], name: str = name, value: Any = value) -> None:
            if line["id"] == BERGES:
                line["properties"][name] = value

        spoilt = rewritten(path, tmp_path / "wrong.zip", spoil, "groups.geojsonl")
        _, reports = other.take_in(spoilt)
        refused = [report for report in reports if report.outcome is RowOutcome.REJECTED]
        assert [report.source_id for report in refused] == [BERGES], name
        with other.engine.connect() as connection:
            assert queries.find(connection, UUID(BERGES)) is None


def test_at_home_all_is_there_already(full: Box, tmp_path: Path) -> None:
    with full.engine.connect() as connection:
        before = state_of(connection)
    run, reports = full.take_in(full.write(tmp_path / "all.zip"))
    assert {report.outcome for report in reports} <= {RowOutcome.UNCHANGED, RowOutcome.SKIPPED}
    assert sum(report.outcome is RowOutcome.UNCHANGED for report in reports) > 0
    with full.engine.connect() as connection:
        assert state_of(connection) == before, run


def test_what_belongs_to_somebody_here_is_left(full: Box, empty: Empty, tmp_path: Path) -> None:
    path = full.write(tmp_path / "all.zip")
    with full.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO proposal (initiative, form) VALUES (:id, gen_random_uuid())"),
            {"id": BEGUN_HERE.id},
        )
        connection.execute(
            text("UPDATE initiative SET title = 'Comme son auteur le dit' WHERE id = :id"),
            {"id": BEGUN_HERE.id},
        )
        before = state_of(connection)
    _, reports = full.take_in(path)
    outcomes = {report.source_id: report.outcome for report in reports}
    assert outcomes[BEGUN_HERE.id] is RowOutcome.ELSEWHERE
    with full.engine.connect() as connection:
        assert state_of(connection) == before
        garden = "SELECT title, supporters FROM initiative WHERE id = :id"
        kept = connection.execute(text(garden), {"id": BEGUN_HERE.id}).one()
    assert tuple(kept) == ("Comme son auteur le dit", 3)


def test_a_source_that_stands_here_already_makes_no_twin(
    full: Box, empty: Empty, tmp_path: Path
) -> None:
    other = empty(ELSEWHERE)
    with other.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO initiative (title, theme, scale, status, precision, commune,"
                " source_platform, source_id) VALUES ('Une ressourcerie', 'autre', 'commune',"
                " 'published', 'commune', '22222', 'ressourceries', 'r-12')"
            )
        )
    _, reports = other.take_in(full.write(tmp_path / "all.zip"))
    assert [report.source_id for report in reports if report.outcome is RowOutcome.ELSEWHERE] == [
        "r-12"
    ]


def rewritten(
    path: Path,
    target: Path,
    change: Callable[[dict[str, Any]], None],
    table: str = "initiatives.geojsonl",
) -> Path:
    """The package with each line of a table as `change` makes it."""
    with ZipFile(path) as archive, ZipFile(target, "w") as out:
        for name in archive.namelist():
            content = archive.read(name)
            if name == table:
                lines = list(map(json.loads, content.splitlines()))
                for line in lines:
                    change(line)
                content = "".join(json.dumps(line) + "\n" for line in lines).encode()
            out.writestr(name, content)
    return target


def test_nothing_malformed_comes_in(full: Box, empty: Empty, tmp_path: Path) -> None:
    path = full.write(tmp_path / "all.zip")
    wrong: tuple[tuple[str, Any], ...] = (
        ("title", ""), ("title", 5), ("title", "x" * 201), ("status", "pending"),
        ("status", None), ("theme", "sport"), ("precision", "exact"), ("id", "../../etc"),
        ("created_at", "hier"), ("created_at", "2026-01-01T00:00:00"), ("supporters", -1),
        ("source_url", "javascript:alert(1)"), ("website", "javascript:alert(1)"),
        ("source", None), ("licence", "Tous droits réservés"), ("attributes", [1]),
        ("attributes", {"a": {"b": 1}}), ("shape", {"type": "Point"}), ("tags", 5),
        ("opening_hours", "parfois"), ("place_match", {"score": 2}), ("description", "x" * 20_001),
    )  # fmt: skip
    other = empty(ELSEWHERE)
    for name, value in wrong:

        def spoil(line: dict[str, Any], name: str = name, value: Any = value) -> None:
            line["properties"][name] = value

        _, reports = other.take_in(rewritten(path, tmp_path / "wrong.zip", spoil))
        refused = [report for report in reports if report.outcome is RowOutcome.REJECTED]
        assert len(refused) >= 4, name
        assert all(report.reason for report in refused)
    with other.engine.connect() as connection:
        count = "SELECT count(*) FROM initiative"
        assert connection.execute(text(count)).scalar_one() == 0


def test_a_commune_that_is_not_loaded_refuses_one_line_alone(
    full: Box, empty: Empty, tmp_path: Path
) -> None:
    def move(line: dict[str, Any]) -> None:
        if line["id"] == IN_LYON.id:
            line["properties"]["commune"] = "99999"

    path = rewritten(full.write(tmp_path / "all.zip"), tmp_path / "moved.zip", move)
    _, reports = empty(ELSEWHERE).take_in(path)
    refused = [report for report in reports if report.outcome is RowOutcome.REJECTED]
    assert [report.source_id for report in refused] == [IN_LYON.id]
    assert "unknown commune" in refused[0].reason

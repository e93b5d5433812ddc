"""The feed of changes: who keeps asking from where the last answer ended has what SQL has."""

import csv
import io
import json
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Barrier, Event
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from mapservice.initiatives.model import PUBLIC, Status
from tests.emptied import empty
from tests.web.population import Made, insert, population

Row = dict[str, Any]


class Harvester:
    """Keeps a copy of a list, by the links it is given."""

    def __init__(self, client: FlaskClient, query: str = "", suffix: str = "geojson") -> None:
        self.client = client
        self.copy: dict[str, Row] = {}
        self.heard: list[Row] = []
        self.address = f"/initiatives.{suffix}?{query}"

    def ask(self) -> list[Row]:
        answer = self.client.get(self.address, buffered=True)
        assert answer.status_code == 200, answer.text
        address, _, relation = answer.headers["Link"].partition(">; ")
        assert relation == 'rel="monitor"'
        self.address = address.removeprefix("<http://map.test")
        self.heard = read(self.address, answer.text)
        for feature in self.heard:
            properties = feature["properties"]
            if properties.get("removed"):
                self.copy.pop(properties["id"], None)
            else:
                self.copy[properties["id"]] = feature
        return self.heard

    @property
    def removed(self) -> set[str]:
        return {row["properties"]["id"] for row in self.heard if row["properties"].get("removed")}


def read(address: str, body: str) -> list[Row]:
    if ".geojson?" in address:
        return list(json.loads(body)["features"])
    return [json.loads(line.lstrip("\x1e")) for line in body.split("\n") if line]


def whole(client: FlaskClient, query: str = "") -> dict[str, Row]:
    answer = client.get(f"/initiatives.geojson?{query}", buffered=True)
    return {feature["id"]: feature for feature in answer.get_json()["features"]}


@pytest.fixture
def three(engine: Engine) -> list[str]:
    """Two that are listed, one that is a draft."""
    made = [
        Made(title="Jardin", commune="35238", theme="culture"),
        Made(title="Atelier", commune="79191", theme="habitat"),
        Made(title="Brouillon", commune="79191", status="draft"),
    ]
    with engine.begin() as connection:
        insert(connection, made)
    return [one.id for one in made]


def write(engine: Engine, statement: str, **bound: Any) -> None:
    with engine.begin() as connection:
        assert connection.execute(text(statement), bound).rowcount > 0


def test_a_harvester_starts_with_everything_and_then_hears_nothing(
    client: FlaskClient, three: list[str]
) -> None:
    harvester = Harvester(client)
    assert {row["id"] for row in harvester.ask()} == set(three[:2])
    assert harvester.ask() == []


@pytest.mark.parametrize(
    "change",
    [
        "title = 'Autre titre'",
        "summary = 'Un résumé'",
        "theme = 'mobilite'",
        "commune = '29155'",
        "precision = 'point', point = ST_SetSRID(ST_MakePoint(-1.67, 48.11), 4326)",
        "status = 'done'",
        "updated_at = updated_at + interval '1 day'",
    ],
)
def test_every_change_that_is_seen_is_told_and_dated(
    engine: Engine, client: FlaskClient, three: list[str], change: str
) -> None:
    harvester = Harvester(client)
    before = {row["id"]: row for row in harvester.ask()}[three[0]]
    write(engine, f"UPDATE initiative SET {change} WHERE id = :id", id=three[0])
    (heard,) = harvester.ask()
    assert heard == whole(client)[three[0]]
    assert heard["properties"]["updated_at"] > before["properties"]["updated_at"]


@pytest.mark.parametrize("figure", ["supporters = supporters + 1", "source_supporters = 7"])
def test_a_support_is_told_and_is_no_edit(
    engine: Engine, client: FlaskClient, three: list[str], figure: str
) -> None:
    harvester = Harvester(client)
    before = {row["id"]: row for row in harvester.ask()}[three[0]]
    write(engine, f"UPDATE initiative SET {figure} WHERE id = :id", id=three[0])
    (heard,) = harvester.ask()
    assert heard == whole(client)[three[0]]
    assert heard["properties"]["updated_at"] == before["properties"]["updated_at"]


@pytest.mark.parametrize("change", ["source_digest = 'x'", "title = title", "place_text = 'ici'"])
def test_what_nobody_sees_is_not_told(
    engine: Engine, client: FlaskClient, three: list[str], change: str
) -> None:
    harvester = Harvester(client)
    harvester.ask()
    write(engine, f"UPDATE initiative SET {change} WHERE id = :id", id=three[0])
    assert harvester.ask() == []


def test_a_row_of_long_ago_is_told_when_it_comes(
    engine: Engine, client: FlaskClient, three: list[str]
) -> None:
    """An import keeps the dates of its source: `updated_at` may be years before the change."""
    harvester = Harvester(client)
    harvester.ask()
    old = Made(title="Ancien", commune="35238", created_at="2019-03-01T00:00:00+00:00")
    with engine.begin() as connection:
        insert(connection, [old])
    (heard,) = harvester.ask()
    assert heard["properties"]["updated_at"] == "2019-03-01T00:00:00Z"


def test_a_new_name_of_a_commune_is_told_where_it_is_shown(
    engine: Engine, client: FlaskClient, three: list[str]
) -> None:
    harvester = Harvester(client)
    harvester.ask()
    rename = "UPDATE territory SET name = :name WHERE level = 'commune' AND code = '35238'"
    write(engine, rename, name="Roazhon")
    (heard,) = harvester.ask()
    write(engine, rename, name="Rennes")
    assert (heard["id"], heard["properties"]["commune_name"]) == (three[0], "Roazhon")


@pytest.mark.parametrize("status", sorted(set(Status) - {*PUBLIC, Status.MERGED}))
def test_what_leaves_public_view_is_told_and_what_returns(
    engine: Engine, client: FlaskClient, three: list[str], status: str
) -> None:
    harvester = Harvester(client)
    harvester.ask()
    statement = "UPDATE initiative SET status = :status WHERE id = :id"
    write(engine, statement, status=status, id=three[0])
    (gone,) = harvester.ask()
    assert gone["geometry"] is None
    assert gone["id"] == three[0]
    assert gone["properties"].keys() == {"id", "removed", "removed_at"}
    assert (gone["properties"]["id"], gone["properties"]["removed"]) == (three[0], True)
    write(engine, statement, status="published", id=three[0])
    assert [row["id"] for row in harvester.ask()] == [three[0]]
    assert harvester.copy == whole(client)


def test_what_is_deleted_or_emptied_is_told(
    engine: Engine, client: FlaskClient, three: list[str]
) -> None:
    harvester = Harvester(client)
    harvester.ask()
    write(engine, "DELETE FROM initiative WHERE id = :id", id=three[0])
    assert harvester.ask()
    assert harvester.removed == {three[0]}
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE initiative CASCADE"))
    assert harvester.ask()
    assert harvester.removed == {three[1]}
    with engine.begin() as connection:
        insert(connection, [Made(id=three[1], title="Revenu", commune="35238")])
    assert harvester.ask()
    assert harvester.copy.keys() == {three[1]}


def test_a_draft_is_never_spoken_of(engine: Engine, client: FlaskClient, three: list[str]) -> None:
    harvester = Harvester(client)
    harvester.ask()
    write(
        engine, "UPDATE initiative SET title = 'Encore', supporters = 3 WHERE id = :id", id=three[2]
    )
    write(engine, "DELETE FROM initiative WHERE id = :id", id=three[2])
    assert harvester.ask() == []


def test_what_leaves_a_filter_is_gone_for_its_harvester(
    engine: Engine, client: FlaskClient, three: list[str]
) -> None:
    """Archived is public, though no list shows it unasked; and a theme can change."""
    everything, culture = Harvester(client), Harvester(client, "theme=culture")
    everything.ask(), culture.ask()
    write(engine, "UPDATE initiative SET theme = 'habitat' WHERE id = :id", id=three[0])
    write(engine, "UPDATE initiative SET status = 'archived' WHERE id = :id", id=three[1])
    everything.ask(), culture.ask()
    assert everything.removed == {three[1]}
    assert three[0] in culture.removed
    assert culture.copy == {}


@pytest.mark.parametrize("suffix", ["geojsonl", "geojsons"])
def test_lines_tell_the_same(
    engine: Engine, client: FlaskClient, three: list[str], suffix: str
) -> None:
    lines, collection = Harvester(client, suffix=suffix), Harvester(client)
    assert [row["id"] for row in lines.ask()] == [row["id"] for row in collection.ask()]
    write(engine, "UPDATE initiative SET title = 'Neuf' WHERE id = :id", id=three[0])
    write(engine, "DELETE FROM initiative WHERE id = :id", id=three[1])
    assert lines.ask() == collection.ask()
    assert lines.removed == {three[1]}


def test_csv_tells_the_same_in_two_columns_more(
    engine: Engine, client: FlaskClient, three: list[str]
) -> None:
    collection = Harvester(client)
    collection.ask()
    address = collection.address.replace(".geojson?", ".csv?")
    write(engine, "UPDATE initiative SET title = 'Neuf' WHERE id = :id", id=three[0])
    write(engine, "DELETE FROM initiative WHERE id = :id", id=three[1])
    changed, gone = collection.ask()
    answer = client.get(address, buffered=True)
    assert answer.status_code == 200, answer.text
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    plain = client.get("/initiatives.csv", buffered=True).text.splitlines()[0].split(",")
    assert list(rows[0]) == [*plain, "removed", "removed_at"]
    assert [(row["id"], row["title"], row["removed"]) for row in rows] == [
        (changed["id"], "Neuf", "f"),
        (gone["id"], "", "t"),
    ]
    assert rows[1]["removed_at"] == gone["properties"]["removed_at"]


def test_changes_come_in_the_order_in_which_they_happened(
    engine: Engine, client: FlaskClient, three: list[str]
) -> None:
    harvester = Harvester(client)
    harvester.ask()
    write(engine, "UPDATE initiative SET supporters = 9 WHERE id = :id", id=three[1])
    write(engine, "DELETE FROM initiative WHERE id = :id", id=three[0])
    write(engine, "UPDATE initiative SET status = 'published' WHERE id = :id", id=three[2])
    assert [row["id"] for row in harvester.ask()] == [three[1], three[0], three[2]]


def test_a_transaction_that_commits_late_is_not_missed(
    engine: Engine, client: FlaskClient, three: list[str]
) -> None:
    """Its change is older than one that is told already, and comes later."""
    harvester = Harvester(client)
    harvester.ask()
    slow = engine.connect()
    with slow, slow.begin() as open_transaction:
        slow.execute(text("UPDATE initiative SET title = 'Lent' WHERE id = :id"), {"id": three[0]})
        write(engine, "UPDATE initiative SET title = 'Vif' WHERE id = :id", id=three[1])
        # While it is open, the feed stops before both: the later one is not lost, but waits.
        assert harvester.ask() == []
        open_transaction.commit()
    assert [row["properties"]["title"] for row in harvester.ask()] == ["Lent", "Vif"]


def test_a_transaction_that_reads_holds_nobody_back(
    engine: Engine, client: FlaskClient, three: list[str]
) -> None:
    harvester = Harvester(client)
    harvester.ask()
    with engine.connect() as idle:
        idle.execute(text("SELECT count(*) FROM initiative"))
        write(engine, "UPDATE initiative SET title = 'Vif' WHERE id = :id", id=three[1])
        assert [row["properties"]["title"] for row in harvester.ask()] == ["Vif"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("updated_since=hier", "updated_since"),
        ("updated_since=2026-13-01", "updated_since"),
        ("updated_since=2026-01-01&updated_since=2026-01-02", "updated_since"),
        ("updated_since=2026-01-01&limit=5", "limit"),
        ("updated_since=2026-01-01&sort=supported", "sort"),
        ("updated_since=2026-01-01&theme=sport", "theme"),
    ],
)
@pytest.mark.parametrize("suffix", ["geojson", "geojsonl", "geojsons", "csv"])
def test_a_bad_question_is_refused_by_name(
    client: FlaskClient, suffix: str, query: str, field: str
) -> None:
    answer = client.get(f"/initiatives.{suffix}?{query}")
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert answer.get_json()["field"] == field


@pytest.mark.parametrize("path", ["/initiatives", "/", "/tiles/initiatives.json"])
def test_other_doors_know_no_updated_since(client: FlaskClient, path: str) -> None:
    """What is gone can be told only where there is a word for it."""
    assert client.get(f"{path}?updated_since=2026-01-01").status_code == 400


@pytest.mark.parametrize("suffix", ["geojson", "geojsonl", "geojsons", "csv"])
def test_a_moment_that_no_clock_says_yet_is_refused(client: FlaskClient, suffix: str) -> None:
    """An answer would be empty, and who kept that moment would miss all changes until then."""
    answer = client.get(f"/initiatives.{suffix}?updated_since=2999-01-01T00:00:00Z")
    assert (answer.status_code, answer.get_json()["field"]) == (400, "updated_since")


def test_who_has_a_clock_ahead_of_ours_misses_nothing(client: FlaskClient, engine: Engine) -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=3)
    harvester = Harvester(client, f"updated_since={ahead:%Y-%m-%dT%H:%M:%SZ}")
    assert harvester.ask() == []
    made = Made(title="Entre-temps", commune="35238")
    with engine.begin() as connection:
        insert(connection, [made])
    assert [feature["id"] for feature in harvester.ask()] == [made.id]


def test_public_means_the_same_to_the_database(connection: Connection) -> None:
    query = text("SELECT is_public(:status)")
    said = {one for one in Status if connection.execute(query, {"status": one}).scalar_one()}
    assert said == set(PUBLIC)


# Many writers at once, each with transactions of some statements that commit in any order.

CHANGES = (
    "UPDATE initiative SET title = title || '!' WHERE id = :id",
    "UPDATE initiative SET supporters = supporters + 1 WHERE id = :id",
    "UPDATE initiative SET theme = 'culture' WHERE id = :id",
    "UPDATE initiative SET theme = 'habitat' WHERE id = :id",
    "UPDATE initiative SET status = 'rejected' WHERE id = :id",
    "UPDATE initiative SET status = 'archived' WHERE id = :id",
    "UPDATE initiative SET status = 'published' WHERE id = :id",
    "DELETE FROM initiative WHERE id = :id",
)
WRITERS = 4


def work(engine: Engine, seed: int, start: Barrier) -> None:
    """Transactions of one to six statements; one in five is taken back."""
    dice = Random(seed)
    own = [
        replace(one, id=str(UUID(int=dice.getrandbits(128), version=4)))
        for one in population(12, seed)
    ]
    with engine.begin() as connection:
        insert(connection, own)
    start.wait()
    for _ in range(12):
        with engine.connect() as connection, connection.begin() as transaction:
            for _ in range(dice.randrange(1, 7)):
                change(connection, dice, own)
            if dice.random() < 0.2:
                transaction.rollback()
            else:
                transaction.commit()


def change(connection: Connection, dice: Random, own: list[Made]) -> None:
    one = dice.choice(own)
    if dice.random() < 0.15:
        there = text("SELECT 1 FROM initiative WHERE id = :id")
        if not connection.execute(there, {"id": one.id}).scalar_one_or_none():
            insert(connection, [one])
        return
    connection.execute(text(dice.choice(CHANGES)), {"id": one.id})


@pytest.mark.long
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 10**6))
def test_nothing_is_missed_while_many_write(engine: Engine, app: Any, seed: int) -> None:
    empty(engine, "initiative")
    harvesters = [
        Harvester(app.test_client()),
        Harvester(app.test_client(), "theme=culture"),
        Harvester(app.test_client(), "status=published,done,archived", "geojsonl"),
    ]
    start, over = Barrier(WRITERS), Event()
    with ThreadPoolExecutor(WRITERS + len(harvesters)) as pool:
        writers = [pool.submit(work, engine, seed * WRITERS + one, start) for one in range(WRITERS)]
        readers = [pool.submit(follow, harvester, over) for harvester in harvesters]
        finish(writers, over)
        rounds = [reader.result() for reader in readers]
    assert all(rounds)
    client = app.test_client()
    for harvester in harvesters:
        harvester.ask()
    assert harvesters[0].copy == whole(client)
    assert harvesters[1].copy == whole(client, "theme=culture")
    assert harvesters[2].copy == whole(client, "status=published,done,archived")


def follow(harvester: Harvester, over: Event) -> int:
    rounds = 0
    while not over.is_set():
        harvester.ask()
        rounds += 1
    return rounds


def finish(writers: list["Future[None]"], over: Event) -> None:
    try:
        for writer in writers:
            writer.result()
    finally:
        over.set()

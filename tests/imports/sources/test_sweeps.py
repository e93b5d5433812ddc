"""Sweeps: what a source gives is imported as a whole, or nothing is touched."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Engine, text

from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.geocoding.service import Locator
from mapservice.imports import run_queries, run_service
from mapservice.imports.connectors.catalogue import CONNECTORS
from mapservice.imports.sources import decisions, queries, service
from mapservice.imports.sources.harvest import SourceFetcher
from mapservice.imports.sources.model import LivingSource, Rhythm, SweepResult, SweepState
from mapservice.initiatives import exports
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.outgoing.guarded_client import GuardedClient
from mapservice.rollups.queries import differences
from tests.outgoing.stand_in import Handler, StandIn, standing_in

NOW = datetime(2026, 11, 30, 2, 7, tzinfo=UTC)
LICENCE = "ODbL 1.0"
CREDIT = "Le réseau de l’essai"
TOWNS = (("Niort", "79000"), ("Rennes", "35000"), ("Nantes", "44000"))

# All that a sweep may change.
STATE = """
SELECT concat_ws('|',
  (SELECT string_agg(concat_ws(',', to_jsonb(one)), ';' ORDER BY id) FROM initiative AS one),
  (SELECT string_agg(to_jsonb(one)::text, ';' ORDER BY platform) FROM import_source AS one),
  (SELECT string_agg(to_jsonb(one)::text, ';' ORDER BY id) FROM import_run AS one))"""


def elements(count: int, **changes: Any) -> list[dict[str, Any]]:
    """So many elements of a GoGoCarto, with what is changed of the first."""
    made = [
        {
            "id": f"c{number}",
            "name": f"Lieu numéro {number}",
            "description": f"On s’y retrouve, {number}.",
            "address": {
                "streetAddress": f"{number + 1} rue de la Paix",
                "addressLocality": TOWNS[number % 3][0],
                "postalCode": TOWNS[number % 3][1],
            },
            "status": 1,
        }
        for number in range(count)
    ]
    made[0] |= changes
    return made


class Source:
    """A GoGoCarto that gives `elements`, or does what `answer` says instead."""

    def __init__(self, stand_in: StandIn) -> None:
        self.stand_in = stand_in
        self.elements: list[dict[str, Any]] = elements(10)
        self.answer: Callable[[Handler], None] | None = None
        stand_in.routes["/api/elements.json"] = self._give

    def _give(self, handler: Handler) -> None:
        if self.answer:
            self.answer(handler)
        else:
            body = json.dumps({"ontology": "gogofull", "data": self.elements})
            handler.give(body.encode())


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with standing_in() as stand_in:
        yield stand_in


@pytest.fixture
def source(stand_in: StandIn) -> Source:
    return Source(stand_in)


@pytest.fixture
def waits() -> list[float]:
    """How long sweeps waited, without doing so."""
    return []


@pytest.fixture
def fetcher(stand_in: StandIn, waits: list[float]) -> SourceFetcher:
    return SourceFetcher(GuardedClient(frozenset({stand_in.netloc})), {}, waits.append)


Register = Callable[..., LivingSource]
Sweep = Callable[..., SweepResult]


@pytest.fixture
def register(engine: Engine, stand_in: StandIn) -> Register:
    def register(platform: str = "essai", **said: Any) -> LivingSource:
        told: dict[str, Any] = {
            "connector": "gogocarto",
            "address": f"{stand_in.base}/",
            "licence": LICENCE,
            "attribution": CREDIT,
            "trusted": True,
            **said,
        }
        made = LivingSource(platform, **told)
        service.add(engine, made, frozenset({stand_in.netloc}))
        return made

    return register


@pytest.fixture
def sweep(engine: Engine, locator: Locator, fetcher: SourceFetcher, tmp_path: Path) -> Sweep:
    def sweep(platform: str = "essai", **options: Any) -> SweepResult:
        return service.sweep(engine, tmp_path, lambda _: locator, fetcher, platform, **options)

    return sweep


def statuses(engine: Engine) -> dict[str, str]:
    with engine.connect() as connection:
        assert differences(connection) == []
        rows = connection.execute(text("SELECT source_id, status FROM initiative"))
        return {row.source_id: row.status for row in rows}


def state(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.execute(text(STATE)).scalar_one())


def kept(engine: Engine, platform: str = "essai") -> LivingSource:
    with engine.connect() as connection:
        return service.find(connection, platform)


def runs(engine: Engine) -> list[tuple[int, str]]:
    with engine.connect() as connection:
        return [(one.id, one.state) for one in run_queries.find_runs(connection, 50)]


def features(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        page = exports.geojson_page(connection, InitiativeFilters(), "http://map.test", 100, None)
    return [one["properties"] for one in json.loads(b"[" + page.features + b"]")]


def test_what_a_source_gives_is_public_under_its_terms(
    engine: Engine, source: Source, register: Register, sweep: Sweep
) -> None:
    register()
    result = sweep()
    assert (result.state, result.counts) == (SweepState.DONE, {"imported": 10})
    assert set(statuses(engine).values()) == {"published"}
    found = features(engine)
    assert len(found) == 10
    for one in found:
        assert (one["source"], one["licence"]) == ("essai", LICENCE)
        assert one["attribution"] == f"{CREDIT} ({LICENCE})"
    assert runs(engine) == [(result.run, "done")]
    after = kept(engine)
    assert (after.sweep_state, after.sweep_reason) == (SweepState.DONE, "")
    assert after.swept_at is not None


def test_without_an_attribution_the_source_is_named(
    engine: Engine, source: Source, register: Register, sweep: Sweep
) -> None:
    register(attribution="")
    sweep()
    assert {one["attribution"] for one in features(engine)} == {f"essai ({LICENCE})"}


def test_a_second_sweep_changes_nothing(
    engine: Engine, source: Source, register: Register, sweep: Sweep
) -> None:
    register()
    first = sweep()
    source.elements.reverse()
    assert sweep().state is SweepState.UNCHANGED
    assert runs(engine) == [(first.run, "done")]
    # Nor does one that reads all anew, as its terms were said once more.
    service.change(engine, "essai", {"contact": "a@example.org"}, allowed(source))
    assert sweep().counts == {"unchanged": 10}


def allowed(source: Source) -> frozenset[str]:
    return frozenset({source.stand_in.netloc})


def test_what_is_changed_is_changed_and_what_is_gone_is_archived(
    engine: Engine, source: Source, register: Register, sweep: Sweep
) -> None:
    register()
    sweep()
    source.elements = elements(9, name="Lieu au nom nouveau")
    # A tombstone is gone as well as what is no longer there: nine of ten are left, less one.
    source.elements[8]["status"] = -4
    result = sweep()
    assert result.counts == {"updated": 1, "unchanged": 7, "gone": 2}
    found = statuses(engine)
    assert {one for one, status in found.items() if status == "archived"} == {"c8", "c9"}
    # What comes back is here again.
    source.elements = elements(10, name="Lieu au nom nouveau")
    assert sweep().counts == {"unchanged": 8, "updated": 2}
    assert set(statuses(engine).values()) == {"published"}


def test_changed_terms_reach_every_initiative(
    engine: Engine, source: Source, register: Register, sweep: Sweep
) -> None:
    register()
    sweep()
    said = {"licence": "Licence Ouverte 2.0", "attribution": ""}
    service.change(engine, "essai", said, allowed(source))
    assert sweep().counts == {"updated": 10}
    assert {one["attribution"] for one in features(engine)} == {"essai (Licence Ouverte 2.0)"}


def test_who_harvests_hears_of_another_attribution(
    engine: Engine, source: Source, register: Register, sweep: Sweep
) -> None:
    stamps = text("SELECT min(changed_at), max(changed_at) FROM initiative")
    register()
    sweep()
    with engine.connect() as connection:
        before = connection.execute(stamps).one()
    service.change(engine, "essai", {"contact": "https://essai.example"}, allowed(source))
    with engine.connect() as connection:
        assert connection.execute(stamps).one() == before
    service.change(engine, "essai", {"attribution": "Un autre"}, allowed(source))
    with engine.connect() as connection:
        assert connection.execute(stamps).one()[0] > before[1]
    assert {one["attribution"] for one in features(engine)} == {f"Un autre ({LICENCE})"}


def test_what_is_not_trusted_waits_for_moderators(
    engine: Engine, source: Source, register: Register, sweep: Sweep
) -> None:
    register(trusted=False)
    sweep()
    assert set(statuses(engine).values()) == {"pending"}


def test_a_sweep_that_loses_too_much_waits_and_changes_nothing(
    engine: Engine, source: Source, register: Register, sweep: Sweep, tmp_path: Path
) -> None:
    register()
    first = sweep()
    before = features(engine)
    source.elements = elements(7, name="Autre nom")
    result = sweep()
    assert (result.state, result.public, result.gone) == (SweepState.WAITS, 10, 3)
    assert features(engine) == before
    assert kept(engine).sweep_state is SweepState.WAITS
    assert "3 of 10" in kept(engine).sweep_reason
    assert runs(engine) == [(result.run, "waits"), (first.run, "done")]
    with pytest.raises(StateConflict, match="never applied"):
        run_service.undo_run(engine, result.run)
    # The same the next night is the same that waits.
    assert sweep().run == result.run
    assert len(runs(engine)) == 2

    # What is accepted is what was looked at, whatever the source gives by now.
    source.elements = elements(1)
    done = sweep(accept_shrink=True)
    assert (done.state, done.run) == (SweepState.DONE, result.run)
    assert done.counts == {"updated": 1, "unchanged": 6, "gone": 3}
    assert list(statuses(engine).values()).count("archived") == 3
    assert runs(engine) == [(result.run, "done"), (first.run, "done")]
    assert list((tmp_path / "sources").iterdir()) == []
    undone = run_service.undo_run(engine, result.run)
    assert undone.restored == 4
    assert features(engine) == before


def test_ids_that_are_all_new_wait_as_well(
    engine: Engine, source: Source, register: Register, sweep: Sweep
) -> None:
    """As a refresh of GoGoCarto gives them: as many as before, and none the same."""
    register()
    sweep()
    source.elements = [{**one, "id": f"new-{one['id']}"} for one in elements(10)]
    assert (sweep().state, sweep().gone) == (SweepState.WAITS, 10)


def test_a_fifth_may_go_without_a_word(
    engine: Engine, source: Source, register: Register, sweep: Sweep
) -> None:
    register()
    sweep()
    source.elements = elements(8)
    assert sweep().state is SweepState.DONE


def test_a_source_that_is_well_again_needs_nobody(
    engine: Engine, source: Source, register: Register, sweep: Sweep, tmp_path: Path
) -> None:
    register()
    sweep()
    source.elements = elements(2)
    waiting = sweep().run
    source.elements = elements(11)
    result = sweep()
    assert result.counts == {"unchanged": 10, "imported": 1}
    assert dict(runs(engine))[waiting] == "dropped"
    assert list((tmp_path / "sources").iterdir()) == []


def test_a_sweep_that_waits_can_be_given_up(
    engine: Engine, source: Source, register: Register, sweep: Sweep, tmp_path: Path
) -> None:
    register()
    sweep()
    before = features(engine)
    source.elements = elements(2)
    waiting = sweep().run
    assert decisions.drop(engine, tmp_path, waiting)
    assert not decisions.drop(engine, tmp_path, waiting)
    assert features(engine) == before
    assert dict(runs(engine))[waiting] == "dropped"


def test_a_source_of_nothing_waits_and_may_be_accepted(
    engine: Engine, source: Source, register: Register, sweep: Sweep
) -> None:
    register()
    sweep()
    source.elements = []
    source.answer = lambda handler: handler.give(b'{"ontology": "gogofull", "data": []}')
    assert sweep().state is SweepState.WAITS
    assert set(statuses(engine).values()) == {"published"}
    assert sweep(accept_shrink=True).counts == {"gone": 10}
    assert set(statuses(engine).values()) == {"archived"}


def short(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"data": [')


BROKEN: dict[str, Callable[[Handler], None]] = {
    "breaks off": short,
    "is down": lambda handler: handler.give(b"", 503),
    "is busy for a day": lambda handler: handler.give(b"", 429, Retry_After="86400"),
    "has moved inside": lambda handler: handler.give(b"", 302, Location="http://10.0.0.1/"),
    "wants a token": lambda handler: handler.give(b"You need to provide a token"),
    "has another shape": lambda handler: handler.give(b'{"elements": []}'),
    "gives records that are none": lambda handler: handler.give(b'{"data": [1, 2]}'),
    "gives html": lambda handler: handler.give(b"<html></html>"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_sweep_changes_nothing(
    engine: Engine, source: Source, register: Register, sweep: Sweep, fault: str
) -> None:
    register()
    sweep()
    before, ran = features(engine), runs(engine)
    source.answer = BROKEN[fault]
    result = sweep()
    assert (result.state, result.run) == (SweepState.FAILED, 0)
    assert result.reason
    assert (features(engine), runs(engine)) == (before, ran)
    after = kept(engine)
    assert (after.sweep_state, after.sweep_reason) == (SweepState.FAILED, result.reason)
    source.answer = None
    assert sweep().state is SweepState.UNCHANGED


def test_a_source_in_trouble_is_asked_again(
    engine: Engine, source: Source, register: Register, sweep: Sweep, waits: list[float]
) -> None:
    troubles = iter([lambda handler: handler.give(b"", 429, Retry_After="2"), short])

    def answer(handler: Handler) -> None:
        trouble = next(troubles, None)
        if trouble:
            trouble(handler)
        else:
            body = json.dumps({"data": elements(3)})
            handler.give(body.encode())

    source.answer = answer
    register()
    assert sweep().counts == {"imported": 3}
    assert waits[0] == 2.0
    assert len(waits) == 2


def test_a_dry_run_writes_nothing(
    engine: Engine, source: Source, register: Register, sweep: Sweep, tmp_path: Path
) -> None:
    register()
    before = state(engine)
    result = sweep(dry_run=True)
    assert result.counts == {"imported": 10}
    assert [row.title for row in result.rows][:2] == ["Lieu numéro 0", "Lieu numéro 1"]
    assert state(engine) == before
    sweep()
    source.elements = elements(9, name="Autre nom")
    before = state(engine)
    result = sweep(dry_run=True)
    told = [(row.outcome, row.source_id) for row in result.rows]
    assert told == [("updated", "c0"), ("gone", "c9")]
    source.elements = elements(2)
    assert sweep(dry_run=True).state is SweepState.WAITS
    assert state(engine) == before
    assert list((tmp_path / "sources").iterdir()) == []


def test_a_file_is_fetched_only_where_it_is_new(
    engine: Engine, stand_in: StandIn, register: Register, sweep: Sweep
) -> None:
    rows = ["ref;quoi;ville", "1;Un verger;Niort", "2;Une haie;Rennes"]
    sent: list[int] = []

    def answer(handler: Handler) -> None:
        body = "\n".join(rows).encode()
        etag = f'"{len(rows)}"'
        status = 304 if handler.headers.get("If-None-Match") == etag else 200
        sent.append(status)
        handler.give(b"" if status == 304 else body, status, ETag=etag)

    stand_in.routes |= {
        "/liste": lambda handler: handler.give(b"", 302, Location="/files/liste.csv"),
        "/files/liste.csv": answer,
    }
    register(
        connector="file",
        address=f"{stand_in.base}/liste",
        mapping={"title": "quoi", "external_id": "ref"},
    )
    assert sweep().counts == {"imported": 2}
    assert sweep().state is SweepState.UNCHANGED
    rows.append("3;Un banc;Nantes")
    assert sweep().counts == {"unchanged": 2, "imported": 1}
    assert sent == [200, 304, 200]
    assert {one["licence"] for one in features(engine)} == {LICENCE}


def test_a_file_without_a_sure_title_is_not_guessed_at(
    engine: Engine, stand_in: StandIn, register: Register, sweep: Sweep
) -> None:
    stand_in.routes["/liste.csv"] = lambda handler: handler.give(b"a;b\n1;2\n3;4\n")
    register(connector="file", address=f"{stand_in.base}/liste.csv")
    result = sweep()
    assert result.state is SweepState.FAILED
    assert "title" in result.reason
    assert statuses(engine) == {}


def test_a_window_archives_what_it_says_is_gone_and_nothing_else(
    engine: Engine, stand_in: StandIn, register: Register, sweep: Sweep
) -> None:
    def entry(number: int, **said: Any) -> dict[str, Any]:
        made = {"id": f"e{number}", "title": f"Entrée {number}", "city": "Niort", "zip": "79000"}
        return made | {"license": "CC0-1.0", **said}

    entries = [entry(number) for number in range(6)]

    def answer(handler: Handler) -> None:
        query = parse_qs(urlsplit(handler.path).query)
        offset, limit = int(query["offset"][0]), int(query["limit"][0])
        handler.give(json.dumps(entries[offset : offset + limit]).encode())

    stand_in.routes["/v0/entries/recently-changed"] = answer
    register(connector="openfairdb", address=f"{stand_in.base}/v0/entries/recently-changed")
    assert sweep().counts == {"imported": 6}
    entries[:] = [entry(1, title="Entrée changée"), entry(2, status="archived")]
    assert sweep().counts == {"updated": 1, "gone": 1}
    found = statuses(engine)
    assert found.pop("e2") == "archived"
    assert set(found.values()) == {"published"}
    assert len(found) == 5


def test_what_somebody_undid_is_left_until_it_is_swept_by_hand(
    engine: Engine, source: Source, register: Register, sweep: Sweep
) -> None:
    register(rhythm=Rhythm.DAILY)
    run_service.undo_run(engine, sweep().run)
    assert statuses(engine) == {}
    later = datetime.now(UTC) + timedelta(days=9)
    with engine.connect() as connection:
        assert queries.due(connection, later) == []
    assert sweep().counts == {"imported": 10}
    with engine.connect() as connection:
        assert queries.due(connection, later) == ["essai"]


def test_sources_are_due_by_their_rhythm(engine: Engine, register: Register) -> None:
    tried = {
        "daily-new": (Rhythm.DAILY, None, None),
        "daily-due": (Rhythm.DAILY, 1, 1),
        "daily-fresh": (Rhythm.DAILY, 0, 0),
        "weekly-due": (Rhythm.WEEKLY, 7, 7),
        "weekly-fresh": (Rhythm.WEEKLY, 5, 5),
        "weekly-failed": (Rhythm.WEEKLY, 9, 1),
        "weekly-failed-today": (Rhythm.WEEKLY, 9, 0),
        "monthly-due": (Rhythm.MONTHLY, 28, 28),
        "monthly-fresh": (Rhythm.MONTHLY, 20, 20),
        "by-hand": (Rhythm.NEVER, 90, 90),
    }
    with engine.begin() as connection:
        for name, (rhythm, well, last) in tried.items():
            register(name, rhythm=rhythm)
            moments = [
                None if days is None else NOW - timedelta(days=days) for days in (well, last)
            ]
            connection.execute(
                text("""UPDATE import_source SET swept_at = :well, tried_at = :last
                         WHERE platform = :name"""),
                {"name": name, "well": moments[0], "last": moments[1]},
            )
    with engine.connect() as connection:
        assert set(queries.due(connection, NOW)) == {
            *("daily-new", "daily-due", "weekly-due", "weekly-failed", "monthly-due"),
        }


def test_a_night_sweeps_what_is_due_one_at_a_time(
    engine: Engine,
    source: Source,
    register: Register,
    locator: Locator,
    fetcher: SourceFetcher,
    tmp_path: Path,
) -> None:
    register("un", rhythm=Rhythm.DAILY)
    register("deux", rhythm=Rhythm.WEEKLY, address=f"{source.stand_in.base}/not-there")
    register("trois", rhythm=Rhythm.NEVER)

    def step() -> bool:
        moment = datetime.now(UTC)
        return service.sweep_next(engine, tmp_path, lambda _: locator, fetcher, moment)

    assert [step(), step(), step()] == [True, True, False]
    swept = {name: kept(engine, name).sweep_state for name in ("un", "deux", "trois")}
    assert swept == {
        "un": SweepState.DONE,
        "deux": SweepState.FAILED,
        "trois": SweepState.NEVER,
    }

    # What somebody accepted is applied first, due or not.
    source.elements = elements(1)
    waiting = service.sweep(engine, tmp_path, lambda _: locator, fetcher, "un").run
    assert step() is False
    with engine.begin() as connection:
        assert decisions.accept(connection, waiting)
    with engine.begin() as connection:
        assert not decisions.accept(connection, waiting)
    assert [step(), step()] == [True, False]
    assert dict(runs(engine))[waiting] == "done"
    assert list(statuses(engine).values()).count("archived") == 9


def test_two_sweeps_of_one_source_do_not_meet(
    engine: Engine, source: Source, register: Register, sweep: Sweep
) -> None:
    register()
    with engine.begin() as connection:
        assert queries.lock(connection, "essai")
        with pytest.raises(StateConflict, match="right now"):
            sweep()
    assert sweep().state is SweepState.DONE


def test_what_was_removed_is_no_source_any_more(
    engine: Engine, source: Source, register: Register, sweep: Sweep
) -> None:
    register()
    sweep()
    run_service.remove_source(engine, "essai")
    assert statuses(engine) == {}
    with pytest.raises(NotFound):
        sweep()


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("name", {"platform": ""}),
        ("name", {"platform": "-x"}),
        ("name", {"platform": "a\tb"}),
        ("name", {"platform": "x" * 81}),
        ("address", {"address": ""}),
        ("address", {"address": "http://carto.example.org/"}),
        ("address", {"address": "https://127.0.0.1/"}),
        ("address", {"address": "carto.example.org"}),
        ("connector", {"connector": "gogo"}),
        ("licence", {"licence": ""}),
        ("licence", {"licence": "  "}),
        ("licence", {"licence": "CC BY-NC 4.0"}),
        ("licence", {"licence": "a\nb"}),
        ("attribution", {"attribution": "x" * 301}),
        ("contact", {"contact": "a\x00b"}),
        ("mapping", {"mapping": {"title": "Nom"}}),
        ("mapping", {"connector": "file", "mapping": {"titel": "Nom"}}),
    ],
)
def test_what_is_wrong_about_a_source_is_named(
    engine: Engine, field: str, said: dict[str, Any]
) -> None:
    right = LivingSource("essai", "gogocarto", "https://carto.example.org/", LICENCE)
    before = state(engine)
    with pytest.raises(InvalidInput) as refusal:
        service.add(engine, replace(right, **said), frozenset())
    assert refusal.value.field == field
    assert state(engine) == before
    service.add(engine, right, frozenset())
    with pytest.raises(InvalidInput, match="is a source already"):
        service.add(engine, right, frozenset())


def test_a_connector_tells_what_it_knows(engine: Engine) -> None:
    service.add(engine, LivingSource("missions", "api-engagement", "", LICENCE), frozenset())
    assert kept(engine, "missions").address == CONNECTORS["api-engagement"].address
    service.add(
        engine,
        LivingSource("maisons", "france-services", "https://www.data.gouv.fr/x.csv", ""),
        frozenset(),
    )
    assert kept(engine, "maisons").licence == "Licence Ouverte 2.0"

"""Two initiatives that are one: where each is found, who counts for what, and the way back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from mapservice.contributions.proposals import service as proposals
from mapservice.contributions.supports import queries, service
from mapservice.errors import InvalidInput, StateConflict
from mapservice.mail.model import Letterhead
from mapservice.moderation import merge_service
from mapservice.moderation.merge_service import MergeAction
from mapservice.rollups.queries import differences as rollup_differences
from tests.accounts.people.mailbox import mails_to
from tests.accounts.roles.cast import BRETAGNE, CAEN, RENNES, actor
from tests.contributions.proposals.desk import kept, propose
from tests.moderation.moderator import Moderator
from tests.web.population import Made, insert

SITE = Letterhead("Carte", "http://map.test", "Carte <carte@map.test>")
EVA = MergeAction(by="Eva")


@dataclass(frozen=True, slots=True)
class Scene:
    """Three public initiatives (the source of `a` tells ten supporters) and four people."""

    engine: Engine
    a: UUID
    b: UUID
    c: UUID
    people: list[UUID]

    def back(self, number: int, initiative: UUID, commune: str | None = None) -> None:
        with self.engine.begin() as connection:
            person = self.people[number]
            service.support(connection, person, initiative, commune=commune, network=NETWORK)

    def leave(self, number: int, initiative: UUID) -> None:
        with self.engine.begin() as connection:
            service.withdraw(connection, self.people[number], initiative)

    def erase(self, number: int) -> None:
        with self.engine.begin() as connection:
            proposals.erase(connection, self.people[number])
            service.erase(connection, self.people[number])

    def merge(self, initiative: UUID, target: UUID, act: MergeAction = EVA) -> None:
        with self.engine.begin() as connection:
            merge_service.merge(connection, SITE, initiative, target, act)

    def unmerge(self, initiative: UUID) -> None:
        with self.engine.begin() as connection:
            merge_service.unmerge(connection, SITE, initiative, EVA)

    def counts(self) -> tuple[int, ...]:
        """Who backs `a`, `b` and `c` here; every count held against a recount."""
        statement = "SELECT id, supporters FROM initiative"
        with self.engine.connect() as connection:
            assert queries.differences(connection) == []
            assert rollup_differences(connection) == []
            found = {row.id: row.supporters for row in connection.execute(text(statement))}
        return tuple(found.get(one, -1) for one in (self.a, self.b, self.c))


NETWORK = b"0123456789abcdef"


@pytest.fixture
def scene(engine: Engine) -> Scene:
    made = [
        Made(commune=RENNES, title="Un four à pain", source_supporters=10),
        Made(commune=RENNES, title="Le four à pain du quartier"),
        Made(commune=CAEN, title="Une boulangerie"),
    ]
    statement = """
        INSERT INTO person (email, email_key, confirmed_at)
        SELECT n || '@x.org', n || '@x.org', now() FROM generate_series(1, 4) AS n RETURNING id"""
    with engine.begin() as connection:
        insert(connection, made)
        people = list(connection.execute(text(statement)).scalars())
    a, b, c = (UUID(one.id) for one in made)
    return Scene(engine, a, b, c, people)


def test_the_address_leads_to_the_other_and_back(
    client: FlaskClient, scene: Scene, eva: Moderator
) -> None:
    since = client.get("/initiatives.geojson", buffered=True).get_json()
    assert len(since["features"]) == 3
    assert eva.merge(scene.b, scene.a).status_code == 303
    moved = client.get(f"/initiatives/{scene.b}")
    assert (moved.status_code, moved.headers["Location"]) == (302, f"/initiatives/{scene.a}")
    assert moved.headers["Cache-Control"] == "no-store"
    assert client.get(f"/initiatives/{scene.b}/historique").status_code == 302
    shown = client.get("/initiatives.geojson", buffered=True).get_json()["features"]
    assert {one["id"] for one in shown} == {str(scene.a), str(scene.c)}
    assert client.get(f"/ogc/collections/initiatives/items/{scene.b}").status_code == 404
    assert client.get("/initiatives?status=merged").status_code == 400
    assert "Un four à pain" in client.get(f"/initiatives/{scene.b}/soutenir").text
    assert "Réunie à une autre" in eva.get(f"/moderation/{scene.b}").text
    assert "Le four à pain du quartier" in eva.get(f"/moderation/{scene.a}").text
    with scene.engine.connect() as connection:
        gone = connection.execute(text("SELECT initiative FROM removal")).scalars().all()
        assert scene.b in gone
    assert eva.unmerge(scene.b).status_code == 303
    assert client.get(f"/initiatives/{scene.b}").status_code == 200
    with scene.engine.connect() as connection:
        statement = "SELECT initiative FROM removal WHERE initiative = :id"
        assert connection.execute(text(statement), {"id": scene.b}).all() == []
        log = "SELECT verdict, decided_by, target FROM decision WHERE initiative = :id ORDER BY id"
        assert [tuple(row) for row in connection.execute(text(log), {"id": scene.b})] == [
            ("merge", eva.name, scene.a),
            ("unmerge", eva.name, scene.a),
        ]


def test_each_person_counts_once_and_all_come_back(scene: Scene) -> None:
    for number in (0, 1):
        scene.back(number, scene.a)
    for number in (1, 2):
        scene.back(number, scene.b, RENNES)
    scene.merge(scene.b, scene.a)
    assert scene.counts() == (3, 2, 0)
    with scene.engine.connect() as connection:
        share = queries.share(connection, scene.a)
        assert (share.counted, share.local) == (3, 2)
        assert queries.standing(connection, scene.people[2], scene.a) == "counted"
    scene.unmerge(scene.b)
    assert scene.counts() == (2, 2, 0)


def test_what_is_given_and_withdrawn_in_between_stays_so(scene: Scene) -> None:
    for number in (0, 1):
        scene.back(number, scene.a)
    for number in (1, 2):
        scene.back(number, scene.b)
    scene.merge(scene.b, scene.a)
    scene.back(3, scene.b)  # by a link of the former address: it counts for what that leads to
    assert scene.counts() == (4, 2, 0)
    scene.back(2, scene.a)  # backs it already
    assert scene.counts() == (4, 2, 0)
    scene.leave(1, scene.a)  # of both
    scene.leave(2, scene.b)
    assert scene.counts() == (2, 0, 0)
    scene.unmerge(scene.b)
    assert scene.counts() == (2, 0, 0)
    scene.back(2, scene.b)
    assert scene.counts() == (2, 1, 0)


def test_chains_part_where_they_were_joined_and_rings_are_refused(scene: Scene) -> None:
    for number, one in enumerate((scene.a, scene.b, scene.c)):
        scene.back(number, one)
        scene.back(3, one)
    scene.merge(scene.b, scene.a)
    scene.merge(scene.a, scene.c)
    assert scene.counts() == (3, 2, 4)
    for initiative, target in ((scene.c, scene.b), (scene.c, scene.a), (scene.c, scene.c)):
        with pytest.raises(InvalidInput, match="target"):
            scene.merge(initiative, target)
    with pytest.raises(StateConflict):
        scene.merge(scene.b, scene.c)
    scene.unmerge(scene.b)
    assert scene.counts() == (2, 2, 3)
    scene.unmerge(scene.a)
    assert scene.counts() == (2, 2, 2)
    with pytest.raises(StateConflict):
        scene.unmerge(scene.a)


def test_the_middle_of_a_chain_takes_its_part_along(client: FlaskClient, scene: Scene) -> None:
    scene.back(0, scene.b)
    scene.merge(scene.b, scene.a)
    scene.merge(scene.a, scene.c)
    moved = client.get(f"/initiatives/{scene.b}")
    assert moved.headers["Location"] == f"/initiatives/{scene.c}"
    scene.unmerge(scene.a)
    assert scene.counts() == (1, 1, 0)
    moved = client.get(f"/initiatives/{scene.b}")
    assert moved.headers["Location"] == f"/initiatives/{scene.a}"


def test_who_is_erased_meanwhile_counts_for_none_of_them(scene: Scene) -> None:
    scene.back(0, scene.a)
    scene.back(0, scene.b)
    scene.back(1, scene.b)
    scene.merge(scene.b, scene.a)
    assert scene.counts() == (2, 2, 0)
    scene.erase(0)
    assert scene.counts() == (1, 1, 0)
    scene.unmerge(scene.b)
    assert scene.counts() == (0, 1, 0)


def test_what_is_held_back_counts_neither_there(scene: Scene) -> None:
    scene.back(0, scene.a)
    scene.back(0, scene.b)
    scene.merge(scene.b, scene.a)
    hold = "UPDATE support SET held_at = now() WHERE initiative = :id"
    with scene.engine.begin() as connection:
        connection.execute(text(hold), {"id": scene.a})
    assert scene.counts() == (1, 1, 0)
    with scene.engine.begin() as connection:
        connection.execute(text(hold), {"id": scene.b})
    assert scene.counts() == (0, 0, 0)


def test_what_it_was_merged_into_may_be_deleted(client: FlaskClient, scene: Scene) -> None:
    scene.back(0, scene.b)
    scene.merge(scene.b, scene.a)
    scene.merge(scene.a, scene.c)
    with scene.engine.begin() as connection:
        connection.execute(text("DELETE FROM initiative WHERE id = :id"), {"id": scene.a})
    assert scene.counts() == (-1, 1, 0)
    assert client.get(f"/initiatives/{scene.b}").status_code == 200


def test_nobody_writes_past_the_row_that_says_so(scene: Scene) -> None:
    for statement in (
        "UPDATE initiative SET status = 'merged' WHERE id = :b",
        "INSERT INTO merge (initiative, target) VALUES (:b, :b)",
    ):
        with scene.engine.connect() as connection, pytest.raises(DBAPIError):
            connection.execute(text(statement), {"b": scene.b})


ROWS = """id,title,address,postcode,city,status
one,Un four à pain,,35000,Rennes,{status}
"""


def test_an_import_wakes_no_twin(
    client: FlaskClient, scene: Scene, import_rows: Callable[[str], list[str]]
) -> None:
    assert import_rows(ROWS.format(status="publié")) == ["imported"]
    with scene.engine.connect() as connection:
        statement = "SELECT id FROM initiative WHERE source_id = 'one'"
        one = connection.execute(text(statement)).scalar_one()
    scene.merge(one, scene.a)
    assert import_rows(ROWS.format(status="réalisé")) == ["updated"]
    assert client.get(f"/initiatives/{one}").status_code == 302
    scene.unmerge(one)
    with scene.engine.connect() as connection:
        statement = "SELECT status FROM initiative WHERE id = :id"
        assert connection.execute(text(statement), {"id": one}).scalar_one() == "done"


def test_a_proposal_waits_again_once_parted_and_its_author_is_told(
    client: FlaskClient, engine: Engine, scene: Scene, eva: Moderator
) -> None:
    found = propose(client, engine)
    answer = eva.merge(found.id, scene.a, reason="C’est la même idée.")
    assert answer.status_code == 303, answer.text
    assert (kept(engine)[0].status, kept(engine)[0].queued_at) == ("merged", None)
    mail = mails_to(engine)[-1]
    assert mail.kind == "proposal_merged"
    assert f"http://map.test/initiatives/{scene.a}" in mail.text
    assert "C’est la même idée." in mail.text
    state = client.get(f"/initiatives/{found.id}/suivi").text
    assert "Elle est réunie à une autre" in state
    assert client.get(f"/initiatives/{found.id}/modifier").status_code == 303
    assert eva.get("/moderation").text.count("data-id") == 0
    eva.unmerge(found.id)
    assert (kept(engine)[0].status, kept(engine)[0].queued_at) == ("pending", found.queued_at)
    assert mails_to(engine)[-1].kind == "proposal_parted"


def test_an_author_may_leave_while_it_is_merged(
    client: FlaskClient, engine: Engine, scene: Scene, eva: Moderator
) -> None:
    public = propose(client, engine, title="Le four public")
    eva.decide(public.id, "publish")
    waiting = propose(client, engine, title="Le four qui attend")
    for one in (public, waiting):
        scene.merge(one.id, scene.a, MergeAction(by="Eva", seen=1))
    with engine.begin() as connection:
        proposals.erase(connection, public.author)
    statement = "SELECT title, status FROM initiative WHERE title LIKE 'Le four %'"
    with engine.connect() as connection:
        left = {tuple(row) for row in connection.execute(text(statement))}
    assert ("Le four public", "merged") in left
    assert not any(title == "Le four qui attend" for title, _ in left)
    scene.unmerge(public.id)
    assert client.get(f"/initiatives/{public.id}").status_code == 200


def test_a_link_that_was_mailed_before_counts_for_the_other(scene: Scene) -> None:
    scene.merge(scene.b, scene.a)
    with scene.engine.connect() as connection:
        assert service.find_target(connection, scene.b).id == scene.a


def test_a_moderator_merges_within_their_territories_alone(
    scene: Scene, moderated: Flask, engine: Engine
) -> None:
    breton = actor(moderated, engine, "breton", ("moderator", BRETAGNE))
    out = breton.post(f"/moderation/{scene.b}/reunir", target=str(scene.c), revision="0")
    assert out.status_code == 400
    from_there = breton.post(f"/moderation/{scene.c}/reunir", target=str(scene.a), revision="0")
    assert from_there.status_code == 404
    typed = f"http://map.test/initiatives/{scene.a}?x=1"
    within = breton.post(f"/moderation/{scene.b}/reunir", other=typed, revision="0")
    assert within.status_code == 303
    assert scene.counts() == (0, 0, 0)
    assert f'href="/moderation/{scene.a}"' in breton.client.get(f"/initiatives/{scene.a}").text
    for bad in ("", "x", str(uuid4())):
        answer = breton.post(f"/moderation/{scene.a}/reunir", other=bad, revision="0")
        assert answer.status_code == 400, bad


def test_of_two_opposite_merges_at_once_one_is_done(scene: Scene) -> None:
    start = Barrier(2)

    def work(pair: tuple[UUID, UUID]) -> bool:
        start.wait()
        try:
            scene.merge(*pair)
        except (StateConflict, InvalidInput):
            return False
        return True

    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(work, [(scene.a, scene.b), (scene.b, scene.a)]))
        assert sorted(done) == [False, True]
        scene.unmerge(scene.a if done[0] else scene.b)

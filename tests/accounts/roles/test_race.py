"""Two moderators and two hundred cases: each is decided once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

from flask import Flask
from sqlalchemy import Engine, text

from mapservice.audit.model import DecisionVerdict
from mapservice.mail import service as mail
from mapservice.moderation import service
from mapservice.moderation.service import ModeratorIdentity, TooLate
from mapservice.rollups.queries import differences
from mapservice.settings import Settings
from tests.accounts.roles.cast import BRETAGNE, RENNES, Actor, actor, proposals
from tests.web.population import Made

CASES = 200


def waiting(engine: Engine) -> list[UUID]:
    made = [Made(title=f"Un jardin {n}", status="pending", commune=RENNES) for n in range(CASES)]
    return proposals(engine, made)


def decided(engine: Engine) -> Counter[tuple[UUID, UUID | None]]:
    statement = """
        SELECT initiative, decided_by_person FROM decision
         WHERE initiative IN (SELECT id FROM initiative)"""
    with engine.connect() as connection:
        return Counter((row[0], row[1]) for row in connection.execute(text(statement)))


def test_two_who_take_the_next_one_again_and_again_share_the_queue(
    app: Flask, engine: Engine
) -> None:
    cases = waiting(engine)
    pair = [actor(app, engine, name, ("moderator", BRETAGNE)) for name in ("eva", "max")]
    start = Barrier(2)

    def work(moderator: Actor) -> int:
        start.wait()
        done = 0
        address = moderator.post("/moderation/suivante").location
        while address != "/moderation":
            answer = moderator.post(address.partition("?")[0], verdict="publish", revision="1")
            assert answer.status_code == 303
            done += 1
            address = answer.location
            if address.startswith("/moderation?"):
                address = moderator.post("/moderation/suivante").location
        return done

    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(work, pair))
    assert sum(counts) == CASES
    assert min(counts) > 0
    kept = decided(engine)
    assert {case for case, _ in kept} == set(cases)
    assert len(kept) == kept.total() == CASES
    assert {person for _, person in kept} == {one.person for one in pair}
    with engine.connect() as connection:
        assert differences(connection) == []


def test_of_two_who_decide_about_the_same_one_without_taking_it_one_is_told(
    engine: Engine,
) -> None:
    cases = waiting(engine)
    site = mail.letterhead(Settings(public_url="http://map.test"))
    start = Barrier(2)

    def work(name: str) -> list[UUID]:
        won = []
        for case in cases:
            start.wait()
            try:
                with engine.begin() as connection:
                    judge = ModeratorIdentity(name=name)
                    service.decide(connection, site, case, DecisionVerdict.PUBLISH, judge, seen=1)
            except TooLate:
                continue
            won.append(case)
        return won

    with ThreadPoolExecutor(2) as pool:
        ours, theirs = pool.map(work, ("Eva", "Max"))
    assert sorted(ours + theirs) == sorted(cases)
    assert decided(engine).total() == CASES

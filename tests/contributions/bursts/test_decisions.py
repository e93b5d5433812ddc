"""At the door, and what people decide: once each, exactly counted, also amid other acts."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random
from uuid import UUID

import psycopg.errors
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from mapservice.contributions.bursts import service
from mapservice.contributions.bursts.model import BurstState
from mapservice.contributions.bursts.queries import Seen
from mapservice.contributions.supports import service as supports
from mapservice.errors import InvalidInput, StateConflict
from tests.contributions.bursts.simulation import (
    Arrival,
    Figures,
    arrive,
    bought,
    figures,
    give,
    initiative,
    knock,
    people,
    wave,
)

OPEN = (("hold", "open"),)


@pytest.fixture
def burst(engine: Engine) -> tuple[UUID, UUID]:
    """An initiative with 300 bought supports held back, and their burst."""
    known = initiative(engine)
    arrive(engine, known, bought(Random(1), 300, 2))
    service.watch(engine)
    assert figures(engine, known) == Figures(0, 300, OPEN)
    return known, open_burst(engine, known)


def open_burst(engine: Engine, known: UUID) -> UUID:
    statement = text("SELECT id FROM burst WHERE initiative = :id AND state = 'open'")
    with engine.connect() as connection:
        found: UUID = connection.execute(statement, {"id": known}).scalar_one()
    return found


def decide(engine: Engine, known: UUID, which: UUID, state: BurstState) -> None:
    with engine.begin() as connection:
        service.decide(connection, which, known, state, by="Eva")


def person_of(engine: Engine, mailbox: str) -> UUID:
    statement = text("SELECT id FROM person WHERE email = :mailbox")
    with engine.connect() as connection:
        found: UUID = connection.execute(statement, {"mailbox": mailbox}).scalar_one()
    return found


HANDS = 4


def at_once(engine: Engine, known: UUID, crowd: Sequence[Arrival], hands: int = HANDS) -> None:
    """Through the door, several at a time."""
    with engine.begin() as connection:
        ids = people(connection, crowd)

    def work(part: Sequence[Arrival]) -> None:
        for one in part:
            with engine.begin() as connection:
                give(connection, ids[one.mailbox], known, one)

    with ThreadPoolExecutor(hands) as pool:
        for done in [pool.submit(work, crowd[hand::hands]) for hand in range(hands)]:
            done.result()


def test_the_door_holds_a_burst_back_while_it_comes(engine: Engine) -> None:
    """What passed before the limit was reached is held back with the rest, without any job.

    Who passes at the very moment when it is reached is found by the next look.
    """
    known = initiative(engine)
    crowd = bought(Random(1), 700, 5) + wave(Random(2), 150, shared=0.1, schools=0, told=0)
    Random(3).shuffle(crowd)
    at_once(engine, known, crowd)
    found = figures(engine, known)
    assert found.bursts == OPEN
    assert 700 - HANDS < found.held <= 715
    service.watch(engine)
    looked = figures(engine, known)
    assert 700 <= looked.held <= 715
    service.watch(engine)
    assert figures(engine, known) == looked


@pytest.mark.parametrize(
    ("decided", "held"), [(None, 301), (BurstState.DISMISSED, 301), (BurstState.RELEASED, 0)]
)
def test_a_straggler_of_a_held_network_is_found_by_the_next_look(
    engine: Engine, burst: tuple[UUID, UUID], decided: BurstState | None, held: int
) -> None:
    """As one is that was weighed just before the others were held, and came in just after."""
    known, found = burst
    seen: dict[UUID, Seen] = {}
    service.watch(engine, seen)
    if decided:
        decide(engine, known, found, decided)
    one = bought(Random(2), 1, 1, name="late")[0]
    network = bought(Random(1), 300, 2)[0].network
    arrive(engine, known, [Arrival(one.mailbox, network, None, 0)])
    service.watch(engine, seen)
    if decided:  # then nothing waits, and the job has no reason to look
        with engine.begin() as connection:
            service.look(connection, known)
    assert figures(engine, known).held == held


def test_the_door_lets_neighbours_in(engine: Engine) -> None:
    known = initiative(engine)
    knock(engine, known, wave(Random(4), 500, told=0))
    assert figures(engine, known) == Figures(500, 0, ())


def test_what_is_released_counts_and_is_not_held_again(
    engine: Engine, burst: tuple[UUID, UUID]
) -> None:
    known, found = burst
    decide(engine, known, found, BurstState.RELEASED)
    counted = Figures(300, 0, (("hold", "released"),))
    assert figures(engine, known) == counted
    service.watch(engine)
    assert figures(engine, known) == counted
    more = bought(Random(2), 60, 2, name="more")
    same = [Arrival(one.mailbox, one.network.replace("more", "bought"), None, 0) for one in more]
    knock(engine, known, same)
    service.watch(engine)
    assert figures(engine, known) == Figures(360, 0, (("hold", "released"),))


def test_what_is_dismissed_never_counts_nor_does_more_of_the_same(
    engine: Engine, burst: tuple[UUID, UUID]
) -> None:
    known, found = burst
    decide(engine, known, found, BurstState.DISMISSED)
    assert figures(engine, known) == Figures(0, 300, (("hold", "dismissed"),))
    more = [Arrival(f"more{number}@mail.test", "bought 0", None, 0) for number in range(3)]
    knock(engine, known, [*more, Arrival("neighbour@example.org", "home", None, 0)])
    service.watch(engine)
    both = (("hold", "dismissed"), ("hold", "open"))
    assert figures(engine, known) == Figures(1, 303, both)
    decide(engine, known, open_burst(engine, known), BurstState.RELEASED)
    assert figures(engine, known).counted == 4


def test_one_of_two_decides(engine: Engine, burst: tuple[UUID, UUID]) -> None:
    known, found = burst

    def attempt(state: BurstState) -> str:
        try:
            decide(engine, known, found, state)
        except StateConflict:
            return "late"
        return state

    for _ in range(2):
        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(attempt, (BurstState.RELEASED, BurstState.DISMISSED)))
        assert "late" in told
    state = figures(engine, known).bursts[0][1]
    assert figures(engine, known).counted == (300 if state == BurstState.RELEASED else 0)


def test_deciding_while_more_arrive_leaves_none_behind(
    engine: Engine, burst: tuple[UUID, UUID]
) -> None:
    """What is held for a burst that was just released would wait for nobody."""
    known, found = burst
    more = [Arrival(f"more{number}@mail.test", "bought 1", None, 0) for number in range(60)]
    with ThreadPoolExecutor(2) as pool:
        arriving = pool.submit(at_once, engine, known, more, 3)
        decide(engine, known, found, BurstState.RELEASED)
        arriving.result()
    service.watch(engine)
    assert figures(engine, known) == Figures(360, 0, (("hold", "released"),))


def test_who_leaves_or_is_erased_meanwhile_is_counted_right(
    engine: Engine, burst: tuple[UUID, UUID]
) -> None:
    known, found = burst
    leaver, erased, back = (person_of(engine, f"bought{number}@mail.test") for number in (1, 2, 3))
    with engine.begin() as connection:
        supports.withdraw(connection, leaver, known)
        supports.withdraw(connection, back, known)
        supports.erase(connection, erased)
    with engine.begin() as connection:
        give(connection, back, known, Arrival("", "elsewhere", None, 0))
    assert figures(engine, known) == Figures(0, 298, OPEN), "who comes back is still looked at"
    decide(engine, known, found, BurstState.RELEASED)
    assert figures(engine, known) == Figures(298, 0, (("hold", "released"),))
    with engine.begin() as connection:
        give(connection, leaver, known, Arrival("", "elsewhere", None, 0))
    assert figures(engine, known).counted == 299


def test_who_was_dismissed_cannot_come_back_through_another_network(
    engine: Engine, burst: tuple[UUID, UUID]
) -> None:
    known, found = burst
    decide(engine, known, found, BurstState.DISMISSED)
    person = person_of(engine, "bought1@mail.test")
    with engine.begin() as connection:
        supports.withdraw(connection, person, known)
    with engine.begin() as connection:
        give(connection, person, known, Arrival("", "elsewhere", None, 0))
    assert figures(engine, known) == Figures(0, 300, (("hold", "dismissed"),))


def test_all_at_once_nothing_waits_in_a_ring(engine: Engine) -> None:
    """Arrivals, people who leave, the job and a moderator, on one initiative."""
    known = initiative(engine)
    crowd = bought(Random(1), 160, 1)
    arrive(engine, known, crowd)
    leaving = [person_of(engine, one.mailbox) for one in crowd[:40]]

    def leave() -> None:
        for person in leaving:
            with engine.begin() as connection:
                supports.withdraw(connection, person, known)

    def look() -> None:
        for _ in range(15):
            service.watch(engine)

    def moderate() -> None:
        for _ in range(15):
            with engine.connect() as connection:
                found = connection.execute(text("SELECT id FROM burst WHERE state = 'open'"))
                waiting = found.scalars().all()
            for one in waiting:
                decide(engine, known, one, BurstState.DISMISSED)

    more = [Arrival(f"more{number}@mail.test", "bought 0", None, 0) for number in range(60)]
    with ThreadPoolExecutor(4) as pool:
        acts = [pool.submit(act) for act in (leave, look, moderate)]
        acts.append(pool.submit(at_once, engine, known, more, 2))
        for act in acts:
            act.result()
    service.watch(engine)
    found = figures(engine, known)
    assert found.counted + found.held == 180
    assert found.counted <= 5


def test_what_was_decided_stays_as_it_was_written(engine: Engine, burst: tuple[UUID, UUID]) -> None:
    known, found = burst
    with pytest.raises(InvalidInput, match="state"):
        decide(engine, known, found, BurstState.OPEN)
    decide(engine, known, found, BurstState.DISMISSED)
    with engine.begin() as connection, pytest.raises(DBAPIError) as refused:
        connection.execute(text("UPDATE burst SET state = 'open', decided_at = NULL"))
    assert isinstance(refused.value.orig, psycopg.errors.InsufficientPrivilege)

"""A group never loses its last organiser but by an erasure, whatever happens at once."""

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, text

from mapservice.accounts.people import service as people_service
from mapservice.accounts.people.personal_data import PersonalDataProvider
from mapservice.db.soundness import problems
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.groups import membership_service as membership
from mapservice.groups import queries
from mapservice.groups.membership_service import LastOrganiser, MemberAct, OwnAct
from mapservice.groups.model import MemberChoice, MemberStanding
from tests.events.organiser import make_person
from tests.groups.founder import SITE, make_group

ERASED = PersonalDataProvider(
    "groups", queries.export, lambda connection, one: membership.erase(connection, SITE, one)
)
REFUSED = (InvalidInput, NotFound, StateConflict)
STATE = """
SELECT local_group.id, members, organisers, succession_since,
       (SELECT count(*) FROM group_member AS one
         WHERE one.local_group = local_group.id
           AND standing IN ('member', 'editor', 'organiser')) AS counted_members,
       (SELECT count(*) FROM group_member AS one
         WHERE one.local_group = local_group.id AND standing = 'organiser') AS counted_organisers
  FROM local_group"""


def add(connection: Connection, group: UUID, *standings: MemberStanding) -> list[UUID]:
    """People of a group with these standings."""
    people = [make_person(connection) for _ in standings]
    for person, standing in zip(people, standings, strict=True):
        membership.add(connection, group, person, standing, MemberChoice())
    return people


def leave(connection: Connection, group: UUID, person: UUID) -> None:
    own = queries.of_person(connection, group, person)
    if own:
        membership.leave(connection, own.id)


def at_once(engine: Engine, acts: Sequence[Callable[[Connection], None]]) -> list[str]:
    """Each in a transaction of its own, begun together; what each came to."""
    ready = threading.Barrier(len(acts))

    def run(act: Callable[[Connection], None]) -> str:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            ready.wait()
            try:
                act(connection)
            except REFUSED as error:
                return type(error).__name__
            connection.commit()
            return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(run, acts))


def test_of_two_organisers_who_leave_at_once_one_stays(engine: Engine) -> None:
    for _ in range(20):
        with engine.begin() as connection:
            first = make_person(connection)
            group = make_group(connection, first)
            (second,) = add(connection, group, MemberStanding.ORGANISER)
        came = at_once(engine, [partial(leave, group=group, person=one) for one in (first, second)])
        assert came == [LastOrganiser.__name__, "done"]


def test_two_who_exclude_each_other_do_not_both_succeed(engine: Engine) -> None:
    with engine.begin() as connection:
        first = make_person(connection)
        group = make_group(connection, first)
        (second,) = add(connection, group, MemberStanding.ORGANISER)
        rows = {person: queries.of_person(connection, group, person) for person in (first, second)}

    def exclude(by: UUID, whom: UUID) -> Callable[[Connection], None]:
        row = rows[whom]
        assert row is not None
        return lambda connection: membership.manage(
            connection, SITE, group, by, row.id, MemberAct.BAN, datetime.now(UTC)
        )

    assert at_once(engine, [exclude(first, second), exclude(second, first)]) == [
        "NotFound",
        "done",
    ]


def test_whoever_deletes_the_last_row_opens_a_succession(connection: Connection) -> None:
    """A purge, a hand, a cascade: the group knows."""
    person = make_person(connection)
    group = make_group(connection, person)
    connection.execute(text("DELETE FROM person WHERE id = :id"), {"id": person})
    found = queries.find(connection, group)
    assert found is not None
    assert (found.members, found.organisers) == (0, 0)
    assert found.is_without_organiser


def test_counts_that_a_hand_made_false_are_told(connection: Connection) -> None:
    group = make_group(connection, make_person(connection))
    assert not [one for one in problems(connection) if "groups" in one]
    connection.execute(text("UPDATE local_group SET members = 7 WHERE id = :id"), {"id": group})
    (told,) = (one for one in problems(connection) if "groups" in one)
    assert told == "groups: 1 count other members or organisers than theirs"


def test_an_erasure_waits_for_who_joins_and_takes_that_away_too(engine: Engine) -> None:
    """No row of somebody who was erased is left, whichever came first."""
    for _ in range(10):
        with engine.begin() as connection:
            group = make_group(connection, make_person(connection))
            person = make_person(connection)

        def erase(connection: Connection, one: UUID = person) -> None:
            people_service.erase(connection, one, (ERASED,))

        def join(connection: Connection, one: UUID = person, to: UUID = group) -> None:
            membership.join(connection, SITE, to, one, MemberChoice())

        at_once(engine, [erase, join])
        with engine.connect() as connection:
            assert queries.of_person(connection, group, person) is None


@pytest.mark.long
@pytest.mark.parametrize("seed", range(6))
def test_random_sequences_over_several_connections(engine: Engine, seed: int) -> None:
    """Leave, ban, erase, offer, accept, step down, take over: four connections at once."""
    dice = random.Random(seed)
    with engine.begin() as connection:
        groups, people = [], []
        for _ in range(3):
            first = make_person(connection)
            group = make_group(connection, first)
            people += [first, *add(connection, group, *(
                MemberStanding.ORGANISER, MemberStanding.EDITOR, MemberStanding.MEMBER,
                MemberStanding.MEMBER, MemberStanding.FOLLOWER, MemberStanding.REQUESTED,
            ))]  # fmt: skip
            groups.append(group)
    erased: set[UUID] = set()
    guard = threading.Lock()
    seen: list[str] = []

    def step(number: int) -> None:
        own = random.Random(seed * 100_000 + number)
        group, person = own.choice(groups), own.choice(people)
        now = datetime.now(UTC)
        try:
            with engine.begin() as connection:
                kind = own.randrange(100)
                if kind < 20:
                    leave(connection, group, person)
                elif kind < 26:
                    people_service.erase(connection, person, (ERASED,))
                    with guard:
                        erased.add(person)
                elif kind < 60:
                    rows = queries.members(connection, group)
                    if rows:
                        whom = own.choice(rows).id
                        wanted = own.choice(list(MemberAct))
                        membership.manage(connection, SITE, group, person, whom, wanted, now)
                elif kind < 90:
                    wanted_ = own.choice(list(OwnAct))
                    membership.act(connection, SITE, group, person, wanted_, now)
                else:
                    membership.join(connection, SITE, group, person, MemberChoice())
            seen.append("done")
        except REFUSED as error:
            seen.append(type(error).__name__)

    numbers = list(range(dice.randrange(300, 400)))
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(step, numbers):
            check(engine, bool(erased))
    check(engine, bool(erased))
    assert {"done", "NotFound"} <= set(seen)
    with engine.connect() as connection:
        left = "SELECT count(*) FROM group_member WHERE person = ANY(CAST(:ids AS uuid[]))"
        assert connection.execute(text(left), {"ids": list(erased)}).scalar_one() == 0


def check(engine: Engine, anybody_erased: bool) -> None:
    """What is committed: exact counts, and an organiser, or a succession that an erasure opened."""
    with engine.connect() as connection:
        for row in connection.execute(text(STATE)):
            assert (row.members, row.organisers) == (row.counted_members, row.counted_organisers)
            assert (row.organisers == 0) == (row.succession_since is not None)
            assert row.organisers or anybody_erased


@pytest.mark.parametrize("seed", range(2))
def test_without_erasures_nobody_has_to_take_over(engine: Engine, seed: int) -> None:
    own = random.Random(seed)
    with engine.begin() as connection:
        first = make_person(connection)
        group = make_group(connection, first)
        people = [first, *add(connection, group, *[MemberStanding.MEMBER] * 4)]

    def step(number: int) -> Callable[[Connection], None]:
        person, wanted = own.choice(people), own.choice(list(OwnAct))
        act, whom = own.choice(list(MemberAct)), own.choice(people)
        kind = own.randrange(3)

        def run(connection: Connection) -> None:
            now = datetime.now(UTC)
            if kind == 0:
                leave(connection, group, person)
            elif kind == 1:
                membership.act(connection, SITE, group, person, wanted, now)
            else:
                row = queries.of_person(connection, group, whom)
                if row:
                    membership.manage(connection, SITE, group, person, row.id, act, now)

        return run

    for _ in range(15):
        at_once(engine, [step(number) for number in range(4)])
        with engine.connect() as connection:
            found = queries.find(connection, group)
        assert found is not None
        assert found.organisers >= 1
        assert found.succession_since is None

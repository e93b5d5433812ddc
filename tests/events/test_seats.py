"""Seats: never one too many, none idle while somebody waits, order kept, replays change nothing."""

import contextlib
import random
import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text

from mapservice.db.engine import make_engine
from mapservice.errors import InvalidInput, StateConflict
from mapservice.events import letters
from mapservice.events import registration_service as seats
from mapservice.events.model import RegistrationState, SeatOffer, WaitingPerson, offers_of
from mapservice.groups import membership_service as membership
from mapservice.groups.model import MemberChoice, MemberStanding
from tests.events.organiser import SENDER, SITE, make_event, make_person, soon, written
from tests.groups.founder import make_group

NOW = datetime.now(UTC)
STATE = "SELECT state FROM event_registration WHERE event = :event AND person = :person"


def states(connection: Connection, event: UUID) -> list[str]:
    rows = connection.execute(
        text("SELECT state FROM event_registration WHERE event = :event ORDER BY created_at, id"),
        {"event": event},
    )
    return list(rows.scalars())


def join(engine: Engine, event: UUID, person: UUID, count: int = 1) -> seats.Registration:
    with engine.begin() as connection:
        return seats.register(connection, event, person, SENDER, NOW, seats=count)


def people(engine: Engine, count: int) -> list[UUID]:
    with engine.begin() as connection:
        return [make_person(connection, f"P{number}") for number in range(count)]


def test_who_waits_first_is_offered_what_is_free_be_it_fewer_seats() -> None:
    one, two, three = (UUID(int=n) for n in (1, 2, 3))
    waiting = [WaitingPerson(one, 3), WaitingPerson(two, 1), WaitingPerson(three, 1)]
    assert offers_of(0, waiting) == []
    assert offers_of(2, waiting) == [SeatOffer(one, 2)]
    assert offers_of(4, waiting) == [SeatOffer(one, 3), SeatOffer(two, 1)]
    assert len(offers_of(None, waiting)) == 3


def test_registering_twice_is_one_registration(engine: Engine) -> None:
    (ana,) = people(engine, 1)
    with engine.begin() as connection:
        event = make_event(connection, capacity=5)
    first, again = join(engine, event, ana, 2), join(engine, event, ana, 1)
    assert first == again
    assert len(written(engine, "event_seat")) == 1


def test_no_capacity_is_not_the_same_as_none(engine: Engine) -> None:
    ana, ben = people(engine, 2)
    with engine.begin() as connection:
        closed = make_event(connection, capacity=0)
        open_ = make_event(connection, capacity=None)
    assert join(engine, closed, ana).state is RegistrationState.WAITING
    assert join(engine, open_, ben).state is RegistrationState.CONFIRMED


def test_what_cannot_be_registered_for(engine: Engine) -> None:
    (ana,) = people(engine, 1)
    with engine.begin() as connection:
        none = make_event(connection, registration="none")
        few = make_event(connection, max_seats=1)
        over = make_event(connection, start=soon(1))
        connection.execute(
            text("UPDATE event SET starts_at = now() - interval '1 hour' WHERE id = :id"),
            {"id": over},
        )
    for event in (none, over):
        with pytest.raises(StateConflict):
            join(engine, event, ana)
    with pytest.raises(InvalidInput):
        join(engine, few, ana, 2)


def test_an_offer_grows_to_what_was_asked_for(engine: Engine) -> None:
    """Who asked for three and was offered one comes before who waits, until all three are there."""
    ana, ben, cleo, dan = people(engine, 4)
    with engine.begin() as connection:
        event = make_event(connection, capacity=4, max_seats=4)
    first, held = join(engine, event, ana, 1), join(engine, event, ben, 3)
    asking, behind = join(engine, event, cleo, 3), join(engine, event, dan, 1)
    assert [one.state for one in (asking, behind)] == [RegistrationState.WAITING] * 2
    seen = []
    for one, at in ((first, NOW), (held, NOW + timedelta(hours=5))):
        with engine.begin() as connection:
            seats.leave(connection, one.id, SENDER, at)
            both = seats.find(connection, asking.id), seats.find(connection, behind.id)
            assert both[0]
            assert both[1]
            seen.append((both[0].offered_seats, both[0].offered_until, str(both[1].state)))
    assert seen == [
        (1, NOW + timedelta(hours=24), "waiting"),
        # The fourth seat goes on to who waits.
        (3, NOW + timedelta(hours=29), "offered"),
    ]
    with engine.begin() as connection:
        seats.accept(connection, asking.id, SENDER, NOW + timedelta(hours=6))
        taken = seats.find(connection, asking.id)
    assert taken
    assert (taken.state, taken.seats) == (RegistrationState.CONFIRMED, 3)


def test_what_was_told_is_changed(engine: Engine) -> None:
    """Seats given back go to who waits; more are given where nobody waits for them."""
    ana, ben, cleo = people(engine, 3)
    with engine.begin() as connection:
        event = make_event(connection, capacity=4, max_seats=3)

    def change(registration: UUID, wanted: int, **told: Any) -> None:
        with engine.begin() as connection:
            chosen = {"name": "", "is_public": False, "shares_address": False, **told}
            seats.change(connection, registration, SENDER, NOW, seats=wanted, **chosen)

    first, second = join(engine, event, ana, 2), join(engine, event, ben, 1)
    change(second.id, 2, name="Ben", is_public=True)
    with pytest.raises(StateConflict):
        change(first.id, 3)
    with pytest.raises(InvalidInput):
        change(first.id, 4)
    waiting = join(engine, event, cleo, 1)
    assert waiting.state is RegistrationState.WAITING
    # Who waits may ask for more, and keeps the turn; what is given back is offered to them.
    change(waiting.id, 2)
    change(second.id, 1, name="Ben")
    with engine.connect() as connection:
        stand = [seats.find(connection, one.id) for one in (first, second, waiting)]
    assert [(one.seats, one.offered_seats, one.name) for one in stand if one] == [
        (2, None, ""),
        (1, None, "Ben"),
        (2, 1, ""),
    ]
    # Fewer than were offered: the offer shrinks. More stay out of reach while somebody waits.
    change(waiting.id, 1)
    with pytest.raises(StateConflict):
        change(second.id, 2)
    with engine.begin() as connection:
        seats.leave(connection, first.id, SENDER, NOW)
    with pytest.raises(StateConflict):
        change(first.id, 1)
    # The rest is as it was, and a name alone is changed by whoever holds more than is allowed now.
    with engine.begin() as connection:
        connection.execute(text("UPDATE event SET max_seats = 1"))
    change(waiting.id, 1, name="Cléo")
    with engine.connect() as connection:
        found = seats.find(connection, waiting.id)
    assert found
    assert (found.name, found.offered_seats) == ("Cléo", 1)


def test_an_offer_expires_and_goes_on(engine: Engine) -> None:
    ana, ben, cleo = people(engine, 3)
    with engine.begin() as connection:
        event = make_event(connection, capacity=1)
    held, second, third = (join(engine, event, one) for one in (ana, ben, cleo))
    assert [one.state for one in (second, third)] == [RegistrationState.WAITING] * 2
    with engine.begin() as connection:
        seats.leave(connection, held.id, SENDER, NOW)
    with engine.connect() as connection:
        offered = seats.find(connection, second.id)
        assert offered
        assert offered.state is RegistrationState.OFFERED
        assert offered.offered_until == NOW + timedelta(hours=24)
    assert seats.settle_due(engine, SENDER, NOW + timedelta(hours=23)) == 0
    later = NOW + timedelta(hours=25)
    assert seats.settle_due(engine, SENDER, later) == 1
    assert seats.settle_due(engine, SENDER, later) == 0
    with engine.connect() as connection:
        assert states(connection, event) == ["cancelled", "cancelled", "offered"]
        left, lapsed = seats.find(connection, held.id), seats.find(connection, second.id)
        assert left
        assert lapsed
        assert (left.lapsed_at, lapsed.lapsed_at) == (None, NOW + timedelta(hours=24))
        mail = letters.letter(connection, SITE, second.id, "seat", later)
        assert mail
        assert "n’a pas été prise à temps" in mail.text
    # Who comes back is registered anew, like who left.
    with engine.begin() as connection:
        again = seats.register(connection, event, second.person, SENDER, later)
        assert (again.state, again.lapsed_at) == (RegistrationState.WAITING, None)
        seats.leave(connection, again.id, SENDER, later)
    with engine.begin() as connection, pytest.raises(StateConflict):
        seats.accept(connection, second.id, SENDER, later)
    with engine.begin() as connection:
        seats.accept(connection, third.id, SENDER, later)
        seats.accept(connection, third.id, SENDER, later)  # pressed twice
        assert states(connection, event) == ["cancelled", "cancelled", "confirmed"]


def test_the_organiser_admits_and_seats_still_count(engine: Engine) -> None:
    ana, ben, cleo = people(engine, 3)
    with engine.begin() as connection:
        event = make_event(connection, capacity=1, registration="approval")
    asked = [join(engine, event, one) for one in (ana, ben, cleo)]
    assert {one.state for one in asked} == {RegistrationState.REQUESTED}
    with engine.begin() as connection:
        seats.decide(connection, asked[0].id, SENDER, NOW, admit=True)
        seats.decide(connection, asked[1].id, SENDER, NOW, admit=True)
        seats.decide(connection, asked[2].id, SENDER, NOW, admit=False)
        assert states(connection, event) == ["confirmed", "waiting", "declined"]
    with engine.begin() as connection, pytest.raises(StateConflict):
        seats.decide(connection, asked[2].id, SENDER, NOW, admit=True)
    assert join(engine, event, cleo).state is RegistrationState.DECLINED


def test_answers_and_names_go_thirty_days_after(engine: Engine) -> None:
    ana, ben = people(engine, 2)
    with engine.begin() as connection:
        event = make_event(connection, capacity=1)
        kept = seats.register(connection, event, ana, SENDER, NOW, name="Ana")
        seats.answer(connection, kept.id, "Sans gluten")
        seats.register(connection, event, ben, SENDER, NOW, name="Ben")
    end = soon() + timedelta(hours=2)
    seats.forget(engine, (end + timedelta(days=29)).replace(tzinfo=UTC))
    with engine.connect() as connection:
        meanwhile = seats.find(connection, kept.id)
        assert meanwhile
        assert meanwhile.answer == "Sans gluten"
    seats.forget(engine, (end + timedelta(days=31)).replace(tzinfo=UTC))
    with engine.connect() as connection:
        left = seats.find(connection, kept.id)
        assert left
        assert (left.answer, left.name) == ("", "")
        assert states(connection, event) == ["confirmed"]


CHECK = """
SELECT coalesce(sum(coalesce(offered_seats, seats))
                FILTER (WHERE state IN ('confirmed', 'offered', 'attended')), 0) AS taken,
       count(*) FILTER (WHERE state = 'waiting') AS waiting
  FROM event_registration WHERE event = :event"""

# Somebody was offered or given a seat after waiting, while another who came before still waits.
OVERTAKEN = """
SELECT count(*)
  FROM event_registration AS later
  JOIN event_registration AS earlier
    ON earlier.event = later.event AND earlier.state = 'waiting'
   AND earlier.waits_since < later.waits_since
 WHERE later.event = :event AND later.state IN ('offered', 'confirmed')"""


def race(engine: Engine, database_url: str, count: int, capacity: int, workers: int) -> None:
    """People register, leave, accept and let offers expire, over connections of their own."""
    everyone = people(engine, count)
    with engine.begin() as connection:
        event = make_event(connection, capacity=capacity)
    problems: list[str] = []
    stop = threading.Event()

    def work(number: int) -> None:
        dice = random.Random(number)
        own = make_engine(database_url, pool_size=1)
        mine = everyone[number::workers]
        try:
            for person in mine:
                with own.begin() as connection:
                    kept = seats.register(
                        connection, event, person, SENDER, NOW, seats=dice.choice((1, 1, 1, 2))
                    )
                with own.begin() as connection:  # a replay
                    again = seats.register(connection, event, person, SENDER, NOW, seats=1)
                    if again.id != kept.id:
                        problems.append("registered twice")
                roll = dice.random()
                if roll < 0.35:
                    with own.begin() as connection:
                        seats.leave(connection, kept.id, SENDER, NOW)
                        seats.leave(connection, kept.id, SENDER, NOW)
                elif roll < 0.5:
                    # A worker that dies half-way: nothing of it remains.
                    connection = own.connect()
                    transaction = connection.begin()
                    seats.leave(connection, kept.id, SENDER, NOW)
                    transaction.rollback()
                    connection.close()
                elif roll < 0.6:
                    seats.settle_due(own, SENDER, NOW + timedelta(hours=25))
                elif roll < 0.8:
                    with own.begin() as connection:
                        known = seats.find(connection, kept.id)
                        if known and known.state is RegistrationState.OFFERED:
                            with contextlib.suppress(StateConflict):
                                seats.accept(connection, kept.id, SENDER, NOW)
        except Exception as error:
            problems.append(repr(error))
        finally:
            own.dispose()

    def watch() -> None:
        own = make_engine(database_url, pool_size=1)
        while not stop.is_set():
            with own.connect() as connection:
                problems.extend(unsound(connection, event, capacity))
            stop.wait(0.01)
        own.dispose()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    watcher = threading.Thread(target=watch)
    watcher.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    watcher.join()
    with engine.connect() as connection:
        problems.extend(unsound(connection, event, capacity))
    assert problems == []


def unsound(connection: Connection, event: UUID, capacity: int) -> list[str]:
    """What is wrong with a committed state, in words; one statement sees one moment."""
    row = connection.execute(text(CHECK), {"event": event}).one()
    wrong = []
    if row.taken > capacity:
        wrong.append(f"{row.taken} seats of {capacity}")
    if row.waiting and row.taken < capacity:
        wrong.append(f"{capacity - row.taken} seats idle while {row.waiting} wait")
    overtaken = connection.execute(text(OVERTAKEN), {"event": event}).scalar_one()
    if overtaken:
        wrong.append(f"{overtaken} overtook who came before")
    return wrong


def test_sixty_people_for_fifteen_seats_at_once(engine: Engine, database_url: str) -> None:
    race(engine, database_url, count=60, capacity=15, workers=4)


@pytest.mark.long
def test_two_hundred_people_for_fifty_seats_over_eight_connections(
    engine: Engine, database_url: str
) -> None:
    for _ in range(3):
        race(engine, database_url, count=200, capacity=50, workers=8)


# --- Requests -------------------------------------------------------------------------------------


def tell(engine: Engine, minutes: int = 0) -> int:
    return seats.tell_requests(engine, SENDER, NOW + timedelta(minutes=minutes))


def request_mail(engine: Engine, event: UUID, organiser: UUID, minutes: int = 0) -> str:
    """The subject and the text of the mail, "" where there is none."""
    with engine.connect() as connection:
        now = NOW + timedelta(minutes=minutes)
        made = letters.requests_letter(connection, SITE, event, organiser, now)
        return f"{made.subject}\n{made.text}" if made else ""


def test_organisers_hear_of_requests_the_first_at_once_and_those_after_it_together(
    engine: Engine,
) -> None:
    owner, ana, ben, cem = people(engine, 4)
    with engine.begin() as connection:
        event = make_event(connection, registration="approval", person=owner)
    assert tell(engine) == 0
    join(engine, event, ana)
    assert (tell(engine), tell(engine)) == (1, 0)
    told = request_mail(engine, event, owner).replace("\u00a0", " ")
    assert told.startswith("1 demande à décider : Repas de quartier\n")
    join(engine, event, ben)
    join(engine, event, cem)
    assert (tell(engine, 30), tell(engine, 61), tell(engine, 200)) == (0, 1, 0)
    told = request_mail(engine, event, owner, 61)
    assert "3 personnes demandent à venir" in told
    assert f"http://map.test/evenements/{event}/organiser#inscrits" in told
    letter = written(engine, "event_requests")[-1]
    assert letter["payload"] == {"event": str(event), "organiser": str(owner)}


def test_who_organises_the_group_hears_of_requests_too(engine: Engine) -> None:
    owner, other, member, ana = people(engine, 4)
    with engine.begin() as connection:
        event = make_event(connection, registration="approval", person=owner)
        group = make_group(connection, owner)
        for person, standing in (
            (other, MemberStanding.ORGANISER),
            (member, MemberStanding.MEMBER),
        ):
            membership.add(connection, group, person, standing, MemberChoice())
        connection.execute(text("UPDATE event_series SET local_group = :id"), {"id": group})
    join(engine, event, ana)
    assert tell(engine) == 2
    told = {one["payload"]["organiser"] for one in written(engine, "event_requests")}
    assert told == {str(owner), str(other)}


def test_of_requests_that_were_decided_or_taken_back_nobody_is_told(engine: Engine) -> None:
    owner, ana, ben = people(engine, 3)
    with engine.begin() as connection:
        event = make_event(connection, registration="approval", person=owner)
    known = [join(engine, event, person) for person in (ana, ben)]
    assert tell(engine) == 1
    with engine.begin() as connection:
        seats.decide(connection, known[0].id, SENDER, NOW, admit=True)
        seats.leave(connection, known[1].id, SENDER, NOW)
    assert request_mail(engine, event, owner) == ""
    # Who asks again is told of again.
    join(engine, event, ben)
    assert tell(engine, 90) == 1


def test_who_asks_for_a_seat_answers_the_question(engine: Engine) -> None:
    (ana,) = people(engine, 1)
    with engine.begin() as connection:
        event = make_event(connection, registration="approval")
    known = join(engine, event, ana)
    with engine.begin() as connection:
        seats.answer(connection, known.id, "Je viens avec un vélo.")
        answered = seats.find(connection, known.id)
        assert answered is not None
        assert answered.answer == "Je viens avec un vélo."


def test_a_list_says_what_is_full(engine: Engine, client: FlaskClient) -> None:
    ana, ben = people(engine, 2)
    titles = ("Atelier plein", "Atelier libre", "Sans compter")
    with engine.begin() as connection:
        full = make_event(connection, capacity=2, title="Atelier plein")
        make_event(connection, capacity=3, title="Atelier libre")
        make_event(connection, title="Sans compter")
    join(engine, full, ana, 1)

    def told() -> dict[str, bool]:
        page = client.get("/evenements").text
        cards = re.findall(r"<article.*?</article>", page, re.S)
        return {name: "complet<" in one for one in cards for name in titles if name in one}

    assert told() == dict.fromkeys(titles, False)
    join(engine, full, ben, 1)
    assert told() == dict.fromkeys(titles, False) | {"Atelier plein": True}

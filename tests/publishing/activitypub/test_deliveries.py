"""What followers are told: each thing once, in order, after its commit, whoever is killed."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from mapservice import jobs
from mapservice.db.engine import mark_as_load
from mapservice.geocoding.service import Locator
from mapservice.outgoing.guarded_client import GuardedClient
from mapservice.publishing.activitypub import keys, service
from mapservice.publishing.activitypub.remote import sending_client_of
from tests.events.incoming import calendars
from tests.events.organiser import make_event, make_person, soon
from tests.groups.founder import make_group
from tests.publishing.activitypub.conftest import FederationWorker
from tests.publishing.activitypub.peer import BASE, Peer, check_signature
from tests.web.population import Made, insert

RENNES = "commune-35238"


def change(engine: Engine, statement: str, **bound: Any) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), bound)


def publish(engine: Engine, **more: Any) -> str:
    made = Made(commune="35238", **more)
    with engine.begin() as connection:
        insert(connection, [made])
    return made.id


def of_initiative(identifier: object) -> str:
    return f"{BASE}/federation/initiatives/{identifier}"


def of_event(identifier: object) -> str:
    return f"{BASE}/federation/evenements/{identifier}"


@pytest.fixture
def followed(federated: Flask, peer: Peer, worker: FederationWorker) -> Flask:
    """Ana follows Rennes, and was accepted."""
    assert peer.follow(federated, RENNES).status_code == 202
    worker.work()
    peer.received.clear()
    return federated


def test_an_event_of_a_group_from_its_publication_to_its_end(
    federated: Flask, engine: Engine, peer: Peer, worker: FederationWorker
) -> None:
    with engine.begin() as connection:
        group = make_group(connection, make_person(connection))
    assert peer.follow(federated, f"groupe-{group}").status_code == 202
    worker.work()
    with engine.begin() as connection:
        event = make_event(connection, registration="none")
        connection.execute(text("UPDATE event_series SET local_group = :id"), {"id": group})
    worker.work()
    change(engine, "UPDATE event SET title = 'Grand repas' WHERE id = :id", id=event)
    worker.work()
    cancel = "UPDATE event SET status = 'cancelled', cancelled_at = now() WHERE id = :id"
    change(engine, cancel, id=event)
    worker.work()
    change(engine, "DELETE FROM event_series")
    worker.work()
    assert peer.told()[1:] == [
        ("Create", of_event(event)),
        ("Update", of_event(event)),
        ("Update", of_event(event)),
        ("Delete", of_event(event)),
    ]
    for one in peer.received:
        check_signature(federated, one)
    create, update, cancelled, _ = (one.activity for one in peer.received[1:])
    assert create["actor"] == f"{BASE}/federation/actors/groupe-{group}"
    assert create["object"]["ical:status"] == "CONFIRMED"
    assert update["object"]["name"] == "Grand repas"
    assert cancelled["object"]["ical:status"] == "CANCELLED"
    assert cancelled["object"]["name"] == "Annulé\u00a0: Grand repas"
    assert peer.received[1].path == "/inbox"
    assert len({one["id"] for one in (create, update, cancelled)}) == 3
    gone = federated.test_client().get(of_event(event).removeprefix(BASE), base_url=BASE)
    assert gone.status_code == 410
    peer.post(federated, peer.activity("Undo", peer.activity("Follow", create["actor"])))
    peer.received.clear()
    with engine.begin() as connection:
        make_event(connection)
        connection.execute(text("UPDATE event_series SET local_group = :id"), {"id": group})
    worker.work()
    assert peer.received == []


def test_one_inbox_is_told_once_however_many_follow(
    followed: Flask, engine: Engine, peer: Peer, worker: FederationWorker
) -> None:
    """Who follows the region sees what the commune owns: it is announced."""
    for name in ("bob", "eve"):
        peer.follow(followed, RENNES, name)
    peer.follow(followed, "region-53", "bob")
    worker.work()
    peer.received.clear()
    made = publish(engine)
    worker.work()
    assert peer.told() == [("Create", of_initiative(made)), ("Announce", of_initiative(made))]
    assert peer.received[1].activity["actor"] == f"{BASE}/federation/actors/region-53"
    check_signature(followed, peer.received[1])


def test_what_is_not_public_or_says_nothing_new_is_not_told(
    followed: Flask, engine: Engine, peer: Peer, worker: FederationWorker
) -> None:
    pending = publish(engine, status="pending")
    publish(engine, source_platform="sample")
    with engine.begin() as connection:
        insert(connection, [Made(commune="75056")])
    worker.work()
    assert peer.received == []
    change(engine, "UPDATE initiative SET status = 'published' WHERE id = :id", id=pending)
    worker.work()
    assert peer.told() == [("Create", of_initiative(pending))]
    change(engine, "UPDATE initiative SET supporters = 5 WHERE id = :id", id=pending)
    change(engine, "UPDATE initiative SET title = title WHERE id = :id", id=pending)
    worker.work()
    assert len(peer.received) == 1


def test_whoever_was_told_is_told_of_the_removal(
    followed: Flask, engine: Engine, peer: Peer, worker: FederationWorker
) -> None:
    """Also when nobody there follows any more."""
    made = publish(engine)
    worker.work()
    peer.post(
        followed,
        peer.activity("Undo", peer.activity("Follow", f"{BASE}/federation/actors/{RENNES}")),
    )
    change(engine, "UPDATE initiative SET status = 'rejected'")
    worker.work()
    worker.work()
    assert peer.told() == [("Create", of_initiative(made)), ("Delete", of_initiative(made))]


def test_nothing_is_told_before_the_commit_or_without_one(
    followed: Flask, engine: Engine, peer: Peer, worker: FederationWorker
) -> None:
    made = Made(commune="35238")
    with engine.connect() as connection:
        insert(connection, [made])
        worker.work()
        connection.rollback()
        insert(connection, [made])
        worker.work()
        assert peer.received == []
        connection.commit()
    worker.work()
    assert peer.told() == [("Create", of_initiative(made.id))]


def test_a_load_of_many_is_no_news_of_each(
    followed: Flask, engine: Engine, peer: Peer, worker: FederationWorker
) -> None:
    bulk = """
    INSERT INTO initiative (title, theme, scale, status, precision, commune)
    SELECT 'Un jardin', 'culture', 'commune', 'published', 'commune', '35238'
      FROM generate_series(1, :count)"""
    change(engine, bulk, count=51)
    worker.work()
    assert peer.received == []
    change(engine, bulk, count=3)
    worker.work()
    assert [kind for kind, _ in peer.told()] == ["Create"] * 3


def test_of_a_series_the_next_date_is_told(
    federated: Flask, engine: Engine, peer: Peer, worker: FederationWorker
) -> None:
    peer.follow(federated, "france")
    worker.work()
    peer.received.clear()
    with engine.begin() as connection:
        first = make_event(connection, rrule="FREQ=WEEKLY;COUNT=4", start=soon(3))
        dates = list(connection.execute(text("SELECT id FROM event ORDER BY starts_at")).scalars())
    worker.work()
    assert peer.told() == [("Create", of_event(first))]
    over = """
    UPDATE event SET status = 'done', starts_at = starts_at - interval '30 days',
           ends_at = ends_at - interval '30 days', starts_local = starts_local - interval '30 days',
           ends_local = ends_local - interval '30 days'
     WHERE id = :id"""
    change(engine, over, id=first)
    worker.work()
    assert ("Create", of_event(dates[1])) in peer.told()
    assert not {of_event(one) for one in dates[2:]} & {one for _, one in peer.told()}


class Killed(BaseException):
    """What no worker catches."""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_killed_worker_loses_nothing(
    followed: Flask,
    engine: Engine,
    peer: Peer,
    worker: FederationWorker,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    """Killed once the peer has it, it is sent again, under the id that it had."""
    made = publish(engine)
    send = GuardedClient.post

    def killed(*arguments: Any) -> Any:
        if moment == "after":
            send(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(GuardedClient, "post", killed)
        with pytest.raises(Killed):
            worker.work()
    worker.work()
    assert len(peer.received) == (moment == "after")  # it is not due yet
    worker.hasten()
    worker.work()
    worker.hasten()
    worker.work()
    assert set(peer.told()) == {("Create", of_initiative(made))}
    assert len(peer.received) == 1 + (moment == "after")
    assert len({one.activity["id"] for one in peer.received}) == 1
    assert worker.count("federation_delivery") == 0


def test_a_worker_killed_between_change_and_delivery_begins_again(
    followed: Flask,
    engine: Engine,
    peer: Peer,
    worker: FederationWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = publish(engine)

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(service, "_announce", killed)
        with pytest.raises(Killed):
            worker.work()
    assert worker.count("federation_delivery") == 0
    worker.work()
    assert peer.told() == [("Create", of_initiative(made))]


def test_an_inbox_that_is_away_gets_all_in_order(
    followed: Flask, engine: Engine, peer: Peer, worker: FederationWorker
) -> None:
    made = publish(engine)
    worker_turns = [503, 429, 401]
    peer.answers.extend(worker_turns)
    worker.work()
    change(engine, "UPDATE initiative SET title = 'Autre titre'")
    for _ in worker_turns:
        worker.work()
        assert peer.received == []
        worker.hasten()
    worker.work()
    assert peer.told() == [("Create", of_initiative(made)), ("Update", of_initiative(made))]


@pytest.mark.parametrize("waits", ["9" * 16, "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT", "²"])
def test_a_peer_may_ask_for_any_wait_and_gets_a_day(
    followed: Flask, engine: Engine, peer: Peer, worker: FederationWorker, waits: str
) -> None:
    made = publish(engine)
    peer.answers.append(503)
    peer.retry_after = waits
    worker.work()
    with engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM federation_delivery")).one()
        latest = connection.execute(text("SELECT now() + interval '1 day'")).scalar_one()
    assert row.last_error == "HTTP 503"
    assert row.next_try_at <= latest
    worker.hasten()
    worker.work()
    assert peer.told() == [("Create", of_initiative(made))]


def test_what_cannot_even_be_sent_ends_and_holds_up_nobody_else(
    followed: Flask,
    engine: Engine,
    peer: Peer,
    worker: FederationWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever its sending raises: the others have their turn, and it is given up in the end."""
    add = """
    INSERT INTO federation_delivery (inbox, key_id, activity, give_up_at)
    VALUES (:inbox, 'k', '{"type": "Test", "object": "x"}', now() + interval '1 hour')"""
    change(engine, add, inbox="https://evil.example:99999/inbox")
    change(engine, add, inbox=f"{peer.base}/boom")
    change(engine, add, inbox=f"{peer.base}/inbox")
    send = GuardedClient.post

    def post(self: GuardedClient, address: str, *rest: Any) -> Any:
        if address.endswith("/boom"):
            raise RuntimeError("nobody thought of this")
        return send(self, address, *rest)

    monkeypatch.setattr(GuardedClient, "post", post)
    worker.work()
    worker.hasten()
    worker.work()
    assert [one.path for one in peer.received] == ["/inbox"]
    change(engine, "UPDATE federation_delivery SET give_up_at = now()")
    worker.hasten()
    worker.work()
    assert worker.count("federation_delivery") == 0


def test_what_is_never_taken_is_given_up(
    followed: Flask, engine: Engine, peer: Peer, worker: FederationWorker
) -> None:
    publish(engine)
    peer.answers.extend([503, 503, 400])
    worker.work()
    assert worker.count("federation_delivery") == 1
    change(engine, "UPDATE federation_delivery SET give_up_at = now()")
    worker.hasten()
    worker.work()
    assert worker.count("federation_delivery") == 0
    publish(engine)
    worker.work()  # what is refused for good is not tried again
    assert worker.count("federation_delivery") == 0
    assert peer.received == []
    publish(engine)
    peer.answers.append(410)
    worker.work()  # an inbox that is gone is followed by nobody
    assert worker.count("federation_follower") == 0


def test_while_it_is_off_nothing_is_noted(
    followed: Flask, engine: Engine, peer: Peer, worker: FederationWorker
) -> None:
    publish(engine)
    keys.switch(engine, is_on=False)
    publish(engine)
    assert worker.count("federation_change") == 0
    assert worker.count("federation_delivery") == 0
    keys.switch(engine, is_on=True)
    made = publish(engine)
    worker.work()
    assert peer.told() == [("Create", of_initiative(made))]


def test_what_was_removed_while_it_was_off_is_told_afterwards(
    followed: Flask, engine: Engine, peer: Peer, worker: FederationWorker
) -> None:
    """So is what was to be told of just before; what is public still is told once, as before."""
    gone, hidden, before, kept = (publish(engine) for _ in range(4))
    worker.work()
    change(engine, "DELETE FROM initiative WHERE id = :id", id=before)
    service.tell_changes(engine, datetime.now(UTC))
    keys.switch(engine, is_on=False)
    keys.switch(engine, is_on=False)
    change(engine, "DELETE FROM initiative WHERE id = :id", id=gone)
    change(engine, "UPDATE initiative SET status = 'rejected' WHERE id = :id", id=hidden)
    assert worker.count("federation_change") == 0
    keys.switch(engine, is_on=True)
    keys.switch(engine, is_on=True)
    worker.work()
    assert sorted(peer.told()[4:]) == sorted(
        ("Delete", of_initiative(one)) for one in (gone, hidden, before)
    )
    assert ("Create", of_initiative(kept)) in peer.told()


def test_a_change_wakes_the_worker(
    followed: Flask, engine: Engine, peer: Peer, worker: FederationWorker, database_url: str
) -> None:
    """The job that the trigger names is one that the worker knows."""
    change(engine, "TRUNCATE procrastinate_jobs CASCADE")
    publish(engine)
    with engine.connect() as connection:
        waiting = set(
            connection.execute(text("SELECT task_name FROM procrastinate_jobs")).scalars()
        )
    assert "send_activities" in waiting
    assert waiting <= set(jobs.make_jobs(worker.settings).tasks)


def turns_waiting(engine: Engine) -> int:
    waiting = """
    SELECT count(*) FROM procrastinate_jobs
     WHERE task_name = 'send_activities' AND status = 'todo'"""
    with engine.connect() as connection:
        return int(connection.execute(text(waiting)).scalar_one())


def test_one_turn_is_asked_for_however_much_there_is_to_tell(
    followed: Flask, engine: Engine, peer: Peer, worker: FederationWorker
) -> None:
    """Mail and all else wait behind no more than that."""
    for name in ("bob", "eve"):
        peer.follow(followed, RENNES, name)
        peer.follow(followed, "region-53", name)
    change(engine, "DELETE FROM procrastinate_jobs")
    for _ in range(5):
        publish(engine)
    service.tell_changes(engine, datetime.now(UTC))
    assert worker.count("federation_delivery") > 10
    assert turns_waiting(engine) == 1
    service.ask_for_turn(engine)
    assert turns_waiting(engine) == 1


def test_a_turn_that_waits_begins_after_the_commit_of_who_counts_on_it(
    followed: Flask, engine: Engine
) -> None:
    """A job that is being fetched counts for nothing, and one that is counted on is not fetched."""
    change(engine, "DELETE FROM procrastinate_jobs")
    service.ask_for_turn(engine)
    fetch = """
    SELECT id FROM procrastinate_jobs WHERE status = 'todo' AND task_name = 'send_activities'
       FOR UPDATE SKIP LOCKED"""
    with engine.connect() as fetching, engine.connect() as writing:
        assert len(fetching.execute(text(fetch)).all()) == 1
        insert(writing, [Made(commune="35238")])
        writing.commit()
        assert turns_waiting(engine) == 2
        fetching.rollback()
        insert(writing, [Made(commune="35238")])
        assert len(fetching.execute(text(fetch)).all()) < 2
    assert turns_waiting(engine) == 2


def test_a_host_that_takes_nothing_is_let_alone(
    followed: Flask, engine: Engine, peer: Peer, worker: FederationWorker
) -> None:
    """Its other inboxes are not tried in the same turn, nor before it wants to be asked again."""
    add = """
    INSERT INTO federation_delivery (inbox, key_id, activity, give_up_at)
    VALUES (:inbox, 'k', '{"type": "Test", "object": "x"}', now() + interval '1 hour')"""
    for name in ("one", "two", "three"):
        change(engine, add, inbox=f"{peer.base}/{name}")
    peer.answers.append(503)
    peer.retry_after = "7200"
    worker.work()
    assert peer.received == []
    with engine.connect() as connection:
        waits = connection.execute(
            text("SELECT next_try_at - now() AS wait, attempts FROM federation_delivery")
        ).all()
    assert sorted(one.attempts for one in waits) == [0, 0, 1]
    assert all(timedelta(hours=1) < one.wait <= timedelta(hours=2) for one in waits)
    worker.hasten()
    worker.work()
    assert len(peer.received) == 3


def test_telling_ends_with_the_turn(
    followed: Flask, engine: Engine, worker: FederationWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much changes meanwhile; another turn goes on with it."""
    monkeypatch.setattr(service, "TURN_SECONDS", 0.2)
    monkeypatch.setattr(service, "tell_changes", lambda *_: True)
    client = sending_client_of(worker.settings)
    assert service.work(engine, client, keys.box_of(worker.settings))


def test_of_a_load_only_what_was_told_is_noted(
    followed: Flask, engine: Engine, peer: Peer, worker: FederationWorker
) -> None:
    """A load of many statements, of one thing each, is one too, once whoever loads says so."""
    told = publish(engine)
    worker.work()
    with engine.begin() as connection:
        mark_as_load(connection)
        for _ in range(3):
            insert(connection, [Made(commune="35238")])
            make_event(connection)
        connection.execute(text("UPDATE initiative SET title = 'Autre titre'"))
        connection.execute(text("UPDATE event SET title = 'Autre titre'"))
    assert worker.count("federation_change") == 1
    worker.work()
    change(engine, "DELETE FROM initiative")
    assert worker.count("federation_change") == 1
    worker.work()
    ours = of_initiative(told)
    assert peer.told() == [("Create", ours), ("Update", ours), ("Delete", ours)]


@pytest.mark.parametrize(("count", "told"), [(3, 3), (60, 0)])
def test_a_calendar_of_many_events_is_no_news_of_each(
    federated: Flask,
    engine: Engine,
    locator: Locator,
    tmp_path: Path,
    peer: Peer,
    worker: FederationWorker,
    count: int,
    told: int,
) -> None:
    """Each of its events is written by a statement of its own."""
    peer.follow(federated, "france")
    dates = [
        calendars.event(
            calendars.paris(n), calendars.paris_end(n), uid=f"{n}@essai", title=f"N {n}"
        )
        for n in range(1, count + 1)
    ]
    take = calendars.importer(engine, locator, tmp_path)
    taken = take(calendars.calendar(*dates))
    assert set(taken.outcomes) <= {"imported", "to review"}, taken.reports[0]
    assert worker.count("event") == count
    assert worker.count("federation_change") == told


def test_what_is_being_told_while_it_goes_is_told_as_gone(
    followed: Flask, engine: Engine, peer: Peer, worker: FederationWorker
) -> None:
    """Nobody sees yet that it was told; that it is to be, everybody does."""
    made = publish(engine)
    with engine.connect() as connection:
        connection.execute(text(service.TAKE_CHANGES), {"limit": 5})
        change(engine, "DELETE FROM initiative")
        connection.rollback()
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT subject FROM federation_change")).scalars().all()
    assert [str(one) for one in rows] == [made, made]


def test_an_inbox_that_is_gone_is_forgotten_in_the_order_of_all_others(
    followed: Flask, engine: Engine, peer: Peer, worker: FederationWorker
) -> None:
    """Somebody who forgets a follower at that moment waits for nothing that the worker holds."""
    publish(engine)
    peer.answers.append(410)
    with engine.connect() as forgetting:
        forgetting.execute(text("SET lock_timeout = '20s'"))
        forgetting.execute(text("SELECT FROM federation_follower FOR UPDATE"))
        turn = threading.Thread(target=worker.work)
        turn.start()
        try:
            wait_until(lambda: peer.answers == [] and worker.count("federation_delivery") == 0)
            forgetting.execute(text("DELETE FROM federation_delivery"))
            forgetting.commit()
        finally:
            forgetting.rollback()
            turn.join()
    assert worker.count("federation_follower") == 0


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.05)


def test_what_is_past_its_time_is_forgotten(
    followed: Flask, engine: Engine, peer: Peer, worker: FederationWorker
) -> None:
    publish(engine)
    worker.work()
    change(engine, "DELETE FROM initiative")
    worker.work()
    service.forget(engine)
    assert worker.count("federation_seen") == 1
    assert worker.count("federation_note") == 1
    change(engine, "UPDATE federation_seen SET seen_at = now() - interval '3 days'")
    change(engine, "UPDATE federation_note SET removed_at = now() - interval '31 days'")
    service.forget(engine)
    assert worker.count("federation_seen") == 0
    assert worker.count("federation_note") == 0

"""Digests: exactly what is new, once, in one mail; whole or not at all."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text

from mapservice.notifications.subscriptions.model import day_to_tell
from mapservice.notifications.subscriptions.service import LISTED
from tests.accounts.people.mailbox import fill_in
from tests.conftest import REPOSITORY
from tests.notifications.subscriptions.readers import (
    CESSON,
    DIGEST_DAY,
    LYON,
    RENNES,
    count,
    digests,
    environ,
    follow,
    publish,
    tell,
    titles,
)
from tests.web.population import Made, insert

DAY_AFTER = DIGEST_DAY + timedelta(days=1)


def test_a_digest_holds_exactly_what_was_published_since(
    client: FlaskClient, engine: Engine
) -> None:
    publish(engine, Made(commune=RENNES, title="Avant"))
    follow(client, engine, f"?territory=commune:{RENNES}")
    waiting = Made(commune=RENNES, title="En attente", status="pending")
    publish(
        engine,
        Made(commune=RENNES, title="Après", created_at="2020-01-01T00:00:00+00:00"),
        Made(commune=LYON, title="Ailleurs"),
        waiting,
    )
    assert tell(engine) == 1
    (mail,) = digests(engine)
    assert titles(mail) == ["Après"]
    assert "Après" in mail.html
    assert mail.subject.startswith("1 initiative nouvelle")
    assert tell(engine) == 0, "one a day at most"
    assert tell(engine, DAY_AFTER) == 0, "nothing is new"
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE initiative SET status = 'published' WHERE id = :id"), {"id": waiting.id}
        )
    assert tell(engine, DAY_AFTER) == 0, "that day is dealt with"
    assert tell(engine, DAY_AFTER + timedelta(days=1)) == 1
    assert [titles(one) for one in digests(engine)] == [["Après"], ["En attente"]]


def test_nobody_is_told_on_the_day_of_their_first_subscription(
    client: FlaskClient, engine: Engine
) -> None:
    follow(client, engine, "")
    publish(engine, Made(commune=RENNES))
    with engine.connect() as connection:
        today = connection.execute(text("SELECT told_on FROM follower")).scalar_one()
    assert tell(engine, today) == 0
    assert tell(engine, today + timedelta(days=1)) == 1


def test_two_subscriptions_are_one_mail_that_names_each_once(
    client: FlaskClient, engine: Engine
) -> None:
    follow(client, engine, f"?territory=commune:{RENNES}")
    follow(client, engine, "?q=vélo")
    publish(
        engine,
        Made(commune=RENNES, title="Un atelier vélo"),
        Made(commune=LYON, title="Une piste à vélo"),
    )
    assert tell(engine) == 1
    (mail,) = digests(engine)
    assert titles(mail) == ["Un atelier vélo", "Une piste à vélo"]
    assert mail.subject.startswith("2 initiatives nouvelles")
    drawings = re.findall(r'<img src="https?://[^/]+(/[^"]+)"', mail.html)
    assert drawings == [f"/dessins/commune/{RENNES}.png"], "a territory has a map, words have none"
    assert client.get(drawings[0]).content_type == "image/png"


def test_what_a_long_list_leaves_out_is_not_told_by_the_next(
    client: FlaskClient, engine: Engine
) -> None:
    follow(client, engine, f"?territory=commune:{RENNES}")
    follow(client, engine, "?theme=culture")
    everywhere = [Made(commune=RENNES, title=f"N{one}") for one in range(LISTED + 3)]
    publish(engine, *everywhere, Made(commune=LYON, title="Lyon"))
    assert tell(engine) == 1
    (mail,) = digests(engine)
    assert mail.subject.startswith(f"{LISTED + 4} initiatives")
    assert titles(mail)[LISTED:] == ["Lyon"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?near=-1.68,48.11&radius=5000", ["Dans le cercle"]),
        ("?area=-1.70,48.10;-1.66,48.10;-1.68,48.14", ["Dans le cercle"]),
        ("?bbox=-1.70,48.10,-1.66,48.14", ["Dans le cercle", "Dans le coin"]),
        (f"?territory=commune:{CESSON}&theme=culture", ["Cesson"]),
        (f"?territory=commune:{CESSON}&theme=habitat", []),
    ],
)
def test_places_and_areas_find_what_lies_in_them(
    client: FlaskClient, engine: Engine, query: str, expected: list[str]
) -> None:
    follow(client, engine, query)
    here = Made(precision="point", commune=RENNES, lon=-1.68, lat=48.115, title="Dans le cercle")
    publish(
        engine,
        here,
        Made(title="Cesson", commune=CESSON),
        Made(title="Lyon", commune=LYON),
    )
    # In the box around the triangle, yet outside of it.
    if "bbox" in query or "area" in query:
        corner = replace(here, id=str(uuid4()), title="Dans le coin", lon=-1.6985, lat=48.1385)
        publish(engine, corner)
    assert tell(engine) == bool(expected)
    assert sorted(title for mail in digests(engine) for title in titles(mail)) == expected


def test_a_long_digest_names_some_and_leads_to_the_others(
    client: FlaskClient, engine: Engine
) -> None:
    follow(client, engine, f"?territory=commune:{RENNES}")
    publish(engine, *(Made(commune=RENNES, title=f"N{one}") for one in range(LISTED + 34)))
    tell(engine)
    (mail,) = digests(engine)
    assert len(titles(mail)) == LISTED
    others = f"et 34 autres\u00a0: http://map.test/initiatives?territory=commune:{RENNES}"
    assert others in mail.text
    assert "et 34 autres" in mail.html


def test_a_digest_speaks_the_language_of_its_reader(client: FlaskClient, engine: Engine) -> None:
    follow(client, engine, "?near=-1.68,48.11&radius=1500")
    changed = fill_in(client, "/compte", {"name": "", "commune": "", "locale": "en"})
    assert changed.status_code == 303
    publish(engine, Made(commune=RENNES, title="Un four <b>à</b> pain"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE subscription SET filter = ''"))
    tell(engine)
    (mail,) = digests(engine)
    assert '<html lang="en">' in mail.html
    assert "Un four &lt;b&gt;à&lt;/b&gt; pain" in mail.html


def test_what_commits_late_is_told_later(client: FlaskClient, engine: Engine) -> None:
    follow(client, engine, "")
    with engine.connect() as slow:
        insert(slow, [Made(commune=RENNES, title="Lente")])
        publish(engine, Made(commune=RENNES, title="Rapide"))
        tell(engine)
        slow.commit()
    tell(engine, DAY_AFTER)
    assert sorted(title for mail in digests(engine) for title in titles(mail)) == [
        "Lente",
        "Rapide",
    ]


def test_an_earlier_horizon_repeats_nothing(client: FlaskClient, engine: Engine) -> None:
    follow(client, engine, "")
    with engine.connect() as slow:
        slow.execute(text("SELECT now()"))  # begins before, and changes nothing yet
        publish(engine, Made(commune=RENNES, title="Rapide"))
        assert tell(engine) == 1
        insert(slow, [Made(commune=RENNES, title="Lente")])
        assert tell(engine, DAY_AFTER) == 0
        slow.commit()
    assert tell(engine, DAY_AFTER + timedelta(days=1)) == 1
    assert [titles(mail) for mail in digests(engine)] == [["Rapide"], ["Lente"]]


@contextmanager
def refusing(engine: Engine, recipient: str) -> Iterator[None]:
    """The database refuses to keep mails to one address."""
    with engine.begin() as connection:
        connection.execute(
            text(
                f"ALTER TABLE delivery ADD CONSTRAINT refused CHECK (recipient <> '{recipient}'"
                " OR kind <> 'digest')"
            )
        )
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE delivery DROP CONSTRAINT refused"))


def test_what_fails_in_the_middle_leaves_nothing_half_done_and_holds_up_nobody(
    app: Flask, engine: Engine
) -> None:
    people = [f"p{number}@example.org" for number in range(3)]
    for email in people:
        follow(app.test_client(), engine, "", email)
    publish(engine, Made(commune=RENNES))
    with refusing(engine, people[1]):
        assert tell(engine) == 2
        assert count(engine, "digest") == 2
    assert tell(engine) == 1
    assert [len(digests(engine, email)) for email in people] == [1, 1, 1]
    assert count(engine, "digest") == 3


def workers_waiting(connection: Connection) -> int:
    """How many wait for the table of mails."""
    statement = (
        "SELECT count(*) FROM pg_locks WHERE relation = 'delivery'::regclass AND NOT granted"
    )
    return int(connection.execute(text(statement)).scalar_one())


def until(happens: Callable[[], bool]) -> None:
    """Looks again and again; a fault ends it too. A process may take long to begin."""
    deadline = time.monotonic() + 90
    while not happens():
        assert time.monotonic() < deadline


def test_a_worker_that_is_killed_loses_none_and_repeats_none(
    client: FlaskClient, engine: Engine, database_url: str
) -> None:
    follow(client, engine, "")
    publish(engine, Made(commune=RENNES))
    code = (
        "from tests.notifications.subscriptions.readers import tell;"
        "from mapservice.db.engine import make_engine;"
        f"tell(make_engine({database_url!r}))"
    )
    with engine.connect() as holder, engine.connect() as watcher:
        holder.execute(text("LOCK TABLE delivery IN SHARE MODE"))
        worker = subprocess.Popen(
            [sys.executable, "-c", code], cwd=REPOSITORY, env=environ(database_url)
        )
        until(lambda: workers_waiting(watcher) == 1 or worker.poll() is not None)
        assert worker.poll() is None, "it stands in the middle of the digest"
        worker.kill()
        worker.wait()
        holder.rollback()
    until(lambda: tell(engine) == 1 or len(digests(engine)) > 0)
    assert len(digests(engine)) == 1
    assert tell(engine) == 0


def test_two_workers_at_once_send_one_mail(app: Flask, engine: Engine) -> None:
    people = [f"p{number}@example.org" for number in range(4)]
    for email in people:
        follow(app.test_client(), engine, "", email)
    publish(engine, Made(commune=RENNES))
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: tell(engine), range(3)))
    assert sum(done) == 4
    assert [len(digests(engine, email)) for email in people] == [1, 1, 1, 1]


def test_a_follower_in_the_hands_of_another_worker_is_skipped(
    client: FlaskClient, engine: Engine
) -> None:
    follow(client, engine, "")
    publish(engine, Made(commune=RENNES))
    with engine.connect() as other:
        other.execute(text("SELECT FROM follower FOR UPDATE"))
        assert tell(engine) == 0
        other.rollback()
    assert tell(engine) == 1


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        ("2026-07-01T04:59", False),  # 6:59 in Paris
        ("2026-07-01T05:00", True),
        ("2026-12-01T06:00", True),  # 7:00 in winter
        ("2026-12-01T05:59", False),
        ("2026-12-01T18:59", True),
        ("2026-12-01T19:00", False),
    ],
)
def test_digests_are_written_by_day(moment: str, told: bool) -> None:
    here = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert day_to_tell(here) == (here.date() if told else None)

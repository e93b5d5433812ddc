"""Needs: what is asked for, who comes, never one too many, and nothing kept too long."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from html import unescape
from random import Random
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.accounts.people.model import Person
from mapservice.contributions.needs import queries, service
from mapservice.contributions.needs.model import NeedOwner
from mapservice.errors import NotFound, StateConflict
from mapservice.mail.model import Letterhead
from tests.accounts.people.mailbox import ADDRESS, fill_in, last_link, mails_to, press, sign_in
from tests.contributions.proposals.desk import propose
from tests.web.population import Made, insert

RENNES = "35238"
AUTHOR = "author@example.org"
SITE = Letterhead(site_name="Carte", base_url="http://map.test", sender="carte@example.org")
TODAY = datetime.now(UTC).date()
LATER = TODAY + timedelta(days=12)


@pytest.fixture
def initiative(engine: Engine) -> UUID:
    made = Made(commune=RENNES, title="Une haie au bord du canal")
    with engine.begin() as connection:
        insert(connection, [made])
    return UUID(made.id)


def need_of(
    engine: Engine, initiative: UUID, places: int, day: date | None = LATER, words: str = "Planter"
) -> UUID:
    with engine.begin() as connection:
        made: UUID = connection.execute(
            text(
                "INSERT INTO need (initiative, words, day, places)"
                " VALUES (:initiative, :words, :day, :places) RETURNING id"
            ),
            {"initiative": initiative, "words": words, "day": day, "places": places},
        ).scalar_one()
    return made


def people(engine: Engine, count: int) -> list[Person]:
    statement = """
        INSERT INTO person (email, email_key, confirmed_at, locale)
        SELECT address, address, now(), 'fr'
          FROM generate_series(1, :count) AS number
         CROSS JOIN format('comes-%s@example.org', number) AS address
        RETURNING id, email"""
    with engine.begin() as connection:
        rows = connection.execute(text(statement), {"count": count}).all()
    now = datetime.now(UTC)
    return [
        Person(
            id=row.id,
            email=row.email,
            name="",
            locale="fr",
            commune=None,
            created_at=now,
            confirmed_at=now,
        )
        for row in rows
    ]


def one(engine: Engine, statement: str, **bound: Any) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(statement), bound).scalar_one()


def taken(engine: Engine, need: UUID) -> int:
    return int(one(engine, "SELECT count(*) FROM registration WHERE need = :need", need=need))


def test_who_comes_confirms_by_mail_and_leaves_with_one_click(
    app: Flask, client: FlaskClient, engine: Engine, initiative: UUID
) -> None:
    need = need_of(engine, initiative, 10, words="Dix paires de mains")
    page = client.get(f"/initiatives/{initiative}").text
    assert "Dix paires de mains" in page
    assert "10 places libres sur 10" in page
    sent = fill_in(client, f"/besoins/{need}", {"email": ADDRESS})
    assert sent.headers["Location"].endswith("/connexion/envoyee")
    assert taken(engine, need) == 0, "nothing counts before the link"
    link = last_link(engine)
    asked = client.get(link).text
    assert "ne verra ni votre nom ni votre adresse" in asked
    done = press(client, link)
    assert "une place est à vous" in client.get(done.headers["Location"]).text
    assert "9 places libres sur 10" in client.get(f"/initiatives/{initiative}").text
    assert ADDRESS not in client.get(f"/initiatives/{initiative}").text

    letter = mails_to(engine)[-1]
    assert letter.kind == "registered"
    leave = re.search(r"/besoins/quitter/\S+", letter.text)
    assert leave is not None
    stranger = app.test_client()
    assert "rendez votre place" in stranger.get(leave[0]).text.lower()
    assert taken(engine, need) == 1, "a mail scanner that opens the link changes nothing"
    assert stranger.post(leave[0]).status_code == 200
    assert taken(engine, need) == 0
    for again in (stranger.get(leave[0]), stranger.post(leave[0])):
        assert again.status_code == 200
        assert "C’est déjà fait" in unescape(again.text)
    assert stranger.get(leave[0][:-1]).status_code == 404, "a link cut short is not a used one"


def test_twice_is_once_and_a_person_may_show_themselves_later(
    app: Flask, engine: Engine, initiative: UUID
) -> None:
    need = need_of(engine, initiative, 1)
    client = app.test_client()
    sign_in(client, engine)
    for show in ("", "1"):
        answer = client.post(f"/besoins/{need}", data={"token": own_token(client), "show": show})
        assert answer.status_code == 303, answer.text
    assert taken(engine, need) == 1
    assert one(engine, "SELECT shows_contact FROM registration WHERE need = :n", n=need) is True
    assert len([mail for mail in mails_to(engine) if mail.kind == "registered"]) == 1
    assert "Vous participez" in client.get(f"/besoins/{need}").text
    assert "Planter" in client.get("/compte").text
    left = fill_in(client, f"/besoins/{need}", {}, to=f"/besoins/{need}/quitter")
    assert left.status_code == 303
    assert taken(engine, need) == 0


def own_token(client: FlaskClient) -> str:
    found = re.search(r'name="token" value="([^"]+)"', client.get("/compte").text)
    assert found
    return found[1]


def test_a_full_need_takes_nobody_and_says_so(app: Flask, engine: Engine, initiative: UUID) -> None:
    need = need_of(engine, initiative, 1)
    waiting = app.test_client()
    fill_in(waiting, f"/besoins/{need}", {"email": "late@example.org"})
    (first,) = people(engine, 1)
    with engine.begin() as connection:
        service.register(connection, SITE, first, need, shows_contact=False)
    done = press(waiting, last_link(engine, "late@example.org"))
    assert "toutes les places ont été prises" in waiting.get(done.headers["Location"]).text
    assert taken(engine, need) == 1
    page = app.test_client().get(f"/initiatives/{initiative}").text
    assert "complet" in page
    assert "Je participe<" not in page
    refused = app.test_client().get(f"/besoins/{need}").text
    assert "Toutes les places sont prises" in refused


def test_never_one_too_many_under_eight_connections(engine: Engine, initiative: UUID) -> None:
    """All at once, again and again: as many places as there are, and each person once."""
    crowd = people(engine, 24)
    for seed in range(6):
        places = Random(seed).randrange(1, 9)
        need = need_of(engine, initiative, places, words=f"Course {seed}")
        gate = Barrier(8)

        def come(number: int, need: UUID = need, gate: Barrier = gate) -> int:
            gate.wait()
            got = 0
            for person in crowd[number::8]:
                try:
                    with engine.begin() as connection:
                        service.register(connection, SITE, person, need, shows_contact=False)
                    got += 1
                except StateConflict:
                    pass
            return got

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(come, range(8))) == places
        assert taken(engine, need) == places


def test_coming_and_leaving_at_random_keeps_to_the_places(engine: Engine, initiative: UUID) -> None:
    """Some erased, some leave by link, the need goes: no place too many, nobody in a deadlock."""
    crowd = people(engine, 16)
    needs = [need_of(engine, initiative, places) for places in (1, 3, 5)]

    def live(seed: int) -> None:
        dice = Random(seed)
        for _ in range(25):
            person, need = dice.choice(crowd), dice.choice(needs)
            try:
                with engine.begin() as connection:
                    if dice.random() < 0.6:
                        service.register(connection, SITE, person, need, shows_contact=True)
                    elif dice.random() < 0.8:
                        service.leave(connection, person.id, need)
                    else:
                        service.erase(connection, person.id)
            except (StateConflict, NotFound):
                pass
            with engine.connect() as connection:
                for row in queries.of_owner(connection, NeedOwner.INITIATIVE, initiative, None):
                    assert row.taken <= row.places

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(live, seed) for seed in range(8)]:
            done.result()


@pytest.mark.parametrize(
    ("day", "status"),
    [(date(2020, 1, 1), "published"), (LATER, "done"), (LATER, "archived")],
)
def test_nobody_is_needed_for_what_is_over(
    client: FlaskClient, engine: Engine, day: date, status: str
) -> None:
    made = Made(commune=RENNES, status=status)
    with engine.begin() as connection:
        insert(connection, [made])
    need = need_of(engine, UUID(made.id), 3, day)
    assert "On a besoin de vous" not in client.get(f"/initiatives/{made.id}").text
    assert "n’attend plus personne" in client.get(f"/besoins/{need}").text
    (person,) = people(engine, 1)
    with pytest.raises(StateConflict), engine.begin() as connection:
        service.register(connection, SITE, person, need, shows_contact=False)


@pytest.mark.parametrize("status", ["pending", "draft", "rejected", "merged"])
def test_what_is_not_public_asks_for_nobody(
    client: FlaskClient, engine: Engine, status: str
) -> None:
    made = Made(commune=RENNES, status=status)
    with engine.begin() as connection:
        insert(connection, [made])
    assert client.get(f"/besoins/{need_of(engine, UUID(made.id), 3)}").status_code == 404


def published(client: FlaskClient, engine: Engine) -> UUID:
    made = propose(client, engine, email=AUTHOR)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE proposal SET published_at = now(), published_revision = 1, queued_at = NULL"
            )
        )
        connection.execute(text("UPDATE initiative SET status = 'published'"))
    return UUID(str(made.id))


def test_the_author_asks_and_sees_who_agreed_to_be_seen(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    identifier = published(client, engine)
    address = f"/initiatives/{identifier}/besoins"
    wrong = fill_in(client, address, {"words": "", "places": "0", "day": "2020-01-01"})
    assert wrong.status_code == 400
    assert wrong.text.count("field-error") == 3
    asked = fill_in(
        client, address, {"words": "Dix paires de mains", "places": "10", "day": LATER.isoformat()}
    )
    assert asked.status_code == 303, asked.text
    need = one(engine, "SELECT id FROM need")
    # Moderators look at it as at any change of the text.
    assert one(engine, "SELECT queued_at IS NOT NULL FROM proposal") is True
    kept = "SELECT needs -> 0 ->> 'words' FROM initiative_revision ORDER BY number DESC LIMIT 1"
    assert one(engine, kept) == "Dix paires de mains"
    assert "besoins" in client.get(f"/initiatives/{identifier}/historique").text

    for email, show in (("seen@example.org", "1"), ("unseen@example.org", "")):
        comer = app.test_client()
        fill_in(comer, f"/besoins/{need}", {"email": email, "show": show})
        press(comer, last_link(engine, email))
    page = client.get(address).text
    assert "seen@example.org" in page
    assert "unseen@example.org" not in page
    assert "ne montre pas son nom" in page
    stranger = app.test_client()
    sign_in(stranger, engine, "stranger@example.org")
    assert stranger.get(address).status_code == 404
    public = app.test_client().get(f"/initiatives/{identifier}").text
    assert "8 places libres sur 10" in public
    assert "seen@example.org" not in public

    removed = fill_in(client, address, {}, to=f"{address}/{need}/retirer")
    assert removed.status_code == 303
    assert one(engine, "SELECT count(*) FROM registration") == 0
    for email in ("seen@example.org", "unseen@example.org"):
        assert mails_to(engine, email)[-1].kind == "need_removed"


def test_erasure_takes_a_person_out_of_everything_and_frees_the_place(
    app: Flask, engine: Engine, initiative: UUID
) -> None:
    need = need_of(engine, initiative, 2)
    client = app.test_client()
    fill_in(client, f"/besoins/{need}", {"email": ADDRESS, "show": "1"})
    press(client, last_link(engine))
    assert taken(engine, need) == 1
    assert "Planter" in str(client.get("/compte/donnees").get_json())
    fill_in(client, "/compte/effacer", {})
    assert taken(engine, need) == 0


def test_nothing_is_kept_beyond_thirty_days_after_the_day(engine: Engine, initiative: UUID) -> None:
    old = need_of(engine, initiative, 2, TODAY - timedelta(days=32))
    recent = need_of(engine, initiative, 2, TODAY - timedelta(days=28))
    undated = need_of(engine, initiative, 2, None)
    (person,) = people(engine, 1)
    with engine.begin() as connection:
        for need, days in ((old, 40), (recent, 40), (undated, 366)):
            connection.execute(
                text(
                    "INSERT INTO registration (need, person, leave_key, confirmed_at)"
                    " VALUES (:need, :person, sha256('key'), now() - make_interval(days => :days))"
                ),
                {"need": need, "person": person.id, "days": days},
            )
    service.forget(engine)
    with engine.connect() as connection:
        left = connection.execute(text("SELECT id FROM need")).scalars().all()
    assert set(left) == {recent, undated}
    assert (taken(engine, recent), taken(engine, undated)) == (1, 0)

"""The list of presence that an organiser may take away: of those alone who agreed, and logged."""

import csv
import io
import zipfile
from datetime import UTC, datetime, timedelta

from flask import Flask
from sqlalchemy import Engine, text

from mapservice.events import registration_service
from mapservice.events.recurrence import PARIS, wall_time
from tests.accounts.people.mailbox import fill_in
from tests.events.organiser import ADDRESS, Organiser
from tests.events.test_journey import register

ANA, BEN = "ana@example.org", "ben@example.org"


def test_those_who_agreed_are_on_it_and_nobody_else(
    organiser: Organiser, event_app: Flask, engine: Engine
) -> None:
    identifier = organiser.propose(capacity="9")
    with engine.begin() as connection:
        publish = text("UPDATE event SET status = 'published' WHERE id = :id")
        connection.execute(publish, {"id": identifier})
    desk, path = f"/evenements/{identifier}/organiser", f"/evenements/{identifier}/presences"
    ana, ben = event_app.test_client(), event_app.test_client()
    register(ana, engine, identifier, ANA, name="=Ana", shares_address="1")
    register(ben, engine, identifier, BEN, name="Ben")

    def taken(form: str = "csv") -> bytes:
        answer = fill_in(organiser.client, desk, {"format": form}, to=path)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        made: bytes = answer.data
        return made

    assert "1 personne y consent" in organiser.client.get(desk).text
    made = taken()
    assert made.startswith(b"\xef\xbb\xbfNom,"), "Excel reads UTF-8 by its mark alone"
    (row,) = csv.DictReader(io.StringIO(made.decode("utf-8-sig")))
    (registered,) = registered_at(engine, ANA)
    assert row == {
        "Nom": "'=Ana",
        "Adresse électronique": ANA,
        "Places": "1",
        "Inscription": "inscription confirmée",
        "Inscrit le": f"{wall_time(registered, PARIS):%Y-%m-%d %H:%M}",
    }
    with zipfile.ZipFile(io.BytesIO(taken("xlsx"))) as book:
        texts = book.read("xl/sharedStrings.xml").decode()
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<t>=Ana</t>" in texts
    assert f"<t>{ANA}</t>" in texts
    assert BEN not in texts
    assert (sheet.count("<row"), sheet.count("<f>")) == (2, 0)

    # One changes one's mind, either way.
    own = f"/evenements/{identifier}/inscription"
    fill_in(ben, own, {"shares_address": "1"}, to=f"{own}/changer")
    fill_in(ana, own, {}, to=f"{own}/changer")
    assert ANA not in taken().decode()
    assert BEN in taken().decode()

    # Nobody else takes it; each time it was taken stands in the log, with how many were on it.
    for stranger in (ana, ben):
        assert fill_in(stranger, own, {"format": "csv"}, to=path).status_code == 404
    assert event_app.test_client().post(path, data={"format": "csv"}).status_code == 303
    assert logged(engine) == [1, 1, 1, 1]
    with engine.begin() as connection:
        past = {"id": identifier, "day": datetime.now(UTC) - timedelta(days=40)}
        connection.execute(text(OVER), past)
    registration_service.forget(engine, datetime.now(UTC))
    assert BEN not in taken().decode()
    assert logged(engine) == [1, 1, 1, 1, 0]


def registered_at(engine: Engine, email: str) -> list[datetime]:
    with engine.connect() as connection:
        return list(connection.execute(text(REGISTERED_AT), {"email": email}).scalars())


REGISTERED_AT = """
SELECT own.created_at FROM event_registration AS own JOIN person ON person.id = own.person
 WHERE person.email = :email"""


def logged(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        rows = connection.execute(text(LOGGED), {"email": ADDRESS}).scalars()
        return [int(one.rpartition(": ")[2]) for one in rows]


LOGGED = """
SELECT decision.reason FROM decision JOIN person ON person.id = decision.decided_by_person
 WHERE verdict = 'attendance' AND person.email = :email ORDER BY decision.id"""

OVER = """
UPDATE event
   SET starts_at = :day, ends_at = CAST(:day AS timestamptz) + interval '1 hour',
       starts_local = CAST(:day AS timestamptz) AT TIME ZONE zone,
       ends_local = (CAST(:day AS timestamptz) + interval '1 hour') AT TIME ZONE zone
 WHERE id = :id"""

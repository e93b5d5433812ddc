"""The organisers' desk: what is to do, and to whom which of it is shown."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.events import registration_service
from mapservice.groups import queries
from tests.accounts.people.mailbox import fill_in, sign_in
from tests.events.organiser import Organiser, make_event, make_person, series_of
from tests.groups.founder import ADDRESS, Founder, join, member_of, person_of, publish
from tests.moderation.moderator import Moderator

BEA = "bea@example.org"
NOTHING = "Rien à faire pour l’instant."


@pytest.fixture
def group(founder: Founder, eva: Moderator) -> UUID:
    made = founder.found()
    publish(eva, made)
    return made


def date_of(
    engine: Engine, group: UUID, person: UUID | None, *, status: str = "published", waits: int = 0
) -> UUID:
    """A date of the group with two seats: both taken, and so many people wait."""
    with engine.begin() as connection:
        made = make_event(connection, capacity=2, person=person)
        bound = {"group": group, "series": series_of(connection, made)}
        connection.execute(
            text("UPDATE event_series SET local_group = :group WHERE id = :series"), bound
        )
        for _ in range(2 + waits):
            guest, now = make_person(connection, "Gaston"), datetime.now(UTC)
            registration_service.register(connection, made, guest, "carte@map.test", now)
        connection.execute(
            text("UPDATE event SET status = :status WHERE id = :id"),
            {"status": status, "id": made},
        )
    return made


def test_the_desk_says_what_there_is_to_do_and_nothing_else(
    founder: Founder, eva: Moderator, group: UUID, group_app: Flask, engine: Engine
) -> None:
    path = f"/groupes/{group}/bureau"
    page = founder.client.get(path).text
    assert NOTHING in page
    assert "Aucun rendez-vous n’est annoncé." in page
    assert path in founder.client.get(f"/groupes/{group}").text
    assert path in founder.client.get("/compte").text

    join(group_app, engine, group, BEA, name="Béa")
    page = founder.client.get(path).text
    assert "1 personne demande à rejoindre le groupe" in page
    assert BEA not in page
    member = member_of(engine, group, "Béa")
    answer = fill_in(
        founder.client,
        path,
        {"action": "accept", "back": "bureau"},
        to=f"/groupes/{group}/membres/{member}",
    )
    assert answer.headers["Location"] == path
    assert NOTHING in founder.client.get(path).text

    own = person_of(engine, ADDRESS)
    mine, waits = date_of(engine, group, own, waits=3), date_of(engine, group, own, status="draft")
    read = date_of(engine, group, None, status="pending")
    later = date_of(engine, group, None, status="postponed")
    page = founder.client.get(path).text
    assert "2 places prises sur 2" in page
    assert "3 personnes attendent" in page
    assert "Brouillon à reprendre" in page
    assert "Reporté, sans nouvelle date" in page
    assert f"/evenements/{mine}/organiser" in page
    assert f"/evenements/{waits}/organiser" in page
    for others in (read, later):
        assert f"/evenements/{others}/organiser" not in page  # it would not open
    assert "Chez la modération" in page
    assert "Gaston" not in page

    with engine.begin() as connection:
        long_ago = datetime.now(UTC) - timedelta(days=170)
        connection.execute(text("UPDATE local_group SET last_sign_at = :at"), {"at": long_ago})
    assert "sa page le dira en sommeil" in founder.client.get(path).text
    fill_in(founder.client, path, {"action": "alive"}, to=f"/groupes/{group}/etat")
    assert "sommeil" not in founder.client.get(path).text


def test_an_event_proposed_from_the_desk_is_the_groups(
    founder: Founder, group: UUID, group_app: Flask, engine: Engine
) -> None:
    path = f"/evenements/proposer?group={group}"
    assert path in founder.client.get(f"/groupes/{group}/bureau").text
    page = founder.client.get(path).text
    assert f'<option value="{group}" selected>' in page
    organiser = Organiser(founder.client, engine)
    made = organiser.propose(group=str(group))
    with engine.connect() as connection:
        found = queries.of_series(connection, series_of(connection, made))
    assert found is not None
    assert found.id == group
    # Of nobody else's group, and of none that is not there.
    bea, _page = join(group_app, engine, group, BEA, name="Béa")
    for client, text_of in ((bea, str(group)), (founder.client, str(made)), (founder.client, "x")):
        assert client.get(f"/evenements/proposer?group={text_of}").status_code == 400
    assert group_app.test_client().get(path).status_code in (302, 303, 401)


def test_a_desk_opens_to_organisers_and_editors_and_tells_these_no_names(
    founder: Founder, group: UUID, group_app: Flask, engine: Engine, visitor: FlaskClient
) -> None:
    path = f"/groupes/{group}/bureau"
    bea, _page = join(group_app, engine, group, BEA, name="Béa")
    dan = group_app.test_client()
    sign_in(dan, engine, "dan@example.org")
    assert visitor.get(path).status_code == 303
    for stranger in (bea, dan):
        assert stranger.get(path).status_code == 404
    for action in ("accept", "editor"):
        member = member_of(engine, group, "Béa")
        desk = f"/groupes/{group}/organiser"
        fill_in(founder.client, desk, {"action": action}, to=f"/groupes/{group}/membres/{member}")
        assert bea.get(path).status_code == (404 if action == "accept" else 200)
    join(group_app, engine, group, "cem@example.org", name="Cem")
    date_of(engine, group, person_of(engine, ADDRESS), waits=1)
    page = bea.get(path)
    assert page.headers["Cache-Control"] == "no-store"
    assert "Cem" not in page.text
    assert "demande à rejoindre" not in page.text
    assert "places prises" not in page.text  # of an event that another organises
    assert "attend" not in page.text
    mine = date_of(engine, group, person_of(engine, BEA), waits=1)
    page = bea.get(path)
    assert page.text.count("1 personne attend") == 1
    assert f"/evenements/{mine}/organiser" in page.text
    with engine.connect() as connection:
        assert queries.of_person(connection, group, person_of(engine, BEA)) is not None


def test_reports_on_initiatives_of_the_group_are_counted_without_a_word_of_them(
    founder: Founder, group: UUID, engine: Engine
) -> None:
    with engine.begin() as connection:
        initiative = connection.execute(text(INITIATIVE)).scalar_one()
        bound = {"initiative": initiative, "group": group}
        connection.execute(text(BELONGS), bound)
        connection.execute(text(REPORTED), {"initiative": initiative, "confirmed": True})
        connection.execute(text(REPORTED), {"initiative": initiative, "confirmed": False})
    page = founder.client.get(f"/groupes/{group}/bureau").text
    assert "1 signalement" in page
    assert "Ana ment" not in page


INITIATIVE = """
INSERT INTO initiative (title, theme, status, scale, precision)
VALUES ('Un lavoir', 'culture', 'published', 'national', 'national') RETURNING id"""

BELONGS = "INSERT INTO group_initiative (initiative, local_group) VALUES (:initiative, :group)"

REPORTED = """
INSERT INTO report (initiative, confirmed, reason, text)
VALUES (:initiative, :confirmed, 'false', 'Ana ment')"""

"""Needs of groups and events, and the page that calls for hands by place, skill and day."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text

from mapservice.contributions.needs import call_routes, service
from mapservice.contributions.needs.call_model import CallCursor, CallFilters, parse
from mapservice.contributions.needs.model import NeedSkill
from mapservice.errors import InvalidInput
from mapservice.events import registration_service
from mapservice.events import service as events
from mapservice.events.model import ChangeScope
from mapservice.groups import membership_service as membership
from mapservice.groups.model import MemberChoice, MemberStanding
from tests.accounts.people.mailbox import ADDRESS, fill_in, mails_to, sign_in
from tests.contributions.needs.test_needs import SITE, people, taken
from tests.events.organiser import SENDER, make_event, sent_mails, soon
from tests.groups.founder import make_group, person_of
from tests.web.population import Made, insert

RENNES, BREST, CAEN = "35238", "29019", "14118"
NOW = datetime.now(UTC)
LATER = NOW.date() + timedelta(days=12)


def place(connection: Connection, table: str, identifier: UUID, commune: str) -> None:
    """Puts a group or an event into a commune."""
    connection.execute(
        text(
            f"UPDATE {table} SET precision = 'commune', commune = :commune"
            + (", mode = 'place'" if table == "event" else ", area = 'commune'")
            + " WHERE id = :id"
        ),
        {"id": identifier, "commune": commune},
    )


def ask(
    connection: Connection, column: str, owner: UUID, words: str, skill: str = "any", day: int = 12
) -> UUID:
    made: UUID = connection.execute(
        text(
            f"""INSERT INTO need ({column}, words, day, places, skill)
                VALUES (:owner, :words, :day, 3, :skill) RETURNING id"""
        ),
        {
            "owner": owner,
            "words": words,
            "skill": skill,
            "day": NOW.date() + timedelta(days=day) if day else None,
        },
    ).scalar_one()
    return made


def listed(client: FlaskClient, query: str = "") -> list[str]:
    page = client.get(f"/coups-de-main?{query}")
    assert page.status_code == 200, page.text
    return [unescape(one) for one in re.findall(r"<strong>([^<]+)</strong>", page.text)]


@pytest.fixture
def asking(engine: Engine) -> dict[str, UUID]:
    """An initiative of Rennes, a group of Brest and an event of Caen that ask for hands."""
    made = Made(commune=RENNES, title="Une haie au bord du canal")
    with engine.begin() as connection:
        insert(connection, [made])
        group = make_group(connection, None)
        event = make_event(connection, start=soon(20))
        place(connection, "local_group", group, BREST)
        place(connection, "event", event, CAEN)
        ask(connection, "initiative", UUID(made.id), "Planter la haie", "gardening")
        ask(connection, "local_group", group, "Réparer les vélos", "building", day=0)
        ask(connection, "event", event, "Servir la soupe", "cooking", day=0)
    return {"initiative": UUID(made.id), "group": group, "event": event}


def test_hands_are_called_by_place_skill_and_day(
    client: FlaskClient, asking: dict[str, UUID]
) -> None:
    everything = ["Planter la haie", "Servir la soupe", "Réparer les vélos"]
    assert listed(client) == everything, "the soonest first, what has no day last"
    assert listed(client, "skill=cooking") == ["Servir la soupe"]
    assert listed(client, "skill=cooking&skill=gardening") == everything[:2]
    assert listed(client, "territory=region:53") == ["Planter la haie", "Réparer les vélos"]
    assert listed(client, "near=-1.68,48.11&radius=20000") == ["Planter la haie"]
    assert listed(client, "q=soupe") == ["Servir la soupe"]
    # An event's own day counts where the need names none.
    day = soon(20).date()
    assert listed(client, f"from={day}&to={day}") == ["Servir la soupe"]
    assert listed(client, f"to={LATER}") == ["Planter la haie"]
    found = client.get("/coups-de-main?lieu=35000")
    assert found.status_code == 303
    page = client.get(found.headers["Location"]).text
    assert "autour de Rennes" in unescape(page)
    assert "Planter la haie" in page
    assert "Servir la soupe" not in page


def test_what_is_full_over_or_not_public_calls_nobody(
    client: FlaskClient, engine: Engine, asking: dict[str, UUID]
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE need SET places = 1 WHERE initiative IS NOT NULL"))
        full = connection.execute(
            text("SELECT id FROM need WHERE initiative IS NOT NULL")
        ).scalar_one()
        connection.execute(
            text(
                """INSERT INTO registration (need, person, leave_key)
                   VALUES (:need, :person, decode(repeat('00', 32), 'hex'))"""
            ),
            {"need": full, "person": people(engine, 1)[0].id},
        )
    assert "Planter la haie" not in listed(client)
    with engine.begin() as connection:
        connection.execute(text("UPDATE local_group SET status = 'archived', archived_at = now()"))
        connection.execute(
            text("UPDATE event SET status = 'cancelled', cancelled_at = now(), note = ''")
        )
    assert listed(client) == []
    assert "Personne n’en demande pour l’instant" in client.get("/coups-de-main").text


@pytest.mark.parametrize(
    ("page", "nothing", "filtered"),
    [
        ("/coups-de-main", "Personne n’en demande pour l’instant", "skill=cooking"),
        ("/evenements", "Rien n’est annoncé pour l’instant", "theme=culture"),
        ("/groupes", "Il n’y a pas encore de groupe", "theme=culture"),
    ],
)
def test_an_empty_list_names_a_filter_only_where_one_is_set(
    client: FlaskClient, page: str, nothing: str, filtered: str
) -> None:
    whole, part = client.get(page).text, client.get(f"{page}?{filtered}").text
    assert nothing in whole
    assert "avec ce filtre" not in whole
    assert nothing not in part
    assert "avec ce filtre" in part


@pytest.mark.parametrize(
    "query",
    ["skill=magie", "from=demain", "to=0001-01-01", "cursor=x", "limit=3", "near=1", "nope=1",
     f"from={LATER}&to={NOW.date()}", "commune=99999", "lieu=%00"],
)  # fmt: skip
def test_nonsense_is_told_by_name(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/coups-de-main?{query}")
    assert answer.status_code == 400
    with pytest.raises(InvalidInput):
        parse([("skill", "magie")])


def test_filters_and_cursors_read_back() -> None:
    filters = CallFilters(
        skill=(NeedSkill.COOKING, NeedSkill.CARE), first=LATER, last=LATER + timedelta(days=1)
    )
    assert parse(filters.to_pairs())[0] == filters
    for cursor in (CallCursor(LATER, uuid4()), CallCursor(None, uuid4())):
        assert CallCursor.decode(cursor.encode()) == cursor


def test_pages_hold_each_need_once(
    client: FlaskClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_routes, "PAGE_SIZE", 3)
    with engine.begin() as connection:
        group = make_group(connection, None)
        for number in range(8):
            ask(connection, "local_group", group, f"Besoin {number}", day=(number % 3) * 5)
    found: list[str] = []
    address = ""
    while True:
        found += listed(client, address)
        page = client.get(f"/coups-de-main?{address}").text
        onward = re.search(r'rel="next" href="/coups-de-main\?([^"]+)"', page)
        if not onward:
            break
        address = unescape(onward[1])
    assert sorted(found) == [f"Besoin {number}" for number in range(8)]
    assert found[-3:] == ["Besoin 0", "Besoin 3", "Besoin 6"], "those of no day"


def test_who_organises_or_edits_a_group_asks_for_hands(app: Flask, engine: Engine) -> None:
    client = app.test_client()
    sign_in(client, engine, ADDRESS)
    person = person_of(engine, ADDRESS)
    with engine.begin() as connection:
        group = make_group(connection, person)
    page = f"/groupes/{group}/besoins"
    asked = {"words": "Dix paires de mains", "places": "10", "day": "", "skill": "gardening"}
    for wrong in ({"words": " "}, {"places": "0"}, {"skill": "magie"}, {"day": "hier"}):
        assert fill_in(client, page, {**asked, **wrong}).status_code == 400, wrong
    assert fill_in(client, page, asked).status_code == 303
    shown = unescape(client.get(f"/groupes/{group}").text)
    assert "Dix paires de mains" in shown
    assert "10 places libres sur 10" in shown
    assert "jardinage et plantation" in shown
    assert "Dix paires de mains" in client.get(f"/groupes/{group}/bureau").text
    with engine.connect() as connection:
        queued, need = connection.execute(
            text("SELECT local_group.queued_at, need.id FROM local_group, need")
        ).one()
    assert queued, "moderators look at it"

    # A stranger comes, shows themselves, and is told once it is taken back.
    guest = app.test_client()
    sign_in(guest, engine, "guest@example.org")
    assert fill_in(guest, f"/besoins/{need}", {"show": "1"}).status_code == 303
    assert taken(engine, need) == 1
    letter = mails_to(engine, "guest@example.org")[-1]
    assert f"/groupes/{group}" in letter.text
    assert "guest@example.org" in client.get(page).text
    assert "guest@example.org" not in guest.get(f"/groupes/{group}").text
    assert "Dix paires de mains" in guest.get("/compte").text
    for path in (page, f"{page}/{need}/retirer"):
        token = re.search(r'name="token" value="([^"]+)"', guest.get("/compte").text)
        assert token
        assert guest.post(path, data={"token": token[1], **asked}).status_code == 404
    assert guest.get(page).status_code == 404
    assert app.test_client().get(page).status_code == 303
    assert fill_in(client, page, {}, to=f"{page}/{need}/retirer").status_code == 303
    assert mails_to(engine, "guest@example.org")[-1].kind == "need_removed"
    assert taken(engine, need) == 0
    # A plain member asks for nothing.
    with engine.begin() as connection:
        guest_id = person_of(engine, "guest@example.org")
        membership.add(connection, group, guest_id, MemberStanding.MEMBER, MemberChoice())
    assert guest.get(page).status_code == 404


def test_who_promised_a_hand_to_an_event_hears_what_becomes_of_it(
    app: Flask, engine: Engine
) -> None:
    client = app.test_client()
    sign_in(client, engine, ADDRESS)
    person = person_of(engine, ADDRESS)
    with engine.begin() as connection:
        event = make_event(connection, person=person)
    page = f"/evenements/{event}/besoins"
    shown = client.get(page).text
    assert "celui de l’événement" in shown
    assert fill_in(client, page, {"words": "Servir", "places": "2"}).status_code == 303
    assert fill_in(client, page, {"words": "Ranger", "places": "2"}).status_code == 303
    assert "Servir" in client.get(f"/evenements/{event}").text
    assert "Servir" in client.get(f"/evenements/{event}/organiser").text
    helper, both, late = people(engine, 3)
    with engine.begin() as connection:
        needs = connection.execute(text("SELECT id FROM need ORDER BY words")).scalars().all()
        for need in needs:
            service.register(connection, SITE, helper, need, shows_contact=False)
        service.register(connection, SITE, both, needs[0], shows_contact=False)
        registration_service.register(connection, event, both.id, SENDER, NOW)
    sent_mails(engine)
    with engine.begin() as connection:
        events.cancel(connection, event, person, ChangeScope.THIS, "Orage.", SENDER, NOW)
    told = sent_mails(engine)
    assert sorted(one.recipient for one in told) == sorted([helper.email, both.email]), "once"
    assert all("Annulé" in one.subject for one in told)
    with engine.begin() as connection, pytest.raises(service.NeedOver):
        service.register(connection, SITE, late, needs[1], shows_contact=False)
    with engine.begin() as connection:
        events.undo_cancellation(connection, event, person, SENDER, NOW)
    told = sent_mails(engine)
    said = {one.recipient: one.text for one in told}
    assert set(said) == {helper.email, both.email}
    assert "toujours attendu" in said[helper.email]
    assert "/besoins/quitter/" in said[helper.email]
    assert "Vous gardez votre place" in said[both.email]


def test_needs_of_an_event_without_a_day_go_with_it(engine: Engine) -> None:
    with engine.begin() as connection:
        event = make_event(connection)
        ask(connection, "event", event, "Servir", day=0)
        connection.execute(
            text(
                """UPDATE event SET starts_at = now() - interval '40 days',
                                    ends_at = now() - interval '39 days' WHERE id = :id"""
            ),
            {"id": event},
        )
    service.forget(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM need")).scalar_one() == 0

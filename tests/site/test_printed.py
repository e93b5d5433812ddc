"""Sheets to print: what they say of place and state, and what a poster of a week holds."""

import re
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.i18n import PARIS
from mapservice.site.printed_routes import SHOWN_DATES
from mapservice.site.sharing.model import qr_svg
from tests.events.organiser import Organiser, make_event, soon
from tests.groups.founder import make_group


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def public_event(app: Flask, engine: Engine, **fields: str) -> UUID:
    made = Organiser(app.test_client(), engine).propose(**fields)
    set_status(engine, made, "published")
    return made


def set_status(engine: Engine, event: UUID, status: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(SET_STATUS), {"id": event, "status": status})


SET_STATUS = """
UPDATE event
   SET status = :status, cancelled_at = CASE WHEN CAST(:status AS text) = 'cancelled' THEN now() END
 WHERE id = :id"""


def at(start: datetime, hours: int = 2) -> dict[str, str]:
    end = start + timedelta(hours=hours)
    return {"starts": f"{start:%Y-%m-%dT%H:%M}", "ends": f"{end:%Y-%m-%dT%H:%M}"}


def test_a_flyer_shows_no_more_of_a_place_than_is_known(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    vague = public_event(app, engine, place="Rennes")
    exact = public_event(app, engine, place="Rennes", lon="-1.6794", lat="48.1147")
    online = public_event(app, engine, mode="online", online_url="https://visio.example.org/x")
    pages = {
        one: client.get(f"/evenements/{one}/affichette").text for one in (vague, exact, online)
    }
    for one, page in pages.items():
        assert "Atelier vélo devant la gare" in page
        assert "de 18\u00a0h\u00a030 à 20\u00a0h\u00a030" in page
        address = re.search(r'paper-address">([^<]+)<', page)
        assert address
        assert address[1].endswith(f"/evenements/{one}")
        assert qr_svg(address[1], f"Code QR\u00a0: {address[1]}").decode() in page
    assert "Le lieu exact n’est pas connu" in pages[vague]
    assert "Le lieu exact n’est pas connu" not in pages[exact]
    assert "plan.svg" not in pages[online]
    assert "visio.example.org" not in pages[online]  # for those who have a seat
    marks = [
        client.get(f"/evenements/{one}/plan.svg").text.count("<circle") for one in (vague, exact)
    ]
    assert marks[0] == 0
    assert marks[1] > 0


def test_a_flyer_says_how_things_stand_and_is_none_of_what_is_not_public(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    made = public_event(app, engine)
    path = f"/evenements/{made}/affichette"
    assert "annulé" not in client.get(path).text
    set_status(engine, made, "cancelled")
    assert "annulé" in client.get(path).text
    assert "Sur inscription" not in client.get(path).text
    set_status(engine, made, "pending")
    for hidden in (path, f"/evenements/{made}/plan.svg", f"/evenements/{uuid4()}/affichette"):
        assert client.get(hidden).status_code == 404
    assert client.get(f"{path}?format=a3").status_code == 400
    assert client.get("/territoires/commune/35238/affiche?format=a5").status_code == 400
    assert client.get("/territoires/commune/99999/affiche").status_code == 404


def test_a_group_has_a_flyer_with_its_next_dates(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    event = public_event(app, engine)
    with engine.begin() as connection:
        group = make_group(connection, None, name="Les berges")
        bound = {"group": group, "event": event}
        connection.execute(text(BELONGS), bound)
    page = client.get(f"/groupes/{group}/affichette?format=a5").text
    assert "Les berges" in page
    assert "Atelier vélo devant la gare" in page
    assert "partout en France" in page
    assert "plan.svg" not in page  # all of France is no place
    assert "Organisé par le groupe Les berges" in client.get(f"/evenements/{event}/affichette").text
    assert "annulé" not in page
    set_status(engine, event, "cancelled")
    page = client.get(f"/groupes/{group}/affichette").text
    assert "annulé" in page
    assert "<s>" in page


def test_the_flyer_of_what_comes_back_says_so(client: FlaskClient, engine: Engine) -> None:
    with engine.begin() as connection:
        group = make_group(connection, None, name="Les berges")
        weekly = make_event(connection, rrule="FREQ=WEEKLY")
        once = make_event(connection)
        connection.execute(text(BELONGS), {"group": group, "event": weekly})
    page = client.get(f"/evenements/{weekly}/affichette").text
    assert "Et à d’autres dates\u00a0: tous les" in page
    assert "d’autres dates" not in client.get(f"/evenements/{once}/affichette").text
    sheet = client.get(f"/groupes/{group}/affichette").text
    assert sheet.count("Repas de quartier") == SHOWN_DATES
    assert "Et d’autres dates, sur la page ci-dessous." in sheet


BELONGS = """
UPDATE event_series SET local_group = :group
 WHERE id = (SELECT series FROM event WHERE id = :event)"""


def test_a_poster_holds_the_events_of_seven_days_there_by_their_days(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    first = soon(20, 0).replace(minute=0)
    public_event(app, engine, title="Veille", **at(first - timedelta(hours=3)))
    public_event(app, engine, title="En cours", **at(first - timedelta(hours=3), 30))
    public_event(app, engine, title="Premier soir", **at(first + timedelta(hours=19)))
    public_event(app, engine, title="Dernier soir", **at(first + timedelta(days=6, hours=21)))
    public_event(app, engine, title="Lendemain", **at(first + timedelta(days=7, hours=9)))
    public_event(app, engine, title="Ailleurs", place="Caen", **at(first + timedelta(hours=19)))
    set_status(engine, public_event(app, engine, title="Supprimé", **at(first)), "cancelled")
    path = f"/territoires/commune/35238/affiche?from={first:%Y-%m-%d}"
    page = client.get(path).text
    titles = re.findall(r"<strong>([^<]+)</strong>", page)
    assert [one for one in titles if "Toutes les informations" not in one] == [
        "En cours",
        "Premier soir",
        "Dernier soir",
    ]
    assert len(re.findall(r'class="paper-day"', page)) == 2
    last = first + timedelta(days=6)
    assert re.search(rf" au \w+ {last.day} \w+ {last.year}", page), "a sheet hangs for long"
    # Whoever saw the poster before is told what is called off.
    assert re.findall(r"<s>([^<]+)</s>", page) == ["Supprimé"]
    assert "annulé" in page.partition("<s>Supprimé</s>")[2][:80]
    listed = f"/evenements?territory=commune:35238&amp;from={first:%Y-%m-%d}"
    assert listed in page
    empty = first + timedelta(days=60)
    gone = public_event(app, engine, title="Tombé à l’eau", **at(empty + timedelta(hours=19)))
    set_status(engine, gone, "cancelled")
    page = client.get(f"/territoires/commune/35238/affiche?from={empty:%Y-%m-%d}").text
    assert "Rien d’autre n’est annoncé ici" in page
    assert "« Rennes" not in page.replace("\u00a0", " "), "the name of the commune is said once"
    empty = first + timedelta(days=90)
    page = client.get(f"/territoires/commune/35238/affiche?from={empty:%Y-%m-%d}").text
    assert "Aucun événement n’est annoncé ici pour ces sept jours." in page
    for wrong in ("hier", "2026-13-01", "9999-01-01"):
        assert client.get(f"/territoires/commune/35238/affiche?from={wrong}").status_code == 400
    today = datetime.now(PARIS).date()
    assert f"{today.day} " in client.get("/territoires/commune/35238/affiche").text

"""An event from its proposal to its cancellation, as those see it who have no script."""

import csv
import io
import json
import re
from datetime import UTC, date, datetime, timedelta
from html import unescape
from uuid import UUID

import icalendar
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from mapservice.events import registration_service
from mapservice.events.recurrence import PARIS, wall_time
from tests.accounts.people.mailbox import fill_in, last_link, mails_to, press, token_of
from tests.accounts.roles.admins import sign_in_admin
from tests.contributions.proposals.desk import hidden, preview
from tests.events.organiser import (
    SENDER,
    Organiser,
    event_fields,
    make_person,
    publish,
    sent_mails,
    series_of,
    soon,
    written,
)
from tests.moderation.moderator import Moderator


def register(client: FlaskClient, engine: Engine, identifier: UUID, email: str, **form: str) -> str:
    """Registers by mailed link; returns the page that it leads to."""
    path = f"/evenements/{identifier}/inscription"
    token = token_of(client.get(path).text)
    sent = client.post(path, data={"token": token, "email": email, "seats": "1", **form})
    assert sent.headers["Location"] == "/connexion/envoyee", sent.text
    done = press(client, last_link(engine, email))
    assert done.status_code == 303, done.text
    return client.get(done.headers["Location"]).text


def test_from_proposal_to_cancellation(
    organiser: Organiser, eva: Moderator, visitor: FlaskClient, event_app: Flask, engine: Engine
) -> None:
    identifier = organiser.propose()
    # Nothing is public before a moderator has looked at it.
    assert visitor.get(f"/evenements/{identifier}").status_code == 404
    assert "Atelier vélo" not in visitor.get("/evenements").text
    assert "Atelier vélo" in eva.get("/moderation").text
    assert eva.get("/moderation?kind=event&territory=region:53").text.count("Atelier vélo") == 1
    assert "Atelier vélo" not in eva.get("/moderation?territory=region:11").text

    answer = publish(eva, engine, identifier)
    assert answer.status_code == 303, answer.text
    assert "Atelier vélo" not in eva.get("/moderation").text
    assert "est publié" in mails_to(engine, "orga@example.org")[-1].subject
    page = visitor.get(f"/evenements/{identifier}").text
    assert "dans la commune de Rennes" in page
    assert "2 places libres sur 2" in page
    assert '"@type": "Event"' in page or '"@type":"Event"' in page

    # The same in every list.
    assert "Atelier vélo" in visitor.get("/evenements?territory=region:53&theme=mobilite").text
    assert "Atelier vélo" not in visitor.get("/evenements?territory=region:11").text
    document = visitor.get("/evenements.geojson?near=-1.68,48.11&radius=15000").get_json()
    (feature,) = document["features"]
    assert feature["id"] == str(identifier)
    assert feature["geometry"] is None  # known to its commune: never a pin
    assert feature["properties"]["precision"] == "commune"
    rows = list(
        csv.DictReader(io.StringIO(visitor.get("/evenements.csv?q=velo", buffered=True).text))
    )
    assert [row["id"] for row in rows] == [str(identifier)]
    assert list(rows[0])[:-2] == list(feature["properties"])
    atom = visitor.get("/evenements.atom").text
    assert f"urn:uuid:{identifier}" in atom
    calendar = icalendar.Calendar.from_ical(visitor.get("/evenements.ics").text)
    (shown,) = calendar.walk("VEVENT")
    assert shown["UID"] == str(identifier)
    assert shown["STATUS"] == "CONFIRMED"
    assert shown.decoded("DTSTART").replace(tzinfo=None) == soon()

    # Two seats: the first two come, the third waits.
    for number in range(3):
        one = event_app.test_client()
        told = register(one, engine, identifier, f"p{number}@example.org", name=f"P{number}")
        assert ("confirmée" in told) == (number < 2), told
    assert "en liste d’attente" in told
    # Who comes is shown to nobody, unless they choose so.
    page = visitor.get(f"/evenements/{identifier}").text
    assert "P0" not in page
    assert "Complet" in page

    # One click to leave: a seat is offered to who waits.
    left = sent_mails(engine)
    seat = next(
        one for one in left if one.recipient == "p0@example.org" and one.kind == "event_seat"
    )
    path = re.search(
        r"Libérez votre place\u00a0:\nhttp://map.test(/evenements/\S+/quitter/\S+)", seat.text
    )
    assert path, seat.text
    assert seat.headers["List-Unsubscribe"] == f"<http://map.test{path[1]}>"
    assert visitor.get(path[1]).status_code == 200
    assert visitor.post(path[1], data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert "déjà fait" in visitor.post(path[1]).text  # once
    offer = [one for one in sent_mails(engine) if one.recipient == "p2@example.org"]
    assert "Une place vous attend" in offer[-1].subject
    # Mails are read on whatever device, signed in or not: the link itself takes the seat.
    found = re.search(r"http://map.test(/evenements/\S+/place/\S+)", offer[-1].text)
    assert found, offer[-1].text
    elsewhere = event_app.test_client()
    assert "Prendre" in elsewhere.get(found[1]).text
    for forged in (found[1][:-2] + "xx", path[1].replace("/quitter/", "/place/")):
        assert elsewhere.post(forged).status_code == elsewhere.get(forged).status_code == 404
    assert elsewhere.post(found[1]).headers["Location"] == found[1]
    assert "confirmée" in elsewhere.get(found[1]).text
    assert "confirmée" in one.get(f"/evenements/{identifier}/inscription").text

    # What was told when registering is told anew; more seats than there are change nothing.
    own = f"/evenements/{identifier}/inscription"
    refused = fill_in(one, own, {"name": "Pia", "seats": "2"}, to=f"{own}/changer")
    assert refused.status_code == 409
    assert "Il ne reste pas autant de places" in refused.text
    fill_in(one, own, {"name": "P2 Durand"}, to=f"{own}/changer")
    assert 'value="P2 Durand"' in one.get(own).text
    assert fill_in(visitor, own, {"name": "x"}, to=f"{own}/changer").status_code == 303

    # The organiser's list, for nobody else.
    lists = f"/evenements/{identifier}/liste"
    assert "P2" in organiser.client.get(lists).text
    assert one.get(lists).status_code == 404
    assert visitor.get(lists).status_code == 303  # to sign in

    # Cancelled: everyone is told once, calendars too.
    sent_mails(engine)
    answer = organiser.act(
        f"/evenements/{identifier}/annuler",
        f"/evenements/{identifier}/organiser",
        note="Il va neiger.",
        sure="1",
    )
    assert answer.status_code == 303, answer.text
    letters = [mail for mail in sent_mails(engine) if mail.kind == "event_change"]
    assert sorted(mail.recipient for mail in letters) == ["p1@example.org", "p2@example.org"]
    assert all(
        mail.subject.startswith("Annulé") and "Il va neiger." in mail.text for mail in letters
    )
    assert sent_mails(engine) == []
    (shown,) = icalendar.Calendar.from_ical(visitor.get("/evenements.ics").text).walk("VEVENT")
    assert (shown["UID"], shown["STATUS"]) == (str(identifier), "CANCELLED")
    assert int(str(shown["SEQUENCE"])) > 0
    assert "Atelier vélo" not in visitor.get("/evenements").text
    assert "Cet événement est annulé" in visitor.get(f"/evenements/{identifier}").text
    late = event_app.test_client()
    form = f"/evenements/{identifier}/inscription"
    told = late.get(form).text
    assert "on ne peut plus s’inscrire" in told
    assert "Il va neiger." in told


def test_a_reminder_says_what_is_true_when_it_is_sent(
    organiser: Organiser, eva: Moderator, event_app: Flask, engine: Engine
) -> None:
    # Within a day of now, at whatever hour this runs.
    later = datetime.now(UTC) + timedelta(hours=20)
    start = wall_time(later, PARIS).replace(second=0, microsecond=0, tzinfo=None)
    identifier = organiser.propose(
        starts=f"{start:%Y-%m-%dT%H:%M}", ends=f"{start + timedelta(hours=1):%Y-%m-%dT%H:%M}"
    )
    publish(eva, engine, identifier)
    for number in range(2):
        register(event_app.test_client(), engine, identifier, f"r{number}@example.org")
    sent_mails(engine)
    # As if they had registered days before.
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE event_registration SET created_at = now() - interval '9 days'")
        )
    now = start - timedelta(hours=12)
    moment = now.replace(tzinfo=UTC)
    assert registration_service.remind(engine, SENDER, moment) == 2
    assert registration_service.remind(engine, SENDER, moment) == 0  # written once
    # One leaves, and the place changes, before the worker sends.
    with engine.begin() as connection:
        first = written(engine, "event_reminder")[0]["payload"]["registration"]
        registration_service.leave(connection, UUID(first), SENDER, datetime.now(UTC))
    organiser.edit(identifier, place="Brest", choice="", choice_for="")
    left = [one for one in sent_mails(engine) if one.kind == "event_reminder"]
    assert len(left) == 1
    assert "Brest" in left[0].text
    assert "Rennes" not in left[0].text
    with engine.connect() as connection:
        gone = connection.execute(
            text("SELECT state, last_error, text FROM delivery WHERE kind = 'event_reminder'")
        ).all()
    assert sorted(one.state for one in gone) == ["failed", "sent"]
    assert [one.last_error for one in gone if one.state == "failed"] == ["nothing to tell any more"]


def test_what_is_asked_back_is_mended_and_waits_again(
    organiser: Organiser, eva: Moderator, visitor: FlaskClient, engine: Engine
) -> None:
    identifier = organiser.propose()
    assert publish(eva, engine, identifier, "ask").status_code == 400  # a reason is needed
    answer = publish(eva, engine, identifier, "ask", reason="Où exactement ?")
    assert answer.status_code == 303
    assert "Où exactement ?" in mails_to(engine, "orga@example.org")[-1].text
    assert "Où exactement ?" in organiser.client.get(f"/evenements/{identifier}/organiser").text
    assert organiser.edit(identifier, title="Atelier vélo place de la gare").status_code == 303
    assert "place de la gare" in eva.get("/moderation?kind=event").text
    # A decision about the version before is one about another text.
    with engine.connect() as connection:
        series = series_of(connection, identifier)
    path = f"/moderation/evenements/{series}"
    late = eva.post(path, eva.get(path).text, verdict="publish", revision="1")
    assert late.status_code == 409
    publish(eva, engine, identifier)
    assert "place de la gare" in visitor.get("/evenements").text
    # An edit of what is public is public at once, and looked at after.
    organiser.edit(identifier, title="Atelier vélo, vraiment")
    assert "vraiment" in visitor.get("/evenements").text
    assert "déjà public" in eva.get("/moderation?kind=event").text
    assert publish(eva, engine, identifier, "keep").status_code == 303
    assert 'name="verdict"' not in eva.get(path).text


def test_a_case_that_another_moderator_has_taken(
    organiser: Organiser, eva: Moderator, event_app: Flask, engine: Engine
) -> None:
    identifier = organiser.propose()
    client = event_app.test_client()
    max_ = Moderator(client, sign_in_admin(client, engine, "Max"))
    with engine.connect() as connection:
        path = f"/moderation/evenements/{series_of(connection, identifier)}"
    assert eva.post(f"{path}/prendre").status_code == 303
    late = max_.post(f"{path}/prendre")
    assert (late.status_code, " s’en occupe en ce moment" in late.text) == (409, True)
    read = hidden(eva.get(path).text, "revision")
    late = max_.post(path, max_.get(path).text, verdict="publish", revision=read)
    assert (late.status_code, " s’en occupe en ce moment" in late.text) == (409, True)
    assert eva.post(f"{path}/rendre").status_code == 303
    assert max_.post(f"{path}/prendre").status_code == 303
    read = eva.get(path).text
    publish(max_, engine, identifier)
    late = eva.post(f"{path}/prendre", read)
    assert (late.status_code, "Déjà décidé par Max" in late.text) == (409, True)


def test_what_people_write_is_text_in_mails_and_pages(
    organiser: Organiser, eva: Moderator, event_app: Flask, visitor: FlaskClient, engine: Engine
) -> None:
    identifier = organiser.propose(title="<b>Gras</b> & <script>alert(1)</script>")
    publish(eva, engine, identifier)
    register(event_app.test_client(), engine, identifier, "lit@example.org")
    organiser.act(
        f"/evenements/{identifier}/annuler",
        f"/evenements/{identifier}/organiser",
        note="<i>Fini</i>",
        sure="1",
    )
    letters = sent_mails(engine)
    assert {one.kind for one in letters} >= {"event_change", "event_decision", "event_register"}
    for one in letters:
        assert "<b>" not in one.html, one.kind
        assert "<i>" not in one.html, one.kind
        assert "<script" not in one.html, one.kind
    assert "<script>alert" not in visitor.get(f"/evenements/{identifier}").text


def test_filters_name_what_is_wrong(visitor: FlaskClient) -> None:
    for query, field in [
        ("when=demain", "when"),
        ("from=hier", "from"),
        ("from=2026-13-01", "from"),
        ("to=2026-01-01&from=2026-02-01", "to"),
        ("when=today&from=2026-01-01", "when"),
        ("status=draft", "status"),
        ("mode=hybride", "mode"),
        ("initiative=x", "initiative"),
        ("cursor=xx", "cursor"),
        ("sort=recent", "sort"),
        ("since=2026-01-01", "since"),
        ("radius=5", "radius"),
        ("limit=0", "limit"),
        ("territory=commune:00000", "territory"),
    ]:
        answer = visitor.get(f"/evenements.geojson?{query}")
        assert answer.status_code == 400, query
        assert json.loads(answer.text)["field"] == field, (query, answer.text)


def test_the_past_is_there_for_machines(
    organiser: Organiser, eva: Moderator, visitor: FlaskClient, engine: Engine
) -> None:
    identifier = organiser.propose()
    publish(eva, engine, identifier)
    with engine.begin() as connection:
        connection.execute(
            text(
                """UPDATE event SET starts_at = starts_at - interval '60 days',
                          ends_at = ends_at - interval '60 days',
                          starts_local = starts_local - interval '60 days',
                          ends_local = ends_local - interval '60 days'"""
            )
        )
    day = (soon() - timedelta(days=60)).date()
    assert visitor.get("/evenements.geojson").get_json()["features"] == []

    def found(begin: date, end: date) -> int:
        answer = visitor.get(f"/evenements.geojson?from={begin}&to={end}")
        return len(answer.get_json()["features"])

    assert found(day, day) == 1
    assert found(day - timedelta(days=9), day - timedelta(days=1)) == 0
    assert found(day + timedelta(days=1), day + timedelta(days=9)) == 0
    ics = visitor.get(f"/evenements.ics?from={day}&to={day}").text
    assert ics.count("BEGIN:VEVENT") == 1
    assert "passé" in visitor.get(f"/evenements/{identifier}").text


def test_a_personal_calendar_until_it_is_ended(
    organiser: Organiser, eva: Moderator, visitor: FlaskClient, engine: Engine
) -> None:
    identifier = organiser.propose()
    publish(eva, engine, identifier)
    page = organiser.act("/evenements/agenda", "/compte")
    address = re.search(r"/evenements/agenda/[\w-]+\.ics", page.text)
    assert address, page.text
    told = visitor.get(address[0])
    assert str(identifier) in told.text
    assert told.headers["Cache-Control"] == "no-store"
    again = organiser.act("/evenements/agenda", "/compte")
    assert visitor.get(address[0]).status_code == 404  # a new address ends the one before
    second = re.search(r"/evenements/agenda/[\w-]+\.ics", again.text)
    assert second
    assert visitor.get(second[0]).status_code == 200
    organiser.act("/evenements/agenda", "/compte", action="end")
    assert visitor.get(second[0]).status_code == 404


def test_export_and_erasure_cover_events(
    organiser: Organiser, eva: Moderator, event_app: Flask, engine: Engine
) -> None:
    identifier = organiser.propose(capacity="1", max_seats="1")
    publish(eva, engine, identifier)
    first, second = event_app.test_client(), event_app.test_client()
    register(first, engine, identifier, "un@example.org", name="Une")
    register(second, engine, identifier, "deux@example.org", name="Deux")
    exported = first.get("/compte/donnees.json")
    if exported.status_code == 200:
        assert "Une" in exported.text
    with engine.begin() as connection:
        person = connection.execute(
            text("SELECT id FROM person WHERE email = 'un@example.org'")
        ).scalar_one()
        registration_service.erase(connection, person, SENDER)
    assert "une place vous est proposée" in second.get(f"/evenements/{identifier}/inscription").text


def test_no_mail_or_page_says_more_than_registering_does(
    visitor: FlaskClient, event_app: Flask, organiser: Organiser, eva: Moderator, engine: Engine
) -> None:
    """Who joins a waiting list confirms no seat; what is cancelled takes no dates down."""
    identifier = organiser.propose(capacity="1")
    publish(eva, engine, identifier)
    page = visitor.get(f"/evenements/{identifier}").text
    assert "confirmé" not in page  # by whom?
    assert ".ics" in page.split("event-doors")[1][:80]
    coming = event_app.test_client()
    register(coming, engine, identifier, "one@example.org", is_public="1", name="Une")
    path = f"/evenements/{identifier}/inscription"
    assert "Viennent\u00a0:" in visitor.get(f"/evenements/{identifier}").text
    late = event_app.test_client()
    sent = late.post(path, data={"token": token_of(late.get(path).text), "email": "b@example.org"})
    assert sent.status_code == 303
    mail = mails_to(engine, "b@example.org")[-1]
    assert "liste d’attente" in mail.subject
    assert "pour rejoindre la liste d’attente" in mail.text
    assert "vous venez" not in mail.text
    link = last_link(engine, "b@example.org")
    assert "C’est complet\u00a0: vous rejoindrez la liste d’attente." in late.get(link).text
    # Whoever leaves is told so, not shown an empty form alone.
    answer = press(late, link)
    here = answer.headers["Location"]
    left = late.post(f"{path}/quitter", data={"token": token_of(late.get(here).text)})
    assert "Vous n’êtes plus inscrit" in late.get(left.headers["Location"]).text
    organiser.act(
        f"/evenements/{identifier}/annuler", f"/evenements/{identifier}/organiser", sure="1"
    )
    page = visitor.get(f"/evenements/{identifier}").text
    assert "on ne peut plus s’inscrire" in page
    assert "event-doors" not in page
    assert "Viennent" not in page
    place = coming.get(path).text
    assert "Cet événement est annulé" in place
    assert "notice-done" not in place
    assert "Je ne viens plus" not in place
    desk = organiser.client.get(f"/evenements/{identifier}/organiser").text
    assert "en sont prévenues" in desk
    assert "Est là" not in desk


def test_the_preview_of_an_event_says_when_it_ends_and_where_a_former_commune_is(
    organiser: Organiser,
) -> None:
    fields = event_fields(place="Pierrefitte-sur-Seine")
    answer, _ = preview(organiser.client, fields, "/evenements/proposer")
    page = unescape(answer.text)
    assert "de 18\u00a0h\u00a030 à 20\u00a0h\u00a030" in page
    assert "« Pierrefitte-sur-Seine » en fait partie aujourd’hui" in page.replace("\u00a0", " ")


def status_of(engine: Engine, identifier: UUID) -> str:
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT status FROM event WHERE id = :id"), {"id": identifier}
        )
        return str(found.scalar_one())


def test_who_was_refused_mends_it_and_sends_it_again_but_not_for_ever(
    organiser: Organiser, eva: Moderator, engine: Engine
) -> None:
    identifier = organiser.propose()
    desk = f"/evenements/{identifier}/organiser"
    for times in (1, 2):
        answer = publish(eva, engine, identifier, "reject", reason="Le lieu n’est pas clair.")
        assert answer.status_code == 303
        assert "le renvoyer depuis cette page" in mails_to(engine, "orga@example.org")[-1].text
        page = organiser.client.get(desk).text
        assert "Corriger et renvoyer" in page
        assert "Le lieu n’est pas clair." in page
        resumed = organiser.act(f"/evenements/{identifier}/reprendre", desk)
        assert resumed.status_code == 303
        assert resumed.headers["Location"].endswith(f"/evenements/{identifier}/modifier")
        assert status_of(engine, identifier) == "draft"
        organiser.edit(identifier, summary=f"Devant la gare, côté nord ({times}).")
        assert status_of(engine, identifier) == "pending"
    publish(eva, engine, identifier, "reject", reason="Toujours pas.")
    assert "renvoyer" not in mails_to(engine, "orga@example.org")[-1].text
    assert "Corriger et renvoyer" not in organiser.client.get(desk).text
    late = organiser.act(f"/evenements/{identifier}/reprendre", desk)
    assert late.status_code == 409
    assert status_of(engine, identifier) == "rejected"


def test_what_was_public_and_is_refused_does_not_come_back_so(
    organiser: Organiser, eva: Moderator, engine: Engine
) -> None:
    """Who was registered has been told that it does not take place."""
    identifier = organiser.propose()
    publish(eva, engine, identifier)
    organiser.edit(identifier, summary="Autre chose.")
    publish(eva, engine, identifier, "reject", reason="Ce n’est plus le même.")
    desk = f"/evenements/{identifier}/organiser"
    assert "Corriger et renvoyer" not in organiser.client.get(desk).text
    assert organiser.act(f"/evenements/{identifier}/reprendre", desk).status_code == 409


def test_postponing_says_first_how_many_people_are_told(
    organiser: Organiser, eva: Moderator, engine: Engine
) -> None:
    identifier = organiser.propose()
    publish(eva, engine, identifier)
    with engine.begin() as connection:
        person = make_person(connection)
        registration_service.register(connection, identifier, person, SENDER, datetime.now(UTC))
    desk, path = f"/evenements/{identifier}/organiser", f"/evenements/{identifier}/reporter"
    asked = organiser.act(path, desk, note="Il va neiger.")
    assert asked.status_code == 200
    assert "1 personne inscrite en sera avertie" in asked.text
    assert "Il va neiger." in asked.text
    assert status_of(engine, identifier) == "published"
    assert organiser.act(path, desk, note="Il va neiger.", sure="1").status_code == 303
    assert status_of(engine, identifier) == "postponed"

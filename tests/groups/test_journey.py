"""A group from its form to its archive, as those see it who have no script."""

import csv
import io
import re
from uuid import UUID
from xml.etree import ElementTree as ET

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from tests.accounts.people.mailbox import fill_in, last_link, mails_to, press, sign_in, token_of
from tests.contributions.proposals.desk import preview, propose
from tests.events.organiser import Organiser
from tests.events.organiser import publish as publish_event
from tests.groups.founder import (
    ADDRESS,
    Founder,
    group_fields,
    join,
    member_of,
    person_of,
    publish,
    standings,
)
from tests.moderation.moderator import Moderator


def test_from_the_form_to_the_archive(
    founder: Founder, eva: Moderator, visitor: FlaskClient, group_app: Flask, engine: Engine
) -> None:
    group = founder.found(organisation="552 100 554")
    # Nothing is public before a moderator has looked at it.
    assert visitor.get(f"/groupes/{group}").status_code == 404
    assert visitor.get(f"/groupes/{group}/adhesion").status_code == 404
    assert "berges" not in visitor.get("/groupes").text
    assert "berges" in eva.get("/moderation").text
    assert eva.get("/moderation?kind=group&territory=region:53").text.count("berges") == 1
    assert "berges" not in eva.get("/moderation?territory=region:11").text

    answer = publish(eva, group)
    assert answer.status_code == 303, answer.text
    assert "berges" not in eva.get("/moderation").text
    assert "est public" in mails_to(engine, ADDRESS)[-1].subject
    page = visitor.get(f"/groupes/{group}").text
    assert "dans la commune de Rennes" in page
    assert "1 membre confirmé" in page
    assert "seule la forme du numéro est vérifiée" in page
    assert "Zélie" not in page  # no name without a choice

    # The same in every list, by the grammar of initiatives.
    inside = "territory=region:53&theme=environnement&q=berge"
    assert "berges" in visitor.get(f"/groupes?{inside}").text
    assert "berges" not in visitor.get("/groupes?territory=region:11").text
    document = visitor.get("/groupes.geojson?near=-1.68,48.11&radius=15000").get_json()
    (feature,) = document["features"]
    assert feature["id"] == str(group)
    assert feature["geometry"] is None  # known to its commune: never a pin
    told = feature["properties"]
    assert (told["precision"], told["commune"], told["members"]) == ("commune", "35238", 1)
    assert told["state"] == "active"
    rows = list(
        csv.DictReader(io.StringIO(visitor.get(f"/groupes.csv?{inside}", buffered=True).text))
    )
    assert [row["id"] for row in rows] == [str(group)]
    assert list(rows[0])[:-2] == list(told)
    feed = ET.fromstring(visitor.get(f"/groupes.atom?{inside}").text)
    ids = [one.text for one in feed.iter("{http://www.w3.org/2005/Atom}id")]
    assert f"urn:uuid:{group}" in ids
    assert visitor.get("/groupes.geojson?bbox=2,48,3,49").get_json()["features"] == []
    for door in ("/groupes", "/groupes.geojson", "/groupes.csv", "/groupes.atom"):
        refused = visitor.get(f"{door}?sort=members")
        assert refused.status_code == 400
        assert "sort" in refused.text

    # An edit is public at once, and waits to be looked at.
    form = f"/groupes/{group}/modifier"
    answer, carried = preview_edit(founder.client, form, title="Les berges et les quais")
    assert answer.status_code == 200
    done = founder.client.post(form, data={**carried, "action": "send"})
    assert done.status_code == 303, done.text
    assert "Les berges et les quais" in visitor.get(f"/groupes/{group}").text
    assert "Les berges et les quais" in eva.get("/moderation?kind=group").text
    # What was read before is not written over what came since.
    assert founder.client.post(form, data={**carried, "action": "send"}).status_code == 409

    # Archived: it stays, says so, and takes nobody in; lists show it if asked.
    desk = f"/groupes/{group}/organiser"
    assert founder.post(f"/groupes/{group}/etat", desk, action="archive").status_code == 303
    assert "est archivé depuis" in visitor.get(f"/groupes/{group}").text
    assert "berges" not in visitor.get("/groupes").text
    assert "berges" in visitor.get("/groupes?state=archived").text
    form = visitor.get(f"/groupes/{group}/adhesion").text
    assert 'name="as"' not in form
    founder.post(f"/groupes/{group}/etat", desk, action="reopen")
    assert "berges" in visitor.get("/groupes").text


def preview_edit(
    client: FlaskClient, path: str, **changes: str
) -> tuple[TestResponse, dict[str, str]]:
    fields = {name: text for name, text in group_fields(**changes).items() if name != "email"}
    page = client.get(path).text
    carried = {"token": token_of(page), **fields}
    for name in ("revision", "form"):
        found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
        carried[name] = found[1] if found else ""
    answer = client.post(path, data={**carried, "action": "preview"})
    understood = re.search(r'name="understood" value="([^"]+)"', answer.text)
    assert understood, answer.text
    return answer, {**carried, "understood": understood[1]}


def test_a_group_of_a_whole_territory_is_shown_as_that(
    founder: Founder, eva: Moderator, visitor: FlaskClient
) -> None:
    group = founder.found(area="departement", place="Rennes")
    publish(eva, group)
    assert "tout le département\u00a0: Ille-et-Vilaine" in visitor.get(f"/groupes/{group}").text
    (feature,) = visitor.get("/groupes.geojson").get_json()["features"]
    told = feature["properties"]
    assert feature["geometry"] is None
    assert (told["precision"], told["departement"], told["commune"]) == ("departement", "35", None)
    # It is not one of Rennes alone.
    assert visitor.get("/groupes.geojson?territory=commune:35238").get_json()["features"] == []

    # A région does not say which département.
    answer, _ = preview(
        founder.client, group_fields(area="departement", place="Bretagne"), "/groupes/creer"
    )
    assert answer.status_code == 400
    assert 'id="area-error"' in answer.text


def test_mistakes_are_told_by_their_fields(visitor: FlaskClient) -> None:
    wrong = {"title": " ", "openness": "", "organisation": "552100555", "theme": "x"}
    answer, _ = preview(visitor, group_fields(**wrong), "/groupes/creer")
    assert answer.status_code == 400
    for name in wrong:
        assert f'id="{name}-error"' in answer.text


def test_a_form_that_is_sent_twice_makes_one_group(
    founder: Founder, visitor: FlaskClient, engine: Engine
) -> None:
    fields, path = group_fields(), "/groupes/creer"
    _, carried = preview(founder.client, fields, path)
    for _ in range(2):
        founder.client.post(path, data={**carried, "action": "send"})
    press(founder.client, last_link(engine, ADDRESS))
    founder.client.post(path, data={**carried, "action": "send"})  # signed in by now
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM local_group")).scalar_one() == 1


def test_dormant_is_said_once_half_a_year_went_by_without_a_sign(
    founder: Founder, eva: Moderator, visitor: FlaskClient, engine: Engine
) -> None:
    group = founder.found()
    publish(eva, group)
    silent = "UPDATE local_group SET last_sign_at = now() - make_interval(days => :days)"
    with engine.begin() as connection:
        connection.execute(text(silent), {"days": 182})
    assert "En sommeil" not in visitor.get(f"/groupes/{group}").text
    with engine.begin() as connection:
        connection.execute(text(silent), {"days": 184})
    assert "En sommeil" in visitor.get(f"/groupes/{group}").text
    (feature,) = visitor.get("/groupes.geojson?state=dormant").get_json()["features"]
    assert feature["properties"]["state"] == "dormant"
    assert visitor.get("/groupes.geojson?state=active").get_json()["features"] == []
    assert len(visitor.get("/groupes.geojson").get_json()["features"]) == 1  # still listed
    desk = f"/groupes/{group}/organiser"
    founder.post(f"/groupes/{group}/etat", desk, action="alive")
    assert "En sommeil" not in visitor.get(f"/groupes/{group}").text


def test_pages_of_a_list_hold_each_group_once(
    founder: Founder, visitor: FlaskClient, engine: Engine
) -> None:
    from tests.events.organiser import make_person
    from tests.groups.founder import make_group

    with engine.begin() as connection:
        made = {
            str(make_group(connection, make_person(connection), name=f"Groupe {number}"))
            for number in range(7)
        }
    seen: list[str] = []
    path = "/groupes.geojson?limit=3"
    while path:
        document = visitor.get(path).get_json()
        seen += [one["id"] for one in document["features"]]
        links = document.get("links", [])
        path = links[0]["href"].removeprefix("http://map.test") if links else ""
    assert sorted(seen) == sorted(made)


def test_what_belongs_to_a_group_is_shown_on_both_pages(
    founder: Founder, eva: Moderator, visitor: FlaskClient, group_app: Flask, engine: Engine
) -> None:
    group = founder.found()
    publish(eva, group)
    initiative = propose(founder.client, engine, email=ADDRESS, title="Un lavoir à relever").id
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE initiative SET status = 'published' WHERE id = :id"), {"id": initiative}
        )
    desk = f"/groupes/{group}/organiser"
    path = f"/groupes/{group}/initiatives"
    founder.post(path, desk, action="add", initiative=str(initiative))
    assert "Un lavoir à relever" in visitor.get(f"/groupes/{group}").text
    assert "Les berges de Rennes" in visitor.get(f"/initiatives/{initiative}").text

    event = Organiser(founder.client, engine).propose(email=ADDRESS)
    publish_event(eva, engine, event)
    answer = founder.post(
        f"/evenements/{event}/groupe", f"/evenements/{event}/organiser", group=str(group)
    )
    assert answer.status_code == 303, answer.text
    assert "Atelier vélo" in visitor.get(f"/groupes/{group}").text
    assert "Les berges de Rennes" in visitor.get(f"/evenements/{event}").text

    # Not by who organises one of both alone.
    other = group_app.test_client()
    sign_in(other, engine, "autre@example.org")
    foreign = Organiser(other, engine).propose(email="autre@example.org")
    answer = Founder(other, engine).post(
        f"/evenements/{foreign}/groupe", "/compte", group=str(group)
    )
    assert answer.status_code == 404
    founder.post(path, desk, action="remove", initiative=str(initiative))
    assert "Un lavoir à relever" not in visitor.get(f"/groupes/{group}").text


def test_a_refused_group_can_be_withdrawn_and_a_public_one_cannot(
    founder: Founder, eva: Moderator, engine: Engine
) -> None:
    group = founder.found()
    answer = publish(eva, group, "ask", reason="Dites qui vous êtes.")
    assert answer.status_code == 303, answer.text
    desk = f"/groupes/{group}/organiser"
    assert "Dites qui vous êtes." in founder.client.get(desk).text
    answer, carried = preview_edit(founder.client, f"/groupes/{group}/modifier")
    founder.client.post(f"/groupes/{group}/modifier", data={**carried, "action": "send"})
    assert publish(eva, group).status_code == 303
    path = f"/groupes/{group}/etat"
    assert founder.post(path, desk, action="withdraw").status_code == 409
    second = founder.found(title="Un autre")
    answer = founder.post(
        f"/groupes/{second}/etat", f"/groupes/{second}/organiser", action="withdraw"
    )
    assert answer.status_code == 303
    with engine.connect() as connection:
        left = connection.execute(text("SELECT id FROM local_group")).scalars().all()
    assert left == [group]


def test_export_and_erasure_cover_memberships(
    founder: Founder, eva: Moderator, visitor: FlaskClient, group_app: Flask, engine: Engine
) -> None:
    group = founder.found(openness="open")
    publish(eva, group)
    bea, page = join(group_app, engine, group, "bea@example.org", name="Béa", shares_address="1")
    assert "Vous êtes membre" in page
    told = bea.get("/compte/donnees").get_json()["groups"]
    assert [(one["id"], one["standing"], one["name"]) for one in told] == [
        (str(group), "member", "Béa")
    ]
    assert "2 membres confirmés" in visitor.get(f"/groupes/{group}").text

    erase(bea)
    assert standings(engine, group) == {"Zélie": "organiser"}
    assert "1 membre confirmé" in visitor.get(f"/groupes/{group}").text


def erase(client: FlaskClient) -> None:
    """Erases the account of who is signed in, by its form."""
    page = client.get("/compte/effacer").text
    fields = dict(re.findall(r'name="([^"]+)"[^>]*value="([^"]*)"', page))
    answer = client.post("/compte/effacer", data={**fields, "token": token_of(page)})
    assert answer.status_code in (200, 303), answer.text


def test_who_erases_their_account_opens_a_succession(
    founder: Founder, eva: Moderator, visitor: FlaskClient, group_app: Flask, engine: Engine
) -> None:
    from datetime import UTC, datetime, timedelta

    from mapservice.groups import service

    group, waiting = founder.found(openness="open"), founder.found(title="Jamais public")
    publish(eva, group)
    bea, _ = join(group_app, engine, group, "bea@example.org", name="Béa")
    fan, _ = join(group_app, engine, group, "fan@example.org", name="Fan", **{"as": "follower"})
    erase(founder.client)
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT id FROM local_group")).scalars().all()
    assert kept == [group]  # what was never public went with its only organiser
    assert waiting not in kept
    page = visitor.get(f"/groupes/{group}").text
    assert "n’a plus personne pour l’organiser" in page
    assert "Reprendre ce groupe" not in page
    assert mails_to(engine, "bea@example.org")[-1].kind == "group_news"
    assert "reprend" in mails_to(engine, "bea@example.org")[-1].subject
    assert mails_to(engine, "fan@example.org")[-1].kind != "group_news"

    # After thirty days it is for the moderators of its territory, once.
    now = datetime.now(UTC)
    assert service.hand_over(engine, now + timedelta(days=29)) == 0
    assert service.hand_over(engine, now + timedelta(days=31)) == 1
    assert service.hand_over(engine, now + timedelta(days=32)) == 0
    assert "Groupe sans organisateur" in eva.get("/moderation?territory=departement:35").text

    # A follower cannot take it over, a member can, until somebody has.
    def take_over(client: FlaskClient) -> int:
        path = f"/groupes/{group}/adhesion"
        return fill_in(client, path, {"action": "take_over"}, to=f"{path}/role").status_code

    assert take_over(fan) == 404
    assert take_over(bea) == 303
    assert standings(engine, group)["Béa"] == "organiser"
    assert "n’a plus personne" not in visitor.get(f"/groupes/{group}").text
    assert person_of(engine, "bea@example.org")
    assert isinstance(member_of(engine, group, "Béa"), UUID)


def test_moderators_find_a_group_an_organiser_or_archive_it(
    founder: Founder, eva: Moderator, visitor: FlaskClient, group_app: Flask, engine: Engine
) -> None:
    from datetime import UTC, datetime, timedelta

    from mapservice.groups import service

    first, second = founder.found(), founder.found(title="Un autre")
    for one in (first, second):
        publish(eva, one)
    erase(founder.client)
    later = datetime.now(UTC) + timedelta(days=31)
    assert service.hand_over(engine, later) == 2

    path = f"/moderation/groupes/{first}"
    page = eva.get(path).text
    sent = eva.post(f"{path}/organisateur", page, email="neuf@example.org")
    assert sent.status_code == 303, sent.text
    done = press(group_app.test_client(), last_link(engine, "neuf@example.org"))
    assert done.headers["Location"] == f"/groupes/{first}/organiser"
    assert list(standings(engine, first).values()) == ["organiser"]
    # The second who is invited comes too late, and takes nothing over.
    assert "Inviter quelqu’un à l’organiser" not in eva.get(path).text

    assert publish(eva, second, "archive").status_code == 303
    assert "est archivé depuis" in visitor.get(f"/groupes/{second}").text
    assert publish(eva, first, "archive").status_code == 400
    assert "archivé" in eva.get(f"/moderation/groupes/{second}").text

"""The queue, its decisions, and several moderators at once."""

import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from mapservice.rollups.queries import differences
from tests.accounts.people.mailbox import mails_to
from tests.accounts.roles.admins import sign_in_admin
from tests.contributions.proposals.desk import GARDEN, kept, propose, send
from tests.moderation.moderator import Moderator
from tests.web.population import Made, insert

RENNES, SAINT_DENIS = "35238", "93066"


def decisions(engine: Engine, identifier: UUID) -> list[tuple[Any, ...]]:
    statement = "SELECT verdict, reason, decided_by, revision FROM decision WHERE initiative = :id"
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement), {"id": identifier})]


def test_nobody_enters_without_a_role(client: FlaskClient, eva: Moderator) -> None:
    assert client.get("/moderation").status_code == 404
    assert eva.get("/moderation").status_code == 200
    assert eva.get(f"/moderation/{uuid4()}").status_code == 404


def test_what_is_published_is_public_everywhere_and_its_author_is_told(
    client: FlaskClient, engine: Engine, eva: Moderator
) -> None:
    found = propose(client, engine, place="Pierrefitte-sur-Seine")
    page = eva.get(f"/moderation/{found.id}").text
    assert "<strong>dix</strong>" in page
    assert "ana@example.org" not in page
    answer = eva.decide(found.id, "publish")
    assert answer.headers["Location"] == f"/moderation?decided={found.id}"
    assert "publiée" in eva.get(answer.headers["Location"]).text
    now = kept(engine)[0]
    assert (now.status, now.queued_at, now.commune) == ("published", None, SAINT_DENIS)
    assert now.created_at == now.published_at
    mail = mails_to(engine)[-1]
    assert (mail.kind, mail.subject) == (
        "proposal_published",
        "Votre initiative est publiée\u00a0: Un verger derrière la mairie",
    )
    assert f"http://map.test/initiatives/{found.id}" in mail.text
    drawing = f"/dessins/initiatives/{found.id}.png"
    assert f"http://map.test{drawing}" in mail.html
    assert client.get(drawing).content_type == "image/png"
    assert decisions(engine, found.id) == [("publish", "", eva.name, 1)]
    features = client.get("/initiatives.geojson", buffered=True).get_json()["features"]
    assert [one["id"] for one in features] == [str(found.id)]
    assert client.get(f"/initiatives/{found.id}").status_code == 200
    with engine.connect() as connection:
        assert differences(connection) == []


@pytest.mark.parametrize(
    ("verdict", "status", "kind"),
    [("reject", "rejected", "proposal_rejected"), ("ask", "draft", "proposal_changes")],
)
def test_a_refusal_or_a_wish_reaches_the_author_as_it_was_written(
    client: FlaskClient, engine: Engine, eva: Moderator, verdict: str, status: str, kind: str
) -> None:
    found = propose(client, engine)
    without = eva.decide(found.id, verdict, reason=" \n ")
    assert without.status_code == 400
    assert "Donnez la raison" in without.text
    long = eva.decide(found.id, verdict, reason="x" * 2001)
    assert long.status_code == 400
    assert "x" * 2001 in long.text
    reason = "Pas d’adresse <privée> ici.\nMerci !"
    eva.decide(found.id, verdict, reason=reason)
    assert kept(engine)[0].status == status
    mail = mails_to(engine)[-1]
    assert mail.kind == kind
    assert reason in mail.text
    assert "&lt;privée&gt;" in mail.html
    assert f"/initiatives/{found.id}/suivi" in mail.text
    assert "&lt;privée&gt;" in client.get(f"/initiatives/{found.id}/suivi").text
    assert decisions(engine, found.id) == [(verdict, reason, eva.name, 1)]


def test_a_second_decision_comes_too_late(
    client: FlaskClient, engine: Engine, eva: Moderator, max_: Moderator
) -> None:
    found = propose(client, engine)
    seen = max_.get(f"/moderation/{found.id}").text
    eva.decide(found.id, "publish")
    late = max_.decide(found.id, "reject", seen, reason="non")
    assert late.status_code == 409
    assert f"Déjà décidé par {eva.name}" in late.text
    assert kept(engine)[0].status == "published"
    assert len(decisions(engine, found.id)) == 1


def test_of_many_who_decide_at_once_one_does(
    client: FlaskClient, engine: Engine, moderated: Flask
) -> None:
    found = propose(client, engine)
    clients = [moderated.test_client() for _ in range(4)]
    people = [
        Moderator(one, sign_in_admin(one, engine, f"M{number}"))
        for number, one in enumerate(clients)
    ]
    pages = [one.get(f"/moderation/{found.id}").text for one in people]

    def act(number: int) -> int:
        verdict = "publish" if number % 2 else "reject"
        return people[number].decide(found.id, verdict, pages[number], reason="non").status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(act, range(4))) == [303, 409, 409, 409]
    assert len(decisions(engine, found.id)) == 1


def test_a_case_that_somebody_took_is_theirs_until_it_lapses(
    client: FlaskClient, engine: Engine, eva: Moderator, max_: Moderator
) -> None:
    found = propose(client, engine)
    seen = max_.get(f"/moderation/{found.id}").text
    assert eva.post(f"/moderation/{found.id}/prendre").status_code == 303
    assert f"{eva.name} s’en occupe" in max_.get("/moderation").text
    assert max_.post(f"/moderation/{found.id}/prendre").status_code == 409
    refused = max_.decide(found.id, "publish", seen)
    assert refused.status_code == 409
    assert f"{eva.name} s’en occupe en ce moment" in refused.text
    with engine.begin() as connection:
        connection.execute(text("UPDATE waiting SET claimed_until = now() - interval '1 second'"))
    assert max_.decide(found.id, "publish", seen).status_code == 303


def test_a_case_that_is_left_is_free(
    client: FlaskClient, engine: Engine, eva: Moderator, max_: Moderator
) -> None:
    found = propose(client, engine)
    eva.post(f"/moderation/{found.id}/prendre")
    max_.post(f"/moderation/{found.id}/rendre")
    assert f"{eva.name} s’en occupe" in max_.get("/moderation").text
    eva.post(f"/moderation/{found.id}/rendre")
    assert f"{eva.name} s’en occupe" not in max_.get("/moderation").text


def test_moderators_who_ask_for_the_next_get_different_ones_the_oldest_first(
    client: FlaskClient, engine: Engine, eva: Moderator, max_: Moderator
) -> None:
    first = propose(client, engine, title="Premier")
    second = propose(client, engine, title="Deuxième")
    assert eva.post("/moderation/suivante").headers["Location"] == f"/moderation/{first.id}"
    assert max_.post("/moderation/suivante").headers["Location"] == f"/moderation/{second.id}"
    titles = re.findall(r'class="card-title"><a href="[^"]+">([^<]+)<', eva.get("/moderation").text)
    assert [unescape(title) for title in titles] == ["Premier", "Deuxième"]
    following = eva.decide(first.id, "publish").headers["Location"]
    assert following == f"/moderation?decided={first.id}"


def test_the_queue_is_shared_out_by_territory(
    client: FlaskClient, engine: Engine, eva: Moderator
) -> None:
    here = propose(client, engine, title="Ici")
    there = propose(client, engine, title="Là", place="Pierrefitte-sur-Seine")
    nowhere = propose(client, engine, title="Où", place="Zzyzx", choice="open", choice_for="Zzyzx")
    for territory, found in (
        ("region:53", here),
        ("departement:93", there),
        ("commune:35238", here),
        ("none", nowhere),
    ):
        page = eva.get(f"/moderation?kind=proposal&territory={territory}").text
        assert re.findall(r'data-id="([^"]+)"', page) == [str(found.id)], territory
    for bad in ("region:99", "x", "cursor=x"):
        query = bad if "=" in bad else f"territory={bad}"
        assert eva.get(f"/moderation?{query}").status_code == 400


def test_an_author_who_edits_meanwhile_is_read_again(
    client: FlaskClient, engine: Engine, eva: Moderator
) -> None:
    found = propose(client, engine)
    seen = eva.get(f"/moderation/{found.id}").text
    path = f"/initiatives/{found.id}/modifier"
    send(client, GARDEN | {"title": "Tout autre chose"}, path)
    late = eva.decide(found.id, "publish", seen)
    assert late.status_code == 409
    assert "relisez-le" in late.text
    assert kept(engine)[0].status == "pending"


def test_an_edit_of_what_is_public_is_kept_or_taken_down(
    client: FlaskClient, engine: Engine, eva: Moderator
) -> None:
    found = propose(client, engine)
    eva.decide(found.id, "publish")
    send(client, GARDEN | {"title": "Deux vergers"}, f"/initiatives/{found.id}/modifier")
    page = eva.get(f"/moderation/{found.id}").text
    assert "Modifiée après publication" in page
    assert eva.decide(found.id, "publish").status_code == 400
    mails = len(mails_to(engine))
    eva.decide(found.id, "keep")
    assert (kept(engine)[0].status, kept(engine)[0].queued_at) == ("published", None)
    assert len(mails_to(engine)) == mails
    send(client, GARDEN | {"title": "Réclame"}, f"/initiatives/{found.id}/modifier")
    eva.decide(found.id, "reject", reason="Pas de réclame.")
    assert client.get(f"/initiatives/{found.id}").status_code == 404
    assert client.get(f"/initiatives/{found.id}/historique").status_code == 200  # its author's
    assert "Elle n’est plus publique." in mails_to(engine)[-1].text
    with engine.connect() as connection:
        assert differences(connection) == []


def test_decisions_cannot_be_changed(client: FlaskClient, engine: Engine, eva: Moderator) -> None:
    found = propose(client, engine)
    eva.decide(found.id, "publish")
    for statement in (
        "UPDATE decision SET reason = 'x'",
        "DELETE FROM decision",
        "TRUNCATE decision",
    ):
        with engine.connect() as connection, pytest.raises(DBAPIError, match="as they were taken"):
            connection.execute(text(statement))


def test_likely_duplicates_and_the_author_s_past_stand_beside_the_case(
    client: FlaskClient, engine: Engine, eva: Moderator
) -> None:
    with engine.begin() as connection:
        insert(connection, [Made(title="Le verger de la mairie", commune=RENNES)])
    first = propose(client, engine, title="Une chorale du dimanche")
    eva.decide(first.id, "publish")
    second = propose(client, engine)
    page = eva.get(f"/moderation/{second.id}").text
    assert "Le verger de la mairie" in page
    assert "1 publiées, 0 en attente, 0 refusées" in page


def test_forms_need_their_token(client: FlaskClient, engine: Engine, eva: Moderator) -> None:
    found = propose(client, engine)
    path = f"/moderation/{found.id}"
    for way in ("", "/prendre", "/rendre"):
        form = {"verdict": "publish", "revision": "1"}
        answer = eva.client.post(path + way, data=form)
        assert answer.status_code == 403
    assert eva.client.post("/moderation/suivante").status_code == 303
    assert kept(engine)[0].status == "pending"
    assert eva.decide(found.id, "burn").status_code == 400
    assert eva.decide(found.id, "publish", revision="x").status_code == 400


def test_who_has_left_gets_no_mail(client: FlaskClient, engine: Engine, eva: Moderator) -> None:
    found = propose(client, engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE proposal SET person = NULL"))
    mails = len(mails_to(engine))
    assert eva.decide(found.id, "publish").status_code == 303
    assert len(mails_to(engine)) == mails


def test_the_queue_has_pages(client: FlaskClient, engine: Engine, eva: Moderator) -> None:
    propose(client, engine)
    with engine.begin() as connection:
        insert(
            connection, [Made(title=f"N{n}", commune=RENNES, status="pending") for n in range(24)]
        )
        connection.execute(text(MANY))
    seen: list[str] = []
    path: str | None = "/moderation"
    while path:
        page = eva.get(path).text
        seen += re.findall(r'data-id="([^"]+)"', page)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        path = unescape(found[1]) if found else None
    assert len(seen) == len(set(seen)) == 25


MANY = """
WITH made AS (
    INSERT INTO proposal (initiative, form, queued_at)
    SELECT id, gen_random_uuid(), now() FROM initiative
     WHERE id NOT IN (SELECT initiative FROM proposal)
    RETURNING initiative
)
INSERT INTO initiative_revision
       (initiative, number, title, summary, description, theme, scale, place)
SELECT initiative, 1, 'N', '', '', 'autre', 'commune', '{}' FROM made"""

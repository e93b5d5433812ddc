"""Who is found by name, what their documents say, and what the outbox tells."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from mapservice.web.edge import Services
from tests.events.organiser import make_event, make_person
from tests.groups.founder import make_group
from tests.publishing.activitypub.conftest import FederationWorker
from tests.publishing.activitypub.peer import BASE, Peer
from tests.web.population import Made, insert
from tests.web.test_hard_text import HARD

RENNES = "commune-35238"
ACTIVITY = {"Accept": "application/activity+json"}
MASTODON = 'application/activity+json, application/ld+json; profile="https://www.w3.org/ns/x"'
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def get(app: Flask, path: str, **headers: str) -> Any:
    return app.test_client().get(path.removeprefix(BASE), headers=headers, base_url=BASE)


@pytest.mark.parametrize(
    "resource",
    [
        "acct:commune-35238@map.test",
        "acct:COMMUNE-35238@MAP.TEST",
        f"{BASE}/federation/actors/{RENNES}",
        f"{BASE}/territoires/commune/35238",
    ],
)
def test_a_territory_is_found_by_its_name(federated: Flask, resource: str) -> None:
    answer = federated.test_client().get(
        "/.well-known/webfinger", query_string={"resource": resource}, base_url=BASE
    )
    assert answer.content_type == "application/jrd+json"
    found = answer.get_json()
    assert found["subject"] == "acct:commune-35238@map.test"
    (own,) = [one["href"] for one in found["links"] if one["rel"] == "self"]
    actor = get(federated, own).get_json()
    assert actor["id"] == own
    assert actor["type"] == "Service"
    assert actor["name"] == "Rennes"
    assert actor["publicKey"]["owner"] == own


@pytest.mark.parametrize(
    "resource",
    [
        "acct:commune-35238@elsewhere.test",
        "acct:commune-99999@map.test",
        "acct:groupe-01970000-0000-7000-8000-000000000000@map.test",
        "acct:somebody@map.test",
        "https://elsewhere.test/federation/actors/commune-35238",
        "acct:",
        "http://[",
    ],
)
def test_nobody_else_is_found(federated: Flask, resource: str) -> None:
    answer = federated.test_client().get(
        "/.well-known/webfinger", query_string={"resource": resource}, base_url=BASE
    )
    assert answer.status_code == 404


def test_a_group_is_an_actor_while_it_is_public(federated: Flask, engine: Engine) -> None:
    with engine.begin() as connection:
        group = make_group(connection, make_person(connection), name="Les <berges>")
    path = f"/federation/actors/groupe-{group}"
    actor = get(federated, path).get_json()
    assert (actor["type"], actor["name"]) == ("Group", "Les <berges>")
    with engine.begin() as connection:
        connection.execute(text("UPDATE local_group SET status = 'pending'"))
    assert get(federated, path).status_code == 404


def test_a_page_has_its_document_beside_it(federated: Flask, engine: Engine) -> None:
    made = Made(commune="35238")
    with engine.begin() as connection:
        insert(connection, [made])
        group = make_group(connection, make_person(connection))
        event = make_event(connection)
    kinds = {
        "/territoires/commune/35238": "Service",
        f"/groupes/{group}": "Group",
        f"/initiatives/{made.id}": "Note",
        f"/evenements/{event}": "Event",
    }
    for path, kind in kinds.items():
        told = get(federated, path, Accept=MASTODON)
        assert told.get_json()["type"] == kind
        assert told.content_type.startswith("application/activity+json")
        assert "Accept" in told.headers["Vary"]
        for accept in (BROWSER, "*/*", f"{BROWSER},application/activity+json;q=0.1"):
            page = get(federated, path, Accept=accept)
            assert page.content_type.startswith("text/html"), (path, accept)
        # And from the document a browser finds its page again.
        sent = get(federated, told.get_json()["id"], Accept=BROWSER)
        assert (sent.status_code, sent.headers["Location"]) == (303, path)


def test_what_is_told_says_no_more_than_is_known(federated: Flask, engine: Engine) -> None:
    """A commune is no position, a point is one; nothing that somebody wrote acts as HTML."""
    whole = Made(title="Un <b>jardin</b>", commune="35238")
    exact = Made(precision="point", commune="35238", lon=-1.68, lat=48.11)
    with engine.begin() as connection:
        insert(connection, [whole, exact])
    note = get(federated, f"/federation/initiatives/{whole.id}").get_json()
    assert "latitude" not in note["location"]
    assert "<b>" not in note["content"]
    assert "Un &lt;b&gt;jardin" in note["content"]
    assert note["url"] == f"{BASE}/initiatives/{whole.id}"
    assert note["attributedTo"] == f"{BASE}/federation/actors/{RENNES}"
    place = get(federated, f"/federation/initiatives/{exact.id}").get_json()["location"]
    assert (place["longitude"], place["latitude"]) == (-1.68, 48.11)
    with engine.begin() as connection:
        connection.execute(text("UPDATE initiative SET status = 'rejected'"))
    assert get(federated, f"/federation/initiatives/{whole.id}").status_code == 404


def test_an_outbox_tells_each_thing_once(federated: Flask, engine: Engine) -> None:
    """Its own as Create, what another actor owns as Announce; pages follow each other."""
    made = [Made(commune="35238") for _ in range(45)]
    with engine.begin() as connection:
        insert(connection, [*made, Made(commune="75056"), Made(commune="35238", status="pending")])
    for actor, kind in ((RENNES, "Create"), ("region-53", "Announce")):
        first = get(federated, f"/federation/actors/{actor}/outbox").get_json()
        assert first["totalItems"] == 45
        told, page = [], first["first"]
        while page:
            found = get(federated, page).get_json()
            told += found["orderedItems"]
            page = found.get("next")
        assert {one["type"] for one in told} == {kind}
        ids = [one["object"] if kind == "Announce" else one["object"]["id"] for one in told]
        assert sorted(ids) == sorted(f"{BASE}/federation/initiatives/{one.id}" for one in made)
    assert get(federated, f"/federation/actors/{RENNES}/outbox?page=no").status_code == 400


def test_an_event_is_told_by_its_group(federated: Flask, engine: Engine) -> None:
    with engine.begin() as connection:
        group = make_group(connection, make_person(connection))
        event = make_event(connection, registration="open", capacity=12)
        connection.execute(text("UPDATE event_series SET local_group = :id"), {"id": group})
    own = f"{BASE}/federation/actors/groupe-{group}"
    page = get(federated, f"{own}/outbox?page=1").get_json()
    (told,) = page["orderedItems"]
    assert (told["type"], told["actor"]) == ("Create", own)
    found = told["object"]
    assert found["id"] == f"{BASE}/federation/evenements/{event}"
    assert (found["type"], found["name"]) == ("Event", "Repas de quartier")
    assert datetime.fromisoformat(found["startTime"]) > datetime.now(UTC)
    assert found["ical:status"] == "CONFIRMED"
    assert found["externalParticipationUrl"] == f"{BASE}/evenements/{event}"
    assert "location" not in found


def test_followers_are_counted_and_not_named(
    federated: Flask, peer: Peer, worker: FederationWorker
) -> None:
    assert peer.follow(federated, RENNES).status_code == 202
    answer = get(federated, f"/federation/actors/{RENNES}/followers")
    assert answer.get_json()["totalItems"] == 1
    assert peer.netloc not in answer.text


def test_nodeinfo_counts_what_is_there(federated: Flask, engine: Engine) -> None:
    (link,) = get(federated, "/.well-known/nodeinfo").get_json()["links"]
    with engine.begin() as connection:
        insert(connection, [Made(commune="35238"), Made(commune="35238", status="pending")])
        make_person(connection)
        connection.execute(
            text("INSERT INTO person (email, email_key) VALUES ('a@b.test', 'a@b.test')")
        )
    told = get(federated, link["href"]).get_json()
    assert told["version"] == "2.1"
    assert told["protocols"] == ["activitypub"]
    assert told["openRegistrations"] is False
    assert told["usage"] == {"users": {"total": 1}, "localPosts": 1}


def test_without_the_setting_there_is_nothing(app: Flask, engine: Engine) -> None:
    made = Made(commune="35238")
    with engine.begin() as connection:
        insert(connection, [made])
    for path in (
        "/.well-known/webfinger?resource=acct:commune-35238@map.test",
        "/.well-known/nodeinfo",
        f"/federation/actors/{RENNES}",
        f"/federation/actors/{RENNES}/outbox",
        f"/federation/initiatives/{made.id}",
    ):
        assert get(app, path).status_code == 404
    assert app.test_client().post("/federation/inbox", data=b"{}").status_code == 404
    page = get(app, f"/initiatives/{made.id}", **ACTIVITY)
    assert page.content_type.startswith("text/html")
    with engine.connect() as connection:
        assert not connection.execute(text("SELECT FROM federation_change")).all()
        assert not connection.execute(text("SELECT FROM federation_key")).all()


def test_no_address_fails_on_a_hard_text(federated: Flask, engine: Engine) -> None:
    """With federation on, as `tests/web/test_hard_text.py` tries them with it off."""
    paths = ("/federation/actors/{}", "/federation/actors/{}/outbox", "/federation/initiatives/{}")
    more = ("/.well-known/webfinger?resource={}", "/federation/actors/france/outbox?page={}")
    for hard in (*HARD, "groupe-%00", "groupe--" + "a" * 35, "commune-%C3%A9", "20260101T000000"):
        for path in (*paths, *more, "/groupes/{}", "/initiatives/{}", "/territoires/region/{}"):
            status = get(federated, path.format(hard), **ACTIVITY).status_code
            assert status in (301, 400, 404), (path, hard, status)


def test_the_document_beside_a_page_needs_no_standby(
    federated: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is answered before any view, where nothing is asked again of another server."""

    def lost(_: Services) -> Engine:
        raise OperationalError("SELECT", {}, Exception("the standby is lost"))

    monkeypatch.setattr(Services, "autocommit", property(lost))
    answer = federated.test_client().get(
        "/territoires/commune/35238", headers=ACTIVITY, base_url=BASE
    )
    assert answer.status_code == 200
    assert answer.get_json()["id"] == f"{BASE}/federation/actors/commune-35238"

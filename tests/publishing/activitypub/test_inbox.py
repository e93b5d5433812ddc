"""Follow, Undo, Delete: believed when signed by the actor, now, and once; else nothing is done."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from mapservice.app import create_app
from mapservice.cli.main import cli
from mapservice.publishing.activitypub import routes, signatures
from mapservice.settings import Settings
from mapservice.web.edge import SERVICES
from mapservice.web.forms import RateLimit
from tests.publishing.activitypub.conftest import FederationWorker
from tests.publishing.activitypub.peer import BASE, Peer, check_signature

RENNES = "commune-35238"
OURS = f"{BASE}/federation/actors/{RENNES}"


def followers(engine: Engine) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT actor, remote FROM federation_follower ORDER BY actor, remote")
        )
        return [tuple(row) for row in rows]


def test_a_follow_is_kept_and_accepted(
    federated: Flask, engine: Engine, peer: Peer, worker: FederationWorker
) -> None:
    asked = peer.activity("Follow", OURS)
    answer = peer.post(federated, asked, path=f"/federation/actors/{RENNES}/inbox")
    assert answer.status_code == 202
    assert followers(engine) == [(RENNES, peer.user())]
    worker.work()
    (told,) = peer.received
    assert told.path == "/users/ana/inbox"
    assert told.activity["type"] == "Accept"
    assert told.activity["object"] == {
        "actor": peer.user(),
        "id": asked["id"],
        "type": "Follow",
        "object": OURS,
    }
    check_signature(federated, told)


@pytest.mark.parametrize("whole", [True, False])
def test_an_undo_ends_it(federated: Flask, engine: Engine, peer: Peer, whole: bool) -> None:
    """By the Follow itself, or by its id alone; of somebody else it ends nothing."""
    follow = peer.activity("Follow", OURS)
    assert peer.post(federated, follow).status_code == 202
    assert peer.follow(federated, RENNES, "bob").status_code == 202
    foreign = peer.activity("Undo", follow, "bob")
    assert peer.post(federated, foreign, "bob").status_code == 202
    assert len(followers(engine)) == 2
    undo = peer.activity("Undo", follow if whole else follow["id"])
    assert peer.post(federated, undo).status_code == 202
    assert followers(engine) == [(RENNES, peer.user("bob"))]


def test_a_deleted_account_is_forgotten(federated: Flask, engine: Engine, peer: Peer) -> None:
    """Its server gives its key no longer; of those who never followed it is not even asked."""
    peer.follow(federated, RENNES)
    peer.follow(federated, "region-53")
    peer.gone.update(("ana", "bob"))
    peer.asked.clear()
    for name in ("bob", "ana"):
        deletion = peer.activity("Delete", peer.user(name), name)
        assert peer.post(federated, deletion, name).status_code == 202
    assert followers(engine) == []
    assert peer.asked == []


def test_all_else_is_let_go(federated: Flask, engine: Engine, peer: Peer) -> None:
    for kind in ("Create", "Like", "Announce", "Block", "Nonsense"):
        activity = peer.activity(kind, {"id": f"{peer.base}/1", "type": "Note", "content": "x"})
        assert peer.post(federated, activity).status_code == 202
    with engine.connect() as connection:
        assert not connection.execute(text("SELECT FROM initiative")).all()
    assert followers(engine) == []


def test_nobody_is_asked_for_what_would_do_nothing(
    federated: Flask, engine: Engine, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is our own key read: whoever sends may name any server as the one to ask."""
    from mapservice.publishing.activitypub import keys

    def nobody_needs_it(*_: Any) -> None:
        raise AssertionError("our key is read")

    monkeypatch.setattr(keys, "private_key", nobody_needs_it)
    follow = peer.activity("Follow", OURS)
    for activity in (
        peer.activity("Create", {"type": "Note"}),
        peer.activity("Undo", follow),
        peer.activity("Undo", follow["id"]),
        peer.activity("Undo", {"type": "Like"}),
        peer.activity("Delete", peer.user()),
        peer.activity("Delete", peer.user("bob")),
    ):
        assert peer.post(federated, activity).status_code == 202
    assert peer.follow(federated, "commune-99999").status_code == 404
    assert peer.asked == []


def test_few_servers_are_asked_at_a_time(federated: Flask, engine: Engine, peer: Peer) -> None:
    """So that most threads answer readers; who needs no asking is answered all the same."""
    from mapservice.publishing.activitypub.inbox import FETCHES

    assert peer.follow(federated, RENNES).status_code == 202
    for _ in range(2):
        assert FETCHES.acquire(blocking=False)
    try:
        answer = peer.follow(federated, RENNES, "bob")
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        undo = peer.activity("Undo", peer.activity("Follow", OURS))
        assert peer.post(federated, undo).status_code == 202
    finally:
        for _ in range(2):
            FETCHES.release()
    assert followers(engine) == []
    for send in (forged, by_a_private_host, unsigned):
        assert send(peer, federated).status_code == 401
    assert peer.follow(federated, RENNES, "bob").status_code == 202


def test_all_that_one_key_takes_has_one_deadline(peer: Peer) -> None:
    """Its own address, and the owner that it names there."""
    import json
    import time

    from mapservice.outgoing.guarded_client import (
        FetchedAnswer,
        FetchLimits,
        GuardedClient,
        Validators,
    )
    from mapservice.publishing.activitypub.remote import client_of, fetch_actor

    key_id = f"{peer.base}/keys/ana"
    owner = peer.actor("ana")
    owner["publicKey"]["id"] = key_id
    documents = {key_id: {"id": key_id, "owner": peer.user()}, peer.user(): owner}
    seconds: list[float] = []

    class Slow(GuardedClient):
        def get(
            self, address: str, *, limits: FetchLimits | None = None, **_: Any
        ) -> tuple[FetchedAnswer, bytes]:
            assert limits is not None
            seconds.append(limits.seconds)
            time.sleep(0.2)
            kind = "application/activity+json"
            answer = FetchedAnswer(address, kind, Validators(), length=1)
            return answer, json.dumps(documents[address]).encode()

    slow = Slow(limits=client_of(Settings()).limits)
    assert fetch_actor(slow, key_id, None).id == peer.user()
    assert seconds[0] <= 8
    assert seconds[1] <= seconds[0] - 0.2


@pytest.mark.parametrize("port", ["99999", "abc", "-1", "0"])
def test_an_address_with_no_port_that_can_be_is_refused(
    federated: Flask, peer: Peer, port: str
) -> None:
    """As a key, as an actor, and as where an actor's address leads to."""
    evil = f"https://evil.example:{port}/u"
    activity = peer.activity("Follow", OURS) | {"actor": evil}
    assert peer.post(federated, activity, key_id=f"{evil}#main-key").status_code == 401
    assert peer.post(federated, activity).status_code == 400
    peer.changed["inbox"] = f"{peer.base}:{port}/inbox"
    assert peer.follow(federated, RENNES).status_code == 401


@pytest.mark.parametrize("kind", ["text/html", "application/json", "image/png", ""])
def test_what_is_no_document_of_activitypub_is_no_actor(
    federated: Flask, engine: Engine, peer: Peer, kind: str
) -> None:
    """On a host where anybody uploads files, one could else be read as an actor of that host."""
    peer.kind = kind
    assert peer.follow(federated, RENNES).status_code == 401
    assert followers(engine) == []
    for told in (
        'application/ld+json; profile="https://www.w3.org/ns/activitystreams"',
        "application/activity+json; charset=utf-8",
    ):
        peer.kind = told
        assert peer.follow(federated, RENNES).status_code == 202


def unsigned(peer: Peer, app: Flask) -> TestResponse:
    return app.test_client().post(
        "/federation/inbox", json=peer.activity("Follow", OURS), base_url=BASE
    )


def forged(peer: Peer, app: Flask) -> TestResponse:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return peer.follow(app, RENNES, key=other)


def with_the_key_of_somebody_else(peer: Peer, app: Flask) -> TestResponse:
    return peer.follow(app, RENNES, key_id=f"{peer.user('bob')}#main-key")


def old(peer: Peer, app: Flask) -> TestResponse:
    return peer.follow(app, RENNES, age=timedelta(hours=2))


def of_tomorrow(peer: Peer, app: Flask) -> TestResponse:
    return peer.follow(app, RENNES, age=timedelta(days=-1))


def without_digest(peer: Peer, app: Flask) -> TestResponse:
    return peer.follow(app, RENNES, names="(request-target) host date")


def without_date(peer: Peer, app: Flask) -> TestResponse:
    return peer.follow(app, RENNES, names="(request-target) host digest")


def for_another_path(peer: Peer, app: Flask) -> TestResponse:
    import json

    body = json.dumps(peer.activity("Follow", OURS)).encode()
    headers = peer.signed(body, path="/elsewhere")
    return app.test_client().post("/federation/inbox", data=body, headers=headers, base_url=BASE)


def with_another_body(peer: Peer, app: Flask) -> TestResponse:
    import json

    headers = peer.signed(b"{}")
    body = json.dumps(peer.activity("Follow", OURS)).encode()
    return app.test_client().post("/federation/inbox", data=body, headers=headers, base_url=BASE)


def by_an_actor_of_another_host(peer: Peer, app: Flask) -> TestResponse:
    activity = peer.activity("Follow", OURS) | {"actor": "https://elsewhere.test/users/ana"}
    return peer.post(app, activity)


def with_an_inbox_of_another_host(peer: Peer, app: Flask) -> TestResponse:
    peer.changed["inbox"] = "https://victim.test/inbox"
    return peer.follow(app, RENNES)


def by_a_private_host(peer: Peer, app: Flask) -> TestResponse:
    own = "http://127.0.0.2:8080/users/ana"
    activity = peer.activity("Follow", OURS) | {"actor": own}
    return peer.post(app, activity, key_id=f"{own}#main-key")


def by_a_short_key(peer: Peer, app: Flask) -> TestResponse:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    pem = short.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key = {"id": f"{peer.user()}#main-key", "owner": peer.user(), "publicKeyPem": pem.decode()}
    peer.changed["publicKey"] = key
    return peer.follow(app, RENNES, key=short)


@pytest.mark.parametrize(
    "send",
    [
        unsigned,
        forged,
        with_the_key_of_somebody_else,
        old,
        of_tomorrow,
        without_digest,
        without_date,
        for_another_path,
        with_another_body,
        by_an_actor_of_another_host,
        with_an_inbox_of_another_host,
        by_a_private_host,
        by_a_short_key,
    ],
)
def test_nobody_follows_in_the_name_of_others(
    federated: Flask,
    engine: Engine,
    peer: Peer,
    worker: FederationWorker,
    send: Callable[[Peer, Flask], TestResponse],
) -> None:
    answer = send(peer, federated)
    assert answer.status_code == 401, answer.text
    assert answer.content_type == "application/problem+json"
    assert followers(engine) == []
    assert worker.count("federation_delivery") == 0


def test_a_request_that_comes_twice_is_refused(
    federated: Flask, engine: Engine, peer: Peer
) -> None:
    """So that nobody who saw a Follow makes one follow again who has left."""
    import json

    follow = peer.activity("Follow", OURS)
    body = json.dumps(follow).encode()
    headers = peer.signed(body)

    def send() -> int:
        client = federated.test_client()
        path = "/federation/inbox"
        return client.post(path, data=body, headers=headers, base_url=BASE).status_code

    assert send() == 202
    peer.post(federated, peer.activity("Undo", follow))
    assert send() == 401
    assert followers(engine) == []


def test_what_does_not_exist_is_not_followed(federated: Flask, peer: Peer) -> None:
    assert peer.follow(federated, "commune-99999").status_code == 404
    other = peer.activity("Follow", "https://elsewhere.test/federation/actors/commune-35238")
    assert peer.post(federated, other).status_code == 404


def test_hard_bodies_are_refused(federated: Flask, peer: Peer) -> None:
    bodies: list[tuple[bytes, int]] = [
        (b"", 400),
        (b"[]", 400),
        (b"[" * 50_000, 400),
        (b"\xff\x00", 400),
        (b'{"actor": 5, "type": "Follow"}', 400),
        (b'{"actor": "\\u0000", "type": "Follow"}', 400),
        (b"x" * (routes.MAX_BODY + 1), 413),
    ]
    for body, status in bodies:
        headers = peer.signed(body)
        answer = federated.test_client().post(
            "/federation/inbox", data=body, headers=headers, base_url=BASE
        )
        assert answer.status_code == status, body[:40]


def test_odd_members_are_no_error_of_ours(federated: Flask, peer: Peer) -> None:
    odd: list[Any] = [None, 5, [], {}, {"id": []}, {"type": []}, "x" * 5_000, "http://[", "\0"]
    kinds: list[Any] = ["Follow", "Undo", "Delete", "Create", None, [], {}]
    for kind in kinds:
        for value in odd:
            activity = peer.activity("Follow", OURS) | {"type": kind, "object": value, "id": value}
            assert peer.post(federated, activity).status_code < 500, (kind, value)


def test_a_blocked_host_is_shut_out(
    federated: Flask, engine: Engine, peer: Peer, worker: FederationWorker, database_url: str
) -> None:
    from click.testing import CliRunner

    def run(*words: str) -> str:
        result = CliRunner().invoke(cli, list(words), env={"MAPSERVICE_DATABASE_URL": database_url})
        assert result.exit_code == 0, result.output
        return result.output

    peer.follow(federated, RENNES)
    assert "1 followers on 1 hosts" in run("federation", "status")
    assert "1 followers forgotten" in run("federation", "block", peer.base)
    assert followers(engine) == []
    worker.work()
    assert peer.received == []
    peer.asked.clear()
    assert peer.follow(federated, RENNES).status_code == 403
    assert peer.asked == []
    assert "127.0.0.1" in run("federation", "blocked")
    assert "no longer blocked" in run("federation", "unblock", "127.0.0.1")
    assert peer.follow(federated, RENNES).status_code == 202


def test_who_asks_too_much_waits(
    federated: Flask, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "PER_HOST", RateLimit(2))
    answers = [peer.follow(federated, RENNES).status_code for _ in range(3)]
    assert answers == [202, 202, 429]
    monkeypatch.setattr(routes, "PER_HOST", RateLimit(120))
    monkeypatch.setattr(routes, "FETCHES_PER_NETWORK", RateLimit(3))
    answers = [peer.follow(federated, RENNES).status_code for _ in range(2)]
    assert answers[-1] == 429  # whichever hosts it names
    monkeypatch.setattr(routes, "PER_NETWORK", RateLimit(2))
    assert unsigned(peer, federated).status_code == 429


def test_the_key_is_kept_encrypted_and_outlives_a_change_of_secret(
    federated: Flask, engine: Engine, federated_settings: Settings
) -> None:
    def document(settings: Settings) -> str:
        app = create_app(settings)
        found = app.test_client().get(f"/federation/actors/{RENNES}", base_url=BASE).get_json()
        app.extensions[SERVICES].dispose()
        return str(found["publicKey"]["publicKeyPem"])

    from dataclasses import replace

    from mapservice.publishing.activitypub import keys

    with engine.connect() as connection:
        kept = connection.execute(text("SELECT private_key FROM federation_key")).scalar_one()
    assert b"PRIVATE KEY" not in bytes(kept)
    first = document(federated_settings)
    former = federated_settings.secret_key
    changed = replace(federated_settings, secret_key="another", former_secret_key=former)
    assert document(changed) == first
    box = keys.box_of(changed)
    assert box is not None
    keys.renew(engine, box)
    # By now the former one is not needed any more.
    alone = replace(changed, former_secret_key="")
    assert document(alone) == first
    # Where nobody can read it, there is another one, for the worker too.
    lost = replace(changed, secret_key="a third one", former_secret_key="")
    assert document(lost) != first
    lost_box = keys.box_of(lost)
    assert lost_box is not None
    with engine.connect() as connection:
        private = keys.private_key(connection, lost_box)
    assert private is not None
    assert signatures.public_pem(private) == document(lost)


def test_what_is_signed_is_what_the_draft_says() -> None:
    """Appendix C.3 of draft-cavage-http-signatures."""
    body = b'{"hello": "world"}'
    digest = "SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="
    assert signatures.digest_of(body) == digest
    headers = {
        "host": "example.com",
        "date": "Sun, 05 Jan 2014 21:31:40 GMT",
        "content-type": "application/json",
        "digest": digest,
        "content-length": "18",
    }
    made = signatures.signing_string(
        ("(request-target)", *headers), "POST", "/foo?param=value&pet=dog", headers
    )
    assert made == (
        "(request-target): post /foo?param=value&pet=dog\n"
        "host: example.com\n"
        "date: Sun, 05 Jan 2014 21:31:40 GMT\n"
        "content-type: application/json\n"
        f"digest: {digest}\n"
        "content-length: 18"
    )

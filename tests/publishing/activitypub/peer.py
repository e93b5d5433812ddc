"""A server of the fediverse on loopback: it has an account, follows, and keeps what it is told.

It signs and checks by its own means, so that ours are held against something else.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from flask import Flask
from werkzeug.test import TestResponse

BASE = "http://map.test"


@dataclass(frozen=True)
class Received:
    """A POST that came: the path, the headers in lower case, the body."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def activity(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Peer:
    """`answers` are the statuses that the next POSTs get (202 afterwards), with `retry_after` where
    it is one; `kind` is the media type of what is asked for."""

    netloc: str = ""
    key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    received: list[Received] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    changed: dict[str, Any] = field(default_factory=dict)
    retry_after: str = ""
    kind: str = "application/activity+json"

    @property
    def base(self) -> str:
        return f"http://{self.netloc}"

    def user(self, name: str = "ana") -> str:
        return f"{self.base}/users/{name}"

    def actor(self, name: str) -> dict[str, Any]:
        own = self.user(name)
        pem = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": own,
            "type": "Person",
            "preferredUsername": name,
            "inbox": f"{own}/inbox",
            "endpoints": {"sharedInbox": f"{self.base}/inbox"},
            "publicKey": {"id": f"{own}#main-key", "owner": own, "publicKeyPem": pem.decode()},
        } | self.changed

    def forget(self) -> None:
        for one in (self.received, self.asked, self.answers, self.gone, self.changed):
            one.clear()
        self.retry_after, self.kind = "", "application/activity+json"

    def told(self) -> list[tuple[str, str]]:
        """The types of what came, and the ids of their objects."""
        found = []
        for one in self.received:
            object_ = one.activity["object"]
            found.append(
                (one.activity["type"], object_ if isinstance(object_, str) else object_["id"])
            )
        return found

    def follow(self, app: Flask, actor: str, name: str = "ana", **more: Any) -> TestResponse:
        activity = self.activity("Follow", f"{BASE}/federation/actors/{actor}", name)
        return self.post(app, activity, name, **more)

    def activity(self, kind: str, object_: Any, name: str = "ana") -> dict[str, Any]:
        return {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{self.base}/activities/{uuid4()}",
            "type": kind,
            "actor": self.user(name),
            "object": object_,
        }

    def post(
        self,
        app: Flask,
        activity: dict[str, Any],
        name: str = "ana",
        *,
        path: str = "/federation/inbox",
        **more: Any,
    ) -> TestResponse:
        body = json.dumps(activity).encode()
        headers = self.signed(body, name, path=path, **more)
        return app.test_client().post(path, data=body, headers=headers, base_url=BASE)

    def signed(
        self,
        body: bytes,
        name: str = "ana",
        *,
        path: str = "/federation/inbox",
        age: timedelta = timedelta(0),
        key: rsa.RSAPrivateKey | None = None,
        key_id: str = "",
        names: str = "(request-target) host date digest content-type",
    ) -> dict[str, str]:
        """The headers as Mastodon writes them."""
        headers = {
            "Host": "map.test",
            "Date": format_datetime(datetime.now(UTC) - age, usegmt=True),
            "Digest": f"SHA-256={base64.b64encode(hashlib.sha256(body).digest()).decode()}",
            "Content-Type": "application/activity+json",
        }
        lower = {one.lower(): value for one, value in headers.items()}
        lines = [
            f"(request-target): post {path}"
            if one == "(request-target)"
            else f"{one}: {lower[one]}"
            for one in names.split()
        ]
        made = (key or self.key).sign("\n".join(lines).encode(), PKCS1v15(), hashes.SHA256())
        key_id = key_id or f"{self.user(name)}#main-key"
        signature = base64.b64encode(made).decode()
        headers["Signature"] = (
            f'keyId="{key_id}",algorithm="rsa-sha256",headers="{names}",signature="{signature}"'
        )
        return headers


def check_signature(app: Flask, received: Received) -> None:
    """Holds what came to the key that the actor's document has, and to its digest."""
    parts = dict(re.findall(r'(\w+)="([^"]*)"', received.headers["signature"]))
    actor = parts["keyId"].removesuffix("#main-key")
    assert received.activity["actor"] == actor
    document = app.test_client().get(actor.removeprefix(BASE), base_url=BASE).get_json()
    assert document["publicKey"]["id"] == parts["keyId"]
    public = load_pem_public_key(document["publicKey"]["publicKeyPem"].encode())
    assert isinstance(public, rsa.RSAPublicKey)
    assert public.key_size == 2048
    digest = base64.b64encode(hashlib.sha256(received.body).digest()).decode()
    assert received.headers["digest"] == f"SHA-256={digest}"
    names = parts["headers"].split()
    assert {"(request-target)", "host", "date", "digest"} <= set(names)
    text = "\n".join(
        f"(request-target): post {received.path}"
        if name == "(request-target)"
        else f"{name}: {received.headers[name]}"
        for name in names
    )
    signature = base64.b64decode(parts["signature"])
    public.verify(signature, text.encode(), PKCS1v15(), hashes.SHA256())


class Handler(BaseHTTPRequestHandler):
    peer: Peer

    def do_GET(self) -> None:
        self.peer.asked.append(self.path)
        name = self.path.removeprefix("/users/")
        if name in self.peer.gone:
            self._give(410, b"")
        elif name == self.path:
            self._give(404, b"")
        else:
            self._give(200, json.dumps(self.peer.actor(name)).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.peer.answers.pop(0) if self.peer.answers else 202
        if status < 300:
            headers = {key.lower(): value for key, value in self.headers.items()}
            self.peer.received.append(Received(self.path, headers, body))
        self._give(status, b"")

    def _give(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", self.peer.kind)
        if self.peer.retry_after:
            self.send_header("Retry-After", self.peer.retry_after)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: pytest shows what fails."""


@contextmanager
def running_peer() -> Iterator[Peer]:
    peer = Peer()
    handler = type("OwnHandler", (Handler,), {"peer": peer})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    peer.netloc = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

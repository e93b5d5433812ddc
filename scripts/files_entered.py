"""Counts the files under mapservice/ that requests enter, by `sys.setprofile`; see files-entered.

A request is made twice and the second is counted, so that what is made once for all requests does
not count. The geocoder aside, with all that it calls: its way through a text is a library's to
whoever calls it.
"""

import os
import re
import secrets
import sys
import threading
from collections.abc import Callable
from ipaddress import IPv6Address
from pathlib import Path
from types import FrameType

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from mapservice.app import create_app
from mapservice.db.engine import make_engine
from mapservice.db.migrate import migrate
from mapservice.settings import Settings
from mapservice.territories.service import LoadOptions, load_territories

HOUSE = Path(__file__).resolve().parents[1] / "mapservice"
ASIDE = ("geocoding",)
# At most so many files, as docs/architecture.md promises.
PROMISED = {"tile": 6, "coordination": 9, "proposal": 9}

# Prepares a request with a client, and returns what makes it: that alone is counted.
Request = Callable[[FlaskClient], Callable[[], object]]


def entered(work: Callable[[], object]) -> set[str]:
    """The files whose functions are called meanwhile, relative to the package."""
    found: set[str] = set()
    aside = tuple(str(HOUSE / name) for name in ASIDE)
    inside_aside = 0

    def see(frame: FrameType, event: str, argument: object) -> None:
        nonlocal inside_aside
        del argument
        name = frame.f_code.co_filename
        if event not in ("call", "return"):
            return
        if name.startswith(aside):
            inside_aside += 1 if event == "call" else -1
        elif event == "call" and not inside_aside:
            found.add(name)

    threading.setprofile(see)
    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    inside = {Path(name) for name in found if name.startswith(str(HOUSE))}
    return {path.relative_to(HOUSE).as_posix() for path in inside}


def fetch(address: str) -> Request:
    def prepare(client: FlaskClient) -> Callable[[], object]:
        return lambda: client.get(address)

    return prepare


def propose(client: FlaskClient) -> Callable[[], object]:
    """The last step of somebody not signed in, who has read the form and seen their place.

    A mailbox and a network of its own each time: the limits of public forms do not count.
    """
    page = client.get("/proposer").get_data(as_text=True)
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)) | {
        "title": "Un verger partagé",
        "summary": "Planter et soigner des fruitiers ensemble.",
        "description": "Planter et soigner des fruitiers ensemble, au pied des immeubles.",
        "theme": "environnement",
        "scale": "commune",
        "place": "Rennes",
        "choice_for": "Rennes",
        "email": f"voisine-{secrets.token_hex(8)}@example.org",
        "name": "Une voisine",
        "understood": "commune:35238",
        "action": "send",
    }
    network = {"REMOTE_ADDR": str(IPv6Address(secrets.randbits(128)))}

    def send() -> None:
        sent = client.post("/proposer", data=form, environ_overrides=network)
        assert (sent.status_code, sent.location) == (303, "/connexion/envoyee"), sent.text

    return send


WAYS: dict[str, Request] = {
    "tile": fetch("/tiles/initiatives/12/2018/1428.pbf"),
    "coordination": fetch("/coordination/region/53"),
    "proposal": propose,
}


def files_of(app: Flask, way: str) -> set[str]:
    """The files that the second request of this way enters."""
    client = app.test_client()
    WAYS[way](client)()
    return entered(WAYS[way](client))


def main() -> int:
    settings = Settings.from_env()
    engine = make_engine(settings.database_url)
    migrate(engine)
    with engine.connect() as connection:
        if not connection.execute(text("SELECT EXISTS (SELECT FROM territory)")).scalar_one():
            cache = settings.home / "cache"
            load_territories(
                engine, cache, LoadOptions(), lambda _step: None, lambda _step, _rows: None
            )
    app = create_app(settings)
    worst = 0
    for name in WAYS:
        files = files_of(app, name)
        worst = max(worst, len(files) - PROMISED[name])
        print(f"{name}: {len(files)} files, at most {PROMISED[name]}")
        if "--list" in sys.argv:
            print(*sorted(files), sep="\n", end="\n\n")
    return int(worst > 0)


if __name__ == "__main__":
    os.environ.setdefault(
        "MAPSERVICE_DATABASE_URL", os.environ.get("MAPSERVICE_TEST_DATABASE_URL", "")
    )
    sys.exit(main())

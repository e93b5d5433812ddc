"""Pages that are kept for who is not signed in: the same answer, and never an old one."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random

import pytest
from flask import Flask, Response
from sqlalchemy import Engine, text
from werkzeug.test import Client, TestResponse

from mapservice.app import create_app
from mapservice.rollups.service import rebuild
from mapservice.settings import Settings
from mapservice.tiles.tile_cache import changes
from mapservice.tiles.tile_cache.middleware import TileCacheMiddleware
from mapservice.tiles.tile_cache.store import (
    HOUR_SECONDS,
    PAGE_SECONDS,
    CachedAnswer,
    ChangeExtent,
    CommuneExtent,
    TileCache,
)
from mapservice.web.edge import SERVICES, Services
from tests.accounts.people.mailbox import sign_in
from tests.ops.running_site import wait_for
from tests.tiles.test_kept_tiles import wait_until
from tests.web.population import Made, insert

RENNES = "/territoires/commune/35238"
KEPT = (
    "/", "/?theme=culture", "/initiatives", "/initiatives?territory=region:53", "/territoires",
    RENNES, "/evenements", "/coordination", "/coordination/region/53",
    "/?territory=commune:35238", "/initiatives?territory=commune:35238&theme=culture",
)  # fmt: skip
# Pages of a commune that its initiatives alone alter.
OF_COMMUNES = [
    path.format(code)
    for code in ("35238", "13055", "2A004")
    for path in ("/?territory=commune:{}", "/initiatives?territory=commune:{}&sort=supported")
]


class Visited:
    """An application behind its cache, and how many answers it had to make itself."""

    def __init__(self, app: Flask, home: Path, database_url: str) -> None:
        self.app, self.made = app, 0
        settings = Settings(database_url=database_url, home=home, secret_key="trial")
        self.kept = TileCacheMiddleware(app, settings)
        app.after_request(self._count)

    def _count(self, response: Response) -> Response:
        self.made += 1
        return response

    def get(self, path: str, **headers: str) -> TestResponse:
        return Client(self.kept, use_cookies=False).get(path, headers=headers)

    def is_kept(self, path: str, **headers: str) -> bool:
        """Whether it is answered without the application."""
        before = self.made
        assert self.get(path, **headers).status_code == 200
        return self.made == before


@pytest.fixture
def visited(engine: Engine, database_url: str, tmp_path: Path) -> Iterator[Visited]:
    settings = Settings(database_url=database_url, home=tmp_path, secret_key="trial")
    app = create_app(settings)
    found = Visited(app, tmp_path, database_url)
    patience = time.monotonic() + 20
    while not found.is_kept("/territoires"):
        assert time.monotonic() < patience, "the changes are not heard"
        time.sleep(0.02)
    yield found
    found.kept.stop()
    services: Services = app.extensions[SERVICES]
    services.dispose()


@pytest.mark.parametrize("path", KEPT)
def test_a_kept_page_is_the_same_answer(visited: Visited, engine: Engine, path: str) -> None:
    visited.kept.cache.forget_all()
    first = visited.get(path)
    before = visited.made
    second = visited.get(path)
    assert visited.made == before, "not kept"
    assert (first.status_code, first.data) == (second.status_code, second.data)
    own = {"Date", "X-Request-ID"}
    assert {h for h in first.headers if h[0] not in own} == {
        h for h in second.headers if h[0] not in own
    }
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]


def test_what_is_written_is_seen(visited: Visited, engine: Engine) -> None:
    visited.get(RENNES)
    assert visited.is_kept(RENNES)
    moment = visited.kept.cache.moment()
    with engine.begin() as connection:
        insert(connection, [Made(commune="35238", title="Jardin des Horizons")])
    patience = time.monotonic() + 20
    while visited.kept.cache.moment() == moment:
        assert time.monotonic() < patience
        time.sleep(0.005)
    assert "Jardin des Horizons" in visited.get(RENNES).text


def test_who_sends_a_form_is_shown_no_page_of_before(visited: Visited) -> None:
    visited.get("/")
    assert visited.is_kept("/")
    Client(visited.kept).post("/connexion", data={})
    assert not visited.is_kept("/")


def test_a_page_that_was_begun_before_a_form_is_not_kept_after_it(tmp_path: Path) -> None:
    cache = TileCache(tmp_path / "file.sqlite", 1_000_000)
    answer = CachedAnswer("200 OK", [], b"before")
    moment = cache.moment()
    cache.forget_pages()
    cache.keep("page", ChangeExtent.PAGE, moment, answer)
    assert cache.find("page") is None
    # A tile shows nothing of what forms send, until the database tells of it.
    cache.keep("tile", ChangeExtent.ANYWHERE, moment, answer)
    assert cache.find("tile") == answer
    cache.keep("page", ChangeExtent.PAGE, cache.moment(), answer)
    cache.forget([0])
    assert (cache.find("page"), cache.find("tile")) == (None, None)


def test_none_is_older_than_five_seconds(tmp_path: Path) -> None:
    cache = TileCache(tmp_path / "file.sqlite", 1_000_000)
    answer = CachedAnswer("200 OK", [], b"body")
    for key, where in (("page", ChangeExtent.PAGE), ("tile", ChangeExtent.ANYWHERE)):
        cache.keep(key, where, 0, answer)
        assert cache.find(key) == answer
    # The last one: the clock has been set back a day since.
    for aged, found in ((PAGE_SECONDS - 1, answer), (PAGE_SECONDS + 1, None), (-86_400, None)):
        with closing(sqlite3.connect(tmp_path / "file.sqlite")) as file, file:
            file.execute("UPDATE answer SET made = ?", (time.time() - aged,))
        assert cache.find("page") == found
        assert cache.find("tile") == answer


def test_a_page_of_a_commune_ends_with_its_commune_or_the_hour(tmp_path: Path) -> None:
    cache = TileCache(tmp_path / "file.sqlite", 1_000_000)
    answer = CachedAnswer("200 OK", [], b"body")
    rennes, ajaccio = CommuneExtent("35238"), CommuneExtent("2A004")

    def kept() -> list[str]:
        return [key for key in ("rennes", "ajaccio") if cache.find(key)]

    def keep(moment: int) -> None:
        cache.keep("rennes", rennes, moment, answer)
        cache.keep("ajaccio", ajaccio, moment, answer)

    keep(cache.moment())
    cache.forget_pages()
    cache.forget([0, 1])
    assert kept() == ["rennes", "ajaccio"]
    moment = cache.moment()
    cache.forget_communes(["35238"])
    assert kept() == ["ajaccio"]
    keep(moment)  # begun before the change of the first
    assert kept() == ["ajaccio"]
    moment = cache.moment()
    cache.forget_communes(None)
    keep(moment)
    assert kept() == []
    keep(cache.moment())
    cache.forget_all()
    assert kept() == []

    keep(cache.moment())
    begun = time.time() // HOUR_SECONDS * HOUR_SECONDS
    with closing(sqlite3.connect(tmp_path / "file.sqlite")) as file, file:
        file.execute("UPDATE answer SET made = ? WHERE key = 'rennes'", (begun,))
        file.execute("UPDATE answer SET made = ? WHERE key = 'ajaccio'", (begun - 1,))
    assert kept() == ["rennes"]


CHANGES = (
    "UPDATE initiative SET title = title || ' bis' WHERE id = :one",
    "UPDATE initiative SET supporters = supporters + 1 WHERE id = :one",
    "UPDATE initiative SET status = 'archived' WHERE id = :one",
    "UPDATE initiative SET status = 'published' WHERE id = :one",
    "UPDATE initiative SET commune = :commune WHERE id = :one",
    "UPDATE initiative SET theme = 'habitat', is_free = true WHERE id = :one",
    "DELETE FROM initiative WHERE id = :one",
    "DELETE FROM photo WHERE initiative = :one",
    "UPDATE photo SET state = 'waiting' WHERE initiative = :one",
    "UPDATE photo SET alt = alt || '.', focal_x = 20 WHERE initiative = :one",
    """INSERT INTO photo (initiative, name, widths, width, height, shared_width, shared_height,
                          shared_bytes, alt, state)
       VALUES (:one, md5(random()::text), '{240}', 240, 160, 240, 160, 999, 'Un banc', 'public')""",
)


@pytest.mark.parametrize("seed", range(2))
def test_pages_of_a_commune_say_what_is_true(visited: Visited, engine: Engine, seed: int) -> None:
    """After each of some random writes, and a form, every kept page equals one made anew."""
    chance = Random(seed)
    communes = ["35238", "13055", "2A004"]
    for _ in range(25):
        with engine.begin() as connection:
            ids = connection.execute(text("SELECT id FROM initiative")).scalars().all()
            if not ids or chance.random() < 0.3:
                insert(connection, [Made(commune=chance.choice(communes), title="Le four")])
            else:
                change = {"one": chance.choice(ids), "commune": chance.choice(communes)}
                connection.execute(text(chance.choice(CHANGES)), change)
        Client(visited.kept).post("/connexion", data={})
        for path in OF_COMMUNES:
            fresh = visited.app.test_client().get(path)
            assert visited.get(path).data == fresh.data
            # At once, unless the form is not heard of in time: it then costs a page.
            wait_for(partial(visited.is_kept, path))


def test_others_keep_their_pages(
    visited: Visited, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bool] = []
    catch_up = changes.TileChangeListener.catch_up

    def noted(listener: changes.TileChangeListener) -> bool:
        heard.append(catch_up(listener))
        return heard[-1]

    monkeypatch.setattr(changes.TileChangeListener, "catch_up", noted)
    rennes, marseille = OF_COMMUNES[1], OF_COMMUNES[3]
    # Not heard of in time, a form costs all pages (below): then it is sent once more.
    for _ in range(10):
        for path in (rennes, marseille):
            visited.get(path)
        with engine.begin() as connection:
            insert(connection, [Made(commune="35238", title="Jardin des Horizons")])
        Client(visited.kept).post("/connexion", data={})
        if heard[-1]:
            break
    assert visited.is_kept(marseille)
    before = visited.made
    assert "Jardin des Horizons" in visited.get(rennes).text
    assert visited.made == before + 1


def test_the_first_made_up_initiative_is_told_of_on_every_page(
    visited: Visited, engine: Engine
) -> None:
    for told in ("Marseille, vraie", "Marseille"):
        visited.get(OF_COMMUNES[1])
        with engine.begin() as connection:
            platform = "sample" if told == "Marseille" else ""
            insert(connection, [Made(commune="13055", title=told, source_platform=platform)])
        Client(visited.kept).post("/connexion", data={})
        fresh = visited.app.test_client().get(OF_COMMUNES[1]).data
        assert visited.get(OF_COMMUNES[1]).data == fresh


def test_a_form_that_is_not_heard_of_in_time_costs_pages_not_truth(
    visited: Visited, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = OF_COMMUNES[0]
    # A page that was made while changes of before were still being heard of is not kept.
    wait_until(lambda: visited.is_kept(path))
    monkeypatch.setattr(changes.TileChangeListener, "catch_up", lambda _: False)
    Client(visited.kept).post("/connexion", data={})
    assert not visited.is_kept(path)


def test_counts_that_are_mended_are_shown(visited: Visited, engine: Engine) -> None:
    with engine.begin() as connection:
        insert(connection, [Made(commune="35238")])
        connection.execute(text("SELECT rollup_compact()"))
    path = OF_COMMUNES[0]
    before = visited.app.test_client().get(path).data
    with engine.begin() as connection:
        connection.execute(text("UPDATE rollup SET initiatives = initiatives + 5"))
    Client(visited.kept).post("/connexion", data={})
    visited.kept.cache.forget_all()
    assert visited.get(path).data != before
    rebuild(engine)
    Client(visited.kept).post("/connexion", data={})
    assert visited.get(path).data == before


def test_a_form_after_the_end_waits_for_nobody(visited: Visited) -> None:
    listener = visited.kept._heard_of()
    assert listener.catch_up()
    visited.kept.stop()
    assert not listener.catch_up()
    visited.kept.stop()  # the second end is no error
    assert Client(visited.kept).post("/connexion", data={}).status_code < 500


def test_a_file_of_an_older_version_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "file.sqlite"
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("CREATE TABLE answer (id INTEGER PRIMARY KEY, key TEXT UNIQUE)")
        file.execute("CREATE TABLE change (id INTEGER PRIMARY KEY AUTOINCREMENT, code INTEGER)")
        file.execute("INSERT INTO change (id, code) VALUES (7, 5)")
    cache = TileCache(path, 1_000_000)
    answer = CachedAnswer("200 OK", [], b"body")
    cache.keep("page", ChangeExtent.PAGE, 7, answer)
    assert cache.find("page") == answer
    assert cache.moment() == 7  # what was begun before is still known to be older


def test_a_session_is_given_nobody_elses_page(visited: Visited, engine: Engine) -> None:
    visited.get("/")
    assert visited.is_kept("/")
    client = visited.app.test_client()
    sign_in(client, engine, "citoyenne@example.org")
    cookie = client.get_cookie("personne")
    assert cookie is not None
    session = f"personne={cookie.value}"
    visited.get("/")
    before = visited.made
    own = visited.get("/", Cookie=session)
    assert visited.made == before + 1
    assert own.headers["Cache-Control"].startswith("private")
    # Nor is what was made for it given to others.
    visited.kept.cache.forget_pages()
    visited.get("/", Cookie=session)
    assert not visited.is_kept("/")
    for header in ({"Authorization": "Bearer x"}, {"Cookie": "__Host-personne=x"}):
        assert not visited.is_kept("/", **header)


def test_each_language_has_its_own(visited: Visited) -> None:
    french, english = "fr-FR,fr;q=0.9,en;q=0.3", "en-GB,en;q=0.8"
    texts = {visited.get("/", **{"Accept-Language": one}).text for one in (french, english)}
    assert len(texts) == 2
    assert visited.is_kept("/", **{"Accept-Language": "en"})
    assert visited.is_kept("/", **{"Accept-Language": english, "Cookie": "langue=fr"})
    assert 'lang="fr"' in visited.get("/", Cookie="langue=fr", **{"Accept-Language": "en"}).text
    # An answer that sets a cookie is one browser's.
    assert not visited.is_kept("/?lang=en")
    assert not visited.is_kept("/?lang=en")


@pytest.mark.parametrize(
    "path", ["/initiatives?near=-1.68,48.11", "/initiatives.csv", "/proposer", "/connexion"]
)
def test_what_is_not_the_same_for_all(visited: Visited, path: str) -> None:
    visited.get(path)
    assert not visited.is_kept(path)


def test_what_is_found_nowhere_is_not_kept(visited: Visited) -> None:
    path = "/territoires/commune/99999"
    assert visited.get(path).status_code == 404
    before = visited.made
    assert visited.get(path).status_code == 404
    assert visited.made == before + 1


def test_no_page_is_given_while_the_database_is_not_heard(visited: Visited) -> None:
    visited.get("/")
    assert visited.is_kept("/")
    visited.kept.stop()
    patience = time.monotonic() + 20
    while visited.is_kept("/"):
        assert time.monotonic() < patience
        time.sleep(0.05)


def test_readers_and_writers_at_once(visited: Visited, engine: Engine) -> None:
    """After each form, who sent it sees a page that was begun after it."""
    ended, told = threading.Event(), []

    def read() -> None:
        while not ended.is_set():
            told.append(visited.get("/").status_code)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for one in readers:
        one.start()
    for number in range(10):
        Client(visited.kept).post("/connexion", data={})
        with engine.begin() as connection:
            insert(connection, [Made(commune="35238", title=f"Atelier {number}")])
        Client(visited.kept).post("/connexion", data={})
        assert f"Atelier {number}" in visited.get("/initiatives").text
    ended.set()
    for one in readers:
        one.join()
    assert set(told) == {200}

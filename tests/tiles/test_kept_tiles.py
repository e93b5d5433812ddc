"""Tiles that are kept: answered without the application, forgotten when something changes there."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random

import mapbox_vector_tile
import pytest
from flask import Flask, Response
from sqlalchemy import Connection, Engine, text
from werkzeug.test import Client, TestResponse

from mapservice.app import create_app
from mapservice.initiatives.grid import Tile, interleave
from mapservice.settings import Settings
from mapservice.tiles.tile_cache.middleware import TileCacheMiddleware
from mapservice.tiles.tile_cache.store import CachedAnswer, ChangeExtent, TileCache
from mapservice.web.edge import SERVICES, Services
from tests.web.population import Made, column_row, insert

RENNES, MARSEILLE = "35238", "13055"


def address(zoom: int, lon: float, lat: float, layer: str = "initiatives") -> str:
    return "/tiles/{}/{}/{}/{}.pbf".format(layer, zoom, *column_row(zoom, lon, lat))


IN_RENNES = address(9, -1.67, 48.11)
IN_MARSEILLE = address(9, 5.38, 43.28)
EVERYWHERE = address(0, 0, 0)


class Kept:
    """An application behind its cache, and how many answers it had to make itself."""

    def __init__(self, app: Flask, tiles: TileCacheMiddleware) -> None:
        self.app, self.tiles, self.made = app, tiles, 0
        app.after_request(self._count)
        self.client = Client(tiles)

    def _count(self, response: Response) -> Response:
        self.made += 1
        return response

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, headers=headers)


@pytest.fixture
def kept(engine: Engine, database_url: str, tmp_path: Path) -> Iterator[Kept]:
    settings = Settings(database_url=database_url, home=tmp_path, secret_key="trial")
    app = create_app(settings)
    tiles = TileCacheMiddleware(app, settings)
    found = Kept(app, tiles)
    wait_until(lambda: is_kept(found, "/tiles/territories/0/0/0.pbf"))
    yield found
    tiles.stop()
    services: Services = app.extensions[SERVICES]
    services.dispose()


def wait_until(holds: Callable[[], bool]) -> None:
    patience = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < patience, "waited in vain"
        time.sleep(0.01)


def is_kept(kept: Kept, path: str, **headers: str) -> bool:
    """Whether the second of two answers needed no application."""
    kept.get(path, **headers)
    before = kept.made
    kept.get(path, **headers)
    return kept.made == before


def count(response: TestResponse) -> int:
    if not response.data:
        return 0
    layer = mapbox_vector_tile.decode(response.data)["initiatives"]
    return sum(feature["properties"]["count"] for feature in layer["features"])


def add(kept: Kept, engine: Engine, *communes: str) -> None:
    """Returns when the cache has heard of it."""
    moment = kept.tiles.cache.moment()
    with engine.begin() as connection:
        insert(connection, [Made(commune=commune) for commune in communes])
    wait_until(lambda: kept.tiles.cache.moment() > moment)


def test_a_kept_tile_is_the_same_answer(kept: Kept, engine: Engine) -> None:
    add(kept, engine, RENNES)
    wait_until(lambda: is_kept(kept, IN_RENNES))
    first, made = kept.get(IN_RENNES), kept.made
    fresh = create_app_answer(kept, IN_RENNES)
    assert kept.made == made
    assert (first.status_code, first.data) == (fresh.status_code, fresh.data)
    assert _steady(first) == _steady(fresh)


def _steady(response: TestResponse) -> dict[str, str]:
    """Without what belongs to one request alone."""
    own = ("Date", "X-Request-ID")
    return {name: value for name, value in response.headers if name not in own}


def create_app_answer(kept: Kept, path: str) -> TestResponse:
    """The answer of an application that keeps nothing."""
    settings = Settings(database_url=kept.tiles._settings.database_url, secret_key="trial")
    app = create_app(settings)
    response = app.test_client().get(path)
    services: Services = app.extensions[SERVICES]
    services.dispose()
    return response


def test_a_write_is_seen_and_leaves_other_places_alone(kept: Kept, engine: Engine) -> None:
    add(kept, engine, RENNES, MARSEILLE)
    wait_until(lambda: is_kept(kept, IN_RENNES) and is_kept(kept, IN_MARSEILLE))
    assert count(kept.get(IN_RENNES)) == 1
    add(kept, engine, RENNES)
    wait_until(lambda: count(kept.get(IN_RENNES)) == 2)
    made = kept.made
    assert count(kept.get(IN_MARSEILLE)) == 1
    assert kept.made == made, "the tile of Marseille was still there"


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ("UPDATE initiative SET theme = 'habitat'", 0),
        ("DELETE FROM initiative", 0),
        ("TRUNCATE initiative CASCADE", 0),
        ("UPDATE initiative SET commune = '13055'", 0),
        ("UPDATE initiative SET status = 'archived'", 0),
    ],
)
@pytest.mark.parametrize("zoom", [0, 9, 14, 18])
def test_every_kind_of_write_at_every_zoom(
    kept: Kept, engine: Engine, change: str, left: int, zoom: int
) -> None:
    add(kept, engine, RENNES)
    with engine.connect() as connection:
        lon, lat = connection.execute(
            text("SELECT ST_X(anchor), ST_Y(anchor) FROM initiative")
        ).one()
    path = address(zoom, lon, lat) + "?theme=culture,environnement&territory=region:53"
    wait_until(lambda: is_kept(kept, path))
    assert count(kept.get(path)) == 1
    with engine.begin() as connection:
        connection.execute(text(change))
    wait_until(lambda: count(kept.get(path)) == left)


def test_a_new_title_is_shown(kept: Kept, engine: Engine) -> None:
    add(kept, engine, RENNES)
    path = address(14, -1.68, 48.11).replace(".pbf", ".geojson")
    wait_until(lambda: is_kept(kept, EVERYWHERE))
    kept.get(EVERYWHERE.replace(".pbf", ".geojson"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE initiative SET title = 'Fournil partagé'"))
    wait_until(lambda: "Fournil partagé" in kept.get(EVERYWHERE.replace(".pbf", ".geojson")).text)
    assert kept.get(path).status_code == 200


def test_a_write_that_is_undone_changes_nothing(kept: Kept, engine: Engine) -> None:
    add(kept, engine, RENNES)
    wait_until(lambda: is_kept(kept, IN_RENNES))
    with engine.connect() as connection:
        insert(connection, [Made(commune=RENNES)])
        connection.rollback()
    add(kept, engine, MARSEILLE)
    wait_until(lambda: count(kept.get(IN_MARSEILLE)) == 1)
    made = kept.made
    assert count(kept.get(IN_RENNES)) == 1
    assert kept.made == made


def test_conditions_are_answered(kept: Kept, engine: Engine) -> None:
    add(kept, engine, RENNES)
    wait_until(lambda: is_kept(kept, IN_RENNES))
    tag, made = kept.get(IN_RENNES).headers["ETag"], kept.made
    known = kept.get(IN_RENNES, **{"If-None-Match": tag})
    assert (known.status_code, known.data) == (304, b"")
    assert known.headers["ETag"] == tag
    assert "max-age" in known.headers["Cache-Control"]
    assert known.headers["Access-Control-Allow-Origin"] == "*"
    assert kept.get(IN_RENNES, **{"If-None-Match": '"other"'}).status_code == 200
    assert kept.made == made


def test_each_encoding_is_kept_with_its_own_tag(kept: Kept) -> None:
    path = "/tiles/territories/0/0/0.geojson"
    tags = set()
    for encoding in ("gzip", "br", "zstd"):
        wait_until(partial(is_kept, kept, path, **{"Accept-Encoding": encoding}))
        response = kept.get(path, **{"Accept-Encoding": encoding})
        assert response.headers["Content-Encoding"] == encoding
        assert "Accept-Encoding" in response.headers["Vary"]
        tags.add(response.headers["ETag"])
        known = kept.get(
            path, **{"Accept-Encoding": encoding, "If-None-Match": response.headers["ETag"]}
        )
        assert known.status_code == 304
    assert len(tags) == 3


def test_a_folder_that_cannot_be_written_only_means_making_tiles(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    home = tmp_path / "file"
    home.touch()
    settings = Settings(database_url=database_url, home=home, secret_key="trial")
    app = create_app(settings)
    tiles = TileCacheMiddleware(app, settings)
    for _ in range(3):
        assert Client(tiles).get("/tiles/territories/0/0/0.pbf").status_code == 200
    tiles.stop()
    services: Services = app.extensions[SERVICES]
    services.dispose()


def test_errors_are_not_kept(kept: Kept) -> None:
    assert not is_kept(kept, "/tiles/initiatives/0/0/0.pbf?theme=rien")
    assert not is_kept(kept, "/tiles/initiatives/99/0/0.pbf")


def test_tiles_of_ogc_are_kept_by_what_the_client_takes(kept: Kept, engine: Engine) -> None:
    add(kept, engine, RENNES)
    path = "/ogc/collections/initiatives/tiles/WebMercatorQuad/0/0/0"
    wait_until(lambda: is_kept(kept, path, Accept="application/vnd.mapbox-vector-tile"))
    vector = kept.get(path, Accept="application/vnd.mapbox-vector-tile")
    assert vector.content_type == "application/vnd.mapbox-vector-tile"
    assert kept.get(path, Accept="application/geo+json").content_type == "application/geo+json"
    add(kept, engine, RENNES)
    wait_until(lambda: count(kept.get(path, Accept="application/vnd.mapbox-vector-tile")) == 2)


def test_figures_change_with_a_write_anywhere(kept: Kept, engine: Engine) -> None:
    path = "/tiles/activity/0/0/0.geojson"
    wait_until(lambda: is_kept(kept, path))
    before = kept.get(path).text
    add(kept, engine, MARSEILLE)
    wait_until(lambda: kept.get(path).text != before)


def test_nothing_kept_is_trusted_while_the_database_is_not_heard(
    kept: Kept, engine: Engine
) -> None:
    add(kept, engine, RENNES)
    wait_until(lambda: is_kept(kept, IN_RENNES))
    with engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE query LIKE 'LISTEN%' OR query = 'SELECT'"
            )
        )
        connection.commit()
    add(kept, engine, RENNES)
    wait_until(lambda: count(kept.get(IN_RENNES)) == 2)
    wait_until(lambda: is_kept(kept, IN_RENNES))


def test_a_tile_made_while_its_place_changed_is_not_kept(tmp_path: Path) -> None:
    cache = TileCache(tmp_path / "tiles", 10**6)
    tile = Tile(11, 1014, 709)
    inside = interleave(tile.x, tile.y) << 6
    answer = CachedAnswer("200 OK", [("ETag", '"a"')], b"old")

    moment = cache.moment()
    cache.forget([inside + 5])
    cache.keep("k", tile, moment, answer)
    assert cache.find("k") is None

    cache.forget([inside + 64])
    moment = cache.moment()
    cache.forget([inside + 64])
    cache.keep("k", tile, moment, answer)
    assert cache.find("k") == answer, "the neighbour's changes are not its own"

    cache.forget_all()
    cache.keep("k", tile, moment, answer)
    assert cache.find("k") is None
    cache.keep("k", ChangeExtent.ANYWHERE, cache.moment(), answer)
    cache.forget([7])
    assert cache.find("k") is None


def test_the_oldest_make_room(tmp_path: Path) -> None:
    cache = TileCache(tmp_path / "tiles", 100_000)
    for number in range(1000):
        cache.keep(str(number), Tile(18, number, 0), 0, CachedAnswer("200 OK", [], bytes(1000)))
    assert cache.find("0") is None
    assert cache.find("999") is not None


def test_many_threads_read_what_others_write(tmp_path: Path) -> None:
    cache = TileCache(tmp_path / "tiles", 10**8)
    failures: list[BaseException] = []

    def work(part: int) -> None:
        try:
            for number in range(100):
                key = f"{part} {number}"
                cache.keep(
                    key, Tile(14, number, part), cache.moment(), CachedAnswer("200 OK", [], b"x")
                )
                cache.find(key)
                cache.forget([interleave(number, part)])
                assert cache.find(key) is None
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


LOOKED_AT = [
    *(
        address(zoom, lon, lat) + query
        for zoom in (0, 5, 9, 14)
        for lon, lat in ((-1.67, 48.11), (5.38, 43.28))
        for query in ("", "?theme=culture", "?territory=region:53,region:93")
    ),
    "/tiles/activity/4/7/5.pbf",
    "/tiles/density/5/15/11.pbf",
]


@pytest.mark.long
def test_what_is_kept_is_right_after_four_writers(kept: Kept, engine: Engine) -> None:
    """They add, move, change and remove at once, while somebody looks at tiles all the time."""
    done = threading.Event()

    def write(number: int) -> None:
        dice = Random(number)
        for _ in range(25):
            with engine.begin() as connection:
                change(connection, dice)

    def look() -> None:
        client = Client(kept.tiles)
        while not done.is_set():
            for path in LOOKED_AT:
                assert client.get(path).status_code in (200, 204)

    with ThreadPoolExecutor(6) as pool:
        watching = [pool.submit(look) for _ in range(2)]
        writing = [pool.submit(write, number) for number in range(4)]
        for work in writing:
            work.result()
        done.set()
        for work in watching:
            work.result()

    fresh = {path: create_app_answer(kept, path).data for path in LOOKED_AT}
    assert any(fresh.values())
    wait_until(lambda: all(kept.get(path).data == content for path, content in fresh.items()))
    made = kept.made
    for path, content in fresh.items():
        assert kept.get(path).data == content
    assert kept.made == made


def change(connection: Connection, dice: Random) -> None:
    commune = dice.choice((RENNES, MARSEILLE))
    few = dice.randrange(1, 3)
    some = f"(SELECT id FROM initiative ORDER BY id LIMIT {few} FOR UPDATE SKIP LOCKED)"
    statement = dice.choice(
        (
            "",
            f"UPDATE initiative SET commune = '{commune}' WHERE id IN {some}",
            f"UPDATE initiative SET theme = 'culture', title = 'Neuf' WHERE id IN {some}",
            f"DELETE FROM initiative WHERE id IN {some}",
        )
    )
    if statement:
        connection.execute(text(statement))
    insert(connection, [Made(commune=commune, theme=dice.choice(("culture", "habitat")))])

"""The archive over HTTP: tiles, ranges, TileJSON, styles, letters; and pages without any of it."""

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from mapservice.settings import BASEMAP_FILE, Settings
from mapservice.tiles.basemap.model import StyleTheme, TileSchema
from tests.basemap.archives import some_tiles, street, write_archive
from tests.basemap.range_server import serving

BOX = (-2.0, 48.0, -1.0, 49.0)
SELF = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:{0}"
SELF += "; connect-src 'self'{0}; worker-src"
Open = Callable[..., FlaskClient]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    tiles = some_tiles(400) | {(1, 0, 0): street("Rue de la Paix")}
    return write_archive(
        tmp_path / "france.pmtiles", tiles, bounds=BOX, attribution="© OpenStreetMap"
    )


def policy(client: FlaskClient) -> str:
    return client.get("/").headers["Content-Security-Policy"]


def json_of(client: FlaskClient, path: str) -> Any:
    return client.get(path).json


def config(client: FlaskClient) -> Any:
    """What the script of the home page is told of the base map."""
    page = client.get("/").get_data(as_text=True)
    _, _, rest = page.partition('id="map-config">')
    return json.loads(rest.partition("</script>")[0])["basemap"]


def test_tiles_are_those_of_the_archive_packed_for_whom_reads_that(
    service: Open, archive: Path
) -> None:
    client = service(basemap=str(archive))
    packed = client.get("/basemap/1/0/0.pbf", headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.data == street("Rue de la Paix")
    plain = client.get("/basemap/1/0/0.pbf", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.data == gzip.decompress(packed.data)
    assert plain.headers["ETag"] != packed.headers["ETag"]
    for one in (packed, plain):
        assert one.content_type == "application/vnd.mapbox-vector-tile"
        assert "Accept-Encoding" in one.headers["Vary"]
        assert one.headers["Access-Control-Allow-Origin"] == "*"
        assert not one.headers["ETag"].startswith("W/")
    known = {"If-None-Match": packed.headers["ETag"], "Accept-Encoding": "gzip"}
    assert client.get("/basemap/1/0/0.pbf", headers=known).status_code == 304


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/basemap/5/31/0.pbf", 204),
        ("/basemap/9/0/0.pbf", 404),
        ("/basemap/1/2/0.pbf", 404),
        ("/basemap/1/0/x.pbf", 404),
        ("/basemap/1/0/0.pbf?theme=dark", 400),
        ("/basemap/style.json?theme=pink", 400),
        ("/tiles/style.json?theme=pink", 400),
        ("/basemap/styles/osm.json", 404),
    ],
)
def test_what_is_not_there_is_told(service: Open, archive: Path, path: str, status: int) -> None:
    answer = service(basemap=str(archive)).get(path)
    assert answer.status_code == status
    if status >= 400:
        assert answer.content_type == "application/problem+json"
        assert "public" not in answer.headers.get("Cache-Control", "")


def test_the_archive_is_given_by_ranges(service: Open, archive: Path) -> None:
    client, content = service(basemap=str(archive)), archive.read_bytes()
    whole = client.get("/basemap/archive.pmtiles")
    assert (whole.status_code, whole.data) == (200, content)
    assert whole.headers["Accept-TileRanges"] == "bytes"
    part = client.get("/basemap/archive.pmtiles", headers={"Range": "bytes=100-299"})
    assert (part.status_code, part.data) == (206, content[100:300])
    assert part.headers["Content-Range"] == f"bytes 100-299/{len(content)}"
    assert part.headers["ETag"] == whole.headers["ETag"]
    beyond = client.get("/basemap/archive.pmtiles", headers={"Range": f"bytes={len(content)}-"})
    assert beyond.status_code == 416
    for answer in (whole, part, beyond):
        answer.close()


def test_tilejson_names_tiles_that_are_there_and_its_makers(service: Open, archive: Path) -> None:
    client = service(basemap=str(archive))
    told = json_of(client, "/basemap/tiles.json")
    assert told["attribution"] == "© OpenStreetMap"
    assert told["bounds"] == list(BOX)
    (template,) = told["tiles"]
    assert template.startswith("http://map.test/basemap/{z}/{x}/{y}.pbf?v=")
    path = template.removeprefix("http://map.test").format(z=1, x=0, y=0)
    assert "max-age=31536000" in client.get(path).headers["Cache-Control"]


def test_an_archive_that_tells_no_makers_is_credited_all_the_same(
    service: Open, tmp_path: Path
) -> None:
    path = write_archive(tmp_path / "a.pmtiles", some_tiles(9))
    told = json_of(service(basemap=str(path)), "/basemap/tiles.json")
    assert "OpenStreetMap" in told["attribution"]


def test_pages_of_an_archive_ask_nobody_else(service: Open, archive: Path) -> None:
    client = service(basemap=str(archive))
    assert policy(client).startswith(SELF.format(""))
    found = config(client)
    assert found["kind"] == "vector"
    style = json_of(client, found["style"].format(theme="dark"))
    assert {source.get("attribution") for source in style["sources"].values()} == {
        "© OpenStreetMap",
        None,
    }
    assert "http://map.test/basemap/" in style["sources"]["basemap"]["tiles"][0]


@pytest.mark.parametrize("content", [None, b"", b"PMTiles\x03 and no more", b"x" * 5_000])
def test_without_an_archive_that_can_be_read_maps_are_the_default_ones(
    service: Open, tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "broken.pmtiles"
    if content is not None:
        path.write_bytes(content)
    client = service(basemap=str(path))
    assert client.get("/").status_code == 200
    assert config(client) is None
    assert "basemap_unusable" in "".join(capsys.readouterr())
    assert client.get("/basemap/0/0/0.pbf").status_code == 404
    style = json_of(client, "/tiles/style.json")
    assert {layer["id"] for layer in style["layers"]} >= {"land", "region-lines"}


def test_a_damaged_tile_is_no_broken_service(service: Open, archive: Path) -> None:
    client = service(basemap=str(archive))
    assert client.get("/basemap/1/0/0.pbf").status_code == 200
    size = archive.stat().st_size
    with archive.open("r+b") as file:
        file.truncate(size - 20_000 if size > 40_000 else size // 2)
    statuses = {client.get(f"/basemap/4/{x}/3.pbf").status_code for x in range(16)}
    assert statuses <= {200, 204, 404, 503}
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    ("setting", "origins"),
    [
        ("https://tiles.example.org/{z}/{x}/{y}.png", "https://tiles.example.org"),
        (
            "https://{s}.tile.example.org/{z}/{x}/{y}.png",
            "https://a.tile.example.org https://b.tile.example.org https://c.tile.example.org",
        ),
        ("http://127.0.0.1:9000/{z}/{x}/{y}{r}.png", "http://127.0.0.1:9000"),
        ("https://user:word@tiles.example.org/style.json", "https://tiles.example.org"),
        ("https://data.example.fr/plan/style.json?key=1", "https://data.example.fr"),
    ],
)
def test_the_policy_is_open_for_the_named_host_and_no_other(
    service: Open, setting: str, origins: str
) -> None:
    assert policy(service(basemap=setting)).startswith(SELF.format(f" {origins}"))


def test_the_former_setting_still_works(service: Open) -> None:
    client = service(basemap_url="https://old.example.org/{z}/{x}/{y}.png", basemap_attribution="©")
    assert policy(client).startswith(SELF.format(" https://old.example.org"))
    found = config(client)
    assert (found["kind"], found["source"]["attribution"]) == ("raster", "©")
    assert found["source"]["tiles"] == ["https://old.example.org/{z}/{x}/{y}.png"]


def test_raster_tiles_without_a_credit_name_their_host(service: Open) -> None:
    source = config(service(basemap="https://tiles.example.org/{z}/{x}/{y}.png"))["source"]
    assert "tiles.example.org" in source["attribution"]


def test_a_style_may_ask_the_hosts_that_the_setting_names(service: Open) -> None:
    client = service(
        basemap="https://a.example.org/style.json", basemap_hosts="b.example.org, http://c.test:81"
    )
    named = " https://a.example.org https://b.example.org http://c.test:81"
    assert policy(client).startswith(SELF.format(named))
    found = config(client)
    assert found["kind"] == "style"
    assert found["origins"] == named.split()


@pytest.mark.parametrize(
    "setting",
    [
        {"basemap": "https://tiles.example.org/france.pmtiles"},
        {"basemap": "https://tiles.example.org/{z}/{x}/{y}.pbf"},
        {"basemap": "https:///style.json"},
        {"basemap": "https://a.test/style.json", "basemap_hosts": "*"},
        {"basemap": "https://a.test/style.json", "basemap_hosts": "b.test; script-src"},
        {"basemap": "none", "basemap_url": "https://tiles.example.org/{z}/{x}/{y}.png"},
        {},
    ],
)
def test_whatever_else_opens_nothing(service: Open, setting: dict[str, str]) -> None:
    client = service(**setting)
    assert policy(client).startswith(SELF.format(""))
    assert config(client) is None


@pytest.mark.parametrize("schema", list(TileSchema))
@pytest.mark.parametrize("theme", list(StyleTheme))
def test_styles_have_every_colour_and_no_picture(
    service: Open, schema: TileSchema, theme: StyleTheme
) -> None:
    made = json_of(service(), f"/basemap/styles/{schema}.json?theme={theme}")
    text = json.dumps(made)
    assert "@" not in text
    assert "icon-" not in text
    assert len(made["layers"]) > 50
    names = [layer for layer in made["layers"] if layer["type"] == "symbol"]
    for layer in names:
        coalesce, first, *_ = layer["layout"]["text-field"]
        assert coalesce == "coalesce"
        assert first in (["get", "name:fr"], ["get", "name_fr"])


@pytest.mark.parametrize("theme", list(StyleTheme))
def test_the_public_style_names_us_alone(service: Open, archive: Path, theme: StyleTheme) -> None:
    client = service(basemap=str(archive))
    answer = client.get(f"/tiles/style.json?theme={theme}")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    style: Any = answer.json
    named = [part for part in json.dumps(style).split('"') if part.startswith("http")]
    assert named
    assert all(one.startswith("http://map.test/") for one in named)
    ids = [layer["id"] for layer in style["layers"]]
    assert len(ids) == len(set(ids))
    assert {layer.get("source") for layer in style["layers"]} - {None} == set(style["sources"])
    order = [
        "water",
        "base-ground",
        "land",
        "base-street-primary",
        "region-lines",
        "commune-labels",
    ]
    assert [one for one in ids if one in order] == order
    assert ids[-1] == "initiatives-counts"
    glyphs = style["glyphs"].removeprefix("http://map.test")
    stacks = {
        tuple(layer["layout"]["text-font"])
        for layer in style["layers"]
        if "text-field" in layer.get("layout", {})
    }
    for stack in stacks:
        path = glyphs.format(fontstack=quote(",".join(stack)), range="0-255")
        assert client.get(path).status_code == 200


def test_a_page_loads_little_more_for_it(service: Open, archive: Path) -> None:
    client = service(basemap=str(archive))
    paths = ("/static/js/basemap-layers.js", "/basemap/style.json")
    with ExitStack() as stack:
        answers = [stack.enter_context(client.get(path)) for path in paths]
        assert sum(len(gzip.compress(answer.data)) for answer in answers) < 20_000


def test_letters_come_from_us(service: Open) -> None:
    client = service()
    found = client.get("/basemap/glyphs/Noto%20Sans%20Regular/0-255.pbf")
    assert found.content_type == "application/x-protobuf"
    assert found.headers["Access-Control-Allow-Origin"] == "*"
    assert len(found.data) > 10_000
    fallback = client.get("/basemap/glyphs/Unknown,Noto%20Sans%20Regular/256-511.pbf")
    assert fallback.status_code == 200
    for path in (
        "Unknown/0-255",
        "Noto%20Sans%20Regular/0-254",
        "..%2F..%2Fstyles/0-255",
        "x/1-256",
    ):
        assert client.get(f"/basemap/glyphs/{path}.pbf").status_code == 404


@contextmanager
def documents(folder: Path, **content: Any) -> Iterator[str]:
    """A server of JSON documents, by their names."""
    for name, one in content.items():
        (folder / f"{name}.json").write_text(json.dumps(one))
    with serving(folder) as (address, _):
        yield address


def test_the_public_style_lays_our_layers_over_an_outside_one(
    service: Open, tmp_path: Path
) -> None:
    style = {
        "version": 8,
        "glyphs": "https://elsewhere.example.org/{fontstack}/{range}.pbf",
        "sources": {"plan": {"type": "vector", "tiles": ["tiles/{z}/{x}/{y}.pbf"]}},
        "layers": [
            {"id": "roads", "type": "line", "source": "plan", "source-layer": "roads"},
            {
                "id": "names",
                "type": "symbol",
                "source": "plan",
                "source-layer": "names",
                "layout": {"text-font": ["Their Font"], "icon-image": "star"},
            },
        ],
    }
    with documents(tmp_path, style=style) as address:
        made = json_of(service(basemap=f"{address}/style.json"), "/tiles/style.json")
    layers = {layer["id"]: layer for layer in made["layers"]}
    assert made["sources"]["base-plan"]["tiles"] == [f"{address}/tiles/{{z}}/{{x}}/{{y}}.pbf"]
    assert "127.0.0.1" in made["sources"]["base-plan"]["attribution"]
    assert layers["base-roads"]["source"] == "base-plan"
    assert layers["base-names"]["layout"] == {"text-font": ["Noto Sans Regular"]}
    assert "elsewhere" not in json.dumps(made)


def test_what_basemap_use_wrote_is_a_setting_like_another(tmp_path: Path) -> None:
    (tmp_path / BASEMAP_FILE).write_text(json.dumps({"basemap": "/x.pmtiles", "pool_size": 99}))
    environ = {"MAPSERVICE_HOME": str(tmp_path)}
    assert Settings.from_env(environ).basemap == "/x.pmtiles"
    assert Settings.from_env(environ).pool_size == Settings().pool_size
    named = environ | {"MAPSERVICE_BASEMAP": "none"}
    assert Settings.from_env(named).basemap == "none"
    former = environ | {"MAPSERVICE_BASEMAP_URL": "https://a.test/{z}/{x}/{y}.png"}
    assert Settings.from_env(former).basemap == ""

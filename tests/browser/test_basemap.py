"""Pages and other people's maps over each kind of base map, as a browser draws them."""

import base64
import gzip
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import mapbox_vector_tile
import pytest
from playwright.sync_api import Page, Route, expect

from mapservice.app import create_app
from mapservice.settings import Settings, vendor_folder
from mapservice.tiles.basemap.build import build
from mapservice.web.edge import SERVICES, Services
from tests.basemap.archives import write_archive
from tests.basemap.range_server import serving

# Flask-Compress leaves the files that it sends to the collector, and here they are ours.
pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

# One pixel, grey.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)
READY = "#map[data-state=ready]"
PATIENCE = 60_000  # ms: the map is drawn in software here
RENNES = "-1.70,48.10,-1.66,48.12"
BOUNDS = (-1.8, 48.0, -1.5, 48.2)
ELSEWHERE = "http://elsewhere.example.org"
STREET = "Rue de la Trame"


def tile() -> bytes:
    """A street that crosses the tile again and again, with its name, and water."""
    rows = ", ".join(f"(0 {row}, 4096 {row})" for row in range(200, 4096, 600))
    line = f"MULTILINESTRING({rows})"
    lake = "POLYGON((0 0, 4096 0, 4096 1000, 0 1000, 0 0))"
    features = {
        "transportation": (line, {"class": "primary"}),
        "transportation_name": (line, {"class": "primary", "name": STREET}),
        "water": (lake, {"class": "lake"}),
        "waterway": (line, {"class": "stream"}),
        "place": ("POINT(2048 3000)", {"class": "suburb", "name": "Quartier", "rank": 3}),
    }
    layers = [
        {"name": name, "features": [{"geometry": shape, "properties": properties}]}
        for name, (shape, properties) in features.items()
    ]
    return gzip.compress(mapbox_vector_tile.encode(layers), mtime=0)


def covering(zoom: int) -> Iterator[tuple[int, int, int]]:
    """The tiles around Rennes."""
    size = 2**zoom
    first, last = (int((lon + 180) / 360 * size) for lon in (BOUNDS[0], BOUNDS[2]))
    middle = int(0.34687 * size)
    reach = 1 + size // 4096
    for x in range(first, last + 1):
        for y in range(max(0, middle - reach), min(size - 1, middle + reach) + 1):
            yield zoom, x, y


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    content = tile()
    tiles = {one: content for zoom in range(15) for one in covering(zoom)}
    path = tmp_path_factory.mktemp("basemap") / "rennes.pmtiles"
    return write_archive(path, tiles, bounds=BOUNDS, attribution="© les auteurs d’essai")


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


class Threaded(ThreadingMixIn, WSGIServer):
    """A browser opens lines that it does not use: none may hold up another."""

    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A browser hangs up when it leaves a page."""


@pytest.fixture(scope="module")
def serve(sample_url: str) -> Iterator[Callable[..., str]]:
    """Starts a service with the settings that a test names; its address."""
    with ExitStack() as stack:

        def serve(**named: Any) -> str:
            # All of them stay up to the end: together they must leave others their connections.
            app = create_app(Settings(database_url=sample_url, pool_size=2, **named))
            services: Services = app.extensions[SERVICES]
            stack.callback(services.dispose)
            server = stack.enter_context(
                make_server("127.0.0.1", 0, app, server_class=Threaded, handler_class=Quiet)
            )
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield serve


@pytest.fixture(scope="module")
def with_archive(serve: Callable[..., str], archive: Path) -> str:
    return serve(basemap=str(archive))


@pytest.fixture
def asked(page: Page) -> list[str]:
    """Every address that was asked for."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url))
    return found


def credit(page: Page) -> str:
    return page.locator(".maplibregl-ctrl-attrib").text_content() or ""


def open_map(page: Page, address: str) -> None:
    page.goto(f"{address}/?bbox={RENNES}")
    page.wait_for_selector(READY, timeout=PATIENCE)


def test_a_page_draws_the_archive_and_asks_nobody_else(
    page: Page, with_archive: str, asked: list[str], complaints: list[str]
) -> None:
    open_map(page, with_archive)
    assert any(re.search(r"/basemap/1\d/\d+/\d+\.pbf\?v=", one) for one in asked)
    assert {urlsplit(one).netloc for one in asked} <= {urlsplit(with_archive).netloc, ""}
    assert complaints == []
    assert "© les auteurs d’essai" in credit(page)


NO_STREETS, SOME_STREETS = "fond sans rues", "rues sur une partie de la carte"


NAMES_OF_COMMUNES = """() => {
  const map = document.getElementById("map").map;
  const layers = ["commune-labels", "seat-labels", "town-labels"].filter((id) => map.getLayer(id));
  return map.queryRenderedFeatures({ layers }).map(({ properties }) => properties.name);
}"""
ON_TOP = """(one) => {
  const { left, top, width, height } = one.getBoundingClientRect();
  one.style.pointerEvents = "auto"; // what is done over it is for the map
  const found = document.elementFromPoint(left + width / 2, top + height / 2);
  one.style.pointerEvents = "";
  return found === one;
}"""


@pytest.mark.parametrize(
    ("width", "view"), [(390, "15/43.7415/7.4245"), (1280, "16.5/43.7407/7.4262")]
)
def test_abroad_the_commune_in_view_is_named(
    page: Page, live_server: str, width: int, view: str
) -> None:
    """The middle lies in Monaco, which is no commune of ours."""
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{live_server}/#{view}")
    page.wait_for_selector(READY, timeout=PATIENCE)
    expect(page.locator(".map-place")).to_be_visible(timeout=PATIENCE)
    assert page.locator(".map-place").evaluate(ON_TOP), "something on the map covers it"
    # On the ground, or in the caption where its label lies beyond the edge or gives way to streets.
    labels = page.evaluate(NAMES_OF_COMMUNES)
    told = page.locator(".map-place").text_content() or ""
    assert "Beausoleil" in f"{labels} {told}"
    in_part = told.startswith("en partie\N{NO-BREAK SPACE}:")
    assert in_part or "Beausoleil" not in told, "most of it is Monaco"


NAMES_OF_STREETS = """() => {
  const map = document.getElementById("map").map;
  const all = map.getStyle().layers.map(({ id }) => id);
  const layers = all.filter((id) => id.startsWith("base-label-street"));
  return map.queryRenderedFeatures({ layers }).map(({ properties }) => properties.name);
}"""


def test_a_phone_names_a_street(
    page: Page, serve: Callable[..., str], trial_data: Path, tmp_path: Path
) -> None:
    """Of what the map shows there beside its sheet: some 390 pixels by 270."""
    sources = trial_data / "basemap"
    if shutil.which("tilemaker") is None or not (sources / "monaco.osm.pbf").is_file():
        pytest.skip("no tilemaker, or no extract of Monaco, on this machine")
    water = sources / "water_polygons.zip"
    made = build(
        sources / "monaco.osm.pbf", tmp_path / "monaco.pmtiles", water, None, lambda _: None
    )
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{serve(basemap=str(made.path))}/#15/43.7415/7.4245")
    page.wait_for_selector(READY, timeout=PATIENCE)
    page.wait_for_function(f"() => ({NAMES_OF_STREETS})().length", timeout=PATIENCE)
    assert "Boulevard Princesse Charlotte" in page.evaluate(NAMES_OF_STREETS)


@pytest.mark.parametrize(
    ("view", "said", "unsaid"),
    [
        ("14/48.1/-1.65", None, (NO_STREETS, SOME_STREETS)),
        ("13/48.1/-1.5", SOME_STREETS, (NO_STREETS,)),
        ("14/48.39/-4.48", NO_STREETS, (SOME_STREETS,)),
        ("11/48.1/-1.5", None, (NO_STREETS, SOME_STREETS)),
    ],
    ids=["within", "at its edge", "beyond", "far away"],
)
def test_what_is_said_of_streets_is_true_of_an_archive(
    page: Page, with_archive: str, view: str, said: str | None, unsaid: tuple[str, ...]
) -> None:
    page.set_viewport_size({"width": 1280, "height": 820})
    page.goto(f"{with_archive}/#{view}")
    page.wait_for_selector(READY, timeout=PATIENCE)
    caption = page.locator(".map-place")
    if said:
        expect(caption).to_contain_text(said, timeout=PATIENCE)
        assert caption.evaluate(ON_TOP), "something on the map covers it"
    for words in unsaid:
        expect(caption).not_to_contain_text(words)


def test_neighbours_have_the_colour_of_land_among_streets(page: Page, with_archive: str) -> None:
    """The outline that we have of them is coarse: in a town at the border it would be an edge."""
    page.goto(f"{with_archive}/#12/48.1/-1.65")
    page.wait_for_selector(READY, timeout=PATIENCE)
    near, land = page.evaluate(
        """() => ["abroad", "land"].map((id) =>
          document.getElementById("map").map.getPaintProperty(id, "fill-color"))"""
    )
    assert near[:3] == ["interpolate", ["linear"], ["zoom"]]
    assert near[-1] == land
    assert near[-2] <= 12
    assert near[4] != land


def styled(page: Page, code: str, argument: Any) -> Any:
    """What functions of basemap-layers.js make, in the page of a service."""
    return page.evaluate(
        f"""async (argument) => {{
          const base = await import("/static/js/basemap-layers.js");
          return ({code})(base, argument);
        }}""",
        argument,
    )


OURS = {
    "version": 8,
    "sources": {"territories": {}},
    "layers": [
        {"id": "water", "type": "background"},
        {"id": "abroad", "type": "fill", "source": "abroad"},
        {"id": "land", "type": "fill", "source": "territories"},
        {"id": "rivers", "type": "line", "source": "x", "metadata": {"mapservice:yields": 9}},
        {"id": "departement-lines", "type": "line", "source": "territories"},
        {
            "id": "commune-labels",
            "type": "symbol",
            "source": "territories",
            "source-layer": "labels",
            "minzoom": 5,
        },
        {"id": "singles", "type": "symbol", "source": "initiatives"},
    ],
}


def test_layers_lie_over_our_ground_and_under_our_names(page: Page, with_archive: str) -> None:
    page.goto(with_archive)
    made = styled(
        page,
        """async (base, ours) => base.withBasemap(
          ours, await base.loadBasemap({ kind: "vector", style: "/basemap/style.json" }, true),
          "Family")""",
        OURS,
    )
    ids = [layer["id"] for layer in made["layers"]]
    order = [
        "water",
        "base-ground",
        "abroad",
        "land",
        "base-water-area",
        "base-street-primary",
        "departement-lines",
        "base-label-street-primary",
        "commune-labels",
        "commune-labels-beyond",
        "singles",
    ]
    assert [one for one in ids if one in order] == order
    layers = {layer["id"]: layer for layer in made["layers"]}
    assert layers["rivers"]["maxzoom"] == 9
    assert layers["commune-labels"]["maxzoom"] == 13
    assert layers["base-label-street-primary"]["layout"]["text-font"] == ["regular", "Family"]


def test_under_a_choropleth_there_are_water_and_names_alone(page: Page, with_archive: str) -> None:
    page.goto(with_archive)
    made = styled(
        page,
        """async (base, ours) => base.withBasemap(
          ours, await base.loadBasemap({ kind: "vector", style: "/basemap/style.json" }, false),
          "Family", ["water", "labels"])""",
        OURS,
    )
    groups = {layer.get("metadata", {}).get("mapservice:group") for layer in made["layers"]}
    assert groups == {None, "water", "labels"}


STYLE = {
    "version": 8,
    "glyphs": f"{ELSEWHERE}/fonts/{{fontstack}}/{{range}}.pbf",
    "sprite": f"{ELSEWHERE}/sprite",
    "sources": {"plan": {"type": "vector", "url": "tiles.json"}},
    "layers": [
        {
            "id": "water",
            "type": "fill",
            "source": "plan",
            "source-layer": "water",
            "paint": {"fill-color": "#0000ff"},
        }
    ],
}
TILEJSON: dict[str, Any] = {
    "tilejson": "3.0.0",
    "tiles": ["{z}/{x}/{y}.pbf"],
    "attribution": "© le géographe",
    "maxzoom": 14,
}
LAYERS = [{"id": name} for name in ("water", "transportation", "waterway", "place", "landcover")]


def answer_elsewhere(page: Page, documents: dict[str, Any]) -> None:
    """Another host: documents by their path, and a tile at every other."""

    def answer(route: Route) -> None:
        found = documents.get(urlsplit(route.request.url).path)
        headers = {"Access-Control-Allow-Origin": "*"}
        if found is not None:
            route.fulfill(json=found, headers=headers)
        else:
            route.fulfill(body=gzip.decompress(tile()), headers=headers)

    page.route(f"{ELSEWHERE}/**", answer)


@pytest.mark.parametrize(
    "documents",
    [
        {"/base.json": STYLE, "/tiles.json": TILEJSON},
        {"/base.json": TILEJSON | {"vector_layers": LAYERS}},
    ],
    ids=["style", "TileJSON"],
)
def test_a_base_map_of_another_host_is_drawn_and_credited(
    page: Page,
    serve: Callable[..., str],
    asked: list[str],
    complaints: list[str],
    documents: dict[str, Any],
) -> None:
    address = serve(basemap=f"{ELSEWHERE}/base.json")
    answer_elsewhere(page, documents)
    open_map(page, address)
    hosts = {urlsplit(one).netloc for one in asked} - {""}
    assert hosts == {urlsplit(address).netloc, urlsplit(ELSEWHERE).netloc}
    assert any(one.endswith(".pbf") and ELSEWHERE in one for one in asked)
    theirs = [one for one in asked if ELSEWHERE in one]
    assert not any("/fonts/" in one or "/sprite" in one for one in theirs)
    assert complaints == []
    assert "© le géographe" in credit(page)


def test_raster_tiles_are_drawn_and_credited(
    page: Page, serve: Callable[..., str], asked: list[str]
) -> None:
    address = serve(basemap=f"{ELSEWHERE}/{{z}}/{{x}}/{{y}}.png", basemap_attribution="© images")
    headers = {"Access-Control-Allow-Origin": "*", "Content-Type": "image/png"}
    page.route(f"{ELSEWHERE}/**", lambda route: route.fulfill(body=PIXEL, headers=headers))
    open_map(page, address)
    assert any(one.startswith(ELSEWHERE) for one in asked)
    assert "© images" in credit(page)
    # Nobody knows what is a street in a picture.
    page.evaluate("document.getElementById('map').map.jumpTo({ zoom: 15 })")
    expect(page.locator(".map-place")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".map-place")).not_to_contain_text(NO_STREETS)


@pytest.mark.parametrize(
    "documents",
    [
        {
            "/base.json": STYLE,
            "/tiles.json": TILEJSON | {"tiles": ["https://third.example/{z}/{x}/{y}"]},
        },
        {"/base.json": {"nothing": "of use"}},
        {"/base.json": TILEJSON | {"vector_layers": [{"id": "stars"}]}},
    ],
    ids=["names another host", "no style", "unknown layers"],
)
def test_what_cannot_be_had_leaves_our_own_map_and_a_warning(
    page: Page,
    serve: Callable[..., str],
    asked: list[str],
    complaints: list[str],
    documents: dict[str, Any],
) -> None:
    address = serve(basemap=f"{ELSEWHERE}/base.json")
    answer_elsewhere(page, documents)
    open_map(page, address)
    assert [one for one in complaints if "The base map is not available" in one] == complaints
    assert complaints
    assert not any("third.example" in one for one in asked)
    assert any("/tiles/territories/" in one for one in asked)


FOREIGN = """<!doctype html>
<title>Ailleurs</title>
<link rel="icon" href="data:,">
<div id="map" style="width: 600px; height: 400px"></div>
<script type="module">
  import { Map } from "/maplibre/maplibre-gl.mjs";
  window.draw = ([style, zoom]) => new Promise((done, failed) => {
    const view = { center: [-1.68, 48.11], zoom, fadeDuration: 0 };
    const map = new Map({ container: "map", style, ...view });
    map.on("error", (event) => failed(event.error));
    map.once("idle", () => done(map.queryRenderedFeatures().map(({ layer }) => layer.id)));
  });
  document.body.dataset.state = "ready";
</script>
"""


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_maplibre_of_another_origin_loads_the_style_by_its_address(
    page: Page,
    with_archive: str,
    tmp_path: Path,
    asked: list[str],
    complaints: list[str],
    theme: str,
) -> None:
    (tmp_path / "maplibre").symlink_to((vendor_folder() / "maplibre-gl" / "dist").resolve())
    (tmp_path / "carte").write_text(FOREIGN)
    with serving(tmp_path) as (elsewhere, _):
        page.goto(f"{elsewhere}/carte")
        page.wait_for_selector("body[data-state=ready]", timeout=PATIENCE)
        style = f"{with_archive}/tiles/style.json?theme={theme}"
        drawn = set(page.evaluate("window.draw", [style, 13]))
        afar = set(page.evaluate("window.draw", [style, 6]))
    assert drawn >= {"base-street-primary", "base-water-area", "base-label-street-primary"}
    assert "land" in drawn
    assert any(one.startswith("initiatives-") for one in afar)
    assert any("/basemap/glyphs/" in one for one in asked)
    assert complaints == []

"""MapLibre draws the tiles that other people's maps ask for: of the OGC doors, figures, heat."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.ogc.web import fetch

pytestmark = pytest.mark.long

PATIENCE = 30_000  # ms: the map is drawn in software here
RENNES = [-1.68, 48.11]

# A page of somebody else's: nothing of ours but MapLibre, the tiles and what TileJSON says.
PAGE = """<!doctype html>
<title>Essai</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/vendor/maplibre-gl/maplibre-gl.css">
<div id="map" style="width: 640px; height: 480px"></div>
<script type="module">
  import { Map } from "/vendor/maplibre-gl/maplibre-gl.mjs";
  window.draw = (sources, layers, view) => new Promise((done, failed) => {
    const style = { version: 8, sources, layers };
    const map = new Map({ container: "map", style, ...view, fadeDuration: 0 });
    map.on("error", (event) => failed(event.error));
    map.once("idle", () => done(layers.map(({ id }) =>
      map.queryRenderedFeatures({ layers: [id] }).map(({ properties }) => properties))));
  });
  document.body.dataset.state = "ready";
</script>
"""
Draw = Callable[..., list[list[dict[str, Any]]]]


@pytest.fixture
def draw(page: Page, live_server: str) -> Draw:
    """Draws sources as layers; gives the attributes of what each layer rendered."""
    address = f"{live_server}/essai"
    page.route(address, lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    page.goto(address)
    page.wait_for_selector("body[data-state=ready]", timeout=PATIENCE)

    def draw(
        sources: dict[str, Any], layers: list[dict[str, Any]], zoom: float
    ) -> list[list[dict[str, Any]]]:
        drawn: list[list[dict[str, Any]]] = page.evaluate(
            "([sources, layers, view]) => window.draw(sources, layers, view)",
            [sources, layers, {"center": RENNES, "zoom": zoom}],
        )
        return drawn

    return draw


def layer(kind: str, name: str, **paint: Any) -> dict[str, Any]:
    """A layer named for its source, which is named for its only layer."""
    return {"id": name, "type": kind, "source": name, "source-layer": name, "paint": paint}


def test_maplibre_draws_the_tiles_of_ogc_collections(
    draw: Draw, live_server: str, complaints: list[str], strangers: list[str]
) -> None:
    def source(name: str) -> dict[str, Any]:
        (link,) = (
            one
            for one in fetch(
                f"{live_server}/ogc/collections/{name}/tiles/WebMercatorQuad?f=json"
            ).json["links"]
            if one["rel"] == "item" and one["type"] == "application/vnd.mapbox-vector-tile"
        )
        # MapLibre's names for row and column.
        template = link["href"]
        for theirs, ours in (("tileMatrix", "z"), ("tileRow", "y"), ("tileCol", "x")):
            template = template.replace(f"{{{theirs}}}", f"{{{ours}}}")
        return {"type": "vector", "tiles": [template], "minzoom": 8, "maxzoom": 12}

    names = ("epcis", "activity-epci", "initiatives")
    areas, figures, points = draw(
        {name: source(name) for name in names},
        [
            layer("line", "epcis"),
            layer("fill", "activity-epci"),
            layer("circle", "initiatives"),
        ],
        8.5,
    )
    assert {"243500139"} <= {one["code"] for one in areas}
    assert {one["name"] for one in figures if one["code"] == "243500139"} == {"Rennes Métropole"}
    assert sum(one["count"] for one in points) > 0
    assert (complaints, strangers) == ([], [])


def test_maplibre_draws_figures_and_heat_as_tilejson_says(
    draw: Draw, live_server: str, complaints: list[str], strangers: list[str]
) -> None:
    sources = {
        name: {"type": "vector", "url": f"{live_server}/tiles/{name}.json?theme=culture,habitat"}
        for name in ("activity", "density")
    }
    colour = ["step", ["get", "initiatives"], "#eeeeee", 1, "#55aa99", 20, "#115544"]
    figures, heat = draw(
        sources,
        [
            layer("fill", "activity", **{"fill-color": colour}),
            layer("heatmap", "density", **{"heatmap-weight": ["get", "count"]}),
        ],
        6.5,
    )
    (departement,) = {
        (one["level"], one["name"], one["initiatives"]) for one in figures if one["code"] == "35"
    }
    listed = fetch(f"{live_server}/activity/departement.json?theme=culture,habitat").json
    (expected,) = (one for one in listed["territories"] if one["code"] == "35")
    assert departement == ("departement", "Ille-et-Vilaine", expected["initiatives"])
    assert sum(one["count"] for one in heat) > 0
    assert (complaints, strangers) == ([], [])

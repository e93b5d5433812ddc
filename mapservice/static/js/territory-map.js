// Entry of a territory's page: its outline and initiatives, and the figures of the level below.

import { openMap, tellFailure, whenIdle } from "./base-map.js";
import { shadeFigures, tellFigures } from "./figures.js";
import { stackAt, watchCommunes } from "./communes.js";
import { readConfig } from "./page.js";
import { openCard } from "./popup.js";

const config = readConfig();
const LAYERS = ["stacks", "clusters", "singles"];
const DEEPEST = 14.2; // tiles of zoom 14 hold every initiative by itself

const unique = (features) => [...new Map(features.map((f) => [f.properties.id, f.properties])).values()];

function openFound(atlas, found) {
  const [first] = found;
  const at = first.geometry.coordinates;
  if (first.layer.id === "clusters") {
    atlas.map.easeTo({ center: at, zoom: Math.min(atlas.map.getZoom() + 2, DEEPEST) });
    return null;
  }
  const chosen = first.layer.id === "stacks"
    ? stackAt(first.properties.territory)
    : unique(found.filter((feature) => feature.layer.id === "singles"));
  return openCard(atlas, at, chosen, () => {});
}

function watchClicks(atlas) {
  const { map } = atlas;
  let popup;
  map.on("click", ({ point: { x, y }, lngLat }) => {
    popup?.remove();
    const around = 6; // px, for thumbs
    const found = map.queryRenderedFeatures([[x - around, y - around], [x + around, y + around]], { layers: LAYERS });
    popup = found.length ? openFound(atlas, found) : tellFigures(atlas, [x, y], lngLat, config.figures?.level);
  });
}

function watchPointer({ map }) {
  map.on("mousemove", ({ point }) => {
    const layers = [...LAYERS, "figures"].filter((id) => map.getLayer(id));
    map.getCanvas().style.cursor = map.queryRenderedFeatures(point, { layers }).length ? "pointer" : "";
  });
}

try {
  await whenIdle();
  const atlas = await openMap(config, () => ({ territory: config.territory }), {
    cooperativeGestures: true, fitBoundsOptions: { padding: 24, maxZoom: 13 },
  });
  if (config.figures) atlas.map.on("style.load", () => shadeFigures(atlas.map, config.figures));
  watchCommunes(atlas.map);
  watchClicks(atlas);
  watchPointer(atlas);
} catch (error) {
  tellFailure(error);
}

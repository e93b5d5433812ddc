// Entry of a territory's page: its outline and initiatives, and the figures of the level below.

import { openMap, tellFailure, whenIdle } from "./base-map.js";
import { shadeFigures, tellFigures } from "./figures.js";
import { stackAt, watchCommunes } from "./communes.js";
import { walkByKeys } from "./map-keys.js";
import { readConfig } from "./page.js";
import { openCluster } from "./parting.js";
import { openCard } from "./popup.js";

const config = readConfig();
const LAYERS = ["stacks", "clusters", "singles"];

const unique = (features) => [...new Map(features.map((f) => [f.properties.id, f.properties])).values()];

let popup;

const card = (atlas) => (at, chosen) => {
  popup?.remove();
  popup = openCard(atlas, at, chosen, () => {});
};

function open(atlas, found) {
  const [first] = found;
  const at = first.geometry.coordinates;
  if (first.layer.id === "clusters") openCluster(atlas, at, card(atlas));
  else if (first.layer.id === "stacks") card(atlas)(at, stackAt(first.properties.territory));
  else card(atlas)(at, unique(found.filter((feature) => feature.layer.id === "singles")));
}

function watchClicks(atlas) {
  const { map } = atlas;
  map.on("click", ({ point: { x, y }, lngLat }) => {
    popup?.remove();
    const around = 6; // px, for thumbs
    const found = map.queryRenderedFeatures([[x - around, y - around], [x + around, y + around]], { layers: LAYERS });
    if (found.length) open(atlas, found);
    else popup = tellFigures(atlas, [x, y], lngLat, config.figures?.level);
  });
  const mark = (feature) => map.getSource("highlight")?.setData({
    type: "FeatureCollection",
    features: feature ? [{ type: "Feature", properties: {}, geometry: feature.geometry }] : [],
  });
  walkByKeys(map, { show: mark, open: (feature) => open(atlas, [feature]) });
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

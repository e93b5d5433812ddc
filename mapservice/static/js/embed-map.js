// The map within a frame of another site: that of the home page, less what its list and address follow.

import { openMap, tellFailure, whenIdle } from "./base-map.js";
import { stackAt, watchCommunes } from "./communes.js";
import { mark } from "./list.js";
import { walkByKeys } from "./map-keys.js";
import { readConfig } from "./page.js";
import { openCluster } from "./parting.js";
import { openCard } from "./popup.js";

const config = readConfig();
const AROUND = 6; // px, for thumbs
const LAYERS = ["stacks", "clusters", "singles"];
let atlas, popup;

function highlight(position) {
  const features = position ? [{ type: "Feature", properties: {}, geometry: { type: "Point", coordinates: position } }] : [];
  atlas.map.getSource("highlight")?.setData({ type: "FeatureCollection", features });
}

function select(at, found) {
  popup?.remove();
  highlight(at);
  mark(found.length === 1 ? [found[0].id] : [], "is-selected", true);
  popup = openCard(atlas, at, found, () => {
    mark([], "is-selected");
    highlight(null);
  });
}

const unique = (features) => [...new Map(features.map(({ properties }) => [properties.id, properties])).values()];

/** What a click on a feature does; `found` is all that was hit with it. */
function open(first, found = [first]) {
  const at = first.geometry.coordinates;
  if (first.layer.id === "stacks") select(at, stackAt(first.properties.territory));
  else if (first.layer.id === "clusters") openCluster(atlas, at, select);
  else select(at, unique(found.filter(({ layer }) => layer.id === "singles")));
}

function onClick({ point, lngLat }) {
  const { map } = atlas;
  const box = [[point.x - AROUND, point.y - AROUND], [point.x + AROUND, point.y + AROUND]];
  const found = map.queryRenderedFeatures(box, { layers: LAYERS });
  if (found.length) return open(found[0], found);
  // What is somewhere in a tinted commune opens on its whole ground.
  const [ground] = map.queryRenderedFeatures(point, { layers: ["shaded-communes"] }).filter(({ state }) => state.shaded);
  const held = ground ? stackAt(ground.properties.code) : [];
  if (!held.length) return;
  select(lngLat, held);
  highlight(null); // no ring at the place of a click
}

function watchPointer(map) {
  for (const layer of LAYERS) {
    map.on("mousemove", layer, () => (map.getCanvas().style.cursor = "pointer"));
    map.on("mouseleave", layer, () => (map.getCanvas().style.cursor = ""));
  }
}

try {
  await whenIdle();
  // The wheel and one finger move the page around.
  atlas = await openMap(config, () => ({ territory: config.territory }), { cooperativeGestures: true });
  atlas.map.on("click", onClick);
  walkByKeys(atlas.map, { show: (feature) => highlight(feature?.geometry.coordinates ?? null), open });
  watchCommunes(atlas.map);
  watchPointer(atlas.map);
} catch (error) {
  tellFailure(error);
}

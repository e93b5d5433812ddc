// What is known only to its commune: the commune is tinted, and its initiatives are counted on it.

import { counted } from "./page.js";
import { stackImage } from "./style.js";

export const NEAREST_TINT = 8; // communes are in the tiles from this zoom on
const shown = { communes: new Map(), drawn: "", tinted: new Set() };

/** Initiatives of the loaded tiles that are known to a commune and no better, by commune. */
function byCommune(map) {
  const found = map.querySourceFeatures("initiatives", {
    sourceLayer: "initiatives", filter: ["==", ["get", "precision"], "commune"],
  });
  const communes = new Map();
  for (const { properties, geometry } of found) {
    if (!properties.territory || !properties.id) continue;
    const commune = communes.get(properties.territory) ?? { at: geometry.coordinates, held: new Map() };
    commune.held.set(properties.id, properties);
    communes.set(properties.territory, commune);
  }
  return communes;
}

function countThemes(held) {
  const counts = {};
  for (const { theme } of held.values()) counts[theme] = (counts[theme] ?? 0) + 1;
  return counts;
}

const stackFeature = ([territory, { at, held }]) => ({
  type: "Feature", geometry: { type: "Point", coordinates: at },
  properties: {
    territory, count: held.size, image: stackImage(countThemes(held)), told: counted("somewhere", held.size),
  },
});

function tint(map, communes) {
  for (const id of communes.keys()) {
    if (shown.tinted.has(id)) continue; // told again, the map would draw again, fall idle and come here
    shown.tinted.add(id);
    map.setFeatureState({ source: "territories", sourceLayer: "communes", id }, { shaded: true });
  }
}

// Setting the same data again would make the map draw, fall idle and come here without end.
function stack(map, communes) {
  const features = [...communes].map(stackFeature);
  const drawn = JSON.stringify(features);
  if (drawn === shown.drawn) return;
  shown.drawn = drawn;
  map.getSource("stacks").setData({ type: "FeatureCollection", features });
}

function show(map) {
  shown.communes = map.getZoom() < NEAREST_TINT ? new Map() : byCommune(map);
  tint(map, shown.communes);
  stack(map, shown.communes);
}

/** Tints and stacks whenever the tiles of a view have come, and anew with a new style. */
export function watchCommunes(map) {
  map.on("idle", () => show(map));
  map.on("style.load", () => {
    shown.drawn = "";
    shown.tinted.clear();
  });
}

/** Before other tiles come: what was tinted for the former ones is forgotten. */
export function forgetCommunes(map) {
  shown.tinted.clear();
  map.removeFeatureState({ source: "territories", sourceLayer: "communes" });
}

/** The initiatives that the stack on a commune holds. */
export const stackAt = (territory) => [...(shown.communes.get(territory)?.held.values() ?? [])];

// What is known only to its commune: the commune is tinted, and its initiatives are counted on it.

import { counted } from "./page.js";
import { ALONE, stackImage, WORDS_FROM } from "./style.js";

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

const ROOM = 36; // px from the middle of a ring to that of a dot: neither covers the other
const DIAGONAL = Math.SQRT1_2;
const AROUND = [
  [0, -1], [0, 1], [-1, 0], [1, 0],
  [-DIAGONAL, -DIAGONAL], [DIAGONAL, -DIAGONAL], [-DIAGONAL, DIAGONAL], [DIAGONAL, DIAGONAL],
];

/** Signs that stand for a place of their own, in pixels. */
function placedSigns(map) {
  const layers = ["singles", "clusters"].filter((id) => map.getLayer(id));
  return map.queryRenderedFeatures({ layers })
    .filter(({ properties }) => properties.count > 1 || properties.precision === "point")
    .map(({ geometry }) => map.project(geometry.coordinates));
}

/** Where a ring stands: at the spot of its commune or, where a sign stands there, beside it on the commune's ground. */
function placeOfRing(map, signs, territory, at) {
  const isFree = ({ x, y }) => signs.every((sign) => Math.hypot(sign.x - x, sign.y - y) >= ROOM);
  const isGround = ({ x, y }) =>
    map.queryRenderedFeatures([x, y], { layers: ["towns"] }).some(({ properties }) => properties.code === territory);
  const spot = map.project(at);
  if (isFree(spot) || !map.getLayer("towns")) return at;
  const found = AROUND.map(([right, down]) => ({ x: spot.x + right * ROOM, y: spot.y + down * ROOM }))
    .find((beside) => isFree(beside) && isGround(beside));
  // Rounded, or each rest of the map would find it elsewhere.
  return found ? map.unproject([found.x, found.y]).toArray().map((degrees) => Number(degrees.toFixed(5))) : at;
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
  const several = [...communes].filter(([, { held }]) => held.size > 1);
  if (map.getZoom() < WORDS_FROM) {
    const signs = several.length ? placedSigns(map) : [];
    for (const [territory, commune] of several) commune.at = placeOfRing(map, signs, territory, commune.at);
  }
  const features = [...communes].map(stackFeature);
  const drawn = JSON.stringify(features);
  if (drawn === shown.drawn) return;
  shown.drawn = drawn;
  map.getSource("stacks").setData({ type: "FeatureCollection", features });
  // Each alone would lie on their ring, and hide how many they are.
  const isHeld = ["in", ["get", "territory"], ["literal", several.map(([territory]) => territory)]];
  map.setFilter("singles", several.length ? ["all", ALONE, ["!", ["all", isHeld, ["==", ["get", "precision"], "commune"]]]] : ALONE);
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

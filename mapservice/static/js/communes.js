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

const isGround = (map, territory, { x, y }) =>
  map.queryRenderedFeatures([x, y], { layers: ["towns"] }).some(({ properties }) => properties.code === territory);

// Rounded, or each rest of the map would find it elsewhere.
const placeAt = (map, { x, y }) => map.unproject([x, y]).toArray().map((degrees) => Number(degrees.toFixed(5)));

const besides = ({ x, y }, distance) => AROUND.map(([right, down]) => ({ x: x + right * distance, y: y + down * distance }));

/** Where a ring stands: at the spot of its commune or, where a sign stands there, beside it on the commune's ground. */
function placeOfRing(map, signs, territory, at) {
  const isFree = ({ x, y }) => signs.every((sign) => Math.hypot(sign.x - x, sign.y - y) >= ROOM);
  const spot = map.project(at);
  if (isFree(spot)) return at;
  const found = besides(spot, ROOM).find((beside) => isFree(beside) && isGround(map, territory, beside));
  return found ? placeAt(map, found) : at;
}

// Half of the room that three lines of words take, in pixels.
const WORDS_WIDE = 78;
const WORDS_HIGH = 29;
const CORNERS = [[0, 0], [-1, -1], [1, -1], [-1, 1], [1, 1]].map(([right, down]) => [right * WORDS_WIDE, down * WORDS_HIGH]);
const WORDS_BESIDE = [30, 60, 90, 120, 150, 190, 230, 280];
const OVER_THE_MAP = ".map-place, .maplibregl-ctrl";
const WORDS_MOVE_FROM = 13; // farther out hardly a commune has room for them

/** Names and outlines of these communes in the loaded tiles, by code: rings of each piece, longitude and latitude. */
function groundsOf(map, territories) {
  const filter = ["in", ["get", "code"], ["literal", territories]];
  const grounds = new Map(territories.map((territory) => [territory, { name: "", pieces: [] }]));
  for (const { properties, geometry } of map.querySourceFeatures("territories", { sourceLayer: "communes", filter })) {
    const pieces = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
    const ground = grounds.get(properties.code);
    ground.name = properties.name;
    ground.pieces.push(...pieces);
  }
  return grounds;
}

/** Whether a place lies within one of these pieces: its ray to the east meets their sides an odd number of times. */
const isWithin = ({ lng, lat }, pieces) => pieces.some((rings) => {
  let isOdd = false;
  for (const ring of rings) {
    for (let at = 1; at < ring.length; at += 1) {
      const [[x, y], [lastX, lastY]] = [ring[at], ring[at - 1]];
      if (y > lat !== lastY > lat && lng < x + ((lat - y) / (lastY - y)) * (lastX - x)) isOdd = !isOdd;
    }
  }
  return isOdd;
});

/**
 * Where words about a commune stand: as much on its ground as they can, in view, rather beside dots than on them, near
 * its spot. That is its town hall, which may stand at its border: half of the words would speak of the neighbour.
 */
function placeOfWords(map, signs, ground, at) {
  const spot = map.project(at);
  const { clientWidth, clientHeight } = map.getCanvas();
  const covers = [...map.getContainer().querySelectorAll(OVER_THE_MAP)].map((one) => one.getBoundingClientRect());
  const { left, top } = map.getContainer().getBoundingClientRect();
  const isFree = ({ x, y }) => signs.every((sign) => Math.abs(sign.x - x) > WORDS_WIDE + 18 || Math.abs(sign.y - y) > WORDS_HIGH + 18);
  const isSeen = ({ x, y }) =>
    x > WORDS_WIDE && x < clientWidth - WORDS_WIDE && y > WORDS_HIGH && y < clientHeight - WORDS_HIGH
    && covers.every((one) => one.right - left < x - WORDS_WIDE || one.left - left > x + WORDS_WIDE
      || one.bottom - top < y - WORDS_HIGH || one.top - top > y + WORDS_HIGH);
  const worth = (middle) => {
    const within = CORNERS.filter(([right, down]) => isWithin(map.unproject([middle.x + right, middle.y + down]), ground)).length;
    // In view of the neighbour's ground they would be untrue. On a dot the map itself would move them.
    return within > 2 ? within + (isSeen(middle) ? CORNERS.length : 0) + (isFree(middle) ? CORNERS.length : 0) : within;
  };
  let best = spot, most = worth(spot);
  for (const beside of WORDS_BESIDE.flatMap((distance) => besides(spot, distance))) {
    if (most === 3 * CORNERS.length) break; // nothing is better
    const found = worth(beside);
    if (found > most) [best, most] = [beside, found];
  }
  return best === spot ? at : placeAt(map, best);
}

// Which commune is said, as the words may stand far from its name, or in a view that has none.
const stackFeature = ([territory, { at, held, name }]) => ({
  type: "Feature", geometry: { type: "Point", coordinates: at },
  properties: {
    territory, count: held.size, image: stackImage(countThemes(held)),
    told: [name, counted("somewhere", held.size)].filter(Boolean).join("\n"),
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
  const zoom = map.getZoom();
  if (zoom < WORDS_FROM && several.length && map.getLayer("towns")) {
    const signs = placedSigns(map);
    for (const [territory, commune] of several) commune.at = placeOfRing(map, signs, territory, commune.at);
  } else if (zoom >= WORDS_MOVE_FROM && communes.size) {
    const signs = placedSigns(map), grounds = groundsOf(map, [...communes.keys()]);
    for (const [territory, commune] of communes) {
      const { name, pieces } = grounds.get(territory);
      commune.name = name;
      commune.at = placeOfWords(map, signs, pieces, commune.at);
    }
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

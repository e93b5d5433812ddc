// Where the names of towns stand between markers. The library gives each name the first free place, the most
// important first, and leaves out what then finds none. Here names that are in the way of another step aside
// where they can: where initiatives are dense, more towns are named.

export const PLACED = "placed-towns";
// As tiles carry them: from zoom 6 on all of more than so many inhabitants are there.
export const LEAST = 20_000;
export const ZOOMS = [6, 10];

const MARKERS = ["singles", "clusters", "stacks"];
// Anchor, and the step to the right and down, in ems for each em of distance.
const DIRECTIONS = [
  ["left", 1, 0], ["right", -1, 0], ["bottom", 0, -1], ["top", 0, 1],
  ["bottom-left", 0.75, -0.75], ["top-left", 0.75, 0.75], ["bottom-right", -0.75, -0.75], ["top-right", -0.75, 0.75],
  ["left", 1, -0.5], ["left", 1, 0.5], ["right", -1, -0.5], ["right", -1, 0.5],
];
// In ems of the name. Beyond the last but three only the seats of regions go: what people look for first is
// better at some distance than not at all.
const DISTANCES = [0.35, 0.65, 1, 1.4, 1.8, 2.2, 2.6, 3, 3.6, 4.2, 5];
const NEAR = 1;
const FAR = 3;
/** All places around a town, the best first: `spot` of a feature is the number of its own. */
export const SPOTS = DISTANCES.flatMap((distance) =>
  DIRECTIONS.map(([anchor, x, y]) => ({ distance, anchor, offset: [x * distance, y * distance] })));
const LINE = 1; // height of a name, of its size: as tight as letters allow
const MOST_ASIDE = 2;
const RATIO = 2; // of images to pixels

const sizeOf = ({ population, seat }) =>
  seat === "region" ? 13.5 : population >= 100_000 ? 12 : 11;
export const importance = ({ population, seat }) =>
  population + (seat === "region" ? 5e6 : seat === "departement" ? 10_000 : 0);

const apart = (one, other) =>
  one[2] <= other[0] || other[2] <= one[0] || one[3] <= other[1] || other[3] <= one[1];

/** The boxes that the name of a town at `x`, `y` would take, with their numbers. */
function boxesOf({ x, y, width, size }, farthest) {
  const height = size * LINE;
  return SPOTS.filter(({ distance }) => distance <= farthest).map(({ distance, anchor, offset }, number) => {
    const left = x + offset[0] * size - (anchor.endsWith("left") ? 0 : anchor.endsWith("right") ? width : width / 2);
    const top = y + offset[1] * size - (anchor.startsWith("top") ? 0 : anchor.startsWith("bottom") ? height : height / 2);
    return { number, distance, box: [left, top, left + width, top + height] };
  });
}

/**
 * Gives each of the towns a place, or none. `taken` are boxes of markers, `before` the numbers of last time's
 * places by code, kept where they still can be, so that names do not jump. Returns a map of towns to places.
 */
export function placeTowns(towns, taken, before = new Map()) {
  const ordered = [...towns].sort((one, other) => importance(other) - importance(one));
  const placed = new Map();
  for (const town of ordered) {
    const spots = boxesOf(town, town.seat === "region" ? Infinity : FAR).filter(({ box }) => taken.every((other) => apart(box, other)));
    const same = spots.find(({ number }) => number === before.get(town.code));
    if (same) spots.unshift(same);
    town.spots = spots;
  }
  // Those whose names would be covered; undefined where they are more than `most`.
  const inTheWay = (box, most) => {
    const found = [];
    for (const [town, place] of placed) {
      if (apart(place.box, box)) continue;
      if (found.length === most) return undefined;
      found.push(town);
    }
    return found;
  };
  const settle = (town, farthest = Infinity) => {
    const spot = town.spots.find(({ box, distance }) => distance <= farthest && inTheWay(box, 0));
    if (spot) placed.set(town, spot);
    return Boolean(spot);
  };
  // Puts a town at a spot if all that are in its way find another one, or `may` do without.
  const makeRoom = (town, spot, may) => {
    const others = inTheWay(spot.box, MOST_ASIDE);
    if (!others) return false;
    const former = others.map((other) => [other, placed.get(other)]);
    for (const other of others) placed.delete(other);
    placed.set(town, spot);
    if (others.every((other) => settle(other) || may(other))) return true;
    for (const one of [town, ...others]) placed.delete(one);
    for (const [other, place] of former) placed.set(other, place);
    return false;
  };
  const waiting = () => ordered.filter((town) => !placed.has(town));
  // Close by first: a name far off would take the place beside another town.
  for (const town of ordered) settle(town, NEAR);
  for (const town of waiting()) settle(town);
  for (const town of waiting()) town.spots.some((spot) => makeRoom(town, spot, () => false));
  // A larger town beside which there is room goes before a smaller one.
  for (const town of waiting()) {
    const smaller = (other) => importance(other) < importance(town);
    town.spots.some((spot) => spot.distance <= NEAR && makeRoom(town, spot, smaller));
  }
  for (const town of waiting()) settle(town);
  return placed;
}

function markersOf(map) {
  const layers = MARKERS.filter((id) => map.getLayer(id));
  return map.queryRenderedFeatures({ layers }).map(({ geometry, layer }) => {
    const { x, y } = map.project(geometry.coordinates);
    const icon = layer.layout["icon-image"];
    const half = (map.getImage(String(icon?.name ?? icon))?.data.width ?? 64) / RATIO / 2;
    return [x - half, y - half, x + half, y + half];
  });
}

function townsIn(map, measure) {
  const { clientWidth: wide, clientHeight: high } = map.getContainer();
  const features = map.querySourceFeatures("territories", {
    sourceLayer: "labels", filter: ["all", ["==", ["get", "level"], "commune"], [">=", ["get", "population"], LEAST]],
  });
  const found = new Map();
  for (const { properties, geometry } of features) {
    if (found.has(properties.code)) continue;
    const { x, y } = map.project(geometry.coordinates);
    if (x < 0 || y < 0 || x > wide || y > high) continue;
    const size = sizeOf(properties);
    found.set(properties.code, { ...properties, at: geometry.coordinates, x, y, size, width: measure(properties, size) });
  }
  return [...found.values()];
}

function featureOf(town, place) {
  const { code, name, population, seat, size } = town;
  return {
    type: "Feature", geometry: { type: "Point", coordinates: town.at },
    properties: { level: "commune", code, name, population, seat, size, spot: place?.number ?? 0, above: !place },
  };
}

/** From a town to the nearest edge of its name, where that stands at some distance: whose it is must be plain. */
function leaderOf(map, town, { box: [left, top, right, bottom] }) {
  const nearest = [Math.min(Math.max(town.x, left), right), Math.min(Math.max(town.y, top), bottom)];
  const { lng, lat } = map.unproject(nearest);
  return { type: "Feature", geometry: { type: "LineString", coordinates: [town.at, [lng, lat]] }, properties: {} };
}

// Between two looks while tiles come.
const EACH_MS = 100;

/** Places the names anew once a map has come to rest, and shows them before it calls itself idle. */
export function followTowns(map, family) {
  const context = document.createElement("canvas").getContext("2d");
  const measure = ({ name, seat }, size) => {
    context.font = `${seat === "region" ? 600 : 500} ${size}px "${family}"`;
    return context.measureText(name).width;
  };
  let before = new Map();
  let shown = "";
  let looked = 0;
  map.on("style.load", () => (shown = ""));
  map.on("render", () => {
    if (map.isMoving() || !map.areTilesLoaded() || performance.now() - looked < EACH_MS) return;
    place();
  });
  map.on("idle", place);

  function place() {
    looked = performance.now();
    const source = map.getSource(PLACED);
    if (!source || !map.getLayer("clusters")) return;
    const zoom = Math.floor(map.getZoom());
    const towns = zoom >= ZOOMS[0] && zoom < ZOOMS[1] ? townsIn(map, measure) : [];
    const placed = towns.length ? placeTowns(towns, markersOf(map), before) : new Map();
    before = new Map([...placed].map(([{ code }, { number }]) => [code, number]));
    // The seat of a region is named in any case, over a marker if it must be.
    const named = towns.filter((town) => placed.has(town) || town.seat === "region");
    const leaders = [...placed].filter(([, { distance }]) => distance > NEAR).map(([town, place]) => leaderOf(map, town, place));
    const features = [...named.map((town) => featureOf(town, placed.get(town))), ...leaders];
    const now = JSON.stringify(features);
    if (now === shown) return;
    shown = now;
    source.setData({ type: "FeatureCollection", features });
  }
}

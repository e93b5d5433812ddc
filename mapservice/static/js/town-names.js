// Where the names of towns stand between markers. The library gives each name the first free place, the most
// important first, and leaves out what then finds none. Here names that are in the way of another step aside
// where they can: where initiatives are dense, more towns are named.

export const PLACED = "placed-towns";
// As tiles carry them: from zoom 6 on all of more than so many inhabitants are there, farther off the largest.
export const LEAST = 20_000;
export const ZOOMS = [3, 10];

const MARKERS = ["singles", "clusters", "stacks", "events", "groups"];
// Anchor, and the step to the right and down, in ems for each em of distance.
const DIRECTIONS = [
  ["left", 1, 0], ["right", -1, 0], ["bottom", 0, -1], ["top", 0, 1],
  ["bottom-left", 0.75, -0.75], ["top-left", 0.75, 0.75], ["bottom-right", -0.75, -0.75], ["top-right", -0.75, 0.75],
  ["left", 1, -0.5], ["left", 1, 0.5], ["right", -1, -0.5], ["right", -1, 0.5],
  ["left", 0.6, -1], ["left", 0.6, 1], ["right", -0.6, -1], ["right", -0.6, 1],
  ["bottom-left", 0.3, -1], ["top-left", 0.3, 1], ["bottom-right", -0.3, -1], ["top-right", -0.3, 1],
];
// In ems of the name.
const DISTANCES = [0.35, 0.65, 1, 1.4, 1.8, 2.2, 2.6, 3, 3.6, 4.2, 5];
const NEAR = 1;
// Where a name is looked for: on the right, on any side at once, and only then farther around.
const BEST = [1, 4];
/** All places around a town, the best first: `spot` of a feature is the number of its own. */
export const SPOTS = DISTANCES.flatMap((distance) =>
  DIRECTIONS.map(([anchor, x, y]) => ({ distance, anchor, offset: [x * distance, y * distance] })));
const LINE = 1; // height of a name, of its size: as tight as letters allow
const MOST_ASIDE = 3;
// Who steps aside may ask another to do so too.
const STEPS_ASIDE = 1;
const RATIO = 2; // of images to pixels
const SHADOW = 2; // px around a marker, within its image

const sizeOf = ({ population, seat }) =>
  seat === "region" ? 13.5 : population >= 100_000 ? 12 : 11;
export const importance = ({ population, seat }) =>
  population + (seat === "region" ? 5e6 : seat === "departement" ? 10_000 : 0);

const apart = (one, other) =>
  one[2] <= other[0] || other[2] <= one[0] || one[3] <= other[1] || other[3] <= one[1];

/** Whether a name keeps clear of a marker: of its disc, as the corners of its image are empty. */
function isClear([left, top, right, bottom], { x, y, radius }) {
  const dx = Math.max(left - x, x - right, 0), dy = Math.max(top - y, y - bottom, 0);
  return dx * dx + dy * dy >= radius * radius;
}

/** Whether it keeps clear of the square of its image too. */
const isWide = (box, { x, y, radius }) => apart(box, [x - radius - SHADOW, y - radius - SHADOW, x + radius + SHADOW, y + radius + SHADOW]);

/** The boxes that the name of a town at `x`, `y` would take, with their numbers. */
function boxesOf({ x, y, width, size }) {
  const height = size * LINE;
  return SPOTS.map(({ distance, anchor, offset }, number) => {
    const left = x + offset[0] * size - (anchor.endsWith("left") ? 0 : anchor.endsWith("right") ? width : width / 2);
    const top = y + offset[1] * size - (anchor.startsWith("top") ? 0 : anchor.startsWith("bottom") ? height : height / 2);
    return { number, distance, box: [left, top, left + width, top + height] };
  });
}

const SQUARE = 48; // px
const MOST_SQUARES = 4096; // in a column of them

/** Places of names by town, and towns by squares of the map, so that few are compared. Changes can be undone. */
class PlacedNames {
  places = new Map();
  #squares = new Map();
  #changes = [];

  add(town, place) {
    this.places.set(town, place);
    for (const square of squaresOf(place.box)) {
      if (!this.#squares.has(square)) this.#squares.set(square, new Set());
      this.#squares.get(square).add(town);
    }
    this.#changes.push([town, null]);
  }

  remove(town) {
    const place = this.places.get(town);
    this.places.delete(town);
    for (const square of squaresOf(place.box)) this.#squares.get(square).delete(town);
    this.#changes.push([town, place]);
  }

  /** Tries some changes; keeps them if the function says so. */
  attempt(change) {
    const before = this.#changes.length;
    const done = change();
    while (!done && this.#changes.length > before) {
      const [town, place] = this.#changes.pop();
      if (place) this.add(town, place);
      else this.remove(town);
      this.#changes.pop(); // what undid it
    }
    return done;
  }

  /** Towns whose names would be covered; undefined where they are more than `most`. */
  inTheWay(box, most) {
    const found = [];
    for (const square of squaresOf(box)) {
      for (const town of this.#squares.get(square) ?? []) {
        if (found.includes(town) || apart(this.places.get(town).box, box)) continue;
        if (found.length === most) return undefined;
        found.push(town);
      }
    }
    return found;
  }
}

function squaresOf([left, top, right, bottom]) {
  const found = [];
  for (let x = Math.floor(left / SQUARE); x <= Math.floor(right / SQUARE); x += 1) {
    for (let y = Math.floor(top / SQUARE); y <= Math.floor(bottom / SQUARE); y += 1) found.push(x * MOST_SQUARES + y);
  }
  return found;
}

/**
 * Gives each of the towns a place, or none. `markers` are discs {x, y, radius}, `before` the numbers of last time's
 * places by code, kept where they still can be, so that names do not jump. Returns a map of towns to places.
 */
export function placeTowns(towns, markers, before = new Map()) {
  const ordered = [...towns].sort((one, other) => importance(other) - importance(one));
  const placed = new PlacedNames();
  for (const town of ordered) {
    const spots = boxesOf(town).filter(({ box }) => markers.every((marker) => isClear(box, marker)));
    for (const spot of spots) spot.wide = spot.number < BEST[1] && markers.every((marker) => isWide(spot.box, marker));
    const same = spots.find(({ number }) => number === before.get(town.code));
    if (same) spots.unshift(same);
    town.spots = spots;
  }
  const settle = (town, good = () => true) => {
    const spot = town.spots.find((one) => good(one) && placed.inTheWay(one.box, 0));
    if (spot) placed.add(town, spot);
    return Boolean(spot);
  };
  // Puts a town at a spot if all that are in its way find another one, or `may` do without.
  const makeRoom = (town, spot, may, steps) => {
    const others = placed.inTheWay(spot.box, steps === STEPS_ASIDE ? MOST_ASIDE : 1);
    if (!others) return false;
    const former = new Map(others.map((other) => [other, placed.places.get(other)]));
    const stepsAside = (other) => settle(other)
      || (steps > 0 && other.spots.some(({ box, ...one }) => apart(box, spot.box) && makeRoom(other, { box, ...one }, never, steps - 1)))
      || may(other, former.get(other));
    return placed.attempt(() => {
      for (const other of others) placed.remove(other);
      placed.add(town, spot);
      return others.every(stepsAside);
    });
  };
  const never = () => false;
  const waiting = () => ordered.filter((town) => !placed.places.has(town));
  // Close by first: a name far off would take the place beside another town. And what has room to spare before what
  // squeezes in at a marker's corner, as that would take the only place of another.
  for (const best of BEST) for (const town of waiting()) settle(town, ({ number, wide }) => wide && number < best);
  for (const best of BEST) for (const town of waiting()) settle(town, ({ number }) => number < best);
  for (const town of waiting()) settle(town, ({ distance }) => distance <= NEAR);
  for (const town of waiting()) settle(town);
  for (const town of waiting()) town.spots.some((spot) => makeRoom(town, spot, never, STEPS_ASIDE));
  // A larger town beside which there is room goes before a smaller one, and before one of its kind named from afar.
  for (const town of waiting()) {
    const weight = importance(town);
    const gives = (other, { distance }) =>
      importance(other) < weight || (distance > NEAR && !other.seat && importance(other) < 2 * weight);
    town.spots.some((spot) => spot.distance <= NEAR && makeRoom(town, spot, gives, 0));
  }
  for (const town of waiting()) settle(town);
  return placed.places;
}

/** How far below its place (above: less than 0) the middle of a sign stands, in px; layers of map-kinds.js tell. */
export function riseOf({ metadata }, { precision }, zoom, size) {
  if (!metadata?.side || (metadata.stand === "alone" && precision !== "point")) return 0;
  const { side, near, far, nearZoom } = metadata;
  return side * ((zoom < nearZoom ? far : near) + size / 2);
}

function markersOf(map) {
  const layers = MARKERS.filter((id) => map.getLayer(id));
  return map.queryRenderedFeatures({ layers }).map(({ geometry, layer, properties }) => {
    const { x, y } = map.project(geometry.coordinates);
    const icon = layer.layout["icon-image"];
    const half = (map.getImage(String(icon?.name ?? icon))?.data.width ?? 64) / RATIO / 2;
    const radius = half - SHADOW;
    return { x, y: y + riseOf(layer, properties, map.getZoom(), 2 * radius), radius };
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
  let asked = "";
  let shown = "";
  let looked = 0;
  map.on("style.load", () => (asked = shown = ""));
  map.on("render", () => {
    if (map.isMoving() || !map.areTilesLoaded() || performance.now() - looked < EACH_MS) return;
    place();
  });
  map.on("idle", place);

  function place() {
    const source = map.getSource(PLACED);
    if (!source || !map.getLayer("clusters")) return;
    const zoom = Math.floor(map.getZoom());
    const towns = zoom >= ZOOMS[0] && zoom < ZOOMS[1] ? townsIn(map, measure) : [];
    const markers = towns.length ? markersOf(map) : [];
    const now = JSON.stringify([towns, markers]);
    if (now === asked) return;
    asked = now;
    const placed = placeTowns(towns, markers, before);
    looked = performance.now();
    before = new Map([...placed].map(([{ code }, { number }]) => [code, number]));
    // The seat of a region is named in any case, over a marker if it must be.
    const named = towns.filter((town) => placed.has(town) || town.seat === "region");
    const leaders = [...placed].filter(([, { distance }]) => distance > NEAR).map(([town, place]) => leaderOf(map, town, place));
    const features = [...named.map((town) => featureOf(town, placed.get(town))), ...leaders];
    const drawn = JSON.stringify(features);
    if (drawn === shown) return;
    shown = drawn;
    source.setData({ type: "FeatureCollection", features });
  }
}

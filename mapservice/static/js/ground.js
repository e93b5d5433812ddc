// The ground beneath initiatives when no base map is set: land, water, borders, names of places.
// What it says is what its sources know: rivers fade out before they could be taken for exact.

import { words } from "./page.js";
import { byZoom, font, token } from "./tokens.js";
import { LEAST, PLACED, SPOTS, ZOOMS } from "./town-names.js";

const population = ["coalesce", ["get", "population"], 0];

const line = (id, layer, minzoom, paint) => ({
  id, type: "line", source: "territories", "source-layer": layer, minzoom,
  layout: { "line-join": "round" }, paint,
});

// Water darkens a little towards the land, as engravers did.
const shores = () => [
  ["abroad", undefined], ["territories", "regions"],
].map(([source, layer]) => ({
  id: `shore-${source}`, type: "line", source, ...(layer && { "source-layer": layer }),
  layout: { "line-join": "round" },
  paint: {
    "line-color": token("water-deep"),
    "line-width": byZoom(3, 5, 6, 16, 10, 34),
    "line-blur": byZoom(3, 4, 6, 12, 10, 26),
  },
}));

const lands = () => [
  { id: "water", type: "background", paint: { "background-color": token("water") } },
  ...shores(),
  { id: "abroad", type: "fill", source: "abroad", paint: { "fill-color": token("abroad") } },
  {
    id: "land", type: "fill", source: "territories", "source-layer": "regions",
    paint: { "fill-color": token("land"), "fill-antialias": true },
  },
];

// Towns as an atlas prints them: a little darker the more people they hold.
const towns = () => [{
  id: "towns", type: "fill", source: "territories", "source-layer": "communes", minzoom: 8,
  paint: {
    "fill-color": token("town"),
    "fill-opacity": [
      "interpolate", ["linear"], ["zoom"], 8, 0,
      9, ["step", population, 0, 5000, 0.25, 20000, 0.5, 50000, 0.75, 200000, 1],
    ],
  },
}];

// The rivers of the source lie up to a kilometre off: beyond these zooms that would show.
const RIVERS_FADE = [10.2, 11.5];
const fading = (opacity) => byZoom(RIVERS_FADE[0], opacity, RIVERS_FADE[1], 0);
// From this zoom on the closer drawing of them is shown.
export const NEAR_RIVERS_FROM = 7;

const rank = ["get", "rank"];
const riverWidth = byZoom(
  4, ["match", rank, 1, 0.9, 2, 0.7, 3, 0.3, 0.1],
  7, ["match", rank, 1, 1.7, 2, 1.4, 3, 1, 0.5],
  10, ["match", rank, 1, 4.2, 2, 3.4, 3, 2.4, 1.4],
);

const isLake = ["==", rank, 0];
const isRiver = [">", rank, 0];

// Nearer than that a base map has its own, truer ones.
const YIELDING = { metadata: { "mapservice:yields": 9 } };

const waterways = (source, zooms) => [
  {
    id: `lakes-${source}`, ...YIELDING, type: "fill", source, ...zooms, maxzoom: zooms.maxzoom ?? RIVERS_FADE[1],
    filter: isLake, paint: { "fill-color": token("river"), "fill-opacity": fading(1) },
  },
  {
    id: source, ...YIELDING, type: "line", source, ...zooms, maxzoom: zooms.maxzoom ?? RIVERS_FADE[1],
    filter: isRiver, layout: { "line-join": "round", "line-cap": "round" },
    paint: { "line-color": token("river"), "line-width": riverWidth, "line-opacity": fading(1) },
  },
];

const rivers = () => [
  ...waterways("rivers-far", { maxzoom: NEAR_RIVERS_FROM }),
  ...waterways("rivers-near", { minzoom: NEAR_RIVERS_FROM }),
];

/** The first of these layers that a map has: colours of figures go under it, water and names above. */
export const ABOVE_FIGURES = ["base-water-ocean", "lakes-rivers-far", "commune-lines", "departement-lines", "region-lines", "territory-line", "highlight"];

const borders = () => [
  line("commune-lines", "communes", 8.5, {
    "line-color": token("commune-line"), "line-width": byZoom(9, 0.4, 12, 0.9),
    "line-opacity": byZoom(8.5, 0, 9.5, 1),
  }),
  line("departement-lines", "departements", 4, {
    "line-color": token("departement-line"), "line-width": byZoom(5, 0.5, 10, 1.3),
    "line-opacity": byZoom(4, 0, 6, 1),
  }),
  line("region-lines", "regions", 0, {
    "line-color": token("region-line"), "line-width": byZoom(4, 0.8, 10, 2),
  }),
];

// --- names ---

const lettering = (colour) => ({
  "text-color": colour, "text-halo-color": token("label-halo"), "text-halo-width": 1.6,
  "text-halo-blur": 0.4,
});

const spaced = (weight, size) => ({
  "text-font": font(weight), "text-size": size, "text-transform": "uppercase",
  "text-letter-spacing": 0.14,
});

const territoryNames = (id, level, zooms, layout) => ({
  id, type: "symbol", source: "territories", "source-layer": "labels", ...zooms,
  filter: ["==", ["get", "level"], level],
  layout: {
    "text-field": ["get", "name"], "text-padding": 4, "text-max-width": 8,
    "symbol-sort-key": ["-", 0, population], ...layout,
  },
  paint: lettering(token("label-quiet")),
});

// Places around a town where its name may stand, in ems, the best first: close to it, beyond a small
// marker that stands on it, beyond a ring. Many, so that a name finds its gap between markers.
const DIRECTIONS = [
  ["left", 1, 0], ["right", -1, 0], ["bottom", 0, -1], ["top", 0, 1],
  ["bottom-left", 0.75, -0.75], ["top-left", 0.75, 0.75],
  ["bottom-right", -0.75, -0.75], ["top-right", -0.75, 0.75],
  ["left", 1, -0.5], ["left", 1, 0.5], ["right", -1, -0.5], ["right", -1, 0.5],
];
const around = (...distances) => distances.flatMap((distance) =>
  DIRECTIONS.flatMap(([anchor, x, y]) => [anchor, [x * distance, y * distance]]));

// Far out a small sign marks the town beside its name; near, the name lies on its ground.
const SIGNS_UNTIL = 10;
const isRegionalSeat = ["==", ["get", "seat"], "region"];
const isSeat = ["has", "seat"];

// Seats before towns of their size: by them people know where they are.
const importance = ["+", population, ["match", ["coalesce", ["get", "seat"], ""], "region", 5e6, "departement", 10000, 0]];

const communeNames = (id, which, more) => ({
  id, type: "symbol", source: "territories", "source-layer": "labels", minzoom: 3.4,
  filter: ["all", ["==", ["get", "level"], "commune"], which],
  layout: {
    // Long lines rather than two: the lanes between markers are low.
    "text-field": ["get", "name"], "text-max-width": ["step", ["zoom"], 14, SIGNS_UNTIL, 9],
    "text-line-height": 1.05, "text-padding": 0.5,
    "text-font": ["case", isRegionalSeat, ["literal", font("semibold")], ["literal", font("medium")]],
    "text-size": [
      "interpolate", ["linear"], ["zoom"],
      5, ["case", isRegionalSeat, 12.5, ["step", population, 11, 200000, 12]],
      9, ["case", isRegionalSeat, 14, ["step", population, 11, 20000, 11.5, 100000, 13]],
      13, ["step", population, 14, 20000, 17, 100000, 21],
    ],
    // Small places keep close to their own ground, or are left out: a map is no list.
    "text-variable-anchor-offset": [
      "step", ["zoom"], ["case", [">=", importance, 20000], ["literal", around(0.3, 0.8, 1.4, 2, 2.6, 3.2)], ["literal", around(0.3, 1)]],
      SIGNS_UNTIL, ["literal", ["center", [0, 0], ...around(0.6, 1.2, 1.8, 2.4)]],
    ],
    "text-justify": "auto",
    "icon-image": [
      "step", ["zoom"], ["case", isRegionalSeat, "town:region", isSeat, "town:departement", "town:commune"],
      SIGNS_UNTIL, "",
    ],
    // The sign is never left out: a name at some distance would then seem to be another town's.
    "icon-overlap": "always", "icon-padding": 0,
    "symbol-sort-key": ["-", 0, importance], ...more,
  },
  paint: lettering(token("label")),
});

// Between markers town-names.js finds the places of larger towns; elsewhere the library does.
const leftToIt = ["all", [">=", ["zoom"], ZOOMS[0]], ["<", ["zoom"], ZOOMS[1]], [">=", population, LEAST]];

// A feature holds no lists: it names the place by its number.
const bySpot = (told, otherwise) => ["match", ["get", "spot"], ...SPOTS.flatMap((spot, number) => [number, told(spot)]), otherwise];

const placedNames = (id, above) => ({
  id, type: "symbol", source: PLACED, filter: ["==", ["get", "above"], above],
  layout: {
    "text-field": ["get", "name"], "text-max-width": 30, "text-size": ["get", "size"],
    "text-font": ["case", isRegionalSeat, ["literal", font("semibold")], ["literal", font("medium")]],
    "text-anchor": bySpot(({ anchor }) => anchor, "left"), "text-offset": bySpot(({ offset }) => ["literal", offset], ["literal", [1, 0]]),
    "text-overlap": "always", "text-padding": 0.5,
    "icon-image": ["case", isRegionalSeat, "town:region", isSeat, "town:departement", "town:commune"],
    "icon-overlap": "always", "icon-padding": 0,
  },
  paint: lettering(token("label")),
});

const leaders = () => ({
  id: "town-leaders", type: "line", source: PLACED, filter: ["==", ["geometry-type"], "LineString"],
  layout: { "line-cap": "round" },
  paint: { "line-color": token("label"), "line-width": 0.9, "line-opacity": 0.75 },
});

/** Names that stand where there was no room for them: over the markers. */
export const namesAbove = () => [placedNames("town-labels-above", true)];

const riverNames = () => [
  ["rivers-far", { minzoom: 5.5, maxzoom: NEAR_RIVERS_FROM }], ["rivers-near", { minzoom: NEAR_RIVERS_FROM, maxzoom: RIVERS_FADE[0] + 0.4 }],
].map(([source, zooms]) => ({
  id: `names-${source}`, ...YIELDING, type: "symbol", source, ...zooms, filter: ["has", "name"],
  layout: {
    "symbol-placement": "line", "symbol-spacing": 420, "text-field": ["get", "name"],
    "text-font": font("italic"), "text-size": byZoom(6, 10.5, 10, 13), "text-letter-spacing": 0.06,
    "text-max-angle": 32, "text-padding": 6, "symbol-sort-key": rank,
  },
  paint: { ...lettering(token("water-ink")), "text-halo-width": 1.2 },
}));

// Seas and neighbours, so that a coast or a border says where it is.
const SURROUNDINGS = [
  ["sea", "channel", -2.2, 49.95], ["sea", "atlantic", -4.6, 45.6], ["sea", "mediterranean", 5.6, 42.2],
  ["sea", "biscay", -2.6, 44.3], ["land", "spain", -1.2, 42.2], ["land", "italy", 8.3, 44.75],
  ["land", "switzerland", 7.7, 46.75], ["land", "germany", 8.6, 49.4], ["land", "belgium", 4.75, 50.55],
  ["land", "luxembourg", 6.1, 49.78], ["land", "unitedKingdom", -0.9, 51.2], ["land", "andorra", 1.55, 42.55],
  ["land", "suriname", -55.6, 4.1], ["land", "brazil", -52.3, 1.6],
];

/** GeoJSON of the names around France, in the language of the page. */
export const surroundings = () => ({
  type: "FeatureCollection",
  features: SURROUNDINGS.filter(([, key]) => words.aroundFrance?.[key]).map(([kind, key, lon, lat]) => ({
    type: "Feature", properties: { kind, name: words.aroundFrance[key] },
    geometry: { type: "Point", coordinates: [lon, lat] },
  })),
});

const surroundingNames = () => [["sea", "italic", "water-ink"], ["land", "regular", "label-quiet"]].map(([kind, weight, colour]) => ({
  id: `names-${kind}`, type: "symbol", source: "surroundings", minzoom: 3.5, maxzoom: 8.5, filter: ["==", ["get", "kind"], kind],
  layout: {
    "text-field": ["get", "name"], "text-max-width": 6, "text-padding": 6,
    ...(kind === "sea" ? { "text-font": font(weight), "text-letter-spacing": 0.12 } : spaced(weight, 10)),
    "text-size": kind === "sea" ? byZoom(4, 11, 7, 16) : byZoom(4, 9, 7, 12),
  },
  paint: { ...lettering(token(colour)), "text-halo-width": kind === "sea" ? 0 : 1, "text-halo-color": token("abroad") },
}));

/** What lies beneath the colours of figures and the tint of communes. */
export const ground = () => [...lands(), ...towns()];

/** Water and borders: above the colours of figures. */
export const lines = () => [...rivers(), ...borders()];

/**
 * Names, the most important last: a map places the names of its upper layers first. `marked`: among markers of
 * initiatives.
 */
export const names = (marked = false) => [
  ...surroundingNames(),
  territoryNames("region-labels", "region", { minzoom: 3.5, maxzoom: 6.6 }, spaced("medium", byZoom(4, 9, 6.5, 11.5))),
  territoryNames("departement-labels", "departement", { minzoom: 6.6, maxzoom: 9 }, spaced("regular", byZoom(7, 9.5, 9, 11))),
  ...riverNames(),
  communeNames("commune-labels", ["all", ["!", isRegionalSeat], ...(marked ? [["!", leftToIt]] : [])]),
  // Under a marker, where there is no room at all: never without their name.
  communeNames("seat-labels", ["all", isRegionalSeat, ...(marked ? [["!", leftToIt]] : [])], { "text-overlap": "always" }),
  ...(marked ? [leaders(), placedNames("town-labels", false)] : []),
];

const empty = { type: "FeatureCollection", features: [] };

/** Sources of the ground besides `territories`: addresses of files of ours. The closer rivers come when wanted. */
export const groundSources = ({ abroad, rivers }) => ({
  abroad: { type: "geojson", data: abroad, attribution: "Natural Earth | GSHHG" },
  surroundings: { type: "geojson", data: surroundings() },
  "rivers-far": { type: "geojson", data: rivers ?? empty },
  "rivers-near": { type: "geojson", data: empty },
  [PLACED]: { type: "geojson", data: empty },
});

/** Loads the closer drawing of the rivers once a map is near enough to show it. */
export function followRivers(map, address) {
  if (!address) return;
  const look = () => {
    const source = map.getSource("rivers-near");
    if (!source || source.wanted || map.getZoom() < NEAR_RIVERS_FROM - 0.3) return;
    source.wanted = true; // of this style's own source
    source.setData(address);
  };
  map.on("zoom", look);
  map.on("style.load", look);
  look();
}

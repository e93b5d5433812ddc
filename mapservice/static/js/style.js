// The map's style, made from the CSS custom properties of tokens.css so that it follows dark mode.

import { ground, groundSources, lines, names, namesAbove } from "./ground.js";
import { byZoom, font, token } from "./tokens.js";

export const THEMES = [
  "environnement", "alimentation", "mobilite", "habitat", "solidarite", "education", "culture",
  "economie", "autre",
];

export { token };

// A commune that holds an initiative known no better than that is tinted as a whole.
const shades = () => [{
  id: "shaded-communes", type: "fill", source: "territories", "source-layer": "communes",
  minzoom: 8,
  paint: {
    "fill-color": token("initiative"),
    "fill-opacity": ["case", ["boolean", ["feature-state", "shaded"], false], 0.1, 0],
  },
}, {
  id: "shaded-lines", type: "line", source: "territories", "source-layer": "communes",
  minzoom: 8, layout: { "line-join": "round" },
  paint: {
    "line-color": token("initiative"),
    "line-width": ["case", ["boolean", ["feature-state", "lit"], false], 3.5, 1.1],
    "line-opacity": ["case", ["boolean", ["feature-state", "lit"], false], 1, ["boolean", ["feature-state", "shaded"], false], 0.55, 0],
  },
}];

// Shares in sixteenths keep the number of distinct rings small; clusters.js draws them.
const share = (theme) =>
  ["to-string", ["round", ["*", 16, ["/", ["coalesce", ["get", theme], 0], ["get", "count"]]]]];

const ringOf = (...sizes) => [
  "concat", "ring:", ["step", ["get", "count"], ...sizes], ":",
  ...THEMES.flatMap((theme, index) => (index ? [".", share(theme)] : [share(theme)])),
];

// Far out rings are smaller, so that names have room between them: listing_drawing.py has the same.
const ringImage = [
  "step", ["zoom"], ringOf("26", 10, "28", 100, "32", 1000, "42"),
  10, ringOf("32", 10, "37", 100, "44", 1000, "54"),
];

export const countText = [
  "case", [">=", ["get", "count"], 10000],
  ["concat", ["to-string", ["round", ["/", ["get", "count"], 1000]]], " k"],
  ["number-format", ["get", "count"], { locale: document.documentElement.lang || "fr" }],
];

// In street context any sign at one spot would read as an address: from this zoom on what is known to a
// commune and no better is said in words on its ground.
export const WORDS_FROM = 12;

// The words stand beside the dots of true points, and names of streets beside the words.
const WORDS_AROUND = [
  "center", [0, 0], "bottom", [0, -1], "top", [0, 1], "left", [1.8, 0], "right", [-1.8, 0],
  "bottom", [0, -2.2], "top", [0, 2.2], "bottom-left", [1.2, -1.2], "bottom-right", [-1.2, -1.2], "top-left", [1.2, 1.2], "top-right", [-1.2, 1.2],
];

// Several initiatives known only to one commune stand at one spot: their number is shown there.
const stacks = () => ({
  id: "stacks", type: "symbol", source: "stacks",
  filter: ["any", [">", ["get", "count"], 1], [">=", ["zoom"], WORDS_FROM]],
  layout: {
    "icon-image": ["step", ["zoom"], ["get", "image"], WORDS_FROM, ""],
    "icon-allow-overlap": true, // names keep clear of it
    "text-field": ["step", ["zoom"], ["to-string", ["get", "count"]], WORDS_FROM, ["get", "told"]],
    "text-font": font("semibold"), "text-size": 14, "text-max-width": 12,
    "text-variable-anchor-offset": ["step", ["zoom"], ["literal", ["center", [0, 0]]], WORDS_FROM, ["literal", WORDS_AROUND]],
    "text-justify": "center",
    "text-overlap": "always", "text-ignore-placement": ["step", ["zoom"], true, WORDS_FROM, false],
  },
  paint: {
    "text-color": ["step", ["zoom"], token("ink"), WORDS_FROM, token("initiative")],
    "text-halo-color": token("label-halo"), "text-halo-width": ["step", ["zoom"], 0, WORDS_FROM, 1.8],
  },
});

/** The image of a stack; `counts` holds a number per theme. */
export const stackImage = (counts) => {
  const total = THEMES.reduce((sum, theme) => sum + (counts[theme] ?? 0), 0);
  const shares = THEMES.map((theme) => Math.round((16 * (counts[theme] ?? 0)) / total));
  return `soft-ring:40:${shares.join(".")}`;
};

const kind = ["case", ["==", ["get", "precision"], "point"], "dot:", "soft:"];

/** What tiles hold one by one. */
export const ALONE = ["==", ["get", "count"], 1];

const initiatives = () => [
  {
    id: "highlight", type: "circle", source: "highlight",
    paint: {
      "circle-radius": 21, "circle-color": token("initiative"), "circle-opacity": 0.16,
      "circle-stroke-color": token("initiative"), "circle-stroke-width": 2.5,
    },
  },
  // Under the markers, whose places are found first: the words then keep clear of them.
  stacks(),
  {
    id: "singles", type: "symbol", source: "initiatives", "source-layer": "initiatives",
    filter: ALONE,
    layout: {
      "icon-image": [
        "step", ["zoom"], ["concat", "small-", kind, ["get", "theme"]],
        8, ["concat", kind, ["get", "theme"]],
        WORDS_FROM, ["case", ["==", ["get", "precision"], "point"], ["concat", kind, ["get", "theme"]], ""],
      ],
      "icon-allow-overlap": true, "icon-padding": 0,
    },
  },
  {
    id: "clusters", type: "symbol", source: "initiatives", "source-layer": "initiatives",
    filter: [">", ["get", "count"], 1],
    layout: {
      "icon-image": ringImage, "icon-allow-overlap": true, "icon-padding": 0,
      "text-field": countText, "text-font": font("semibold"), "text-allow-overlap": true,
      "text-size": ["step", ["zoom"], ["step", ["get", "count"], 11.5, 1000, 11], 10, ["step", ["get", "count"], 12.5, 10, 13, 1000, 14.5]],
      "symbol-sort-key": ["get", "count"],
    },
    paint: { "text-color": token("ink") },
  },
];

const LAYER_OF = { commune: "communes", epci: "epcis", departement: "departements", region: "regions" };

/** The outline (and, where it stands for the place itself, the tint) of one territory. */
export function territoryLayers({ level, code }, tint) {
  const shape = {
    source: "territories", "source-layer": LAYER_OF[level], filter: ["==", ["get", "code"], code],
  };
  const outline = {
    id: "territory-line", type: "line", ...shape, layout: { "line-join": "round" },
    paint: {
      "line-color": tint ?? token("initiative"), "line-width": level === "commune" ? 2.5 : 1.5,
      ...(tint && level === "commune" && { "line-dasharray": [2.5, 1.6] }),
    },
  };
  if (!tint) return [outline];
  return [{ id: "territory-fill", type: "fill", ...shape, paint: { "fill-color": tint, "fill-opacity": 0.2 } }, outline];
}

const empty = { type: "FeatureCollection", features: [] };

// Tile addresses are made absolute on our own origin, whatever host the TileJSON names.
const tileAddress = (tilejson, query) => {
  const path = tilejson.tiles[0].replace(/^https?:\/\/[^/]+/, "").split("?")[0];
  return `${location.origin}${path}${query ? `?${query}` : ""}`;
};

const vector = (tilejson, query, more) => ({
  type: "vector", tiles: [tileAddress(tilejson, query)], minzoom: tilejson.minzoom ?? 0,
  maxzoom: tilejson.maxzoom ?? 14, attribution: tilejson.attribution ?? "", ...more,
});

/** `places`: {territory, tint} draws one territory, `alone` no initiative; `tilejson`: {initiatives, territories}. */
export function mapStyle({ tilejson, filter, files }, places = {}) {
  const drawn = places.territory ? territoryLayers(places.territory, places.tint) : [];
  return {
    version: 8,
    sources: {
      ...groundSources(files),
      territories: vector(tilejson.territories, "", { promoteId: { communes: "code" } }),
      initiatives: vector(tilejson.initiatives, filter),
      highlight: { type: "geojson", data: empty },
      stacks: { type: "geojson", data: empty },
    },
    layers: [...ground(), ...lines(), ...shades(), ...drawn, ...names(!places.alone), ...(places.alone ? [] : [...initiatives(), ...namesAbove()])],
  };
}

export const tilesFor = (tilejson, filter) => [tileAddress(tilejson, filter)];

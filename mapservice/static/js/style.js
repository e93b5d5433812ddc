// The map's style, made from the CSS custom properties of tokens.css so that it follows dark mode.

export const THEMES = [
  "environnement", "alimentation", "mobilite", "habitat", "solidarite", "education", "culture",
  "economie", "autre",
];

export const token = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export const FAMILY = "Atkinson Hyperlegible Next Variable";
// MapLibre reads the weight and slant of a CSS font from the first name of the stack.
const font = (weight) => [weight, FAMILY];

const byZoom = (...stops) => ["interpolate", ["linear"], ["zoom"], ...stops];

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

const ground = () => [
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
    "line-color": token("initiative"), "line-width": byZoom(8, 0.5, 12, 1.4),
    "line-opacity": ["case", ["boolean", ["feature-state", "shaded"], false], 0.55, 0],
  },
}];

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

const lettering = (colour) => ({
  "text-color": colour, "text-halo-color": token("label-halo"), "text-halo-width": 1.6,
  "text-halo-blur": 0.4,
});

const label = (id, level, zooms, layout, colour) => ({
  id, type: "symbol", source: "territories", "source-layer": "labels", ...zooms,
  filter: ["==", ["get", "level"], level],
  layout: {
    "text-field": ["get", "name"], "text-padding": 4, "text-max-width": 8,
    "symbol-sort-key": ["-", 0, ["coalesce", ["get", "population"], 0]], ...layout,
  },
  paint: lettering(colour),
});

const spaced = (weight, size) => ({
  "text-font": font(weight), "text-size": size, "text-transform": "uppercase",
  "text-letter-spacing": 0.14,
});

// A name makes room for the marker of its own town: it moves beside, and farther from a large ring.
const beside = [
  "bottom", [0, -1.3], "top", [0, 1.3], "left", [1.5, 0], "right", [-1.5, 0],
  "bottom", [0, -2.3], "top", [0, 2.3], "left", [2.4, 0], "right", [-2.4, 0],
  "bottom-left", [1.2, -1.2], "bottom-right", [-1.2, -1.2], "top-left", [1.2, 1.2], "top-right", [-1.2, 1.2],
];

// By these towns people know where they are: their names stay, whatever stands there.
const isLandmark = [
  ">=", population, ["step", ["zoom"], 400000, 6, 200000, 7, 120000, 9, 50000, 10, 30000, 12, 15000],
];

const communeNames = (id, which, layout) => ({
  ...label(id, "commune", { minzoom: 4.5 }, {
    "text-font": font("medium"),
    "text-size": [
      "interpolate", ["linear"], ["zoom"],
      5, ["step", population, 11, 150000, 12, 400000, 13.5],
      9, ["step", population, 11.5, 5000, 12.5, 20000, 14, 100000, 17],
      13, ["step", population, 14, 20000, 17, 100000, 21],
    ],
    "text-justify": "auto", ...layout,
  }, token("label")),
  filter: ["all", ["==", ["get", "level"], "commune"], which],
});

const labels = () => [
  communeNames("commune-labels", ["!", isLandmark], {
    "text-variable-anchor-offset": ["center", [0, 0], ...beside],
  }),
  communeNames("landmark-labels", isLandmark, {
    "text-variable-anchor-offset": beside, "text-overlap": "always",
  }),
  label("departement-labels", "departement", { minzoom: 6.8, maxzoom: 9 },
    spaced("regular", byZoom(7, 9.5, 9, 11)), token("label-quiet")),
  label("region-labels", "region", { minzoom: 3.5, maxzoom: 6.8 },
    spaced("medium", byZoom(4, 9, 6.5, 11.5)), token("label-quiet")),
];

// Shares in sixteenths keep the number of distinct rings small; clusters.js draws them.
const share = (theme) =>
  ["to-string", ["round", ["*", 16, ["/", ["coalesce", ["get", theme], 0], ["get", "count"]]]]];

const ringImage = [
  "concat", "ring:", ["step", ["get", "count"], "32", 10, "37", 100, "44", 1000, "54"], ":",
  ...THEMES.flatMap((theme, index) => (index ? [".", share(theme)] : [share(theme)])),
];

const countText = [
  "case", [">=", ["get", "count"], 10000],
  ["concat", ["to-string", ["round", ["/", ["get", "count"], 1000]]], " k"],
  ["number-format", ["get", "count"], { locale: document.documentElement.lang || "fr" }],
];

// Several initiatives known only to one commune stand at one spot: their number is shown there.
const stacks = () => ({
  id: "stacks", type: "symbol", source: "stacks",
  layout: {
    "icon-image": ["get", "image"], "icon-allow-overlap": true, "icon-ignore-placement": true,
    "text-field": ["to-string", ["get", "count"]], "text-font": font("semibold"), "text-size": 14,
    "text-allow-overlap": true, "text-ignore-placement": true,
  },
  paint: { "text-color": token("ink") },
});

/** The image of a stack; `counts` holds a number per theme. */
export const stackImage = (counts) => {
  const total = THEMES.reduce((sum, theme) => sum + (counts[theme] ?? 0), 0);
  const shares = THEMES.map((theme) => Math.round((16 * (counts[theme] ?? 0)) / total));
  return `soft-ring:40:${shares.join(".")}`;
};

const kind = ["case", ["==", ["get", "precision"], "point"], "dot:", "soft:"];

const initiatives = () => [
  {
    id: "highlight", type: "circle", source: "highlight",
    paint: {
      "circle-radius": 21, "circle-color": token("initiative"), "circle-opacity": 0.16,
      "circle-stroke-color": token("initiative"), "circle-stroke-width": 2.5,
    },
  },
  {
    id: "singles", type: "symbol", source: "initiatives", "source-layer": "initiatives",
    filter: ["==", ["get", "count"], 1],
    layout: {
      "icon-image": [
        "step", ["zoom"], ["concat", "small-", kind, ["get", "theme"]],
        8, ["concat", kind, ["get", "theme"]],
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
      "text-size": ["step", ["get", "count"], 12.5, 10, 13, 1000, 14.5],
      "symbol-sort-key": ["get", "count"],
    },
    paint: { "text-color": token("ink") },
  },
  stacks(),
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
export function mapStyle({ tilejson, filter, abroad }, places = {}) {
  const drawn = places.territory ? territoryLayers(places.territory, places.tint) : [];
  const base = [...ground(), ...towns(), ...borders(), ...shades()];
  return {
    version: 8,
    sources: {
      abroad: { type: "geojson", data: abroad, attribution: "Natural Earth" },
      territories: vector(tilejson.territories, "", { promoteId: { communes: "code" } }),
      initiatives: vector(tilejson.initiatives, filter),
      highlight: { type: "geojson", data: empty },
      stacks: { type: "geojson", data: empty },
    },
    layers: [...base, ...drawn, ...labels(), ...(places.alone ? [] : initiatives())],
  };
}

export const tilesFor = (tilejson, filter) => [tileAddress(tilejson, filter)];

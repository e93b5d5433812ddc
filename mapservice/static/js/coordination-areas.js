// Territories shaded by a figure: outlines come as tiles, figures as columns joined by their code.

import { hatch, RATIO } from "./hatch.js";
import { element } from "./page.js";
import { token } from "./style.js";

const words = JSON.parse(document.getElementById("coordination-words").textContent);
const language = document.documentElement.lang || "fr";
const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const percents = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0, signDisplay: "exceptZero" });
const shares = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });

const CLASSES = [1, 2, 3, 4, 5];
const OUTSIDE = -2;
const UNKNOWN = -1;
const NONE = 0;
const state = ["coalesce", ["feature-state", "class"], OUTSIDE];

const colourOf = (config, number) => {
  if (config.diverging) return token(`shift-${number}`);
  return token(`figure-${config.reversed ? 6 - number : number}`);
};

// Hatching is the ground of all; whatever has a class, or lies outside, is painted over it.
const layers = (config) => [
  { id: "areas-none", type: "fill", paint: { "fill-pattern": "figure-hatch", "fill-antialias": false } },
  {
    id: "areas", type: "fill",
    paint: {
      "fill-color": [
        "match", state, UNKNOWN, token("unknown"),
        ...CLASSES.flatMap((number) => [number, colourOf(config, number)]), token("land"),
      ],
      "fill-opacity": ["match", state, NONE, 0, 1],
      "fill-antialias": config.level !== "commune",
    },
  },
  {
    id: "areas-lines", type: "line", minzoom: config.level === "commune" ? 7 : 0,
    paint: {
      "line-color": token("land-line"),
      "line-width": ["interpolate", ["linear"], ["zoom"], 5, 0.4, 9, 0.7],
      "line-opacity": ["match", state, OUTSIDE, 0, 0.55],
    },
  },
].map((layer) => ({ source: "areas", "source-layer": "areas", ...layer }));

function addLayers(map, config) {
  map.addImage("figure-hatch", hatch(), { pixelRatio: RATIO });
  map.addSource("areas", {
    type: "vector", tiles: [`${location.origin}${config.tiles_url}`], maxzoom: config.tiles_max_zoom,
    promoteId: { areas: "code" },
  });
  const above = ["departement-lines", "region-lines", "territory-line"].find((id) => map.getLayer(id));
  for (const layer of layers(config)) map.addLayer(layer, above);
}

const feature = (id) => ({ source: "areas", sourceLayer: "areas", id });

/** The same overseas, in the page. */
function joinInsets(number, shown, classes) {
  for (const path of document.querySelectorAll(`#outre-mer-${number} [data-code]`)) {
    path.dataset.class = classes[shown.places.get(path.dataset.code)] ?? UNKNOWN;
  }
}

/** Joins classes to outlines; only those that changed are touched. */
function join(map, shown, classes) {
  shown.codes.forEach((code, at) => {
    if (shown.drawn?.[at] !== classes[at]) map.setFeatureState(feature(code), { class: classes[at] });
  });
  shown.drawn = classes;
}

function said(config, value, of) {
  if (config.figure === "change") return value === null ? words.nothing : value ? percents.format(value) : words.unclear;
  if (config.figure === "last") {
    if (value === null) return words.none;
    return value < 1 ? words.thisMonth : words.monthsAgo.replace("{n}", numbers.format(value));
  }
  if (value === null) return words.unknown;
  if (config.figure === "local") return `${shares.format(value / 100)}, ${words.ofTold.replace("{n}", numbers.format(of))}`;
  return config.figure === "silent" ? shares.format(value / 100) : numbers.format(value);
}

/** Tells the territory under the pointer; a click goes a level down. */
function watchPointer({ map, library }, config, shown) {
  const popup = new library.Popup({ closeButton: false, closeOnClick: false, focusAfterOpen: false, maxWidth: "260px" });
  const found = (point) => {
    const [first] = map.queryRenderedFeatures(point, { layers: ["areas", "areas-none"].filter((id) => map.getLayer(id)) });
    return first && shown.places.has(first.id ?? first.properties.code) ? first.properties.code : null;
  };
  map.on("mousemove", ({ point, lngLat }) => {
    const code = found(point);
    map.getCanvas().style.cursor = code ? "pointer" : "";
    if (!code) return popup.remove();
    const at = shown.places.get(code);
    popup.setLngLat(lngLat).setDOMContent(element("div", "map-card map-told", [
      element("p", "map-card-title", shown.names[at]), element("p", "map-card-place", said(config, shown.values[at], shown.of?.[at])),
    ])).addTo(map);
  });
  map.on("mouseout", () => popup.remove());
  map.on("click", ({ point }) => {
    const code = found(point);
    if (code) location.assign(`${config.down}${code}${config.query}`);
  });
}

export const fetchColumns = async (url, signal) => {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.json();
};

/** Shades the territories, once drawn; resolves to what goes to another month. */
export async function showAreas(atlas, config, loaded, number) {
  const { map } = atlas;
  const drawing = () => {
    if (map.getSource("areas")) return;
    addLayers(map, config);
    if (shown.drawn) {
      const classes = shown.drawn;
      shown.drawn = null;
      join(map, shown, classes);
    }
  };
  const shown = { codes: [], names: [], values: [], places: new Map(), drawn: null };
  map.on("style.load", drawing);
  if (map.isStyleLoaded()) drawing();
  const first = await loaded;
  Object.assign(shown, { codes: first.codes.split(","), names: first.names, values: first.values, of: first.of });
  shown.places = new Map(shown.codes.map((code, at) => [code, at]));
  if (map.getSource("areas")) join(map, shown, first.classes);
  else map.once("style.load", () => join(map, shown, first.classes));
  watchPointer(atlas, config, shown);
  await Promise.race([map.once("idle"), new Promise((resolve) => setTimeout(resolve, 4000))]);
  performance.mark("areas-drawn");
  const show = async (month, signal) => {
    const url = new URL(config.figures, location.origin);
    if (month) url.searchParams.set("until", month);
    else url.searchParams.delete("until");
    url.searchParams.set("bref", "1");
    const next = await fetchColumns(url, signal);
    Object.assign(shown, { values: next.values, of: next.of });
    join(map, shown, next.classes);
    joinInsets(number, shown, next.classes);
  };
  return { show, live: true };
}

// Territories shaded by a figure: outlines come as tiles, figures as columns joined by their code.

import { settled } from "./base-map.js";
import { ABOVE_FIGURES } from "./ground.js";
import { hatch, RATIO } from "./hatch.js";
import { loadMosaic, numberAt, packed, paint, showFirst } from "./mosaic.js";
import { element } from "./page.js";
import { token } from "./style.js";

const words = JSON.parse(document.getElementById("coordination-words").textContent);
const language = document.documentElement.lang || "fr";
const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const plurals = new Intl.PluralRules(language);
const percents = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0, signDisplay: "exceptZero" });
const shares = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });

const CLASSES = [1, 2, 3, 4, 5];
const OUTSIDE = -2;
const UNKNOWN = -1;
const NONE = 0;
const state = ["coalesce", ["feature-state", "class"], OUTSIDE];

// `late` is the scale of figures, turned round: what is long ago is pale.
const colourOf = ({ scale }, number) => token(scale === "late" ? `figure-${6 - number}` : `${scale}-${number}`);

// From this zoom on outlines take the place of the picture of all communes.
const OUTLINES_FROM = 6;
// Somewhat before, what they need to know is made ready.
const READY_FROM = 5.5;

const colours = (config) => new Map([
  [UNKNOWN, token("unknown")], ...CLASSES.map((number) => [number, colourOf(config, number)]),
]);

// Hatching is the ground of all; whatever has a class, or lies outside, is painted over it.
const layers = (config) => [
  { id: "areas-none", type: "fill", paint: { "fill-pattern": "figure-hatch", "fill-antialias": false } },
  {
    id: "areas", type: "fill",
    paint: {
      "fill-color": ["match", state, ...[...colours(config)].flat(), token("land")],
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
].map((layer) => ({
  source: "areas", "source-layer": "areas", ...(config.mosaic && { minzoom: OUTLINES_FROM }), ...layer,
}));

function addLayers(map, config, mosaic) {
  map.addImage("figure-hatch", hatch(), { pixelRatio: RATIO });
  map.addSource("areas", {
    type: "vector", tiles: [`${location.origin}${config.tiles_url}`], maxzoom: config.tiles_max_zoom,
    promoteId: { areas: "code" },
  });
  const above = ABOVE_FIGURES.find((id) => map.getLayer(id));
  for (const layer of layers(config)) map.addLayer(layer, above);
  for (const [number, { canvas, corners }] of (mosaic?.pictures ?? []).entries()) {
    const source = `mosaic-${number}`;
    map.addSource(source, { type: "canvas", canvas, coordinates: corners, animate: false });
    const paint = { "raster-fade-duration": 0 };
    map.addLayer({ id: source, type: "raster", source, maxzoom: OUTLINES_FROM, paint }, above);
  }
}

/** Paints the picture anew, and has the map read it again, if there is one yet. */
function paintMosaic(map, config, { mosaic, classes }) {
  const shades = new Map([...colours(config)].map(([number, colour]) => [number, packed(colour)]));
  shades.set(NONE, 0);
  const hatching = { hatch: packed(token("figure-hatch")), ground: packed(token("land")) };
  paint(mosaic, Uint32Array.from(classes, (one) => shades.get(one)), hatching);
  for (const number of map ? mosaic.pictures.keys() : []) {
    const source = map.getSource(`mosaic-${number}`);
    source?.play();
    source?.pause();
  }
}

const feature = (id) => ({ source: "areas", sourceLayer: "areas", id });

/** The same overseas, in the page. */
function joinInsets(number, shown, classes) {
  for (const path of document.querySelectorAll(`#outre-mer-${number} [data-code]`)) {
    const found = String(classes[shown.places.get(path.dataset.code)] ?? UNKNOWN);
    if (path.dataset.class !== found) path.dataset.class = found;
  }
}

/** Joins classes to outlines; only those that changed are touched. */
function join(map, shown) {
  const { codes, classes } = shown;
  codes.forEach((code, at) => {
    if (shown.joined?.[at] !== classes[at]) map.setFeatureState(feature(code), { class: classes[at] });
  });
  shown.joined = classes;
}

const isFar = (map, { mosaic }) => mosaic && map.getZoom() < READY_FROM;

/** Shows the classes; from afar no outline needs to know them. */
function shade(map, config, shown) {
  if (!map.getSource("areas") || !shown.classes) return;
  if (shown.mosaic) paintMosaic(map, config, shown);
  if (!isFar(map, shown)) join(map, shown);
}

function said(config, value, of, known) {
  if (config.figure === "change") return value === null ? words.nothing : value ? percents.format(value) : words.unclear;
  if (config.figure === "last") {
    if (value === null) return known ? words.none : words.undated;
    return value < 1 ? words.thisMonth : words.monthsAgo.replace("{n}", numbers.format(value));
  }
  if (config.figure === "density") return words.around[plurals.select(value)].replace("{n}", numbers.format(value));
  if (value === null) return words.unknown;
  if (config.figure === "local") return `${shares.format(value / 100)}, ${words.ofTold.replace("{n}", numbers.format(of))}`;
  if (config.figure === "silent") return shares.format(value / 100);
  // What is merely small is not nothing.
  return value > 0 && value < 0.05 ? `< ${numbers.format(0.1)}` : numbers.format(value);
}

/** Tells the territory under the pointer; a click goes a level down. */
function watchPointer({ map, library }, config, shown) {
  const popup = new library.Popup({ closeButton: false, closeOnClick: false, focusAfterOpen: false, maxWidth: "260px" });
  const found = (point) => {
    if (shown.mosaic && map.getZoom() < OUTLINES_FROM) {
      const number = numberAt(shown.mosaic, map.unproject(point).toArray());
      return number === null ? null : shown.codes[number];
    }
    const [first] = map.queryRenderedFeatures(point, { layers: ["areas", "areas-none"].filter((id) => map.getLayer(id)) });
    return first && shown.places.has(first.id ?? first.properties.code) ? first.properties.code : null;
  };
  map.on("mousemove", ({ point, lngLat }) => {
    const code = found(point);
    map.getCanvas().style.cursor = code ? "pointer" : "";
    if (!code) return popup.remove();
    const at = shown.places.get(code);
    popup.setLngLat(lngLat).setDOMContent(element("div", "map-card map-told", [
      element("p", "map-card-title", shown.names[at]), element("p", "map-card-place", said(config, shown.values[at], shown.of?.[at], shown.classes[at] !== UNKNOWN)),
    ])).addTo(map);
  });
  map.on("mouseout", () => popup.remove());
  map.on("click", ({ point }) => {
    const code = found(point);
    if (code) location.assign(`${config.down}${code}${config.query}`);
  });
}

const fetchColumns = async (url, signal) => {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.json();
};

/** What is known at once, before there is a map: figures, and the picture of all communes. */
export async function prepareAreas(config, box) {
  const [first, mosaic] = await Promise.all([
    fetchColumns(config.figures), config.mosaic && loadMosaic(config.mosaic),
  ]);
  const { names, values, of, classes, frame } = first;
  const codes = first.codes.split(",");
  const places = new Map(codes.map((code, at) => [code, at]));
  // Territories that were loaded in between have other numbers.
  const fits = mosaic?.count === codes.length ? mosaic : null;
  const shown = { codes, names, values, of, classes, places, mosaic: fits, frame, joined: null };
  if (fits) {
    paintMosaic(null, config, shown);
    const canvas = showFirst(box, fits, frame);
    new MutationObserver((_, watcher) => {
      if (!box.dataset.state) return;
      watcher.disconnect();
      canvas.remove();
    }).observe(box, { attributeFilter: ["data-state"] });
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    performance.mark("areas-drawn");
  }
  return shown;
}

/** Shades the territories, once drawn; resolves to what goes to another month. */
export async function showAreas(atlas, config, prepared, number) {
  const { map } = atlas;
  const shown = await prepared;
  const outlines = shown.mosaic ? config : { ...config, mosaic: null };
  const draw = () => {
    if (map.getSource("areas")) return;
    addLayers(map, outlines, shown.mosaic);
    shown.joined = null;
    shade(map, outlines, shown);
  };
  map.on("style.load", draw);
  if (map.getSource("territories")) draw(); // the style came before the figures
  map.on("zoom", () => shown.joined !== shown.classes && !isFar(map, shown) && join(map, shown));
  watchPointer(atlas, config, shown);
  await settled(map);
  if (!shown.mosaic) performance.mark("areas-drawn");
  const show = async (month, signal) => {
    const url = new URL(config.figures, location.origin);
    if (month) url.searchParams.set("until", month);
    else url.searchParams.delete("until");
    url.searchParams.set("brief", "1");
    const next = await fetchColumns(url, signal);
    if (next.classes.length !== shown.codes.length) return location.reload(); // other territories
    Object.assign(shown, { values: next.values, of: next.of, classes: next.classes });
    shade(map, outlines, shown);
    joinInsets(number, shown, next.classes);
  };
  return { show };
}

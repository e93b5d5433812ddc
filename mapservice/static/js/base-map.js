// One way to put a MapLibre map into the reserved box, with French controls and a quiet failure.

import { coversView, loadBasemap, roadsOf, withBasemap } from "./basemap-layers.js";
import { loadGlyphs, provideImages } from "./clusters.js";
import { followRivers } from "./ground.js";
import { words } from "./page.js";
import { mapStyle } from "./style.js";
import { dark, FAMILY } from "./tokens.js";
import { followTowns } from "./town-names.js";

const ASSETS = "/vendor/maplibre-gl";
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const locale = (box) => ({
  "Map.Title": box.dataset.label,
  "NavigationControl.ZoomIn": words.zoomIn,
  "NavigationControl.ZoomOut": words.zoomOut,
  "AttributionControl.ToggleAttribution": words.credits,
  "Popup.Close": words.close,
  "CooperativeGesturesHandler.WindowsHelpText": words.scrollWithCtrl,
  "CooperativeGesturesHandler.MacHelpText": words.scrollWithCmd,
  "CooperativeGesturesHandler.MobileHelpText": words.twoFingers,
});

function loadStylesheet() {
  const link = document.createElement("link");
  Object.assign(link, { rel: "stylesheet", href: `${ASSETS}/maplibre-gl.css` });
  const first = document.querySelector('link[rel="stylesheet"]');
  return new Promise((resolve, reject) => {
    Object.assign(link, { onload: resolve, onerror: reject });
    first.before(link); // ours come after it and win
  });
}

const json = async (url) => (await fetch(url)).json();

/** Words in the map's box, in place of a map that cannot be drawn. */
export function tellFailure(error, box = document.getElementById("map")) {
  box.querySelector(".map-wait").textContent = words.noMap;
  box.dataset.state = "failed";
  console.info("The map is not available:", error?.message ?? error);
}

/** Everything a map needs, fetched side by side. */
async function gather(config, box) {
  const [library, glyphs, initiatives, territories, base] = await Promise.all([
    import(`${ASSETS}/maplibre-gl.mjs`), loadGlyphs(box.dataset.sprite),
    json(config.tiles.initiatives), json(config.tiles.territories),
    loadBasemap(config.basemap, dark.matches), loadStylesheet(),
  ]);
  return { library, glyphs, base, tilejson: { initiatives, territories } };
}

// Credits come once they are known, so that nothing shifts. A small map keeps them behind their
// button; the foot of the page names the sources too.
function addCredits(map, library) {
  map.addControl(new library.AttributionControl({ compact: true }), "bottom-right");
  if (map.getContainer().clientWidth > 640) return;
  const credits = map.getContainer().querySelector(".maplibregl-ctrl-attrib");
  credits.classList.remove("maplibregl-compact-show");
  credits.removeAttribute("open");
}

function addControls(map, library) {
  map.addControl(new library.NavigationControl({ showCompass: false }), "top-right");
  map.once("idle", () => {
    map.addControl(new library.ScaleControl({ maxWidth: 90 }), "bottom-left");
    addCredits(map, library);
  });
}

// So near, a commune is wider than the map: its name may stand beyond the edge.
const PLACE_FROM = 10.5;
// So near, ground without streets would be taken for a map that has not loaded, and outlines for exact ones.
const STREETS_FROM = 12.5;

/** The words on streets that are true of what a map shows: none, some, or nothing to say. */
function toldOfStreets(map, base) {
  // Of somebody else's pictures or style nobody knows what is a street.
  if (base?.whole) return null;
  if (!shows(map, roadsOf(base))) return words.noStreets;
  return coversView(base, map.getBounds()) ? null : words.someStreets;
}

// Outlines of communes, and of the one that a page is about.
const OUTLINES = ["commune-lines", "territory-line"];

const shows = (map, layers) => {
  const there = layers.filter((id) => map.getLayer(id));
  return there.length > 0 && map.queryRenderedFeatures({ layers: there }).length > 0;
};

// More communes than these in a view are no answer to "where is this?".
const MOST_NAMED = 2;

/** The communes that tell where a view is: that in its middle or, where that lies abroad or at sea, the few it shows `inPart`. */
function communesInView(map) {
  const { clientWidth, clientHeight } = map.getContainer();
  const [middle] = map.queryRenderedFeatures([clientWidth / 2, clientHeight / 2], { layers: ["towns"] });
  if (middle) return [middle.properties];
  const seen = map.queryRenderedFeatures({ layers: ["towns"] }).map(({ properties }) => properties);
  const apart = [...new Map(seen.map((commune) => [commune.code, commune])).values()];
  return apart.length <= MOST_NAMED ? apart.map((commune) => ({ ...commune, inPart: true })) : [];
}

/**
 * Names the commune in the middle where no name on the map does, and says what cannot be expected of the ground:
 * streets, and exact outlines.
 */
function tellPlace(map, state, config) {
  const caption = document.createElement("p");
  caption.className = "map-place";
  caption.hidden = true;
  map.getContainer().append(caption);
  const tell = () => {
    const near = map.getZoom() >= PLACE_FROM && map.getLayer("towns");
    const layers = ["commune-labels", "seat-labels", "town-labels"].filter((id) => map.getLayer(id));
    const named = new Set(near ? map.queryRenderedFeatures({ layers }).map(({ properties }) => properties.code) : []);
    const unnamed = near ? communesInView(map).filter(({ code }) => !named.has(code)) : [];
    const nearer = near && map.getZoom() >= STREETS_FROM;
    const names = unnamed.map(({ name }) => name).join(", ");
    const isSaid = document.querySelector(".legend-note")?.checkVisibility();
    const told = [
      unnamed.some(({ inPart }) => inPart) ? `${words.inPart} ${names}` : names, nearer && toldOfStreets(map, state.base),
      nearer && config.simplified_outlines && !isSaid && shows(map, OUTLINES) && words.simplifiedOutlines,
    ];
    caption.textContent = told.filter(Boolean).join(" · ");
    caption.hidden = !caption.textContent;
  };
  map.on("idle", tell);
  map.on("movestart", () => (caption.hidden = true));
}

// Colours and images are both read from the tokens, so both are made anew.
function followDarkMode(map, style, state, config) {
  dark.addEventListener("change", async () => {
    state.base = await loadBasemap(config.basemap, dark.matches);
    map.setStyle(style(), { diff: false });
  });
}

/** Room left around what a map shows first; less on a phone, or all would be a zoom farther away. */
export const paddingOf = (box) => (box.clientWidth < 480 ? 12 : 28);

/**
 * Makes the map; `places()` tells which territory to draw, `groups` all that is wanted of a base map.
 * Resolves to {map, library, tilejson}.
 */
export async function openMap(config, places = () => ({}), { box = document.getElementById("map"), groups, ...options } = {}) {
  const { library, glyphs, base, tilejson } = await gather(config, box);
  const state = { filter: config.filter, base };
  const style = () =>
    withBasemap(mapStyle({ tilejson, filter: state.filter, files: box.dataset }, places()), state.base, FAMILY, groups);
  const map = new library.Map({
    container: box, style: style(), bounds: config.bounds, fitBoundsOptions: { padding: paddingOf(box) },
    minZoom: 2, maxZoom: 18, dragRotate: false, pitchWithRotate: false, touchPitch: false,
    attributionControl: false, fadeDuration: calm.matches ? 0 : 200, locale: locale(box), ...options,
  });
  box.map = map; // for scripts of tests and of the console
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  provideImages(map, glyphs);
  followRivers(map, box.dataset.riversNear);
  followTowns(map, FAMILY);
  map.on("error", ({ error }) => console.warn("Map:", error.message));
  map.once("idle", () => (box.dataset.state = "ready"));
  // The drawing in its place shows one view only.
  whenMovedByHand(map, () => (box.dataset.state ??= "moved"));
  addControls(map, library);
  tellPlace(map, state, config);
  followDarkMode(map, style, state, config);
  return { map, library, tilejson, state, style };
}

// A tile that does not come holds nobody up.
const SETTLED_WITHIN = 4000;

/** Tells of each movement that a person began, not of ours. Those of a wheel come without their event (MapLibre 6.17). */
export function whenMovedByHand(map, tell) {
  let isTouched = false;
  for (const kind of ["wheel", "touchstart"]) map.on(kind, () => (isTouched = true));
  map.on("movestart", ({ originalEvent }) => {
    if (originalEvent || isTouched) tell();
    isTouched = false;
  });
}

/** Resolves once the map has drawn all that it shows. */
export const settled = (map) =>
  Promise.race([map.once("idle"), new Promise((resolve) => setTimeout(resolve, SETTLED_WITHIN))]);

// So long the map waits for its drawing to be painted; a slow machine shows that first all the same.
const PAINTED_WITHIN = 2000;

/** Resolves once the drawing in the map's place has been painted, where the browser can tell. */
const whenPainted = () =>
  new Promise((resolve) => {
    const drawing = document.querySelector("img[elementtiming]");
    const tells = window.PerformanceObserver?.supportedEntryTypes?.includes("element");
    if (!tells || !drawing?.checkVisibility?.()) return resolve();
    setTimeout(resolve, PAINTED_WITHIN);
    new PerformanceObserver(resolve).observe({ type: "element", buffered: true });
  });

/** Waits until the content has been shown and the browser has nothing better to do. */
export const whenIdle = () =>
  new Promise((resolve) => {
    const idle = () => ("requestIdleCallback" in window ? requestIdleCallback(resolve, { timeout: 800 }) : setTimeout(resolve, 50));
    const later = () => whenPainted().then(idle);
    document.readyState === "complete" ? later() : addEventListener("load", later, { once: true });
  });

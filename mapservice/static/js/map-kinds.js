// Events and groups on a map: their signs, their cards, and which kinds it shows.
//
// An event is a square above its place, a group a hexagon below it; where initiatives are shown too, as far
// from it as their signs reach, so that what shares one place stands in a column of three. Only a true
// point has a tip that touches it; without one, a kind that is alone on its map has its middle there
// (as in spot_signs.py).

import { counted, element, fetchPage, words } from "./page.js";
import { DETAIL_ZOOM, openCluster } from "./parting.js";
import { holdFocus, keepInView } from "./popup.js";
import { countText, WORDS_FROM } from "./style.js";
import { font, token } from "./tokens.js";
import { riseOf } from "./town-names.js";

export const INITIATIVES = "initiatives";
const KINDS = {
  evenements: { layer: "events", label: "title", hue: "event", path: "/evenements", side: -1 },
  groupes: { layer: "groups", label: "name", hue: "group", path: "/groupes", side: 1 },
};
/** The layers of events and groups, where a map has them. */
export const SPOT_LAYERS = Object.values(KINDS).map(({ layer }) => layer);
const OF_INITIATIVES = ["initiatives", "stacks"];
const SHADES = ["shaded-communes", "shaded-lines"];

const RATIO = 2;
const NEAR_ZOOM = 8;
const TEXT = 12;
const SIZES = [22, 2, 26, 100, 32, 1000, 38];
const FAR_SIZES = [14, 2, 22, 100, 28, 1000, 34];
const TIPS = [6, 4];
const TIPS_APART = [18, 15]; // half of what the signs of few initiatives measure, near and far
const WIDEST_TIP = 5;

const byCount = (sizes, made = (size) => size) =>
  ["step", ["get", "count"], ...sizes.map((one, at) => (at % 2 ? one : made(one)))];

const isPoint = ["==", ["get", "precision"], "point"];
const isSoft = ["all", ["has", "precision"], ["!", isPoint]];
const manner = ["case", isPoint, "point", isSoft, "soft", "many"];

// What has no tip has no picture of the ground below it either, which a click would hit.
const imageOf = (layer, sizes, tip) =>
  ["concat", "spot:", layer, ":", byCount(sizes, String), ":", ["case", isPoint, String(tip), "0"], ":", manner];

const phraseOf = (forms) => {
  const [before, after] = forms.other.split("{n}");
  return ["case", ["==", ["get", "count"], 1], forms.one.replace("{n}", "1"), ["concat", before, countText, after]];
};

/** Beside what a kind stands: "apart" from initiatives, "beside" the other kind, or "alone". */
const standOf = (kinds) => (kinds.includes(INITIATIVES) ? "apart" : kinds.length > 1 ? "beside" : "alone");

function layerOf(kind, source, stand) {
  const { layer, hue, side } = KINDS[kind];
  const [near, far] = stand === "apart" ? TIPS_APART : TIPS;
  const risen = (sizes, tip) => byCount(sizes, (size) => ["literal", [0, (side * (tip + size / 2)) / TEXT]]);
  const centred = (sizes) => byCount(sizes, (size) => ["literal", [0, (-side * size) / 2]]);
  const middle = (sizes, tip) => (stand === "alone" ? ["case", isPoint, risen(sizes, tip), ["literal", [0, 0]]] : risen(sizes, tip));
  const lifted = (sizes, tip) => ["case", isPoint, ["literal", [0, 0]], stand === "alone" ? centred(sizes) : ["literal", [0, side * tip]]];
  const number = ["case", [">", ["get", "count"], 1], countText, ""];
  const told = ["case", ["==", ["get", "precision"], "commune"], phraseOf(words.spots[kind].somewhere), phraseOf(words.spots[kind].wider)];
  return {
    id: layer, type: "symbol", source, "source-layer": layer, metadata: { stand, side, near, far, nearZoom: NEAR_ZOOM },
    layout: {
      // In street context a sign at one spot would read as an address: there it is said in words.
      "icon-image": ["step", ["zoom"], imageOf(layer, FAR_SIZES, far), NEAR_ZOOM, imageOf(layer, SIZES, near), WORDS_FROM, ["case", isSoft, "", imageOf(layer, SIZES, near)]],
      "icon-anchor": side < 0 ? "bottom" : "top", "icon-allow-overlap": true, "icon-padding": 0,
      "icon-offset": ["step", ["zoom"], lifted(FAR_SIZES, far), NEAR_ZOOM, lifted(SIZES, near)],
      "text-field": ["step", ["zoom"], number, WORDS_FROM, ["case", isSoft, told, number]],
      "text-font": font("semibold"), "text-size": TEXT, "text-max-width": 12,
      "text-offset": ["step", ["zoom"], middle(FAR_SIZES, far), NEAR_ZOOM, middle(SIZES, near)],
      "text-allow-overlap": true, "symbol-sort-key": ["get", "count"],
    },
    paint: {
      "text-color": ["step", ["zoom"], ["case", isSoft, token(hue), token(`${hue}-ink`)], WORDS_FROM, ["case", isSoft, token(hue), token(`${hue}-ink`)]],
      "text-halo-color": token("label-halo"),
      "text-halo-width": ["step", ["zoom"], 0, WORDS_FROM, ["case", isSoft, 1.8, 0]],
    },
  };
}

/** A sign as a path; `place` is the y of what it stands at, `top` of its body. */
function outline(layer, size, tip, touches, { place, top, middle }) {
  const half = size / 2;
  const [left, right, bottom] = [middle - half, middle + half, top + size];
  const wide = Math.min(tip * 0.8, WIDEST_TIP);
  const foot = (y) => (touches ? [[middle + wide, y], [middle, place], [middle - wide, y]] : []);
  if (layer === "events") return [[left, top], [right, top], [right, bottom], ...foot(bottom), [left, bottom]];
  return [[left, top + half], [left + size / 4, top], ...foot(top).reverse(), [right - size / 4, top], [right, top + half], [right - size / 4, bottom], [left + size / 4, bottom]];
}

/** Draws a sign that a style names "spot:events:26:6:point"; null for any other name. */
export function drawSpot(name) {
  const [kind, layer, sizeText, tipText, how] = name.split(":");
  if (kind !== "spot") return null;
  const [size, tip] = [Number(sizeText), Number(tipText)];
  const edge = 2;
  const canvas = document.createElement("canvas");
  canvas.width = (size + 2 * edge) * RATIO;
  canvas.height = (size + tip + edge) * RATIO;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.scale(RATIO, RATIO);
  const above = layer === "events";
  const at = { middle: size / 2 + edge, top: above ? edge : tip, place: above ? size + tip + edge : 0 };
  const hue = token(above ? "event" : "group");
  context.beginPath();
  for (const [x, y] of outline(layer, size, tip, how === "point", at)) context.lineTo(x, y);
  context.closePath();
  Object.assign(context, { lineJoin: "round", lineWidth: how === "soft" ? 1.8 : 1.6 });
  context.globalAlpha = how === "soft" ? 0.92 : 1;
  context.fillStyle = how === "soft" ? token("surface") : hue;
  context.fill();
  context.globalAlpha = 1;
  context.strokeStyle = how === "soft" ? hue : token("dot-ring");
  if (how === "soft") context.setLineDash([3.4, 2.8]);
  context.stroke();
  return context;
}

const known = new Map();
const tilejsonOf = (url) => {
  const asked = async () => {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    return answer.json();
  };
  // What failed is asked for again the next time.
  if (!known.has(url)) known.set(url, asked().catch((error) => { known.delete(url); throw error; }));
  return known.get(url);
};
// On our own origin, whatever host the TileJSON names.
const here = (address) => location.origin + address.replace(/^https?:\/\/[^/]+/, "");

function showInitiatives(map, shown) {
  for (const { id, source } of map.getStyle().layers) {
    if (!OF_INITIATIVES.includes(source) && !SHADES.includes(id)) continue;
    map.setLayoutProperty(id, "visibility", shown ? "visible" : "none");
  }
}

async function showSpots(map, kind, spots, stand) {
  const { layer } = KINDS[kind];
  const source = `${layer}-spots`;
  if (!spots) {
    if (map.getLayer(layer)) map.removeLayer(layer);
    if (map.getSource(source)) map.removeSource(source);
    return;
  }
  const tilejson = await tilejsonOf(spots.tiles);
  const tiles = tilejson.tiles.map(here);
  if (map.getSource(source)) map.getSource(source).setTiles(tiles);
  else map.addSource(source, { type: "vector", tiles, maxzoom: tilejson.maxzoom, attribution: tilejson.attribution });
  if (map.getLayer(layer)?.metadata.stand === stand) return;
  if (map.getLayer(layer)) map.removeLayer(layer);
  map.addLayer(layerOf(kind, source, stand));
}

/** Shows the kinds that `config` names and no other; to be called again after a new style. */
export async function showKinds(map, config) {
  const { kinds, spots } = config;
  if (!kinds) return;
  showInitiatives(map, kinds.includes(INITIATIVES));
  for (const kind of Object.keys(KINDS)) {
    // What does not come of one kind stops no other.
    await showSpots(map, kind, spots[kind], standOf(kinds)).catch((error) => console.info(`${kind}:`, error.message));
  }
}

/** Keeps what `read()` names shown, whatever becomes of the style; returns how to show it anew. */
export function followKinds(map, read) {
  let running = Promise.resolve();
  // One after the other: a second call while tiles are asked for would add the same source twice.
  const show = () => {
    running = running.then(() => showKinds(map, read())).catch((error) => console.info("Kinds:", error.message));
    return running;
  };
  map.on("style.load", show);
  if (map.isStyleLoaded()) show();
  else map.once("idle", show);
  return show;
}

/** What was hit, the sign whose middle is nearest to the pointer first. */
export function nearestFirst({ map, features, point }) {
  const farOf = ({ geometry, layer, properties }) => {
    const rise = riseOf(layer, properties, map.getZoom(), SIZES[0]);
    const { x, y } = map.project(geometry.coordinates);
    return Math.hypot(point.x - x, point.y - y - rise);
  };
  return features.toSorted((one, other) => farOf(one) - farOf(other));
}

const kindOf = (layer) => Object.keys(KINDS).find((kind) => KINDS[kind].layer === layer);
const text = (root, selector) => root?.querySelector(selector)?.textContent.replace(/\s+/g, " ").trim() ?? "";

function link(href, content) {
  const node = element("a", "", content);
  node.href = href;
  return node;
}

/** When and where: from the list's card when it is there, else from the page. */
async function factsOf(kind, id) {
  const card = document.querySelector(`.card[data-id="${CSS.escape(id)}"]`);
  const root = card ?? (await fetchPage(`${KINDS[kind].path}/${id}`));
  const when = card ? text(card, ".card-when") : text(root, "[data-when]");
  return [when, card ? text(card, ".card-place") : text(root, "[data-place]")];
}

function oneCard(kind, { id, ...properties }) {
  const url = `${KINDS[kind].path}/${id}`;
  const [when, place] = [element("p", "map-card-place"), element("p", "map-card-place")];
  const open = link(url, words.spots[kind].open);
  open.className = "map-card-open";
  const card = element("div", `map-card map-card-${KINDS[kind].layer}`, [
    element("p", "map-card-theme", [element("span", `kind-sign kind-${kind}`), words.spots[kind].one]),
    element("p", "map-card-title", link(url, properties[KINDS[kind].label])),
    when, place, element("p", "", open),
  ]);
  const filled = factsOf(kind, id).then(([days, where]) => {
    when.textContent = days;
    place.textContent = where;
  });
  return { card, filled };
}

const dayOf = (local) =>
  new Intl.DateTimeFormat(document.documentElement.lang || "fr", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" })
    .format(new Date(`${local}Z`));

const LISTED = 12;
const AROUND = 0.00003; // degrees, some 3 m: what one spot holds

/** What stands at one spot: each event once with its next date and how many more there are. */
async function manyCards(kind, list, [lon, lat], count) {
  const box = [lon - AROUND, lat - AROUND, lon + AROUND, lat + AROUND].map((one) => one.toFixed(6)).join();
  const url = `${list}${list.includes("?") ? "&" : "?"}bbox=${box}&limit=100`;
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  const { features } = await answer.json();
  const groups = new Map();
  for (const { properties } of features) {
    const key = properties.series ?? properties.id;
    groups.set(key, [...(groups.get(key) ?? []), properties]);
  }
  const rows = [...groups.values()].slice(0, LISTED).map(([first, ...more]) =>
    element("li", "", [
      link(new URL(first.url).pathname, [
        first[KINDS[kind].label] ?? first.title ?? first.name,
        ...(first.starts_local ? [element("span", "quiet", ` · ${dayOf(first.starts_local)}${more.length ? ` ${counted("otherDates", more.length)}` : ""}`)] : []),
      ]),
    ]));
  return element("div", "", [
    element("p", "map-list-title", [element("span", `kind-sign kind-${kind}`), counted(`${KINDS[kind].layer}Here`, count)]),
    element("ul", "map-list", rows),
  ]);
}

function cardAt({ map, library }, at, content, onClose) {
  const popup = new library.Popup({ offset: 18, maxWidth: "320px", focusAfterOpen: false });
  popup.setLngLat(at).setDOMContent(content).addTo(map);
  popup.on("close", onClose);
  holdFocus(map, popup);
  return popup;
}

async function listSpot(atlas, kind, config, at, count, onClose) {
  const popup = cardAt(atlas, at, await manyCards(kind, config.spots[kind].list, at, count), onClose);
  keepInView(atlas.map, popup);
  return popup;
}

/** Opens a spot as `openSpot`; what does not come leaves the map as it is. */
export const trySpot = (...spot) => openSpot(...spot).catch((error) => console.info("Spot:", error.message));

/** Opens a spot of events or groups: its card, the list of its place, or the map nearer to it. */
async function openSpot(atlas, feature, config, onClose = () => {}) {
  const kind = kindOf(feature.layer.id);
  const { properties, geometry } = feature;
  const at = geometry.coordinates;
  if (properties.id) {
    const { card, filled } = oneCard(kind, properties);
    const popup = cardAt(atlas, at, card, onClose);
    const settle = () => popup.isOpen() && (popup.setLngLat(at), keepInView(atlas.map, popup));
    filled.then(settle).catch(settle);
    return popup;
  }
  // From there on a sign is one spot; the tile that would be looked into holds its neighbours too.
  if (atlas.map.getZoom() >= DETAIL_ZOOM) return listSpot(atlas, kind, config, at, properties.count, onClose);
  let popup = null;
  const { tiles } = await tilejsonOf(config.spots[kind].tiles);
  await openCluster(atlas, at, async (place, found, count) => {
    popup = await listSpot(atlas, kind, config, place, count ?? properties.count, onClose);
  }, here(tiles[0]));
  return popup;
}

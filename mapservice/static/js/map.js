// Entry of the home page: the map, its list, its filters, one URL.

import { openMap, tellFailure, whenIdle, whenMovedByHand } from "./base-map.js";
import { forgetCommunes, NEAREST_TINT, stackAt, watchCommunes } from "./communes.js";
import { adoptFilters, catchFilters } from "./filters.js";
import { adopt, lengthenOnDemand, mark, showResults, watchCards } from "./list.js";
import { LocateControl } from "./locate.js";
import { walkByKeys } from "./map-keys.js";
import { followKinds, INITIATIVES, nearestFirst, SPOT_LAYERS, trySpot } from "./map-kinds.js";
import { fetchPage, readConfig, words } from "./page.js";
import { openCluster } from "./parting.js";
import { openCard } from "./popup.js";
import { offerSheet } from "./sheet.js";
import { tilesFor } from "./style.js";
import { queryOfPlace, suggestAnswers } from "./suggest.js";

const panel = document.querySelector(".atlas-panel");
const SETTLE = 220; // ms without movement before the list is asked for

const page = { config: readConfig(), moved: false, atlas: null, popup: null, search: location.search };

const queryNow = () => new URLSearchParams(location.search);

function boxText(west, south, east, north) {
  const clamp = (n, limit) => Math.max(-limit, Math.min(limit, n)).toFixed(5);
  return [clamp(west, 180), clamp(south, 90), clamp(east, 180), clamp(north, 90)].join(",");
}

function boxOfView(map) {
  const bounds = map.getBounds();
  return boxText(bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth());
}

/** The view kept in the address as `#zoom/lat/lon`, as MapLibre option values, or null. */
function readView() {
  const found = location.hash.match(/^#([\d.]+)\/(-?[\d.]+)\/(-?[\d.]+)$/);
  if (!found) return null;
  const [zoom, lat, lon] = found.slice(1).map(Number);
  return { bounds: undefined, center: [lon, lat], zoom };
}

function writeView(map) {
  const { lng, lat } = map.getCenter();
  const hash = `#${map.getZoom().toFixed(2)}/${lat.toFixed(4)}/${lng.toFixed(4)}`;
  history.replaceState(null, "", location.pathname + location.search + hash);
}

const listIn = (box) => {
  const query = queryNow();
  query.set("bbox", box);
  return showResults(`${query.has("voir") ? "/" : "/initiatives"}?${query}`);
};

const listInView = () => listIn(boxOfView(page.atlas.map)).then(agreeWithMap).catch(tellFailure);

/** The box of a view before there is a map: `zoom` of tiles of 512 pixels, web mercator. */
function boxToCome({ center: [lon, lat], zoom }) {
  const { width, height } = document.getElementById("map").getBoundingClientRect();
  const world = 512 * 2 ** zoom;
  const across = (180 * width) / world;
  const y = Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360));
  const edge = (step) => (360 / Math.PI) * Math.atan(Math.exp(y + step)) - 90;
  const up = (Math.PI * height) / world;
  return boxText(lon - across, edge(-up), lon + across, edge(up));
}

const DRAWN = ["singles", "clusters", "stacks", "shaded-communes"];

/** The list calls a view empty that holds the place of none; a cluster or a tint may yet be in it. */
function agreeWithMap() {
  const title = document.querySelector("#results [data-nothing-here]");
  if (!title || !page.atlas) return;
  const { map } = page.atlas;
  const layers = DRAWN.filter((id) => map.getLayer(id));
  const drawn = map.queryRenderedFeatures({ layers });
  if (!drawn.some(({ layer, state }) => layer.id !== "shaded-communes" || state.shaded)) return;
  title.textContent = words.around;
  title.removeAttribute("data-nothing-here");
}

/** Changes the filters in place: filters, results, tiles, outline and view follow the new query. */
async function applyQuery(query, { push = true } = {}) {
  const search = query.toString().replace(/%2C/g, ",").replace(/%3A/g, ":");
  const url = search ? `/?${search}` : "/";
  try {
    const fresh = await fetchPage(url);
    if (push) history.pushState(null, "", url + location.hash);
    page.search = location.search;
    adoptFilters(fresh);
    suggest();
    followConfig(readConfig(fresh), fresh);
  } catch {
    location.assign(url);
  }
}

function followConfig(config, fresh) {
  const before = page.config;
  page.config = config;
  const moves = JSON.stringify(config.territory) !== JSON.stringify(before.territory);
  if (moves) page.moved = false;
  if (!page.moved) adopt(fresh);
  if (!page.atlas) return;
  redraw(moves);
  if (page.moved) listInView();
}

function redraw(moves) {
  const { map, state, style, tilejson } = page.atlas;
  state.filter = page.config.filter;
  page.popup?.remove();
  page.showKinds?.();
  if (moves) {
    map.setStyle(style());
    map.fitBounds(page.config.bounds, { padding: 40, maxZoom: 13 });
  } else {
    forgetCommunes(map);
    map.getSource("initiatives").setTiles(tilesFor(tilejson.initiatives, state.filter));
  }
}

/** What the map shows stays when another place is chosen. */
function queryOfPlaceHere(form, place) {
  const query = queryOfPlace(form, place);
  const shown = queryNow().get("voir");
  if (shown) query.set("voir", shown);
  return query;
}

function suggest() {
  const input = document.getElementById("q");
  suggestAnswers(input, (place) => applyQuery(queryOfPlaceHere(input.form, place)));
}

function highlight(position) {
  const features = position
    ? [{ type: "Feature", properties: {}, geometry: { type: "Point", coordinates: position } }]
    : [];
  page.atlas?.map.getSource("highlight")?.setData({ type: "FeatureCollection", features });
}

/** Lights what a card is about: its point, or the commune that it is somewhere in. */
function light(card) {
  const { lon, lat, precision, commune } = card?.dataset ?? {};
  const map = page.atlas?.map;
  const whole = map && commune && precision !== "point" && map.getZoom() >= NEAREST_TINT ? commune : null;
  if (map && page.lit !== whole) {
    const state = (id, lit) => id && map.setFeatureState({ source: "territories", sourceLayer: "communes", id }, { lit });
    state(page.lit, false);
    state(whole, true);
    page.lit = whole;
  }
  highlight(lon && !whole ? [Number(lon), Number(lat)] : null);
}

function select(lngLat, found) {
  page.popup?.remove();
  highlight(lngLat);
  if (found.length === 1) mark([found[0].id], "is-selected", true);
  page.popup = openCard(page.atlas, lngLat, found, () => {
    mark([], "is-selected");
    highlight(null);
  });
}

function unique(features) {
  return [...new Map(features.map((f) => [f.properties.id, f.properties])).values()];
}

async function selectSpot(spot) {
  page.popup?.remove();
  const { id } = spot.properties;
  if (id) mark([id], "is-selected", true);
  if (!id) page.moved = true;
  page.popup = await trySpot(page.atlas, spot, page.config, () => mark([], "is-selected"));
}

/** What a click on a feature does; `found` is all that was hit with it. */
function open(first, found = [first]) {
  const at = first.geometry.coordinates;
  if (SPOT_LAYERS.includes(first.layer.id)) selectSpot(first);
  else if (first.layer.id === "stacks") select(at, stackAt(first.properties.territory));
  else if (first.layer.id === "clusters") {
    page.moved = true;
    openCluster(page.atlas, at, select);
  } else select(at, unique(found.filter((f) => f.layer.id === "singles")));
}

const layersOf = (map) => ["stacks", "clusters", "singles", ...SPOT_LAYERS].filter((id) => map.getLayer(id));

function onClick(map, event) {
  const around = 6; // px, for thumbs
  const { x, y } = event.point;
  const layers = layersOf(map);
  const hit = map.queryRenderedFeatures([[x - around, y - around], [x + around, y + around]], { layers });
  const found = nearestFirst({ map, features: hit, point: event.point });
  if (found.length) open(found[0], found);
  else openGround(map, event);
}

/** What is somewhere in a tinted commune opens on its whole ground. */
function openGround(map, { point, lngLat }) {
  if (!page.config.kinds.includes(INITIATIVES)) return;
  const [ground] = map.queryRenderedFeatures(point, { layers: ["shaded-communes"] }).filter(({ state }) => state.shaded);
  const held = ground ? stackAt(ground.properties.code) : [];
  if (!held.length) return;
  select(lngLat, held);
  highlight(null); // no ring at the place of a click
}

function watchPointer(map) {
  for (const layer of ["singles", "clusters", "stacks", ...SPOT_LAYERS]) {
    map.on("mousemove", layer, ({ features }) => {
      map.getCanvas().style.cursor = "pointer";
      const { id, territory } = features[0].properties;
      mark(id ? [id] : layer === "stacks" ? stackAt(territory).map((one) => one.id) : [], "is-hovered");
    });
    map.on("mouseleave", layer, () => {
      map.getCanvas().style.cursor = "";
      mark([], "is-hovered");
    });
  }
}

function followMoves(map) {
  let timer;
  whenMovedByHand(map, () => (page.moved = true));
  map.on("moveend", () => {
    clearTimeout(timer);
    if (!page.moved) return;
    writeView(map);
    timer = setTimeout(listInView, SETTLE);
  });
}

function followFarLinks(map) {
  document.querySelector(".far")?.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-bounds]");
    if (!link) return;
    event.preventDefault();
    page.moved = true;
    map.fitBounds(link.dataset.bounds.split(",").map(Number), { padding: 24, animate: false });
  });
}

// Whoever pastes a view into the address, or goes back to one, is taken there.
function followAddress(map) {
  addEventListener("hashchange", () => {
    const view = readView();
    if (!view) return;
    page.moved = true;
    map.jumpTo({ center: view.center, zoom: view.zoom });
  });
}

function startMap({ map, library }) {
  if ("geolocation" in navigator) {
    map.addControl(new LocateControl(library, () => (page.moved = true)), "top-right");
  }
  walkByKeys(map, { show: (feature) => highlight(feature?.geometry.coordinates ?? null), open });
  followAddress(map);
  map.on("click", (event) => onClick(map, event));
  watchCommunes(map);
  page.showKinds = followKinds(map, () => page.config);
  watchPointer(map);
  followMoves(map);
  followFarLinks(map);
  map.on("idle", agreeWithMap);
  if (page.moved) map.once("load", listInView);
}

// On a phone the legend comes over the map when asked for, and goes with Escape.
function offerLegend() {
  const button = document.querySelector(".legend-toggle");
  const show = (open) => button.setAttribute("aria-expanded", String(open));
  button.addEventListener("click", () => show(button.getAttribute("aria-expanded") !== "true"));
  button.parentElement.addEventListener("keydown", ({ key }) => key === "Escape" && show(false));
}

// So does the choice of what the map shows, which stays open while one chooses: its part is made anew.
function offerKinds() {
  const section = document.querySelector(".atlas-map");
  const toggle = () => section.querySelector(".kind-toggle");
  const show = (open) => toggle().setAttribute("aria-expanded", String(open));
  const isOpen = () => toggle().getAttribute("aria-expanded") === "true";
  addEventListener("click", ({ target }) => {
    if (target.closest?.(".kind-toggle")) show(!isOpen());
    else if (isOpen() && !target.closest?.(".kind-switch")) show(false);
  });
  section.addEventListener("keydown", ({ key, target }) => {
    if (key !== "Escape" || !isOpen() || !target.closest(".kind-switch")) return;
    show(false);
    toggle().focus();
  });
}

catchFilters(panel, applyQuery);
catchFilters(document.querySelector(".atlas-map"), applyQuery);
lengthenOnDemand(panel);
watchCards(panel, (card) => page.popup?.isOpen() || light(card));
suggest();
offerSheet(document.querySelector(".atlas"));
offerLegend();
offerKinds();
addEventListener("popstate", () => {
  if (location.search !== page.search) applyQuery(queryNow(), { push: false });
});

// The drawing in the map's place shows the filter's view: another one that the address names waits without.
// So does its list, which needs no map.
const asked = readView();
if (asked) {
  document.getElementById("map").dataset.state = "moved";
  listIn(boxToCome(asked)).catch(() => {});
}

try {
  await whenIdle();
  const view = readView();
  page.moved = Boolean(view);
  page.atlas = await openMap(page.config, () => ({ territory: page.config.territory }), view ?? {});
  startMap(page.atlas);
} catch (error) {
  tellFailure(error);
}

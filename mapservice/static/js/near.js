// Entry of "near me": suggestions, the device's position if one asks for it, a click on the map.

import { openMap, tellFailure, whenIdle } from "./base-map.js";
import { lengthenOnDemand } from "./list.js";
import { counted, readConfig, words } from "./page.js";
import { stackImage, token } from "./style.js";
import { suggestPlaces } from "./suggest.js";

const config = readConfig();
const NEAREST_M = 3; // decimals of a degree: some 100 m, enough here and no more than needed

/** Goes to the page around a position, with the filters chosen so far. */
function goTo(lon, lat, digits) {
  const query = new URLSearchParams(location.search);
  for (const name of ["lieu", "cursor", "near", "commune", "postcode", "adresse"]) query.delete(name);
  query.set("near", `${lon.toFixed(digits)},${lat.toFixed(digits)}`);
  location.assign(`${location.pathname}?${query.toString().replace(/%2C/g, ",")}`);
}

/** Goes to the circle around a commune: of no more do its name and its code tell. */
function goToCommune(code) {
  const query = new URLSearchParams(location.search);
  for (const name of ["lieu", "cursor", "near", "radius", "postcode", "adresse", "sort"]) query.delete(name);
  query.set("commune", code);
  location.assign(`${location.pathname}?${query}`);
}

function offerPosition() {
  if (!("geolocation" in navigator)) return;
  const button = document.getElementById("locate");
  const note = document.getElementById("locate-note");
  button.hidden = false;
  button.addEventListener("click", () => {
    note.textContent = words.locating;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => goTo(coords.longitude, coords.latitude, NEAREST_M),
      () => (note.textContent = words.locatedNot),
      { maximumAge: 60_000, timeout: 15_000 },
    );
  });
}

const EARTH = 6_371_008; // metres, mean radius
const CORNERS = 96;

/** A ring of positions at `radius` metres around one. */
function ring([lon, lat], radius) {
  const reach = (radius / EARTH) * (180 / Math.PI);
  const wide = reach / Math.cos((lat * Math.PI) / 180);
  const turn = (i) => (2 * Math.PI * i) / CORNERS;
  return Array.from({ length: CORNERS + 1 }, (_, i) => [lon + wide * Math.cos(turn(i)), lat + reach * Math.sin(turn(i))]);
}

const feature = (type, coordinates) => ({ type: "Feature", properties: {}, geometry: { type, coordinates } });

function drawCircle(map) {
  if (!config.point || map.getSource("circle")) return;
  const world = [[-180, -85], [180, -85], [180, 85], [-180, 85], [-180, -85]];
  const around = ring(config.point, config.radius);
  map.addSource("circle", { type: "geojson", data: feature("LineString", around) });
  map.addSource("outside", { type: "geojson", data: feature("Polygon", [world, around]) });
  map.addSource("here", { type: "geojson", data: feature("Point", config.point) });
  map.addLayer({ id: "outside", type: "fill", source: "outside", paint: { "fill-color": token("paper"), "fill-opacity": 0.55 } });
  map.addLayer({ id: "circle", type: "line", source: "circle", paint: { "line-color": token("ink"), "line-width": 1.5, "line-dasharray": [3, 2] } });
  if (!config.is_here) return; // the middle of a commune is nobody's position
  map.addLayer({
    id: "here", type: "circle", source: "here",
    paint: { "circle-radius": 5, "circle-color": token("focus"), "circle-stroke-color": token("surface"), "circle-stroke-width": 2.5 },
  });
}

const ROOM = 46; // px: words of two lines and the dot of a position cover each other no nearer

/** Where words about a commune stand: at their place or, where the position is, above or below it on the commune's ground. */
function besidePosition(map, code, at) {
  if (!config.is_here) return at;
  const [place, here] = [map.project(at), map.project(config.point)];
  if (Math.abs(place.x - here.x) > 2 * ROOM || Math.abs(place.y - here.y) > ROOM) return at;
  const isGround = (spot) => map.queryRenderedFeatures(spot, { layers: ["towns"] }).some(({ properties }) => properties.code === code);
  const beside = [-ROOM, ROOM].map((down) => [place.x, here.y + down]).find(isGround);
  return beside ? map.unproject(beside).toArray() : at;
}

// Communes that hold initiatives known no better: tinted, with their number on the ground that they
// have in the circle. The tiles hold true points alone.
function drawSomewhere(map) {
  for (const { code } of config.somewhere ?? []) {
    map.setFeatureState({ source: "territories", sourceLayer: "communes", id: code }, { shaded: true });
  }
  const marked = (config.somewhere ?? []).filter(({ at }) => at);
  map.getSource("stacks")?.setData({
    type: "FeatureCollection",
    features: marked.map(({ at, code, count, themes }) => ({
      type: "Feature", geometry: { type: "Point", coordinates: besidePosition(map, code, at) },
      properties: { territory: code, count, image: stackImage(themes), told: counted("somewhere", count) },
    })),
  });
}

function watchClicks(map) {
  map.getCanvas().style.cursor = "crosshair";
  document.getElementById("map-hint").hidden = false;
  map.on("click", ({ point, lngLat }) => {
    const [found] = map.queryRenderedFeatures(point, { layers: ["singles", "stacks"] });
    if (found?.layer.id === "stacks") document.getElementById("in-communes")?.scrollIntoView();
    else if (found) location.assign(`/initiatives/${found.properties.id}`);
    else goTo(lngLat.lng, lngLat.lat, 4);
  });
}

offerPosition();
suggestPlaces(document.getElementById("lieu"), ({ citycode }) => goToCommune(citycode), "searchPlace");
if (document.getElementById("results")) lengthenOnDemand(document.querySelector(".near"));

try {
  await whenIdle();
  const options = { cooperativeGestures: true, fitBoundsOptions: { padding: 16 } };
  const { map } = await openMap(config, () => ({}), options);
  watchClicks(map);
  // A style that was quicker than we are is known by the map's first rest.
  for (const moment of ["style.load", "idle"]) map.on(moment, () => drawCircle(map));
  for (const moment of ["style.load", "load"]) map.on(moment, () => drawSomewhere(map));
  if (map.loaded()) drawSomewhere(map);
  // What ground is where is known once it is drawn.
  map.once("idle", () => drawSomewhere(map));
  map.on("zoomend", () => map.once("idle", () => drawSomewhere(map)));
} catch (error) {
  tellFailure(error);
}

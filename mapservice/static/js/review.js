// Entry of a case's page: the communes in question on the map, chosen there or in the list.

import { openMap, tellFailure, whenIdle } from "./base-map.js";
import { element, readConfig, words } from "./page.js";
import { token } from "./style.js";
import { suggestPlaces } from "./suggest.js";

const config = readConfig();
const form = document.getElementById("decision");
const marks = new Map();

const radioOf = (code) => form?.querySelector(`input[value="commune:${code}"]`);
const chosenCode = () =>
  form ? (form.elements.choice.value.match(/^commune:(.+)$/)?.[1] ?? "") : config.chosen;
const codes = config.candidates.map(({ code }) => code);
const shape = (chosen) => ({
  source: "territories", "source-layer": "communes", minzoom: 6,
  filter: ["in", ["get", "code"], ["literal", chosen]],
});

// The ground of every candidate is tinted, that of the chosen one more.
function drawCommunes(map) {
  if (map.getLayer("candidates")) return;
  const hue = token("initiative");
  const below = map.getStyle().layers.find(({ type }) => type === "symbol")?.id;
  map.addLayer({ id: "candidates", type: "fill", ...shape(codes), paint: { "fill-color": hue, "fill-opacity": 0.16 } }, below);
  map.addLayer({ id: "candidate-lines", type: "line", ...shape(codes), paint: { "line-color": hue, "line-width": 1.5 } }, below);
  map.addLayer({ id: "chosen", type: "fill", ...shape([]), paint: { "fill-color": hue, "fill-opacity": 0.28 } }, below);
  hideNames(map);
  showChosen(map);
}

// A number stands where the name of its commune would; the list has the names.
function hideNames(map) {
  const others = ["!", ["in", ["get", "code"], ["literal", codes]]];
  for (const id of ["commune-labels", "seat-labels"].filter((one) => map.getLayer(one))) {
    map.setFilter(id, ["all", map.getFilter(id), others]);
  }
}

function showChosen(map) {
  const code = chosenCode();
  if (map.getLayer("chosen")) map.setFilter("chosen", shape([code]).filter);
  for (const [name, mark] of marks) mark.setAttribute("aria-pressed", String(name === code));
}

function choose(code) {
  const radio = radioOf(code);
  if (!radio) return;
  radio.checked = true;
  radio.dispatchEvent(new Event("change", { bubbles: true }));
}

function mark(number, name, code) {
  const node = element("button", "case-mark", String(number));
  node.type = "button";
  node.title = name;
  node.setAttribute("aria-label", `${number} : ${name}`);
  node.addEventListener("click", () => choose(code));
  marks.set(code, node);
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

// The one true point on this map, drawn as a pin; the numbers stand for whole communes.
function pin(label = words.given) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "case-pin");
  svg.setAttribute("viewBox", "0 0 24 30");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  const body = document.createElementNS(SVG, "path");
  body.setAttribute("d", "M12 29C5.5 20.5 2 15.5 2 11a10 10 0 0 1 20 0c0 4.5-3.5 9.500-10 18z");
  const eye = document.createElementNS(SVG, "circle");
  for (const [name, value] of Object.entries({ cx: 12, cy: 11, r: 4 })) eye.setAttribute(name, value);
  svg.append(body, eye);
  return svg;
}

function addMarks(map, { Marker }) {
  for (const { number, name, code, at } of config.candidates) {
    new Marker({ element: mark(number, name, code) }).setLngLat(at).addTo(map);
  }
  if (config.point) new Marker({ element: pin(), anchor: "bottom" }).setLngLat(config.point).addTo(map);
}

function follow(map) {
  form?.addEventListener("change", ({ target }) => {
    if (target.name !== "choice") return;
    showChosen(map);
    const found = config.candidates.find(({ code }) => code === chosenCode());
    if (found) map.fitBounds(found.bounds, { padding: 60, maxZoom: 11 });
    else if (target.value === "point") map.flyTo({ center: config.point, zoom: 11 });
  });
}

function pickArea() {
  const area = document.getElementById("area");
  area?.addEventListener("change", () => (document.getElementById("choice-area").checked = true));
}

// A touch of the map is where the moderator's own pin stands.
function placePin(map, { Marker }) {
  const [lon, lat] = [document.getElementById("lon"), document.getElementById("lat")];
  if (!lon) return;
  const own = new Marker({ element: pin(words.ownPin), anchor: "bottom" });
  map.on("click", ({ lngLat, originalEvent }) => {
    if (originalEvent.target.closest(".case-mark")) return;
    lon.value = lngLat.lng.toFixed(6);
    lat.value = lngLat.lat.toFixed(6);
    own.setLngLat(lngLat).addTo(map);
    const radio = document.getElementById("choice-pin");
    radio.checked = true;
    radio.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

function suggest() {
  const input = document.getElementById("commune");
  if (!input) return;
  suggestPlaces(input, (place) => {
    input.value = place.citycode;
    input.form.requestSubmit();
  });
}

pickArea();
suggest();
try {
  await whenIdle();
  const { map, library } = await openMap(config, () => ({ alone: true }), {
    cooperativeGestures: true, fitBoundsOptions: { padding: 48, maxZoom: 10.5 },
  });
  map.on("style.load", () => drawCommunes(map));
  addMarks(map, library);
  placePin(map, library);
  follow(map);
  showChosen(map);
} catch (error) {
  tellFailure(error);
}

// Entry of the form that proposes: suggestions, the pin on the map, a draft kept in this browser.

import { openMap, tellFailure, whenIdle } from "./base-map.js";
import { phrase, readConfig, words } from "./page.js";
import { nameFound, suggestPlaces } from "./suggest.js";
import { token } from "./style.js";

const config = readConfig();
const form = document.getElementById("propose");
const field = (name) => form.elements.namedItem(name);

// The reading that was chosen holds for these words alone; typing others lets it go.
// They name what was chosen, also a commune that is part of another today.
function choosePlace(place) {
  const { citycode, context = "" } = place;
  const name = nameFound(place);
  const departement = context.split(", ")[0];
  const text = departement ? `${name} (${departement})` : name;
  form.querySelectorAll("input[type=radio][name=choice]").forEach((radio) => (radio.checked = false));
  for (const [key, value] of [["choice", `commune:${citycode}`], ["choice_for", text]]) {
    let input = form.querySelector(`input[type=hidden][name=${key}]`);
    if (!input) {
      input = Object.assign(document.createElement("input"), { type: "hidden", name: key });
      form.append(input);
    }
    input.value = value;
  }
  field("place").value = text;
  form.dispatchEvent(new Event("input"));
}

// --- The pin ---

const SVG = "http://www.w3.org/2000/svg";
const STEP = 24; // pixels that an arrow key moves the pin

function pinElement() {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "propose-pin";
  button.setAttribute("aria-label", words.pin);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 30");
  svg.setAttribute("aria-hidden", "true");
  const body = document.createElementNS(SVG, "path");
  body.setAttribute("d", "M12 29C5.5 20.5 2 15.5 2 11a10 10 0 0 1 20 0c0 4.5-3.5 9.500-10 18z");
  const eye = document.createElementNS(SVG, "circle");
  for (const [name, value] of Object.entries({ cx: 12, cy: 11, r: 4 })) eye.setAttribute(name, value);
  svg.append(body, eye);
  button.append(svg);
  return button;
}

class Pin {
  constructor(map, { Marker }) {
    this.map = map;
    this.element = pinElement();
    this.marker = new Marker({ element: this.element, anchor: "bottom", draggable: true });
    this.marker.on("dragend", () => this.write(this.marker.getLngLat()));
    this.element.addEventListener("keydown", (event) => this.onKey(event));
    this.element.addEventListener("click", (event) => event.stopPropagation());
    map.on("click", ({ lngLat, originalEvent }) => originalEvent.defaultPrevented || this.put(lngLat));
    field("no_point").addEventListener("change", ({ target }) => target.checked && this.drop());
    if (field("lon").value && field("lat").value) this.show([Number(field("lon").value), Number(field("lat").value)]);
  }

  show(position) {
    this.marker.setLngLat(position).addTo(this.map);
  }

  put(position) {
    this.show(position);
    this.write(this.marker.getLngLat());
  }

  write({ lng, lat }) {
    field("lon").value = lng.toFixed(6);
    field("lat").value = lat.toFixed(6);
    field("no_point").checked = false;
    document.getElementById("pin").hidden = false;
    form.dispatchEvent(new Event("input"));
  }

  drop() {
    this.marker.remove();
    field("lon").value = field("lat").value = "";
    document.getElementById("pin").hidden = true;
    form.dispatchEvent(new Event("input"));
  }

  onKey(event) {
    const moves = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    const { x, y } = this.map.project(this.marker.getLngLat());
    this.put(this.map.unproject([x + move[0], y + move[1]]));
  }
}

// --- The draft: what was typed, without who typed it ---

const KEPT = ["title", "summary", "description", "theme", "scale", "place", "choice", "choice_for", "lon", "lat"];
const FACTS = ["address", "start_day", "start_time", "end_day", "end_time", "opening_hours", "price", "wheelchair", "website", "tags"];
// Boxes to tick: the values of those that are, with commas between.
const TICKED = ["free", "audience"];

// Enter in a field would send the form with half of it unread: it goes on to the next field instead.
form.addEventListener("keydown", (event) => {
  const at = event.target;
  const isLine = at instanceof HTMLInputElement && !["submit", "button", "checkbox", "radio", "file"].includes(at.type);
  if (event.key !== "Enter" || !isLine || event.defaultPrevented || event.isComposing) return;
  event.preventDefault();
  const fields = [...form.elements].filter((one) => one.type !== "hidden" && !one.disabled && one.offsetParent);
  fields[fields.indexOf(at) + 1]?.focus();
});

class Draft {
  constructor(store) {
    this.store = store;
    this.key = `proposer:${form.dataset.draft}`;
    this.box = document.getElementById("draft");
    this.found = this.read();
    form.addEventListener("input", () => this.keep());
    form.addEventListener("submit", ({ submitter }) => this.keep(submitter?.value === "send"));
    this.box.querySelector("[data-draft-take]").addEventListener("click", () => this.take());
    this.box.querySelector("[data-draft-drop]").addEventListener("click", () => this.drop());
    if (form.dataset.sent) this.keep();
    else if (this.found?.values.title) this.offer();
  }

  read() {
    try {
      return JSON.parse(this.store.getItem(this.key));
    } catch {
      return null;
    }
  }

  keep(sent = false) {
    const data = new FormData(form);
    const values = Object.fromEntries([...KEPT, ...FACTS].map((name) => [name, data.get(name) ?? ""]));
    for (const name of TICKED) values[name] = data.getAll(name).join(",");
    try {
      this.store.setItem(this.key, JSON.stringify({ values, sent }));
    } catch (error) {
      console.info("The draft cannot be kept:", error.message);
    }
  }

  offer() {
    const key = this.found.sent ? "draftSent" : "draftFound";
    this.box.firstElementChild.textContent = phrase(key, { title: this.found.values.title });
    this.box.hidden = false;
  }

  take() {
    const { values } = this.found;
    for (const [name, value] of Object.entries(values)) {
      if (TICKED.includes(name)) {
        const boxes = form.querySelectorAll(`input[type=checkbox][name=${name}]`);
        for (const box of boxes) box.checked = value.split(",").includes(box.value);
      } else if (field(name)) field(name).value = value;
    }
    document.getElementById("facts").open ||= [...FACTS, ...TICKED].some((name) => values[name]);
    document.getElementById("pin").hidden = !field("lon").value;
    this.box.hidden = true;
    this.keep();
    form.dispatchEvent(new Event("draft"));
    field("title").focus();
  }

  drop() {
    this.store.removeItem(this.key);
    this.box.hidden = true;
    field("title").focus();
  }
}

function storage() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

suggestPlaces(field("place"), choosePlace);
const store = storage();
if (store) new Draft(store);
document.getElementById("mistakes")?.focus();

try {
  await whenIdle();
  const hue = () => token("initiative");
  const places = () => ({ territory: config.territory, tint: config.point ? null : hue(), alone: true });
  const { map, library } = await openMap(config, places, {
    cooperativeGestures: true, fitBoundsOptions: { padding: 28, maxZoom: 13 },
  });
  map.getCanvas().style.cursor = "crosshair";
  document.querySelector("[data-map-hint]").hidden = false;
  const pin = new Pin(map, library);
  form.addEventListener("draft", () => field("lon").value && pin.show([Number(field("lon").value), Number(field("lat").value)]));
} catch (error) {
  tellFailure(error);
}

// The place of a form that proposes something: suggestions for its words, and the pin on its map.

import { openMap, tellFailure, whenIdle } from "./base-map.js";
import { readConfig, words } from "./page.js";
import { nameFound, suggestPlaces } from "./suggest.js";
import { token } from "./style.js";

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

/** Attaches suggestions to the words of the place. */
export const suggestPlace = () => suggestPlaces(field("place"), choosePlace);

/** Opens the map of the form, on which a click sets the pin; "draft" at the form shows what was kept. */
export async function offerPin() {
  try {
    await whenIdle();
    const config = readConfig();
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
}

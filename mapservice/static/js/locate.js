// A button that brings the map to where the device is. Asked on a click alone, and rounded: what leaves
// the device is the view, and its middle is to be no exact address.

import { element, words } from "./page.js";

const DECIMALS = 3; // of a degree: some 100 m
const ZOOM = 13;

const rounded = (degree) => Number(degree.toFixed(DECIMALS));

export class LocateControl {
  /** `onLocated` runs before the map moves. */
  constructor({ Marker }, onLocated) {
    Object.assign(this, { Marker, onLocated });
  }

  onAdd(map) {
    this.map = map;
    this.button = element("button", "map-locate");
    this.button.type = "button";
    this.button.title = words.locate;
    this.button.setAttribute("aria-label", words.locate);
    this.button.append(element("span", "maplibregl-ctrl-icon"));
    this.button.addEventListener("click", () => this.ask());
    this.note = element("p", "map-locate-note");
    this.note.setAttribute("role", "status");
    map.getContainer().append(this.note);
    this.box = element("div", "maplibregl-ctrl maplibregl-ctrl-group", this.button);
    return this.box;
  }

  onRemove() {
    this.box.remove();
    this.note.remove();
    this.mark?.remove();
  }

  ask() {
    this.note.textContent = words.locating;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => this.go([rounded(coords.longitude), rounded(coords.latitude)]),
      () => (this.note.textContent = words.locatedNot),
      { maximumAge: 60_000, timeout: 15_000 },
    );
  }

  go(at) {
    this.note.textContent = "";
    const here = element("div", "here-mark");
    here.title = words.youAreHere;
    this.mark?.remove();
    this.mark = new this.Marker({ element: here }).setLngLat(at).addTo(this.map);
    this.onLocated();
    this.map.flyTo({ center: at, zoom: Math.max(this.map.getZoom(), ZOOM) });
  }
}

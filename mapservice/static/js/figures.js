// Territories shaded by initiatives per 10,000 inhabitants; none is hatched, unknown is grey.

import { ABOVE_FIGURES } from "./ground.js";
import { hatch, RATIO } from "./hatch.js";
import { element } from "./page.js";
import { token } from "./style.js";

const RATE = "per_10000_inhabitants";

const words = JSON.parse(document.getElementById("territory-words").textContent);
const language = document.documentElement.lang || "fr";
const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const plurals = new Intl.PluralRules(language);

// Classes come with the page, by code: the same that its table and its drawings have.
const colours = (classes) => {
  const branches = Object.entries(classes).flatMap(([number, codes]) => [codes, token(`figure-${number}`)]);
  return branches.length ? ["match", ["get", "code"], ...branches, token("unknown")] : token("unknown");
};

// The shade gives way to the towns as one comes near.
const opacity = (full) => ["interpolate", ["linear"], ["zoom"], 9.5, full, 12, 0];

const layers = (classes) => [
  {
    id: "figures", filter: ["all", ["!=", ["get", RATE], null], [">", ["get", "initiatives"], 0]],
    paint: { "fill-color": colours(classes), "fill-opacity": opacity(0.8) },
  },
  {
    id: "figures-none", filter: ["all", ["!=", ["get", RATE], null], ["==", ["get", "initiatives"], 0]],
    paint: { "fill-pattern": "figure-hatch", "fill-opacity": opacity(1) },
  },
  {
    id: "figures-unknown", filter: ["==", ["get", RATE], null],
    paint: { "fill-color": token("unknown"), "fill-opacity": opacity(0.8) },
  },
].map((layer) => ({ type: "fill", source: "figures", ...layer }));

/** Draws the figures under all borders; anew with each style, whose colours they follow. */
export function shadeFigures(map, { url, classes }) {
  if (map.getSource("figures")) return;
  map.addImage("figure-hatch", hatch(), { pixelRatio: RATIO });
  map.addSource("figures", { type: "geojson", data: url });
  const above = ABOVE_FIGURES.find((id) => map.getLayer(id));
  for (const layer of layers(classes)) map.addLayer(layer, above);
}

function card({ name, code, initiatives, [RATE]: rate }, level) {
  const count = initiatives
    ? words.initiatives[plurals.select(initiatives)].replace("{n}", numbers.format(initiatives))
    : words.none;
  const told = rate ? `${count}, ${words.rate.replace("{n}", rate < 0.05 ? `< ${numbers.format(0.1)}` : numbers.format(rate))}` : count;
  const open = element("a", "map-card-open", words.open);
  open.href = `/territoires/${level}/${code}`;
  return element("div", "map-card", [
    element("p", "map-card-title", name), element("p", "map-card-place", told), element("p", "", open),
  ]);
}

/** Opens a card with the figures of the territory under a click, if there is one. */
export function tellFigures({ map, library }, point, lngLat, level) {
  const shown = ["figures", "figures-none", "figures-unknown"].filter((id) => map.getLayer(id));
  const [found] = map.queryRenderedFeatures(point, { layers: shown });
  if (!found) return null;
  const popup = new library.Popup({ maxWidth: "300px", focusAfterOpen: false });
  return popup.setLngLat(lngLat).setDOMContent(card(found.properties, level)).addTo(map);
}

// The map by keyboard: N and P go through what is in view, Enter opens it; Escape closes cards.

import { SPOT_LAYERS } from "./map-kinds.js";
import { counted, element, phrase, words } from "./page.js";

const LAYERS = ["stacks", "clusters", "singles", ...SPOT_LAYERS];

const keyOf = ({ layer, properties, geometry }) =>
  properties.id ?? `${layer.id}:${properties.territory ?? geometry.coordinates.join()}`;

/** What is in view, row by row from the upper left, each once. */
function inView(map) {
  const layers = LAYERS.filter((id) => map.getLayer(id));
  const found = new Map();
  const { clientWidth, clientHeight } = map.getContainer();
  for (const feature of map.queryRenderedFeatures({ layers })) {
    const at = map.project(feature.geometry.coordinates);
    const inside = at.x >= 0 && at.y >= 0 && at.x <= clientWidth && at.y <= clientHeight;
    if (inside) found.set(keyOf(feature), { feature, at });
  }
  const band = ({ at }) => Math.floor(at.y / 48);
  return [...found].map(([key, one]) => ({ key, ...one })).sort((a, b) => band(a) - band(b) || a.at.x - b.at.x);
}

const describe = ({ layer, properties: { title, name, count } }) =>
  title ?? name ?? counted(SPOT_LAYERS.includes(layer.id) ? `${layer.id}Here` : "here", count);

/** `show(feature | null)` marks one on the map, `open(feature)` does what a click on it does. */
export function walkByKeys(map, { show, open }) {
  const canvas = map.getCanvas();
  const hint = element("p", "map-keys", words.mapKeys);
  hint.id = "map-keys";
  const told = element("p", "visually-hidden");
  told.setAttribute("role", "status");
  map.getContainer().append(hint, told);
  canvas.setAttribute("aria-describedby", "map-keys");
  let current = null;

  const walk = (step) => {
    const all = inView(map);
    if (!all.length) {
      told.textContent = words.nothingInView;
      return;
    }
    const before = all.findIndex(({ key }) => key === current?.key);
    const at = before < 0 ? (step > 0 ? 0 : all.length - 1) : (before + step + all.length) % all.length;
    current = all[at];
    show(current.feature);
    told.textContent = phrase("walked", { at: at + 1, all: all.length, title: describe(current.feature) });
  };
  const acts = {
    n: () => walk(1), p: () => walk(-1), N: () => walk(1), P: () => walk(-1),
    Enter: () => current && open(current.feature),
  };
  canvas.addEventListener("keydown", (event) => {
    const act = !(event.ctrlKey || event.metaKey || event.altKey) && acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  canvas.addEventListener("blur", () => !map.getContainer().contains(document.activeElement) && show(null));
}

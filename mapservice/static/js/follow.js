// Entry of the page that follows: an area drawn by clicks on the map.

import { openMap, tellFailure, whenIdle } from "./base-map.js";
import { readConfig } from "./page.js";
import { token } from "./style.js";

const config = readConfig();
const form = document.getElementById("follow");
const count = document.getElementById("draw-count");
const buttons = Object.fromEntries([...document.querySelectorAll("[data-draw]")].map((button) => [button.dataset.draw, button]));
const corners = config.area.map((corner) => [...corner]);

const feature = (type, coordinates) => ({ type: "Feature", properties: {}, geometry: { type, coordinates } });

/** The polygon once there is one, the line before it, and its corners. */
function drawn() {
  const shapes = corners.map((corner) => feature("Point", corner));
  if (corners.length > 2) shapes.push(feature("Polygon", [[...corners, corners[0]]]));
  else if (corners.length === 2) shapes.push(feature("LineString", corners));
  return { type: "FeatureCollection", features: shapes };
}

function addLayers(map) {
  if (map.getSource("drawn")) return;
  map.addSource("drawn", { type: "geojson", data: drawn() });
  map.addLayer({ id: "drawn", type: "fill", source: "drawn", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": token("focus"), "fill-opacity": 0.18 } });
  map.addLayer({ id: "drawn-edge", type: "line", source: "drawn", filter: ["!=", ["geometry-type"], "Point"], paint: { "line-color": token("focus"), "line-width": 2 } });
  map.addLayer({ id: "drawn-corners", type: "circle", source: "drawn", filter: ["==", ["geometry-type"], "Point"], paint: { "circle-radius": 5, "circle-color": token("surface"), "circle-stroke-color": token("focus"), "circle-stroke-width": 2.5 } });
}

function changed(map) {
  map.getSource("drawn")?.setData(drawn());
  form.elements.namedItem("area").value = corners.length > 2 ? corners.map(([lon, lat]) => `${lon.toFixed(5)},${lat.toFixed(5)}`).join(";") : "";
  for (const button of [buttons.undo, buttons.clear]) button.disabled = corners.length === 0;
  buttons.follow.hidden = corners.length < 3;
  count.textContent = corners.length ? `${corners.length} ${corners.length === 1 ? count.dataset.one : count.dataset.other}` : "";
}

async function start() {
  document.getElementById("draw").hidden = false;
  await whenIdle();
  const { map } = await openMap(config);
  map.on("style.load", () => addLayers(map));
  map.on("load", () => addLayers(map));
  map.on("click", ({ lngLat }) => {
    if (corners.length >= config.corners) return;
    corners.push(lngLat.wrap().toArray());
    changed(map);
  });
  buttons.undo.addEventListener("click", () => changed(map, corners.pop()));
  buttons.clear.addEventListener("click", () => changed(map, corners.splice(0)));
  changed(map);
}

start().catch(tellFailure);

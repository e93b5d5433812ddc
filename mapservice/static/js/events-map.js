// Entry of the list of events with its map: a ring for each spot, with how many take place there.

import { openMap, tellFailure, whenIdle } from "./base-map.js";
import { readConfig } from "./page.js";
import { font, token } from "./tokens.js";

const config = readConfig();

// Initiatives have their own map; this one shows their ground, and events on it.
function hideInitiatives(map) {
  for (const layer of map.getStyle().layers) {
    if (layer.source === "initiatives") map.setLayoutProperty(layer.id, "visibility", "none");
  }
}

function drawEvents(map, tilejson) {
  hideInitiatives(map);
  if (map.getSource("events")) return;
  map.addSource("events", { type: "vector", tiles: tilejson.tiles, maxzoom: tilejson.maxzoom, attribution: tilejson.attribution });
  map.addLayer({
    id: "events", type: "circle", source: "events", "source-layer": "events",
    paint: {
      "circle-radius": ["interpolate", ["linear"], ["get", "count"], 1, 8, 10, 13, 100, 19, 1000, 26],
      "circle-color": token("initiative"),
      // What is known to its commune alone is paler, with a ring: no dot that says "here".
      "circle-opacity": ["case", ["==", ["get", "precision"], "point"], 1, 0.8],
      "circle-stroke-color": ["case", ["==", ["get", "precision"], "point"], token("paper"), token("initiative")],
      "circle-stroke-opacity": ["case", ["==", ["get", "precision"], "point"], 1, 0.35],
      "circle-stroke-width": ["case", ["==", ["get", "precision"], "point"], 2, 6],
    },
  });
  map.addLayer({
    id: "event-counts", type: "symbol", source: "events", "source-layer": "events", filter: [">", ["get", "count"], 1],
    layout: { "text-field": ["to-string", ["get", "count"]], "text-font": font("semibold"), "text-size": 13, "text-allow-overlap": true },
    paint: { "text-color": "#ffffff" },
  });
}

try {
  await whenIdle();
  const [{ map }, tilejson] = await Promise.all([
    openMap(config, () => ({ territory: config.territory })),
    fetch(config.events).then((answer) => answer.json()),
  ]);
  for (const moment of ["style.load", "idle"]) map.on(moment, () => drawEvents(map, tilejson));
  map.on("click", "events", ({ features: [spot] }) => {
    const { id, count } = spot.properties;
    if (id) location.href = `/evenements/${id}`;
    else if (count > 1) map.easeTo({ center: spot.geometry.coordinates, zoom: Math.min(map.getZoom() + 2, 16) });
  });
  map.on("mouseenter", "events", () => (map.getCanvas().style.cursor = "pointer"));
  map.on("mouseleave", "events", () => (map.getCanvas().style.cursor = ""));
} catch (error) {
  tellFailure(error);
}

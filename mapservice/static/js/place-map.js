// Entry of an initiative's page: a dot where there truly is a point, else a tinted territory.

import { openMap, tellFailure, whenIdle } from "./base-map.js";
import { readConfig } from "./page.js";
import { token } from "./style.js";

const config = readConfig();
const theme = document.querySelector(".detail").dataset.theme;
const hue = () => token(`theme-${theme}`);

const place = {
  type: "Feature", properties: {}, geometry: { type: "Point", coordinates: config.point },
};

function drawPoint(map) {
  if (map.getSource("place")) return;
  map.addSource("place", { type: "geojson", data: place });
  map.addLayer({
    id: "place-glow", type: "circle", source: "place",
    paint: { "circle-radius": 26, "circle-color": hue(), "circle-opacity": 0.18 },
  });
  map.addLayer({
    id: "place", type: "symbol", source: "place",
    layout: { "icon-image": `dot:${theme}`, "icon-size": 1.15, "icon-allow-overlap": true },
  });
}

// A point stands in the outline of its commune, untinted: the tint says "somewhere in here".
const places = () => ({ territory: config.territory, tint: config.point ? null : hue(), alone: true });

try {
  await whenIdle();
  const { map } = await openMap(config, places, {
    cooperativeGestures: true, fitBoundsOptions: { padding: 36, maxZoom: config.basemap ? 15 : 11.5 },
  });
  // A style that was quicker than we are is known by the map's first rest.
  if (config.point) for (const moment of ["style.load", "idle"]) map.on(moment, () => drawPoint(map));
} catch (error) {
  tellFailure(error);
}

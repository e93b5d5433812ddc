// Where initiatives are, as a surface: kept counts on a fine grid; for a period, communes' counts.

import { settled } from "./base-map.js";
import { token } from "./style.js";

const FULL = 0.97; // so many of the points in view lie below full heat

const ramp = () => [
  "interpolate", ["linear"], ["heatmap-density"],
  0, `${token("heat-1")}00`, 0.06, token("heat-1"), 0.3, token("heat-2"), 0.6, token("heat-3"), 1, token("heat-4"),
];

const heat = (source) => ({
  id: "heat", type: "heatmap", ...source,
  paint: {
    "heatmap-color": ramp(),
    "heatmap-weight": 0.1,
    "heatmap-radius": ["interpolate", ["linear"], ["zoom"], 4, 13, 6, 22, 8, 34, 12, 60],
    "heatmap-intensity": ["interpolate", ["linear"], ["zoom"], 4, 0.55, 8, 0.75],
    "heatmap-opacity": 0.92,
  },
});

const world = { type: "FeatureCollection", features: [] };

const asPoints = ({ lon, lat, count }) => ({
  type: "FeatureCollection",
  features: lon.map((x, at) => ({
    type: "Feature", geometry: { type: "Point", coordinates: [x, lat[at]] }, properties: { count: count[at] },
  })),
});

const json = async (url, signal) => {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.json();
};

function addSources(map, state, config, tilejson) {
  map.addSource("mask", { type: "geojson", data: { type: "Feature", properties: {}, geometry: state.mask } });
  if (state.points) map.addSource("heat", { type: "geojson", data: state.points });
  else map.addSource("heat", { type: "vector", tiles: [`${location.origin}${config.tiles_url}`], maxzoom: tilejson.maxzoom });
}

// The mask lies over the heat and under names, so that nothing beyond the border is told. Were it
// wholly opaque, it would be drawn before the heat, and so beneath it.
function addLayers(map, state) {
  const above = ["territory-line", "commune-labels"].find((id) => map.getLayer(id));
  map.addLayer(heat(state.points ? { source: "heat" } : { source: "heat", "source-layer": "density" }), above);
  map.addLayer({ id: "mask", type: "fill", source: "mask", paint: { "fill-color": token("water"), "fill-opacity": 0.995 } }, above);
  map.addLayer({ id: "mask-line", type: "line", source: "mask", paint: { "line-color": token("land-line"), "line-width": 0.8 } }, above);
}

/** Full heat is what the fullest points in view hold, at whatever zoom. */
function balance(map) {
  if (!map.getLayer("heat")) return;
  const found = map.queryRenderedFeatures({ layers: ["heat"] });
  const counts = found.map(({ properties }) => properties.count).sort((one, other) => one - other);
  if (!counts.length) return;
  const full = Math.max(counts[Math.floor(FULL * (counts.length - 1))], 1);
  const weight = ["min", 1, ["/", ["get", "count"], full]];
  const before = JSON.stringify(map.getPaintProperty("heat", "heatmap-weight"));
  if (before !== JSON.stringify(weight)) map.setPaintProperty("heat", "heatmap-weight", weight);
}

/** Draws the surface, clipped to the territory; resolves to what goes to another month. */
export async function showDensity({ map }, config) {
  const [mask, tilejson, points] = await Promise.all([
    json(config.mask), json(config.tilejson), config.dated ? json(config.points) : null,
  ]);
  const state = { mask, points: points && asPoints(points) };
  const draw = () => {
    if (map.getSource("mask")) return;
    addSources(map, state, config, tilejson);
    addLayers(map, state);
  };
  map.on("style.load", draw);
  if (map.isStyleLoaded() || map.getLayer("land")) draw();
  map.on("idle", () => balance(map));
  await settled(map);
  if (!map.loaded()) await settled(map); // balanced, it is drawn once more
  const show = async (month, signal) => {
    const url = new URL(config.points, location.origin);
    if (month) url.searchParams.set("until", month);
    else url.searchParams.delete("until");
    const fresh = asPoints(await json(url, signal));
    if (!state.points) { // from kept tiles to what knows months
      for (const layer of ["mask-line", "mask", "heat"]) map.removeLayer(layer);
      for (const source of ["mask", "heat"]) map.removeSource(source);
      state.points = world;
      draw();
    }
    state.points = fresh;
    map.getSource("heat").setData(fresh);
  };
  return { show, live: false };
}

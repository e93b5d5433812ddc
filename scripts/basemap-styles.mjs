// Makes geodata/basemap/styles/*.json: the layers of a base map for each schema of vector tiles.
//
// Run after a new version of @versatiles/style: `node scripts/basemap-styles.mjs [FOLDER]`. The result is
// committed, so that serving needs no Node; a test makes it anew and compares. Each colour is a name of a palette (mapservice/tiles/basemap/palette.py),
// fonts and sources are left out: they differ by who draws the map.

import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { osm } from "@versatiles/style";
import { omt } from "@versatiles/style/omt";
import { protomaps } from "@versatiles/style/protomaps";

const SCHEMAS = { shortbread: osm, openmaptiles: omt, protomaps };
const [folder] = process.argv.slice(2);
const TARGET = folder ? pathToFileURL(`${folder}/`) : new URL("../geodata/basemap/styles/", import.meta.url);

// What would compete with initiatives, says what our own tiles say better, or needs a sprite.
const DROPPED = [
  /^background$/, /^slot-/, /^bridge/, /^marking/, /^poi/, /^symbol-transit-(bus|tram|subway|airfield)/,
  /^label-(motorway|address|boundary-state)/, /^boundary-state/, /disputed/, /maritime/, /^site-(danger|prison|parking|construction)/,
  /^tunnel-way/, /^tunnel-transport-(?!rail$)/, /^tunnel-.*:outline$/, /^(tunnel-)?transport-.*-service/,
  /-bicycle$/, /^way-.*:outline$/, /^aerialway/, /^airport-taxiway/, /^land-leisure/, /^(street|tunnel-street)-bus(way)?(:outline)?$/,
  /^transport-.*:outline$/, /^building:outline$/, /^boundary-country:outline$/, /^land-waste/,
];

// Layer by its name → the group that maps may choose from, and its colour in the palette.
const ROLES = [
  [/^label-water/, "labels", "water-label"],
  [/^label-street|^label-place-(neighbourhood|quarter|suburb|hamlet)/, "labels", "label-quiet"],
  [/^symbol-transit/, "labels", "label-quiet"],
  [/^label/, "labels", "label"],
  [/^water-pier|^water-dam/, "land", "land"],
  [/^water/, "water", "water"],
  [/^land-(forest)/, "land", "forest"],
  [/^land-(grass|park|garden|vegetation|burial|leisure|wetland)/, "land", "green"],
  [/^land-agriculture/, "land", "field"],
  [/^land-(sand|rock)/, "land", "sand"],
  [/^land-glacier/, "land", "ice"],
  [/^land/, "land", "built-up"],
  [/^site|^airport/, "land", "site"],
  [/^building/, "buildings", "building"],
  [/^bridge|^street-pedestrian-zone/, "roads", "road-small"],
  [/^boundary/, "borders", "border"],
  [/^transport-ferry/, "roads", "ferry"],
  [/transport/, "roads", "rail"],
  [/:outline$/, "roads", "road-edge"],
  [/^tunnel/, "roads", "road-tunnel"],
  [/^street-motorway/, "roads", "road-motorway"],
  [/^street-(trunk|primary|arterial|highway|majorroad)/, "roads", "road-major"],
  [/^street-(secondary|tertiary)/, "roads", "road-middle"],
  [/^way/, "roads", "path"],
  [/^street/, "roads", "road-small"],
];

const COLOURS = [
  "fill-color", "fill-outline-color", "line-color", "text-color", "text-halo-color",
];

function role(id) {
  const found = ROLES.find(([pattern]) => pattern.test(id));
  if (!found) throw new Error(`no role for the layer ${id}`);
  return found;
}

// Bridges are drawn as the road that they carry: thirty layers less.
const aboutBridges = (clause) => /"(bridge|is_bridge)"/.test(JSON.stringify(clause));

function withoutBridges(filter) {
  if (!Array.isArray(filter) || filter[0] !== "all") return filter;
  const kept = filter.slice(1).filter((one) => !aboutBridges(one)).map(withoutBridges);
  return kept.length === 1 ? kept[0] : ["all", ...kept];
}

function colours(paint, id, name) {
  const kept = {};
  for (const [key, value] of Object.entries(paint)) {
    if (key.startsWith("icon") || key.startsWith("fill-pattern")) continue;
    kept[key] = COLOURS.includes(key) ? `@${key === "text-halo-color" ? "halo" : name}` : value;
  }
  if (/^land|^site/.test(id)) delete kept["fill-outline-color"];
  return kept;
}

function layout(given = {}) {
  const kept = Object.fromEntries(Object.entries(given).filter(([key]) => !key.startsWith("icon")));
  delete kept["text-font"];
  return kept;
}

// What the styles do for a map that stands alone, and ours otherwise: towns fade away near by, names
// stand where they are and nowhere else, borders are as heavy as roads.
const TOWN = /^label-place-(city|town|village|capital|statecapital)$/;

function adjusted(id, made) {
  if (TOWN.test(id)) {
    made.maxzoom = 17;
    delete made.paint["text-opacity"];
    Object.assign(made.layout, { "text-variable-anchor": ["center", "bottom", "top", "left", "right"], "text-radial-offset": 1.2 });
  }
  if (/^label-place-(neighbourhood|quarter|suburb)$/.test(id)) {
    Object.assign(made.layout, { "text-size": ["interpolate", ["linear"], ["zoom"], 11, 9.5, 15, 12], "text-letter-spacing": 0.08 });
  }
  // A phone shows a square of some 300 pixels: names that come more often and are no longer than a street.
  if (/^label-street/.test(id) && made.layout["symbol-placement"] === "line") {
    Object.assign(made.layout, { "text-size": ["interpolate", ["linear"], ["zoom"], 12, 10, 15, 11.5, 17, 13], "symbol-spacing": 160 });
  }
  if (id === "boundary-country") {
    Object.assign(made.paint, { "line-width": ["interpolate", ["linear"], ["zoom"], 3, 0.6, 10, 1.2, 16, 2], "line-dasharray": [4, 2] });
    made.layout = { "line-join": "round" };
  }
  if (id === "building") {
    made.paint = { "fill-color": "@building", "fill-outline-color": "@road-edge", "fill-opacity": ["interpolate", ["linear"], ["zoom"], 14, 0, 15, 1] };
  }
  return made;
}

function layer({ id, source: _source, ...given }) {
  const [, group, name] = role(id);
  const text = given.type === "symbol";
  return adjusted(id, {
    id: `base-${id}`, ...given, ...(given.filter && { filter: withoutBridges(given.filter) }),
    ...(given.layout && { layout: layout(given.layout) }),
    paint: colours(given.paint ?? {}, id, name),
    metadata: { "mapservice:group": group, ...(text && { "mapservice:weight": /place-(city|town|capital|statecapital)/.test(id) ? "medium" : "regular" }) },
  });
}

for (const [schema, make] of Object.entries(SCHEMAS)) {
  const urls = schema === "protomaps" ? { urls: { protomaps: "https://example.org/tiles.json" } } : {};
  const { layers } = make({ theme: "muted", text: { language: "fr" }, projection: "mercator", ...urls });
  const kept = layers.filter(({ id }) => !DROPPED.some((pattern) => pattern.test(id))).map(layer);
  const lines = kept.map((one) => JSON.stringify(one)).join(",\n");
  writeFileSync(new URL(`${schema}.json`, TARGET), `[\n${lines}\n]\n`);
  console.log(`${schema}: ${kept.length} of ${layers.length} layers`);
}

// The operator's base map: its layers go over our own ground and under all else that we draw.
//
// The page's config tells its kind: `vector`, an archive that we serve, with a style of ours; `raster`,
// a source of raster tiles; `style`, the address of somebody's style or TileJSON, with all origins
// that it may name. What cannot be had leaves our own ground, and a warning.

import { PLACED } from "./town-names.js";

const SOURCE = "basemap";
const GROUP = "mapservice:group";
// A layer of our ground whose `metadata` has this zoom gives way to a base map from there on.
const YIELDS = "mapservice:yields";
// Nearer than that the base map names the towns where it has them, so that none stands there twice.
const NAMED_FROM = 13;
// More boxes than that would make each label's place dear to find out.
const MOST_BOXES = 150;

const MARKS = {
  shortbread: ["ocean", "water_polygons", "water_lines", "streets", "street_labels", "place_labels"],
  openmaptiles: ["transportation", "transportation_name", "waterway", "landcover", "housenumber", "place"],
  protomaps: ["earth", "roads", "places", "physical_line", "buildings", "pois"],
};
const ENOUGH_MARKS = 3;

async function json(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  return answer.json();
}

const themed = (address, dark) => address.replace("{theme}", dark ? "dark" : "light");

/** The schema that the layers of a TileJSON have, or undefined: as `schema_of` of the server. */
export function guessSchema(layers) {
  const names = new Set(layers.map(({ id }) => id));
  const scores = Object.entries(MARKS)
    .map(([schema, marks]) => [marks.filter((mark) => names.has(mark)).length, schema])
    .sort(([one], [other]) => other - one);
  const [[best, schema], [second]] = scores;
  return best >= ENOUGH_MARKS && best > second ? schema : undefined;
}

async function archive(basemap, dark) {
  const { sources, layers } = await json(themed(basemap.style, dark));
  return { sources, layers, boxes: sources["basemap-ground"].data.geometry.coordinates };
}

const rasters = (source) =>
  ({ sources: { [SOURCE]: source }, layers: [{ id: "base-raster", type: "raster", source: SOURCE }], whole: true });

/** Refuses what the page's policy would: better no base map, and a word, than half of one. */
function refuseStrangers(addresses, origins) {
  const strangers = addresses.filter((one) => /^https?:/.test(one)).map((one) => new URL(one).origin)
    .filter((origin) => !origins.includes(origin));
  if (strangers.length) {
    throw new Error(`it also asks ${[...new Set(strangers)].join(", ")}: MAPSERVICE_BASEMAP_HOSTS must name these`);
  }
}

const resolved = (address, base) => new URL(address, base).href.replaceAll("%7B", "{").replaceAll("%7D", "}");

function resolvedSource({ url, tiles, ...source }, base) {
  return {
    ...source,
    ...(url && { url: resolved(url, base) }),
    ...(tiles && { tiles: tiles.map((one) => resolved(one, base)) }),
  };
}

const addressesOf = ({ url, tiles = [], data }) => [url, ...tiles, data].filter((one) => typeof one === "string");

const creditOf = ({ address, attribution }) => attribution || `Fond de carte : ${new URL(address).hostname}`;

/** TileJSON named by a style: fetched here, as what it names is to be looked at too. */
async function inlined(source, basemap) {
  refuseStrangers(addressesOf(source), basemap.origins);
  if (!source.url) return source;
  const { tiles, minzoom, maxzoom, bounds, attribution } = await json(source.url);
  const { url, ...rest } = resolvedSource({ ...source, tiles }, source.url);
  const found = { ...rest, ...(minzoom && { minzoom }), ...(maxzoom && { maxzoom }), ...(bounds && { bounds }) };
  refuseStrangers(addressesOf(found), basemap.origins);
  return { ...found, attribution: attribution || source.attribution };
}

async function ofTileJson(content, basemap, dark) {
  const { tiles, vector_layers: layers, minzoom = 0, maxzoom = 22, bounds } = content;
  if (!Array.isArray(tiles) || !tiles.length) throw new Error("it is neither a style nor a TileJSON");
  const schema = layers && guessSchema(layers);
  if (layers && !schema) throw new Error("its layers are of no schema that we have a style for");
  const source = resolvedSource({ tiles, minzoom, maxzoom, ...(bounds && { bounds }) }, basemap.address);
  source.attribution = basemap.attribution || content.attribution || creditOf(basemap);
  refuseStrangers(addressesOf(source), basemap.origins);
  if (!schema) return rasters({ type: "raster", tileSize: content.tileSize ?? 256, ...source });
  const made = await json(themed(basemap.layers.replace("{schema}", schema), dark));
  return { sources: { [made.source]: { type: "vector", ...source } }, layers: made.layers };
}

/** Somebody's style: its names kept apart from ours, without its pictures, in our letters. */
async function ofStyle(content, basemap) {
  const sources = {};
  for (const [name, source] of Object.entries(content.sources ?? {})) {
    const found = await inlined(resolvedSource(source, basemap.address), basemap);
    sources[`base-${name}`] = { ...found, attribution: found.attribution || creditOf(basemap) };
  }
  const layers = content.layers.map(({ source, ...layer }) => {
    const layout = Object.entries(layer.layout ?? {}).filter(([key]) => !key.startsWith("icon"));
    return { ...layer, id: `base-${layer.id}`, ...(source && { source: `base-${source}` }), layout: Object.fromEntries(layout) };
  }).filter(({ type, paint }) => type !== "sky" && !JSON.stringify(paint ?? {}).includes("-pattern\""));
  return { sources, layers, whole: true };
}

async function outside(basemap, dark) {
  const content = await json(basemap.address);
  return content.layers ? ofStyle(content, basemap) : ofTileJson(content, basemap, dark);
}

/** The base map of a page: {sources, layers, boxes, whole}, or null where there is none to be had. */
export async function loadBasemap(basemap, dark) {
  if (!basemap) return null;
  try {
    if (basemap.kind === "vector") return await archive(basemap, dark);
    return basemap.kind === "raster" ? rasters(basemap.source) : await outside(basemap, dark);
  } catch (error) {
    console.warn("The base map is not available:", error.message);
    return null;
  }
}

/** The layers of streets and ways of an archive. */
export const roadsOf = (base) => (base?.layers ?? []).filter(({ metadata }) => metadata?.[GROUP] === "roads").map(({ id }) => id);

// So many steps across a view tell whether boxes cover it.
const STEPS = 8;

/** Whether the boxes of a base map cover all of a view; true where it tells none. */
export function coversView(base, view) {
  if (!base?.boxes) return true;
  const boxes = base.boxes.map(([ring]) => [ring[0], ring[2]]);
  const [west, south, east, north] = view.toArray().flat();
  const steps = Array.from({ length: STEPS + 1 }, (_, at) => at / STEPS);
  return steps.every((right) => steps.every((up) => {
    const lon = west + (east - west) * right, lat = south + (north - south) * up;
    return boxes.some(([[left, bottom], [right, top]]) => left <= lon && lon <= right && bottom <= lat && lat <= top);
  }));
}

// A font of the page in place of one whose letters would have to be fetched.
const lettered = (layer, family) => (layer.type !== "symbol" ? layer : {
  ...layer,
  layout: { ...layer.layout, "text-font": [layer.metadata?.["mapservice:weight"] ?? "regular", family] },
});

const isName = ({ type, source, "source-layer": layer }) => type === "symbol" && source === "territories" && layer === "labels";
// Water and names of ours that a base map of the whole world has itself.
const isOurs = (layer) => isName(layer) || layer.source === "surroundings" || layer.source === PLACED || layer.source?.startsWith("rivers");
const namesCommunes = (layer) => isName(layer) && /commune|seat/.test(layer.id);

/** Names of communes near by only where the base map has none: outside its boxes. */
function besideNames(layer, boxes) {
  const first = layer.minzoom ?? 0, last = layer.maxzoom ?? 24;
  if (last <= NAMED_FROM) return [layer];
  const far = first < NAMED_FROM ? [{ ...layer, maxzoom: NAMED_FROM }] : [];
  if (!boxes || boxes.length > MOST_BOXES) return far;
  const there = ["within", { type: "MultiPolygon", coordinates: boxes }];
  const beyond = { ...layer, id: `${layer.id}-beyond`, minzoom: Math.max(first, NAMED_FROM) };
  return [...far, { ...beyond, filter: ["all", layer.filter ?? true, ["!", there]] }];
}

function yielding(layer) {
  const zoom = layer.metadata?.[YIELDS];
  if (zoom === undefined) return [layer];
  return (layer.minzoom ?? 0) >= zoom ? [] : [{ ...layer, maxzoom: Math.min(layer.maxzoom ?? 24, zoom) }];
}

/** Puts layers before the first of a style that the test is true of, else at its end. */
function inserted(layers, added, ...tests) {
  const at = tests.map((test) => layers.findIndex(test)).find((found) => found >= 0) ?? layers.length;
  return layers.toSpliced(at, 0, ...added);
}

// Between these zooms neighbours take the colour of land: our outline of them is too coarse among streets, where
// it would show as an edge through a town.
const ABROAD_FADES = [10, 12];

/** Land abroad as an archive needs it. */
function besideStreets(layer, land) {
  if (!isAbroad(layer) || !land) return layer;
  const colour = ["interpolate", ["linear"], ["zoom"], ABROAD_FADES[0], layer.paint["fill-color"], ABROAD_FADES[1], land];
  return { ...layer, paint: { ...layer.paint, "fill-color": colour } };
}

const isBorder = ({ id }) => ["commune-lines", "departement-lines", "region-lines"].includes(id);
const isAbroad = ({ id }) => id === "abroad";
const isSymbol = ({ type }) => type === "symbol";

/**
 * A style of ours with the base map in it. `groups`, where it is given, are all that is wanted of
 * an archive: under a choropleth water and labels.
 */
export function withBasemap(style, base, family, groups) {
  if (!base) return style;
  const wanted = base.layers.filter(({ metadata }) => !groups || groups.includes(metadata?.[GROUP]))
    .map((layer) => lettered(layer, family));
  const land = style.layers.find(({ id }) => id === "land")?.paint?.["fill-color"];
  const own = style.layers.flatMap(yielding).flatMap((layer) => {
    if (base.whole) return isOurs(layer) ? [] : [layer];
    return namesCommunes(layer) ? besideNames(layer, base.boxes) : [besideStreets(layer, land)];
  });
  const ground = wanted.filter(({ metadata }) => metadata?.[GROUP] === "ground");
  const names = wanted.filter(isSymbol);
  const drawn = wanted.filter((layer) => !isSymbol(layer) && !ground.includes(layer));
  const layers = inserted(inserted(inserted(own, ground, isAbroad), drawn, isBorder, isSymbol), names, isSymbol);
  return { ...style, sources: { ...style.sources, ...base.sources }, layers };
}

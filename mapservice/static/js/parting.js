// What a click on a cluster does: the map goes where its members part; what stands at one place is listed.

import { tilesFor } from "./style.js";

// A cluster is a cell of its tile's grid, which is a tile three zooms nearer (maps/queries.py).
const CELL_ZOOMS = 3;
export const DETAIL_ZOOM = 14; // tiles of this zoom are the nearest that the map asks for
const LAST_ZOOM = 18; // of the tiles that the server makes
const CLOSEST = 17;

const column = (lon, zoom) => Math.floor(((lon + 180) / 360) * 2 ** zoom);
const row = (lat, zoom) =>
  Math.floor(((1 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / Math.PI) / 2) * 2 ** zoom);

async function membersOf([lon, lat], zoom, address) {
  const url = address.replace(".pbf", ".geojson")
    .replace("{z}", zoom).replace("{x}", column(lon, zoom)).replace("{y}", row(lat, zoom));
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return (await response.json()).features;
}

const placeOf = ({ geometry }) => geometry.coordinates.map((degree) => degree.toFixed(5)).join();

/** Bounds [west, south, east, north] of positions. */
function boundsOf(features) {
  const [lons, lats] = [0, 1].map((axis) => features.map(({ geometry }) => geometry.coordinates[axis]));
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
}

/**
 * Looks into the cluster at a position, deeper until it parts. Resolves to {bounds, zoom}: where the map
 * should go, and no farther out than `zoom`; or to {at, found, count}: what stands at one place.
 */
export async function partCluster({ map }, at, address) {
  let cell = Math.min(Math.floor(map.getZoom()), DETAIL_ZOOM) + CELL_ZOOMS;
  let place = at;
  for (;;) {
    const zoom = Math.min(cell, LAST_ZOOM);
    const features = await membersOf(place, zoom, address);
    if (!features.length) return null; // withdrawn meanwhile
    if (new Set(features.map(placeOf)).size > 1) return { bounds: boundsOf(features), zoom: Math.min(zoom, CLOSEST) };
    place = features[0].geometry.coordinates;
    const told = features.map(({ properties }) => properties).filter(({ id }) => id);
    const count = features.reduce((sum, { properties }) => sum + properties.count, 0);
    if (told.length || zoom === LAST_ZOOM) return { at: place, found: told, count };
    cell += CELL_ZOOMS;
  }
}

/**
 * Opens a cluster; `list(position, found, count)` shows what stands at one place. `address` is that of its
 * tiles, those of initiatives by default.
 */
export async function openCluster(atlas, at, list, address = tilesFor(atlas.tilejson.initiatives, atlas.state.filter)[0]) {
  const { map } = atlas;
  const parted = await partCluster(atlas, at, address).catch((error) => {
    console.info("Cluster:", error.message);
    map.easeTo({ center: at, zoom: Math.min(map.getZoom() + 2, CLOSEST) });
  });
  if (!parted) return;
  if (parted.found) {
    await list(parted.at, parted.found, parted.count);
    return;
  }
  const camera = map.cameraForBounds(parted.bounds, { padding: 70, maxZoom: CLOSEST });
  // Members that are far apart part soon; those that are close, only where their tiles tell them apart.
  map.easeTo({ center: camera.center, zoom: Math.min(Math.max(camera.zoom, map.getZoom() + 0.8), CLOSEST) });
}

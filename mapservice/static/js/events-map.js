// Entry of the list of events with its map: a sign for each spot, with how many take place there.

import { openMap, tellFailure, whenIdle } from "./base-map.js";
import { walkByKeys } from "./map-keys.js";
import { followKinds, SPOT_LAYERS, trySpot } from "./map-kinds.js";
import { readConfig } from "./page.js";

const config = readConfig();

try {
  await whenIdle();
  const atlas = await openMap(config, () => ({ territory: config.territory }));
  const { map } = atlas;
  let popup = null;
  const open = async (spot) => {
    popup?.remove();
    popup = await trySpot(atlas, spot, config);
  };
  followKinds(map, () => config);
  for (const layer of SPOT_LAYERS) {
    map.on("click", layer, ({ features: [spot] }) => open(spot));
    map.on("mouseenter", layer, () => (map.getCanvas().style.cursor = "pointer"));
    map.on("mouseleave", layer, () => (map.getCanvas().style.cursor = ""));
  }
  walkByKeys(map, { show: () => {}, open: (spot) => open(spot) });
} catch (error) {
  tellFailure(error);
}

// Entry of a coordination page: its maps side by side, and the slider that goes through the months.

import { openMap, tellFailure, whenIdle } from "./base-map.js";
import { fetchColumns, showAreas } from "./coordination-areas.js";
import { showDensity } from "./coordination-density.js";
import { watchMonths } from "./coordination-months.js";

const configs = JSON.parse(document.getElementById("coordination-maps").textContent);
const SHOW = { areas: showAreas, density: showDensity };

// Figures are on their way while the map's own parts are still being read.
const figures = configs.map((config) => (config.kind === "areas" ? fetchColumns(config.figures) : null));

async function open(config, number) {
  const box = document.getElementById(`carte-${number}`);
  try {
    const places = () => ({ territory: config.territory, alone: true });
    const atlas = await openMap(config, places, {
      box, cooperativeGestures: true, fitBoundsOptions: { padding: 18, maxZoom: 13 },
    });
    return await SHOW[config.kind](atlas, config, figures[number], number);
  } catch (error) {
    tellFailure(error, box);
    return null;
  }
}

for (const loading of figures) loading?.catch(() => {}); // told where it is awaited
await whenIdle();
// One after the other: the figures first, at the full speed of a small machine.
const shown = [];
for (const [number, config] of configs.entries()) shown.push(await open(config, number));
watchMonths(shown.filter(Boolean));

// Entry of a coordination page: its maps side by side, and the slider that goes through the months.

import { openMap, tellFailure, whenIdle } from "./base-map.js";
import { prepareAreas, showAreas } from "./coordination-areas.js";
import { watchMonths } from "./coordination-months.js";

const configs = JSON.parse(document.getElementById("coordination-maps").textContent);

const boxOf = (number) => document.getElementById(`carte-${number}`);

// Figures are on their way while the map's own parts are still being read.
const prepared = configs.map((config, number) => prepareAreas(config, boxOf(number)));

async function open(config, number) {
  const box = boxOf(number);
  try {
    const places = () => ({ territory: config.territory, alone: true });
    // The frame comes with the figures, and is that of the drawing in the map's place.
    const { frame } = await prepared[number];
    const atlas = await openMap({ ...config, bounds: frame }, places, {
      box, groups: ["water", "labels"], cooperativeGestures: true, fitBoundsOptions: { padding: 0 },
    });
    return await showAreas(atlas, config, prepared[number], number);
  } catch (error) {
    tellFailure(error, box);
    return null;
  }
}

await Promise.allSettled(prepared); // what fails is told where it is awaited
await whenIdle();
// One after the other: the figures first, at the full speed of a small machine.
const shown = [];
for (const [number, config] of configs.entries()) shown.push(await open(config, number));
watchMonths(shown.filter(Boolean));

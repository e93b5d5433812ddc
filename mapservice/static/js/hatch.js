// The pattern of territories with nothing: never a colour, which would be a quantity.

import { token } from "./style.js";

const HATCH = 8; // px between two lines
export const RATIO = 2;

/** A square of diagonal lines that repeats without a seam. */
export function hatch() {
  const size = HATCH * RATIO;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  Object.assign(context, { strokeStyle: token("figure-hatch"), lineWidth: RATIO * 0.8 });
  for (const shift of [-size, 0, size]) {
    context.moveTo(shift, size);
    context.lineTo(shift + size, 0);
  }
  context.stroke();
  return context.getImageData(0, 0, size, size);
}

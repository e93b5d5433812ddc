// All communes of France as pixels: shading them anew takes one pass over their runs, where outlines
// would take a second. `territories/raster.py` makes the picture and says what is in the file.

const NOBODY = 0xffff;
const HEAD = 4;
// Pictures are written by us and read by the map: their way to a graphics card and back is long.
const IN_MEMORY = { willReadFrequently: true };
// Hatching, in pixels of the picture.
const PERIOD = 18;
const THICK = 2;
const HALF = Math.PI * 6378137; // metres of EPSG:3857 from its origin to its edges

const degrees = (x, y) => [
  (x / HALF) * 180, (Math.atan(Math.sinh((y / HALF) * Math.PI)) * 180) / Math.PI,
];
const metres = ([lon, lat]) => [
  (lon / 180) * HALF, (Math.asinh(Math.tan((lat * Math.PI) / 180)) / Math.PI) * HALF,
];

function canvasOf({ width, height }) {
  const canvas = document.createElement("canvas");
  return Object.assign(canvas, { width, height });
}

/** Resolves to {count, pictures}; a picture has a `canvas` and knows whose each run of pixels is. */
export async function loadMosaic(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const buffer = await response.arrayBuffer();
  const size = new DataView(buffer).getUint32(0, true);
  const { count, pictures } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, HEAD, size)));
  let at = HEAD + size;
  const read = (length) => {
    const found = new Uint16Array(buffer, at, length);
    at += found.byteLength;
    return found;
  };
  for (const one of pictures) {
    const [west, south, east, north] = one.bounds;
    Object.assign(one, {
      canvas: canvasOf(one), whose: read(one.runs), lengths: read(one.runs),
      corners: [[west, north], [east, north], [east, south], [west, south]].map((corner) => degrees(...corner)),
    });
  }
  return { count, pictures };
}

/** A colour of CSS, as a pixel holds it. */
export function packed(colour) {
  const canvas = canvasOf({ width: 1, height: 1 });
  const context = canvas.getContext("2d");
  context.fillStyle = colour;
  const [, red, green, blue] = /^#(..)(..)(..)$/.exec(context.fillStyle).map((part) => parseInt(part, 16));
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** Paints each territory in its colour, packed; where that is 0, `hatch` lines over `ground`. */
export function paint({ pictures }, colours, { hatch, ground }) {
  for (const picture of pictures) {
    const { canvas, whose, lengths } = picture;
    const context = canvas.getContext("2d", IN_MEMORY);
    picture.image ??= context.createImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(picture.image.data.buffer);
    // Down to the left: a row further, the lines lie a pixel less to the right.
    const hatched = (at) => ((at % canvas.width) + Math.floor(at / canvas.width)) % PERIOD < THICK;
    let at = 0;
    for (let run = 0; run < whose.length; run += 1) {
      const end = at + lengths[run];
      const number = whose[run];
      const colour = number === NOBODY ? 0 : colours[number];
      if (colour || number === NOBODY) while (at < end) pixels[at++] = colour;
      else for (; at < end; at += 1) pixels[at] = hatched(at) ? hatch : ground;
    }
    context.putImageData(picture.image, 0, 0);
  }
}

/** The number of the territory at a place, or null. */
export function numberAt({ pictures }, place) {
  const [x, y] = metres(place);
  for (const picture of pictures) {
    const [west, south, east, north] = picture.bounds;
    if (x < west || x >= east || y <= south || y > north) continue;
    const column = Math.floor(((x - west) / (east - west)) * picture.width);
    const row = Math.floor(((north - y) / (north - south)) * picture.height);
    const number = runAt(picture, row * picture.width + column);
    if (number !== NOBODY) return number;
  }
  return null;
}

function runAt(picture, pixel) {
  if (!picture.ends) {
    let end = 0;
    picture.ends = Uint32Array.from(picture.lengths, (length) => (end += length));
  }
  let [low, high] = [0, picture.ends.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (picture.ends[middle] > pixel) high = middle;
    else low = middle + 1;
  }
  return picture.whose[low];
}

/** Shows the pictures in a map's box, framed as the map will be, until it comes. */
export function showFirst(box, { pictures }, frame) {
  const ratio = Math.min(devicePixelRatio, 2);
  const [wide, high] = [box.clientWidth, box.clientHeight];
  const canvas = canvasOf({ width: wide * ratio, height: high * ratio });
  canvas.className = "map-first";
  const [west, south] = metres(frame.slice(0, 2));
  const [east, north] = metres(frame.slice(2));
  const scale = ratio * Math.min(wide / (east - west), high / (north - south));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "medium";
  context.translate(canvas.width / 2, canvas.height / 2);
  for (const { canvas: pixels, bounds: [left, bottom, right, top] } of pictures) {
    context.drawImage(
      pixels, (left - (west + east) / 2) * scale, ((north + south) / 2 - top) * scale,
      (right - left) * scale, (top - bottom) * scale,
    );
  }
  box.append(canvas);
  return canvas;
}

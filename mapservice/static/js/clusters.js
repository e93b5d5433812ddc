// Images drawn for the map on demand: rings split by theme, dots of a true point, soft rings of a
// commune. Names are made in style.js: "ring:44:8.0.4…", "dot:culture", "small-soft:habitat".

import { drawSpot } from "./map-kinds.js";
import { THEMES } from "./style.js";
import { token } from "./tokens.js";

const RATIO = 2;
const GAP = 0.045; // radians left open between two themes of a ring

/** Reads the icon sprite as canvas paths, by theme. */
export async function loadGlyphs(url) {
  const text = await (await fetch(url)).text();
  const sprite = new DOMParser().parseFromString(text, "image/svg+xml");
  const glyph = (symbol) => new Path2D(symbol.querySelector("path").getAttribute("d"));
  return new Map([...sprite.querySelectorAll("symbol")].map((s) => [s.id, glyph(s)]));
}

function canvasOf(size) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size * RATIO;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.scale(RATIO, RATIO);
  return context;
}

function disc(context, centre, radius, fill) {
  context.beginPath();
  context.arc(centre, centre, radius, 0, 2 * Math.PI);
  context.fillStyle = fill;
  context.fill();
}

/** Fractions of a turn per theme, from sixteenths that may not quite add up. */
export function turns(shares) {
  const total = shares.reduce((sum, n) => sum + n, 0) || 1;
  return shares.map((n) => n / total);
}

function drawArcs(context, centre, radius, fractions) {
  const gap = fractions.filter(Boolean).length > 1 ? GAP : 0;
  let start = -Math.PI / 2;
  fractions.forEach((fraction, index) => {
    if (!fraction) return;
    const end = start + fraction * 2 * Math.PI;
    context.beginPath();
    context.arc(centre, centre, radius, start + gap, end - gap);
    context.strokeStyle = token(`theme-${THEMES[index]}`);
    context.stroke();
    start = end;
  });
}

// A ring of one commune has no sharp edge: its initiatives are somewhere in there.
function drawSoftRing(size, shares) {
  const context = canvasOf(size + 4);
  const centre = size / 2 + 2;
  context.globalAlpha = 0.9;
  disc(context, centre, size / 2 - 2, token("surface"));
  context.globalAlpha = 1;
  context.lineWidth = 2;
  context.setLineDash([3.4, 2.8]);
  drawArcs(context, centre, size / 2 - 2, turns(shares));
  return context;
}

function drawRing(size, shares) {
  const context = canvasOf(size + 4);
  const centre = size / 2 + 2;
  context.shadowColor = "rgb(0 0 0 / 28%)";
  context.shadowBlur = 3 * RATIO;
  context.shadowOffsetY = RATIO;
  disc(context, centre, size / 2 - 1, token("surface"));
  context.shadowColor = "transparent";
  context.lineWidth = 1.5 + size / 16; // as in listing_drawing.py
  drawArcs(context, centre, size / 2 - 2 - context.lineWidth / 2, turns(shares));
  return context;
}

function drawGlyph(context, centre, size, glyph, colour) {
  context.translate(centre - size / 2, centre - size / 2);
  context.scale(size / 24, size / 24);
  Object.assign(context, { strokeStyle: colour, lineWidth: 2.1, lineCap: "round", lineJoin: "round" });
  context.stroke(glyph);
}

function drawDot(theme, small, glyph) {
  const size = small ? 15 : 30;
  const context = canvasOf(size + 4);
  const centre = size / 2 + 2;
  context.shadowColor = "rgb(0 0 0 / 30%)";
  context.shadowBlur = 2 * RATIO;
  disc(context, centre, size / 2, token("dot-ring"));
  context.shadowColor = "transparent";
  disc(context, centre, size / 2 - 2, token(`theme-${theme}`));
  if (!small && glyph) drawGlyph(context, centre, 17, glyph, token("dot-glyph"));
  return context;
}

function drawSoft(theme, small, glyph) {
  const size = small ? 15 : 32;
  const context = canvasOf(size + 4);
  const centre = size / 2 + 2;
  const hue = token(`theme-${theme}`);
  context.globalAlpha = 0.9;
  disc(context, centre, size / 2, token("surface"));
  context.globalAlpha = 1;
  Object.assign(context, { strokeStyle: hue, lineWidth: small ? 1.6 : 1.8 });
  context.setLineDash(small ? [2.2, 1.8] : [3.4, 2.8]);
  context.beginPath();
  context.arc(centre, centre, size / 2 - 1.6, 0, 2 * Math.PI);
  context.stroke();
  context.setLineDash([]);
  if (small) disc(context, centre, 1.8, hue);
  else if (glyph) drawGlyph(context, centre, 17, glyph, hue);
  return context;
}

// Signs of towns, as an atlas has them: small, of ink on paper, never of the colour of initiatives.
function drawTown(kind) {
  const size = { region: 8, departement: 7, commune: 5 }[kind];
  const context = canvasOf(size + 2);
  const centre = size / 2 + 1;
  disc(context, centre, size / 2, token("label"));
  disc(context, centre, size / 2 - 1.1, token("label-halo"));
  if (kind !== "commune") disc(context, centre, size / 2 - (kind === "region" ? 2.1 : 2.5), token("label"));
  return context;
}

function drawNamed(name, glyphs) {
  const [kind, first, shares] = name.split(":");
  if (kind === "town") return drawTown(first);
  if (kind === "spot") return drawSpot(name);
  const ring = { ring: drawRing, "soft-ring": drawSoftRing }[kind];
  if (ring) return ring(Number(first), shares.split(".").map(Number));
  const draw = { dot: drawDot, soft: drawSoft }[kind.replace("small-", "")];
  return draw?.(first, kind.startsWith("small-"), glyphs.get(first));
}

/** Gives the map every image that its style names, when it is first wanted. */
export function provideImages(map, glyphs) {
  map.setMissingStyleImageResolver((id) => {
    const context = drawNamed(id, glyphs);
    if (!context || map.hasImage(id)) return;
    const { width, height } = context.canvas;
    map.addImage(id, context.getImageData(0, 0, width, height), { pixelRatio: RATIO });
  });
}

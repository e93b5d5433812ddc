// What map styles read from the page: the CSS custom properties of tokens.css, and its font.

export const token = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export const FAMILY = "Atkinson Hyperlegible Next Variable";
// MapLibre reads the weight and slant of a CSS font from the first name of the stack.
export const font = (weight) => [weight, FAMILY];

export const byZoom = (...stops) => ["interpolate", ["linear"], ["zoom"], ...stops];

// A page in a frame of another site may be told how to look; elsewhere the reader's system says.
const { look } = document.documentElement.dataset;
export const dark = look
  ? { matches: look === "dark", addEventListener() {} }
  : matchMedia("(prefers-color-scheme: dark)");

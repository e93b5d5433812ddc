// What the server wrote into the page for scripts: configuration and words, both as JSON.

const read = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "null");

export const readConfig = (root = document) =>
  JSON.parse(root.getElementById("map-config").textContent);

export const words = read("map-words") ?? {};

const language = document.documentElement.lang || "fr";
const plurals = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(language);

/** "1 initiative", "12 initiatives": `words[key]` holds the forms `one` and `other`. */
export function counted(key, count) {
  const forms = words[key];
  return (forms[plurals.select(count)] ?? forms.other).replace("{n}", numbers.format(count));
}

/** Fills `{name}` in a phrase. */
export const phrase = (key, values) =>
  words[key].replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

/** How scripts scroll: at once for people who asked for less motion. */
export const scrolling = () =>
  matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth";

// Within a page of another site links open beside it, and no cookie is sent or kept.
export const framed = document.body.classList.contains("page-embed");
const asked = framed
  ? { credentials: "omit", headers: { Accept: "text/html", "Accept-Language": language } }
  : { headers: { Accept: "text/html" } };

/** Fetches a page of ours and parses it; `signal` aborts. */
export async function fetchPage(url, signal) {
  const response = await fetch(url, { signal, ...asked });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

/** An element with a class and either text or children. */
export function element(tag, className, content = []) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...[content].flat());
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

/** The icon of a theme, from the sprite that the page names. */
export function themeIcon(theme) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${document.getElementById("map").dataset.sprite}#${theme}`);
  svg.append(use);
  return svg;
}

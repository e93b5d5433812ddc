// The small card that opens on the map: one initiative, or the few that share a place.

import { cardOf } from "./list.js";
import { counted, element, fetchPage, themeIcon, words } from "./page.js";

const text = (root, selector) => root?.querySelector(selector)?.textContent.trim() ?? "";

/** Place and summary: from the list's card when it is there, else from the initiative's page. */
async function details(id) {
  const card = cardOf(id);
  if (card) return { place: text(card, ".card-place"), summary: text(card, ".card-summary") };
  const page = await fetchPage(`/initiatives/${id}`);
  return { place: text(page, "[data-place]"), summary: text(page, "[data-summary]") };
}

function link(href, content) {
  const node = element("a", "", content);
  node.href = href;
  return node;
}

function oneCard({ id, title, theme }) {
  const url = `/initiatives/${id}`;
  const place = element("p", "map-card-place");
  const summary = element("p", "map-card-summary");
  const open = link(url, words.open);
  open.className = "map-card-open";
  const card = element("div", `map-card theme-${theme}`, [
    element("p", "map-card-theme", [themeIcon(theme), words.themes[theme] ?? theme]),
    element("p", "map-card-title", link(url, title)),
    place, summary, element("p", "", open),
  ]);
  const filled = details(id).then((found) => {
    place.textContent = found.place;
    summary.textContent = found.summary;
  });
  return { card, filled };
}

function manyCards(all) {
  const rows = all.map(({ id, title, theme }) =>
    element("li", `theme-${theme}`, link(`/initiatives/${id}`, [themeIcon(theme), title])));
  return element("div", "", [
    element("p", "map-list-title", counted("here", all.length)), element("ul", "map-list", rows),
  ]);
}

/** Escape closes it from wherever the focus is; what had the focus gets it back. */
function closeOnEscape(popup) {
  const before = document.activeElement;
  const onKey = (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    const inside = popup.getElement()?.contains(document.activeElement);
    popup.remove();
    if (inside && before?.isConnected) before.focus({ preventScroll: true });
  };
  document.addEventListener("keydown", onKey);
  popup.on("close", () => document.removeEventListener("keydown", onKey));
}

/** Moves the map a little where a card would not be seen whole: below it a phone has its list. */
function keepInView(map, popup) {
  const [card, box] = [popup.getElement(), map.getContainer()].map((one) => one.getBoundingClientRect());
  const low = Math.max(0, card.bottom - box.bottom + 24);
  const high = Math.max(0, box.top - card.top + 8);
  if (low || high) map.panBy([0, low || -high], { animate: false });
}

/** Opens the card of what stands at `lngLat`; `onClose` runs when it goes. */
export function openCard({ map, library }, lngLat, found, onClose) {
  const popup = new library.Popup({ offset: 18, maxWidth: "320px", focusAfterOpen: false });
  popup.setLngLat(lngLat).on("close", onClose);
  closeOnEscape(popup);
  if (found.length > 1) return popup.setDOMContent(manyCards(found)).addTo(map);
  const { card, filled } = oneCard(found[0]);
  popup.setDOMContent(card).addTo(map);
  // Re-anchored once its height is known; without the details the title and the link remain.
  const settle = () => {
    if (!popup.isOpen()) return;
    popup.setLngLat(lngLat);
    keepInView(map, popup);
  };
  filled.then(settle).catch(settle);
  return popup;
}

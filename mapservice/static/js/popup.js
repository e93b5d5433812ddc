// The small card that opens on the map: one initiative, or the few that share a place.

import { cardOf } from "./list.js";
import { counted, element, fetchPage, framed, themeIcon, words } from "./page.js";

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
  if (framed) Object.assign(node, { target: "_blank", rel: "noopener" });
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

/** The focus goes into the card and, when it closes, back to what had it; Escape closes from anywhere. */
export function holdFocus(map, popup) {
  const before = document.activeElement;
  popup.getElement().querySelector("a")?.focus({ preventScroll: true });
  const onKey = (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    popup.remove();
  };
  const inside = () => popup.getElement()?.contains(document.activeElement);
  // Its element is gone when it tells that it closed: whether the focus was in it is noted before.
  let held = inside();
  const note = () => (held = inside());
  document.addEventListener("focusin", note);
  document.addEventListener("keydown", onKey);
  // The back gesture of a phone closes what lies over the page, where its browser says so.
  const watcher = "CloseWatcher" in window ? new CloseWatcher() : null;
  watcher?.addEventListener("close", () => popup.remove());
  popup.on("close", () => {
    watcher?.destroy();
    document.removeEventListener("keydown", onKey);
    document.removeEventListener("focusin", note);
    if (!held) return;
    const back = before?.isConnected && before !== document.body ? before : map.getCanvas();
    back.focus({ preventScroll: true });
  });
}

/** Moves the map a little where a card would not be seen whole: below it a phone has its list. */
export function keepInView(map, popup) {
  const [card, box] = [popup.getElement(), map.getContainer()].map((one) => one.getBoundingClientRect());
  const low = Math.max(0, card.bottom - box.bottom + 24);
  const high = Math.max(0, box.top - card.top + 8);
  const [right, left] = [Math.max(0, card.right - box.right + 8), Math.max(0, box.left - card.left + 8)];
  if (low || high || left || right) map.panBy([right || -left, low || -high], { animate: false });
}

/** Opens the card of what stands at `lngLat`; `onClose` runs when it goes. */
export function openCard({ map, library }, lngLat, found, onClose) {
  const popup = new library.Popup({ offset: 18, maxWidth: "320px", focusAfterOpen: false });
  popup.setLngLat(lngLat).on("close", onClose);
  if (found.length > 1) {
    popup.setDOMContent(manyCards(found)).addTo(map);
    holdFocus(map, popup);
    keepInView(map, popup);
    return popup;
  }
  const { card, filled } = oneCard(found[0]);
  popup.setDOMContent(card).addTo(map);
  holdFocus(map, popup);
  // Re-anchored once its height is known; without the details the title and the link remain.
  const settle = () => {
    if (!popup.isOpen()) return;
    popup.setLngLat(lngLat);
    keepInView(map, popup);
  };
  filled.then(settle).catch(settle);
  return popup;
}

// The list beside the map: replaced when the map moves, lengthened on demand, lit by the map.

import { fetchPage, scrolling } from "./page.js";

const results = () => document.getElementById("results");
// With events and groups beside initiatives, all lists are in one box.
const found = (page = document) => page.getElementById("found") ?? page.getElementById("results");
let pending;

/** Replaces the results by those of another page of ours; a later call cancels an earlier one. */
export async function showResults(url) {
  pending?.abort();
  pending = new AbortController();
  const { signal } = pending;
  found().setAttribute("aria-busy", "true");
  try {
    adopt(await fetchPage(url, signal));
  } catch (error) {
    if (error.name === "AbortError") return;
    found().removeAttribute("aria-busy");
    throw error;
  }
}

/** Takes the results of a parsed page, and goes back to their top. */
export function adopt(page) {
  const fresh = found(page);
  if (!fresh) return;
  // A list of initiatives alone takes the place of all that the box holds: other kinds are off.
  const box = document.getElementById("found");
  const old = fresh.id === "results" && box ? box.firstElementChild ?? box : found();
  const top = old.getBoundingClientRect().top;
  if (fresh.id === "results" && box) box.replaceChildren(document.adoptNode(fresh));
  else old.replaceWith(document.adoptNode(fresh));
  if (top < 0 && matchMedia("(min-width: 48rem)").matches) window.scrollTo({ top: 0 });
}

/** "Afficher la suite" lengthens the list in place and moves the focus to the first new card. */
export function lengthenOnDemand(panel) {
  panel.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-next]");
    if (!link || event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    link.setAttribute("aria-disabled", "true");
    try {
      append(await fetchPage(link.href));
    } catch {
      location.assign(link.href);
    }
  });
}

function append(page) {
  const more = [...page.querySelectorAll("#results .cards > li")].map((item) => document.adoptNode(item));
  results().querySelector(".cards").append(...more);
  const next = page.querySelector("#results a[data-next]");
  const pager = results().querySelector(".pager");
  if (next) pager.querySelector("a[data-next]").replaceWith(document.adoptNode(next));
  else pager.remove();
  more[0]?.querySelector("a")?.focus({ preventScroll: true });
}

/** The card of an initiative, event or group, or null when the list does not hold it now. */
export const cardOf = (id) => found()?.querySelector(`.card[data-id="${CSS.escape(id)}"]`);

/** Marks these cards and no other; `scroll` brings the first into view where the list has its own column. */
export function mark(ids, className, scroll = false) {
  for (const card of found()?.querySelectorAll(`.${className}`) ?? []) card.classList.remove(className);
  const cards = ids.map(cardOf).filter(Boolean);
  for (const card of cards) card.classList.add(className);
  if (cards.length && scroll && matchMedia("(min-width: 48rem)").matches) {
    cards[0].scrollIntoView({ block: "nearest", behavior: scrolling() });
  }
}

/** Calls `onCard(card | null)` as the pointer or the focus goes from card to card. */
export function watchCards(panel, onCard) {
  let current = null;
  const change = (card) => card !== current && onCard((current = card));
  panel.addEventListener("pointerover", (event) => change(event.target.closest(".card")));
  panel.addEventListener("pointerleave", () => change(null));
  panel.addEventListener("focusin", (event) => change(event.target.closest(".card")));
  panel.addEventListener("focusout", () => change(null));
}

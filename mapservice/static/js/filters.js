// Filters stay links and a form; with the map they change the page in place instead of reloading.

import { offer } from "./share.js";

const plain = (event) => !(event.metaKey || event.ctrlKey || event.shiftKey || event.button);

/** The query string of the filter form: empty fields left out, as the server writes it. */
export function queryOfForm(form) {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value) query.append(name, value);
  return query;
}

/** The query string of a filter link, without what belongs to one view or one page. */
export function queryOfLink(link) {
  const query = new URL(link.href).searchParams;
  query.delete("bbox");
  query.delete("cursor");
  return query;
}

/** Calls `apply(query)` instead of following a filter link or sending the form. */
export function catchFilters(panel, apply) {
  panel.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-filter]");
    if (!link || !plain(event)) return;
    event.preventDefault();
    apply(queryOfLink(link));
  });
  panel.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-filters]")) return; // the search box leaves the page
    event.preventDefault();
    apply(queryOfForm(event.target));
  });
  panel.addEventListener("change", (event) => {
    if (event.target.matches("[data-filters] select")) apply(queryOfForm(event.target.form));
  });
}

// What scrolls: on a telephone both rows as one, else the themes.
const ROWS = [".chip-rows", ".theme-row"];

/** Scrolls a row to the first chip that is chosen, else to where it was. */
function showChosen(row, left) {
  if (!row) return;
  row.scrollLeft = 0;
  const chosen = row.querySelector("[aria-current]");
  const start = row.getBoundingClientRect().left + 16;
  row.scrollLeft = chosen ? Math.max(0, chosen.getBoundingClientRect().left - start) : left;
}

/** The warning of made-up data comes and goes with what is shown. */
function adoptNotice(page) {
  const [now, old] = [page, document].map((one) => one.querySelector(".notice-band"));
  old?.remove();
  if (now) document.getElementById("contenu").before(document.adoptNode(now));
}

/** The map is called after what it shows. */
function adoptName(page) {
  const label = page.getElementById("map")?.dataset.label;
  if (!label) return;
  document.getElementById("map").dataset.label = label;
  document.querySelector("#map canvas")?.setAttribute("aria-label", label);
  const name = page.querySelector(".atlas-map")?.getAttribute("aria-label");
  if (name) document.querySelector(".atlas-map")?.setAttribute("aria-label", name);
}

/** Takes the filters of a parsed page, keeping the focus and, while no theme is chosen, the scroll of the chips. */
export function adoptFilters(page) {
  const old = document.getElementById("filters");
  const fresh = document.adoptNode(page.getElementById("filters"));
  const chosenKind = document.activeElement.closest(".kind-switch") && keyOf(document.activeElement);
  const isOpen = document.querySelector(".kind-toggle")?.getAttribute("aria-expanded");
  if (isOpen) page.querySelector(".kind-toggle")?.setAttribute("aria-expanded", isOpen);
  for (const part of [".kind-switch", ".legend-rows", ".panel-sum", ".panel-doors"]) {
    const now = page.querySelector(part);
    if (now) document.querySelector(part)?.replaceWith(document.adoptNode(now));
  }
  adoptNotice(page);
  adoptName(page);
  offer(document);
  if (chosenKind) document.querySelector(`.kind-switch ${chosenKind}`)?.focus({ preventScroll: true });
  const key = old.contains(document.activeElement) && keyOf(document.activeElement);
  const lefts = ROWS.map((row) => old.querySelector(row)?.scrollLeft ?? 0);
  const open = old.querySelector("details").open;
  old.replaceWith(fresh);
  ROWS.forEach((name, at) => showChosen(fresh.querySelector(name), lefts[at]));
  fresh.querySelector("details").open ||= open;
  if (key) (fresh.querySelector(key) ?? fresh.querySelector("#q")).focus({ preventScroll: true });
}

const keyOf = (node) =>
  node.id ? `#${CSS.escape(node.id)}` : node.dataset.key ? `[data-key="${CSS.escape(node.dataset.key)}"]` : "#q";

// The slider: another month recolours the maps at once; let go, and the whole page follows.

import { fetchPage } from "./page.js";

const PARTS = ["chiffres-cles", "outre-mer-1", "tableaux", "silence", "mois-par-mois"];
const maps = JSON.parse(document.getElementById("coordination-maps").textContent);
const words = JSON.parse(document.getElementById("coordination-words").textContent);

/** Months as the filter knows them, oldest first: { value, word }; the last one is the present. */
function months() {
  const options = [...document.querySelectorAll("#c-until option")].slice(1).reverse();
  const past = options.map(({ value, textContent }) => ({ value, word: textContent }));
  return [...past.slice(0, -1), { value: "", word: words.today }];
}

const address = (month) => {
  const url = new URL(location.href);
  if (month) url.searchParams.set("until", month);
  else url.searchParams.delete("until");
  const since = url.searchParams.get("since");
  if (since && month && since > month) url.searchParams.delete("since");
  return url;
};

/** Takes the rest of the page from that of the month, whose table keeps the classes of the map. */
async function adopt(url, signal) {
  const asked = new URL(url);
  asked.searchParams.set("breaks", maps[0].breaks_text);
  const page = await fetchPage(asked, signal);
  for (const id of PARTS) {
    const fresh = page.getElementById(id);
    if (fresh) document.getElementById(id)?.replaceWith(document.adoptNode(fresh));
  }
  history.replaceState(null, "", url);
}

/** Drawings in the maps' place, which are what is printed, show the month too. */
function redraw(month) {
  for (const one of document.querySelectorAll(".coordination-map .map-drawing :is(img, source)")) {
    const name = one.srcset ? "srcset" : "src";
    const url = new URL(one[name], location.href);
    if (month) url.searchParams.set("until", month);
    else url.searchParams.delete("until");
    one[name] = url.pathname + url.search;
  }
}

/** `shown`: maps that `show` a month, while the slider moves. */
export function watchMonths(shown) {
  const box = document.getElementById("curseur");
  const all = months();
  if (!box || !shown.length || all.length < 2) return;
  const range = box.querySelector("input");
  const told = box.querySelector("output");
  const select = document.getElementById("c-until");
  const since = document.getElementById("c-since").value;
  const start = Math.max(all.findIndex(({ value }) => value && value >= since), 0);
  range.min = since ? start : 0;
  range.max = all.length - 1;
  const now = all.findIndex(({ value }) => value === select.value);
  range.value = now < 0 ? all.length - 1 : now;
  const tell = () => {
    const { word } = all[range.value];
    told.textContent = word;
    range.setAttribute("aria-valuetext", word);
  };
  tell();
  box.hidden = false;

  let busy = false;
  let wanted = null;
  const follow = async () => {
    if (busy) return;
    busy = true;
    while (wanted !== null) {
      const month = wanted;
      wanted = null;
      await Promise.all(shown.map(({ show }) => show(month))).catch((error) => console.info("Month:", error.message));
      box.dataset.shown = month;
    }
    busy = false;
  };
  range.addEventListener("input", () => {
    tell();
    wanted = all[range.value].value;
    follow();
  });
  let turning;
  range.addEventListener("change", () => {
    select.value = all[range.value].value;
    turning?.abort();
    turning = new AbortController();
    const { signal } = turning;
    redraw(select.value);
    adopt(address(select.value), signal).catch((error) => {
      if (error.name !== "AbortError") console.info("Page:", error.message);
    });
  });
}

// Entry of a page that waits for a file: looks again until it is there. Nothing is read out again
// that has not changed, and the page is loaded anew once only, when there is something to fetch.

import { fetchPage } from "./page.js";

const section = document.querySelector("[data-again]");
const pause = () => new Promise((done) => setTimeout(done, 1000 * Number(section.dataset.again)));

function follow(fresh) {
  const words = fresh.querySelector("p").textContent;
  const told = section.querySelector("p");
  if (told.textContent !== words) told.textContent = words;
  section.querySelector("progress")?.replaceWith(document.adoptNode(fresh.querySelector("progress")));
}

for (;;) {
  await pause();
  const fresh = await fetchPage(location.href).catch(() => null); // a network that is away comes back
  const state = fresh?.querySelector("[data-state]");
  if (state && !state.dataset.again) break;
  if (state) follow(state);
}
location.reload();

// Keys for moderators: j and k walk along the queue, o opens; in a case p agrees, r goes to the
// reason, m to the other initiative, l to the place.

import { scrolling } from "./page.js";

const cards = [...document.querySelectorAll("#queue .card")];
let at = -1;

function walk(step) {
  if (!cards.length) return;
  cards[at]?.removeAttribute("data-at");
  at = Math.min(Math.max(at + step, 0), cards.length - 1);
  cards[at].setAttribute("data-at", "");
  cards[at].querySelector("a").focus({ preventScroll: true });
  cards[at].scrollIntoView({ block: "nearest", behavior: scrolling() });
}

const inQueue = {
  j: () => walk(1),
  k: () => walk(-1),
  o: () => cards[at]?.querySelector("a").click(),
};

const inCase = {
  p: () => document.querySelector('[data-key="p"]')?.click(),
  r: () => document.getElementById("reason")?.focus(),
  m: () => document.querySelector("#merge input:not([type=hidden])")?.focus(),
  l: () => document.getElementById("place")?.click(),
  j: () => document.getElementById("next")?.requestSubmit(),
  k: () => document.querySelector("[data-back]").click(),
};

const isTyping = ({ target }) => target.closest("input, textarea, select, [contenteditable]");

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
  const act = (document.getElementById("queue") ? inQueue : inCase)[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

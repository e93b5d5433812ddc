// Entry of the pages that other sites frame: the map where there is one, and the height for the page around.

const body = document.getElementById("embed");

// What fills the frame has no height of its own to tell.
const hasHeight = !document.body.classList.contains("show-map");

/** Tells the page around how high all of this is, in CSS pixels: docs/embed.md. */
function tellHeight() {
  parent.postMessage({ type: "mapservice:height", height: Math.ceil(body.getBoundingClientRect().height) }, "*");
}

if (parent !== window && hasHeight) new ResizeObserver(tellHeight).observe(body);
if (document.getElementById("map")) import("./embed-map.js");

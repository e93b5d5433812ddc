// Loads the script of a page's map once the page is painted.
//
// A map is thirty files, one of them of 300 kB, and a second of work, and until it is there the server's drawing stands
// in its place: to load it at once would only keep words and drawing waiting on a slow line.

const { entry } = document.querySelector("script[data-entry]").dataset;
const LONGEST = 2000; // ms after everything has come

const loaded = new Promise((resolve) => {
  if (document.readyState === "complete") resolve();
  else addEventListener("load", resolve, { once: true });
});

/** Resolves when a browser that tells of such paints has told of one; else with the next frame. */
const told = (type) =>
  new Promise((resolve) => {
    if (PerformanceObserver.supportedEntryTypes?.includes(type)) {
      new PerformanceObserver(resolve).observe({ type, buffered: true });
    } else {
      requestAnimationFrame(resolve);
    }
  });

/** Whether the drawing has come, and stands where it will be painted. */
function isInView(drawing) {
  const { top, bottom, height } = drawing.getBoundingClientRect();
  return drawing.naturalWidth > 0 && height > 0 && bottom > 0 && top < innerHeight;
}

await loaded;
// A page in the background is painted when it is looked at.
await told("paint");
// Words may be painted well before the drawing, the only picture of a page with `elementtiming`.
const drawing = document.querySelector("img[elementtiming]");
if (drawing && isInView(drawing)) {
  await Promise.race([told("element"), new Promise((resolve) => setTimeout(resolve, LONGEST))]);
}
await import(entry);

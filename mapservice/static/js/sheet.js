// On a phone the list is a sheet over the map: by thumb, by keys, or by the one button that toggles.

const STOPS = ["map", "half", "list"]; // the map alone, both, the list alone
const HALF = STOPS.indexOf("half");
const KEYS = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, Home: -2, End: 2 };
const TAP = 8; // px: less is no drag
const GLIDE = 160; // ms
const wide = matchMedia("(min-width: 48rem)");
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export function offerSheet(atlas) {
  const panel = atlas.querySelector(".atlas-panel");
  const handle = atlas.querySelector(".sheet-handle");
  const toggle = atlas.querySelector(".sheet-toggle");
  const words = JSON.parse(handle.dataset.words);
  let stop = HALF;

  const top = () => panel.getBoundingClientRect().top;
  const coversMap = () => stop === STOPS.indexOf("list") || panel.querySelector(".panel-head").getBoundingClientRect().bottom <= 0;
  const name = () => {
    toggle.classList.toggle("to-map", coversMap());
    toggle.classList.toggle("to-list", !coversMap());
  };

  function show(next) {
    const from = top();
    stop = Math.max(0, Math.min(STOPS.length - 1, next));
    atlas.dataset.stop = STOPS[stop];
    handle.setAttribute("aria-valuenow", stop);
    handle.setAttribute("aria-valuetext", words[stop]);
    panel.style.transform = "";
    window.scrollTo({ top: 0, behavior: "instant" });
    const glide = [{ transform: `translateY(${from - top()}px)` }, { transform: "none" }];
    if (!calm.matches) panel.animate(glide, { duration: GLIDE, easing: "ease-out" });
    name();
  }

  /** The stop at which the sheet would stand nearest to this height. */
  function nearest(height) {
    const was = stop;
    const tops = STOPS.map((one) => {
      atlas.dataset.stop = one;
      return top() + window.scrollY;
    });
    atlas.dataset.stop = STOPS[was];
    const far = tops.map((one) => Math.abs(one - height));
    return far.indexOf(Math.min(...far));
  }

  handle.addEventListener("pointerdown", (start) => {
    if (start.button) return;
    handle.setPointerCapture(start.pointerId);
    const from = top();
    let moved = 0;
    const drag = ({ clientY }) => {
      moved = clientY - start.clientY;
      panel.style.transform = `translateY(${moved}px)`;
    };
    const drop = ({ type }) => {
      handle.removeEventListener("pointermove", drag);
      for (const end of ["pointerup", "pointercancel"]) handle.removeEventListener(end, drop);
      panel.style.transform = "";
      if (type === "pointercancel") return;
      if (Math.abs(moved) < TAP) show(stop === HALF ? HALF + 1 : HALF);
      else show(nearest(from + moved));
    };
    handle.addEventListener("pointermove", drag);
    for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, drop);
  });
  handle.addEventListener("keydown", (event) => {
    const by = KEYS[event.key];
    if (!by) return;
    event.preventDefault();
    show(stop + by);
  });
  toggle.addEventListener("click", () => show(coversMap() ? STOPS.indexOf("map") : STOPS.indexOf("list")));
  addEventListener("scroll", name, { passive: true });
  wide.addEventListener("change", () => wide.matches && show(HALF));
  handle.hidden = toggle.hidden = false;
  name();
}

// Entry: registers the service worker, saves an initiative on this device, lists what is saved.
// It imports nothing, so that it also runs without a network. Copies are fetched without cookies:
// they are what anybody sees.

const SAVED_CACHE = "mapservice-saved";
const AREA_CACHE = "mapservice-area";
const LANGUAGE_KEY = "/sw.js?language";
const KEPT_AT = "X-Kept-At";
const MOST = 50; // saved initiatives
const MOST_PICTURES = 6; // of each
const FRESH = 12 * 3600 * 1000; // ms after which a copy is fetched anew
const language = document.documentElement.lang;
const moment = new Intl.DateTimeFormat(language === "en" ? "en-GB" : "fr-FR", { dateStyle: "long", timeStyle: "short" });

/** A copy of a page with its moment: null if it is gone, undefined if it could not be asked. */
async function fetchCopy(path) {
  const answer = await fetch(`${path}?lang=${language}`, { credentials: "omit", headers: { Accept: "text/html" } }).catch(() => undefined);
  if (!answer) return undefined;
  if (answer.status === 404 || answer.status === 410) return null;
  if (!answer.ok || answer.redirected || /no-store|private/.test(answer.headers.get("Cache-Control") ?? "")) return undefined;
  const headers = new Headers(answer.headers);
  for (const name of ["Content-Encoding", "Content-Length"]) headers.delete(name);
  headers.set(KEPT_AT, new Date(answer.headers.get("Date") ?? Date.now()).toISOString());
  return new Response(await answer.text(), { headers });
}

// Pictures of a page are kept beside it, its QR code (/initiatives/…/qr.svg) among them.
const isPage = (request) => /^\/initiatives\/[^/.]+$/.test(new URL(request.url).pathname);

/** Saved pages, the last saved first. */
async function savedPages() {
  const cache = await caches.open(SAVED_CACHE);
  const found = [];
  for (const request of (await cache.keys()).filter(isPage)) {
    const copy = await cache.match(request);
    const page = new DOMParser().parseFromString(await copy.text(), "text/html");
    const pictures = [...page.querySelectorAll("main img")].map((one) => one.getAttribute("src"));
    found.push({ path: new URL(request.url).pathname, at: new Date(copy.headers.get(KEPT_AT)), page, pictures });
  }
  return found.sort((a, b) => b.at - a.at);
}

async function save(path) {
  const cache = await caches.open(SAVED_CACHE);
  if ((await cache.keys()).filter(isPage).length >= MOST) throw new Error("full");
  const copy = await fetchCopy(path);
  if (!copy) throw new Error("gone");
  await cache.put(path, copy);
  const pictures = [...document.querySelectorAll("main img")].map((one) => one.currentSrc || one.src);
  for (const address of pictures.slice(0, MOST_PICTURES)) {
    const picture = await fetch(address).catch(() => null);
    if (picture?.ok && !/no-store|private/.test(picture.headers.get("Cache-Control") ?? "")) await cache.put(address, picture);
  }
}

async function forget({ path, pictures }) {
  const cache = await caches.open(SAVED_CACHE);
  await cache.delete(path);
  for (const address of pictures ?? []) if (address) await cache.delete(address);
}

async function offerToSave(box) {
  const button = box.querySelector("button");
  const said = box.querySelector("[role=status]");
  const path = location.pathname;
  const show = (is) => {
    button.setAttribute("aria-pressed", String(is));
    button.querySelector("span").textContent = is ? box.dataset.saved : box.dataset.save;
  };
  show(Boolean(await caches.match(new URL(path, location.origin).href, { cacheName: SAVED_CACHE })));
  button.addEventListener("click", async () => {
    const was = button.getAttribute("aria-pressed") === "true";
    button.disabled = true;
    try {
      if (was) await forget({ path });
      else await save(path);
      show(!was);
      said.textContent = was ? box.dataset.removed : box.dataset.done;
    } catch (error) {
      said.textContent = error.message === "full" ? box.dataset.full : box.dataset.failed;
    }
    button.disabled = false;
  });
  box.classList.add("is-ready");
}

function rowOf(one, list, tell) {
  const { words } = list.dataset;
  const row = list.querySelector("template").content.cloneNode(true).firstElementChild;
  const link = row.querySelector("a");
  link.href = one.path;
  link.textContent = one.page.querySelector("h1")?.textContent ?? one.path;
  row.querySelector("[data-place]").textContent = one.page.querySelector(".plate-place")?.textContent.trim() ?? "";
  row.querySelector("[data-at]").textContent = words.replace("{when}", moment.format(one.at));
  row.querySelector("button").addEventListener("click", async () => {
    await forget(one);
    row.remove();
    tell();
  });
  return row;
}

async function showSaved(list) {
  const rows = list.querySelector("ul");
  const empty = list.querySelector("[data-none]");
  const tell = () => (empty.hidden = rows.children.length > 0);
  const fill = async () => {
    rows.replaceChildren(...(await savedPages()).map((one) => rowOf(one, list, tell)));
    tell();
  };
  await fill();
  let changed = false;
  for (const one of await savedPages()) {
    if (Date.now() - one.at < FRESH) continue;
    const copy = await fetchCopy(one.path);
    if (copy === undefined) break; // no network
    const cache = await caches.open(SAVED_CACHE);
    if (copy) await cache.put(one.path, copy);
    else {
      await forget(one);
      list.querySelector("[data-gone]").hidden = false;
    }
    changed = true;
  }
  if (changed) await fill();
}

async function showLastList(section) {
  const cache = await caches.open(AREA_CACHE);
  const [kept] = (await cache.keys()).filter((key) => !key.url.endsWith(LANGUAGE_KEY));
  if (!kept) return;
  const copy = await cache.match(kept);
  const page = new DOMParser().parseFromString(await copy.text(), "text/html");
  const link = section.querySelector("a");
  link.href = kept.url;
  link.textContent = (page.querySelector("h1") ?? page.querySelector("title")).textContent.trim();
  section.querySelector("[data-at]").textContent = section.dataset.words.replace("{when}", moment.format(new Date(copy.headers.get(KEPT_AT))));
  section.hidden = false;
}

async function register() {
  if (document.readyState !== "complete") await new Promise((done) => addEventListener("load", done, { once: true }));
  const isFirst = !navigator.serviceWorker.controller;
  await navigator.serviceWorker.register("/sw.js", { updateViaCache: "none" });
  const { active } = await navigator.serviceWorker.ready;
  if (isFirst) active.postMessage({ keep: location.href });
}

// Without a secure address (https, or this machine) browsers offer none of this.
if ("caches" in window) {
  const box = document.querySelector("[data-save]");
  const list = document.querySelector("[data-saved-list]");
  const last = document.querySelector("[data-last-list]");
  if (box) offerToSave(box).catch(() => {});
  if (list) showSaved(list).catch(() => {});
  if (last) showLastList(last).catch(() => {});
} else document.querySelector("[data-insecure]")?.removeAttribute("hidden");
if ("serviceWorker" in navigator && document.querySelector("script[data-offline=on]")) register().catch(() => {});

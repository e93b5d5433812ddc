// The service worker, below the constants that /sw.js writes before it (site/offline_routes.py).
//
// Always the network first: it never answers while there is one, but for files whose address holds
// their digest. Kept are the last list seen and what a person saved, as anybody sees them: never a
// page of a session, never what says no-store or private. What it shows without a network says so,
// and of which moment it is.
/* global VERSION, SHELL, FALLBACK, WORDS, ICON, NAME */

const SHELL_CACHE = `mapservice-shell-${VERSION}`;
const AREA_CACHE = "mapservice-area"; // one list, and the language last read
const SAVED_CACHE = "mapservice-saved"; // filled by js/offline.js
const LANGUAGE_KEY = "/sw.js?language";
const KEPT_AT = "X-Kept-At";
const shell = new Set(SHELL);

self.addEventListener("install", (event) => {
  const wanted = SHELL.map((path) => new Request(path, { credentials: "omit", cache: "reload" }));
  event.waitUntil(caches.open(SHELL_CACHE).then((cache) => cache.addAll(wanted)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => event.waitUntil(takeOver()));

async function takeOver() {
  for (const name of await caches.keys()) {
    if (name.startsWith("mapservice-shell-") && name !== SHELL_CACHE) await caches.delete(name);
  }
  await self.clients.claim();
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(navigate(event, url));
  else if (shell.has(url.pathname + url.search)) event.respondWith(fromShell(request));
  else if (isList(url) && /text\/html/.test(request.headers.get("Accept"))) event.respondWith(pass(event, url));
  else if (request.destination === "image" && !/^\/(static|tiles|basemap|vendor)\//.test(url.pathname)) {
    event.respondWith(fetch(request).catch(() => fromSaved(url.href)));
  }
});

// The first page is there before we are: it asks us to keep what it shows.
self.addEventListener("message", ({ data, waitUntil }) => {
  const url = data?.keep && new URL(data.keep, self.location.origin);
  if (url && url.origin === self.location.origin && isList(url)) keepList(url).catch(() => {});
});

// What was followed has news (notifications/push): a press leads to its list, on this site alone.
self.addEventListener("push", (event) => {
  const told = event.data?.json() ?? {};
  const shown = { body: told.body, lang: told.lang, tag: told.tag, icon: ICON, data: { url: told.url } };
  event.waitUntil(self.registration.showNotification(told.title ?? NAME, shown));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = new URL(event.notification.data?.url ?? "/", self.location.origin);
  if (url.origin === self.location.origin) event.waitUntil(self.clients.openWindow(url.href));
});

/** Pages that are a list of an area; what tells a position, or is a later part, is none to keep. */
function isList({ pathname, searchParams }) {
  if (searchParams.has("near") || searchParams.has("cursor")) return false;
  return pathname === "/" || pathname === "/initiatives" || pathname.startsWith("/territoires/");
}

async function fromShell(request) {
  const kept = await caches.match(request.url, { cacheName: SHELL_CACHE });
  return kept ?? fetch(request);
}

async function fromSaved(address) {
  return (await caches.match(address, { cacheName: SAVED_CACHE })) ?? Response.error();
}

async function pass(event, url) {
  const answer = await fetch(event.request);
  event.waitUntil(keepList(url, answer.clone()).catch(() => {}));
  return answer;
}

async function navigate(event, url) {
  let answer;
  try {
    answer = await fetch(event.request);
  } catch {
    return offline(url);
  }
  event.waitUntil(remember(url, answer.clone()).catch(() => {}));
  return answer;
}

/** After a page came: its language, and its copy where it is a list or was saved. */
async function remember(url, answer) {
  if (answer.type === "opaqueredirect") return;
  const area = await caches.open(AREA_CACHE);
  await area.put(LANGUAGE_KEY, new Response(answer.headers.get("Content-Language") ?? ""));
  if (isList(url)) await keepList(url, answer);
  const saved = await caches.open(SAVED_CACHE);
  const address = url.origin + url.pathname;
  if (!(await saved.match(address))) return;
  if (answer.status === 404 || answer.status === 410) await saved.delete(address);
  else if (await stamped(url, answer)) await saved.put(address, await stamped(url, answer));
}

/** Keeps this list, and no other. */
async function keepList(url, answer) {
  const copy = await stamped(url, answer);
  if (!copy) return;
  const area = await caches.open(AREA_CACHE);
  for (const key of await area.keys()) if (!key.url.endsWith(LANGUAGE_KEY)) await area.delete(key);
  await area.put(url.href.replace(/#.*/, ""), copy);
}

/** A copy as anybody sees the page, with its moment; null for what is not to be kept. */
async function stamped(url, answer) {
  let seen = answer;
  if (!seen || /\bprivate\b/.test(seen.headers.get("Cache-Control") ?? "")) {
    const asked = new URL(url.href);
    if (seen?.headers.get("Content-Language")) asked.searchParams.set("lang", seen.headers.get("Content-Language"));
    seen = await fetch(asked, { credentials: "omit", headers: { Accept: "text/html" } });
  }
  const caching = seen.headers.get("Cache-Control") ?? "";
  const isPage = /^text\/html/.test(seen.headers.get("Content-Type"));
  if (seen.status !== 200 || seen.redirected || !isPage || /no-store|private/.test(caching)) return null;
  const headers = new Headers(seen.headers);
  for (const name of ["Content-Encoding", "Content-Length"]) headers.delete(name);
  headers.set(KEPT_AT, new Date(seen.headers.get("Date") ?? Date.now()).toISOString());
  return new Response(await seen.clone().text(), { headers });
}

/** What there is of this page without a network: its own copy, the last list for home, else the list of all that is kept. */
async function offline(url) {
  const saved = await caches.match(url.origin + url.pathname, { cacheName: SAVED_CACHE });
  if (saved) return told(saved);
  const area = await caches.open(AREA_CACHE);
  const [list] = (await area.keys()).filter((key) => !key.url.endsWith(LANGUAGE_KEY));
  const isHome = url.pathname === "/" && !url.search;
  if (list && (isHome || list.url === url.href.replace(/#.*/, ""))) return told(await area.match(list));
  const language = (await (await area.match(LANGUAGE_KEY))?.text()) || self.navigator.language.slice(0, 2);
  const page = await caches.match(FALLBACK[language] ?? FALLBACK.fr, { cacheName: SHELL_CACHE });
  if (!page) return Response.error();
  return url.pathname === "/enregistrees" ? page : banded(page, wordsOf(page).absent, false);
}

const languageOf = (page) => page.headers.get("Content-Language") ?? "fr";
const wordsOf = (page) => WORDS[languageOf(page)] ?? WORDS.fr;

/** A copy under the words that it is one, and of when. */
function told(page) {
  const when = new Intl.DateTimeFormat(languageOf(page) === "en" ? "en-GB" : "fr-FR", { dateStyle: "long", timeStyle: "short" });
  const moment = new Date(page.headers.get(KEPT_AT));
  const words = wordsOf(page).kept.replace("{when}", when.format(moment));
  return banded(page, words, true);
}

/** The page with a band of words above; a copy runs no script, as these would ask the network. */
async function banded(page, words, isCopy) {
  let html = await page.text();
  if (isCopy) html = html.replace(/<script type="module"[^>]*><\/script>/g, "");
  html = html.replace('<body class="', '<body class="is-offline ');
  html = html.replace("<main", `<aside class="notice-band offline-band" role="status"><p>${words}</p></aside>\n<main`);
  return new Response(html, { headers: page.headers });
}

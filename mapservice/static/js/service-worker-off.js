// What /sw.js is when MAPSERVICE_OFFLINE is off: it takes the former worker and its copies away.
// What people saved stays theirs: /enregistrees shows it without any worker.

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("activate", (event) => event.waitUntil(leave()));

async function leave() {
  for (const name of await caches.keys()) {
    if (name.startsWith("mapservice-") && name !== "mapservice-saved") await caches.delete(name);
  }
  await self.registration.unregister();
}

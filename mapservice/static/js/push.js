// Entry of the pages where a person chooses notifications: asks the browser, then tells the service.

const form = document.querySelector("[data-push]");

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

/** The browser's subscription for the present key; one for an earlier key is ended first. */
async function subscribe(registration, key) {
  const wanted = bytes(key);
  const present = await registration.pushManager.getSubscription();
  const same = present && text(present.options.applicationServerKey ?? new ArrayBuffer(0)) === text(wanted);
  if (present && !same) await present.unsubscribe();
  return same ? present : registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: wanted });
}

async function add(said) {
  if ((await Notification.requestPermission()) !== "granted") {
    said.textContent = form.dataset.denied;
    return;
  }
  await navigator.serviceWorker.register("/sw.js", { updateViaCache: "none" });
  const found = await subscribe(await navigator.serviceWorker.ready, form.dataset.push);
  const body = new FormData(form);
  body.set("endpoint", found.endpoint);
  body.set("p256dh", text(found.getKey("p256dh")));
  body.set("auth", text(found.getKey("auth")));
  const answer = await fetch(form.dataset.address, { method: "POST", body });
  if (answer.status !== 204) {
    await found.unsubscribe();
    throw new Error(String(answer.status));
  }
  location.hash = "notifications";
  location.reload();
}

async function markThisDevice() {
  const registration = await navigator.serviceWorker.getRegistration("/");
  const present = await registration?.pushManager.getSubscription();
  for (const row of document.querySelectorAll("[data-device]")) {
    if (row.dataset.device === present?.endpoint) row.querySelector("[data-here]").hidden = false;
  }
}

if (form && "serviceWorker" in navigator && "PushManager" in window && "Notification" in window) {
  const button = form.querySelector("button");
  const said = form.querySelector("[role=status]");
  said.textContent = "";
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    await add(said).catch(() => (said.textContent = form.dataset.failed));
    button.disabled = false;
  });
  markThisDevice().catch(() => {});
}

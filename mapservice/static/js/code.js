// Entry of the page that writes the code of a frame: it is written anew as the choice changes.

import { offer } from "./share.js";

const form = document.getElementById("code-form");
let pending;

function addressOf() {
  const query = new URLSearchParams();
  // A place is words until it is sent: which one they mean is for the server to say.
  for (const [name, value] of new FormData(form)) if (value && name !== "place") query.append(name, value);
  return `/integrer?${query}`;
}

async function write() {
  if (!form.checkValidity()) return;
  pending?.abort();
  pending = new AbortController();
  const url = addressOf();
  const result = document.getElementById("code-result");
  result.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(url, { signal: pending.signal, headers: { Accept: "text/html" } });
    if (!response.ok) throw new Error(`${url}: ${response.status}`);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = document.adoptNode(page.getElementById("code-result"));
    offer(fresh);
    result.replaceWith(fresh);
    history.replaceState(null, "", url);
  } catch (error) {
    if (error.name === "AbortError") return;
    result.removeAttribute("aria-busy");
    console.info("The code was not written anew:", error.message);
  }
}

form.addEventListener("change", ({ target }) => target.name === "place" ? form.requestSubmit() : write());

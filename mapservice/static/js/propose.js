// Entry of the form that proposes: its place, a draft kept in this browser.

import { phrase } from "./page.js";
import { offerPin, suggestPlace } from "./place-field.js";

const form = document.getElementById("propose");
const field = (name) => form.elements.namedItem(name);

// --- The draft: what was typed, without who typed it ---

const KEPT = ["title", "summary", "description", "theme", "scale", "place", "choice", "choice_for", "lon", "lat"];
const FACTS = ["address", "start_day", "start_time", "end_day", "end_time", "opening_hours", "price", "wheelchair", "website", "tags"];
// Boxes to tick: the values of those that are, with commas between.
const TICKED = ["free", "audience"];

// Enter in a field would send the form with half of it unread: it goes on to the next field instead.
form.addEventListener("keydown", (event) => {
  const at = event.target;
  const isLine = at instanceof HTMLInputElement && !["submit", "button", "checkbox", "radio", "file"].includes(at.type);
  if (event.key !== "Enter" || !isLine || event.defaultPrevented || event.isComposing) return;
  event.preventDefault();
  const fields = [...form.elements].filter((one) => one.type !== "hidden" && !one.disabled && one.offsetParent);
  fields[fields.indexOf(at) + 1]?.focus();
});

class Draft {
  constructor(store) {
    this.store = store;
    this.key = `proposer:${form.dataset.draft}`;
    this.box = document.getElementById("draft");
    this.found = this.read();
    form.addEventListener("input", () => this.keep());
    form.addEventListener("submit", ({ submitter }) => this.keep(submitter?.value === "send"));
    this.box.querySelector("[data-draft-take]").addEventListener("click", () => this.take());
    this.box.querySelector("[data-draft-drop]").addEventListener("click", () => this.drop());
    if (form.dataset.sent) this.keep();
    else if (this.found?.values.title) this.offer();
  }

  read() {
    try {
      return JSON.parse(this.store.getItem(this.key));
    } catch {
      return null;
    }
  }

  keep(sent = false) {
    const data = new FormData(form);
    const values = Object.fromEntries([...KEPT, ...FACTS].map((name) => [name, data.get(name) ?? ""]));
    for (const name of TICKED) values[name] = data.getAll(name).join(",");
    try {
      this.store.setItem(this.key, JSON.stringify({ values, sent }));
    } catch (error) {
      console.info("The draft cannot be kept:", error.message);
    }
  }

  offer() {
    const key = this.found.sent ? "draftSent" : "draftFound";
    this.box.firstElementChild.textContent = phrase(key, { title: this.found.values.title });
    this.box.hidden = false;
  }

  take() {
    const { values } = this.found;
    for (const [name, value] of Object.entries(values)) {
      if (TICKED.includes(name)) {
        const boxes = form.querySelectorAll(`input[type=checkbox][name=${name}]`);
        for (const box of boxes) box.checked = value.split(",").includes(box.value);
      } else if (field(name)) field(name).value = value;
    }
    document.getElementById("facts").open ||= [...FACTS, ...TICKED].some((name) => values[name]);
    document.getElementById("pin").hidden = !field("lon").value;
    this.box.hidden = true;
    this.keep();
    form.dispatchEvent(new Event("draft"));
    field("title").focus();
  }

  drop() {
    this.store.removeItem(this.key);
    this.box.hidden = true;
    field("title").focus();
  }
}

function storage() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

suggestPlace();
const store = storage();
if (store) new Draft(store);
document.getElementById("mistakes")?.focus();

await offerPin();

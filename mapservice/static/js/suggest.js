// Place suggestions under the search field: the ARIA combobox pattern with a list box.

import { element, phrase, words } from "./page.js";

const WAIT = 140; // ms of quiet before asking

async function places(text, signal) {
  const query = new URLSearchParams({ q: text, limit: 6, autocomplete: 1 });
  const response = await fetch(`/geocode/search?${query}`, { signal });
  return response.ok ? (await response.json()).features.map((f) => ({ ...f.properties, position: f.geometry.coordinates })) : [];
}

function option(id, name, context) {
  const text = element("span", "", [element("span", "suggestion-name", name)]);
  if (context) text.append(element("span", "suggestion-context", context));
  const node = element("li", "suggestion", text);
  node.id = id;
  node.setAttribute("role", "option");
  return node;
}

// "35, Ille-et-Vilaine, Bretagne" reads better without the code in front.
const readable = (context) => context.split(", ").slice(1).join(", ");

/** The name found: a former, associated or delegated commune's, an arrondissement's, else its own. */
export const nameFound = ({ name, oldcity, district }) => oldcity || district || name;

const contextOf = ({ name, oldcity, district, context = "" }) => {
  const around = oldcity ? [phrase("partOfToday", { name })] : district ? [name] : [];
  return [...around, readable(context)].join(", ");
};

class Suggestions {
  constructor(input, onPlace, textKey) {
    this.input = input;
    this.textKey = textKey;
    this.onPlace = onPlace;
    this.found = [];
    this.list = element("ul", "suggestions");
    this.list.id = "suggestions";
    this.list.hidden = true;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", words.suggestions);
    input.closest(".search").append(this.list);
    this.describe();
    this.listen();
  }

  describe() {
    const wanted = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "suggestions" };
    for (const [name, value] of Object.entries(wanted)) this.input.setAttribute(name, value);
  }

  listen() {
    this.input.addEventListener("input", () => this.ask());
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("blur", () => this.close());
    this.list.addEventListener("pointerdown", (event) => event.preventDefault()); // keep the focus
    this.list.addEventListener("click", (event) => {
      const node = event.target.closest(".suggestion");
      if (node) this.choose([...this.list.children].indexOf(node));
    });
  }

  ask() {
    clearTimeout(this.timer);
    this.asking?.abort();
    const text = this.input.value.trim();
    if (text.length < 2) return this.close();
    this.asking = new AbortController();
    this.timer = setTimeout(async () => {
      try {
        this.show(text, await places(text, this.asking.signal));
      } catch (error) {
        if (error.name !== "AbortError") this.close();
      }
    }, WAIT);
  }

  show(text, found) {
    this.found = found;
    const rows = found.map((p, i) => option(`suggestion-${i}`, nameFound(p), contextOf(p)));
    rows.push(option("suggestion-text", phrase(this.textKey, { text })));
    this.list.replaceChildren(...rows);
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.point(-1);
  }

  close() {
    clearTimeout(this.timer);
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  point(index) {
    this.active = index;
    [...this.list.children].forEach((node, i) => node.setAttribute("aria-selected", String(i === index)));
    if (index < 0) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", this.list.children[index].id);
  }

  onKey(event) {
    if (this.list.hidden) return;
    const count = this.list.children.length;
    const moves = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in moves) {
      event.preventDefault();
      this.point((Math.max(this.active, moves[event.key] < 0 ? 0 : -1) + moves[event.key] + count) % count);
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.close();
    } else if (event.key === "Enter" && this.active >= 0) {
      event.preventDefault();
      this.choose(this.active);
    }
  }

  choose(index) {
    const place = this.found[index];
    this.close();
    if (!place) return this.input.form.requestSubmit();
    this.input.value = "";
    this.onPlace(place);
  }
}

/**
 * Attaches suggestions to a search field; `onPlace(properties)` receives the commune chosen, with
 * its `position`. `textKey` names the phrase of the last row, which sends the form as it is.
 */
export function suggestPlaces(input, onPlace, textKey = "searchText") {
  return new Suggestions(input, onPlace, textKey);
}

/** The query string that narrows the current filters to one commune instead of a text. */
export function queryOfPlace(form, place) {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value && name !== "q") query.set(name, value);
  query.delete("near");
  query.delete("radius");
  query.set("territory", `commune:${place.citycode}`);
  return query;
}

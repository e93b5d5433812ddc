// Suggestions under a search field: the ARIA combobox pattern with a list box.
//
// A source turns a text into rows `{ name, hint, … }`; two are here: communes with their
// position, for forms about one place, and all that the search answers.

import { element, phrase, words } from "./page.js";

const WAIT = 140; // ms of quiet before asking

// "35, Ille-et-Vilaine, Bretagne" reads better without the code in front.
const readable = (context) => context.split(", ").slice(1).join(", ");

/** The name found: a former, associated or delegated commune's, an arrondissement's, else its own. */
export const nameFound = ({ name, oldcity, district }) => oldcity || district || name;

const contextOf = ({ name, oldcity, district, context = "" }) => {
  const around = oldcity ? [phrase("partOfToday", { name })] : district ? [name] : [];
  return [...around, readable(context)].join(", ");
};

async function places(text, signal) {
  const query = new URLSearchParams({ q: text, limit: 6, autocomplete: 1 });
  const response = await fetch(`/geocode/search?${query}`, { signal });
  if (!response.ok) return [];
  const { features } = await response.json();
  return features.map(({ properties, geometry }) => ({
    ...properties, shown: nameFound(properties), hint: contextOf(properties), position: geometry.coordinates,
  }));
}

/** The search's own answer to the box and the filters that it carries. */
async function searchAnswers(text, signal, form) {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  query.set("q", text);
  const response = await fetch(`/recherche.json?${query}`, { signal });
  if (!response.ok) return [];
  const { places: found, themes, initiatives, organisations, news, events, groups, understood } = await response.json();
  return [
    ...(understood ? [{ ...understood, kind: "understood" }] : []),
    ...found.map((one) => ({ ...one, kind: "place", hint: one.context })),
    ...themes.map((one) => ({ ...one, kind: "theme", name: words.themes[one.theme], hint: words.theme })),
    ...organisations.slice(0, 2).map((one) => ({ ...one, kind: "organisation", hint: words.organisation })),
    ...events.slice(0, 2).map((one) => ({ ...one, kind: "event", name: one.title, hint: `${one.when}, ${one.context}` })),
    ...groups.slice(0, 2).map((one) => ({ ...one, kind: "group", hint: phrase("groupAt", { place: one.context }) })),
    ...initiatives.slice(0, 3).map((one) => ({
      ...one, kind: "initiative", name: one.title, hint: phrase("initiativeAt", { place: one.context }),
    })),
    ...news.slice(0, 2).map((one) => ({ ...one, kind: "news", name: one.title, hint: words.news })),
  ];
}

function option(id, name, context) {
  const text = element("span", "", [element("span", "suggestion-name", name)]);
  if (context) text.append(element("span", "suggestion-context", context));
  const node = element("li", "suggestion", text);
  node.id = id;
  node.setAttribute("role", "option");
  return node;
}

class Suggestions {
  constructor(input, { source, onChoice, textKey, label }) {
    Object.assign(this, { input, source, onChoice, textKey });
    this.found = [];
    this.list = element("ul", "suggestions");
    this.list.id = "suggestions";
    this.list.hidden = true;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", label);
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
    // Whoever is quick has typed before this script came.
    if (this.input === document.activeElement && this.input.value !== this.input.defaultValue) this.ask();
  }

  ask() {
    clearTimeout(this.timer);
    this.asking?.abort();
    const text = this.input.value.trim();
    if (text.length < 2) return this.close();
    this.asking = new AbortController();
    this.timer = setTimeout(async () => {
      try {
        this.show(text, await this.source(text, this.asking.signal, this.input.form));
      } catch (error) {
        if (error.name !== "AbortError") this.close();
      }
    }, WAIT);
  }

  show(text, found) {
    this.found = found;
    const rows = found.map((p, i) => option(`suggestion-${i}`, p.shown ?? p.name, p.hint));
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
    const chosen = this.found[index];
    this.close();
    if (!chosen) return this.input.form.requestSubmit();
    this.onChoice(chosen);
  }
}

/**
 * Attaches communes to a field; `onPlace(properties)` receives the one chosen, with its `position`.
 * `textKey` names the phrase of the last row, which sends the form as it is.
 */
export function suggestPlaces(input, onPlace, textKey = "searchText") {
  const onChoice = (place) => {
    input.value = "";
    onPlace(place);
  };
  return new Suggestions(input, { source: places, onChoice, textKey, label: words.suggestions });
}

/**
 * Attaches all that the search answers to its box. What is chosen is gone to, unless `onPlace`
 * takes the places: then the page narrows to the one chosen.
 */
export function suggestAnswers(input, onPlace) {
  const onChoice = (chosen) => {
    if (chosen.kind !== "place" || !onPlace) return location.assign(chosen.url);
    input.value = "";
    onPlace(chosen);
  };
  const label = words.answers;
  return new Suggestions(input, { source: searchAnswers, onChoice, textKey: "searchText", label });
}

/** The query string that narrows the current filters to one territory instead of a text. */
export function queryOfPlace(form, place) {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value && name !== "q") query.set(name, value);
  query.delete("near");
  query.delete("radius");
  query.set("territory", `${place.level}:${place.code}`);
  return query;
}

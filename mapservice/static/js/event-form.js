// Entry of the form of an event: suggestions for its place, and the pin.

import { offerPin, suggestPlace } from "./place-field.js";

suggestPlace();
document.getElementById("mistakes")?.focus();

// Whole days have no hours: their fields ask for days alone.
const hours = new Map();
document.getElementById("whole_days")?.addEventListener("change", (event) => {
  for (const name of ["starts", "ends"]) {
    const field = document.getElementById(name);
    const day = field.value.slice(0, 10);
    if (event.target.checked) {
      hours.set(name, field.value.slice(10));
      field.type = "date";
      field.value = day;
    } else {
      field.type = "datetime-local";
      field.value = day && hours.get(name) ? day + hours.get(name) : "";
    }
  }
});

await offerPin();

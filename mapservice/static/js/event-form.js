// Entry of the form of an event: suggestions for its place, and the pin.

import { offerPin, suggestPlace } from "./place-field.js";

suggestPlace();
document.getElementById("mistakes")?.focus();
await offerPin();

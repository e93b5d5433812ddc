// Entry of the page of results: its box suggests as those of the map and the list do.

import { suggestAnswers } from "./suggest.js";

suggestAnswers(document.getElementById("q"));

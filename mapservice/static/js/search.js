// Entry of the page of results: its box suggests as that of the map does.

import { suggestAnswers } from "./suggest.js";

suggestAnswers(document.getElementById("q"));

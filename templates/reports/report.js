// Rows by a click on their heading; and what the table says of an area, for the map.
(function () {
  const body = document.querySelector("tbody");
  const heads = [...document.querySelectorAll("thead th")];
  const digits = /[^0-9,-]/g;
  const words = new Intl.Collator("fr");

  function number(text) {
    if (text.startsWith("<")) return 1e-9;
    return text === "–" || text === "inconnu" ? -1 : Number(text.replace(digits, "").replace(",", "."));
  }

  function compare(column) {
    const text = (row) => row.cells[column].textContent;
    if (column === 0) return (a, b) => words.compare(text(a), text(b));
    return (a, b) => number(text(b)) - number(text(a));
  }

  heads.forEach((head, column) => {
    head.firstElementChild.addEventListener("click", () => {
      const first = column === 0 ? "ascending" : "descending";
      const other = column === 0 ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? other : first;
      const rows = [...body.rows].sort(compare(column));
      body.append(...(order === first ? rows : rows.reverse()));
      heads.forEach((one) => one.setAttribute("aria-sort", one === head ? order : "none"));
    });
  });

  function element(name, text) {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  }

  window.showArea = function (code, whole) {
    const cells = document.getElementById("t" + code).cells;
    const card = document.createElement("div");
    card.className = "card";
    card.append(element("strong", cells[0].textContent));
    const list = document.createElement("dl");
    heads.slice(1).forEach((head, at) => {
      list.append(element("dt", head.textContent.trim()), element("dd", cells[at + 1].textContent));
    });
    card.append(list);
    const named = whole && document.querySelector("#i" + CSS.escape(code) + " ul");
    if (named) card.append(named.cloneNode(true));
    return card;
  };
})();

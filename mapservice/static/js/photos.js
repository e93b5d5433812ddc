// Choosing photos: previews and sizes before they are sent; the point that stays in view by a click.

const words = JSON.parse(document.getElementById("photo-words").textContent);

function say(text, values) {
  return Object.entries(values).reduce((made, [key, value]) => made.replace(`{${key}}`, value), text);
}

function megabytes(bytes) {
  return (bytes / 1e6).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 });
}

function watchField(box) {
  const input = box.querySelector("input[type=file]");
  const list = box.querySelector("[data-photo-previews]");
  const error = box.querySelector(".field-error");
  const mostBytes = Number(box.dataset.mostBytes);
  const mostPhotos = Number(box.dataset.mostPhotos);
  input.addEventListener("change", () => {
    const files = [...input.files];
    const heavy = files.find((file) => file.size > mostBytes);
    let wrong = "";
    if (files.length > mostPhotos) wrong = say(words.many, { most: mostPhotos });
    if (heavy) wrong = say(words.heavy, { name: heavy.name, most: megabytes(mostBytes) });
    error.textContent = wrong;
    error.hidden = !wrong;
    input.toggleAttribute("aria-invalid", Boolean(wrong));
    if (wrong) input.setAttribute("aria-invalid", "true");
    list.querySelectorAll("img").forEach((img) => URL.revokeObjectURL(img.src));
    list.replaceChildren(...(wrong ? [] : files.map(preview)));
    list.hidden = !list.childElementCount;
    if (wrong) input.value = "";
  });
}

function preview(file) {
  const item = document.createElement("li");
  const img = new Image(96, 72);
  img.alt = "";
  img.src = URL.createObjectURL(file);
  // What this browser cannot show (HEIC) is named all the same.
  img.addEventListener("error", () => img.remove());
  const name = document.createElement("span");
  name.textContent = file.name;
  item.append(img, name);
  return item;
}

function watchFocal(figure) {
  const form = figure.closest("form");
  const [x, y] = ["focal_x", "focal_y"].map((name) => form.elements.namedItem(name));
  if (!x || !y) return;
  const mark = document.createElement("span");
  mark.className = "focal-mark";
  const show = () => {
    mark.style.left = `${x.value}%`;
    mark.style.top = `${y.value}%`;
  };
  figure.append(mark);
  figure.classList.add("is-live");
  show();
  [x, y].forEach((input) => input.addEventListener("input", show));
  figure.addEventListener("click", (event) => {
    const box = figure.querySelector("img").getBoundingClientRect();
    x.value = Math.round(Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * 100);
    y.value = Math.round(Math.min(Math.max((event.clientY - box.top) / box.height, 0), 1) * 100);
    show();
  });
}

document.documentElement.classList.add("has-js");
document.querySelectorAll("[data-photo-field]").forEach(watchField);
document.querySelectorAll("[data-focal]").forEach(watchFocal);

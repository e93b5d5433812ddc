// Entry of pages that are passed on: the device's own sheet where it has one, and copies of texts.

/** Copies the text of a field; `button` says so for a while. Without leave the field is selected. */
export async function copyField(button) {
  const field = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    field.focus();
    field.select();
    return;
  }
  const words = button.textContent;
  if (words === button.dataset.copied) return;
  button.textContent = button.dataset.copied;
  setTimeout(() => (button.textContent = words), 2500);
}

/** Shows what needs a script, within `root`. */
export function offer(root) {
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
  if (!navigator.share) return;
  for (const button of root.querySelectorAll("[data-share]")) button.hidden = false;
}

document.addEventListener("click", ({ target }) => {
  const copy = target.closest("[data-copy]");
  if (copy) copyField(copy);
  const share = target.closest("[data-share]");
  // Whoever closes the sheet has said no: nothing went wrong.
  if (share) navigator.share({ title: share.dataset.title, url: share.dataset.share }).catch(() => {});
});
offer(document);

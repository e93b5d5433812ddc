// A proof of work for each form with `data-proof`: begun when a person first touches the form, and
// sent with it. Without this script the form goes as it is, and may be sent less often.

const GOOD_FOR = 15 * 60 * 1000; // ms; the server gives five minutes more
const PATIENCE = 12 * 1000; // ms; after that the form goes without it

class Proof {
  constructor(field) {
    this.field = field;
    this.form = field.form;
    this.wait = this.form.querySelector("[data-proof-wait]");
    this.form.addEventListener("focusin", () => this.begin());
    this.form.addEventListener("submit", (event) => this.onSubmit(event));
    addEventListener("pageshow", (event) => event.persisted && this.reset());
  }

  reset() {
    this.solving = undefined;
    this.field.value = "";
    if (this.wait) this.wait.hidden = true;
  }

  begin() {
    if (this.solving && Date.now() - this.begun < GOOD_FOR) return this.solving;
    this.begun = Date.now();
    this.solving = this.solve().catch(() => "");
    return this.solving;
  }

  async solve() {
    const response = await fetch(this.field.dataset.proof, { cache: "no-store" });
    if (!response.ok) return "";
    const challenge = await response.json();
    const worker = new Worker(new URL("./proof-worker.js", import.meta.url), { type: "module" });
    try {
      const number = await new Promise((resolve, reject) => {
        worker.onmessage = (event) => resolve(event.data);
        worker.onerror = reject;
        worker.postMessage(challenge);
      });
      const { salt, signature } = challenge;
      return btoa(JSON.stringify({ challenge: challenge.challenge, number, salt, signature }));
    } finally {
      worker.terminate();
    }
  }

  async onSubmit(event) {
    if (this.field.value) return;
    event.preventDefault();
    if (this.sending) return;
    this.sending = true;
    const button = event.submitter;
    if (this.wait) this.wait.hidden = false;
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, ""));
    this.field.value = (await Promise.race([this.begin(), late])) || "none";
    if (this.wait) this.wait.hidden = true;
    this.sending = false;
    // Not before this event is over: a form that fires `submit` ignores a second request.
    setTimeout(() => this.form.requestSubmit(button));
  }
}

for (const field of document.querySelectorAll("input[data-proof]")) new Proof(field);

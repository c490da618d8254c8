// Passkeys: adding one and signing in by one. The buttons stay hidden where the
// browser cannot; a sentence beside them says so.
(() => {
  "use strict";
  const able = window.PublicKeyCredential?.parseCreationOptionsFromJSON && window.PublicKeyCredential?.parseRequestOptionsFromJSON;

  async function post(url, body) {
    const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body });
    if (!answer.ok) {
      const problem = await answer.json().catch(() => null);
      throw new Error(problem?.errors?.[0]?.detail || problem?.detail || answer.statusText);
    }
    return answer.json();
  }

  async function run(box) {
    const trouble = box.querySelector("[data-passkey-trouble]");
    trouble.hidden = true;
    try {
      const asked = await post(box.dataset.options, "{}");
      let made;
      try {
        made = box.dataset.passkey === "add"
          ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked.publicKey) })
          : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked.publicKey) });
      } catch (e) {
        throw new Error(e.name === "InvalidStateError" ? box.dataset.wordHave : box.dataset.wordCancelled);
      }
      const name = box.querySelector("input[name=name]")?.value || "";
      const done = await post(box.dataset.finish, JSON.stringify({ name, next: box.dataset.next || "", credential: made.toJSON() }));
      location.assign(done.to);
    } catch (e) {
      trouble.textContent = e.message;
      trouble.hidden = false;
      trouble.focus();
    }
  }

  document.querySelectorAll("[data-passkey]").forEach((box) => {
    box.querySelector(able ? "[data-passkey-able]" : "[data-passkey-unable]").hidden = false;
    box.querySelector("form").addEventListener("submit", (e) => { e.preventDefault(); run(box); });
  });
})();

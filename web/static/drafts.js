// What is typed stays: a click too many sends a form once, and the words of a form that
// was not sent, or of which nobody knows whether it arrived, are kept in this browser
// until they were sent or the reader signs out. Nothing marked TLP:RED is kept.
(() => {
  "use strict";
  const body = document.body, mine = body.dataset.drafts ? "alm-draft:" + body.dataset.drafts + ":" : "";
  const day = 24 * 3600 * 1000;
  let store = null;
  try { store = window.localStorage; } catch { return; } // the browser keeps nothing

  const all = () => Object.keys(store).filter((k) => k.startsWith("alm-draft:"));
  const read = (k) => { try { return JSON.parse(store.getItem(k)); } catch { return null; } };
  const write = (k, d) => { try { store.setItem(k, JSON.stringify(d)); } catch { /* full: nothing is kept */ } };

  // A second click within a moment sends nothing.
  document.addEventListener("submit", (e) => {
    const f = e.target;
    if (f.dataset.sent) { e.preventDefault(); return; }
    if (!posted(f)) return;
    f.dataset.sent = "yes";
    setTimeout(() => { delete f.dataset.sent; }, 3000);
    if (where(f) === "/sign-out") { all().forEach((k) => store.removeItem(k)); return; }
    const k = keyOf(f), d = k && read(k);
    if (d) write(k, { ...d, sent: true, once: f.elements.once ? f.elements.once.value : "" });
  });

  const fields = (f) => [...f.querySelectorAll("textarea[name], select[name], input[type=text][name]")];
  const stood = (el) => el.tagName === "SELECT" ? ([...el.options].find((o) => o.defaultSelected) || el.options[0] || {}).value : el.defaultValue;
  const posted = (f) => f.getAttribute("method") === "post";
  const where = (f) => new URL(f.getAttribute("action") || "", location.href).pathname;
  const keyOf = (f) => mine && posted(f) && f.querySelector("textarea[name]") ? mine + where(f) : "";
  // A form says its marking itself; what changes something that stands is as secret as
  // the page on which it stands.
  const red = (f) => {
    const m = f.querySelector("select[name=marking]"), page = body.dataset.marking === "TLP:RED";
    return m && m.value === "TLP:RED" || page && (!m || f.querySelector("input[name=version]"));
  };

  function keep(f) {
    const k = keyOf(f);
    if (!k) return;
    const texts = fields(f);
    if (red(f) || texts.every((el) => el.value === stood(el))) { store.removeItem(k); return; }
    const base = {}, now = {};
    for (const el of texts) { base[el.name] = stood(el); now[el.name] = el.value; }
    write(k, { at: Date.now(), base, now });
  }
  let later = 0;
  document.addEventListener("input", (e) => {
    const f = e.target.form;
    if (!f || !keyOf(f)) return;
    clearTimeout(later);
    later = setTimeout(() => keep(f), 300);
  });
  window.addEventListener("pagehide", () => { clearTimeout(later); document.querySelectorAll("form").forEach((f) => { if (keyOf(f) && !f.dataset.sent && fields(f).some((el) => el.value !== stood(el))) keep(f); }); });

  function put(f, d) {
    for (const el of fields(f)) if (el.name in d.now) el.value = d.now[el.name];
    const shut = f.closest("details:not([open])");
    if (shut) shut.open = true;
    if (d.once && f.elements.once) f.elements.once.value = d.once; // it may have arrived
  }
  function offer(f, k, d) {
    const same = fields(f).every((el) => !(el.name in d.base) || d.base[el.name] === stood(el));
    if (fields(f).every((el) => !(el.name in d.now) || el.value === d.now[el.name])) return; // the page has it
    const clock = new Date(d.at).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short" });
    const note = document.createElement("p");
    note.className = "alm-draft";
    note.setAttribute("role", "status");
    note.append((same ? body.dataset.wordDraft : body.dataset.wordDraftOther).replace("%s", clock));
    const button = (word, act) => {
      const b = document.createElement("button");
      b.type = "button";
      b.className = "btn btn-sm";
      b.textContent = word;
      b.addEventListener("click", act);
      note.append(b);
    };
    if (same) put(f, d); else button(body.dataset.wordDraftPut, () => { put(f, d); note.remove(); });
    button(body.dataset.wordDraftDrop, () => { store.removeItem(k); if (same) f.reset(); note.remove(); });
    f.prepend(note);
  }

  // What was sent is forgotten when a page says that it was done. Any other page means
  // that nobody knows: it stays.
  const done = document.querySelector(".alm-flash:not(.alm-tone-danger)");
  for (const k of all()) {
    const d = read(k);
    if (!d || Date.now() - d.at > day || done && d.sent) store.removeItem(k);
    else if (d.sent) write(k, { ...d, sent: false });
  }
  if (!mine) return;
  document.querySelectorAll("form").forEach((f) => {
    const k = keyOf(f), d = k && read(k);
    if (d) { if (red(f)) store.removeItem(k); else offer(f, k, d); }
  });
})();

// The frame's script. Every page works without it; this makes it quicker: keys on
// lists, copying, the live dot and looking again when something changed.
(() => {
  "use strict";
  const body = document.body;
  const say = (text) => { const at = document.getElementById("say"); if (at) at.textContent = text; };

  // Copy buttons appear only where copying works.
  function showCopy(root) {
    if (!navigator.clipboard) return;
    root.querySelectorAll("[data-copy][hidden]").forEach((b) => { b.hidden = false; });
  }
  document.addEventListener("click", (e) => {
    const b = e.target.closest("[data-copy]");
    if (b) navigator.clipboard.writeText(b.dataset.copy).then(() => say(body.dataset.wordCopied), () => {});
  });

  // One pop-up at a time; Escape and a click elsewhere close it.
  const pops = () => document.querySelectorAll("details.alm-pop[open]");
  document.addEventListener("click", (e) => pops().forEach((d) => { if (!d.contains(e.target)) d.open = false; }));

  // Exact times gain the reader's own clock when it differs from the page's.
  document.addEventListener("focusin", (e) => localTime(e.target));
  document.addEventListener("pointerover", (e) => localTime(e.target));
  function localTime(el) {
    const t = el.closest?.("time[datetime]");
    if (!t || t.dataset.local) return;
    t.dataset.local = "yes";
    const at = new Date(t.getAttribute("datetime"));
    if (isNaN(at) || t.getAttribute("datetime").length < 12) return;
    const here = at.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
    t.title = (t.dataset.exact || t.textContent) + " · " + body.dataset.wordLocal + ": " + here;
  }

  // Keys: / searches; j and k walk through a list, Enter opens, x chooses; pages name more.
  let here = null;
  const rows = () => [...document.querySelectorAll("[data-rows] tbody tr")];
  function step(by) {
    const all = rows();
    if (all.length === 0) return;
    const at = all.indexOf(here);
    go(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.max(0, Math.min(all.length - 1, at + by))]);
  }
  function go(row) {
    here?.classList.remove("alm-here");
    here = row;
    row.classList.add("alm-here");
    (row.querySelector("td a[href]") || row.querySelector("input"))?.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("keydown", (e) => {
    if (e.key === "Escape") { pops().forEach((d) => { d.open = false; d.querySelector("summary").focus(); }); return; }
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const typing = e.target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
    if (typing) return;
    if (e.key === "/") {
      const search = document.getElementById("search");
      if (search) { e.preventDefault(); search.focus(); search.select(); }
    } else if (e.key === "j") { step(1);
    } else if (e.key === "k") { step(-1);
    } else if (e.key === "x" && here) {
      const box = here.querySelector("input[type=checkbox]");
      if (box) box.click();
    } else if (e.key === "Enter" && here && e.target === body) {
      const to = here.dataset.href || here.querySelector("td a[href]")?.href;
      if (to) location.assign(to);
    } else if (e.key.length === 1) { named(e);
    }
  });
  // A page's own keys: data-key names the one that goes to a field or button, first
  // that of the line chosen; Enter does it then. A link is followed at once.
  function named(e) {
    const all = [...document.querySelectorAll("[data-key]")].filter((el) => el.dataset.key === e.key);
    const to = all.find((el) => here?.contains(el)) || all[0];
    if (!to) return;
    e.preventDefault();
    const shut = to.closest("details:not([open])");
    if (shut) shut.open = true;
    if (to.matches("a[href]")) { to.click(); return; }
    to.focus();
    to.select?.();
  }

  // Nothing typed is lost: leaving a changed form asks first.
  let changed = false;
  document.addEventListener("input", (e) => { if (e.target.closest(".alm-form[method=post], .alm-confirm form")) changed = true; });
  document.addEventListener("submit", () => { changed = false; });
  window.addEventListener("beforeunload", (e) => { if (changed) e.preventDefault(); });

  // Live: one stream per browser. The tab that holds the lock reads it and tells the
  // others. Where locks are missing each tab reads its own.
  const live = document.getElementById("live");
  const topics = (body.dataset.topics || "").split(" ").filter(Boolean);
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("almenara-news") : null;
  const silence = 40000; // two beats and some
  // A form that is shown again stands at an address that has no page. Whether its reader
  // may still see it is asked of the last page that this tab showed, and his words stay.
  const shownAgain = "answer" in body.dataset;
  let page = location.href;
  try {
    if (shownAgain) page = sessionStorage.getItem("almenara-page"); else sessionStorage.setItem("almenara-page", page);
  } catch { if (shownAgain) page = null; }
  let watchdog = 0, pending = 0, source = null;

  function state(name) {
    if (!live || live.dataset.state === name) return;
    live.dataset.state = name;
    live.hidden = false;
    const clock = new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
    const word = name === "on" ? body.dataset.wordCurrent : body.dataset.wordStale.replace("%s", clock);
    live.querySelector(".alm-live-word").textContent = word;
    live.title = word;
    if (name === "stale") say(word);
  }
  function alive() {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => state("stale"), silence);
    const lost = live && live.dataset.state === "stale";
    state("on");
    if (lost) again();
  }
  function heard(message) {
    if (message.kind === "lost") { clearTimeout(watchdog); state("stale"); return; }
    alive();
    if (message.kind === "news" && topics.includes(message.topic)) again();
  }
  function tell(message) { heard(message); channel?.postMessage(message); }
  function again() {
    clearTimeout(pending);
    pending = setTimeout(refresh, 400);
  }
  async function refresh() {
    const parts = [...document.querySelectorAll("[data-live][id]")];
    if (parts.length === 0 || !page) return;
    const answer = await fetch(page, { headers: { Accept: "text/html" } }).catch(() => null);
    // What is the reader's no more must not stay before his eyes.
    if (answer && [401, 403, 404, 410].includes(answer.status)) {
      if (shownAgain) location.replace(page); else location.reload();
      return;
    }
    if (shownAgain || !answer || !answer.ok || answer.redirected) return;
    if (document.querySelector("[data-live] input:checked, [data-live] details[open] form")) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const at = here ? here.dataset.href : null;
    for (const old of parts) {
      const now = fresh.getElementById(old.id);
      if (!now) continue;
      sameTokens(old, now);
      if (now.isEqualNode(old)) continue;
      const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      old.replaceWith(now);
      window.htmx?.process(now);
      showCopy(now);
      if (focused) [...now.querySelectorAll("a[href]")].find((a) => a.getAttribute("href") === focused)?.focus({ preventScroll: true });
    }
    if (at) { here = rows().find((r) => r.dataset.href === at) || null; here?.classList.add("alm-here"); }
    const asof = fresh.getElementById("asof");
    if (asof) document.getElementById("asof")?.replaceWith(asof);
    const sheets = fresh.querySelectorAll(".alm-sheet");
    document.querySelectorAll(".alm-sheet").forEach((old, n) => sheets[n] && old.replaceWith(sheets[n]));
    document.dispatchEvent(new CustomEvent("almenara:fresh"));
  }
  // Forms differ from showing to showing by their tokens alone; those before the
  // reader's eyes stay.
  function sameTokens(old, now) {
    const was = old.querySelectorAll("input[name=once]"), is = now.querySelectorAll("input[name=once]");
    if (was.length === is.length) is.forEach((t, i) => t.setAttribute("value", was[i].getAttribute("value")));
  }
  function stream() {
    source = new EventSource(body.dataset.events);
    for (const kind of ["hello", "beat"]) source.addEventListener(kind, () => tell({ kind }));
    source.addEventListener("news", (e) => tell({ kind: "news", topic: e.data }));
    source.onerror = () => {
      tell({ kind: "lost" });
      if (source.readyState === EventSource.CLOSED) setTimeout(stream, 10000);
    };
  }
  if (body.dataset.events && live) {
    if (channel) channel.onmessage = (e) => heard(e.data);
    if (channel && navigator.locks) {
      watchdog = setTimeout(() => state("stale"), silence);
      navigator.locks.request("almenara-stream", () => new Promise(() => stream()));
    } else { stream(); }
    window.addEventListener("pagehide", () => source?.close());
    window.addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
  }

  showCopy(document);
  const problems = document.getElementById("problems");
  if (problems) problems.focus();
})();

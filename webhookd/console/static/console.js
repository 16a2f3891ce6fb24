// Everything works without this, but Live. HTML comes only from our own pages, through one policy.
const policy = globalThis.trustedTypes?.createPolicy("webhookd", { createHTML: (html) => html });
const main = () => document.getElementById("page");
const pages = { o: "/", d: "/deliveries", l: "/live", i: "/inbox", s: "/sources", c: "/configuration", n: "/compose" };

function tell(text) {
  const place = document.getElementById("told");
  if (!place) return;
  place.textContent = text;
  setTimeout(() => { if (place.textContent === text) place.textContent = ""; }, 3000);
}

// A page that stands still fetches itself every five seconds, unless somebody is at work in it.
const isBusy = () => {
  const at = document.activeElement;
  const chosen = getSelection();
  return document.hidden || document.querySelector("dialog[open]") || (chosen && !chosen.isCollapsed)
    || (at && at !== main() && main()?.contains(at));
};

async function fragment(url, options = {}) {
  const address = new URL(url, location.href);
  address.searchParams.set("fragment", "1");
  const answer = await fetch(address, { credentials: "same-origin", redirect: "error", ...options });
  const kind = answer.headers.get("content-type") ?? "";
  if (answer.status === 401) throw new Error("401");
  if (!kind.startsWith("text/html")) throw new Error(kind);
  const html = await answer.text();
  const made = document.createElement("template");
  made.innerHTML = policy ? policy.createHTML(html) : html;
  return made.content.querySelector("main");
}

function take(fresh) {
  const open = [...document.querySelectorAll("main details[open]")].map((one) => one.id);
  for (const id of open) { const one = id && fresh.querySelector(`#${CSS.escape(id)}`); if (one) one.open = true; }
  main().replaceWith(fresh);
  localise();
}

async function refresh() {
  if (main()?.hasAttribute("data-refresh") && !isBusy()) {
    try {
      const fresh = await fragment(location.href);
      if (fresh && !isBusy()) take(fresh);
      document.body.classList.remove("stale");
    } catch (error) {
      tell(error.message === "401" ? "The session ended: webhookd console --link" : "The console does not answer; trying again");
      document.body.classList.add("stale");
    }
  }
  setTimeout(refresh, 5000);
}
setTimeout(refresh, 5000);

// Times: UTC in the titles, or this browser's own.
let isLocal = localStorage.getItem("times") === "local";
function localise() {
  const zone = document.getElementById("zone");
  if (zone) { zone.hidden = false; zone.textContent = isLocal ? "Times: local" : "Times: UTC"; }
  for (const one of document.querySelectorAll("time[datetime]")) {
    one.dataset.utc ??= one.title; one.dataset.text ??= one.textContent;
    const at = new Date(one.dateTime);
    one.title = isLocal ? at.toString() : one.dataset.utc;
    if (one.classList.contains("whole")) one.textContent = isLocal ? at.toLocaleString() : one.dataset.text;
  }
}
document.getElementById("zone")?.addEventListener("click", () => {
  isLocal = !isLocal;
  localStorage.setItem("times", isLocal ? "local" : "utc");
  localise();
});
localise();

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  tell("Copied");
});
const showCopies = () => document.querySelectorAll("[data-copy]").forEach((one) => { one.hidden = false; });
showCopies();

// Keys lead; none of them acts.
function help() {
  const known = document.querySelector("dialog#help");
  if (known) { known.showModal(); return; }
  const box = document.createElement("dialog");
  box.id = "help";
  box.setAttribute("aria-label", "Keys");
  const rows = [["g then o d l i s c n", "Overview, Deliveries, Live, Inbox, Sources, Configuration, Compose"], ["/", "find"], ["j, k", "next, previous delivery"], ["Esc", "close"], ["?", "this"]];
  for (const [keys, what] of rows) {
    const line = box.appendChild(document.createElement("p"));
    line.appendChild(document.createElement("kbd")).textContent = keys;
    line.append(` ${what}`);
  }
  const close = box.appendChild(document.createElement("button"));
  close.textContent = "Close";
  close.addEventListener("click", () => box.close());
  document.body.append(box);
  box.showModal();
}
const keys = document.getElementById("keys");
if (keys) { keys.hidden = false; keys.addEventListener("click", help); }

function walk(by) {
  const rows = [...document.querySelectorAll("a[data-peek]")];
  const at = rows.findIndex((one) => one.closest("tr").classList.contains("at"));
  const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by];
  if (next) location.assign(next.href);
}

let isLeading = false;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target.matches?.("input, select, textarea");
  if (event.key === "Escape") {
    if (isTyping) event.target.blur();
    else document.querySelector("a[data-close]")?.click();
    return;
  }
  if (isTyping || document.querySelector("dialog[open]")) return;
  if (isLeading) {
    isLeading = false;
    if (pages[event.key]) { event.preventDefault(); location.assign(pages[event.key]); }
    return;
  }
  if (event.key === "g") isLeading = true;
  else if (event.key === "?") help();
  else if (event.key === "/") { const find = document.querySelector("[data-find]"); if (find) { event.preventDefault(); find.focus(); } }
  else if (event.key === "j") walk(1);
  else if (event.key === "k") walk(-1);
});

// Live: rows made of texts; the newest 200 are kept.
function live() {
  const rows = document.getElementById("live-rows");
  const [only, bad, pause, state, empty, lost, rate] = ["only-webhook", "only-bad", "pause-live", "live-state", "live-empty", "not-shown", "rate"].map((id) => document.getElementById(id));
  let isPaused = false, skipped = 0, recent = [];
  const cell = (row, text, kind) => { const one = row.appendChild(document.createElement("td")); one.textContent = text; if (kind) one.className = kind; return one; };
  const hides = (one) => (only.value && one.webhook !== only.value) || (bad.checked && one.kind === "delivered");
  function add(one) {
    const row = document.createElement("tr");
    row.className = "new";
    row.dataset.webhook = one.webhook; row.dataset.kind = one.kind;
    cell(row, one.at, "one");
    const mark = cell(row, "").appendChild(document.createElement("span"));
    mark.className = `badge ${one.kind}`; mark.textContent = one.outcome;
    const link = cell(row, "").appendChild(document.createElement("a"));
    link.href = `/deliveries/${encodeURIComponent(one.id)}`; link.textContent = one.record;
    cell(row, one.webhook); cell(row, one.change, "wide"); cell(row, one.attempt, "n wide"); cell(row, one.took, "n wide"); cell(row, one.error, "wide muted");
    row.hidden = hides({ webhook: one.webhook, kind: one.kind });
    rows.prepend(row);
  }
  const filter = () => { for (const row of rows.rows) row.hidden = hides(row.dataset); };
  only.addEventListener("change", filter);
  bad.addEventListener("change", filter);
  pause.addEventListener("click", () => { isPaused = !isPaused; pause.textContent = isPaused ? "Go on" : "Pause"; });
  const stream = new EventSource("/events");
  stream.addEventListener("attempts", (event) => {
    const told = JSON.parse(event.data);
    recent.push([Date.now(), told.attempts.length + told.skipped]);
    skipped += told.skipped + (isPaused ? told.attempts.length : 0);
    if (!isPaused) told.attempts.forEach(add);
    while (rows.rows.length > 200) rows.lastChild.remove();
    empty.hidden = rows.rows.length > 0;
    lost.textContent = skipped ? `${skipped.toLocaleString("en")} not shown` : "";
  });
  const away = (text) => { state.hidden = !text; state.textContent = text; };
  stream.addEventListener("here", () => away(""));
  stream.addEventListener("away", (event) => away(`${JSON.parse(event.data).why}; trying again`));
  for (const kind of ["hold", "reload", "source", "person"]) stream.addEventListener(kind, (event) => tell(Object.values(JSON.parse(event.data)).join(" ")));
  stream.onerror = () => away("The console does not answer; trying again");
  setInterval(() => {
    recent = recent.filter(([at]) => at > Date.now() - 5000);
    const count = recent.reduce((sum, [, many]) => sum + many, 0);
    rate.textContent = `${(count / 5).toFixed(1)} attempts/s`;
  }, 1000);
}
if (document.getElementById("live")) live();

// A draft is looked at anew at every pause in its writing.
function compose(form) {
  let turn = 0, waiting;
  const find = document.getElementById("find"), names = document.getElementById("find-property");
  const body = () => new URLSearchParams(new FormData(form));
  async function look() {
    const mine = ++turn;
    try {
      const page = await fragment("/compose", { method: "POST", body: body() }), fresh = page?.querySelector("#preview");
      if (!fresh || mine !== turn) return;
      document.getElementById("preview").replaceWith(fresh);
      for (const one of page.querySelectorAll("datalist")) document.getElementById(one.id)?.replaceWith(one);
      localise();
      showCopies();
    } catch { tell("The console does not answer; trying again"); }
  }
  // Properties are sent in the order in which they were ticked.
  const boxes = () => [...form.querySelectorAll("[name=property]")];
  let ticked = boxes().filter((one) => one.checked).map((one) => one.value);
  function tick() {
    const on = boxes().filter((one) => one.checked).map((one) => one.value);
    ticked = [...ticked.filter((one) => on.includes(one)), ...on.filter((one) => !ticked.includes(one))];
  }
  form.addEventListener("formdata", ({ formData }) => {
    tick();
    formData.delete("property");
    for (const one of ticked) formData.append("property", one);
  });
  find.hidden = false;
  names.addEventListener("input", () => {
    for (const row of form.querySelectorAll(".choose tbody tr")) row.hidden = !row.textContent.toLowerCase().includes(names.value.toLowerCase());
  });
  // What was typed before this ran, or what the browser kept of another visit.
  if ([...form.elements].some((one) => "defaultValue" in one && (one.value !== one.defaultValue || one.checked !== one.defaultChecked))) look();
  form.addEventListener("input", (event) => {
    if (event.target === names) return;
    const row = event.target.closest(".choose tr"), box = row?.querySelector("[type=checkbox]");
    if (box && event.target !== box && event.target.value) box.checked = true;
    if (box?.checked) document.getElementById("takes-chosen").checked = true;
    tick();
    if (event.target.id === "records") { form.requestSubmit(); return; }
    clearTimeout(waiting);
    waiting = setTimeout(look, 250);
  });
}
const draft = document.getElementById("compose");
if (draft) compose(draft);

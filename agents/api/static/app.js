// The page: which view the address names, live messages into it, theme and keys.

import { Alerts } from "./alerts.js";
import { follow, get } from "./api.js";
import { Builds } from "./builds.js";
import { h, put } from "./dom.js";
import { Findings } from "./findings.js";
import { percent } from "./format.js";
import { Hosts } from "./hosts.js";
import { Models } from "./models.js";
import { Run } from "./run.js";

const main = document.getElementById("main");
const VIEWS = { "/": Builds, "/alerts": Alerts, "/hosts": Hosts, "/models": Models, "/findings": Findings };
const KEYS = { b: "/", a: "/alerts", h: "/hosts", m: "/models", f: "/findings" };
let view = null;
let turn = 0;

function viewOf(path) {
  if (path.startsWith("/runs/")) return new Run(decodeURIComponent(path.slice(6)));
  return new (VIEWS[path] || Builds)();
}

async function show({ focus = true } = {}) {
  const mine = ++turn;
  const path = location.pathname;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === path || (path.startsWith("/runs/") && link.dataset.view === "builds")) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const next = viewOf(path);
  // Drawn aside, so that a slow answer never shows half a page or overwrites a later view.
  const content = h("div", { class: "view" });
  view = null;
  const waiting = setTimeout(() => mine === turn && put(main, h("p", { class: "empty" }, "One moment …")), 300);
  try {
    await next.load(content);
  } catch (error) {
    if (mine === turn) put(content, h("h1", { tabindex: "-1" }, "That did not work"), h("p", {}, error.message), h("p", {}, h("a", { href: "/" }, "All builds")));
  }
  clearTimeout(waiting);
  if (mine !== turn) return;
  view = next;
  put(main, content);
  document.title = `${next.title} · Buildcast`;
  if (focus) content.querySelector("h1")?.focus({ preventScroll: true });
}

function go(path) {
  history.pushState({}, "", path);
  window.scrollTo(0, 0);
  show();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  const path = link.getAttribute("href") || "";
  if (!path.startsWith("/") || path.startsWith("/api/") || path.startsWith("/static/")) return;
  event.preventDefault();
  go(path);
});
window.addEventListener("popstate", () => show());
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
  if (KEYS[event.key]) go(KEYS[event.key]);
});

function theme(choice) {
  if (choice) document.documentElement.dataset.theme = choice;
  else delete document.documentElement.dataset.theme;
}
theme(localStorage.getItem("buildcast-theme"));
document.getElementById("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
  const choice = dark ? "light" : "dark";
  localStorage.setItem("buildcast-theme", choice);
  theme(choice);
});

// Who counts as open: kept here, since every view shows the number.
const open = new Set();
function counted() {
  const badge = document.getElementById("alert-count");
  badge.hidden = open.size === 0;
  badge.textContent = String(open.size);
  badge.setAttribute("aria-label", `${open.size} open`);
}
async function countAlerts() {
  const found = await get("alerts?state=active&limit=100");
  open.clear();
  for (const each of found.items) open.add(each.alert_id);
  counted();
}

function toast(alert) {
  const box = h("div", { class: "toast", "data-alert": alert.alert_id },
    h("p", {}, h("b", {}, alert.name || alert.run_id), ` is at ${percent(alert.risk)} risk`, alert.reasons && alert.reasons[0] ? `: ${alert.reasons[0].text}` : ""),
    h("p", { class: "row" }, h("a", { href: `/runs/${encodeURIComponent(alert.run_id)}` }, "Look at it"), h("a", { href: "/alerts" }, "All alerts")));
  const close = h("button", { type: "button", class: "quiet", "aria-label": "Close this message", onclick: () => box.remove() }, "×");
  box.prepend(close);
  const toasts = document.getElementById("toasts");
  toasts.append(box);
  while (toasts.children.length > 3) toasts.firstChild.remove();
  setTimeout(() => box.remove(), 20_000);
}

// Many messages of one moment make one redraw of views that ask again; forecasts reach the view at once.
let pending = null;
function later(kind, data) {
  if (pending) return;
  pending = setTimeout(() => {
    pending = null;
    view?.on(kind, data)?.catch?.(() => {});
  }, 250);
}

function take(kind, data) {
  if (kind === "alert-raised") {
    open.add(data.alert_id);
    toast(data);
  } else if (kind === "alert-resolved") {
    open.delete(data.alert_id);
  } else if (kind === "reset") {
    countAlerts().catch(() => {});
    show({ focus: false });
    return;
  }
  counted();
  if (view instanceof Builds) view.on(kind, data);
  else if (view instanceof Run ? data.run_id === view.runId : view) later(kind, data);
}

const live = document.getElementById("live");
function state(word) {
  live.dataset.state = word;
  document.getElementById("live-text").textContent = word;
}

setInterval(() => view?.tick?.(), 1000);
setInterval(() => view?.every && document.visibilityState === "visible" && view.load(view.main).catch(() => {}), 10_000);
show({ focus: false }).then(() => countAlerts().catch(() => {}));
follow(take, state);

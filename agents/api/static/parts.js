// Pieces that several views show.

import { h } from "./dom.js";
import { level, percent, span } from "./format.js";

export const risk = (value, extra = "") =>
  h("span", { class: `risk ${level(value)} ${extra}` }, h("b", {}, percent(value)), " ", h("span", { class: "word" }, level(value)));

const OUTCOMES = { success: "✓ succeeded", failure: "✕ failed", error: "! broke", cancel: "– cancelled" };
export const outcome = (value) => h("span", { class: `outcome ${value || "running"}` }, OUTCOMES[value] || "● running");

const ENDS = { fell: "the risk fell", "finished-success": "the run succeeded", "finished-failure": "the run failed" };
export const resolved = (why) => ENDS[why] || why;

export const runLink = (run) => h("a", { href: `/runs/${encodeURIComponent(run.run_id)}` }, run.name || run.run_id);

// As the terminal has it: an interval that says next to nothing is told as such.
const saysNothing = (left) => left.upper > 30 * Math.max(left.point, 20);

// "about 4 min left (3 to 7)" with a track: done, expected rest, and how far it may go.
export function eta(elapsed, left) {
  if (!left || saysNothing(left)) return h("p", { class: "eta none" }, "time left: not known yet, no run like it has finished");
  const whole = Math.max(elapsed + left.upper, 1);
  const share = (value) => `${Math.min(100, (value / whole) * 100).toFixed(1)}%`;
  return h("div", { class: "eta" },
    h("p", {}, h("b", {}, span(left.point)), " left", h("span", { class: "faint" }, ` · 95 %: ${span(left.lower)} to ${span(left.upper)}`)),
    h("div", { class: "track", "aria-hidden": "true" },
      h("i", { class: "possible", css: { left: share(elapsed + left.lower), width: share(left.upper - left.lower) } }),
      h("i", { class: "done", css: { width: share(elapsed) } }),
      h("i", { class: "expected", css: { left: share(elapsed + left.point) } })));
}

// Reasons as bars to both sides: right raises the risk, left lowers it.
export function reasons(list, most = 6) {
  const shown = list.filter((each) => Math.abs(each.logit) >= 0.02).slice(0, most);
  if (!shown.length) return h("p", { class: "empty" }, "Nothing speaks for or against it yet.");
  const scale = Math.max(1, ...shown.map((each) => Math.abs(each.logit)));
  return h("ul", { class: "reasons" }, shown.map((each) => h("li", {},
    h("span", { class: "text" }, each.text),
    h("span", { class: "pole", "aria-hidden": "true" },
      h("i", { class: each.logit > 0 ? "up" : "down", css: { width: `${(Math.abs(each.logit) / scale) * 50}%` } })),
    h("span", { class: "value" }, `${each.logit > 0 ? "+" : "−"}${Math.abs(each.logit).toFixed(2)}`,
      h("span", { class: "hidden" }, each.logit > 0 ? " raises the risk" : " lowers the risk")))));
}

const BLAMED = [["change", "the change"], ["package", "the package"], ["host", "the host"]];
export function blame(shares) {
  if (!shares || !Object.keys(shares).length) return null;
  const known = BLAMED.filter(([key]) => shares[key] > 0.005);
  return h("div", { class: "blame" },
    h("div", { class: "stack", "aria-hidden": "true" }, known.map(([key]) => h("i", { class: key, css: { "flex-grow": shares[key].toFixed(3) } }))),
    h("p", {}, known.map(([key, name]) => h("span", { class: `key ${key}` }, `${name} ${percent(shares[key])}`))));
}

export function counterfactuals(list) {
  if (!list || !list.length) return null;
  const signed = (value) => `${value > 0 ? "+" : "−"}${Math.abs(value * 100).toFixed(0)}`;
  return h("ul", { class: "changes" }, list.map((each) => h("li", { class: each.upper < 0 ? "helps" : each.lower > 0 ? "hurts" : "unsure" },
    h("b", {}, each.change), ` ${signed(each.risk_change)} points of risk `,
    h("span", { class: "faint" }, `(${signed(each.lower)} to ${signed(each.upper)})`),
    each.seconds_change ? `, ${span(Math.abs(each.seconds_change))} ${each.seconds_change < 0 ? "faster" : "slower"}` : "",
    each.upper < 0 ? "" : each.lower > 0 ? "" : h("span", { class: "faint" }, ", not certain"))));
}

export const section = (title, ...content) => h("section", { class: "panel" }, h("h2", {}, title), ...content);

export function table(caption, heads, rows) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", { class: "hidden" }, caption),
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, rows)));
}

// A button that says what became of it.
export function action(label, run, { kind = "", done = "done" } = {}) {
  const button = h("button", { type: "button", class: kind }, label);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await run();
      button.textContent = done;
    } catch (error) {
      button.textContent = error.message;
      button.disabled = false;
    }
  });
  return button;
}

// Alerts: what was raised, why, how it ended; acknowledge and "this was flaky" in one click.

import { get, post } from "./api.js";
import { h, put } from "./dom.js";
import { ago, number, percent, plural } from "./format.js";
import { action, reasons, resolved, risk, runLink } from "./parts.js";

const SCORES = { right: "it was right", wrong: "it was wrong", pending: "not known yet", excused: "flaky or the machine's fault", unknown: "cancelled" };

export class Alerts {
  title = "Alerts";

  async load(main) {
    this.main = main;
    const [found, budget] = await Promise.all([get("alerts?limit=60"), get("alerts/budget?days=30")]);
    const open = found.items.filter((each) => !each.resolved_at);
    const closed = found.items.filter((each) => each.resolved_at);
    put(main, h("h1", { tabindex: "-1" }, "Alerts ", h("span", { class: "faint" }, `${open.length} open`)),
      this.worth(budget),
      open.length ? h("ul", { class: "alerts" }, open.map((each) => this.alert(each))) : h("p", { class: "empty" }, "Nothing asks for your attention."),
      closed.length ? h("h2", { class: "spaced" }, "Resolved") : null,
      h("ul", { class: "alerts" }, closed.map((each) => this.alert(each))));
  }

  // Whether people's minutes are well spent on them.
  worth(budget) {
    const scored = budget.right + budget.wrong;
    if (!scored) return null;
    const minutes = `about ${number(Math.abs(budget.balance_minutes))} min ${budget.balance_minutes < 0 ? "lost" : "saved"}`;
    const next = budget.balance_minutes < 0 ? "they cost more than they save: raise the threshold"
      : `that pays for ${budget.wrong_left} more wrong ${budget.wrong_left === 1 ? "one" : "ones"}`;
    return h("p", { class: "faint" }, `Of ${plural(scored, "alert")} in 30 days whose run has ended, ${budget.right} ${budget.right === 1 ? "was" : "were"} right: ${minutes}, ${next}.`);
  }

  alert(alert) {
    const body = alert.body || {};
    const id = encodeURIComponent(alert.alert_id);
    const held = alert.acknowledged;
    return h("li", { class: `alert ${alert.resolved_at ? "resolved" : alert.severity}`, "data-alert": alert.alert_id },
      h("div", { class: "head" }, h("h2", { class: "name" }, runLink(alert)), risk(alert.risk)),
      h("p", { class: "faint" }, `raised ${ago(alert.raised_at)}, ${alert.cause === "slope" ? "rose steeply" : `passed ${percent(alert.threshold)}`}`,
        body.host ? ` · ${body.host}` : "", alert.resolved_at ? ` · ${SCORES[alert.score]} (${resolved(alert.why)})` : "",
        held ? ` · ${held.principal} looks after it` : "", alert.verdict ? ` · verdict: ${alert.verdict}` : ""),
      reasons(body.reasons || [], 3),
      h("div", { class: "row" },
        alert.resolved_at || held ? null : action("Acknowledge", () => post(`alerts/${id}/acknowledge`), { kind: "primary", done: "acknowledged" }),
        alert.verdict ? null : action("This was flaky", () => post("labels", { run_id: alert.run_id, verdict: "flaky" }), { done: "noted as flaky" }),
        alert.resolved_at || alert.muted ? null : action("Mute for an hour", () => post(`alerts/${id}/mute`, { seconds: 3600 }), { kind: "quiet", done: "muted" })));
  }

  async on(kind) {
    if (kind.startsWith("alert-") || kind === "label-revised") await this.load(this.main);
  }
}

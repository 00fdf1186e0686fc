// What runs now, one card a build, and what has finished.

import { get } from "./api.js";
import { spark } from "./charts.js";
import { h, put } from "./dom.js";
import { ago, percent, plural, span } from "./format.js";
import { counterfactuals, eta, outcome, risk, runLink, table } from "./parts.js";

const KEPT_POINTS = 400;

class Card {
  constructor(run) {
    this.run = run;
    this.curve = [];
    this.forecast = run.forecast;
    this.slots = { top: h("div", { class: "top" }), picture: h("div"), eta: h("div"), why: h("div", { class: "why" }) };
    this.sub = h("p", { class: "faint sub" });
    this.element = h("li", { class: "card", "data-run": run.run_id },
      h("div", { class: "head" }, h("h2", { class: "name" }, runLink(run)), this.slots.top), this.sub,
      this.slots.picture, this.slots.eta, this.slots.why);
    this.draw();
  }

  async load() {
    const found = await get(`runs/${encodeURIComponent(this.run.run_id)}/curve?points=${KEPT_POINTS}`);
    const newest = found.items.length ? found.items[found.items.length - 1].at : 0;
    this.curve = [...found.items, ...this.curve.filter((each) => each.at > newest)];
    this.draw();
  }

  take(forecast) {
    this.forecast = forecast;
    this.curve.push(forecast);
    if (this.curve.length > KEPT_POINTS) this.curve.shift();
    this.draw();
  }

  elapsed() {
    return Math.max(0, Date.now() / 1000 - this.run.started_at);
  }

  draw() {
    const told = this.forecast;
    this.element.className = `card ${told ? told.risk_level : ""}`;
    put(this.slots.top, told ? risk(told.risk, "large") : h("span", { class: "faint" }, "first forecast to come"));
    put(this.slots.picture, spark(this.curve));
    if (told) {
      const up = told.reasons.filter((each) => each.logit > 0.05).slice(0, 2);
      const down = told.reasons.filter((each) => each.logit < -0.05).slice(0, 1);
      const shown = told.risk >= 0.3 ? up : [...down, ...up].slice(0, 2);
      put(this.slots.why,
        shown.length ? h("ul", { class: "short" }, shown.map((each) => h("li", { class: each.logit > 0 ? "up" : "down" }, each.text))) : null,
        told.counterfactuals.some((each) => each.upper < 0) ? counterfactuals(told.counterfactuals.filter((each) => each.upper < 0).slice(0, 1)) : null);
    }
    this.tick();
  }

  // What changes by the clock alone.
  tick() {
    const told = this.forecast;
    const quiet = told && Date.now() / 1000 - told.at > 120;
    put(this.sub, [this.run.project, this.run.host, told && told.stage, span(this.elapsed())].filter(Boolean).join(" · "),
      quiet ? h("span", { class: "quiet-run" }, ` · nothing heard for ${span(Date.now() / 1000 - told.at)}`) : null);
    if (!told) return;
    const since = Math.max(0, Math.min(120, Date.now() / 1000 - told.at));
    const left = told.remaining_seconds && Object.fromEntries(
      Object.entries(told.remaining_seconds).map(([key, value]) => [key, Math.max(0, value - since)]));
    put(this.slots.eta, eta(told.elapsed_seconds + since, left));
  }
}

export class Builds {
  title = "Builds";

  async load(main) {
    this.cards = new Map();
    this.grid = h("ul", { class: "cards", "aria-label": "Running builds" });
    this.none = h("div", { class: "welcome" }, h("p", {}, "Nothing is building right now."),
      h("p", { class: "faint" }, "Start one, and it appears here with its first forecast: ", h("code", {}, "buildcast run -- make -j4")));
    this.rows = h("tbody");
    this.more = h("button", { type: "button", class: "more" }, "Older builds");
    this.more.addEventListener("click", () => this.older());
    this.count = h("span", { class: "faint" });
    put(main, h("h1", { tabindex: "-1" }, "Building now ", this.count), this.none, this.grid,
      h("h2", { class: "spaced" }, "Finished"), this.finishedTable(), this.more);
    this.after = "";
    const [running] = await Promise.all([get("runs?state=running&limit=60"), this.older()]);
    for (const run of running.items) this.add(run);
    this.counted();
    for (const card of [...this.cards.values()].slice(0, 30)) card.load().catch(() => {});
  }

  finishedTable() {
    const holder = table("Finished builds", ["build", "outcome", "first risk", "took", "finished"], []);
    holder.classList.add("finished");
    holder.querySelector("tbody").replaceWith(this.rows);
    return holder;
  }

  async older() {
    const page = await get(`runs?state=finished&limit=20&after=${encodeURIComponent(this.after)}`);
    this.rows.append(...page.items.map((run) => this.row(run)));
    if (!this.rows.children.length) this.rows.append(h("tr", {}, h("td", { colspan: 5, class: "empty" }, "None yet: the first one to finish teaches the models.")));
    this.after = page.next;
    this.more.hidden = !page.next;
  }

  row(run) {
    return h("tr", { "data-run": run.run_id }, h("td", {}, runLink(run), h("span", { class: "faint" }, ` ${run.project || ""}`)),
      h("td", {}, outcome(run.outcome), run.error_class ? h("span", { class: "faint" }, ` ${run.error_class}`) : null),
      h("td", { class: "num" }, percent(run.first_risk)),
      h("td", { class: "num" }, span(run.seconds)), h("td", {}, ago(run.finished_at)));
  }

  add(run) {
    const card = new Card(run);
    this.cards.set(run.run_id, card);
    this.place(card);
    return card;
  }

  // The riskiest first.
  place(card) {
    const riskOf = (each) => (each.forecast ? each.forecast.risk : 0);
    const others = [...this.grid.children].filter((each) => each !== card.element);
    const before = others.find((each) => riskOf(this.cards.get(each.dataset.run)) < riskOf(card));
    if (!card.element.contains(document.activeElement)) this.grid.insertBefore(card.element, before || null);
  }

  counted() {
    this.none.hidden = this.cards.size > 0;
    this.count.textContent = this.cards.size ? plural(this.cards.size, "build") : "";
  }

  on(kind, data) {
    if (kind === "forecast") {
      const card = this.cards.get(data.run_id) || this.add({ ...data, started_at: data.at - data.elapsed_seconds });
      const moves = card.forecast?.risk_level !== data.risk_level;
      card.take(data);
      if (moves) this.place(card);
    } else if (kind === "run-started" && !this.cards.has(data.run_id)) {
      this.add(data);
    } else if (kind === "run-finished") {
      const card = this.cards.get(data.run_id);
      if (card) {
        this.cards.delete(data.run_id);
        card.element.remove();
      }
      if (!this.rows.querySelector(`[data-run="${CSS.escape(data.run_id)}"]`)) {
        const first = card && card.curve.length ? card.curve[0].risk : data.first_risk;
        this.rows.querySelector(".empty")?.closest("tr").remove();
        this.rows.prepend(this.row({ ...(card ? card.run : {}), ...data, first_risk: first }));
      }
    }
    this.counted();
  }

  tick() {
    for (const card of this.cards.values()) card.tick();
  }
}

// Whether forecasts mean what they say, and which models make them.

import { get, post } from "./api.js";
import { reliability } from "./charts.js";
import { h, put } from "./dom.js";
import { ago, number, percent, span } from "./format.js";
import { action, section, table } from "./parts.js";

export class Models {
  title = "Models";

  async load(main) {
    this.main = main;
    const [found, scores, training] = await Promise.all([get("models"), get("models/calibration?days=30"), get("training?limit=10")]);
    put(main, h("h1", { tabindex: "-1" }, "Models"),
      h("p", { class: "faint" }, found.present ? `Present version: ${found.present.config}, after ${number(found.present.offset)} records.` : "This server holds no model of its own."),
      h("div", { class: "columns" }, this.calibration(scores), this.figures(scores), this.ledger(scores.ledger), this.weights(found.weights), this.history(found.items), this.drift(found.drift), this.training(training.items)));
  }

  calibration(scores) {
    return section("Do forecasts mean what they say?", scores.runs ? [reliability(scores.bins),
      h("p", { class: "faint" }, "Across: the first risk told. Up: the share that failed. On the dotted line both agree; larger dots hold more runs.")]
      : h("p", { class: "empty" }, "No run with a forecast has finished in the last 30 days."));
  }

  figures(scores) {
    const better = scores.log_loss !== null && scores.log_loss < scores.log_loss_of_base_rate;
    return section("Last 30 days", h("dl", { class: "figures" },
      h("dt", {}, "runs scored"), h("dd", {}, scores.runs),
      h("dt", {}, "that failed"), h("dd", {}, percent(scores.base_rate)),
      h("dt", {}, "log loss"), h("dd", {}, number(scores.log_loss), h("span", { class: "faint" }, ` always telling the average: ${number(scores.log_loss_of_base_rate)}${scores.log_loss === null ? "" : better ? ", so the models help" : ", so they do not help yet"}`)),
      h("dt", {}, "Brier score"), h("dd", {}, number(scores.brier)),
      h("dt", {}, "calibration error"), h("dd", {}, percent(scores.ece)),
      h("dt", {}, "95 % intervals that held"), h("dd", {}, percent(scores.coverage.observed), h("span", { class: "faint" }, ` of ${scores.coverage.runs}, median width ${span(scores.coverage.median_width_seconds)}`))));
  }

  // Every label of the last about 500, beside the baselines that forecasts must beat.
  ledger(found) {
    if (!found || !found.all.labels) return null;
    const best = (one) => Math.min(...["prior", "last_outcome", "ewma5"].map((name) => one[`log_loss.${name}`]).filter((value) => value !== null));
    const row = (kind, name, one) => h("tr", {}, h("th", { scope: "row" }, name, kind ? h("span", { class: "faint" }, ` ${kind}`) : ""),
      h("td", { class: "num" }, one.labels), h("td", { class: "num" }, number(one["log_loss.first"])),
      h("td", { class: "num" }, number(best(one))), h("td", { class: "num" }, percent(one.coverage)));
    const parts = ["model", "package", "host"].flatMap((kind) => Object.entries(found[kind]).slice(0, 8).map(([name, one]) => row(kind, name, one)));
    return section("Scores of what was told first", table("Scores by model, package and host", ["of", "labels", "log loss", "best baseline", "intervals held"],
      [row("", "all", found.all), ...parts]));
  }

  weights(list) {
    if (!list.length) return null;
    return section("Who is listened to", h("ul", { class: "stages" }, list.map((each) => h("li", {}, h("span", {}, each.member),
      h("i", { "aria-hidden": "true", css: { width: `${each.weight * 100}%` } }), h("span", { class: "num" }, percent(each.weight))))));
  }

  history(list) {
    return section("Promotions and roll-backs", list.length ? h("ul", { class: "plain" }, list.map((each) => h("li", {},
      h("b", {}, each.kind === "promoted" ? `${each.config} promoted` : `back to ${each.config}`), each.previous ? ` from ${each.previous}` : "",
      h("span", { class: "faint" }, ` ${ago(each.time)}, at record ${number(each.at_offset)}, by ${each.principal || "the trainer"}`))))
      : h("p", { class: "empty" }, "The first model still serves."));
  }

  drift(list) {
    return list.length ? section("Drift seen", h("ul", { class: "plain" }, list.map((each) => h("li", {}, `${each.detector}: loss ${number(each.body.before)} → ${number(each.body.after)} `,
      h("span", { class: "faint" }, ago(each.time)))))) : null;
  }

  training(list) {
    return section("Training", list.length ? table("Training runs", ["asked or ended", "because", "state", "examples"], list.map((each) => h("tr", {},
      h("td", {}, ago(each.at)), h("td", {}, each.trigger_kind), h("td", {}, each.status), h("td", { class: "num" }, number(each.examples)))))
      : h("p", { class: "empty" }, "None yet."), h("div", { class: "row" }, action("Ask for a training run", () => post("training"), { done: "asked for" })));
  }

  async on(kind) {
    if (kind === "model" || kind === "reset") await this.load(this.main);
  }
}

// One run's page, made to be shared: its curves with marks, reasons, what happened, what it became.

import { get, post } from "./api.js";
import { durationChart, riskChart, useChart } from "./charts.js";
import { h, put } from "./dom.js";
import { ago, bytes, clock, cores, date, number, percent, signed, span } from "./format.js";
import { action, blame, counterfactuals, eta, outcome, reasons, resolved, risk, runLink, section, table } from "./parts.js";

const USES = [["alone", "at most one core at work"], ["idle", "neither CPU nor disk used"], ["cpu_wait", "some task waited for a core"], ["memory_wait", "some task waited for memory"], ["io_wait", "some task waited for the disk"]];
const CURVES = [{ key: "cpu_ratio", name: "Cores in use", text: cores, least: 1 }, { key: "rss_bytes", name: "Memory", text: bytes, least: 1e6 }];
const VERDICTS = [["flaky", "This was flaky"], ["infrastructure", "The machine's fault"], ["failure", "Really broken"], ["success", "Really fine"]];

export class Run {
  constructor(runId) {
    this.runId = runId;
    this.title = runId;
  }

  async load(main) {
    this.main = main;
    this.run = await get(`runs/${encodeURIComponent(this.runId)}`);
    this.title = this.run.name || this.runId;
    this.draw();
  }

  draw() {
    const run = this.run;
    const told = run.forecast;
    put(this.main,
      h("p", { class: "crumb" }, h("a", { href: "/" }, "Builds"), ` / ${run.project || "no project"}`),
      h("div", { class: "head run-head" }, h("h1", { tabindex: "-1" }, run.name || this.runId), told && !run.outcome ? risk(told.risk, "large") : outcome(run.outcome)),
      h("p", { class: "faint" }, this.facts()),
      h("div", { class: "row" }, this.shareButton(), ...VERDICTS.map(([verdict, label]) => action(label,
        () => post("labels", { run_id: this.runId, verdict }), { done: "noted, models learn it" })),
        run.revisions.length ? h("span", { class: "faint" }, `last verdict: ${run.revisions.at(-1).verdict} (${run.revisions.at(-1).principal})`) : null),
      told ? this.charts(told) : h("p", { class: "empty" }, "No forecast was stored for this run."),
      this.resources(),
      h("div", { class: "columns" }, told ? this.explained(told) : null,
        this.heldBack(), this.advice(), this.impact(),
        this.signals(), this.stages(), this.similar(), this.alerts(), this.change()), this.points());
  }

  facts() {
    const run = this.run;
    const known = run.run || {};
    const parts = [run.host && `on ${run.host}`, run.branch && `branch ${run.branch}`, run.commit_id && run.commit_id.slice(0, 12),
      known.parallelism && `-j${known.parallelism}`, known.cpu_model, run.started_at && `started ${date(run.started_at)}`,
      run.outcome && `took ${span(run.seconds)}`, run.exit_code !== null && run.exit_code !== undefined && `exit code ${run.exit_code}`, run.error_class];
    return parts.filter(Boolean).join(" · ");
  }

  shareButton() {
    return action("Copy the link", () => navigator.clipboard.writeText(location.href), { done: "copied" });
  }

  charts(told) {
    const run = this.run;
    const sum = run.curve.length ? riskChart(run.curve, this.marks(), run.seconds) : null;
    return [
      section(run.outcome ? "Risk as it was told" : "Risk of failure", sum, this.legend(),
        run.outcome ? null : eta(told.elapsed_seconds, told.remaining_seconds)),
      section(run.outcome ? "Told against actual duration" : "Expected duration", durationChart(run.curve, run.seconds)),
    ];
  }

  explained(told) {
    return [
      section("Why", reasons(told.reasons, 8), h("p", { class: "faint" }, `Parts of the log odds at ${span(told.elapsed_seconds)}; they add up to ${percent(told.risk)}.`)),
      section("Who is likely behind a failure", blame(told.blame) || h("p", { class: "empty" }, "Not known.")),
      section("What would change it", counterfactuals(told.counterfactuals) || h("p", { class: "empty" }, "Nothing that can be changed makes a difference that is known.")),
      section("What each model says", this.members(told)),
    ];
  }

  // What the run used: curves from its samples, and what it did with its time as its example tells once it has ended.
  resources() {
    const known = this.run.result?.body || {};
    const use = known.use || {};
    const samples = this.run.samples;
    if (samples.length < 2 && !use.watched && !known.peak_rss_bytes) return null;
    const facts = [use.watched && `${((use.cpu || 0) / use.watched).toFixed(2)} cores in use on average`, known.peak_rss_bytes && `at most ${bytes(known.peak_rss_bytes)} of memory`,
      known.disk_used_bytes && `${bytes(known.disk_used_bytes)} of disk`, known.lines && `${number(known.lines)} lines of output`].filter(Boolean);
    return section("What it used", facts.length ? h("p", {}, facts.join(", ")) : null, this.curves(samples),
      use.watched ? h("ul", { class: "stages" }, USES.filter(([kind]) => use[kind] >= 0.5).map(([kind, text]) =>
        h("li", {}, h("span", {}, text), h("i", { "aria-hidden": "true", css: { width: `${Math.min(1, use[kind] / use.watched) * 100}%` } }), h("span", { class: "num" }, span(use[kind]))))) : null);
  }

  curves(samples) {
    if (samples.length < 2) return null;
    return CURVES.map((each) => [h("p", { class: "chart-name" }, each.name), useChart(samples, this.run.seconds, each)]);
  }

  heldBack() {
    const found = this.run.analysis?.held_back || [];
    return found.length ? section("What held it back", h("ul", { class: "plain" }, found.map((each) => h("li", {},
      `${span(each.seconds)} (${percent(each.share)}): ${each.text}`)))) : null;
  }

  advice() {
    const analysis = this.run.analysis || {};
    const given = (analysis.advice || []).map((each) => h("li", {}, `${each.text}: saves about ${span(each.saving_seconds.point)}`,
      h("span", { class: "faint" }, ` (${signed(each.saving_seconds.lower)} to ${signed(each.saving_seconds.upper)})`)));
    const checked = (analysis.checked || []).map((each) => h("li", {}, `Followed: ${each.change} saved ${signed(each.saved_seconds)}`,
      h("span", { class: "faint" }, `, about ${span(each.expected.point)} was foretold`)));
    return given.length || checked.length ? section("What would save time", h("ul", { class: "plain" }, given, checked)) : null;
  }

  impact() {
    const told = this.run.impacts[0];
    if (!told) return null;
    const cause = { failed: "It has failed", failing: "It will probably fail", slow: "It is late" }[told.cause];
    return section("Whom it holds up", h("p", {}, `${cause}: about ${span(told.delay_seconds)} are lost.`), h("ul", { class: "plain" }, told.delayed.slice(0, 8).map((each) => h("li", {},
      `${each.kind} ${each.name}`, h("span", { class: "faint" }, ` by about ${span(each.delay_seconds)}${(each.runs || 1) > 1 ? `, ${each.runs} runs` : ""}`)))));
  }

  marks() {
    const run = this.run;
    const start = run.started_at;
    return [
      ...run.steps.map((each) => ({ at: each.started_at - start, kind: "stage", text: `${each.stage} began` })),
      ...run.signals.map((each) => ({ at: each.time - start, kind: each.fatal ? "fatal" : "signal", text: `${each.error_class}: ${each.line}` })),
      ...run.alerts.map((each) => ({ at: each.raised_at - start, kind: "alert", text: `alert raised at ${percent(each.risk)}` })),
    ].filter((each) => each.at >= 0).slice(0, 200);
  }

  legend() {
    const kinds = new Set(this.marks().map((each) => each.kind));
    const known = [["stage", "a stage began"], ["signal", "the log said something"], ["fatal", "a tool gave up"], ["alert", "alert raised"]];
    return h("p", { class: "legend" }, h("span", { class: "key line" }, "risk"), h("span", { class: "key band" }, "95 % interval"),
      h("span", { class: "key threshold" }, "alert threshold"), known.filter(([kind]) => kinds.has(kind)).map(([kind, text]) => h("span", { class: `key ${kind}` }, text)));
  }

  members(told) {
    const names = Object.keys(told.members).sort((a, b) => (told.weights[b] || 0) - (told.weights[a] || 0));
    return table("Members of the ensemble", ["member", "says", "weight"], names.map((name) => h("tr", {},
      h("th", { scope: "row" }, name), h("td", { class: "num" }, percent(told.members[name])), h("td", { class: "num" }, percent(told.weights[name])))));
  }

  signals() {
    const found = this.run.signals;
    return section("What the log said", found.length ? h("ul", { class: "log" }, found.slice(-12).map((each) => h("li", { class: each.fatal ? "fatal" : "" },
      h("span", { class: "faint" }, `${clock(each.time)} ${each.error_class}${each.count > 1 ? ` ×${each.count}` : ""}`), h("code", {}, each.line || "(no line)"))))
      : h("p", { class: "empty" }, "Nothing that sounds like trouble."));
  }

  stages() {
    const found = this.run.steps;
    const whole = found.reduce((sum, each) => sum + each.seconds, 0) || 1;
    return section("Stages", found.length ? h("ul", { class: "stages" }, found.map((each) => h("li", {}, h("span", {}, each.stage),
      h("i", { "aria-hidden": "true", css: { width: `${(each.seconds / whole) * 100}%` } }), h("span", { class: "num" }, span(each.seconds)))))
      : h("p", { class: "empty" }, this.run.outcome ? "It told of none." : "No stage has ended yet."));
  }

  similar() {
    const found = this.run.similar_failures;
    return section("Failures like it", found.length ? h("ul", { class: "plain" }, found.map((each) => h("li", {},
      runLink(each), h("span", { class: "faint" }, ` ${each.error_class || each.outcome}, ${ago(each.started_at)}, last told ${percent(each.last_risk)}`))))
      : h("p", { class: "empty" }, "This has not failed before, as far as is stored."));
  }

  alerts() {
    const found = this.run.alerts;
    return found.length ? section("Alerts", h("ul", { class: "plain" }, found.map((each) => h("li", {},
      `${percent(each.risk)} at ${clock(each.raised_at)}, `, each.resolved_at ? `resolved: ${resolved(each.why)}` : "open")))) : null;
  }

  change() {
    const change = this.run.change;
    if (!change) return null;
    return section("The change", h("p", {}, `${change.files || 0} files, +${change.insertions || 0} −${change.deletions || 0}`,
      change.dirty ? ", with uncommitted edits" : "", change.message_kind ? `, ${change.message_kind}` : ""),
    change.hot_paths && change.hot_paths.length ? h("p", { class: "faint" }, change.hot_paths.slice(0, 6).join(", ")) : null);
  }

  // The curve as numbers, for those who do not see it.
  points() {
    const rows = this.run.curve.slice(-60);
    return h("details", { class: "panel" }, h("summary", {}, "The forecasts as a table"), table("Forecasts of this run", ["at", "because", "risk", "interval", "left"],
      rows.map((each) => h("tr", {}, h("td", {}, span(each.elapsed_seconds)), h("td", {}, each.trigger), h("td", { class: "num" }, percent(each.risk)),
        h("td", { class: "num" }, `${percent(each.risk_lower)}–${percent(each.risk_upper)}`), h("td", { class: "num" }, each.remaining_seconds ? span(each.remaining_seconds.point) : "–")))));
  }

  async on(kind, data) {
    if (data.run_id !== this.runId) return;
    const open = this.main.querySelector("details")?.open;
    this.run = await get(`runs/${encodeURIComponent(this.runId)}`);
    const focused = this.main.contains(document.activeElement) && document.activeElement.tagName === "BUTTON";
    if (focused) return;
    this.draw();
    if (open) this.main.querySelector("details").open = true;
  }
}

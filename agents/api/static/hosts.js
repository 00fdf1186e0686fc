// Hosts: how they are, and what is odd about them, oddest first.

import { get } from "./api.js";
import { h, put } from "./dom.js";
import { ago, metricName, metricValue } from "./format.js";

const SHOWN = ["system.cpu.utilization", "system.memory.utilization", "system.pressure.cpu", "system.pressure.memory", "system.pressure.io"];
const KINDS = { spike: "a spike", dip: "a dip", level: "another level", silence: "silence" };
const FRESH_SECONDS = 600;

export class Hosts {
  title = "Hosts";

  async load(main) {
    this.main = main;
    const found = await get("hosts");
    put(main, h("h1", { tabindex: "-1" }, "Hosts"), found.items.length
      ? h("ul", { class: "cards hosts" }, found.items.map((host) => this.host(host)))
      : h("p", { class: "empty" }, "No host has been sampled yet: buildcast collect does it on its own, buildcast run while it builds."));
  }

  host(host) {
    const odd = host.anomaly && Date.now() / 1000 - host.anomaly.time < FRESH_SECONDS ? host.anomaly : null;
    const metrics = host.metrics || {};
    return h("li", { class: `card ${odd ? "high" : ""}` },
      h("div", { class: "head" }, h("h2", { class: "name" }, host.host), odd ? h("span", { class: "risk high" }, h("span", { class: "word" }, "unlike itself")) : h("span", { class: "faint" }, "as usual")),
      h("p", { class: "faint sub" }, host.time ? `sampled ${ago(host.time)}` : "no sample kept"),
      h("dl", { class: "meters" }, SHOWN.filter((name) => metrics[name] !== undefined).map((name) => [
        h("dt", {}, metricName(name)), h("dd", {}, h("span", { class: "meter", "aria-hidden": "true" }, h("i", { css: { width: `${Math.min(100, metrics[name] * 100)}%` } })), metricValue(name, metrics[name]))])),
      host.anomaly ? [h("p", { class: "why-head" }, odd ? "What is odd" : `Was odd ${ago(host.anomaly.time)}`),
        h("ol", { class: "ranked" }, host.anomaly.body.ranked.map((each) => h("li", {}, h("b", {}, metricName(each.metric)), ` ${metricValue(each.metric, each.value)}, `,
          h("span", { class: "faint" }, `${KINDS[each.kind] || each.kind}; usual ${metricValue(each.metric, each.lower)} to ${metricValue(each.metric, each.upper)}`))))] : null);
  }

  async on(kind) {
    if (kind === "anomaly" || kind === "reset") await this.load(this.main);
  }

  every = 10_000; // samples come without a message
}

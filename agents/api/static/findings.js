// Findings of the security checks and vulnerable packages.

import { get } from "./api.js";
import { h, put } from "./dom.js";
import { ago } from "./format.js";

const ORDER = ["critical", "high", "medium", "low", "info"];

export class Findings {
  title = "Findings";

  async load(main) {
    const [found, packages] = await Promise.all([get("findings?limit=200"), get("vulnerabilities?limit=200")]);
    const open = found.items.filter((each) => !each.cleared);
    const all = [...open, ...packages.items].sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity) || b.time - a.time);
    put(main, h("h1", { tabindex: "-1" }, "Findings ", h("span", { class: "faint" }, `${all.length} open`)),
      all.length ? h("ul", { class: "alerts" }, all.map((each) => this.finding(each)))
        : h("p", { class: "empty" }, "Nothing was found. ", h("code", {}, "buildcast scan"), " checks this host, ", h("code", {}, "buildcast vulnerabilities"), " its packages."),
      h("p", { class: "faint" }, packages.notice));
  }

  finding(each) {
    const body = each.body || {};
    const word = ORDER.includes(each.severity) ? each.severity : "low";
    return h("li", { class: `alert ${word}` },
      h("div", { class: "head" }, h("h2", { class: "name" }, each.check_name), h("span", { class: `risk ${word === "info" ? "low" : word}` }, h("span", { class: "word" }, each.severity))),
      h("p", { class: "faint" }, [each.package, each.host, each.run_id && `run ${each.run_id}`, ago(each.time)].filter(Boolean).join(" · ")),
      h("p", {}, body.evidence || ""), body.remedy ? h("p", { class: "remedy" }, "What to do: ", body.remedy) : null);
  }

  on() {}
}

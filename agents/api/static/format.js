// Numbers and times in a person's words.

export const percent = (ratio) =>
  ratio === null || ratio === undefined ? "–"
    : ratio > 0 && ratio < 0.01 ? "< 1 %" : ratio > 0.99 && ratio < 1 ? "> 99 %" : `${Math.round(ratio * 100)}\u00a0%`;

export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}\u00a0s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}\u00a0min${whole < 600 && whole % 60 ? `\u00a0${whole % 60}\u00a0s` : ""}`;
  if (whole < 172800) return `${Math.floor(whole / 3600)}\u00a0h${whole % 3600 < 60 ? "" : `\u00a0${Math.floor((whole % 3600) / 60)}\u00a0min`}`;
  return `${Math.round(whole / 86400)} days`;
}

export const signed = (seconds) => (seconds < 0 ? `−${span(-seconds)}` : span(seconds));

export function ago(time, now = Date.now() / 1000) {
  if (!time) return "–";
  const past = now - time;
  if (past < 5) return "just now";
  const rough = past < 60 ? past : past < 7200 ? past - (past % 60) : past < 172800 ? past - (past % 3600) : past;
  return `${past >= 7200 && past < 172800 ? `${Math.floor(rough / 3600)}\u00a0h` : span(rough)} ago`;
}

export const clock = (time) =>
  new Date(time * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const date = (time) =>
  time ? new Date(time * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) : "–";

export const level = (risk) => (risk >= 0.8 ? "critical" : risk >= 0.6 ? "high" : risk >= 0.3 ? "medium" : "low");

export const number = (value) =>
  value === null || value === undefined ? "–"
    : Math.abs(value) >= 1000 ? value.toLocaleString(undefined, { maximumFractionDigits: 0 })
      : Number(value.toPrecision(3)).toString();

export const bytes = (value) =>
  value >= 1e9 ? `${number(value / 1e9)}\u00a0GB` : `${number(value / 1e6)}\u00a0MB`;

export const cores = (value) => `${Number(value.toFixed(value < 10 ? 1 : 0))}`;

export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

const METRICS = {
  "system.cpu.utilization": "CPU in use", "system.memory.utilization": "memory in use",
  "system.paging.utilization": "swap in use", "system.pressure.cpu": "CPU pressure",
  "system.pressure.memory": "memory pressure", "system.pressure.io": "I/O pressure",
};
export const metricName = (name) => METRICS[name] || name.replace(/^system\./, "").replaceAll(".", " ").replaceAll("_", " ");
const RATIO = /utilization|pressure|ratio/;
export const metricValue = (name, value) => (RATIO.test(name) ? percent(value) : number(value));

// Curves as SVG: risk over a run, predicted duration with its interval, reliability. Colours come from the style sheet.

import { h, s } from "./dom.js";
import { clock, percent, span } from "./format.js";

const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
const band = (upper, lower) => `${path(upper)}${path([...lower].reverse()).replace("M", "L")}Z`;
const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];

function ticks(from, to, most) {
  const step = steps.find((each) => (to - from) / each <= most) || Math.ceil((to - from) / most / 86400) * 86400;
  const found = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) found.push(at);
  return found;
}

// The small picture on a card: risk 0 to 1 from the start until now, with its band and the alert threshold.
export function spark(curve, threshold = 0.8) {
  const width = 320, height = 72;
  const end = Math.max(1, ...curve.map((each) => each.elapsed_seconds));
  const x = (each) => (each.elapsed_seconds / end) * (width - 8) + 2;
  const y = (risk) => height - 3 - risk * (height - 6);
  const last = curve[curve.length - 1];
  const label = last ? `Risk over the run, now ${percent(last.risk)}` : "No forecast yet";
  return s("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, preserveAspectRatio: "none" },
    s("line", { class: "threshold", x1: 0, x2: width, y1: y(threshold), y2: y(threshold) }),
    curve.length > 1 && s("path", { class: "band", d: band(curve.map((each) => [x(each), y(each.risk_upper)]), curve.map((each) => [x(each), y(each.risk_lower)])) }),
    curve.length > 1 && s("path", { class: "line", d: path(curve.map((each) => [x(each), y(each.risk)])) }),
    last && s("circle", { class: "now", cx: x(last), cy: y(last.risk), r: 3.5 }));
}

// A frame with axes; `draw` adds to it. Re-drawn when its width changes, since text must not be stretched.
function frame({ height, label, from, to, marks, yTicks, yText, y, draw, read }) {
  const holder = h("div", { class: "chart", tabindex: "0", role: "img", "aria-label": label });
  const tip = h("div", { class: "tip", hidden: true });
  const render = () => {
    const width = Math.max(260, holder.clientWidth || 640);
    const left = 76, right = 12, top = 14, bottom = 24;
    const X = (at) => left + ((at - from) / Math.max(1e-9, to - from)) * (width - left - right);
    const Y = (value) => height - bottom - y(value) * (height - top - bottom);
    const svg = s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
      yTicks.map((value) => [
        s("line", { class: "grid", x1: left, x2: width - right, y1: Y(value), y2: Y(value) }),
        s("text", { class: "axis", x: left - 8, y: Y(value) + 4, "text-anchor": "end" }, yText(value))]),
      ticks(from, to, width / 110).map((at) => s("text", { class: "axis", x: Math.min(X(at), width - 4), y: height - 6, "text-anchor": X(at) > width - 40 ? "end" : "middle" }, span(at))),
      draw(X, Y, { left, right: width - right, top, bottom: height - bottom }),
      marks.map((mark) => s("g", { class: `mark ${mark.kind}` },
        s("line", { x1: X(mark.at), x2: X(mark.at), y1: top, y2: height - bottom }),
        s("circle", { cx: X(mark.at), cy: top, r: 4 }), s("title", {}, mark.text))));
    const cursor = s("line", { class: "cursor", y1: top, y2: height - bottom, visibility: "hidden" });
    svg.append(cursor);
    const show = (at) => {
      const found = read(Math.min(to, Math.max(from, at)));
      if (!found) return;
      cursor.setAttribute("x1", X(found.at));
      cursor.setAttribute("x2", X(found.at));
      cursor.setAttribute("visibility", "visible");
      tip.hidden = false;
      tip.textContent = found.text;
      tip.style.setProperty("left", `${Math.min(width - 190, Math.max(4, X(found.at) + 10))}px`);
    };
    const hide = () => { tip.hidden = true; cursor.setAttribute("visibility", "hidden"); };
    let at = to;
    svg.addEventListener("pointermove", (event) => show(from + ((event.offsetX - left) / (width - left - right)) * (to - from)));
    svg.addEventListener("pointerleave", hide);
    holder.onkeydown = (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      at = Math.min(to, Math.max(from, at + ((to - from) / 40) * (event.key === "ArrowLeft" ? -1 : 1)));
      show(at);
      event.preventDefault();
    };
    holder.onblur = hide;
    holder.replaceChildren(svg, tip);
  };
  new ResizeObserver(() => requestAnimationFrame(render)).observe(holder);
  return holder;
}

const nearest = (curve, at) => curve.reduce((best, each) =>
  (Math.abs(each.elapsed_seconds - at) < Math.abs(best.elapsed_seconds - at) ? each : best), curve[0]);

// Risk of a run, 0 to 100 %, with marks where something happened.
export function riskChart(curve, marks, actual, threshold = 0.8) {
  const to = Math.max(1, actual || 0, ...curve.map((each) => each.elapsed_seconds), ...marks.map((each) => each.at));
  const last = curve[curve.length - 1];
  return frame({
    height: 230, from: 0, to, marks, yTicks: [0, 0.25, 0.5, 0.75, 1], yText: percent, y: (value) => value,
    label: `Risk of failure over the run, last ${percent(last.risk)}; arrow keys read it point by point`,
    draw: (X, Y, box) => [
      s("line", { class: "threshold", x1: box.left, x2: box.right, y1: Y(threshold), y2: Y(threshold) }),
      s("path", { class: "band", d: band(curve.map((each) => [X(each.elapsed_seconds), Y(each.risk_upper)]), curve.map((each) => [X(each.elapsed_seconds), Y(each.risk_lower)])) }),
      s("path", { class: "line", d: path(curve.map((each) => [X(each.elapsed_seconds), Y(each.risk)])) }),
      s("circle", { class: "now", cx: X(last.elapsed_seconds), cy: Y(last.risk), r: 4 })],
    read: (at) => {
      const found = nearest(curve, at);
      return { at: found.elapsed_seconds, text: `${span(found.elapsed_seconds)} (${clock(found.at)}): risk ${percent(found.risk)}, ${percent(found.risk_lower)} to ${percent(found.risk_upper)}` };
    },
  });
}

// What the whole run was expected to take, as it was told at each moment, against what it took.
export function durationChart(curve, actual) {
  const told = curve.filter((each) => each.remaining_seconds).map((each) => ({
    ...each,
    point: each.elapsed_seconds + each.remaining_seconds.point,
    lower: each.elapsed_seconds + each.remaining_seconds.lower,
    upper: each.elapsed_seconds + each.remaining_seconds.upper,
  }));
  if (!told.length) return h("p", { class: "empty" }, "No time left was told: there was no history to tell it from.");
  const to = Math.max(1, actual || 0, ...told.map((each) => each.elapsed_seconds));
  const points = told.map((each) => each.upper).sort((a, b) => a - b);
  // An interval that knows next to nothing may be hours wide: what was told and what it took must stay readable.
  const expected = Math.max(to, ...told.map((each) => each.point), actual || 0);
  const most = Math.min(Math.max(points[Math.floor(points.length * 0.9)], expected), expected * 3) * 1.1;
  const y = (value) => Math.min(1, value / most);
  const last = told[told.length - 1];
  return frame({
    height: 200, from: 0, to, marks: [], yTicks: ticks(0, most, 6), yText: span, y,
    label: `Expected duration of the run, last ${span(last.point)}${actual ? `, it took ${span(actual)}` : ""}`,
    draw: (X, Y, box) => [
      s("path", { class: "band eta", d: band(told.map((each) => [X(each.elapsed_seconds), Y(each.upper)]), told.map((each) => [X(each.elapsed_seconds), Y(each.lower)])) }),
      s("path", { class: "line eta", d: path(told.map((each) => [X(each.elapsed_seconds), Y(each.point)])) }),
      told.length === 1 && s("line", { class: "possible eta", x1: X(last.elapsed_seconds), x2: X(last.elapsed_seconds), y1: Y(last.lower), y2: Y(last.upper) }),
      s("circle", { class: "now eta", cx: X(last.elapsed_seconds), cy: Y(last.point), r: 4 }),
      s("path", { class: "elapsed", d: path([[X(0), Y(0)], [X(to), Y(to)]]) }),
      actual && s("line", { class: "actual", x1: box.left, x2: box.right, y1: Y(actual), y2: Y(actual) }),
      actual && s("text", { class: "axis strong", x: box.right, y: Y(actual) - 6, "text-anchor": "end" }, `took ${span(actual)}`)],
    read: (at) => {
      const found = nearest(told, at);
      return { at: found.elapsed_seconds, text: `told at ${span(found.elapsed_seconds)}: ${span(found.point)}, ${span(found.lower)} to ${span(found.upper)}` };
    },
  });
}

// Round values from 0 on, at most `count` steps of 1, 2 or 5 times a power of ten.
function even(most, count) {
  const rough = most / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((each) => each * power >= rough);
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step);
}

// What a run used over its time: `key` of its samples, told by `text`; `least` is the lowest top of the scale.
export function useChart(samples, actual, { key, name, text, least }) {
  const to = Math.max(1, actual || 0, ...samples.map((each) => each.elapsed_seconds));
  const highest = samples.reduce((best, each) => (each[key] > best[key] ? each : best), samples[0]);
  const most = Math.max(least, highest[key] * 1.08);
  return frame({
    height: 150, from: 0, to, marks: [], yTicks: even(most, 4), yText: text, y: (value) => Math.min(1, value / most),
    label: `${name} over the run, at most ${text(highest[key])} at ${span(highest.elapsed_seconds)}; arrow keys read it point by point`,
    draw: (X, Y) => {
      const line = samples.map((each) => [X(each.elapsed_seconds), Y(each[key])]);
      return [
        s("path", { class: "band use", d: band(line, [[line[0][0], Y(0)], [line.at(-1)[0], Y(0)]]) }),
        s("path", { class: "line use", d: path(line) }),
        s("circle", { class: "now use", cx: X(highest.elapsed_seconds), cy: Y(highest[key]), r: 3.5 })];
    },
    read: (at) => {
      const found = nearest(samples, at);
      return { at: found.elapsed_seconds, text: `${span(found.elapsed_seconds)}: ${text(found[key])}` };
    },
  });
}

// Forecast risk against the share that failed; on the diagonal a forecast means what it says.
export function reliability(bins) {
  const size = 300, left = 44, pad = 14, bottom = 34;
  const X = (value) => left + value * (size - left - pad);
  const Y = (value) => size - bottom - value * (size - bottom - pad);
  const filled = bins.filter((each) => each.runs);
  const most = Math.max(1, ...filled.map((each) => each.runs));
  return s("svg", { class: "reliability", viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": "Reliability: forecast risk against the share of runs that failed" },
    [0, 0.25, 0.5, 0.75, 1].map((value) => [
      s("line", { class: "grid", x1: X(0), x2: X(1), y1: Y(value), y2: Y(value) }),
      s("text", { class: "axis", x: left - 6, y: Y(value) + 4, "text-anchor": "end" }, `${value * 100}`),
      s("text", { class: "axis", x: X(value), y: size - bottom + 16, "text-anchor": "middle" }, `${value * 100}`)]),
    s("text", { class: "axis", x: X(0.5), y: size - 3, "text-anchor": "middle" }, "told, %"),
    s("line", { class: "diagonal", x1: X(0), x2: X(1), y1: Y(0), y2: Y(1) }),
    s("path", { class: "line", d: path(filled.map((each) => [X(each.forecast), Y(each.observed)])) }),
    filled.map((each) => s("circle", { class: "now", cx: X(each.forecast), cy: Y(each.observed), r: 3 + 6 * Math.sqrt(each.runs / most) },
      s("title", {}, `told ${percent(each.forecast)}, failed ${percent(each.observed)} of ${each.runs}`))));
}

"""The goals, what was measured, and the report that holds one against the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["GOALS", "tables"]

Goal = tuple[str, str, str, float]  # what, path into the figures, ">=" or "<=", the bound
_DEV, _DLCI = "sets/travis2021-dev/whole", "sets/dlcibuild/whole"
GOALS: tuple[Goal, ...] = (
    ("travis2021-dev, cold start: pooled AUC", f"{_DEV}/pooled_auc", ">=", 0.856),
    ("travis2021-dev, cold start: mean AUC", f"{_DEV}/mean_auc", ">=", 0.823),
    ("travis2021-dev, cold start: log loss", f"{_DEV}/log_loss", "<=", 0.387),
    ("travis2021-dev, cold start: calibration error", f"{_DEV}/ece", "<=", 0.01),
    ("travis2021-dev, first 50 builds of a project: pooled AUC", "sets/travis2021-dev/first_50_auc", ">=", 0.828),
    ("travis2021-dev, shared with all of travis2021-all: pooled AUC", "fold/shared/listed/pooled_auc", ">=", 0.86),
    ("travis2021-dev, shared with all of travis2021-all: mean AUC", "fold/shared/listed/mean_auc", ">=", 0.828),
    ("dlcibuild, immediate: pooled AUC", f"{_DLCI}/pooled_auc", ">=", 0.86),
    ("dlcibuild, immediate: mean AUC", f"{_DLCI}/mean_auc", ">=", 0.805),
    ("travis2021-dev: durations inside the 95 % interval, at least", f"{_DEV}/coverage", ">=", 0.93),
    ("travis2021-dev: durations inside the 95 % interval, at most", f"{_DEV}/coverage", "<=", 0.97),
    ("jhalfs, unseen host: MAPE after 3 packages over half the last duration's", "half_ratio", "<=", 1.0),
    ("jhalfs, unseen host of another speed: the same", "unlike_ratio", "<=", 1.0),
    ("jhalfs, unseen host: whole build MAPE after 20 %", "duration/build_mape_after_20_percent", "<=", 0.15),
    ("jhalfs, unseen host of another speed: the same", "duration/unlike_hosts_build_mape_after_20_percent", "<=", 0.15),
    ("2.2x slow-down, 500 labels after it: coverage at a spread of 0.3", "duration/slow_down_0.3_coverage_after", ">=",
     0.85),
    ("fold: folds a second on one core", "fold/fast/folds_per_second", ">=", 5000.0),
    ("fold: pooled AUC that the fast ensemble gives up", "fold_loss", "<=", 0.003),
    ("fold: resident MiB at the end", "fold_mib", "<=", 381.0),
    ("fold: MiB grown over the last million builds", "fold_growth", "<=", 10.0),
    ("full ensemble: microseconds a score", "fold/full/score_us", "<=", 400.0),
    ("full ensemble: microseconds a lesson", "fold/full/learn_us", "<=", 400.0),
    *(goal for history in ("cold", "warm") for goal in (
        (f"while running, {history} history: precision of alerts", f"early/{history}/precision", ">=", 0.8),
        (f"while running, {history} history: failures with a sign before their end, told by half time",
         f"early/{history}/flagged_before_half_time", ">=", 0.6),
        (f"while running, {history} history: healthy runs without alert", f"early/{history}/healthy_without_alert",
         ">=", 0.98),
    )),
)  # fmt: skip
_NOTES = {
    "early": (
        "Real packages built under real faults and healthily in turns. Where a fault's file stands in a build decides",
        "when its first sign can come; a sign within a moment of the end (make without -k) is the end and warns of",
        "nothing. Alerts are timed by the event that raised them; `on screen` adds what local mode takes to load.",
    ),
    "left": (
        "Time left while real packages are built again and again, with two jobs or one, alone or beside processes that",
        "take the processors away; errors are shares of the run's length. No forecast of these packages was",
        "looked at while the model of time left was made (of lua5.4, zlib, libuv1, brotli, expat, bzip2, lz4, tinyxml2",
        "and cjson they were).",
    ),
    "logs": ("Output alone, no history: 58 logs of Travis builds. Development looked at them.",),
}
_FIGURES = ("pooled_auc", "mean_auc", "log_loss", "brier", "ece", "coverage")


def tables(figures: dict[str, Any]) -> str:
    """docs/evaluation.md."""
    return "\n".join(_lines(figures | _derived(figures))) + "\n"


def _lines(figures: Mapping[str, Any]) -> Iterator[str]:
    yield "# Evaluation"
    yield ""
    yield "Written by `make evaluate`. Predict, then learn, in one order of time; each label takes effect when it was"
    yield "known (Travis: start + duration / jobs; dlcibuild says no durations, so at once). Features are known before"
    yield "the start. Development looked at travis2021-dev, so both halves in time are shown. Microseconds are of the"
    yield "processor, on a machine that did other work meanwhile."
    yield ""
    yield "| goal | wanted | measured | |"
    yield "|---|---:|---:|---|"
    for what, path, sign, bound in GOALS:
        value = _at(figures, path)
        told = "not measured" if value is None else f"{value:.4g}"
        verdict = "" if value is None else "met" if _holds(value, sign, bound) else "**missed**"
        yield f"| {what} | {sign} {bound:g} | {told} | {verdict} |"
    yield from _sets(figures["sets"])
    yield from _fold(figures.get("fold", {}))
    for name in ("duration", "left", "early", "logs", "anomaly"):
        yield from _plain(name, figures.get(name) or {})
    yield from _ablation(figures.get("ablation") or {})
    yield ""
    for picture in ("reliability", "roc", "coverage", "risk-curves"):
        yield f"![{picture}](pictures/{picture}.svg)"


def _sets(sets: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "## Failure risk, from a cold start"
    yield ""
    yield "| set | part | pooled AUC | mean AUC | log loss | Brier | ECE, 15 bins | coverage |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|"
    for name, found in sets.items():
        for part in ("whole", "first_half", "second_half"):
            yield f"| {name} | {part.replace('_', ' ')} | {_cells(found[part], _FIGURES)} |"
        for baseline, row in found["whole"]["baselines"].items():
            yield f"| {name} | baseline {baseline.replace('_', ' ')} | {_cells(row, _FIGURES)} |"


def _fold(fold: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "## Bulk fold of travis2021-all"
    yield ""
    names = ("builds", "folds_per_second", "score_us", "open_us", "learn_us", "pooled_auc", "log_loss", "ece")
    yield f"| ensemble | {' | '.join(name.replace('_', ' ') for name in names)} | MiB every 100,000 builds |"
    yield f"|---|{'---:|' * len(names)}---|"
    for name, row in fold.items():
        sizes = ", ".join(f"{size:.0f}" for size in row["resident_mib"])
        yield f"| {name.replace('_', ' ')} ({', '.join(row['members'])}) | {_cells(row, names)} | {sizes} |"


def _ablation(figures: Mapping[str, Any]) -> Iterator[str]:
    if not figures:
        return
    yield ""
    yield f"## Members (`python -m bench.ablation`), the first {figures['builds']:,} builds of travis2021-dev"
    yield ""
    names = ("log_loss", "pooled_auc", "score_us", "learn_us")
    yield f"| ensemble | {' | '.join(name.replace('_', ' ') for name in names)} |"
    yield f"|---|{'---:|' * len(names)}"
    for ensemble, row in figures["rows"].items():
        yield f"| {ensemble} | {_cells(row, names)} |"


def _plain(name: str, figures: Mapping[str, Any]) -> Iterator[str]:
    if not figures:
        return
    yield ""
    yield f"## {name.capitalize()} (`python -m bench.{name}`)"
    yield ""
    if name in _NOTES:
        yield from (*_NOTES[name], "")
    yield "| figure | value |"
    yield "|---|---:|"
    for key, value in _flat(figures):
        told = f"{value:.4g}" if isinstance(value, float) else value
        yield f"| {key.replace('_', ' ')} | {told} |"


def _flat(figures: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in figures.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}: ")
        elif isinstance(value, str | int | float) or value is None:
            yield before + key, value
        elif value and not isinstance(value[0], Mapping | list):
            yield before + key, ", ".join(map(str, value))


def _derived(figures: Mapping[str, Any]) -> dict[str, Any]:
    duration, fold = figures.get("duration") or {}, figures.get("fold") or {}
    found: dict[str, Any] = {}
    if duration:
        for name, kind in (("half_ratio", ""), ("unlike_ratio", "unlike_hosts_")):
            last = duration[f"{kind}package_mape_last_duration"]
            found[name] = duration[f"{kind}package_mape_after_3"] / (0.5 * last)
    if "full" in fold and "fast_same" in fold:
        found["fold_loss"] = fold["full"]["pooled_auc"] - fold["fast_same"]["pooled_auc"]
    if "fast" in fold:
        sizes = fold["fast"]["resident_mib"]
        found["fold_mib"] = sizes[-1]
        if len(sizes) > 11:
            found["fold_growth"] = sizes[-1] - sizes[-12]
    return found


def _cells(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return " | ".join("" if row.get(name) is None else _cell(row[name]) for name in names)


def _cell(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.4f}"


def _at(figures: Mapping[str, Any], path: str) -> float | None:
    found: Any = figures
    for step in path.split("/"):
        found = found.get(step) if isinstance(found, Mapping) else None
    return None if found is None else float(found)


def _holds(value: float, sign: str, bound: float) -> bool:
    return value >= bound if sign == ">=" else value <= bound

"""The evaluation in pictures (SVG): reliability, ROC, coverage of the duration intervals over time, risk of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np

from bench.lead import Row
from models.evaluation import Evaluation, Scored

__all__ = ["draw_coverage", "draw_reliability", "draw_risk_curves", "draw_roc"]

_BINS = 15
_WINDOW = 1000  # runs a point of the coverage
matplotlib.rcParams |= {"svg.hashsalt": "buildcast", "figure.figsize": (6.4, 4.4), "axes.grid": True, "grid.alpha": 0.3}


def draw_reliability(sets: Mapping[str, Evaluation], path: Path) -> None:
    """Forecast against observed share of failures by bin; the bars below show how many runs."""
    figure, (above, below) = plt.subplots(2, 1, sharex=True, height_ratios=(3, 1), figsize=(6.4, 6.0))
    above.plot([0, 1], [0, 1], color="grey", linewidth=1)
    for name, found in sets.items():
        risks, labels = _known(found)
        bins = np.minimum(_BINS - 1, (risks * _BINS).astype(int))
        kept = [place for place in range(_BINS) if (bins == place).sum() >= 20]
        above.plot(
            [risks[bins == place].mean() for place in kept],
            [labels[bins == place].mean() for place in kept],
            marker="o", markersize=4, label=name,
        )  # fmt: skip
        below.hist(risks, bins=_BINS, range=(0, 1), histtype="step")
    above.set_ylabel("runs that failed")
    above.legend()
    below.set_yscale("log")
    below.set_ylabel("runs")
    below.set_xlabel("forecast risk at the start")
    _save(figure, path)


def draw_roc(sets: Mapping[str, Evaluation], path: Path) -> None:
    """Failures found against false alarms, with the baseline EWMA-5 as a dashed line of the same colour."""
    figure, axes = plt.subplots()
    for name, found in sets.items():
        risks, labels = _known(found)
        (line,) = axes.plot(*_roc(risks, labels), label=name)
        baseline = np.array([run.baselines[2] for run in found.runs if run.label is not None])
        axes.plot(*_roc(baseline, labels), linestyle="--", linewidth=1, color=line.get_color())
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.set_xlabel("good runs held for failures (dashed: EWMA-5 of the project)")
    axes.set_ylabel("failures found")
    axes.legend()
    _save(figure, path)


def draw_coverage(sets: Mapping[str, Evaluation], path: Path) -> None:
    """Share of durations inside their 95 % interval, by windows of runs in the order in which they were known."""
    figure, axes = plt.subplots()
    for name, found in sets.items():
        runs = [run for run in found.runs if run.seconds is not None and run.actual_seconds is not None]
        runs.sort(key=lambda run: run.label_known_at or 0.0)
        held = np.array([_held(run) for run in runs], dtype=float)
        count = len(held) // _WINDOW
        if count:
            axes.plot(held[: count * _WINDOW].reshape(count, _WINDOW).mean(axis=1), label=name)
    axes.axhspan(0.93, 0.97, color="grey", alpha=0.2)
    axes.set_ylim(0.8, 1.0)
    axes.set_xlabel("thousand runs")
    axes.set_ylabel("inside the 95 % interval (grey: the goal)")
    axes.legend()
    _save(figure, path)


def draw_risk_curves(rows: Sequence[Row], path: Path) -> None:
    """Risk while running, warm history: each fault's longest failing build with its alert, healthy ones in grey."""
    figure, axes = plt.subplots(figsize=(8.4, 4.4))
    warm = [row for row in rows if row["history"] == "warm" and row["curve"]]
    for row in (row for row in warm if not row["failed"]):
        axes.step(*_course(row), where="post", color="grey", alpha=0.3, linewidth=1)
    failing = {row["fault"]: row for row in sorted(warm, key=lambda row: row["seconds"]) if row["failed"]}
    for number, (fault, row) in enumerate(sorted(failing.items())):
        style = ("-", "--", ":")[number % 3]
        (line,) = axes.step(*_course(row), where="post", linestyle=style, label=f"{fault} ({row['package']})")
        if row["alert_event_at"] is not None:
            at = row["alert_event_at"] / row["seconds"]
            axes.plot([at], [1.02 + 0.012 * number], marker="v", color=line.get_color(), clip_on=False)
    axes.set_xlabel("share of the run (triangles: alerts; grey: healthy runs)")
    axes.set_ylabel("risk")
    axes.set_ylim(0.0, 1.18)
    axes.legend(fontsize="x-small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    _save(figure, path)


def _course(row: Row) -> tuple[list[float], list[float]]:
    """Shares of the run and risks; the last risk stands until the end."""
    shares = [min(1.0, at / row["seconds"]) for at, _ in row["curve"]]
    risks = [risk for _, risk in row["curve"]]
    return [*shares, 1.0], [*risks, risks[-1]]


def _held(run: Scored) -> bool:
    assert run.seconds is not None
    assert run.actual_seconds is not None
    return run.seconds.lower <= run.actual_seconds <= run.seconds.upper


def _known(found: Evaluation) -> tuple[Any, Any]:
    known = [run for run in found.runs if run.label is not None]
    return np.array([run.risk for run in known]), np.array([float(run.label or 0) for run in known])


def _roc(risks: Any, labels: Any) -> tuple[Any, Any]:
    order = np.argsort(-risks, kind="stable")
    hits, ends = labels[order], np.append(np.flatnonzero(np.diff(risks[order])), len(risks) - 1)
    ends = ends[:: max(1, len(ends) // 400)]
    found, false = np.cumsum(hits)[ends] / hits.sum(), np.cumsum(1 - hits)[ends] / (1 - hits).sum()
    return np.concatenate([[0], false, [1]]), np.concatenate([[0], found, [1]])


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)

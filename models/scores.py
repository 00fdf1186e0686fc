"""How good forecasts of failure were: log loss, Brier score, calibration error, ROC-AUC, and alerts at a threshold.

Source: Fawcett (2006) for the rank form of the AUC; Naeini et al. (2015) for the calibration error (15 equal bins).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Scoring", "ThresholdPoint", "auc", "score", "threshold_curve"]

_BINS = 15
THRESHOLDS = tuple(0.05 * step for step in range(1, 20))


@dataclass(frozen=True)
class Scoring:
    """Means over labels. Log loss in nats; `auc` is None when only one outcome was seen."""

    labels: int
    log_loss: float
    brier: float
    calibration_error: float
    auc: float | None


@dataclass(frozen=True)
class ThresholdPoint:
    """Alerts from a risk on: how many a day, how often right, which share of the failures, minutes spared."""

    threshold: float
    alerts: int
    alerts_a_day: float
    precision: float | None
    recall: float | None
    minutes_saved: float
    minutes_lost: float  # work of passing runs, were each alert a stop


def score(risks: Sequence[float], labels: Sequence[bool]) -> Scoring:
    """Scores of forecasts against labels. No labels give zeros."""
    count = max(1, len(labels))
    kept = [min(1.0 - 1e-6, max(1e-6, risk)) for risk in risks]
    pairs = list(zip(kept, labels, strict=True))
    bins = [[0.0, 0.0] for _ in range(_BINS)]
    for risk, label in pairs:
        cell = bins[min(_BINS - 1, int(risk * _BINS))]
        cell[0] += risk
        cell[1] += label
    return Scoring(
        labels=len(labels),
        log_loss=math.fsum(-math.log(risk if label else 1.0 - risk) for risk, label in pairs) / count,
        brier=math.fsum((risk - label) ** 2 for risk, label in pairs) / count,
        calibration_error=math.fsum(abs(told - seen) for told, seen in bins) / count,
        auc=auc(risks, labels),
    )


def auc(risks: Sequence[float], labels: Sequence[bool]) -> float | None:
    """Chance that a failure had the higher risk than a success; ties count half.

    >>> auc([0.1, 0.4, 0.35, 0.8], [False, False, True, True])
    0.75
    """
    failures = sum(labels)
    if not 0 < failures < len(labels):
        return None
    order = sorted(range(len(risks)), key=risks.__getitem__)
    ranks = 0.0
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and risks[order[end]] == risks[order[start]]:
            end += 1
        ranks += sum(labels[i] for i in order[start:end]) * (start + 1 + end) / 2.0
        start = end
    return (ranks - failures * (failures + 1) / 2.0) / (failures * (len(labels) - failures))


def threshold_curve(
    risks: Sequence[float],
    labels: Sequence[bool],
    left_seconds: Sequence[float],
    spent_seconds: Sequence[float],
    days: float,
    thresholds: Sequence[float] = THRESHOLDS,
    runs: Sequence[str] | None = None,
) -> list[ThresholdPoint]:
    """The trade-off: for each threshold what alerts would have come to. Left and spent as of the forecast.

    Where a run has several forecasts (`runs` names whose each is, in the order of time), its first alert counts.
    """
    rows = list(zip(risks, labels, left_seconds, spent_seconds, strict=True))
    names = list(runs) if runs is not None else list(map(str, range(len(rows))))
    failures = sum(dict(zip(names, labels, strict=True)).values())
    points = []
    for threshold in thresholds:
        first: dict[str, tuple[float, bool, float, float]] = {}
        for name, row in zip(names, rows, strict=True):
            if row[0] >= threshold:
                first.setdefault(name, row)
        told = list(first.values())
        right = sum(label for _, label, _, _ in told)
        points.append(
            ThresholdPoint(
                threshold=threshold,
                alerts=len(told),
                alerts_a_day=len(told) / max(days, 1e-9),
                precision=right / len(told) if told else None,
                recall=right / failures if failures else None,
                minutes_saved=sum(left for _, label, left, _ in told if label) / 60.0,
                minutes_lost=sum(spent for _, label, _, spent in told if not label) / 60.0,
            )
        )
    return points

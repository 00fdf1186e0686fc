"""Scores of probability forecasts and intervals: AUC, log loss, Brier, calibration error, coverage. Pure numpy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["auc", "brier", "calibration_error", "log_loss", "mean_auc"]

Array = NDArray[np.float64]


def auc(risks: Array, labels: Array) -> float | None:
    """Area under the ROC curve (ties count half), or None where only one outcome is there."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if positives == 0 or negatives == 0:
        return None
    order = np.argsort(risks, kind="stable")
    ordered = risks[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    ends = np.concatenate([starts[1:], [len(ordered)]])
    ranks = np.empty(len(ordered))
    ranks[order] = np.repeat((starts + ends + 1) / 2.0, ends - starts)
    above = float(ranks[labels > 0.5].sum()) - positives * (positives + 1) / 2.0
    return above / (positives * negatives)


def mean_auc(projects: Sequence[str], risks: Array, labels: Array) -> float | None:
    """The mean of the projects' own AUCs, over those with both outcomes."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, project in enumerate(projects):
        places[project].append(place)
    own = [auc(risks[p], labels[p]) for p in places.values()]
    known = [each for each in own if each is not None]
    return float(np.mean(known)) if known else None


def log_loss(risks: Array, labels: Array) -> float:
    """Mean negative log likelihood, nats."""
    risks = np.clip(risks, 1e-6, 1.0 - 1e-6)
    return float(-np.mean(labels * np.log(risks) + (1.0 - labels) * np.log(1.0 - risks)))


def brier(risks: Array, labels: Array) -> float:
    """Mean squared error of the probability."""
    return float(np.mean((risks - labels) ** 2))


def calibration_error(risks: Array, labels: Array, bins: int = 15) -> float:
    """Expected calibration error over bins of equal width (Naeini et al. 2015)."""
    places = np.minimum(bins - 1, (risks * bins).astype(int))
    total = 0.0
    for place in range(bins):
        inside = places == place
        if inside.any():
            total += abs(float(risks[inside].mean()) - float(labels[inside].mean())) * float(inside.mean())
    return total

"""Anomaly scores on NAB: windows hit at equal false alarms a day, ours beside a z-score and River's HalfSpaceTrees.

`python -m bench.anomaly` prints a table and writes .cache/bench/anomaly.json. A window is hit by any sample in it that
scores at the threshold or above; scores outside windows are false alarms, those within an hour of one being the same.
One threshold serves all series. The trees' baseline is told each series' range beforehand, which ours is not.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from river.anomaly import HalfSpaceTrees

from models.anomaly import AnomalyConfig, AnomalyModel
from models.records.nab import NabSeries, read_nab

__all__ = ["detection_at", "half_space_scores", "hits", "our_scores", "z_scores"]

_FALSE_ALARMS_A_DAY = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_SAME_ALARM = 3600.0
_WARMUP = 60
_Scores = NDArray[np.float64]


def main() -> None:
    """Measure, print, write."""
    series = list(read_nab(Path(os.environ.get("BUILDCAST_DATA", "../shared/data")) / "nab"))
    parts = {"first half": [each.first_half() for each in series], "whole": series}
    figures = {
        f"{part}, {name}": detection_at(of, [scorer(each) for each in of])
        for part, of in parts.items()
        for name, scorer in _SCORERS.items()
    }
    print(f"{'false alarms a day at most':32s}" + "".join(f"{rate:8.2f}" for rate in _FALSE_ALARMS_A_DAY))
    for name, rates in figures.items():
        print(f"{name:32s}" + "".join(f"{rate:8.3f}" for rate in rates.values()))
    served = hits(series, [our_scores(each) for each in series], 0.9)
    print(f"ours at its threshold 0.9: {served[0]:.3f} of the windows, {served[1]:.3f} false alarms a day")
    target = Path(".cache/bench/anomaly.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    told = {"detection": figures, "served": {"detection": served[0], "false_alarms_a_day": served[1]}}
    target.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def our_scores(series: NabSeries) -> _Scores:
    """The host model's, of a host with this one metric."""
    model = AnomalyModel(AnomalyConfig())
    return np.array([model.update({"value": value}, at).score for at, value in series.samples])


def z_scores(series: NabSeries) -> _Scores:
    """Deviations from the running mean."""
    scores, mean, squares = [], 0.0, 0.0
    for count, (_, value) in enumerate(series.samples):
        known = count > _WARMUP and squares > 0.0
        scores.append(abs(value - mean) / math.sqrt(squares / count) if known else 0.0)
        off = value - mean
        mean += off / (count + 1)
        squares += off * (value - mean)
    return np.array(scores)


def half_space_scores(series: NabSeries) -> _Scores:
    """River's HalfSpaceTrees with its defaults, the value scaled by the series' range."""
    trees = HalfSpaceTrees(seed=42)
    values = [value for _, value in series.samples]
    lowest, width = min(values), (max(values) - min(values)) or 1.0
    scores = []
    for value in values:
        sample = {"value": (value - lowest) / width}
        scores.append(trees.score_one(sample))
        trees.learn_one(sample)
    return np.array(scores)


_SCORERS: dict[str, Callable[[NabSeries], _Scores]] = {
    "ours": our_scores,
    "z-score": z_scores,
    "HalfSpaceTrees": half_space_scores,
}


def detection_at(series: list[NabSeries], scores: list[_Scores]) -> dict[str, float]:
    """The best share of windows hit at no more than so many false alarms a day."""
    pooled = np.concatenate(scores)
    thresholds = np.unique(np.quantile(pooled, 1.0 - np.geomspace(1e-5, 0.2, 60)))
    points = [hits(series, scores, float(threshold)) for threshold in thresholds if threshold > 0.0]
    return {
        str(rate): max((found for found, alarms in points if alarms <= rate), default=0.0)
        for rate in _FALSE_ALARMS_A_DAY
    }


def hits(series: list[NabSeries], scores: list[_Scores], threshold: float) -> tuple[float, float]:
    """Share of the windows hit, and false alarms a day."""
    found = alarms = 0
    for each, own in zip(series, scores, strict=True):
        hit: set[int] = set()
        last = -math.inf
        for place in np.flatnonzero(own >= threshold):
            at = each.samples[int(place)][0]
            inside = [number for number, (first, until) in enumerate(each.windows) if first <= at <= until]
            hit.update(inside)
            if not inside and at - last > _SAME_ALARM:
                alarms, last = alarms + 1, at
        found += len(hit)
    windows = sum(len(each.windows) for each in series)
    return found / max(1, windows), alarms / sum(each.days for each in series)


if __name__ == "__main__":
    main()

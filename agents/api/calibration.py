"""Served forecasts against what happened: pure counting over outcome rows.

Probabilities are the first forecast of each run (the hardest one); intervals are its first time-left interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

__all__ = ["calibrate"]

_BINS = 10


class _Interval(msgspec.Struct):
    point: float
    lower: float
    upper: float


class _Point(msgspec.Struct):
    elapsed_seconds: float = 0.0
    remaining: _Interval | None = None


class _Example(msgspec.Struct):
    checkpoints: list[_Point] = []


_examples = msgspec.json.Decoder(_Example)


def calibrate(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Bins of risk with their observed share, losses beside the base rate's, coverage of the 95 % interval."""
    scored = [(row["first_risk"], row["outcome"] == "failure") for row in rows
              if row["first_risk"] is not None and row["outcome"] in ("success", "failure")]  # fmt: skip
    base = sum(failed for _, failed in scored) / len(scored) if scored else None
    return {
        "runs": len(scored),
        "base_rate": base,
        "log_loss": _mean([_log_loss(risk, failed) for risk, failed in scored]),
        "log_loss_of_base_rate": None if base is None else _entropy(base),
        "brier": _mean([(risk - failed) ** 2 for risk, failed in scored]),
        "ece": _ece(scored),
        "bins": _bins(scored),
        "coverage": _coverage(rows),
    }


def _bins(scored: Sequence[tuple[float, bool]]) -> list[dict[str, Any]]:
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(_BINS)]
    for risk, failed in scored:
        bins[min(_BINS - 1, int(risk * _BINS))].append((risk, failed))
    return [
        {"from": i / _BINS, "to": (i + 1) / _BINS, "runs": len(each), "forecast": _mean([risk for risk, _ in each]),
         "observed": _mean([float(failed) for _, failed in each])}
        for i, each in enumerate(bins)
    ]  # fmt: skip


def _ece(scored: Sequence[tuple[float, bool]]) -> float | None:
    """Expected calibration error over the bins (Guo et al. 2017)."""
    if not scored:
        return None
    filled = [each for each in _bins(scored) if each["runs"]]
    return float(sum(each["runs"] * abs(each["forecast"] - each["observed"]) for each in filled) / len(scored))


def _coverage(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    hits, widths = [], []
    for row in rows:
        if row["seconds"] is None or row["outcome"] not in ("success", "failure"):
            continue
        point = next(
            (each for each in _examples.decode(bytes(row["body"], "utf-8")).checkpoints if each.remaining), None
        )
        if point is None or point.remaining is None:
            continue
        left = max(0.0, row["seconds"] - point.elapsed_seconds)
        hits.append(float(point.remaining.lower <= left <= point.remaining.upper))
        widths.append(point.remaining.upper - point.remaining.lower)
    middle = sorted(widths)[len(widths) // 2] if widths else None
    return {"level": 0.95, "runs": len(hits), "observed": _mean(hits), "median_width_seconds": middle}


def _log_loss(risk: float, failed: bool) -> float:
    return -math.log(max(1e-15, risk if failed else 1.0 - risk))


def _entropy(share: float) -> float:
    return -sum(each * math.log(each) for each in (share, 1.0 - share) if each > 0.0)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None

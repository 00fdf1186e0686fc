"""A change for the worse is told once; a better or a steady error is not."""

from __future__ import annotations

import random

from models.drift import DriftPolicy, DriftWatch


def _watch(levels: list[tuple[int, float]]) -> list[tuple[str, int]]:
    draw, watch, found, number = random.Random(3), DriftWatch("log_loss"), [], 0
    for labels, level in levels:
        for _ in range(labels):
            number += 1
            found += [(drift.detector, number) for drift in watch.add(max(0.0, draw.gauss(level, 0.3)))]
    return found


def test_steady_errors_are_no_drift() -> None:
    assert _watch([(5000, 0.45)]) == []


def test_a_rise_is_seen_by_both_detectors_within_a_hundred_labels() -> None:
    found = _watch([(1000, 0.4), (300, 1.0)])
    first = {name: next(at for who, at in found if who == name) for name in ("adwin", "page-hinkley")}
    assert all(1000 < at <= 1100 for at in first.values())


def test_an_improvement_is_no_drift() -> None:
    assert _watch([(1000, 1.0), (1000, 0.4)]) == []


def test_nothing_is_said_before_there_is_a_baseline() -> None:
    watch = DriftWatch("residual", DriftPolicy(min_labels=500))
    assert [drift for value in [0.1] * 100 + [3.0] * 300 for drift in watch.add(value)] == []


def test_drift_tells_the_error_before_and_after() -> None:
    watch = DriftWatch("log_loss")
    found = [drift for value in [0.2] * 500 + [1.2] * 100 for drift in watch.add(value)]
    assert found
    assert all(drift.before < drift.after and drift.signal == "log_loss" for drift in found)

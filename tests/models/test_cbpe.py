"""Scores estimated before labels come."""

from __future__ import annotations

import random

import pytest

from models.cbpe import PerformanceEstimator


def test_estimate_of_calibrated_forecasts_meets_the_truth() -> None:
    draw, estimator = random.Random(5), PerformanceEstimator()
    for number in range(5000):
        risk = draw.uniform(0.02, 0.9)
        estimator.predict(str(number), risk)
        estimator.learn(str(number), draw.random() < risk)
    assert abs(estimator.estimate().past_error) < 0.05


def test_over_confident_forecasts_show_as_error() -> None:
    draw, estimator = random.Random(5), PerformanceEstimator()
    for number in range(2000):
        estimator.predict(str(number), 0.02)
        estimator.learn(str(number), draw.random() < 0.3)
    assert estimator.estimate().past_error < -0.5


def test_last_forecast_of_a_run_counts_and_silent_outcomes_judge_nothing() -> None:
    estimator = PerformanceEstimator()
    estimator.predict("a", 0.9)
    estimator.predict("a", 0.5)
    found = estimator.estimate()
    assert (found.pending, found.failures) == (1, 0.5)
    assert found.log_loss == pytest.approx(0.6931, abs=1e-4)
    assert found.brier == 0.25
    estimator.learn("a", None)
    estimator.learn("unknown", True)
    assert (estimator.estimate().pending, estimator.estimate().judged) == (0, 0)


def test_memory_is_bounded_and_forgetting_is_counted() -> None:
    estimator = PerformanceEstimator(limit=2)
    for name in "abc":
        estimator.predict(name, 0.5)
    assert (estimator.estimate().pending, estimator.forgotten) == (2, 1)

"""Scores of forecasts."""

from __future__ import annotations

import pytest

from models.scores import auc, score, threshold_curve


def test_auc_counts_ties_half_and_needs_both_outcomes() -> None:
    assert auc([0.9, 0.1], [True, False]) == 1.0
    assert auc([0.5, 0.5], [True, False]) == 0.5
    assert auc([0.1, 0.9], [True, False]) == 0.0
    assert auc([0.1], [True]) is None


def test_scores_of_even_odds_are_known() -> None:
    found = score([0.5, 0.5], [True, False])
    assert found.log_loss == pytest.approx(0.693147, abs=1e-6)
    assert (found.brier, found.calibration_error, found.labels) == (0.25, 0.0, 2)
    assert score([], []).labels == 0


def test_threshold_curve_trades_precision_for_recall() -> None:
    points = threshold_curve(
        [0.9, 0.6, 0.6, 0.1], [True, True, False, False], [60.0] * 4, [120.0] * 4, 2.0, (0.5, 0.95, 0.8)
    )
    low, none, high = points
    assert (low.alerts, low.recall, low.minutes_saved, low.minutes_lost) == (3, 1.0, 2.0, 2.0)
    assert low.precision == pytest.approx(2 / 3)
    assert (high.precision, high.recall, high.alerts_a_day) == (1.0, 0.5, 0.5)
    assert none.precision is None


def test_a_run_that_alerts_again_and_again_is_alerted_once_at_its_first_time() -> None:
    (point,) = threshold_curve(
        [0.2, 0.8, 0.9, 0.95], [True, True, True, False], [600.0, 300.0, 60.0, 10.0], [0.0, 60.0, 300.0, 120.0],
        days=1.0, thresholds=[0.7], runs=["a", "a", "a", "b"],
    )  # fmt: skip
    assert (point.alerts, point.alerts_a_day, point.precision, point.recall) == (2, 2.0, 0.5, 1.0)
    assert (point.minutes_saved, point.minutes_lost) == (5.0, 2.0)

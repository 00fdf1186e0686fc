"""Scores estimated before labels come."""

from __future__ import annotations

import random

import pytest

from models.cbpe import estimate, expected_log_loss
from models.promotion import log_loss


def test_estimate_of_calibrated_forecasts_meets_the_truth() -> None:
    draw = random.Random(5)
    risks = [draw.uniform(0.02, 0.9) for _ in range(5000)]
    failed = [draw.random() < risk for risk in risks]
    found = estimate(risks)
    assert found.log_loss == pytest.approx(sum(map(log_loss, risks, failed)) / 5000, abs=0.02)
    assert found.brier == pytest.approx(sum((r - f) ** 2 for r, f in zip(risks, failed, strict=True)) / 5000, abs=0.02)
    assert found.failures == pytest.approx(sum(failed), rel=0.05)


def test_over_confident_forecasts_expect_less_than_comes() -> None:
    draw = random.Random(5)
    came = sum(log_loss(0.02, draw.random() < 0.3) for _ in range(2000)) / 2000
    assert came - expected_log_loss(0.02) > 0.5


def test_without_runs_in_flight_nothing_is_expected() -> None:
    assert estimate([]).pending == estimate([]).log_loss == 0
    assert expected_log_loss(1.0) < 2e-5

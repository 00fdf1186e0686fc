"""Twenty per cent comes to mean twenty per cent."""

from __future__ import annotations

import random

import numpy as np

from models.calibration import Calibration
from models.members.vector import sigmoid
from models.scoring import calibration_error


def test_before_any_outcome_it_changes_nothing() -> None:
    assert Calibration().logit(1.25) == 1.25


def test_overconfident_forecasts_are_drawn_in() -> None:
    draw, calibration = random.Random(2), Calibration(step=0.1)
    raw, told, labels = [], [], []
    for number in range(20_000):
        truth = draw.gauss(-1.0, 1.0)
        broken = float(draw.random() < sigmoid(truth))
        shown = 1.6 * truth + 0.8
        if number >= 15_000:
            raw.append(sigmoid(shown))
            told.append(sigmoid(calibration.logit(shown)))
            labels.append(broken)
        calibration.learn(shown, broken)
    before = calibration_error(np.array(raw), np.array(labels))
    after = calibration_error(np.array(told), np.array(labels))
    assert after < 0.025 < before
    assert calibration.slope < 0.9


def test_slope_keeps_the_order_of_risks_whatever_comes() -> None:
    calibration = Calibration(step=5.0)
    for number in range(500):
        calibration.learn(6.0 if number % 2 else -6.0, float(number % 2 == 0))
    assert 0.5 <= calibration.slope <= 2.0

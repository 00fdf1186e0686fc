"""Scores against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.scoring import auc, brier, calibration_error, log_loss, mean_auc

_PAIRS = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.integers(0, 1)), min_size=2)


@given(_PAIRS)
def test_auc_is_the_share_of_pairs_in_the_right_order_ties_half(pairs: list[tuple[float, int]]) -> None:
    risks, labels = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    bad, good = risks[labels == 1], risks[labels == 0]
    found = auc(risks, labels)
    if not len(bad) or not len(good):
        assert found is None
    else:
        wanted = np.mean([(b > g) + 0.5 * (b == g) for b in bad for g in good])
        assert found == pytest.approx(wanted)


def test_mean_auc_leaves_out_projects_with_one_kind_of_outcome() -> None:
    risks, labels = np.array([0.9, 0.1, 0.5, 0.2, 0.8]), np.array([1.0, 0.0, 1.0, 1.0, 0.0])
    assert mean_auc(["a", "a", "only", "b", "b"], risks, labels) == pytest.approx(0.5)
    assert mean_auc(["only"], risks[:1], labels[:1]) is None


def test_log_loss_and_brier_of_known_forecasts() -> None:
    risks, labels = np.array([0.8, 0.4]), np.array([1.0, 0.0])
    assert log_loss(risks, labels) == pytest.approx(-(math.log(0.8) + math.log(0.6)) / 2)
    assert brier(risks, labels) == pytest.approx((0.04 + 0.16) / 2)
    assert math.isfinite(log_loss(np.array([0.0]), np.array([1.0])))


def test_calibration_error_is_the_weighted_gap_by_bin() -> None:
    risks = np.array([0.1] * 10 + [0.9] * 10)
    labels = np.array([1.0] + [0.0] * 9 + [1.0] * 5 + [0.0] * 5)
    assert calibration_error(risks, labels) == pytest.approx(0.2)
    assert calibration_error(np.array([1.0]), np.array([1.0])) == 0.0

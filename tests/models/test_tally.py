"""Fading scores, and labels taken out of them again."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tally import FADING, Mean, Scores

_labels = st.lists(st.tuples(st.floats(0.01, 0.99), st.sampled_from([0.0, 1.0])), min_size=2, max_size=40)


def test_nothing_scored_says_nothing() -> None:
    scores = Scores()
    assert (scores.log_loss, scores.brier, scores.calibration_error, Mean().value) == (None, None, None, None)


def test_the_newest_label_weighs_most() -> None:
    scores, mean = Scores(), Mean()
    for risk, label in ((0.5, 1.0), (0.25, 0.0)):
        scores.add(risk, label)
        mean.add((risk - label) ** 2)
    expected = (FADING * 0.25 + 0.0625) / (FADING + 1.0)
    assert scores.brier == pytest.approx(expected)
    assert mean.value == pytest.approx(expected)
    assert scores.log_loss == pytest.approx((FADING * math.log(2.0) - math.log(0.75)) / (FADING + 1.0))


def test_calibration_error_is_the_gap_within_the_bins() -> None:
    scores = Scores()
    for label in (1.0, 0.0, 1.0, 0.0):
        scores.add(0.7, label)
    assert scores.calibration_error == pytest.approx(0.2, abs=1e-3)


@given(_labels, st.data())
def test_a_restated_label_scores_as_if_it_had_come_so_in_the_first_place(
    labels: list[tuple[float, float]], data: st.DataObject
) -> None:
    which = data.draw(st.integers(0, len(labels) - 1))
    restated, straight = Scores(), Scores()
    ages = [restated.add(risk, label) for risk, label in labels]
    risk, label = labels[which]
    restated.withdraw(risk, label, ages[which])
    restated.put_back(risk, 1.0 - label, ages[which])
    for number, (each, outcome) in enumerate(labels):
        straight.add(each, 1.0 - outcome if number == which else outcome)
    assert restated.labels == straight.labels
    assert restated.log_loss == pytest.approx(straight.log_loss, abs=1e-9)
    assert restated.brier == pytest.approx(straight.brier, abs=1e-9)
    assert restated.calibration_error == pytest.approx(straight.calibration_error, abs=1e-9)


@given(_labels)
def test_all_labels_withdrawn_leave_nothing(labels: list[tuple[float, float]]) -> None:
    scores = Scores()
    ages = [scores.add(risk, label) for risk, label in labels]
    for age, (risk, label) in zip(ages, labels, strict=True):
        scores.withdraw(risk, label, age)
    assert (scores.labels, scores.log_loss) == (0, None)

"""Standardised features: mean 0, deviation 1, clipped; what never varied says nothing."""

from __future__ import annotations

import numpy as np
import pytest

from models.scaling import Scaling


def _learned(rows: np.ndarray) -> Scaling:
    scaling = Scaling()
    for row in rows:
        scaling.learn(row)
    return scaling


def test_mean_and_deviation_are_those_of_the_rows_seen() -> None:
    rows = np.random.default_rng(1).normal([5.0, -2.0], [3.0, 0.1], (4000, 2))
    scaling = _learned(rows)
    told = np.array([scaling.standard(row) for row in rows])
    assert told.mean(axis=0) == pytest.approx([0.0, 0.0], abs=0.02)
    assert told.std(axis=0) == pytest.approx([1.0, 1.0], abs=0.02)


def test_no_value_shouts() -> None:
    scaling = _learned(np.random.default_rng(2).normal(size=(200, 1)))
    assert scaling.standard(np.array([1e12])).tolist() == [4.0]
    assert scaling.standard(np.array([-1e12])).tolist() == [-4.0]


def test_column_that_never_varied_is_zero() -> None:
    scaling = _learned(np.full((50, 2), 7.0))
    assert scaling.standard(np.array([7.0, 9.0])).tolist() == [0.0, 0.0]


def test_reading_changes_nothing() -> None:
    scaling = _learned(np.random.default_rng(3).normal(size=(20, 3)))
    row = np.array([1.0, 2.0, 3.0])
    assert scaling.standard(row).tolist() == scaling.standard(row).tolist()
    assert scaling.seen == 20


@pytest.mark.parametrize("width", [1, 5])
def test_another_width_is_taken_without_losing_what_is_known(width: int) -> None:
    scaling = _learned(np.random.default_rng(4).normal(3.0, 1.0, (300, 3)))
    first = scaling.standard(np.array([4.0, 3.0, 3.0]))[0]
    row = np.full(width, 3.0)
    row[0] = 4.0
    assert scaling.standard(row)[0] == first
    scaling.learn(row)
    assert len(scaling.standard(row)) == width

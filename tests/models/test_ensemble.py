"""The pool's weights follow who is right, and never let anyone go for good."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.ensemble import Pool

_LOGIT = st.floats(-8.0, 8.0)


@given(st.lists(st.tuples(_LOGIT, _LOGIT, _LOGIT, st.booleans()), max_size=60))
def test_weights_stay_positive_and_sum_to_one(lessons: list[tuple[float, float, float, bool]]) -> None:
    pool = Pool(["a", "b", "c"])
    for a, b, c, broken in lessons:
        pool.learn([a, b, c], float(broken))
    assert math.fsum(pool.weights) == pytest.approx(1.0)
    assert min(pool.weights) >= pool.share / 3 * 0.999


@given(_LOGIT, _LOGIT)
def test_pool_lies_between_its_members(a: float, b: float) -> None:
    pooled = Pool(["a", "b"], start={"a": 3.0}).logit([a, b])
    assert min(a, b) - 1e-9 <= pooled <= max(a, b) + 1e-9


def test_weight_moves_to_the_member_that_is_right_and_back_when_the_other_is() -> None:
    pool = Pool(["good", "bad"])
    for number in range(200):
        sign = 1.0 if number % 2 else -1.0
        pool.learn([2.0 * sign, -2.0 * sign], float(number % 2))
    assert pool.weights[0] > 0.95
    for number in range(200):
        sign = 1.0 if number % 2 else -1.0
        pool.learn([-2.0 * sign, 2.0 * sign], float(number % 2))
    assert pool.weights[1] > 0.95


def test_first_weights_are_in_the_given_proportion() -> None:
    assert Pool(["a", "b"], start={"a": 3.0, "b": 1.0}).weights == [0.75, 0.25]

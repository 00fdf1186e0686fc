"""Time left given the time that has passed, and given what the build tool says."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from models.duration import DurationModel
from models.survival import doubt_of_tool, given_elapsed, with_progress
from streams.events import Interval
from tests.builders import run

TOTAL = Interval(point=100.0, lower=60.0, upper=170.0)


def test_nothing_passed_leaves_the_forecast_as_it_is() -> None:
    assert given_elapsed(TOTAL, 0.0) == TOTAL


def test_a_run_far_past_its_bound_is_expected_to_go_on_in_proportion() -> None:
    late, later = given_elapsed(TOTAL, 500.0), given_elapsed(TOTAL, 5000.0)
    assert late.point > 500.0
    assert math.isclose(later.point / 5000.0, late.point / 500.0, rel_tol=0.05)


def test_progress_that_says_nothing_changes_nothing() -> None:
    for progress in (None, 0.0, 0.01, 1.5):
        assert with_progress(TOTAL, 30.0, progress, 0.5) == TOTAL


def test_a_tool_that_says_more_than_all_is_done_is_passed_over() -> None:
    assert doubt_of_tool(1.5) == doubt_of_tool(1.0)
    model = DurationModel()
    asked = run("any")
    assert model.predict(asked, 0.0, "h", 30.0, progress=1.5) == model.predict(asked, 0.0, "h", 30.0)


def test_late_progress_counts_more_than_early() -> None:
    early, late = (
        with_progress(TOTAL, elapsed, share, doubt_of_tool(share)) for elapsed, share in ((40.0, 0.2), (180.0, 0.9))
    )
    assert abs(late.point - 200.0) < abs(early.point - 200.0)
    assert late.upper - late.lower < early.upper - early.lower


@given(st.floats(0.001, 1e6), st.floats(0.001, 1e6))
def test_more_time_passed_never_brings_the_end_nearer(one: float, other: float) -> None:
    first, second = (given_elapsed(TOTAL, elapsed) for elapsed in sorted((one, other)))
    assert second.point >= first.point - 1e-6 * first.point
    assert second.lower <= second.point <= second.upper

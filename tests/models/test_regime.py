"""A slow-down is seen from runs that have not ended, and not where there is none."""

from __future__ import annotations

import json
import math

from models.regime import NO_SHIFT, RegimeConfig, RegimeShift

USUAL = math.log(100.0)


def steady(regime: RegimeShift) -> None:
    for number in range(50):
        regime.open("g", f"old-{number}", USUAL, 0.2, number * 10.0, 0.0)
        regime.learn("g", f"old-{number}", USUAL, 0.0, number * 10.0 + 100.0)


def overdue(regime: RegimeShift, first: int = 0) -> None:
    for number in range(first, 40):
        regime.open("g", f"new-{number}", USUAL, 0.2, 1000.0 + number * 10.0, 0.0)


def test_runs_that_end_as_usual_are_no_change() -> None:
    regime = RegimeShift()
    steady(regime)
    assert regime.shift("g") == NO_SHIFT == regime.shift("never seen")


def test_many_runs_past_their_time_are_a_slow_down_before_any_label() -> None:
    regime = RegimeShift()
    steady(regime)
    overdue(regime)
    shift = regime.shift("g")
    assert 0.3 < shift.mean < 2.2
    assert shift.lower <= shift.mean <= shift.upper


def test_cancelled_runs_tell_nothing_more() -> None:
    regime = RegimeShift()
    steady(regime)
    for number in range(40):
        regime.open("g", f"new-{number}", USUAL, 0.2, 1000.0 + number * 10.0, 0.0)
        regime.drop("g", f"new-{number}")
    assert regime.shift("g") == NO_SHIFT


def test_state_is_plain_and_brings_back_the_same_shift_from_then_on() -> None:
    regime, again = RegimeShift(), RegimeShift()
    steady(regime)
    again.load(json.loads(json.dumps(regime.state())))
    overdue(regime)
    overdue(again)
    assert again.shift("g") == regime.shift("g") != NO_SHIFT


def test_memory_is_bounded_and_what_was_forgotten_is_counted() -> None:
    regime = RegimeShift(RegimeConfig(groups=2))
    for number in range(5):
        regime.open(f"g{number}", "a", USUAL, 0.2, 0.0, 0.0)
    assert regime.evicted == 3

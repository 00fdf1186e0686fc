"""Alerts: raised with evidence, once per run and cause, resolved with hysteresis."""

from __future__ import annotations

from models.alerts import AlertPolicy, Verdict, judge
from models.run_state import RunState
from tests.builders import T0, run

POLICY = AlertPolicy()


def _state() -> RunState:
    return RunState(run=run(), host="h", started_at=T0, seen_at=T0)


def _raise(state: RunState, cause: str) -> None:
    state.raised[cause] = "id"
    state.spent.append(cause)


def test_a_level_passed_on_history_alone_needs_confidence() -> None:
    assert judge(_state(), T0, 0.9, 0.2, 0.0, POLICY) == Verdict()
    assert judge(_state(), T0, 0.9, 0.7, 0.0, POLICY).raised == ("level",)


def test_in_run_evidence_needs_no_history() -> None:
    assert judge(_state(), T0, 0.9, 0.0, 3.0, POLICY).raised == ("level",)


def test_a_steep_rise_is_told_before_the_level_is_reached() -> None:
    state = _state()
    assert judge(state, T0, 0.1, 0.9, 0.0, POLICY) == Verdict()
    assert judge(state, T0 + 10, 0.7, 0.9, 3.0, POLICY).raised == ("slope",)


def test_a_slow_rise_is_not() -> None:
    state = _state()
    for second in range(0, 1200, 100):
        assert judge(state, T0 + second, 0.1 + second / 2000, 0.9, 3.0, POLICY) == Verdict()


def test_between_the_two_levels_nothing_changes() -> None:
    state = _state()
    judge(state, T0, 0.9, 0.9, 3.0, POLICY)
    _raise(state, "level")
    assert judge(state, T0 + 1, 0.7, 0.9, 3.0, POLICY) == Verdict()
    assert judge(state, T0 + 2, 0.5, 0.9, 3.0, POLICY).resolved == ("level",)


def test_a_cause_alerts_once_in_a_run() -> None:
    state = _state()
    _raise(state, "level")
    state.raised.clear()
    assert judge(state, T0, 0.95, 0.9, 3.0, POLICY).raised == ()

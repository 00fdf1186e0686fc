"""Verdicts in shadow: given where stopping pays, scored against what happened."""

from __future__ import annotations

import pytest

from models.abort import AbortLedger, AbortPolicy, advise, first_verdict
from streams.events import Checkpoint, ExampleRecorded, Interval, ModelRef, Outcome
from tests.builders import T0, run

POLICY = AbortPolicy()


def _point(elapsed: float, risk: float, left: float | None = 600.0, prior_logit: float = 0.0) -> Checkpoint:
    remaining = None if left is None else Interval(point=left, lower=left / 2, upper=left * 2)
    ref = ModelRef(config="default", offset=0)
    return Checkpoint(at=T0 + elapsed, elapsed_seconds=elapsed, trigger="signal", evidence=[], risk=risk,
                      prior_logit=prior_logit, remaining=remaining, model=ref)  # fmt: skip


def _example(outcome: Outcome, seconds: float | None, *points: Checkpoint) -> ExampleRecorded:
    return ExampleRecorded(id="e", source="/t", time=T0 + 1000, run=run(), outcome=outcome, started_at=T0,
                           seconds=seconds, checkpoints=list(points))  # fmt: skip


def test_a_sure_failure_with_much_left_is_given_up() -> None:
    verdict = advise(0.995, 60.0, 600.0, 3.0, POLICY)
    assert verdict is not None
    assert verdict.expected_gain_seconds == pytest.approx(0.995 * 600 - 0.005 * 120 * 10)


@pytest.mark.parametrize(
    ("risk", "elapsed", "left", "shown"),
    [(0.97, 60, 600, 3), (0.99, 60, 5, 3), (0.99, 60, 600, -1), (0.981, 7200, 30, 3)],
)
def test_doubt_little_left_no_evidence_or_dear_redoing_keep_a_run_going(
    risk: float, elapsed: float, left: float, shown: float
) -> None:
    assert advise(risk, elapsed, left, shown, POLICY) is None


def test_first_verdict_is_the_one_that_counts_and_needs_a_time_left() -> None:
    points = [_point(1, 0.2), _point(50, 0.999, left=None), _point(60, 0.99), _point(70, 0.999)]
    verdict = first_verdict(points, POLICY)
    assert verdict is not None
    assert verdict.elapsed_seconds == 60


def test_verdicts_are_scored_in_minutes_saved_and_wrong_ones() -> None:
    ledger = AbortLedger()
    ledger.add(_example("failure", 660.0, _point(60, 0.99)))
    ledger.add(_example("success", 660.0, _point(60, 0.99)))
    ledger.add(_example("failure", 300.0, _point(60, 0.5)))
    ledger.add(_example("cancel", 300.0, _point(60, 0.99)))
    ledger.add(_example("failure", None, _point(60, 0.99)))
    score = ledger.score
    assert (score.runs, score.verdicts, score.wrong) == (3, 2, 1)
    assert score.minutes_saved == pytest.approx(10.0)
    assert score.minutes_lost == pytest.approx(2.0)
    assert score.saved_share == pytest.approx(10.0 / 16.0)
    assert score.wrong_share == 0.5


def test_acting_is_earned_by_enough_right_verdicts_and_lost_by_wrong_ones() -> None:
    ledger = AbortLedger()
    for _ in range(99):
        ledger.add(_example("failure", 660.0, _point(60, 0.99)))
    assert not ledger.trusted()
    ledger.add(_example("failure", 660.0, _point(60, 0.99)))
    assert ledger.trusted()
    for _ in range(2):
        ledger.add(_example("success", 660.0, _point(60, 0.99)))
    assert not ledger.trusted()

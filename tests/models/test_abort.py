"""Verdicts in shadow: given where stopping pays, scored against what happened."""

from __future__ import annotations

import math

import pytest
from msgspec.structs import replace

from models.abort import AbortLedger, AbortPolicy, advise, first_verdict
from models.abort_levels import LevelPolicy, Levels
from streams.events import Checkpoint, ExampleRecorded, Interval, ModelRef, Outcome
from tests.builders import T0, run

POLICY = AbortPolicy()
LOGIT_95 = math.log(0.95 / 0.05)


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


def test_history_alone_gives_no_verdict_before_its_project_has_earned_a_level() -> None:
    assert advise(0.999, 0.0, 600.0, 0.0, POLICY) is None
    assert advise(0.94, 0.0, 600.0, 0.0, POLICY, level=0.93) is not None
    assert advise(0.92, 0.0, 600.0, 0.0, POLICY, level=0.93) is None


def test_a_project_that_stays_broken_earns_verdicts_from_its_history_and_loses_them_when_it_is_repaired() -> None:
    ledger, told = AbortLedger(), _point(0, 0.95, prior_logit=LOGIT_95)
    for number in range(30):
        assert ledger.advise(run(f"next{number}"), 0.95, 0.0, 600.0, 0.0) is None
        ledger.add(_example("failure", 660.0, told))
    assert ledger.advise(run("after"), 0.95, 0.0, 600.0, 0.0) is not None
    assert ledger.advise(run("after"), 0.94, 0.0, 600.0, 0.0) is not None  # all of them were told as much
    assert ledger.advise(run("after"), 0.91, 0.0, 600.0, 0.0) is None
    assert ledger.advise(replace(run("other"), project="another"), 0.99, 0.0, 600.0, 0.0) is None
    ledger.add(_example("success", 660.0, told))
    assert ledger.advise(run("once"), 0.95, 0.0, 600.0, 0.0) is None
    for _ in range(49):
        ledger.add(_example("failure", 660.0, told))
    assert ledger.advise(run("soon"), 0.95, 0.0, 600.0, 0.0) is None  # it is among the last fifty
    ledger.add(_example("failure", 660.0, told))
    assert ledger.advise(run("again"), 0.95, 0.0, 600.0, 0.0) is not None


def test_a_run_keeps_the_level_that_stood_when_it_began_and_is_scored_by_it() -> None:
    ledger, told = AbortLedger(), _point(0, 0.95, prior_logit=LOGIT_95)
    for number in range(30):
        ledger.open(run(f"r{number}"))
        ledger.add(replace(_example("failure", 660.0, told), run=run(f"r{number}")))
    assert (ledger.score.verdicts, ledger.opened) == (0, {})
    ledger.open(run("late"))
    for _ in range(3):
        ledger.add(_example("success", 660.0, told))
    assert ledger.advise(run("late"), 0.95, 0.0, 600.0, 0.0) is not None
    ledger.add(replace(_example("failure", 660.0, told), run=run("late")))
    assert (ledger.score.verdicts, ledger.score.wrong, ledger.opened) == (1, 0, {})


def test_a_runs_own_signs_earn_nothing_for_its_history() -> None:
    ledger = AbortLedger()
    for _ in range(80):
        ledger.add(_example("failure", 660.0, _point(60, 0.99)))
    assert ledger.levels.of(run().project) == math.inf


def test_runs_in_flight_are_remembered_up_to_a_limit() -> None:
    ledger, told = AbortLedger(), _point(0, 0.95, prior_logit=LOGIT_95)
    for _ in range(60):
        ledger.add(_example("failure", 660.0, told))
    for number in range(10_050):
        ledger.open(run(f"r{number}"))
    assert list(ledger.opened) == [f"r{number}" for number in range(100, 10_050)]


def test_the_projects_unseen_for_longest_lose_their_level() -> None:
    levels = Levels(LevelPolicy(projects=2))
    for project in ("a", "b", "a", "c"):
        for _ in range(60):
            levels.add(project, 0.99, passed=False)
    assert [levels.of(project) for project in "abc"] == [0.92, math.inf, 0.92]


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

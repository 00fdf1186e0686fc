"""Failures that say nothing about their change."""

from __future__ import annotations

from models.labels import LabelJudge
from streams.events import ExampleRecorded, Outcome
from tests.builders import T0, run


def _example(run_id: str, outcome: Outcome, commit: str = "abc", error_class: str = "") -> ExampleRecorded:
    return ExampleRecorded(id=run_id, source="/t", time=T0, run=run(run_id, commit=commit), outcome=outcome,
                           started_at=T0 - 60, seconds=60.0, error_class=error_class)  # fmt: skip


def test_a_failure_whose_commit_passes_later_is_flaky() -> None:
    judge = LabelJudge()
    assert judge.add(_example("1", "failure")) == []
    found = judge.add(_example("2", "success"))
    assert [(suspicion.run_id, suspicion.quality) for suspicion in found] == [("1", "flaky")]
    assert judge.counts == {"real": 0, "flaky": 1, "infrastructure": 0}


def test_a_failure_whose_commit_has_passed_is_flaky_and_told_once() -> None:
    judge = LabelJudge()
    judge.add(_example("1", "success"))
    assert [suspicion.run_id for suspicion in judge.add(_example("2", "failure"))] == ["2"]
    assert judge.add(_example("3", "success")) == []


def test_failures_of_other_commits_or_without_commit_are_real() -> None:
    judge = LabelJudge()
    for number, commit in enumerate(["a", "", ""]):
        assert judge.add(_example(str(number), "failure", commit)) == []
    assert judge.add(_example("9", "success", "")) == []
    assert judge.counts["real"] == 3


def test_what_the_machine_did_is_infrastructure() -> None:
    judge = LabelJudge()
    found = judge.add(_example("1", "failure", error_class="oom"))
    assert [suspicion.quality for suspicion in found] == ["infrastructure"]
    assert judge.add(_example("2", "cancel", error_class="oom")) == []


def test_the_same_suspicion_is_the_same_event() -> None:
    suspicion = LabelJudge().add(_example("1", "failure", error_class="disk"))[0]
    assert suspicion.revision(T0) == suspicion.revision(T0)
    assert suspicion.revision(T0).verdict == "infrastructure"


def test_commits_seen_longest_ago_are_forgotten() -> None:
    judge = LabelJudge(commits=1)
    judge.add(_example("1", "failure", "a"))
    judge.add(_example("2", "failure", "b"))
    assert judge.add(_example("3", "success", "a")) == []

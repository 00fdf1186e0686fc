"""What a retry is worth: learned from commits that failed and were built again."""

from __future__ import annotations

import random

from models.retry import RetryModel
from streams.events import ExampleRecorded, Outcome
from tests.builders import T0, run


def _example(number: int, outcome: Outcome, commit: str, project: str = "lfs") -> ExampleRecorded:
    return ExampleRecorded(
        id=f"e{number}", source="/t", time=T0 + number, started_at=T0, seconds=1.0, outcome=outcome,
        run=run(f"r{number}", commit=commit, project=project),
    )  # fmt: skip


def _learned(share: float, commits: int, project: str = "lfs") -> RetryModel:
    model, draw = RetryModel(), random.Random(3)
    for number in range(commits):
        model.learn(_example(2 * number, "failure", f"c{number}", project))
        passed = draw.random() < share
        model.learn(_example(2 * number + 1, "success" if passed else "failure", f"c{number}", project))
    return model


def test_with_no_history_the_declared_share_speaks_with_a_wide_interval() -> None:
    chance = RetryModel().chance(run())
    assert chance.point == 0.25
    assert chance.lower < 0.05
    assert chance.upper > 0.5


def test_the_share_of_a_project_is_learned_and_held_by_its_interval() -> None:
    for share in (0.1, 0.5, 0.9):
        chance = _learned(share, 200).chance(run())
        assert chance.lower <= share <= chance.upper
        assert chance.upper - chance.lower < 0.2


def test_a_project_without_retries_is_told_by_the_others() -> None:
    flaky, firm = _learned(0.9, 100).chance(run(project="new")), _learned(0.05, 100).chance(run(project="new"))
    assert flaky.point > 0.7 > 0.2 > firm.point
    assert flaky.upper - flaky.lower > 0.3


def test_only_a_build_after_a_failed_one_of_the_same_commit_is_a_retry() -> None:
    model = RetryModel()
    for number in range(50):
        model.learn(_example(2 * number, "success", f"c{number}"))
        model.learn(_example(2 * number + 1, "success", f"c{number}"))
        model.learn(_example(1000 + number, "failure", f"d{number}"))
        model.learn(_example(2000 + number, "cancel", f"d{number}"))
    model.learn(_example(3000, "success", ""))
    assert model.chance(run()) == RetryModel().chance(run())


def test_memory_is_bounded() -> None:
    model = RetryModel()
    for number in range(21_000):
        model.learn(_example(number, "failure", f"c{number}"))
        model.learn(_example(number, "failure", "same", f"p{number}"))
        model.learn(_example(number, "failure", "same", f"p{number}"))
    assert len(model._failed) == 20_000
    assert len(model._tries) == 20_000

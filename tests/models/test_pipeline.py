"""Whole builds: sums of packages to come, with what has passed."""

from __future__ import annotations

import pytest

from models.duration import DurationConfig, DurationModel
from models.pipeline import BuildProgress, PipelineConfig, remaining_seconds, total_seconds
from streams.events import ExampleRecorded, Interval, Run


def run(name: str, number: int) -> Run:
    return Run(run_id=f"{name}-{number}", name=name, project="lfs")


def trained() -> DurationModel:
    model = DurationModel(DurationConfig(published_prior=False))
    for number in range(30):
        for name, seconds in (("small", 20.0), ("large", 200.0)):
            one, at = run(name, number), 300.0 * number
            model.learn(
                ExampleRecorded(
                    id=one.run_id, source="/test", time=at, host="h", run=one, outcome="success",
                    started_at=at, seconds=seconds,
                )
            )  # fmt: skip
    return model


def left(build: BuildProgress, config: PipelineConfig | None = None) -> Interval:
    forecast = remaining_seconds(trained(), build, 1e4, "h", config)
    assert forecast is not None
    return forecast


def test_packages_to_come_add_up() -> None:
    both = left(BuildProgress([], None, 0.0, [run("small", 99), run("large", 99)]))
    assert both.point == pytest.approx(220.0, rel=0.1)
    assert both.lower < both.point < both.upper


def test_the_run_that_is_on_counts_with_what_it_still_lacks() -> None:
    halfway = left(BuildProgress([], run("large", 99), 100.0, []))
    assert halfway.point == pytest.approx(100.0, rel=0.2)


def test_the_total_is_what_has_passed_and_what_remains() -> None:
    build = BuildProgress([(run("small", 98), 25.0)], run("large", 99), 50.0, [run("small", 99)])
    total, rest = total_seconds(trained(), build, 1e4, "h"), left(build)
    assert total is not None
    assert total.point == pytest.approx(75.0 + rest.point)
    assert total.lower >= 75.0


def test_nothing_to_come_leaves_nothing() -> None:
    assert left(BuildProgress([(run("small", 98), 25.0)], None, 0.0, [])) == Interval(point=0.0, lower=0.0, upper=0.0)


def test_errors_that_packages_share_do_not_average_out() -> None:
    build = BuildProgress([], None, 0.0, [run("small", number) for number in range(50, 70)])
    apart, alike = (left(build, PipelineConfig(shared=share)) for share in (0.0, 1.0))
    assert apart.point == alike.point
    assert alike.upper - alike.lower > 2.0 * (apart.upper - apart.lower)

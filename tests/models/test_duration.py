"""Durations: package cost and host speed apart, honest intervals, overdue and cancelled runs."""

from __future__ import annotations

import json
import math
import random
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.duration import DurationConfig, DurationModel
from streams.events import ExampleRecorded, Interval, Run

COLD = DurationConfig(published_prior=False)


def run(name: str, number: int = 0, **known: object) -> Run:
    return Run(run_id=f"{name}-{number}", name=name, project="lfs", **known)  # type: ignore[arg-type]


def example(
    of: Run,
    seconds: float | None,
    at: float,
    host: str = "h",
    outcome: Literal["success", "failure", "error", "cancel"] = "success",
) -> ExampleRecorded:
    return ExampleRecorded(
        id=of.run_id,
        source="/test",
        time=at,
        host=host,
        run=of,
        outcome=outcome,
        started_at=at - (seconds or 0.0),
        seconds=seconds,
    )


def told(model: DurationModel, of: Run, **known: object) -> Interval:
    forecast = model.predict(of, 0.0, **known)  # type: ignore[arg-type]
    assert forecast is not None
    return forecast


def trained(config: DurationConfig = COLD, slow_factor: float = 1.0) -> DurationModel:
    """A model that has seen twenty packages ten times on two hosts."""
    model, at, dice = DurationModel(config), 0.0, random.Random(5)
    for number in range(10):
        for host, speed in (("fast", 1.0), ("usual", 1.6 * slow_factor)):
            for package in range(20):
                seconds = (10.0 + 20.0 * package) * speed * math.exp(dice.gauss(0.0, 0.05))
                one = run(f"p{package}", number * 2 + (host == "fast"))
                model.open(one, at, host)
                at += seconds
                model.learn(example(one, seconds, at, host))
    return model


def test_a_model_that_knows_nothing_gives_a_wide_interval_at_once() -> None:
    forecast = told(DurationModel(COLD), run("anything"))
    assert forecast.lower < forecast.point < forecast.upper
    assert forecast.upper / max(forecast.lower, 1.0) > 20.0


def test_a_few_equal_runs_of_a_project_narrow_its_interval_and_a_run_elsewhere_stays_in_doubt() -> None:
    model, made = DurationModel(), {"branch": "main", "parallelism": 2, "cpu_model": "c"}
    widths = []
    for number in range(6):
        expected = told(model, run("app", number, **made), host="h")
        widths.append(math.log(expected.upper / max(expected.lower, 0.1)))
        model.learn(example(run("app", number, **made), 60.0, 100.0 * number))
    assert all(later < before for before, later in pairwise(widths))
    expected = told(model, run("app", 6, **made), host="h")
    assert 25.0 < expected.lower < 59.0 < expected.point < 61.0 < expected.upper < 130.0
    other = told(model, run("app", 7, **made | {"branch": "rewrite"}), host="h2")
    assert other.upper / other.lower > 2.0 * expected.upper / expected.lower


def test_one_timed_package_on_a_new_host_gives_every_later_package_its_estimate() -> None:
    model = trained()
    first = run("p10", 99)
    model.learn(example(first, 210.0 * 3.0, 1e6, "new"))
    errors = [abs(told(model, run(f"p{p}", 99), host="new").point / ((10.0 + 20.0 * p) * 3.0) - 1.0) for p in range(20)]
    assert sorted(errors)[10] < 0.35


def test_the_published_costs_give_a_first_build_an_estimate_after_its_first_package() -> None:
    model = DurationModel()
    model.learn(example(run("binutils-pass1", parallelism=3), 200.0, 1.0, "mine"))
    gcc = told(model, run("gcc-pass1", parallelism=3), host="mine")
    assert 1200.0 < gcc.point < 4500.0
    blind = DurationModel(COLD)
    blind.learn(example(run("binutils-pass1", parallelism=3), 200.0, 1.0, "mine"))
    assert told(blind, run("gcc-pass1", parallelism=3), host="mine").point < 1200.0


def test_fewer_jobs_are_forecast_to_take_longer_by_the_published_costs() -> None:
    model = DurationModel()
    alone, many = (told(model, run("gcc-pass2", parallelism=jobs)).point for jobs in (1, 8))
    assert alone > 1.8 * many


def test_intervals_hold_about_95_in_100_runs() -> None:
    assert 0.9 <= trained().coverage <= 1.0


def test_time_that_passes_moves_the_total_up_and_never_below_the_elapsed() -> None:
    model, one = trained(), run("p5", 99)
    at_start = told(model, one, host="fast")
    for elapsed in (10.0, 60.0, 110.0, 150.0, 400.0, 4000.0):
        later = told(model, one, host="fast", elapsed_seconds=elapsed)
        assert elapsed <= later.lower <= later.point <= later.upper
        assert later.point >= at_start.point - 1e-6


def test_the_build_tools_progress_sharpens_the_estimate() -> None:
    model, one = trained(), run("p5", 99)
    shown = told(model, one, host="fast", elapsed_seconds=200.0, progress=0.5)
    blind = told(model, one, host="fast", elapsed_seconds=200.0)
    assert abs(shown.point - 400.0) < abs(blind.point - 400.0)


def test_a_run_past_its_upper_bound_widens_the_interval_before_its_label_comes() -> None:
    model = trained()
    before = told(model, run("p5", 50), host="fast")
    for number in range(10):
        model.open(run("p5", 100 + number), 1e6, "fast")
    model.open(run("p6", 299), 1e6 + 60.0, "fast")
    assert told(model, run("p5", 50), host="fast").upper == pytest.approx(before.upper)
    model.open(run("p6", 300), 1e6 + 100_000.0, "fast")
    after = told(model, run("p5", 50), host="fast")
    assert after.upper > before.upper * 1.02


def test_a_cancelled_run_tells_that_it_would_have_taken_longer() -> None:
    model, short = trained(), trained()
    before = told(model, run("p5"), host="fast").point
    for number in range(5):
        model.learn(example(run("p5", 200 + number), 900.0, 1e6, "fast", "cancel"))
        short.learn(example(run("p5", 200 + number), 1.0, 1e6, "fast", "cancel"))
    assert told(model, run("p5"), host="fast").point > 1.05 * before
    assert told(short, run("p5"), host="fast").point == pytest.approx(before)


@pytest.mark.parametrize("seconds", [None, -1.0, math.nan, math.inf, 1e12])
def test_durations_that_cannot_be_are_passed_over(seconds: float | None) -> None:
    model = trained()
    before = told(model, run("p5"), host="fast")
    model.learn(example(run("p5", 77), seconds, 1e6, "fast"))
    assert told(model, run("p5"), host="fast") == before


def test_state_is_plain_and_brings_back_the_same_digits() -> None:
    model = trained()
    model.open(run("p3", 500), 2e6, "fast")
    again = DurationModel(COLD)
    again.load(json.loads(json.dumps(model.state())))
    for number in range(20):
        for each in (model, again):
            each.learn(example(run(f"p{number % 7}", 600 + number), 50.0 + number, 2e6 + 900.0 * number, "fast"))
    assert told(model, run("p3", 501), host="fast") == told(again, run("p3", 501), host="fast")
    assert model.coverage == again.coverage


def test_memory_is_bounded_and_what_was_forgotten_is_counted() -> None:
    model = DurationModel(DurationConfig(published_prior=False, effects=50))
    for number in range(300):
        model.learn(example(run(f"n{number}", number), 10.0, float(number)))
    assert model.evicted > 0
    assert len(json.dumps(model.state())) < 200_000


@given(
    st.lists(st.floats(0.0, 1e6), min_size=1, max_size=30),
    st.floats(0.0, 1e6),
    st.one_of(st.none(), st.floats(0.0, 1.0)),
)
def test_every_forecast_is_finite_and_ordered(seconds: list[float], elapsed: float, progress: float | None) -> None:
    model = DurationModel(COLD)
    for number, each in enumerate(seconds):
        model.learn(example(run("x", number), each, float(number)))
    forecast = model.predict(run("x", 99), 50.0, "h", elapsed, progress)
    assert forecast is not None
    assert 0.0 <= forecast.lower <= forecast.point <= forecast.upper < math.inf
    assert forecast.lower >= elapsed or elapsed == 0.0

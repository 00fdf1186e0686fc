"""Drift, trainings and moves as Prometheus sees them, and the time that giving up saved."""

from __future__ import annotations

import msgspec
from prometheus_client import CollectorRegistry

from agents.lifecycle import count_lifecycle
from agents.metrics import create
from agents.observed import Observed
from streams.events import (
    STOPPED,
    AbortVerdict,
    Checkpoint,
    Event,
    ExampleRecorded,
    ForecastMade,
    Interval,
    ModelRef,
    Outcome,
    RunFinished,
)
from tests import builders


def test_drift_trainings_and_moves_are_counted_once_each() -> None:
    registry = CollectorRegistry()
    metrics = create(registry)
    for event in builders.one_of_each():
        count_lifecycle(event, metrics)
    found = {(sample.name, *sample.labels.values()): sample.value
             for family in registry.collect() for sample in family.samples
             if sample.value and sample.name.endswith(("_total", "_seconds_count"))}  # fmt: skip
    assert found == {
        ("buildcast_drift_events_total", "adwin"): 1.0,
        ("buildcast_training_runs_total", "drift", "success"): 1.0,
        ("buildcast_training_duration_seconds_count",): 1.0,
        ("buildcast_model_moves_total", "promoted"): 1.0,
        ("buildcast_model_moves_total", "rolled-back"): 1.0,
    }


def test_time_saved_is_counted_in_shadow_where_a_run_failed_after_its_verdict_and_for_what_was_stopped() -> None:
    registry = CollectorRegistry()
    observed = Observed(create(registry))
    ends: list[tuple[Outcome, str]] = [("failure", ""), ("success", ""), ("cancel", STOPPED), ("cancel", "")]
    for number, (outcome, error_class) in enumerate(ends):
        for elapsed in (60.0, 200.0):
            observed.take(_ended(), [_advised(f"r{number}", elapsed)])
        observed.take(_ended(), [_example(f"r{number}", outcome, error_class)])
    observed.take(_ended(), [_example("never advised", "failure", "")])
    saved = {mode: registry.get_sample_value("buildcast_saved_seconds_total", {"mode": mode})
             for mode in ("shadow", "stopped")}  # fmt: skip
    assert saved == {"shadow": 540.0, "stopped": 500.0}


def _ended() -> Event:
    return next(event for event in builders.one_of_each() if isinstance(event, RunFinished))


def _advised(run_id: str, elapsed: float) -> Event:
    forecast = next(event for event in builders.one_of_each() if isinstance(event, ForecastMade))
    verdict = AbortVerdict(expected_gain_seconds=400.0, trusted=False, verdicts=1, wrong=0)
    return msgspec.structs.replace(forecast, run_id=run_id, elapsed_seconds=elapsed, abort=verdict)


def _example(run_id: str, outcome: Outcome, error_class: str) -> ExampleRecorded:
    point = Checkpoint(at=60.0, elapsed_seconds=60.0, trigger="signal", evidence=[], risk=0.995, prior_logit=0.0,
                       remaining=Interval(point=500.0, lower=400.0, upper=700.0),
                       model=ModelRef(config="default", offset=0))  # fmt: skip
    return ExampleRecorded(id="x", source="/t", time=600.0, run=builders.run(run_id), outcome=outcome, started_at=0.0,
                           seconds=600.0, error_class=error_class, checkpoints=[point])  # fmt: skip

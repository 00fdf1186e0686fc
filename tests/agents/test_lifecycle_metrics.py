"""Drift, trainings and moves as Prometheus sees them, and the time that giving up saved."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from agents.lifecycle import count_lifecycle
from agents.metrics import create
from agents.observed import Observed
from streams.events import STOPPED, Checkpoint, Event, ExampleRecorded, Interval, ModelRef, Outcome, RunFinished
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
    for outcome, error_class in ends:
        observed.take(_ended(), [_example(outcome, error_class)])
    saved = {mode: registry.get_sample_value("buildcast_saved_seconds_total", {"mode": mode})
             for mode in ("shadow", "stopped")}  # fmt: skip
    assert saved == {"shadow": 540.0, "stopped": 500.0}


def _ended() -> Event:
    return next(event for event in builders.one_of_each() if isinstance(event, RunFinished))


def _example(outcome: Outcome, error_class: str) -> ExampleRecorded:
    point = Checkpoint(at=60.0, elapsed_seconds=60.0, trigger="signal", evidence=[], risk=0.995, prior_logit=0.0,
                       remaining=Interval(point=500.0, lower=400.0, upper=700.0),
                       model=ModelRef(config="default", offset=0))  # fmt: skip
    return ExampleRecorded(id="x", source="/t", time=600.0, run=builders.run("r"), outcome=outcome, started_at=0.0,
                           seconds=600.0, error_class=error_class, checkpoints=[point])  # fmt: skip

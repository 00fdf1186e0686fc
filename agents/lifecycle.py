"""What `model-events.v1` tells Prometheus: drift, trainings, promotions and roll-backs. The sink counts."""

from __future__ import annotations

from agents.metrics import Metrics
from streams import events

__all__ = ["count_lifecycle"]

_TRIGGERS = frozenset({"drift", "performance", "volume", "schedule", "request"})


def count_lifecycle(event: events.Event, metrics: Metrics) -> None:
    """Take an event that has been stored."""
    match event:
        case events.DriftDetected():
            metrics.count("buildcast_drift_events", detector=event.detector)
        case events.TrainingFinished():
            trigger = event.trigger if event.trigger in _TRIGGERS else "other"
            metrics.count("buildcast_training_runs", trigger=trigger, outcome=event.outcome)
            metrics.observe("buildcast_training_duration_seconds", event.seconds)
        case events.ModelPromoted():
            metrics.count("buildcast_model_moves", kind="promoted")
        case events.ModelRolledBack():
            metrics.count("buildcast_model_moves", kind="rolled-back")
        case _:
            pass

"""What the trainer's desk tells, as events whose ids follow from what they say: told again, they are the same."""

from __future__ import annotations

import hashlib

from models.triggers import Trigger
from streams.events import DriftDetected, TrainingRequested

__all__ = ["MODEL", "SOURCE", "derive", "drifted", "requested"]

MODEL = "risk"
SOURCE = "/buildcast/trainer"


def drifted(trigger: Trigger) -> DriftDetected:
    """A detector's word as an event."""
    drift = trigger.drift
    assert drift is not None
    return DriftDetected(
        id=derive("drift", drift.detector, drift.signal, str(trigger.offset)), source=SOURCE, time=trigger.time,
        detector=f"{drift.detector}:{drift.signal}", model=MODEL, at_offset=trigger.offset,
        statistic=drift.statistic, before=drift.before, after=drift.after,
    )  # fmt: skip


def requested(trigger: Trigger) -> TrainingRequested:
    """The training that a trigger asks for."""
    training_id = derive("training", trigger.kind, str(trigger.offset))
    return TrainingRequested(
        id=training_id, source=SOURCE, time=trigger.time, training_id=training_id, model=MODEL, trigger=trigger.kind,
        principal="trainer",
    )  # fmt: skip


def derive(*parts: str) -> str:
    """An id that follows from its parts."""
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()

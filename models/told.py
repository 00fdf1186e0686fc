"""What the trainer's desk tells, as events whose ids follow from what they say: told again, they are the same."""

from __future__ import annotations

import hashlib

from models.baselines import BASELINES
from models.definition import definition_of
from models.forecaster import ForecasterConfig
from models.found import Found
from models.lineage import lineage
from models.shadow import Shadow
from models.triggers import Trigger
from streams.events import DriftDetected, ModelPromoted, ModelRolledBack, TrainingRequested

__all__ = ["MODEL", "SOURCE", "derive", "drifted", "promoted", "requested", "rolled_back"]

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


def promoted(shadow: Shadow, name: str, at: int, time: float, found: Found) -> ModelPromoted:
    """A challenger is proven better: the numbers are of the same labels for all."""
    losses = {
        f"log_loss.{one}": shadow.losses[one] for one in (shadow.champion, name, *BASELINES) if one in shadow.losses
    }
    definition = definition_of(shadow.forecasters[name].config)
    return ModelPromoted(
        id=derive(MODEL, name, str(at)), source=SOURCE, time=time, model=MODEL, config=name, at_offset=at,
        previous=shadow.champion, principal="trainer", evidence={**shadow.races[name].evidence(), **losses},
        definition=definition, lineage=lineage(definition, found.trigger, found.training_id, found.seconds),
    )  # fmt: skip


def rolled_back(shadow: Shadow, to: ForecasterConfig, at: int, time: float, reason: str) -> ModelRolledBack:
    """The champion is left for an older config, because of its own loss."""
    return ModelRolledBack(
        id=derive(MODEL, to.name, str(at)), source=SOURCE, time=time, model=MODEL, config=to.name, at_offset=at,
        previous=shadow.champion, principal="trainer", reason=reason, lineage=lineage(definition_of(to), "loss"),
    )  # fmt: skip


def derive(*parts: str) -> str:
    """An id that follows from its parts."""
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()

"""When to look for a better model: drift, own performance, data volume, schedule. Requests come from outside.

All of it follows from labels and their times, so a trainer that starts again comes to the same triggers. After one,
`rest_labels` pass before the next.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from models.drift import Drift, DriftPolicy, DriftWatch
from models.promotion import log_loss
from models.shadow import Judged

__all__ = ["Trigger", "TriggerPolicy", "Triggers"]


@dataclass(frozen=True)
class TriggerPolicy:
    """Seconds of event time; labels are finished runs with an outcome. Zero switches a trigger off."""

    schedule_seconds: float = 7 * 86_400.0
    volume_labels: int = 5_000
    worse_ratio: float = 1.25  # recent loss over the model's own long-run loss
    recent_labels: int = 200
    min_labels: int = 300  # before these nothing is trained by itself
    rest_labels: int = 300
    drift: DriftPolicy = field(default_factory=DriftPolicy)


@dataclass(frozen=True)
class Trigger:
    """Why to train now. `drift` is set when a detector spoke."""

    kind: str  # drift, performance, volume, schedule
    offset: int
    time: float
    detail: str
    drift: Drift | None = None


class Triggers:
    """Watches the champion's labels."""

    def __init__(self, policy: TriggerPolicy | None = None) -> None:
        self.policy = policy or TriggerPolicy()
        self.labels = 0
        self._loss_watch = DriftWatch("log_loss", self.policy.drift)
        self._residual_watch = DriftWatch("residual", self.policy.drift)
        self._recent = self._own = 0.0
        self._last_labels = 0
        self._last_time: float | None = None

    def add(self, judged: Judged, champion: str) -> list[Trigger]:
        """Take a label in; at most one trigger a label asks for training, drift is told even at rest."""
        self.labels += 1
        loss = log_loss(judged.risks[champion], judged.failed)
        self._recent += max(1.0 / self.labels, 1.0 / self.policy.recent_labels) * (loss - self._recent)
        self._own += max(1.0 / self.labels, 0.1 / self.policy.recent_labels) * (loss - self._own)
        self._last_time = judged.time if self._last_time is None else self._last_time
        drifts = self._loss_watch.add(loss)
        if judged.log_residual is not None:
            drifts += self._residual_watch.add(abs(judged.log_residual))
        found = [
            Trigger("drift", judged.offset, judged.time, f"{drift.detector} on {drift.signal}", drift)
            for drift in drifts
        ]
        return found or [trigger for trigger in [self._due(judged)] if trigger]

    def rested(self) -> bool:
        """Whether a training may start: enough labels, and enough since the last one."""
        return (
            self.labels >= self.policy.min_labels and self.labels - self._last_labels >= self.policy.rest_labels
        ) or (self._last_labels == 0 and self.labels >= self.policy.min_labels)

    def trained(self, time: float) -> None:
        """A training has begun."""
        self._last_labels, self._last_time = self.labels, time

    def _due(self, judged: Judged) -> Trigger | None:
        policy, since = self.policy, self.labels - self._last_labels
        if not self.rested():
            return None
        if (
            policy.worse_ratio
            and self.labels > 3 * policy.recent_labels
            and self._recent > policy.worse_ratio * self._own
        ):
            return self._trigger("performance", judged, f"log loss {self._recent:.3f}, usually {self._own:.3f}")
        if policy.volume_labels and since >= policy.volume_labels:
            return self._trigger("volume", judged, f"{since} labels since the last training")
        elapsed = judged.time - (judged.time if self._last_time is None else self._last_time)
        if policy.schedule_seconds and elapsed >= policy.schedule_seconds:
            return self._trigger("schedule", judged, f"{elapsed / 86_400.0:.1f} days since the last training")
        return None

    @staticmethod
    def _trigger(kind: str, judged: Judged, detail: str) -> Trigger:
        return Trigger(kind, judged.offset, judged.time, detail)

"""A floor under the model: when it is surely worse than EWMA-5 for long, it is left, and that is said.

Two one-sided bounds of the loss difference, each started afresh when the other has spoken (hysteresis): `fell` when the
model is surely worse, `rose` when it is surely better again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.promotion import LowerBound, log_loss

__all__ = ["Floor", "FloorPolicy"]


@dataclass(frozen=True)
class FloorPolicy:
    """`min_labels` is what "for long" means; `clip` in nats."""

    alpha: float = 0.01
    clip: float = 1.0
    min_labels: int = 300


class Floor:
    """Whether the model has fallen below the baseline."""

    def __init__(self, policy: FloorPolicy | None = None) -> None:
        self.policy = policy or FloorPolicy()
        self.fallen = False
        self._bound = self._fresh()

    def add(self, model_risk: float, baseline_risk: float, failed: bool) -> Literal["", "fell", "rose"]:
        """Both forecasts of one run met its label; the answer names a change."""
        loss = log_loss(model_risk, failed) - log_loss(baseline_risk, failed)
        self._bound.add(-loss if self.fallen else loss)
        if self._bound.labels < self.policy.min_labels or self._bound.lower <= 0.0:
            return ""
        self.fallen = not self.fallen
        self._bound = self._fresh()
        return "fell" if self.fallen else "rose"

    def _fresh(self) -> LowerBound:
        return LowerBound(self.policy.alpha, self.policy.clip)

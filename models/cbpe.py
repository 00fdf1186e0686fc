"""Performance estimated before the labels come: what calibrated forecasts expect of themselves.

If risks are calibrated, a forecast p has expected log loss -p log p - (1-p) log(1-p) and expected Brier score p(1-p).
The mean over runs still in flight is the estimate; when a run's label comes, its part is compared with what was true,
and the running gap is the estimate's own reported error.
Source: confidence-based performance estimation, NannyML documentation (2022); entropies of proper scores, Gneiting,
Raftery (2007).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.promotion import log_loss

__all__ = ["Estimate", "PerformanceEstimator", "expected_log_loss"]


@dataclass(frozen=True)
class Estimate:
    """Expected scores of the runs without label, and how far such estimates were off so far (nats, signed)."""

    pending: int
    log_loss: float
    brier: float
    failures: float  # expected number among the pending
    past_error: float
    judged: int


class PerformanceEstimator:
    """Forecasts without label. Bounded: the oldest are forgotten and counted."""

    def __init__(self, limit: int = 50_000, fading: float = 1.0 / 500.0) -> None:
        self.limit = limit
        self.forgotten = 0
        self._fading = fading
        self._pending: dict[str, float] = {}
        self._error = 0.0
        self._judged = 0

    def predict(self, run_id: str, risk: float) -> None:
        """A forecast was served; the last one of a run counts."""
        self._pending.pop(run_id, None)
        self._pending[run_id] = min(1.0 - 1e-6, max(1e-6, risk))
        if len(self._pending) > self.limit:
            del self._pending[next(iter(self._pending))]
            self.forgotten += 1

    def learn(self, run_id: str, failed: bool | None) -> None:
        """A run ended; None if its outcome says nothing (cancelled, error)."""
        risk = self._pending.pop(run_id, None)
        if risk is None or failed is None:
            return
        self._judged += 1
        rate = max(1.0 / self._judged, self._fading)
        self._error += rate * (expected_log_loss(risk) - log_loss(risk, failed) - self._error)

    def estimate(self) -> Estimate:
        """What the runs in flight are expected to score."""
        risks, count = self._pending.values(), max(1, len(self._pending))
        return Estimate(
            pending=len(self._pending),
            log_loss=sum(map(expected_log_loss, risks)) / count,
            brier=sum(risk * (1.0 - risk) for risk in risks) / count,
            failures=sum(risks),
            past_error=self._error,
            judged=self._judged,
        )


def expected_log_loss(risk: float) -> float:
    """What a calibrated forecast expects of its own log loss, nats."""
    risk = min(1.0 - 1e-6, max(1e-6, risk))
    return -risk * math.log(risk) - (1.0 - risk) * math.log(1.0 - risk)

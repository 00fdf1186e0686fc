"""Performance estimated before the labels come: what calibrated forecasts expect of themselves.

If risks are calibrated, a forecast p has expected log loss -p log p - (1-p) log(1-p) and expected Brier score p(1-p).
The mean over runs still in flight is the estimate. When a run's label comes, the loss that came is compared with what
was expected: the running gap (`surprise` in models/ledger.py) is the estimate's own reported error.
Source: confidence-based performance estimation, NannyML documentation (2022); entropies of proper scores, Gneiting,
Raftery (2007).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Estimate", "estimate", "expected_log_loss"]


@dataclass(frozen=True)
class Estimate:
    """Expected scores of the runs without label: log loss in nats."""

    pending: int
    log_loss: float
    brier: float
    failures: float  # expected number among the pending


def estimate(risks: Sequence[float]) -> Estimate:
    """What runs in flight are expected to score, by the newest risk of each; zeros where there are none."""
    count = max(1, len(risks))
    return Estimate(
        pending=len(risks),
        log_loss=sum(map(expected_log_loss, risks)) / count,
        brier=sum(risk * (1.0 - risk) for risk in risks) / count,
        failures=sum(risks),
    )


def expected_log_loss(risk: float) -> float:
    """What a calibrated forecast expects of its own log loss, nats.

    >>> round(expected_log_loss(0.5), 4)
    0.6931
    """
    risk = min(1.0 - 1e-6, max(1e-6, risk))
    return -risk * math.log(risk) - (1.0 - risk) * math.log(1.0 - risk)

"""Every served forecast is scored when its label comes, beside the baselines that it must beat.

Scores are means over the last labels (exponentially weighted, about `WINDOW` of them): log loss (nats), Brier score,
calibration error (15 bins, Naeini et al. 2015), coverage of the 95 % interval. First scores (the label as it came)
and revised ones are kept apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from streams.events import ExampleRecorded

__all__ = ["WINDOW", "Ledger", "Scores"]

WINDOW = 500
_BINS = 15
_PROJECTS = 20_000


@dataclass
class Scores:
    """Running scores of one forecaster of failure."""

    labels: int = 0
    log_loss: float = 0.0
    brier: float = 0.0
    _bins: list[list[float]] = field(default_factory=lambda: [[0.0, 0.0, 0.0] for _ in range(_BINS)])

    def add(self, risk: float, label: float) -> None:
        """One forecast met its label (0 or 1)."""
        risk = min(1.0 - 1e-6, max(1e-6, risk))
        self.labels += 1
        rate = max(1.0 / self.labels, 1.0 / WINDOW)
        loss = -math.log(risk if label else 1.0 - risk)
        self.log_loss += rate * (loss - self.log_loss)
        self.brier += rate * ((risk - label) ** 2 - self.brier)
        for cell in self._bins:
            for i in range(3):
                cell[i] *= 1.0 - 1.0 / WINDOW
        cell = self._bins[min(_BINS - 1, int(risk * _BINS))]
        cell[0] += 1.0
        cell[1] += risk
        cell[2] += label

    @property
    def calibration_error(self) -> float:
        """Mean gap between forecast and frequency over the bins, weighted by how full they are."""
        total = sum(cell[0] for cell in self._bins)
        return sum(abs(cell[1] - cell[2]) for cell in self._bins) / total if total else 0.0


class Ledger:
    """Served forecasts against what happened."""

    def __init__(self) -> None:
        self.first: dict[str, Scores] = {name: Scores() for name in ("model", "prior", "last_outcome", "ewma5")}
        self.after_revision = Scores()
        self.coverage: float | None = None
        self.interval_seconds: float | None = None
        self.label_delay_seconds = 0.0
        self._rate = 0.2
        self._ewma: dict[str, tuple[float, float]] = {}  # by project: EWMA-5, last outcome

    def score(self, example: ExampleRecorded, verdict: str | None = None) -> None:
        """Score the first forecast of a run; its baselines come from the labels known before."""
        if example.outcome == "cancel":
            return
        label = float(example.outcome != "success")
        ewma, last = self._ewma.get(example.run.project, (self._rate, self._rate))
        if example.checkpoints:
            served = example.checkpoints[0]
            self.first["model"].add(served.risk, label)
            self.first["prior"].add(self._rate, label)
            self.first["last_outcome"].add(0.05 + 0.9 * last, label)
            self.first["ewma5"].add(min(0.98, max(0.02, ewma)), label)
            self.after_revision.add(served.risk, float(verdict == "failure") if verdict else label)
            if served.remaining is not None and example.seconds is not None:
                self._cover(
                    served.remaining.lower <= example.seconds - served.elapsed_seconds <= served.remaining.upper
                )
                self.interval_seconds = served.remaining.upper - served.remaining.lower
        self._learn(example.run.project, ewma, label)

    def revise(self, example: ExampleRecorded, verdict: str) -> None:
        """A label was restated after it had been scored: the revised score moves, the first one stands."""
        if example.checkpoints and verdict in ("success", "failure"):
            self.after_revision.add(example.checkpoints[0].risk, float(verdict == "failure"))

    def _cover(self, hit: bool) -> None:
        self.coverage = float(hit) if self.coverage is None else self.coverage + (float(hit) - self.coverage) / 200.0

    def _learn(self, project: str, ewma: float, label: float) -> None:
        self._rate += 0.002 * (label - self._rate)
        self._ewma.pop(project, None)
        self._ewma[project] = (ewma + (label - ewma) / 3.0, label)
        if len(self._ewma) > _PROJECTS:
            del self._ewma[next(iter(self._ewma))]

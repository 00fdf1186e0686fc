"""Running scores that weigh about the last `WINDOW` labels, and from which a label can be taken out again exactly.

The newest label weighs 1, each older one `FADING` times the one after it. Who withdraws a label names its age (how many
labels had been counted with it), so a restated label scores as if it had come so in the first place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

__all__ = ["FADING", "WINDOW", "Mean", "Scores"]

WINDOW = 500
FADING = 1.0 - 1.0 / WINDOW
_BINS = 15


@dataclass(slots=True)
class Mean:
    """A fading mean; None before the first value."""

    _weight: float = 0.0
    _sum: float = 0.0

    def add(self, value: float) -> None:
        """One more value."""
        self._weight = self._weight * FADING + 1.0
        self._sum = self._sum * FADING + value

    @property
    def value(self) -> float | None:
        """The mean so far."""
        return self._sum / self._weight if self._weight else None


@dataclass(slots=True)
class Scores:
    """One forecaster of failure: log loss (nats), Brier score, calibration error (15 bins, Naeini et al. 2015)."""

    labels: int = 0  # counted and not withdrawn
    age: int = 0  # labels ever counted
    _weight: float = 0.0
    _loss: float = 0.0
    _square: float = 0.0
    _cells: dict[int, list[float]] = field(default_factory=dict)  # by bin: weight, risks, failures, age of the newest

    def add(self, risk: float, label: float) -> int:
        """A forecast met its label (0 or 1); the age under which it may be withdrawn."""
        self._weight *= FADING
        self._loss *= FADING
        self._square *= FADING
        self.age += 1
        self._put(risk, label, 1.0)
        return self.age

    def withdraw(self, risk: float, label: float, age: int) -> None:
        """That label does not count any more."""
        self._put(risk, label, -(FADING ** (self.age - age)))

    def put_back(self, risk: float, label: float, age: int) -> None:
        """The forecast counts with this label after all, as if it had come then."""
        self._put(risk, label, FADING ** (self.age - age))

    @property
    def log_loss(self) -> float | None:
        """Nats."""
        return max(0.0, self._loss / self._weight) if self.labels else None

    @property
    def brier(self) -> float | None:
        """0 to 1."""
        return max(0.0, self._square / self._weight) if self.labels else None

    @property
    def calibration_error(self) -> float | None:
        """Mean gap between forecast and frequency over the bins, weighted by how full they are."""
        if not self.labels:
            return None
        gaps: float = sum(FADING ** (self.age - cell[3]) * abs(cell[1] - cell[2]) for cell in self._cells.values())
        return gaps / self._weight

    def _put(self, risk: float, label: float, weight: float) -> None:
        risk = min(1.0 - 1e-6, max(1e-6, risk))
        self.labels += 1 if weight > 0.0 else -1
        self._weight += weight
        self._loss -= weight * math.log(risk if label else 1.0 - risk)
        self._square += weight * (risk - label) ** 2
        cell = self._cells.setdefault(min(_BINS - 1, int(risk * _BINS)), [0.0, 0.0, 0.0, self.age])
        faded = FADING ** (self.age - cell[3])
        cell[0] = cell[0] * faded + weight
        cell[1] = cell[1] * faded + weight * risk
        cell[2] = cell[2] * faded + weight * label
        cell[3] = self.age

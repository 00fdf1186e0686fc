"""Running standardisation of features: mean and deviation of what was seen, clipped, so that no value can shout."""

from __future__ import annotations

import numpy as np

from models.members.vector import Vector, widened

__all__ = ["Scaling"]


class Scaling:
    """Welford's statistics with a floor under their rate, so that they follow slow change. `clip` in deviations."""

    def __init__(self, clip: float = 4.0, slowest: float = 2e-5) -> None:
        self.clip = clip
        self.slowest = slowest
        self.seen = 0
        self._mean: Vector = np.zeros(0)
        self._square: Vector = np.zeros(0)
        self._inverse: Vector = np.zeros(0)

    def standard(self, x: Vector) -> Vector:
        """The vector in deviations from the mean; what has never varied is 0."""
        if len(self._mean) != len(x):
            self._fit_width(len(x))
        z: Vector = x - self._mean
        z *= self._inverse
        np.minimum(z, self.clip, out=z)
        return np.maximum(z, -self.clip, out=z)

    def inverse(self, column: int) -> float:
        """1 / the deviation of a feature; 0 where it has never varied."""
        return float(self._inverse[column]) if column < len(self._inverse) else 0.0

    def learn(self, x: Vector) -> None:
        """Take one vector into the statistics."""
        if len(self._mean) != len(x):
            self._fit_width(len(x))
        self.seen += 1
        rate = max(self.slowest, 1.0 / self.seen)
        change = x - self._mean
        self._mean += rate * change
        self._square += rate * (change * (x - self._mean) - self._square)
        if self.seen < 100 or self.seen % 16 == 0:
            known = self._square > 1e-9
            self._inverse = np.where(known, 1.0 / np.sqrt(np.where(known, self._square, 1.0)), 0.0)

    def _fit_width(self, width: int) -> None:
        if width < len(self._mean):
            self._mean, self._square, self._inverse = (
                each[:width] for each in (self._mean, self._square, self._inverse)
            )
        self._mean, self._square = widened(self._mean, width), widened(self._square, width)
        self._inverse = widened(self._inverse, width)

"""Online calibration: a slope and an offset on the logit, learned slowly (Platt 1999), so that 20 % means 20 %."""

from __future__ import annotations

import math

from models.members.vector import sigmoid

__all__ = ["Calibration"]


class Calibration:
    """Starts as the identity; AdaGrad steps keep late corrections small."""

    def __init__(self, step: float = 0.02) -> None:
        self.step = step
        self.slope = 1.0
        self.offset = 0.0
        self._square = [10.0, 10.0]

    def logit(self, logit: float) -> float:
        """The calibrated logit."""
        return self.offset + self.slope * logit

    def learn(self, logit: float, broken: float) -> None:
        """One outcome of an uncalibrated logit."""
        error = sigmoid(self.logit(logit)) - broken
        for place, gradient in enumerate((error * logit, error)):
            self._square[place] += gradient * gradient
            moved = self.step * gradient / math.sqrt(self._square[place])
            if place == 0:
                self.slope = min(2.0, max(0.5, self.slope - moved))
            else:
                self.offset -= moved

"""The shrunken prior: no learning of weights, only the failure rates of project, branch, package and host, averaged.

The member of the first minutes: right before anything has been learned, and the baseline that others must beat.
"""

from __future__ import annotations

import math

from models.members.vector import NO_SLOTS, Slots, Vector, VectorClassifier, limited, sigmoid

__all__ = ["Prior"]

_SHARE = 0.3  # of each shift: package, host and author often tell the same outcomes again


class Prior(VectorClassifier):
    """The mean of logit columns plus columns that are differences from it, corrected by a learned offset."""

    def __init__(
        self, columns: tuple[int, ...] | None = None, shifts: tuple[int, ...] | None = None, step: float = 0.01
    ) -> None:
        super().__init__()
        self.columns = columns
        self.shifts = shifts
        self.step = step
        self.offset = 0.0

    def logit(self, z: Vector, slots: Slots = NO_SLOTS) -> float:
        chosen = [float(z[column]) for column in self.columns or range(len(z)) if column < len(z)]
        shift = _SHARE * math.fsum(float(z[column]) for column in self.shifts or () if column < len(z))
        return limited(self.offset + shift + (math.fsum(chosen) / len(chosen) if chosen else 0.0))

    def fit(self, z: Vector, broken: float, slots: Slots = NO_SLOTS) -> float:
        logit = self.logit(z)
        self.offset += self.step * (broken - sigmoid(logit))
        return logit

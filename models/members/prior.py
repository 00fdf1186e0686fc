"""The shrunken prior: no learning of weights, only the failure rates of project, branch, package and host, averaged.

The member of the first minutes: right before anything has been learned, and the baseline that others must beat.
"""

from __future__ import annotations

import math

from models.members.vector import Vector, VectorClassifier, limited

__all__ = ["Prior"]


class Prior(VectorClassifier):
    """The mean of given logit columns of the raw features, corrected by a learned offset."""

    def __init__(self, columns: tuple[int, ...] = (), step: float = 0.01) -> None:
        super().__init__()
        self.columns = columns
        self.step = step
        self.offset = 0.0

    def logit(self, z: Vector) -> float:
        chosen = [float(z[column]) for column in self.columns or range(len(z)) if column < len(z)]
        return limited(self.offset + (math.fsum(chosen) / len(chosen) if chosen else 0.0))

    def fit(self, z: Vector, broken: float) -> None:
        risk = 1.0 / (1.0 + math.exp(-self.logit(z)))
        self.offset += self.step * (broken - risk)

"""A factorisation machine over standardised features: pairs that matter together, at the cost of a few factors.

Source: Rendle (2010), Factorization machines.
"""

from __future__ import annotations

import math
import random

import numpy as np

from models.members.vector import BASE_LOGIT, Vector, VectorClassifier, limited, sigmoid, widened

__all__ = ["Factors"]


class Factors(VectorClassifier):
    """Linear weights and `rank` factors a feature, learned with AdaGrad; seeded."""

    def __init__(self, rank: int = 2, step: float = 0.03, factor_step: float = 0.02, seed: int = 7) -> None:
        super().__init__()
        self.rank = rank
        self.step = step
        self.factor_step = factor_step
        self.seed = seed
        self.bias = BASE_LOGIT
        self.weights: Vector = np.zeros(0)
        self.factors: Vector = np.zeros((rank, 0))
        self._bias_square = 1.0
        self._square: Vector = np.zeros(0)
        self._factor_square: Vector = np.zeros((rank, 0))

    def logit(self, z: Vector) -> float:
        z = z[: len(self.weights)]
        return limited(self._raw(z, self._sums(z)))

    def fit(self, z: Vector, broken: float) -> None:
        self._grow(len(z))
        z = z if len(z) == len(self.weights) else np.pad(z, (0, len(self.weights) - len(z)))
        sums = self._sums(z)
        error = sigmoid(self._raw(z, sums)) - broken
        gradient = error * z
        self._square += gradient * gradient
        self.weights -= self.step * gradient / np.sqrt(self._square + 1e-2)
        slopes = gradient * (sums[:, None] - self.factors * z)
        self._factor_square += slopes * slopes
        self.factors -= self.factor_step * slopes / np.sqrt(self._factor_square + 1e-1)
        self._bias_square += error * error
        self.bias -= self.step * error / math.sqrt(self._bias_square)

    def _sums(self, z: Vector) -> Vector:
        width = min(len(z), self.factors.shape[1])
        return np.asarray((self.factors[:, :width] * z[:width]).sum(axis=1))

    def _raw(self, z: Vector, sums: Vector) -> float:
        width = min(len(z), len(self.weights))
        own = self.factors[:, :width] * z[:width]
        pairs = 0.5 * float((sums * sums).sum() - (own * own).sum())
        return self.bias + float((self.weights[:width] * z[:width]).sum()) + pairs

    def _grow(self, width: int) -> None:
        missing = width - len(self.weights)
        if missing <= 0:
            return
        rng = random.Random(f"{self.seed}-{width}")
        fresh = np.array([[rng.gauss(0.0, 0.01) for _ in range(missing)] for _ in range(self.rank)])
        self.weights, self._square = widened(self.weights, width), widened(self._square, width)
        self.factors = np.concatenate([self.factors, fresh], axis=1)
        self._factor_square = widened(self._factor_square, width)

"""Logistic regression with AdaGrad steps: the strong plain member, and the one that reasons are told from.

Source: Duchi, Hazan, Singer (2011), Adaptive subgradient methods.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from models.members.vector import BASE_LOGIT, NO_SLOTS, Slots, Vector, VectorClassifier, limited, sigmoid, widened

__all__ = ["Linear"]


class Linear(VectorClassifier):
    """Weights of standardised features. `step` is AdaGrad's, `decay` pulls weights to zero a lesson."""

    def __init__(self, step: float = 0.05, decay: float = 1e-5) -> None:
        super().__init__()
        self.step = step
        self.decay = decay
        self.weights: Vector = np.zeros(0)
        self.bias = BASE_LOGIT
        self._square: Vector = np.zeros(0)
        self._bias_square = 1.0

    def logit(self, z: Vector, slots: Slots = NO_SLOTS) -> float:
        width = min(len(z), len(self.weights))
        return limited(self.bias + float(self.weights[:width].dot(z[:width])))

    def contributions(self, z: Vector, keys: Sequence[str] = (), columns: Sequence[int] = ()) -> Vector:
        """Each feature's part of the logit; with the bias they sum to it. Keys play no part in it."""
        return widened(self.weights, len(z)) * z

    def fit(self, z: Vector, broken: float, slots: Slots = NO_SLOTS) -> float:
        if len(self.weights) < len(z):
            self.weights, self._square = widened(self.weights, len(z)), widened(self._square, len(z))
        logit = self.bias + float(self.weights[: len(z)].dot(z))
        error = sigmoid(logit) - broken
        gradient = error * z
        self._square[: len(z)] += gradient * gradient
        self.weights[: len(z)] -= self.step * gradient / np.sqrt(self._square[: len(z)] + 1.0)
        self.weights *= 1.0 - self.decay
        self._bias_square += error * error
        self.bias -= self.step * error / math.sqrt(self._bias_square)
        return limited(logit)

    def fade(self, keep: float) -> None:
        self._square *= keep
        self._bias_square = max(1.0, keep * self._bias_square)

"""Logistic regression over standardised features and context keys: what a bulk fold can afford of the factors.

Each context key has one weight, beside it its AdaGrad square; those unused for longest are forgotten when there are
too many, and counted. Sources: Duchi, Hazan, Singer (2011), Adaptive subgradient methods; McMahan et al. (2013), Ad
click prediction, for weights of sparse keys.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from models.history.table import Table
from models.members.vector import BASE_LOGIT, NO_SLOTS, Slots, Vector, VectorClassifier, limited, sigmoid, widened

__all__ = ["Contexts"]

_FRESH = complex(0.0, 0.1)  # the weight, and the square at which AdaGrad begins


class Contexts(VectorClassifier):
    """A weight a feature and a key. `step` is AdaGrad's, `slots` how many keys are remembered."""

    def __init__(self, step: float = 0.02, slots: int = 2**17) -> None:
        super().__init__()
        self.step = step
        self.slots = slots
        self.bias = BASE_LOGIT
        self.weights: Vector = np.zeros(0)
        self._square: Vector = np.zeros(0)
        self._keys: Table[complex] = Table(slots, slots // 100)  # weights, and squares as the imaginary part
        self._bias_square = 1.0

    def logit(self, z: Vector, slots: Slots = NO_SLOTS) -> float:
        width, get = min(len(z), len(self.weights)), self._keys.entries.get
        told = math.fsum([get(slot, _FRESH).real for slot in slots])
        return limited(self.bias + float(self.weights[:width].dot(z[:width])) + told)

    def contributions(self, z: Vector, keys: Sequence[str] = (), columns: Sequence[int] = ()) -> Vector:
        """Each feature's part of the logit, a context key's added to the column that stands for the context."""
        parts = widened(self.weights, len(z)) * z
        for key, column in zip(keys, columns, strict=False):
            if key and column < len(parts):
                parts[column] += self._keys.entries.get(key, _FRESH).real
        return parts

    def fit(self, z: Vector, broken: float, slots: Slots = NO_SLOTS) -> float:
        if len(self.weights) < len(z):
            self.weights = widened(self.weights, len(z))
            self._square = np.concatenate([self._square, np.ones(len(z) - len(self._square))])
        entries, weights, square = self._keys.entries, self.weights[: len(z)], self._square[: len(z)]
        held = [entries.get(slot, _FRESH) for slot in slots]
        logit = self.bias + float(weights.dot(z)) + math.fsum([each.real for each in held])
        error = sigmoid(logit) - broken
        slope = error * z
        square += slope * slope
        slope *= self.step
        slope /= np.sqrt(square)
        weights -= slope
        step, more = self.step * error, error * error
        for slot, each in zip(slots, held, strict=True):
            total = each.imag + more
            entries.pop(slot, None)  # again the most recent
            entries[slot] = complex(each.real - step / math.sqrt(total), total)
        self._keys.trim()
        self._bias_square += more
        self.bias -= step / math.sqrt(self._bias_square)
        return limited(logit)

    def fade(self, keep: float) -> None:
        self._square = np.maximum(1.0, keep * self._square)
        self._bias_square = max(1.0, keep * self._bias_square)

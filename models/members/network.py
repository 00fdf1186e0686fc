"""A small neural network: one hidden layer of tanh units beside a linear path, AdaGrad steps, seeded; it rehearses."""

from __future__ import annotations

import math
import random

import numpy as np

from models.members.rehearsal import Rehearsal
from models.members.vector import BASE_LOGIT, NO_SLOTS, Slots, Vector, VectorClassifier, limited, sigmoid, widened

__all__ = ["Network"]


class Network(VectorClassifier):
    """`units` hidden units; steps are AdaGrad's."""

    def __init__(self, units: int = 24, step: float = 0.04, hidden_step: float = 0.06, seed: int = 11) -> None:
        super().__init__()
        self.units = units
        self.step = step
        self.hidden_step = hidden_step
        self.seed = seed
        self.rehearsal = Rehearsal()
        rng = random.Random(f"{seed}-out")
        self.bias = BASE_LOGIT
        self.weights: Vector = np.zeros(0)
        self.hidden: Vector = np.zeros((units, 0))
        self.out: Vector = np.array([rng.gauss(0.0, 0.1) for _ in range(units)])
        self._bias_square = 1.0
        self._square: Vector = np.zeros(0)
        self._hidden_square: Vector = np.zeros((units, 0))
        self._out_square: Vector = np.full(units, 0.1)

    def logit(self, z: Vector, slots: Slots = NO_SLOTS) -> float:
        self._grow(len(z))
        return limited(self._raw(z, self._active(z)))

    def fit(self, z: Vector, broken: float, slots: Slots = NO_SLOTS) -> float:
        held = self._lesson(z, broken)
        for past, outcome in self.rehearsal.drawn():
            self._lesson(past, outcome)
        self.rehearsal.keep(z, broken)
        return held

    def fade(self, keep: float) -> None:
        for squares in (self._square, self._hidden_square):
            squares *= keep
        self._out_square = np.maximum(0.1, keep * self._out_square)
        self._bias_square = max(1.0, keep * self._bias_square)

    def _lesson(self, z: Vector, broken: float) -> float:
        """One step; the logit that was held before it."""
        self._grow(len(z))
        z = z if len(z) == len(self.weights) else np.pad(z, (0, len(self.weights) - len(z)))
        active = self._active(z)
        logit = self._raw(z, active)
        error = sigmoid(logit) - broken
        back = error * self.out * (1.0 - active * active)
        gradient = error * z
        self._square += gradient * gradient
        self.weights -= self.step * gradient / np.sqrt(self._square + 1e-2)
        slopes = back[:, None] * z
        self._hidden_square += slopes * slopes
        self.hidden -= self.hidden_step * slopes / np.sqrt(self._hidden_square + 1e-2)
        slope = error * active
        self._out_square += slope * slope
        self.out -= self.step * slope / np.sqrt(self._out_square)
        self._bias_square += error * error
        self.bias -= self.step * error / math.sqrt(self._bias_square)
        return limited(logit)

    def _active(self, z: Vector) -> Vector:
        return np.tanh(self.hidden[:, : len(z)] @ z)

    def _raw(self, z: Vector, active: Vector) -> float:
        return self.bias + float((self.weights[: len(z)] * z).sum()) + float((self.out * active).sum())

    def _grow(self, width: int) -> None:
        missing = width - len(self.weights)
        if missing <= 0:
            return
        rng = random.Random(f"{self.seed}-{width}")
        scale = 1.0 / math.sqrt(width)
        fresh = np.array([[rng.gauss(0.0, scale) for _ in range(missing)] for _ in range(self.units)])
        self.weights, self._square = widened(self.weights, width), widened(self._square, width)
        self.hidden = np.concatenate([self.hidden, fresh], axis=1)
        self._hidden_square = widened(self._hidden_square, width)

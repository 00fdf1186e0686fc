"""A factorisation machine over standardised features and hashed context keys: pairs that matter together.

Each context key (project, branch, project x event, pattern of last outcomes ...) owns a hashed slot with a weight and
a few factors, so that what is peculiar to it is learned beside what holds for all.
Sources: Rendle (2010), Factorization machines; Weinberger et al. (2009), Feature hashing.
"""

from __future__ import annotations

import math
import random

import numpy as np

from models.members.vector import BASE_LOGIT, NO_SLOTS, Slots, Vector, VectorClassifier, limited, sigmoid, widened

__all__ = ["Factors"]

_START = 0.1  # squares at which AdaGrad begins: larger is more careful with the first lessons


class Factors(VectorClassifier):
    """Linear weights and `rank` factors a feature and slot, learned with AdaGrad; seeded."""

    def __init__(self, rank: int = 2, step: float = 0.02, slots: int = 2**17, seed: int = 7) -> None:
        super().__init__()
        self.rank = rank
        self.step = step
        self.slots = slots
        self.seed = seed
        self.bias = BASE_LOGIT
        self.weights: Vector = np.zeros(0)
        self.factors: Vector = np.zeros((rank, 0))
        self._bias_square = 1.0
        self._square: Vector = np.zeros(0)
        self._factor_square: Vector = np.zeros((rank, 0))
        # By slot: weight, factors, their squares in the same order; made when first met.
        self._slots: dict[int, Vector] = {}

    def logit(self, z: Vector, slots: Slots = NO_SLOTS) -> float:
        self._grow(len(z))
        return limited(self._parts(z, self._rows(slots))[0])

    def fit(self, z: Vector, broken: float, slots: Slots = NO_SLOTS) -> None:
        self._grow(len(z))
        rows = self._rows(slots, keep=True)
        logit, own, sums = self._parts(z, rows)
        error = sigmoid(logit) - broken
        gradient = error * z
        self._square[: len(z)] += gradient * gradient
        self.weights[: len(z)] -= self.step * gradient / np.sqrt(self._square[: len(z)] + 1.0)
        slopes = gradient * (sums[:, None] - own)
        self._factor_square[:, : len(z)] += slopes * slopes
        self.factors[:, : len(z)] -= self.step * slopes / np.sqrt(self._factor_square[:, : len(z)] + _START)
        self._fit_slots(slots, rows, error, sums)
        self._bias_square += error * error
        self.bias -= self.step * error / math.sqrt(self._bias_square)

    def _fit_slots(self, slots: Slots, rows: Vector, error: float, sums: Vector) -> None:
        if not len(rows):
            return
        k = self.rank
        gradients = np.empty((len(rows), 1 + k))
        gradients[:, 0] = error
        gradients[:, 1:] = error * (sums - rows[:, 1 : 1 + k])
        squares = rows[:, 1 + k :] + gradients * gradients
        rows[:, 1 + k :] = squares
        rows[:, : 1 + k] -= self.step * gradients / np.sqrt(squares)
        for slot, row in zip(slots, rows, strict=True):
            self._slots[slot] = row

    def _rows(self, slots: Slots, keep: bool = False) -> Vector:
        found = [self._slots.get(slot) for slot in slots]
        rows = [row if row is not None else self._fresh(slot) for slot, row in zip(slots, found, strict=True)]
        if keep and len(self._slots) > self.slots:
            for oldest in list(self._slots)[: len(self._slots) // 10]:
                del self._slots[oldest]
        return np.array(rows) if rows else np.zeros((0, 2 + 2 * self.rank))

    def _fresh(self, slot: int) -> Vector:
        """A slot's beginning follows from its number alone, so that equal folds are equal."""
        rng = random.Random(slot * 1_000_003 + self.seed)
        factors = [rng.gauss(0.0, 0.01) for _ in range(self.rank)]
        return np.array([0.0, *factors, _START, *([_START] * self.rank)])

    def _parts(self, z: Vector, rows: Vector) -> tuple[float, Vector, Vector]:
        """The raw logit, each feature's factors times its value, and their sums with the slots'."""
        width, k = len(z), self.rank
        own = self.factors[:, :width] * z
        mine = rows[:, 1 : 1 + k]
        sums = own.sum(axis=1) + mine.sum(axis=0)
        pairs = 0.5 * float((sums * sums).sum() - (own * own).sum() - (mine * mine).sum())
        return self.bias + float((self.weights[:width] * z).sum()) + float(rows[:, 0].sum()) + pairs, own, sums

    def _grow(self, width: int) -> None:
        missing = width - len(self.weights)
        if missing <= 0:
            return
        rng = random.Random(f"{self.seed}-{width}")
        fresh = np.array([[rng.gauss(0.0, 0.01) for _ in range(missing)] for _ in range(self.rank)])
        self.weights, self._square = widened(self.weights, width), widened(self._square, width)
        self.factors = np.concatenate([self.factors, fresh], axis=1)
        self._factor_square = widened(self._factor_square, width)

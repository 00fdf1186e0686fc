"""A factorisation machine over standardised features and hashed context keys: pairs that matter together.

Each context key (project, branch, project x event, pattern of last outcomes ...) owns a hashed slot with a weight and
a few factors, so that what is peculiar to it is learned beside what holds for all. Slots unused for longest are
forgotten when there are too many, and counted.
Sources: Rendle (2010), Factorization machines; Weinberger et al. (2009), Feature hashing.
"""

from __future__ import annotations

import math
import random

import numpy as np

from models.members.vector import BASE_LOGIT, NO_SLOTS, Slots, Vector, VectorClassifier, limited, sigmoid

__all__ = ["Factors"]

_START = 0.1  # squares at which AdaGrad begins: larger is more careful with the first lessons
_FIRST_ROWS = 1024
_SPREAD = 0.01  # deviation of the first factors


class Factors(VectorClassifier):
    """Linear weights and `rank` factors a feature and slot, learned with AdaGrad; seeded."""

    def __init__(self, rank: int = 2, step: float = 0.02, slots: int = 2**17, seed: int = 7) -> None:
        super().__init__()
        self.rank = rank
        self.step = step
        self.slots = slots
        self.seed = seed
        self.bias = BASE_LOGIT
        self.forgotten = 0
        self._bias_square = 1.0
        # By feature: row 0 the weights, below them the factors; beside them their squares.
        self._own: Vector = np.zeros((1 + rank, 0))
        self._own_square: Vector = np.zeros((1 + rank, 0))
        # By slot, in the same order; `_places` is the row of each slot, unused for longest first.
        self._table: Vector = np.zeros((_FIRST_ROWS, 1 + rank))
        self._table_square: Vector = np.full((_FIRST_ROWS, 1 + rank), _START)
        self._places: dict[int, int] = {}
        self._free: list[int] = []

    def logit(self, z: Vector, slots: Slots = NO_SLOTS) -> float:
        self._grow(len(z))
        return limited(self._parts(z, self._rows(slots))[0])

    def fit(self, z: Vector, broken: float, slots: Slots = NO_SLOTS) -> float:
        self._grow(len(z))
        places = [self._place(slot) for slot in slots]
        rows = self._table[places] if places else self._table[:0]
        logit, sums = self._parts(z, rows)
        error = sigmoid(logit) - broken
        width = len(z)
        own, squares = self._own[:, :width], self._own_square[:, :width]
        slopes = sums[:, None] - own * z
        slopes[0] = 1.0
        slopes *= error * z
        squares += slopes * slopes
        own -= self.step * slopes / np.sqrt(squares)
        if places:
            self._fit_slots(places, rows, error, sums)
        self._bias_square += error * error
        self.bias -= self.step * error / math.sqrt(self._bias_square)
        return limited(logit)

    def _fit_slots(self, places: list[int], rows: Vector, error: float, sums: Vector) -> None:
        gradients = error * (sums - rows)
        gradients[:, 0] = error
        squares = self._table_square[places] + gradients * gradients
        self._table_square[places] = squares
        self._table[places] = rows - self.step * gradients / np.sqrt(squares)

    def _parts(self, z: Vector, rows: Vector) -> tuple[float, Vector]:
        """The raw logit, and the sums over features and slots: of weights, and of each factor."""
        own = self._own[:, : len(z)] * z
        sums: Vector = np.add.reduce(own, axis=1) + np.add.reduce(rows, axis=0)
        factors, mine = own[1:], rows[:, 1:]
        squares = np.add.reduce(factors * factors, axis=None) + np.add.reduce(mine * mine, axis=None)
        total = sums.tolist()
        pairs = 0.5 * (math.fsum(each * each for each in total[1:]) - float(squares))
        return self.bias + total[0] + pairs, sums

    def _rows(self, slots: Slots) -> Vector:
        """Rows of the slots, fresh ones for those never met: reading keeps nothing."""
        places = [self._places.get(slot, -1) for slot in slots]
        if not places:
            return self._table[:0]
        rows: Vector = self._table[places]
        for number, place in enumerate(places):
            if place < 0:
                rows[number] = self._fresh(slots[number])
        return rows

    def _place(self, slot: int) -> int:
        place = self._places.pop(slot, None)
        if place is not None:
            self._places[slot] = place  # again the most recent
            return place
        if len(self._places) >= self.slots:
            self._forget()
        place = self._free.pop() if self._free else len(self._places)
        if place >= len(self._table):
            self._table = np.concatenate([self._table, np.zeros_like(self._table)])
            self._table_square = np.concatenate([self._table_square, np.full_like(self._table_square, _START)])
        self._table[place] = self._fresh(slot)
        self._table_square[place] = _START
        self._places[slot] = place
        return place

    def _forget(self) -> None:
        """A tenth of the slots, those unused for longest."""
        for oldest in list(self._places)[: max(1, len(self._places) // 10)]:
            self._free.append(self._places.pop(oldest))
            self.forgotten += 1

    def _fresh(self, slot: int) -> list[float]:
        """A slot's beginning follows from its number alone, so that equal folds are equal."""
        state, row = slot * 2_654_435_761 + self.seed, [0.0]
        for _ in range(self.rank):
            state = (state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
            row.append(((state >> 11) / 2**53 - 0.5) * (math.sqrt(12.0) * _SPREAD))
        return row

    def _grow(self, width: int) -> None:
        missing = width - self._own.shape[1]
        if missing <= 0:
            return
        rng = random.Random(f"{self.seed}-{width}")
        fresh = [[rng.gauss(0.0, _SPREAD) for _ in range(missing)] for _ in range(self.rank)]
        self._own = np.concatenate([self._own, np.array([[0.0] * missing, *fresh])], axis=1)
        squares = np.full((1 + self.rank, missing), _START)
        squares[0] = 1.0
        self._own_square = np.concatenate([self._own_square, squares], axis=1)

"""A factorisation machine over standardised features and context keys: pairs that matter together.

Each context key (project, branch, project x event, pattern of last outcomes ...) owns a slot with a weight and
a few factors, so that what is peculiar to it is learned beside what holds for all. Slots unused for longest are
forgotten when there are too many, and counted.
Source: Rendle (2010), Factorization machines.
"""

from __future__ import annotations

import math
import random
import zlib

import numpy as np

from models.members.vector import BASE_LOGIT, NO_SLOTS, Slots, Vector, VectorClassifier, limited, sigmoid

__all__ = ["Factors"]

_START = 0.1  # squares at which AdaGrad begins: larger is more careful with the first lessons
_FIRST_ROWS = 1024
_SPREAD = 0.01  # deviation of the first factors
_WIDTH = math.sqrt(12.0) * _SPREAD


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
        # By slot weights and squares in the same order; `_places` is the row of each slot, unused for longest first.
        self._table: Vector = np.zeros((_FIRST_ROWS, 2, 1 + rank))
        self._table[:, 1] = _START
        self._places: dict[str, int] = {}
        self._free: list[int] = []

    def logit(self, z: Vector, slots: Slots = NO_SLOTS) -> float:
        self._grow(len(z))
        return limited(self._parts(z, self._rows(slots))[0])

    def fit(self, z: Vector, broken: float, slots: Slots = NO_SLOTS) -> float:
        width = len(z)
        self._grow(width)
        places = self._used(slots)
        taken = self._taken(places)
        rows = taken[:, 0]
        logit, parts, sums = self._parts(z, rows)
        error = sigmoid(logit) - broken
        slopes = np.empty((1 + self.rank, width))
        slopes[0] = 1.0
        np.subtract(sums[1:, None], parts, out=slopes[1:])
        slopes *= error * z
        _descend(self._own[:, :width], self._own_square[:, :width], slopes, self.step)
        if places:
            gradients = error * (sums - rows)
            gradients[:, 0] = error
            _descend(rows, taken[:, 1], gradients, self.step)
            self._table[places] = taken
        self._bias_square += error * error
        self.bias -= self.step * error / math.sqrt(self._bias_square)
        return limited(logit)

    def fade(self, keep: float) -> None:
        self._own_square *= keep
        np.maximum(self._own_square[0], 1.0, out=self._own_square[0])
        np.maximum(self._own_square[1:], _START, out=self._own_square[1:])
        self._bias_square = max(1.0, keep * self._bias_square)

    def _parts(self, z: Vector, rows: Vector) -> tuple[float, Vector, Vector]:
        """The raw logit, the features' factors by value, and the sums over features and slots of all columns."""
        own = self._own[:, : len(z)]
        parts = own[1:] * z
        sums: Vector = own.dot(z) + np.add.reduce(rows, axis=0)
        flat, mine = parts.ravel(), rows[:, 1:].ravel()
        total = sums.tolist()
        pairs = math.fsum(each * each for each in total[1:]) - float(flat.dot(flat)) - float(mine.dot(mine))
        return self.bias + total[0] + 0.5 * pairs, parts, sums

    def _taken(self, places: list[int]) -> Vector:
        """A copy of the rows: weights and squares."""
        return self._table.take(places, axis=0) if places else self._table[:0]

    def _rows(self, slots: Slots) -> Vector:
        """Weights of the slots, fresh ones for those never met: reading keeps nothing."""
        get = self._places.get
        places = [get(slot, -1) for slot in slots]
        rows = self._taken(places)[:, 0]
        if -1 in places:
            for number, place in enumerate(places):
                if place < 0:
                    rows[number] = self._fresh(slots[number])
        return rows

    def _used(self, slots: Slots) -> list[int]:
        """Rows of the slots, which become the most recent; those never met get one."""
        places, found = self._places, []
        for slot in slots:
            place = places.pop(slot, -1)
            if place < 0:
                place = self._new(slot)
            places[slot] = place
            found.append(place)
        return found

    def _new(self, slot: str) -> int:
        if len(self._places) >= self.slots:
            self._forget()
        place = self._free.pop() if self._free else len(self._places)
        if place >= len(self._table):
            self._table = np.concatenate([self._table, np.zeros_like(self._table)])
        self._table[place] = (self._fresh(slot), [_START] * (1 + self.rank))
        return place

    def _forget(self) -> None:
        """A tenth of the slots, those unused for longest."""
        for oldest in list(self._places)[: max(1, len(self._places) // 10)]:
            self._free.append(self._places.pop(oldest))
            self.forgotten += 1

    def _fresh(self, slot: str) -> list[float]:
        """A slot's beginning follows from its key alone, so that equal folds are equal."""
        state, row = zlib.crc32(slot.encode()) * 2_654_435_761 + self.seed, [0.0]
        for _ in range(self.rank):
            state = (state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
            row.append(((state >> 11) / 2**53 - 0.5) * _WIDTH)
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


def _descend(weights: Vector, squares: Vector, slopes: Vector, step: float) -> None:
    """AdaGrad, in place; `slopes` is used up."""
    squares += slopes * slopes
    slopes *= step
    slopes /= np.sqrt(squares)
    weights -= slopes

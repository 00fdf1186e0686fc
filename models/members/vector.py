"""The base of members that work on whole vectors: River's door by dictionary, and a batch door with the same digits."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import base

__all__ = ["BASE_LOGIT", "NO_SLOTS", "Slots", "Vector", "VectorClassifier", "limited", "sigmoid", "widened"]

Vector = NDArray[np.float64]
Slots = Sequence[str]  # context keys
NO_SLOTS: Slots = ()
BASE_LOGIT = -1.4  # one build in five breaks: what is held before anything was seen
_FAR = 1e6  # nothing that is told in standard deviations lies further out
_LIMIT = 8.0  # logits of one member; beyond it a single member would decide alone


def sigmoid(logit: float) -> float:
    """The probability of a logit, without overflow."""
    if logit >= 0.0:
        return 1.0 / (1.0 + math.exp(-logit))
    power = math.exp(logit)
    return power / (1.0 + power)


class VectorClassifier(base.Classifier):  # type: ignore[misc] # River has no types
    """A classifier of standardised vectors. Dictionaries keep the order in which their keys were first seen."""

    def __init__(self) -> None:
        self._columns: dict[Hashable, int] = {}

    @property
    def ready(self) -> bool:
        """Whether it has anything to say yet; before that the ensemble goes on as if it agreed with the others."""
        return True

    @abstractmethod
    def logit(self, z: Vector, slots: Slots = NO_SLOTS) -> float:
        """The logit of failure of one vector in its contexts, limited to what one member may say."""

    @abstractmethod
    def fit(self, z: Vector, broken: float, slots: Slots = NO_SLOTS) -> float:
        """Learn from one vector and its outcome, 1.0 broken or 0.0 good; the logit that was held before the lesson."""

    def fade(self, keep: float) -> None:
        """What slowed the steps weighs `keep` times as much from here on, so that late change is still learned."""

    def logits(self, rows: Vector, slots: Sequence[Slots] | None = None) -> list[float]:
        """The same for each row, with the same digits."""
        return [self.logit(row, slots[i] if slots else NO_SLOTS) for i, row in enumerate(rows)]

    def predict_proba_one(self, x: dict[Hashable, Any], **kwargs: Any) -> dict[bool, float]:
        """River's door."""
        risk = sigmoid(self.logit(self._vector(x)))
        return {False: 1.0 - risk, True: risk}

    def learn_one(self, x: dict[Hashable, Any], y: Any, **kwargs: Any) -> None:
        """River's door."""
        self.fit(self._vector(x, grow=True), float(y))

    @property
    def _multiclass(self) -> bool:
        return False

    def _vector(self, x: dict[Hashable, Any], grow: bool = False) -> Vector:
        for name in x:
            if grow and name not in self._columns:
                self._columns[name] = len(self._columns)
        row = np.zeros(len(self._columns))
        for name, value in x.items():
            column = self._columns.get(name)
            if column is not None and isinstance(value, int | float) and math.isfinite(value):
                row[column] = max(-_FAR, min(_FAR, value))
        return row


def limited(logit: float) -> float:
    """A member's logit within its limits."""
    return max(-_LIMIT, min(_LIMIT, logit))


def widened(weights: Vector, width: int) -> Vector:
    """The array with its last axis at least `width` long: a new feature starts at zero weight."""
    missing = width - weights.shape[-1]
    if missing <= 0:
        return weights
    return np.concatenate([weights, np.zeros((*weights.shape[:-1], missing))], axis=-1)

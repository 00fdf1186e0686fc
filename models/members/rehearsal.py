"""Past lessons that a member repeats: an online learner sees each outcome once, too seldom for hidden units.

The latest lessons are kept, their vectors in single precision; which ones are repeated follows a Weyl sequence, so that
equal folds repeat alike and all are met evenly. Source: Robins (1995), Catastrophic forgetting, rehearsal.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.members.vector import Vector

__all__ = ["Rehearsal"]

_GOLDEN = 2_654_435_761  # 2^32 over the golden ratio: multiples spread evenly


class Rehearsal:
    """The last `size` lessons, of which each new one brings `repeats` back."""

    def __init__(self, size: int = 4096, repeats: int = 2) -> None:
        self.size = size
        self.repeats = repeats
        self.lessons = 0
        self._kept: list[tuple[NDArray[np.float32], float]] = []

    def drawn(self) -> Iterator[tuple[Vector, float]]:
        """Earlier vectors and their outcomes; none before the first lesson was kept."""
        for turn in range(self.repeats if self._kept else 0):
            place = (self.lessons * self.repeats + turn) * _GOLDEN % 2**32 * len(self._kept) >> 32
            z, broken = self._kept[place]
            yield z.astype(np.float64), broken

    def keep(self, z: Vector, broken: float) -> None:
        """Remember a lesson in the place of the oldest."""
        lesson = (z.astype(np.float32), broken)
        if len(self._kept) < self.size:
            self._kept.append(lesson)
        else:
            self._kept[self.lessons % self.size] = lesson
        self.lessons += 1

"""A cheap stand-in for a seeded forecaster over real histories: shrunken rates of recent outcomes, online-bagged.

Each copy takes every lesson Poisson(1) times (Oza, Russell 2001) with its own seed: equals that differ by chance alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence

from bench.travis import Build

__all__ = ["BaggedRates", "compared", "windows"]


class BaggedRates:
    """Failure rate by project and by branch, fading; `rate` is the weight of a new outcome."""

    def __init__(self, seed: int, rate: float = 0.2) -> None:
        self._random = random.Random(seed)
        self._rate = rate
        self._cells: dict[tuple[str, str], float] = {}

    def predict(self, build: Build) -> float:
        """0.02 to 0.98."""
        project = self._cells.get((build.project, ""), 0.25)
        branch = self._cells.get((build.project, build.branch), project)
        return 0.02 + 0.96 * (0.5 * project + 0.5 * branch)

    def learn(self, build: Build) -> None:
        """One outcome, taken 0, 1, 2 ... times."""
        for _ in range(self._poisson()):
            for key in ((build.project, ""), (build.project, build.branch)):
                old = self._cells.get(key, self._cells.get((build.project, ""), 0.25))
                self._cells[key] = old + self._rate * (build.failed - old)

    def _poisson(self) -> int:
        left, times = self._random.random(), 0
        for times, share in enumerate((0.3679, 0.3679, 0.1839, 0.0613, 0.0153, 0.0031)):
            left -= share
            if left < 0.0:
                return times
        return times


def windows(history: Sequence[Build], count: int, size: int) -> Iterator[Sequence[Build]]:
    """`count` stretches of consecutive builds, spread by seed."""
    picks = random.Random(7)
    for _ in range(count):
        start = picks.randrange(max(1, len(history) - size))
        yield history[start : start + size]


def compared(stretch: Iterable[Build], one: BaggedRates, other: BaggedRates) -> Iterator[tuple[float, float, bool]]:
    """Both forecasts and the label, label by label; labels act when they are known."""
    waiting: list[tuple[float, int, Build]] = []
    for number, build in enumerate(stretch):
        waiting.sort()
        while waiting and waiting[0][0] <= build.started_at:
            known = waiting.pop(0)[2]
            one.learn(known)
            other.learn(known)
        waiting.append((build.known_at, number, build))
        yield one.predict(build), other.predict(build), build.failed

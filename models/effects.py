"""A number as a sum of effects (package cost + host speed + ...), each a shrunken, drifting Gaussian learned online.

Every effect keeps mean and variance; a lesson shares its surprise between the effects of its keys in proportion to
their variances (assumed-density Kalman filter), so a thing seen often keeps its value and a new one takes the blame.
Surprises are weighted as under Student's t: an outlier moves little. A run of surprises of one sign (a slow-down)
raises the drift, so a level change is followed within a few lessons. O(keys) a call, bounded, counted eviction.
Source: West, Harrison (1997), Bayesian Forecasting and Dynamic Models; Opper (1998) for assumed density.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.bounded import forget_oldest

__all__ = ["AdditiveEffects", "EffectFamily", "Key"]

Key = tuple[str, str]  # family, and which one of it
_OUTLIER_DEGREES = 4.0
_SIGN_MEMORY = 0.8
_USUAL_SIGN = 0.2


@dataclass(frozen=True)
class EffectFamily:
    """How effects of one family start and move: prior variance, drift (variance a lesson), most it may grow."""

    prior_variance: float
    drift: float
    surge: float = 0.0  # variance added a lesson per unit of lasting one-sided surprise


class AdditiveEffects:
    """Effects by key. `prior` gives first means of keys that are known beforehand."""

    def __init__(
        self,
        families: Mapping[str, EffectFamily],
        limit: int,
        prior: Mapping[Key, tuple[float, float]] | None = None,
    ) -> None:
        self.families = dict(families)
        self.limit = limit
        self.evicted = 0
        self._prior = dict(prior or {})
        self._cells: dict[Key, list[float]] = {}  # mean, variance, lessons, one-sidedness

    def __len__(self) -> int:
        return len(self._cells)

    def predict(self, keys: Sequence[Key]) -> tuple[float, float]:
        """Mean and variance of the sum."""
        mean = variance = 0.0
        for key in keys:
            cell = self._cells.get(key)
            if cell is not None:
                mean += cell[0]
                variance += cell[1]
            else:
                first = self._prior.get(key)
                mean += first[0] if first else 0.0
                variance += first[1] if first else self.families[key[0]].prior_variance
        return mean, variance

    def learn(self, keys: Sequence[Key], value: float, noise: float) -> float:
        """Take a value in; `noise` is the variance that no effect explains. Returns the surprise, unscaled."""
        cells = [self._cell(key) for key in keys]
        surprise = value - sum(cell[0] for cell in cells)
        total = noise + sum(cell[1] for cell in cells)
        z2 = surprise * surprise / total
        weight = (_OUTLIER_DEGREES + 1.0) / (_OUTLIER_DEGREES + z2)
        total += noise * (1.0 / weight - 1.0)
        scaled = max(-3.0, min(3.0, surprise / total**0.5))
        for key, cell in zip(keys, cells, strict=True):
            gain = cell[1] / total
            cell[0] += gain * surprise
            family = self.families[key[0]]
            cell[3] = _SIGN_MEMORY * cell[3] + (1.0 - _SIGN_MEMORY) * scaled
            lasting = max(0.0, cell[3] * cell[3] - _USUAL_SIGN)
            grown = cell[1] * (1.0 - gain) + family.drift + family.surge * lasting
            cell[1] = min(family.prior_variance, grown)
            cell[2] += 1.0
        return surprise

    def shift(self, key: Key, amount: float, variance: float) -> None:
        """Move one effect by evidence from elsewhere and make it as uncertain as stated."""
        cell = self._cell(key)
        cell[0] += amount
        cell[1] = max(cell[1], variance)

    def mean(self, key: Key) -> float:
        """One effect's mean."""
        return self.predict((key,))[0]

    def count(self, key: Key) -> float:
        """Lessons an effect has had."""
        cell = self._cells.get(key)
        return cell[2] if cell is not None else 0.0

    def known(self, key: Key) -> bool:
        """Whether a key has had a lesson or a first mean."""
        return key in self._cells or key in self._prior

    def state(self) -> dict[str, object]:
        """Plain values, oldest first."""
        return {"cells": [[*key, *cell] for key, cell in self._cells.items()], "evicted": self.evicted}

    def load(self, state: Mapping[str, object]) -> None:
        """Take `state()`'s values back."""
        cells = state["cells"]
        assert isinstance(cells, list)
        self._cells = {(str(row[0]), str(row[1])): [float(x) for x in row[2:]] for row in cells}
        self.evicted = int(str(state["evicted"]))

    def _cell(self, key: Key) -> list[float]:
        cell = self._cells.pop(key, None)
        if cell is None:
            first = self._prior.get(key)
            mean, variance = first if first else (0.0, self.families[key[0]].prior_variance)
            cell = [mean, variance, 0.0, 0.0]
            self.evicted += forget_oldest(self._cells, self.limit - 1)
        self._cells[key] = cell  # the one used last stands last
        return cell

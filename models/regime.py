"""Whether runs have lately become slower, told also by runs that have not ended: a change point with censored runs.

For each group the recent runs, ended or in flight, are kept in order of their start. Hypotheses are "from the k-th last
run on, all take e^shift times as long"; their likelihood ratios count an ended run by its density and a run in flight
by its chance of lasting that long (logistic errors of log seconds, tempered). Long before the first late label comes,
many runs that should have ended and have not speak for a slow-down. What the point forecast learns meanwhile from
labels is subtracted, so nothing counts twice. Bounded: the last runs of the last groups.
Source: Adams, MacKay (2007), Bayesian online changepoint detection; Cox (1972) for censoring.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.bounded import forget_oldest

__all__ = ["RegimeConfig", "RegimeShift", "Shift"]

_LOGISTIC = math.sqrt(3.0) / math.pi


@dataclass(frozen=True)
class RegimeConfig:
    """`chance` is the prior odds of a change within the window, `temper` (0 to 1) how far runs count as independent."""

    chance: float = 0.06
    temper: float = 1.0
    window: int = 512
    groups: int = 4_000
    least_flying: int = 6  # with fewer in flight the labels tell soon enough
    every: float = 0.04  # the hypotheses are weighed anew after this share of the runs in flight has come


@dataclass(frozen=True)
class Shift:
    """How much longer runs that start now take than the point says, in log seconds: mean, and an 80 % range."""

    mean: float = 0.0
    lower: float = 0.0
    upper: float = 0.0


NO_SHIFT = Shift()
_SHIFTS: NDArray[np.float64] = np.array([0.2, 0.35, 0.5, 0.65, 0.8, 1.0, 1.25, 1.5, 1.8, 2.2])


class _Group:
    """Runs by id, oldest start first: point, scale, start, lag, what was learned by then, log seconds once ended."""

    __slots__ = ("flying", "learned", "runs", "shift", "since")

    def __init__(self) -> None:
        self.runs: dict[str, list[float]] = {}
        self.learned = 0.0
        self.flying = 0
        self.since = 0.0
        self.shift = NO_SHIFT


class RegimeShift:
    """Groups with runs in flight."""

    def __init__(self, config: RegimeConfig | None = None) -> None:
        self.config = config or RegimeConfig()
        self.evicted = 0
        self._groups: dict[str, _Group] = {}

    def shift(self, group: str) -> Shift:
        """The shift as last weighed."""
        own = self._groups.get(group)
        return own.shift if own is not None else NO_SHIFT

    def learned(self, group: str) -> float:
        """How far the group's point has been moved by labels, summed; differences of it are what matter."""
        own = self._groups.get(group)
        return own.learned if own is not None else 0.0

    def open(self, group: str, run_id: str, point: float, scale: float, now: float, lag: float) -> None:
        """A run has started; `point` is the forecast without any shift."""
        own = self._groups.pop(group, None) or _Group()
        self.evicted += forget_oldest(self._groups, self.config.groups - 1)
        self._groups[group] = own
        own.runs[run_id] = [point, scale, now, lag, own.learned, math.nan]
        own.flying += 1
        if len(own.runs) > self.config.window:
            oldest = own.runs.pop(next(iter(own.runs)))
            own.flying -= math.isnan(oldest[5])
        self._tick(own, now)

    def learn(self, group: str, run_id: str, log_seconds: float, moved: float, now: float) -> None:
        """A run has ended and its label has moved the group's point by `moved`."""
        own = self._groups.get(group)
        if own is None:
            return
        own.learned += moved
        run = own.runs.get(run_id)
        if run is not None and math.isnan(run[5]):
            run[5] = log_seconds
            own.flying -= 1
        self._tick(own, now)

    def drop(self, group: str, run_id: str) -> None:
        """A run was cancelled: it tells nothing more."""
        own = self._groups.get(group)
        if own is not None:
            run = own.runs.pop(run_id, None)
            own.flying -= run is not None and math.isnan(run[5])

    def state(self) -> dict[str, object]:
        """Plain values; not a number is written as None."""
        groups = [
            [
                name,
                own.learned,
                own.since,
                [own.shift.mean, own.shift.lower, own.shift.upper],
                [[run_id, *(None if math.isnan(x) else x for x in run)] for run_id, run in own.runs.items()],
            ]
            for name, own in self._groups.items()
        ]
        return {"groups": groups, "evicted": self.evicted}

    def load(self, state: Mapping[str, object]) -> None:
        """Take `state()`'s values back."""
        groups = state["groups"]
        assert isinstance(groups, list)
        self.evicted = int(str(state["evicted"]))
        self._groups = {}
        for name, learned, since, shift, runs in groups:
            own = self._groups[str(name)] = _Group()
            own.learned, own.since, own.shift = float(learned), float(since), Shift(*shift)
            own.runs = {str(r[0]): [math.nan if x is None else float(x) for x in r[1:]] for r in runs}
            own.flying = sum(math.isnan(run[5]) for run in own.runs.values())

    def _tick(self, own: _Group, now: float) -> None:
        if own.flying < self.config.least_flying and own.shift == NO_SHIFT:
            return
        own.since += 1.0
        if own.since >= max(2.0, self.config.every * len(own.runs)):
            own.since = 0.0
            own.shift = self._weigh(own, now)

    def _weigh(self, own: _Group, now: float) -> Shift:
        runs = np.array(list(own.runs.values()))
        point, scale, start, lag, learned, ended = runs.T
        sigma = _LOGISTIC * np.maximum(scale, 0.05)
        flying = np.isnan(ended)
        lasted = np.where(flying, np.log(np.maximum(now - start, 0.0) + 0.5) - lag, ended)
        off = (lasted - point - (own.learned - learned)) / sigma
        off = np.clip(off, -12.0, 12.0)
        shifted = off[:, None] - _SHIFTS[None, :] / sigma[:, None]
        gain = np.where(flying[:, None], _survival(shifted) - _survival(off)[:, None], 0.0)
        gain += np.where(flying[:, None], 0.0, _density(shifted) - _density(off)[:, None])
        suffix = np.cumsum(gain[::-1], axis=0) * self.config.temper
        begins = np.unique(np.geomspace(4, max(4, len(runs)), 12).astype(int)) - 1
        weights = suffix[begins[begins < len(runs)]]
        if weights.size == 0:
            return NO_SHIFT
        prior = math.log(self.config.chance / weights.size)
        top = max(0.0, float(weights.max()) + prior)
        by_shift = np.exp(weights + prior - top).sum(axis=0)
        total = float(by_shift.sum()) + math.exp(-top)
        if total - math.exp(-top) < 0.05 * total:
            return NO_SHIFT
        share = np.cumsum(np.concatenate(([math.exp(-top)], by_shift))) / total
        levels = np.concatenate(([0.0], _SHIFTS))
        mean = float(by_shift @ _SHIFTS) / total
        lower, upper = (float(levels[min(int(np.searchsorted(share, q)), len(levels) - 1)]) for q in (0.1, 0.9))
        return Shift(mean, min(lower, mean), max(upper, mean))


def _density(u: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-u - 2.0 * np.logaddexp(0.0, -u))


def _survival(u: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-np.logaddexp(0.0, u))

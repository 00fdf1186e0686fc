"""95 % intervals that stay honest when labels come late: adaptive conformal bounds on scaled residuals.

A residual is (log seconds - point) / scale. Upper and lower multiplier are tracked apart, each by the pinball gradient
(adaptive conformal inference), for all runs and for each group, the group's shrunken towards all.
Delay: a run in flight that is past its upper bound counts as a miss the moment the time is known, not when its label
comes; its label then does not count again. A censored run (cancelled) counts only if it was past its bound.
The more runs of a group are in flight, the more would start before a change could be seen, and only a slow-down hides:
of the misses allowed, fewer then lie above and more below. The coverage aimed at stays the same.
Residuals are compared with the bound of now, not the one served, so many late misses of one cause do not overshoot.
Source: Gibbs, Candès (2021), Adaptive conformal inference under distribution shift; Angelopoulos et al. (2023).
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from models.bounded import forget_oldest

__all__ = ["ConformalConfig", "DelayedConformal", "Served"]


@dataclass(frozen=True)
class ConformalConfig:
    """Steps are in units of the scale; `groups` and `in_flight` bound the memory."""

    missed: float = 0.05
    unseen: float = 50.0  # runs of a group in flight at which half as many misses may lie above as with none
    first: float = 2.2  # multipliers before anything is known; the Gaussian's is 1.96
    step: float = 0.03
    group_step: float = 0.06
    group_prior: float = 100.0  # labels after which a group's own multiplier weighs as much as that of all
    widest: float = 12.0
    groups: int = 20_000
    in_flight: int = 20_000
    recent: float = 0.995  # fading of the served coverage


@dataclass(frozen=True)
class Served:
    """An interval as served, in log seconds, with what it was made from."""

    group: str
    base: float  # the point before any change of regime was added
    point: float
    scale: float
    lower: float
    upper: float
    opened_at: float
    learned: float = 0.0  # how far labels had moved the group's points by then


class DelayedConformal:
    """Bounds by group, and the runs in flight."""

    def __init__(self, config: ConformalConfig | None = None) -> None:
        self.config = config or ConformalConfig()
        self.evicted_groups = 0
        self.evicted_runs = 0
        self.coverage = 1.0 - self.config.missed
        self._all = [self.config.first, self.config.first, 0.0]  # lower, upper, labels
        self._groups: dict[str, list[float]] = {}
        self._flying: dict[str, Served] = {}
        self._crowds: dict[str, int] = {}  # runs in flight by group
        self._missed: dict[str, None] = {}  # overdue, already counted
        self._due: list[tuple[float, str]] = []

    def bounds(self, group: str) -> tuple[float, float]:
        """Multipliers of the scale, downwards and upwards."""
        own = self._groups.get(group)
        if own is None:
            return self._all[0], self._all[1]
        weight = own[2] / (own[2] + self.config.group_prior)
        return (
            weight * own[0] + (1.0 - weight) * self._all[0],
            weight * own[1] + (1.0 - weight) * self._all[1],
        )

    def open(self, run_id: str, served: Served, due_at: float) -> None:
        """A run is in flight; past `due_at` without a label it is a miss."""
        self._land(run_id)
        if len(self._flying) >= self.config.in_flight:
            oldest = next(iter(self._flying))
            self._land(oldest)
            self._missed.pop(oldest, None)
            self.evicted_runs += 1
        self._flying[run_id] = served
        self._crowds[served.group] = self._crowds.get(served.group, 0) + 1
        heapq.heappush(self._due, (due_at, run_id))

    def due(self, now: float) -> list[tuple[str, Served]]:
        """The runs that have become overdue by `now`, each told once."""
        overdue = []
        while self._due and self._due[0][0] < now:
            run_id = heapq.heappop(self._due)[1]
            served = self._flying.get(run_id)
            if served is not None and run_id not in self._missed:
                overdue.append((run_id, served))
        return overdue

    def miss(self, run_id: str, served: Served, moved: float) -> None:
        """Count an overdue run, unless the point has since moved so far that it is no news."""
        if served.upper - served.point - moved > 0.5 * self.bounds(served.group)[1] * served.scale:
            self._missed[run_id] = None
            self._count(served.group, above=True, below=False)

    def served(self, run_id: str) -> Served | None:
        """What was served for a run in flight."""
        return self._flying.get(run_id)

    def learn(self, run_id: str, log_seconds: float, fresh: Served, censored: bool = False) -> None:
        """The label of a run, or for a censored one how long it lasted at least."""
        served = self._land(run_id) or fresh
        counted = run_id in self._missed
        self._missed.pop(run_id, None)
        known = fresh if abs(fresh.point - served.point) > 0.5 * served.scale else served
        residual = (log_seconds - known.point) / known.scale
        low, high = self.bounds(served.group)
        if censored:
            if residual > high and not counted:
                self._count(served.group, above=True, below=False)
            return
        hit = served.lower <= log_seconds <= served.upper
        self.coverage = self.config.recent * self.coverage + (1.0 - self.config.recent) * hit
        if not counted:
            self._count(served.group, above=residual > high, below=residual < -low)

    def state(self) -> dict[str, object]:
        """Plain values."""
        return {
            "all": self._all,
            "groups": [[group, *own] for group, own in self._groups.items()],
            "flying": [
                [run_id, s.group, s.base, s.point, s.scale, s.lower, s.upper, s.opened_at, s.learned]
                for run_id, s in self._flying.items()
            ],
            "missed": list(self._missed),
            "due": [[at, run_id] for at, run_id in self._due if run_id in self._flying],
            "coverage": self.coverage,
            "evicted": [self.evicted_groups, self.evicted_runs],
        }

    def load(self, state: Mapping[str, object]) -> None:
        """Take `state()`'s values back."""
        rows: dict[str, list[list[object]]] = {k: list(v) for k, v in state.items() if isinstance(v, list)}
        self._all = [float(str(x)) for x in rows["all"]]
        self._groups = {str(r[0]): [float(str(x)) for x in r[1:]] for r in rows["groups"]}
        self._flying = {str(r[0]): Served(str(r[1]), *(float(str(x)) for x in r[2:])) for r in rows["flying"]}
        self._crowds = dict(Counter(served.group for served in self._flying.values()))
        self._missed = {str(run_id): None for run_id in rows["missed"]}
        self._due = [(float(str(r[0])), str(r[1])) for r in rows["due"]]
        heapq.heapify(self._due)
        self.coverage = float(str(state["coverage"]))
        self.evicted_groups, self.evicted_runs = (int(str(x)) for x in rows["evicted"])

    def _land(self, run_id: str) -> Served | None:
        served = self._flying.pop(run_id, None)
        if served is not None:
            self._crowds[served.group] -= 1
            if not self._crowds[served.group]:
                del self._crowds[served.group]
        return served

    def _count(self, group: str, *, above: bool, below: bool) -> None:
        over = 0.5 * self.config.missed / (1.0 + self._crowds.get(group, 0) / self.config.unseen)
        under = self.config.missed - over
        own = self._groups.pop(group, None)
        if own is None:
            own = [self._all[0], self._all[1], 0.0]
            self.evicted_groups += forget_oldest(self._groups, self.config.groups - 1)
        self._groups[group] = own
        for cell, step in ((self._all, self.config.step), (own, self.config.group_step)):
            cell[2] += 1.0
            early = step * (1.0 + 10.0 / (1.0 + 0.1 * cell[2]))
            cell[0] = self._held(cell[0] + early * (below - under))
            cell[1] = self._held(cell[1] + early * (above - over))

    def _held(self, multiplier: float) -> float:
        return min(self.config.widest, max(0.2, multiplier))

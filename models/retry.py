"""How often a commit that failed passes when it is simply built again: what a retry is worth, by project.

Each build of a commit after a failed one is a try. A project's share is shrunken to that of all projects, and that to a
declared one in four while nothing is known. Bounded: the commits and projects longest unseen are forgotten.
Source of the idea: Luo et al. (2014), An empirical analysis of flaky tests; a beta posterior for the share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.bounded import forget_oldest
from streams.events import ExampleRecorded, Run

__all__ = ["Chance", "RetryModel"]

_COMMITS, _PROJECTS = 20_000, 20_000
_DECLARED = (1.0, 4.0)  # passes, tries
_STRENGTH = 6.0  # tries that the share of all projects counts for in one of them


@dataclass(frozen=True)
class Chance:
    """A probability with its 95 % interval."""

    point: float
    lower: float
    upper: float


class RetryModel:
    """Commits that failed last, and passes and tries by project."""

    def __init__(self) -> None:
        self._failed: dict[tuple[str, str, str], None] = {}
        self._tries: dict[str, tuple[float, float]] = {}
        self._all = _DECLARED

    def learn(self, example: ExampleRecorded) -> None:
        """Take a finished run in, in the order of the log."""
        run = example.run
        if not run.commit or example.outcome == "cancel":
            return
        key = (run.project, run.name, run.commit)
        passed = example.outcome == "success"
        if key in self._failed:
            self._count(run.project, passed)
            del self._failed[key]
        if not passed:
            self._failed[key] = None
            forget_oldest(self._failed, _COMMITS)

    def chance(self, run: Run) -> Chance:
        """Of passing when built again as it is, had it failed."""
        passes, tries = self._tries.get(run.project, (0.0, 0.0))
        share = self._all[0] / self._all[1]
        count = tries + _STRENGTH
        point = (passes + _STRENGTH * share) / count
        spread = 1.96 * math.sqrt(point * (1.0 - point) / (count + 1.0))
        return Chance(point, max(0.0, point - spread), min(1.0, point + spread))

    def _count(self, project: str, passed: bool) -> None:
        passes, tries = self._tries.pop(project, (0.0, 0.0))
        self._tries[project] = (passes + passed, tries + 1.0)
        self._all = (self._all[0] + passed, self._all[1] + 1.0)
        forget_oldest(self._tries, _PROJECTS)

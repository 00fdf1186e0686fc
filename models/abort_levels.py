"""From which risk on a project's history alone has nearly always been right: earned by its own builds, lost by them.

A risk of 0.98 from history is wrong in 8 of 100 builds of some years and in none of others, because who repairs a
broken project is in no history. So a project's level is the lowest at which all of its last builds that were told as
much failed. Chosen on the first half in time of real histories of 345 projects (docs/lifecycle.md).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from models.bounded import forget_oldest

__all__ = ["LevelPolicy", "Levels"]


@dataclass(frozen=True)
class LevelPolicy:
    """The last `window` builds at a level are looked at, and `need` of them asked for."""

    levels: Sequence[float] = (0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)
    window: int = 50
    need: int = 30
    projects: int = 2_000


@dataclass
class Levels:
    """Each project's level; none until it is earned."""

    policy: LevelPolicy = LevelPolicy()
    told: dict[str, list[deque[bool]]] = field(default_factory=dict)  # by level: whether builds passed

    def add(self, project: str, risk: float, passed: bool) -> None:
        """A build was told this risk from its history, and what became of it is known."""
        if risk < self.policy.levels[0]:
            return
        told = self.told.pop(project, None) or [deque(maxlen=self.policy.window) for _ in self.policy.levels]
        for level, builds in zip(self.policy.levels, told, strict=True):
            if risk >= level:
                builds.append(passed)
        self.told[project] = told  # again the most recent
        forget_oldest(self.told, self.policy.projects)

    def of(self, project: str) -> float:
        """The risk from which to believe history alone; infinite where no level is earned."""
        told, policy = self.told.get(project, []), self.policy
        return next(
            (
                level
                for level, builds in zip(policy.levels, told, strict=False)
                if len(builds) >= policy.need and not any(builds)
            ),
            math.inf,
        )

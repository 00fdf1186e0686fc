"""What no effect explains: the variance of a group's surprises, shrunken towards its project's, that towards all's.

A surprise's square above nine times what was expected counts as nine times: one outlier does not blow the scale up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.bounded import forget_oldest

__all__ = ["NoiseByGroup", "NoiseConfig"]


@dataclass(frozen=True)
class NoiseConfig:
    """Variances are of log seconds."""

    first: float = 0.02
    least: float = 4e-4
    fading: float = 0.03
    prior: float = 4.0  # labels after which a group's own variance weighs as much as that of all
    groups: int = 20_000


class NoiseByGroup:
    """Variance by group."""

    def __init__(self, config: NoiseConfig | None = None) -> None:
        self.config = config or NoiseConfig()
        self.evicted = 0
        self._all = [self.config.first, 0.0]
        self._groups: dict[str, list[float]] = {}

    def variance(self, project: str, group: str) -> float:
        """The group's variance."""
        known = self._all[0]
        for own in (self._groups.get(project), self._groups.get(group)):
            if own is not None:
                weight = own[1] / (own[1] + self.config.prior)
                known = weight * own[0] + (1.0 - weight) * known
        return max(self.config.least, known)

    def learn(self, project: str, group: str, squared: float, explained: float) -> float:
        """Take a squared surprise in, of which `explained` was the effects' doubt; returns the variance before."""
        before = self.variance(project, group)
        share = before / (before + explained)
        excess = share * min(squared, 9.0 * (before + explained)) + (1.0 - share) * before
        for cell, slowest in (
            (self._all, 0.1 * self.config.fading),
            (self._group(project), 0.3 * self.config.fading),
            (self._group(group), self.config.fading),
        ):
            cell[1] += 1.0
            cell[0] += max(slowest, 1.0 / (cell[1] + 1.0)) * (excess - cell[0])
        return before

    def state(self) -> dict[str, object]:
        """Plain values."""
        groups = [[group, *own] for group, own in self._groups.items()]
        return {"all": list(self._all), "groups": groups, "evicted": self.evicted}

    def load(self, state: Mapping[str, object]) -> None:
        """Take `state()`'s values back."""
        whole, groups = state["all"], state["groups"]
        assert isinstance(whole, list)
        assert isinstance(groups, list)
        self._all = [float(x) for x in whole]
        self._groups = {str(row[0]): [float(x) for x in row[1:]] for row in groups}
        self.evicted = int(str(state["evicted"]))

    def _group(self, name: str) -> list[float]:
        own = self._groups.pop(name, None)
        if own is None:
            own = [self._all[0], 0.0]
            self.evicted += forget_oldest(self._groups, self.config.groups - 1)
        self._groups[name] = own
        return own

"""The simplest forecasters there are, on the same labels: what every model must beat.

Prior: failure share of all runs. Last outcome: of the project, softened. EWMA-5: of the project's outcomes, span 5.
"""

from __future__ import annotations

from models.bounded import forget_oldest

__all__ = ["BASELINES", "Baselines"]

BASELINES = ("prior", "last_outcome", "ewma5")


class Baselines:
    """Rates by project, bounded; the project longest unseen is forgotten first."""

    def __init__(self, projects: int = 20_000) -> None:
        self._projects = projects
        self._rate, self._labels = 0.2, 1.0
        self._seen: dict[str, tuple[float, float]] = {}  # EWMA-5, last outcome

    def predict(self, project: str) -> dict[str, float]:
        """Risk by baseline."""
        ewma, last = self._seen.get(project, (self._rate, self._rate))
        return {
            "prior": self._rate,
            "last_outcome": 0.05 + 0.9 * last,
            "ewma5": min(0.98, max(0.02, ewma)),
        }

    def learn(self, project: str, failed: bool) -> None:
        """A label came."""
        label = float(failed)
        ewma, _ = self._seen.pop(project, (self._rate, self._rate))
        self._labels += 1.0
        self._rate += max(1.0 / self._labels, 0.002) * (label - self._rate)
        self._seen[project] = (ewma + (label - ewma) / 3.0, label)
        forget_oldest(self._seen, self._projects)

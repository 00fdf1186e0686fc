"""River's own trees as members, on the columns that say most: an adaptive tree and a small adaptive random forest.

Sources: Bifet, Gavaldà (2009), Adaptive learning from evolving data streams; Gomes et al. (2017), Adaptive random
forests.
"""

from __future__ import annotations

import math
from typing import Any

from river import forest, tree

from models.members.vector import NO_SLOTS, Slots, Vector, VectorClassifier, limited

__all__ = ["AdaptiveForest", "AdaptiveTree"]


class _Trees(VectorClassifier):
    """A River tree model behind the vector door; `columns` are the features it sees (all, where empty)."""

    def __init__(self, model: Any, columns: tuple[int, ...]) -> None:
        super().__init__()
        self.columns = columns
        self.model = model

    def logit(self, z: Vector, slots: Slots = NO_SLOTS) -> float:
        risk = self.model.predict_proba_one(self._named(z)).get(True, 0.0) or 0.0
        risk = 0.01 + 0.98 * risk  # pure leaves are not sure
        return limited(math.log(risk / (1.0 - risk)))

    def fit(self, z: Vector, broken: float, slots: Slots = NO_SLOTS) -> float:
        logit = self.logit(z)
        self.model.learn_one(self._named(z), bool(broken))
        return logit

    def _named(self, z: Vector) -> dict[int, float]:
        values = z.tolist()
        return {c: values[c] for c in (self.columns or range(len(values))) if c < len(values)}


class AdaptiveTree(_Trees):
    """One Hoeffding adaptive tree."""

    def __init__(
        self, columns: tuple[int, ...] = (), grace_period: int = 200, max_depth: int = 8, seed: int = 3
    ) -> None:
        self.grace_period = grace_period
        self.max_depth = max_depth
        self.seed = seed
        model = tree.HoeffdingAdaptiveTreeClassifier(
            grace_period=grace_period, max_depth=max_depth, seed=seed, leaf_prediction="nba"
        )
        super().__init__(model, columns)


class AdaptiveForest(_Trees):
    """A small adaptive random forest of shallow trees."""

    def __init__(
        self, columns: tuple[int, ...] = (), trees: int = 5, max_depth: int = 6, grace_period: int = 200, seed: int = 5
    ) -> None:
        self.trees = trees
        self.max_depth = max_depth
        self.grace_period = grace_period
        self.seed = seed
        model = forest.ARFClassifier(n_models=trees, max_depth=max_depth, grace_period=grace_period, seed=seed)
        super().__init__(model, columns)

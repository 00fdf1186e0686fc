"""Members combined by weights that follow who is right lately: exponentiated gradient on log loss with a fixed share.

Weighted logits are summed (a logarithmic opinion pool). Sources: Kivinen, Warmuth (1997), Exponentiated gradient versus
gradient descent; Herbster, Warmuth (1998), Tracking the best expert.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from models.members.vector import BASE_LOGIT, sigmoid

__all__ = ["Pool"]


class Pool:
    """`rate` is the weights' step, `share` what each lesson gives back to all alike, `start` the first weights."""

    def __init__(
        self, members: Sequence[str], rate: float = 0.2, share: float = 0.001, start: Mapping[str, float] | None = None
    ) -> None:
        self.members = tuple(members)
        self.rate = rate
        self.share = share
        first = [(start or {}).get(member, 1.0) for member in self.members]
        self.weights = [weight / sum(first) for weight in first]

    def logit(self, logits: Sequence[float]) -> float:
        """The pool's logit."""
        return math.fsum(w * v for w, v in zip(self.weights, logits, strict=True))

    def filled(self, logits: Sequence[float | None]) -> list[float]:
        """The logits, where a member that has nothing to say (None) agrees with the others' pool."""
        if None not in logits:
            return [v for v in logits if v is not None]
        told = [(w, v) for w, v in zip(self.weights, logits, strict=True) if v is not None]
        total = math.fsum(w for w, _ in told)
        others = math.fsum(w * v for w, v in told) / total if told else BASE_LOGIT
        return [others if v is None else v for v in logits]

    def learn(self, logits: Sequence[float], broken: float) -> None:
        """Move weight towards the members whose logits would have lowered the pool's loss."""
        error = sigmoid(self.logit(logits)) - broken
        moved = [w * math.exp(-self.rate * error * v) for w, v in zip(self.weights, logits, strict=True)]
        total = math.fsum(moved)
        floor = self.share / len(moved)
        self.weights = [(1.0 - self.share) * w / total + floor for w in moved]

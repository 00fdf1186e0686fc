"""Members combined by weights that follow who is right lately: exponentiated gradient on log loss with a fixed share.

Weighted logits are summed (a logarithmic opinion pool). Sources: Kivinen, Warmuth (1997), Exponentiated gradient versus
gradient descent; Herbster, Warmuth (1998), Tracking the best expert.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from models.members.vector import sigmoid

__all__ = ["Pool"]


class Pool:
    """`rate` is the step of the weights, `share` what each lesson gives back to all members alike."""

    def __init__(self, members: Sequence[str], rate: float = 0.1, share: float = 0.001) -> None:
        self.members = tuple(members)
        self.rate = rate
        self.share = share
        self.weights = [1.0 / len(self.members)] * len(self.members)

    def logit(self, logits: Sequence[float]) -> float:
        """The pool's logit."""
        return math.fsum(w * v for w, v in zip(self.weights, logits, strict=True))

    def learn(self, logits: Sequence[float], broken: float) -> None:
        """Move weight towards the members whose logits would have lowered the pool's loss."""
        error = sigmoid(self.logit(logits)) - broken
        moved = [w * math.exp(-self.rate * error * v) for w, v in zip(self.weights, logits, strict=True)]
        total = math.fsum(moved)
        floor = self.share / len(moved)
        self.weights = [(1.0 - self.share) * w / total + floor for w in moved]

"""When a challenger has proven better: an anytime-valid lower bound of the champion's loss minus the challenger's.

The bound may be looked at after every label and is still above the true mean with probability at most `alpha`: the
predictable plug-in empirical-Bernstein confidence sequence. Differences are clipped to +-`clip` nats, so one absurd
forecast neither makes nor breaks a model; challengers of one fleet share `alpha` (Bonferroni).
Source: Waudby-Smith, Ramdas (2024), Estimating means of bounded random variables by betting, Theorem 2;
Howard, Ramdas, McAuliffe, Sekhon (2021), Time-uniform, nonparametric, nonasymptotic confidence sequences.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Decision", "LowerBound", "PromotionPolicy", "Race", "log_loss"]

Decision: TypeAlias = Literal["wait", "promote", "give up"]
_LEAST = 1e-6
_MOST_BET = 0.9  # below 1, where the bound's psi is infinite


@dataclass(frozen=True)
class PromotionPolicy:
    """What is asked of a challenger. Losses in nats; labels are finished runs with an outcome."""

    alpha: float = 0.05  # chance that a fleet of equals ever promotes
    clip: float = 0.5  # most that one label can speak for or against
    min_labels: int = 200  # fewer never promote
    min_gain: float = 0.0005  # a smaller sure advantage is not worth the move (hysteresis)
    rest_labels: int = 200  # after a move nothing moves for so long (hysteresis)
    patience_labels: int = 20_000  # a challenger not proven by then is given up


class LowerBound:
    """The running lower confidence bound of the mean of values within +-`clip`."""

    def __init__(self, alpha: float, clip: float) -> None:
        if not 0.0 < alpha < 1.0 or clip <= 0.0:
            raise ValueError(f"alpha must be within 0 and 1 and clip above 0, not {alpha} and {clip}")
        self.clip = clip
        self.labels = 0
        self.lower = -clip
        self._doubt = math.log(1.0 / alpha)
        self._sum = self._squares = 0.0
        self._bets = self._won = self._spent = 0.0

    def add(self, value: float) -> float:
        """Take one value in; returns the bound of the mean so far, which may fall again when an advantage fades."""
        x = (min(self.clip, max(-self.clip, value)) + self.clip) / (2.0 * self.clip)
        n = self.labels
        mean = (0.5 + self._sum) / (n + 1)
        variance = (0.25 + self._squares) / (n + 1)
        bet = min(_MOST_BET, math.sqrt(2.0 * self._doubt / (variance * (n + 1) * math.log(n + 2))))
        self._bets += bet
        self._won += bet * x
        self._spent += (x - mean) ** 2 * (-math.log1p(-bet) - bet)
        self.labels = n + 1
        self._sum += x
        self._squares += (x - (0.5 + self._sum) / (n + 2)) ** 2
        bound = (self._won - self._doubt - self._spent) / self._bets
        self.lower = max(-self.clip, (2.0 * bound - 1.0) * self.clip)
        return self.lower

    @property
    def mean(self) -> float:
        """The plain mean of the (clipped) values so far."""
        return (2.0 * self._sum / self.labels - 1.0) * self.clip if self.labels else 0.0


class Race:
    """One challenger beside the champion, label by label."""

    def __init__(self, policy: PromotionPolicy, rivals: int = 1) -> None:
        self.policy = policy
        self.bound = LowerBound(policy.alpha / max(1, rivals), policy.clip)

    def add(self, champion_risk: float, challenger_risk: float, failed: bool) -> None:
        """Both forecasts of one run met its label."""
        self.bound.add(log_loss(champion_risk, failed) - log_loss(challenger_risk, failed))

    def decide(self, labels_since_move: int) -> Decision:
        """What the labels so far allow. `labels_since_move` counts from the last promotion or roll-back."""
        policy, seen = self.policy, self.bound.labels
        if seen >= policy.min_labels and labels_since_move >= policy.rest_labels and self.bound.lower > policy.min_gain:
            return "promote"
        return "give up" if seen >= policy.patience_labels else "wait"

    def evidence(self) -> Mapping[str, float]:
        """The numbers a decision rests on."""
        return {"labels": float(self.bound.labels), "mean_gain": self.bound.mean, "lower_bound": self.bound.lower}


def log_loss(risk: float, failed: bool) -> float:
    """Nats; risk is kept away from 0 and 1 by one in a million."""
    risk = min(1.0 - _LEAST, max(_LEAST, risk))
    return -math.log(risk if failed else 1.0 - risk)

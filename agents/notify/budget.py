"""How many wrong alerts a right one is worth, and whether alerts are worth their cost.

An alert is worth raising at risk p when p x saved >= (1 - p) x cost: so the threshold is cost / (cost + saved).
Source: Elkan (2001), The foundations of cost-sensitive learning, equation 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["AlertBudget", "Costs", "budget", "score"]


@dataclass(frozen=True)
class Costs:
    """Minutes of a person: looking at a wrong alert, and what a right one saves."""

    wrong_minutes: float = 5.0
    saved_minutes: float = 20.0

    @property
    def threshold(self) -> float:
        """The lowest risk at which an alert is worth its cost.

        >>> Costs(wrong_minutes=5, saved_minutes=20).threshold
        0.2
        """
        return self.wrong_minutes / (self.wrong_minutes + self.saved_minutes)


@dataclass(frozen=True)
class AlertBudget:
    """`balance_minutes` is what alerts have saved; `wrong_left` how many more wrong ones that pays for."""

    right: int
    wrong: int
    pending: int
    precision: float | None
    balance_minutes: float
    wrong_left: int


def budget(scores: Iterable[str], costs: Costs | None = None) -> AlertBudget:
    """From the scores of alerts (right, wrong, pending; others count for neither).

    >>> budget(["right", "wrong", "wrong", "pending"]).balance_minutes
    10.0
    """
    costs = costs or Costs()
    found = list(scores)
    right, wrong = found.count("right"), found.count("wrong")
    balance = right * costs.saved_minutes - wrong * costs.wrong_minutes
    left = max(0, int(balance // costs.wrong_minutes)) if costs.wrong_minutes > 0 else 0
    precision = right / (right + wrong) if right + wrong else None
    return AlertBudget(right, wrong, found.count("pending"), precision, balance, left)


def score(outcome: str | None, verdict: str | None) -> str:
    """Whether an alert was right, by its run's end and what people said of it.

    >>> [score("failure", None), score("success", None), score(None, None), score("failure", "flaky")]
    ['right', 'wrong', 'pending', 'excused']
    """
    match verdict or outcome:
        case "failure" | "error":
            return "right"
        case "success":
            return "wrong"
        case "flaky" | "infrastructure":
            return "excused"
        case "cancel":
            return "unknown"
        case _:
            return "pending"

"""Whether a run should be given up early, in shadow: P(fail) x time left against (1 - P) x what redoing would cost.

Stopping a run that would have passed costs its work so far and a new start. A verdict is given once a run, only above
the evidence limits, and scored when the outcome is known: minutes saved, or wrong. What stops a run is not here.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from streams.events import AbortVerdict, Checkpoint, ExampleRecorded

__all__ = [
    "MIN_VERDICTS",
    "MOST_WRONG",
    "AbortLedger",
    "AbortPolicy",
    "AbortScore",
    "Verdict",
    "advise",
    "first_verdict",
    "saved_seconds",
]


MIN_VERDICTS, MOST_WRONG = 100, 0.01
"""Verdicts that must have been scored, and the share of them that may have been wrong, before any is acted on."""


@dataclass(frozen=True)
class AbortPolicy:
    """Evidence limits. `redo_overhead_seconds` is what a new start costs beside the work lost."""

    min_risk: float = 0.98
    min_in_run_logit: float = 0.0  # evidence of the run itself, beside its history
    min_left_seconds: float = 10.0
    redo_overhead_seconds: float = 60.0
    caution: float = 10.0  # a wrong stop weighs so many times its cost


@dataclass(frozen=True)
class Verdict:
    """Give up now: when, at which risk, and what is expected to be gained (seconds)."""

    elapsed_seconds: float
    risk: float
    expected_gain_seconds: float


def advise(
    risk: float, elapsed_seconds: float, left_seconds: float, in_run_logit: float, policy: AbortPolicy
) -> Verdict | None:
    """A verdict, if stopping now is expected to pay and the evidence suffices."""
    redo = elapsed_seconds + policy.redo_overhead_seconds
    gain = risk * left_seconds - (1.0 - risk) * redo * policy.caution
    enough = (
        risk >= policy.min_risk and in_run_logit >= policy.min_in_run_logit and left_seconds >= policy.min_left_seconds
    )
    return Verdict(elapsed_seconds, risk, gain) if enough and gain > 0.0 else None


def first_verdict(checkpoints: Sequence[Checkpoint], policy: AbortPolicy) -> Verdict | None:
    """The verdict a run would have got from its served forecasts, as they were."""
    for point in checkpoints:
        if point.remaining is None:
            continue
        shift = _logit(point.risk) - point.prior_logit
        verdict = advise(point.risk, point.elapsed_seconds, point.remaining.point, shift, policy)
        if verdict is not None:
            return verdict
    return None


@dataclass(frozen=True)
class AbortScore:
    """What verdicts came to. Minutes; shares 0 to 1."""

    runs: int = 0
    verdicts: int = 0
    wrong: int = 0
    minutes_saved: float = 0.0
    minutes_lost: float = 0.0
    failing_minutes: float = 0.0

    @property
    def wrong_share(self) -> float:
        """Verdicts on runs that passed, of all verdicts."""
        return self.wrong / self.verdicts if self.verdicts else 0.0

    @property
    def saved_share(self) -> float:
        """Minutes saved of all the minutes that failing runs took."""
        return self.minutes_saved / self.failing_minutes if self.failing_minutes else 0.0


@dataclass
class AbortLedger:
    """Every verdict against its outcome. Acting is earned: `trusted` needs enough verdicts, nearly none wrong."""

    policy: AbortPolicy = field(default_factory=AbortPolicy)
    score: AbortScore = AbortScore()
    recent: deque[bool] = field(default_factory=lambda: deque(maxlen=1000))  # wrong or not, newest last

    def add(self, example: ExampleRecorded, verdict: Verdict | None = None) -> Verdict | None:
        """Score one finished run, with the verdict given live or else the one its checkpoints lead to."""
        if example.outcome not in ("success", "failure") or example.seconds is None:
            return None
        verdict = verdict or first_verdict(example.checkpoints, self.policy)
        failed = example.outcome == "failure"
        left = max(0.0, example.seconds - verdict.elapsed_seconds) if verdict else 0.0
        old = self.score
        self.score = AbortScore(
            runs=old.runs + 1,
            verdicts=old.verdicts + (verdict is not None),
            wrong=old.wrong + (verdict is not None and not failed),
            minutes_saved=old.minutes_saved + (left / 60.0 if failed else 0.0),
            minutes_lost=old.minutes_lost + (_lost(verdict, self.policy) if verdict and not failed else 0.0),
            failing_minutes=old.failing_minutes + (example.seconds / 60.0 if failed else 0.0),
        )
        if verdict is not None:
            self.recent.append(not failed)
        return verdict

    def advise(
        self, risk: float, elapsed_seconds: float, left_seconds: float, in_run_logit: float
    ) -> AbortVerdict | None:
        """The verdict on a run as it stands, with how verdicts fared so far."""
        verdict = advise(risk, elapsed_seconds, left_seconds, in_run_logit, self.policy)
        if verdict is None:
            return None
        return AbortVerdict(
            expected_gain_seconds=verdict.expected_gain_seconds, trusted=self.trusted(), verdicts=len(self.recent),
            wrong=sum(self.recent),
        )  # fmt: skip

    def trusted(self, min_verdicts: int = MIN_VERDICTS, most_wrong: float = MOST_WRONG) -> bool:
        """Whether verdicts may be acted on: the last ones were right often enough, and there were enough of them."""
        return len(self.recent) >= min_verdicts and sum(self.recent) <= most_wrong * len(self.recent)


def saved_seconds(example: ExampleRecorded, policy: AbortPolicy | None = None) -> float:
    """Build time that giving up a failed run at its first verdict would have saved; 0 where there was none."""
    verdict = first_verdict(example.checkpoints, policy or AbortPolicy()) if example.outcome == "failure" else None
    return max(0.0, (example.seconds or 0.0) - verdict.elapsed_seconds) if verdict else 0.0


def _lost(verdict: Verdict, policy: AbortPolicy) -> float:
    return (verdict.elapsed_seconds + policy.redo_overhead_seconds) / 60.0


def _logit(share: float) -> float:
    share = min(1.0 - 1e-9, max(1e-9, share))
    return math.log(share / (1.0 - share))

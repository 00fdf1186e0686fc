"""Whether a run should be given up early, in shadow: P(fail) x time left against (1 - P) x what redoing would cost.

Stopping a run that would have passed costs its work so far and a new start. A verdict is given once a run, only above
the evidence limits, and scored when the outcome is known: minutes saved, or wrong. A run's own signs make one from a
fixed risk on; its history alone makes one from the level that its project has earned. What stops a run is not here.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from models.abort_levels import Levels
from models.bounded import forget_oldest
from streams.events import AbortVerdict, Checkpoint, ExampleRecorded, Run

__all__ = [
    "MIN_VERDICTS",
    "MOST_WRONG",
    "AbortLedger",
    "AbortPolicy",
    "AbortScore",
    "Verdict",
    "advise",
    "first_verdict",
]


MIN_VERDICTS, MOST_WRONG = 100, 0.01
"""Verdicts that must have been scored, and the share of them that may have been wrong, before any is acted on."""
_OPEN = 10_000


@dataclass(frozen=True)
class AbortPolicy:
    """Evidence limits. `redo_overhead_seconds` is what a new start costs beside the work lost."""

    min_risk: float = 0.98  # where the run's own signs speak
    min_in_run_logit: float = 2.0  # how loud they have to be, beside its history
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
    risk: float, elapsed_seconds: float, left_seconds: float, in_run_logit: float, policy: AbortPolicy,
    level: float = math.inf,
) -> Verdict | None:  # fmt: skip
    """A verdict, if stopping now is expected to pay and the evidence suffices. `level`: of risk from history alone."""
    redo = elapsed_seconds + policy.redo_overhead_seconds
    gain = risk * left_seconds - (1.0 - risk) * redo * policy.caution
    enough = risk >= (policy.min_risk if in_run_logit >= policy.min_in_run_logit else level)
    pays = left_seconds >= policy.min_left_seconds and gain > 0.0
    return Verdict(elapsed_seconds, risk, gain) if enough and pays else None


def first_verdict(checkpoints: Sequence[Checkpoint], policy: AbortPolicy, level: float = math.inf) -> Verdict | None:
    """The verdict a run would have got from its served forecasts, as they were."""
    for point in checkpoints:
        if point.remaining is None:
            continue
        verdict = advise(point.risk, point.elapsed_seconds, point.remaining.point, _shift(point), policy, level)
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
    levels: Levels = field(default_factory=Levels)
    opened: dict[str, float] = field(default_factory=dict)  # the level that stood when a run began

    def open(self, run: Run) -> None:
        """A run begins: the level that its project has earned by now is the run's to its end."""
        if math.isfinite(level := self.levels.of(run.project)):
            self.opened[run.run_id] = level
            forget_oldest(self.opened, _OPEN)

    def add(self, example: ExampleRecorded, verdict: Verdict | None = None) -> Verdict | None:
        """Score one finished run, with the verdict given live or else the one its checkpoints lead to."""
        if example.outcome not in ("success", "failure") or example.seconds is None:
            return None
        level = self.opened.pop(example.run.run_id, math.inf)
        verdict = verdict or first_verdict(example.checkpoints, self.policy, level)
        failed = example.outcome == "failure"
        self._mark(example, failed)
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
        self, run: Run, risk: float, elapsed_seconds: float, left_seconds: float, in_run_logit: float
    ) -> AbortVerdict | None:
        """The verdict on a run as it stands, with how verdicts fared so far."""
        level = self.opened.get(run.run_id) or self.levels.of(run.project)
        verdict = advise(risk, elapsed_seconds, left_seconds, in_run_logit, self.policy, level)
        if verdict is None:
            return None
        return AbortVerdict(
            expected_gain_seconds=verdict.expected_gain_seconds, trusted=self.trusted(), verdicts=len(self.recent),
            wrong=sum(self.recent),
        )  # fmt: skip

    def trusted(self, min_verdicts: int = MIN_VERDICTS, most_wrong: float = MOST_WRONG) -> bool:
        """Whether verdicts may be acted on: the last ones were right often enough, and there were enough of them."""
        return len(self.recent) >= min_verdicts and sum(self.recent) <= most_wrong * len(self.recent)

    def _mark(self, example: ExampleRecorded, failed: bool) -> None:
        """What history alone told of this run, at most, counts for its project's level."""
        least, loud = self.policy.min_left_seconds, self.policy.min_in_run_logit
        told = [
            point.risk for point in example.checkpoints
            if point.remaining and point.remaining.point >= least and _shift(point) < loud
        ]  # fmt: skip
        if told:
            self.levels.add(example.run.project, max(told), not failed)


def _lost(verdict: Verdict, policy: AbortPolicy) -> float:
    return (verdict.elapsed_seconds + policy.redo_overhead_seconds) / 60.0


def _shift(point: Checkpoint) -> float:
    """What the run's own signs add to its history."""
    return _logit(point.risk) - point.prior_logit


def _logit(share: float) -> float:
    share = min(1.0 - 1e-9, max(1e-9, share))
    return math.log(share / (1.0 - share))

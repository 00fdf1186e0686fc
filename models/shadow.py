"""Champion and challengers side by side over one log: all score the same runs at the same moment, none is served.

The moment is a run's opening, the label its end. Each challenger has its own race against the champion; the baselines
are scored on the same labels. Runs whose opening was not seen are not scored.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from models.baselines import BASELINES, Baselines
from models.bounded import forget_oldest
from models.forecaster import Forecaster
from models.history.fold import HistoryLimits
from models.promotion import PromotionPolicy, Race, log_loss
from streams.events import Event, ExampleRecorded, PriorFeatures, RunOpened

__all__ = ["Judged", "Shadow"]

_PENDING = 100_000
_WINDOW = 500


@dataclass(frozen=True)
class Judged:
    """A run's label with the risks given at its opening, by config or baseline, and how far its duration was off."""

    run_id: str
    project: str
    offset: int
    time: float
    failed: bool
    risks: Mapping[str, float]
    log_residual: float | None  # log of actual over expected seconds, the champion's


class Shadow:
    """`champion` is the name of the one the others are measured against."""

    def __init__(
        self, champion: Forecaster, rivals: Iterable[Forecaster], policy: PromotionPolicy, shared_by: int = 0
    ) -> None:
        self.policy = policy
        self.champion = champion.config.name
        self.forecasters = {champion.config.name: champion} | {one.config.name: one for one in rivals}
        self.shared_by = max(shared_by, len(self.forecasters) - 1)
        self.labels = 0
        self.races = {name: Race(policy, self.shared_by) for name in self.forecasters if name != self.champion}
        self.losses: dict[str, float] = {}  # mean log loss of the last labels, nats
        self._baselines = Baselines()
        self._asked: dict[str, tuple[dict[str, float], float | None]] = {}

    @property
    def offset(self) -> int:
        """The next record to fold."""
        return self.forecasters[self.champion].offset

    def fold(self, event: Event, offset: int) -> Judged | None:
        """Take a record in; a label that met its forecasts comes back."""
        judged = None
        if isinstance(event, RunOpened):
            self._ask(event)
        elif isinstance(event, ExampleRecorded):
            judged = self._judge(event, offset)
            if event.outcome in ("success", "failure"):
                self._baselines.learn(event.run.project, event.outcome == "failure")
        for one in self.forecasters.values():
            one.fold(event, offset)
        return judged

    def proven(self, labels_since_move: int) -> str | None:
        """The challenger with the highest sure gain, if any may be promoted."""
        ready = [name for name, race in self.races.items() if race.decide(labels_since_move) == "promote"]
        return max(ready, key=lambda name: self.races[name].bound.lower, default=None)

    def ranked(self) -> list[str]:
        """Challengers, best first by mean gain."""
        return sorted(self.races, key=lambda name: -self.races[name].bound.mean)

    def keep(self, names: Iterable[str]) -> None:
        """Drop the challengers that are not named."""
        kept = {self.champion, *names}
        self.forecasters = {name: one for name, one in self.forecasters.items() if name in kept}
        self.races = {name: race for name, race in self.races.items() if name in kept}
        self.losses = {name: loss for name, loss in self.losses.items() if name in kept or name in BASELINES}

    def restart_races(self) -> None:
        """Measure afresh from here on: the past before here is no evidence."""
        self.races = {name: Race(self.policy, self.shared_by) for name in self.races}
        self.labels, self.losses = 0, {}

    def crown(self, name: str) -> None:
        """Another one is champion from now on; the old one stays in the race, so that a mistake is found out."""
        self.champion = name
        self.races = {other: Race(self.policy, self.shared_by) for other in self.forecasters if other != name}

    def _ask(self, event: RunOpened) -> None:
        run = event.run
        if run.run_id in self._asked or any(run.run_id in one.learned for one in self.forecasters.values()):
            return
        told: dict[HistoryLimits, PriorFeatures] = {}  # history is the same for all configs with the same limits
        risks = {}
        for name, one in self.forecasters.items():
            limits = one.config.risk.limits
            if limits not in told:
                told[limits] = one.risk.describe(run, event.time, host=event.host)
            risks[name] = one.risk.risk(told[limits])
        expected = self.forecasters[self.champion].duration.predict(run, event.time, host=event.host)
        self._asked[run.run_id] = (risks, expected.point if expected else None)
        forget_oldest(self._asked, _PENDING)

    def _judge(self, event: ExampleRecorded, offset: int) -> Judged | None:
        asked = self._asked.pop(event.run.run_id, None)
        if asked is None or event.outcome not in ("success", "failure"):
            return None
        risks, expected = {name: risk for name, risk in asked[0].items() if name in self.forecasters}, asked[1]
        failed = event.outcome == "failure"
        if self.champion not in risks:
            return None
        for name, race in self.races.items():
            if name in risks:
                race.add(risks[self.champion], risks[name], failed)
        everyone = risks | self._baselines.predict(event.run.project)
        self.labels += 1
        rate = max(1.0 / self.labels, 1.0 / _WINDOW)
        for name, risk in everyone.items():
            loss = log_loss(risk, failed)
            self.losses[name] = self.losses.get(name, loss) + rate * (loss - self.losses.get(name, loss))
        return Judged(
            run_id=event.run.run_id,
            project=event.run.project,
            offset=offset,
            time=event.time,
            failed=failed,
            risks=everyone,
            log_residual=_log_ratio(event.seconds, expected),
        )


def _log_ratio(seconds: float | None, expected: float | None) -> float | None:
    if seconds is None or expected is None:
        return None
    return math.log((seconds + 0.5) / (expected + 0.5))

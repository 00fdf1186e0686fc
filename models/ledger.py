"""Every served forecast is scored when its label comes, beside the baselines that it must beat.

Kept for all runs together and for each model, package and host: the first forecast of a run (the hardest one) beside
prior, last outcome and EWMA-5, the mean over all its forecasts, the cover of the 95 % intervals, the duration beside
the last one, what the forecast expected of its own loss (CBPE) against what came. First scores are of the label as it
came, revised ones as if the last verdict had come in the first place. Bounded: the longest unseen is forgotten.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from models.abort import AbortLedger
from models.baselines import BASELINES, Baselines
from models.bounded import forget_oldest
from models.cbpe import expected_log_loss
from models.promotion import log_loss
from models.recent import Recent
from models.tally import Mean, Scores
from streams.events import Checkpoint, Event, ExampleRecorded, LabelRevised, RunOpened

__all__ = ["KINDS", "Account", "Ledger", "fold_ledger"]

T = TypeVar("T")
KINDS = ("model", "package", "host")
_LIMITS = {"model": 100, "package": 2_000, "host": 1_000}
_REVISABLE = 5_000
_PACKAGES = 20_000  # whose last duration is known


@dataclass(slots=True)
class Account:
    """Scores of one slice of the runs. Shares 0 to 1; durations as mean absolute log ratio; None: no label yet."""

    first: dict[str, Scores] = field(default_factory=lambda: {name: Scores() for name in ("model", *BASELINES)})
    revised: Scores = field(default_factory=Scores)
    every_log_loss: Mean = field(default_factory=Mean)  # of all forecasts of a run, their mean
    coverage: Mean = field(default_factory=Mean)  # of the first interval
    every_coverage: Mean = field(default_factory=Mean)
    duration_error: Mean = field(default_factory=Mean)
    last_duration_error: Mean = field(default_factory=Mean)
    surprise: Mean = field(default_factory=Mean)  # loss that came less the loss that was expected, nats
    interval_seconds: float | None = None  # the newest one's width

    def figures(self) -> dict[str, float | int | None]:
        """All numbers by name; None where no label says anything yet."""
        first, model = self.first, self.first["model"]
        return {
            "labels": model.labels,
            "log_loss.first": model.log_loss,
            "log_loss.revised": self.revised.log_loss,
            "log_loss.every": self.every_log_loss.value,
            **{f"log_loss.{name}": first[name].log_loss for name in BASELINES},
            "brier": model.brier,
            "calibration_error": model.calibration_error,
            "surprise": self.surprise.value,
            "coverage": self.coverage.value,
            "coverage.every": self.every_coverage.value,
            "interval_seconds": self.interval_seconds,
            "duration_error": self.duration_error.value,
            "last_duration_error": self.last_duration_error.value,
        }


@dataclass(frozen=True, slots=True)
class _Scored:
    """One run's part, made once and put into each of its accounts."""

    risks: dict[str, float]
    label: float
    revised: float | None
    every_log_loss: float
    covered: list[float]
    width: float | None
    duration_error: float | None
    last_duration_error: float | None
    surprise: float


@dataclass(slots=True)
class _Mark:
    """Where a run stands in the revised scores, for when it is restated."""

    places: list[tuple[str, str, int]]  # kind, key, age
    risk: float
    label: float | None


class Ledger:
    """Served forecasts against what happened."""

    def __init__(self) -> None:
        self.whole = Account()
        self.parts: dict[str, dict[str, Account]] = {kind: {} for kind in KINDS}
        self.abort = AbortLedger()
        self._baselines = Baselines()
        self._durations: dict[str, float] = {}
        self._marks: dict[str, _Mark] = {}

    def score(self, example: ExampleRecorded, verdict: str | None = None) -> None:
        """Score a run's forecasts; the baselines' come from the labels known before."""
        if example.outcome == "cancel":
            return
        package, label = package_of(example), float(example.outcome != "success")
        if example.checkpoints:
            scored = self._scored(example, package, label, verdict)
            mark = _Mark([], scored.risks["model"], scored.revised)
            for kind, key, account in self._accounts(example, package):
                mark.places.append((kind, key, _enter(account, scored)))
            self._marks[example.run.run_id] = mark
            forget_oldest(self._marks, _REVISABLE)
        self.abort.add(example)
        self._baselines.learn(example.run.project, bool(label))
        if example.seconds is not None and example.outcome == "success":
            _renew(self._durations, package, example.seconds, _PACKAGES)

    def revise(self, run_id: str, verdict: str) -> None:
        """A label was restated after it had been scored: the revised scores move, the first ones stand."""
        mark = self._marks.get(run_id)
        if mark is None:
            return
        label = _label_of(verdict)
        for kind, key, age in mark.places:
            account = self.whole if not kind else self.parts[kind].get(key)
            if account is None or account.revised.age < age:  # forgotten meanwhile
                continue
            if mark.label is not None:
                account.revised.withdraw(mark.risk, mark.label, age)
            if label is not None:
                account.revised.put_back(mark.risk, label, age)
        mark.label = label

    def largest(self, kind: str, most: int) -> list[tuple[str, Account]]:
        """The models, packages or hosts with the most labels."""
        return sorted(self.parts[kind].items(), key=lambda item: -item[1].first["model"].labels)[:most]

    def _scored(self, example: ExampleRecorded, package: str, label: float, verdict: str | None) -> _Scored:
        points, failed = example.checkpoints, bool(label)
        first, actual = points[0], example.seconds
        loss = log_loss(first.risk, failed)
        timed = [point for point in points if point.remaining is not None and actual is not None]
        left, before = (timed[0].remaining, self._durations.get(package)) if timed else (None, None)
        return _Scored(
            risks={"model": first.risk, **self._baselines.predict(example.run.project)},
            label=label,
            revised=_label_of(verdict) if verdict else label,
            every_log_loss=sum(log_loss(point.risk, failed) for point in points) / len(points),
            covered=[_covered(point, actual) for point in timed],
            width=left.upper - left.lower if left else None,
            duration_error=_log_ratio(actual, timed[0].elapsed_seconds + left.point) if left else None,
            last_duration_error=_log_ratio(actual, before) if before is not None else None,
            surprise=loss - expected_log_loss(first.risk),
        )

    def _accounts(self, example: ExampleRecorded, package: str) -> Iterator[tuple[str, str, Account]]:
        yield "", "", self.whole
        for kind, key in zip(KINDS, (example.checkpoints[0].model.config, package, example.host), strict=True):
            if key:
                held = self.parts[kind]
                yield kind, key, _renew(held, key, held.get(key) or Account(), _LIMITS[kind])


def fold_ledger(records: Iterable[tuple[int, Event]]) -> Ledger:
    """The ledger of a log alone, without the models: as the forecaster keeps it."""
    ledger, opened, learned = Ledger(), Recent(100_000), Recent(100_000)
    verdicts: dict[str, str] = {}
    for _, event in records:
        match event:
            case RunOpened() if event.run.run_id not in learned and opened.add(event.run.run_id):
                ledger.abort.open(event.run)
            case ExampleRecorded() if learned.add(event.run.run_id):
                ledger.score(event, verdicts.get(event.run.run_id))
            case LabelRevised() if verdicts.get(event.run_id) != event.verdict:
                verdicts[event.run_id] = event.verdict
                ledger.revise(event.run_id, event.verdict)
    return ledger


def package_of(example: ExampleRecorded) -> str:
    """What a package's scores stand under: project and name, once where they are the same."""
    project, name = example.run.project, example.run.name
    return name if not project or project == name else f"{project}/{name}"


def _enter(account: Account, scored: _Scored) -> int:
    for name, risk in scored.risks.items():
        account.first[name].add(risk, scored.label)
    revised = account.revised
    age = revised.add(scored.risks["model"], scored.label if scored.revised is None else scored.revised)
    if scored.revised is None:
        revised.withdraw(scored.risks["model"], scored.label, age)
    account.every_log_loss.add(scored.every_log_loss)
    account.surprise.add(scored.surprise)
    if scored.covered:
        account.coverage.add(scored.covered[0])
        account.every_coverage.add(sum(scored.covered) / len(scored.covered))
        account.interval_seconds = scored.width
    if scored.duration_error is not None:
        account.duration_error.add(scored.duration_error)
    if scored.last_duration_error is not None:
        account.last_duration_error.add(scored.last_duration_error)
    return age


def _covered(point: Checkpoint, actual: float | None) -> float:
    left = point.remaining
    assert left is not None
    assert actual is not None
    return float(left.lower <= actual - point.elapsed_seconds <= left.upper)


def _log_ratio(actual: float | None, expected: float) -> float | None:
    return None if actual is None else abs(math.log((max(0.0, actual) + 0.5) / (max(0.0, expected) + 0.5)))


def _label_of(verdict: str) -> float | None:
    return {"failure": 1.0, "success": 0.0}.get(verdict)


def _renew(held: dict[str, T], key: str, value: T, limit: int) -> T:
    """Put a value last; the one put longest ago is forgotten beyond the limit."""
    held.pop(key, None)
    held[key] = value
    forget_oldest(held, limit)
    return value

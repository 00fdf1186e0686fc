"""The models judged on a history: the events of the wire through the very core that the live worker runs.

Each run is scored at its start from what was known then; its outcome takes effect when it became known. Trackers are
split over partitions as in a live system, the fold is one: the number of partitions changes no digit.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.core import Core, CoreConfig
from models.forecaster import Forecaster, ForecasterConfig
from models.scoring import auc, brier, calibration_error, log_loss, mean_auc
from streams.events import Event, ExampleRecorded, ForecastMade, Interval, RunFinished, RunOpened, RunStarted

__all__ = ["Evaluation", "Scored", "replay"]


@dataclass(slots=True)
class Scored:
    """One run as it was scored at its start, and what became of it."""

    id: str
    project: str
    at: float
    risk: float
    seconds: Interval | None
    label: int | None = None
    actual_seconds: float | None = None
    label_known_at: float | None = None
    baselines: tuple[float, float, float] = (0.5, 0.5, 0.5)  # prior, last outcome, EWMA-5


class _Baselines:
    """What a forecast must beat: the rate so far, the project's last outcome, its EWMA-5 (all as probabilities)."""

    def __init__(self) -> None:
        self.rate = [1.0, 4.0]
        self.last: dict[str, list[float]] = {}
        self.ewma: dict[str, float] = {}

    def of(self, project: str) -> tuple[float, float, float]:
        rate = self.rate[0] / self.rate[1]
        hits = self.last.get(project)
        last = rate if hits is None else 0.85 * hits[0] + 0.15 * rate
        return rate, last, min(0.99, max(0.01, self.ewma.get(project, rate)))

    def learn(self, project: str, label: float) -> None:
        rate = self.rate[0] / self.rate[1]
        self.rate[0] += label
        self.rate[1] += 1.0
        self.last[project] = [label]
        before = self.ewma.get(project, rate)
        self.ewma[project] = before + (label - before) / 3.0


@dataclass
class Evaluation:
    """All scored runs in the order of their starts."""

    runs: list[Scored] = field(default_factory=list)
    events: int = 0

    def metrics(self) -> dict[str, Any]:
        """The figures over the runs whose outcome became known."""
        known = [run for run in self.runs if run.label is not None]
        labels = np.array([float(run.label or 0) for run in known])
        projects = [run.project for run in known]
        if not known:
            return {"pooled_auc": None, "mean_auc": None, "log_loss": None, "brier": None, "ece": None,
                    "coverage": None, "baselines": {}}  # fmt: skip
        risks = np.array([run.risk for run in known])
        return {
            "pooled_auc": auc(risks, labels),
            "mean_auc": mean_auc(projects, risks, labels),
            "log_loss": log_loss(risks, labels),
            "brier": brier(risks, labels),
            "ece": calibration_error(risks, labels),
            "coverage": self.coverage(),
            "baselines": {
                name: _figures(projects, np.array([run.baselines[place] for run in known]), labels)
                for place, name in enumerate(("prior", "last_outcome", "ewma5"))
            },
        }

    def coverage(self) -> float | None:
        """The share of known durations that lay within their interval."""
        hits = [
            run.seconds.lower <= run.actual_seconds <= run.seconds.upper
            for run in self.runs
            if run.seconds is not None and run.actual_seconds is not None and run.label is not None
        ]
        return sum(hits) / len(hits) if hits else None


def replay(
    events: Iterable[Event],
    config: ForecasterConfig | None = None,
    partitions: int = 1,
    progress: Callable[[], None] | None = None,
) -> Evaluation:
    """Predict, then learn, in the order of the events."""
    forecaster = Forecaster(config)
    cores = [Core(forecaster, CoreConfig(explain=False)) for _ in range(partitions)]
    baselines, found = _Baselines(), Evaluation()
    open_runs: dict[str, Scored] = {}
    for event in events:
        found.events += 1
        key = event.run.run_id if isinstance(event, RunStarted) else getattr(event, "run_id", event.host)
        outputs = cores[zlib.crc32((event.host or key).encode()) % partitions].handle(event)
        for output in outputs:
            match output:
                case ForecastMade() if isinstance(event, RunStarted):
                    run = _scored(output, baselines)
                    found.runs.append(run)
                    open_runs[run.id] = run
                case RunOpened() | ExampleRecorded():
                    forecaster.fold(output)
        if isinstance(event, RunFinished):
            _reveal(open_runs.pop(event.run_id, None), event, baselines)
        if progress is not None:
            progress()
    return found


def _scored(forecast: ForecastMade, baselines: _Baselines) -> Scored:
    return Scored(
        id=forecast.run_id,
        project=forecast.project,
        at=forecast.time,
        risk=forecast.risk,
        seconds=forecast.remaining,
        baselines=baselines.of(forecast.project),
    )


def _reveal(run: Scored | None, event: RunFinished, baselines: _Baselines) -> None:
    if run is None or event.outcome == "cancel":
        return
    run.label = int(event.outcome != "success")
    run.actual_seconds = event.seconds if event.seconds >= 0.0 else None
    run.label_known_at = event.time
    baselines.learn(run.project, float(run.label))


def _figures(projects: list[str], risks: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> dict[str, float | None]:
    return {
        "pooled_auc": auc(risks, labels),
        "mean_auc": mean_auc(projects, risks, labels),
        "log_loss": log_loss(risks, labels),
        "brier": brier(risks, labels),
    }

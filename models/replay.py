"""What another config would have said of the same runs, at the same moments, knowing what was known then.

The log is folded once with that config. Every served forecast names the offset its model had folded to; the other
config answers at exactly that offset, from its own features of that moment. With the config that served, the answers
are the served ones to the last digit. Where nothing was served, the run's opening is the moment.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from models.forecaster import Forecaster, ForecasterConfig
from streams.events import Checkpoint, Event, ExampleRecorded, PriorFeatures, RunOpened

__all__ = ["Log", "Replayed", "replay"]

Log = Callable[[], Iterable[tuple[int, Event]]]
"""A log that can be read again from its start: offsets and events."""

_LIMIT = 12.0  # as in models.forecast


@dataclass(frozen=True)
class Replayed:
    """One forecast of one run under the other config, beside what was served and what happened."""

    run_id: str
    project: str
    offset: int  # records of examples.v1 that the model had folded
    at: float
    elapsed_seconds: float
    trigger: str
    risk: float
    served_risk: float | None
    failed: bool
    seconds: float | None
    known_at: float


@dataclass(frozen=True)
class _Question:
    example: ExampleRecorded
    point: Checkpoint | None
    at: float


def replay(
    log: Log,
    config: ForecasterConfig,
    start: int = 0,
    end: int | None = None,
    first_only: bool = True,
    on_progress: Callable[[int], None] = lambda _offset: None,
) -> Iterator[Replayed]:
    """Forecasts for every run that ended within the offsets [start, end). `first_only`: the first of each run."""
    questions = _questions(log(), start, end, first_only)
    if not questions:
        return
    last, forecaster = max(questions), Forecaster(config)
    priors: dict[str, PriorFeatures] = {}
    for offset, event in log():
        yield from _answers(forecaster, questions.pop(offset, ()), offset, priors)
        if offset >= last:
            break
        forecaster.fold(event, offset)
        if offset % 1000 == 0:
            on_progress(offset)
    # forecasts served from the very end of the log
    for offset in sorted(questions):
        yield from _answers(forecaster, questions[offset], offset, priors)


def _questions(
    records: Iterable[tuple[int, Event]], start: int, end: int | None, first_only: bool
) -> dict[int, list[_Question]]:
    found: dict[int, list[_Question]] = {}
    opened: dict[str, tuple[int, float]] = {}
    ended: set[str] = set()
    for offset, event in records:
        if end is not None and offset >= end:
            break
        if isinstance(event, RunOpened):
            opened.setdefault(event.run.run_id, (offset, event.time))
        if not isinstance(event, ExampleRecorded) or event.run.run_id in ended:
            continue
        ended.add(event.run.run_id)
        moment = opened.pop(event.run.run_id, (offset, event.started_at))
        if offset < start or event.outcome not in ("success", "failure"):
            continue
        points = event.checkpoints[:1] if first_only else event.checkpoints
        for point in points:
            found.setdefault(point.model.offset, []).append(_Question(event, point, point.at))
        if not points:
            found.setdefault(moment[0], []).append(_Question(event, None, moment[1]))
    return found


def _answers(
    forecaster: Forecaster, questions: Iterable[_Question], offset: int, priors: dict[str, PriorFeatures]
) -> Iterator[Replayed]:
    for question in questions:
        example, point = question.example, question.point
        run = example.run
        prior = priors.get(run.run_id)
        if prior is None:
            prior = forecaster.risk.describe(run, question.at, host=example.host)
            if len(example.checkpoints) > 1:
                priors[run.run_id] = prior
        logit = forecaster.risk.score(prior).logit
        if point is not None:
            logit += forecaster.evidence.logit(point.evidence)
        yield Replayed(
            run_id=run.run_id,
            project=run.project,
            offset=offset,
            at=question.at,
            elapsed_seconds=point.elapsed_seconds if point else 0.0,
            trigger=point.trigger if point else "start",
            risk=_sigmoid(max(-_LIMIT, min(_LIMIT, logit))),
            served_risk=point.risk if point else None,
            failed=example.outcome == "failure",
            seconds=example.seconds,
            known_at=example.time,
        )


def _sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1.0 + math.exp(logit))

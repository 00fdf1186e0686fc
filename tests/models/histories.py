"""A small history with two kinds of project, as `examples.v1` records and as build events: deterministic by seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from models.core import Core
from models.forecaster import Forecaster, ForecasterConfig
from streams.events import Event, ExampleRecorded, LabelRevised, Outcome, Run, RunFinished, RunOpened, RunStarted
from tests.builders import T0

__all__ = ["build_events", "recorded"]

_FOLDED = RunOpened | ExampleRecorded | LabelRevised


def build_events(runs: int, seed: int = 1, drift_at: int | None = None) -> Iterator[Event]:
    """Starts and ends. Projects keep failing or passing in streaks; from `drift_at` on the habits turn round."""
    draw = random.Random(seed)
    broken = {f"p{i}": i % 2 == 0 for i in range(6)}
    for number in range(runs):
        project, at = f"p{draw.randrange(6)}", T0 + 600.0 * number
        if draw.random() < 0.1:
            broken[project] = not broken[project]
        nightly = draw.random() < 0.3  # these nearly always fail: only a model that looks at the trigger can know
        failed = draw.random() < (0.95 if nightly else 0.7 if broken[project] else 0.05)
        if drift_at is not None and number >= drift_at:
            failed = draw.random() < 0.5
        run = Run(run_id=f"r{number}", name="job", project=project, branch="main", commit=f"c{number}",
                  event_type="cron" if nightly else "push")  # fmt: skip
        base: dict[str, Any] = {"source": "/t", "host": "h1"}
        yield RunStarted(id=f"s{number}", time=at, run=run, **base)
        outcome: Outcome = "failure" if failed else "success"
        seconds = draw.uniform(60.0, 300.0)
        yield RunFinished(id=f"f{number}", time=at + seconds, run_id=run.run_id, name="job", project=project,
                          outcome=outcome, started_at=at, seconds=seconds, **base)  # fmt: skip


def recorded(
    runs: int, seed: int = 1, config: ForecasterConfig | None = None, drift_at: int | None = None
) -> list[Event]:
    """The log that the live core writes of these builds."""
    forecaster = Forecaster(config)
    core = Core(forecaster)
    log: list[Event] = []
    for event in build_events(runs, seed, drift_at):
        for output in core.handle(event):
            if isinstance(output, _FOLDED):
                log.append(output)
                forecaster.fold(output)
    return log

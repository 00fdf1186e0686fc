"""A real history whose habits turn, on a real broker: drift, training, promotion and roll-back, whoever is killed.

From build `TURNED` on every build of a project ends the other way than the one before it: what rates of recent outcomes
expect is wrong then, what a linear member learns is not. What must come of it is told by the pure desk, undisturbed.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from agents.metrics import create
from agents.replica import Replica
from agents.trainer.settings import TrainerSettings
from bench.travis import builds, records
from models.definition import config_of, definition_of
from models.desk import Desk
from models.forecaster import Forecaster
from models.promotion import log_loss
from models.snapshot import probe
from models.training import train
from streams.errors import ConfigError
from streams.events import (
    DriftDetected,
    Event,
    ExampleRecorded,
    ModelPromoted,
    ModelRef,
    ModelRolledBack,
    RunOpened,
    TrainingRequested,
)
from streams.settings import load
from tests.integration.processes import events_on, send, until

pytestmark = [pytest.mark.kafka, pytest.mark.data]

BUILDS, TURNED = 900, 320
FIRST, SECOND = 1150, 1450  # examples offsets: the log is written so far, then so far, then whole
POOR = {"risk.members": ["prior"]}
_TRAINER = """
import asyncio
from agents.trainer.service import Trainer
from tests.integration.test_lifecycle import POOR, settings
from models.definition import config_of
asyncio.run(Trainer(settings(), config_of(POOR)).run())
"""


def settings() -> TrainerSettings:
    """Of the trainer in its process and of the desk that says what must come of it."""
    return load(
        TrainerSettings, trainer_min_labels=100, trainer_rest_labels=50, trainer_lead_records=5, trainer_shadows=1,
        # Many are drawn: most settings of the space are none that the poor member has.
        trainer_schedule_days=0, trainer_volume_labels=0, trainer_challengers=8, trainer_window_records=400,
        trainer_snapshot_seconds=0.5,
    )  # fmt: skip


@cache
def turned_history() -> tuple[Event, ...]:
    """`examples.v1` as written while the poor config served."""
    last: dict[str, bool] = {}
    history = []
    try:
        found = builds(BUILDS)
    except ConfigError as missing:
        pytest.skip(str(missing))
    for number, build in enumerate(found):
        failed = build.failed if number < TURNED else not last.get(build.project, False)
        last[build.project] = failed
        history.append(dataclasses.replace(build, failed=failed))
    return tuple(records(history, config_of(POOR)))


def bad(at: int, better: str) -> ModelPromoted:
    """A person's mistake."""
    poor = config_of(POOR)
    return ModelPromoted(id="mistake", source="/cli", time=turned_history()[at].time, model="risk", config=poor.name,
                         at_offset=at, previous=better, principal="bob", definition=definition_of(poor))  # fmt: skip


def undisturbed() -> tuple[list[Event], ModelPromoted, ModelRolledBack]:
    """What the desk says of this log when nobody is ever killed."""
    log = list(enumerate(turned_history()))
    desk, said = Desk(settings().policy(), config_of(POOR)), list[Event]()
    while desk.offset < FIRST:
        offset, event = log[desk.offset]
        said += desk.fold(event, offset)
    plan = desk.plan()
    assert plan is not None
    shadow = train(lambda: log, plan, lambda _progress: None)
    said += desk.finish(plan, shadow, 0.0, 0.0, log_end=FIRST)
    promotions = [event for event in said if isinstance(event, ModelPromoted)]
    assert promotions, "no challenger that was drawn is better"
    promoted = promotions[0]
    desk.note(bad(SECOND, promoted.config))
    while not isinstance(said[-1], ModelRolledBack):
        offset, event = log[desk.offset]
        said += desk.fold(event, offset)
    return said, promoted, said[-1]


async def test_drift_leads_to_a_better_model_on_all_workers_and_a_mistake_is_undone_whoever_is_killed(
    empty_topics: str, tmp_path: Path
) -> None:
    log = turned_history()
    said, promoted, undone = await asyncio.to_thread(undisturbed)
    await send(empty_topics, log[:FIRST])
    with pytest.raises(subprocess.TimeoutExpired), _trainer(empty_topics, tmp_path) as trainer:
        await asyncio.to_thread(trainer.wait, 4.0)  # killed while it folds or trains
    async with _workers(empty_topics, tmp_path) as workers:
        with _trainer(empty_topics, tmp_path):
            told = await until(lambda: _told(empty_topics, ModelPromoted))
            await workers.kill_one()
        (promotion,) = told
        assert (promotion.id, promotion.config, promotion.at_offset) == (
            promoted.id,
            promoted.config,
            promoted.at_offset,
        )
        assert promotion.lineage.trigger == "drift"
        await send(empty_topics, log[FIRST:SECOND])
        await workers.reach(ModelRef(config=promotion.config, offset=SECOND))
        assert {one.fleet.champions.since(SECOND) for one in workers.replicas} == {promotion.at_offset}
        better, poor = _losses(promotion)
        assert better < poor - 0.2

        await send(empty_topics, [bad(SECOND, promotion.config), *log[SECOND:]])
        await workers.kill_one()
        with pytest.raises(subprocess.TimeoutExpired), _trainer(empty_topics, tmp_path) as trainer:
            await asyncio.to_thread(trainer.wait, 3.0)
        with _trainer(empty_topics, tmp_path):
            (rollback,) = await until(lambda: _told(empty_topics, ModelRolledBack))
        assert (rollback.id, rollback.config, rollback.at_offset) == (undone.id, promotion.config, undone.at_offset)
        await workers.reach(ModelRef(config=promotion.config, offset=len(log)))
        assert {probe(one.fleet.champion) for one in workers.replicas} == {probe(_folded(promotion, len(log)))}
    model_events = await events_on(empty_topics, "model-events.v1")
    planted = next(
        n for n, event in enumerate(log) if isinstance(event, RunOpened) and event.run.run_id.endswith(f"/{TURNED}")
    )
    drift = next(event for event in model_events if isinstance(event, DriftDetected) and event.at_offset >= planted)
    asked = next(event for event in model_events if isinstance(event, TrainingRequested))
    assert drift in said
    assert asked in said
    assert asked.trigger == "drift"


def _folded(promotion: ModelPromoted, end: int) -> Forecaster:
    forecaster = Forecaster(config_of(promotion.definition, promotion.config))
    for offset, event in enumerate(turned_history()[:end]):
        forecaster.fold(event, offset)
    return forecaster


def _losses(promotion: ModelPromoted) -> tuple[float, float]:
    """Mean log loss of the promoted and of the poor config over the runs opened and ended after the promotion."""
    pair = [Forecaster(config_of(promotion.definition, promotion.config)), Forecaster(config_of(POOR))]
    risks: dict[str, list[float]] = {}
    losses: list[tuple[float, ...]] = []
    for offset, event in enumerate(turned_history()[:SECOND]):
        if isinstance(event, RunOpened) and offset >= promotion.at_offset:
            risks[event.run.run_id] = [one.risk.risk(one.risk.describe(event.run, event.time)) for one in pair]
        elif isinstance(event, ExampleRecorded) and event.run.run_id in risks:
            losses.append(tuple(log_loss(risk, event.outcome == "failure") for risk in risks[event.run.run_id]))
        for one in pair:
            one.fold(event, offset)
    assert len(losses) > 100
    better, poor = (sum(each) / len(losses) for each in zip(*losses, strict=True))
    return better, poor


async def _told(bootstrap: str, kind: type[Event]) -> list[Event]:
    """Moves by the trainer of one kind; told again they are the same."""
    found = {event.id: event for event in await events_on(bootstrap, "model-events.v1")
             if isinstance(event, kind) and event.source != "/cli"}  # fmt: skip
    return list(found.values())


@contextmanager
def _trainer(bootstrap: str, state: Path) -> Iterator[subprocess.Popen[bytes]]:
    env = os.environ | {"BUILDCAST_BOOTSTRAP": bootstrap, "BUILDCAST_STATE": str(state)}
    process = subprocess.Popen([sys.executable, "-c", _TRAINER], env=env, cwd=Path(__file__).parents[2])
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


class _workers:
    """The model replicas of two workers."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self._bootstrap, self._folder = bootstrap, folder
        self.replicas: list[Replica] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> _workers:
        for number in range(2):
            self._begin(number)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def kill_one(self) -> None:
        """Its memory is lost; what it has on its disk is whatever it last wrote there."""
        self._tasks[0].cancel()
        await asyncio.gather(self._tasks[0], return_exceptions=True)
        self._begin(0)

    async def reach(self, ref: ModelRef) -> None:
        async def there() -> bool:
            return all(one.fleet.ref == ref for one in self.replicas)

        await until(there)

    def _begin(self, number: int) -> None:
        folder = self._folder / f"worker{number}"
        replica = Replica(self._bootstrap, config_of(POOR), folder, b"k" * 32, create(CollectorRegistry()), 1.0)
        self.replicas[number : number + 1] = [replica]
        self._tasks[number : number + 1] = [asyncio.create_task(replica.run())]

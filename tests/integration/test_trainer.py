"""The trainer on a real broker: asked, it proves a challenger and promotes it; killed, it does so once all the same."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from agents.metrics import create
from agents.outbox import Outbox, record_of
from agents.replica import Replica
from agents.trainer.records import KafkaRecords, offset_at
from agents.trainer.service import Trainer
from agents.trainer.settings import TrainerSettings
from buildcast.commands.train import train
from models.champion import Champions
from models.definition import config_of, definition_of
from models.forecaster import Forecaster, ForecasterConfig
from models.lineage import sha256_of
from models.snapshot import probe
from streams.errors import ConfigError, Unavailable
from streams.events import Event, ModelPromoted, ModelRef, ModelRolledBack, TrainingFinished, TrainingRequested
from streams.settings import load
from tests.builders import T0
from tests.integration.processes import until
from tests.models.histories import recorded

pytestmark = pytest.mark.kafka

POOR = {"risk.members": ["prior"]}
LOG = recorded(400, config=config_of(POOR))
_MAIN = f"""
import asyncio, sys
from agents.trainer.service import Trainer
from agents.trainer.settings import TrainerSettings
from buildcast.commands.train import train
from models.definition import config_of
settings = TrainerSettings(trainer_min_labels=100, trainer_rest_labels=50, trainer_lead_records=5,
                           trainer_schedule_days=0, trainer_volume_labels=0, trainer_challengers=int(sys.argv[1]),
                           trainer_snapshot_seconds=0.5)
asyncio.run(Trainer(settings, config_of({POOR!r})).run())
"""


@contextmanager
def _trainer(bootstrap: str, state: Path, challengers: int = 6) -> Iterator[subprocess.Popen[bytes]]:
    env = os.environ | {"BUILDCAST_BOOTSTRAP": bootstrap, "BUILDCAST_STATE": str(state)}
    process = subprocess.Popen([sys.executable, "-c", _MAIN, str(challengers)], env=env)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


async def _put(bootstrap: str, events: list[Event]) -> None:
    outbox = Outbox(bootstrap)
    await outbox.start()
    try:
        await outbox.send([record_of(event) for event in events])
    finally:
        await outbox.stop()


def _wait(bootstrap: str, ready: Callable[[list[Event]], bool], seconds: float = 300.0) -> list[Event]:
    deadline, found = time.monotonic() + seconds, []
    while time.monotonic() < deadline:
        found = [event for _, event in KafkaRecords(bootstrap, "model-events.v1")()]
        if ready(found):
            return found
        time.sleep(0.3)
    raise AssertionError(f"only {[type(event).__name__ for event in found]}")


def _request(name: str) -> TrainingRequested:
    return TrainingRequested(id=name, source="/t", time=T0, training_id=name, model="risk", principal="ann")


def _promotions(found: list[Event]) -> list[ModelPromoted]:
    return [event for event in found if isinstance(event, ModelPromoted)]


def test_a_request_leads_to_one_promotion_however_often_the_trainer_is_killed(
    empty_topics: str, tmp_path: Path
) -> None:
    asyncio.run(_put(empty_topics, [*LOG, _request("t1")]))
    for alive in (0.8, 1.6, 2.4):  # killed while starting, folding, training
        with _trainer(empty_topics, tmp_path) as process, pytest.raises(subprocess.TimeoutExpired):
            process.wait(alive)
    with _trainer(empty_topics, tmp_path):
        _wait(empty_topics, lambda found: bool(_promotions(found)))
    with _trainer(empty_topics, tmp_path):  # killed after: a further request shows that it has read everything again
        asyncio.run(_put(empty_topics, [_request("t2")]))
        found = _wait(empty_topics, lambda found: sum(isinstance(e, TrainingFinished) for e in found) == 2)
    assert len({event.id for event in _promotions(found)}) == 1
    moves = Champions(config_of(POOR))
    for event in found:
        moves.apply(event)
    assert moves.at(len(LOG) + 5) == _promotions(found)[0].config != config_of(POOR).name
    assert moves.at(len(LOG)) == config_of(POOR).name


async def test_a_trainer_goes_on_from_its_snapshot_and_folds_the_log_again_where_that_is_refused(
    empty_topics: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "agents.trainer.service")
    await _put(empty_topics, LOG[:200])
    probes = []
    for damage in ("", "", "changed"):
        if damage:
            path = tmp_path / "trainer.snapshot"
            path.write_bytes(path.read_bytes()[:-1] + b"?")
        trainer = Trainer(load(TrainerSettings, bootstrap=empty_topics, state=tmp_path), config_of(POOR))
        running = asyncio.create_task(trainer.run())
        await until(lambda: _at(trainer, 200))  # noqa: B023
        trainer.stopping.set()
        await running
        probes.append(probe(trainer.desk.shadow.forecasters[trainer.desk.shadow.champion]))
    begun = [message.rpartition(" ")[2] for message in caplog.messages if "trainings known" in message]
    assert begun == ["0", "200", "0"]
    assert [message for message in caplog.messages if "changed, or sealed with another key" in message]
    assert len(set(probes)) == 1


async def _at(trainer: Trainer, offset: int) -> bool:
    return trainer.desk.offset == offset


def test_a_cancelled_training_promotes_nobody(empty_topics: str, tmp_path: Path) -> None:
    cancelled = TrainingFinished(id="x", source="/cli", time=T0, training_id="t1", model="risk", trigger="request",
                                 outcome="cancel", examples=0, seconds=0.0)  # fmt: skip
    asyncio.run(_put(empty_topics, [*LOG[:100], _request("t1"), cancelled, _request("t2")]))
    with _trainer(empty_topics, tmp_path):
        found = _wait(empty_topics, lambda found: any(getattr(e, "training_id", "") == "t2" and
                                                      isinstance(e, TrainingFinished) for e in found))  # fmt: skip
    assert [e.training_id for e in found if isinstance(e, TrainingFinished) and e.outcome == "success"] == ["t2"]


def test_a_training_that_runs_is_cancelled_at_once_and_the_next_one_begins(empty_topics: str, tmp_path: Path) -> None:
    asyncio.run(_put(empty_topics, [*LOG, _request("long"), _request("next")]))
    with _trainer(empty_topics, tmp_path, challengers=40):
        progress = tmp_path / "trainer-progress.json"
        asyncio.run(until(lambda: _runs(progress, "long")))
        train("risk", empty_topics, tmp_path, "long")
        asyncio.run(until(lambda: _runs(progress, "next")))
    told = [event for _, event in KafkaRecords(empty_topics, "model-events.v1")()]
    assert [(e.training_id, e.outcome) for e in told if isinstance(e, TrainingFinished)] == [("long", "cancel")]


async def _runs(progress: Path, training_id: str) -> bool:
    return training_id == await asyncio.to_thread(_training_of, progress)


def _training_of(progress: Path) -> str:
    return str(json.loads(progress.read_text())["training_id"]) if progress.exists() else ""


def test_a_training_is_cancelled_by_the_beginning_of_its_id_and_only_while_it_waits_or_runs(
    empty_topics: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(_put(empty_topics, [_request("aa1"), _request("aa2"), _request("b1")]))
    for beginning, said in (("x", "no training"), ("aa", "2 trainings")):
        with pytest.raises(ConfigError, match=f"{said} that begin with '{beginning}'"):
            train("risk", empty_topics, tmp_path, beginning)
    train("risk", empty_topics, tmp_path, "b")
    assert "training b1 is cancelled" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="no training"):
        train("risk", empty_topics, tmp_path, "b1")
    ended = [
        event for _, event in KafkaRecords(empty_topics, "model-events.v1")() if isinstance(event, TrainingFinished)
    ]
    assert [(event.training_id, event.outcome) for event in ended] == [("b1", "cancel")]


def test_a_log_is_read_privately_from_any_offset(empty_topics: str) -> None:
    asyncio.run(_put(empty_topics, LOG[:50]))
    records = KafkaRecords(empty_topics, "examples.v1")
    assert list(records()) == list(enumerate(LOG[:50]))
    assert list(records(45)) == list(enumerate(LOG[:50]))[45:]
    assert records.end() == 50
    assert offset_at(records, LOG[20].time) <= 20
    assert offset_at(records, T0 + 1e9) == 50
    first = next(iter(records()))
    assert first == (0, LOG[0])


def test_a_broker_that_is_away_is_said() -> None:
    with pytest.raises(Unavailable, match="no Kafka broker"):
        KafkaRecords("127.0.0.1:1", "examples.v1").end()
    with pytest.raises(Unavailable, match="no Kafka broker"):
        list(KafkaRecords("127.0.0.1:1", "examples.v1")())


async def test_workers_move_at_one_offset_and_go_back_within_seconds_to_the_last_digit(
    empty_topics: str, tmp_path: Path
) -> None:
    other = config_of({"risk.members": ["linear"]})
    move: dict[str, Any] = {"source": "/t", "time": T0, "model": "risk"}
    await _put(empty_topics, LOG[:300])
    told = CollectorRegistry()
    replicas = [
        Replica(empty_topics, ForecasterConfig(), tmp_path / name, b"k" * 32, create(registry))
        for name, registry in (("one", CollectorRegistry()), ("two", told))
    ]
    tasks = [asyncio.create_task(replica.run()) for replica in replicas]
    try:
        await asyncio.wait_for(asyncio.gather(*(replica.ready.wait() for replica in replicas)), 300)
        promoted = ModelPromoted(id="p", config=other.name, at_offset=350, definition=definition_of(other), **move)
        await _put(empty_topics, [promoted, *LOG[300:400]])
        await _reached(replicas, ModelRef(config=other.name, offset=400))
        assert {replica.fleet.champions.since(400) for replica in replicas} == {350}
        began = time.monotonic()
        await _put(empty_topics, [ModelRolledBack(id="b", config="default", at_offset=400, reason="worse", **move)])
        await _reached(replicas, ModelRef(config="default", offset=400))
        assert time.monotonic() - began < 5.0
        alone = Forecaster()
        for offset, event in enumerate(LOG[:400]):
            alone.fold(event, offset)
        assert {probe(replica.fleet.champion) for replica in replicas} == {probe(alone)}
        champions = [sample.labels for family in told.collect() if family.name == "buildcast_model_info"
                     for sample in family.samples if sample.labels["role"] == "champion"]  # fmt: skip
        assert [(one["version"], one["sha256"]) for one in champions] == [("default", sha256_of({}))]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _reached(replicas: list[Replica], ref: ModelRef, seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while any(replica.fleet.ref != ref for replica in replicas):
        assert time.monotonic() < deadline, [replica.fleet.ref for replica in replicas]
        await asyncio.sleep(0.05)

"""A process that waits for a server that is away is not one that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from aiokafka import ConsumerRecord, TopicPartition
from prometheus_client import CollectorRegistry

from agents.metrics import create
from agents.outbox import Outbox, Record, record_of
from agents.ports import free_ports
from agents.sink import Sink
from agents.store.database import connect
from agents.store.writer import Writer
from agents.trainer.service import Trainer
from agents.trainer.settings import TrainerSettings
from agents.transport import Batch
from agents.watchdog import Watchdog
from streams.settings import load
from tests.builders import started


async def test_the_sink_waits_for_its_database_longer_than_the_watchdog_is_patient() -> None:
    now, registry = [0.0], CollectorRegistry()
    dog = Watchdog(120.0, clock=lambda: now[0])
    (port,) = free_ports(1)
    engine = connect(f"mysql+aiomysql://nobody:nothing@127.0.0.1:{port}/away")
    sink = Sink(Writer(engine), Outbox("127.0.0.1:1"), create(registry), dog)
    dog.beat("batch")
    dog.beat("drain")  # what fetches stands still while a batch is in hand
    waiting = asyncio.create_task(sink.handle(_batch()))
    for tries in range(1, 4):
        while (registry.get_sample_value("buildcast_database_waits_total") or 0.0) < tries:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert dog.check() is None
        now[0] += 100.0
    waiting.cancel()
    await asyncio.wait([waiting])
    await engine.dispose()
    now[0] += 100.0
    assert dog.check() is not None


async def test_whoever_sends_says_that_it_waits_for_the_broker() -> None:
    told: list[int] = []

    class Away(Outbox):
        async def _try(self, records: Sequence[Record]) -> tuple[list[Record], list[Record]]:
            return (list(records), []) if len(told) < 3 else ([], [])

    outbox = Away("127.0.0.1:1")
    outbox.waits = lambda: told.append(1)
    assert await outbox.send([Record("t", None, b"x")]) == []
    assert len(told) == 3


def test_a_trainer_that_waits_for_the_broker_goes_on(tmp_path: Path) -> None:
    now = [0.0]
    dog = Watchdog(120.0, clock=lambda: now[0])
    trainer = Trainer(load(TrainerSettings, bootstrap="127.0.0.1:1", state=tmp_path), beat=dog.beat)
    dog.beat("trainer")
    for _ in range(3):
        now[0] += 100.0
        trainer._outbox.waits()
        assert dog.check() is None
    now[0] += 130.0
    assert dog.check() == "trainer"


def _batch() -> Batch:
    record = record_of(started())
    consumed = ConsumerRecord(
        record.topic, 0, 0, 1_700_000_000_000, 1, record.key, record.value, None, -1, -1, record.headers
    )
    return Batch({TopicPartition(record.topic, 0): [consumed]}, 0)

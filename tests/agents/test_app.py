"""A group member against a real broker."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from agents.app import batch_app
from agents.outbox import Outbox, Record
from agents.settings import ProcessSettings
from agents.transport import Batch
from agents.watchdog import Watchdog
from streams.settings import load

pytestmark = pytest.mark.kafka

TOPIC = "seen-late.v1"


async def test_member_that_was_given_nothing_takes_part_as_soon_as_the_broker_knows_the_topic(
    broker: str, tmp_path: Path
) -> None:
    handled: asyncio.Queue[Any] = asyncio.Queue()
    app = batch_app(
        "late-topic", [TOPIC], handled.put, load(ProcessSettings, bootstrap=broker, state=tmp_path), Watchdog(60.0)
    )
    await app.start()
    try:
        async with asyncio.timeout(120.0):
            while app.consumer_generation_id == 0:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert app.consumer.assignment() == set()  # joined, and empty-handed
        await _send_to_new_topic(broker)
        async with asyncio.timeout(120.0):
            batch = await handled.get()
    finally:
        await app.stop()
    assert [record.value for records in batch.records.values() for record in records] == [b"at last"]


async def test_what_comes_while_a_batch_is_in_hand_is_not_handed_on_in_small_pieces(
    broker: str, tmp_path: Path
) -> None:
    sizes: list[int] = []
    begun, go_on, whole = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handle(batch: Batch) -> None:
        sizes.append(sum(len(records) for records in batch.records.values()))
        begun.set()
        await go_on.wait()
        if sum(sizes) == 9:
            whole.set()

    await _create("held.v1", broker)
    settings = load(ProcessSettings, bootstrap=broker, state=tmp_path)
    app, outbox = batch_app("held", ["held.v1"], handle, settings, Watchdog(60.0)), Outbox(broker, "test")
    await outbox.start()
    await app.start()
    try:
        async with asyncio.timeout(120.0):
            await outbox.send([Record("held.v1", b"key", b"first", [])])
            await begun.wait()
            for _ in range(8):
                await outbox.send([Record("held.v1", b"key", b"more", [])])
            go_on.set()
            await whole.wait()
    finally:
        await app.stop()
        await outbox.stop()
    assert len(sizes) <= 3, sizes  # the first, what was fetched ahead of need, and all others together


async def _create(topic: str, bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()


async def _send_to_new_topic(bootstrap: str) -> None:
    outbox = Outbox(bootstrap, "test")
    await _create(TOPIC, bootstrap)
    await outbox.start()
    await outbox.send([Record(TOPIC, b"key", b"at last", [])])
    await outbox.stop()

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


async def _send_to_new_topic(bootstrap: str) -> None:
    admin, outbox = AIOKafkaAdminClient(bootstrap_servers=bootstrap), Outbox(bootstrap, "test")
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, 1, 1)])
    await admin.close()
    await outbox.start()
    await outbox.send([Record(TOPIC, b"key", b"at last", [])])
    await outbox.stop()

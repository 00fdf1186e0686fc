"""A partition's log read once more, without a group: how a state is rebuilt that no snapshot holds."""

from __future__ import annotations

import heapq
import time
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.broker import connection

__all__ = ["read_before"]


async def read_before(bootstrap: str, partition: int, until: dict[str, int], seconds: float) -> list[Any]:
    """The partition's records of the last `seconds` before the given offsets, by topic, merged in broker time."""
    consumer = AIOKafkaConsumer(**connection(bootstrap), enable_auto_commit=False, client_id="buildcast-rebuild")
    try:
        await consumer.start()
        streams = [
            await _read(consumer, TopicPartition(topic, partition), end, seconds)
            for topic, end in sorted(until.items())
        ]
    finally:
        await consumer.stop()
    return list(heapq.merge(*streams, key=lambda record: record.timestamp))


async def _read(consumer: AIOKafkaConsumer, tp: TopicPartition, end: int, seconds: float) -> list[Any]:
    consumer.assign([tp])
    start = (await consumer.beginning_offsets([tp]))[tp]
    since = (await consumer.offsets_for_times({tp: int((time.time() - seconds) * 1000)}))[tp]
    position = max(start, since.offset if since else end)
    found: list[Any] = []
    if position >= end:
        return found
    consumer.seek(tp, position)
    while position < end:
        for record in (await consumer.getmany(tp, timeout_ms=1000)).get(tp, []):
            position = record.offset + 1
            if record.offset < end:
                found.append(record)
    return found

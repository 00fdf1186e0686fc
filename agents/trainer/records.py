"""A log of one partition, read privately: no group, no commit, nothing that anyone else would notice.

From the broker or from a state folder's journal, as offsets and events; records that are no events are passed over.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from agents.admin import check_topics
from streams.broker import connection, refusal
from streams.codec import decode
from streams.errors import BuildcastError, InvalidEvent, Unavailable
from streams.events import Event
from streams.journal import Journal

__all__ = ["JournalRecords", "KafkaRecords", "Records", "offset_at", "records_of"]

_AHEAD = 4  # batches


@dataclass(frozen=True)
class JournalRecords:
    """A state folder's journal of a topic."""

    state: Path
    topic: str

    def __call__(self, start: int = 0) -> Iterator[tuple[int, Event]]:
        """From an offset to the end of now."""
        return Journal(self.state / f"{self.topic.partition('.')[0]}.jsonl").read(start)

    def end(self) -> int:
        """The offset after the last record."""
        return sum(1 for _ in self())


@dataclass(frozen=True)
class KafkaRecords:
    """A topic's only partition."""

    bootstrap: str
    topic: str

    def __call__(self, start: int = 0) -> Iterator[tuple[int, Event]]:
        """From an offset to what is the end when the reading begins."""
        batches: queue.Queue[list[tuple[int, Event]] | BaseException | None] = queue.Queue(_AHEAD)
        stop = threading.Event()
        thread = threading.Thread(target=self._pump, args=(start, batches, stop), name="records", daemon=True)
        thread.start()
        try:
            while (batch := batches.get()) is not None:
                if isinstance(batch, BuildcastError):
                    raise batch
                if isinstance(batch, BaseException):
                    raise Unavailable(f"{self.topic} cannot be read from {self.bootstrap}: {batch}") from batch
                yield from batch
        finally:
            stop.set()
            while thread.is_alive():  # let a full queue go on, so that the consumer is closed
                try:
                    batches.get(timeout=0.05)
                except queue.Empty:
                    continue

    def end(self) -> int:
        """The offset after the last record."""
        return asyncio.run(self._end())

    async def _end(self) -> int:
        consumer, tp = await _open(self.bootstrap, self.topic)
        try:
            return int((await consumer.end_offsets([tp]))[tp])
        finally:
            await consumer.stop()

    def _pump(self, start: int, batches: queue.Queue[Any], stop: threading.Event) -> None:
        try:
            asyncio.run(self._read(start, batches, stop))
        except (KafkaError, BuildcastError, OSError) as error:
            batches.put(error)
        else:
            batches.put(None)

    async def _read(self, start: int, batches: queue.Queue[Any], stop: threading.Event) -> None:
        consumer, tp = await _open(self.bootstrap, self.topic)
        try:
            first, end = (await consumer.beginning_offsets([tp]))[tp], (await consumer.end_offsets([tp]))[tp]
            consumer.seek(tp, max(start, first))
            while not stop.is_set() and await consumer.position(tp) < end:
                found = (await consumer.getmany(tp, timeout_ms=500)).get(tp, [])
                batch = [(record.offset, record) for record in found if record.offset < end]
                await asyncio.to_thread(batches.put, list(_events(batch)))
        finally:
            await consumer.stop()


Records = JournalRecords | KafkaRecords


def records_of(bootstrap: str | None, state: Path, topic: str) -> Records:
    """The broker's log where a broker is given, else the state folder's."""
    return KafkaRecords(bootstrap, topic) if bootstrap else JournalRecords(state, topic)


def offset_at(records: Records, time: float) -> int:
    """The first offset whose event is not older than a time; the end if all are."""
    last = 0
    for offset, event in records():
        if event.time >= time:
            return offset
        last = offset + 1
    return last


async def _open(bootstrap: str, topic: str) -> tuple[AIOKafkaConsumer, TopicPartition]:
    await check_topics(bootstrap, [topic])
    consumer = AIOKafkaConsumer(
        **connection(bootstrap),
        enable_auto_commit=False,
        client_id="buildcast-reader",
        max_poll_records=2000,
        auto_offset_reset="earliest",
    )
    try:
        await consumer.start()
    except KafkaConnectionError as error:
        await consumer.stop()
        raise await refusal(bootstrap, error) from error
    tp = TopicPartition(topic, 0)
    consumer.assign([tp])
    return consumer, tp


def _events(batch: list[tuple[int, Any]]) -> Iterator[tuple[int, Event]]:
    for offset, record in batch:
        try:
            yield offset, decode(record.value, record.headers)
        except InvalidEvent:
            continue

"""The topics that are the models, in one file each: every record with its offset, key and headers.

A model's version names an offset of `examples.v1`, so a restored log must have each record where it was. Records are
written in order into an empty topic and each offset is compared; a log with holes is refused when it is backed up.
A record's own time is the broker's and becomes that of the restore; events carry theirs.
"""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from agents.admin import check_topics
from streams.broker import connection, refusal
from streams.errors import ConfigError, Unavailable

__all__ = ["MEMORY", "dump_records", "restore_records"]

MEMORY = ("examples.v1", "model-events.v1")
_AHEAD = 500


class _Kept(msgspec.Struct):
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


async def dump_records(bootstrap: str, folder: Path) -> dict[str, int]:
    """Write each topic below `folder` as it is now; records by topic."""
    await check_topics(bootstrap, MEMORY)
    return {topic: await _dump(bootstrap, topic, _path(folder, topic)) for topic in MEMORY}


async def restore_records(bootstrap: str, folder: Path) -> dict[str, int]:
    """Fill the empty topics; every record stands at its old offset when this returns."""
    await check_topics(bootstrap, MEMORY)
    for topic in MEMORY:
        if await _end(bootstrap, topic):
            raise ConfigError(f"{topic} holds records already: restore into topics that were just created")
    producer = AIOKafkaProducer(
        **connection(bootstrap), acks="all", enable_idempotence=True, max_request_size=2 * 2**20
    )
    try:
        await producer.start()
        return {topic: await _fill(producer, topic, _path(folder, topic)) for topic in MEMORY}
    except KafkaConnectionError as error:
        raise await refusal(bootstrap, error) from error
    except KafkaError as error:
        raise Unavailable(f"the topics could not be restored: {error!r}") from error
    finally:
        await producer.stop()


async def _dump(bootstrap: str, topic: str, path: Path) -> int:
    count = 0
    with gzip.open(path, "wb", compresslevel=5) as file:
        async for record in _read(bootstrap, topic):
            if record.offset != count:
                raise ConfigError(f"{topic} lacks offset {count}: it is not whole, so no model could be folded from it")
            kept = _Kept(record.offset, record.key, record.value, list(record.headers))
            file.write(msgspec.json.encode(kept) + b"\n")
            count += 1
    return count


async def _fill(producer: AIOKafkaProducer, topic: str, path: Path) -> int:
    pending: list[tuple[int, Any]] = []
    count = 0
    for kept in _kept(path):
        sent = await producer.send(topic, kept.value, kept.key, partition=0, headers=kept.headers)
        pending.append((kept.offset, sent))
        count += 1
        if len(pending) == _AHEAD:
            await _compare(topic, pending)
            pending = []
    await _compare(topic, pending)
    return count


async def _compare(topic: str, pending: list[tuple[int, Any]]) -> None:
    for wanted, sent in pending:
        if (given := (await sent).offset) != wanted:
            raise ConfigError(
                f"{topic}: a record of offset {wanted} came to stand at {given}: is somebody else writing?"
            )


async def _read(bootstrap: str, topic: str) -> AsyncIterator[Any]:
    tp = TopicPartition(topic, 0)
    consumer = AIOKafkaConsumer(**connection(bootstrap), enable_auto_commit=False, client_id="buildcast-backup")
    try:
        await consumer.start()
        consumer.assign([tp])
        position = (await consumer.beginning_offsets([tp]))[tp]
        end = (await consumer.end_offsets([tp]))[tp]
        consumer.seek(tp, position)
        while position < end:
            for record in (await consumer.getmany(tp, timeout_ms=1_000)).get(tp, []):
                position = record.offset + 1
                if record.offset < end:
                    yield record
    except KafkaConnectionError as error:
        raise await refusal(bootstrap, error) from error
    finally:
        await consumer.stop()


async def _end(bootstrap: str, topic: str) -> int:
    tp = TopicPartition(topic, 0)
    consumer = AIOKafkaConsumer(**connection(bootstrap), enable_auto_commit=False, client_id="buildcast-backup")
    try:
        await consumer.start()
        return int((await consumer.end_offsets([tp]))[tp])
    finally:
        await consumer.stop()


def _kept(path: Path) -> Iterator[_Kept]:
    decoder = msgspec.json.Decoder(_Kept)
    with gzip.open(path, "rb") as file:
        yield from (decoder.decode(line) for line in file)


def _path(folder: Path, topic: str) -> Path:
    return folder / f"{topic}.jsonl.gz"

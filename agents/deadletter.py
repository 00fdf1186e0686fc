"""Records that were refused: kept as they came with why and where from, listed, shown, sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError

from agents.admin import check_topics
from agents.outbox import Outbox, Record
from streams.broker import connection, refusal
from streams.errors import ConfigError

__all__ = ["DeadLetter", "dead_record", "list_dead", "replay_dead", "show_dead"]

TOPIC = "dead-letters.v1"
_ORIGINAL = "original-"
_MAX_REASON = 300


@dataclass(frozen=True)
class DeadLetter:
    """A refused record. `number` is its offset among the dead letters."""

    number: int
    kind: str
    reason: str
    topic: str
    partition: int
    offset: int
    attempts: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def dead_record(record: Any, kind: str, reason: str, attempts: int = 1) -> Record:
    """The dead letter of a consumed record: raw bytes, its own headers prefixed, class, reason, origin."""
    attempts += max(0, _whole(dict(record.headers or ()).get("replay-attempts"), 0))
    headers = [
        ("class", kind.encode()),
        ("reason", reason[:_MAX_REASON].encode(errors="replace")),
        ("origin-topic", record.topic.encode()),
        ("origin-partition", str(record.partition).encode()),
        ("origin-offset", str(record.offset).encode()),
        ("attempts", str(attempts).encode()),
        *([("origin-key", record.key)] if record.key is not None else []),
        *((_ORIGINAL + name, value) for name, value in record.headers or () if value is not None),
    ]
    return Record(TOPIC, record.topic.encode(), record.value or b"", headers)


async def list_dead(bootstrap: str, limit: int = 100) -> list[DeadLetter]:
    """The newest dead letters, oldest of them first."""
    found: list[DeadLetter] = []
    async for letter in _read(bootstrap, lambda start, end: max(start, end - limit)):
        found.append(letter)
    return found


async def show_dead(bootstrap: str, number: int) -> DeadLetter:
    """One dead letter by number."""
    async for letter in _read(bootstrap, lambda start, _end: max(start, number)):
        if letter.number == number:
            return letter
        break
    raise ConfigError(f"there is no dead letter {number}: `buildcast dlq list` shows the numbers")


async def replay_dead(bootstrap: str, numbers: Sequence[int]) -> list[int]:
    """Send dead letters to the topics they came from, acknowledged; returns what was sent. Each stays listed."""
    letters = [await show_dead(bootstrap, number) for number in numbers]
    outbox = Outbox(bootstrap, "buildcast-dlq")
    await outbox.start()
    try:
        refused = await outbox.send([_again(letter) for letter in letters])
    finally:
        await outbox.stop()
    if refused:
        raise ConfigError(
            f"{len(refused)} of them are larger than the broker takes: raise max.message.bytes of their topics"
        )
    return [letter.number for letter in letters]


def _again(letter: DeadLetter) -> Record:
    own = [(name, value) for name, value in letter.headers if name != "replay-attempts"]
    return Record(letter.topic, letter.key, letter.value, [*own, ("replay-attempts", str(letter.attempts).encode())])


async def _read(bootstrap: str, first: Callable[[int, int], int]) -> AsyncIterator[DeadLetter]:
    await check_topics(bootstrap, [TOPIC])
    consumer = AIOKafkaConsumer(**connection(bootstrap), enable_auto_commit=False, client_id="buildcast-dlq")
    try:
        try:
            await consumer.start()
        except KafkaConnectionError as error:
            raise await refusal(bootstrap, error) from error
        tp = TopicPartition(TOPIC, 0)
        consumer.assign([tp])
        start = (await consumer.beginning_offsets([tp]))[tp]
        end = (await consumer.end_offsets([tp]))[tp]
        position = first(start, end)
        consumer.seek(tp, position)
        while position < end:
            for record in (await consumer.getmany(tp, timeout_ms=1000)).get(tp, []):
                position = record.offset + 1
                if record.offset < end:
                    yield _letter(record)
    finally:
        await consumer.stop()


def _letter(record: Any) -> DeadLetter:
    headers = dict(record.headers)
    original = tuple((n.removeprefix(_ORIGINAL), v) for n, v in record.headers if n.startswith(_ORIGINAL))
    return DeadLetter(
        number=record.offset,
        kind=headers.get("class", b"").decode(errors="replace"),
        reason=headers.get("reason", b"").decode(errors="replace"),
        topic=headers.get("origin-topic", b"").decode(errors="replace"),
        partition=_whole(headers.get("origin-partition"), -1),
        offset=_whole(headers.get("origin-offset"), -1),
        attempts=_whole(headers.get("attempts"), 1),
        key=headers.get("origin-key"),
        value=record.value or b"",
        headers=original,
    )


def _whole(raw: bytes | None, otherwise: int) -> int:
    """A number in a header. Anyone may write one: what is none must not stop who reads it."""
    try:
        return int(raw or b"")
    except ValueError:
        return otherwise

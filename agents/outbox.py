"""Records out, each acknowledged by the broker before anything is committed that they follow from."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError, MessageSizeTooLargeError, TopicAuthorizationFailedError

from streams import codec
from streams.broker import connection, refusal
from streams.events import Event
from streams.topics import key_of, topic_of

__all__ = ["Outbox", "Record", "Sending", "record_of"]

_log = logging.getLogger(__name__)
MAX_RECORD_BYTES = 2 * 2**20


@dataclass(frozen=True)
class Record:
    """One record to send."""

    topic: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]] = field(default_factory=list)


def record_of(event: Event) -> Record:
    """An event as the record it travels in."""
    return Record(topic_of(event), key_of(event), codec.encode(event), codec.headers(event))


class Sending:
    """Records on their way while more of them are made: in the order in which they were added."""

    def __init__(self, send: Callable[[Sequence[Record]], Coroutine[Any, Any, list[Record]]]) -> None:
        self._send = send
        self._waiting: list[Record] = []
        self._task: asyncio.Task[list[Record]] | None = None
        self.refused: list[Record] = []  # by the broker, for their size; complete at the end

    def add(self, records: Iterable[Record]) -> None:
        """Records to be sent after those before."""
        self._waiting += records

    def begin(self) -> None:
        """Start on what waits, unless what was begun before is not acknowledged yet: only so is the order kept."""
        if self._task is not None and self._task.done():
            self.refused += self._task.result()
            self._task = None
        if self._waiting and self._task is None:
            self._task = asyncio.create_task(self._send(self._waiting), name="sending")
            self._waiting = []

    async def end(self) -> None:
        """All of them are acknowledged, or refused."""
        if self._task is not None:
            self.refused += await self._task
        waiting, self._waiting, self._task = self._waiting, [], None
        self.refused += await self._send(waiting)

    async def give_up(self) -> None:
        """Whoever made the records failed: what is not sent yet stays unsent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])


class Outbox:
    """A producer that waits for every ack and tries again for ever; re-sent records carry the same ids.

    Only a right that this process lacks is no matter of time: `ConfigError`.
    """

    def __init__(self, bootstrap: str, client_id: str = "buildcast") -> None:
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self.waits: Callable[[], None] = lambda: None  # told before each new try: waiting for a broker is no standstill

    async def start(self) -> None:
        """Connect; `Unavailable` when the broker does not answer."""
        # No idempotence: with it a send never times out while the broker is away, and repeats are dropped by id.
        producer = AIOKafkaProducer(
            client_id=self._client_id, acks="all", max_batch_size=262_144, request_timeout_ms=30_000,
            max_request_size=MAX_RECORD_BYTES, **connection(self._bootstrap),
        )  # fmt: skip
        try:
            await producer.start()
        except KafkaConnectionError as error:
            await producer.stop()
            raise await refusal(self._bootstrap, error) from error
        self._producer = producer

    async def stop(self) -> None:
        """Flush and disconnect."""
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await producer.stop()

    async def send(self, records: Sequence[Record]) -> list[Record]:
        """Return when all are acknowledged. The broker's refusals for size are handed back, they never fit."""
        refused: list[Record] = []
        left: Sequence[Record] = records
        pause = 0.1
        while left:
            left, too_large = await self._try(left)
            refused += too_large
            if left:
                _log.warning("%d records are not acknowledged: trying again in %.1f s", len(left), pause)
                self.waits()
                await asyncio.sleep(pause)
                pause = min(5.0, pause * 2)
        return refused

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[Sending]:
        """Send what is added meanwhile; leave when all of it is acknowledged."""
        sending = Sending(self.send)
        try:
            yield sending
            await sending.end()
        except BaseException:
            await sending.give_up()
            raise

    async def _try(self, records: Sequence[Record]) -> tuple[list[Record], list[Record]]:
        assert self._producer is not None, "start() first"
        pending: list[tuple[Record, asyncio.Future[object]]] = []
        again: list[Record] = []
        too_large: list[Record] = []
        for record in records:
            try:
                future = await self._producer.send(record.topic, record.value, record.key, headers=record.headers)
                pending.append((record, future))
            except MessageSizeTooLargeError:
                too_large.append(record)
            except TopicAuthorizationFailedError as error:
                raise await refusal(self._bootstrap, TopicAuthorizationFailedError({record.topic})) from error
            except KafkaError:
                again.append(record)
        results = await asyncio.gather(*(future for _, future in pending), return_exceptions=True)
        for (record, _), result in zip(pending, results, strict=True):
            if isinstance(result, MessageSizeTooLargeError):
                too_large.append(record)
            elif isinstance(result, TopicAuthorizationFailedError):
                raise await refusal(self._bootstrap, TopicAuthorizationFailedError({record.topic})) from result
            elif isinstance(result, BaseException):
                again.append(record)
        return again, too_large

"""Where revisions and requests go: the topics, or without a broker the state folder's journals (one file a topic)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAuthorizationFailedError

from streams.broker import connection, refusal
from streams.codec import encode, headers
from streams.errors import Unavailable
from streams.events import Event
from streams.journal import Journal
from streams.topics import key_of, topic_of

__all__ = ["EventLog", "JournalLog", "KafkaLog"]


class EventLog(Protocol):
    """Keeps events for good before it returns."""

    async def append(self, event: Event) -> None:
        """Return when the event is durable; `Unavailable` if it is not."""

    async def close(self) -> None:
        """Let go of what is held."""


class JournalLog:
    """Local mode: `examples.jsonl`, `model-events.jsonl` ... below the state folder."""

    def __init__(self, state: Path) -> None:
        self._state = state

    async def append(self, event: Event) -> None:
        """On the disk when it returns."""
        path = self._state / f"{topic_of(event).partition('.')[0]}.jsonl"
        try:
            await asyncio.to_thread(lambda: Journal(path).append([event], sync=True))
        except OSError as error:
            raise Unavailable(f"{path} cannot be written: {error.strerror}", 5.0) from error

    async def close(self) -> None:
        """Nothing is held."""


class KafkaLog:
    """The broker; the connection is made with the first event and kept."""

    def __init__(self, bootstrap: str, deadline_seconds: float = 10.0) -> None:
        self._bootstrap, self._deadline = bootstrap, deadline_seconds
        self._producer: Any = None
        self._lock = asyncio.Lock()

    async def append(self, event: Event) -> None:
        """Acknowledged by all replicas in sync when it returns."""
        try:
            async with asyncio.timeout(self._deadline):
                producer = await self._started()
                await producer.send_and_wait(topic_of(event), encode(event), key=key_of(event), headers=headers(event))
        except (KafkaConnectionError, TopicAuthorizationFailedError) as error:
            raise Unavailable(str(await refusal(self._bootstrap, error)), 2.0) from error
        except (KafkaError, OSError, TimeoutError) as error:
            raise Unavailable(f"the broker at {self._bootstrap} does not take events now", 2.0) from error

    async def close(self) -> None:
        """Flush and leave."""
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    async def _started(self) -> Any:
        async with self._lock:
            if self._producer is None:
                producer = AIOKafkaProducer(acks="all", enable_idempotence=True, **connection(self._bootstrap))
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

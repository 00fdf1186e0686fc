"""Where events go: the broker, or a function of this process. Every call ends within its deadline."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from streams.codec import SENT_AT, encode, headers
from streams.errors import ConfigError, Rejected, Unavailable
from streams.events import Event
from streams.topics import key_of, topic_of

__all__ = ["DirectPublisher", "KafkaPublisher", "Publisher"]


class Publisher(Protocol):
    """Takes events for good, or `Unavailable`: then all are offered again, or `Rejected`: then each on its own."""

    def publish(self, events: Sequence[Event]) -> None: ...

    def close(self) -> None: ...


class DirectPublisher:
    """Hands events to a function in this process: local mode, and imports into a journal."""

    def __init__(self, take: Callable[[Event], None]) -> None:
        self._take = take
        self._closed = False

    def publish(self, events: Sequence[Event]) -> None:
        """Hand them over in order."""
        if self._closed:
            raise Unavailable("the publisher is closed")
        for event in events:
            self._take(event)

    def close(self) -> None:
        """Take no more."""
        self._closed = True


class KafkaPublisher:
    """Writes events to their topics. Connects when first used; every call ends within its deadline.

    Use from one thread.
    """

    def __init__(
        self,
        bootstrap: str,
        connect_seconds: float = 5.0,
        send_seconds: float = 10.0,
    ) -> None:
        if not bootstrap or bootstrap.startswith(","):
            raise ConfigError("no broker is named: set BUILDCAST_BOOTSTRAP to host:port")
        # The client tells of every failed connection; on a build's standard error that has no place.
        logging.getLogger("aiokafka").addHandler(logging.NullHandler())
        self._bootstrap = bootstrap
        self._connect_seconds = connect_seconds
        self._send_seconds = send_seconds
        self._loop = asyncio.new_event_loop()
        self._producer: Any = None

    def publish(self, events: Sequence[Event]) -> None:
        """Send and wait for the broker's word on each."""
        self._within(self._connect_seconds + self._send_seconds, self._publish(events))

    def close(self) -> None:
        """Disconnect."""
        if self._loop.is_closed():
            return
        with contextlib.suppress(Unavailable):
            self._within(self._connect_seconds, self._disconnect())
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _publish(self, events: Sequence[Event]) -> None:
        producer = await self._connected()
        try:
            async with asyncio.timeout(self._send_seconds):
                now = (SENT_AT, f"{time.time():.3f}".encode())
                sent = [
                    await producer.send(
                        topic_of(event), encode(event), key=key_of(event), headers=[*headers(event), now]
                    )
                    for event in events
                ]
                await asyncio.gather(*sent)
        except BaseException:
            await self._disconnect()  # what it still holds is offered again from the spool
            raise

    async def _connected(self) -> Any:
        if self._producer is None:
            from aiokafka import AIOKafkaProducer

            producer = AIOKafkaProducer(
                acks="all",
                enable_idempotence=True,
                linger_ms=5,
                request_timeout_ms=max(1000, int(self._send_seconds * 1000)),
                **_connection(self._bootstrap),
            )
            try:
                async with asyncio.timeout(self._connect_seconds):
                    await producer.start()
            except BaseException:
                with contextlib.suppress(Exception):
                    async with asyncio.timeout(1.0):
                        await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def _disconnect(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(1.0):
                    await producer.stop()

    def _within(self, seconds: float, work: Any) -> None:
        from aiokafka.errors import (
            InvalidMessageError,
            KafkaConnectionError,
            KafkaError,
            MessageSizeTooLargeError,
            TopicAuthorizationFailedError,
        )

        if self._loop.is_closed():
            work.close()
            raise Unavailable("the publisher is closed")
        try:
            self._loop.run_until_complete(asyncio.wait_for(work, seconds + 1.0))
        except (MessageSizeTooLargeError, InvalidMessageError) as error:
            raise Rejected(f"the broker refuses an event: {error}") from error
        except (TopicAuthorizationFailedError, KafkaConnectionError) as error:
            from streams.broker import refusal

            # A person can mend it, and until then the events wait.
            raise Unavailable(str(self._loop.run_until_complete(refusal(self._bootstrap, error)))) from error
        except ConfigError as error:
            raise Unavailable(str(error)) from error
        except (KafkaError, OSError, TimeoutError, RuntimeError) as error:
            raise Unavailable(f"the broker {self._bootstrap} is away: {type(error).__name__} {error}") from error


def _connection(bootstrap: str) -> dict[str, Any]:
    """How to connect. Where no setting can have been given, what reads settings is not loaded: beside a build it would
    cost as much CPU as the rest of the start."""
    names = {name.upper() for name in os.environ}
    if names.isdisjoint(("BUILDCAST_CONFIG", "BUILDCAST_SECRETS")) and not any(map(_is_of_kafka, names)):
        return {"bootstrap_servers": bootstrap}
    from streams.broker import connection

    return connection(bootstrap)


def _is_of_kafka(name: str) -> bool:
    return name.startswith("BUILDCAST_KAFKA_")

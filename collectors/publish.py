"""From the spool to where events are wanted: delivery in a thread of its own, with a deadline on every step.

Law: nothing here holds up who emits. A broker that is away leaves events in the spool, and a later run, or the host
daemon, sends them. At least once, in order within a partition.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from collectors.spool import Spool, Spooled, SpoolLimits
from streams.codec import SENT_AT, decode, encode, headers
from streams.errors import ConfigError, InvalidEvent, Rejected, Unavailable
from streams.events import Event
from streams.topics import key_of, topic_of

__all__ = ["Courier", "DirectPublisher", "KafkaPublisher", "Outbox", "Publisher"]

_IDLE_SECONDS = 5.0  # after which the spool is looked at though nobody has told of anything: others write there too


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

            from streams.broker import connection

            producer = AIOKafkaProducer(
                acks="all",
                enable_idempotence=True,
                linger_ms=5,
                request_timeout_ms=max(1000, int(self._send_seconds * 1000)),
                **connection(self._bootstrap),
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

        from streams.broker import refusal

        if self._loop.is_closed():
            work.close()
            raise Unavailable("the publisher is closed")
        try:
            self._loop.run_until_complete(asyncio.wait_for(work, seconds + 1.0))
        except (MessageSizeTooLargeError, InvalidMessageError) as error:
            raise Rejected(f"the broker refuses an event: {error}") from error
        except (TopicAuthorizationFailedError, KafkaConnectionError) as error:
            # A person can mend it, and until then the events wait.
            raise Unavailable(str(self._loop.run_until_complete(refusal(self._bootstrap, error)))) from error
        except ConfigError as error:
            raise Unavailable(str(error)) from error
        except (KafkaError, OSError, TimeoutError, RuntimeError) as error:
            raise Unavailable(f"the broker {self._bootstrap} is away: {type(error).__name__} {error}") from error


class Courier:
    """Carries events from a spool to a publisher in its own thread until told to stop.

    A payload that is no event any more is passed over and counted, so that one bad record never holds up the rest.
    """

    def __init__(
        self,
        spool: Spool,
        connect: Callable[[], Publisher],
        pause_seconds: float = 0.2,
        most_pause_seconds: float = 30.0,
    ) -> None:
        self.sent = 0
        self.unreadable = 0
        self.rejected = 0
        self.trouble = ""  # the newest, for people
        self._spool = spool
        self._connect = connect
        self._pause = pause_seconds
        self._most_pause = most_pause_seconds
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._deadline = float("inf")
        self._given_up = False
        self._thread = threading.Thread(target=self._work, daemon=True, name="buildcast-courier")

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def wake(self) -> None:
        """There is something new."""
        self._news.set()

    def stop(self, seconds: float) -> bool:
        """Deliver what is there, for at most `seconds` and one refusal; whether all of it went."""
        self._deadline = time.monotonic() + seconds
        self._stopping.set()
        self._news.set()
        if self._thread.ident is not None:
            self._thread.join(seconds + 0.5)
        return not self._spool.waiting(1)

    def _work(self) -> None:
        while not self._over():
            with self._spool.delivering() as mine:
                if mine:
                    self._deliver()
            self._rest(1.0)

    def _deliver(self) -> None:
        publisher = self._connect()
        pause = self._pause
        try:
            while not self._over():
                waiting = self._spool.waiting()
                if not waiting:
                    if self._stopping.is_set():
                        return
                    self._rest(_IDLE_SECONDS)
                    continue
                try:
                    self._offer(publisher, self._events(waiting))
                except Unavailable as error:
                    self.trouble = str(error)
                    if self._stopping.is_set():
                        self._given_up = True
                        return
                    self._rest(pause, only_stop=True)
                    pause = min(self._most_pause, pause * 2)
                    continue
                pause, self.trouble = self._pause, ""
                self._spool.delivered(waiting)
                self.sent += len(waiting)
        finally:
            publisher.close()

    def _offer(self, publisher: Publisher, events: Sequence[Event]) -> None:
        try:
            publisher.publish(events)
        except Rejected as error:
            if len(events) == 1:
                self.rejected += 1
                self.trouble = str(error)
                return
            for event in events:
                self._offer(publisher, [event])

    def _events(self, waiting: Sequence[Spooled]) -> list[Event]:
        events = []
        for one in waiting:
            try:
                events.append(decode(one.payload))
            except InvalidEvent:
                self.unreadable += 1
        return events

    def _over(self) -> bool:
        late = self._given_up or time.monotonic() >= self._deadline
        return self._stopping.is_set() and (late or not self._spool.waiting(1))

    def _rest(self, seconds: float, only_stop: bool = False) -> None:
        if only_stop:
            self._stopping.wait(seconds)
            return
        self._news.wait(0.05 if self._stopping.is_set() else seconds)
        self._news.clear()


class Outbox:
    """`emit` for everybody: into the spool at once, to the publisher when it can. Never raises, never waits for it."""

    def __init__(self, folder: Path, connect: Callable[[], Publisher], limits: SpoolLimits | None = None) -> None:
        self.refused = 0  # events that the disk did not take
        self.trouble = ""
        self.spool = Spool(folder, limits)
        self.courier = Courier(self.spool, connect)
        self.courier.start()

    def emit(self, event: Event) -> None:
        """Take an event."""
        try:
            self.keep(event)
        except Unavailable as error:
            self.refused += 1
            self.trouble = str(error)

    def keep(self, event: Event) -> None:
        """As `emit` for who can try again: on the disk when it returns, `Unavailable` where the disk takes nothing."""
        self.spool.append(event)
        self.courier.wake()

    def close(self, seconds: float = 5.0) -> bool:
        """Deliver for at most `seconds`; False where something stays for a later run."""
        self.spool.close()
        return self.courier.stop(seconds)

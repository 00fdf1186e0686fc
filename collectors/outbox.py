"""From the spool to where events are wanted: delivery in a thread of its own, with a deadline on every step.

Law: nothing here holds up who emits. A broker that is away leaves events in the spool, and a later run, or the host
daemon, sends them. At least once, in order within a partition.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from collectors.publish import Publisher
from collectors.spool import Spool, Spooled, SpoolLimits
from streams.codec import decode
from streams.errors import InvalidEvent, Rejected, Unavailable
from streams.events import Event

__all__ = ["Courier", "Outbox"]

_IDLE_SECONDS = 5.0  # after which the spool is looked at though nobody has told of anything: others write there too


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

"""Through the broker: events into the spool and on to Kafka, forecasts of this host's runs back onto the screen.

The broker may be away: the build runs all the same, its events stay in the spool and a later run sends them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from buildcast import endpoints
from collectors.outbox import Outbox
from collectors.publish import KafkaPublisher
from collectors.spool import Spool
from streams.codec import decode
from streams.errors import ConfigError, InvalidEvent, Unavailable
from streams.events import Event

__all__ = ["RemoteChain", "bootstrap_of", "wait_until_stored"]

_ALERTS = ("predictions.v1", "alerts.v1")


def bootstrap_of(state: Path) -> str:
    """The broker's address: the setting, else what `up` started on this state folder, else the usual port here."""
    if given := os.environ.get("BUILDCAST_BOOTSTRAP"):
        return given
    found = endpoints.read(state)
    return found.bootstrap if found is not None else "127.0.0.1:9092"


class RemoteChain:
    """`emit` for a build whose forecasts are made elsewhere. Leaving delivers for at most `deadline_seconds`."""

    def __init__(
        self, state: Path, on_output: Callable[[Event], None] | None = None, deadline_seconds: float = 5.0
    ) -> None:
        self.failed: str | None = None
        self._bootstrap = bootstrap_of(state)
        self._deadline = deadline_seconds
        self._outbox = Outbox(state / "spool", lambda: KafkaPublisher(self._bootstrap))
        self._feed = _Feed(self._bootstrap, on_output) if on_output is not None else None

    def __enter__(self) -> RemoteChain:
        if self._feed is not None:
            self._feed.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if not self._outbox.close(self._deadline):
            why = self._outbox.courier.trouble or f"the broker {self._bootstrap} did not take all in time"
            self.failed = f"{why}; its events wait in the spool and are sent by the next run"
        elif self._outbox.refused:
            self.failed = self._outbox.trouble
        if self._feed is not None:
            self._feed.stop()

    @property
    def spool(self) -> Spool:
        """Where events wait."""
        return self._outbox.spool

    def emit(self, event: Event) -> None:
        """Take an event; it stands on the disk when this returns."""
        run = getattr(event, "run", None)
        run_id = run.run_id if run is not None else getattr(event, "run_id", "")
        if self._feed is not None and run_id:
            self._feed.runs.add(run_id)
        self._outbox.emit(event)


class _Feed:
    """Forecasts and alerts of some runs, from the end of their topics on, in a thread of its own."""

    def __init__(self, bootstrap: str, on_output: Callable[[Event], None]) -> None:
        self.runs: set[str] = set()
        self._bootstrap = bootstrap
        self._on_output = on_output
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="buildcast-feed", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(3.0)

    def _work(self) -> None:
        from aiokafka.errors import KafkaError

        # Where the broker dies, the client cancels its own requests while it is being stopped.
        with contextlib.suppress(KafkaError, OSError, TimeoutError, asyncio.CancelledError):
            asyncio.run(self._read())

    async def _read(self) -> None:
        from aiokafka import AIOKafkaConsumer

        from streams.broker import connection

        consumer = AIOKafkaConsumer(*_ALERTS, auto_offset_reset="latest", **connection(self._bootstrap))
        try:
            async with asyncio.timeout(10.0):
                await consumer.start()
            while not self._stop.is_set():
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        self._show(record)
        finally:
            await consumer.stop()

    def _show(self, record: Any) -> None:
        with contextlib.suppress(InvalidEvent):
            event = decode(record.value, record.headers)
            if getattr(event, "run_id", "") in self.runs:
                self._on_output(event)


def wait_until_stored(state: Path, run_id: str, seconds: float = 30.0) -> dict[str, Any]:
    """The run's report once the sink has stored its outcome; `Unavailable` if that takes too long."""
    from buildcast.report import fetch

    deadline = time.monotonic() + seconds
    said = "nothing was stored"
    while time.monotonic() < deadline:
        try:
            report = fetch(state, run_id)
            if report["outcome"] is not None and report["forecasts"]:
                return report
            said = "its outcome was not stored yet"
        except ConfigError as error:
            said = str(error)
        time.sleep(0.3)
    raise Unavailable(f"the build ran, but within {seconds:.0f} s {said}: see the logs in {state / 'system'}")

"""`buildcast sink`: every topic into the database; an offset is committed only after the rows are.

The database away: the batch in hand waits and tries again, nothing else is fetched, nothing is lost. A record that
cannot be read or stored goes to the dead letters, acknowledged; anything unknown ends the process.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.admin import check_group, check_topics
from agents.app import BatchApp, batch_app, serve
from agents.deadletter import dead_record
from agents.lifecycle import count_lifecycle
from agents.metrics import Metrics, create
from agents.metrics import serve as serve_metrics
from agents.outbox import Outbox, Record
from agents.settings import SinkSettings
from agents.store.database import check, connect, migrate
from agents.store.rows import writes_of
from agents.store.writer import Item, Refused, Writer
from agents.transport import Batch
from agents.watchdog import Watchdog
from streams.codec import decode
from streams.errors import InvalidEvent, Unavailable
from streams.events import Event
from streams.topics import TOPICS

__all__ = ["SINK_TOPICS", "Sink", "create_sink_app", "run_sink"]

_log = logging.getLogger(__name__)
SINK_TOPICS = tuple(topic.name for topic in TOPICS.values() if topic.carries)
# These two are read by the workers, who put what is undecodable among the dead letters themselves.
_REFUSED_ELSEWHERE = frozenset({"build-events.v1", "host-metrics.v1"})
_LONGEST_PAUSE_SECONDS = 5.0


class Sink:
    """Batches to rows."""

    def __init__(self, writer: Writer, outbox: Outbox, metrics: Metrics, watchdog: Watchdog) -> None:
        self._writer = writer
        self._outbox = outbox
        self._metrics = metrics
        self._watchdog = watchdog

    async def handle(self, batch: Batch) -> None:
        """Return when the batch's rows are committed and its dead letters acknowledged."""
        items: list[Item[Any]] = []
        dead: list[Record] = []
        told: list[Event] = []
        records = list(heapq.merge(*batch.records.values(), key=lambda record: record.timestamp))
        for record in records:
            self._metrics.count("buildcast_events_consumed", topic=record.topic)
            try:
                event = decode(record.value, record.headers)
                items.append(Item(record, writes_of(event)))
                told.append(event)
            except InvalidEvent as error:
                if error.kind == "bad-value" or record.topic not in _REFUSED_ELSEWHERE:
                    dead.append(self._refuse(record, error.kind, error.detail))
        refused = await self._write([item for item in items if item.writes])
        dead += [self._refuse(each.origin, "refused-by-database", each.reason) for each in refused]
        await self._outbox.send(dead)
        for event in told:
            count_lifecycle(event, self._metrics)
        if records:
            self._metrics.observe("buildcast_event_lag_seconds", max(0.0, time.time() - records[0].timestamp / 1000))

    async def _write(self, items: list[Item[Any]]) -> list[Refused[Any]]:
        pause, before = 0.1, self._writer.rows
        while True:
            try:
                refused = await self._writer.write(items)
            except Unavailable as error:
                _log.warning("%s: trying again in %.1f s", error, pause)
                self._metrics.count("buildcast_database_waits")
                self._watchdog.excuse()  # waiting for the database is not standing still; nothing is fetched meanwhile
                await asyncio.sleep(pause)
                pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)
                continue
            self._metrics.count("buildcast_rows_written", max(0, self._writer.rows - before))
            return refused

    def _refuse(self, record: Any, kind: str, reason: str) -> Record:
        self._metrics.count("buildcast_events_rejected", topic=record.topic, reason=kind)
        return dead_record(record, kind, reason)


def create_sink_app(settings: SinkSettings, engine: AsyncEngine, metrics: Metrics, watchdog: Watchdog) -> BatchApp:
    """The sink's app. Nothing is connected yet."""
    outbox = Outbox(settings.bootstrap, "buildcast-sink")
    outbox.waits = watchdog.excuse
    sink = Sink(Writer(engine), outbox, metrics, watchdog)
    idle = asyncio.Lock()

    async def handle(batch: Batch) -> None:
        async with idle:
            await sink.handle(batch)

    async def settle() -> None:
        async with idle:
            return

    app = batch_app(settings.sink_group, SINK_TOPICS, handle, settings, watchdog)
    app.transport.settle = settle
    app.opening.append(outbox.start)
    app.closing += [outbox.stop, engine.dispose]
    return app


def run_sink(settings: SinkSettings) -> None:
    """Run in the foreground until SIGTERM. Raises ConfigError or Unavailable before anything was consumed."""
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(_run(settings))


async def _run(settings: SinkSettings) -> None:
    await check_topics(settings.bootstrap, TOPICS)
    await check_group(settings.bootstrap, settings.sink_group)
    await check(settings.database_url)
    if settings.database_url.startswith("sqlite"):
        await migrate(settings.database_url)  # the embedded file is the sink's own; a server is migrated by its owner
    registry = CollectorRegistry()
    metrics = create(registry)
    port = serve_metrics(registry, settings.sink_metrics_port, settings.metrics_host)
    watchdog = Watchdog(settings.watchdog_seconds)
    app = create_sink_app(settings, connect(settings.database_url, settings.pool), metrics, watchdog)
    _log.info("sink of group %s, metrics on http://%s:%d", settings.sink_group, settings.metrics_host, port)
    await serve(app, watchdog)

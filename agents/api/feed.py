"""What happens now, for the cache and the listeners: from the topics where there is a broker, else from the database.

The consumer has no group and commits nothing: every API process sees everything, from now on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from sqlalchemy.exc import SQLAlchemyError

from agents.store.reads import Reads, RunFilter
from streams import events
from streams.broker import connection
from streams.codec import decode
from streams.errors import InvalidEvent

__all__ = ["DatabaseFeed", "KafkaFeed", "Take"]

Take = Callable[[events.Event | dict[str, Any]], None]
TOPICS = ("predictions.v1", "alerts.v1", "examples.v1", "model-events.v1")
_OVERLAP_SECONDS = 120.0  # rows may be written this much later than their event's time
_BATCH = 500
_log = logging.getLogger(__name__)


class KafkaFeed:
    """Follows the topics until cancelled; a broker that is away is tried again."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self.rejected = 0
        self.connected = False

    async def follow(self, take: Take) -> None:
        """Hand every event on."""
        wait = 0.5
        while True:
            consumer = AIOKafkaConsumer(
                *TOPICS, group_id=None, auto_offset_reset="latest", enable_auto_commit=False,
                **connection(self._bootstrap),
            )  # fmt: skip
            try:
                await consumer.start()
                self.connected, wait = True, 0.5
                await self._read(consumer, take)
            except (KafkaError, OSError) as error:
                _log.warning("live feed interrupted broker=%s reason=%s", self._bootstrap, error)
            finally:
                self.connected = False
                await consumer.stop()
            await asyncio.sleep(wait)
            wait = min(10.0, wait * 2)

    async def _read(self, consumer: Any, take: Take) -> None:
        async for record in consumer:
            try:
                event = decode(record.value, record.headers)
            except InvalidEvent:
                self.rejected += 1
                continue
            take(event)


class DatabaseFeed:
    """Asks for new rows every `poll_seconds`; sees what the sink or local mode has stored."""

    def __init__(self, reads: Reads, poll_seconds: float) -> None:
        self._reads, self._poll = reads, poll_seconds
        self.connected = False
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._running: set[str] = set()
        self._raised: set[str] = set()
        self._newest: float | None = None

    async def follow(self, take: Take) -> None:
        """Hand every new row on as its event, until cancelled."""
        while True:
            try:
                await self.poll(take)
                self.connected = True
            except (SQLAlchemyError, OSError, msgspec.DecodeError) as error:
                self.connected = False
                _log.warning("live feed interrupted reason=%s", error)
                await asyncio.sleep(2.0)
            await asyncio.sleep(self._poll)

    async def poll(self, take: Take) -> int:
        """One look; returns how much was new. The first one only remembers what was there."""
        first = self._newest is None
        since = (self._newest or 0.0) - _OVERLAP_SECONDS
        forecasts = await self._reads.forecasts_since(since, _BATCH)
        alerts = await self._reads.alerts_since(since, _BATCH)
        anomalies = await self._reads.anomalies_since(since, _BATCH)
        fresh: list[events.Event] = [each for each in (*forecasts, *anomalies, *alerts) if self._is_new(each.id)]
        self._newest = max((each.time for each in fresh), default=self._newest or 0.0)
        self._raised |= {each.alert_id for each in alerts if self._is_new(f"alert:{each.alert_id}")}
        started, ended = await self._runs(), await self._ends()
        if first:
            for forecast in forecasts:
                take(forecast)
            return len(forecasts)
        news: list[events.Event | dict[str, Any]] = [*started, *fresh, *ended]
        for item in news:
            take(item)
        return len(news)

    async def _runs(self) -> list[dict[str, Any]]:
        rows = await self._reads.runs(RunFilter(active=True), 200)
        fresh = [row for row in rows if self._is_new(f"run:{row['run_id']}")]
        self._running |= {row["run_id"] for row in fresh}
        return [{"kind": "run-started", **row} for row in fresh]

    async def _ends(self) -> list[dict[str, Any]]:
        runs = await self._reads.finished(sorted(self._running)[:_BATCH])
        self._running -= {row["run_id"] for row in runs}
        alerts = await self._reads.resolved(sorted(self._raised)[:_BATCH])
        self._raised -= {row["alert_id"] for row in alerts}
        return [*({"kind": "alert-resolved", **row} for row in alerts),
                *({"kind": "run-finished", **row} for row in runs)]  # fmt: skip

    def _is_new(self, key: str) -> bool:
        if key in self._seen:
            return False
        self._seen[key] = None
        while len(self._seen) > 20_000:
            self._seen.popitem(last=False)
        return True

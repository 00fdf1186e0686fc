"""The model of this worker: a fold over all of `examples.v1`, read without a group, from a local sealed snapshot on.

Every worker folds the same log in the same order, so that all answer alike. A snapshot that is refused is folded again
from the beginning; scoring waits until the replica has reached the end that the log had at the start.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.metrics import Metrics
from agents.snapshot import SnapshotRefused as FileRefused
from agents.snapshot import read_sealed, write_atomically
from models.forecaster import Forecaster, ForecasterConfig
from models.snapshot import MAX_BYTES, SnapshotRefused, seal, unseal
from streams.codec import decode
from streams.errors import InvalidEvent

__all__ = ["Replica"]

_log = logging.getLogger(__name__)
EXAMPLES = TopicPartition("examples.v1", 0)
_YIELD_SECONDS = 0.02


class Replica:
    """`forecaster` is the folded model; `ready` is set once it has caught up."""

    def __init__(
        self, bootstrap: str, config: ForecasterConfig, folder: Path, key: bytes, metrics: Metrics,
        snapshot_seconds: float = 60.0, beat: Callable[[str], None] = lambda _name: None,
    ) -> None:  # fmt: skip
        self._bootstrap = bootstrap
        self._key = key
        self._metrics = metrics
        self._snapshot_seconds = snapshot_seconds
        self._beat = beat
        self._path = folder / f"replica-{hashlib.sha256(config.name.encode()).hexdigest()[:12]}.snapshot"
        self._consumer: AIOKafkaConsumer | None = None
        self._saved_at = time.monotonic()
        self._saved_offset = -1
        folder.mkdir(parents=True, exist_ok=True)
        self.rejected = 0
        self.ready = asyncio.Event()
        self.forecaster = self._load(config)

    async def run(self) -> None:
        """Fold until cancelled."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, enable_auto_commit=False, auto_offset_reset="earliest",
            client_id="buildcast-replica", max_poll_records=2000,
        )  # fmt: skip
        self._consumer = consumer
        await consumer.start()
        try:
            await self._fold(consumer)
        finally:
            await consumer.stop()

    def save(self) -> None:
        """Write the model to this machine's disk, if it has changed."""
        self._saved_at = time.monotonic()
        if self.forecaster.offset == self._saved_offset:
            return
        raw = seal(self.forecaster, self._key)
        write_atomically(self._path, raw)
        self._saved_offset = self.forecaster.offset
        self._metrics.set("buildcast_snapshot_bytes", len(raw), kind="replica")
        self._metrics.set("buildcast_snapshot_timestamp_seconds", time.time(), kind="replica")

    async def _fold(self, consumer: AIOKafkaConsumer) -> None:
        consumer.assign([EXAMPLES])
        start = (await consumer.beginning_offsets([EXAMPLES]))[EXAMPLES]
        end = (await consumer.end_offsets([EXAMPLES]))[EXAMPLES]
        if self.forecaster.offset > end:
            _log.warning("the snapshot is ahead of the log (%d > %d): folding again", self.forecaster.offset, end)
            self.forecaster.__init__(self.forecaster.config)  # type: ignore[misc]  # every core shares this object
        consumer.seek(EXAMPLES, max(start, self.forecaster.offset))
        while True:
            if not self.ready.is_set() and await consumer.position(EXAMPLES) >= end:
                self._report()
                _log.info("the model has folded %d records", self.forecaster.offset)
                self.ready.set()
            self._beat("replica")
            found = await consumer.getmany(EXAMPLES, timeout_ms=500)
            await self._take(found.get(EXAMPLES, []))
            if time.monotonic() - self._saved_at >= self._snapshot_seconds:
                self.save()

    async def _take(self, records: list[Any]) -> None:
        slept = time.perf_counter()
        for record in records:
            try:
                self.forecaster.fold(decode(record.value, record.headers), record.offset)
            except InvalidEvent as error:
                # The sink reads the same log and puts it among the dead letters, once for all replicas.
                self.rejected += 1
                _log.warning("examples.v1 offset %d is no event (%s)", record.offset, error.kind)
            if time.perf_counter() - slept > _YIELD_SECONDS:
                await asyncio.sleep(0)
                slept = time.perf_counter()
        if records:
            self._report()

    def _report(self) -> None:
        ref = self.forecaster.ref
        self._metrics.set("buildcast_model_examples_offset", ref.offset)

    def _load(self, config: ForecasterConfig) -> Forecaster:
        try:
            raw = read_sealed(self._path, MAX_BYTES)
            if raw is None:
                return Forecaster(config)
            loaded = unseal(raw, self._key, config)
        except (SnapshotRefused, FileRefused) as refused:
            _log.warning("the model's snapshot is not used: %s; folding the log again", refused)
            self._metrics.count("cicd_system_errors", component="replica-snapshot")
            return Forecaster(config)
        self._saved_offset = loaded.offset
        return loaded

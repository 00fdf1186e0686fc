"""The model of this worker: a fold over all of `examples.v1`, read without a group, from a local sealed snapshot on.

Every worker folds the same log in the same order, so that all answer alike. A snapshot that is refused is folded again
from the beginning; scoring waits until the replica has reached the end that the log had at the start.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.metrics import Metrics
from agents.snapshot import SnapshotRefused as FileRefused
from agents.snapshot import read_sealed
from models.champion import Champions, Fleet
from models.definition import definition_of
from models.forecaster import Forecaster, ForecasterConfig
from models.ledger import Ledger
from models.lineage import sha256_of
from models.snapshot import MAX_BYTES, SnapshotRefused, seal_into, unseal
from streams.broker import connection
from streams.codec import decode
from streams.errors import InvalidEvent
from streams.whole_file import written_atomically

__all__ = ["Replica", "report_scores"]

_log = logging.getLogger(__name__)
EXAMPLES = TopicPartition("examples.v1", 0)
MODEL_EVENTS = TopicPartition("model-events.v1", 0)
_YIELD_SECONDS = 0.02
_ENOUGH_LABELS = 100  # for shares of outcomes, which alerts compare with what was promised


class Replica:
    """`forecaster` answers as the champion's model; `ready` is set once it has caught up with the log."""

    def __init__(
        self, bootstrap: str, config: ForecasterConfig, folder: Path, key: bytes, metrics: Metrics,
        snapshot_seconds: float = 60.0, beat: Callable[[str], None] = lambda _name: None,
    ) -> None:  # fmt: skip
        self._bootstrap = bootstrap
        self._key = key
        self._metrics = metrics
        self._snapshot_seconds = snapshot_seconds
        self._beat = beat
        self._folder = folder
        self._saved_at = time.monotonic()
        self._saved: dict[str, int] = {}  # offset by config
        folder.mkdir(parents=True, exist_ok=True)
        self.rejected = 0
        self.ready = asyncio.Event()
        self.fleet = Fleet(Champions(config), [self._load(config)])

    @property
    def forecaster(self) -> Forecaster:
        """What a core asks: the fleet answers as whichever config is champion at its offset."""
        return cast(Forecaster, self.fleet)

    async def run(self) -> None:
        """Fold until cancelled."""
        consumer = self._consumer()
        try:
            await consumer.start()
            await self._fold(consumer)
        finally:
            await consumer.stop()

    def save(self) -> None:
        """Write the models to this machine's disk, where they have changed."""
        self._saved_at = time.monotonic()
        for name, forecaster in self.fleet.forecasters.items():
            if forecaster.offset == self._saved.get(name):
                continue
            with written_atomically(self._path(name)) as file:
                seal_into(file, forecaster, self._key)
                size = file.seek(0, os.SEEK_END)
            self._saved[name] = forecaster.offset
            self._metrics.set("buildcast_snapshot_bytes", size, kind="replica")
            self._metrics.set("buildcast_snapshot_timestamp_seconds", time.time(), kind="replica")

    async def _fold(self, consumer: AIOKafkaConsumer) -> None:
        consumer.assign([EXAMPLES, MODEL_EVENTS])
        starts = await consumer.beginning_offsets([EXAMPLES, MODEL_EVENTS])
        ends = await consumer.end_offsets([EXAMPLES, MODEL_EVENTS])
        if self.fleet.offset > ends[EXAMPLES]:
            _log.warning("the snapshot is ahead of the log (%d): folding again", self.fleet.offset)
            self._start_again()
        consumer.seek(EXAMPLES, max(starts[EXAMPLES], self.fleet.offset))
        consumer.seek(MODEL_EVENTS, starts[MODEL_EVENTS])
        while True:
            self._beat("replica")
            found = await consumer.getmany(timeout_ms=500)
            self._move(found.get(MODEL_EVENTS, []))
            await self._take(found.get(EXAMPLES, []))
            caught_up = all([await consumer.position(tp) >= end for tp, end in ends.items()])
            if caught_up:
                await self._complete(consumer)
                if not self.ready.is_set():
                    _log.info("the model %s has folded %d records", self.fleet.config.name, self.fleet.offset)
                    self.ready.set()
            if time.monotonic() - self._saved_at >= self._snapshot_seconds:
                self.save()

    def _move(self, records: list[Any]) -> None:
        moved = [self.fleet.champions.apply(event) for event in self._decoded(records) if event is not None]
        if any(moved):
            _log.info("champion at offset %d is %s", self.fleet.offset, self.fleet.champions.at(self.fleet.offset))

    async def _take(self, records: list[Any]) -> None:
        slept = time.perf_counter()
        for record, event in zip(records, self._decoded(records), strict=True):
            if event is not None:
                self.fleet.fold(event, record.offset)
            if time.perf_counter() - slept > _YIELD_SECONDS:
                await asyncio.sleep(0)
                slept = time.perf_counter()
        if records:
            self._report()

    async def _complete(self, consumer: AIOKafkaConsumer) -> None:
        """Fold the configs that are wanted and not held yet as far as the others; drop those no longer wanted."""
        for config in self.fleet.missing():
            forecaster = self._load(config)
            if forecaster.offset > self.fleet.offset:
                forecaster = Forecaster(config)
            back = await consumer.position(EXAMPLES)
            start = (await consumer.beginning_offsets([EXAMPLES]))[EXAMPLES]
            await self._fold_alone(forecaster, consumer, max(start, forecaster.offset))
            consumer.seek(EXAMPLES, back)
            forecaster.offset = self.fleet.offset  # the tail may hold records that are no events
            self.fleet.install(forecaster)
            _log.info("config %s has folded %d records and may serve", config.name, forecaster.offset)
        self.fleet.retire()
        self._report()

    async def _fold_alone(self, forecaster: Forecaster, consumer: AIOKafkaConsumer, position: int) -> None:
        consumer.seek(EXAMPLES, position)
        while position < self.fleet.offset:
            self._beat("replica")
            for record in (await consumer.getmany(EXAMPLES, timeout_ms=500)).get(EXAMPLES, []):
                position = record.offset + 1
                (event,) = self._decoded([record])
                if event is not None and record.offset < self.fleet.offset:
                    forecaster.fold(event, record.offset)
                if record.offset % 50 == 0:
                    await asyncio.sleep(0)

    def _decoded(self, records: list[Any]) -> list[Any]:
        """Events; None for what is no event, which the sink puts among the dead letters, once for all replicas."""
        found: list[Any] = []
        for record in records:
            try:
                found.append(decode(record.value, record.headers))
            except InvalidEvent as error:
                self.rejected += 1
                _log.warning("%s offset %d is no event (%s)", record.topic, record.offset, error.kind)
                found.append(None)
        return found

    def _report(self) -> None:
        ref = self.fleet.ref
        self._metrics.set("buildcast_model_examples_offset", ref.offset)
        self._metrics.clear("buildcast_model_info")  # whoever was champion before is not one now
        for name, one in self.fleet.forecasters.items():
            role, sha256 = "champion" if name == ref.config else "standby", sha256_of(definition_of(one.config))
            self._metrics.set("buildcast_model_info", 1, model="failure", version=name, sha256=sha256, role=role)
        if (served := self.fleet.forecasters.get(ref.config)) is not None:
            report_scores(served.ledger, self._metrics)

    def _start_again(self) -> None:
        first = self.fleet.champions.configs[self.fleet.champions.moves[0].config]
        self.fleet.forecasters = {first.name: Forecaster(first)}
        self.fleet.offset = 0

    def _consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            enable_auto_commit=False, auto_offset_reset="earliest", client_id="buildcast-replica",
            max_poll_records=2000, **connection(self._bootstrap),
        )  # fmt: skip

    def _path(self, name: str) -> Path:
        return self._folder / f"replica-{hashlib.sha256(name.encode()).hexdigest()[:12]}.snapshot"

    def _load(self, config: ForecasterConfig) -> Forecaster:
        try:
            raw = read_sealed(self._path(config.name), MAX_BYTES)
            if raw is None:
                return Forecaster(config)
            loaded = unseal(raw, self._key, config)
        except (SnapshotRefused, FileRefused) as refused:
            _log.warning("the model's snapshot is not used: %s; folding the log again", refused)
            self._metrics.count("cicd_system_errors", component="replica-snapshot")
            return Forecaster(config)
        self._saved[config.name] = loaded.offset
        return loaded


def report_scores(ledger: Ledger, metrics: Metrics) -> None:
    """Tell how served forecasts and their baselines did; what has too few labels is not told."""
    whole = ledger.whole
    enough = whole.first["model"].labels >= _ENOUGH_LABELS
    if whole.first["model"].labels:
        metrics.set("buildcast_labels_scored", whole.first["model"].labels)
    for name, scores in whole.first.items():
        model = "ensemble" if name == "model" else name
        _tell(metrics, "buildcast_log_loss", scores.log_loss, model=model)
        _tell(metrics, "buildcast_brier_score", scores.brier, model=model)
        if enough:
            _tell(metrics, "buildcast_calibration_error_ratio", scores.calibration_error, model=model)
    if enough:
        _tell(metrics, "buildcast_interval_coverage_ratio", whole.coverage.value, target="duration", level="0.95")
    _tell(metrics, "buildcast_interval_width_seconds", whole.interval_seconds)
    _tell(metrics, "buildcast_duration_error_log_ratio", whole.duration_error.value, model="ensemble")
    _tell(metrics, "buildcast_duration_error_log_ratio", whole.last_duration_error.value, model="last_duration")
    _tell(metrics, "buildcast_estimate_error_nats", whole.surprise.value)
    _tell(metrics, "buildcast_log_loss", whole.revised.log_loss, model="ensemble-revised")


def _tell(metrics: Metrics, name: str, value: float | None, **labels: str) -> None:
    if value is not None:
        metrics.set(name, value, **labels)

"""`buildcast trainer`: folds champion and challengers, trains on triggers and requests, tells moves as events.

A private consumer reads `model-events.v1` whole and then both logs; nothing is committed, all state follows from the
logs, a sealed snapshot only shortens the way. What is decided is acknowledged by the broker before the next record is
folded. Niced, so live work goes first. Why it is no group's member: docs/adr/0009.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError
from prometheus_client import CollectorRegistry

from agents.admin import check_topics
from agents.heap import large_blocks_apart
from agents.metrics import Metrics, create
from agents.metrics import serve as serve_metrics
from agents.outbox import Outbox, record_of
from agents.snapshot import SnapshotRefused, sealing_key
from agents.trainer.job import Job
from agents.trainer.memory import Memory
from agents.trainer.progress import ProgressFile
from agents.trainer.records import KafkaRecords
from agents.trainer.settings import TrainerSettings
from agents.watchdog import Watchdog
from models.desk import Desk
from models.forecaster import ForecasterConfig
from models.members.boosted import lightgbm
from streams.broker import connection, refusal
from streams.codec import decode
from streams.errors import InvalidEvent
from streams.events import Event, TrainingFinished

__all__ = ["Trainer", "run_trainer"]

_log = logging.getLogger(__name__)
EXAMPLES, MODEL_EVENTS = TopicPartition("examples.v1", 0), TopicPartition("model-events.v1", 0)


def run_trainer(settings: TrainerSettings) -> None:
    """Run in the foreground until SIGTERM. Raises ConfigError or Unavailable before anything was read."""
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    os.nice(settings.trainer_nice)
    asyncio.run(_run(settings))


class Trainer:
    """The service; `stop` ends it after the record in hand."""

    def __init__(
        self,
        settings: TrainerSettings,
        first: ForecasterConfig | None = None,
        clock: Callable[[], float] = time.time,
        metrics: Metrics | None = None,
        beat: Callable[[str], None] = lambda _name: None,
    ) -> None:
        self.settings = settings
        self.desk = Desk(settings.policy(), first)
        self.job: Job | None = None
        self.stopping = asyncio.Event()
        self._clock = clock
        self._metrics = metrics or create(CollectorRegistry())
        self._beat = beat
        self._began = 0.0
        self._progress = ProgressFile(settings.state)
        key = sealing_key(settings.state, settings.snapshot_key.get_secret_value())
        self._memory = Memory(settings.state / "trainer.snapshot", key, self.desk.champions.at(0))
        self._saved, self._saved_at = 0, self._clock()
        self._outbox = Outbox(settings.bootstrap, "buildcast-trainer")
        self._outbox.waits = lambda: beat("trainer")
        self._consumer: Any = None

    async def run(self) -> None:
        """Work until `stopping` is set."""
        consumer = AIOKafkaConsumer(
            enable_auto_commit=False, client_id="buildcast-trainer", max_poll_records=500,
            auto_offset_reset="earliest", **connection(self.settings.bootstrap),
        )  # fmt: skip
        try:
            await consumer.start()
        except KafkaConnectionError as error:
            await consumer.stop()
            raise await refusal(self.settings.bootstrap, error) from error
        self._consumer = consumer
        await self._outbox.start()
        try:
            await self._recall(consumer)
            while not self.stopping.is_set():
                await self._step(consumer)
            self._save()
        finally:
            if self.job is not None:
                self.job.cancel()
            await self._outbox.stop()
            await consumer.stop()

    async def _recall(self, consumer: Any) -> None:
        """Take in all model events there are, then begin with the examples."""
        consumer.assign([MODEL_EVENTS])
        end = (await consumer.end_offsets([MODEL_EVENTS]))[MODEL_EVENTS]
        # An explicit place: a reset to "latest" under way would else win over one to the beginning.
        consumer.seek(MODEL_EVENTS, (await consumer.beginning_offsets([MODEL_EVENTS]))[MODEL_EVENTS])
        while await consumer.position(MODEL_EVENTS) < end:
            for record in (await consumer.getmany(MODEL_EVENTS, timeout_ms=500)).get(MODEL_EVENTS, []):
                self._note(record)
        self.desk.rebuild()
        self._resume((await consumer.end_offsets([EXAMPLES]))[EXAMPLES])
        consumer.assign([EXAMPLES, MODEL_EVENTS])
        consumer.seek(MODEL_EVENTS, end)
        consumer.seek(EXAMPLES, self.desk.offset)
        champion = self.desk.champions.moves[-1].config
        _log.info("%d trainings known, champion %s, from offset %d", self.desk.trained, champion, self.desk.offset)

    def _resume(self, end: int) -> None:
        """Go on from the snapshot, if it fits both logs."""
        try:
            kept = self._memory.load()
            if kept is not None and (kept.offset > end or not self.desk.resume(kept)):
                raise SnapshotRefused("does not lead to where the logs lead")
        except SnapshotRefused as refused:
            _log.warning("snapshot %s is not used (%s): folding again", self._memory.path, refused)
        self._saved = self.desk.offset

    def _save(self) -> None:
        self._saved_at = self._clock()
        if self.desk.offset == self._saved:
            return
        try:
            size = self._memory.save(self.desk)
        except SnapshotRefused as refused:
            _log.warning("no snapshot is kept: %s", refused)
            return
        self._saved = self.desk.offset
        self._metrics.set("buildcast_snapshot_bytes", size, kind="trainer")
        self._metrics.set("buildcast_snapshot_timestamp_seconds", self._saved_at, kind="trainer")

    async def _step(self, consumer: Any) -> None:
        self._beat("trainer")
        found = await consumer.getmany(timeout_ms=200)
        for record in found.get(MODEL_EVENTS, []):
            self._note(record)
        for record in found.get(EXAMPLES, []):
            before = self.desk.offset
            await self._fold(record)
            if self.desk.offset < before:  # somebody has to be folded from the beginning
                break
        if found.get(EXAMPLES) and self.desk.offset <= found[EXAMPLES][-1].offset:
            consumer.seek(EXAMPLES, self.desk.offset)
        await self._train(consumer)
        self._show(found)
        if self._clock() - self._saved_at >= self.settings.trainer_snapshot_seconds:
            self._save()

    def _show(self, found: Mapping[TopicPartition, Sequence[Any]]) -> None:
        for partition, records in found.items():
            self._metrics.count("buildcast_events_consumed", len(records), topic=partition.topic)
        progress = self.job.progress if self.job else None
        share = progress.done / max(1, progress.of) if progress else 0.0
        self._metrics.set("buildcast_training_progress_ratio", share)
        self._metrics.set("buildcast_trainer_examples_offset", self.desk.offset)
        self._metrics.set("buildcast_trainer_challengers", len(self.desk.shadow.forecasters) - 1)

    def _note(self, record: Any) -> None:
        event = _decoded(record)
        if event is not None:
            self.desk.note(event)

    async def _fold(self, record: Any) -> None:
        self._beat("trainer")
        event = _decoded(record)
        if event is not None:
            await self._send(self.desk.fold(event, record.offset))
            await asyncio.sleep(0)

    async def _train(self, consumer: Any) -> None:
        told = consumer.highwater(EXAMPLES)  # comes with each fetch; asking the broker would wait behind a fetch
        end = told if told is not None else (await consumer.end_offsets([EXAMPLES]))[EXAMPLES]
        if self.job is None:
            caught_up = self.desk.offset >= end
            plan = self.desk.plan() if caught_up else None
            if plan is not None:
                _log.info("training %s: %d challengers over %d records", plan.training_id, len(plan.challengers), end)
                self._began = self._clock()
                self.job = Job(KafkaRecords(self.settings.bootstrap, EXAMPLES.topic), plan, self.settings.trainer_nice)
            return
        await self._attend(self.job, end, consumer)

    async def _attend(self, job: Job, end: int, consumer: Any) -> None:
        plan = job.plan
        if plan.training_id in self.desk.cancelled:
            job.cancel()
            self.job = None
            _log.info("training %s was cancelled", plan.training_id)
            return
        shadow = job.poll()
        self._progress.tell(job.progress, self._clock())
        if shadow is None and job.failed is None:
            return
        self.job = None
        seconds = self._clock() - self._began
        outcome: Any = "success" if shadow is not None else "error"
        await self._send(self.desk.finish(plan, shadow, self._clock(), seconds, outcome, job.failed or "", log_end=end))
        consumer.seek(EXAMPLES, self.desk.offset)

    async def _send(self, outputs: Sequence[Event]) -> None:
        for output in outputs:
            text = output.trigger if isinstance(output, TrainingFinished) else ""
            _log.info("%s %s %s", type(output).__name__, getattr(output, "config", ""), text)
        if outputs:
            await self._outbox.send([record_of(output) for output in outputs])


def _decoded(record: Any) -> Event | None:
    try:
        return decode(record.value, record.headers)
    except InvalidEvent as error:
        _log.warning("%s offset %d is no event (%s)", record.topic, record.offset, error.kind)
        return None


async def _run(settings: TrainerSettings) -> None:
    large_blocks_apart()
    await check_topics(settings.bootstrap, [EXAMPLES.topic, MODEL_EVENTS.topic])
    lightgbm()
    registry = CollectorRegistry()
    watchdog = Watchdog(settings.watchdog_seconds)
    trainer = Trainer(settings, metrics=create(registry), beat=watchdog.beat)
    port = serve_metrics(registry, settings.trainer_metrics_port, settings.metrics_host)
    _log.info("trainer, metrics on http://%s:%d", settings.metrics_host, port)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, trainer.stopping.set)
    watchdog.start()
    await trainer.run()
    watchdog.stop()

"""`buildcast trainer`: folds champion and challengers, trains on triggers and requests, tells moves as events.

A private consumer reads `model-events.v1` whole and then both logs; nothing is committed, all state follows from the
logs. What is decided is acknowledged by the broker before the next record is folded. Niced, so live work goes first.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError
from prometheus_client import CollectorRegistry

from agents.admin import check_topics
from agents.metrics import Metrics, create
from agents.metrics import serve as serve_metrics
from agents.outbox import Outbox, record_of
from agents.trainer.job import Job
from agents.trainer.records import KafkaRecords
from agents.trainer.settings import TrainerSettings
from models.desk import Desk
from models.forecaster import ForecasterConfig
from streams.broker import connection, refusal
from streams.codec import decode
from streams.errors import InvalidEvent
from streams.events import Event, TrainingFinished

__all__ = ["Trainer", "run_trainer"]

_log = logging.getLogger(__name__)
EXAMPLES, MODEL_EVENTS = TopicPartition("examples.v1", 0), TopicPartition("model-events.v1", 0)
_PROGRESS_SECONDS = 1.0


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
    ) -> None:
        self.settings = settings
        self.desk = Desk(settings.policy(), first)
        self.job: Job | None = None
        self.stopping = asyncio.Event()
        self._clock = clock
        self._metrics = metrics or create(CollectorRegistry())
        self._began = self._told = 0.0
        self._outbox = Outbox(settings.bootstrap, "buildcast-trainer")
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
        consumer.assign([EXAMPLES, MODEL_EVENTS])
        consumer.seek(MODEL_EVENTS, end)
        consumer.seek(EXAMPLES, 0)
        _log.info("%d trainings known, champion %s", self.desk.trained, self.desk.champions.moves[-1].config)

    async def _step(self, consumer: Any) -> None:
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
        self._tell(job)
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

    def _tell(self, job: Job) -> None:
        """Progress for whoever asks: `trainer-progress.json` in the state folder."""
        if self._clock() - self._told < _PROGRESS_SECONDS:
            return
        self._told = self._clock()
        path = Path(self.settings.state) / "trainer-progress.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        share = job.progress.done / max(1, job.progress.of)
        draft.write_text(json.dumps({"training_id": job.plan.training_id, "progress": share, "time": self._told}))
        draft.replace(path)


def _decoded(record: Any) -> Event | None:
    try:
        return decode(record.value, record.headers)
    except InvalidEvent as error:
        _log.warning("%s offset %d is no event (%s)", record.topic, record.offset, error.kind)
        return None


async def _run(settings: TrainerSettings) -> None:
    await check_topics(settings.bootstrap, [EXAMPLES.topic, MODEL_EVENTS.topic])
    registry = CollectorRegistry()
    trainer = Trainer(settings, metrics=create(registry))
    port = serve_metrics(registry, settings.trainer_metrics_port, settings.metrics_host)
    _log.info("trainer, metrics on http://%s:%d", settings.metrics_host, port)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, trainer.stopping.set)
    await trainer.run()

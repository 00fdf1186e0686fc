"""Batches in, acknowledged outputs out: the live shell around the pure core, one core a partition.

A partition's state is loaded when its first batch comes, snapshotted every few seconds and before it is given up.
Offsets that the state has seen are skipped; offsets are safe to commit once a durable snapshot covers them (`fence`).
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from agents.deadletter import dead_record
from agents.lineage import Origin, Strand
from agents.metrics import Metrics
from agents.observed import Observed
from agents.outbox import Outbox, Record, Sending, record_of
from agents.replica import Replica
from agents.skew import SkewWatch
from agents.snapshot import SnapshotRefused, SnapshotStore
from agents.transport import Batch
from models.cbpe import estimate
from models.core import Core, CoreConfig
from streams import events
from streams.codec import decode
from streams.errors import InvalidEvent

__all__ = ["INPUTS", "LogReader", "Partition", "Scorer"]

_log = logging.getLogger(__name__)
INPUTS = ("build-events.v1", "host-metrics.v1")
_YIELD_SECONDS = 0.02
_IDLE_SECONDS = 0.2  # after which a batch should have come to what is due

# Yields the records of a partition's inputs before the given offsets, merged in time: how a lost state is rebuilt.
LogReader = Callable[[int, dict[str, int]], Awaitable[list[Any]]]


@dataclass
class Partition:
    """One partition's core; `next` and `saved` are next offsets by topic: consumed, and durable."""

    core: Core
    next: dict[str, int] = field(default_factory=dict)
    saved: dict[str, int] = field(default_factory=dict)
    saved_at: float = 0.0
    strand: Strand = field(default_factory=Strand)


class Scorer:
    """Owns the partitions' states. All entry points exclude each other."""

    def __init__(
        self, replica: Replica, store: SnapshotStore, outbox: Outbox, read_log: LogReader, config: CoreConfig,
        metrics: Metrics, snapshot_seconds: float = 5.0,
    ) -> None:  # fmt: skip
        self._replica = replica
        self._store = store
        self._outbox = outbox
        self._read_log = read_log
        self._config = config
        self._metrics = metrics
        self._observed = Observed(metrics)
        self._skew = SkewWatch(metrics)
        self._snapshot_seconds = snapshot_seconds
        self._lock = asyncio.Lock()
        self.partitions: dict[int, Partition] = {}
        self.committed: Callable[[str, int], int | None] = lambda _topic, _partition: None
        self.beat: Callable[[], None] = lambda: None

    async def handle(self, batch: Batch) -> None:
        """Score a batch; returns when every output and dead letter is acknowledged."""
        async with self._lock:
            await self._replica.ready.wait()
            seen: dict[int, dict[str, int]] = {}
            async with self._outbox.sending() as sending:  # acknowledgements are waited for once, at its end
                for number in sorted({tp.partition for tp in batch.records}):
                    partition = self.partitions.get(number) or await self._open(number)
                    seen[number] = await self._score(number, partition, batch, sending)
            self._tell_refused(sending.refused)
            for number, newest in seen.items():
                self.partitions[number].next |= newest
            self._snapshot_longest_due(seen)

    async def settle(self) -> None:
        """Make all state durable: before partitions are given up."""
        async with self._lock:
            for number, partition in self.partitions.items():
                self._snapshot(number, partition)

    async def tick(self) -> None:
        """Snapshot what batches have not come to, and refresh gauges."""
        async with self._lock:
            for number, partition in self.partitions.items():
                if self._due_for(partition) >= _IDLE_SECONDS:
                    self._snapshot(number, partition)
            trackers = [partition.core.tracker for partition in self.partitions.values()]
            self._metrics.set("cicd_pipeline_run_active", sum(len(tracker.runs) for tracker in trackers))
            self._metrics.set("cicd_worker_count", sum(len(tracker.hosts) for tracker in trackers))
            self._metrics.set("buildcast_labels_pending", sum(len(tracker.runs) for tracker in trackers))
            states = [state for tracker in trackers for state in tracker.runs.values() if state.checkpoints]
            expected = estimate([state.checkpoints[-1].risk for state in states])
            self._metrics.set("buildcast_expected_log_loss", expected.log_loss)

    async def drop(self) -> None:
        """Forget all state: it is loaded again by whoever gets the partitions."""
        async with self._lock:
            self.partitions.clear()

    def fence(self, topic: str, partition: int) -> int | None:
        """Up to where a topic partition may be committed."""
        held = self.partitions.get(partition)
        return None if held is None else held.saved.get(topic)

    async def _score(self, number: int, partition: Partition, batch: Batch, sending: Sending) -> dict[str, int]:
        """Hand a partition's outputs over; the next offsets by topic, which hold once those are acknowledged."""
        newest: dict[str, int] = {}
        slept, oldest = time.perf_counter(), None
        for record in self._in_time(batch, number, partition):
            if time.perf_counter() - slept > _YIELD_SECONDS:
                sending.begin()
                await asyncio.sleep(0)
                slept = time.perf_counter()
            newest[record.topic] = record.offset + 1
            oldest = oldest or record.timestamp
            sending.add(self._outputs(number, partition, newest, record))
        if oldest:
            self._metrics.observe("buildcast_event_lag_seconds", max(0.0, time.time() - oldest / 1000))
        return newest

    def _tell_refused(self, refused: Iterable[Record]) -> None:
        for each in refused:
            _log.error("an output for %s of %d bytes is larger than the broker takes", each.topic, len(each.value))
            self._metrics.count("buildcast_dropped", 1.0, **{"class": "output-too-large"})

    def _in_time(self, batch: Batch, number: int, partition: Partition) -> Iterator[Any]:
        """A partition's unseen records of both topics by broker time, each topic in its order."""
        streams: list[list[Any]] = []
        for tp, records in sorted(batch.records.items()):
            if tp.partition == number:
                unseen = [record for record in records if record.offset >= partition.next.get(tp.topic, 0)]
                self._metrics.count("buildcast_events_skipped", len(records) - len(unseen), topic=tp.topic)
                streams.append(unseen)
        return heapq.merge(*streams, key=lambda record: record.timestamp)

    def _outputs(self, number: int, partition: Partition, newest: dict[str, int], record: Any) -> list[Record]:
        self._metrics.count("buildcast_events_consumed", topic=record.topic)
        try:
            event = decode(record.value, record.headers)
        except InvalidEvent as error:
            return [self._refuse(record, error.kind, error.detail)]
        self._skew.look(event.host, record)
        positions = {f"{topic}/{number}": at for topic, at in (partition.next | newest).items()}
        started = time.perf_counter()
        try:
            outputs = partition.core.handle(event, positions)
        except Exception as error:
            # No exception may leave an agent: the batch would be taken for handled and lost.
            _log.exception("the core failed on %s offset %d", record.topic, record.offset)
            self._metrics.count("cicd_system_errors", component="core")
            return [self._refuse(record, "core-error", repr(error))]
        if outputs:
            self._metrics.observe("buildcast_scoring_duration_seconds", time.perf_counter() - started)
        self._observed.take(event, outputs)
        return [_told(output, partition) for output in outputs]

    def _refuse(self, record: Any, kind: str, reason: str) -> Record:
        self._metrics.count("buildcast_events_rejected", topic=record.topic, reason=kind)
        return dead_record(record, kind, reason)

    async def _open(self, number: int) -> Partition:
        """The partition's state: its snapshot if one fits the committed offsets, else the log read again."""
        committed = {topic: self.committed(topic, number) or 0 for topic in INPUTS}
        partition = Partition(Core(self._replica.forecaster, self._config), saved_at=time.monotonic())
        try:
            snapshot = self._store.load(number)
            if snapshot is not None:
                if behind := [topic for topic in INPUTS if snapshot.offsets.get(topic, 0) < committed[topic]]:
                    raise SnapshotRefused(f"behind what was committed of {', '.join(behind)}")
                partition.core.load(snapshot.state)
                partition.next, partition.saved = dict(snapshot.offsets), dict(snapshot.offsets)
                partition.strand = Strand(snapshot.origin)
            elif any(committed.values()):
                raise SnapshotRefused("missing, and offsets were committed")
        except Exception as refused:  # a state that does not load is no better than none
            _log.warning("partition %d: the snapshot is not used (%s); reading the log again", number, refused)
            self._metrics.count("cicd_system_errors", component="partition-snapshot")
            partition = await self._rebuild(number, committed)
        self.partitions[number] = partition
        return partition

    async def _rebuild(self, number: int, until: dict[str, int]) -> Partition:
        records = await self._read_log(number, until)
        forecaster, until = self._replica.forecaster, {topic: at for topic, at in until.items() if at}
        strand = Strand(Origin(offsets=until, model=forecaster.ref.offset))
        partition = Partition(Core(forecaster, self._config), dict(until), saved_at=time.monotonic(), strand=strand)
        # In one go, so that one model describes all of it.
        for record in records:
            self.beat()
            try:
                partition.core.handle(decode(record.value, record.headers))
            except InvalidEvent:
                continue  # it stands among the dead letters since it was first read
            except Exception:
                _log.exception("the core failed on %s offset %d", record.topic, record.offset)
        return partition

    def _snapshot_longest_due(self, numbers: Iterable[int]) -> None:
        """At most one a batch: all of a worker's together would hold up the next batch for tens of milliseconds."""
        due = {number: self._due_for(self.partitions[number]) for number in numbers}
        number = max(due, key=due.__getitem__, default=None)
        if number is not None and due[number] >= 0.0:
            self._snapshot(number, self.partitions[number])

    def _due_for(self, partition: Partition) -> float:
        """Seconds since a snapshot was due; negative before."""
        return time.monotonic() - partition.saved_at - self._snapshot_seconds

    def _snapshot(self, number: int, partition: Partition) -> None:
        partition.saved_at = time.monotonic()
        if partition.next == partition.saved:
            return
        try:
            origin = partition.strand.left_at(partition.next)
            size = self._store.save(number, partition.next, partition.core.state(), origin)
        except (SnapshotRefused, OSError) as error:
            # Nothing is committed past the last durable snapshot, so the work is only done again.
            _log.error("partition %d: no snapshot (%s)", number, error)
            self._metrics.count("cicd_system_errors", component="partition-snapshot")
            return
        partition.saved = dict(partition.next)
        self._metrics.set("buildcast_snapshot_bytes", size, kind="partition")
        self._metrics.set("buildcast_snapshot_timestamp_seconds", time.time(), kind="partition")


def _told(output: events.Event, partition: Partition) -> Record:
    """The output as a record; `partition.next` is still where the batch began."""
    record = record_of(output)
    if isinstance(output, events.ForecastMade):
        record.headers.append(partition.strand.header(partition.next))
    return record

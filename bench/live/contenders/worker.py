"""Our worker, whole: snapshots, commits, metrics, watchdog, its replica read back from the log.

With the empty task the same app, transport and outbox stand around a constant. Lines of JSON tell what it was assigned
and, after each batch, how far it is; the last line is the stopwatch's, once the replica has folded what was learned.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import logging
import os
import pstats
import threading
import time
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from agents.app import BatchApp, batch_app, serve
from agents.heap import large_blocks_apart
from agents.metrics import create
from agents.outbox import Outbox, Record
from agents.settings import WorkerSettings
from agents.transport import Batch
from agents.watchdog import Watchdog
from agents.worker import create_app
from bench.live.task import INPUT, Stopwatch, arguments, task_of
from models.members.boosted import lightgbm
from models.trees import river_trees


class Meter(Watchdog):
    """The worker's own watchdog, which is told when a batch begins and when it is finished and acknowledged."""

    def __init__(self, registry: CollectorRegistry, total: int, profile: str | None) -> None:
        super().__init__(120.0)
        self._registry = registry
        self._total = total
        self._watch = Stopwatch()
        self._profile = cProfile.Profile() if profile else None
        self._target = profile or ""
        self._began = False
        self.extra = 0  # records that no metric counts

    def beat(self, name: str) -> None:
        """A batch begins."""
        super().beat(name)
        if name == "batch":
            if not self._began:
                print(json.dumps({"began": time.time(), "cpu": time.process_time()}), flush=True)
                self._began = True
            self._watch.start()

    def start(self) -> None:
        """Watch, from the loop's thread."""
        super().start()
        if self._profile is not None:
            self._profile.enable()

    def disarm(self, name: str) -> None:
        """A batch is finished."""
        super().disarm(name)
        done = self.extra + int(self._sum("buildcast_events_consumed_total"))
        print(json.dumps({"done": done, "at": time.time(), "cpu": time.process_time()}), flush=True)
        if done == self._total:
            if self._profile is not None:
                self._profile.disable()
                pstats.Stats(self._profile).dump_stats(self._target)
            threading.Thread(target=self._finish, daemon=True).start()

    def _finish(self) -> None:
        """When the replica stands still it has folded all."""
        before, now = -1.0, 0.0
        while before != now and not self.extra:
            before = now
            time.sleep(0.05)
            now = self._sum("buildcast_model_examples_offset")
        self._watch.stop(self._total, int(self._sum("buildcast_predictions_total")) or self.extra)
        os._exit(0)  # what follows is not measured

    def _sum(self, name: str) -> float:
        return sum(
            sample.value for metric in self._registry.collect() for sample in metric.samples if sample.name == name
        )


def empty_app(settings: WorkerSettings, meter: Meter) -> BatchApp:
    """The worker's shell around a constant."""
    task, outbox = task_of("empty"), Outbox(settings.bootstrap)

    async def handle(batch: Batch) -> None:
        for tp, records in batch.records.items():
            await outbox.send(
                [Record(*output) for each in records for output in task(tp.partition, each.key, each.value, ())]
            )
            meter.extra += len(records)

    app = batch_app(settings.worker_group, (INPUT,), handle, settings, meter)
    app.opening.append(outbox.start)
    app.closing.append(outbox.stop)
    return app


async def main() -> None:
    """Run until the driver's number of records is done."""
    logging.basicConfig(level=logging.INFO)
    given = arguments()
    settings = WorkerSettings(bootstrap=given.bootstrap, worker_group=given.group, state=Path(given.state))
    registry = CollectorRegistry()
    metrics = create(registry)
    large_blocks_apart()
    meter = Meter(registry, given.total, given.profile)
    river_trees()
    lightgbm()
    app = create_app(settings, metrics, meter) if given.task == "full" else empty_app(settings, meter)

    async def assigned(_app: Any, assigned: set[Any], **_: Any) -> None:
        print(json.dumps({"assigned": len([tp for tp in assigned if tp.topic == INPUT])}), flush=True)

    app.on_partitions_assigned.connect(assigned, weak=False)
    await serve(app, meter)


if __name__ == "__main__":
    asyncio.run(main())

"""`buildcast worker`: the Faust app that scores every event of its partitions with its replica of the model."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from typing import Any

from prometheus_client import CollectorRegistry

from agents.admin import check_group, check_topics
from agents.app import BatchApp, batch_app, serve
from agents.heap import large_blocks_apart
from agents.logreader import read_before
from agents.metrics import Metrics, create
from agents.metrics import serve as serve_metrics
from agents.outbox import Outbox
from agents.replica import Replica
from agents.scorer import INPUTS, Scorer
from agents.settings import WorkerSettings
from agents.snapshot import FolderStore, sealing_key
from agents.watchdog import Watchdog
from models.alerts import AlertPolicy
from models.core import CoreConfig
from models.forecaster import ForecasterConfig
from models.members.boosted import lightgbm
from models.tracker import TrackerLimits
from models.tracker_state import VERSION
from models.trees import river_trees
from streams.topics import TOPICS

__all__ = ["create_app", "run_worker"]

_log = logging.getLogger(__name__)


def create_app(
    settings: WorkerSettings, metrics: Metrics, watchdog: Watchdog, config: ForecasterConfig | None = None
) -> BatchApp:
    """The worker's app: score agent, model replica, snapshot timer. Nothing is connected yet."""
    config = config or ForecasterConfig()
    key = sealing_key(settings.state, settings.snapshot_key.get_secret_value())
    replica = Replica(
        settings.bootstrap, config, settings.state / "replica", key, metrics, settings.replica_snapshot_seconds,
        watchdog.beat,
    )  # fmt: skip
    store = FolderStore(settings.snapshots or settings.state / "snapshots", key, f"tracker-{VERSION}/{config.name}")
    outbox = Outbox(settings.bootstrap, "buildcast-worker")
    outbox.waits = watchdog.excuse
    scorer = Scorer(
        replica, store, outbox, _log_reader(settings), _core_config(settings), metrics, settings.snapshot_seconds
    )
    app = batch_app(settings.worker_group, INPUTS, scorer.handle, settings, watchdog)
    app.transport.fence = scorer.fence
    app.transport.settle = scorer.settle
    scorer.beat = watchdog.excuse
    scorer.committed = lambda topic, partition: app.consumer.committed_offset(topic, partition)
    _attach(app, scorer, replica, outbox, metrics, settings)
    return app


def run_worker(settings: WorkerSettings) -> None:
    """Run in the foreground until SIGTERM. Raises ConfigError or Unavailable before anything was consumed."""
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(_run(settings))


async def _run(settings: WorkerSettings) -> None:
    large_blocks_apart()
    await check_topics(settings.bootstrap, TOPICS)
    await check_group(settings.bootstrap, settings.worker_group)
    river_trees()
    lightgbm()
    registry = CollectorRegistry()
    metrics = create(registry)
    port = serve_metrics(registry, settings.worker_metrics_port, settings.metrics_host)
    watchdog = Watchdog(settings.watchdog_seconds)
    app = create_app(settings, metrics, watchdog)
    _log.info("worker of group %s, metrics on http://%s:%d", settings.worker_group, settings.metrics_host, port)
    await serve(app, watchdog)


def _attach(
    app: BatchApp, scorer: Scorer, replica: Replica, outbox: Outbox, metrics: Metrics, settings: WorkerSettings
) -> None:
    tasks: set[asyncio.Task[None]] = set()

    async def fold() -> None:
        tasks.update(asyncio.create_task(each) for each in (_guarded(replica), _frozen(replica)))

    async def end_fold() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        replica.save()

    app.opening += [outbox.start, fold]
    app.closing += [end_fold, outbox.stop]

    async def revoked(*_args: Any, **_kwargs: Any) -> None:
        await scorer.drop()

    app.on_partitions_revoked.connect(revoked)

    @app.timer(interval=min(1.0, settings.snapshot_seconds), name="tick")  # type: ignore[untyped-decorator, unused-ignore]
    async def tick() -> None:
        await scorer.tick()
        for tp, lag in app.consumer.backlog().items():
            metrics.set("buildcast_consumer_lag_records", lag, topic=tp.topic, partition=str(tp.partition))


async def _guarded(replica: Replica) -> None:
    try:
        await replica.run()
    except asyncio.CancelledError:
        raise
    except BaseException:
        _log.critical("the model replica has failed: ending this process", exc_info=True)
        logging.shutdown()
        os._exit(1)


async def _frozen(replica: Replica) -> None:
    """Modules and the model stay for good: a whole collection that walks them holds the next batch up by 100 ms."""
    await replica.ready.wait()
    gc.freeze()


def _log_reader(settings: WorkerSettings) -> Any:
    async def read(partition: int, until: dict[str, int]) -> list[Any]:
        return await read_before(settings.bootstrap, partition, until, settings.rebuild_seconds)

    return read


def _core_config(settings: WorkerSettings) -> CoreConfig:
    return CoreConfig(
        alerts=AlertPolicy(raise_at=settings.alert_at, resolve_at=min(settings.resolve_at, settings.alert_at)),
        limits=TrackerLimits(rescore_seconds=settings.rescore_seconds),
    )

"""What a process that fills a spool serves to Prometheus: bytes that wait, and records that the cap cost."""

from __future__ import annotations

import threading
from collections.abc import Callable

from prometheus_client import CollectorRegistry

from agents.metrics import Metrics, create, serve
from collectors.settings import CollectSettings
from collectors.spool import Spool
from streams.settings import load

__all__ = ["serve_spool"]


def serve_spool(spool: Spool, port: int) -> tuple[Metrics, Callable[[], None]]:
    """The metrics, served on `port` of `metrics_host`, and what to call after events to keep the spool's true.

    It may be called from any thread. What was dropped before this process began is not counted again.
    """
    registry = CollectorRegistry()
    metrics = create(registry)
    serve(registry, port, load(CollectSettings).metrics_host)
    known, one_by_one = spool.dropped(), threading.Lock()

    def tell() -> None:
        with one_by_one:
            metrics.set("buildcast_spool_bytes", spool.size_bytes())
            for rank, dropped in spool.dropped().items():
                if dropped > known[rank]:
                    metrics.count("buildcast_dropped", dropped - known[rank], **{"class": f"spool-{rank}"})
                known[rank] = dropped

    tell()
    return metrics, tell

"""What Prometheus learns of this process: its answers, the forecasts in memory, the listeners."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from agents.api.services import Services

__all__ = ["Traffic", "watch"]

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Traffic:
    """Answers by status code, and how long they took; the live stream, which never ends, is not timed."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.answers: Counter[int] = Counter()
        self._seconds = Histogram(
            "buildcast_api_request_duration_seconds", "from a request to its answer", buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip

    def answered(self, status: int, seconds: float | None) -> None:
        """One more answer."""
        self.answers[status] += 1
        if seconds is not None:
            self._seconds.observe(seconds)


class _Parts(Collector):
    """What the parts count themselves, read when Prometheus asks."""

    def __init__(self, parts: Services) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        """All families."""
        parts = self._parts
        yield _counter("requests", "answers by status", "code", parts.traffic.answers.items())
        found = (("hit", parts.cache.hits), ("miss", parts.cache.misses))
        yield _counter("forecast_cache_lookups", "forecasts asked for, in memory or not", "result", found)
        yield _gauge("forecasts_held", "forecasts in memory", len(parts.cache))
        yield _gauge("listeners", "readers of the live stream", len(parts.hub))
        yield _gauge("listener_messages_lost", "that present readers were too slow for", parts.hub.lost)
        yield _gauge("live_feed_up", "1 while live events arrive", float(bool(parts.feed and parts.feed.connected)))
        yield _counter("changes", "labels, trainings, webhooks and questions taken", "what", parts.counts.items())


def watch(parts: Services) -> None:
    """Let the registry of a process tell of its parts too."""
    parts.traffic.registry.register(_Parts(parts))


def _counter(name: str, meaning: str, label: str, values: Iterable[tuple[object, int]]) -> Metric:
    family = CounterMetricFamily(f"buildcast_api_{name}", meaning, labels=[label])
    for key, value in list(values):
        family.add_metric([str(key)], value)
    return family


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"buildcast_api_{name}", meaning, value=value)

"""`sccache --show-stats --stats-format=json`: how warm a host's compiler cache is, as one host sample."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from collectors.imports.records import BadRecord, Item, Origin, digest
from streams.events import HostSampled

__all__ = ["METRICS", "parse", "stats_metrics"]

SOURCE = "/import/sccache"

METRICS = {
    "buildcast.cache.requests": "compilations asked of the cache since its server started",
    "buildcast.cache.hits": "answered from the cache",
    "buildcast.cache.misses": "compiled",
    "buildcast.cache.errors": "failed to answer",
    "buildcast.cache.hit_ratio": "hits over hits and misses, 0 to 1",
    "buildcast.cache.write_errors": "results that could not be kept",
    "buildcast.cache.size": "bytes kept",
    "buildcast.cache.limit": "bytes that may be kept",
}


def parse(lines: Iterable[str], origin: Origin) -> Iterator[Item]:
    """One sample, at the time the file was written: the statistics carry none."""
    text = "".join(lines)
    try:
        metrics = stats_metrics(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        yield BadRecord("the whole file", f"no sccache statistics as JSON: {type(error).__name__}: {error}")
        return
    host = origin.host or "sccache"
    yield HostSampled(
        id=f"sccache/{digest(host, str(origin.modified_at), text)}",
        source=SOURCE,
        time=origin.modified_at,
        host=host,
        metrics=metrics,
    )


def stats_metrics(document: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a statistics document by metric name."""
    stats = document["stats"]
    hits, misses = _total(stats["cache_hits"]), _total(stats["cache_misses"])
    metrics = {
        "buildcast.cache.requests": float(stats.get("compile_requests", 0)),
        "buildcast.cache.hits": hits,
        "buildcast.cache.misses": misses,
        "buildcast.cache.errors": _total(stats.get("cache_errors", {})),
        "buildcast.cache.write_errors": float(stats.get("cache_write_errors", 0)),
    }
    if hits + misses:
        metrics["buildcast.cache.hit_ratio"] = hits / (hits + misses)
    for key, name in (("cache_size", "buildcast.cache.size"), ("max_cache_size", "buildcast.cache.limit")):
        if document.get(key) is not None:
            metrics[name] = float(document[key])
    return metrics


def _total(by_language: Mapping[str, Any]) -> float:
    counts = by_language.get("counts", {})
    return float(sum(counts.values()))

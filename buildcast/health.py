"""Is each part of the system there and moving? Asked from outside: addresses, metrics pages, database, broker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests
from prometheus_client.parser import text_string_to_metric_families

from agents.admin import check_topics
from agents.store.database import check
from buildcast import endpoints
from buildcast.endpoints import Endpoints
from streams.errors import BuildcastError
from streams.topics import TOPICS

__all__ = ["Part", "examine"]


@dataclass(frozen=True)
class Part:
    """One part of the system: state is ok, degraded or down."""

    name: str
    state: str
    reason: str = ""
    remedy: str = ""


def examine(state: Path) -> list[Part]:
    """All parts known for a state folder."""
    found = endpoints.read(state)
    if found is None:
        journal = state / "journal.jsonl"
        if journal.exists():
            return [Part("local mode", "ok", f"nothing is up; local runs are kept in {journal}")]
        return [
            Part("system", "down", f"nothing is up under {state}", "buildcast up, or buildcast run --local -- make")
        ]
    return [_broker(found), _database(found), *_processes(found)]


def _broker(found: Endpoints) -> Part:
    try:
        counts = asyncio.run(check_topics(found.bootstrap, TOPICS))
    except BuildcastError as error:
        return Part("broker", "down", str(error), "buildcast down, then buildcast up")
    return Part("broker", "ok", f"{found.bootstrap}, {len(counts)} topics")


def _database(found: Endpoints) -> Part:
    try:
        asyncio.run(check(found.database))
    except BuildcastError as error:
        return Part("database", "down", str(error), "start the database, then buildcast up")
    return Part("database", "ok")


def _processes(found: Endpoints) -> Iterator[Part]:
    for name, address in found.metrics.items():
        try:
            text = requests.get(address, timeout=3).text
        except requests.RequestException:
            yield Part(name, "down", f"does not answer at {address}", "buildcast down, then buildcast up")
            continue
        yield _judged(name, _values(text))
    if found.api:
        try:
            requests.get(f"{found.api}/api/v1/health", timeout=3).raise_for_status()
            yield Part("api", "ok", found.api)
        except requests.RequestException as error:
            yield Part("api", "down", f"{type(error).__name__} at {found.api}", "buildcast down, then buildcast up")


def _values(text: str) -> dict[str, float]:
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums


def _judged(name: str, values: dict[str, float]) -> Part:
    rejected = values.get("buildcast_events_rejected_total", 0.0)
    consumed = values.get("buildcast_events_consumed_total", 0.0)
    lag = values.get("buildcast_event_lag_seconds", 0.0)
    said = f"{consumed:.0f} events, lag {lag:.1f} s"
    if lag > 60.0:
        return Part(name, "degraded", said, "add workers, or look at its log for what holds it back")
    if rejected:
        return Part(name, "degraded", f"{said}, {rejected:.0f} dead letters", "buildcast dlq list")
    return Part(name, "ok", said)

"""Is each part of the system there and moving? Asked from outside: broker, groups, metrics pages, database, files.

What `up` started is asked by its addresses; elsewhere the settings say where broker, database and groups are.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests
from prometheus_client.parser import text_string_to_metric_families

from agents.admin import check_topics
from agents.groups import standing
from agents.notify.settings import NotifySettings
from agents.settings import SinkSettings, WorkerSettings
from agents.store.database import check
from buildcast import endpoints
from buildcast.endpoints import Endpoints
from collectors.vulnerability import FileCache, age_seconds
from collectors.vulnerability.settings import VulnerabilitySettings
from streams.errors import BuildcastError
from streams.settings import load
from streams.topics import TOPICS

__all__ = ["Part", "examine"]


_INPUTS = tuple(topic.name for topic in TOPICS.values() if topic.key == "host")
_STORED = tuple(topic.name for topic in TOPICS.values() if topic.carries)
_MUCH_LAG, _MUCH_SPOOL_BYTES, _OLD_FEED_SECONDS = 10_000, 100 << 20, 3 * 86_400.0


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
    if found is None and (bootstrap := os.environ.get("BUILDCAST_BOOTSTRAP")):
        found = Endpoints(bootstrap=bootstrap, database=load(SinkSettings, state=state).database_url)
    if found is None:
        journal = state / "journal.jsonl"
        if journal.exists():
            return [Part("local mode", "ok", f"nothing is up; local runs are kept in {journal}")]
        return [
            Part("system", "down", f"nothing is up under {state}", "buildcast up, or buildcast run --local -- make")
        ]
    broker = _broker(found)
    groups = _groups(found) if broker.state == "ok" else []
    return [broker, *groups, _database(found), *_processes(found), _spool(state), *_trainer(found, state), *_feeds()]


def _broker(found: Endpoints) -> Part:
    try:
        counts = asyncio.run(check_topics(found.bootstrap, TOPICS))
    except BuildcastError as error:
        return Part("broker", "down", str(error), "buildcast down, then buildcast up")
    return Part("broker", "ok", f"{found.bootstrap}, {len(counts)} topics")


def _groups(found: Endpoints) -> Iterator[Part]:
    """Who reads what, and how far behind: workers and sinks always, notifiers where there are some."""
    asked = (
        ("workers", load(WorkerSettings).worker_group, _INPUTS),
        ("sinks", load(SinkSettings).sink_group, _STORED),
        ("notifiers", load(NotifySettings).notify_group, ("alerts.v1",)),
    )
    for name, group, topics in asked:
        try:
            now = asyncio.run(standing(found.bootstrap, group, topics))
        except BuildcastError as error:
            yield Part(name, "degraded", str(error), "ask as the operator, or as that group's user")
            continue
        said = f"{now.members} in group {group}, {now.lag} records behind"
        if now.members == 0 and name != "notifiers":
            # What `up` has just started is about to join; its metrics page says whether it lives.
            yield Part(name, "degraded" if found.metrics else "down", said, f"start buildcast {name[:-1]}")
        elif now.members and now.lag > _MUCH_LAG:
            yield Part(name, "degraded", said, f"start another buildcast {name[:-1]}, or see its log")
        elif now.members:
            yield Part(name, "ok", said)


def _spool(state: Path) -> Part:
    """What collectors of this machine could not send yet."""
    size = sum(path.stat().st_size for path in (state / "spool").glob("*.seg")) if (state / "spool").is_dir() else 0
    if size > _MUCH_SPOOL_BYTES:
        return Part(
            "collectors",
            "degraded",
            f"{size / 2**20:.0f} MB wait in {state / 'spool'}",
            "see that the broker is reached",
        )
    return Part("collectors", "ok", f"{size / 2**20:.1f} MB of spool")


def _trainer(found: Endpoints, state: Path) -> Iterator[Part]:
    """Its progress, where one has trained over this state folder and no metrics page tells of it."""
    if "trainer" in found.metrics:
        return
    try:
        told = json.loads((state / "trainer-progress.json").read_text())
        yield Part("trainer", "ok", f"training {told['training_id']}: {told['progress']:.0%}")
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError):
        yield Part(
            "trainer",
            "degraded",
            f"{state / 'trainer-progress.json'} is damaged",
            "remove it; the trainer writes it anew",
        )


def _feeds() -> Iterator[Part]:
    """The age of vulnerability data, where there is some."""
    folder = load(VulnerabilitySettings).advisory_cache.expanduser()
    ages = age_seconds(FileCache(folder), time.time()) if folder.is_dir() else {}
    for feed, age in ages.items():
        said = f"{age / 86_400:.1f} days old"
        if age > _OLD_FEED_SECONDS:
            yield Part(f"feed {feed}", "degraded", said, "buildcast vulnerabilities refresh")
        else:
            yield Part(f"feed {feed}", "ok", said)


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
    if offset := values.get("buildcast_model_examples_offset"):
        said += f", model at offset {offset:.0f}"
    if name == "trainer":
        share = values.get("buildcast_training_progress_ratio", 0.0)
        said = f"{consumed:.0f} events, at offset {values.get('buildcast_trainer_examples_offset', 0.0):.0f}, "
        said += f"training: {share:.0%}" if share else "no training in progress"
    if lag > 60.0:
        return Part(name, "degraded", said, "add workers, or look at its log for what holds it back")
    if rejected:
        return Part(name, "degraded", f"{said}, {rejected:.0f} dead letters", "buildcast dlq list")
    return Part(name, "ok", said)

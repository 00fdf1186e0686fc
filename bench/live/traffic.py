"""Topics made anew and filled with seeded builds, all on one input topic: every contender sees one order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import lru_cache

from aiokafka.admin import AIOKafkaAdminClient

from agents.admin import create_topics
from agents.outbox import Outbox, Record, record_of
from bench.live.task import INPUT, FullTask
from streams.events import Event
from tests.builders import T0, finished, sample, started
from tests.chaos.scenario import make_traffic

__all__ = ["PARTITIONS", "builds", "empty_topics", "fill", "long_builds", "send", "sizes"]

PARTITIONS = 8
_HOSTS = 64
_SAMPLES = 60  # of a long build


@lru_cache(maxsize=2)
def builds(events: int) -> tuple[Record, ...]:
    """At least so many events of builds in order of time, neither doubled nor poisoned; most call for a forecast."""
    return tuple(replace(record, topic=INPUT) for record in make_traffic(7, events, 0.0, 0.0, 0.0, _HOSTS).records)


@lru_cache(maxsize=2)
def long_builds(events: int) -> tuple[Record, ...]:
    """At least so many events of builds as long as builds are, in order of time: a start, 60 samples, an end.

    Samples stand six seconds apart in event time, so that each calls for a forecast; every build has a host of its own.
    """
    found: list[Event] = []
    for number in range(-(-events // (_SAMPLES + 2))):
        run, host, at = f"long-{number}", f"host-{number}", T0 + 0.1 * number
        found.append(started(run, at=at, host=host))
        found += [sample(run, at=at + 6.0 * turn, number=turn, host=host) for turn in range(1, _SAMPLES + 1)]
        seconds = 6.0 * (_SAMPLES + 1)
        found.append(finished(run, at=at + seconds, host=host, started_at=at, seconds=seconds))
    found.sort(key=lambda event: event.time)
    return tuple(replace(record_of(event), topic=INPUT) for event in found)


async def empty_topics(bootstrap: str, partitions: int = PARTITIONS) -> None:
    """Every topic deleted and made again."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        if names := [name for name in await admin.list_topics() if not name.startswith("__")]:
            await admin.delete_topics(names)
        while set(names) & set(await admin.list_topics()):  # noqa: ASYNC110 - the broker answers before it has done it
            await asyncio.sleep(0.05)
    finally:
        await admin.close()
    await create_topics(bootstrap, partitions)


async def send(bootstrap: str, records: tuple[Record, ...]) -> None:
    """All of them, acknowledged."""
    outbox = Outbox(bootstrap, "bench")
    await outbox.start()
    try:
        for first in range(0, len(records), 5000):
            await outbox.send(records[first : first + 5000])
    finally:
        await outbox.stop()


async def fill(bootstrap: str, events: int, partitions: int = PARTITIONS) -> int:
    """Fresh topics with that many builds' events; how many there are."""
    await empty_topics(bootstrap, partitions)
    await send(bootstrap, builds(events))
    return len(builds(events))


def sizes(records: tuple[Record, ...]) -> dict[str, float]:
    """Mean bytes of an event, of a forecast and of what a run leaves in examples.v1, without Kafka's own."""
    task, forecasts, examples, runs = FullTask(), [], 0, 0
    for record in records:
        for topic, _, value, _ in task(0, record.key or b"", record.value, record.headers):
            if topic == "predictions.v1":
                forecasts.append(len(value))
            elif topic == "examples.v1":
                examples, runs = examples + len(value), runs + 1
    return {
        "event": sum(len(record.value) for record in records) / max(1, len(records)),
        "forecast": sum(forecasts) / max(1, len(forecasts)),
        "example": 2.0 * examples / max(1, runs),  # opened and finished
    }

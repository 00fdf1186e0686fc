"""The model's replica caught up from the log's first record and from its snapshot; a worker's restart and memory."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from aiokafka import AIOKafkaConsumer
from prometheus_client import CollectorRegistry

from agents.metrics import create
from agents.outbox import Outbox, Record, record_of
from agents.replica import Replica
from bench.live.member import Member, until
from bench.live.task import INPUT
from bench.live.traffic import empty_topics, send
from models.forecaster import Forecaster, ForecasterConfig
from streams.codec import decode
from streams.events import Event, ExampleRecorded, RunOpened
from tests import builders
from tests.chaos.scenario import brief_runs
from tests.integration.processes import Process

__all__ = ["catch_up", "closely_watched", "memory", "restart"]

_KEY = b"k" * 32
_CHUNK = 2000
_PART = 20_000
_ANSWER_SECONDS = 90.0


async def catch_up(bootstrap: str, folder: Path, examples: int) -> dict[str, float]:
    """Seconds from a Replica's making to ready: over all of the log, then again from the snapshot it has saved."""
    await empty_topics(bootstrap)
    await _write_log(bootstrap, examples)
    first = await _ready(bootstrap, folder / "replica", save=True)
    again = [await _ready(bootstrap, folder / "replica", save=False) for _ in range(3)]
    size = sum(path.stat().st_size for path in (folder / "replica").glob("*.snapshot"))
    return {
        "examples": float(examples), "from_log_seconds": first, "examples_per_second": examples / first,
        "from_snapshot_seconds": statistics.median(again), "snapshot_bytes": float(size),
    }  # fmt: skip


async def _ready(bootstrap: str, folder: Path, save: bool) -> float:
    began = time.perf_counter()
    replica = Replica(bootstrap, ForecasterConfig(), folder, _KEY, create(CollectorRegistry()), 86_400.0)
    task = asyncio.create_task(replica.run())
    ready = asyncio.create_task(replica.ready.wait())
    await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
    took = time.perf_counter() - began
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert ready.done(), "the replica ended before it was ready"
    if save:
        replica.save()
    return took


async def _write_log(bootstrap: str, examples: int) -> None:
    """A log as workers write it: each run opened with what was known, then finished; 200 projects take turns."""
    forecaster, outbox = Forecaster(), Outbox(bootstrap, "bench")
    await outbox.start()
    try:
        chunk: list[Record] = []
        for number in range(examples):
            chunk += _run(forecaster, number)
            if len(chunk) >= _CHUNK:
                await outbox.send(chunk)
                chunk = []
        await outbox.send(chunk)
    finally:
        await outbox.stop()


def _run(forecaster: Forecaster, number: int) -> list[Record]:
    at, run_id = builders.T0 + 60.0 * number, f"log-{number}"
    run = builders.run(run_id, project=f"project-{number % 200}", name=f"package-{number % 200}")
    host = f"host-{number % 64}"
    prior = forecaster.risk.describe(run, at, host)
    common: dict[str, Any] = {"source": "/bench", "host": host, "run": run, "prior": prior}
    outcome: Any = "failure" if number % 5 == 0 else "success"
    opened = RunOpened(id=f"{run_id}-opened", time=at, **common)
    example = ExampleRecorded(
        id=f"{run_id}-example", time=at + 50.0, outcome=outcome, started_at=at, seconds=50.0, **common
    )
    forecaster.fold(opened)
    forecaster.fold(example)
    return [record_of(opened), record_of(example)]


async def restart(bootstrap: str, folder: Path, rounds: int) -> dict[str, float]:
    """Seconds from the start of the process to the forecast of an event that came while none ran; ended in order."""
    await empty_topics(bootstrap)
    took: list[float] = []
    consumer = AIOKafkaConsumer("predictions.v1", bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        for number in range(rounds + 1):
            run_id = f"restart-{number}"
            await send(bootstrap, (record_of(builders.started(run_id)),))
            began = time.perf_counter()
            with Process("worker", folder / "restart", bootstrap) as process:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    while getattr(decode((await consumer.getone()).value), "run_id", "") != run_id:
                        pass
                took.append(time.perf_counter() - began)
                await asyncio.to_thread(process.end)
    finally:
        await consumer.stop()
    return {"seconds": statistics.median(took[1:]), "slowest_seconds": max(took[1:])}


async def memory(bootstrap: str, folder: Path, events: int, filled: int = 110_000) -> dict[str, float]:
    """Resident MiB of a worker that waits, that has met so many runs, and after half of the events and all.

    What a worker remembers is bounded by numbers of runs, the largest by 100,000: from there on it must not grow.
    """
    await empty_topics(bootstrap)
    member, found, sent = Member(bootstrap, "memory", folder, 0), [], 0
    filling = [replace(record, topic=INPUT) for record in brief_runs(0, filled).records]
    try:
        await until([member], lambda: member.assigned > 0)
        found.append(_resident(member))
        for start in range(0, len(filling), _PART):
            await send(bootstrap, filling[start : start + _PART])
        await until([member], lambda: member.done >= len(filling))
        found.append(_resident(member))
        for share in (0.5, 1.0):
            while sent < int(events * share):
                records = closely_watched(sent, min(_PART, int(events * share) - sent))
                await send(bootstrap, records)
                sent += len(records)
            await until([member], lambda: member.done >= len(filling) + sent)  # noqa: B023 - awaited here
            found.append(_resident(member))
    finally:
        member.process.kill()
        member.process.wait()
    names = ("waiting_mib", "filled_mib", "half_mib", "end_mib")
    return {"events": float(sent), "filled_runs": float(filled)} | dict(zip(names, found, strict=True))


def closely_watched(first: int, count: int) -> tuple[Record, ...]:
    """Events of short runs on 64 hosts, of 100 events each: two are scored, one is learned, the others come too fast.

    Cheap to score, so that a million pass in a minute or two: what grows with events or runs grows all the same.
    """
    found: list[Record] = []
    for number in range(first, first + count):
        run, place = divmod(number, 100)
        run_id, host, at = f"watched-{run}", f"host-{run % 64}", builders.T0 + run + 0.01 * place
        event: Event
        if place == 0:
            event = builders.started(run_id, at=at, host=host, name=f"package-{run % 200}")
        elif place == 99:
            event = builders.finished(run_id, at=at, host=host, name=f"package-{run % 200}", started_at=at - 0.99)
        else:
            event = builders.sample(run_id, at=at, number=place, host=host)
        found.append(replace(record_of(event), topic=INPUT))
    return tuple(found)


def _resident(member: Member) -> float:
    return float(psutil.Process(member.process.pid).memory_info().rss / 2**20)

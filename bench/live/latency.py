"""Event to forecast on the topic, and to its row in MariaDB, at even rates: worker and sink as they are deployed.

Every sample calls for a forecast (a run's samples stand six seconds apart in event time, and no run lasts so long that
it is scored more seldom), which is the hardest reading of a rate. Sends keep to their schedule whatever comes back; a
delay counts from when the send was due. The row's time is when another connection first sees it, asking every 10 ms.
The first ten seconds of each rate are sent and not counted: broker, database, worker and sink have only just started.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.mariadb import MariaDB
from agents.outbox import record_of
from agents.store.database import connect, migrate
from agents.store.tables import predictions
from bench.live.traffic import empty_topics
from streams.codec import decode
from streams.events import Event, ForecastMade
from tests import builders
from tests.integration.processes import Process

__all__ = ["measure", "percentiles", "runs_for", "schedule"]

_HOSTS = 64
_RUNS = 256  # at least
_TURNS = 48  # samples of a run at most: beyond 300 s a run is scored each fiftieth of its age, so not every six seconds
_SETTLE_SECONDS = 20.0
_WARM_SECONDS = 10.0  # a broker and a worker just started still compile and load
Key = tuple[str, float]


def measure(bootstrap: str, folder: Path, rates: Sequence[int], seconds: float) -> list[dict[str, Any]]:
    """Each rate for so many seconds, after the warming up."""
    with MariaDB(folder / "mariadb") as server:
        asyncio.run(migrate(server.url))
        found = []
        for rate in rates:
            found.append(asyncio.run(_at(bootstrap, folder / f"latency-{rate}", server.url, rate, seconds)))
            print(f"  {rate}/s: topic {found[-1]['topic']}, row {found[-1]['row']}", flush=True)
    return found


def runs_for(samples: int) -> int:
    """How many runs it takes for every one of so many samples to call for a forecast; as many on each host."""
    return max(_RUNS, math.ceil(samples / _TURNS / _HOSTS) * _HOSTS)


def schedule(rate: int, samples: int, start: float) -> list[Event]:
    """Runs begin, then their samples in turn, six seconds of event time apart; time is unique within a run."""
    found: list[Event] = []
    runs = runs_for(samples)
    for number in range(runs + samples):
        run, turn = f"rate-{rate}-{number % runs}", number // runs
        host, at = f"host-{number % _HOSTS}", start + 6.0 * turn
        found.append(
            builders.started(run, at=at, host=host) if not turn else builders.sample(run, at=at, number=turn, host=host)
        )
    return found


def percentiles(delays: Sequence[float]) -> dict[str, float]:
    """Milliseconds at half and at 99 of 100 (nearest rank), and how many there were."""
    if not delays:
        raise RuntimeError("not one event was answered")
    ordered = sorted(delays)
    ranks = {
        name: ordered[max(0, math.ceil(share * len(ordered)) - 1)] for name, share in (("p50", 0.5), ("p99", 0.99))
    }
    return {name: 1000.0 * value for name, value in ranks.items()} | {"count": float(len(ordered))}


async def _at(bootstrap: str, folder: Path, url: str, rate: int, seconds: float) -> dict[str, Any]:
    await empty_topics(bootstrap)
    engine = connect(url)
    consumer = AIOKafkaConsumer("predictions.v1", bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    due: dict[Key, float] = {}
    with Process("worker", folder, bootstrap) as worker, Process("sink", folder, bootstrap, database=url) as sink:
        await consumer.start()
        topic: dict[Key, float] = {}
        row: dict[Key, float] = {}
        watching = [
            asyncio.create_task(_topic(consumer, topic)),
            asyncio.create_task(_rows(engine, f"rate-{rate}-", due, row)),
        ]
        try:
            await _send(bootstrap, rate, seconds, due, topic)
            deadline = time.monotonic() + _SETTLE_SECONDS
            while time.monotonic() < deadline and not (  # noqa: ASYNC110
                due.keys() <= topic.keys() and due.keys() <= row.keys()
            ):
                await asyncio.sleep(0.1)
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
            await consumer.stop()
            await engine.dispose()
        assert worker.poll() is None
        assert sink.poll() is None
    return {
        "rate": rate, "sent": len(due),
        "topic": percentiles([topic[key] - at for key, at in due.items() if key in topic]),
        "row": percentiles([row[key] - at for key, at in due.items() if key in row]),
    }  # fmt: skip


async def _send(bootstrap: str, rate: int, seconds: float, due: dict[Key, float], topic: dict[Key, float]) -> None:
    """Open all runs and wait for their forecasts, then send on schedule; `due`: when each had to go, once warm."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    warm, samples = int(rate * _WARM_SECONDS), int(rate * (_WARM_SECONDS + seconds))
    events, runs = schedule(rate, samples, builders.T0), runs_for(samples)
    records = [(event, record_of(event)) for event in events]
    for _, record in records[:runs]:
        await producer.send(record.topic, record.value, record.key, headers=record.headers)
    deadline = time.monotonic() + 60.0
    while len(topic) < runs:
        if time.monotonic() > deadline:
            raise RuntimeError("the worker did not start to answer")
        await asyncio.sleep(0.05)
    began = time.time() + 0.1
    for number, (event, record) in enumerate(records[runs:]):
        at = began + number / rate
        if (ahead := at - time.time()) > 0.0:
            await asyncio.sleep(ahead)
        if number >= warm:
            due[getattr(event, "run_id", ""), event.time] = at
        await producer.send(record.topic, record.value, record.key, headers=record.headers)
    await producer.stop()


async def _topic(consumer: AIOKafkaConsumer, seen: dict[Key, float]) -> None:
    async for record in consumer:
        now, event = time.time(), decode(record.value, record.headers)
        if isinstance(event, ForecastMade):
            seen.setdefault((event.run_id, event.time), now)


async def _rows(engine: AsyncEngine, prefix: str, due: dict[Key, float], seen: dict[Key, float]) -> None:
    """Look from the event time of the oldest event on that has no row yet; they are sent in order of event time."""
    waiting: deque[Key] = deque()
    taken = 0
    wanted = select(predictions.c.run_id, predictions.c.time)
    while True:
        waiting.extend(islice(due, taken, None))
        taken = len(due)
        while waiting and waiting[0] in seen:
            waiting.popleft()
        if waiting:
            async with engine.connect() as connection:
                found = await connection.execute(
                    wanted.where(predictions.c.time >= waiting[0][1], predictions.c.run_id.startswith(prefix))
                )
                now = time.time()
                for run_id, at in found:
                    seen.setdefault((run_id, at), now)
        await asyncio.sleep(0.01)

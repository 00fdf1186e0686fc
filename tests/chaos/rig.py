"""The whole chain as real processes under a supervisor that starts again what has ended, as systemd would."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.admin import create_topics
from agents.broker import KafkaBroker
from agents.mariadb import MariaDB
from agents.outbox import Outbox, Record
from agents.store import tables
from agents.store.database import connect, migrate
from tests.chaos.scenario import Traffic
from tests.integration.processes import Process

__all__ = ["Rig", "rig"]

PARTITIONS = 4


@dataclass
class Rig:
    """Broker, database, workers, sink; `engine` reads the database."""

    broker: KafkaBroker
    database: MariaDB
    engine: AsyncEngine
    folder: Path
    workers: list[Process] = field(default_factory=list)
    sink: Process | None = None
    restarts: int = 0

    @property
    def processes(self) -> list[Process]:
        return [*self.workers, *([self.sink] if self.sink else [])]

    def add_worker(self, **settings: object) -> Process:
        """One more worker, sharing snapshots with the others."""
        given = {
            "session_timeout_seconds": 6, "snapshot_seconds": 1, "commit_interval_seconds": 0.5,
            "snapshots": self.folder / "snapshots", "snapshot_key": "chaos", "partitions": PARTITIONS, **settings,
        }  # fmt: skip
        worker = Process("worker", self.folder / f"worker-{len(self.workers)}", self.broker.bootstrap, **given)
        worker.start()
        self.workers.append(worker)
        return worker

    def add_sink(self, **settings: object) -> Process:
        given = {
            "session_timeout_seconds": 6,
            "commit_interval_seconds": 0.5,
            "database": self.database.url,
            **settings,
        }
        self.sink = Process("sink", self.folder / "sink", self.broker.bootstrap, **given)
        self.sink.start()
        return self.sink

    async def supervise(self) -> None:
        """Start again whatever has ended."""
        while True:
            for process in self.processes:
                if process.poll() is not None:
                    self.restarts += 1
                    process.start()
            await asyncio.sleep(0.5)

    async def send(self, records: Sequence[Record], rate: float) -> None:
        """Acknowledged in order of chunks, at most `rate` a second."""
        outbox = Outbox(self.broker.bootstrap, "chaos")
        await outbox.start()
        size = max(1, int(rate / 5))
        try:
            for start in range(0, len(records), size):
                due = time.monotonic() + size / rate
                await outbox.send(records[start : start + size])
                await asyncio.sleep(max(0.0, due - time.monotonic()))
        finally:
            await outbox.stop()

    async def complete(self, traffic: Traffic, seconds: float) -> float:
        """Seconds until all ends, signals and outcomes are rows and nothing more arrives; fails after `seconds`."""
        began = last_change = time.monotonic()
        before: list[int] = []
        while True:
            counts = await self._counts()
            if counts != before:
                before, last_change = counts, time.monotonic()
            whole = counts[:3] == [len(traffic.finished), len(traffic.signals), len(traffic.finished)]
            if whole and time.monotonic() - last_change > 3.0:
                return last_change - began
            if time.monotonic() - began > seconds:
                return seconds
            await asyncio.sleep(0.5)

    async def _counts(self) -> list[int]:
        ended = select(func.count()).select_from(tables.runs).where(tables.runs.c.outcome.is_not(None))
        others = [
            select(func.count()).select_from(table) for table in (tables.signals, tables.outcomes, tables.predictions)
        ]
        try:
            async with self.engine.connect() as connection:
                return [int((await connection.execute(query)).scalar_one()) for query in (ended, *others)]
        except (SQLAlchemyError, OSError):
            return []


@asynccontextmanager
async def rig(folder: Path) -> AsyncIterator[Rig]:
    """A fresh broker and database of its own."""
    with KafkaBroker(folder / "kafka") as broker, MariaDB(folder / "mariadb") as database:
        await create_topics(broker.bootstrap, PARTITIONS)
        await migrate(database.url)
        engine = connect(database.url)
        made = Rig(broker, database, engine, folder)
        supervisor = asyncio.create_task(made.supervise())
        try:
            yield made
        finally:
            supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await supervisor
            for process in made.processes:
                with contextlib.suppress(AssertionError):
                    process.kill()
            await engine.dispose()


async def faults(
    each: Sequence[str], made: Rig, random_: random.Random, pause: tuple[float, float], down: float
) -> None:
    """Play faults in order with random pauses between them."""
    for name in each:
        await asyncio.sleep(random_.uniform(*pause))
        match name:
            case "worker":
                random_.choice(made.workers).kill()
            case "sink" if made.sink is not None:
                made.sink.kill()
            case "broker":
                made.broker.kill()
                await asyncio.sleep(0.5)
                await asyncio.to_thread(made.broker.start)
            case "database":
                made.database.kill()
                await asyncio.sleep(down)
                await asyncio.to_thread(made.database.start)
            case _:
                pass

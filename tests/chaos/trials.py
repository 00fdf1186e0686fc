"""The fault runs of `docs/reliability.md`, each as a function of its seed and size."""

from __future__ import annotations

import asyncio
import contextlib
import random
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from sqlalchemy import select

from agents.scorer import INPUTS
from agents.sink import SINK_TOPICS
from agents.store import tables
from tests.chaos.checker import Findings, check
from tests.chaos.rig import PARTITIONS, Rig, faults, rig
from tests.chaos.scenario import make_traffic
from tests.integration.processes import lag, records

__all__ = [
    "Result",
    "add",
    "all_rows",
    "chaos",
    "database_down",
    "no_lag",
    "poison",
    "shuffled_twice",
    "sink_kills",
    "soak",
    "swelling",
    "worker_kills",
]


@dataclass
class Result:
    """One trial's verdict."""

    name: str
    seed: int
    setup: str
    figures: dict[str, float] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


async def chaos(
    folder: Path, seed: int, events: int = 5000, worker_kills: int = 3, broker_kills: int = 1, database_kills: int = 1,
    sink_kills: int = 2, rate: float = 400.0, pause: tuple[float, float] = (0.5, 2.0), down: float = 3.0,
) -> Result:  # fmt: skip
    """T1: everything dies at random while traffic with duplicates, reordering and poison flows."""
    random_ = random.Random(seed)
    traffic = make_traffic(seed, events)
    names = (
        ["worker"] * worker_kills + ["broker"] * broker_kills + ["database"] * database_kills + ["sink"] * sink_kills
    )
    random_.shuffle(names)
    setup = (
        f"{len(traffic.records)} records, SIGKILL: {worker_kills} worker, {broker_kills} broker, {sink_kills} sink, "
    )
    result = Result("T1 chaos", seed, setup + f"{database_kills} database ({down:.0f} s)")
    async with rig(folder) as made:
        made.add_worker()
        made.add_sink()
        await asyncio.gather(made.send(traffic.records, rate), faults(names, made, random_, pause, down))
        result.figures["settled s"] = await made.complete(traffic, 120.0)
        add(result, await check(made.broker.bootstrap, made.engine, traffic))
        result.figures["restarts"] = made.restarts
    return result


async def worker_kills(folder: Path, seed: int, kills: int = 20, session: float = 10.0, rate: float = 100.0) -> Result:
    """T2: a worker killed mid-batch again and again; the gap is from the kill to the next forecast on the topic."""
    random_ = random.Random(seed)
    traffic = make_traffic(seed, int(rate * kills * (session + 5)), poisoned=0.0)
    result = Result("T2 worker killed mid-batch", seed, f"{kills} kills, session {session:.0f} s, {rate:.0f} events/s")
    async with rig(folder) as made:
        made.add_worker(session_timeout_seconds=session)
        made.add_sink()
        sending = asyncio.create_task(made.send(traffic.records, rate))
        await _forecasts_after(made, 0, 60.0)
        gaps: list[float] = []
        for _ in range(kills):
            await asyncio.sleep(random_.uniform(0.5, 2.0))
            made.workers[0].kill()
            began, count = time.monotonic(), len(await records(made.broker.bootstrap, "predictions.v1"))
            await _forecasts_after(made, count, 60.0)
            gaps.append(time.monotonic() - began)
        sent = asyncio.create_task(made.send(traffic.records, 2000.0))  # what is left, and all once more
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
        await sent
        await made.complete(traffic, 120.0)
        gaps.sort()
        result.figures |= {"gap p50 s": gaps[len(gaps) // 2], "gap p95 s": gaps[int(len(gaps) * 0.95)]}
        if result.figures["gap p95 s"] > session + 5:
            result.broken.append("gap p95 above session + 5 s")
        add(result, await check(made.broker.bootstrap, made.engine, traffic))
    return result


async def sink_kills(folder: Path, seed: int, kills: int = 50) -> Result:
    """T3: offsets are committed once an hour, so every kill falls between database commit and offset commit."""
    traffic = make_traffic(seed, 40 * kills, poisoned=0.0)
    result = Result("T3 sink killed before its offset commit", seed, f"{kills} kills, {len(traffic.records)} records")
    async with rig(folder) as made:
        made.add_worker()
        sink = made.add_sink(commit_interval_seconds=60)
        for part in range(kills):
            size = len(traffic.records) // kills + 1
            await made.send(traffic.records[part * size : (part + 1) * size], 5000.0)
            before = max(await made._counts())
            await _until_more(made, before, 10.0)
            sink.kill()
        await made.complete(traffic, 120.0)
        add(result, await check(made.broker.bootstrap, made.engine, traffic))
    return result


async def database_down(folder: Path, seed: int, seconds: float = 300.0, rate: float = 200.0) -> Result:
    """T4: the database is away; nothing is dead-lettered, memory stays, the catch-up outruns the input."""
    head, away = int(10 * rate), int(seconds * rate)
    traffic = make_traffic(seed, head + away, duplicated=0.0, reordered=0.0, poisoned=0.0)
    result = Result("T4 database away", seed, f"{seconds:.0f} s at {rate:.0f} events/s")
    async with rig(folder) as made:
        made.add_worker()
        sink = made.add_sink()
        await made.send(traffic.records[:head], rate)
        rss = psutil.Process(sink.pid).memory_info().rss
        before = await made._counts()
        made.database.kill()
        await made.send(traffic.records[head:], rate)
        grown = psutil.Process(sink.pid).memory_info().rss - rss
        await asyncio.to_thread(made.database.start)
        began = time.monotonic()
        await _until_more(made, max(before), 30.0)
        first = time.monotonic()
        caught = max(0.05, await made.complete(traffic, 240.0))
        result.figures |= {
            "RSS grown MB": grown / 1e6,
            "to the first row s": first - began,
            "catch-up x input": seconds / caught,
            "restarts": made.restarts,
        }
        if grown > 50e6:
            result.broken.append("RSS grew by more than 50 MB")
        if seconds / caught < 5:
            result.broken.append("catch-up below 5 x input")
        add(result, await check(made.broker.bootstrap, made.engine, traffic))
    return result


async def shuffled_twice(folder: Path, seed: int, events: int = 2000) -> Result:
    """T8: everything again, shuffled, after it was stored: the same rows."""
    traffic = make_traffic(seed, events, poisoned=0.0)
    result = Result("T8 everything twice, shuffled", seed, f"{len(traffic.records)} records")
    async with rig(folder) as made:
        made.add_worker()
        made.add_sink()
        await made.send(traffic.records, 5000.0)
        await made.complete(traffic, 120.0)
        before = await all_rows(made)
        again = list(traffic.records)
        random.Random(seed).shuffle(again)
        await made.send(again, 5000.0)
        await no_lag(made, 60.0)
        after = await all_rows(made)
        changed = [name for name in before if before[name] != after[name]]
        if changed:
            result.broken.append(f"rows changed in {', '.join(changed)}")
        add(result, await check(made.broker.bootstrap, made.engine, traffic))
    return result


async def poison(folder: Path, seed: int, events: int = 1500) -> Result:
    """T9: a third of the records is poison; all of it ends in the dead letters, the rest is stored."""
    traffic = make_traffic(seed, events, poisoned=0.5)
    result = Result("T9 poison", seed, f"{len(traffic.records)} records, {traffic.poison} poison")
    async with rig(folder) as made:
        made.add_worker()
        made.add_sink()
        began = time.monotonic()
        await made.send(traffic.records, 5000.0)
        await made.complete(traffic, 120.0)
        result.figures["seconds"] = time.monotonic() - began - 3.0
        add(result, await check(made.broker.bootstrap, made.engine, traffic))
    return result


async def swelling(folder: Path, seed: int, rounds: int = 10, every: float = 10.0, rate: float = 200.0) -> Result:
    """T22: one worker, four, one again, over and over, each leaving in order."""
    traffic = make_traffic(seed, int(rounds * 2 * every * rate))
    result = Result("T22 1-4-1 workers", seed, f"{rounds} rounds, every {every:.0f} s, {rate:.0f} events/s")
    async with rig(folder) as made:
        made.add_worker()
        made.add_sink()
        sending = asyncio.create_task(made.send(traffic.records, rate))
        for _ in range(rounds):
            await asyncio.sleep(every)
            for _ in range(3):
                made.add_worker()
            await asyncio.sleep(every)
            leaving, made.workers = made.workers[1:], made.workers[:1]
            await asyncio.gather(*(asyncio.to_thread(worker.end) for worker in leaving))
        await sending
        result.figures["settled s"] = await made.complete(traffic, 120.0)
        add(result, await check(made.broker.bootstrap, made.engine, traffic))
        if result.figures["states"] <= PARTITIONS:
            result.broken.append("no partition has moved")
    return result


async def soak(folder: Path, seed: int, seconds: float = 900.0, rate: float = 500.0) -> Result:
    """T21: steady traffic; memory and descriptors stay flat after the first third."""
    traffic = make_traffic(seed, int(seconds * rate), poisoned=0.0)
    result = Result("T21 soak", seed, f"{seconds:.0f} s at {rate:.0f} events/s")
    async with rig(folder) as made:
        worker = made.add_worker()
        made.add_sink()
        sending = asyncio.create_task(made.send(traffic.records, rate))
        path: list[tuple[float, int, int]] = []
        while not sending.done():
            await asyncio.sleep(5.0)
            process = psutil.Process(worker.pid)
            path.append((time.monotonic(), process.memory_info().rss, process.num_fds()))
        await sending
        await made.complete(traffic, 120.0)
        steady = path[len(path) // 3 :]
        times, sizes, files = ([float(each[n]) for each in steady] for n in range(3))
        slope = statistics.linear_regression(times, sizes).slope / 1e6 * 600
        result.figures |= {"RSS MB": sizes[-1] / 1e6, "RSS slope MB/10 min": slope, "fds": files[-1]}
        if slope > 1.0 and seconds >= 300.0:  # a minute says nothing of a slope
            result.broken.append("RSS slope above 1 MB per 10 min")
        if statistics.median(files[-5:]) > statistics.median(files[:5]):
            result.broken.append("descriptors grew")
        add(result, await check(made.broker.bootstrap, made.engine, traffic, replayed=False))
    return result


async def _forecasts_after(made: Rig, count: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while len(await records(made.broker.bootstrap, "predictions.v1")) <= count and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.1)


async def _until_more(made: Rig, count: int, seconds: float) -> None:
    """Wait until one of the counts of rows is above all that it was."""
    deadline = time.monotonic() + seconds
    while max(await made._counts() or [0]) <= count and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def no_lag(made: Rig, seconds: float) -> None:
    """Wait until worker and sink have committed all that stands in their topics; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    groups = [(made.workers[0].group, INPUTS), *([(made.sink.group, SINK_TOPICS)] if made.sink else [])]
    for group, topics in groups:
        while (left := await lag(made.broker.bootstrap, group, topics)) > 0:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{left} records not committed by {group} after {seconds:.0f} s")
            await asyncio.sleep(0.2)


async def all_rows(made: Rig) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, in an order of their own."""
    found = {}
    async with made.engine.connect() as connection:
        for name, table in tables.TABLES.items():
            rows = await connection.execute(select(table))
            found[name] = sorted((tuple(row) for row in rows), key=repr)
    return found


def add(result: Result, found: Findings) -> None:
    """The checker's findings into a trial's result."""
    result.figures |= found.figures
    result.broken += found.broken

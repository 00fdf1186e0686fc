"""The fault runs of `docs/reliability.md`, each as a function of its seed and size."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from agents.scorer import INPUTS
from agents.sink import SINK_TOPICS
from agents.store import tables
from tests.chaos.checker import check
from tests.chaos.rig import PARTITIONS, Rig, faults, rig
from tests.chaos.scenario import Traffic, make_traffic
from tests.integration.processes import lag, records

__all__ = [
    "Result",
    "all_rows",
    "chaos",
    "judge",
    "no_lag",
    "poison",
    "shuffled_twice",
    "sink_kills",
    "until_more",
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
        head = len(traffic.records) // 10
        await made.send(traffic.records[:head], rate)
        await no_lag(made, 120.0)  # a process that is killed before it is up proves nothing
        await asyncio.gather(made.send(traffic.records[head:], rate), faults(names, made, random_, pause, down))
        result.figures["settled s"] = await made.complete(traffic, 120.0)
        await judge(result, made, traffic)
        if result.figures["states"] <= PARTITIONS:
            result.broken.append("no worker was killed at work")
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
        await judge(result, made, traffic)
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
            await until_more(made, before, 10.0)
            sink.kill()
        await made.complete(traffic, 120.0)
        await judge(result, made, traffic)
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
        await no_lag(made, 120.0)
        after = await all_rows(made)
        changed = [name for name in before if before[name] != after[name]]
        if changed:
            result.broken.append(f"rows changed in {', '.join(changed)}")
        await judge(result, made, traffic)
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
        await judge(result, made, traffic)
    return result


async def _forecasts_after(made: Rig, count: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while len(await records(made.broker.bootstrap, "predictions.v1")) <= count and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.1)


async def until_more(made: Rig, count: int, seconds: float) -> None:
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


async def judge(result: Result, made: Rig, traffic: Traffic, replayed: bool = True) -> None:
    """The checker's findings into a trial's result, once everything is consumed and committed."""
    await no_lag(made, 120.0)
    found = await check(made.broker.bootstrap, made.engine, traffic, replayed)
    result.figures |= found.figures
    result.broken += found.broken

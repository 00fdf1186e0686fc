"""The runs that last: the database away for minutes, steady traffic for longer, workers that come and go."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

import psutil

from tests.chaos.rig import PARTITIONS, rig
from tests.chaos.scenario import brief_runs, make_traffic
from tests.chaos.trials import Result, judge, until_more

__all__ = ["database_down", "soak", "swelling"]


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
        await until_more(made, max(before), 30.0)
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
        await judge(result, made, traffic)
    return result


async def soak(folder: Path, seed: int, seconds: float = 900.0, rate: float = 500.0, filled: int = 110_000) -> Result:
    """T21: steady traffic; memory and descriptors stay flat after the first third.

    What a worker remembers is bounded by numbers of runs, the largest by 100,000: so many are built first, else its
    memory would be measured while it fills.
    """
    filling, steady = brief_runs(seed, filled), make_traffic(seed, int(seconds * rate), poisoned=0.0)
    traffic = steady.after(filling)
    result = Result("T21 soak", seed, f"{seconds:.0f} s at {rate:.0f} events/s, after {filled} runs")
    async with rig(folder) as made:
        worker = made.add_worker()
        made.add_sink()
        await made.send(filling.records, 3_000.0)
        await made.complete(filling, 600.0)
        sending = asyncio.create_task(made.send(steady.records, rate))
        path: list[tuple[float, int, int]] = []
        while not sending.done():
            await asyncio.sleep(5.0)
            process = psutil.Process(worker.pid)
            path.append((time.monotonic(), process.memory_info().rss, process.num_fds()))
        await sending
        await made.complete(traffic, 120.0)
        path = path[len(path) // 3 :]
        times, sizes, files = ([float(each[n]) for each in path] for n in range(3))
        slope = statistics.linear_regression(times, sizes).slope / 1e6 * 600
        result.figures |= {"RSS MB": sizes[-1] / 1e6, "RSS slope MB/10 min": slope, "fds": files[-1]}
        if slope > 1.0 and filled:
            result.broken.append("RSS slope above 1 MB per 10 min")
        if statistics.median(files[-5:]) > statistics.median(files[:5]):
            result.broken.append("descriptors grew")
        await judge(result, made, traffic, replayed=False)
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
        await judge(result, made, traffic)
        if result.figures["states"] <= PARTITIONS:
            result.broken.append("no partition has moved")
    return result

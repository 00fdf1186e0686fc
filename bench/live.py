"""The live worker against a bare aiokafka loop with the same core, on the same events, in one run.

`python -m bench.live [--events N] [--rounds N] [--out FILE]`: contenders alternate, rates are medians of the rounds.
Both decode, score with all members, send every output and wait for its ack; the worker also keeps snapshots, commits
and metrics. Its rate counts from its first progress. Latency: a start sent to its forecast read, one at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from agents.admin import create_topics
from agents.broker import KafkaBroker
from agents.outbox import Outbox, record_of
from models.core import Core
from models.forecaster import Forecaster
from streams.codec import decode
from tests import builders
from tests.chaos.scenario import make_traffic
from tests.integration.processes import Process

PARTITIONS = 8
INPUTS = ("build-events.v1", "host-metrics.v1")


async def bare(bootstrap: str, ends: dict[TopicPartition, int]) -> float:
    """Seconds of the bare loop: the limit that a framework can only approach."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, max_poll_records=1000)
    outbox = Outbox(bootstrap, "bench")
    cores: dict[int, Core] = {}
    forecaster = Forecaster()
    await consumer.start()
    await outbox.start()
    consumer.assign(list(ends))
    for tp in ends:
        consumer.seek(tp, 0)
    left = sum(ends.values())
    began = time.perf_counter()
    while left > 0:
        for tp, found in (await consumer.getmany(timeout_ms=1000)).items():
            core = cores.setdefault(tp.partition, Core(forecaster))
            outputs = [o for record in found for o in core.handle(decode(record.value, record.headers))]
            await outbox.send([record_of(output) for output in outputs])
            left -= len(found)
    seconds = time.perf_counter() - began
    await consumer.stop()
    await outbox.stop()
    return seconds


async def worker(bootstrap: str, folder: Path, total: int) -> float:
    """Seconds of the worker, from its first progress to the last, by what its group has finished (its own metric)."""
    with Process("worker", folder, bootstrap, batch_records=1000, worker_metrics_port=0) as process:
        url = await _metrics_url(process)
        began = done = 0.0
        count = first = 0
        while count < total:
            await asyncio.sleep(0.02)
            count = await asyncio.to_thread(_consumed, url)
            now = time.perf_counter()
            if count and not began:
                began, first = now, count
            done = now
        process.end()
    return (done - began) * total / max(1, total - first)


async def latency(bootstrap: str, folder: Path, count: int) -> list[float]:
    """Milliseconds from a start's send to its forecast on the topic, one at a time."""
    consumer = AIOKafkaConsumer("predictions.v1", bootstrap_servers=bootstrap, auto_offset_reset="latest")
    outbox = Outbox(bootstrap, "bench")
    found: list[float] = []
    with Process("worker", folder, bootstrap) as process:
        await _metrics_url(process)
        await consumer.start()
        await outbox.start()
        await consumer.seek_to_end()
        for number in range(count + 1):
            began = time.perf_counter()
            await outbox.send([record_of(builders.started(f"latency-{number}", host=f"host-{number % 8}"))])
            while decode((await consumer.getone()).value).run_id != f"latency-{number}":  # type: ignore[attr-defined]
                pass
            found.append((time.perf_counter() - began) * 1000)
        await consumer.stop()
        await outbox.stop()
        process.end()
    return found[1:]  # the first waits for the group


async def measure(events: int, rounds: int) -> dict[str, Any]:
    """All contenders on one broker."""
    rates: dict[str, list[float]] = {"bare aiokafka loop": [], "buildcast worker": []}
    with tempfile.TemporaryDirectory() as folder, KafkaBroker(Path(folder) / "kafka") as broker:
        for number in range(rounds):
            ends = await _fill(broker.bootstrap, events)
            total = sum(ends.values())
            rates["bare aiokafka loop"].append(total / await bare(broker.bootstrap, ends))
            ends = await _fill(broker.bootstrap, events)
            rates["buildcast worker"].append(total / await worker(broker.bootstrap, Path(folder) / f"w{number}", total))
        await _fill(broker.bootstrap, 1)
        delays = sorted(await latency(broker.bootstrap, Path(folder) / "latency", 100))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    return {
        "events": events, "rounds": rounds, "cores": os.cpu_count(), "events_per_second": medians,
        "ratio_to_bare": medians["buildcast worker"] / medians["bare aiokafka loop"],
        "latency_ms": {"p50": delays[len(delays) // 2], "p99": delays[int(len(delays) * 0.99)]},
    }  # fmt: skip


async def _fill(bootstrap: str, events: int) -> dict[TopicPartition, int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    if names := [name for name in await admin.list_topics() if not name.startswith("__")]:
        await admin.delete_topics(names)
    await admin.close()
    await create_topics(bootstrap, PARTITIONS)
    outbox = Outbox(bootstrap, "bench")
    await outbox.start()
    await outbox.send(make_traffic(7, events, 0.0, 0.0, 0.0).records)
    await outbox.stop()
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    ends = await consumer.end_offsets([TopicPartition(topic, n) for topic in INPUTS for n in range(PARTITIONS)])
    await consumer.stop()
    return dict(ends)


async def _metrics_url(process: Process) -> str:
    for _ in range(300):
        text = process.log.read_text() if process.log.exists() else ""
        if "metrics on http" in text:
            return text.split("metrics on ")[1].split()[0] + "/metrics"
        await asyncio.sleep(0.1)
    raise RuntimeError("the worker did not start")


def _consumed(url: str) -> int:
    from urllib.request import urlopen

    with urlopen(url, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return int(
        sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("buildcast_events_consumed_total{"))
    )


def main() -> int:
    """Print a table and write JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(".cache/bench/live.json"))
    given = parser.parse_args()
    result = asyncio.run(measure(given.events, given.rounds))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=2))
    for name, rate in result["events_per_second"].items():
        print(f"{name:22} {rate:10.0f} events/s")
    print(f"ratio to the bare loop {result['ratio_to_bare']:10.2f}")
    print(f"event to forecast      p50 {result['latency_ms']['p50']:.1f} ms, p99 {result['latency_ms']['p99']:.1f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())

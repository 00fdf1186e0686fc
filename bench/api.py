"""The forecast endpoint under load: latency from memory while listeners are told, and what an idle listener costs.

    python -m bench.api [--rate 200] [--seconds 10] [--listeners 50] [--out FILE]

Runs the API as its own process over a fresh SQLite file. Requests are sent at fixed times (a late answer delays no
other), over 16 kept connections; half of the time one more listener is connected that never reads. Latency is from
when a request was due to its last byte, so waiting in a queue counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from agents.ports import free_ports
from agents.store.database import connect, migrate
from agents.store.rows import writes_of
from agents.store.writer import Item, Writer
from streams.events import ForecastMade, Interval, ModelRef, Reason, Run, RunStarted

_RUN = "bench-run"
_CONNECTIONS = 16
_REQUEST = f"GET /api/v1/runs/{_RUN}/forecast HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rate", type=int, default=200)
    arguments.add_argument("--seconds", type=float, default=10.0)
    arguments.add_argument("--listeners", type=int, default=50)
    arguments.add_argument("--out", type=Path)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(_measure(Path(folder), chosen.rate, chosen.seconds, chosen.listeners))
    print(json.dumps(found, indent=1))
    if chosen.out:
        chosen.out.write_text(json.dumps(found, indent=1))


async def _measure(folder: Path, rate: int, seconds: float, listeners: int) -> dict[str, Any]:
    url = f"sqlite+aiosqlite:///{folder / 'buildcast.sqlite'}"
    await migrate(url)
    engine = connect(url)
    started = RunStarted(id="s", source="/bench", time=time.time(), host="h",
                         run=Run(run_id=_RUN, name="bench", project="bench"))  # fmt: skip
    await Writer(engine).write([Item("s", writes_of(started))])
    await _forecast(engine, 0)
    (port,) = free_ports(1)
    environment = os.environ | {"BUILDCAST_API_REQUESTS_PER_SECOND": "1e6", "BUILDCAST_API_BURST": "1000000"}
    server = subprocess.Popen(  # noqa: ASYNC220 -- before anything is measured
        [sys.executable, "-m", "buildcast", "api", "--state", str(folder), "--port", str(port)],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        base = f"http://127.0.0.1:{port}/api/v1/"
        await _answering(base)
        reading = [asyncio.create_task(_listen(port)) for _ in range(listeners)]
        publishing = asyncio.create_task(_publish(engine))
        async with httpx.AsyncClient(base_url=base, timeout=60.0) as client:
            await client.get(f"runs/{_RUN}/forecast")  # into memory
        plain = await _load(port, rate, seconds)
        _reader, idle = await _connect(port)  # connected, never read
        beside_idle = await _load(port, rate, seconds)
        async with httpx.AsyncClient(base_url=base, timeout=60.0) as client:
            status = (await client.get("status")).json()
        publishing.cancel()
        for task in reading:
            task.cancel()
        heard = [task.result() for task in reading if task.done() and not task.cancelled()]
        idle.close()
        return {"rate": rate, "seconds": seconds, "listeners": listeners, "from_memory": plain,
                "from_memory_beside_an_idle_listener": beside_idle, "cache": status["forecast_cache"],
                "listeners_now": status["listeners"], "listeners_lost": len(heard)}  # fmt: skip
    finally:
        server.terminate()
        server.wait(10)
        await engine.dispose()


async def _load(port: int, rate: int, seconds: float) -> dict[str, float]:
    latencies: list[float] = []
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(_CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    begin = time.perf_counter() + 0.2

    async def ask(number: int) -> None:
        due = begin + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        reader, writer = await free.get()
        writer.write(_REQUEST)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        latencies.append(time.perf_counter() - due)
        assert head.startswith(b"http/1.1 200")
        assert b'"served_from":"memory"' in body
        free.put_nowait((reader, writer))

    await asyncio.gather(*(ask(number) for number in range(int(rate * seconds))))
    while not free.empty():
        free.get_nowait()[1].close()
    latencies.sort()
    at = {f"p{q}_ms": round(latencies[int(len(latencies) * q / 100)] * 1e3, 2) for q in (50, 95, 99)}
    return {"requests": len(latencies), **at}


async def _forecast(engine: Any, number: int) -> None:
    event = ForecastMade(
        id=f"f-{number}", source="/bench", time=time.time(), run_id=_RUN, name="bench", project="bench",
        elapsed_seconds=float(number), trigger="elapsed", risk=0.3, risk_lower=0.1, risk_upper=0.5, confidence=0.5,
        variance=0.01, model=ModelRef(config="default", offset=1), remaining=Interval(point=9.0, lower=5.0, upper=20.0),
        reasons=[Reason(text=f"reason {n}", logit=0.1) for n in range(6)], members={f"m{n}": 0.3 for n in range(5)},
    )  # fmt: skip
    await Writer(engine).write([Item(event.id, writes_of(event))])


async def _publish(engine: Any) -> None:
    number = 0
    while True:
        number += 1
        await _forecast(engine, number)
        await asyncio.sleep(0.1)


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    await writer.drain()
    return reader, writer


async def _listen(port: int) -> None:
    reader, _writer = await _connect(port)
    while await reader.read(65_536):
        pass


async def _answering(base: str) -> None:
    async with httpx.AsyncClient(base_url=base, timeout=60.0) as client:
        async with asyncio.timeout(30):
            while True:
                try:
                    (await client.get("ready")).raise_for_status()
                    return
                except httpx.HTTPError:
                    await asyncio.sleep(0.1)


if __name__ == "__main__":
    main()

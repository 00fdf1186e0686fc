"""Rows into MariaDB and SQLite: the sink's own writer with its batches against one transaction a record."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from agents.mariadb import MariaDB
from agents.store.database import connect, migrate
from agents.store.rows import writes_of
from agents.store.writer import Item, Writer
from bench.live.task import FullTask
from bench.live.traffic import builds
from streams.codec import decode

__all__ = ["measure"]

_BATCH = 1000


def measure(folder: Path, records: int, single: int) -> dict[str, dict[str, float]]:
    """Rows a second of both databases, batched over `records` forecasts and one by one over `single`."""
    items = _items(records + single)
    with MariaDB(folder / "mariadb-sink") as server:
        urls = {"MariaDB": server.url, "SQLite": f"sqlite+aiosqlite:///{folder.resolve()}/sink.sqlite"}
        return {name: asyncio.run(_rates(url, items, records)) for name, url in urls.items()}


async def _rates(url: str, items: list[Item[int]], split: int) -> dict[str, float]:
    await migrate(url)
    engine = connect(url)
    try:
        batched = await _rate(Writer(engine), items[:split], _BATCH)
        return {"batched": batched, "row_by_row": await _rate(Writer(engine), items[split:], 1)}
    finally:
        await engine.dispose()


async def _rate(writer: Writer, items: list[Item[int]], batch: int) -> float:
    began = time.perf_counter()
    for first in range(0, len(items), batch):
        refused: list[Any] = await writer.write(items[first : first + batch])
        assert not refused
    return writer.rows / (time.perf_counter() - began)


def _items(count: int) -> list[Item[int]]:
    """What the sink gets of builds: their forecasts, runs, signals, alerts and examples, as they follow each other."""
    task = FullTask()
    found: list[Item[int]] = []
    for number, record in enumerate(builds(count)):
        key = record.key or b""
        for value, headers in (
            (record.value, record.headers),
            *((out[2], out[3]) for out in task(0, key, record.value, record.headers)),
        ):
            if writes := writes_of(decode(value, headers)):
                found.append(Item(number, writes))
        if len(found) >= count:
            break
    return found[:count]

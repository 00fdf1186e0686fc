"""Workers against partitions: rate from the first record of any to the last of all, processor time of each."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

from bench.live.member import Member, until
from bench.live.traffic import builds, empty_topics, send

__all__ = ["measure"]


def measure(bootstrap: str, folder: Path, events: int, shapes: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """Each (workers, partitions) once."""
    found = []
    for workers, partitions in shapes:
        found.append(asyncio.run(_shape(bootstrap, folder, events, workers, partitions)))
        print(
            f"  {workers} workers, {partitions} partitions: {found[-1]['events_per_second']:.0f} events/s", flush=True
        )
    return found


async def _shape(bootstrap: str, folder: Path, events: int, workers: int, partitions: int) -> dict[str, Any]:
    await empty_topics(bootstrap, partitions)
    group = f"scaling-{uuid.uuid4().hex[:8]}"
    members = [Member(bootstrap, group, folder, number) for number in range(workers)]
    total = len(builds(events))
    try:
        await until(
            members, lambda: sum(m.assigned for m in members) == partitions and all(m.assigned for m in members)
        )
        await send(bootstrap, builds(events))
        await until(members, lambda: sum(m.done for m in members) >= total)
    finally:
        for member in members:
            member.process.kill()
            member.process.wait()
    seconds = max(m.last for m in members) - min(m.first for m in members if m.done)
    return {
        "workers": workers, "partitions": partitions, "events": total, "events_per_second": total / seconds,
        "cpu_us": 1e6 * sum(m.cpu for m in members) / total, "shares": [m.done / total for m in members],
    }  # fmt: skip

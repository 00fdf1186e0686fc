"""Workers against partitions: rate from the first record of any to the last of all, processor time of each.

On a machine whose cores the workers share with broker and traffic, a second worker has no core of its own. So two
workers are also held against one with every worker given the same part of a core: they are let run and stopped in turns
of 20 ms, one after the other. There the runs are as long as builds are (60 forecasts, then the end), since every worker
folds every end, and each is on a host of its own, so that partitions are about as full as each other.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from bench.live.member import Member, until
from bench.live.traffic import builds, empty_topics, long_builds, send

__all__ = ["Shape", "measure"]

_TURN_SECONDS = 0.02


class Shape(NamedTuple):
    """Workers, partitions, and the part of a core that each worker may take: 1 for as much as there is."""

    workers: int
    partitions: int
    part: float = 1.0


def measure(bootstrap: str, folder: Path, events: int, shapes: Sequence[Shape]) -> list[dict[str, Any]]:
    """Each shape once."""
    found = []
    for shape in shapes:
        found.append(asyncio.run(_shape(bootstrap, folder, events, shape)))
        told = f"  {shape.workers} workers, {shape.partitions} partitions, {shape.part:.0%} of a core each"
        print(f"{told}: {found[-1]['events_per_second']:.0f} events/s", flush=True)
    return found


async def _shape(bootstrap: str, folder: Path, events: int, shape: Shape) -> dict[str, Any]:
    await empty_topics(bootstrap, shape.partitions)
    group = f"scaling-{uuid.uuid4().hex[:8]}"
    members = [Member(bootstrap, group, folder, number) for number in range(shape.workers)]
    records = builds(events) if shape.part >= 1.0 else long_builds(events)
    try:
        await until(
            members, lambda: sum(m.assigned for m in members) == shape.partitions and all(m.assigned for m in members)
        )
        _tell(members, signal.SIGSTOP)  # sending is not what is measured
        await send(bootstrap, records)
        _tell(members, signal.SIGCONT)
        with _given(members, shape.part):
            await until(members, lambda: sum(m.done for m in members) >= len(records))
    finally:
        for member in members:
            member.process.kill()
            member.process.wait()
    seconds = max(m.last for m in members) - min(m.first for m in members if m.done)
    return {
        "workers": shape.workers, "partitions": shape.partitions, "part": shape.part, "events": len(records),
        "events_per_second": len(records) / seconds, "cpu_us": 1e6 * sum(m.cpu for m in members) / len(records),
        "shares": [m.done / len(records) for m in members],
    }  # fmt: skip


@contextmanager
def _given(members: Sequence[Member], part: float) -> Iterator[None]:
    """Let each worker run that part of each turn, one after the other: at the same time they would slow each other."""
    ended = threading.Event()

    def turns() -> None:
        while not ended.is_set():
            for member in members:
                for what, seconds in ((signal.SIGCONT, part), (signal.SIGSTOP, 1.0 / len(members) - part)):
                    _tell([member], what)
                    time.sleep(seconds * _TURN_SECONDS)

    if part >= 1.0:
        yield
        return
    thread = threading.Thread(target=turns, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        _tell(members, signal.SIGCONT)


def _tell(members: Sequence[Member], what: signal.Signals) -> None:
    for member in members:
        with suppress(ProcessLookupError):
            member.process.send_signal(what)

"""T11: hosts whose clocks are days off or go back mid-run: durations stay durations, and the hosts are named."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select

from agents.outbox import Record, record_of
from agents.store import tables
from streams.codec import SENT_AT, decode
from streams.errors import InvalidEvent
from streams.events import Event, ExampleRecorded, ForecastMade, RunFinished, RunStarted
from tests.chaos.rig import Rig, rig
from tests.chaos.scenario import Traffic, make_traffic
from tests.chaos.trials import Result, judge
from tests.integration.processes import records

__all__ = ["AHEAD", "BEHIND", "broken_durations", "unnamed_hosts", "with_wrong_clocks", "wrong_clocks"]

_DAY = 86_400.0
AHEAD, BEHIND, BACK = (
    "host-1",
    "host-2",
    "host-3",
)  # two days ahead, two days behind, an hour back after the first sample
_OFFSETS = {AHEAD: 2 * _DAY, BEHIND: -2 * _DAY}


async def wrong_clocks(folder: Path, seed: int, events: int = 3000) -> Result:
    """T11: traffic of four hosts, three of them with wrong clocks."""
    traffic = with_wrong_clocks(make_traffic(seed, events, hosts=4))
    result = Result("T11 wrong clocks", seed, f"{len(traffic.records)} records, +2 days, -2 days, an hour back mid-run")
    async with rig(folder) as made:
        made.add_worker()
        made.add_sink()
        await made.send(traffic.records, 1000.0)
        result.figures["settled s"] = await made.complete(traffic, 120.0)
        result.broken += [*await broken_durations(made), *unnamed_hosts(made)]
        await judge(result, made, traffic)
    return result


def with_wrong_clocks(traffic: Traffic) -> Traffic:
    """The traffic as hosts 1 to 3 would tell it by their clocks; what no event is stays as it is."""
    return dataclasses.replace(traffic, records=[_told(record) for record in traffic.records])


async def broken_durations(made: Rig) -> list[str]:
    """Negative durations in forecasts, examples and rows, in words."""
    bootstrap = made.broker.bootstrap
    log = [*await records(bootstrap, "predictions.v1"), *await records(bootstrap, "examples.v1")]
    found = [f"{type(event).__name__} {event.id}: {value}" for event in map(_event, log) for value in _below(event)]
    async with made.engine.connect() as connection:
        for column in (
            tables.runs.c.seconds, tables.predictions.c.elapsed_seconds, tables.predictions.c.remaining_seconds,
            tables.outcomes.c.seconds,
        ):  # fmt: skip
            values = (await connection.execute(select(column).where(column < 0))).scalars().all()
            found += [f"{column}: {value}" for value in values]
    return [f"{len(found)} durations below zero, such as {found[0]}"] if found else []


def unnamed_hosts(made: Rig) -> list[str]:
    """Hosts whose clock is wrong and that no worker has named, and those named though theirs is right."""
    log = "".join(worker.log.read_text() for worker in made.workers)
    named = {host for host in ("host-0", AHEAD, BEHIND, BACK) if f"the clock of host {host} is" in log}
    wrong = {AHEAD, BEHIND, BACK}
    return [f"clocks: {sorted(named ^ wrong)} not told as they are"] if named != wrong else []


def _told(record: Record) -> Record:
    try:
        event = decode(record.value, record.headers)
    except InvalidEvent:
        return record
    offset = _OFFSETS.get(event.host, 0.0)
    if event.host == BACK and not isinstance(event, RunStarted) and not event.id.endswith("-sample-0"):
        offset = -3600.0
    changes: dict[str, Any] = {"time": event.time + offset}
    if isinstance(event, RunFinished):  # its seconds are measured by a clock that nobody sets
        changes["started_at"] = event.started_at + _OFFSETS.get(event.host, 0.0)
    told = record_of(msgspec.structs.replace(event, **changes))
    sent = (SENT_AT, f"{time.time() + offset:.3f}".encode())
    return dataclasses.replace(told, headers=[*told.headers, sent])


def _event(record: Any) -> Event:
    return decode(record.value, record.headers)


def _below(event: Event) -> Iterator[float]:
    """Values that are durations and below zero."""
    values: list[float | None] = []
    if isinstance(event, ForecastMade):
        values += [event.elapsed_seconds, event.remaining.lower if event.remaining else None]
    if isinstance(event, ExampleRecorded):
        values += [event.seconds, event.longest_silence_seconds, *event.stages.values()]
        values += [checkpoint.elapsed_seconds for checkpoint in event.checkpoints]
    return (value for value in values if value is not None and value < 0.0)

"""The independent checker: it knows what was acknowledged, what stands in the topics and what stands in the database.

It asks nothing of worker or sink. `tests.chaos.replay` makes every forecast again from the topics alone.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.store import tables
from models.forecaster import Forecaster
from streams.codec import decode
from streams.events import Event, ExampleRecorded, ForecastMade
from tests.chaos.replay import INPUTS, replay
from tests.chaos.scenario import Traffic
from tests.integration.processes import records

__all__ = ["Findings", "check"]


@dataclass
class Findings:
    """What was counted, and every broken promise in words."""

    figures: dict[str, float] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def expect(self, holds: bool, promise: str) -> None:
        if not holds:
            self.broken.append(promise)


async def check(bootstrap: str, engine: AsyncEngine, traffic: Traffic, replayed: bool = True) -> Findings:
    """All promises at once; `broken` is empty when they hold. Without `replayed` no forecast is made again."""
    found = Findings()
    logs = {
        topic: await records(bootstrap, topic)
        for topic in (*INPUTS, "predictions.v1", "examples.v1", "dead-letters.v1")
    }
    served = [event for event in _events(logs["predictions.v1"]) if isinstance(event, ForecastMade)]
    await _rows(engine, traffic, served, found)
    _dead_letters(logs["dead-letters.v1"], traffic, found)
    _learned_once(logs["examples.v1"], traffic, found)
    found.expect({event.run_id for event in served} == traffic.runs, "a run has no forecast")
    if replayed:
        await asyncio.to_thread(_replay, logs, found)
    return found


async def _rows(engine: AsyncEngine, traffic: Traffic, served: Sequence[ForecastMade], found: Findings) -> None:
    async with engine.connect() as connection:
        runs = Counter((await connection.execute(select(tables.runs.c.run_id))).scalars())
        ended = set(
            (await connection.execute(select(tables.runs.c.run_id).where(tables.runs.c.outcome.is_not(None)))).scalars()
        )
        signals = Counter((await connection.execute(select(tables.signals.c.id))).scalars())
        stored = {
            row.id: row.body
            for row in await connection.execute(select(tables.predictions.c.id, tables.predictions.c.body))
        }
    first: dict[str, ForecastMade] = {}
    for event in served:
        first.setdefault(event.id, event)
    found.expect(set(runs) == traffic.runs, f"runs: {len(set(runs) ^ traffic.runs)} missing or phantom")
    found.expect(ended == traffic.finished, f"ends: {len(ended ^ traffic.finished)} missing or phantom")
    found.expect(set(signals) == traffic.signals, f"signals: {len(set(signals) ^ traffic.signals)} missing or phantom")
    found.expect(stored.keys() == first.keys(), f"predictions: {len(stored.keys() ^ first.keys())} missing or phantom")
    encode = msgspec.json.encode
    other = sum(stored[key].encode() != encode(event) for key, event in first.items() if key in stored)
    found.expect(other == 0, f"predictions: {other} rows are not the first forecast served under their id")
    found.figures |= {"runs": len(runs), "predictions": len(stored), "served twice": len(served) - len(first)}


def _dead_letters(log: Sequence[Any], traffic: Traffic, found: Findings) -> None:
    marks = Counter(dict(record.headers).get("original-poison", b"?") for record in log)
    sent = {str(number).encode() for number in range(1, traffic.poison + 1)}
    found.expect(
        set(marks) == sent, f"dead letters: {len(set(marks) ^ sent)} poison records missing or good ones refused"
    )
    found.figures |= {"poison": traffic.poison, "dead letters": len(log)}


def _learned_once(log: Sequence[Any], traffic: Traffic, found: Findings) -> None:
    examples = [event for event in _events(log) if isinstance(event, ExampleRecorded)]
    learned = {event.run.run_id for event in examples}
    found.expect(learned == traffic.finished, f"examples: {len(learned ^ traffic.finished)} missing or phantom")
    model, again = Forecaster(), Forecaster()
    for record in log:
        model.fold(decode(record.value), record.offset)
        again.fold(decode(record.value), record.offset)
        again.fold(decode(record.value), record.offset)  # a repeat changes nothing
    counts = model.counts
    total = sum(counts[f"learned_{outcome}"] for outcome in ("success", "failure", "error", "cancel"))
    found.expect(total == len(learned), f"learned {total} of {len(learned)} examples")
    found.expect(again.offset == model.offset, "a repeated record moved the model")
    found.figures["examples"] = len(learned)


def _replay(logs: Mapping[str, Sequence[Any]], found: Findings) -> None:
    verdict = replay(logs)
    total = verdict.equal + len(verdict.differing) + len(verdict.absent)
    found.figures |= {"replayed": verdict.equal, "states": verdict.states, "rebuilt": verdict.rebuilt}
    found.expect(not verdict.differing, f"replay: {len(verdict.differing)} of {total} forecasts differ")
    found.expect(not verdict.absent, f"replay: {len(verdict.absent)} of {total} forecasts did not come out")
    found.expect(not verdict.orphans, f"replay: {verdict.orphans} forecasts of states of unknown origin")
    found.expect(not verdict.unserved, f"replay: {len(verdict.unserved)} forecasts were never served")


def _events(log: Sequence[Any]) -> list[Event]:
    return [decode(record.value, record.headers) for record in log]

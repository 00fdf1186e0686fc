"""The independent checker: it knows what was acknowledged, what stands in the topics and what stands in the database.

It asks nothing of worker or sink. `replay` recomputes every forecast that is still part of a partition's living history
from the topics alone, at the offsets that the forecast itself names, and compares to the last digit.
"""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.store import tables
from models.core import Core, CoreConfig
from models.forecaster import Forecaster
from streams.codec import decode
from streams.errors import InvalidEvent
from streams.events import Event, ExampleRecorded, ForecastMade
from tests.chaos.scenario import Traffic
from tests.integration.processes import records

__all__ = ["Findings", "check"]

INPUTS = ("build-events.v1", "host-metrics.v1")


@dataclass
class Findings:
    """What was counted, and every broken promise in words."""

    figures: dict[str, float] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def expect(self, holds: bool, promise: str) -> None:
        if not holds:
            self.broken.append(promise)


async def check(bootstrap: str, engine: AsyncEngine, traffic: Traffic, config: CoreConfig | None = None) -> Findings:
    """All promises at once; `broken` is empty when they hold."""
    found = Findings()
    logs = {
        topic: await records(bootstrap, topic)
        for topic in (*INPUTS, "predictions.v1", "examples.v1", "dead-letters.v1")
    }
    served = [event for event in _events(logs["predictions.v1"]) if isinstance(event, ForecastMade)]
    await _rows(engine, traffic, served, found)
    _dead_letters(logs["dead-letters.v1"], traffic, found)
    _learned_once(logs["examples.v1"], traffic, found)
    _replay(logs, served, config or CoreConfig(), found)
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


def _replay(
    logs: Mapping[str, Sequence[Any]], served: Sequence[ForecastMade], config: CoreConfig, found: Findings
) -> None:
    """Every partition's living history, recomputed from the topics alone."""
    lines: dict[int, list[tuple[int, int, ForecastMade]]] = defaultdict(list)
    forecasts = [(r, e) for r in logs["predictions.v1"] if isinstance(e := decode(r.value), ForecastMade)]
    for record, event in forecasts:
        partition = int(next(iter(event.positions)).rpartition("/")[2])
        lines[partition].append((record.timestamp, sum(event.positions.values()), event))
    equal = differing = absent = 0
    folds = _Folds(logs["examples.v1"])
    for partition, line in sorted(lines.items()):
        living = _living([event for _, _, event in sorted(line, key=lambda each: each[:2])])
        same, other, none = _replay_partition(logs, partition, living, folds, config)
        equal, differing, absent = equal + same, differing + other, absent + none
    found.figures |= {"replayed": equal + differing, "of lost states": len(served) - equal - differing - absent}
    found.expect(absent == 0, f"replay: {absent} forecasts did not come out")
    found.expect(differing == 0, f"replay: {differing} of {equal + differing} forecasts differ from the offline replay")


def _living(line: Sequence[ForecastMade]) -> list[ForecastMade]:
    """A partition's forecasts without those of states that a crash has lost.

    After a crash the positions go back to the snapshot's; what had been served beyond them was served (and is checked
    against its row), but later forecasts do not follow from it.
    """
    living: list[ForecastMade] = []
    for event in line:
        if living and not _reaches(event, living[-1]):
            living = [each for each in living if _reaches(event, each) and each.id != event.id]
        living.append(event)
    return living


def _reaches(later: ForecastMade, earlier: ForecastMade) -> bool:
    return all(later.positions.get(topic, 0) >= at for topic, at in earlier.positions.items())


class _Folds:
    """Models by offset. Walked forward per partition; going back folds again from the start."""

    def __init__(self, log: Sequence[Any]) -> None:
        self._log = [(record.offset, decode(record.value)) for record in log]
        self._offsets = [offset for offset, _ in self._log]

    def advance(self, model: Forecaster, offset: int) -> None:
        for at, event in self._log[bisect.bisect_left(self._offsets, model.offset) :]:
            if at >= offset:
                return
            model.fold(event, at)


def _replay_partition(
    logs: Mapping[str, Sequence[Any]],
    partition: int,
    forecasts: Sequence[ForecastMade],
    folds: _Folds,
    config: CoreConfig,
) -> tuple[int, int, int]:
    inputs = {topic: [r for r in logs[topic] if r.partition == partition] for topic in INPUTS}
    core, cursor = Core(Forecaster(), config), dict.fromkeys(INPUTS, 0)
    equal = differing = absent = 0
    for expected in forecasts:
        folds.advance(core.forecaster, expected.model.offset)
        outputs: list[Event] = []
        for topic in _trigger_last(expected, inputs, cursor, partition):
            record = inputs[topic][cursor[topic]]
            cursor[topic] += 1
            try:
                outputs += core.handle(decode(record.value, record.headers), expected.positions)
            except InvalidEvent:
                continue
        made = next((each for each in outputs if each.id == expected.id), None)
        if made == expected:
            equal += 1
        elif made is not None:
            differing += 1
        else:
            absent += 1
    return equal, differing, absent


def _trigger_last(
    expected: ForecastMade, inputs: Mapping[str, Sequence[Any]], cursor: Mapping[str, int], partition: int
) -> list[str]:
    """The topics to read from, in broker time, up to the forecast's positions; the record that asked for it last."""
    due: list[tuple[bool, int, str, int]] = []
    for topic in INPUTS:
        end = expected.positions.get(f"{topic}/{partition}", 0)
        part = [record for record in inputs[topic][cursor[topic] :] if record.offset < end]
        asked = bool(part) and _asked(part[-1], expected)
        due += [(asked and n == len(part) - 1, r.timestamp, topic, n) for n, r in enumerate(part)]
    return [topic for _, _, topic, _ in sorted(due)]


def _asked(record: Any, expected: ForecastMade) -> bool:
    try:
        event: Any = decode(record.value, record.headers)
    except InvalidEvent:
        return False
    run_id = event.run.run_id if hasattr(event, "run") else getattr(event, "run_id", "")
    return bool(run_id == expected.run_id and event.time == expected.time)


def _events(log: Sequence[Any]) -> list[Event]:
    return [decode(record.value, record.headers) for record in log]

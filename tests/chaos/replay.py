"""Every forecast that was served, made again from the topics alone, those of states that a crash has lost included.

A forecast's header names the state that made it, what that state went on from and where its batch began
(`agents.lineage`); its body names the offsets consumed and the model's offset. That leaves one order of the records in
which it can have come out, but for pairs that no forecast depends on.
"""

from __future__ import annotations

import heapq
import pickle
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agents.lineage import HEADER, Lineage
from models.core import Core, CoreConfig
from models.forecaster import Forecaster
from streams.codec import decode
from streams.errors import InvalidEvent
from streams.events import Event, ForecastMade, RunFinished

__all__ = ["INPUTS", "Verdict", "replay"]

INPUTS = ("build-events.v1", "host-metrics.v1")
Offsets = dict[str, int]


@dataclass
class Verdict:
    """Counts of served forecasts; `unserved` came out of the replay of finished batches, and nobody had sent them."""

    equal: int = 0
    differing: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    unserved: list[str] = field(default_factory=list)
    orphans: int = 0  # forecasts of states whose origin is not known
    states: int = 0
    rebuilt: int = 0  # states that went on from the log instead of a snapshot


@dataclass
class _State:
    lineage: Lineage
    partition: int
    served: dict[str, tuple[ForecastMade, Offsets]] = field(default_factory=dict)  # by id, with its batch's begin


def replay(logs: Mapping[str, Sequence[Any]], config: CoreConfig | None = None) -> Verdict:
    """Check all forecasts of `predictions.v1`. Logs are whole: every record stands at the index of its offset."""
    states: dict[str, _State] = {}
    for record in logs["predictions.v1"]:
        event = decode(record.value, record.headers)
        if isinstance(event, ForecastMade):
            lineage = msgspec.json.decode(dict(record.headers)[HEADER], type=Lineage)
            partition = int(next(iter(event.positions)).rpartition("/")[2])
            state = states.setdefault(lineage.state, _State(lineage, partition))
            state.served.setdefault(event.id, (event, lineage.batch))
    walk = _Walk(logs, states, config or CoreConfig())
    walk.all()
    return walk.verdict


class _Walk:
    """Depth first from the states that began with the log, each going on from a copy of its parent."""

    def __init__(self, logs: Mapping[str, Sequence[Any]], states: dict[str, _State], config: CoreConfig) -> None:
        self._inputs: dict[tuple[str, int], list[Any]] = defaultdict(list)
        for topic in INPUTS:
            for record in logs[topic]:
                self._inputs[topic, record.partition].append(record)
        self._states = states
        self._children: dict[str, list[_State]] = defaultdict(list)
        for state in states.values():
            self._children[state.lineage.origin.state].append(state)
        self._models = _Models(logs["examples.v1"])
        self._config = config
        self._ids = {key for state in states.values() for key in state.served}
        self.verdict = Verdict(states=len(states))

    def all(self) -> None:
        """Walk every state; what was not reached has no known origin."""
        reached = 0
        for root in sorted(self._children[""], key=lambda state: state.partition):
            core, origin = Core(self._models.at(root.lineage.origin.model), self._config), root.lineage.origin
            self.verdict.rebuilt += any(origin.offsets.values())
            self._consume(core, root.partition, {}, origin.offsets, {})
            pending = [(root, core, dict(origin.offsets))]
            while pending:
                state, core, cursor = pending.pop()
                pending += self._go(state, core, cursor)
                reached += len(state.served)
        self.verdict.orphans = sum(len(state.served) for state in self._states.values()) - reached

    def _go(self, state: _State, core: Core, cursor: Offsets) -> list[tuple[_State, Core, Offsets]]:
        """Check one state's forecasts; returns its successors, each with a copy of what it went on from."""
        steps: list[tuple[int, int, Any]] = [
            (sum(event.positions.values()), 0, (event, began)) for event, began in state.served.values()
        ]
        children = self._children[state.lineage.state]
        steps += [(sum(child.lineage.origin.offsets.values()), 1, child) for child in children]
        found: list[tuple[_State, Core, Offsets]] = []
        for _, is_child, step in sorted(steps, key=lambda each: each[:2]):
            if is_child:
                left = step.lineage.origin.offsets
                self._consume(core, state.partition, cursor, left, {})
                copy = Core(core.forecaster, self._config)
                copy.load(core.state())
                found.append((step, copy, dict(left)))
            else:
                self._check(core, state.partition, cursor, *step)
        return found

    def _check(self, core: Core, partition: int, cursor: Offsets, expected: ForecastMade, began: Offsets) -> None:
        core.forecaster = self._models.at(expected.model.offset)
        between, ended = self._consume(core, partition, cursor, began, expected.positions)
        self.verdict.unserved += [each.id for each in between if each.id not in self._ids and each.run_id not in ended]
        until = {topic: expected.positions.get(f"{topic}/{partition}", 0) for topic in INPUTS}
        made, _ = self._consume(core, partition, cursor, until, expected.positions)
        last = made[-1] if made else None
        if last == expected:
            self.verdict.equal += 1
        elif last is not None and last.id == expected.id:
            self.verdict.differing.append(expected.id)
        else:
            self.verdict.absent.append(expected.id)

    def _consume(
        self, core: Core, partition: int, cursor: Offsets, until: Offsets, positions: Mapping[str, int]
    ) -> tuple[list[ForecastMade], set[str]]:
        """Records up to offsets by broker time: the forecasts that came out, and the runs that ended meanwhile."""
        made: list[ForecastMade] = []
        ended: set[str] = set()
        for record in self._between(partition, cursor, until):
            try:
                event: Event = decode(record.value, record.headers)
            except InvalidEvent:
                continue
            if isinstance(event, RunFinished):
                ended.add(event.run_id)
            made += [each for each in core.handle(event, positions) if isinstance(each, ForecastMade)]
        cursor.update({topic: max(at, cursor.get(topic, 0)) for topic, at in until.items()})
        return made, ended

    def _between(self, partition: int, cursor: Offsets, until: Offsets) -> Iterator[Any]:
        streams = [self._inputs[topic, partition][cursor.get(topic, 0) : until.get(topic, 0)] for topic in INPUTS]
        return heapq.merge(*streams, key=lambda record: record.timestamp)


class _Models:
    """The model after any prefix of the examples: forward by folding, back a little from a few kept copies."""

    _EVERY, _KEPT = 250, 12

    def __init__(self, log: Sequence[Any]) -> None:
        self._log = log
        self._model = Forecaster()
        self._copies: list[tuple[int, bytes]] = []

    def at(self, offset: int) -> Forecaster:
        """The model that has folded everything before `offset`."""
        if offset < self._model.offset:
            older = [raw for at, raw in self._copies if at <= offset]
            self._model = pickle.loads(older[-1]) if older else Forecaster()
            self._copies = [(at, raw) for at, raw in self._copies if at <= offset]
        for record in self._log[self._model.offset : offset]:
            self._model.fold(decode(record.value), record.offset)
            if self._model.offset % self._EVERY == 0:
                self._copies = [*self._copies[-self._KEPT :], (self._model.offset, pickle.dumps(self._model))]
        return self._model

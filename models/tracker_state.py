"""A tracker as plain bytes and back: msgpack of declared structs, no pickles, so that any later code can read it."""

from __future__ import annotations

from typing import Any

import msgspec

from models.anomaly import AnomalyModel, AnomalyScore
from models.recent import Recent
from models.run_state import RunState
from models.surroundings import Surroundings
from models.tracker import Tracker
from streams.events import RankedMetric

__all__ = ["VERSION", "dump", "restore"]

VERSION = 1


class _Odd(msgspec.Struct):
    score: float
    ranked: list[RankedMetric]


class _State(msgspec.Struct):
    version: int
    runs: list[RunState]
    hosts: dict[str, Any]
    odd: dict[str, _Odd]
    seen: list[str]
    finished: list[str]
    counts: dict[str, int]
    around: Surroundings = msgspec.field(default_factory=Surroundings)  # older states say nothing of it


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_State)


def dump(tracker: Tracker) -> bytes:
    """Everything the tracker holds."""
    return _encoder.encode(
        _State(
            version=VERSION,
            runs=list(tracker.runs.values()),
            hosts={host: model.state() for host, model in tracker.hosts.items()},
            odd={host: _Odd(odd.score, odd.ranked) for host, odd in tracker.odd.items()},
            seen=list(tracker.seen.ids()),
            finished=list(tracker.finished.ids()),
            counts=dict(tracker.counts),
            around=tracker.around,
        )
    )


def restore(tracker: Tracker, raw: bytes) -> None:
    """Put a dump into a tracker; `ValueError` if it is none of this version."""
    try:
        state = _decoder.decode(raw)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no tracker state: {error}") from error
    if state.version != VERSION:
        raise ValueError(f"tracker state of version {state.version}, this is {VERSION}")
    tracker.runs = {run.run.run_id: run for run in state.runs}
    tracker.hosts = {host: _model(plain) for host, plain in state.hosts.items()}
    tracker.odd = {host: AnomalyScore(score=odd.score, ranked=odd.ranked) for host, odd in state.odd.items()}
    tracker.around = state.around
    tracker.around.count(run.host for run in state.runs)
    tracker.seen = Recent(tracker.limits.seen, state.seen)
    tracker.finished = Recent(tracker.limits.seen, state.finished)
    tracker.counts.clear()
    tracker.counts.update(state.counts)


def _model(plain: Any) -> AnomalyModel:
    model = AnomalyModel()
    model.load(plain)
    return model

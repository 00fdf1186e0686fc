"""What a run does with its time: seconds by kind, summed from its samples.

- `watched`: seconds between samples; a gap counts as at most a minute.
- `cpu`: core seconds used.
- `alone`: at most about one core busy. `idle`: none, though the disk was not waited for (a network, a lock, a sleep).
- `cpu_wait`, `memory_wait`, `io_wait`: in which some task waited for it (pressure stall information, of the whole
  host or container); absent where the host does not tell.
"""

from __future__ import annotations

from models.run_state import RunState
from streams.events import RunSampled

__all__ = ["count"]

_LONGEST_GAP = 60.0
_IDLE_BELOW = 0.05  # of a core
_ALONE_UP_TO = 1.2  # cores
_DISK_CALM = 0.1  # share of time waited for


def count(state: RunState, sample: RunSampled) -> None:
    """Add the seconds since the last sample; to be called before the state takes the sample in."""
    since = sample.time - (state.sampled_at or state.started_at)
    seconds = min(_LONGEST_GAP, since)
    if seconds <= 0.0:
        return
    _add(state, "watched", seconds)
    _add(state, "cpu", seconds * sample.cpu_ratio)
    if sample.cpu_ratio < _IDLE_BELOW:
        if sample.pressure.get("io", 0.0) < _DISK_CALM:
            _add(state, "idle", seconds)
    elif sample.cpu_ratio <= _ALONE_UP_TO:
        _add(state, "alone", seconds)
    for resource in ("cpu", "memory", "io"):
        if resource in sample.pressure:
            _add(state, f"{resource}_wait", seconds * min(1.0, sample.pressure[resource]))


def _add(state: RunState, kind: str, seconds: float) -> None:
    state.use[kind] = state.use.get(kind, 0.0) + seconds

"""Whom a failing or slow run holds up, and by how long: pure, from what a partition knows of pipelines and queues.

- A slow run delays what comes after it in its pipeline by as much as it is late, keeps its host that much longer, and
  delays the runs that wait for the host by that divided among the runs the host is at.
- A failed run has to be done again: what comes after it waits for that. Who only waits for the host does not, for the
  place is free. A run that will probably fail does the same with that probability.

"After" is the build order that a pipeline told at its start (jhalfs: all later packages, one at a time), else the
waiting runs of the same pipeline. Delays are of the first kind only: what a package saves elsewhere is not counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from models.run_state import RunState
from models.surroundings import SurroundingsLimits
from models.tracker import Tracker
from streams.events import Delayed

__all__ = ["ImpactPolicy", "delayed_by", "lateness"]


@dataclass(frozen=True)
class ImpactPolicy:
    """When a lateness is worth telling: beyond both, and again when it has grown by `again`."""

    least_seconds: float = 60.0
    least_ratio: float = 0.25  # of the first expected duration
    again: float = 2.0
    most: int = 200  # delayed ones in an event


def lateness(state: RunState, remaining_seconds: float, now: float, policy: ImpactPolicy) -> float:
    """Seconds that a run will be late against its first forecast; 0 where that is not news."""
    if state.expected_seconds is None:
        return 0.0
    late = state.elapsed(now) + remaining_seconds - state.expected_seconds
    floor = max(policy.least_seconds, policy.least_ratio * state.expected_seconds)
    floor = max(floor, policy.again * state.told_delay_seconds)
    return late if late >= floor else 0.0


def delayed_by(
    tracker: Tracker, state: RunState, seconds: float, now: float, slow: bool, policy: ImpactPolicy
) -> list[Delayed]:
    """Who is held up by a run that is `seconds` late (`slow`), or has to be done again; empty where nobody is."""
    later = [*_later(tracker, state)]
    found = [Delayed(kind="package", name=name, delay_seconds=seconds) for name in dict.fromkeys(later)]
    waiting = tracker.around.queue_of(state.host, now, tracker.limits.surroundings) if slow and state.host else []
    others = [one for one in waiting if not one.pipeline_id or one.pipeline_id != state.run.pipeline_id]
    if others:
        share = seconds / max(1, tracker.around.running.get(state.host, 1))
        found.append(Delayed(kind="queue", name=state.host, delay_seconds=share, runs=len(others)))
    if not found:
        return []
    hosts = Counter(host for host in _hosts(tracker, state, now, tracker.limits.surroundings) if host)
    found += [Delayed(kind="host", name=host, delay_seconds=seconds, runs=runs) for host, runs in hosts.items()]
    return sorted(found, key=_by_kind)[: policy.most]


def _later(tracker: Tracker, state: RunState) -> Iterator[str]:
    """Names of what follows a run in its pipeline."""
    pipeline_id, name = state.run.pipeline_id, state.run.name
    if not pipeline_id:
        return
    pipeline = tracker.around.pipelines.get(pipeline_id)
    if pipeline is not None and name in pipeline.packages:
        yield from pipeline.packages[pipeline.packages.index(name) + 1 :]
        return
    for one in tracker.around.waiting.values():
        if one.pipeline_id == pipeline_id and one.run_id != state.run.run_id:
            yield one.name


def _hosts(tracker: Tracker, state: RunState, now: float, limits: SurroundingsLimits) -> Iterator[str]:
    """The run's own host, and where its pipeline waits."""
    yield state.host
    since = now - limits.waiting_seconds
    for one in tracker.around.waiting.values() if state.run.pipeline_id else ():
        if one.pipeline_id == state.run.pipeline_id and one.host != state.host and one.at >= since:
            yield one.host


def _by_kind(one: Delayed) -> int:
    return ("host", "queue", "package").index(one.kind)

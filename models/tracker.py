"""The live state of one partition: its runs and hosts, from the events of its hosts in order.

`update` takes one event and says whether a forecast is due (`Moment`). Events seen before are skipped by id; events of
unknown runs are counted; memory is bounded and eviction is counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import msgspec

from models.anomaly import AnomalyModel, AnomalyScore
from models.evidence import pressing
from models.pace import note
from models.recent import Recent
from models.run_state import RunState
from models.surroundings import Surroundings, SurroundingsLimits
from models.use import count
from streams import events

__all__ = ["Moment", "Tracker", "TrackerLimits"]


@dataclass(frozen=True)
class TrackerLimits:
    """How much is kept, and how often a run is scored again (seconds)."""

    runs: int = 10_000
    hosts: int = 5_000
    seen: int = 20_000
    run_idle_seconds: float = 7 * 86_400.0
    rescore_seconds: float = 5.0
    surroundings: SurroundingsLimits = field(default_factory=SurroundingsLimits)


@dataclass(frozen=True)
class Moment:
    """A forecast is due: for which run, when and why."""

    state: RunState
    now: float
    trigger: str


class Tracker:
    """Run and host states of one partition."""

    def __init__(self, limits: TrackerLimits | None = None) -> None:
        self.limits = limits or TrackerLimits()
        self.runs: dict[str, RunState] = {}
        self.hosts: dict[str, AnomalyModel] = {}
        self.odd: dict[str, AnomalyScore] = {}
        self.around = Surroundings()
        self.seen = Recent(self.limits.seen)
        self.finished = Recent(self.limits.seen)
        self.counts: Counter[str] = Counter()

    def update(self, event: events.Event) -> Moment | None:
        """Take one event in; a `Moment` comes back when its run should be scored now."""
        key = f"{event.source}|{event.id}"
        if not self.seen.add(key):
            self.counts["repeated"] += 1
            return None
        match event:
            case events.RunStarted():
                return self._start(event)
            case events.HostSampled():
                self._host(event)
                return None
            case (
                events.StepStarted()
                | events.StepFinished()
                | events.LogSignal()
                | events.RunSampled()
                | events.ChangeObserved()
            ):
                return self._progress(event)
            case events.RunQueued() if event.run.run_id in self.runs or event.run.run_id in self.finished:
                return None  # told late
            case _:
                self.around.take(event, self.limits.surroundings)
                return None

    def finish(self, event: events.RunFinished) -> RunState | None:
        """The state of a run that has just ended, taken out; None for a repeat. An unknown run gets a bare state."""
        if not self.finished.add(event.run_id):
            self.counts["repeated"] += 1
            return None
        state = self.runs.pop(event.run_id, None)
        if state is None:
            self.counts["unknown_run_finished"] += 1
            run = events.Run(run_id=event.run_id, name=event.name, project=event.project, pipeline_id=event.pipeline_id)
            state = RunState(run=run, host=event.host, started_at=event.started_at, seen_at=event.time)
        else:
            self.around.end(event.run_id, state.host)
        _enter_stage(state, "", event.time)
        return state

    def _start(self, event: events.RunStarted) -> Moment | None:
        run_id = event.run.run_id
        if run_id in self.finished or run_id in self.runs:
            self.counts["started_again"] += 1
            return None
        self._make_room(event.time)
        met = self.around.start(event, self.limits.surroundings)
        run = msgspec.structs.replace(event.run, attributes=met | event.run.attributes) if met else event.run
        state = RunState(run=run, host=event.host, started_at=event.time, seen_at=event.time)
        state.disk_free_bytes = event.run.disk_free_bytes
        state.memory_limit_bytes = event.run.memory_limit_bytes
        self.runs[run_id] = state
        return Moment(state, event.time, "start")

    def _progress(self, event: events.Event) -> Moment | None:
        state = self.runs.get(getattr(event, "run_id", ""))
        if state is None:
            self.counts["unknown_run"] += 1
            return None
        state.seen_at = max(state.seen_at, event.time)
        match event:
            case events.StepStarted():
                _enter_stage(state, event.stage, event.time)
                return self._once(state, event.time, "stage", f"stage:{event.stage}")
            case events.LogSignal():
                return self._signal(state, event)
            case events.RunSampled():
                return self._sample(state, event)
            case events.ChangeObserved():
                return self._once(state, event.time, "change", "change")
            case _:
                return None

    def _signal(self, state: RunState, event: events.LogSignal) -> Moment | None:
        state.errors[event.error_class] = state.errors.get(event.error_class, 0) + event.count
        state.last_error, state.last_class = event.line, event.error_class
        state.fatal = state.fatal or event.fatal
        total = state.errors[event.error_class].bit_length()  # again at 1, 2, 4, 8 ... of a class
        return self._once(state, event.time, "signal", f"signal:{event.error_class}:{total}:{event.fatal}")

    def _sample(self, state: RunState, event: events.RunSampled) -> Moment | None:
        count(state, event)
        state.lines, state.silent_seconds = max(state.lines, event.lines), event.silent_seconds
        note(state.pace, state.lines, state.elapsed(event.time))
        state.longest_silence_seconds = max(state.longest_silence_seconds, event.silent_seconds)
        state.idle_seconds = _idle(state, event)
        state.sampled_at = max(state.sampled_at, event.time)
        state.cpu_ratio, state.rss_bytes = event.cpu_ratio, event.rss_bytes
        state.peak_rss_bytes = max(state.peak_rss_bytes, event.rss_bytes)
        state.progress = event.progress if event.progress is not None else state.progress
        state.memory_available_bytes = event.memory_available_bytes
        state.memory_limit_bytes = event.memory_limit_bytes or state.memory_limit_bytes
        if event.disk_free_bytes is not None:
            state.disk_free_bytes = event.disk_free_bytes
        state.pressure = event.pressure
        if event.oom_kills and event.oom_kills > state.oom_kills:
            state.oom_kills = event.oom_kills
            return self._once(state, event.time, "resource", f"oom:{event.oom_kills}")
        for mark in pressing(state, event.time):
            if moment := self._once(state, event.time, "resource", mark):
                return moment
        if event.time - state.scored_at >= self._pause(state, event.time):
            state.scored_at = event.time
            late = state.upper_seconds is not None and state.elapsed(event.time) > state.upper_seconds
            return Moment(state, event.time, "elapsed" if late else "resource")
        return None

    def _pause(self, state: RunState, now: float) -> float:
        """Seconds between routine scores: the setting, stretched for long runs so that a run has at most ~150."""
        return max(self.limits.rescore_seconds, state.elapsed(now) / 50.0)

    def _once(self, state: RunState, now: float, trigger: str, mark: str) -> Moment | None:
        if mark in state.score_marks or len(state.score_marks) >= 100:
            return None
        state.score_marks.append(mark)
        state.scored_at = now
        return Moment(state, now, trigger)

    def _host(self, event: events.HostSampled) -> None:
        model = self.hosts.pop(event.host, None)
        if model is None:
            model = AnomalyModel()
            if len(self.hosts) >= self.limits.hosts:
                oldest = next(iter(self.hosts))
                del self.hosts[oldest]
                self.odd.pop(oldest, None)
                self.counts["evicted_host"] += 1
        self.hosts[event.host] = model  # moved to the end: the order is of last use
        self.odd[event.host] = model.update(event.metrics, event.time)

    def _make_room(self, now: float) -> None:
        while self.runs:
            oldest = next(iter(self.runs))
            idle = now - self.runs[oldest].seen_at > self.limits.run_idle_seconds
            if not idle and len(self.runs) < self.limits.runs:
                return
            self.around.end(oldest, self.runs.pop(oldest).host)
            self.counts["evicted_run"] += 1


def _enter_stage(state: RunState, stage: str, now: float) -> None:
    if state.stage:
        spent = max(0.0, now - state.stage_started_at)
        state.stages[state.stage] = state.stages.get(state.stage, 0.0) + spent
    state.stage, state.stage_started_at = stage, now


def _idle(state: RunState, event: events.RunSampled) -> float:
    """Seconds that the run has been both silent and idle: they end with a line or with work."""
    if event.cpu_ratio > 0.05 or event.silent_seconds <= 0.0:
        return 0.0
    since = max(0.0, event.time - (state.sampled_at or event.time))
    return min(event.silent_seconds, state.idle_seconds + since)

"""A whole system build that is followed from outside: what it will still take, its risk, disk and memory ahead of need.

The duration model starts from what the state folder has learned, else from the published Linux From Scratch builds, and
learns each package of this build as it ends: after the first one the rest has an estimate. The risk of the package
that is built now is the newest forecast of its run. Steps that build no package (no archive, never timed) count
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from buildcast.live import clock
from collectors.jhalfs.facts import Machine, run_of
from collectors.jhalfs.layout import Plan
from collectors.jhalfs.memory import Memory, Package
from collectors.jhalfs.view import BuildView
from models.duration import DurationModel
from models.pipeline import BuildProgress, remaining_seconds
from models.sbu import published_disk
from streams.events import Event, ExampleRecorded, ForecastMade, Interval, Run

__all__ = ["Outlook", "SystemBuild", "duration_model", "outlook_line"]

_BYTES_A_JOB = 1_000_000_000  # the rule of thumb for a C++ compiler at work


@dataclass(frozen=True)
class Outlook:
    """What is ahead. `risk` is of the package now; `disk_needed_bytes` is the most that one package to come needs."""

    remaining: Interval | None
    risk: float | None
    disk_needed_bytes: int | None
    disk_for: str
    memory_needed_bytes: int


def duration_model(state: Path) -> DurationModel:
    """What the state folder's model knows of durations; the published first costs where it has learned nothing."""
    from buildcast.local import LocalPaths
    from buildcast.replica_file import load_forecaster

    paths = LocalPaths(state)
    return load_forecaster(paths).duration if paths.examples.exists() else DurationModel()


class SystemBuild:
    """One build as it goes on."""

    def __init__(self, model: DurationModel, host: str, machine: Machine) -> None:
        self._model = model
        self._host = host
        self._machine = machine
        self._learned: set[str] = set()
        self._risks: dict[str, float] = {}

    def hear(self, event: Event) -> None:
        """A forecast made of one of its packages."""
        if isinstance(event, ForecastMade):
            self._risks[event.run_id] = event.risk

    def outlook(self, plan: Plan, memory: Memory, now: float) -> Outlook:
        """What is ahead of the build as remembered."""
        done: list[tuple[Run, float]] = []
        current: tuple[Run, Package] | None = None
        to_come: list[Run] = []
        reached = max((n for n, target in enumerate(plan.targets) if target.target in memory.packages), default=-1)
        for number, target in enumerate(plan.targets):
            package, run = memory.packages.get(target.target), run_of(plan, target, self._machine, target.target)
            if package is None:
                to_come += [run] if number > reached and (target.version or self._model.knows(run)) else []
            elif package.state == "success":
                self._learn(run, package)
                done.append((run, _seconds(package)))
            elif package.state == "running":
                current = (run, package)
            else:
                to_come.append(run)
        return self._ahead(done, current, to_come, now)

    def _ahead(
        self, done: list[tuple[Run, float]], current: tuple[Run, Package] | None, to_come: list[Run], now: float
    ) -> Outlook:
        elapsed = max(0.0, now - current[1].begun_at) if current else 0.0
        progress = BuildProgress(done, current[0] if current else None, elapsed, to_come)
        remaining = remaining_seconds(self._model, progress, now, self._host) if done else None
        needs = {run.name: published_disk()[run.name] for run in to_come if run.name in published_disk()}
        largest = max(needs, key=lambda name: needs[name], default="")
        return Outlook(
            remaining=remaining,
            risk=self._risks.get(current[1].run_id) if current else None,
            disk_needed_bytes=needs.get(largest),
            disk_for=largest,
            memory_needed_bytes=(self._machine.parallelism or 1) * _BYTES_A_JOB if to_come or current else 0,
        )

    def _learn(self, run: Run, package: Package) -> None:
        if package.run_id in self._learned:
            return
        self._learned.add(package.run_id)
        ended_at = package.ended_at or package.begun_at
        self._model.learn(
            ExampleRecorded(
                id=package.run_id,
                source="/jhalfs",
                time=ended_at,
                host=self._host,
                run=run,
                outcome="success",
                started_at=package.begun_at,
                seconds=_seconds(package),
            )
        )


def outlook_line(view: BuildView, ahead: Outlook, disk_free_bytes: int, memory_free_bytes: int) -> str:
    """The build in a line: done, now, risk, time left with its interval, and what will not suffice."""
    parts = [f"{view.done} of {len(view.packages)} targets logged and done in {clock(view.elapsed_seconds)}"]
    if view.now is not None:
        now = view.now
        risk = f", risk {ahead.risk:.0%}" if ahead.risk is not None else ""
        parts.append(f"now {now.name} {now.version} ({now.stage or 'begun'}, {clock(now.seconds or 0.0)}{risk})")
    else:
        parts.append("over" if view.over else "nothing is being built")
    if ahead.remaining is not None and not view.over:
        left = ahead.remaining
        parts.append(f"whole build: {clock(left.point)} left ({clock(left.lower)}-{clock(left.upper)})")
    if ahead.disk_needed_bytes is not None and ahead.disk_needed_bytes > disk_free_bytes and not view.over:
        parts.append(f"DISK: {ahead.disk_for} needs about {_gb(ahead.disk_needed_bytes)}, {_gb(disk_free_bytes)} free")
    if ahead.memory_needed_bytes > memory_free_bytes and not view.over:
        needed, free = _gb(ahead.memory_needed_bytes), _gb(memory_free_bytes)
        parts.append(f"MEMORY: compilers side by side may need {needed}, {free} available")
    return "; ".join(parts)


def _seconds(package: Package) -> float:
    if package.seconds is not None:
        return package.seconds
    return max(0.0, (package.ended_at or package.begun_at) - package.begun_at)


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"

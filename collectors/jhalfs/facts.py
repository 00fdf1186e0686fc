"""The events of a jhalfs build, made from what the follower knows. Changes a package's stage and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from collectors.jhalfs.layout import Plan, Target
from collectors.jhalfs.memory import Package
from collectors.output import SignalSeen
from collectors.signals import Signal, root_class
from streams.events import (
    Event,
    LogSignal,
    Outcome,
    PipelineFinished,
    PipelineStarted,
    Run,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
)

__all__ = [
    "Build",
    "Machine",
    "finished",
    "pipeline_finished",
    "pipeline_started",
    "run_of",
    "signal",
    "stage_entered",
    "started",
]

SOURCE = "/jhalfs"


@dataclass(frozen=True)
class Machine:
    """The host a build runs on; None or empty where it is not known (an imported build)."""

    cpu_model: str = ""
    cpu_count: int | None = None
    memory_bytes: int | None = None
    parallelism: int | None = None


@dataclass(frozen=True)
class Build:
    """Which build the facts are of."""

    pipeline_id: str
    plan: Plan
    host: str
    machine: Machine


def pipeline_started(build: Build, at: float, ends: int) -> PipelineStarted:
    """The build began, or was taken up again after it had ended `ends` times."""
    return PipelineStarted(
        id=f"{build.pipeline_id}/started/{ends}",
        source=SOURCE,
        time=at,
        host=build.host,
        pipeline_id=build.pipeline_id,
        name=build.plan.programme,
        project=build.plan.programme,
        packages=[target.name for target in build.plan.targets],
    )


def pipeline_finished(build: Build, begun_at: float, ended_at: float, outcome: Outcome, ends: int) -> PipelineFinished:
    """The build ended for the `ends`-th time."""
    return PipelineFinished(
        id=f"{build.pipeline_id}/finished/{ends}",
        source=SOURCE,
        time=ended_at,
        host=build.host,
        pipeline_id=build.pipeline_id,
        name=build.plan.programme,
        project=build.plan.programme,
        outcome=outcome,
        seconds=max(0.0, ended_at - begun_at),
    )


def run_of(plan: Plan, target: Target, machine: Machine, run_id: str, pipeline_id: str = "") -> Run:
    """The run that builds a target."""
    return Run(
        run_id=run_id,
        name=target.name,
        project=plan.programme,
        branch=target.phase,
        event_type="local",
        version=target.version,
        pipeline_id=pipeline_id,
        parallelism=machine.parallelism,
        cpu_model=machine.cpu_model,
        cpu_count=machine.cpu_count,
        memory_bytes=machine.memory_bytes,
    )


def started(build: Build, target: Target, package: Package) -> RunStarted:
    """A package began."""
    run = run_of(build.plan, target, build.machine, package.run_id, build.pipeline_id)
    version = target.version or _version_of(package.log, target.target)
    return RunStarted(
        id=f"{package.run_id}/started",
        source=SOURCE,
        time=package.begun_at,
        host=build.host,
        run=msgspec.structs.replace(run, version=version),
    )


def stage_entered(build: Build, package: Package, stage: str, at: float) -> Iterator[Event]:
    """The package left its stage for another."""
    if stage == package.stage:
        return
    at = max(at, package.stage_begun_at)
    yield from _stage_left(build, package, at)
    package.stage, package.stage_index, package.stage_begun_at = stage, package.stage_index + 1, at
    yield StepStarted(
        id=f"{package.run_id}/step/{package.stage_index}/started",
        source=SOURCE,
        time=at,
        host=build.host,
        run_id=package.run_id,
        stage=stage,
        index=package.stage_index,
    )


def signal(build: Build, package: Package, seen: SignalSeen, place: str) -> LogSignal:
    """A line that says something; `place` (where it was read) makes its id."""
    return LogSignal(
        id=f"{package.run_id}/signal/{place}",
        source=SOURCE,
        time=max(package.begun_at, seen.at),
        host=build.host,
        run_id=package.run_id,
        error_class=seen.error_class,
        stage=seen.stage,
        line=seen.line,
        count=seen.count,
        fatal=seen.fatal,
    )


def finished(build: Build, target: Target, package: Package, code: int = 0) -> Iterator[Event]:
    """The package ended at `package.ended_at`; jhalfs's own seconds where the log has them."""
    ended_at = max(package.begun_at, package.ended_at or package.begun_at)
    yield from _stage_left(build, package, max(ended_at, package.stage_begun_at))
    failed = package.state == "failure"
    classes = [Signal(error_class, fatal) for error_class, fatal in package.signals]
    disk = None
    if package.first_kib is not None and package.last_kib is not None and package.last_kib > package.first_kib:
        disk = (package.last_kib - package.first_kib) * 1024
    yield RunFinished(
        id=f"{package.run_id}/finished",
        source=SOURCE,
        time=ended_at,
        host=build.host,
        run_id=package.run_id,
        name=target.name,
        project=build.plan.programme,
        outcome="failure" if failed else "success",
        started_at=package.begun_at,
        seconds=package.seconds if package.seconds is not None else ended_at - package.begun_at,
        exit_code=code if failed else 0,
        error_class=root_class(classes) if failed else "",
        pipeline_id=build.pipeline_id,
        disk_used_bytes=disk,
    )


def _stage_left(build: Build, package: Package, at: float) -> Iterator[Event]:
    if not package.stage:
        return
    yield StepFinished(
        id=f"{package.run_id}/step/{package.stage_index}/finished",
        source=SOURCE,
        time=at,
        host=build.host,
        run_id=package.run_id,
        stage=package.stage,
        started_at=package.stage_begun_at,
        seconds=max(0.0, at - package.stage_begun_at),
        index=package.stage_index,
    )


def _version_of(log: str, target: str) -> str:
    return log[len(target) + 1 :] if len(log) > len(target) else ""

"""How far a whole system build is, for a person: every package's state, the one that is built now, time so far."""

from __future__ import annotations

from dataclasses import dataclass

from collectors.jhalfs.layout import Plan
from collectors.jhalfs.memory import Memory

__all__ = ["BuildView", "PackageView", "view_of"]


@dataclass(frozen=True)
class PackageView:
    """One package. `seconds` so far where it runs."""

    name: str
    version: str
    phase: str
    state: str  # waiting, running, success, failure
    stage: str = ""
    seconds: float | None = None
    lines: int = 0


@dataclass(frozen=True)
class BuildView:
    """The whole build. `done` counts packages that succeeded."""

    packages: tuple[PackageView, ...]
    now: PackageView | None
    done: int
    elapsed_seconds: float
    over: bool


def view_of(plan: Plan, memory: Memory, at: float) -> BuildView:
    """The build as remembered, seen at a moment."""
    packages = tuple(_package(plan, memory, index, at) for index in range(len(plan.targets)))
    begun = [package.begun_at for package in memory.packages.values()]
    ended = [package.ended_at for package in memory.packages.values() if package.ended_at is not None]
    last = max(ended, default=at) if memory.over else at
    return BuildView(
        packages=packages,
        now=next((package for package in packages if package.state == "running"), None),
        done=sum(package.state == "success" for package in packages),
        elapsed_seconds=max(0.0, last - min(begun)) if begun else 0.0,
        over=memory.over,
    )


def _package(plan: Plan, memory: Memory, index: int, at: float) -> PackageView:
    target = plan.targets[index]
    known = memory.packages.get(target.target)
    if known is None:
        return PackageView(target.name, target.version, target.phase, "waiting")
    ended_at = known.ended_at if known.ended_at is not None else at
    seconds = known.seconds if known.seconds is not None else max(0.0, ended_at - known.begun_at)
    return PackageView(target.name, target.version, target.phase, known.state, known.stage, seconds, known.lines)

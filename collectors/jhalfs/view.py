"""How far a whole system build is, for a person: package now, stage, share done, and what the rest usually takes.

`usual` gives a package's cost in SBU (one SBU is the time of binutils pass 1) from earlier builds; a package without
one counts as the middle of the others. Until the first package has ended, an
SBU has no seconds and the rest no estimate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

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
    """The whole build. `done_ratio` is weighed by the usual cost; `remaining_seconds` None where nothing is known."""

    packages: tuple[PackageView, ...]
    now: PackageView | None
    done: int
    done_ratio: float
    elapsed_seconds: float
    sbu_seconds: float | None
    remaining_seconds: float | None
    over: bool


def view_of(plan: Plan, memory: Memory, usual: Mapping[str, float], at: float) -> BuildView:
    """The build as remembered, seen at a moment."""
    packages = tuple(_package(plan, memory, index, at) for index in range(len(plan.targets)))
    logged = [package for package in packages if package.state != "waiting"]
    reached = max((index for index, package in enumerate(packages) if package.state != "waiting"), default=-1)
    weights = _weights(packages, usual)
    whole = sum(weights.values())
    spent = sum(_spent(package, weights[package.name], index < reached) for index, package in enumerate(packages))
    sbu = _sbu_seconds(packages, usual)
    running = next((package for package in packages if package.state == "running"), None)
    begun = [package.begun_at for package in memory.packages.values()]
    ended = [package.ended_at for package in memory.packages.values() if package.ended_at is not None]
    over = memory.over
    last = max(ended, default=at) if over else at
    left = max(0.0, whole - spent)
    return BuildView(
        packages=packages,
        now=running,
        done=sum(package.state == "success" for package in logged),
        done_ratio=min(1.0, spent / whole) if whole else 0.0,
        elapsed_seconds=max(0.0, last - min(begun)) if begun else 0.0,
        sbu_seconds=sbu,
        remaining_seconds=left * sbu if sbu is not None else None,
        over=over,
    )


def _package(plan: Plan, memory: Memory, index: int, at: float) -> PackageView:
    target = plan.targets[index]
    known = memory.packages.get(target.target)
    if known is None:
        return PackageView(target.name, target.version, target.phase, "waiting")
    ended_at = known.ended_at if known.ended_at is not None else at
    seconds = known.seconds if known.seconds is not None else max(0.0, ended_at - known.begun_at)
    return PackageView(target.name, target.version, target.phase, known.state, known.stage, seconds, known.lines)


def _weights(packages: tuple[PackageView, ...], usual: Mapping[str, float]) -> dict[str, float]:
    known = [usual[package.name] for package in packages if package.name in usual]
    middle = median(known) if known else 1.0
    return {package.name: usual.get(package.name, middle) for package in packages}


def _spent(package: PackageView, weight: float, passed: bool) -> float:
    """A step that left no log (it builds no package) is done when a later one has begun."""
    return weight if package.state == "success" or (package.state == "waiting" and passed) else 0.0


def _sbu_seconds(packages: tuple[PackageView, ...], usual: Mapping[str, float]) -> float | None:
    """Seconds an SBU takes here: all that is done over what it usually costs, so that one odd package weighs little."""
    done = [package for package in packages if package.state == "success" and usual.get(package.name)]
    cost = sum(usual[package.name] for package in done)
    return sum(package.seconds or 0.0 for package in done) / cost if cost else None

"""When a whole build will be done: the packages still to come, in order, each by the duration model.

The packages' errors are partly shared (the host is as slow as it is for all of them) and partly their own. Own parts
average out, the shared one does not: the interval's half width is the root of the sum of squares of own parts, plus
the shared parts summed, with `shared` the share of a package's log spread that is common.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.duration import DurationModel
from streams.events import Interval, Run

__all__ = ["BuildProgress", "PipelineConfig", "remaining_seconds", "total_seconds"]


@dataclass(frozen=True)
class PipelineConfig:
    """`shared`: share (0 to 1) of a package's half width that all packages of the build have in common."""

    shared: float = 0.35


@dataclass(frozen=True)
class BuildProgress:
    """A build at a moment: runs done with their seconds, the run that is on with its elapsed, and runs to come."""

    done: Sequence[tuple[Run, float]]
    current: Run | None
    elapsed_seconds: float
    to_come: Sequence[Run]
    progress: float | None = None  # of the current run


def remaining_seconds(
    model: DurationModel,
    build: BuildProgress,
    now: float,
    host: str = "",
    config: PipelineConfig | None = None,
) -> Interval | None:
    """Seconds until the build is done, with a 95 % interval. None if a package to come has no forecast at all."""
    parts: list[Interval] = []
    if build.current is not None:
        total = model.predict(build.current, now, host, build.elapsed_seconds, build.progress)
        if total is None:
            return None
        parts.append(_less(total, build.elapsed_seconds))
    for run in build.to_come:
        forecast = model.predict(run, now, host)
        if forecast is None:
            return None
        parts.append(forecast)
    return _sum(parts, (config or PipelineConfig()).shared)


def total_seconds(
    model: DurationModel,
    build: BuildProgress,
    now: float,
    host: str = "",
    config: PipelineConfig | None = None,
) -> Interval | None:
    """Seconds of the whole build: what has passed and what remains."""
    rest = remaining_seconds(model, build, now, host, config)
    if rest is None:
        return None
    passed = sum(seconds for _, seconds in build.done) + build.elapsed_seconds
    return Interval(point=passed + rest.point, lower=passed + rest.lower, upper=passed + rest.upper)


def _less(total: Interval, elapsed: float) -> Interval:
    return Interval(
        point=max(0.0, total.point - elapsed),
        lower=max(0.0, total.lower - elapsed),
        upper=max(0.0, total.upper - elapsed),
    )


def _sum(parts: Iterable[Interval], shared: float) -> Interval:
    point = common_down = common_up = own_down = own_up = 0.0
    for part in parts:
        down, up = max(0.0, part.point - part.lower), max(0.0, part.upper - part.point)
        point += part.point
        common_down += shared * down
        common_up += shared * up
        own_down += (1.0 - shared**2) * down**2
        own_up += (1.0 - shared**2) * up**2
    down, up = common_down + math.sqrt(own_down), common_up + math.sqrt(own_up)
    return Interval(point=point, lower=max(0.0, point - down), upper=point + up)

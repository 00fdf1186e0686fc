"""What held a run back and what would save time: pure judgements over its use, with savings by the duration model.

- Jobs: what ran on one core stays, the rest is shared among more (Amdahl, 1967); where the model has timed the package
  at that number of jobs, both are weighed by their precision.
- Another host, a warm cache: what the duration model has learned of them; silent while it has learned nothing.
- Disk in memory, more memory: at most the seconds waited for it, at least nothing.

Advice is kept by package, and looked at again when a later run has followed it: see models.advisor.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from models.duration import DurationModel
from streams.events import Advice, ExampleRecorded, HeldBack, Interval, Resource

__all__ = ["advise", "held_back"]

_LEAST_SECONDS, _LEAST_SHARE = 3.0, 0.03  # of saving, to be worth a word
_MOST = 5
_AMDAHL_DOUBT = 0.2  # standard deviation of the log of a duration at another number of jobs


def held_back(example: ExampleRecorded) -> list[HeldBack]:
    """What kept the run from being faster, worst first; empty for one that was not watched."""
    return sorted(_held_back(example), key=lambda one: -one.seconds)


def advise(example: ExampleRecorded, duration: DurationModel) -> list[Advice]:
    """Changes that are expected to save time the next time, best first."""
    seconds = example.seconds or 0.0
    least = max(_LEAST_SECONDS, _LEAST_SHARE * seconds)
    if example.outcome != "success" or not example.use.get("watched"):
        return []
    found = [*_jobs(example, duration), *_learned(example, duration), *_waits(example)]
    worth = [one for one in found if one.saving_seconds.point >= least and one.saving_seconds.upper > 0.0]
    return sorted(worth, key=lambda one: -one.saving_seconds.point)[:_MOST]


def _held_back(example: ExampleRecorded) -> Iterator[HeldBack]:
    use, run = example.use, example.run
    watched = use.get("watched", 0.0)
    if watched <= 0.0:
        return
    cores, jobs, busy = run.cpu_count or 0, run.parallelism or 0, use["cpu"] / watched
    share = {kind: use.get(kind, 0.0) / watched for kind in ("alone", "idle", "cpu_wait", "memory_wait", "io_wait")}
    if share["memory_wait"] >= 0.05:
        yield _told("memory", share["memory_wait"], watched, "some task waited for memory")
    if share["io_wait"] >= 0.1:
        yield _told("io", share["io_wait"], watched, "some task waited for the disk")
    if share["idle"] >= 0.1:
        yield _told("network", share["idle"], watched, "neither CPU nor disk was used: a network, a lock or a sleep")
    if share["cpu_wait"] >= 0.3 and cores and jobs > 1.5 * cores:
        yield _told("jobs", share["cpu_wait"], watched, f"{jobs} jobs wait for {cores} cores")
    elif share["cpu_wait"] >= 0.3:
        yield _told("cpu", share["cpu_wait"], watched, "some task waited for a core")
    if jobs > 1 and share["alone"] >= 0.3:
        yield _told("lock-step", share["alone"], watched, f"one core at work where {jobs} jobs were allowed")
    if cores > jobs > 0 and busy >= 0.8 * jobs:
        yield _told("jobs", 1.0 - jobs / cores, watched, f"{jobs} of {cores} cores in use")


def _told(resource: Resource, share: float, watched: float, text: str) -> HeldBack:
    return HeldBack(resource=resource, share=share, seconds=share * watched, text=text)


def _jobs(example: ExampleRecorded, duration: DurationModel) -> Iterator[Advice]:
    """As many jobs as there are cores."""
    run, use = example.run, example.use
    cores, jobs = run.cpu_count or 0, run.parallelism or 0  # no jobs: not known, or as many as there is work
    if cores < 1 or jobs < 1 or jobs == cores:
        return
    then = msgspec.structs.replace(run, parallelism=cores)
    learned = duration.compare(run, then, example.host, example.host)
    if cores > jobs:
        log_ratio, variance = _amdahl(example, jobs, cores)
        if learned is not None:
            log_ratio, variance = _weighed((log_ratio, variance), learned)
    elif learned is not None:
        log_ratio, variance = learned
    else:
        waited = use.get("cpu_wait", 0.0) if jobs > 1.5 * cores else 0.0
        if waited:
            share = 0.1 * waited / use["watched"]  # switching and cache misses, not the waiting itself
            yield Advice(
                change=f"jobs={cores}", text=f"-j{cores}, as many as there are cores",
                saving_seconds=_shared(example, 0.0, share, 2.0 * share),
            )  # fmt: skip
        return
    yield Advice(
        change=f"jobs={cores}", text=f"-j{cores}, as many as there are cores",
        saving_seconds=_saving(example, log_ratio, variance),
    )  # fmt: skip


def _amdahl(example: ExampleRecorded, jobs: int, cores: int) -> tuple[float, float]:
    """Log of the duration's ratio. At one job nothing tells what could run side by side: half of it, very doubtful."""
    watched = example.use["watched"]
    if jobs > 1:
        alone = min(1.0, (example.use.get("alone", 0.0) + example.use.get("idle", 0.0)) / watched)
        doubt = _AMDAHL_DOUBT
    else:
        alone, doubt = 0.5, 2.0 * _AMDAHL_DOUBT
    return math.log(alone + (1.0 - alone) * jobs / cores), doubt**2


def _learned(example: ExampleRecorded, duration: DurationModel) -> Iterator[Advice]:
    """What the duration model knows of other hosts and of warm caches."""
    run = example.run
    quickest = duration.quickest_host(besides=example.host)
    if quickest is not None and example.host:
        ratio = duration.compare(run, run, example.host, quickest)
        if ratio is not None:
            text = f"on {quickest}, the quickest host known"
            yield Advice(change=f"host={quickest}", text=text, saving_seconds=_saving(example, *ratio))
    if run.cache_warm is False:
        ratio = duration.compare(run, msgspec.structs.replace(run, cache_warm=True), example.host, example.host)
        if ratio is not None:
            text = "a compiler cache that is warm (ccache, sccache)"
            yield Advice(change="cache=warm", text=text, saving_seconds=_saving(example, *ratio))


def _waits(example: ExampleRecorded) -> Iterator[Advice]:
    watched = example.use["watched"]
    memory, disk = (example.use.get(kind, 0.0) / watched for kind in ("memory_wait", "io_wait"))
    if memory >= 0.05:
        text = "more memory, or fewer jobs at once"
        yield Advice(change="memory=more", text=text, saving_seconds=_shared(example, 0.0, 0.5 * memory, memory))
    if disk >= 0.1:
        text = "the build tree on a file system in memory (tmpfs) or on a quicker disk"
        yield Advice(change="disk=memory", text=text, saving_seconds=_shared(example, 0.0, 0.5 * disk, disk))


def _saving(example: ExampleRecorded, log_ratio: float, variance: float) -> Interval:
    spread = 1.96 * math.sqrt(variance)
    return _shared(example, *(1.0 - math.exp(log_ratio + side) for side in (spread, 0.0, -spread)))


def _shared(example: ExampleRecorded, lower: float, point: float, upper: float) -> Interval:
    seconds = example.seconds or 0.0
    return Interval(point=point * seconds, lower=lower * seconds, upper=upper * seconds)


def _weighed(*told: tuple[float, float]) -> tuple[float, float]:
    weights = [1.0 / max(1e-6, variance) for _, variance in told]
    return math.fsum(w * mean for w, (mean, _) in zip(weights, told, strict=True)) / sum(weights), 1.0 / sum(weights)

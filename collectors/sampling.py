"""Samples of a run's process tree and of its host, at moments that come less often as the run grows older."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil

from collectors.host import HostSampler
from collectors.output import Output
from collectors.pressure import CgroupLimits, read_pressure
from collectors.process_tree import ProcessUse, TreeUse, read_tree
from collectors.run_facts import RunOptions
from streams.events import Event, HostSampled, ProcessSample, RunSampled

__all__ = ["RunSampler", "busiest"]

_TOP = 5


class RunSampler:
    """Gives what is due. `began` and `now` are monotonic seconds, `wall` is what events carry."""

    def __init__(self, pid: int, run_id: str, options: RunOptions, began: float, proc: Path = Path("/proc")) -> None:
        self._pid, self._run_id, self._options, self._proc = pid, run_id, options, proc
        self._began = began
        self._policy = options.telemetry
        self._pause = self._policy.first_sample_seconds
        self._sample_at = began + self._pause
        self._host_at = began
        self._before, self._before_at = TreeUse(), began
        self._host = HostSampler(options.folder, proc)
        self._limits = CgroupLimits(proc)
        self._kills_before = self._limits.read().oom_kills or 0
        self._number = 0

    def next_at(self) -> float:
        """The next moment at which something is due."""
        return min(self._sample_at, self._host_at)

    def oom_kills(self) -> int:
        """Processes of this cgroup killed for want of memory since the run began."""
        return max(0, (self._limits.read().oom_kills or 0) - self._kills_before)

    def due(self, now: float, wall: float, output: Output) -> Iterator[Event]:
        """Samples whose moment has come."""
        if now >= self._sample_at:
            yield self._sample(now, wall, output)
            self._pause = min(self._policy.last_sample_seconds, self._pause * self._policy.growth)
            self._sample_at = now + self._pause
        if now >= self._host_at:
            yield self._host_sample(now, wall)
            self._host_at = now + self._policy.host_sample_seconds

    def _sample(self, now: float, wall: float, output: Output) -> RunSampled:
        use, seconds = read_tree(self._pid, self._proc), max(1e-3, now - self._before_at)
        before, self._before, self._before_at = self._before, use, now
        limits = self._limits.read()
        space = os.statvfs(self._options.folder)
        self._number += 1
        host = self._options.host_id
        return RunSampled(
            id=f"{self._run_id}-use-{self._number}",
            source=f"/hosts/{host}",
            time=wall,
            host=host,
            run_id=self._run_id,
            cpu_ratio=max(0.0, use.cpu_seconds - before.cpu_seconds) / seconds,
            rss_bytes=use.rss_bytes,
            read_bytes=use.read_bytes,
            write_bytes=use.write_bytes,
            processes=len(use.living),
            top=busiest(use, before, seconds),
            lines=output.lines,
            silent_seconds=output.silent_seconds(now),
            progress=output.progress,
            memory_available_bytes=psutil.virtual_memory().available,
            memory_limit_bytes=limits.limit_bytes,
            disk_free_bytes=space.f_bavail * space.f_frsize,
            oom_kills=None if limits.oom_kills is None else max(0, limits.oom_kills - self._kills_before),
            pressure=read_pressure(self._proc),
            elapsed_seconds=max(0.0, now - self._began),
        )

    def _host_sample(self, now: float, wall: float) -> HostSampled:
        self._number += 1
        host = self._options.host_id
        return HostSampled(
            id=f"{self._run_id}-host-{self._number}",
            source=f"/hosts/{host}",
            time=wall,
            host=host,
            metrics=self._host.sample(now),
        )


def busiest(use: TreeUse, before: TreeUse, seconds: float) -> list[ProcessSample]:
    """The processes that used most CPU since `before`, then most memory; by name only, for arguments may be secret."""
    earlier = {process.pid: process.own_seconds for process in before.living}

    def ratio(process: ProcessUse) -> float:
        return max(0.0, process.own_seconds - earlier.get(process.pid, 0.0)) / seconds

    ranked = sorted(use.living, key=lambda process: (-ratio(process), -process.rss_bytes))[:_TOP]
    return [ProcessSample(name=one.name, cpu_ratio=round(ratio(one), 4), rss_bytes=one.rss_bytes) for one in ranked]

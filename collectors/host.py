"""What a host uses and how short it is of it, by OpenTelemetry name.

Rates are per second since the sample before; the first sample has none. Ratios are 0 to 1. A source that is lost (no
permission, no such file) is named once by `lost` and asked again at each sample; the others go on.
Source: OpenTelemetry semantic conventions 1.44, system metrics; psutil.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil

from collectors.pressure import CgroupLimits, read_pressure

__all__ = ["FIELDS", "BUILD_TOOLS", "Field", "HostSampler"]


class Field(NamedTuple):
    """What a metric means."""

    unit: str
    description: str


FIELDS: dict[str, Field] = {
    "system.cpu.utilization": Field("1", "share of all CPUs at work"),
    "system.cpu.utilization.iowait": Field("1", "share of all CPUs waiting for the disk"),
    "system.cpu.utilization.steal": Field("1", "share of all CPUs taken by other virtual machines"),
    "system.cpu.load_average.1m": Field("{thread}", "runnable tasks per CPU, averaged over a minute"),
    "system.cpu.load_average.15m": Field("{thread}", "runnable tasks per CPU, averaged over 15 minutes"),
    "system.memory.utilization": Field("1", "share of memory that cannot be had without paging"),
    "system.memory.usage": Field("By", "memory in use"),
    "system.memory.available": Field("By", "memory that can be had without paging"),
    "system.paging.utilization": Field("1", "share of swap in use"),
    "system.paging.io.in": Field("By/s", "bytes read back from swap"),
    "system.paging.io.out": Field("By/s", "bytes written to swap"),
    "system.disk.io.read": Field("By/s", "bytes read from all disks"),
    "system.disk.io.write": Field("By/s", "bytes written to all disks"),
    "system.disk.operations": Field("{operation}/s", "reads and writes of all disks"),
    "system.disk.io_time": Field("1", "share of the time in which the busiest disk was busy"),
    "system.filesystem.utilization": Field("1", "share of the build's file system in use"),
    "system.filesystem.free": Field("By", "bytes an ordinary user may still write on the build's file system"),
    "system.filesystem.inodes.utilization": Field("1", "share of the build's file system's inodes in use"),
    "system.network.io.receive": Field("By/s", "bytes received, loopback aside"),
    "system.network.io.transmit": Field("By/s", "bytes sent, loopback aside"),
    "system.network.errors": Field("{error}/s", "packets lost or broken, loopback aside"),
    "system.network.interfaces.up": Field("{interface}", "interfaces that are up, loopback aside"),
    "system.pressure.cpu": Field("1", "share of the last 10 s in which some task waited for a CPU"),
    "system.pressure.memory": Field("1", "share of the last 10 s in which some task waited for memory"),
    "system.pressure.memory.full": Field("1", "share of the last 10 s in which all tasks waited for memory"),
    "system.pressure.io": Field("1", "share of the last 10 s in which some task waited for the disk"),
    "system.pressure.io.full": Field("1", "share of the last 10 s in which all tasks waited for the disk"),
    "system.processes.count": Field("{process}", "processes there are"),
    "system.processes.build_tools": Field("{process}", "compilers, linkers and build tools among them"),
    "container.memory.limit": Field("By", "the tightest memory limit of this cgroup and those above"),
    "container.memory.usage": Field("By", "memory of this cgroup"),
    "container.memory.oom_kills": Field("{process}", "processes of this cgroup killed for want of memory"),
    "hw.temperature": Field("Cel", "the warmest sensor"),
}
"""Every metric with its unit (UCUM) and meaning."""

BUILD_TOOLS: frozenset[str] = frozenset(
    (
        *("make", "gmake", "ninja", "cmake", "ctest", "meson", "configure", "libtool", "ccache", "sccache", "distcc"),
        *("cc", "cc1", "cc1plus", "cc1obj", "gcc", "g++", "clang", "clang++", "f951", "gfortran", "lto1", "rustc"),
        *("as", "ar", "ld", "ld.bfd", "ld.gold", "ld.lld", "lld", "mold", "collect2", "lto-wrapper", "link"),
        *("cargo", "go", "compile", "javac", "mvn", "gradle", "bazel", "sbt", "node", "npm"),
    )
)
"""Names of processes that build."""


@dataclass
class _Before:
    """Counters of the sample before, for rates."""

    at: float
    counters: dict[str, float]


class HostSampler:
    """Reads a host's metrics. One sampler a loop: rates are kept between samples."""

    def __init__(
        self, folder: Path = Path("."), proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")
    ) -> None:
        self._folder = folder
        self._proc = proc
        self._cgroup = CgroupLimits(proc, cgroup)
        self._before: _Before | None = None
        self._lost: set[str] = set()
        self._said: set[str] = set()
        self._cpus = os.cpu_count() or 1
        psutil.cpu_times_percent(interval=None)  # what the first sample is compared with
        self._sources: dict[str, Callable[[], Mapping[str, float]]] = {
            "cpu": self._cpu, "memory": self._memory, "swap": self._swap, "disks": self._disks,
            "file system": self._filesystem, "network": self._network, "pressure": self._pressure,
            "processes": self._processes, "cgroup": self._limits, "temperature": _temperature,
        }  # fmt: skip

    def sample(self, now: float) -> dict[str, float]:
        """All metrics that can be had now."""
        gauges: dict[str, float] = {}
        counters: dict[str, float] = {}
        for name, read in self._sources.items():
            try:
                found = read()
            except (OSError, psutil.Error, ValueError, AttributeError, RuntimeError, NotImplementedError):
                self._lost.add(name)
                continue
            for key, value in found.items():
                (counters if key.startswith("+") else gauges)[key.lstrip("+")] = float(value)
        gauges |= self._rates(now, counters)
        self._before = _Before(now, counters)
        return gauges

    def lost(self) -> list[str]:
        """Sources that were lost since this was last asked; each is named once."""
        news = sorted(self._lost - self._said)
        self._said |= self._lost
        return news

    def _rates(self, now: float, counters: Mapping[str, float]) -> dict[str, float]:
        before = self._before
        if before is None or now <= before.at:
            return {}
        seconds = now - before.at
        rates = {
            name: max(0.0, value - before.counters[name]) / seconds  # a counter that went back has started anew
            for name, value in counters.items()
            if name in before.counters
        }
        busy = [rates.pop(name) for name in list(rates) if name.startswith("io_time:")]
        if busy:
            rates["system.disk.io_time"] = min(1.0, max(busy) / 1000)
        return rates

    def _cpu(self) -> Mapping[str, float]:
        shares = psutil.cpu_times_percent(interval=None)
        one, _, fifteen = os.getloadavg()
        if sum(shares) == 0:  # no time has gone by
            return {}
        return {
            "system.cpu.utilization": max(0.0, 1 - (shares.idle + getattr(shares, "iowait", 0.0)) / 100),
            "system.cpu.utilization.iowait": getattr(shares, "iowait", 0.0) / 100,
            "system.cpu.utilization.steal": getattr(shares, "steal", 0.0) / 100,
            "system.cpu.load_average.1m": one / self._cpus,
            "system.cpu.load_average.15m": fifteen / self._cpus,
        }

    def _memory(self) -> Mapping[str, float]:
        memory = psutil.virtual_memory()
        return {
            "system.memory.utilization": 1 - memory.available / memory.total if memory.total else 0.0,
            "system.memory.usage": memory.used,
            "system.memory.available": memory.available,
        }

    def _swap(self) -> Mapping[str, float]:
        swap = psutil.swap_memory()
        return {
            "system.paging.utilization": swap.percent / 100,
            "+system.paging.io.in": swap.sin,
            "+system.paging.io.out": swap.sout,
        }

    def _disks(self) -> Mapping[str, float]:
        disks = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
        whole = {name: disk for name, disk in disks.items() if not name.startswith(("loop", "ram", "dm-"))}
        return {
            "+system.disk.io.read": sum(disk.read_bytes for disk in whole.values()),
            "+system.disk.io.write": sum(disk.write_bytes for disk in whole.values()),
            "+system.disk.operations": sum(disk.read_count + disk.write_count for disk in whole.values()),
            **{f"+io_time:{name}": getattr(disk, "busy_time", 0) for name, disk in whole.items()},
        }

    def _filesystem(self) -> Mapping[str, float]:
        found = os.statvfs(self._folder)
        blocks = found.f_blocks - found.f_bfree + found.f_bavail
        return {
            "system.filesystem.utilization": 1 - found.f_bavail / blocks if blocks else 0.0,
            "system.filesystem.free": found.f_bavail * found.f_frsize,
            "system.filesystem.inodes.utilization": 1 - found.f_favail / found.f_files if found.f_files else 0.0,
        }

    def _network(self) -> Mapping[str, float]:
        cards = psutil.net_io_counters(pernic=True, nowrap=False)
        real = [card for name, card in cards.items() if name != "lo"]
        states = psutil.net_if_stats()
        return {
            "+system.network.io.receive": sum(card.bytes_recv for card in real),
            "+system.network.io.transmit": sum(card.bytes_sent for card in real),
            "+system.network.errors": sum(card.errin + card.errout + card.dropin + card.dropout for card in real),
            "system.network.interfaces.up": sum(state.isup for name, state in states.items() if name != "lo"),
        }

    def _pressure(self) -> Mapping[str, float]:
        return {f"system.pressure.{name}": share for name, share in read_pressure(self._proc).items()}

    def _processes(self) -> Mapping[str, float]:
        pids = [name for name in os.listdir(self._proc) if name.isdigit()]
        tools = 0
        for pid in pids:
            try:
                with open(f"{self._proc}/{pid}/comm", encoding="utf-8", errors="replace") as file:
                    tools += file.read().rstrip("\n") in BUILD_TOOLS
            except OSError:
                continue  # it has ended
        return {"system.processes.count": len(pids), "system.processes.build_tools": tools}

    def _limits(self) -> Mapping[str, float]:
        limits = self._cgroup.read()
        found = {
            "container.memory.limit": limits.limit_bytes,
            "container.memory.usage": limits.usage_bytes,
            "container.memory.oom_kills": limits.oom_kills,
        }
        return {name: value for name, value in found.items() if value is not None}


def _temperature() -> Mapping[str, float]:
    sensors = psutil.sensors_temperatures()
    warmest = max((one.current for group in sensors.values() for one in group), default=None)
    return {} if warmest is None else {"hw.temperature": warmest}

"""The machine that a jhalfs build runs on, and what room it has left."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import psutil

from collectors.jhalfs.facts import Machine
from collectors.run_facts import cpu_model

__all__ = ["jobs_told", "room", "this_machine"]

_JOBS = re.compile(r"MAKEFLAGS\s*[:?]?=\s*[\"']?(?:-j|--jobs=)\s*(\d+)")
_TOLD_IN = ("envars", "Makefile", "configuration")


def this_machine(root: Path, jobs: int | None = None, proc: Path = Path("/proc")) -> Machine:
    """This host; the number of jobs as given, else as jhalfs's files set MAKEFLAGS, else unknown."""
    try:
        model = cpu_model((proc / "cpuinfo").read_text(errors="replace")[:4096])
    except OSError:
        model = ""
    return Machine(
        cpu_model=model or platform.machine(),
        cpu_count=os.cpu_count(),
        memory_bytes=psutil.virtual_memory().total,
        parallelism=jobs or jobs_told(root),
    )


def jobs_told(root: Path) -> int | None:
    """The number of jobs that the build folder's own files set.

    >>> jobs_told(Path("/nowhere")) is None
    True
    """
    for name in _TOLD_IN:
        try:
            match = _JOBS.search((root / name).read_text(errors="replace"))
        except OSError:
            continue
        if match is not None:
            return int(match[1])
    return None


def room(root: Path) -> tuple[int, int]:
    """Free bytes of the build's file system, and of memory."""
    space = os.statvfs(root)
    return space.f_bavail * space.f_frsize, psutil.virtual_memory().available

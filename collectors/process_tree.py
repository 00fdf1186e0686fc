"""What a process and everything below it uses, from /proc alone; cost grows with the tree, not with the host.

CPU seconds and bytes of the dead count too: the kernel adds them to the parent that waits for them, so the sum over
the living never loses any. A process that vanishes while it is read is normal.
Source: proc(5), Linux' kernel/exit.c (wait_task_zombie).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["ProcessUse", "TreeUse", "parse_io", "parse_stat", "read_tree"]

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MOST = 2000  # processes that are looked at


@dataclass(frozen=True)
class ProcessUse:
    """One process: seconds of CPU of its own and of children it has waited for, resident bytes, bytes moved."""

    pid: int
    name: str
    own_seconds: float
    waited_seconds: float
    rss_bytes: int
    read_bytes: int = 0
    write_bytes: int = 0


@dataclass(frozen=True)
class TreeUse:
    """A tree at one moment: totals since the start of the run, and the living."""

    cpu_seconds: float = 0.0
    rss_bytes: int = 0
    read_bytes: int = 0
    write_bytes: int = 0
    living: tuple[ProcessUse, ...] = field(default=())


def parse_stat(text: str) -> tuple[str, float, float, int]:
    """Name, own and waited-for CPU seconds and resident bytes from /proc/PID/stat.

    The name may hold blanks and brackets, so what follows is counted from the last bracket.
    """
    name = text[text.index("(") + 1 : text.rindex(")")]
    rest = text[text.rindex(")") + 2 :].split()
    user, system, waited_user, waited_system = (int(ticks) for ticks in rest[11:15])
    return (
        name,
        (user + system) / _TICKS,
        (waited_user + waited_system) / _TICKS,
        max(0, int(rest[21])) * _PAGE,
    )


def parse_io(text: str) -> tuple[int, int]:
    """Bytes that were really fetched from and sent to storage, from /proc/PID/io."""
    found = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    return int(found.get("read_bytes", 0)), int(found.get("write_bytes", 0))


def read_tree(root: int, proc: Path = Path("/proc")) -> TreeUse:
    """The process `root` and all below it, as far as it may be read."""
    living = tuple(use for pid in _walk(root, proc) if (use := _read(pid, proc)) is not None)
    return TreeUse(
        cpu_seconds=sum(use.own_seconds + use.waited_seconds for use in living),
        rss_bytes=sum(use.rss_bytes for use in living),
        read_bytes=sum(use.read_bytes for use in living),
        write_bytes=sum(use.write_bytes for use in living),
        living=living,
    )


def _walk(root: int, proc: Path) -> Iterator[int]:
    waiting, seen = [root], 0
    while waiting and seen < _MOST:
        pid = waiting.pop()
        seen += 1
        yield pid
        base = f"{proc}/{pid}/task"
        try:
            for thread in os.listdir(base):
                with open(f"{base}/{thread}/children", encoding="ascii") as file:
                    waiting += [int(child) for child in file.read().split()]
        except OSError:
            continue


def _read(pid: int, proc: Path) -> ProcessUse | None:
    try:
        with open(f"{proc}/{pid}/stat", encoding="utf-8", errors="replace") as file:
            name, own, waited, rss = parse_stat(file.read())
    except (OSError, ValueError, IndexError):
        return None
    try:
        with open(f"{proc}/{pid}/io", encoding="ascii") as file:
            moved = parse_io(file.read())
    except (OSError, ValueError):
        moved = (0, 0)
    return ProcessUse(pid, name, own, waited, rss, *moved)

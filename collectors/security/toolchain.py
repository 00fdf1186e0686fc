"""The tools a build trusts: where they are, their SHA-256, what changed since the last scan.

Tools are hashed, never run. Links are followed inside the root, so `cc` leads to the compiler itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from collectors.security.budget import Budget
from collectors.security.check import Finding
from collectors.security.reader import FileStatus, HostReader, printable

__all__ = ["TOOLS", "judge_changes", "judge_tool", "read_tools"]

TOOLS = [
    "cc",
    "gcc",
    "g++",
    "c++",
    "cpp",
    "clang",
    "clang++",
    "ld",
    "ld.bfd",
    "ld.gold",
    "ld.lld",
    "as",
    "ar",
    "ranlib",
    "nm",
    "strip",
    "objcopy",
    "make",
    "gmake",
    "ninja",
    "cmake",
    "meson",
    "rustc",
    "cargo",
    "go",
    "javac",
    "python3",
    "perl",
    "bash",
    "sh",
    "tar",
    "xz",
    "gzip",
    "git",
    "patch",
    "sed",
    "m4",
    "bison",
    "flex",
    "pkg-config",
    "ccache",
    "sccache",
]
_INNER = ("cc1", "cc1plus", "collect2", "lto1", "lto-wrapper")  # the compiler proper, below lib/gcc
_INNER_TOPS = ("/usr/lib/gcc", "/usr/libexec/gcc", "/usr/lib64/gcc")
_MAX_TOOL_BYTES = 1 << 29


def read_tools(
    reader: HostReader, search_path: Sequence[str], budget: Budget
) -> tuple[dict[str, str], list[FileStatus]]:
    """SHA-256 by real path of every tool that is there, and the tools' states."""
    digests: dict[str, str] = {}
    states: list[FileStatus] = []
    for path in sorted(_real_paths(reader, search_path)):
        status = reader.status(path)
        if status is None or not status.is_file or status.size_bytes > _MAX_TOOL_BYTES or not budget.spend():
            continue
        states.append(status)
        digest = hashlib.sha256()
        for chunk in reader.chunks(path, status.size_bytes):
            digest.update(chunk)
        if path not in reader.unread:
            digests[path] = digest.hexdigest()
    return digests, states


def judge_changes(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Finding]:
    """What differs between two scans; nothing on the first one."""
    if not before:
        return
    for path in sorted(before.keys() | now.keys()):
        old, new = before.get(path), now.get(path)
        name = printable(path)
        if old is None:
            yield Finding("toolchain.added", path, f"{name} sha256 {str(new)[:16]}")
        elif new is None:
            yield Finding("toolchain.removed", path, f"{name} was sha256 {old[:16]}")
        elif old != new:
            yield Finding("toolchain.changed", path, f"{name} sha256 {new[:16]}, was {old[:16]}")


def judge_tool(status: FileStatus) -> Iterator[Finding]:
    if status.writable_by_others or status.uid != 0:
        yield Finding(
            "toolchain.writable",
            status.path,
            f"{printable(status.path)} has mode {status.octal} and belongs to user {status.uid}",
        )


def _real_paths(reader: HostReader, search_path: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for folder in search_path:
        for tool in TOOLS:
            if real := reader.real_path(f"{folder}/{tool}"):
                found.add(real)
    for top in _INNER_TOPS:
        for machine in reader.folder(top):
            for version in reader.folder(machine.path):
                found.update(
                    real for inner in _INNER if (real := reader.real_path(f"{version.path}/{inner}")) is not None
                )
    return found

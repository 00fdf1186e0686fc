"""Is this machine set up for what it is asked to do? Each thing on its own, with what to do about it."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import shutil
import socket
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import requests

from streams.errors import ConfigError

__all__ = [
    "Finding",
    "clock",
    "disk",
    "java",
    "packages",
    "ports",
    "pressure",
    "programs",
    "python",
    "settings",
    "state_folder",
    "trees",
]

OLDEST_PYTHON = (3, 11)
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;]+)$")
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_LITTLE_BYTES, _TOO_LITTLE_BYTES = 5 << 30, 512 << 20


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `fail` stops Buildcast or loses data, `warn` costs something."""

    name: str
    state: Literal["ok", "warn", "fail"]
    said: str
    remedy: str = ""


def python(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """The interpreter."""
    shown = ".".join(map(str, version))
    if version < OLDEST_PYTHON:
        return Finding("python", "fail", f"{shown} is too old", "install Python 3.11 or newer, then `make setup`")
    return Finding("python", "ok", f"{shown} on {platform.machine()}")


def packages(required: list[str] | None = None) -> Finding:
    """What is installed against the versions that this version was tested with."""
    wanted = [match.groups() for line in _required(required) if (match := _PINNED.match(line))]
    wrong = [
        f"{name} {_version(name) or 'missing'} instead of {version}"
        for name, version in wanted
        if _version(name) != version
    ]
    if wrong:
        return Finding("packages", "fail", "; ".join(wrong), "`make setup`, or pip install -r requirements.lock")
    return Finding("packages", "ok", f"{len(wanted)} at the pinned versions")


def trees() -> Finding:
    """The library of the member that grows trees: its wheel needs a library of the system."""
    from models.members.boosted import lightgbm

    try:
        return Finding("lightgbm", "ok", f"{lightgbm().__version__} loads")
    except ConfigError as error:
        said, _, remedy = str(error).rpartition(": ")
        return Finding("lightgbm", "fail", said, remedy)


def settings() -> Finding:
    """Every setting of every process."""
    from buildcast.commands.check_config import faults

    if found := faults():
        return Finding("settings", "fail", "; ".join(found), "mend them; `buildcast check-config` shows all settings")
    return Finding("settings", "ok", "no fault found")


def java() -> Finding:
    """The broker that `make up` starts."""
    from agents.broker import kafka_libs

    try:
        return Finding("java and jars", "ok", str(kafka_libs()))
    except ConfigError as error:
        return Finding("java and jars", "warn", str(error), "only `buildcast up` and the tests need them")


def programs() -> Iterator[Finding]:
    """Programs that collectors ask."""
    if path := shutil.which("git"):
        yield Finding("git", "ok", path)
    else:
        yield Finding("git", "warn", "is missing: builds are forecast without their changes", "install git")


def state_folder(folder: Path) -> Finding:
    """Can it be written, and can nobody else read its keys?"""
    if not folder.exists():
        parent = next(each for each in folder.resolve().parents if each.exists())
        if os.access(parent, os.W_OK):
            return Finding("state folder", "ok", f"{folder} is made at the first start")
        return Finding("state folder", "fail", f"{folder} cannot be made in {parent}", "make it, for this user")
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(
            "state folder", "fail", f"{folder} cannot be written by this user", "chown it, or set BUILDCAST_STATE"
        )
    open_keys = [path for path in (folder / "snapshot.key",) if path.exists() and path.stat().st_mode & 0o077]
    if open_keys:
        return Finding("state folder", "fail", f"others may read {open_keys[0]}", f"chmod 0600 {open_keys[0]}")
    if folder.stat().st_mode & stat.S_IWOTH:
        return Finding("state folder", "fail", f"anybody may write {folder}", f"chmod o-w {folder}")
    return Finding("state folder", "ok", str(folder.resolve()))


def disk(folder: Path) -> Finding:
    """Room for snapshots, spool and SQLite."""
    there = next(each for each in (folder.resolve(), *folder.resolve().parents) if each.exists())
    free = shutil.disk_usage(there).free
    said = f"{free / 2**30:.1f} GB free at {there}"
    if free < _TOO_LITTLE_BYTES:
        return Finding("disk", "fail", said, "make room: the spool drops events when there is none")
    if free < _LITTLE_BYTES:
        return Finding("disk", "warn", said, "make room before it is needed")
    return Finding("disk", "ok", said)


def clock() -> Finding:
    """Is the clock kept right? Events of different hosts are put in order by it."""
    timex = (ctypes.c_byte * 512)()  # struct timex with modes 0: reads, changes nothing
    try:
        answer = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        answer = -1
    if answer == _TIME_ERROR or answer < 0:
        return Finding(
            "clock", "warn", "the kernel does not say that it is synchronised", "start chrony or systemd-timesyncd"
        )
    return Finding("clock", "ok", "synchronised")


def pressure(proc: Path = Path("/proc")) -> Finding:
    """What holds builds back is read from the kernel's pressure stall information."""
    try:
        for name in ("cpu", "memory", "io"):
            (proc / "pressure" / name).read_text()
    except OSError as error:
        why = "the kernel has none" if isinstance(error, FileNotFoundError) else f"it cannot be read ({error.strerror})"
        return Finding(
            "pressure", "warn", f"{why}: forecasts and advice know less", "a kernel with CONFIG_PSI, booted with psi=1"
        )
    return Finding("pressure", "ok", "cpu, memory and io")


def ports(wanted: dict[str, int]) -> Iterator[Finding]:
    """Can each process listen where it is told to, or does it already?"""
    for name, port in wanted.items():
        if port == 0 or not _taken(port):
            yield Finding(f"port of {name}", "ok", f"{port or 'any'} is free")
        elif _ours(port):
            yield Finding(f"port of {name}", "ok", f"{port}: it listens already")
        else:
            yield Finding(
                f"port of {name}", "warn", f"{port} is taken by something else", f"set another port for {name}"
            )


def _required(given: list[str] | None) -> list[str]:
    if given is not None:
        return given
    try:
        return [
            line.partition(";")[0].strip() for line in metadata.requires("buildcast") or [] if "extra ==" not in line
        ]
    except metadata.PackageNotFoundError:
        return []


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _taken(port: int) -> bool:
    with socket.socket() as each:
        each.settimeout(0.5)
        return each.connect_ex(("127.0.0.1", port)) == 0


def _ours(port: int) -> bool:
    for path, mark in (("metrics", "buildcast_"), ("api/v1/health", '"status"')):
        try:
            if mark in requests.get(f"http://127.0.0.1:{port}/{path}", timeout=2).text:
                return True
        except requests.RequestException:
            continue
    return False

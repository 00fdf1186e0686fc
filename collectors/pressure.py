"""How short a host or a container is of CPU, memory and disk: pressure stall information and cgroup limits.

Reading takes the root folders as arguments; parsing is pure. What a kernel does not offer is simply absent.
Source: Linux' Documentation/accounting/psi.rst and admin-guide/cgroup-v2.rst (version 1 is read where it still rules).
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["CgroupLimits", "Limits", "parse_events", "parse_pressure", "read_pressure"]

_UNLIMITED = 1 << 60  # version 1 says "no limit" with a huge number


def parse_pressure(text: str) -> dict[str, float]:
    """Shares of the last 10 seconds, 0 to 1, in which some or all tasks waited.

    >>> parse_pressure("some avg10=1.50 avg60=0.63 avg300=0.48 total=15\\nfull avg10=0.00 avg60=0 avg300=0 total=0\\n")
    {'some': 0.015, 'full': 0.0}
    """
    found = {}
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        for part in rest.split():
            name, _, value = part.partition("=")
            if name == "avg10":
                found[kind] = round(float(value) / 100, 6)
    return found


def read_pressure(proc: Path = Path("/proc")) -> dict[str, float]:
    """Pressure by resource ("cpu", "memory", "io"), and "memory.full", "io.full" where all tasks waited."""
    found = {}
    for resource in ("cpu", "memory", "io"):
        try:
            shares = parse_pressure((proc / "pressure" / resource).read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
        if "some" in shares:
            found[resource] = shares["some"]
        if resource != "cpu" and "full" in shares:
            found[f"{resource}.full"] = shares["full"]
    return found


def parse_events(text: str) -> int | None:
    """The number of processes killed for want of memory, from memory.events (2) or memory.oom_control (1)."""
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name == "oom_kill" and value.strip().isdigit():
            return int(value)
    return None


class Limits:
    """What a cgroup allows and uses, in bytes; None where it says nothing."""

    def __init__(self, limit_bytes: int | None, usage_bytes: int | None, oom_kills: int | None) -> None:
        self.limit_bytes = limit_bytes
        self.usage_bytes = usage_bytes
        self.oom_kills = oom_kills


class CgroupLimits:
    """The memory limits of the cgroup this process is in; the tightest of it and those above counts."""

    def __init__(self, proc: Path = Path("/proc"), root: Path = Path("/sys/fs/cgroup")) -> None:
        self._folders, self._version = _folders(proc, root)

    def read(self) -> Limits:
        """Limit, use and kills now."""
        names = _NAMES[self._version]
        limits = [value for folder in self._folders if (value := _number(folder / names[0])) is not None]
        own = self._folders[0] if self._folders else None
        kills = None
        if own is not None:
            try:
                kills = parse_events((own / names[2]).read_text(encoding="ascii"))
            except (OSError, ValueError):
                kills = None
        return Limits(min(limits, default=None), _number(own / names[1]) if own else None, kills)


_NAMES = {
    2: ("memory.max", "memory.current", "memory.events"),
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control"),
}


def _folders(proc: Path, root: Path) -> tuple[list[Path], int]:
    try:
        lines = (proc / "self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return [], 2
    paths = {}
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        for controller in controllers.split(","):
            paths[controller] = path
    if "memory" in paths:
        base, path, version = root / "memory", paths["memory"], 1
    else:
        base, path, version = root, paths.get("", "/"), 2
    own = base / path.strip("/")
    own = own if own.is_dir() else base  # inside a container the path may be the host's
    above = [folder for folder in own.parents if folder == base or base in folder.parents]
    return [own, *above], version


def _number(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.isdigit() and int(text) < _UNLIMITED else None

"""Where the worker's time goes: a profile of its loop's thread while it scores, by package and by function."""

from __future__ import annotations

import asyncio
import pstats
from collections import defaultdict
from pathlib import Path
from typing import Any

from bench.live.throughput import run
from bench.live.traffic import fill

__all__ = ["measure", "shares"]

_WAITING = "select.epoll"
_OURS = ("streams", "models", "agents")
Key = tuple[str, int, str]  # file, line, function


def measure(bootstrap: str, folder: Path, events: int) -> dict[str, Any]:
    """Profile one run of the whole worker. The profiler itself makes small functions look dearer than they are."""
    total = asyncio.run(fill(bootstrap, events))
    target = folder / "worker.pstats"
    run("worker", bootstrap, "full", total, folder, "--profile", str(target))
    stats: dict[Key, Any] = pstats.Stats(str(target)).stats  # type: ignore[attr-defined]
    return {"events": total, **shares(stats)}


def shares(stats: dict[Key, Any], top: int = 20) -> dict[str, Any]:
    """Shares of own time by package and of the `top` functions; waiting for the network is left out."""
    own = {key: row[2] for key, row in stats.items() if _WAITING not in key[2]}
    whole = sum(own.values()) or 1.0
    packages: dict[str, float] = defaultdict(float)
    for key, seconds in own.items():
        packages[_package(key[0])] += seconds / whole
    dearest = sorted(own, key=lambda key: -own[key])[:top]
    return {
        "packages": dict(sorted(packages.items(), key=lambda each: -each[1])[:10]),
        "functions": [
            {"function": _name(key), "own": own[key] / whole, "with_callees": stats[key][3] / whole,
             "calls": stats[key][1]}
            for key in dearest
        ],
    }  # fmt: skip


def _package(file: str) -> str:
    parts = Path(file).parts
    if file.startswith("~") or not parts:
        return "built in"
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1]
    found = [part for part in parts if part in _OURS]
    return found[-1] if found else "standard library"


def _name(key: Key) -> str:
    file, _, function = key
    return function if file.startswith("~") else f"{_package(file)}: {Path(file).stem}.{function}"

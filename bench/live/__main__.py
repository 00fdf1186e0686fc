"""`python -m bench.live`: measure what was asked for; a section's figures are kept in .cache/bench/live-NAME.json."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from agents.broker import KafkaBroker
from bench.live import hotspots, latency, replica, scaling, sinks, throughput
from bench.live.scaling import Shape

__all__ = ["CACHE", "SECTIONS", "Sizes", "main"]

CACHE = Path(".cache/bench")


@dataclass(frozen=True)
class Sizes:
    """How much each section measures. The whole takes about ten minutes on two quiet cores."""

    rounds: int = 3
    full: int = 8_000  # events
    empty: int = 40_000
    latency_seconds: float = 20.0
    rates: tuple[int, ...] = (100, 500, 2_000)  # events a second
    scaling: int = 8_000
    shapes: tuple[Shape, ...] = (
        Shape(1, 1),
        Shape(1, 8),
        Shape(2, 8),
        Shape(1, 32),
        Shape(1, 8, 0.4),
        Shape(2, 8, 0.4),
    )
    examples: int = 50_000
    restarts: int = 3
    memory: int = 1_000_000
    filled: int = 110_000  # runs
    rows: int = 20_000
    single_rows: int = 1_000
    profile: int = 4_000


QUICK = Sizes(
    rounds=1, full=2_000, empty=5_000, latency_seconds=2.0, rates=(100, 500), scaling=2_000,
    shapes=(Shape(1, 8), Shape(2, 8)), examples=2_000, restarts=1, memory=20_000,
    filled=1_000, rows=2_000, single_rows=100, profile=2_000,
)  # fmt: skip
Section = Callable[[str, Path, Sizes], Any]
SECTIONS: dict[str, Section] = {
    "throughput": lambda at, folder, s: throughput.measure(at, folder, {"full": s.full, "empty": s.empty}, s.rounds),
    "latency": lambda at, folder, s: latency.measure(at, folder, s.rates, s.latency_seconds),
    "scaling": lambda at, folder, s: scaling.measure(at, folder, s.scaling, s.shapes),
    "replica": lambda at, folder, s: asyncio.run(replica.catch_up(at, folder, s.examples)),
    "restart": lambda at, folder, s: asyncio.run(replica.restart(at, folder, s.restarts)),
    "memory": lambda at, folder, s: asyncio.run(replica.memory(at, folder, s.memory, s.filled)),
    "sinks": lambda _at, folder, s: sinks.measure(folder, s.rows, s.single_rows),
    "hotspots": lambda at, folder, s: hotspots.measure(at, folder, s.profile),
}


def main() -> int:
    """Measure, keep, say."""
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__)
    parser.add_argument("--section", action="append", choices=SECTIONS, help="only this one; may be given again")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything runs")
    parser.add_argument("--out", type=Path, default=CACHE, help="folder of the figures")
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics made a moment ago are retried, aloud
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ended from outside, the servers end too
    given.out.mkdir(parents=True, exist_ok=True)
    failed = [
        name for name in given.section or SECTIONS if not _measured(name, QUICK if given.quick else Sizes(), given.out)
    ]
    return 1 if failed else 0


def _measured(name: str, sizes: Sizes, out: Path) -> bool:
    """One section on a broker of its own; a section that fails leaves no old figures behind and says why."""
    target, began = out / f"live-{name}.json", time.time()
    target.unlink(missing_ok=True)
    print(f"{name}:", flush=True)
    try:
        with tempfile.TemporaryDirectory() as folder, KafkaBroker(Path(folder) / "kafka") as broker:
            found = SECTIONS[name](broker.bootstrap, Path(folder), sizes)
    except Exception as error:
        print(f"  not measured: {error}", file=sys.stderr, flush=True)
        return False
    kept = {"figures": found, "machine": _machine(), "measured_at": began, "took_seconds": time.time() - began}
    target.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print(f"  {kept['took_seconds']:.0f} s", flush=True)
    return True


def _machine() -> dict[str, Any]:
    """What it was measured on, and how busy that was: the load tells whether to believe wall times."""
    return {
        "cores": os.cpu_count(), "memory_gib": psutil.virtual_memory().total / 2**30, "system": platform.system(),
        "architecture": platform.machine(), "python": platform.python_version(), "load": os.getloadavg()[0],
        "processor": _processor(),
    }  # fmt: skip


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    sys.exit(main())

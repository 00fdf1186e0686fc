"""How right the time left is while real builds run: packages built again and again, with other jobs and other load.

    python -m bench.left [--packages a,b] [--builds N]

Each package is built N times under `buildcast run --local --json` in one state folder: with two jobs or one, alone or
beside one or two processes that take the processors away. From the second build on each forecast's time left is held
against what was truly left. Errors are shares of the run's length; beside them those of the package's last duration,
less what has passed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.busy import busy
from bench.packages import PACKAGES, Package, unpack

__all__ = ["main", "summary"]

CHOSEN = ("sed", "gzip", "grep")
_SETTINGS = ((2, 0), (2, 1), (1, 0), (2, 0), (1, 2))  # jobs, and processes beside the build
_PARTS = ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0))
_TARGET = Path(".cache/bench/left.json")


def main() -> None:
    """Build, keep the figures, print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", default=",".join(CHOSEN))
    parser.add_argument("--builds", type=int, default=len(_SETTINGS))
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.packages.split(","):
            package = next(one for one in PACKAGES if one.name == name)
            rows += _package(package, options.builds, Path(folder))
    figures = {"packages": options.packages.replace(",", ", "), "builds of each": options.builds} | summary(rows)
    _TARGET.parent.mkdir(parents=True, exist_ok=True)
    _TARGET.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Figures of forecasts, each with its `seconds` in all, `elapsed`, `point`, `lower`, `upper`, `last`."""
    found: dict[str, Any] = {}
    for start, end in _PARTS:
        part = [row for row in rows if start <= row["elapsed"] / row["seconds"] < end]
        if part:
            found[f"{start:.0%} to {end:.0%} of the run passed"] = _figures(part)
    return found


def _figures(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    errors, naive, held = [], [], []
    for row in rows:
        seconds, left = row["seconds"], row["seconds"] - row["elapsed"]
        errors.append(abs(row["point"] - left) / seconds)
        naive.append(abs(max(0.0, row["last"] - row["elapsed"]) - left) / seconds)
        held.append(row["lower"] <= left <= row["upper"])
    return {
        "forecasts": len(rows),
        "median error": statistics.median(errors),
        "mean error": statistics.fmean(errors),
        "last duration's median error": statistics.median(naive),
        "last duration's mean error": statistics.fmean(naive),
        "inside the 95 % interval": statistics.fmean(held),
        "median width of the interval over the run's length": statistics.median(
            (row["upper"] - row["lower"]) / row["seconds"] for row in rows
        ),
    }


def _package(package: Package, builds: int, folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    last: float | None = None
    for number in range(builds):
        jobs, beside = _SETTINGS[number % len(_SETTINGS)]
        report = _build(package, jobs, beside, folder)
        seconds = report["seconds"]
        print(f"{package.name:9} -j{jobs} beside {beside}: {seconds:6.1f} s", file=sys.stderr, flush=True)
        for forecast in report["forecasts"] if last is not None else ():
            left, elapsed = forecast["remaining_seconds"], forecast["elapsed_seconds"]
            if left is not None and elapsed < seconds:
                rows.append({"package": package.name, "seconds": seconds, "elapsed": elapsed, "last": last} | left)
        last = seconds
    return rows


def _build(package: Package, jobs: int, beside: int, folder: Path) -> dict[str, Any]:
    tree = unpack(package, folder / "trees")
    make, ninja = f"make -j{jobs}", f"-j{jobs}"
    script = " && ".join(part.format(make=make, ninja=ninja) for part in (package.build, package.check) if part)
    command = [
        sys.executable, "-m", "buildcast", "run", "--local", "--json", "--state", str(folder / package.name),
        "--name", package.name, "--", "sh", "-c", script,
    ]  # fmt: skip
    environment = os.environ | {"CC": "gcc", "PYTHONPATH": str(Path.cwd())}
    with busy(beside):
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{package.name} does not build here:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    main()

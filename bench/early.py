"""How early and how rightly alerts come: real builds of real packages under real faults, and as many healthy ones.

    python -m bench.early [--rounds N] [--seed N] [--packages a,b] [--out FILE]

Each build runs under `buildcast run --local --json`; nothing tells it what was done to the tree. Cold: a state folder
of its own; warm: a state folder in which the package has been built healthily before. Reported: precision (alerts that
were of failing runs), recall, lead time as a share of the run, the share of failures with any sign flagged before half
time, and healthy runs without an alert.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from bench.faults import FAULTS, HEALTHY, Prepared, prepare
from bench.packages import PACKAGES, Package, unpack

__all__ = ["main"]


def main() -> None:
    """Run the whole matrix and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--packages", default="")
    parser.add_argument("--faults", default="")
    parser.add_argument("--warmups", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(".cache/bench/early.json"))
    options = parser.parse_args()
    chosen = [p for p in PACKAGES if not options.packages or p.name in options.packages.split(",")]
    faults = options.faults.split(",") if options.faults else [*FAULTS, *HEALTHY]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for package in chosen:
            rows += _package(package, faults, options, Path(folder))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"rows": rows, "summary": summary(rows)}, indent=1))
    print(json.dumps(summary(rows), indent=1))


def _package(package: Package, faults: list[str], options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    warm = folder / f"warm-{package.name}"
    for number in range(options.warmups):
        _build(package, "healthy", options.seed + 1000 + number, warm, folder)
    rows = []
    for number in range(options.rounds):
        for fault in faults:
            for history in ("cold", "warm"):
                cold = folder / "cold"
                shutil.rmtree(cold, ignore_errors=True)
                state = cold if history == "cold" else warm
                row = _build(package, fault, options.seed + number, state, folder) | {"history": history}
                rows.append(row)
                print(
                    f"{package.name:9} {fault:17} {history:4} exit {row['exit']:4} {row['seconds']:6.1f} s  "
                    f"risk {row['first_risk']:.2f} -> {row['last_risk']:.2f}  "
                    f"alert {'-' if row['alert_at'] is None else format(row['alert_share'], '.2f')}",
                    file=sys.stderr,
                )
    return rows


def _build(package: Package, fault: str, seed: int, state: Path, folder: Path) -> dict[str, Any]:
    tree = unpack(package, folder / "trees")
    prepared = prepare(package, fault, tree, seed)
    mounted = _small_disk(tree, prepared)
    burners = [subprocess.Popen([sys.executable, "-c", "while 1: pass"]) for _ in range(prepared.burners)]
    command = [
        sys.executable, "-m", "buildcast", "run", "--local", "--json", "--state", str(state), "--name", package.name,
        "--", "timeout", "-k", "2", str(prepared.seconds), "sh", "-c", prepared.script,
    ]  # fmt: skip
    began = time.monotonic()
    try:
        done = subprocess.run(
            command, cwd=tree, env=os.environ | prepared.environment, capture_output=True, check=False
        )
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
        if mounted:
            subprocess.run(["umount", str(tree)], check=True)
    log = Path(".cache/bench/early-logs") / f"{package.name}-{fault}-{state.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(done.stderr)
    return _row(package, fault, done.returncode, time.monotonic() - began, json.loads(done.stdout))


def _small_disk(tree: Path, prepared: Prepared) -> bool:
    """Move the tree onto a file system with hardly any space left."""
    if prepared.disk_megabytes is None:
        return False
    kept = tree.with_name(f"{tree.name}-kept")
    shutil.rmtree(kept, ignore_errors=True)
    tree.rename(kept)
    tree.mkdir()
    used = sum(p.stat().st_size + 4096 for p in kept.rglob("*") if p.is_file()) // 2**20 + 1
    size = f"size={used + prepared.disk_megabytes}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(tree)], check=True)
    shutil.copytree(kept, tree, dirs_exist_ok=True, symlinks=True)
    return True


def _row(package: Package, fault: str, code: int, wall: float, report: dict[str, Any]) -> dict[str, Any]:
    alerts, forecasts = report["alerts"], report["forecasts"]
    at = min((_elapsed(report, alert) for alert in alerts), default=None)
    length = report["seconds"] or wall
    return {
        "package": package.name,
        "fault": fault,
        "exit": code,
        "failed": code != 0,
        "seconds": length,
        "first_risk": forecasts[0]["risk"] if forecasts else 0.0,
        "last_risk": forecasts[-1]["risk"] if forecasts else 0.0,
        "first_sign": min((f["elapsed_seconds"] for f in forecasts if f["trigger"] == "signal"), default=None),
        "alert_at": at,
        "alert_share": None if at is None else min(1.0, at / max(length, 1e-9)),
        "reason": alerts[0]["reasons"][0]["text"] if alerts and alerts[0]["reasons"] else "",
    }


def _elapsed(report: dict[str, Any], alert: dict[str, Any]) -> float:
    from datetime import datetime

    at, started = alert["at"], report["started_at"]
    if isinstance(at, str):
        return (datetime.fromisoformat(at) - datetime.fromisoformat(started)).total_seconds()
    return float(at - started)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures, for cold and warm history apart."""
    by_history: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_history[row["history"]].append(row)
    return {name: _figures(group) for name, group in by_history.items()}


def _figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    failed = [row for row in rows if row["failed"]]
    healthy = [row for row in rows if not row["failed"]]
    raised = [row for row in rows if row["alert_at"] is not None]
    right = [row for row in raised if row["failed"]]
    signs = [row for row in failed if row["first_sign"] is not None and row["first_sign"] < row["seconds"]]
    early = [row for row in signs if row["alert_share"] is not None and row["alert_share"] <= 0.5]
    leads = sorted(1.0 - row["alert_share"] for row in right)
    return {
        "runs": len(rows),
        "failed": len(failed),
        "precision": len(right) / len(raised) if raised else None,
        "recall": len(right) / len(failed) if failed else None,
        "median_lead_share": leads[len(leads) // 2] if leads else None,
        "failures_with_a_sign": len(signs),
        "flagged_before_half_time": len(early) / len(signs) if signs else None,
        "healthy_without_alert": sum(row["alert_at"] is None for row in healthy) / len(healthy) if healthy else None,
        "missed": [f"{row['package']} {row['fault']}" for row in failed if row["alert_at"] is None],
        "false": [f"{row['package']} {row['fault']}" for row in healthy if row["alert_at"] is not None],
    }


if __name__ == "__main__":
    main()

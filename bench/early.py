"""How early and how rightly alerts come: real builds of real packages under real faults, and as many healthy ones.

    python -m bench.early [--rounds N] [--seed N] [--packages a,b] [--faults a,b] [--parts N] [--jobs N] [--again]

Each build runs under `buildcast run --local --json --live`; nothing tells it what was done to the tree. Cold: a state
folder of its own; warm: a state folder in which the package has been built healthily before, and then under the faults
and healthily in turns. bench.lead says how it is judged. Rows are kept as each package is done; --again begins anew.
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
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.busy import busy
from bench.faults import FAULTS, HEALTHY, Prepared, prepare
from bench.lead import Seen, first_sign, plain, summary
from bench.packages import PACKAGES, Package, unpack

__all__ = ["main", "mixed"]

CHOSEN = ("lua5.4", "zlib", "cjson", "libuv1", "bzip2", "tinyxml2", "gzip")
_ALERT = "buildcast ▲"


def main() -> None:
    """Run the matrix, keep the rows beside those of other packages, print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--packages", default=",".join(CHOSEN))
    parser.add_argument("--faults", default="")
    parser.add_argument("--parts", type=int, default=1, help="give each package only every N-th fault, in turns")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--warmups", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(".cache/bench/early.json"))
    parser.add_argument("--again", action="store_true", help="also what the file holds already")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    rows = json.loads(options.out.read_text())["rows"] if options.out.exists() else []
    with tempfile.TemporaryDirectory() as folder:
        for number, name in enumerate(options.packages.split(",")):
            package = next(one for one in PACKAGES if one.name == name)
            faults = options.faults.split(",") if options.faults else mixed(number, options.parts)
            if options.again or not any(row["package"] == package.name for row in rows):
                fresh = _package(package, faults, options, Path(folder))
                rows = [row for row in rows if row["package"] != package.name] + fresh
                options.out.write_text(json.dumps({"rows": rows, "summary": summary(rows)}, indent=1))
    print(json.dumps(summary(rows), indent=1))


def mixed(part: int = 0, parts: int = 1) -> list[str]:
    """Every fault (or every `parts`-th), each followed by a healthy build of some kind."""
    chosen = FAULTS[part % parts :: parts]
    return [kind for at, fault in enumerate(chosen) for kind in (fault, HEALTHY[(part + at) % len(HEALTHY)])]


def _package(package: Package, faults: list[str], options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    warm = folder / f"warm-{package.name}"
    usual: set[str] = set()
    for number in range(options.warmups):
        _build(package, "healthy", options.seed + 1000 + number, warm, folder, usual, options.jobs)
    rows = []
    for number in range(options.rounds):
        for fault in faults:
            for history in ("cold", "warm"):
                cold = folder / "cold"
                shutil.rmtree(cold, ignore_errors=True)
                state = cold if history == "cold" else warm
                row = _build(package, fault, options.seed + number, state, folder, usual, options.jobs) | {
                    "history": history
                }
                rows.append(row)
                print(
                    f"{package.name:9} {fault:17} {history:4} exit {row['exit']:4} {row['seconds']:6.1f} s  "
                    f"risk {row['first_risk']:.2f} -> {row['last_risk']:.2f}  sign {_share(row['first_sign'], row)}  "
                    f"alert {_share(row['alert_event_at'], row)}  told {_share(row['alert_at'], row)}  {row['reason']}",
                    file=sys.stderr,
                    flush=True,
                )
    return rows


def _share(at: float | None, row: dict[str, Any]) -> str:
    return "-" if at is None else f"{at / max(row['seconds'], 1e-9):.2f}"


def _build(
    package: Package, fault: str, seed: int, state: Path, folder: Path, usual: set[str], jobs: int = 1
) -> dict[str, Any]:
    tree = unpack(package, folder / "trees")
    prepared = prepare(package, fault, tree, seed, jobs)
    mounted = _small_disk(tree, prepared)
    command = [
        sys.executable, "-m", "buildcast", "run", "--local", "--json", "--live", "--state", str(state),
        "--name", package.name, "--", "timeout", "-k", "2", str(prepared.seconds), "sh", "-c", prepared.script,
    ]  # fmt: skip
    try:
        with busy(prepared.burners), tempfile.TemporaryFile() as answer:
            code, seen = _watched(command, tree, os.environ | prepared.environment, answer)
            answer.seek(0)
            report = json.load(answer)
    finally:
        if mounted:
            subprocess.run(["umount", str(tree)], check=True)
    log = Path(".cache/bench/early-logs") / f"{package.name}-{fault}-{state.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("\n".join(line for _, line in seen) + "\n")
    if state.name != "cold" and fault in HEALTHY:
        usual |= {plain(line) for _, line in seen}
    return _row(package, fault, code, report, seen, usual)


def _watched(command: list[str], tree: Path, environment: dict[str, str], answer: Any) -> tuple[int, list[Seen]]:
    """The exit code and each line with the moment it was read."""
    seen: list[Seen] = []
    with subprocess.Popen(command, cwd=tree, env=environment, stdout=answer, stderr=subprocess.PIPE) as running:
        assert running.stderr is not None
        for line in running.stderr:
            seen.append((time.time(), line.decode(errors="replace").rstrip("\n")))
    return running.returncode, seen


def _small_disk(tree: Path, prepared: Prepared) -> bool:
    """Move the tree onto a file system with hardly any space left."""
    if prepared.disk_free_bytes is None:
        return False
    kept = tree.with_name(f"{tree.name}-kept")
    shutil.rmtree(kept, ignore_errors=True)
    tree.rename(kept)
    tree.mkdir()
    used = sum(p.stat().st_size + 4096 for p in kept.rglob("*") if p.is_file()) // 2**20 + 1
    size = f"size={used + 2}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(tree)], check=True)
    shutil.copytree(kept, tree, dirs_exist_ok=True, symlinks=True)
    with (tree / "filler").open("wb") as filler:
        filler.write(bytes(max(0, shutil.disk_usage(tree).free - prepared.disk_free_bytes)))
    return True


def _row(
    package: Package, fault: str, code: int, report: dict[str, Any], seen: list[Seen], usual: set[str]
) -> dict[str, Any]:
    alerts, forecasts, started = report["alerts"], report["forecasts"], _seconds(report["started_at"])
    length = report["seconds"] or seen[-1][0] - started
    told = min((at - started for at, line in seen if _ALERT in line), default=None)
    return {
        "package": package.name,
        "fault": fault,
        "exit": code,
        "failed": code != 0,
        "seconds": length,
        "first_risk": forecasts[0]["risk"] if forecasts else 0.0,
        "last_risk": forecasts[-1]["risk"] if forecasts else 0.0,
        "first_sign": first_sign(fault, [(at - started, line) for at, line in seen if at <= started + length], usual)
        if code
        else None,
        "alert_at": told,
        "alert_event_at": min((_seconds(alert["at"]) - started for alert in alerts), default=None),
        "alert_share": None if told is None else told / max(length, 1e-9),
        "reason": alerts[0]["reasons"][0]["text"] if alerts and alerts[0]["reasons"] else "",
        "curve": [[round(f["elapsed_seconds"], 2), round(f["risk"], 4)] for f in forecasts],
    }


def _seconds(moment: Any) -> float:
    return datetime.fromisoformat(moment).timestamp() if isinstance(moment, str) else float(moment)


if __name__ == "__main__":
    main()

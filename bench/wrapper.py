"""What watching costs a real compile: the same build alone and under the wrapper, in turns, medians and ratios.

    python -m bench.wrapper [--package lua5.4] [--rounds 7] [--jobs 2] [--local] [--json FILE]

Arms: `alone`; `watched` (run_build with the spool, fsynced, and a broker that is away: the dearest way to run); with
`--local` also `local` (`buildcast run --local`, models and database in the same process). For each arm: seconds of the
whole command, from start to exit, and CPU seconds of everything in it. `build` is the build's own duration under watch,
without the interpreter's start and the delivery at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.packages import PACKAGES, unpack

__all__ = ["main"]

_WATCHED = """
import sys
from pathlib import Path
from collectors.publish import KafkaPublisher, Outbox
from collectors.wrapper import RunOptions, run_build
outbox = Outbox(Path(sys.argv[1]), lambda: KafkaPublisher("127.0.0.1:9", connect_seconds=0.5))
result = run_build(sys.argv[3:], RunOptions(), outbox.emit)
outbox.close(0.0)
Path(sys.argv[2]).write_text(str(result.seconds))
sys.exit(result.exit_code)
"""


def main() -> None:
    """Measure, print a table, write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", default="lua5.4")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--local", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    package = next(one for one in PACKAGES if one.name == options.package)
    build = package.build.replace("{make}", f"make -j{options.jobs}").replace("{ninja}", f"-j{options.jobs}")
    arms = ["alone", "watched", *(["local"] if options.local else [])]
    with tempfile.TemporaryDirectory() as folder:
        measured = _measure(arms, build, Path(folder), options.package, options.rounds)
    report = _report(measured, build, options.rounds)
    _show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


def _measure(arms: list[str], build: str, folder: Path, name: str, rounds: int) -> dict[str, list[tuple[float, ...]]]:
    """Whole seconds, CPU seconds and the build's own seconds of every run; the first round warms up and is not kept."""
    package = next(one for one in PACKAGES if one.name == name)
    measured: dict[str, list[tuple[float, ...]]] = {arm: [] for arm in arms}
    for round_ in range(rounds + 1):
        order = arms if round_ % 2 else list(reversed(arms))
        for arm in order:
            tree = unpack(package, folder)
            figures = _run(arm, build, tree, folder)
            if round_:
                measured[arm].append(figures)
    return measured


def _run(arm: str, build: str, tree: Path, folder: Path) -> tuple[float, ...]:
    own = folder / "seconds"
    own.unlink(missing_ok=True)
    command = {
        "alone": ["sh", "-c", build],
        "watched": [sys.executable, "-c", _WATCHED, str(folder / "spool"), str(own), "sh", "-c", build],
        "local": [sys.executable, "-m", "buildcast", "run", "--local", "--state", str(folder / "state"), "--",
                  "sh", "-c", build],
    }[arm]  # fmt: skip
    environment = {"CC": "gcc", **os.environ, "PYTHONPATH": str(Path.cwd())}
    before, began = _children_cpu(), time.perf_counter()
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, check=False)
    whole = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit(f"{arm}: the build ended with {done.returncode}: {done.stderr.decode()[-400:]}")
    return whole, _children_cpu() - before, float(own.read_text()) if own.exists() else whole


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _report(measured: dict[str, list[tuple[float, ...]]], build: str, rounds: int) -> dict[str, object]:
    middle = {
        arm: dict(
            zip(
                ("whole", "cpu", "build"),
                (statistics.median(column) for column in zip(*runs, strict=True)),
                strict=True,
            )
        )
        for arm, runs in measured.items()
    }
    alone = middle["alone"]
    overhead = {
        arm: {name: figures[name] / alone[name] - 1 for name in figures}
        for arm, figures in middle.items()
        if arm != "alone"
    }
    spread = statistics.pstdev([run[0] for run in measured["alone"]]) / alone["whole"]
    return {
        "build": build,
        "rounds": rounds,
        "cpus": os.cpu_count(),
        "median_seconds": middle,
        "overhead_ratio": overhead,
        "spread_alone_ratio": spread,
    }


def _show(report: dict[str, object]) -> None:
    print(f"{report['build']} · {report['rounds']} rounds in turns · {report['cpus']} CPUs")
    for arm, figures in report["median_seconds"].items():  # type: ignore[attr-defined]
        print(
            f"  {arm:8s} whole {figures['whole']:7.3f} s   cpu {figures['cpu']:7.3f} s   "
            f"build {figures['build']:7.3f} s"
        )
    for arm, ratios in report["overhead_ratio"].items():  # type: ignore[attr-defined]
        print(f"  {arm}: " + "   ".join(f"{name} {ratio:+.2%}" for name, ratio in ratios.items()))
    print(f"  spread of `alone` (standard deviation): {report['spread_alone_ratio']:.2%}; goal: build below +1 %")


if __name__ == "__main__":
    main()

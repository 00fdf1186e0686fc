"""What watching costs a real compile: the same build alone and under `buildcast run`, in turns, medians and ratios.

    python -m bench.wrapper [--package bash] [--rounds 3] [--jobs 2] [--arms away,broker,local] [--json FILE]

Arms: `alone`; `away` (spool, fsynced, and no broker); `broker` (a real broker, on this machine too: its own CPU counts
in no figure but slows the wall clock); `local` (`--local`: models and database in the same process). Of each run:
`whole`, seconds from start to exit; `build`, the build's own; `cpu`, CPU seconds of everything in it; `own`, of these
what was not the build's. Ratios to `alone` compare medians; `own_cpu_ratio` is own to the build's CPU within the same
run, so that other work on the machine hardly moves it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.packages import PACKAGES, Package, unpack

__all__ = ["main"]

# A minute of CPU, as a package of a distribution takes; the others are short, where starting Python counts for more.
_TYPICAL = Package("bash", "./configure --without-bash-malloc && {make}", ".")
_LONG = Package("perl", "sh Configure -des >/dev/null && {make}", ".")  # minutes, as the larger packages take
_KNOWN = {package.name: package for package in (_TYPICAL, _LONG, *PACKAGES)}
_ARMS = ("away", "broker", "local")
_NOBODY = "127.0.0.1:9"
# As `buildcast run` does it, command line and all; what the build itself took is written down beside.
_WATCHED = """
import sys
from pathlib import Path
import buildcast.__main__
from buildcast.runner import run_here
result = run_here(sys.argv[4:], Path(sys.argv[1]), local=sys.argv[3] == "local", summary=False)
Path(sys.argv[2]).write_text(f"{result.seconds} {result.cpu_seconds}")
sys.exit(result.exit_code)
"""


@dataclass(frozen=True)
class Figures:
    """Seconds of one run; `own` is CPU that was not the build's."""

    whole: float
    build: float
    cpu: float
    own: float


def main() -> None:
    """Measure, print a table, write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", default=_TYPICAL.name, choices=_KNOWN)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--arms", default="away,broker", help=f"of {', '.join(_ARMS)}")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    package = _KNOWN[options.package]
    build = package.build.replace("{make}", f"make -j{options.jobs}").replace("{ninja}", f"-j{options.jobs}")
    arms = options.arms.split(",")
    if wrong := set(arms) - set(_ARMS):
        parser.error(f"no such arm: {', '.join(sorted(wrong))}")
    with tempfile.TemporaryDirectory() as folder, _broker(arms, Path(folder)) as bootstrap:
        measured = _measure(["alone", *arms], build, Path(folder), package, options.rounds, bootstrap)
    report = _report(measured, package, build)
    _show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


@contextlib.contextmanager
def _broker(arms: Sequence[str], folder: Path) -> Iterator[str]:
    """A real broker with the topics, where an arm wants one."""
    if "broker" not in arms:
        yield _NOBODY
        return
    import asyncio

    from agents.admin import create_topics
    from agents.broker import KafkaBroker

    with KafkaBroker(folder / "kafka") as broker:
        asyncio.run(create_topics(broker.bootstrap))
        yield broker.bootstrap


def _measure(
    arms: Sequence[str], build: str, folder: Path, package: Package, rounds: int, bootstrap: str
) -> dict[str, list[Figures]]:
    """Every arm in every round, in turning order."""
    measured: dict[str, list[Figures]] = {arm: [] for arm in arms}
    for round_ in range(rounds):
        for arm in arms if round_ % 2 else list(reversed(arms)):
            figures = _run(arm, build, unpack(package, folder), folder, bootstrap if arm == "broker" else _NOBODY)
            print(f"round {round_ + 1} {arm}: {figures}", file=sys.stderr, flush=True)
            measured[arm].append(figures)
    return measured


def _run(arm: str, build: str, tree: Path, folder: Path, bootstrap: str) -> Figures:
    said, state = folder / "said", folder / f"state-{arm}"
    command = ["sh", "-c", build]
    if arm != "alone":
        command = [sys.executable, "-c", _WATCHED, str(state), str(said), arm, *command]
    root = str(Path(__file__).resolve().parent.parent)
    environment = {"CC": "gcc", **os.environ, "PYTHONPATH": root, "BUILDCAST_BOOTSTRAP": bootstrap}
    before, began = _children_cpu(), time.perf_counter()
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, check=False)
    whole, cpu = time.perf_counter() - began, _children_cpu() - before
    if done.returncode != 0:
        raise SystemExit(f"{arm}: the build ended with {done.returncode}: {done.stderr.decode()[-400:]}")
    if arm == "alone":
        return Figures(whole, whole, cpu, 0.0)
    seconds, build_cpu = map(float, said.read_text().split())
    return Figures(whole, seconds, cpu, cpu - build_cpu)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _report(measured: dict[str, list[Figures]], package: Package, build: str) -> dict[str, object]:
    middle = {
        arm: {name: statistics.median(getattr(run, name) for run in runs) for name in ("whole", "build", "cpu", "own")}
        for arm, runs in measured.items()
    }
    alone = middle["alone"]
    overhead = {
        arm: {name: figures[name] / alone[name] - 1 for name in ("whole", "build", "cpu")}
        | {"own_cpu_ratio": statistics.median(run.own / (run.cpu - run.own) for run in measured[arm])}
        for arm, figures in middle.items()
        if arm != "alone"
    }
    return {
        "package": package.name,
        "build": build,
        "rounds": len(measured["alone"]),
        "cpus": os.cpu_count(),
        "load_1_minute": os.getloadavg()[0],
        "median_seconds": middle,
        "overhead": overhead,
        "spread_of_alone_ratio": statistics.pstdev([run.whole for run in measured["alone"]]) / alone["whole"],
    }


def _show(report: dict[str, object]) -> None:
    print(
        f"{report['package']}: {report['build']} · {report['rounds']} rounds in turns · {report['cpus']} CPUs, "
        f"load at the end {report['load_1_minute']:.1f}"
    )
    for arm, figures in report["median_seconds"].items():  # type: ignore[attr-defined]
        print(f"  {arm:8s}" + "".join(f"   {name} {seconds:8.3f} s" for name, seconds in figures.items()))
    for arm, ratios in report["overhead"].items():  # type: ignore[attr-defined]
        print(f"  {arm:8s}" + "".join(f"   {name} {ratio:+.2%}" for name, ratio in ratios.items()))
    print(f"  `alone` spreads by {report['spread_of_alone_ratio']:.2%}; goal: own_cpu_ratio below 1 %")


if __name__ == "__main__":
    main()

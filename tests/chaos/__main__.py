"""`python -m tests.chaos`: the fault runs, their seeds printed, the table of docs/reliability.md written.

`--short` takes minutes, the default the figures of the promises; `--only T3` one run; `--seed N` repeats a failed one.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from tests.chaos import fuzz, snapshots, trials

Trial = Callable[[Path, int], Coroutine[Any, Any, trials.Result]]
LONG: dict[str, Trial] = {
    "T1": lambda folder, seed: trials.chaos(
        folder, seed, events=100_000, worker_kills=30, broker_kills=5, database_kills=3, sink_kills=10, down=60.0,
        pause=(2.0, 8.0),
    ),
    "T2": trials.worker_kills,
    "T3": trials.sink_kills,
    "T4": trials.database_down,
    "T8": trials.shuffled_twice,
    "T9": trials.poison,
    "T10": lambda folder, seed: fuzz.trial(folder, seed, examples=10_000),
    "T13": snapshots.bad_snapshots,
    "T21": trials.soak,
    "T22": lambda folder, seed: trials.swelling(folder, seed, rounds=15),
}  # fmt: skip
SHORT: dict[str, Trial] = {
    "T1": lambda folder, seed: trials.chaos(folder, seed, events=1500, worker_kills=2, sink_kills=1, rate=250.0),
    "T2": lambda folder, seed: trials.worker_kills(folder, seed, kills=2, session=3.0, rate=50.0),
    "T3": lambda folder, seed: trials.sink_kills(folder, seed, kills=3),
    "T4": lambda folder, seed: trials.database_down(folder, seed, seconds=15.0),
    "T8": lambda folder, seed: trials.shuffled_twice(folder, seed, events=300),
    "T9": lambda folder, seed: trials.poison(folder, seed, events=300),
    "T10": lambda folder, seed: fuzz.trial(folder, seed, examples=1000),
    "T13": lambda folder, seed: snapshots.bad_snapshots(folder, seed, events=600),
    "T22": lambda folder, seed: trials.swelling(folder, seed, rounds=1, every=10.0, rate=50.0),
}
REPORT = Path(__file__).parents[2] / "docs/reliability.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", nargs="*", choices=sorted(LONG))
    parser.add_argument("--seed", type=int, default=20_261_124)
    parser.add_argument("--report", type=Path, default=REPORT)
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a killed broker is what is wanted
    table = SHORT if given.short else LONG
    results: list[trials.Result] = []
    for name in table:
        if not given.only or name in given.only:
            results.append(_one(name, table[name], given.seed))
            given.report.write_text(_page(results, given.short))
    return 1 if any(result.broken for result in results) else 0


def _one(name: str, trial: Trial, seed: int) -> trials.Result:
    print(f"{name} seed {seed} ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        try:
            result = asyncio.run(trial(Path(folder), seed))
        except Exception as error:  # a trial that cannot run is reported as broken, the others go on
            result = trials.Result(name, seed, "did not run", broken=[repr(error)[:200]])
    print(f"  {result.figures} {'; '.join(result.broken) or 'holds'}", file=sys.stderr, flush=True)
    return result


def _page(results: list[trials.Result], short: bool) -> str:
    rows = [f"| {r.name} | {r.setup} | {r.seed} | {_figures(r)} | {'; '.join(r.broken) or 'yes'} |" for r in results]
    form = "short forms" if short else "long forms"
    return "\n".join(
        [
            "# Reliability, measured", "",
            f"Made by `python -m tests.chaos{' --short' if short else ''}` ({form}) on {os.cpu_count()} cores, "
            f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, real Kafka and MariaDB.",
            "A checker that knows only what was acknowledged, the topics and the database compares: acknowledged ids",
            "are rows, no duplicate, no phantom; dead letters are exactly the poison; each run is learned once; every",
            "forecast that was ever served, also by states that a crash has lost, is made again from the topics",
            "alone to the last digit (`replayed`; `states`: partitions opened, `rebuilt`: from the log instead of a",
            "snapshot), and none is missing. A failed run is repeated by its seed.",
            "", "| run | set-up | seed | figures | holds |", "|---|---|---|---|---|", *rows, "",
        ]
    )  # fmt: skip


def _figures(result: trials.Result) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in result.figures.items())


if __name__ == "__main__":
    sys.exit(main())

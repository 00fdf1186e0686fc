"""`python -m tests.chaos`: the fault runs, their seeds printed, the table of docs/reliability.md written.

`--short` takes minutes, the default an hour, `--full` has the figures of the promises; `--only T3 T4` some of the
runs; `--seed N` repeats a failed one.
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

from tests.chaos import clocks, fuzz, guards, host, lasting, snapshots, trials

Trial = Callable[[Path, int], Coroutine[Any, Any, trials.Result]]
SHORT: dict[str, Trial] = {
    "T1": lambda folder, seed: trials.chaos(
        folder, seed, events=2500, worker_kills=2, sink_kills=1, rate=120.0, pause=(2.0, 5.0)
    ),
    "T2": lambda folder, seed: trials.worker_kills(folder, seed, kills=2, session=3.0, rate=50.0),
    "T3": lambda folder, seed: trials.sink_kills(folder, seed, kills=3),
    "T4": lambda folder, seed: lasting.database_down(folder, seed, seconds=15.0),
    "T5": lambda folder, seed: host.broker_away(folder, seed, seconds=20.0),
    "T6": lambda folder, seed: guards.spool_cap(folder, seed, events=5_000, cap=1_000_000),
    "T7": lambda folder, seed: host.killed_writers(folder, seed, kills=16),
    "T8": lambda folder, seed: trials.shuffled_twice(folder, seed, events=300),
    "T9": lambda folder, seed: trials.poison(folder, seed, events=300),
    "T10": lambda folder, seed: fuzz.trial(folder, seed, examples=1000),
    "T11": lambda folder, seed: clocks.wrong_clocks(folder, seed, events=500),
    "T13": lambda folder, seed: snapshots.bad_snapshots(folder, seed, events=600),
    "T16": guards.planted_secrets,
    "T17": lambda folder, seed: guards.hostile_repository(folder, seed, megabytes=100),
    "T18": guards.hostile_addresses,
    "T21": lambda folder, seed: lasting.soak(folder, seed, seconds=60.0, rate=200.0, filled=0),
    "T22": lambda folder, seed: lasting.swelling(folder, seed, rounds=1, every=10.0, rate=50.0),
    "T24": lambda folder, seed: host.behaviours(folder, seed, children=40),
}
LONG: dict[str, Trial] = {
    "T1": lambda folder, seed: trials.chaos(
        folder, seed, events=40_000, worker_kills=30, broker_kills=5, database_kills=3, sink_kills=5, down=20.0,
        pause=(2.0, 6.0),
    ),
    "T2": lambda folder, seed: trials.worker_kills(folder, seed, kills=12),
    "T3": lambda folder, seed: trials.sink_kills(folder, seed, kills=25),
    "T4": lambda folder, seed: lasting.database_down(folder, seed, seconds=120.0),
    "T5": lambda folder, seed: host.broker_away(folder, seed, seconds=120.0),
    "T6": lambda folder, seed: guards.spool_cap(folder, seed, events=30_000, cap=3_000_000),
    "T7": host.killed_writers,
    "T8": trials.shuffled_twice,
    "T9": trials.poison,
    "T10": lambda folder, seed: fuzz.trial(folder, seed, examples=10_000),
    "T11": clocks.wrong_clocks,
    "T13": snapshots.bad_snapshots,
    "T16": guards.planted_secrets,
    "T17": guards.hostile_repository,
    "T18": guards.hostile_addresses,
    "T21": lambda folder, seed: lasting.soak(folder, seed, seconds=480.0, rate=300.0),
    "T22": lambda folder, seed: lasting.swelling(folder, seed, rounds=6),
    "T24": lambda folder, seed: host.behaviours(folder, seed, children=300),
}  # fmt: skip
FULL: dict[str, Trial] = {
    **LONG,
    "T1": lambda folder, seed: trials.chaos(
        folder, seed, events=100_000, worker_kills=30, broker_kills=5, database_kills=3, sink_kills=10, down=60.0,
        pause=(2.0, 8.0),
    ),
    "T2": trials.worker_kills,
    "T3": trials.sink_kills,
    "T4": lasting.database_down,
    "T5": host.broker_away,
    "T6": guards.spool_cap,
    "T21": lasting.soak,
    "T22": lambda folder, seed: lasting.swelling(folder, seed, rounds=15),
    "T24": host.behaviours,
}  # fmt: skip
FORMS = {"short": (SHORT, 240.0), "long": (LONG, 1200.0), "full": (FULL, 2400.0)}  # trials, and most seconds of each
REPORT = Path(__file__).parents[2] / "docs/reliability.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    form = parser.add_mutually_exclusive_group()
    for name in ("short", "full"):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, default="long")
    parser.add_argument("--only", nargs="*", choices=list(LONG))
    parser.add_argument("--seed", type=int, default=20_261_124)
    parser.add_argument("--report", type=Path, default=REPORT)
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a killed broker is what is wanted
    table, limit = FORMS[given.form]
    results: list[trials.Result] = []
    for name in given.only or table:
        results.append(_one(name, table[name], given.seed, limit))
        given.report.write_text(_page(results, given.form))
    return 1 if any(result.broken for result in results) else 0


def _one(name: str, trial: Trial, seed: int, limit: float) -> trials.Result:
    print(f"{name} seed {seed} ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        try:
            result = asyncio.run(asyncio.wait_for(trial(Path(folder), seed), limit))
        except TimeoutError as error:
            result = trials.Result(name, seed, "did not end", broken=[str(error) or f"not within {limit:.0f} s"])
        except Exception as error:  # a trial that cannot run is reported as broken, the others go on
            result = trials.Result(name, seed, "did not run", broken=[repr(error)[:200]])
    print(f"  {result.figures} {'; '.join(result.broken) or 'holds'}", file=sys.stderr, flush=True)
    return result


def _page(results: list[trials.Result], form: str) -> str:
    rows = [f"| {r.name} | {r.setup} | {r.seed} | {_figures(r)} | {'; '.join(r.broken) or 'yes'} |" for r in results]
    command = "python -m tests.chaos" + ("" if form == "long" else f" --{form}")
    return "\n".join(
        [
            "# Reliability, measured", "",
            f"Made by `{command}` (the {form} forms) on {os.cpu_count()} cores, {platform.system()} "
            f"{platform.machine()}, Python {platform.python_version()},",
            f"real Kafka and MariaDB; load of the machine at the end: {os.getloadavg()[0]:.1f}.", "",
            "A checker that knows only what was acknowledged, the topics and the database compares: acknowledged ids",
            "are rows, no duplicate, no phantom; dead letters are exactly the poison; each run is learned once; every",
            "forecast that was ever served, also by states that a crash has lost, is made again from the topics",
            "alone to the last digit (`replayed`; `states`: partitions opened, `rebuilt`: from the log instead of a",
            "snapshot), and none is missing. A failed run is repeated by its seed. T21 checks rows, not forecasts.", "",
            "`--short` takes minutes, the default an hour, `--full` two hours: it has the figures promised.", "",
            "| run | set-up | seed | figures | holds |", "|---|---|---|---|---|", *rows, "",
        ]
    )  # fmt: skip


def _figures(result: trials.Result) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in result.figures.items())


if __name__ == "__main__":
    sys.exit(main())

"""How fast and how large the failure-risk fold is: a history through the features and members, labels late.

    python -m bench.fold [--limit N] [--full] [--history FILE]

Prints one table and, with --json FILE, writes it. Times are of the
processor, not of the wall. Memory is the process's resident set, read at even steps.
"""

from __future__ import annotations

import argparse
import heapq
import json
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.travis import data_folder
from models.records.ci import Record, read
from models.risk import RiskConfig, RiskModel
from models.scoring import auc, log_loss
from streams.events import ExampleRecorded

__all__ = ["measure"]

_STEP = 100_000


def main() -> None:
    """Read the arguments, fold, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--history", type=Path, default=data_folder() / "travis2021-all" / "builds_all.csv.gz")
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--full", action="store_true", help="the whole ensemble instead of the fast one")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    if not options.history.exists():
        raise SystemExit(f"{options.history} is missing: set BUILDCAST_DATA to the folder of the histories")
    result = measure(read(options.history, "travis")[: options.limit], RiskConfig(fast=not options.full))
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def measure(records: list[Record], config: RiskConfig) -> dict[str, Any]:
    """Fold all records; rate, AUC, mean cost of a score and a lesson, peak memory and its growth."""
    model, began = RiskModel(config), time.process_time()
    base = _peak_mib()
    risks, labels, spent = np.zeros(len(records)), np.zeros(len(records)), [0.0, 0.0]
    late: list[tuple[float, int, ExampleRecorded]] = []
    memory = []
    for number, record in enumerate(records):
        while late and late[0][0] <= record.started_at:
            _learn(model, heapq.heappop(late)[2], spent)
        at = time.process_time()
        prior = model.describe(record.run, record.started_at)
        risks[number], labels[number] = model.risk(prior), record.failed
        spent[0] += time.process_time() - at
        model.open(record.run, record.started_at, prior)
        example = ExampleRecorded(
            id=record.run.run_id, source="/bench", time=record.known_at, run=record.run,
            outcome="failure" if record.failed else "success", started_at=record.started_at,
            seconds=record.seconds, error_class=record.error_class, prior=prior,
        )  # fmt: skip
        heapq.heappush(late, (record.known_at, number, example))
        if number % _STEP == _STEP - 1:
            memory.append(_peak_mib())
    seconds = time.process_time() - began
    return {
        "builds": len(records),
        "members": list(config.chosen),
        "seconds": seconds,
        "folds_per_second": len(records) / seconds,
        "score_us": 1e6 * spent[0] / len(records),
        "learn_us": 1e6 * spent[1] / max(1, model.labels),
        "pooled_auc": auc(risks, labels),
        "log_loss": log_loss(risks, labels),
        "records_mib": base,
        "peak_mib": _peak_mib(),
        "peak_mib_by_100k": memory,
        "evicted": model.history.evicted(),
    }


def _learn(model: RiskModel, example: ExampleRecorded, spent: list[float]) -> None:
    at = time.process_time()
    model.learn(example)
    spent[1] += time.process_time() - at


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


if __name__ == "__main__":
    main()

"""How fast and how large the failure-risk fold is: a history through the features and members, labels late.

    python -m bench.fold [--limit N] [--compare N] [--history FILE]

A fold is describe, risk, open and learn of one build. The fast ensemble folds the whole history (or --limit builds);
on the first --compare builds it is held against the full one. Prints; a whole history also writes
.cache/bench/fold.json. Times are of the processor, not of the wall, without reading the file. Memory is the process's
resident set at even steps; it includes 9 bytes a build for the figures themselves.
"""

from __future__ import annotations

import argparse
import csv
import heapq
import json
import time
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bench.travis import data_folder
from models.records.ci import FORMATS, Record
from models.risk import RiskConfig, RiskModel
from models.scoring import auc, calibration_error, log_loss, mean_auc
from streams.events import ExampleRecorded

__all__ = ["dev_projects", "measure"]

_STEP = 100_000
_TARGET = Path(".cache/bench/fold.json")


def main() -> None:
    """Read the arguments, fold, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--history", type=Path, default=data_folder() / "travis2021-all" / "builds_all.csv.gz")
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--compare", type=int, default=100_000, help="builds that the full ensemble folds too; 0: none")
    options = parser.parse_args()
    if not options.history.exists():
        raise SystemExit(f"{options.history} is missing: set BUILDCAST_DATA to the folder of the histories")
    result = {}
    for name, fast, limit in (
        ("full", False, options.compare),
        ("fast_same", True, options.compare),
        ("fast", True, options.limit),
    ):
        if limit != 0:
            # Travis files are sorted by start; they are read as they are folded, so that memory is the model's.
            records = islice(FORMATS["travis"](options.history), limit)
            result[name] = measure(records, RiskConfig(fast=fast), dev_projects())
            print(name, json.dumps(result[name]), flush=True)
    if options.limit is not None:
        return
    _TARGET.parent.mkdir(parents=True, exist_ok=True)
    _TARGET.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


@dataclass
class _Tally:
    """Risks and labels in the order in which outcomes became known; seconds of processor time by part."""

    risks: array[float] = field(default_factory=lambda: array("d"))
    labels: array[int] = field(default_factory=lambda: array("b"))
    listed: dict[int, str] = field(default_factory=dict)  # place: project, of those asked for
    scoring: float = 0.0
    opening: float = 0.0
    learning: float = 0.0
    resident: list[float] = field(default_factory=list)


def dev_projects() -> frozenset[str]:
    """The 60 projects of travis2021-dev: how well a model that all projects share serves them."""
    with (data_folder() / "travis2021-dev" / "projects.csv").open(newline="") as file:
        return frozenset(row["project"] for row in csv.DictReader(file))


def measure(records: Iterable[Record], config: RiskConfig, listed: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Fold all records; rate, AUC (also of the `listed` projects), mean cost of each part, memory by 100,000 builds."""
    model, tally, process = RiskModel(config), _Tally(), psutil.Process()
    late: list[tuple[float, int, float, ExampleRecorded]] = []
    for number, record in enumerate(records, 1):
        while late and late[0][0] <= record.started_at:
            _learn(model, heapq.heappop(late), tally, listed)
        began = time.process_time()
        prior = model.describe(record.run, record.started_at)
        risk = model.risk(prior)
        scored = time.process_time()
        model.open(record.run, record.started_at, prior)
        tally.opening += time.process_time() - scored
        tally.scoring += scored - began
        known_at = max(record.known_at, record.started_at)
        example = ExampleRecorded(
            id=record.run.run_id, source="/bench", time=known_at, run=record.run,
            outcome="failure" if record.failed else "success", started_at=record.started_at,
            seconds=record.seconds, error_class=record.error_class, prior=prior,
        )  # fmt: skip
        heapq.heappush(late, (known_at, number, risk, example))
        if number % _STEP == 0:
            tally.resident.append(process.memory_info().rss / 2**20)
    while late:
        _learn(model, heapq.heappop(late), tally, listed)
    tally.resident.append(process.memory_info().rss / 2**20)
    return _figures(model, tally)


def _learn(
    model: RiskModel, due: tuple[float, int, float, ExampleRecorded], tally: _Tally, listed: frozenset[str]
) -> None:
    _, _, risk, example = due
    began = time.process_time()
    model.learn(example)
    tally.learning += time.process_time() - began
    if example.run.project in listed:
        tally.listed[len(tally.risks)] = example.run.project
    tally.risks.append(risk)
    tally.labels.append(int(example.outcome != "success"))


def _figures(model: RiskModel, tally: _Tally) -> dict[str, Any]:
    risks, labels = np.array(tally.risks), np.array(tally.labels, dtype=float)
    count, seconds = max(1, len(risks)), tally.scoring + tally.opening + tally.learning
    return {
        "builds": len(risks),
        "members": list(model.config.chosen),
        "seconds": seconds,
        "folds_per_second": count / seconds,
        "score_us": 1e6 * tally.scoring / count,
        "open_us": 1e6 * tally.opening / count,
        "learn_us": 1e6 * tally.learning / count,
        "pooled_auc": auc(risks, labels),
        "log_loss": log_loss(risks, labels),
        "ece": calibration_error(risks, labels),
        "resident_mib": [round(each, 1) for each in tally.resident],
        "listed": _listed(tally, risks, labels),
        "evicted": model.history.evicted(),
    }


def _listed(tally: _Tally, risks: Any, labels: Any) -> dict[str, Any]:
    places = np.array(list(tally.listed), dtype=int)
    if not len(places):
        return {"builds": 0}
    own, known = risks[places], labels[places]
    return {
        "builds": len(places),
        "pooled_auc": auc(own, known),
        "mean_auc": mean_auc(list(tally.listed.values()), own, known),
        "log_loss": log_loss(own, known),
        "ece": calibration_error(own, known),
    }


if __name__ == "__main__":
    main()

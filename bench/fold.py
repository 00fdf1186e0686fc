"""How fast and how large the failure-risk fold is: a history through the features and members, labels late.

    python -m bench.fold [--limit N] [--compare N] [--history FILE] [--shared]

A fold is describe, risk, open and learn of one build. The fast ensemble folds the whole history (or --limit builds);
on the first --compare builds it is held against the full one. With --shared the full ensemble folds the whole history
instead (a quarter of an hour): what a model that all projects share is worth to the listed ones. Prints; a whole
history also writes .cache/bench/fold.json. Times are of the processor, not of the wall, without reading the file.
Memory is the process's resident set at even steps; risks and labels wait in a temporary file until it has been read.
"""

from __future__ import annotations

import argparse
import heapq
import json
import struct
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import psutil

from agents.heap import large_blocks_apart
from bench.travis import data_folder, dev_projects
from models.records.ci import FORMATS, Record
from models.risk import RiskConfig, RiskModel
from models.scoring import auc, calibration_error, log_loss, mean_auc
from streams.events import ExampleRecorded

__all__ = ["measure"]

_STEP = 100_000
_TOLD = struct.Struct("<d?h")
_TARGET = Path(".cache/bench/fold.json")


def main() -> None:
    """Read the arguments, fold, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--history", type=Path, default=data_folder() / "travis2021-all" / "builds_all.csv.gz")
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--compare", type=int, default=100_000, help="builds that the full ensemble folds too; 0: none")
    parser.add_argument("--shared", action="store_true", help="fold the whole history with the full ensemble")
    options = parser.parse_args()
    large_blocks_apart()  # as a worker does
    if not options.history.exists():
        raise SystemExit(f"{options.history} is missing: set BUILDCAST_DATA to the folder of the histories")
    plan = [("full", False, options.compare), ("fast_same", True, options.compare), ("fast", True, options.limit)]
    result = {}
    for name, fast, limit in [("shared", False, options.limit)] if options.shared else plan:
        if limit != 0:
            # Travis files are sorted by start; they are read as they are folded, so that memory is the model's.
            records = islice(FORMATS["travis"](options.history), limit)
            result[name] = measure(records, RiskConfig(fast=fast), dev_projects())
            print(name, json.dumps(result[name]), flush=True)
    if options.limit is not None:
        return
    _TARGET.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(_TARGET.read_text(encoding="utf-8")) if _TARGET.exists() else {}
    _TARGET.write_text(json.dumps(known | result, indent=1) + "\n", encoding="utf-8")


@dataclass
class _Tally:
    """Risk, label and listed project by outcome, in a file; seconds of processor time by part."""

    told: IO[bytes]
    listed: list[str]
    scoring: float = 0.0
    opening: float = 0.0
    learning: float = 0.0
    resident: list[float] = field(default_factory=list)


def measure(records: Iterable[Record], config: RiskConfig, listed: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Fold all records; rate, AUC (also of the `listed` projects), mean cost of each part, memory by 100,000 builds."""
    model, process = RiskModel(config), psutil.Process()
    with tempfile.TemporaryFile() as told:
        tally = _Tally(told, sorted(listed))
        _fold(model, records, tally, process)
        return _figures(model, tally)


def _fold(model: RiskModel, records: Iterable[Record], tally: _Tally, process: psutil.Process) -> None:
    late: list[tuple[float, int, float, ExampleRecorded]] = []
    for number, record in enumerate(records, 1):
        while late and late[0][0] <= record.started_at:
            _learn(model, heapq.heappop(late), tally)
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
        _learn(model, heapq.heappop(late), tally)
    tally.resident.append(process.memory_info().rss / 2**20)


def _learn(model: RiskModel, due: tuple[float, int, float, ExampleRecorded], tally: _Tally) -> None:
    _, _, risk, example = due
    began = time.process_time()
    model.learn(example)
    tally.learning += time.process_time() - began
    project = tally.listed.index(example.run.project) if example.run.project in tally.listed else -1
    tally.told.write(_TOLD.pack(risk, example.outcome != "success", project))


def _figures(model: RiskModel, tally: _Tally) -> dict[str, Any]:
    tally.told.seek(0)
    rows = np.frombuffer(tally.told.read(), dtype=[("risk", "<f8"), ("failed", "?"), ("project", "<i2")])
    risks, labels = rows["risk"].copy(), rows["failed"].astype(float)
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
        "listed": _listed(tally, rows["project"], risks, labels),
        "evicted": model.history.evicted(),
    }


def _listed(tally: _Tally, projects: Any, risks: Any, labels: Any) -> dict[str, Any]:
    places = projects >= 0
    if not places.any():
        return {"builds": 0}
    own, known = risks[places], labels[places]
    return {
        "builds": len(own),
        "pooled_auc": auc(own, known),
        "mean_auc": mean_auc([tally.listed[number] for number in projects[places].tolist()], own, known),
        "log_loss": log_loss(own, known),
        "ece": calibration_error(own, known),
    }


if __name__ == "__main__":
    main()

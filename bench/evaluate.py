"""`make evaluate`: every figure of docs/evaluation.md from the real histories, missed goals included.

Failure risk is replayed here from a cold start; durations by bench.duration; the bulk fold (also the shared model) by
bench.fold. What takes a machine for long is measured once and read from .cache/bench: fold.json, early.json,
left.json, ablation.json, anomaly.json; `--again` measures the fold anew.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from bench.goals import tables
from bench.lead import summary
from bench.plots import draw_coverage, draw_reliability, draw_risk_curves, draw_roc
from bench.travis import data_folder
from models.evaluation import Evaluation, replay
from models.records.ci import events_of, read
from models.scoring import auc

__all__ = ["main", "measure"]

SETS = {
    "travis2021-dev": ("travis2021-dev/builds.csv.gz", "travis"),
    "dlcibuild": ("dlcibuild", "dlci"),
    "gha-linkerd": ("gha-linkerd-jobs/jobs.json.gz", "gha"),
}
_YOUNG = 50  # builds of a project that count as its beginning
CACHE = Path(".cache/bench")
REPORT = Path("docs/evaluation.md")
PICTURES = Path("docs/pictures")


def main() -> None:
    """Measure, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--again", action="store_true", help="measure the bulk fold even if a figure is kept")
    parser.add_argument("--report", action="store_true", help="only write the report of kept figures again")
    options = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    kept = CACHE / "evaluate.json"
    figures = {"sets": json.loads(kept.read_text())["sets"]} if options.report else {"sets": replayed()}
    figures["duration"] = _kept("duration", run=True, again=not options.report)
    figures["fold"] = _fold(options.again)
    figures["early"] = _early()
    figures["left"] = _kept("left")
    figures["logs"] = _kept("logs", run=True, again=not options.report)
    figures["anomaly"] = _kept("anomaly")
    figures["ablation"] = _kept("ablation")
    kept.write_text(json.dumps(figures, indent=1) + "\n")
    REPORT.write_text(tables(figures), encoding="utf-8")


def replayed() -> dict[str, Any]:
    """Each set replayed and drawn; its figures by name."""
    figures: dict[str, Any] = {}
    found: dict[str, Evaluation] = {}
    for name, (place, format_) in SETS.items():
        path = data_folder() / place
        if not path.exists():
            raise SystemExit(f"{path} is missing: set BUILDCAST_DATA to the folder of the histories")
        began = time.perf_counter()
        found[name] = replay(events_of(read(path, format_)))
        figures[name] = measure(found[name]) | {"wall_seconds": round(time.perf_counter() - began, 1)}
        print(name, json.dumps(figures[name]), flush=True)
    draw_reliability(found, PICTURES / "reliability.svg")
    draw_roc(found, PICTURES / "roc.svg")
    timed = {name: one for name, one in found.items() if SETS[name][1] != "dlci"}
    draw_coverage(timed, PICTURES / "coverage.svg")
    return figures


def measure(found: Evaluation) -> dict[str, Any]:
    """The whole, both halves in time (by number of runs), and each project's first builds."""
    middle = len(found.runs) // 2
    young: Counter[str] = Counter()
    first = []
    for run in found.runs:
        young[run.project] += 1
        if young[run.project] <= _YOUNG and run.label is not None:
            first.append(run)
    risks = np.array([run.risk for run in first])
    return {
        "runs": len(found.runs),
        "whole": found.metrics(),
        "first_half": Evaluation(found.runs[:middle]).metrics(),
        "second_half": Evaluation(found.runs[middle:]).metrics(),
        "first_50_auc": auc(risks, np.array([float(run.label or 0) for run in first])),
    }


def _fold(again: bool) -> dict[str, Any]:
    """The bulk fold, and the full ensemble over the whole history."""
    if "shared" not in _kept("fold", run=True, again=again) or again:
        subprocess.run([sys.executable, "-m", "bench.fold", "--shared"], check=True)
    return _kept("fold")


def _early() -> dict[str, Any]:
    """The figures of the watched builds, drawn where there are any."""
    rows = _kept("early").get("rows", [])
    if rows:
        draw_risk_curves(rows, PICTURES / "risk-curves.svg")
    return summary(rows)


def _kept(name: str, run: bool = False, again: bool = False) -> dict[str, Any]:
    """The figures that bench.<name> wrote; with `run` it is run where they are not there."""
    path = CACHE / f"{name}.json"
    if run and (again or not path.exists()):
        subprocess.run([sys.executable, "-m", f"bench.{name}"], check=True)
    return dict(json.loads(path.read_text())) if path.exists() else {}


if __name__ == "__main__":
    main()

"""All contenders on one broker in turns: medians of the rounds, processor time beside wall time."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.live.task import FullTask
from bench.live.traffic import builds, fill

__all__ = ["CONTENDERS", "PEERS_PYTHON", "Missing", "alone", "measure", "run", "summary"]

PEERS_PYTHON = Path(".cache/bench/venv/bin/python")
CONTENDERS = {
    "buildcast worker": "worker",
    "bare aiokafka loop": "bare",
    "stock Faust agent": "stock_faust",
    "Quix Streams": "quix",
    "Bytewax": "bytewax_flow",
}
_IN_PEERS_VENV = {"quix": "quixstreams", "bytewax_flow": "bytewax"}
_SECONDS = 240.0


class Missing(Exception):
    """A peer that is not installed, and how it says so."""


def run(contender: str, bootstrap: str, task: str, total: int, folder: Path, *more: str) -> dict[str, Any]:
    """One contender over the filled topic; its figures."""
    python = str(_python(contender))
    name = f"{contender}-{uuid.uuid4().hex[:8]}"
    command = [python, "-m", f"bench.live.contenders.{contender}", "--bootstrap", bootstrap, "--group", name]
    command += ["--task", task, "--total", str(total), "--state", str(folder / name), *more]
    with (folder / f"{name}.log").open("w") as log:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, text=True, timeout=_SECONDS, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"seconds"')]
    if done.returncode or not lines:
        raise RuntimeError(f"{contender} ended with {done.returncode}: {(folder / f'{name}.log').read_text()[-2000:]}")
    return dict(json.loads(lines[-1]))


def _python(contender: str) -> Path:
    package = _IN_PEERS_VENV.get(contender)
    if package is None:
        return Path(sys.executable)
    if not PEERS_PYTHON.exists():
        raise Missing("its environment is not set up (`make bench`)")
    found = subprocess.run([PEERS_PYTHON, "-c", f"import {package}"], capture_output=True, text=True, check=False)
    if found.returncode:
        raise Missing(found.stderr.strip().splitlines()[-1])
    return PEERS_PYTHON.absolute()


def measure(bootstrap: str, folder: Path, sizes: dict[str, int], rounds: int) -> dict[str, Any]:
    """Each task by each contender, alternating, the order turned round every other round."""
    rows: dict[str, dict[str, list[dict[str, Any]]]] = {task: {} for task in sizes}
    missing: dict[str, str] = {}
    for task, events in sizes.items():
        for number in range(rounds):
            order = list(CONTENDERS.items())
            for name, module in order if number % 2 else reversed(order):
                try:
                    total = asyncio.run(fill(bootstrap, events))
                    found = run(module, bootstrap, task, total, folder)
                except Missing as why:
                    missing[name] = str(why)
                    continue
                rows[task].setdefault(name, []).append(found)
                _refuse_other_work(task, total, rows[task])
                print(f"  {task:5} {name:20} {found['events'] / found['seconds']:8.0f} events/s", flush=True)
    return {
        "rounds": rounds,
        "missing": missing,
        "tasks": {task: {name: summary(found) for name, found in of.items()} for task, of in rows.items()},
        "alone": alone(min(sizes.get("full", 0), 4000)),
    }


def _refuse_other_work(task: str, total: int, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Rates are compared of contenders alone that did the same: every event, and as many forecasts."""
    done = {name: (found[-1]["events"], found[-1]["forecasts"]) for name, found in rows.items()}
    if len(set(done.values())) > 1 or any(events != total for events, _ in done.values()):
        raise RuntimeError(f"{task}: events and forecasts differ, of {total}: {done}")


def summary(found: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Medians of one contender's rounds; every rate is kept."""
    found = list(found)
    rates = [each["events"] / each["seconds"] for each in found]
    return {
        "events": found[0]["events"],
        "forecasts": found[0]["forecasts"],
        "events_per_second": statistics.median(rates),
        "cpu_us": statistics.median(1e6 * each["cpu_seconds"] / each["events"] for each in found),
        "rates": rates,
    }


def alone(events: int) -> dict[str, float]:
    """The task without any transport: processor microseconds an event, one at a time."""
    records, task = builds(events), FullTask()
    began = time.process_time()
    for record in records:
        task(0, record.key or b"", record.value, record.headers)
    return {"events": len(records), "cpu_us": 1e6 * (time.process_time() - began) / max(1, len(records))}

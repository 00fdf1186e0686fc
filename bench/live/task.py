"""What every contender does with an event, and the stopwatch that each holds: nothing here knows a framework.

`full`: decode, score with all members, learn from what follows (a framework under test folds at once what the worker
reads back from its log), encode. `empty`: one record of constant size, so that only transport is measured.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable

from models.core import Core
from models.forecaster import Forecaster
from streams import codec
from streams.events import ExampleRecorded, ForecastMade, RunOpened
from streams.topics import key_of, topic_of

__all__ = ["INPUT", "EmptyTask", "FullTask", "Stopwatch", "Task", "arguments", "task_of"]

INPUT = "build-events.v1"
_CONSTANT = b'{"risk":0.5}' * 25  # 300 bytes
Headers = list[tuple[str, bytes]]
Output = tuple[str, bytes, bytes, Headers]  # topic, key, value, headers
Task = Callable[[int, bytes, bytes, Iterable[tuple[str, bytes]]], list[Output]]


class FullTask:
    """Partition, key, value and headers of a record in; what follows from it out."""

    def __init__(self) -> None:
        self._forecaster = Forecaster()
        self._cores: dict[int, Core] = {}
        self.forecasts = 0

    def __call__(self, partition: int, key: bytes, value: bytes, headers: Iterable[tuple[str, bytes]]) -> list[Output]:
        """Score one record and learn from what it ended."""
        core = self._cores.get(partition) or self._cores.setdefault(partition, Core(self._forecaster))
        outputs = core.handle(codec.decode(value, headers))
        for output in outputs:
            if isinstance(output, RunOpened | ExampleRecorded):
                self._forecaster.fold(output)
            elif isinstance(output, ForecastMade):
                self.forecasts += 1
        return [(topic_of(each), key_of(each), codec.encode(each), codec.headers(each)) for each in outputs]


class EmptyTask:
    """One constant forecast a record."""

    def __init__(self) -> None:
        self.forecasts = 0

    def __call__(self, partition: int, key: bytes, value: bytes, headers: Iterable[tuple[str, bytes]]) -> list[Output]:
        """The constant, under the record's key."""
        self.forecasts += 1
        return [("predictions.v1", key, _CONSTANT, [])]


def task_of(name: str) -> FullTask | EmptyTask:
    """The task of that name."""
    return FullTask() if name == "full" else EmptyTask()


class Stopwatch:
    """Wall and processor seconds of this process from the first record to the last acknowledged output."""

    def __init__(self) -> None:
        self._wall = self._cpu = 0.0

    def start(self) -> None:
        """At the first record; later calls change nothing."""
        if not self._wall:
            self._cpu, self._wall = time.process_time(), time.perf_counter()

    def stop(self, events: int, forecasts: int) -> None:
        """Print what it took."""
        took = {
            "seconds": time.perf_counter() - self._wall,
            "cpu_seconds": time.process_time() - self._cpu,
            "events": events,
            "forecasts": forecasts,
        }
        print(json.dumps(took), file=sys.__stdout__, flush=True)  # a framework may have put another in its place


def arguments() -> argparse.Namespace:
    """What the driver tells a contender."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--group", required=True)
    parser.add_argument("--task", choices=("full", "empty"), required=True)
    parser.add_argument("--total", type=int, required=True, help="records in the input topic")
    parser.add_argument("--state", required=True, help="folder of the contender's own")
    parser.add_argument("--profile", help="file of cProfile figures")
    return parser.parse_args()

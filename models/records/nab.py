"""Numenta Anomaly Benchmark series: timestamp and value, with the windows in which people saw an anomaly.

Source: github.com/numenta/NAB; the windows are those of labels/combined_windows.json. Times are UTC.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from streams.errors import InvalidEvent

__all__ = ["NabSeries", "read_nab"]


@dataclass(frozen=True)
class NabSeries:
    """One series. `samples` are (seconds since the epoch, value), `windows` (first, last) seconds, both inclusive."""

    name: str
    samples: list[tuple[float, float]]
    windows: list[tuple[float, float]]

    @property
    def days(self) -> float:
        """Time from the first sample to the last."""
        return (self.samples[-1][0] - self.samples[0][0]) / 86_400.0

    def first_half(self) -> NabSeries:
        """The half before its middle sample: what may be tuned on."""
        samples = self.samples[: len(self.samples) // 2]
        return NabSeries(self.name, samples, [window for window in self.windows if window[0] <= samples[-1][0]])


def read_nab(folder: Path) -> Iterator[NabSeries]:
    """The series under data/, by name."""
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text(encoding="utf-8"))
    for path in sorted((folder / "data").glob("*/*.csv")):
        name = f"{path.parent.name}/{path.name}"
        if name not in labels:
            raise InvalidEvent("record", f"series {name} has no windows in labels/combined_windows.json")
        windows = [(_time(first), _time(last)) for first, last in labels[name]]
        yield NabSeries(name, _samples(path), windows)


def _samples(path: Path) -> list[tuple[float, float]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if not {"timestamp", "value"} <= set(reader.fieldnames or ()):
            raise InvalidEvent("record", f"series {path.name} has no columns timestamp and value")
        samples = [(_time(row["timestamp"]), _value(row["value"], path.name)) for row in reader]
    if len(samples) < 2:
        raise InvalidEvent("record", f"series {path.name} has fewer than two samples")
    return samples


def _time(text: str) -> float:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise InvalidEvent("record", f"not a time: {text!r}") from error


def _value(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise InvalidEvent("record", f"series {name} holds no number: {text!r}") from error
    if not math.isfinite(value):
        raise InvalidEvent("record", f"series {name} holds no finite number: {text!r}")
    return value
